"""`wakelift check`: the gates of a plan; the exit code tells the answer."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from attribution.core.errors import InputError
from experiments.cli.options import allow_quiet
from experiments.cli.words import LANGUAGE, progress, say

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["command"]

_HOLD, _FAIL, _UNDECIDED = 0, 1, 3


@click.command("check")
@click.argument("plan", type=click.Path())
@click.option("--strict", is_flag=True, help="An undecided decision counts as failed: exit code 1 instead of 3.")
@click.option("--lang", default=None, type=LANGUAGE, help="Language of this output; the plan's when absent.")
@click.option(
    "--junit",
    default=None,
    type=click.Path(),
    metavar="FILE",
    help="Also write the gates and findings, or why the input is unusable, as JUnit XML; replaces FILE.",
)
@click.option(
    "--summary",
    is_flag=True,
    help="Also append the report to the job summary of GitHub Actions (the file in GITHUB_STEP_SUMMARY; elsewhere "
    "nothing is appended, which is told).",
)
@allow_quiet
@click.pass_context
def command(
    ctx: click.Context, /, *, plan: str, strict: bool, lang: str | None, junit: str | None, summary: bool
) -> None:
    """Check the gates of PLAN and speak by the exit code.

    \b
    trust, always:  no failed finding, no INVALID, the plan unchanged since its lock
    decisions:      those declared under [[gate]]
    figures:        those declared under [[figure]]

    Without declared decisions FAIL and INCONCLUSIVE are results, not failures. With --quiet only gates that do not hold
    are printed.

    \b
    Examples:
      wakelift check plan.toml
      wakelift check plan.toml --strict --junit build/junit.xml --summary

    Exit codes: 0 all gates hold; 1 a gate fails; 2 the input or the plan is unusable; 3 a declared decision is
    undecided and no gate fails (with --strict: 1).
    """
    if junit is not None and Path(junit).absolute() == Path(plan).absolute():
        raise InputError("--junit names the plan itself, which would be replaced. Name another file.")
    try:
        code = _checked(plan, strict=strict, lang=lang, junit=junit, summary=summary)
    except Exception as error:  # the program tells it and ends with exit code 2
        if junit is not None:
            _leave_error(Path(junit), plan, error)
        raise
    ctx.exit(code)


def _checked(plan: str, *, strict: bool, lang: str | None, junit: str | None, summary: bool) -> int:
    from experiments import postmortem
    from experiments.cli.writing import append_to_summary, summary_file
    from experiments.plan import Plan, plan_changes

    declared = Plan.read(plan)
    spoken = lang or declared.report.language
    summarised = summary_file(lang=spoken) if summary else None
    changes = plan_changes(plan) or []
    (report,) = progress([("ANALYSING", lambda: postmortem(declared, lang=spoken))], lang=spoken)
    if junit is not None:
        target = Path(junit)
        target.parent.mkdir(parents=True, exist_ok=True)
        report.to_junit(target, strict=strict)
    _tell(report.gates, changes, lang=spoken)
    if summarised is not None:
        append_to_summary(report, summarised, lang=spoken)
    return _code(report.gates, strict=strict)


def _leave_error(target: Path, plan: str, error: Exception) -> None:
    """Leave a JUnit file that says why nothing was judged, in place of one from an earlier run."""
    from experiments.cli.program import told
    from experiments.report.junit import unusable_junit

    with suppress(OSError):  # what stopped the check is told, not that this could not be written either
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(unusable_junit(Path(plan).name, told(error)).encode("utf-8"))


def _tell(gates: Sequence[Any], changes: Sequence[tuple[str, str, str]], *, lang: str) -> None:
    from experiments.cli.writing import tell_gates

    tell_gates(gates, lang=lang)
    for key, old, new in changes:
        say("CHANGED", lang=lang, key=key, old=old, new=new)
    failed = sum(gate.status == "fail" for gate in gates)
    undecided = sum(gate.status == "undecided" for gate in gates)
    if failed:
        say("CHECK_FAIL", lang=lang, failed=failed, n=len(gates))
    elif undecided:
        say("CHECK_UNDECIDED", lang=lang, undecided=undecided, n=len(gates))
    else:
        say("CHECK_HOLD", lang=lang, n=len(gates))


def _code(gates: Sequence[Any], *, strict: bool) -> int:
    statuses = {gate.status for gate in gates}
    if "fail" in statuses or (strict and "undecided" in statuses):
        return _FAIL
    return _UNDECIDED if "undecided" in statuses else _HOLD
