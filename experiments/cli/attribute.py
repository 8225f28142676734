"""`wakelift attribute`: who gets the credit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from experiments.cli.words import LANGUAGE, say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attribution.core.columns import Columns

__all__ = ["command"]

_IN_BATCHES = (".parquet", ".pq", ".arrow", ".feather", ".ipc")
_IN_BATCHES_IF_ASKED = (".csv", ".tsv")  # where every block must be alike: no other encodings, no mixed columns
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
@click.option("--lang", default="en", show_default=True, type=LANGUAGE, help="Language of the output.")
def command(**options: Any) -> None:
    """Share the credit of CONVERSIONS over TOUCHES and print one row per model and channel.

    Each is a file (.parquet, .arrow, .feather, .csv or .xlsx; ids in .csv are read as text), a folder of such files, or
    a pattern in quotes: "touches/*.parquet". Touches in .parquet and .arrow files, folders and patterns are read in
    batches, and only those that a conversion can use are held in memory, so they may be larger than it.

    Credit sums to what happened and proves no cause; conversions without an eligible touch are the channel "(none)".
    """
    from attribution import Rules, attribute, language
    from experiments.cli.tables import write_table

    columns = _columns(options["named"], options["timezone"])
    tables = {
        name: _table(options[name], columns[name], encoding=options["encoding"], memory=options["memory"])
        for name in ("touches", "conversions")
    }
    models = [name.strip() for name in options["models"].split(",") if name.strip()]
    rules = Rules(lookback=options["lookback"], reuse=options["reuse"])
    credit: Any = attribute(
        tables["touches"],
        tables["conversions"],
        models=models,
        rules=rules,
        columns=columns,
        memory=options["memory"],
        progress=options["progress"],
    )
    if options["by"] not in (None, columns["touches"].channel):
        credit = credit.by(options["by"])
    with language(options["lang"]):
        click.echo(repr(credit))
    if options["out"] is not None:
        written = write_table(credit.to_arrow(), options["out"])
        say("WROTE_TABLE", lang=options["lang"], path=written.as_posix())


def _table(path: str, columns: Columns, *, encoding: str, memory: str | None) -> Any:
    """A table, or the path itself where its files are read in batches."""
    from glob import has_magic
    from pathlib import Path

    from experiments.plan.files import read_table

    ending = Path(path).suffix.lower()
    if not ending and not Path(path).exists():
        return path  # whoever lists the files says which names are close
    if has_magic(path) and not Path(path).is_file():
        return path
    if Path(path).is_dir() or ending in _IN_BATCHES or (memory is not None and ending in _IN_BATCHES_IF_ASKED):
        return path
    return read_table(path, columns=columns, encoding=encoding)


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
