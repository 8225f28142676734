"""Writing tables to files, by the ending of the name or by format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError
from experiments.plan.spelling import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

__all__ = ["write_campaign", "write_table"]

_ENDINGS = (".csv", ".parquet", ".json")


def write_table(table: pa.Table, path: str | Path) -> Path:
    """Write an Arrow table as CSV, Parquet or JSON, by the ending of the name.

    CSV begins with a byte-order mark, so that Excel opens Chinese text.

    Raises:
        InputError: For another ending.
    """
    place = Path(path)
    ending = place.suffix.lower()
    if ending not in _ENDINGS:
        raise InputError(
            f"the file {shown(place.name)} must end in {', '.join(_ENDINGS)}; the ending chooses the format."
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

        text = json.dumps(table.to_pylist(), ensure_ascii=False, indent=1, default=str, allow_nan=False)
        place.write_text(text + "\n", encoding="utf-8", newline="\n")
    return place


def _write_csv(table: pa.Table, place: Path) -> None:
    import pandas as pd
    import pyarrow as pa

    # Whole numbers with gaps stay whole: 1, not 1.0.
    frame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    frame.to_csv(place, index=False, encoding="utf-8-sig", lineterminator="\n")


def write_campaign(campaign: Any, folder: Path, *, file_format: str, language: str, header: str) -> dict[str, Path]:
    """Write a simulated campaign: ``plan.toml`` and ``data/<name>.<format>``.

    Returns:
        The files written, by name of the table, and "plan".
    """
    import pyarrow as pa

    written: dict[str, Path] = {}
    for name, frame in campaign.tables().items():
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
        written[name] = write_table(table, folder / "data" / f"{name}.{file_format}")
    written["plan"] = folder / "plan.toml"
    text = _plan_of(campaign.plan, file_format=file_format, language=language, header=header)
    written["plan"].write_text(text, encoding="utf-8", newline="\n")
    return written


def _plan_of(plan: Mapping[str, Any], *, file_format: str, language: str, header: str) -> str:
    from experiments.plan import Plan
    from experiments.plan.writing import plan_text

    tables = {name: {**item, "path": f"data/{name}.{file_format}"} for name, item in plan["tables"].items()}
    mapping = {**plan, "tables": tables, "report": {**plan.get("report", {}), "language": language}}
    Plan.from_dict(mapping)
    return plan_text(mapping, header=header)
