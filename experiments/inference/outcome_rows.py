"""From a table of outcomes to the counted rows of two arms, for the methods that draw persons or assignments again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.columns import Columns
from attribution.core.errors import DesignError, InputError
from attribution.core.findings import Finding
from attribution.core.recipe import fingerprint
from attribution.core.tables import Problems, open_table
from experiments.inference.redrawn import pair_of
from experiments.metrics import Mean, Metric, Rate, inputs_of
from experiments.moments import metric_rows
from experiments.moments.one_row_each import note_repeated_persons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.inference.figures import Floats
    from experiments.inference.redrawn import Assigned
    from experiments.moments.rows import MetricRows

__all__ = ["Names", "arms_of", "fingerprint_of", "label_of", "metric_of", "names_of", "paired", "read_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the columns are called.

    Attributes:
        arm: Column of the arm.
        control: Name of the control arm.
        layers: Columns of the strata.
        cluster: Column of the unit that was assigned; None: the person.
        person: Column of the person, where the table has it.
    """

    arm: str
    control: object
    layers: tuple[str, ...]
    cluster: str | None
    person: str = Columns().person


def names_of(
    experiment: object, arm: str, control: object, strata: str | Sequence[str] | None, cluster: str | None
) -> Names:
    """The names given, or those of an experiment.

    Raises:
        InputError: What was given as an experiment is none.
    """
    if experiment is None:
        layers = () if strata is None else (strata,) if isinstance(strata, str) else tuple(strata)
        return Names(arm=arm, control=control, layers=layers, cluster=cluster)
    wanted = ("arm", "control", "layers", "cluster", "person")
    if not all(hasattr(experiment, name) for name in wanted):
        raise InputError(f"experiment must be an Experiment, got {experiment!r}.")
    arm, control, layers, cluster, person = (getattr(experiment, name) for name in wanted)
    return Names(arm=arm, control=control, layers=tuple(layers), cluster=cluster, person=person)


def metric_of(metric: Metric | str) -> Metric:
    """A metric, or the mean of a named column.

    Raises:
        InputError: It is neither.
    """
    if isinstance(metric, str):
        return Mean(metric)
    if not isinstance(metric, Metric):
        raise InputError(f"metric must be a metric such as Mean(...) or the name of a column, got {metric!r}.")
    return metric


def label_of(metric: Metric) -> str:
    """What a metric is called in a table of results: its columns."""
    return "/".join(inputs_of(metric).columns)


def read_rows(outcomes: object, metric: Metric, names: Names) -> MetricRows:
    """The counted rows of a metric by strata, arm and cluster; without clusters a person has one row.

    Raises:
        TableError: Missing columns, empty cells, outcomes without value, a rate of other values than 0 and 1.
    """
    table = open_table(outcomes, "outcomes", Columns(person=names.person), problems=Problems())
    if names.cluster is None:
        note_repeated_persons(table)
    keys = (*names.layers, names.arm, *(() if names.cluster is None else (names.cluster,)))
    rows = metric_rows(table, inputs_of(metric), keys=keys)
    if rows is not None:
        lost = int(rows.persons.sum() - rows.count.sum())
        column = ", ".join(inputs_of(metric).columns)
        if lost and metric.missing is None:
            table.problems.add(
                "NULL_OUTCOME", table.name, column, lost,
                message='some persons have no value; declare missing="zero" where no record means no event',
            )  # fmt: skip
        if isinstance(metric, Rate) and rows.strange:
            table.problems.add(
                "NOT_BINARY", table.name, column, rows.strange,
                message="a Rate needs a column of 0 and 1; use Mean, or make an indicator",
            )  # fmt: skip
    table.problems.raise_if_any()
    if rows is None:  # pragma: no cover - a problem was noted, so the line above has raised
        raise InputError("the outcomes cannot be read.")
    return rows


def _head(cell: tuple[object, ...], names: Names) -> tuple[object, ...]:
    """The strata and the arm of a cell."""
    return cell if names.cluster is None else cell[:-1]


def arms_of(rows: MetricRows, names: Names) -> tuple[object, ...]:
    """The arms that are compared with the control, sorted.

    Raises:
        DesignError: NO_HOLDOUT without persons in the control arm; ONE_ARM without any other.
    """
    control = names.control
    arms = sorted({_head(cell, names)[-1] for cell in rows.cells}, key=str)
    if control not in arms:
        listed = ", ".join(repr(arm) for arm in arms[:10]) or "none"
        raise DesignError(
            "NO_HOLDOUT", f"no person is in the control arm {control!r}; the arms are {listed}. Name the control arm."
        )
    if len(arms) < 2:
        raise DesignError("ONE_ARM", f"the table holds the control arm {control!r} alone. Pass the rows of all arms.")
    return tuple(arm for arm in arms if arm != control)


def _shared_strata(
    rows: MetricRows, names: Names, arm: object
) -> tuple[tuple[tuple[object, ...], ...], Floats, list[tuple[object, ...]], tuple[int, int]]:
    """The strata with two units or more of both arms, their weights, the others, and how many persons those hold."""
    units: dict[tuple[object, ...], list[int]] = {}
    persons: dict[tuple[object, ...], int] = {}
    held = np.bincount(rows.cell, weights=rows.count, minlength=len(rows.cells)).astype(np.int64)
    for cell, n in zip(rows.cells, held.tolist(), strict=True):
        head = _head(cell, names)
        if head[-1] not in (arm, names.control) or not n:
            continue
        found = units.setdefault(head[:-1], [0, 0])
        found[int(head[-1] == arm)] += n if names.cluster is None else 1
        persons[head[:-1]] = persons.get(head[:-1], 0) + n
    kept = tuple(stratum for stratum, found in units.items() if min(found) > 1 or len(units) == 1)
    if not kept:
        raise DesignError(
            "NO_COMMON_STRATUM",
            f"no stratum holds two units of {arm!r} and two of {names.control!r}. Use coarser strata.",
        )
    lost = [stratum for stratum in units if stratum not in kept]
    share = np.array([persons[stratum] for stratum in kept], dtype=np.float64)
    return kept, share / share.sum(), lost, (sum(persons[one] for one in lost), sum(persons.values()))


def paired(rows: MetricRows, names: Names, arm: object, *, label: str) -> tuple[Assigned, list[Finding]]:
    """The rows of an arm and of the control in the strata that hold both, and what was left out.

    Raises:
        DesignError: NO_COMMON_STRATUM.
        InputError: A cluster has persons of both arms.
    """
    kept, weights, lost, (left, everybody) = _shared_strata(rows, names, arm)
    clustered = names.cluster is not None
    assigned = pair_of(rows, kept, weights, arm=arm, control=names.control, clustered=clustered)
    if not lost:
        return assigned, []
    values = {
        "metric": label, "strata": len(lost), "persons": left, "assigned": everybody, "share": left / everybody,
        "names": "; ".join("/".join(str(part) for part in stratum) for stratum in lost[:5]),
    }  # fmt: skip
    return assigned, [Finding(code="STRATUM_DROPPED", status="warn", values=values)]


def fingerprint_of(rows: MetricRows) -> str:
    """The fingerprint of counted rows."""
    cells = np.array([" ".join(repr(part) for part in cell) for cell in rows.cells], dtype=object)[rows.cell]
    columns = {f"value {i}": rows.values[:, i] for i in range(rows.values.shape[1])}
    return fingerprint({"cell": cells, "count": rows.count, **columns})
