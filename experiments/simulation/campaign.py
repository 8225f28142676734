"""The simulated campaign: draw, realise, hand over the tables with the truth beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.formats import format_value
from attribution.core.randomness import check_seed
from experiments.simulation.by_number import realised_by_number
from experiments.simulation.constants import ARMS, STEPS, constants_of, turned
from experiments.simulation.declaration import declared_plan
from experiments.simulation.dirt import Spoiled, check_dirt, spoil
from experiments.simulation.expected import expected_table
from experiments.simulation.exposure import draw_exposure, fixed_costs
from experiments.simulation.harms import draw_harms
from experiments.simulation.hazards import draw_returns
from experiments.simulation.outcomes import expected_costs, realise
from experiments.simulation.past import draw_past_acts
from experiments.simulation.placing import draw_placing
from experiments.simulation.population import draw_population
from experiments.simulation.returns import closing_probabilities, draw_events, value_means
from experiments.simulation.tables import Tables
from experiments.simulation.touchlog import build_touch_log

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pandas as pd

    from experiments.simulation.constants import Constants
    from experiments.simulation.exposure import Exposure
    from experiments.simulation.placing import Placing
    from experiments.simulation.population import Population
    from experiments.simulation.tables import Booked
    from experiments.simulation.touchlog import TouchLog

__all__ = ["Campaign", "simulate"]

_FEWEST = 100
_MOST = 100_000_000  # the tables are made in memory
_TABLES = (
    "customers",
    "links",
    "assignment",
    "touches",
    "conversions",
    "prices",
    "spend",
    "history",
    "outcomes",
    "truth",
)

messages.register("experiments")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Campaign:
    """A simulated campaign: the tables that a bank would have, and the truth that it would not.

    All instants are in UTC; money is in yuan. The window of every person is [assigned_at, assigned_at + 28 days).

    Attributes:
        customers: One row per customer number; ``person_id`` is the true person.
        links: customer_id, phone, device: what connects customer numbers to persons.
        assignment: person_id, arm, p_assign, assigned_at, stratum; one row per person.
        touches: One row per touch; ``kind`` is the highest level that it reached.
        conversions: One row per conversion; ``value`` is margin, ``incentive_cost`` the coupon paid.
        prices: channel, basis, unit_cost, arms.
        spend: Realised cost by channel over everybody, lump sums included.
        history: One row per person: what was known at assignment, and ``closed_at``, ``closed`` (within the window).
        outcomes: One row per person: woken, value, orders, costs, history.
        truth: person_id and, for each arm, return probability ``p_<arm>``, expected full cost ``c_<arm>``, closing
            probability ``closed_<arm>``; expected margin of one conversion, deal hunter, latent type.
        plan: The declared analysis as a dict with the keys of a plan file.
        as_of: Date of the data; every window has ended by then.
        order: The arms from the control upwards.
        steps: The channels that each arm adds to the one before.
        scenario: Name of the scenario.
        seed: Seed of all streams.
        dirt: What was planted by the scenario "dirty": code, table, rows; empty for every other one.
    """

    customers: pd.DataFrame
    links: pd.DataFrame
    assignment: pd.DataFrame
    touches: pd.DataFrame
    conversions: pd.DataFrame
    prices: pd.DataFrame
    spend: pd.DataFrame
    history: pd.DataFrame
    outcomes: pd.DataFrame
    truth: pd.DataFrame
    plan: dict[str, Any]
    as_of: date
    order: tuple[str, ...]
    steps: dict[str, tuple[str, ...]]
    scenario: str
    seed: int
    dirt: pd.DataFrame
    _constants: Constants

    @property
    def events(self) -> pd.DataFrame:
        """What the customers did before the campaign, made when asked for: person_id, time, kind, value.

        Kinds are registration, login and investment; ``value`` is the amount invested, 0 for the others. The log agrees
        with the history: as many investments as ``n_invest``, summing to ``amount_total``, the last of them at
        ``last_active_at``. It knows the customers of the campaign alone, all of whom have fallen silent: what it says
        about dormancy is selected by that. `simulate_acts` makes the log of a whole customer base.

        Example:
            >>> simulate(persons=100).events["kind"].value_counts()["registration"]
            np.int64(100)
        """
        population, _, placing = self._drawn()
        tables = Tables(self._constants, population, placing=placing, seed=self.seed)
        return tables.acts(draw_past_acts(population, placing.start, self.seed))

    @property
    def expected(self) -> pd.DataFrame:
        """What a correct analysis of 60,000 persons must say: where, code, status, arm, threshold, segment, reason.

        Example:
            >>> simulate("srm", persons=100).expected[["where", "code", "status"]].values.tolist()
            [['Experiment.analyze', 'SRM', 'fail'], ['cost_thresholds', 'INVALID', 'verdict']]
        """
        return expected_table(self.scenario)

    @property
    def harms(self) -> pd.DataFrame:
        """Opt-outs and complaints within the window, made when asked for.

        One row per person of the history: person_id, opted_out_at, opted_out, complained_at, complained. The scenarios
        after the first three have the same columns in ``history``, ``outcomes`` and (as probabilities) ``truth``.

        Example:
            >>> list(simulate(persons=100).harms.columns)
            ['person_id', 'opted_out_at', 'opted_out', 'complained_at', 'complained']
        """
        population, exposure, placing = self._drawn()
        tables = Tables(self._constants, population, placing=placing, seed=self.seed)
        return tables.harms(draw_harms(self._constants, population, exposure, placing, self.seed))

    def _drawn(self) -> tuple[Population, Exposure, Placing]:
        return _draw(self._constants, len(self.truth), self.seed)

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by name; the listing of what was planted is among them when there is one.

        Example:
            >>> list(simulate(persons=100).tables())[:4]
            ['customers', 'links', 'assignment', 'touches']
        """
        names = (*_TABLES, "dirt") if len(self.dirt) else _TABLES
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        rows = ", ".join(f"{name} {format_value(len(table), 'count')}" for name, table in self.tables().items())
        about = {"scenario": self.scenario, "seed": str(self.seed), "as_of": self.as_of}
        return "\n".join(
            [
                messages.text("SIMULATED_CAMPAIGN", about),
                messages.text("SIMULATED_ARMS", {"arms": " < ".join(self.order)}),
                messages.text("SIMULATED_ROWS", {"rows": rows}),
            ]
        )


