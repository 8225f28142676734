"""When customers came back, and whether the effect lasts: charts, tables and sentences."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from attribution.core.records import Field, Records
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable
from experiments.design.shown_words import in_words
from experiments.post_mortem.evidence import order_of
from experiments.post_mortem.follow_up import days_asked, days_reached, window_days
from experiments.post_mortem.words import alt_text, contrast_words, head, interval_words, listed, window_words, word
from experiments.report.document import Chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.post_mortem.evidence import Evidence
    from experiments.post_mortem.sections.ground import Ground
    from experiments.wakeup.durability import Durability

__all__ = ["later_charts", "later_definitions", "later_sentences", "later_tables"]

_CURVE = (
    Field("series", "text"), Field("role", "text"), Field("x"), Field("value", "rate"), Field("low", "rate"),
    Field("high", "rate"),
)  # fmt: skip
_FOREST = (Field("label", "text"), Field("value", "per1000"), Field("low", "per1000"), Field("high", "per1000"))
_ENDS_EARLY = "AS_OF_BEYOND_DATA"


def later_charts(ground: Ground) -> tuple[Chart, ...]:
    """The share returned by day and arm, and the effect at each of the days."""
    evidence, found = ground.evidence, ground.evidence.further.get("durability")
    curve = _curve_rows(evidence)
    drawn = (
        _returns_chart(evidence, curve, ground.invalid) if curve else None,
        None if found is None else _durability_chart(evidence, found, ground.invalid),
    )
    return tuple(chart for chart in drawn if chart is not None)


def _curve_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """The curves up to the window's end or further, of arms that are large enough to show; in the order of the plan."""
    if evidence.readout is None:
        return []
    further, limit = evidence.further, evidence.plan.report.min_cell
    longest = further["return_times"].records.to_dicts() if "return_times" in further else []
    found: Durability | None = further.get("durability")
    # A longer curve only where it is of the same persons: everybody.
    if found is not None and found.recipe.n["persons"] == found.recipe.n["assigned"]:
        longest = max(longest, found.curve.to_dicts(), key=lambda rows: float(rows[-1]["day"]) if rows else 0.0)
    order = {str(arm): at for at, arm in enumerate(order_of(evidence.plan, evidence.readout))}
    kept = [row for row in longest if row["n"] >= limit and row["arm"] in order]
    return sorted(kept, key=lambda row: (order[row["arm"]], row["day"]))


def _returns_chart(evidence: Evidence, rows: Sequence[dict[str, Any]], invalid: str) -> Chart | None:
    readout, declared = evidence.readout, evidence.plan.experiment
    ends = {arm: list(held)[-1] for arm, held in groupby(rows, key=lambda row: str(row["arm"]))}
    if readout is None or declared is None or len(ends) <= 1 or not rows[-1]["day"]:
        return None
    control = str(readout.experiment.control)
    treated = [arm for arm in ends if arm != control]
    if control not in ends or not treated:
        return None
    last, base = ends[treated[-1]], ends[control]
    values = {
        "day": last["day"], "arm": treated[-1], "share": last["share_returned"], "low": last["low"],
        "high": last["high"], "control": control, "base": base["share_returned"], "base_low": base["low"],
        "base_high": base["high"],
    }  # fmt: skip
    title = word("chart.invalid", codes=invalid) if invalid else word("chart.returns.title", **values)
    told = [
        word("chart.returns.told", arm=arm, share=row["share_returned"], low=row["low"], high=row["high"])
        for arm, row in ends.items()
    ]
    drawn = [
        {
            "series": row["arm"], "role": "control" if row["arm"] == control else "treated", "x": row["day"],
            "value": row["share_returned"], "low": row["low"], "high": row["high"],
        }
        for row in rows
    ]  # fmt: skip
    return Chart(
        name="chart-returns",
        kind="curves",
        title=title,
        subtitle=word("chart.returns.subtitle", level=readout.experiment.level),
        alt=alt_text(title, told),
        records=Records.from_rows(_CURVE, drawn),
        words={"x": word("chart.returns.x"), "y": word("chart.returns.y"), "steps": "1"},
        marks=((window_days(evidence), word("chart.returns.end", window=window_words(declared.window))),),
    )


