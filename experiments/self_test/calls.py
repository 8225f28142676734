"""What the published examples call: public functions by name, and the few steps that lead to a published number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.errors import WakeLiftError
from attribution.core.records import TabularResult

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["answer", "spoken", "take"]

_SHOWN = 48


def answer(call: str, args: Mapping[str, Any]) -> Any:
    """The result of a call of the shipped examples."""
    if call in _STEPS:
        return _STEPS[call](**args)
    import experiments as ex

    given = {name: _tupled(value) for name, value in args.items()}
    if "looks" in given and call.endswith("_bounds"):
        return getattr(ex, call)(given.pop("looks"), **given)
    return getattr(ex, call)(**given)


def take(result: Any, path: str) -> float | str | None:
    """The number at a path: a key or attribute after the other, parted by dots; "" is the result itself."""
    found = result
    for part in [path] if isinstance(result, Mapping) and path in result else path.split(".") if path else []:
        if part == "rows" and isinstance(found, TabularResult):
            found = found.to_dicts()
        elif isinstance(found, Mapping):
            found = found[part]
        elif part.isdigit():
            found = found[int(part)]
        else:
            found = getattr(found, part)
    return found if found is None or isinstance(found, str) else float(found)


def spoken(call: str, args: Mapping[str, Any], path: str) -> str:
    """The call as it could be typed, long data cut, with the path behind it."""
    shown = ", ".join(f"{name}={_cut(value)}" for name, value in args.items())
    return f"{call}({shown})" + (f".{path}" if path else "")


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _tupled(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tupled(item) for item in value)
    if isinstance(value, Mapping):
        return {name: _tupled(item) for name, item in value.items()}
    return value


# --- statistics ------------------------------------------------------------------------------------------------------


def _means_of_values(values: Sequence[float], control_values: Sequence[float]) -> Any:
    import experiments as ex

    sides = [np.asarray(side, dtype=float) for side in (values, control_values)]
    (n, m), (mean, other) = [len(side) for side in sides], [float(side.mean()) for side in sides]
    std, spread = [float(side.std(ddof=1)) for side in sides]
    return ex.compare_means(mean, std, n, other, spread, m)


def _rejections(p: Sequence[float], method: Any, level: float = 0.05) -> int:
    import experiments as ex

    return sum(value is not None and value <= level for value in ex.adjust_pvalues(p, method=method))


def _survival(durations: Sequence[float], ended: Sequence[int], times: Sequence[float]) -> dict[str, float | None]:
    import experiments as ex

    curve = ex.kaplan_meier(durations, ended)
    return {f"{time:g}": curve.at(time).value for time in times} | {"median": curve.quantile(0.5).value}


def _complier_counts(counts: Sequence[Sequence[int]]) -> Any:
    """Counts of [assigned, treated, outcome, persons]."""
    import experiments as ex

    rows = np.repeat([row[:3] for row in counts], [row[3] for row in counts], axis=0)
    return ex.complier_effect(rows[:, 0], rows[:, 1], rows[:, 2])


def _crossing_error(looks: int, *, root: bool) -> float:
    """Chance to reject under the null when the nominal z, or that over the root of the share seen, is every bound."""
    from experiments.inference.sequential.walk import cross
    from experiments.inference.tails import critical_value

    times = [k / looks for k in range(1, looks + 1)]
    limits = [critical_value(0.95, "two") / (time**0.5 if root else 1.0) for time in times]
    found = cross(times, [-limit for limit in limits], limits)
    return float(sum(found.upper) + sum(found.lower))


def _dunnett_limit(arms: int, level: float, side: Any) -> float:
    from experiments.design.planning.arms import dunnett_limit

    return float(dunnett_limit(arms, level=level, side=side))


# --- credit ----------------------------------------------------------------------------------------------------------


def _path_credit(
    paths: Sequence[str], conversions: Sequence[float], model: str, nulls: Sequence[float] | None = None
) -> dict[str, float]:
    """Credit by channel of counted paths."""
    import pandas as pd

    import attribution as at

    table = pd.DataFrame({"path": list(paths), "conversions": list(conversions)})
    counted = None
    if nulls is not None:
        table, counted = table.assign(nulls=list(nulls)), "nulls"
    rows = at.attribute_paths(table, models=model, nulls=counted).to_dicts()
    return {str(row["channel"]): float(row["conversions"]) for row in rows}


def _voting_power(permanent: int, others: int, needed: int) -> dict[str, float]:
    """Shapley values of a council in which every permanent member has a veto."""
    from attribution.models.shapley_games import exact_values

    players = permanent + others
    sets = np.arange(1 << players)
    veto = (1 << permanent) - 1
    passes = (np.bitwise_count(sets) >= needed) if hasattr(np, "bitwise_count") else _bits(sets) >= needed
    values = exact_values((passes & (sets & veto == veto)).astype(float), players)
    return {"permanent": float(values[0]), "other": float(values[-1])}


def _bits(sets: Any) -> Any:
    return np.array([int(one).bit_count() for one in sets])


def _game(worth_by_bits: Sequence[float], players: int) -> list[float]:
    from attribution.models.shapley_games import exact_values

    return [float(value) for value in exact_values(np.array(worth_by_bits, dtype=float), players)]


def _vendor_credit(example: Mapping[str, Any], case: Mapping[str, Any]) -> dict[str, float | None]:
    """Credit by channel under the preset of another tool."""
    import attribution as at

    options = dict(case["options"])
    if "report_start" in options:
        options["report_start"] = date.fromisoformat(options["report_start"])
    preset = at.vendor_preset(example["preset"], **options)
    touches, conversions = (_timed(example[name], names) for name, names in _TABLES.items())
    rows: Any
    if case.get("model") == "participation":
        rows = at.participation(at.build_journeys(touches, conversions, rules=preset.rules)).to_dicts()
    else:
        rows = at.attribute(touches, conversions, rules=preset.rules, models=_model(case, preset)).to_dicts()
    return {str(row["channel"]): row[case["measure"]] for row in rows}


_TABLES = {
    "touches": ["person_id", "time", "channel"],
    "conversions": ["person_id", "time", "conversion_id", "value"],
}


def _timed(rows: Sequence[Sequence[Any]], names: list[str]) -> Any:
    import pandas as pd

    table = pd.DataFrame([list(row) for row in rows], columns=names)
    return table.assign(time=pd.to_datetime(table["time"], utc=True, format="ISO8601"))


def _model(case: Mapping[str, Any], preset: Any) -> Any:
    import attribution as at

    if "position" in case:
        first, last, two = case["position"]
        return at.PositionBased(first=first, last=last, two=two)
    if "last_non_direct" in case:
        return at.LastNonDirect(direct=tuple(case["last_non_direct"]))
    for found in preset.models:
        if found.name == case["model"]:
            return found
    raise WakeLiftError(f"the preset has no model {case['model']!r}.")


_STEPS: dict[str, Callable[..., Any]] = {
    "means_of_values": _means_of_values,
    "rejections": _rejections,
    "survival": _survival,
    "complier_counts": _complier_counts,
    "crossing_error": _crossing_error,
    "dunnett_limit": _dunnett_limit,
    "path_credit": _path_credit,
    "voting_power": _voting_power,
    "game": _game,
    "vendor_credit": _vendor_credit,
}
