"""How long does it take, when not everybody has been followed to the end?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.estimates import Estimate, check_level
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from attribution.core.values import encode_together
from experiments.inference.counts import one_number
from experiments.inference.survival import Limits, check_limits, product_limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.render.display import Display
    from experiments.inference.survival import ProductLimit

__all__ = ["KaplanMeier", "kaplan_meier"]

messages.register("experiments")

_FIELDS = (
    Field("group", "text"), Field("time"), Field("at_risk", "count"), Field("events", "count"),
    Field("censored", "count"), Field("survival", "rate"), Field("low", "rate"), Field("high", "rate"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class KaplanMeier(TabularResult):
    """Survival curves by group.

    Columns of the table: group ("" without groups), time (each distinct duration), at_risk, events, censored,
    survival (share that lasts longer), low, high (pointwise).

    Attributes:
        curves: The curve of each group, by name; "" without groups.
        recipe: How they were made.
    """

    curves: Mapping[str, ProductLimit]
    recipe: Recipe

    def at(self, time: float, *, group: str | None = None) -> Estimate:
        """The share that lasts longer than a time, with its pointwise interval.

        Beyond the last spell that was followed nothing is known: BEYOND_FOLLOW_UP.

        Raises:
            InputError: For an unknown group, or when there are several and none is named.
        """
        when = one_number("time", time, positive=True)
        return self._curve(group).value(when, level=self._level, limits=self._limits)

    def quantile(self, share: float = 0.5, *, group: str | None = None) -> Estimate:
        """The first time by which a share has ended; an interval's end that the data do not reach is ``inf``.

        Raises:
            InputError: For a share outside (0, 1), and as `at`.
        """
        return self._curve(group).quantile(one_number("share", share), level=self._level, limits=self._limits)

    def restricted_mean(self, horizon: float, *, group: str | None = None) -> Estimate:
        """The mean of the times, each cut at the horizon.

        Raises:
            InputError: For a horizon of 0 or less, and as `at`.
        """
        return self._curve(group).restricted_mean(one_number("horizon", horizon), level=self._level)

    def _curve(self, group: str | None) -> ProductLimit:
        if group is None and len(self.curves) == 1:
            return next(iter(self.curves.values()))
        if group is None:
            raise InputError(f"there are several groups: name one with group=. There are {', '.join(self.curves)}.")
        if str(group) not in self.curves:
            raise InputError(f"there is no group {group!r}. {closest(str(group), list(self.curves))}")
        return self.curves[str(group)]

    @property
    def _level(self) -> float:
        return float(self.recipe.settings["level"])  # type: ignore[arg-type]

    @property
    def _limits(self) -> Limits:
        return check_limits(str(self.recipe.settings["limits"]))

    def _records(self) -> Records:
        parts: list[list[Any]] = [[] for _ in _FIELDS]
        for name, curve in self.curves.items():
            low, high = curve.limits(level=self._level, limits=self._limits)
            columns = (
                [name] * len(curve.time), curve.time, curve.at_risk, curve.events, curve.censored, curve.survival, low,
                high,
            )  # fmt: skip
            for part, column in zip(parts, columns, strict=True):
                part.append(np.asarray(column, dtype=object if column is columns[0] else None))
        joined: list[Any] = [np.concatenate(part) for part in parts]
        return Records(_FIELDS, tuple(joined))

    def _display(self) -> Display:
        from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label

        named = [DisplayColumn(messages.text(f"SURVIVAL.{name}"), "count") for name in ("spells", "ended")]
        median_column = DisplayColumn(messages.text("SURVIVAL.median"), "number")
        columns = (DisplayColumn(column_label("group"), "text"), *named, median_column)
        rows = []
        for name, curve in self.curves.items():
            median = self.quantile(group=name)
            told = messages.text(median.note) if median.note else ""
            rows.append((name, curve.n, int(curve.events.sum()), Cell(median.value, median.low, median.high, told)))
        shown = DisplayTable(columns, tuple(rows))
        title = messages.text("SURVIVAL.title", {"level": self._level})
        return Display(title, (shown, *self.recipe.sentences()))


def kaplan_meier(
    durations: object,
    observed: object = None,
    *,
    groups: object = None,
    persons: object = None,
    level: float = 0.95,
    limits: Limits = "log-log",
) -> KaplanMeier:
    """Estimate how long spells last when some of them have not ended yet.

    Estimand: S(t), the share of spells that last longer than t. Assumes that how long a spell could be followed tells
    nothing about how long it would last. A spell that ends and one that is censored at the same duration: the end
    comes first. With several spells of a person, name the persons: the variance is then that of persons.

    Args:
        durations: Length of each spell in any unit, as far as it was seen; numbers of 0 or more.
        observed: Whether each was seen to end (True or 1) or is still running (False or 0); None: all ended.
        groups: A label of each spell, for one curve per label.
        persons: Whose spell it is; text or whole numbers. None: no person has two.
        level: Confidence level of all intervals.
        limits: Scale of the pointwise limits, which is also that of the quantiles' limits: "log-log" (stays inside 0
            and 1, best with few events), "log" or "plain".

    Returns:
        The curves, with ``at``, ``quantile`` and ``restricted_mean``.

    Raises:
        InputError: For no spells, unequal lengths, negative or undefined durations, flags other than true and false.

    References:
        Kaplan and Meier (1958), JASA 53:457. Brookmeyer and Crowley (1982), Biometrics 38:29 (quantiles). Therneau and
        Grambsch (2000), Modeling Survival Data (variance over persons).

    Verified against: survival::survfit in R (curve, limits on all scales, quantiles, restricted mean, robust variance
    with cluster=) and statsmodels' SurvfuncRight; see docs/methods/survival.md.

    Example:
        >>> import experiments as ex
        >>> found = ex.kaplan_meier([3, 5, 5, 8, 13, 21], [1, 1, 0, 1, 1, 0])
        >>> found.quantile().value, round(found.at(5).value, 3)
        (8.0, 0.667)
    """
    check_level(level)
    check_limits(limits)
    length = _durations(durations)
    ended = np.ones(len(length), bool) if observed is None else _flags(observed)
    labels, names = (None, [""]) if groups is None else _labels("groups", groups)
    who = None if persons is None else _labels("persons", persons)[0]
    for name, column in (("observed", ended), ("groups", labels), ("persons", who)):
        if column is not None and len(column) != len(length):
            raise InputError(f"{name} has {len(column)} entries, durations {len(length)}. Give one for every spell.")
    # Sums over persons are of floats: spells in an order of their own make them the same for any order given.
    order = np.lexsort([column for column in (ended, length, who) if column is not None])
    length, ended = length[order], ended[order]
    labels, who = (None if column is None else column[order] for column in (labels, who))
    curves = {}
    for i, name in enumerate(names):
        chosen = np.arange(len(length)) if labels is None else np.flatnonzero(labels == i)
        own = None if who is None else np.unique(who[chosen], return_inverse=True)[1].astype(np.int64)
        curves[name] = product_limit(length[chosen], ended[chosen], own)
    columns = {"duration": length, "observed": ended}
    columns |= {} if labels is None else {"group": labels}
    columns |= {} if who is None else {"person": who}
    people = len(length) if who is None else len(np.unique(who))
    return KaplanMeier(
        curves=curves,
        recipe=Recipe(
            method="kaplan_meier", definitions=("KAPLAN_MEIER" if who is None else "KAPLAN_MEIER_PERSONS",),
            settings={"level": level, "limits": limits}, n={"spells": len(length), "persons": people},
            fingerprint=fingerprint(columns),
        ),
    )  # fmt: skip


def _durations(durations: object) -> NDArray[np.float64]:
    try:
        found: NDArray[np.float64] = np.asarray(durations, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("durations must be numbers in one unit (days, hours), one for every spell.") from None
    if found.ndim != 1 or not len(found):
        raise InputError(f"durations must be one row of at least one number, got shape {found.shape}.")
    wrong = ~np.isfinite(found) | (found < 0.0)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{int(wrong.sum())} of {len(found)} durations are negative or undefined, for example entry {row} "
            f"({found[row]}). A spell that has not ended has the length seen so far, and observed=False."
        )
    return found


def _flags(observed: object) -> NDArray[np.bool_]:
    found = np.asarray(observed)
    if found.ndim == 1 and found.dtype == bool:
        return found
    if found.ndim == 1 and found.dtype.kind in "iufO":
        good = [bool(value == 0) or bool(value == 1) for value in found.tolist()]
        if all(good):
            return found.astype(bool)
    raise InputError("observed must be true or false (or 1 and 0) for every spell, without gaps.")


def _labels(name: str, values: object) -> tuple[NDArray[np.int64], list[str]]:
    import pyarrow as pa

    try:
        array: pa.Array = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError):
        raise InputError(f"{name} must be text or whole numbers of one kind, one for every spell.") from None
    if array.null_count or pa.types.is_nested(array.type):
        raise InputError(f"{name} must be text or whole numbers, got {array.null_count} empty entries; name them.")
    (codes,), names = encode_together(array)
    return codes, [str(each) for each in names]
