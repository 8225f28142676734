"""Contrasts at other prices: one part of the cost multiplied, everything else as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from experiments.metrics import MetricInputs
from experiments.moments import CostMoments, metric_rows
from experiments.readout.analysis import open_outcomes
from experiments.roi.contrasts import build_contrasts
from experiments.roi.reading import fill_of
from experiments.roi.segment_cells import segment_name
from experiments.roi.undecidable import decidable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from experiments.moments.counted import Counts, Floats
    from experiments.moments.rows import MetricRows
    from experiments.readout.experiment import Experiment
    from experiments.roi.contrasts import ContrastCosts

__all__ = ["PricedPart", "nearest_factors", "read_part"]

Key = tuple[str, str, str | None]

_STEP = 1.25
_LARGEST = 1_000.0
_SMALLEST = 0.001
_HALVINGS = 40


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PricedPart:
    """Cost and one part of it, among the woken and the others of every cell.

    Attributes:
        heads: Segment, stratum and arm of each cell.
        n: Persons of each cell: woken, others.
        means: Means of cost and part, events by cells by two.
        products: Centred sums of products, events by cells by two by two.
    """

    heads: tuple[tuple[object, object, object], ...]
    n: Counts
    means: Floats
    products: Floats

    def contrasts(self, pairs: Sequence[tuple[str, str]], factor: float) -> dict[Key, ContrastCosts]:
        """Every contrast when the part costs so many times as much, in the segments that can be compared."""
        extra = factor - 1.0
        mean = self.means[:, :, 0] + extra * self.means[:, :, 1]
        squares = self.products[:, :, 0, 0] + 2.0 * extra * self.products[:, :, 0, 1]
        squares = squares + extra * extra * self.products[:, :, 1, 1]
        freedom = np.where(self.n > 1, self.n - 1.0, np.nan)
        variance = np.maximum(squares, 0.0) / freedom
        segment, stratum, arm = zip(*self.heads, strict=True)
        moments = CostMoments(
            segment=segment, stratum=stratum, arm=arm, n=self.n.sum(axis=0), woken=self.n[0], mean_woken=mean[0],
            variance_woken=variance[0], mean_other=mean[1], variance_other=variance[1],
        )  # fmt: skip
        made, _ = build_contrasts(decidable(moments, pairs[0][1])[0], pairs)
        return {(one.arm, one.control, one.segment): one for one in made}


def read_part(
    outcomes: object, experiment: Experiment, *, woken: str, cost: str, part: str, by: Sequence[str]
) -> PricedPart:
    """Take the statistics of cost and one part of it.

    Raises:
        TableError: Missing columns, empty cells.
        InputError: The outcomes cannot be read.
    """
    from experiments.moments.centred import centre

    table = open_outcomes(experiment, outcomes)
    fill = fill_of(table, experiment, (woken, cost, part))
    inputs = MetricInputs(columns=(woken, cost, part), limits=(None, None, None), fill=fill)
    rows = metric_rows(table, inputs, keys=(*by, *experiment.layers, experiment.arm))
    if rows is not None and (lost := int(rows.persons.sum() - rows.count.sum())):
        table.problems.add(
            "NULL_OUTCOME", table.name, f"{woken}, {cost}, {part}", lost,
            message="a number is missing; write 0 only where 0 is known",
        )  # fmt: skip
    table.problems.raise_if_any()
    if rows is None:  # pragma: no cover - a problem was noted, so the line above has raised
        raise InputError("the outcomes cannot be read.")
    size, found = len(rows.cells), []
    for event in (1.0, 0.0):
        mine = rows.values[:, 0] == event
        found.append(centre(rows.cell[mine], rows.values[mine, 1:3], rows.count[mine], size))
    return PricedPart(
        heads=_heads(rows, wide=len(by), layers=len(experiment.layers)),
        n=np.array([one[0] for one in found]),
        means=np.array([one[1] for one in found]),
        products=np.array([one[2] for one in found]),
    )


def _heads(rows: MetricRows, *, wide: int, layers: int) -> tuple[tuple[object, object, object], ...]:
    def single(part: tuple[object, ...]) -> object:
        return None if not part else part[0] if len(part) == 1 else part

    return tuple(
        (segment_name(single(cell[:wide])), single(cell[wide : wide + layers]), cell[wide + layers])
        for cell in rows.cells
    )


def nearest_factors(changes: Callable[[float], str | None]) -> list[tuple[float, str]]:
    """The nearest factors below and above 1 at which a word changes, and the word there.

    Factors from 0.001 to 1,000, and 0, are looked at in steps of a quarter, then halved; a word that changes and
    changes back within one step is not seen.

    Args:
        changes: The word at a factor when it is another one than at 1, else None.

    Example:
        >>> found = nearest_factors(lambda factor: "FAIL" if factor > 2.0 else None)
        >>> [(round(factor, 9), word) for factor, word in found]
        [(2.0, 'FAIL')]
    """
    found = []
    for step, end in ((1.0 / _STEP, _SMALLEST), (_STEP, _LARGEST)):
        kept, factor = 1.0, step
        while (word := changes(factor)) is None and (factor > end if step < 1.0 else factor < end):
            kept, factor = factor, factor * step
        if word is None and step < 1.0:
            kept, factor = factor, 0.0
            word = changes(0.0)
        if word is None:
            continue
        for _ in range(_HALVINGS):
            middle = 0.5 * (kept + factor)
            if changes(middle) is None:
                kept = middle
            else:
                factor = middle
        found.append((factor, changes(factor) or word))
    return found
