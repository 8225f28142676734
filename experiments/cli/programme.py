"""`wakelift programme`: several post-mortems added up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from experiments.cli.options import allow_quiet
from experiments.cli.streams import echo
from experiments.cli.words import LANGUAGE, OUT_FOLDER, made_folder, progress, say

if TYPE_CHECKING:
    from datetime import date, datetime

__all__ = ["command"]


@click.command("programme")
@click.argument("plans", nargs=-1, required=True, type=click.Path(), metavar="PLAN...")
@click.option(
    "--out",
    required=True,
    type=OUT_FOLDER,
    help="Folder to write to; it is made when absent. Reports of an earlier run in it are replaced, and nothing else.",
)
@click.option("--title", default=None, help="Heading of the page.")
@click.option(
    "--as-of",
    "as_of",
    default=None,
    metavar="DATE",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day on which verdicts are looked at; that of the latest campaign when absent.",
)
@click.option(
    "--expires-after",
    default="365d",
    show_default=True,
    metavar="DURATION",
    help="Age beyond which a verdict has expired, for example 180d.",
)
@click.option("--lang", default=None, type=LANGUAGE, help="Language of the page; that of the first plan when absent.")
@click.option(
    "--format",
    "formats",
    default="html,md,json",
    show_default=True,
    metavar="LIST",
    help="What to write, separated by commas: html, md, json, junit, xlsx.",
)
@allow_quiet
def command(  # noqa: PLR0913 -- the command's options
    *,
    plans: tuple[str, ...],
    out: str,
    title: str | None,
    as_of: datetime | None,
    expires_after: str,
    lang: str | None,
    formats: str,
) -> None:
    """Add up the campaigns of several plans: profit to date, effects, audiences, verdicts in force.

    Persons are counted once however many campaigns they are in, so a holdout that several campaigns share widens the
    interval as it must. Campaigns without a randomised control, or with a failing check, are named and do not count.

    \b
    Examples:
      wakelift programme q1/plan.toml q2/plan.toml q3/plan.toml --out year
      wakelift programme */plan.toml --out year --lang zh --as-of 2026-12-31 --expires-after 180d

    Exit codes: 0 the page could be written; 2 a plan or its tables are unusable, or no campaign can be counted.
    """
    from experiments import programme_report
    from experiments.cli.writing import parse_formats, write_report
    from experiments.plan import Plan

    chosen = parse_formats(formats)
    declared = [Plan.read(plan) for plan in plans]
    spoken = lang or declared[0].report.language
    folder = made_folder(out)
    day: date | None = None if as_of is None else as_of.date()
    made: list[Any] = []

    def analyse() -> None:
        made.append(programme_report(declared, title=title, as_of=day, expires_after=expires_after, lang=spoken))

    progress([("ANALYSING", analyse)], lang=spoken)
    (written,) = progress([("WRITING_REPORT", lambda: write_report(made[0], folder, formats=chosen))], lang=spoken)
    echo(made[0].document.words["no_verdict"])
    for path in written:
        say("WROTE_REPORT", lang=spoken, path=path.as_posix())
