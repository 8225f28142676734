"""One campaign of a programme, and its persons as arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.errors import DesignError, InputError
from experiments.outcomes.result import Outcomes
from experiments.readout.analysis import open_outcomes
from experiments.readout.experiment import Experiment
from experiments.roi.segment_cells import by_columns, segment_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.tables import Table

__all__ = ["Persons", "ProgrammeCampaign", "StandingVerdict", "read_persons"]

_FEWEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingVerdict:
    """A verdict that a campaign's own post-mortem gave.

    Attributes:
        arm: The treated arm.
        control: What it was compared with.
        threshold: What one woken customer was allowed to cost; None for realised money.
        word: PASS, FAIL, INCONCLUSIVE or INVALID.
        segment: The segment; None for everybody.

    Example:
        >>> import experiments as ex
        >>> ex.StandingVerdict(arm="sms", control="digital", threshold=85.0, word="PASS").word
        'PASS'
    """

    arm: str
    control: str
    threshold: float | None
    word: str
    segment: str | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ProgrammeCampaign:
    """A campaign as one of several.

    Attributes:
        outcomes: One row per assigned person, with the full cost (as `build_outcomes` makes them).
        as_of: The date of its data; campaigns are put in this order.
        experiment: Names of arm, control, person, strata; the default experiment on the column ``woken`` when absent.
        threshold: What a woken customer is worth, one amount or a mapping of segment to its own: the profit of a person
            is then threshold x woken - cost.
        by: Column or columns of the segments of a mapping of thresholds.
        value: Column of realised margin, instead of a threshold: the profit is value - cost.
        woken: Column of the event.
        cost: Column of the full cost.
        verdicts: The verdicts that its post-mortem gave.
    """

    outcomes: Any
    as_of: date
    experiment: Experiment | None = None
    threshold: float | Mapping[str, float] | None = None
    value: str | None = None
    woken: str = "woken"
    cost: str = "cost"
    verdicts: tuple[StandingVerdict, ...] = field(default=())
    by: str | Sequence[str] | None = None

    def __post_init__(self) -> None:
        if (self.threshold is None) == (self.value is None):
            raise InputError(
                "a campaign of a programme declares what a woken customer is worth (threshold=60), or the column of "
                f"realised margin (value='value'): one of the two; got threshold={self.threshold!r}, "
                f"value={self.value!r}."
            )
        if isinstance(self.threshold, Mapping) != (self.by is not None):
            raise InputError(
                "a mapping of segment to threshold and by=, the column of the segments, go together: got "
                f"threshold={self.threshold!r}, by={self.by!r}."
            )
        for amount in _amounts(self.threshold):
            if isinstance(amount, bool) or not isinstance(amount, Real) or not 0.0 <= amount < math.inf:
                raise InputError(f"threshold must be a finite amount of at least 0, got {amount!r}.")
        if not isinstance(self.as_of, date) or isinstance(self.as_of, datetime):
            raise InputError(f"as_of must be a date, got {self.as_of!r}.")


def _amounts(threshold: float | Mapping[str, float] | None) -> list[float]:
    if threshold is None:
        return []
    return list(threshold.values()) if isinstance(threshold, Mapping) else [threshold]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Persons:
    """The persons of a campaign in the strata in which every arm has two or more.

    Attributes:
        key: The persons' ids as they came.
        cell: Number of the stratum and arm of each.
        stratum: Number of the stratum of each cell.
        treated: Whether each cell is one of a treated arm.
        held_out: Whether each person is in the control.
        net: Profit of each person.
        woken: 0 or 1.
        start: Start of each person's window in microseconds, where the outcomes know it.
        window: Length of the window in microseconds; 0 where it is unknown.
        left: Persons in strata that take no part.
        left_strata: How many such strata.
    """

    key: pa.Array
    cell: NDArray[np.int64]
    stratum: NDArray[np.int64]
    treated: NDArray[np.bool_]
    held_out: NDArray[np.bool_]
    net: NDArray[np.float64]
    woken: NDArray[np.float64]
    start: NDArray[np.int64] | None
    window: int
    left: int
    left_strata: int


def read_persons(name: str, campaign: ProgrammeCampaign) -> Persons:
    """The persons of a campaign.

    Raises:
        TableError: Missing columns, empty cells, repeated persons, text where numbers are expected.
        DesignError: NO_HOLDOUT, NO_COMMON_STRATUM; CLUSTERED_PROGRAMME where persons were assigned together.
    """
    experiment = campaign.experiment or _default(campaign)
    if experiment.cluster is not None:
        raise DesignError(
            "CLUSTERED_PROGRAMME",
            f"campaign {name!r} assigned clusters ({experiment.cluster!r}); a programme adds campaigns up person by "
            "person. Leave it out of the programme, and read its own post-mortem.",
        )
    table = open_outcomes(experiment, campaign.outcomes)
    amounts = [column for column in (campaign.cost, campaign.value) if column is not None]
    if not table.require_names(campaign.woken, *amounts) or table.problems.issues:
        table.problems.raise_if_any()
    woken = _numbers(table, campaign.woken)
    cost, value = (_numbers(table, column) for column in (campaign.cost, campaign.value or campaign.woken))
    if not table.problems.issues and not np.isin(woken, (0.0, 1.0)).all():
        wrong = int((~np.isin(woken, (0.0, 1.0))).sum())
        table.problems.add("NOT_BINARY", table.name, campaign.woken, wrong, message="the event is 0 or 1 per person")
    table.problems.raise_if_any()
    worth = _worth(name, table, campaign)
    table.problems.raise_if_any()
    arms, stratum = _codes(table, experiment.arm), _strata(table, experiment)
    held_out = arms.codes == arms.code_of(str(experiment.control), name)
    cell, keep, cells, left = _cells(name, stratum, arms.codes, arms.size, held_out)
    outcomes = campaign.outcomes
    return Persons(
        key=table.arrow(experiment.person).filter(_mask(keep)),
        cell=cell, stratum=cells.stratum, treated=cells.treated, held_out=held_out[keep],
        net=(worth * value - cost)[keep], woken=woken[keep],
        start=outcomes.assigned_at[keep] if isinstance(outcomes, Outcomes) else None,
        window=int(outcomes.window.total_seconds() * 1_000_000) if isinstance(outcomes, Outcomes) else 0,
        left=int((~keep).sum()), left_strata=left,
    )  # fmt: skip


def _worth(name: str, table: Table, campaign: ProgrammeCampaign) -> float | NDArray[np.float64]:
    """What the event of each person is worth; a column that is missing is noted."""
    threshold = campaign.threshold
    if not isinstance(threshold, Mapping):
        return 1.0 if threshold is None else threshold
    columns = by_columns(campaign.by)
    if not table.require_names(*columns):
        return 1.0
    coded = [_codes(table, column) for column in columns]
    kinds, which = np.unique(np.column_stack([part.codes for part in coded]), axis=0, return_inverse=True)
    values = []
    for kind in kinds.tolist():
        parts = tuple(part.names[code] for part, code in zip(coded, kind, strict=True))
        segment = str(segment_name(parts))
        # As the verdicts read it: the whole segment, else its first column alone.
        found = threshold.get(segment, threshold.get(parts[0]))
        if found is None:
            raise InputError(
                f"campaign {name!r} has no threshold for the segment {segment!r}; every segment needs one."
            )
        values.append(found)
    return np.array(values, float)[which.reshape(-1)]


def _default(campaign: ProgrammeCampaign) -> Experiment:
    from experiments.metrics import Rate

    return Experiment({campaign.woken: Rate(campaign.woken)})


def _mask(keep: NDArray[np.bool_]) -> pa.Array:
    import pyarrow as pa

    return pa.array(keep)


def _numbers(table: Table, column: str) -> NDArray[np.float64]:
    """A column of amounts without gaps; what is none is noted."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = table.arrow(column)
    if not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_boolean(array.type)
            or pa.types.is_decimal(array.type)):  # fmt: skip
        table.problems.add(
            "WRONG_TYPE", table.name, column, len(array), message=f"the column holds {array.type}, not numbers"
        )
        return np.zeros(len(array))
    numbers = np.asarray(
        pc.cast(array, pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False), float
    )
    odd = ~np.isfinite(numbers)
    if odd.any():
        table.problems.add(
            "NULL_OUTCOME", table.name, column, int(odd.sum()),
            message="some persons have no finite amount; fill the column, 0 where nothing happened",
        )  # fmt: skip
    return numbers


