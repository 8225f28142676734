"""How far the treatment came with each person: stages from columns of the outcomes, or from a log of touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.columns import Columns, columns_for
from attribution.core.durations import microseconds
from attribution.core.errors import DesignError, InputError
from attribution.core.tables import Problems, open_table
from attribution.core.values import duplicates, keys, labels, numbers, same_key_kind
from attribution.touches import read_touches
from experiments.outcomes.numbering import number_keys
from experiments.outcomes.result import Outcomes
from experiments.readout.guard import refuse_post

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table
    from attribution.core.values import Labels

    Stages = Sequence[str] | Mapping[str, str | Sequence[str]]

__all__ = ["ReachedPersons", "Sources", "read_reached"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sources:
    """Where the columns are.

    Attributes:
        arm: Column of the assigned arm.
        control: The control arm.
        person: Column of the person.
        outcome: Column of the outcome; None when no effects are wanted.
        strata: Column of the strata; None without.
        cluster: Column of the clusters; None without.
        channels: Channels of the touches that count; None for all.
        columns: The user's names of the columns of the touches.
    """

    arm: str
    control: str
    person: str
    outcome: str | None
    strata: str | None
    cluster: str | None
    channels: Sequence[str] | None
    columns: ColumnsLike


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReachedPersons:
    """One entry per assigned person.

    Attributes:
        arm: Assigned arm.
        stages: Names of the stages, in order.
        logged: Persons by stages: what the data say.
        outcome: The outcome; None when none was named.
        stratum: Strata; None without.
        cluster: Clusters; None without.
    """

    arm: Labels
    stages: tuple[str, ...]
    logged: NDArray[np.bool_]
    outcome: NDArray[np.float64] | None
    stratum: Labels | None
    cluster: Labels | None
    unseen: tuple[Mapping[str, object], ...] = ()

    @property
    def reached(self) -> NDArray[np.bool_]:
        """Persons by stages: a stage counts as reached when a later one was logged."""
        return np.logical_or.accumulate(self.logged[:, ::-1], axis=1)[:, ::-1]


def read_reached(outcomes: object, stages: Stages, sources: Sources, touches: object) -> ReachedPersons:
    """Read arms, stages, outcome, strata and clusters; all problems of both tables in one error.

    Raises:
        TableError: Unusable tables.
        InputError: Stages that cannot be used.
        DesignError: NO_HOLDOUT, ONE_ARM, POST_ASSIGNMENT.
    """
    kinds = _kinds(stages, touches)
    late = [*(kinds if touches is None else ()), *(() if sources.outcome is None else (sources.outcome,))]
    refuse_post((sources.arm,), late, use="the arm")
    refuse_post([name for name in (sources.strata,) if name is not None], late, use="a stratum")
    if touches is None and sources.outcome in kinds:
        raise InputError(
            f"{sources.outcome!r} is the outcome, so it cannot be a stage as well; leave it out of stages."
        )
    if touches is None and sources.channels is not None:
        raise InputError("channels restricts the touches, so touches= is needed; columns of 0 and 1 have no channel.")
    table = open_table(
        outcomes, "outcomes", Columns(person=sources.person, arm=sources.arm), problems=Problems(),
        required=("person", "arm"),
    )  # fmt: skip
    person, arm = keys(table, "person"), labels(table, sources.arm, missing=None)
    if person is not None:
        _check_persons(table, person, sources.person)
    extra = [name for name in (sources.outcome, sources.strata, sources.cluster) if name is not None]
    table.require_names(*extra)
    outcome = numbers(table, sources.outcome) if sources.outcome is not None else None
    stratum = labels(table, sources.strata, missing=None) if sources.strata is not None else None
    cluster = labels(table, sources.cluster, missing=None) if sources.cluster is not None else None
    unseen: list[Mapping[str, object]] = []
    if touches is None:
        logged = _from_columns(table, tuple(kinds))
    elif person is None:
        logged = None
    else:
        logged, unseen = _from_touches(table, person, outcomes, touches, kinds, sources)
    table.problems.raise_if_any()
    if arm is None or logged is None:  # noted above, so never reached
        raise InputError("the outcomes cannot be read.")
    _check_arms(arm, sources.control)
    return ReachedPersons(
        arm=arm,
        stages=tuple(kinds),
        logged=logged,
        outcome=outcome,
        stratum=stratum,
        cluster=cluster,
        unseen=tuple(unseen),
    )


def _kinds(stages: Stages, touches: object) -> dict[str, tuple[str, ...]]:
    """Stage to kinds of touches (or to its own column)."""
    if isinstance(stages, str) or not isinstance(stages, (Mapping, Sequence)) or not len(stages):
        raise InputError(f"stages must list the names of the stages in order, or map them to kinds; got {stages!r}.")
    found: dict[str, tuple[str, ...]]
    if not isinstance(stages, Mapping):
        found = {str(name): (str(name),) for name in stages}
    elif touches is None:
        raise InputError("stages maps names to kinds of touches, so touches= is needed; list columns otherwise.")
    else:
        found = {
            str(name): (kinds,) if isinstance(kinds, str) else tuple(map(str, kinds)) for name, kinds in stages.items()
        }
    if len(found) < len(stages):
        raise InputError(f"stages names a stage twice: {stages!r}.")
    if "assigned" in found:
        raise InputError(
            '"assigned" is the row of everybody assigned and comes first by itself; leave it out of stages.'
        )
    return found


def _check_persons(table: Table, person: pa.Array, name: str) -> None:
    count, examples = duplicates(person)
    if count:
        message = "a person has more than one row; make one row per person, for example with build_outcomes"
        table.problems.add("REPEATED_PERSON", table.name, name, count, message=message, examples=examples)


def _check_arms(arm: Labels, control: str) -> None:
    names = [str(name) for name in arm.names]
    if control not in names:
        raise DesignError(
            "NO_HOLDOUT",
            f"no person is in the control arm {control!r}; the arms are {', '.join(map(repr, names[:10])) or 'none'}. "
            "Name the control with control=.",
        )
    if len(names) < 2:
        raise DesignError("ONE_ARM", f"the table holds the control arm {control!r} alone. Pass all arms.")


def _from_columns(table: Table, stages: tuple[str, ...]) -> NDArray[np.bool_] | None:
    table.require_names(*stages)
    columns = [numbers(table, name) for name in stages if name in table.names]
    for name, column in zip(stages, columns, strict=False):
        strange = np.zeros(0, bool) if column is None else np.isfinite(column) & (column != 0.0) & (column != 1.0)
        if strange.any():
            message = "a stage is 1 for persons who reached it and 0 for the others; make an indicator"
            table.problems.add("NOT_BINARY", table.name, name, strange.sum(), message=message)
    known = [column for column in columns if column is not None]
    return np.column_stack(known) > 0.5 if len(known) == len(stages) else None


def _from_touches(
    table: Table,
    person: pa.Array,
    outcomes: object,
    touches: object,
    kinds: Mapping[str, tuple[str, ...]],
    sources: Sources,
) -> tuple[NDArray[np.bool_] | None, list[Mapping[str, object]]]:
    """Which stages the touches of each person show, inside the person's window where it is known.

    With it, what was asked for and is in no touch.
    """
    read = read_touches(touches, columns_for(sources.columns, "touches"), problems=table.problems, kind=True)
    if read is None or read.kind is None or table.problems.issues:
        return None, []
    logged = np.zeros((len(person), len(kinds)), bool)
    unseen = _unseen("kind", [one for wanted in kinds.values() for one in wanted], read.kind.names)
    unseen += _unseen("channel", sources.channels or (), read.channel.names)
    if not len(read.person) or not same_key_kind([(table, person), (read.table, read.person)], "person"):
        return logged, unseen
    (people, touched), size = number_keys(person, read.person)
    row = np.full(size, -1, np.int64)
    row[people] = np.arange(len(people))
    place = row[touched]
    ours = place >= 0
    if sources.channels is not None:
        ours &= np.isin(read.channel.names.astype(str), list(sources.channels))[read.channel.codes]
    if isinstance(outcomes, Outcomes):
        since = read.time - outcomes.assigned_at[np.maximum(place, 0)]
        ours &= (since >= 0) & (since < microseconds(outcomes.window))
    for i, wanted in enumerate(kinds.values()):
        mine = ours & np.isin(read.kind.names.astype(str), list(wanted))[read.kind.codes]
        logged[place[mine], i] = True
    return logged, unseen


def _unseen(column: str, wanted: Sequence[str], names: NDArray[np.object_]) -> list[Mapping[str, object]]:
    """What was asked for and is in no touch: a misspelt kind would be a stage that nobody reached."""
    known = [str(name) for name in names]
    lost = [str(one) for one in wanted if str(one) not in known]
    if not lost:
        return []
    return [{"column": column, "lost": ", ".join(dict.fromkeys(lost)), "known": ", ".join(known[:10]) or "-"}]
