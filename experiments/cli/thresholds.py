"""`wakelift thresholds`: does the campaign pay, if one woken customer may cost so much?"""

from __future__ import annotations

from typing import Any

import click

from experiments.cli.options import allow_table_options, choose_order, describe_experiment, describe_outcomes
from experiments.cli.words import progress

__all__ = ["command"]


@click.command("thresholds")
@describe_outcomes
@click.option(
    "--thresholds",
    required=True,
    multiple=True,
    metavar="AMOUNTS",
    help='What one woken customer may cost, separated by commas: 60,85,125. For each segment its own: "young=60,85", '
    "repeated. Or the column that holds each segment's amount.",
)
@click.option("--woken", default="woken", show_default=True, metavar="COLUMN", help="Column of the event, 0 or 1.")
@click.option(
    "--cost",
    default="cost",
    show_default=True,
    metavar="COLUMN",
    help="Column of the full cost per person, for control persons too; 0 is declared, never assumed.",
)
@click.option(
    "--by", default=None, metavar="COLUMNS", help="Columns of segments, fixed before the assignment: a verdict in each."
)
@click.option(
    "--side",
    default="two",
    show_default=True,
    type=click.Choice(["two", "greater", "less"]),
    help='"greater" asks only whether it pays, "less" only whether it does not.',
)
@click.option(
    "--relevant-net",
    "relevant_net",
    default=None,
    type=float,
    metavar="AMOUNT",
    help="The smallest net benefit per person worth knowing about; people_needed is then counted for it.",
)
@describe_experiment
@choose_order
@allow_table_options
def command(**options: Any) -> None:
    """Print the verdict of every arm at every threshold: PASS, FAIL, INCONCLUSIVE, or INVALID.

    The net benefit per person assigned is threshold x (woken, treated minus control) - (cost, treated minus control).
    PASS when its interval lies above 0, FAIL when below, INCONCLUSIVE else; INVALID when a check of the experiment
    fails, for example when control persons were contacted.

    OUTCOMES is a table with one row per person assigned, with the arm, the event and the full cost. Without it the
    table is built from --assignment, --conversions, --touches and --prices.

    \b
    Examples:
      wakelift thresholds outcomes.csv --thresholds 60,85,125 --shares p_assign
      wakelift thresholds --assignment assignment.parquet --conversions conversions.parquet \\
        --touches touches.parquet --prices prices.parquet --as-of 2026-12-31 \\
        --thresholds 85 --by stratum --order holdout,digital,sms,full

    Exit codes: 0 done, whatever the verdicts are (to let one decide, use `wakelift check`); 2 the tables or the options
    are unusable.
    """
    from experiments import Rate, cost_thresholds
    from experiments.cli.answers import Answer, must_be_free
    from experiments.cli.inputs import words_of
    from experiments.cli.trial import declared, read_outcomes, tables_of

    must_be_free(options["out"], force=options["force"])
    amounts = _amounts(options["thresholds"])
    experiment = declared({options["woken"]: Rate(options["woken"])}, options)
    tables = tables_of(options)

    def analyse() -> Any:
        return cost_thresholds(
            read_outcomes(tables, options),
            woken=options["woken"],
            cost=options["cost"],
            thresholds=amounts,
            by=words_of(options["by"]),
            order=words_of(options["order"]),
            experiment=experiment,
            touches=tables["touches"],
            side=options["side"],
            relevant_net=options["relevant_net"],
            columns={"touches": tables["columns"]["touches"]},
        )

    (pays,) = progress([("ANALYSING", analyse)], lang=options["lang"])
    Answer(results={"thresholds": pays}, findings=pays.findings).tell(options)


def _amounts(asked: tuple[str, ...]) -> Any:
    """A list of amounts, a list for each segment, or the name of a column.

    Raises:
        InputError: For a mixture of these, or an amount that is no number.
    """
    from attribution.core.errors import InputError
    from experiments.cli.inputs import numbers_of
    from experiments.plan.spelling import shown

    pairs = [item.rpartition("=") for item in asked]
    if all(equals for _, equals, _ in pairs):
        return {segment.strip(): numbers_of(amounts, "--thresholds") for segment, _, amounts in pairs}
    if any(equals for _, equals, _ in pairs) or len(asked) > 1:
        listed = " ".join(f"--thresholds {shown(item)}" for item in asked[:3])
        raise InputError(f"--thresholds is given once for all, or as SEGMENT=AMOUNTS for each, got {listed}.")
    text = asked[0]
    return text if text and not any(char.isdigit() for char in text) else numbers_of(text, "--thresholds")
