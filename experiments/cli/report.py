"""`wakelift report`: the post-mortem of a plan."""

from __future__ import annotations

from typing import Any

import click

from experiments.cli.words import LANGUAGE, OUT_FOLDER, made_folder, progress, say

__all__ = ["command"]


@click.command("report")
@click.argument("plan", type=click.Path())
@click.option("--out", required=True, type=OUT_FOLDER, help="Folder to write to; it is made when absent.")
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
def command(*, plan: str, out: str, lang: str | None, formats: str) -> None:
    """Write the post-mortem of PLAN: who gets the credit, what was caused, did it pay.

    The exit code is 0 when the report could be written, whatever its verdicts are; use `wakelift check` to let a
    verdict decide.
    """
    from experiments import postmortem
    from experiments.cli.writing import parse_formats, tell_verdicts, write_report
    from experiments.plan import Plan

    chosen = parse_formats(formats)
    declared = Plan.read(plan)
    spoken = lang or declared.report.language
    folder = made_folder(out)
    made: list[Any] = []
    progress([("ANALYSING", lambda: made.append(postmortem(declared, lang=spoken)))], lang=spoken)
    (written,) = progress([("WRITING_REPORT", lambda: write_report(made[0], folder, formats=chosen))], lang=spoken)
    tell_verdicts(made[0], lang=spoken)
    for path in written:
        say("WROTE_REPORT", lang=spoken, path=path.as_posix())
