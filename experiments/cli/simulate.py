"""`wakelift simulate`: the tables of a campaign with known truth."""

from __future__ import annotations

import click

from experiments.cli.options import allow_quiet
from experiments.cli.streams import echo, is_quiet
from experiments.cli.words import LANGUAGE, OUT_FOLDER, made_folder, progress, say

__all__ = ["command"]


@click.command("simulate")
@click.option("--out", required=True, type=OUT_FOLDER, help="Folder to write to; it is made when absent.")
@click.option(
    "--scenario",
    default="default",
    show_default=True,
    help='Which world: "default" (the arms differ), "null" (no touch has any effect; every PASS would be false), '
    '"dirty" (logs spoiled in known numbers), or weak, phone_harm, hunter_heavy, market_rally, adaptive_resend, waves, '
    "pull_forward, leak, srm, split_ids.",
)
@click.option("--persons", default=60_000, show_default=True, type=int, help="Number of persons, at least 100.")
@click.option(
    "--seed", default=0, show_default=True, type=int, help="Seed of every random stream; same seed, same bytes."
)
@click.option(
    "--format",
    "file_format",
    default="parquet",
    show_default=True,
    type=click.Choice(["parquet", "csv"]),
    help="Format of the tables. CSV is UTF-8 with a byte-order mark, so that Excel opens it.",
)
@click.option(
    "--lang", default="en", show_default=True, type=LANGUAGE, help="Language of the plan's report and of this output."
)
@click.option("--force", is_flag=True, help="Replace a plan that was edited, and tables that no simulation wrote.")
@allow_quiet
def command(  # noqa: PLR0913 -- one per option
    *, out: str, scenario: str, persons: int, seed: int, file_format: str, lang: str, force: bool
) -> None:
    """Write the tables of a simulated wake-up campaign, and the plan that analyses them.

    The table `truth` says for every person how likely a return is under each arm and what it would cost: compare what
    an analysis finds with what is true.

    \b
    Examples:
      wakelift simulate --out sim --persons 20000 --seed 3 --format csv
      wakelift simulate --out dirty --scenario dirty

    Exit codes: 0 done; 2 the folder or the options are unusable.
    """
    from attribution import language
    from experiments.cli.tables import write_campaign
    from experiments.simulation import simulate

    header = f"Simulated campaign: scenario {scenario}, {persons} persons, seed {seed}."
    (campaign,) = progress([("SIMULATING", lambda: simulate(scenario, persons=persons, seed=seed))], lang=lang)
    folder = made_folder(out)
    written = write_campaign(campaign, folder, file_format=file_format, language=lang, header=header, force=force)
    if not is_quiet():
        with language(lang):
            echo(repr(campaign))
    say("WROTE_CAMPAIGN", lang=lang, tables=len(written) - 1, folder=(folder / "data").as_posix())
    say("WROTE_PLAN", lang=lang, path=written["plan"].as_posix())
    if scenario == "dirty":
        say("SPOILED_CAMPAIGN", lang=lang, listing=written["dirt"].as_posix())
    say("NEXT_REPORT", lang=lang, plan=written["plan"].as_posix())
