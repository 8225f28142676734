"""The page of a programme: the post-mortems of several campaigns added up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attribution.core.errors import DesignError, InputError
from attribution.core.formats import format_value
from attribution.core.language import check_language, language
from attribution.core.recipe import versions
from experiments.post_mortem.gates import by_severity
from experiments.post_mortem.programme.hidden import shown_audiences, shown_contacts
from experiments.post_mortem.programme.members import members_of
from experiments.post_mortem.programme.sections import Programmed, programme_sections
from experiments.post_mortem.words import furniture, word
from experiments.programmes.programme import programme
from experiments.report.document import Document
from experiments.report.report import Report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, timedelta
    from pathlib import Path

    from experiments.plan import Plan
    from experiments.programmes.result import Programme

__all__ = ["programme_report"]


def programme_report(  # noqa: PLR0913 -- what a page over several plans can be asked
    plans: Sequence[Plan | Mapping[str, Any] | str | Path],
    *,
    data: Sequence[object] | None = None,
    title: str | None = None,
    as_of: date | None = None,
    expires_after: str | timedelta = "365d",
    level: float = 0.95,
    lang: str = "en",
) -> Report:
    """One page over several post-mortems: what the campaigns brought together, and which verdicts still stand.

    A woken customer is worth the threshold that leads the campaign's decisions (the declared one, else the middle
    one); without thresholds the realised margin of [money] counts. Campaigns without a randomised control, with a
    failing check, with clusters or without a value are named and do not count.

    Args:
        plans: The plans, as `postmortem` takes them.
        data: The tables of each plan, in the same order; None reads the files that the plans name.
        title: Heading of the page.
        as_of: The day on which verdicts are looked at; that of the latest campaign by default.
        expires_after: Age beyond which a verdict has expired.
        level: Level of the intervals.
        lang: "en" or "zh".

    Returns:
        A report with the ways out of every report.

    Raises:
        PlanError: A plan is unusable.
        TableError: Tables are unusable.
        DesignError: NO_HOLDOUT when no campaign can be counted.
        InputError: Two campaigns of one name, or a title that is no text.

    Example:
        >>> import experiments as ex
        >>> made = [ex.simulate("default", persons=2_000, seed=seed) for seed in (1, 2)]
        >>> plans = [campaign.plan | {"campaign": campaign.plan["campaign"] | {"name": f"wave {number}"}}
        ...          for number, campaign in enumerate(made, start=1)]
        >>> page = ex.programme_report(plans, data=made)
        >>> [section.name for section in page.document.sections][:3]
        ['programme_total', 'trust', 'programme_effects']
    """
    if title is not None and not isinstance(title, str):
        raise InputError(f"title must be text, or None for the usual heading, got {title!r}.")
    check_language(lang)
    with language(lang):
        members = members_of(plans, data)
        if not members.campaigns:
            reasons = "; ".join(f"{one.campaign}: {one.reason}" for one in members.left_out[:10])
            raise DesignError("NO_HOLDOUT", f"no campaign of the programme can be counted ({reasons}).")
        found = programme(members.campaigns, as_of=as_of, expires_after=expires_after, level=level)
        made = Programmed(result=found, left_out=members.left_out, smallest=members.smallest)
        return Report(
            document=_document(made, title or word("programme.heading"), lang),
            records={
                "programme": found.records, "programme_verdicts": found.verdicts,
                "programme_audiences": shown_audiences(found.audiences, members.smallest),
                "programme_contacts": shown_contacts(found.contacts, members.smallest),
            },
            figures=_figures(found),
            recipe={"programme": found.recipe.to_dict()},
        )  # fmt: skip


def _document(made: Programmed, title: str, lang: str) -> Document:
    found = made.result
    sections = programme_sections(made)
    warned = sorted({finding.code for finding in found.findings if finding.status in ("warn", "unknown")})
    trust: Literal["trusted", "limited"] = "limited" if made.left_out or warned else "trusted"
    trust_line = next(section.answer for section in sections if section.name == "trust")
    if warned and not made.left_out:
        trust_line = word("trust_line.limited", codes=", ".join(warned))
    return Document(
        lang=check_language(lang),
        title=title,
        facts=_facts(made),
        trust=trust,
        trust_line=trust_line,
        decisions=(),
        unknown=_unknown(made),
        flag="",
        refusal=(),
        figures=(),
        figures_title="",
        figures_subtitle="",
        figures_caption="",
        sections=sections,
        findings=by_severity(found.findings),
        gates=(),
        manifest=list(versions().items()),
        words={**furniture(), "no_verdict": found.sentence()},
    )


def _facts(made: Programmed) -> list[tuple[str, str]]:
    found = made.result
    days = found.records.column("as_of")
    return [
        (word("programme.campaigns"), format_value(len(days), "count")),
        (word("fact.persons"), format_value(found.recipe.n["persons"], "count")),
        (word("programme.span"), word("fact.dates", first=days[0], last=days[-1])),
        (word("programme.looked_at"), str(found.recipe.settings["as_of"])),
    ]


def _unknown(made: Programmed) -> list[str]:
    """What the page does not know."""
    found = made.result
    said = [word("unknown.programme_left_out", campaign=one.campaign) for one in made.left_out]
    low, high = found.total.low, found.total.high
    if low is not None and high is not None and low <= 0.0 <= high:
        said.append(word("unknown.programme_total"))
    return said


def _figures(found: Programme) -> dict[str, float | None]:
    """Every number that can be frozen, by name."""
    made: dict[str, float | None] = {
        "programme.total.value": found.total.value, "programme.total.low": found.total.low,
        "programme.total.high": found.total.high, "programme.total.independent_error": found.independent_error,
    }  # fmt: skip
    for row in found.to_dicts():
        for column in ("rate_effect", "effect_shrunken", "net_per_1000", "profit", "profit_to_date"):
            made[f"programme.{row['campaign']}.{column}"] = row[column]
    return made
