"""The calls of an experiment that plan it: persons, power, smallest effects, simulation on the user's own rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from attribution.core.estimates import Side
    from experiments.design.planning.on_data_result import DataSimulation
    from experiments.design.planning.options import PlanOptions
    from experiments.design.planning.pilot_plan import Effects, PilotPlan
    from experiments.readout.experiment import Experiment

__all__ = ["PlanningCalls"]


class PlanningCalls:
    """What an experiment can be asked before it is run, by a pilot."""

    __slots__ = ()

    def sample_size(
        self,
        pilot: object,
        *,
        effect: Effects,
        power: float = 0.8,
        side: Side = "two",
        options: PlanOptions | None = None,
    ) -> PilotPlan:
        """How many persons this experiment needs, by a pilot.

        The pilot tells the baseline and the noise of the control persons, what the covariates explain, how alike the
        persons of a cluster are, and the strata; the experiment tells the arms' shares, the level and its correction.

        Args:
            pilot: Earlier outcomes, one row per person, or their aggregates; without a column of arms everybody counts
                as control.
            effect: The effect to be found, treated minus control: a number for the primary metric in its own unit
                (0.002 of a rate is 0.2 percentage points), a share of the baseline such as "10%" for every metric but
                guardrails (which are planned to show no harm), or a dict of metric to either.
            power: Chance of a significant result in the direction of the effect, in one arm's comparison.
            side: ``"two"``, ``"greater"`` or ``"less"``.
            options: Looks, spending and reach; arms, clusters and covariates come from the experiment and the pilot.

        Returns:
            One row per metric and arm; `total` is what the primary metric needs. The range of the total shows the
            pilot's own uncertainty about the baseline; it is empty where the answer does not hang on the baseline.

        Raises:
            TableError: As for `analyze`.
            InputError: For effects, power or options that cannot be used, or shares that are not known.
            DesignError: NO_HOLDOUT without control persons in the pilot.

        Verified against: `sample_size_rates` and `sample_size_means`; simulated power. See docs/methods/sample-size.md.

        Example:
            >>> import experiments as ex
            >>> pilot = {"person_id": list(range(1000)), "woken": [1] * 30 + [0] * 970}
            >>> import pandas as pd
            >>> spec = ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 0.1, "sms": 0.9})
            >>> spec.sample_size(pd.DataFrame(pilot), effect=0.01).total
            30659
        """
        from experiments.readout.planned import plan_by_pilot

        return plan_by_pilot("size", _declared(self), pilot, effect=effect, power=power, side=side, options=options)

    def power(
        self, pilot: object, *, persons: float, effect: Effects, side: Side = "two", options: PlanOptions | None = None
    ) -> PilotPlan:
        """The power of this experiment, by a pilot.

        Args:
            pilot: As for `sample_size`.
            persons: Persons of all arms together (not of the control alone, which `power_rates` takes as ``n``).
            effect: As for `sample_size`.
            side: As for `sample_size`.
            options: As for `sample_size`.

        Raises:
            TableError: As for `sample_size`.
            InputError: As for `sample_size`.
            DesignError: As for `sample_size`.
        """
        from experiments.readout.planned import plan_by_pilot

        return plan_by_pilot(
            "power", _declared(self), pilot, effect=effect, power=None, persons=persons, side=side, options=options
        )

    def detectable(
        self,
        pilot: object,
        *,
        persons: float,
        power: float = 0.8,
        side: Side = "two",
        options: PlanOptions | None = None,
    ) -> PilotPlan:
        """The smallest effect that this experiment can find on every metric, by a pilot, in the wished direction.

        Args:
            pilot: As for `sample_size`.
            persons: Persons of all arms together (not of the control alone, which `detectable_rates` takes as ``n``).
            power: As for `sample_size`.
            side: As for `sample_size`.
            options: As for `sample_size`.

        Raises:
            TableError: As for `sample_size`.
            InputError: As for `sample_size`.
            DesignError: As for `sample_size`.
        """
        from experiments.readout.planned import plan_by_pilot

        return plan_by_pilot(
            "detectable", _declared(self), pilot, power=power, persons=persons, side=side, options=options
        )

    def simulate_on(
        self, pilot: object, *, effect: Effects | None = None, replications: int = 1000, seed: int = 0
    ) -> DataSimulation:
        """Try this experiment on your own rows: assign them again at random, and see what the readout says.

        Without an effect (A/A) every finding is false: the share of them, and each tail, should be what the level
        promises. With an effect (A/B) the share in its direction is the power, and the intervals should contain it.
        Strata, clusters, covariates, shares, methods and the level are the experiment's own; p-values are unadjusted.

        Args:
            pilot: Earlier outcomes, one row per person; arms in it are ignored.
            effect: None, or as for `sample_size`. Numbers are added to the treated persons' values (events of a rate
                are made or undone at random), percentages multiply them.
            replications: Random assignments.
            seed: Seed of the assignments.

        Returns:
            One row per metric, arm and trial (A/A, A/B), with exact binomial intervals; the findings AA_RATE say where
            a method is off on data like these.

        Raises:
            TableError: As for `analyze`.
            InputError: For effects or replications that cannot be used, or shares that are not known.
            DesignError: As for `sample_size`.

        Verified against: the same assignments analysed row by row with `analyze`. See
        docs/methods/simulate-on-own-data.md.
        """
        from experiments.readout.on_data import simulate_on_data

        return simulate_on_data(_declared(self), pilot, effect=effect, replications=replications, seed=seed)


def _declared(experiment: PlanningCalls) -> Experiment:
    """The experiment whose call it is: there is no other kind of planning call."""
    return cast("Experiment", experiment)
