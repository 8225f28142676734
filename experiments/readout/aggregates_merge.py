"""Aggregates of disjoint groups of persons as one."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from attribution.core.findings import Finding
from experiments.moments import merge_moments
from experiments.readout.aggregates import Aggregates, Part, finish

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.moments import Moments
    from experiments.moments.counted import Floats

__all__ = ["merge_aggregates"]


def merge_aggregates(*parts: Aggregates) -> Aggregates:
    """Aggregates of days, branches or systems as one, as if they had been made from all rows together.

    Assumptions: every person is in one part only. Aggregates hold no person, so this cannot be checked here.

    Args:
        *parts: Aggregates of the same metrics by the same key columns.

    Returns:
        The aggregates of all of them; the cells of several parts are merged with centred updates.

    Raises:
        InputError: When the parts do not fit together, with every mismatch.

    References:
        Chan, Golub, LeVeque (1983), The American Statistician 37:242; Pebay (2008), SAND2008-6212.

    Verified against: the aggregates of all rows, to 1e-10.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=2_000, seed=7)
        >>> outcomes = ex.build_outcomes(c.assignment, c.conversions, window="28d", as_of=c.as_of).table()
        >>> spec = ex.Experiment({"value": ex.Mean("value")}, shares="p_assign")
        >>> parts = [spec.aggregate(rows) for rows in (outcomes[:900], outcomes[900:])]
        >>> int(ex.merge_aggregates(*parts).persons.sum()) == len(outcomes)
        True
    """
    if not parts or not all(isinstance(part, Aggregates) for part in parts):
        kinds = ", ".join(type(part).__name__ for part in parts) or "nothing"
        raise InputError(f"merge_aggregates needs aggregates, got {kinds}; read a table with read_aggregates.")
    mismatches = [line for i, part in enumerate(parts[1:], 2) for line in _mismatches(parts[0], part, i)]
    if mismatches:
        raise InputError("the aggregates do not fit together:\n  " + "\n  ".join(mismatches))
    if len(parts) == 1:
        return parts[0]
    merged = {name: _merge([part.parts[name] for part in parts]) for name in parts[0].parts}
    cells = next(iter(merged.values())).moments.cells
    values = {"parts": len(parts)}
    return finish(
        parts[0].keys, merged, _shares(parts, cells), min_cell=max(part.min_cell for part in parts),
        findings=[Finding(code="AGGREGATES_MERGED", status="note", values=values)],
    )  # fmt: skip


def _mismatches(first: Aggregates, other: Aggregates, place: int) -> list[str]:
    found = []
    if first.keys != other.keys:
        found.append(f"part {place} is by {', '.join(other.keys)}, part 1 by {', '.join(first.keys)}")
    for i, key in enumerate(first.keys if first.keys == other.keys else ()):
        kinds = [", ".join(sorted({type(cell[i]).__name__ for cell in part.cells})) for part in (first, other)]
        if kinds[0] != kinds[1]:
            found.append(f"the key {key!r} is {kinds[0]} in part 1 and {kinds[1]} in part {place}; nothing would meet")
    for name in first.parts.keys() | other.parts.keys():
        if name not in other.parts or name not in first.parts:
            found.append(f"the metric {name!r} is in part {1 if name in first.parts else place} only")
            continue
        one, two = first.parts[name].inputs, other.parts[name].inputs
        found += [
            f"{what} of the metric {name!r}: {getattr(one, what)!r} in part 1, {getattr(two, what)!r} in part {place}"
            for what in ("columns", "limits", "fill", "covariates")
            if getattr(one, what) != getattr(two, what)
        ]
    if (first.shares is None) != (other.shares is None):
        found.append(f"the assignment probability is in part {1 if other.shares is None else place} only")
    return sorted(found)


def _merge(parts: Sequence[Part]) -> Part:
    """One metric of all parts; the constant of a missing covariate becomes that of all persons."""
    inputs = parts[0].inputs
    lacking = [column for column in inputs.covariates if any(column in part.constants for part in parts)]
    constants = {column: _constant(column, parts) for column in lacking}
    labels = (*inputs.columns, *inputs.covariates, *(f"no {column}" for column in lacking))
    moments = reduce(merge_moments, [_rebased(part, labels, constants) for part in parts])
    return Part(inputs=inputs, moments=moments, constants=constants)


def _constant(column: str, parts: Sequence[Part]) -> float:
    """Mean of a covariate over the persons of all parts who have it; 0 where nobody does."""
    total = known = 0.0
    for part in parts:
        moments, constant = part.moments, part.constants.get(column, 0.0)
        n, means = moments.n.astype(np.float64), np.where(moments.n[:, None] > 0, moments.means, 0.0)
        flag = f"no {column}"
        absent = means[:, moments.labels.index(flag)] if flag in moments.labels else np.zeros(len(n))
        total += float(np.sum(n * (means[:, moments.labels.index(column)] - constant * absent)))
        known += float(np.sum(n * (1.0 - absent)))
    return total / known if known > 0.5 else 0.0


def _rebased(part: Part, labels: tuple[str, ...], constants: Mapping[str, float]) -> Moments:
    """The moments with all coordinates of `labels`, and the covariates' constants changed to those of all parts."""
    moments = part.moments
    turn = np.zeros((len(labels), len(moments.labels)))
    for i, label in enumerate(labels):
        if label in moments.labels:
            turn[i, moments.labels.index(label)] = 1.0
    for column, constant in constants.items():
        flag = f"no {column}"
        if flag in moments.labels:
            turn[labels.index(column), moments.labels.index(flag)] = constant - part.constants[column]
    turned: Floats = moments.means @ turn.T
    return replace(moments, labels=labels, means=turned, products=turn @ moments.products @ turn.T)


def _shares(parts: Sequence[Aggregates], cells: Sequence[tuple[object, ...]]) -> tuple[Floats, Floats] | None:
    if parts[0].shares is None:
        return None
    place = {cell: position for position, cell in enumerate(cells)}
    low, high = np.full(len(cells), np.inf), np.full(len(cells), -np.inf)
    for part in parts:
        where = np.array([place[cell] for cell in part.cells], dtype=np.int64)
        if part.shares is not None:
            low[where] = np.fmin(low[where], part.shares[0])
            high[where] = np.fmax(high[where], part.shares[1])
    return low, high
