"""Writing tables to files, by the ending of the name or by format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError
from experiments.cli.chinese import chinese_plan, chinese_tables
from experiments.plan.spelling import shown, shown_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

__all__ = ["SIMULATED", "TABLE_ENDINGS", "table_csv", "write_campaign", "write_table"]

SIMULATED = "# Simulated campaign:"
TABLE_ENDINGS = (".csv", ".parquet", ".json")
# How a cell begins that Excel would run; the full-width signs where its language is an East Asian one.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write_table(table: pa.Table, path: str | Path) -> Path:
    """Write an Arrow table as CSV, Parquet or JSON, by the ending of the name.

    CSV begins with a byte-order mark, so that Excel opens Chinese text; text that Excel would run as a formula gets an
    apostrophe before it.

    Raises:
        InputError: For another ending.
    """
    place = Path(path)
    ending = place.suffix.lower()
    if ending not in TABLE_ENDINGS:
        raise InputError(
            f"the file {shown(place.name)} must end in {', '.join(TABLE_ENDINGS)}; the ending chooses the format."
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    if ending == ".parquet":
        import pyarrow.parquet as pq

        with place.open("wb") as file:  # Arrow cannot open every name that Python can
            pq.write_table(table, file)
    elif ending == ".csv":
        _write_csv(table, place)
    else:
        import json

        from experiments.report.json_text import plain

        text = json.dumps(plain(table.to_pylist()), ensure_ascii=False, indent=1, allow_nan=False)
        place.write_text(text + "\n", encoding="utf-8", newline="\n")
    return place


def _write_csv(table: pa.Table, place: Path) -> None:
    place.write_text(table_csv(table), encoding="utf-8-sig", newline="\n", errors="backslashreplace")


def table_csv(table: pa.Table) -> str:
    """An Arrow table as CSV text; no cell is a formula.

    Example:
        >>> import pyarrow as pa
        >>> table_csv(pa.table({"channel": ["=1+1", "sms"], "n": [-1, None]}))
        "channel,n\\n'=1+1,-1\\nsms,\\n"
    """
    import pandas as pd
    import pyarrow as pa

    # Whole numbers with gaps stay whole: 1, not 1.0.
    frame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    for place, item in enumerate(table.schema):
        if pa.types.is_string(item.type) or pa.types.is_large_string(item.type):
            frame.isetitem(place, [_as_text(value) for value in table.column(place).to_pylist()])
    frame.columns = [_as_text(name) for name in frame.columns]
    return str(frame.to_csv(index=False, lineterminator="\n"))


def _as_text(value: Any) -> Any:
    """Text that a spreadsheet takes for text; one sign alone is no formula."""
    return f"'{value}" if isinstance(value, str) and len(value) > 1 and value.startswith(_FORMULA) else value


def write_campaign(  # noqa: PLR0913 -- internal, options by keyword
    campaign: Any,
    folder: Path,
    *,
    file_format: str,
    language: str,
    header: str,
    force: bool = False,
    chinese: bool = False,
) -> dict[str, Path]:
    """Write a simulated campaign: ``plan.toml`` and ``data/<name>.<format>``; with ``chinese`` under Chinese names.

    Returns:
        The files written, by name of the table, and "plan".

    Raises:
        InputError: When files are in the way that a simulation did not write, or a plan that was edited since.
    """
    import pyarrow as pa

    plan, tables = campaign.plan, campaign.tables()
    if chinese:
        plan, tables = chinese_plan(plan), chinese_tables(tables)
    text = _plan_of(plan, file_format=file_format, language=language, header=header)
    places = {name: folder / "data" / f"{name}.{file_format}" for name in tables} | {"plan": folder / "plan.toml"}
    if not force:
        _must_be_ours(places, text)
    for name, frame in tables.items():
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
        write_table(table, places[name])
    places["plan"].write_text(text, encoding="utf-8", newline="\n")
    return places


def _must_be_ours(places: Mapping[str, Path], text: str) -> None:
    """Refuse to replace tables and plans that somebody else wrote or edited."""
    plan = places["plan"]
    try:
        there = plan.read_text(encoding="utf-8") if plan.exists() else ""
    except (OSError, ValueError):
        there = "?"
    if there.startswith(SIMULATED):
        # Another simulation may take its place; the same one with other text was edited.
        if there == text or there.partition("\n")[0] != text.partition("\n")[0]:
            return
        taken, why = plan, "has been edited since it was written"
    else:
        found = next((place for place in (plan, *places.values()) if place.exists()), None)
        if found is None:
            return
        taken, why = found, "is there already, and no simulation wrote it"
    raise InputError(f"{shown_path(taken.as_posix())} {why}. Name another --out, or replace it with --force.")


def _plan_of(plan: Mapping[str, Any], *, file_format: str, language: str, header: str) -> str:
    from experiments.plan import Plan
    from experiments.plan.writing import plan_text

    tables = {name: {**item, "path": f"data/{name}.{file_format}"} for name, item in plan["tables"].items()}
    mapping = {**plan, "tables": tables, "report": {**plan.get("report", {}), "language": language}}
    Plan.from_dict(mapping)
    return plan_text(mapping, header=header)
