"""The bootstrap of a metric on a table of outcomes: each arm against the control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.estimates import check_level, check_side
from attribution.core.randomness import check_seed
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from experiments.inference.bootstrap import checked_choice, resampled
from experiments.inference.bootstrap_draws import definitions_of, grouped_draws
from experiments.inference.bootstrap_groups import sorted_group
from experiments.inference.bootstrap_result import FIELDS
from experiments.inference.outcome_rows import (
    arms_of,
    fingerprint_of,
    label_of,
    metric_of,
    names_of,
    paired,
    read_rows,
)
from experiments.metrics import Quantile, Ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.estimates import Side
    from attribution.core.findings import Finding
    from attribution.core.render.display import Display
    from experiments.inference.bootstrap import Bootstrap
    from experiments.inference.bootstrap_draws import Draw
    from experiments.inference.bootstrap_groups import Group
    from experiments.inference.bootstrap_intervals import Kind
    from experiments.inference.redrawn import Assigned
    from experiments.metrics import Metric

__all__ = ["OutcomesBootstrap", "bootstrap_outcomes"]

_FIELDS = (Field("metric", "text"), Field("arm", "text"), Field("control", "text"), *FIELDS)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class OutcomesBootstrap(TabularResult):
    """Each arm against the control by bootstrap.

    Attributes:
        metric: The columns of the metric.
        control: Name of the control arm.
        arms: The bootstrap of every arm, by its name.
        findings: Strata that take no part; GROUPED_DRAWS where units were drawn in groups.
        recipe: Interval, draw, seed and fingerprint of the data.
    """

    metric: str
    control: str
    arms: Mapping[str, Bootstrap]
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        named = {"metric": self.metric, "control": self.control}
        return Records.from_rows(_FIELDS, [named | {"arm": arm} | one.to_dicts()[0] for arm, one in self.arms.items()])

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        told = (*self.recipe.sentences(), *(finding.text() for finding in self.findings))
        return Display(messages.text("BOOTSTRAP.title"), (records_table(self._records()), *told))

    def of(self, arm: object) -> Bootstrap:
        """The bootstrap of one arm, with its replicates.

        Raises:
            InputError: There is no such arm.
        """
        if str(arm) not in self.arms:
            raise InputError(f"there is no arm {arm!r}. {closest(str(arm), self.arms)}")
        return self.arms[str(arm)]


def bootstrap_outcomes(  # noqa: PLR0913 - the options of a public function, keyword-only
    outcomes: object,
    metric: Metric | str,
    *,
    experiment: object = None,
    arm: str = "arm",
    control: object = "holdout",
    strata: str | Sequence[str] | None = None,
    cluster: str | None = None,
    interval: Kind | None = None,
    draw: Draw = "multinomial",
    replicates: int = 9_999,
    exact: bool = False,
    level: float = 0.95,
    side: Side = "two",
    seed: int = 0,
) -> OutcomesBootstrap:
    """Compare each arm with the control on a metric by drawing persons (or clusters) again.

    The metric decides the statistic: a `Ratio` is a ratio of sums, a `Quantile` a quantile, every other metric a mean.
    Caps and the meaning of empty cells are those of the metric. Covariates are taken off by least squares over both
    arms first. Estimand, intervals, notes and references are those of `bootstrap`.

    Args:
        outcomes: One row per person: the outcomes of `build_outcomes`, or any table with the named columns.
        metric: A metric, or the name of a column, which is read as a mean.
        experiment: An `Experiment`; its arm, control, strata and cluster are used, and the four options are not.
        arm: Column of the assigned arm.
        control: Name of the control arm.
        strata: Column(s) inside which persons are drawn.
        cluster: Column of the unit that was assigned, when persons were assigned together.
        interval: As for `bootstrap`.
        draw: As for `bootstrap`.
        replicates: Number of replicates.
        exact: As for `bootstrap`.
        level: Confidence level.
        side: ``"two"``, ``"greater"`` or ``"less"`` (treated minus control).
        seed: Seed of the draws.

    Returns:
        One row per arm; ``.of(arm)`` has the replicates.

    Raises:
        TableError: Missing columns, empty cells, outcomes without value; without clusters a person with several rows,
            where the table has the column `person_id` (or that of the experiment).
        DesignError: NO_HOLDOUT, ONE_ARM, NO_COMMON_STRATUM.
        InputError: An option is not allowed.

    Verified against `bootstrap` on the same persons; see docs/methods/bootstrap.md.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({"arm": ["sms"] * 4 + ["holdout"] * 4, "value": [5, 7, 9, 8, 1, 0, 3, 2]})
        >>> found = bootstrap_outcomes(table, "value", replicates=999)
        >>> found.of("sms").comparison.difference.value
        5.75
    """
    level, side = check_level(level), check_side(side)
    names = names_of(experiment, arm, control, strata, cluster)
    measured = metric_of(metric)
    label = label_of(measured)
    statistic = ("quantile", measured.q) if isinstance(measured, Quantile) else "mean"
    choice = checked_choice(
        "ratio" if isinstance(measured, Ratio) else statistic, "weights", interval,
        draw=draw, replicates=replicates, exact=exact, seed=check_seed(seed),
    )  # fmt: skip
    rows = read_rows(outcomes, measured, names)
    found: dict[str, Bootstrap] = {}
    findings: list[Finding] = []
    for one in arms_of(rows, names):
        assigned, told = paired(rows, names, one, label=label)
        findings += told
        apart = choice.statistic == "quantile"
        groups = (_group(assigned, assigned.treated, apart=apart), _group(assigned, ~assigned.treated, apart=apart))
        found[str(one)] = resampled(groups, assigned.weights, choice, level=level, side=side)
    settings: dict[str, object] = {
        "statistic": f"{choice.statistic}({label})", "interval": choice.interval, "draw": choice.draw,
        "replicates": choice.replicates, "seed": choice.seed, "level": level, "side": side,
        "units": "persons" if names.cluster is None else names.cluster, "strata": ", ".join(names.layers) or "none",
    }  # fmt: skip
    return OutcomesBootstrap(
        metric=label,
        control=str(names.control),
        arms=found,
        findings=(*findings, *grouped_draws(max(one.grouped for one in found.values()))),
        recipe=Recipe(
            method="bootstrap",
            definitions=definitions_of(clustered=names.cluster is not None),
            settings=settings,
            n={"persons": int(rows.persons.sum())},
            fingerprint=fingerprint_of(rows),
        ),
    )


def _group(assigned: Assigned, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]], *, apart: bool) -> Group:
    """One arm as a group; `apart`: every person has a row, as a statistic of weights needs it."""
    place = np.flatnonzero(chosen)
    if apart:
        place = np.repeat(place, assigned.count[place])
    return sorted_group(
        assigned.values[place],
        np.ones(len(place), np.int64) if apart else assigned.count[place],
        assigned.stratum[place],
        None if assigned.cluster is None else assigned.cluster[place],
    )
