"""Two arms of an experiment as arrays: who was treated, with which chance, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.columns import Columns
from attribution.core.errors import DesignError, InputError, closest
from attribution.core.findings import Finding
from attribution.core.values import keys, labels, numbers
from experiments.design.assignment_hash import unit_numbers
from experiments.metrics import Rate
from experiments.readout.analysis import open_outcomes, trust_findings
from experiments.readout.experiment import Experiment
from experiments.readout.guard import refuse_disguised, refuse_post

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.tables import Table

    Floats = NDArray[np.float64]

__all__ = ["Trial", "read_trial"]

_MOST_LEVELS = 50  # distinct words of a feature: each becomes a column
_FEWEST_DECIDED = 20  # as for segments: nothing known before is so sure of a return
_SALT = "uplift"
SHARES_ESTIMATED = "SHARES_ESTIMATED"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trial:
    """The persons of one arm and of the control, in an order that no row order changes.

    Attributes:
        arm: The treated arm.
        control: The control.
        person: Keys of the persons.
        treated: Who is in the arm.
        chance: Chance of each person to be in the arm rather than in the control.
        weight: How many assigned persons each one stands for, mean 1: strata whose persons were more often in other
            arms weigh more.
        cluster: Number of each person's unit of assignment.
        outcomes: Columns that were asked for, by name.
        table: The opened outcomes.
        rows: Row of the table of each person.
        units: Keys of the units of assignment, for folds.
        findings: Checks of the experiment.
    """

    arm: str
    control: str
    person: pa.Array
    treated: NDArray[np.bool_]
    chance: Floats
    weight: Floats
    cluster: NDArray[np.int64]
    outcomes: Mapping[str, Floats]
    table: Table
    rows: NDArray[np.int64]
    units: pa.Array
    findings: tuple[Finding, ...]

    def __len__(self) -> int:
        return len(self.treated)

    def folds(self, folds: int, seed: int, repeat: int) -> NDArray[np.int64]:
        """A fold for each person, by a hash of the unit of assignment."""
        numbers = unit_numbers(self.units, f"{_SALT} {seed} {repeat}")
        return np.asarray(numbers % np.uint64(folds), dtype=np.int64)

    def column(self, name: str) -> Floats:
        """A numeric or Boolean column of the outcomes, without gaps.

        Raises:
            TableError: When it is missing, no number or empty in places.
        """
        self.table.require_names(name)
        found = numbers(self.table, name) if name in self.table.names else None
        self.table.problems.raise_if_any()
        return np.empty(0) if found is None else found[self.rows]

    def features(self, names: Sequence[str]) -> Floats:
        """Numeric features as they are (a gap is nan), words as one column of 0 and 1 for each.

        Raises:
            TableError: For missing columns, or more than 50 different words in one.
        """
        made: list[Floats] = []
        for name in names:
            if not self.table.require_names(name):
                continue
            made += self._words(name) if self._is_text(name) else self._numbers(name)
        self.table.problems.raise_if_any()
        return np.column_stack(made)[self.rows]

    def _is_text(self, name: str) -> bool:
        import pyarrow.types as kinds

        kind = self.table.arrow(name).type
        if kinds.is_dictionary(kind):
            kind = kind.value_type
        return bool(kinds.is_string(kind) or kinds.is_large_string(kind))

    def _numbers(self, name: str) -> list[Floats]:
        found = numbers(self.table, name, missing=float("nan"))
        return [] if found is None else [found]

    def _words(self, name: str) -> list[Floats]:
        found = labels(self.table, name)
        if found is None:
            return []
        if len(found.names) > _MOST_LEVELS:
            self.table.problems.add(
                "TOO_MANY_SEGMENTS", self.table.name, name, len(found.names),
                message=f"a feature of words may have at most {_MOST_LEVELS} different ones, since each becomes a "
                "column; group them first",
            )  # fmt: skip
            return []
        return [(found.codes == level).astype(np.float64) for level in range(len(found.names))]


def read_trial(
    outcomes: object,
    experiment: Experiment | None,
    *,
    arm: str | None,
    columns: Sequence[str],
    known: Sequence[str] = (),
) -> Trial:
    """Read one arm and the control.

    Args:
        outcomes: One row per person.
        experiment: Gives arm, control, person, shares, strata, cluster; the default experiment otherwise.
        arm: The treated arm; needed when there are several.
        columns: Numeric columns measured after the assignment.
        known: Columns that must have been fixed before the assignment.

    Raises:
        TableError: With every problem of the table.
        DesignError: NO_HOLDOUT without persons in the control arm; POST_ASSIGNMENT for features known only later;
            CHANCE_VARIES when the declared chances differ inside a stratum.
        InputError: For an arm that is not there.
    """
    declared = Experiment({columns[0]: Rate(columns[0])}) if experiment is None else experiment
    refuse_post(known, declared.post, use="a feature")
    table = open_outcomes(declared, outcomes)
    table.require_names(*dict.fromkeys(columns))
    findings = trust_findings(declared, table, outcomes)
    table.problems.raise_if_any()
    _refuse_outcomes(table, known, columns[0])
    who, arms = keys(table, "person"), labels(table, declared.arm, missing=None)
    unit = declared.cluster or declared.person
    units = who if unit == declared.person else keys(replace(table, roles=Columns(person=unit)), "person")
    values = {name: numbers(table, name) for name in dict.fromkeys(columns)}
    layers = [labels(table, name, missing=None) for name in declared.layers]
    table.problems.raise_if_any()
    if who is None or arms is None or units is None:  # pragma: no cover - noted problems have been raised above
        raise InputError("the outcomes cannot be read.")
    names = [str(name) for name in arms.names]
    i, j = _sides(names, arm, str(declared.control))
    stratum = np.zeros(len(arms.codes), np.int64)
    for layer in layers:
        stratum = stratum * (len(layer.names) if layer else 1) + (layer.codes if layer else 0)
    chance, weight, estimated = _chances(table, declared, arms.codes, stratum, names, (i, j))
    order = np.argsort(unit_numbers(who, f"{_SALT} order"), kind="stable")
    kept = order[np.isin(arms.codes[order], (i, j))]
    inside = units.take(kept)
    found = (*findings, Finding(code=SHARES_ESTIMATED, status="note", values={})) if estimated else tuple(findings)
    return Trial(
        arm=names[i],
        control=names[j],
        person=who.take(kept),
        treated=arms.codes[kept] == i,
        chance=chance[kept],
        weight=weight[kept] / weight[kept].mean(),
        cluster=np.unique(np.asarray(unit_numbers(inside, _SALT)), return_inverse=True)[1].astype(np.int64),
        outcomes={name: value[kept] for name, value in values.items() if value is not None},
        table=table,
        rows=kept,
        units=inside,
        findings=found,
    )


def _refuse_outcomes(table: Table, known: Sequence[str], outcome: str) -> None:
    """A feature must not be the outcome, under its own or another name."""
    if outcome in known:
        raise InputError(f"the column {outcome!r} is the outcome and cannot be a feature.")
    happened = numbers(table, outcome, missing=0.0)
    if happened is None or not np.isin(happened, (0.0, 1.0)).all():
        return
    for name in known:
        if name not in table.names:
            continue
        empty = table.arrow(name).is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
        if not empty.any():
            refuse_disguised(table, (name,), outcome=outcome, use="a feature")
        elif _decided(happened[empty]) and _decided(happened[~empty]) and 0 < happened.sum() < len(happened):
            raise DesignError(
                "POST_ASSIGNMENT",
                f"the column {name!r} is empty for those without the event and filled for those with it (or the other "
                f"way round), so it says who has {outcome!r} and was not known before the assignment. Leave it out.",
            )


def _decided(happened: Floats) -> bool:
    """Whether all persons of a group, at least 20 of them, share one outcome."""
    return len(happened) >= _FEWEST_DECIDED and bool((happened == happened[0]).all())


def _sides(names: Sequence[str], arm: str | None, control: str) -> tuple[int, int]:
    others = [name for name in names if name != control]
    if arm is None and len(others) != 1:
        raise InputError(f"there are several arms ({', '.join(others)}); say which one with arm=.")
    chosen = others[0] if arm is None else str(arm)
    if chosen not in others:
        raise InputError(f"there is no treated arm {arm!r}. {closest(chosen, others)}")
    return names.index(chosen), names.index(control)


def _chances(
    table: Table,
    experiment: Experiment,
    codes: NDArray[np.int64],
    stratum: NDArray[np.int64],
    names: Sequence[str],
    sides: tuple[int, int],
) -> tuple[Floats, Floats, bool]:
    """Chance of the arm against the control, what each person stands for, and whether shares had to be counted."""
    shares = experiment.shares
    if shares is None:
        return (*_counted(codes, stratum, sides), True)
    if isinstance(shares, str):
        own = numbers(table, shares) if table.require_names(shares) else None
        table.problems.raise_if_any()
        return (*_declared_column(own, codes, stratum, sides), False)  # type: ignore[arg-type]
    declared = {str(name): float(share) for name, share in shares.items()}
    absent = [names[side] for side in sides if names[side] not in declared]
    if absent:
        raise InputError(f"shares name no share for the arm {absent[0]!r}. {closest(absent[0], declared)}")
    one, two = (declared[names[side]] for side in sides)
    return np.full(len(codes), one / (one + two)), np.ones(len(codes)), False


def _counted(codes: NDArray[np.int64], stratum: NDArray[np.int64], sides: tuple[int, int]) -> tuple[Floats, Floats]:
    cells = int(stratum.max(initial=0)) + 1
    everybody = np.bincount(stratum, minlength=cells)
    one, two = (np.bincount(stratum[codes == side], minlength=cells) for side in sides)
    both = np.maximum(one + two, 1)
    _need_both(one, two)
    return (one / both)[stratum], (everybody / both)[stratum]


def _declared_column(
    own: Floats, codes: NDArray[np.int64], stratum: NDArray[np.int64], sides: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Chances out of a column that holds each person's chance of the own arm: one value per stratum and arm."""
    cells = int(stratum.max(initial=0)) + 1
    found = []
    for side in sides:
        here = codes == side
        low, high = np.full(cells, np.inf), np.full(cells, -np.inf)
        np.minimum.at(low, stratum[here], own[here])
        np.maximum.at(high, stratum[here], own[here])
        if (high - low > 1e-9).any():
            raise DesignError(
                "CHANCE_VARIES",
                "the chance of the arm differs between persons of one stratum, so the chance that each of them had of "
                "the other arm is unknown. Declare the column that the shares follow as strata.",
            )
        found.append(low)
    one, two = found
    _need_both(np.isfinite(one), np.isfinite(two))
    both = one + two
    with np.errstate(invalid="ignore"):
        return (one / both)[stratum], (1.0 / both)[stratum]


def _need_both(one: NDArray[np.generic], two: NDArray[np.generic]) -> None:
    if bool(np.any((np.asarray(one) > 0) != (np.asarray(two) > 0))):
        raise DesignError(
            "NO_COMMON_STRATUM",
            "some stratum has persons of one arm only, so nobody there can be compared. Use coarser strata, or leave "
            "that stratum out of both arms.",
        )
