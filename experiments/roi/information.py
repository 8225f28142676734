"""What would a larger or a longer experiment be worth, against what it costs?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.estimates import Estimate
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from experiments.inference.tails import one_sided_tail
from experiments.roi.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["InformationValue", "normal_loss", "value_of_information"]

_SIZES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_FARTHEST = 1_000  # times the present persons, up to which the best size is looked for
_GRID = 400
_LEAST = 1e-150  # a smaller deviation has no square that is a number


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class InformationValue(TabularResult):
    """What knowing more would be worth for one decision.

    Attributes:
        records: One row per size. ``further_persons``; ``worth``: expected value of their information; ``cost``;
            ``gain``: worth less cost; ``chance_of_change``: the chance that they turn the decision.
        decision: "roll_out" or "stop": what one would do without knowing more.
        expected: What that decision is expected to bring, in money.
        perfect: Expected value of perfect information: more than this no experiment is worth.
        best_n: The further persons with the largest gain; 0 when no size is worth its cost; None when a further person
            costs nothing, so that more are always better.
        best_gain: The gain there.
        recipe: Belief and settings.
    """

    records: Records
    decision: str
    expected: float
    perfect: float
    best_n: int | None
    best_gain: float | None
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        values = {
            "decision": messages.text(f"INFORMATION.{self.decision}"), "expected": self.expected,
            "perfect": self.perfect, "best": self.best_n, "gain": self.best_gain,
        }  # fmt: skip
        form = "free" if self.best_n is None else "best" if self.best_n else "none"
        told = (messages.text("INFORMATION.now", values), messages.text(f"INFORMATION.{form}", values))
        table = records_table(self.records, decisive="gain")
        return Display(messages.text("INFORMATION.title"), (*told, table, *self.recipe.sentences()))


def normal_loss(distance: float) -> float:
    """The unit normal loss: the mean of ``max(0, Z - distance)`` of a standard normal Z, for any distance.

    Example:
        >>> round(normal_loss(0.0), 6), f"{normal_loss(9.0):.4g}"
        (0.398942, '1.225e-20')
    """
    from scipy.special import erfcx

    if distance < 0.0:
        return normal_loss(-distance) - distance
    density = math.exp(-0.5 * distance * distance) / math.sqrt(2.0 * math.pi)
    # The scaled tail keeps the digits of a difference of two nearly equal numbers.
    rest = 1.0 - distance * math.sqrt(0.5 * math.pi) * float(erfcx(distance / math.sqrt(2.0)))
    return density * max(rest, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """The belief and what further persons tell."""

    mean: float
    spread: float  # standard deviation of the belief, per person
    noise: float  # variance of the estimate times the persons that it rests on
    persons: int
    each: float
    fixed: float

    def worth(self, n: float) -> tuple[float, float]:
        """Expected value of the information of n further persons, and the chance that it turns the decision."""
        moved = self.spread * math.sqrt(self.spread**2 / (self.spread**2 + self.noise / n)) if n > 0.0 else 0.0
        if not moved > 0.0:
            return 0.0, 0.0
        distance = abs(self.mean) / moved
        return self.persons * moved * normal_loss(distance), one_sided_tail(distance)

    def perfect(self) -> float:
        """Expected value of perfect information."""
        return self.persons * self.spread * normal_loss(abs(self.mean) / self.spread)

    def gain(self, n: float) -> float:
        """Worth less cost."""
        return self.worth(n)[0] - self.fixed - self.each * n


def value_of_information(  # noqa: PLR0913 -- keyword-only options of a public function
    net: Verdict | Estimate,
    *,
    persons: int,
    sizes: Sequence[int] | None = None,
    prior: tuple[float, float] | None = None,
    cost_per_person: float = 0.0,
    fixed_cost: float = 0.0,
    control_share: float | None = None,
    new_control_share: float | None = None,
) -> InformationValue:
    """Expected value of more data for the decision "roll out to so many persons, or stop".

    The belief about the true net benefit per person is normal: the estimate and its standard error (a flat prior), or a
    declared prior updated by them. Rolling out brings persons x net benefit, stopping 0, so what counts is the mean of
    the belief; more data move it, and are worth something where they may turn its sign. With ``n`` further persons the
    mean will move by a standard deviation s = sd^2 / sqrt(sd^2 + v / n) (v: variance of the estimate times the persons
    it rests on), and their information is worth persons x s x L(|mean| / s), L the unit normal loss. Perfect
    information is the limit s = sd.

    Whoever needs a verdict word needs another size (`people_needed`); this one asks what is worth paying. A belief from
    a flat prior believes the estimate, its luck included: after choosing the best of several arms declare a prior.

    Args:
        net: A verdict of `cost_thresholds`, or the estimate of a net benefit per assigned person, with standard error.
        persons: Persons for whom the decision will be taken (those of the experiments not among them).
        sizes: Further persons to look at; None: a quarter to eight times the present ones.
        prior: Mean and standard deviation of the net benefit per person believed before the campaign; None: flat.
        cost_per_person: What one further person in the experiment costs: touches, and what a control person forgoes.
        fixed_cost: What the further experiment costs whatever its size; for a longer one, what waiting costs.
        control_share: Share of the control among the present persons; needed with new_control_share only.
        new_control_share: Share of the control among further persons: a larger or a smaller holdout. The variance per
            person is taken to be the same in both arms. None: as now.

    Returns:
        Worth, cost and gain of each size, and the size with the largest gain.

    Raises:
        InputError: An estimate without standard error or persons, a verdict that is INVALID or NO_HOLDOUT, or an option
            that is not allowed.

    References:
        Raiffa and Schlaifer (1961), Applied Statistical Decision Theory, chapter 5. Willan and Pinto (2005), Statistics
        in Medicine 24:1791.

    Verified against mpmath and R's integrate (the loss), and a simulation of beliefs, data and decisions
    (tests/oracles/information_value.py); see docs/methods/value-of-information.md.

    Example:
        >>> from attribution.core.estimates import Estimate
        >>> net = Estimate(value=0.1, low=-0.1, high=0.3, standard_error=0.1, n=10_000)
        >>> found = value_of_information(net, persons=500_000, cost_per_person=0.02)
        >>> found.decision, round(found.perfect), found.best_n, round(found.best_gain)
        ('roll_out', 4166, 44697, 2170)
    """
    estimate = _estimate(net)
    mean, spread = _belief(estimate, prior)
    each, fixed = (_amount(*one) for one in (("cost_per_person", cost_per_person), ("fixed_cost", fixed_cost)))
    error = float(estimate.standard_error or 0.0)
    case = _Case(
        mean=mean, spread=spread, noise=error * error * estimate.n * _allocation(control_share, new_control_share),
        persons=_whole("persons", persons), each=each, fixed=fixed,
    )  # fmt: skip
    looked = _sizes(sizes, estimate.n)
    rows = []
    for n in looked:
        worth, chance = case.worth(n)
        cost = case.fixed + case.each * n
        row = {"further_persons": n, "worth": worth, "cost": cost, "gain": worth - cost}
        rows.append({**row, "chance_of_change": chance})
    best, gain = _best(case, estimate.n)
    fields = (
        Field("further_persons", "count"), Field("worth", "money"), Field("cost", "money"), Field("gain", "money"),
        Field("chance_of_change", "rate"),
    )  # fmt: skip
    return InformationValue(
        records=Records.from_rows(fields, rows),
        decision="roll_out" if mean > 0.0 else "stop",
        expected=case.persons * max(mean, 0.0),
        perfect=case.perfect(),
        best_n=best,
        best_gain=gain,
        recipe=Recipe(
            method="value_of_information", definitions=("INFORMATION", "INFORMATION_PRIOR" if prior else
                                                        "INFORMATION_FLAT"),
            settings={"mean": mean, "spread": spread, "persons": case.persons, "prior": prior,
                      "cost_per_person": each, "fixed_cost": fixed, "control_share": control_share,
                      "new_control_share": new_control_share},
            n={"persons": estimate.n},
        ),
    )  # fmt: skip


def _estimate(net: Verdict | Estimate) -> Estimate:
    if isinstance(net, Verdict) and net.word in ("INVALID", "NO_HOLDOUT"):
        raise InputError(f"a verdict that is {net.word} ({net.reason}) gives no belief to build on. Repair the trial.")
    found = net.net_benefit if isinstance(net, Verdict) else net
    if not isinstance(found, Estimate):
        raise InputError(f"net must be a Verdict or an Estimate of a net benefit, got {type(net).__name__}.")
    for name, number in (("value", found.value), ("standard error", found.standard_error)):
        if number is not None and not (_is_number(number) and math.isfinite(number)):
            raise InputError(f"the {name} of the estimate must be a finite number, got {number!r}.")
    if found.value is None or not (found.standard_error or 0.0) > _LEAST or found.n < 1:
        raise InputError("the estimate needs a value, a standard error above 0 and the persons that it rests on.")
    return found


def _belief(estimate: Estimate, prior: tuple[float, float] | None) -> tuple[float, float]:
    """Mean and standard deviation of the net benefit per person, the campaign included."""
    value, error = float(estimate.value or 0.0), float(estimate.standard_error or 0.0)
    if prior is None:
        return value, error
    pair = isinstance(prior, Sequence) and len(prior) == 2 and all(_is_number(part) for part in prior)
    if not pair or not prior[1] > _LEAST:
        raise InputError(f"prior must be the mean and the standard deviation (above 0) of a belief, got {prior!r}.")
    own, other = 1.0 / error**2, 1.0 / prior[1] ** 2
    return (value * own + prior[0] * other) / (own + other), 1.0 / math.sqrt(own + other)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _amount(name: str, value: float) -> float:
    if not _is_number(value) or value < 0.0:
        raise InputError(f"{name} must be a finite amount of money, 0 or more, got {value!r}.")
    return float(value)


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) < 1:
        raise InputError(f"{name} must be a whole number of persons, 1 or more, got {value!r}.")
    return int(value)


def _allocation(now: float | None, new: float | None) -> float:
    """How much more the variance per person is at another share of the control."""
    for name, share in (("control_share", now), ("new_control_share", new)):
        if share is not None and not (_is_number(share) and 0.0 < share < 1.0):
            raise InputError(f"{name} must lie strictly between 0 and 1, got {share!r}.")
    if new is None:
        return 1.0
    if now is None:
        raise InputError("new_control_share needs control_share, the control's share among the present persons.")
    return now * (1.0 - now) / (new * (1.0 - new))


def _sizes(sizes: Sequence[int] | None, n: int) -> list[int]:
    if sizes is None:
        return sorted({max(1, round(factor * n)) for factor in _SIZES})
    if isinstance(sizes, (str, bytes)) or not isinstance(sizes, Sequence) or not sizes:
        raise InputError(f"sizes must be a list of numbers of further persons, got {sizes!r}.")
    return [_whole("sizes", size) for size in sizes]


def _best(case: _Case, n: int) -> tuple[int | None, float | None]:
    """The size with the largest gain: a grid over orders of magnitude, then golden section between its neighbours."""
    if case.each == 0.0:
        # More persons come as near to perfect information as one likes, but never pay for more than it is worth.
        return (None, None) if case.perfect() > case.fixed else (0, 0.0)
    top = math.log(_FARTHEST * n)
    grid = [top * step / _GRID for step in range(_GRID + 1)]
    place = max(range(_GRID + 1), key=lambda step: case.gain(math.exp(grid[step])))
    low, high = grid[max(0, place - 1)], grid[min(_GRID, place + 1)]
    found = round(math.exp(_highest(lambda at: case.gain(math.exp(at)), low, high)))
    best = max((max(1, found - 1), max(1, found), found + 1), key=case.gain)
    gain = case.gain(best)
    return (best, gain) if gain > 0.0 else (0, 0.0)


def _highest(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(lambda at: -function(at), bounds=(low, high), method="bounded", options={"xatol": 1e-10})
    return float(found.x)
