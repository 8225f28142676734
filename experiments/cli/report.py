"""`wakelift report`: the post-mortem of a plan."""

from __future__ import annotations

from typing import Any

import click

from experiments.cli.options import allow_quiet
from experiments.cli.streams import echo
from experiments.cli.words import LANGUAGE, OUT_FOLDER, made_folder, progress, say

__all__ = ["command"]


def _print_schema(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 -- click calls it
    del parameter
    if not value or ctx.resilient_parsing:
        return
    import json

    from experiments.report.schema import report_schema

    echo(json.dumps(report_schema(), ensure_ascii=False, indent=1))
    ctx.exit()


@click.command("report")
@click.argument("plan", type=click.Path())
@click.option(
    "--out",
    required=True,
    type=OUT_FOLDER,
    help="Folder to write to; it is made when absent. Reports of an earlier run in it are replaced, and nothing else.",
)
@click.option(
    "--lang", default=None, type=LANGUAGE, help="Language of the report; the plan's [report] language when absent."
)
@click.option(
    "--format",
    "formats",
    default="html,md,json,junit",
    show_default=True,
    metavar="LIST",
    help="What to write, separated by commas: html, md, json, junit, xlsx. report.html is one file that needs nothing "
    "else; report.json is for programs; junit.xml for continuous integration; xlsx needs wakelift[excel].",
)
@click.option(
    "--summary",
    is_flag=True,
    help="Also append the report to the job summary of GitHub Actions (the file in GITHUB_STEP_SUMMARY; elsewhere "
    "nothing is appended, which is told).",
)
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON Schema of report.json, and do nothing else.",
)
@allow_quiet
def command(*, plan: str, out: str, lang: str | None, formats: str, summary: bool) -> None:
    """Write the post-mortem of PLAN: who gets the credit, what was caused, did it pay.

    PLAN is a file that `wakelift init` begins and you complete; it names the tables, the metrics and the thresholds.

    \b
    Examples:
      wakelift report plan.toml --out report
      wakelift report plan.toml --out report --lang zh --format html,xlsx
      wakelift report plan.toml --out report --summary     # in a job of GitHub Actions

    Exit codes: 0 when the report could be written, whatever its verdicts are (use `wakelift check` to let a verdict
    decide); 2 the plan or its tables are unusable.
    """
    from experiments import postmortem
    from experiments.cli.writing import append_to_summary, parse_formats, summary_file, tell_verdicts, write_report
    from experiments.plan import Plan

    chosen = parse_formats(formats)
    declared = Plan.read(plan)
    spoken = lang or declared.report.language
    summarised = summary_file(lang=spoken) if summary else None
    folder = made_folder(out)
    made: list[Any] = []
    progress([("ANALYSING", lambda: made.append(postmortem(declared, lang=spoken)))], lang=spoken)
    (written,) = progress([("WRITING_REPORT", lambda: write_report(made[0], folder, formats=chosen))], lang=spoken)
    tell_verdicts(made[0], lang=spoken)
    for path in written:
        say("WROTE_REPORT", lang=spoken, path=path.as_posix())
    if summarised is not None:
        append_to_summary(made[0], summarised, lang=spoken)
