"""The randomisation test: how often would another draw of the same assignment show a contrast like this one?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, get_args

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.estimates import check_side
from attribution.core.randomness import check_repeats, check_seed
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from experiments.inference.bootstrap_draws import grouped_draws
from experiments.inference.outcome_rows import (
    arms_of,
    fingerprint_of,
    label_of,
    metric_of,
    names_of,
    paired,
    read_rows,
)
from experiments.inference.redrawn import Design, redraw
from experiments.metrics import Metric, Quantile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.estimates import Side
    from attribution.core.findings import Finding
    from attribution.core.render.display import Display
    from experiments.inference.redrawn import Redrawn

__all__ = ["RandomisationTest", "randomisation_test"]

_FIELDS = (
    Field("metric", "text"), Field("arm", "text"), Field("control", "text"), Field("n", "count"),
    Field("n_control", "count"), Field("difference"), Field("statistic"), Field("p_value", "p"),
    Field("p_value_low", "p"), Field("p_value_high", "p"), Field("assignments", "count"), Field("method", "text"),
    Field("note", "text"),
)  # fmt: skip

Statistic = Literal["studentised", "difference"]

_ROUNDING = 1e-9  # what shares may add to beyond 1


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class RandomisationTest(TabularResult):
    """Each arm against the control by redrawing the assignment.

    Attributes:
        records: One row per arm. ``statistic``: the observed one; ``p_value_low`` and ``p_value_high``: 99 % interval
            for the p-value that all assignments would give (equal to it when all were enumerated); ``assignments``:
            how many were looked at; enumerated ones that differ only in persons with alike outcomes count once.
        findings: Strata that take no part; GROUPED_DRAWS where units were drawn in groups.
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
    shares: Mapping[Any, float] | None = None,
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
        One row per arm. Notes: TOO_FEW_PERSONS (fewer than two units in an arm of a stratum, as observed or in every
        drawn assignment), ZERO_VARIANCE (all
        outcomes are alike), SEPARATED (each arm has one value: the statistic is infinite, p stands),
        DENOMINATOR_NOT_POSITIVE (of a ratio).

    Raises:
        TableError: Missing columns, empty cells, outcomes without value; without clusters a person with several rows,
            where the table has the column `person_id` (or that of the experiment).
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
    names = names_of(experiment, arm, control, strata, cluster)
    measured = _checked(metric, design, statistic, replicates)
    label = label_of(measured)
    rows = read_rows(outcomes, measured, names)
    found, findings, grouped = [], [], 0.0
    for one in arms_of(rows, names):
        assigned, told = paired(rows, names, one, label=label)
        findings += told
        result = redraw(
            assigned, design=design, share=_share(design, shares, one, names.control), side=side,
            studentised=statistic == "studentised", replicates=replicates, seed=seed, purpose=f"{label}/{one}",
        )  # fmt: skip
        grouped = max(grouped, result.grouped)
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
    return RandomisationTest(
        records=Records.from_rows(_FIELDS, found),
        findings=(*findings, *grouped_draws(grouped)),
        recipe=Recipe(
            method="randomisation test",
            definitions=(
                "RANDOMISATION",
                *(["RANDOMISATION_CLUSTERS"] if names.cluster is not None else []),
                *(["RANDOMISATION_STRATA"] if names.layers else []),
            ),
            settings=settings,
            n={"persons": int(rows.persons.sum())},
            fingerprint=fingerprint_of(rows),
        ),
    )


def _checked(metric: Metric | str, design: str, statistic: str, replicates: int) -> Metric:
    if design not in get_args(Design):
        raise InputError(f'design must be "complete" or "bernoulli", got {design!r}.')
    if statistic not in get_args(Statistic):
        raise InputError(f'statistic must be "studentised" or "difference", got {statistic!r}.')
    check_repeats("replicates", replicates)
    measured = metric_of(metric)
    if isinstance(measured, Quantile):
        raise InputError("a quantile has no randomisation test here; test the mean, or compare_quantiles.")
    return measured


def _share(design: Design, shares: Mapping[Any, float] | None, arm: object, control: object) -> float:
    """Probability of the treated arm among persons of the two."""
    if design != "bernoulli":
        return math.nan
    named = {str(one): share for one, share in (shares or {}).items()}
    found = [named.get(str(one), math.nan) for one in (arm, control)]
    if not all(isinstance(one, Real) and 0.0 < one < 1.0 for one in found) or sum(found) > 1.0 + _ROUNDING:
        raise InputError(
            f'design="bernoulli" needs shares= with the declared share of every arm, together at most 1, as '
            f"{{{arm!r}: 0.8, {control!r}: 0.2}}, got {shares!r}."
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
