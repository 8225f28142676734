"""A log of looks at the net benefit as rows of a table, and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError
from experiments.design.look_cells import compare_look, count_of, log_changed, number_of, rows_of_log, text_of
from experiments.design.look_entry import as_day
from experiments.roi.monitor import FIELDS
from experiments.roi.monitor_plan import Seen

if TYPE_CHECKING:
    from experiments.roi.monitor import NetBenefitMonitor

__all__ = ["monitor_rows", "read_monitor"]

_PLAN = ("planned", "level", "side", "least")
_MADE = ("matured", "fraction", "bound", "p_value")
_WORDS = ("verdict", "reason", "verdict_so_far")
_CLOSE = 1e-6  # writers of JSON keep some ten digits


def monitor_rows(log: NetBenefitMonitor) -> list[dict[str, object]]:
    """One row per look, contrast and threshold; the plan is repeated in each, so that a file holds all of it."""
    plan, rows = log.plan, []
    days = {day: number for number, day in enumerate(log.days, start=1)}
    standing: dict[tuple[tuple[str, str], float], str] = {}
    for look in log.looks:
        seen, key = look.seen, (look.pair, look.threshold)
        if look.verdict in ("PASS", "FAIL"):
            standing.setdefault(key, look.verdict)
        now = "INVALID" if look.verdict == "INVALID" else standing.get(key, "INCONCLUSIVE")
        rows.append(
            {
                "look": days[look.day], "date": look.day, "arm": look.pair[0], "control": look.pair[1],
                "threshold": look.threshold, "matured": look.matured, "planned": plan.planned,
                "fraction": look.matured / plan.planned, "n": look.n[0], "n_control": look.n[1],
                "events": look.woken[0], "events_control": look.woken[1], "net_benefit_per_1000": 1000.0 * seen.net,
                "net_benefit_low": _thousand(seen.low), "net_benefit_high": _thousand(seen.high), "z": seen.z,
                "bound": look.bound, "p_value": look.p_value, "guardrail": seen.guardrail, "invalid": seen.invalid,
                "warned": seen.warned,
                "verdict": look.verdict, "reason": look.reason, "verdict_so_far": now, "level": plan.level,
                "side": plan.side, "least": plan.least,
            }
        )  # fmt: skip
    return rows


def _thousand(amount: float | None) -> float | None:
    return None if amount is None else 1000.0 * amount


def read_monitor(kind: type[NetBenefitMonitor], table: object) -> NetBenefitMonitor:
    """Carry out `NetBenefitMonitor.read`."""
    rows = rows_of_log(table, [field.name for field in FIELDS])
    if not rows:
        raise InputError("the table of looks has no rows, so it holds no plan. Declare NetBenefitMonitor(...) anew.")
    rows.sort(key=lambda row: count_of(row, "look"))  # stable: a table may come back in another order
    first = rows[0]
    for name in _PLAN:
        if any(row[name] != first[name] for row in rows):
            raise log_changed(f"the column {name!r} differs between looks; the plan is fixed before the first one")
    looks: dict[int, dict[tuple[str, str, float], dict[str, Any]]] = {}
    for row in rows:
        key = (str(row["arm"]), str(row["control"]), number_of(row, "threshold") or 0.0)
        look = looks.setdefault(count_of(row, "look"), {})
        if key in look:
            raise log_changed(f"look {row['look']} has more than one row of {key!r}")
        look[key] = row
    if list(looks) != list(range(1, len(looks) + 1)):
        raise log_changed(f"the looks are numbered {list(looks)!r}, not from 1 on without a gap")
    log = _declared(kind, first, list(next(iter(looks.values()))))
    for group in looks.values():
        log = _again(log, group)
    for made in monitor_rows(log):
        key = (str(made["arm"]), str(made["control"]), float(made["threshold"]))  # type: ignore[arg-type]
        compare_look(looks[count_of(made, "look")][key], made, numbers=_MADE, words=_WORDS)
    return log


def _declared(
    kind: type[NetBenefitMonitor], row: dict[str, Any], keys: list[tuple[str, str, float]]
) -> NetBenefitMonitor:
    pairs = list(dict.fromkeys((arm, control) for arm, control, _ in keys))
    options: dict[str, Any] = {
        "planned": count_of(row, "planned"), "thresholds": list(dict.fromkeys(threshold for *_, threshold in keys)),
        "level": float(row["level"]), "side": row["side"], "least": count_of(row, "least"),
    }  # fmt: skip
    if len({control for _, control in pairs}) == 1:
        return kind(arms=[arm for arm, _ in pairs], control=pairs[0][1], **options)
    before = {control: arm for arm, control in pairs}
    start = next((control for _, control in pairs if control not in {arm for arm, _ in pairs}), None)
    order = [] if start is None else [start]
    while order and order[-1] in before and len(order) <= len(pairs):
        order.append(before[order[-1]])
    if len(order) != len(pairs) + 1:
        raise log_changed(f"the contrasts {pairs!r} are no order of arms")
    return kind(order=order, **options)


def _again(log: NetBenefitMonitor, rows: dict[tuple[str, str, float], dict[str, Any]]) -> NetBenefitMonitor:
    """Take one look of the table again."""
    days = sorted({as_day(row["date"]).isoformat() for row in rows.values()})
    wanted = {(arm, control, threshold) for arm, control in log.plan.pairs for threshold in log.plan.thresholds}
    if len(days) > 1 or set(rows) != wanted:
        raise log_changed(f"the rows of the look of {days[0]} are not those of one look at the plan's contrasts")
    matured: dict[str, int] = {}
    woken: dict[str, int] = {}
    for (arm, control, _), row in rows.items():
        for name, end in ((arm, ""), (control, "_control")):
            told = count_of(row, f"n{end}"), count_of(row, f"events{end}")
            if matured.setdefault(name, told[0]) != told[0] or woken.setdefault(name, told[1]) != told[1]:
                raise log_changed(f"the rows of the look of {days[0]} differ in the persons or woken of {name!r}")
            if not 0 <= told[1] <= told[0]:
                raise log_changed(f"{name!r} has {told[1]} woken of {told[0]} persons at the look of {days[0]}")

    def read(pair: tuple[str, str], threshold: float, bound: float | None) -> Seen:
        row = rows[*pair, threshold]
        net, z = number_of(row, "net_benefit_per_1000"), number_of(row, "z")
        low, high = (number_of(row, f"net_benefit_{end}") for end in ("low", "high"))
        if bound is not None:  # JSON has no infinite numbers
            low, high = -math.inf if low is None else low, math.inf if high is None else high
        _check_figures(row, (net or 0.0, low, high), (z or 0.0, bound))
        return Seen(
            net=(net or 0.0) / 1000.0,
            z=z or 0.0,
            low=None if low is None else low / 1000.0,
            high=None if high is None else high / 1000.0,
            guardrail=text_of(row, "guardrail"),
            invalid=text_of(row, "invalid"),
            warned=text_of(row, "warned"),
        )

    return log.append(days[0], matured=matured, woken=woken, read=read)


def _check_figures(
    row: dict[str, Any], net: tuple[float, float | None, float | None], score: tuple[float, float | None]
) -> None:
    """What was measured cannot be made again from the log, but its parts must agree with one another."""
    (value, low, high), (z, bound) = net, score
    wrong = value * z < 0.0 or text_of(row, "guardrail") not in ("", "undecided", "harm")
    if bound is None or low is None or high is None:
        wrong = wrong or not (low is None and high is None)
    elif abs(abs(z) - bound) > _CLOSE * bound:
        above, below = low > 0.0, high < 0.0
        wrong = wrong or not low <= value <= high
        wrong = (
            wrong
            or above != (z > bound and row["side"] != "less")
            or below != (-z > bound and row["side"] != "greater")
        )
    if wrong:
        raise log_changed(
            f"net benefit, interval, z and guardrail of {row['arm']} at {row['threshold']} on {row['date']} contradict "
            "one another"
        )
