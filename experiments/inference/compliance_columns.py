"""The persons of a complier effect: columns of equal length, checked, in an order of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core.columns import Columns
from attribution.core.errors import DesignError, InputError
from attribution.core.tables import Problems, open_table
from attribution.core.values import labels, numbers

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.tables import Table

__all__ = ["CompliancePersons", "arrow_columns", "read_persons", "sorted_persons"]

_LARGEST = 1e100


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CompliancePersons:
    """One entry per person, sorted so that sums do not depend on the order in which the persons came.

    Attributes:
        assigned: Whether the person was assigned to the treatment.
        treated: What the person got: 0 or 1, or a dose.
        outcome: Outcome.
        stratum: Code of the stratum; all 0 without strata.
        strata: Names of the strata, by code.
        cluster: Code of the cluster; None without clusters.
    """

    assigned: NDArray[np.bool_]
    treated: NDArray[np.float64]
    outcome: NDArray[np.float64]
    stratum: NDArray[np.int64]
    strata: tuple[str, ...]
    cluster: NDArray[np.int64] | None

    @property
    def binary_treatment(self) -> bool:
        """Whether the treatment is 0 or 1 for everybody."""
        return bool(np.all((self.treated == 0.0) | (self.treated == 1.0)))

    @property
    def binary_outcome(self) -> bool:
        """Whether the outcome is 0 or 1 for everybody."""
        return bool(np.all((self.outcome == 0.0) | (self.outcome == 1.0)))

    def keep(self, rows: NDArray[np.bool_]) -> CompliancePersons:
        """Some of the persons."""
        return CompliancePersons(
            assigned=self.assigned[rows],
            treated=self.treated[rows],
            outcome=self.outcome[rows],
            stratum=self.stratum[rows],
            strata=self.strata,
            cluster=None if self.cluster is None else self.cluster[rows],
        )


def arrow_columns(given: dict[str, object]) -> pa.Table:
    """Columns of NumPy, pandas, Polars, Arrow or plain lists as one Arrow table.

    Raises:
        InputError: A column is no one-dimensional column, or the lengths differ.
    """
    import pyarrow as pa

    columns = {name: _arrow(name, column) for name, column in given.items() if column is not None}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InputError(f"the columns must be of equal length, one entry per person; got {told}.")
    return pa.table(columns)


def _arrow(name: str, column: Any) -> pa.Array:
    import pyarrow as pa

    if isinstance(column, (pa.Array, pa.ChunkedArray)):
        return column
    try:
        if hasattr(column, "to_arrow"):
            return column.to_arrow()
        if isinstance(column, (str, bytes, dict)) or np.ndim(column) != 1:
            raise InputError(f"{name} must be a column with one entry per person, got {type(column).__name__}.")
        return pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} must be a column of one kind of value, one entry per person: {error}") from None


def read_persons(
    assigned: object, treated: object, outcome: object, *, strata: object = None, cluster: object = None
) -> CompliancePersons:
    """Check the columns and sort the persons.

    Raises:
        TableError: Missing or infinite numbers, text where numbers are needed, empty strata or clusters, an assignment
            other than 0 and 1; all problems at once.
        InputError: The columns differ in length, or no person is given.
        DesignError: NO_HOLDOUT or ONE_ARM when everybody has the same assignment; POST_ASSIGNMENT when the strata are
            made from what was received; CLUSTER_IN_TWO_ARMS when a cluster was not assigned as a whole.
    """
    given = {"assigned": assigned, "treated": treated, "outcome": outcome, "strata": strata, "cluster": cluster}
    table = open_table(arrow_columns(given), "persons", Columns(), problems=Problems())
    found = {name: numbers(table, name) for name in ("assigned", "treated", "outcome")}
    arm = found["assigned"]
    if arm is not None:
        _check_assignment(table, arm)
    for name in ("treated", "outcome"):
        _check_size(table, name, found[name])
    stratum, names = _codes(table, "strata")
    group, _ = _codes(table, "cluster")
    table.problems.raise_if_any()
    if arm is None or found["treated"] is None or found["outcome"] is None:  # pragma: no cover - noted, so raised above
        raise InputError("assigned, treated and outcome must be columns of numbers.")
    _check_arms(arm)
    return sorted_persons(
        assigned=arm,
        treated=found["treated"],
        outcome=found["outcome"],
        stratum=np.zeros(len(arm), np.int64) if stratum is None else stratum,
        strata=names or ("",),
        cluster=group,
    )


def sorted_persons(
    *,
    assigned: NDArray[np.float64],
    treated: NDArray[np.float64],
    outcome: NDArray[np.float64],
    stratum: NDArray[np.int64],
    strata: tuple[str, ...],
    cluster: NDArray[np.int64] | None,
) -> CompliancePersons:
    """Checked columns in the order of the persons' values.

    Raises:
        DesignError: POST_ASSIGNMENT when the strata are made from what was received; CLUSTER_IN_TWO_ARMS.
    """
    layer = stratum if len(strata) > 1 else np.zeros(len(stratum), np.int64)
    order = np.lexsort((*(() if cluster is None else (cluster,)), treated, outcome, assigned, layer))
    persons = CompliancePersons(
        assigned=assigned[order] > 0.5,
        treated=treated[order],
        outcome=outcome[order],
        stratum=layer[order],
        strata=strata,
        cluster=None if cluster is None else cluster[order],
    )
    if len(strata) > 1:
        _refuse_received_strata(persons)
    if persons.cluster is not None:
        _check_clusters(persons.cluster, persons.assigned)
    return persons


def _codes(table: Table, name: str) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    if name not in table.names:
        return None, ()
    found = labels(table, name, missing=None)
    return (None, ()) if found is None else (found.codes, tuple(str(value) for value in found.names))


def _check_size(table: Table, name: str, values: NDArray[np.float64] | None) -> None:
    """Numbers whose squares a double cannot hold have no variance."""
    huge = np.zeros(0, bool) if values is None else np.isfinite(values) & (np.abs(values) > _LARGEST)
    if huge.any():
        message = f"numbers beyond {_LARGEST:g} in size cannot be squared; take a larger unit"
        table.problems.add("NOT_FINITE", table.name, name, huge.sum(), message=message)


def _check_assignment(table: Table, arm: NDArray[np.float64]) -> None:
    strange = ~((arm == 0.0) | (arm == 1.0)) & np.isfinite(arm)
    if strange.any():
        table.problems.add(
            "NOT_BINARY", table.name, "assigned", strange.sum(),
            message="the assignment must be 1 (treatment) or 0 (control); for several arms compare one arm with the "
            "control at a time",
            examples=[f"{value:g}" for value in np.unique(arm[strange])[:5]],
        )  # fmt: skip


def _check_arms(arm: NDArray[np.float64]) -> None:
    if not len(arm):
        raise InputError("assigned has no entries; pass one entry per assigned person.")
    if not (arm == 0.0).any():
        raise DesignError("NO_HOLDOUT", "every person is assigned to the treatment; pass the persons held out as well.")
    if not (arm == 1.0).any():
        raise DesignError("ONE_ARM", "no person is assigned to the treatment; pass the persons of both arms.")


def _refuse_received_strata(persons: CompliancePersons) -> None:
    """Strata inside which nobody differs in what he got, although persons differ, were made from what they got."""
    strata = len(np.unique(persons.stratum))
    got = len(np.unique(np.column_stack((persons.stratum, persons.treated)), axis=0))
    assigned = len(np.unique(np.column_stack((persons.stratum, persons.assigned)), axis=0))
    if got == strata < assigned and len(np.unique(persons.treated)) > 1:
        raise DesignError(
            "POST_ASSIGNMENT",
            "inside every stratum all persons got the same, so the strata are made from what they got. That is known "
            "only after assignment: persons who are reached differ from the others before any effect. Take strata "
            "that were fixed before.",
        )


def _check_clusters(cluster: NDArray[np.int64], assigned: NDArray[np.bool_]) -> None:
    treated = np.bincount(cluster, weights=assigned)
    split = (treated > 0) & (treated < np.bincount(cluster))
    if split.any():
        raise DesignError(
            "CLUSTER_IN_TWO_ARMS",
            f"{int(split.sum())} clusters hold persons of both arms, so they were not assigned as a whole. Leave out "
            "cluster= when persons were assigned one by one; else repair the assignment.",
        )
