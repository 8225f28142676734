"""The model-risk pack of a post-mortem: methods and their limits, a second computation, what changed, who signs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.language import language
from attribution.core.recipe import versions
from attribution.core.render.display import DisplayTable
from experiments.post_mortem.model_risk_tables import (
    intervals_table,
    inventory_table,
    limits_table,
    points_table,
    sign_off_table,
)
from experiments.post_mortem.second_computation import compute_again
from experiments.post_mortem.sections.appendix import fingerprints_table, settings_table
from experiments.post_mortem.words import listed, word
from experiments.report.document import Document, Section
from experiments.report.report import Report

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from experiments.post_mortem.evidence import Evidence
    from experiments.post_mortem.second_computation import SecondComputation
    from experiments.report.difference_result import ReportDifference

__all__ = ["model_risk"]

messages.register("experiments")

_LONG = 30  # rows of a table that stays open


def model_risk(report: Report, *, earlier: Report | Mapping[str, Any] | str | Path | None = None) -> Report:
    """The model-risk pack of a post-mortem, for who has to approve its use.

    It holds the inventory of the methods that the report used, each with estimand, assumptions, limits of use and how
    it was verified; the primary numbers computed a second time on a deliberately different path (see
    `experiments.post_mortem.second_computation`); every figure that changed since an earlier report; the known limits
    of use; and the fields to sign, with the names of ``[signoff]``.

    Args:
        report: The post-mortem, as `postmortem` made it.
        earlier: What its figures are compared with: an earlier report, its ``report.json``, or a file of frozen
            figures; None: nothing is compared, and the pack says so.

    Returns:
        The pack as a report of its own, in the language of the post-mortem, with the same ways out (``to_html``,
        ``to_markdown``, ``to_json``, ``to_excel``). Its table ``second_computation`` holds the numbers side by side.

    Raises:
        InputError: When the report was not made by `postmortem` in this process, so that nothing stands behind it.

    Assumptions:
        The second computation reads the outcomes as they were built; it checks the estimates and not how the outcomes
        were made from raw tables. Metrics with covariates, caps, clusters or of other kinds than rates, means and
        counts are not computed again; the pack names them.

    Verified against: tampered rows and figures, which it must not call equal; see docs/methods/model-risk.md.

    Example:
        >>> import experiments as ex
        >>> campaign = ex.simulate("default", persons=2_000, seed=7)
        >>> pack = ex.model_risk(ex.postmortem(campaign.plan, campaign))
        >>> [section.name for section in pack.document.sections]
        ['scope', 'methods', 'second', 'changes', 'limits', 'signoff']
    """
    evidence: Evidence | None = report.evidence
    if evidence is None:
        raise InputError(
            "the report has no results behind it: model_risk needs the report that postmortem() has just returned, "
            "not one that was read from a file."
        )
    with language(report.document.lang):
        second = compute_again(evidence)
        changed = None if earlier is None else _difference(earlier, report)
        document = _document(report, evidence, second, changed)
    records = {"second_computation": second._records()}  # noqa: SLF001 -- our own
    if changed is not None:
        records["changes"] = changed._records()  # noqa: SLF001 -- our own
    return Report(document=document, records=records, figures={}, recipe=report.recipe, plan=report.plan)


def _difference(earlier: Report | Mapping[str, Any] | str | Path, report: Report) -> ReportDifference:
    from experiments.report.difference import diff_reports

    return diff_reports(earlier, report)


def _document(
    report: Report, evidence: Evidence, second: SecondComputation, changed: ReportDifference | None
) -> Document:
    whole = report.document
    return Document(
        lang=whole.lang,
        title=word("risk.title", campaign=whole.title),
        facts=whole.facts,
        trust=whole.trust,
        trust_line=whole.trust_line,
        decisions=whole.decisions,
        unknown=whole.unknown,
        flag=whole.flag,
        refusal=whole.refusal,
        figures=(),
        figures_title="",
        figures_subtitle="",
        figures_caption="",
        sections=(
            _scope(evidence),
            _methods(evidence),
            _second(second, whole.flag),
            _changes(changed),
            _limits(report, evidence),
            _signoff(evidence),
        ),
        findings=whole.findings,
        gates=whole.gates,
        manifest=[(name, text) for name, text in versions().items()],
        words=whole.words,
    )


def _section(name: str, answer: str, **parts: Any) -> Section:
    return Section(
        name=name, title=word(f"risk.{name}.title"), question=word(f"risk.{name}.question"), answer=answer, **parts
    )


def _scope(evidence: Evidence) -> Section:
    recipes = list(evidence.recipes().items())
    return _section(
        "scope",
        word("risk.scope.answer", methods=len(recipes)),
        tables=(fingerprints_table(evidence.plan, recipes),),
        paragraphs=(word("risk.scope.use"), word("risk.scope.not")),
        folded=(settings_table(recipes),),
    )


def _methods(evidence: Evidence) -> Section:
    recipes = evidence.recipes()
    declined = [f"{name} ({error.code})" for name, error in evidence.declined.items()]
    said = (word("risk.methods.declined", names=listed(declined)),) if declined else ()
    return _section(
        "methods",
        word("risk.methods.answer"),
        tables=tuple(inventory_table(name, recipe) for name, recipe in recipes.items()),
        paragraphs=said,
    )


def _second(second: SecondComputation, flag: str) -> Section:
    """What the second computation says; without a trial there is nothing to compute."""
    if not second.figures:
        return _section("second", word("risk.second.none"))
    again = [figure for figure in second.figures if figure.agrees is not None]
    wrong = len(second.disagreeing)
    if not again:
        answer = word("risk.second.not_done")
    elif wrong:
        answer = word("risk.second.disagrees", wrong=wrong, figures=len(again))
    else:
        answer = word("risk.second.agrees", figures=len(again))
    left = dict.fromkeys(figure.reason for figure in second.figures if figure.reason)
    return _section(
        "second",
        answer,
        tables=(points_table(second), intervals_table(second)),
        paragraphs=(
            word("risk.second.path"),
            word("risk.second.intervals"),
            *(word(f"risk.second.{reason}") for reason in left),
        ),
        flag=flag,
    )


def _changes(changed: ReportDifference | None) -> Section:
    if changed is None:
        return _section("changes", word("risk.changes.nothing"))
    display = changed._display()  # noqa: SLF001 -- our own
    tables = tuple(block for block in display.blocks if isinstance(block, DisplayTable))
    said = tuple(block for block in display.blocks if isinstance(block, str))
    return _section(
        "changes",
        word("risk.changes.same") if changed.same else word("risk.changes.changed", changes=len(changed.changes)),
        tables=tuple(table for table in tables if len(table.rows) <= _LONG),
        folded=tuple(table for table in tables if len(table.rows) > _LONG),
        paragraphs=said,
    )


def _limits(report: Report, evidence: Evidence) -> Section:
    declared = None if evidence.plan.signoff is None else evidence.plan.signoff.limits
    warned = [found for found in report.document.findings if found.status in ("fail", "warn", "unknown")]
    general = [word(f"risk.limits.{number}") for number in range(1, 7)]
    own = [word("risk.limits.declared", text=declared)] if declared else [word("risk.limits.undeclared")]
    return _section(
        "limits",
        word("risk.limits.answer", findings=len(warned)),
        tables=(limits_table(warned),) if warned else (),
        paragraphs=(*own, *general),
    )


def _signoff(evidence: Evidence) -> Section:
    signed = evidence.plan.signoff
    answer = word("risk.signoff.open" if signed is None or signed.approved_on is None else "risk.signoff.declared")
    return _section("signoff", answer, tables=(sign_off_table(signed),), paragraphs=(word("risk.signoff.note"),))
