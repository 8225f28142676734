"""What would turn each verdict, as tables to be read: one per contrast, its thresholds side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.render.display import DisplayColumn, DisplayTable, column_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.formats import ValueKind
    from attribution.core.records import Records

__all__ = ["NOT_TRIED", "NO_VALUE", "tipping_tables"]

NO_VALUE = "NO_VALUE"
NOT_TRIED = "NOT_TRIED"

_ABREAST = 3  # thresholds that stand side by side without a line growing too long
_KINDS: dict[str, ValueKind] = {"money": "money", "factor": "number", "share": "rate", "setting": "text"}

Row = dict[str, Any]


def tipping_tables(records: Records) -> tuple[DisplayTable, ...]:
    """The rows of every contrast: assumptions downwards, thresholds across.

    An assumption that turns no word of a table, that was not looked at, or that was not varied because the verdict does
    not rest on its interval, is named once below the table.

    Args:
        records: The rows of `tipping`.
    """
    contrasts: dict[str, dict[float, list[Row]]] = {}
    for row in records.to_dicts():
        names = {"arm": row["arm"], "control": row["control"]}
        label = messages.text("THRESHOLDS.CONTRAST", names)
        label = label if row.get("segment") is None else f"{label} · {row['segment']}"
        contrasts.setdefault(label, {}).setdefault(row["threshold"], []).append(row)
    made = []
    for label, by_threshold in contrasts.items():
        every = list(by_threshold.items())
        made += [_table(label, dict(every[i : i + _ABREAST])) for i in range(0, len(every), _ABREAST)]
    return tuple(made)


def _table(label: str, by_threshold: Mapping[float, Sequence[Row]]) -> DisplayTable:
    columns = [DisplayColumn(column_label("assumption"))]
    cells: dict[str, list[str]] = {}
    quiet: dict[str, set[str]] = {}
    for place, (threshold, rows) in enumerate(by_threshold.items()):
        values = {"threshold": threshold, "verdict": rows[0]["verdict"]}
        columns.append(DisplayColumn(messages.text("TIPPING.at", values)))
        for name, mine in _by_assumption(rows).items():
            tips = [row for row in mine if row["becomes"] is not None]
            shown = cells.setdefault(name, [""] * len(by_threshold))
            shown[place] = messages.text("TIPPING.join").join(map(_tip, sorted(tips, key=_where)))
            if not tips:
                code = mine[0]["note"].split("; ")[0]
                shown[place] = _quiet(code)
                quiet.setdefault(name, set()).add(code)
            else:
                quiet.setdefault(name, set()).add("")
    # What holds for every threshold of the table is said once, below it.
    silent = {name: next(iter(codes)) for name, codes in quiet.items() if len(codes) == 1 and "" not in codes}
    body = tuple((name, *found) for name, found in cells.items() if name not in silent)
    return DisplayTable(tuple(columns), body, title=label, notes=_notes(silent))


def _notes(silent: Mapping[str, str]) -> tuple[str, ...]:
    """One line per reason, with the assumptions that it holds for."""
    reasons: dict[str, list[str]] = {}
    for name, code in silent.items():
        reasons.setdefault(code, []).append(name)
    made = []
    for code, names in reasons.items():
        form = {NO_VALUE: "none", NOT_TRIED: "not_tried"}.get(code, "held")
        values = {"assumptions": messages.text("TIPPING.join").join(names), "code": code}
        made.append(messages.text(f"TIPPING.note.{form}", values))
    return tuple(made)


def _by_assumption(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        key = f"TIPPING.{row['assumption']}"
        name = messages.text(key) if messages.has(key) else str(row["assumption"])
        found.setdefault(name, []).append(row)
    return found


def _where(row: Row) -> float:
    return 0.0 if row["tips_at"] is None else float(row["tips_at"])


def _tip(row: Row) -> str:
    from attribution.core.formats import format_value

    at = row["setting"] if row["unit"] == "setting" else row["tips_at"]
    values = {"at": format_value(at, _KINDS[row["unit"]]), "becomes": row["becomes"]}
    return messages.text("TIPPING.tip", values)


def _quiet(code: str) -> str:
    forms = {NO_VALUE: "TIPPING.none", NOT_TRIED: "TIPPING.not_tried"}
    return messages.text(forms[code]) if code in forms else code
