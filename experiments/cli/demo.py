"""`wakelift demo`: a whole campaign, from raw logs to the report, without any data of yours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from experiments.cli.options import allow_quiet
from experiments.cli.words import LANGUAGE, OUT_FOLDER, made_folder, progress, say

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@click.command("demo")
@click.option("--out", required=True, type=OUT_FOLDER, help="Folder to write to; it is made when absent.")
@click.option(
    "--persons", default=60_000, show_default=True, type=int, help="Number of simulated persons, at least 100."
)
@click.option(
    "--seed", default=7, show_default=True, type=int, help="Seed of every random stream; same seed, same bytes."
)
@click.option(
    "--scenario", default="default", show_default=True, help='"default", or "null": a campaign without any effect.'
)
@click.option(
    "--lang",
    default="en",
    show_default=True,
    type=LANGUAGE,
    help="Language of report.html and of this output; the other language stands beside it.",
)
@click.option("--force", is_flag=True, help="Replace a plan that was edited, and tables that no simulation wrote.")
@allow_quiet
def command(*, out: str, persons: int, seed: int, scenario: str, lang: str, force: bool) -> None:
    """Simulate a campaign; write its plan, its data and its report.

    Writes plan.toml, data/<name>.parquet, report.html, report.md, report.json, junit.xml, and the report in the other
    language (report.zh.html, report.zh.md). The Chinese report names arms and channels in Chinese; with --lang zh the
    plan and the data do so, too.

    Change the thresholds in plan.toml and run `wakelift report` on it, or replace the tables by yours.

    \b
    Examples:
      wakelift demo --out demo
      wakelift demo --out demo --scenario null --seed 11 --lang zh

    Exit codes: 0 done; 2 the folder or the options are unusable.
    """
    from time import perf_counter

    from experiments.cli.tables import write_campaign
    from experiments.simulation import simulate

    started = perf_counter()
    folder = made_folder(out)
    header = f"Simulated campaign: scenario {scenario}, {persons} persons, seed {seed}."
    made: dict[str, Any] = {}

    def draw() -> None:
        made["campaign"] = simulate(scenario, persons=persons, seed=seed)

    def keep() -> None:
        made["files"] = write_campaign(
            made["campaign"], folder, file_format="parquet", language=lang, header=header, force=force,
            chinese=lang == "zh",
        )  # fmt: skip

    progress(
        [
            ("SIMULATING", draw),
            ("WRITING_DATA", keep),
            ("ANALYSING", lambda: made.update(report=_reports(folder, lang, made["campaign"]))),
        ],
        lang=lang,
    )
    _tell(made, folder, about={"scenario": scenario, "persons": persons, "seed": str(seed)}, lang=lang)
    say("DONE", lang=lang, seconds=round(perf_counter() - started))


def _reports(folder: Path, lang: str, campaign: Any) -> tuple[Any, list[Path]]:
    """The report in its language under the plain names, and in the other one with the language in the name.

    Each speaks of arms and channels in its own language: the other one is made of the same campaign under other names.
    """
    from experiments import postmortem
    from experiments.cli.chinese import chinese_plan, chinese_tables
    from experiments.cli.writing import write_report
    from experiments.plan import Plan

    plan = Plan.read(folder / "plan.toml")
    report = postmortem(plan, lang=lang)
    written = write_report(report, folder, formats=("html", "md", "json", "junit"))
    other = "zh" if lang == "en" else "en"
    declared, tables = campaign.plan, {name: campaign.tables()[name] for name in campaign.plan["tables"]}
    if other == "zh":
        declared, tables = chinese_plan(declared), chinese_tables(tables)
    beside = postmortem(Plan.from_dict(declared), tables, lang=other)
    written += write_report(beside, folder, formats=("html", "md"), suffix=f".{other}")
    return report, written


def _tell(made: dict[str, Any], folder: Path, *, about: dict[str, object], lang: str) -> None:
    from experiments.cli.writing import tell_verdicts

    report, written = made["report"]
    say("SEED", lang=lang, **about)
    tell_verdicts(report, lang=lang)
    say("WROTE_CAMPAIGN", lang=lang, tables=len(made["files"]) - 1, folder=(folder / "data").as_posix())
    say("WROTE_PLAN", lang=lang, path=made["files"]["plan"].as_posix())
    for path in written:
        say("WROTE_REPORT", lang=lang, path=path.as_posix())
