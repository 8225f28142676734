"""`wakelift attribute`: who gets the credit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from experiments.cli.words import LANGUAGE, say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attribution.core.columns import Columns

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
    "--timezone",
    default=None,
    metavar="ZONE",
    help="Zone of times that carry none, for example Asia/Shanghai; never guessed.",
)
@click.option(
    "--encoding",
    default="utf-8",
    show_default=True,
    help='Encoding of CSV files; Excel in China often writes "gb18030".',
)
@click.option(
    "--column",
    "named",
    multiple=True,
    metavar="ROLE=NAME",
    help="Your name of a column, for example --column person=客户号 or, for one table, --column touches.time=触达时间. "
    "May be repeated.",
)
@click.option(
    "--out", default=None, type=click.Path(), help="Also write the table to this file: .csv, .parquet or .json."
)
@click.option("--lang", default="en", show_default=True, type=LANGUAGE, help="Language of the output.")
def command(**options: Any) -> None:
    """Share the credit of CONVERSIONS over TOUCHES and print one row per model and channel.

    Both are files: .parquet, .csv (ids are read as text) or .xlsx. Credit sums to what happened and proves no cause;
    conversions without an eligible touch are the channel "(none)".
    """
    from attribution import Rules, attribute, language
    from experiments.cli.tables import write_table
    from experiments.plan.files import read_table

    columns = _columns(options["named"], options["timezone"])
    tables = {
        name: read_table(options[name], columns=columns[name], encoding=options["encoding"])
        for name in ("touches", "conversions")
    }
    models = [name.strip() for name in options["models"].split(",") if name.strip()]
    rules = Rules(lookback=options["lookback"], reuse=options["reuse"])
    credit: Any = attribute(tables["touches"], tables["conversions"], models=models, rules=rules, columns=columns)
    if options["by"] not in (None, columns["touches"].channel):
        credit = credit.by(options["by"])
    with language(options["lang"]):
        click.echo(repr(credit))
    if options["out"] is not None:
        written = write_table(credit.to_arrow(), options["out"])
        say("WROTE_TABLE", lang=options["lang"], path=written.as_posix())


def _columns(named: Iterable[str], timezone: str | None) -> dict[str, Columns]:
    """The roles of both tables out of ROLE=NAME and TABLE.ROLE=NAME.

    Raises:
        InputError: For text of another form, an unknown table or role, an unknown zone.
    """
    from attribution.core.columns import Columns
    from attribution.core.errors import InputError, closest
    from experiments.plan.spelling import shown, time_zone

    known = [role for role in Columns.__dataclass_fields__ if role not in ("timezone", "precision")]
    roles: dict[str, dict[str, str]] = {"touches": {}, "conversions": {}}
    for item in named:
        key, equals, name = item.partition("=")
        table, dot, role = key.rpartition(".")
        if not equals or not name or (dot and table not in roles):
            raise InputError(
                f"--column must be ROLE=NAME, touches.ROLE=NAME or conversions.ROLE=NAME, got {shown(item)}."
            )
        if role not in known:
            raise InputError(f"--column: {shown(role)} is not a role. {closest(role, known)}")
        for target in [table] if dot else roles:
            roles[target][role] = name
    if timezone is not None:
        try:
            time_zone(timezone)
        except ValueError as error:
            raise InputError(f"--timezone: {error}") from error
    return {table: Columns(**names, timezone=timezone) for table, names in roles.items()}  # type: ignore[arg-type]
