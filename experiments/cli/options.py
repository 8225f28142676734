"""The options that several commands share, each written once; named as the arguments of the Python functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from experiments.cli.streams import QUIET
from experiments.cli.words import LANGUAGE

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "allow_force", "allow_quiet", "allow_table_options", "choose_language", "choose_order",
    "describe_experiment", "describe_outcomes", "read_tables", "show_table",
]  # fmt: skip

_F = TypeVar("_F", bound="Callable[..., Any]")


def _all(*options: Callable[[Any], Any]) -> Callable[[_F], _F]:
    """One decorator out of several, in the order of the help."""

    def decorate(command: _F) -> _F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _set_quiet(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 -- click calls it
    del parameter
    ctx.meta[QUIET] = value


allow_quiet = click.option(
    "--quiet",
    is_flag=True,
    expose_value=False,
    callback=_set_quiet,
    help="Print nothing but the answer and errors: no progress, no names of written files.",
)

allow_force = click.option("--force", is_flag=True, help="Replace the file of --out if it is there already.")

choose_language = click.option(
    "--lang", default="en", show_default=True, type=LANGUAGE, help="Language of the output: English or Chinese."
)

read_tables = _all(
    click.option(
        "--columns",
        "--column",
        "columns",
        multiple=True,
        metavar="ROLE=NAME",
        help="Your name of a column, for example --columns person=客户号 or, for one table, "
        "--columns touches.time=触达时间. May be repeated.",
    ),
    click.option(
        "--timezone",
        default=None,
        metavar="ZONE",
        help="Zone of times that carry none, for example Asia/Shanghai; never guessed.",
    ),
    click.option(
        "--encoding",
        default="utf-8",
        show_default=True,
        help='Encoding of CSV files; Excel in China often writes "gb18030". A byte-order mark outweighs it.',
    ),
    click.option(
        "--query",
        "queries",
        multiple=True,
        metavar="[TABLE=]SQL",
        help='The SELECT that gives a table out of a .duckdb file; the same as "file.duckdb::SELECT ...". '
        "May be repeated, with the name of the table before it.",
    ),
)

show_table = _all(
    click.option(
        "--format",
        "file_format",
        default="text",
        show_default=True,
        type=click.Choice(["text", "md", "csv", "json"]),
        help="What to print: a table for people (text or Markdown), or all columns in full for programs (csv, json).",
    ),
    click.option(
        "--out",
        default=None,
        type=click.Path(),
        metavar="FILE",
        help="Also write the table to this file: .csv, .parquet, .json or .md. A file that is there stays, "
        "unless --force is given.",
    ),
    allow_force,
    choose_language,
    allow_quiet,
)

allow_table_options = _all(read_tables, show_table)

describe_experiment = _all(
    click.option("--arm", default="arm", show_default=True, metavar="COLUMN", help="Column of the assigned arm."),
    click.option("--control", default="holdout", show_default=True, help="Name of the control arm in that column."),
    click.option(
        "--shares",
        default=None,
        metavar="SHARES",
        help='Declared shares of the arms, as "holdout=0.2,sms=0.8", or the column with each person\'s probability '
        "of the assigned arm (p_assign). Without it the sample ratio cannot be checked, and the output says so.",
    ),
    click.option(
        "--strata",
        default=None,
        metavar="COLUMNS",
        help="Columns, fixed before the assignment, inside which the arms are compared; separated by commas.",
    ),
    click.option(
        "--cluster", default=None, metavar="COLUMN", help="Column of the unit that was assigned together (branch)."
    ),
    click.option("--level", default=0.95, show_default=True, type=float, help="Confidence level of every interval."),
)

choose_order = click.option(
    "--order",
    default=None,
    metavar="ARMS",
    help="Arms from the control upwards, separated by commas: each is then compared with the one before it.",
)

describe_outcomes = _all(
    click.argument("outcomes", required=False, type=click.Path(), default=None),
    click.option("--assignment", default=None, metavar="FILE", help="Who was assigned to which arm, and when."),
    click.option("--conversions", default=None, metavar="FILE", help="What counts as coming back, with its time."),
    click.option("--touches", default=None, metavar="FILE", help="Who was contacted; also checks the control arm."),
    click.option("--prices", default=None, metavar="FILE", help="What a touch costs, by channel; see price_touches."),
    click.option("--history", default=None, metavar="FILE", help="What was known of each person before; strata too."),
    click.option(
        "--window", default="28d", show_default=True, help='How long after its assignment a person counts: "28d".'
    ),
    click.option(
        "--as-of",
        "as_of",
        default=None,
        metavar="DATE",
        help="Until when the tables are complete, as 2026-12-31; needed with --assignment.",
    ),
    click.option(
        "--lag", default="0d", show_default=True, help='How long bookings may arrive late, with its unit: "3d".'
    ),
)
