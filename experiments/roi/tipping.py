"""Which assumption would turn a verdict, and how far it would have to be off."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display
from experiments.metrics import Rate
from experiments.readout.experiment import Experiment
from experiments.roi.acceptability import net_of
from experiments.roi.net_benefit import FEW_EVENTS
from experiments.roi.result import CostThresholds
from experiments.roi.segment_cells import By, by_columns
from experiments.roi.tipping_prices import Key, PricedPart, nearest_factors, read_part
from experiments.roi.tipping_table import NO_VALUE, NOT_TRIED, tipping_tables
from experiments.roi.unseen import least_unseen
from experiments.roi.verdicts import decide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.roi.contrasts import ContrastCosts
    from experiments.roi.result import Judged

__all__ = ["Alternatives", "Tipping", "tipping"]

_SAME = 1e-9  # relative difference up to which two cost differences are one
_BEYOND = 1e-6  # relative step past the end of a set, to read the word there

Alternatives = Mapping[str, Mapping[object, "CostThresholds | Callable[[], CostThresholds]"]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Tipping(TabularResult):
    """For every verdict and every assumption the value at which the word would change.

    Attributes:
        records: One row per verdict, assumption and direction. ``base``: the value that the analysis used; ``tips_at``:
            the nearest value at which the word changes; ``becomes``: the word there; ``setting``: the same for
            alternatives, whose values are words; ``note``: NO_VALUE when no value changes it, or what overrides the
            interval.
        recipe: Definitions.
    """

    records: Records
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        return Display(messages.text("TIPPING.title"), (*tipping_tables(self.records), *self.recipe.sentences()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tip:
    """Where a word changes."""

    assumption: str
    unit: str
    base: float | None
    at: float | None = None
    setting: str = ""
    becomes: str = ""
    note: str = ""


def tipping(  # noqa: PLR0913 -- keyword-only options of a public function
    pays: CostThresholds,
    *,
    alternatives: Alternatives | None = None,
    base: Mapping[str, object] | None = None,
    outcomes: object = None,
    prices: Sequence[str] = ("touch_cost", "incentive_cost", "fixed_cost"),
    experiment: Experiment | None = None,
    woken: str = "woken",
    cost: str = "cost",
    by: By = None,
) -> Tipping:
    """Which value of each assumption would change each verdict.

    Every row of `cost_thresholds` is taken by itself (`verdict_unadjusted`), and every assumption alone, the others as
    they are:

    - ``value``: the value T of a woken customer; the ends of the undecided set, exact.
    - ``cost_factor``: what all costs are multiplied with; T over those ends, exact, since multiplying costs by f asks
      the same as dividing T by f.
    - ``leakage``: share of the control who were treated all the same, their costs not booked. The difference in waking
      is then (1 - share) of what silence would have shown, which asks the same as T / (1 - share): exact. (Where their
      costs are booked as well, both differences shrink alike and no share changes the word; beyond the `leak_limit`
      of the call a measured leak makes the verdict INVALID.)
    - ``unseen_treated``, ``unseen_control``: share of the arm's persons who woke though the outcomes say that they did
      not (late bookings, another product, another identity); the smallest whole number of persons is searched, their
      costs being as booked.
    - each column of ``prices``, when the outcomes are handed in: what that part of everybody's cost is multiplied with
      (a unit price that doubles doubles it), between 0 and 1,000, found by halving. Not with clusters.
    - alternatives: window, cap, look-back or whatever else was computed again; each setting that was handed in is
      looked up, and nothing is said of settings that were not.

    It says how far one assumption would have to be off, and not how likely that is.

    Args:
        pays: The verdicts.
        alternatives: Assumption to setting to its verdicts, or to a function without arguments that computes them:
            ``{"window": {"14d": lambda: ..., "60d": ...}}``.
        base: The setting that `pays` itself used, by assumption, to be printed.
        outcomes: The outcomes that `pays` was computed from, for the parts of the cost.
        prices: Columns that are parts of the full cost.
        experiment: The experiment of `pays`; needed with outcomes when there was one.
        woken: Column of the event.
        cost: Column of the full cost.
        by: Column(s) of the segments of `pays`.

    Returns:
        One row per verdict, assumption and direction; NO_VALUE where no value changes the word; the reason alone where
        the verdict does not rest on its interval (INVALID, FEW_EVENTS).

    Raises:
        InputError: Something else than `CostThresholds` was given or computed, or the outcomes are not those of `pays`.
        TableError: A column of the outcomes is missing or has empty cells.

    Verified against scans over each assumption (tests).

    Example:
        >>> import pandas as pd, experiments as ex
        >>> rows = [("sms", 1, 20.2)] * 160 + [("sms", 0, 0.2)] * 3840
        >>> rows += [("holdout", 1, 0.0)] * 80 + [("holdout", 0, 0.0)] * 3920
        >>> table = pd.DataFrame(rows, columns=["arm", "woken", "cost"]).assign(person_id=range(8_000))
        >>> found = ex.tipping(ex.cost_thresholds(table, thresholds=[85])).to_dicts()
        >>> [(row["assumption"], round(row["tips_at"], 3)) for row in found if row["becomes"] == "INCONCLUSIVE"]
        [('value', 72.986), ('cost_factor', 1.165), ('unseen_control', 0.002)]
    """
    if not isinstance(pays, CostThresholds):
        raise InputError(f"tipping needs the result of cost_thresholds, got {type(pays).__name__}.")
    computed = {name: _computed(name, settings) for name, settings in (alternatives or {}).items()}
    parts: dict[str, PricedPart | None] = {}
    if outcomes is not None:
        declared = Experiment({woken: Rate(woken)}) if experiment is None else experiment
        alike = {"woken": woken, "cost": cost, "by": by_columns(by)}
        clustered = declared.cluster is not None
        for part in prices:
            parts[part] = None if clustered else read_part(outcomes, declared, part=part, **alike)  # type: ignore[arg-type]
    rows = [
        _row(row, tip)
        for row in pays.judged
        for tip in (*_tips(row, pays, computed, base or {}), *_prices(row, pays, parts))
    ]
    segmented = any(row.contrast.segment is not None for row in pays.judged)
    fields = (
        Field("arm", "text"),
        Field("control", "text"),
        *((Field("segment", "text"),) if segmented else ()),
        Field("threshold", "money"),
        Field("verdict", "text"),
        Field("assumption", "text"),
        Field("unit", "text"),
        Field("base", "number"),
        Field("tips_at", "number"),
        Field("setting", "text"),
        Field("becomes", "text"),
        Field("note", "text"),
    )
    recipe = Recipe(method="tipping", definitions=("TIPPING", "TIPPING_LEAKAGE", "TIPPING_UNSEEN"))
    return Tipping(records=Records.from_rows(fields, rows), recipe=recipe)


def _row(row: Judged, tip: _Tip) -> dict[str, object]:
    return {
        "arm": row.contrast.arm, "control": row.contrast.control, "segment": row.contrast.segment,
        "threshold": row.threshold, "verdict": row.unadjusted.word, "assumption": tip.assumption, "unit": tip.unit,
        "base": tip.base, "tips_at": tip.at, "setting": tip.setting or None, "becomes": tip.becomes or None,
        "note": tip.note,
    }  # fmt: skip


def _computed(name: str, settings: Mapping[object, object]) -> dict[str, CostThresholds]:
    made: dict[str, CostThresholds] = {}
    for label, given in settings.items():
        found = given() if callable(given) else given
        if not isinstance(found, CostThresholds):
            raise InputError(
                f"alternatives[{name!r}][{label!r}] must be the result of cost_thresholds, or a function without "
                f"arguments that gives one, got {type(found).__name__}."
            )
        made[str(label)] = found
    return made


def _tips(
    row: Judged, pays: CostThresholds, computed: Mapping[str, Mapping[str, CostThresholds]], base: Mapping[str, object]
) -> list[_Tip]:
    """Every tip of one verdict."""
    held = _held(row)
    if held:
        bases = {"value": row.threshold, "cost_factor": 1.0}
        found = [_Tip(assumption=name, unit=_UNITS[name], base=bases.get(name, 0.0), note=held) for name in _UNITS]
    else:
        found = [*_of_value(row, pays), *_unseen(row, pays)]
    for name, settings in computed.items():
        found.append(_alternative(row, name, settings, base.get(name)))
    return found


def _held(row: Judged) -> str:
    """Why a verdict does not rest on its interval; "" where it does."""
    verdict = row.unadjusted
    return verdict.reason if verdict.word == "INVALID" or verdict.reason == FEW_EVENTS else ""


_UNITS = {
    "value": "money", "cost_factor": "factor", "leakage": "share", "unseen_treated": "share", "unseen_control": "share",
}  # fmt: skip


def _word(row: Judged, contrast: ContrastCosts, threshold: float, pays: CostThresholds) -> str:
    net = net_of(contrast, threshold, level=pays.level, side=pays.side, variance=pays.variance)
    return decide(net, guardrails=row.guardrails).word


def _ends(row: Judged, pays: CostThresholds) -> list[tuple[float, str]]:
    """The nearest thresholds below and above at which the word changes, and the word beyond."""
    found, word = row.cost.undecided, row.unadjusted.word
    ends = sorted(end for end in (found.low, found.high) if 0.0 < end < math.inf)
    tips: list[tuple[float, str]] = []
    for side in (-1.0, 1.0):
        beyond = [end for end in ends if (end - row.threshold) * side > 0.0]
        for end in sorted(beyond, key=lambda one: abs(one - row.threshold)):
            there = _word(row, row.contrast, end * (1.0 + side * _BEYOND), pays)
            if there != word:
                tips.append((end, there))
                break
    return tips


def _of_value(row: Judged, pays: CostThresholds) -> list[_Tip]:
    """Value, cost factor and leakage, all of which ask about another threshold."""
    ends = _ends(row, pays)
    at_zero = row.threshold == 0.0  # a value of 0 stays 0, whatever it is divided by
    factors = [] if at_zero else [(row.threshold / end, word) for end, word in ends]
    leaks = [(1.0 - factor, word) for factor, word in factors if factor < 1.0]
    return [*_told("value", row.threshold, ends), *_told("cost_factor", 1.0, factors), *_told("leakage", 0.0, leaks)]


def _told(name: str, base: float, tips: Sequence[tuple[float, str]]) -> list[_Tip]:
    unit = _UNITS[name]
    if not tips:
        return [_Tip(assumption=name, unit=unit, base=base, note=NO_VALUE)]
    return [_Tip(assumption=name, unit=unit, base=base, at=at, becomes=word) for at, word in tips]


def _unseen(row: Judged, pays: CostThresholds) -> list[_Tip]:
    """Shares of each arm that woke unseen."""
    made = []
    for name, treated in (("unseen_treated", True), ("unseen_control", False)):
        found = least_unseen(
            row.contrast,
            treated=treated,
            changes=lambda contrast: (
                None if (word := _word(row, contrast, row.threshold, pays)) == row.unadjusted.word else word
            ),
        )
        made += _told(name, 0.0, [] if found is None else [found])
    return made


def _prices(row: Judged, pays: CostThresholds, parts: Mapping[str, PricedPart | None]) -> list[_Tip]:
    """Factors of single parts of the cost."""
    made: list[_Tip] = []
    contrast = row.contrast
    for name, part in parts.items():
        tip = _Tip(
            assumption=name, unit="factor", base=1.0, note=_held(row) or (NOT_TRIED if part is None else NO_VALUE)
        )
        if part is None or _held(row):
            made.append(tip)
            continue
        pair, key = [(contrast.arm, contrast.control)], (contrast.arm, contrast.control, contrast.segment)
        same = part.contrasts(pair, 1.0).get(key)
        off = None if same is None else abs(same.difference("cost") - contrast.difference("cost"))
        if same is None or off is None or off > _SAME * max(abs(contrast.difference("cost")), 1e-9):
            raise InputError(
                f"the outcomes do not give the contrast {contrast.arm!r} vs {contrast.control!r} (segment "
                f"{contrast.segment!r}) of these verdicts. Hand in the outcomes, experiment= and by= of theirs."
            )

        def changes(factor: float, part: PricedPart = part, key: Key = key) -> str | None:
            word = _word(row, part.contrasts([key[:2]], factor)[key], row.threshold, pays)
            return None if word == row.unadjusted.word else word

        found = nearest_factors(changes)
        made += [_Tip(assumption=name, unit="factor", base=1.0, at=at, becomes=word) for at, word in found] or [tip]
    return made


def _alternative(row: Judged, name: str, settings: Mapping[str, CostThresholds], base: object) -> _Tip:
    """The first setting with another word, and all words that were seen."""
    words: dict[str, str] = {}
    for label, other in settings.items():
        same = [
            one for one in other.judged
            if (one.contrast.arm, one.contrast.control, one.contrast.segment, one.threshold)
            == (row.contrast.arm, row.contrast.control, row.contrast.segment, row.threshold)
        ]  # fmt: skip
        words[label] = same[0].unadjusted.word if same else NOT_TRIED
    told = "; ".join(f"{label}: {word}" for label, word in words.items())
    tip = next(((at, word) for at, word in words.items() if word not in (row.unadjusted.word, NOT_TRIED)), None)
    shown = "" if base is None else f"{base}: {row.unadjusted.word}; "
    if tip is None:
        code = NOT_TRIED if set(words.values()) <= {NOT_TRIED} else NO_VALUE
        return _Tip(assumption=name, unit="setting", base=None, note="; ".join(x for x in (code, shown + told) if x))
    return _Tip(assumption=name, unit="setting", base=None, setting=tip[0], becomes=tip[1], note=f"{shown}{told}")
