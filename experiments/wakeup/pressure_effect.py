"""How many weighted contacts one incremental wake-up takes: a ratio of two effects, with its set."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.durations import microseconds
from attribution.core.records import Field, Records
from experiments.design.common_grid import check_control
from experiments.moments.costs import cost_moments
from experiments.roi.arms import few_events
from experiments.roi.contrasts import build_contrasts, pairs_of
from experiments.roi.undecided import cost_per_incremental
from experiments.wakeup.bookings import same_keys
from experiments.wakeup.narrow_tables import narrow_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.findings import Finding
    from attribution.core.render.display import DisplayTable
    from experiments.outcomes.result import Outcomes
    from experiments.roi.contrasts import ContrastCosts
    from experiments.roi.net_benefit import Variance
    from experiments.wakeup.pressure_log import Contacts

__all__ = ["ARM_FIELDS", "Readings", "arms_table", "pressure_by_arm"]

ARM_FIELDS = (
    Field("arm", "text"), Field("control", "text"), Field("n", "count"), Field("n_control", "count"),
    Field("weighted_per_person"), Field("weighted_per_person_control"), Field("weighted_difference"),
    Field("woken_difference", "pp"), Field("woken_difference_low", "pp"), Field("woken_difference_high", "pp"),
    Field("weighted_per_incremental"), Field("weighted_per_incremental_low"), Field("weighted_per_incremental_high"),
    Field("weighted_kind", "text"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Readings:
    """The arms' rows, the persons behind them, and what was found on the way."""

    records: Records
    persons: int
    findings: tuple[Finding, ...]


def pressure_by_arm(
    contacts: Contacts,
    weight: NDArray[np.float64],
    outcomes: Outcomes,
    *,
    control: str,
    level: float,
    variance: Variance,
) -> Readings:
    """Weighted contacts and wake-ups per assigned person, arm by arm, and their ratio.

    Args:
        contacts: The contacts of everybody.
        weight: Weight of each contact.
        outcomes: The mature persons with their arms and wake-ups.
        control: The control arm.
        level: Confidence level.
        variance: Statistic of the set.
    """
    import pyarrow as pa

    weighted = _in_window(contacts, weight, outcomes)
    rows = outcomes.to_arrow()
    table = pa.table({"arm": rows["arm"], "woken": rows["woken"], "weighted": weighted})
    strata = "stratum" if "stratum" in rows.column_names else None
    if strata is not None:
        table = table.append_column(strata, rows[strata])
    moments = cost_moments(table, cost="weighted", strata=strata)
    arms = sorted({str(arm) for arm in moments.arm})
    control = str(control)  # arms that are numbers are known by their text, as they are printed
    check_control(arms, control)
    contrasts, findings = build_contrasts(moments, pairs_of([arm for arm in arms if arm != control], control, None))
    made = [_row(contrast, level, variance) for contrast in contrasts]
    records = Records.from_rows(ARM_FIELDS, made)
    return Readings(records=records, persons=len(weighted), findings=(*outcomes.findings, *findings))


def _in_window(contacts: Contacts, weight: NDArray[np.float64], outcomes: Outcomes) -> NDArray[np.float64]:
    """Weighted contacts of each row of the outcomes inside its window."""
    keys: pa.Array = outcomes.to_arrow()["person_id"].combine_chunks()
    row = same_keys(contacts.persons, keys, ("touches", "assignment"))[contacts.person]
    since = contacts.time - outcomes.assigned_at[np.maximum(row, 0)]
    inside = (row >= 0) & (since >= 0) & (since < microseconds(outcomes.window))
    # Contacts stand in an order of their own, so the sums do too.
    return np.asarray(np.bincount(row[inside], weights=weight[inside], minlength=len(keys)), dtype=np.float64)


def _row(contrast: ContrastCosts, level: float, variance: Variance) -> dict[str, object]:
    found = cost_per_incremental(
        contrast.treated, contrast.untreated, weights=contrast.weights, level=level, variance=variance
    )
    parts = zip(contrast.weights, contrast.treated, contrast.untreated, strict=True)
    pairs = [(weight * one.cost_mean, weight * two.cost_mean) for weight, one, two in parts]
    treated, untreated = (float(np.sum([pair[side] for pair in pairs])) for side in (0, 1))
    low, high, kind = found.undecided.low, found.undecided.high, found.undecided.kind
    # Fewer woken beyond doubt, or every number excluded (more woken with fewer contacts): the set has no ends.
    endless = found.reason == "HARM" or (kind == "complement" and low == -math.inf and high == math.inf)
    notes = [found.reason] if found.reason else []
    if few_events(contrast.treated, contrast.untreated):
        notes.append("FEW_EVENTS")
    return {
        "arm": contrast.arm, "control": contrast.control, "n": sum(arm.n for arm in contrast.treated),
        "n_control": sum(arm.n for arm in contrast.untreated), "weighted_per_person": treated,
        "weighted_per_person_control": untreated, "weighted_difference": treated - untreated,
        "woken_difference": found.woken.value, "woken_difference_low": found.woken.low,
        "woken_difference_high": found.woken.high, "weighted_per_incremental": found.value,
        "weighted_per_incremental_low": None if endless else low,
        "weighted_per_incremental_high": None if endless else high,
        "weighted_kind": kind, "note": "; ".join(notes),
    }  # fmt: skip


def arms_table(records: Records) -> DisplayTable:
    """The arms in print: the ratio stands with its set in words, since a set can lie outside its two ends."""
    labels = {
        name: messages.text(f"PRESSURE_ARMS.{name}")
        for name in ("weighted_per_person", "weighted_per_person_control", "weighted_per_incremental")
    }
    control = {"control": next(iter(records.column("control")), "")}
    table = narrow_table(
        records, without=("control", "weighted_difference", "weighted_kind"), labels=labels,
        title=messages.text("PRESSURE_ARMS.title", control),
    )  # fmt: skip
    place = next(at for at, column in enumerate(table.columns) if column.label == labels["weighted_per_incremental"])
    rows = tuple(
        (*row[:place], _ratio_text(record), *row[place + 1 :])
        for row, record in zip(table.rows, records.to_dicts(), strict=True)
    )
    columns = (*table.columns[:place], replace(table.columns[place], kind="text"), *table.columns[place + 1 :])
    return replace(table, columns=columns, rows=rows)


def _ratio_text(record: Mapping[str, object]) -> str:
    from attribution.core.formats import format_interval, format_value

    low, high = record["weighted_per_incremental_low"], record["weighted_per_incremental_high"]
    point = format_value(record["weighted_per_incremental"], "number")
    if low is None:
        return point
    kind = str(record["weighted_kind"])
    if kind == "interval":
        return f"{point} ({format_interval(low, high, 'number')})"
    values = {"low": low, "high": high} if kind == "complement" else {}
    return f"{point} ({messages.text(f'PRESSURE_SET.{kind}', values)})"
