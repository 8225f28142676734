"""Ranks of channels with the sets of ranks that the data leave open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.randomness import check_seed, generator
from attribution.core.records import Field, Records
from attribution.core.render.display import Display, records_table
from attribution.credit.contrasts import Contrasts, check_by
from attribution.credit.interval_notes import sampling_notes, undefined_resamples
from attribution.credit.population import resolve_population
from attribution.credit.resampling import check_replicates
from attribution.credit.sampled import SampledResult

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from attribution.core.formats import ValueKind
    from attribution.credit.contrasts import By, Comparable
    from attribution.credit.credit import Credit

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["Ranks", "rank_credit", "rank_sets"]

_DRAWS = 10_000
_MOST = 300
_BUDGET = 2_000_000
_PURPOSE = "credit.ranks"
_EQUAL = 1e-12
_KINDS: dict[str, ValueKind] = {
    "conversions": "count", "value": "money", "cost_per_conversion": "money", "return_on_spend": "ratio",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Ranks(SampledResult):
    """One row per model and key: the figure, its rank, and rank_low and rank_high, the ranks that the data leave open.

    Rank 1 is the largest credit, or the lowest cost per conversion; equal figures have equal ranks. With the confidence
    `level`, the sets of all keys of one model hold their true ranks at the same time. They do not hold at the same time
    over several models. The row "(none)" has no rank, and so has a key without cost where the order is by cost.

    Attributes:
        records: The rows.
        by: The figure that orders.
        level: Confidence level of the sets of one model together.
        population: The persons at risk.
        resampled: The models of paths that were fitted to persons drawn anew, and the resamples that are left out.
        seed: Seed of the simulated critical values, and of the resampling of models of paths.
        replicates: Number of resamples.
    """

    by: str

    def _display(self) -> Display:
        costs = self.by in ("cost_per_conversion", "return_on_spend")
        rest = sampling_notes(
            self._credit, self.population, self.resampled, replicates=self.replicates, seed=self.seed, costs=costs
        )
        lines = [
            messages.text(f"RANKS.BY_{self.by.upper()}"),
            messages.text("RANKS.MEANING", {"level": self.level}),
            *rest,
            messages.text("RANKS.SEED", {"seed": self.seed, "n": _DRAWS}),
            messages.text("CREDIT.NOT_CAUSE"),
        ]
        return Display(messages.text("RANKS.TITLE"), (records_table(self.records), *lines))


def rank_credit(
    credit: Credit, *, by: By, level: float, population: int | None, seed: int, replicates: int | None
) -> Ranks:
    """Ranks of the keys of a credit with simultaneous confidence sets.

    Raises:
        InputError: For an unknown figure, a level outside (0, 1), more than 300 keys, or fewer than two.
    """
    level = check_level(level)
    check_by(credit, by)
    check_seed(seed)
    found = resolve_population(credit, population)
    size = credit.cells.credited
    if not 2 <= size <= _MOST:
        raise InputError(
            f"ranks compare 2 to {_MOST} keys with each other, got {size:,}. Ask for coarser keys with credit.by(...)."
        )
    wanted = check_replicates(replicates)
    contrasts = Contrasts.of(credit, population=found, seed=seed, replicates=wanted)
    order = [cell for cell in credit.cells.order().tolist() if cell < size]
    rows: list[dict[str, Any]] = []
    keys = [(key.name, credit.cells.values(place)) for place, key in enumerate(credit.cells.keys)]
    for model, name in contrasts.models():
        figure = contrasts.figure(model, by)
        ranks = rank_sets(figure, level, generator(seed, _PURPOSE))
        shown = 1 / np.where(figure.estimate > 0, figure.estimate, np.nan) if by == "cost_per_conversion" else None
        values = figure.estimate if shown is None else shown
        for cell in order:
            known = {key: texts[cell] for key, texts in keys}
            row = dict(zip(("rank", "rank_low", "rank_high"), ranks[:, cell].tolist(), strict=True))
            rows.append({"model": name, **known, by: float(values[cell]), **{k: _whole(v) for k, v in row.items()}})
    fields = [Field("model", "text"), *(Field(name, "text") for name, _ in keys), Field(by, _KINDS[by])]
    fields += [Field("rank", "count"), Field("rank_low", "count"), Field("rank_high", "count")]
    records = Records.from_rows(fields, rows)
    return Ranks(
        records=records,
        by=by,
        level=level,
        population=found,
        resampled=undefined_resamples(credit, contrasts.spreads),
        seed=seed,
        replicates=wanted,
        _credit=credit,
    )


def _whole(value: float) -> int | None:
    return None if np.isnan(value) else int(value)


def rank_sets(figure: Comparable, level: float, random: Generator) -> Floats:
    """Rank, lowest and highest possible rank of every cell (3 x cells); nan where the figure is undefined.

    A pair of cells is told apart when its difference exceeds c times its standard error, with c the quantile at `level`
    of the largest such ratio over all pairs under their joint normal distribution. The best rank of a cell is one more
    than the number of cells that are told to be above it.

    References:
        Mogstad, Romano, Shaikh and Wilhelm 2024, Inference for ranks with applications to mobility across
        neighbourhoods and academic achievement across countries, Review of Economic Studies 91, 476-518.
    """
    found = np.full((3, len(figure.estimate)), np.nan)
    known = np.flatnonzero(~np.isnan(figure.estimate))
    estimate, covariance = figure.estimate[known], figure.covariance()[np.ix_(known, known)]
    spread = np.diagonal(covariance)
    error = np.sqrt(np.maximum(spread[:, None] + spread[None, :] - 2 * covariance, 0.0))
    largest = float(error.max(initial=0.0))
    error[error < _EQUAL * largest] = 0.0
    critical = _critical(covariance, error, level, random)
    difference = estimate[:, None] - estimate[None, :]  # of the row over the column
    size = np.maximum(np.abs(estimate[:, None]), np.abs(estimate[None, :]))
    above = difference > np.maximum(critical * error, _EQUAL * size)
    found[0, known] = 1 + (difference > _EQUAL * size).sum(axis=0)
    found[1, known] = 1 + above.sum(axis=0)
    found[2, known] = len(known) - above.sum(axis=1)
    return found


def _critical(covariance: Floats, error: Floats, level: float, random: Generator) -> float:
    """Quantile of the largest |difference| / error over all pairs, simulated from the joint normal distribution."""
    from scipy.special import ndtri

    single = float(ndtri(0.5 + level / 2))
    left, right = np.nonzero(np.triu(error > 0))
    if len(left) < 2:
        return single
    # The symmetric root is unique, whatever signs an eigenvector comes with.
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    scale = error[left, right]
    largest = np.empty(_DRAWS)
    chunk = max(1, _BUDGET // len(left))
    for start in range(0, _DRAWS, chunk):
        drawn = random.standard_normal((min(chunk, _DRAWS - start), len(covariance))) @ root
        largest[start : start + len(drawn)] = (np.abs(drawn[:, left] - drawn[:, right]) / scale).max(axis=1)
    return max(single, float(np.quantile(largest, level, method="higher")))