def _rows(evidence: Evidence, records: Records) -> list[dict[str, Any]]:
    """Rows of arms that are large enough to show, in the order of the plan."""
    readout, limit = evidence.readout, evidence.plan.report.min_cell
    order = {} if readout is None else {str(arm): at for at, arm in enumerate(order_of(evidence.plan, readout))}
    rows = [row for row in records.to_dicts() if min(row.get("n", limit), row.get("n_control", limit)) >= limit]
    return sorted(rows, key=lambda row: order.get(row["arm"], len(order)))


def _durability_chart(evidence: Evidence, found: Durability, invalid: str) -> Chart | None:
    rows = [row for row in _rows(evidence, found.records) if row["measure"] == "woken"]
    changes = [row for row in _rows(evidence, found.changes) if row["measure"] == "woken"]
    if not rows:
        return None
    title = word("chart.invalid", codes=invalid) if invalid else _durability_title(changes[-1])
    drawn = [
        {
            "label": word("chart.durability.label", arm=row["arm"], day=row["day"]), "value": row["difference"],
            "low": row["low"], "high": row["high"],
        }
        for row in rows
        if row["low"] is not None
    ]  # fmt: skip
    if not drawn:
        return None
    told = [f"{row['label']}: {interval_words(row['value'], row['low'], row['high'], 'per1000')}" for row in drawn]
    return Chart(
        name="chart-durability",
        kind="forest",
        title=title,
        subtitle=word("chart.durability.subtitle", control=rows[0]["control"]),
        alt=alt_text(title, told),
        records=Records.from_rows(_FOREST, drawn),
        words={"x": word("chart.durability.x"), "zero": word("chart.effects.zero")},
    )


def _durability_title(row: dict[str, Any]) -> str:
    known = row["late_change_low"] is not None
    reading = str(row["reading"]).replace(" ", "_") if known else "unknown"
    values = {
        "arm": row["arm"], "first": row["first_day"], "last": row["last_day"], "early": row["early"],
        "change": row["late_change"], "low": row["late_change_low"], "high": row["late_change_high"],
    }  # fmt: skip
    used = values if reading != "unknown" else {"arm": row["arm"], "last": row["last_day"]}
    return word(f"chart.durability.{reading}", **used)


def later_tables(ground: Ground) -> tuple[tuple[DisplayTable, ...], tuple[DisplayTable, ...]]:
    """The share woken at each day with its change; to be folded, the share active and the days without a return."""
    evidence = ground.evidence
    found: Durability | None = evidence.further.get("durability")
    shown = [] if found is None else [_days_table(evidence, found, "woken"), _changes_table(evidence, found)]
    folded = [*([] if found is None else [_days_table(evidence, found, "active")]), _silent_table(evidence)]
    return tuple(table for table in shown if table.rows), tuple(table for table in folded if table and table.rows)


def _days_table(evidence: Evidence, found: Durability, measure: str) -> DisplayTable:
    columns = (
        DisplayColumn(word("effect.contrast")), DisplayColumn(word("effect.day"), "count"),
        DisplayColumn(head("persons"), "count"), DisplayColumn(word("effect.value"), "rate"),
        DisplayColumn(word("effect.base"), "rate"), DisplayColumn(word("effect.per1000"), "per1000", decisive=True),
    )  # fmt: skip
    body = tuple(
        (
            contrast_words(row["arm"], row["control"]), row["day"], row["n"], row["value"], row["value_control"],
            Cell(row["difference"], row["low"], row["high"], note=_reason(row)),
        )
        for row in _rows(evidence, found.records)
        if row["measure"] == measure
    )  # fmt: skip
    days = listed(found.recipe.settings["days"])  # type: ignore[arg-type]
    n = {name: found.recipe.n[name] for name in ("persons", "assigned")}
    told = word("effect.followed", **n, day=found.recipe.settings["last_day"])
    notes = (told,) if n["persons"] < n["assigned"] else ()
    return DisplayTable(columns, body, title=word(f"effect.durability.{measure}", days=days), notes=notes)


