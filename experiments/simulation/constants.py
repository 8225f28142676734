"""Every number of the simulated campaign, frozen, and the named changes that make a scenario of it.

The money is in yuan, rates are per person, hazards are per day. Where no public figure exists the value is a choice,
marked so in ``docs/methods/simulate.md``; the choices put the three stepped contrasts on three sides of a threshold of
85 yuan per woken customer (one undecided, one that pays, one that does not).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from numbers import Integral, Real
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError, closest
from experiments.simulation.designs import AS_OF, Design, Wave

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ARMS",
    "ASSIGNED_AT",
    "AS_OF",
    "COUNT_CLASSES",
    "DAYS",
    "LOCAL",
    "RECENCY_CLASSES",
    "SCENARIOS",
    "SOURCES",
    "STEPS",
    "TYPES",
    "Constants",
    "constants_of",
    "turned",
]

ARMS = ("holdout", "digital", "sms", "full")
STEPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"digital": ("push", "banner"), "sms": ("sms",), "full": ("phone",)}
)
LOCAL = timezone(timedelta(hours=8))
ASSIGNED_AT = datetime(2026, 10, 12, tzinfo=LOCAL)  # a Monday, local midnight: window days are calendar days
DAYS = 28
SOURCES = ("official", "search", "app_store", "referral", "rebate")
RECENCY_CLASSES = ("90-180", "181-365", "366+")
COUNT_CLASSES = ("1", "2-4", "5+")
TYPES = ("sure", "persuadable", "lost", "do_not_disturb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """The numbers of one scenario.

    Tuples by source, type, recency class or count class follow the order of `SOURCES`, `TYPES`, `RECENCY_CLASSES` and
    `COUNT_CLASSES`.
    """

    # who the customers are
    two_numbers: float = 0.06
    three_numbers: float = 0.01
    source_shares: tuple[float, ...] = (0.20, 0.25, 0.20, 0.10, 0.25)
    hunter_by_source: tuple[float, ...] = (0.03, 0.05, 0.10, 0.15, 0.70)
    stop_hazards: tuple[float, ...] = (0.55, 0.40, 0.33, 0.28, 0.15, 0.12, 0.10)
    hunter_stop_hazards: tuple[float, ...] = (0.55, 0.85, 0.80)
    most_investments: int = 40
    recency_shares: tuple[float, ...] = (0.35, 0.35, 0.30)
    recency_edges: tuple[int, ...] = (90, 181, 366, 1096)
    amount_median: float = 8_000.0
    amount_sigma: float = 1.0
    type_shares: tuple[float, ...] = (0.06, 0.24, 0.66, 0.04)
    opt_out_sms: float = 0.03
    opt_out_phone: float = 0.04
    opt_out_push: float = 0.05

    # coming back without any campaign: 28-day probability
    baseline: float = 0.0105
    baseline_by_recency: tuple[float, ...] = (1.8, 1.0, 0.45)
    baseline_by_count: tuple[float, ...] = (0.75, 1.2, 2.2)
    baseline_hunter: float = 0.5
    baseline_by_type: tuple[float, ...] = (5.0, 1.0, 0.6, 1.0)
    weekday_factors: tuple[float, ...] = (1.15, 1.10, 1.05, 1.05, 1.15, 0.75, 0.75)

    # who can be reached, and when; the same for a person in every arm
    installed: float = 0.60
    push_permitted: float = 0.74
    sms_valid: float = 0.96
    sms_two_segments: float = 0.30
    answered_by_type: tuple[float, ...] = (0.60, 0.40, 0.30, 0.30)
    answered_many: float = 1.15
    answered_first: float = 0.70
    push_days: tuple[int, ...] = (1, 8, 15)
    sms_days: tuple[int, ...] = (2, 10)
    call_days: tuple[int, int] = (4, 11)
    open_rate: float = 0.015
    open_per_baseline: float = 1.0
    banner_cap: int = 3
    push_click: float = 0.02
    banner_click: float = 0.015
    sms_click: float = 0.01

    # what a touch does: daily hazard added at its day, fading with its time constant (days)
    push_effect: float = 0.0006
    banner_effect: float = 0.0004
    sms_effect: float = 0.0012
    phone_effect: float = 0.0042
    push_fade: float = 3.0
    banner_fade: float = 2.0
    sms_fade: float = 4.0
    phone_fade: float = 7.0
    effect_by_type: tuple[float, ...] = (0.3, 3.0, 0.15, -0.5)
    effect_hunter: float = 1.6
    effect_by_recency: tuple[float, ...] = (1.45, 1.0, 0.5)

    # what goes with a return, in every arm alike
    search_if_woken: float = 0.45
    search_if_silent: float = 0.004
    search_hours: float = 48.0
    second_order: float = 0.25
    second_order_days: float = 14.0
    value_mean: float = 150.0
    value_per_investment: float = 0.06
    value_sigma: float = 1.3
    value_hunter: float = 18.0
    coupon: float = 22.0
    coupon_hunter: float = 30.0
    redeemed: float = 0.70
    redeemed_hunter: float = 0.95

    # accounts closed
    closing: float = 0.0008
    closing_after_call: float = 0.001
    closing_after_call_disturbed: float = 0.02
    closing_call_days: float = 10.0

    # opting out and complaining within the window
    opting_out: float = 0.002
    opting_out_push: float = 0.0015
    opting_out_sms: float = 0.006
    opting_out_call: float = 0.009
    complaining: float = 0.0001
    complaining_push: float = 0.0002
    complaining_sms: float = 0.0004
    complaining_call: float = 0.0025
    harm_disturbed: float = 4.0

    # prices
    push_price: float = 0.002
    banner_price: float = 0.02
    search_price: float = 6.0
    sms_price: float = 0.05
    attempt_price: float = 0.3
    answered_price: float = 4.0
    banner_fixed_per_person: float = 0.01
    phone_fixed_per_person: float = 0.10

    # how the campaign is run
    design: Design = field(default_factory=Design)


_MOST_PRESSURE = 8
_LONG = date(2027, 1, 31)
SCENARIOS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "default": {},
        "dirty": {},  # the default campaign; what is spoiled is planted afterwards
        "null": {
            "push_effect": 0.0,
            "banner_effect": 0.0,
            "sms_effect": 0.0,
            "phone_effect": 0.0,
            "closing_after_call": 0.0,
            "closing_after_call_disturbed": 0.0,
        },
        "weak": {
            "push_effect": 0.0006 / 4,
            "banner_effect": 0.0004 / 4,
            "sms_effect": 0.0012 / 4,
            "phone_effect": 0.0042 / 4,
            "design": Design(harms=True),
        },
        "phone_harm": {
            "phone_effect": 0.02,
            "closing_after_call": 0.02,
            "closing_after_call_disturbed": 0.10,
            "design": Design(harms=True),
        },
        "hunter_heavy": {
            "source_shares": (0.11, 0.13, 0.11, 0.05, 0.60),
            "hunter_by_source": (0.03, 0.05, 0.10, 0.15, 0.90),
            "design": Design(harms=True),
        },
        "market_rally": {"design": Design(harms=True, rally=3.0)},
        "adaptive_resend": {"design": Design(harms=True, resend=True)},
        "waves": {
            "sms_effect": 0.0024,
            "phone_effect": 0.024,
            "design": Design(
                harms=True,
                as_of=_LONG,
                waves=(
                    Wave(name="1", start=0, shares=(0.10, 0.20, 0.30, 0.40), effect=1.0, by_recency=(0.70, 0.20, 0.10)),
                    Wave(
                        name="2", start=28, shares=(0.25, 0.25, 0.25, 0.25), effect=0.12, by_recency=(0.20, 0.60, 0.20)
                    ),
                    Wave(
                        name="3", start=56, shares=(0.40, 0.20, 0.20, 0.20), effect=0.05, by_recency=(0.10, 0.20, 0.70)
                    ),
                ),
            ),
        },
        "pull_forward": {"design": Design(harms=True, as_of=_LONG, followed=90, pulled=120.0)},
        "leak": {"design": Design(harms=True, contamination=0.03)},
        "srm": {"design": Design(harms=True, dropped=0.05)},
        "split_ids": {"design": Design(harms=True, by_number=True)},
    }
)


def constants_of(scenario: str) -> Constants:
    """The constants of a named scenario.

    Raises:
        InputError: For a name that is not in `SCENARIOS`.
    """
    if not isinstance(scenario, str) or scenario not in SCENARIOS:
        raise InputError(f"There is no scenario {scenario!r}. {closest(str(scenario), SCENARIOS)}")
    return replace(Constants(), **SCENARIOS[scenario])


def turned(constants: Constants, *, contamination: float | None, pressure: int) -> Constants:
    """The constants with the knobs of `simulate` turned.

    Raises:
        InputError: For a share of the control or a pressure that cannot be.
    """
    if contamination is not None:
        if isinstance(contamination, bool) or not isinstance(contamination, Real) or not 0 <= contamination < 1:
            raise InputError(
                f"contamination must be a share of the control group, at least 0 and below 1, got {contamination!r}."
            )
        if constants.design.by_number and contamination:
            raise InputError('contamination needs an assignment of persons; the scenario "split_ids" assigns numbers.')
        constants = replace(constants, design=replace(constants.design, contamination=float(contamination)))
    if isinstance(pressure, bool) or not isinstance(pressure, Integral) or not 1 <= pressure <= _MOST_PRESSURE:
        raise InputError(f"pressure must be a whole number from 1 to {_MOST_PRESSURE}, got {pressure!r}.")
    if pressure == 1:
        return constants
    return replace(
        constants,
        push_days=_spread(len(constants.push_days) * int(pressure)),
        sms_days=_spread(len(constants.sms_days) * int(pressure)),
        push_effect=constants.push_effect / pressure,
        sms_effect=constants.sms_effect / pressure,
    )


def _spread(days: int) -> tuple[int, ...]:
    """So many different days, evenly over the window."""
    last = DAYS - 2
    return tuple(1 + round(place * (last - 1) / (days - 1)) for place in range(days))