def simulate(
    scenario: str = "default",
    *,
    persons: int = 60_000,
    seed: int = 0,
    dirt: Sequence[str] | None = None,
    contamination: float | None = None,
    pressure: int = 1,
) -> Campaign:
    """A wake-up campaign with a random holdout, whose truth is known.

    Four arms of equal share (holdout; digital = push and banner; sms = digital and messages; full = sms and a call),
    assigned to persons by independent draws. Each person's chance to return under all four arms, and the expected
    full cost, are computed exactly, then one arm is realised. Brand search is clicked in every arm and causes nothing.
    The model and every constant are in ``docs/methods/simulate.md``.

    Args:
        scenario: "default"; "null" (no touch has any effect; costs stay); "dirty" (the default campaign, its logs
            spoiled as real ones are: what was planted is listed in ``dirt``, while assignment, outcomes, spend and
            truth are those of the clean campaign); "weak"; "phone_harm"; "hunter_heavy"; "market_rally";
            "adaptive_resend"; "waves"; "pull_forward"; "leak"; "srm"; "split_ids". Each is one thing that goes
            otherwise than planned, told with what an analysis should find on the page above.
        persons: Number of persons, at least 100.
        seed: Seed of all streams; the same seed gives the same tables.
        dirt: For "dirty" alone: what to plant, by the codes under which it is found (CHANNEL_TIME_SLIP,
            AFTER_CONVERSION, REFUNDS, DUPLICATE_ID, NEAR_DUPLICATE, DUPLICATE_TOUCH_ID, REPEATED_TOUCH, TEST_ACCOUNTS,
            UNKNOWN_PERSONS, CHANNEL_ALIASES, UNPRICED_CHANNEL, DAY_PRECISION); all but DAY_PRECISION by default.
        contamination: Share of the control group that gets the messages, at least 0 and below 1; what the scenario
            says by default (0.03 in "leak", else 0).
        pressure: How many times as many push and text messages go out, 1 to 8, spread over the window; each has that
            part of the effect. 1 gives about 2.7 touches a person, 5 about 10.

    Raises:
        InputError: For an unknown scenario or dirt, fewer than 100 persons, a negative seed, or knobs out of range.

    Verified:
        Realised returns, costs and closures against the truth over several seeds, in exact binomial bands; outcomes
        against an independent computation from the tables.

    Example:
        >>> campaign = simulate(persons=2_000, seed=7)
        >>> campaign.order
        ('holdout', 'digital', 'sms', 'full')
        >>> bool((campaign.truth["p_sms"] >= 0).all())
        True
    """
    constants = turned(constants_of(scenario), contamination=contamination, pressure=pressure)
    if dirt is not None and scenario != "dirty":
        raise InputError(f'dirt= serves the scenario "dirty" alone, got scenario={scenario!r}.')
    planted = check_dirt(dirt) if scenario == "dirty" else ()
    persons, seed = _check_persons(persons), check_seed(seed)
    population, exposure, placing = _draw(constants, persons, seed)
    returns = draw_returns(constants, population, exposure, placing, seed)
    events = draw_events(constants, population, exposure, placing=placing, returned_day=returns.day, seed=seed)
    listed = placing.arm if constants.design.by_number else placing.arm[placing.kept]
    fixed, share = fixed_costs(constants, listed, persons=persons)
    realised = realise(constants, events, exposure, placing=placing, fixed=share)
    log = build_touch_log(constants, exposure, events, placing=placing, seed=seed)
    tables = Tables(constants, population, placing=placing, seed=seed)
    booked, harms = tables.booked(events), draw_harms(constants, population, exposure, placing, seed)
    by_number = None
    if constants.design.by_number:
        by_number = realised_by_number(booked, tables.touched(log), tables.touch_costs(log), fixed=share[placing.arm])
    logs = _logs(tables, log, booked, fixed)
    logs = spoil(logs, planted, seed) if planted else logs
    return Campaign(
        customers=logs.customers,
        links=logs.links,
        assignment=tables.assignment(),
        touches=logs.touches,
        conversions=logs.conversions,
        prices=logs.prices,
        spend=tables.spend(log, fixed),
        history=tables.history(realised, events, harms),
        outcomes=tables.outcomes(realised, events, harms, by_number=by_number),
        truth=tables.truth(
            returns,
            cost=expected_costs(constants, population, exposure, returns, fixed=share),
            closing=closing_probabilities(constants, population, exposure),
            value_mean=value_means(constants, population),
            harms=harms,
        ),
        plan=declared_plan(constants.design),
        as_of=constants.design.as_of,
        order=ARMS,
        steps=dict(STEPS),
        scenario=scenario,
        seed=seed,
        dirt=logs.listed(),
        _constants=constants,
    )


def _logs(tables: Tables, log: TouchLog, booked: Booked, fixed: dict[str, float]) -> Spoiled:
    """The tables that can be spoiled, clean."""
    touches, conversions = tables.touches(log), tables.conversions(booked)
    return Spoiled(
        customers=tables.customers(),
        links=tables.links(),
        touches=touches,
        conversions=conversions,
        prices=tables.prices(fixed),
        clean_touches=len(touches),
        clean_conversions=len(conversions),
    )


def _draw(constants: Constants, persons: int, seed: int) -> tuple[Population, Exposure, Placing]:
    """Everything that is settled before anybody returns."""
    population = draw_population(constants, persons, seed)
    exposure = draw_exposure(constants, population, seed)
    return population, exposure, draw_placing(constants, population, exposure, seed)


def _check_persons(persons: object) -> int:
    if isinstance(persons, bool) or not isinstance(persons, (int, np.integer)) or not _FEWEST <= persons <= _MOST:
        raise InputError(
            f"persons must be a whole number of at least {_FEWEST}, got {persons!r}. At most {_MOST:,} are made."
        )
    return int(persons)