@dataclass(frozen=True, slots=True, eq=False)
class _Coded:
    """A column of names as numbers."""

    codes: NDArray[np.int64]
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.names)

    def code_of(self, control: str, campaign: str) -> int:
        if control not in self.names:
            listed = ", ".join(map(repr, self.names[:10])) or "none"
            raise DesignError(
                "NO_HOLDOUT",
                f"campaign {campaign!r} has no person in the control arm {control!r}; its arms are {listed}.",
            )
        return self.names.index(control)


def _codes(table: Table, column: str) -> _Coded:
    from attribution.core.values import encode_together

    coded, names = encode_together(table.arrow(column))
    return _Coded(np.asarray(coded[0], np.int64), tuple(map(str, names)))


def _strata(table: Table, experiment: Experiment) -> NDArray[np.int64]:
    whole = np.zeros(table.rows, np.int64)
    for column in experiment.layers:
        coded = _codes(table, column)
        whole = np.unique(whole * coded.size + coded.codes, return_inverse=True)[1].astype(np.int64)
    return whole


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Stratum and kind of every cell."""

    stratum: NDArray[np.int64]
    treated: NDArray[np.bool_]


def _cells(
    name: str, stratum: NDArray[np.int64], arm: NDArray[np.int64], arms: int, held_out: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], _Cells, int]:
    """Cell of each kept person, who is kept, what the cells are, and how many strata take no part."""
    counted = np.bincount(stratum * arms + arm, minlength=(int(stratum.max(initial=-1)) + 1) * arms).reshape(-1, arms)
    whole = np.asarray((counted >= _FEWEST).all(axis=1))
    if arms < _FEWEST or not whole.any():
        raise DesignError(
            "NO_COMMON_STRATUM", f"campaign {name!r} has no stratum with two persons of every arm. Use coarser strata."
        )
    keep = whole[stratum]
    number = np.cumsum(whole) - 1
    control = int(arm[held_out][0]) if held_out.any() else -1
    return (
        number[stratum[keep]] * arms + arm[keep],
        keep,
        _Cells(np.repeat(np.arange(int(whole.sum())), arms), np.tile(np.arange(arms) != control, int(whole.sum()))),
        int((~whole & (counted.sum(axis=1) > 0)).sum()),
    )
