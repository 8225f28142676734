"""`wakelift attribute`: who gets the credit."""

from __future__ import annotations

from typing import Any

import click

from experiments.cli.options import allow_table_options

__all__ = ["command"]

_MODELS = "first_touch,last_touch,linear,time_decay,position_based"


@click.command("attribute")
@click.argument("touches", type=click.Path())
@click.argument("conversions", type=click.Path())
@click.option(
    "--models",
    default=_MODELS,
    show_default=True,
    help="Models of credit, separated by commas: first_touch last_touch last_non_direct linear time_decay "
    "position_based u_shaped j_shaped inverse_j markov shapley shapley_rate.",
)
@click.option(
    "--lookback",
    default="30d",
    show_default=True,
    help='How long before a conversion a touch is eligible, with its unit: "30d", "36h".',
)
@click.option(
    "--reuse",
    default="shared",
    show_default=True,
    type=click.Choice(["shared", "reset", "first"]),
    help="Several conversions of one person: shared = touches may serve again, reset = a touch serves once, "
    "first = only the first conversion counts.",
)
@click.option(
    "--by", default=None, metavar="COLUMN", help="Credit by another column of the touches instead of the channel."
)
@click.option(
    "--memory",
    default=None,
    metavar="AMOUNT",
    help='Budget of the working set for touches in files, for example "4GB" or "800MB": where the touches that are '
    "needed do not fit, the files are read once for every range of persons that does. By default everything is kept "
    "that conversions can use.",
)
@click.option(
    "--progress/--no-progress",
    default=None,
    help="A bar of the rows read, on standard error; by default when that is a terminal.",
)
@allow_table_options
def command(**options: Any) -> None:
    """Share the credit of CONVERSIONS over TOUCHES and print one row per model and channel.

    Each is a file (.parquet, .arrow, .feather, .csv or .xlsx; ids in .csv are read as text), a folder of such files, or
    a pattern in quotes: "touches/*.parquet". Touches in .parquet and .arrow files, folders and patterns are read in
    batches, and only those that a conversion can use are held in memory, so they may be larger than it.

    Credit sums to what happened and proves no cause; conversions without an eligible touch are the channel "(none)".

    \b
    Examples:
      wakelift attribute touches.csv conversions.csv --timezone Asia/Shanghai --lookback 30d
      wakelift attribute "touches/*.parquet" conversions.parquet --models linear,markov --memory 2GB --out credit.csv
      wakelift attribute "bank.duckdb::SELECT * FROM touches" 订单.csv --columns conversions.person=客户号

    Exit codes: 0 done; 2 the tables or the options are unusable.
    """
    from attribution import Rules, attribute
    from experiments.cli.answers import Answer, must_be_free
    from experiments.cli.inputs import Inputs, words_of
    from experiments.cli.streams import is_quiet

    must_be_free(options["out"], force=options["force"])
    inputs = Inputs.of({name: options[name] for name in ("touches", "conversions")}, options)
    in_pieces = options["memory"] is not None
    credit: Any = attribute(
        inputs.table("touches", may_stay=True, in_pieces=in_pieces),
        inputs.table("conversions", may_stay=True, in_pieces=in_pieces),
        models=words_of(options["models"]),
        rules=Rules(lookback=options["lookback"], reuse=options["reuse"]),
        columns=inputs.columns,
        memory=options["memory"],
        progress=False if is_quiet() else options["progress"],
    )
    if options["by"] not in (None, inputs.columns["touches"].channel):
        credit = credit.by(options["by"])
    Answer(results={"credit": credit}, findings=getattr(credit, "findings", ())).tell(options)
