"""`wakelift readout`: what the campaign caused, by arm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from experiments.cli.options import allow_table_options, choose_order, describe_experiment, describe_outcomes
from experiments.cli.words import progress

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["command"]


@click.command("readout")
@describe_outcomes
@click.option(
    "--rate",
    "rates",
    multiple=True,
    metavar="[NAME=]COLUMN",
    help="A metric: the share of persons with the event, a column of 0 and 1. May be repeated; woken when no metric "
    "is given. The first metric is the primary one.",
)
@click.option(
    "--mean",
    "means",
    multiple=True,
    metavar="[NAME=]COLUMN",
    help="A metric: the mean of a column over all persons assigned. May be repeated.",
)
@describe_experiment
@choose_order
@click.option(
    "--correction",
    default="holm",
    show_default=True,
    type=click.Choice(["holm", "bonferroni", "hochberg", "hommel", "bh", "by", "dunnett", "none"]),
    help="How p-values are adjusted over the arms, and over the secondary metrics.",
)
@allow_table_options
def command(**options: Any) -> None:
    """Print the effect of every arm against the control: the difference, its interval, the lift.

    OUTCOMES is a table with one row per person ASSIGNED (not per person reached), the arm, and a column per metric.
    Without it the table is built from --assignment (person_id, arm, assigned_at) and --conversions (conversion_id,
    person_id, time, value), which give the columns woken, orders and value. With --touches the control arm is checked
    for contacts.

    The effect is that of having been assigned, and holds only if the arms were assigned at random: this command cannot
    know it, and asks for --shares to check at least that the sizes fit.

    \b
    Examples:
      wakelift readout outcomes.csv --rate woken --mean value --strata stratum --shares p_assign
      wakelift readout --assignment assignment.parquet --conversions conversions.parquet \\
        --touches touches.parquet --as-of 2026-12-31 --order holdout,digital,sms,full --format csv

    Exit codes: 0 done, whatever was found; 2 the tables or the options are unusable.
    """
    from experiments.cli.answers import Answer, must_be_free
    from experiments.cli.inputs import words_of
    from experiments.cli.trial import declared, read_outcomes, tables_of

    must_be_free(options["out"], force=options["force"])
    correction = None if options["correction"] == "none" else options["correction"]
    experiment = declared(_metrics(options["rates"], options["means"]), options, correction=correction)
    tables = tables_of(options)

    def analyse() -> Any:
        outcomes = read_outcomes(tables, options)
        return experiment.analyze(
            outcomes, touches=tables["touches"], columns={"touches": tables["columns"]["touches"]}
        )

    (readout,) = progress([("ANALYSING", analyse)], lang=options["lang"])
    order = words_of(options["order"])
    results = {"effects": readout} if order is None else {"effects": readout.steps(order), "arms": readout}
    Answer(results=results, findings=readout.findings).tell(options)


def _metrics(rates: Iterable[str], means: Iterable[str]) -> dict[str, Any]:
    """The metrics by name, rates first; "woken" when none is given.

    Raises:
        InputError: For two metrics of one name.
    """
    from attribution.core.errors import InputError
    from experiments import Mean, Rate
    from experiments.plan.spelling import shown

    found: dict[str, Any] = {}
    for make, asked in ((Rate, rates), (Mean, means)):
        for item in asked:
            name, equals, column = item.partition("=")
            if name in found:
                raise InputError(f"two metrics are called {shown(name)}. Name one: --mean other_name={shown(column)}.")
            found[name] = make(column if equals else name)
    return found or {"woken": Rate("woken")}
