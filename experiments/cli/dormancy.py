"""`wakelift dormancy`: from how many days of silence on does hardly anybody come back by himself?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from experiments.cli.options import allow_table_options
from experiments.cli.words import progress

if TYPE_CHECKING:
    from attribution.core.records import TabularResult

__all__ = ["command"]


@click.command("dormancy")
@click.argument("events", type=click.Path())
@click.option(
    "--as-of",
    "as_of",
    required=True,
    metavar="DATE",
    help="Until when the log is complete, as 2026-12-31: its end counts.",
)
@click.option("--horizon", default="180d", show_default=True, help='How far ahead a return counts: "180d".')
@click.option(
    "--days",
    default=None,
    metavar="DAYS",
    help="Days of silence to look at, separated by commas; every 30 days as far as can be observed when absent.",
)
@click.option(
    "--eps",
    default=None,
    type=float,
    metavar="SHARE",
    help="Also print the cut: the shortest silence after which at most this share comes back, for example 0.05.",
)
@click.option(
    "--assignment",
    default=None,
    metavar="FILE",
    help="A campaign's assignment: what treated persons did from then on is no natural return and is left out.",
)
@click.option("--control", default="holdout", show_default=True, help="Name of the control arm of that assignment.")
@click.option(
    "--registered",
    default=None,
    metavar="FILE",
    help="Customers with the time they registered; counts those without any act.",
)
@click.option("--level", default=0.95, show_default=True, type=float, help="Confidence level of the intervals.")
@click.option("--seed", default=0, show_default=True, type=int, help="Seed of the redraws behind the cut's interval.")
@allow_table_options
def command(**options: Any) -> None:
    """Print how many of those silent for so many days come back within the horizon, by days of silence.

    EVENTS is a log of what customers did by themselves (purchases, log-ins): a person and a time per row. Keep
    closed accounts in it: nobody is chosen by what came later.

    \b
    Examples:
      wakelift dormancy orders.csv --timezone Asia/Shanghai --as-of 2026-12-31 --horizon 90d --eps 0.05
      wakelift dormancy "bank.duckdb::SELECT person_id, time FROM orders" --as-of 2026-12-31
      cat orders.csv | wakelift dormancy - --timezone Asia/Shanghai --as-of 2026-12-31 --format csv

    Exit codes: 0 done; 2 the log or the options are unusable, or too short for the horizon.
    """
    from experiments import dormancy_curve
    from experiments.cli.answers import Answer, must_be_free
    from experiments.cli.inputs import Inputs, numbers_of
    from experiments.cli.trial import as_of_option, read_all

    must_be_free(options["out"], force=options["force"])
    as_of = as_of_option(options["as_of"])
    days = None if options["days"] is None else numbers_of(options["days"], "--days")
    given = {"events": options["events"], "assignment": options["assignment"], "customers": options["registered"]}
    tables = read_all(Inputs.of(given, options), tuple(given))

    def analyse() -> dict[str, TabularResult]:
        curve = dormancy_curve(
            tables["events"],
            horizon=options["horizon"],
            as_of=as_of,
            days=days,
            level=options["level"],
            assignment=tables["assignment"],
            control=options["control"],
            registered=tables["customers"],
            columns=tables["columns"],
        )
        return {"curve": curve} if options["eps"] is None else {
            "curve": curve, "cut": curve.cut(options["eps"], seed=options["seed"])
        }  # fmt: skip

    (results,) = progress([("ANALYSING", analyse)], lang=options["lang"])
    Answer(results=results, findings=results["curve"].findings).tell(options)