def _reason(row: dict[str, Any]) -> str:
    return str(row["note"] or "") if row["low"] is None else ""


def _changes_table(evidence: Evidence, found: Durability) -> DisplayTable:
    columns = (
        DisplayColumn(word("effect.measure")), DisplayColumn(word("effect.contrast")),
        DisplayColumn(word("effect.days_between")), DisplayColumn(word("effect.early"), "per1000"),
        DisplayColumn(word("effect.change"), "per1000", decisive=True), DisplayColumn(word("effect.reading")),
    )  # fmt: skip
    shown = {(row["measure"], row["arm"]) for row in _rows(evidence, found.records)}
    rows = [row for row in _rows(evidence, in_words(found.changes, "reading")) if (row["measure"], row["arm"]) in shown]
    body = tuple(
        (
            word(f"effect.measure.{row['measure']}"), contrast_words(row["arm"], row["control"]),
            word("effect.day_range", first=row["first_day"], last=row["last_day"]), row["early"],
            Cell(row["late_change"], row["late_change_low"], row["late_change_high"], note=_note(row)), row["reading"],
        )
        for measure in ("woken", "active")
        for row in rows
        if row["measure"] == measure
    )  # fmt: skip
    return DisplayTable(columns, body, title=word("effect.changes"))


def _note(row: dict[str, Any]) -> str:
    return str(row["note"] or "") if row["late_change_low"] is None else ""


def _silent_table(evidence: Evidence) -> DisplayTable | None:
    made = evidence.further.get("return_times")
    if made is None:
        return None
    columns = (
        DisplayColumn(word("effect.contrast")), DisplayColumn(head("persons"), "count"),
        DisplayColumn(word("effect.value"), "number"), DisplayColumn(word("effect.base"), "number"),
        DisplayColumn(word("effect.days_difference"), "ratio", decisive=True),
    )  # fmt: skip
    rows = _rows(evidence, made.means)
    body = tuple(
        (
            contrast_words(row["arm"], row["control"]), row["n"], row["days_silent"], row["days_silent_control"],
            Cell(row["difference"], row["low"], row["high"], note=_reason(row)),
        )
        for row in rows
    )  # fmt: skip
    day = rows[0]["horizon"] if rows else 0
    return DisplayTable(columns, body, title=word("effect.silent", day=day))


def later_sentences(ground: Ground) -> tuple[str, ...]:
    """What the reader has to know of the days: which are missing, and why; that returns were brought forward."""
    evidence = ground.evidence
    declined = evidence.declined.get("durability")
    if declined is not None:
        return (word("effect.later_declined", reason=declined.code),)
    if evidence.plan.table("conversions") is None and evidence.tables.get("conversions") is None:
        return ()
    found: Durability | None = evidence.further.get("durability")
    if found is None:
        return (word("effect.later_unknown", days=listed(days_asked(evidence))),)
    made = [] if ground.invalid else [
        finding.text() for finding in found.findings if finding.code == "DURABILITY" and finding.status == "warn"
    ]  # fmt: skip
    reached = set(days_reached(evidence))
    missing = [day for day in days_asked(evidence) if day not in reached]
    if missing:
        made.append(word("effect.later_missing", days=listed(missing), as_of=evidence.plan.campaign.as_of))
    if evidence.plan.durability is None:
        made.append(word("effect.later_default"))
    if any(finding.code == _ENDS_EARLY for finding in found.findings):
        made.append(word("effect.later_log", reason=_ENDS_EARLY))
    return tuple(made)


def later_definitions(ground: Ground) -> list[str]:
    """The definitions of curves, days and changes in words."""
    evidence, made = ground.evidence, []
    found: Durability | None = evidence.further.get("durability")
    if evidence.readout is not None and (found is not None or "return_times" in evidence.further):
        made.append(word("effect.returns_definition", level=evidence.readout.experiment.level))
    if found is not None:
        settings, n = found.recipe.settings, found.recipe.n
        made.append(
            word(
                "effect.durability_definition", activity=window_words(str(settings["activity"])),
                day=settings["last_day"], persons=n["persons"], assigned=n["assigned"],
            )
        )  # fmt: skip
        made.append(word("effect.change_definition"))
    return made
