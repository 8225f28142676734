"""Credit on the experiment's own ground: the analysed persons, their windows, one conversion each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.columns import ColumnsLike, columns_for
from attribution.core.durations import microseconds, parse_duration
from attribution.core.errors import InputError, closest
from attribution.core.tables import Problems, open_table
from attribution.core.values import encode_together, instants, keys, labels
from attribution.models.protocol import checked_weights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.credit import Credit
    from experiments.readout import Readout

__all__ = ["Credited", "Ground", "credit_on", "ground_of"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Ground:
    """The persons that are compared.

    Attributes:
        person: Person keys, each once.
        arm: Position of each person's arm in the order; -1 for arms outside of it.
        start: Start of the window, microseconds UTC; None when windows are unknown.
        length: Length of the window in microseconds.
    """

    person: pa.Array
    arm: NDArray[np.int64]
    start: NDArray[np.int64] | None
    length: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Credited:
    """Credit of the first conversion in the window of each person.

    Attributes:
        models: Names of the models.
        channels: Names of the channels.
        credit: Models x arms x channels.
        touched: Group of channels x arms: conversions with a touch of the group.
        outside: Counted conversions of persons outside the arms, or outside their windows.
        later: Further conversions of the same persons in their windows.
        counted: Customers of each arm: persons with a conversion in the window.
        persons: Persons of each arm.
    """

    models: tuple[str, ...]
    channels: tuple[str, ...]
    credit: NDArray[np.float64]
    touched: NDArray[np.int64]
    outside: int
    later: int
    counted: NDArray[np.int64]
    persons: NDArray[np.int64]

    def credited(self, model: int, arms: Sequence[int], names: Sequence[str]) -> float:
        """Credit of a model to some channels among the persons of some arms."""
        codes = [self.channels.index(name) for name in names if name in self.channels]
        return float(self.credit[model][np.ix_(list(arms), codes)].sum())


def ground_of(
    readout: Readout,
    assignment: object,
    order: Sequence[str],
    *,
    metric: str,
    window: str | timedelta | None,
    columns: ColumnsLike,
) -> Ground:
    """The analysed persons with arm and window: from the outcomes of the readout, else from the assignment.

    Persons of strata that left the contrasts of the metric are not analysed: they stand outside of the arms. In the
    assignment a person with several rows counts as first assigned.

    Raises:
        InputError: When a step is no arm.
        TableError: When the assignment is unusable.
    """
    found = readout.outcomes
    if found is not None:
        arms = [str(arm) for arm in found.records.column("arm")]
        import pyarrow as pa

        person = pa.array(found.records.column("person_id"))
        return Ground(
            person=person,
            arm=np.where(_analysed(readout, metric), _places(arms, order), -1),
            start=found.assigned_at,
            length=microseconds(found.window),
        )
    return _from_assignment(assignment, order, window=window, columns=columns)


def _analysed(readout: Readout, metric: str) -> NDArray[np.bool_]:
    """Which persons of the outcomes stand in the strata that the metric's contrasts use."""
    found, layers = readout.outcomes, readout.experiment.layers
    if found is None or not layers:
        return np.ones(1, bool)
    kept = {tuple(map(str, cell)) for cell in readout.fit(metric).strata}
    cells = zip(*(found.records.column(name) for name in layers), strict=True)
    return np.array([tuple(map(str, cell)) in kept for cell in cells], bool)


