"""How large a holdout should be: what it gives up against the value of deciding right afterwards."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.estimates import check_level, check_side
from attribution.core.records import Field, Records, TabularResult
from experiments.design.planning.options import PlanOptions
from experiments.design.planning.pay_case import pay_case
from experiments.inference.counts import checked_number, raise_problems
from experiments.inference.tails import critical_value, one_sided_tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.estimates import Side
    from attribution.core.render.display import Display
    from experiments.design.planning.pay_case import PayCase

__all__ = ["HoldoutCase", "HoldoutPoint", "OptimalHoldout", "holdout_case", "optimal_holdout"]

Decision = Literal["expected", "verdict"]
_GRID = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
_SMALLEST = 1e-6
_PRIOR = np.linspace(-4.5, 4.5, 61)  # standard deviations of what is believed
_PRIOR_WEIGHTS = np.exp(-0.5 * _PRIOR**2) / np.sum(np.exp(-0.5 * _PRIOR**2))
_FIELDS = (
    Field("share", "rate"),
    Field("holdout", "count"),
    Field("standard_error", "money"),
    Field("given_up", "money"),
    Field("information", "money"),
    Field("value", "money"),
    Field("power", "rate"),
    Field("best", "text"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldoutPoint:
    """One size of the holdout.

    Attributes:
        share: Share of the persons who are held out.
        holdout: Persons held out.
        standard_error: Standard error of the net benefit per person.
        given_up: Expected net benefit that the campaign gives up for the test: what the persons held out would have
            brought; where the campaign is expected to lose money (and would be sent to nobody), what the treated lose.
        information: Expected gain from deciding with the result instead of without it, over the horizon.
        value: Information minus what is given up: what the holdout is worth.
        power: Chance of PASS when the net benefit is the relevant one; None when none was declared.
    """

    share: float
    holdout: float
    standard_error: float
    given_up: float
    information: float
    value: float
    power: float | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class OptimalHoldout(TabularResult):
    """The value of a holdout by its size.

    Attributes:
        best: The size with the highest value.
        smallest: The smallest size with the power asked for; None when no relevant net benefit was declared, or when
            no holdout of up to half of the persons is enough.
        points: The sizes asked for, and the best, in rising order.
        persons: Persons of the campaign.
        horizon: Persons whom the decision is about afterwards.
        net: Net benefit per treated person that is expected beforehand.
        decision: How the decision is taken.
        level: Confidence level of the verdict and of the power.
        power: Power asked for.
        relevant_net: The net benefit per person that must be seen; None when none was declared.
    """

    best: HoldoutPoint
    smallest: HoldoutPoint | None
    points: tuple[HoldoutPoint, ...]
    persons: float
    horizon: float
    net: float
    decision: Decision
    level: float
    power: float
    relevant_net: float | None

    def _records(self) -> Records:
        return Records.from_rows(_FIELDS, [self._row(point) for point in self.points])

    def _row(self, point: HoldoutPoint) -> dict[str, object]:
        words = [word for word, one in (("best", self.best), ("smallest", self.smallest)) if one is point]
        row: dict[str, object] = {field.name: getattr(point, field.name, None) for field in _FIELDS[:-1]}
        return {**row, "holdout": math.ceil(point.holdout - 1e-9), "best": ", ".join(words)}

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        values = {"persons": self.persons, "horizon": self.horizon}
        best = {"share": self.best.share, "holdout": math.ceil(self.best.holdout), "value": self.best.value}
        lines = [
            messages.text("HOLDOUT.send" if self.net > 0.0 else "HOLDOUT.stay", {"net": self.net}),
            messages.text("HOLDOUT.best" if self.best.value > 0.0 else "HOLDOUT.none", best),
        ]
        if self.relevant_net is not None:
            found = self.smallest
            told = {"net": self.relevant_net, "power": self.power, "level": self.level}
            if found is not None:
                told |= {"share": found.share, "holdout": math.ceil(found.holdout)}
            lines.append(messages.text("HOLDOUT.smallest" if found is not None else "HOLDOUT.too_few", told))
        notes = (messages.text(f"HOLDOUT.rule.{self.decision}"), messages.text("HOLDOUT.prior"))
        title = messages.text("HOLDOUT.title", values)
        return Display(title, (*lines, records_table(self._records(), decisive="value"), *notes))


def optimal_holdout(  # noqa: PLR0913 - keyword-only options of a public function
    persons: float,
    *,
    effect: tuple[float, float],
    horizon: float,
    control: float | None = None,
    std: float | None = None,
    value: float = 1.0,
    cost: float = 0.0,
    decision: Decision = "expected",
    relevant_net: float | None = None,
    power: float = 0.8,
    level: float = 0.95,
    side: Side = "two",
    shares: Sequence[float] = _GRID,
) -> OptimalHoldout:
    """How many persons of a campaign to hold out.

    A holdout makes the later decision (go on with the next ``horizon`` persons, or stop) surer. It is held against the
    better of what can be done without a test: to send to everybody, now and later, or to nobody. The persons held out
    forgo the campaign's net benefit; where the campaign is expected to lose, the treated are what the test costs. The
    effect is unknown: what is believed about it before the campaign is a normal distribution, and the value of the
    decision is averaged over it (expected value of sample information).

    Args:
        persons: Persons of the campaign, holdout included.
        effect: Mean and standard deviation of what is believed about the effect per treated person: in events when
            ``control`` is given, else in money.
        horizon: Persons whom the decision will be about: the next campaigns, the rollout.
        control: Rate of the holdout, for effects in events; a person's noise is then that of this rate.
        std: Standard deviation of a person's money, for effects in money.
        value: Money that one event is worth; for effects in events only.
        cost: Cost per treated person.
        decision: ``"expected"``: go on when the net benefit expected after the result is above 0. ``"verdict"``: go on
            only after PASS, when the interval of the net benefit lies above 0.
        relevant_net: A net benefit per person that the campaign must be able to show; gives `smallest`. For rates its
            power is that of `power_to_pay`, for money that of the normal test.
        power: Chance wished for to show it.
        level: Confidence level of the verdict.
        side: ``"two"`` or ``"greater"``: side of the verdict's interval.
        shares: Shares of the holdout to list.

    Returns:
        The value by size of the holdout, the best size, and the smallest with the power asked for.

    Raises:
        InputError: Numbers that cannot be used (all are listed).

    References:
        Raiffa and Schlaifer (1961), Applied Statistical Decision Theory, chapter 5. Feit and Berman (2019), Journal of
        Marketing Research 56:1038 (test and roll).

    Verified against: numerical integration over effect and result; brute force over sizes; `power_to_pay` for the
    power. See docs/methods/optimal-holdout.md.

    Example:
        >>> import experiments as ex
        >>> found = ex.optimal_holdout(
        ...     60_000, effect=(0.004, 0.004), horizon=500_000, control=0.02, value=85.0, cost=0.2, relevant_net=0.3
        ... )
        >>> round(found.best.share, 3), round(found.smallest.share, 3)
        (0.24, 0.372)
    """
    case = holdout_case(
        persons=persons, effect=effect, horizon=horizon, control=control, std=std, value=value, cost=cost, level=level,
        side=side, decision=decision, relevant_net=relevant_net,
    )  # fmt: skip
    chance = check_level(power)
    listed = _checked_shares(shares)
    best = case.point(_best_share(case))
    smallest = _smallest(case, chance)
    extra = [best] if smallest is None else [best, smallest]
    points = [case.point(share) for share in listed if all(share != one.share for one in extra)]
    return OptimalHoldout(
        best=best, smallest=smallest, points=tuple(sorted([*points, *extra], key=lambda point: point.share)),
        persons=case.persons, horizon=case.horizon, net=case.mean, decision=decision, level=level, power=chance,
        relevant_net=relevant_net,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldoutCase:
    """A checked campaign; money per person."""

    persons: float
    horizon: float
    mean: float
    spread: float
    noise: float
    limit: float
    decision: Decision
    relevant: float | None
    pay: PayCase | None

    def error(self, share: float) -> float:
        """Standard error of the net benefit per person."""
        return self.noise * math.sqrt((1.0 / share + 1.0 / (1.0 - share)) / self.persons)

    def point(self, share: float) -> HoldoutPoint:
        """What a size costs and brings."""
        error = self.error(share)
        without = max(0.0, self.mean)
        given_up = self.persons * (without - (1.0 - share) * self.mean)
        information = self.horizon * (self._worth(share) - without)
        return HoldoutPoint(
            share=share, holdout=share * self.persons, standard_error=error, given_up=given_up,
            information=information, value=information - given_up, power=self.power(share),
        )  # fmt: skip

    def power(self, share: float) -> float | None:
        """The chance of PASS at the relevant net benefit; None when none was declared."""
        if self.relevant is None:
            return None
        pay = self._pay_at(share)
        if pay is None:
            return one_sided_tail(self.limit - self.relevant / self.error(share))
        return pay.chances(pay.rate_of(self.relevant), share * self.persons)[0]

    def _pay_at(self, share: float) -> PayCase | None:
        """The test of rates that this size makes; None for money."""
        return None if self.pay is None else replace(self.pay, allocation=(1.0 - share) / share)

    def _worth(self, share: float) -> float:
        """Expected net benefit per later person, when only the result decides about them."""
        pay = self._pay_at(share)
        if pay is None or self.decision == "expected":
            return self._decided(self.error(share))
        total = 0.0
        for z, weight in zip(_PRIOR.tolist(), _PRIOR_WEIGHTS.tolist(), strict=True):
            net = self.mean + self.spread * z
            rate = pay.rate_of(net)
            if rate > 0.0:
                total += weight * net * pay.chances(min(rate, 1.0 - 1e-12), share * self.persons)[0]
        return total

    def _decided(self, error: float) -> float:
        """Expected net benefit per later person: E[effect; result above the limit].

        The result is normal around the effect, so given the result the effect's expectation is linear in it.
        """
        width = math.hypot(self.spread, error)
        least = -self.mean * (error / self.spread) ** 2 if self.decision == "expected" else self.limit * error
        z = (self.mean - least) / width
        height = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        return self.mean * one_sided_tail(-z) + self.spread * (self.spread / width) * height


def _best_share(case: HoldoutCase) -> float:
    """The share of highest value: the best of a fine grid, refined."""
    from scipy.optimize import minimize_scalar

    many = case.pay is None or case.decision == "expected"  # the verdict on rates is an integral for each share
    least = max(_SMALLEST, 1.0 / case.persons)
    grid = np.concatenate([
        np.geomspace(least, 0.5, 240 if many else 40), np.linspace(0.5, 0.999, 120 if many else 20)
    ])  # fmt: skip
    values = [case.point(float(share)).value for share in grid]
    top = int(np.argmax(values))
    low, high = grid[max(0, top - 1)], grid[min(len(grid) - 1, top + 1)]
    found = minimize_scalar(
        lambda share: -case.point(float(share)).value,
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-9 if many else 1e-4},
    )
    refined = float(found.x)
    return refined if case.point(refined).value >= values[top] else float(grid[top])


def _smallest(case: HoldoutCase, power: float) -> HoldoutPoint | None:
    """The smallest share with the power, up to one half."""
    from scipy.optimize import brentq

    if case.relevant is None:
        return None
    low = 0.0
    for share in np.geomspace(max(_SMALLEST, 1.0 / case.persons), 0.5, 160).tolist():
        if _chance(case, share) >= power:
            if low == 0.0:
                return case.point(share)
            return case.point(float(brentq(lambda one: _chance(case, one) - power, low, share, xtol=1e-12)))
        low = share
    return None


def _chance(case: HoldoutCase, share: float) -> float:
    return case.power(share) or 0.0


def holdout_case(  # noqa: PLR0913 - what the public function passes on
    *, persons: float, effect: tuple[float, float], horizon: float, control: float | None, std: float | None,
    value: float, cost: float, level: float, side: Side, decision: Decision, relevant_net: float | None,
) -> HoldoutCase:  # fmt: skip
    """Check a campaign whose holdout is to be sized."""
    problems: list[str] = []
    mean, spread = _belief(effect, problems)
    for name, number, least in (("persons", persons, 2.0), ("horizon", horizon, 0.0)):
        if checked_number(name, number, problems) < least:
            problems.append(f"{name} must be at least {least:g}, got {number!r}.")
    if checked_number("value", value, problems) <= 0.0:
        problems.append(f"value is the money that one event is worth, above 0, got {value!r}.")
    elif std is not None and value != 1.0:
        problems.append(f"value is what one event is worth, got {value!r}: with std the effects are in money already.")
    checked_number("cost", cost, problems)
    noise = _noise(control, std, problems)
    if decision not in ("expected", "verdict"):
        problems.append(f'decision must be "expected" or "verdict", got {decision!r}.')
    if relevant_net is not None and not checked_number("relevant_net", relevant_net, problems) > 0.0:
        problems.append(f"relevant_net must lie above 0, got {relevant_net!r}.")
    if check_side(side) == "less":
        problems.append('side must be "two" or "greater": a holdout is sized to show that a campaign pays.')
    raise_problems(problems)
    level = check_level(level)
    pay = None
    if control is not None and (relevant_net is not None or decision == "verdict"):
        pay = pay_case(
            control, value=value, cost=cost, incentive=0.0, allocation=1.0, level=level, side=side,
            options=PlanOptions(),
        )  # fmt: skip
        _check_relevant(pay, relevant_net)
    return HoldoutCase(
        persons=float(persons), horizon=float(horizon), mean=value * mean - cost, spread=value * spread,
        noise=value * noise, limit=critical_value(level, side), decision=decision, relevant=relevant_net, pay=pay,
    )  # fmt: skip


def _belief(effect: tuple[float, float], problems: list[str]) -> tuple[float, float]:
    if not isinstance(effect, (tuple, list)) or len(effect) != 2:
        problems.append(f"effect must be a pair (mean, standard deviation) of what is believed, got {effect!r}.")
        return 0.0, 1.0
    mean = checked_number("effect mean", effect[0], problems)
    spread = checked_number("effect standard deviation", effect[1], problems)
    if spread <= 0.0:
        problems.append(f"the standard deviation of the believed effect must lie above 0, got {effect[1]!r}.")
    return mean, spread


def _check_relevant(pay: PayCase, net: float | None) -> None:
    if net is not None and not 0.0 < pay.rate_of(net) < 1.0:
        raise InputError(
            f"relevant_net {net!r} per person would need a treated rate of {pay.rate_of(net):.4g}, which there is not; "
            "check the units of value, cost and relevant_net."
        )


def _noise(control: float | None, std: float | None, problems: list[str]) -> float:
    if (control is None) == (std is None):
        problems.append("give either control (the holdout's rate) or std (a person's money), and not both.")
        return 1.0
    if std is not None:
        number = checked_number("std", std, problems)
        if number <= 0.0:
            problems.append(f"std must lie above 0, got {std!r}.")
        return number
    rate = checked_number("control", control, problems)
    if not 0.0 < rate < 1.0:
        problems.append(f"control is a rate strictly between 0 and 1, got {control!r}.")
        return 1.0
    return math.sqrt(rate * (1.0 - rate))


def _checked_shares(shares: Sequence[float]) -> list[float]:
    listed = [float(share) for share in shares]
    if not all(0.0 < share < 1.0 for share in listed):
        raise InputError(f"shares of the holdout must lie strictly between 0 and 1, got {shares!r}.")
    return sorted(set(listed))
