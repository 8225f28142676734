"""Two models at a time: how much changes hands, how alike the ranks are, which channels swap places."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from attribution.compare.keys import heading
from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, DisplayColumn, DisplayTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.compare.keys import Shares

__all__ = ["ModelPairs", "RankAgreement", "model_pairs", "rank_agreement"]

_NAMED = 3
_BLOCK = 1_000_000  # comparisons of two channels held at once
_FIELDS = (
    Field("model_a", "text"),
    Field("model_b", "text"),
    Field("reassigned", "rate"),
    Field("conversions", "count"),
    Field("rank_correlation", "ratio"),
    Field("swaps", "count"),
    Field("swapped", "text"),
    Field("note", "text"),
)


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class ModelPairs(TabularResult):
    """One row per pair of models: reassigned, conversions, rank_correlation, swaps, swapped, note.

    Attributes:
        records: The rows, in the order of the models.
    """

    records: Records

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        columns = tuple(DisplayColumn(heading(field.name), field.kind) for field in self.records.fields)
        rows = self.records.to_dicts()
        for row in rows:
            row["note"] = messages.text(f"COMPARE.{row['note']}") if row["note"] else ""
        table = DisplayTable(columns, tuple(tuple(row.values()) for row in rows))
        lines = (messages.text("COMPARE.PAIRS_MEANING"), messages.text("CREDIT.NOT_CAUSE"))
        return Display(messages.text("COMPARE.PAIRS_TITLE"), (table, *lines))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RankAgreement:
    """How two lists of shares order the same channels.

    Attributes:
        tau: Kendall's tau-b; None where it is not defined.
        note: Why not: ONE_CHANNEL or EQUAL_SHARES.
        swaps: Number of pairs of channels in opposite order.
        widest: Up to three of them as (leads under the first, leads under the second), the widest first.
    """

    tau: float | None
    note: str | None
    swaps: int
    widest: list[tuple[int, int]]


def model_pairs(found: Shares) -> ModelPairs:
    """Compare the models two by two."""
    distance = found.distance()
    rows: list[dict[str, object]] = []
    for first, second in combinations(range(len(found.models)), 2):
        row: dict[str, object] = {"model_a": found.models[first], "model_b": found.models[second]}
        rows.append(row)
        if not found.attributed:
            row["note"] = "NOTHING_ATTRIBUTED"
            continue
        agreement = rank_agreement(found.rounded[first], found.rounded[second])
        names = [f"{found.labels[a]} ⇄ {found.labels[b]}" for a, b in agreement.widest]
        more = ["…"] if agreement.swaps > len(names) else []
        row |= {
            "reassigned": float(distance[first, second]),
            "conversions": float(distance[first, second]) * found.attributed,
            "rank_correlation": agreement.tau,
            "swaps": agreement.swaps,
            "swapped": "; ".join(names + more),
            "note": agreement.note,
        }
    return ModelPairs(records=Records.from_rows(_FIELDS, rows))


def rank_agreement(first: NDArray[np.float64], second: NDArray[np.float64]) -> RankAgreement:
    """Kendall's tau-b, (C - D) / sqrt((pairs not tied in the first) (pairs not tied in the second)), and the swaps.

    References:
        Kendall, M. G. (1945). The treatment of ties in ranking problems. Biometrika 33, 239-251.
    """
    size = len(first)
    agree = swaps = apart_first = apart_second = 0
    strongest: list[tuple[float, int, int]] = []
    step = max(1, _BLOCK // max(size, 1))
    for begin in range(0, size, step):
        stop = min(begin + step, size)
        later = np.arange(size)[None, :] > np.arange(begin, stop)[:, None]
        left = np.where(later, first[begin:stop, None] - first[None, :], 0.0)
        right = np.where(later, second[begin:stop, None] - second[None, :], 0.0)
        product = np.sign(left) * np.sign(right)
        agree += int((product > 0).sum())
        swaps += int((product < 0).sum())
        apart_first += int((left != 0).sum())
        apart_second += int((right != 0).sum())
        strongest = _strongest(strongest, left, right, product, begin)
    widest = [(a, b) if first[a] > first[b] else (b, a) for _, a, b in strongest]
    tau = note = None
    if size < 2:
        note = "ONE_CHANNEL"
    elif not apart_first or not apart_second:
        note = "EQUAL_SHARES"
    else:
        tau = (agree - swaps) / float(np.sqrt(float(apart_first) * float(apart_second)))
    return RankAgreement(tau=tau, note=note, swaps=swaps, widest=widest)


def _strongest(
    known: list[tuple[float, int, int]],
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    product: NDArray[np.float64],
    begin: int,
) -> list[tuple[float, int, int]]:
    """The swaps with the widest gap; the gap of a swap is the smaller of the two models' gaps."""
    rows, columns = np.nonzero(product < 0)
    gaps = np.minimum(np.abs(left[rows, columns]), np.abs(right[rows, columns]))
    order = np.lexsort([columns, rows, -gaps])[:_NAMED]
    more = [
        (-gap, begin + row, column)
        for gap, row, column in zip(gaps[order].tolist(), rows[order].tolist(), columns[order].tolist(), strict=True)
    ]
    return sorted([*known, *more])[:_NAMED]