def _from_assignment(
    assignment: object, order: Sequence[str], *, window: str | timedelta | None, columns: ColumnsLike
) -> Ground:
    problems = Problems()
    roles = columns_for(columns, "assignment")
    table = open_table(assignment, "assignment", roles, problems=problems, required=("person", "arm"))
    people, arms = keys(table, "person"), labels(table, roles.arm, missing=None)
    start = instants(table, "assigned_at") if table.has("assigned_at") else None
    problems.raise_if_any()
    if people is None or arms is None:
        raise InputError("the assignment needs a person and an arm in every row.")
    place = _places([str(name) for name in arms.names], order)[arms.codes]
    (codes,), _ = encode_together(people)
    # First assigned counts; rows of one instant are told apart by the arm, so that their order decides nothing.
    sorted_rows = np.lexsort((arms.codes, np.zeros(len(codes)) if start is None else start, codes))
    first = sorted_rows[np.unique(codes[sorted_rows], return_index=True)[1]]
    known = start is not None and window is not None
    return Ground(
        person=people.take(first),
        arm=place[first],
        start=start[first] if known and start is not None else None,
        length=microseconds(parse_duration(window, name="window")) if known and window is not None else 0,
    )


def _places(names: Sequence[str], order: Sequence[str]) -> NDArray[np.int64]:
    unknown = [arm for arm in order if arm not in set(names)]
    if unknown:
        hint = closest(unknown[0], set(names))
        raise InputError(f"steps name the arm {unknown[0]!r}, which the assignment does not hold. {hint}")
    place = {name: position for position, name in enumerate(order)}
    return np.array([place.get(name, -1) for name in names], dtype=np.int64)


def credit_on(credit: Credit, ground: Ground, arms: int, groups: Sequence[Sequence[str]]) -> Credited:
    """Sum credit over arms and channels on the ground of the experiment, piece by piece, in canonical order.

    Args:
        credit: The credit; its models and journeys are used, whatever its key.
        ground: The persons.
        arms: Number of arms in the order.
        groups: Groups of channels whose touched conversions are counted.
    """
    journeys = credit.journeys
    counted = journeys.counted
    arm, inside = _of_conversions(credit, ground)
    first = np.zeros(len(arm), bool)
    rows = np.flatnonzero(inside)
    first[rows[np.unique(counted.person[rows], return_index=True)[1]]] = True
    names = tuple(str(name) for name in journeys.touches.channel.names)
    width = max(len(names), 1)
    sums = np.zeros((len(credit.models), arms * width))
    touched = np.zeros((len(groups), arms), np.int64)
    member = np.array([[name in group for name in names] for group in groups], bool).reshape(len(groups), len(names))
    for pairs in journeys.pairs():
        conversion = pairs.conversion()
        used = first[conversion]
        channel = journeys.served.channel[pairs.touch[used]]
        cell = arm[conversion[used]] * width + channel
        arrays = journeys.arrays(pairs)
        for place, model in enumerate(credit.models):
            weights = checked_weights(model, arrays)[used]
            sums[place] += np.bincount(cell, weights=weights, minlength=arms * width)
        for place, channels in enumerate(member):
            hit = np.unique(conversion[used][channels[channel]])
            touched[place] += np.bincount(arm[hit], minlength=arms)
    return Credited(
        models=tuple(model.name for model in credit.models),
        channels=names,
        credit=sums.reshape(len(credit.models), arms, width),
        touched=touched,
        outside=int((~inside).sum()),
        later=int(inside.sum() - first.sum()),
        counted=np.bincount(arm[first], minlength=arms),
        persons=np.bincount(ground.arm[ground.arm >= 0], minlength=arms),
    )


def _of_conversions(credit: Credit, ground: Ground) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The arm of each counted conversion, and whether it lies in its person's window."""
    journeys = credit.journeys
    (known, here), names = encode_together(ground.person, journeys.persons)
    row_of_person = np.full(len(names), -1, np.int64)
    row_of_person[known] = np.arange(len(known))
    row = row_of_person[here][journeys.counted.person] if len(here) else np.empty(0, np.int64)
    arm = np.where(row >= 0, ground.arm[row], -1) if len(ground.arm) else np.full(len(row), -1)
    inside = arm >= 0
    if ground.start is not None and len(ground.start):
        since = journeys.counted.time - ground.start[row]
        inside &= (since >= 0) & (since < ground.length)
    return arm, inside
