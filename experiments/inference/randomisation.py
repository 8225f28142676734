"""The randomisation test: how often would another draw of the same assignment show a contrast like this one?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from attribution.core import messages
from attribution.core.columns import Columns
from attribution.core.errors import DesignError, InputError
from attribution.core.estimates import check_side
from attribution.core.findings import Finding
from attribution.core.randomness import check_seed
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from attribution.core.tables import Problems, open_table
from experiments.inference.redrawn import Design, pair_of, redraw
from experiments.metrics import Mean, Metric, Quantile, Rate, inputs_of
from experiments.moments import metric_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.estimates import Side
    from attribution.core.render.display import Display
    from experiments.inference.figures import Floats
    from experiments.inference.redrawn import Redrawn
    from experiments.moments.rows import MetricRows

__all__ = ["RandomisationTest", "randomisation_test"]

_FIELDS = (
    Field("metric", "text"), Field("arm", "text"), Field("control", "text"), Field("n", "count"),
    Field("n_control", "count"), Field("difference"), Field("statistic"), Field("p_value", "p"),
    Field("p_value_low", "p"), Field("p_value_high", "p"), Field("assignments", "count"), Field("method", "text"),
    Field("note", "text"),
)  # fmt: skip

Statistic = Literal["studentised", "difference"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class RandomisationTest(TabularResult):
    """Each arm against the control by redrawing the assignment.

    Attributes:
        records: One row per arm. ``statistic``: the observed one; ``p_value_low`` and ``p_value_high``: 99 % interval
            for the p-value that all assignments would give (equal to it when all were enumerated); ``assignments``:
            how many were looked at.
        findings: Strata that take no part.
        recipe: Metric, statistic, design, seed and fingerprint of the data.
    """

    records: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        told = (*self.recipe.sentences(), *(finding.text() for finding in self.findings))
        return Display(messages.text("RANDOMISATION.title"), (records_table(self.records), *told))

    def p_value(self, arm: object) -> float | None:
        """The p-value of an arm.

        Raises:
            InputError: There is no such arm.
        """
        for row in self.records.to_dicts():
            if row["arm"] == str(arm):
                found: float | None = row["p_value"]
                return found
        raise InputError(f"there is no arm {arm!r}; there are {', '.join(map(repr, self.records.column('arm')))}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """What the columns are called."""

    arm: str
    control: object
    layers: tuple[str, ...]
    cluster: str | None


def randomisation_test(  # noqa: PLR0913 - the options of a public function, keyword-only
    outcomes: object,
    metric: Metric | str,
    *,
    experiment: object = None,
    arm: str = "arm",
    control: object = "holdout",
    strata: str | Sequence[str] | None = None,
    cluster: str | None = None,
    design: Design = "complete",
    shares: Mapping[str, float] | None = None,
    statistic: Statistic = "studentised",
    side: Side = "two",
    replicates: int = 9_999,
    seed: int = 0,
) -> RandomisationTest:
    """Test each arm against the control by drawing the assignment again, as it was drawn.

    Null hypothesis: no person's outcome depends on which of the two arms it is in (Fisher's sharp null). Then the
    outcomes stay as they are while the arms are drawn anew, and p is the share of assignments whose statistic is at
    least as extreme as the observed one; this holds for every sample size and every distribution. With the difference
    over its standard error as statistic (the default) p is also right, in large samples, where only the means agree
    while the spreads differ; with the plain difference it is not.

    For each arm the persons of that arm and of the control are drawn anew; all other arms stay. When the assignments
    are few they are all enumerated and p is exact. Else some are drawn and p = (1 + as extreme) / (1 + drawn), which is
    never 0 and never too small; its 99 % interval says what drawing leaves open. The two-sided p is twice the smaller
    one-sided one, so that false winners and false losers are each at most half of the errors, however skewed the
    values.

    Args:
        outcomes: One row per person: the outcomes of `build_outcomes`, or any table with the named columns.
        metric: `Rate`, `Mean`, `Count`, `Duration` or `Ratio`, or the name of a column, which is read as a mean.
            Covariates are taken off by least squares over both arms first.
        experiment: An `Experiment`; its arm, control, strata and cluster are used, and the four options are not.
        arm: Column of the assigned arm.
        control: Name of the control arm.
        strata: Column(s) inside which persons were assigned.
        cluster: Column of the unit that was assigned, when persons were assigned together.
        design: "complete": the number of units of each arm (in each stratum) was fixed; "bernoulli": every unit was
            drawn by itself, with probabilities `shares`.
        shares: Declared share of every arm; needed for "bernoulli" only.
        statistic: "studentised" or "difference".
        side: ``"two"``, ``"greater"`` or ``"less"`` (treated minus control).
        replicates: Assignments drawn where more than 20,000 are possible.
        seed: Seed of the draws.

    Returns:
        One row per arm. Notes: TOO_FEW_PERSONS (fewer than two units in an arm of a stratum), ZERO_VARIANCE (all
        outcomes are alike), DENOMINATOR_NOT_POSITIVE (of a ratio).

    Raises:
        TableError: Missing columns, empty cells, outcomes without value.
        DesignError: NO_HOLDOUT without persons in the control arm; ONE_ARM without any other.
        InputError: An option is not allowed, a cluster has persons of both arms, or the metric is a quantile.

    References:
        Fisher (1935), The Design of Experiments. Phipson and Smyth (2010), Statistical Applications in Genetics and
        Molecular Biology 9:39 (p is never 0). Wu and Ding (2021), Journal of the American Statistical Association
        116:1898 (the studentised statistic).

    Verified against all assignments by hand, R's coin::oneway_test and fisher.test, and by simulation; see
    docs/methods/randomisation-test.md.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({"arm": ["sms"] * 4 + ["holdout"] * 4, "value": [5, 7, 9, 8, 1, 0, 3, 2]})
        >>> found = randomisation_test(table, "value")
        >>> round(found.p_value("sms"), 6), found.records.column("assignments")
        (0.028571, [70])
    """
    side, seed = check_side(side), check_seed(seed)
    names = _names(experiment, arm, control, strata, cluster)
    measured = _checked(metric, design, statistic, replicates)
    label = metric if isinstance(metric, str) else "/".join(inputs_of(metric).columns)
    rows = _rows(outcomes, measured, names)
    arms = sorted({_head(cell, names)[-1] for cell in rows.cells}, key=str)
    _need_arms(arms, names.control)
    found, findings = [], []
    for one in (part for part in arms if part != names.control):
        kept, weights, lost, n = _strata(rows, names, one)
        if lost:
            findings.append(_dropped(label, lost, n, rows))
        assigned = pair_of(rows, kept, weights, arm=one, control=names.control, clustered=names.cluster is not None)
        result = redraw(
            assigned, design=design, share=_share(design, shares, one, names.control), side=side,
            studentised=statistic == "studentised", replicates=replicates, seed=seed, purpose=f"{label}/{one}",
        )  # fmt: skip
        exact = ", exact" if result.exact else ""
        n1 = int(assigned.count[assigned.treated].sum())
        shown = {
            "metric": label, "arm": str(one), "control": str(names.control), "n": n1,
            "n_control": int(assigned.count.sum()) - n1, "method": f"randomisation {statistic}, {design}{exact}",
        }  # fmt: skip
        found.append(shown | _figures(result))
    settings: dict[str, object] = {
        "metric": label, "statistic": statistic, "design": design, "side": side, "replicates": int(replicates),
        "seed": seed, "units": "persons" if names.cluster is None else names.cluster,
        "strata": ", ".join(names.layers) or "none",
    }  # fmt: skip
    cells = np.array([" ".join(repr(part) for part in cell) for cell in rows.cells], dtype=object)[rows.cell]
    columns = {f"value {i}": rows.values[:, i] for i in range(rows.values.shape[1])}
    return RandomisationTest(
        records=Records.from_rows(_FIELDS, found),
        findings=tuple(findings),
        recipe=Recipe(
            method="randomisation test",
            definitions=("RANDOMISATION",),
            settings=settings,
            n={"persons": int(rows.persons.sum())},
            fingerprint=fingerprint({"cell": cells, "count": rows.count, **columns}),
        ),
    )


def _names(
    experiment: object, arm: str, control: object, strata: str | Sequence[str] | None, cluster: str | None
) -> _Names:
    if experiment is None:
        layers = () if strata is None else (strata,) if isinstance(strata, str) else tuple(strata)
        return _Names(arm=arm, control=control, layers=layers, cluster=cluster)
    wanted = ("arm", "control", "layers", "cluster")
    if not all(hasattr(experiment, name) for name in wanted):
        raise InputError(f"experiment must be an Experiment, got {experiment!r}.")
    arm, control, layers, cluster = (getattr(experiment, name) for name in wanted)
    return _Names(arm=arm, control=control, layers=tuple(layers), cluster=cluster)


def _checked(metric: Metric | str, design: str, statistic: str, replicates: int) -> Metric:
    if design not in get_args(Design):
        raise InputError(f'design must be "complete" or "bernoulli", got {design!r}.')
    if statistic not in get_args(Statistic):
        raise InputError(f'statistic must be "studentised" or "difference", got {statistic!r}.')
    if isinstance(replicates, bool) or not isinstance(replicates, (int, np.integer)) or replicates < 1:
        raise InputError(f"replicates must be a whole number of 1 or more, got {replicates!r}.")
    if isinstance(metric, str):
        return Mean(metric)
    if not isinstance(metric, Metric):
        raise InputError(f"metric must be a metric such as Mean(...) or the name of a column, got {metric!r}.")
    if isinstance(metric, Quantile):
        raise InputError("a quantile has no randomisation test here; test the mean, or compare_quantiles.")
    return metric


def _rows(outcomes: object, metric: Metric, names: _Names) -> MetricRows:
    table = open_table(outcomes, "outcomes", Columns(), problems=Problems())
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
    if rows is None:
        raise InputError("the outcomes have no rows that can be read.")
    return rows


def _head(cell: tuple[object, ...], names: _Names) -> tuple[object, ...]:
    """The strata and the arm of a cell."""
    return cell if names.cluster is None else cell[:-1]


def _need_arms(arms: Sequence[object], control: object) -> None:
    if control not in arms:
        listed = ", ".join(repr(arm) for arm in arms[:10]) or "none"
        raise DesignError(
            "NO_HOLDOUT", f"no person is in the control arm {control!r}; the arms are {listed}. Name the control arm."
        )
    if len(arms) < 2:
        raise DesignError("ONE_ARM", f"the table holds the control arm {control!r} alone. Pass the rows of all arms.")


def _strata(
    rows: MetricRows, names: _Names, arm: object
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


def _dropped(label: str, lost: list[tuple[object, ...]], n: tuple[int, int], rows: MetricRows) -> Finding:
    names = ["/".join(str(part) for part in stratum) for stratum in lost]
    values = {
        "metric": label, "strata": len(lost), "persons": n[0], "assigned": n[1], "share": n[0] / n[1],
        "names": "; ".join(names[:5]), "of": len(rows.cells),
    }  # fmt: skip
    return Finding(code="STRATUM_DROPPED", status="warn", values=values)


def _share(design: Design, shares: Mapping[str, float] | None, arm: object, control: object) -> float:
    """Probability of the treated arm among persons of the two."""
    if design != "bernoulli":
        return math.nan
    found = [] if shares is None else [shares.get(str(one), math.nan) for one in (arm, control)]
    if len(found) < 2 or not all(isinstance(one, Real) and 0.0 < one < 1.0 for one in found):
        raise InputError(
            f'design="bernoulli" needs shares= with the declared share of every arm, as {{{arm!r}: 0.8, {control!r}: '
            f"0.2}}, got {shares!r}."
        )
    return float(found[0] / (found[0] + found[1]))


def _figures(result: Redrawn) -> dict[str, object]:
    return {
        "difference": result.difference,
        "statistic": result.statistic,
        "p_value": result.p_value,
        "p_value_low": result.low,
        "p_value_high": result.high,
        "assignments": result.assignments,
        "note": result.note,
    }
