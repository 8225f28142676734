"""Does one channel have more credit than another?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.estimates import check_level
from attribution.core.randomness import check_seed
from attribution.core.records import Field, Records
from attribution.core.render.display import Display, column_label, records_table
from attribution.credit.contrasts import Contrasts
from attribution.credit.interval_notes import sampling_notes, undefined_resamples
from attribution.credit.population import resolve_population
from attribution.credit.resampling import check_replicates
from attribution.credit.sampled import SampledResult
from attribution.credit.uncertainty import hall, hall_ends

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from attribution.credit.contrasts import By, Comparable
    from attribution.credit.credit import Credit

__all__ = ["Beats", "beats"]

_EQUAL = 1e-12


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Beats(SampledResult):
    """One row per model and figure: the difference first - second with its interval, and a one-sided p-value.

    Figures: conversions, value, share (of the attributed conversions), and with costs return_on_spend (credited value
    per unit of cost) and conversions_per_cost. ``p_value`` is for "the first has no more than the second": small
    values speak for the first. It is below (1 - level) / 2 exactly when the interval lies above 0.

    Attributes:
        records: The rows.
        first: The key that is asked about.
        second: The key that it is held against.
        level: Confidence level of each interval by itself.
        joint: The p-value of "ahead in every model" per figure: the largest p-value over the models.
        population: The persons at risk.
        resampled: The models of paths that were fitted to persons drawn anew, and the resamples that are left out.
        seed: Seed of the resampling of models of paths.
        replicates: Number of resamples.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    joint: Mapping[str, float | None]

    def _display(self) -> Display:
        names = {"first": " / ".join(self.first), "second": " / ".join(self.second)}
        lines = [messages.text("BEATS.MEANING", {**names, "level": self.level})]
        if len(set(self.records.column("model"))) > 1:
            lines += [
                messages.text("BEATS.JOINT", {**names, "figure": column_label(figure), "p": p})
                for figure, p in self.joint.items()
                if p is not None
            ]
        lines += sampling_notes(
            self._credit, self.population, self.resampled, replicates=self.replicates, seed=self.seed
        )
        lines.append(messages.text("CREDIT.NOT_CAUSE"))
        return Display(messages.text("BEATS.TITLE", names), (records_table(self._shown()), *lines))

    def _shown(self) -> Records:
        columns = [
            [column_label(name) for name in column] if field.name == "figure" else column
            for field, column in zip(self.records.fields, self.records.columns, strict=True)
        ]
        return Records(self.records.fields, tuple(columns))


def beats(  # noqa: PLR0913 - the options of the public method
    credit: Credit,
    first: str | Sequence[str],
    second: str | Sequence[str],
    *,
    model: str | None,
    level: float,
    population: int | None,
    seed: int,
    replicates: int | None,
) -> Beats:
    """Differences between two keys of a credit in every model.

    Raises:
        InputError: For an unknown key or model, the same key twice, a level outside (0, 1).
    """
    level = check_level(level)
    check_seed(seed)
    found = resolve_population(credit, population)
    one, one_key = _cell(credit, first)
    two, two_key = _cell(credit, second)
    if one == two:
        raise InputError(f"a key cannot beat itself; name two keys, got {' / '.join(one_key)!r} twice.")
    names = [each.name for each in credit.models]
    if model is not None and model not in names:
        raise InputError(f"the credit has no model {model!r}. {closest(str(model), names)}")
    wanted = check_replicates(replicates)
    contrasts = Contrasts.of(credit, population=found, seed=seed, replicates=wanted)
    contrast = np.zeros((1, credit.cells.credited))
    contrast[0, [one, two]] = 1.0, -1.0
    rows: list[dict[str, Any]] = []
    for place, name in contrasts.models():
        if model is not None and name != model:
            continue
        for label, by in _figures(credit):
            figure = contrasts.figure(place, by)
            rows.append({"model": name, "figure": label, **_row(figure, contrast, level)})
    joint: dict[str, float | None] = {}
    for label, _ in _figures(credit):
        values = [row.get("p_value") for row in rows if row["figure"] == label]
        known = [value for value in values if value is not None]
        joint[label] = max(known) if len(known) == len(values) else None
    return Beats(
        records=Records.from_rows(_FIELDS, rows),
        first=one_key,
        second=two_key,
        level=level,
        joint=joint,
        population=found,
        resampled=undefined_resamples(credit, contrasts.spreads),
        seed=seed,
        replicates=wanted,
        _credit=credit,
    )


_FIELDS = (
    Field("model", "text"),
    Field("figure", "text"),
    Field("first", "number"),
    Field("second", "number"),
    Field("difference", "number"),
    Field("difference_low", "number"),
    Field("difference_high", "number"),
    Field("p_value", "p"),
)


def _figures(credit: Credit) -> list[tuple[str, By]]:
    found: list[tuple[str, By]] = [("conversions", "conversions"), ("share", "share")]
    worth = credit.journeys.conversions.has_value
    if worth:
        found.insert(1, ("value", "value"))
    if credit.spend is not None:
        found.append(("conversions_per_cost", "cost_per_conversion"))
        if worth:
            found.append(("return_on_spend", "return_on_spend"))
    return found


def _cell(credit: Credit, key: str | Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """The credited cell of a key, and the key's text."""
    asked = (key,) if isinstance(key, str) else tuple(str(part) for part in key)
    cells = credit.cells
    if len(asked) != len(cells.keys):
        names = ", ".join(each.name for each in cells.keys)
        raise InputError(f"a key of this credit has {len(cells.keys)} parts ({names}), got {asked!r}.")
    texts = list(zip(*(cells.values(place) for place in range(len(cells.keys))), strict=True))[: cells.credited]
    if asked not in texts:
        listed = [" / ".join(text) for text in texts]
        raise InputError(f"no credit has the key {' / '.join(asked)!r}. {closest(' / '.join(asked), listed)}")
    return texts.index(asked), asked


def _row(figure: Comparable, contrast: NDArray[np.float64], level: float) -> dict[str, float | None]:
    """The difference, its interval and its p-value; None where a figure is undefined.

    The wider of the normal interval and the one bent for skewness holds at either end: when the two keys are equal
    there is no skewness to take out, and what a small sample shows of it would make the test too eager.
    """
    from scipy.special import ndtr, ndtri

    first, second = (float(figure.estimate[contrast[0] == sign][0]) for sign in (1.0, -1.0))
    if np.isnan(first) or np.isnan(second):
        return {"first": _known(first), "second": _known(second)}
    difference = np.array([first - second])
    variance, third = figure.moments(contrast)
    scale = max(abs(first), abs(second))
    difference = np.where(np.abs(difference) > _EQUAL * scale, difference, 0.0)
    variance = np.where(variance > (_EQUAL * scale) ** 2, variance, 0.0)
    bent = hall_ends(difference, variance, third, level)
    error = np.sqrt(variance)
    half = float(ndtri(0.5 + level / 2)) * error
    ends = {
        "difference_low": float(np.minimum(bent[0], difference - half)[0]),
        "difference_high": float(np.maximum(bent[1], difference + half)[0]),
    }
    p_value = 0.0 if difference[0] > 0 else 1.0  # what does not vary leaves no doubt
    if variance[0] > 0:
        t = difference / error
        p_value = float(ndtr(-np.minimum(t, hall(t, third / error**3)))[0])
    return {"first": first, "second": second, "difference": float(difference[0]), **ends, "p_value": p_value}


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
