"""Whether a planned test can show that a campaign pays: break-even, the chance of each verdict, the smallest profit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.records import Field, Records, TabularResult
from experiments.design.planning.crossing import check_power
from experiments.design.planning.options import PlanOptions
from experiments.design.planning.pay_case import pay_case, pay_rate
from experiments.design.planning.size import SampleSize, whole_size
from experiments.design.planning.solving import check_persons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.estimates import Side
    from attribution.core.render.display import Display
    from experiments.design.planning.pay_case import PayCase

__all__ = ["PayPlan", "PayRow", "power_to_pay", "sample_size_to_pay"]

_PLAIN = PlanOptions()
_FIELDS = (
    Field("control_rate", "rate"),
    Field("treated_rate", "rate"),
    Field("n_control", "count"),
    Field("n_treated", "count"),
    Field("net_benefit", "money"),
    Field("chance_pass", "rate"),
    Field("chance_fail", "rate"),
    Field("chance_inconclusive", "rate"),
    Field("chance_few", "rate"),
    Field("smallest_net", "money"),
    Field("smallest_rate", "rate"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayRow:
    """What a test of one size says about one true effect.

    Attributes:
        control: Rate of the control arm.
        treatment: True rate of the treated arm.
        n: Persons in the control arm.
        n_treated: Persons in the treated arm.
        net_benefit: True net benefit per treated person.
        chance_pass: Chance of the verdict PASS.
        chance_fail: Chance of the verdict FAIL.
        chance_inconclusive: Chance of neither.
        chance_few: Chance that an arm has too few events for any verdict (part of the one before).
        smallest_net: The smallest net benefit per treated person that gets PASS with the power asked for; None when
            no rate is large enough.
        smallest_rate: The treated rate that it needs.
    """

    control: float
    treatment: float
    n: float
    n_treated: float
    net_benefit: float
    chance_pass: float
    chance_fail: float
    chance_inconclusive: float
    chance_few: float
    smallest_net: float | None
    smallest_rate: float | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class PayPlan(TabularResult):
    """The chance of each verdict, by persons and by true effect.

    Attributes:
        rows: One row per number of persons and true rate.
        break_even: The treated rate at which the campaign neither earns nor loses.
        break_even_effect: That rate minus the control's.
        value: Money that one event is worth.
        cost: Cost per treated person.
        incentive: Money paid to every treated person with the event.
        level: Confidence level of the verdict.
        power: Chance of PASS that defines the smallest net benefit.
    """

    rows: tuple[PayRow, ...]
    break_even: float
    break_even_effect: float
    value: float
    cost: float
    incentive: float
    level: float
    power: float

    def _records(self) -> Records:
        rows = []
        for row in self.rows:
            shown: dict[str, object] = {field.name: getattr(row, field.name, None) for field in _FIELDS}
            shown |= {"n_control": row.n, "control_rate": row.control, "treated_rate": row.treatment}
            rows.append(shown)
        return Records.from_rows(_FIELDS, rows)

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        values = {"value": self.value, "cost": self.cost, "level": self.level}
        lines = [messages.text("PAY.break_even", {"effect": self.break_even_effect, "rate": self.break_even})]
        for n, row in {row.n: row for row in self.rows}.items():
            told = {"n": n, "power": self.power, "net": row.smallest_net}
            lines.append(messages.text("PAY.smallest" if row.smallest_net is not None else "PAY.nothing", told))
        table = records_table(self._records(), decisive="chance_pass")
        return Display(messages.text("PAY.title", values), (*lines, table, messages.text("PAY.formula")))


def power_to_pay(  # noqa: PLR0913 - keyword-only options of a public function
    control: float,
    treatment: float | Sequence[float],
    n: float | Sequence[float],
    *,
    value: float,
    cost: float,
    incentive: float = 0.0,
    allocation: float = 1.0,
    level: float = 0.95,
    side: Side = "two",
    power: float = 0.8,
    options: PlanOptions = _PLAIN,
) -> PayPlan:
    """The chance that a test says PASS, FAIL or neither, and the smallest profit that it can show.

    The net benefit per treated person is ``(value - incentive) * treatment - value * control - cost``. PASS needs its
    interval (score, as in `cost_thresholds`) wholly above 0 and at least 20 events in every arm, FAIL wholly below 0.
    For money per person instead of events use `power_means` with ``null=cost``.

    Args:
        control: Rate of the control arm.
        treatment: True rate, or rates, of the treated arm.
        n: Persons in the control arm; one number or several.
        value: Money that one event is worth: the threshold.
        cost: Full cost per treated person, beyond the incentive.
        incentive: Money paid to every treated person with the event, those included who would have come anyway.
        allocation: Treated per control person.
        level: Confidence level of the verdict.
        side: ``"two"`` or ``"greater"``.
        power: Chance of PASS that defines the smallest net benefit.
        options: Arms (verdicts are adjusted by Holm: planned as Bonferroni) and clusters; nothing else.

    Returns:
        A row per number of persons and true rate, and the break-even.

    Raises:
        InputError: Numbers that cannot be used, or an incentive that eats the whole value.

    References:
        Farrington and Manning (1990), Statistics in Medicine 9:1447, for a null difference; the same argument for a
        linear constraint on two rates.

    Verified against: rpact's sample sizes with a null difference; the verdicts of `cost_thresholds`;
    simulated power. See docs/methods/planning-in-money.md.

    Example:
        >>> import experiments as ex
        >>> plan = ex.power_to_pay(0.02, 0.026, 6_000, value=85.0, cost=0.2, allocation=9)
        >>> round(plan.break_even_effect, 5), round(plan.rows[0].chance_pass, 3)
        (0.00235, 0.42)
    """
    case = pay_case(
        control, value=value, cost=cost, incentive=incentive, allocation=allocation, level=level, side=side,
        options=options,
    )  # fmt: skip
    rates = [pay_rate(one) for one in _listed(treatment)]
    sizes = [check_persons(one) for one in _listed(n)]
    power = check_power(power, case.tail)
    rows = []
    for size in sizes:
        smallest = case.smallest(size, power)
        rows += [_row(case, rate, size, smallest) for rate in rates]
    return PayPlan(
        rows=tuple(rows), break_even=case.break_even, break_even_effect=case.break_even - case.control, value=value,
        cost=cost, incentive=incentive, level=level, power=power,
    )  # fmt: skip


def sample_size_to_pay(  # noqa: PLR0913 - keyword-only options of a public function
    control: float,
    treatment: float,
    *,
    value: float,
    cost: float,
    incentive: float = 0.0,
    allocation: float = 1.0,
    level: float = 0.95,
    side: Side = "two",
    power: float = 0.8,
    options: PlanOptions = _PLAIN,
) -> SampleSize:
    """How many persons a test needs until it says PASS with the power asked for.

    Args:
        control: As for `power_to_pay`.
        treatment: True rate of the treated arm; it must pay.
        value: As for `power_to_pay`.
        cost: As for `power_to_pay`.
        incentive: As for `power_to_pay`.
        allocation: As for `power_to_pay`.
        level: As for `power_to_pay`.
        side: As for `power_to_pay`.
        power: Chance of PASS.
        options: As for `power_to_pay`.

    Returns:
        Persons per arm; the rule of 20 events is included.

    Raises:
        InputError: Numbers that cannot be used, or a rate that does not pay.

    References:
        As for `power_to_pay`.

    Verified against: `power_to_pay`, which it inverts.

    Example:
        >>> import experiments as ex
        >>> ex.sample_size_to_pay(0.02, 0.026, value=85.0, cost=0.2, allocation=9).control
        14481
    """
    from experiments.design.planning.solving import solve_persons

    case = pay_case(
        control, value=value, cost=cost, incentive=incentive, allocation=allocation, level=level, side=side,
        options=options,
    )  # fmt: skip
    rate = pay_rate(treatment)
    power = check_power(power, case.tail)
    net = case.net(rate)
    if net <= 0.0:
        raise InputError(
            f"at a treated rate of {rate:g} the net benefit is {net:.4g} per person, so it must not PASS; the "
            f"break-even rate is {case.break_even:.4g}."
        )
    terms = case.terms(rate)
    start = (3.0 * (terms.null_error + terms.true_error) / net) ** 2
    least = 1.0 if options.icc is None else 2.0 * options.cluster_size / min(1.0, case.allocation)
    n = solve_persons(lambda n: case.chances(rate, n)[0], power, least=least, start=start)
    kind = "score of the net benefit" if options.icc is None else "linearised net benefit"
    return whole_size(n, case.allocation, options, kind + options.words)


def _row(case: PayCase, rate: float, n: float, smallest: float | None) -> PayRow:
    good, bad, few = case.chances(rate, n)
    return PayRow(
        control=case.control, treatment=rate, n=n, n_treated=n * case.allocation, net_benefit=case.net(rate),
        chance_pass=good, chance_fail=bad, chance_inconclusive=max(0.0, 1.0 - good - bad), chance_few=few,
        smallest_net=None if smallest is None else case.net(smallest), smallest_rate=smallest,
    )  # fmt: skip


def _listed(given: float | Sequence[float]) -> list[float]:
    listed = np.asarray(given).tolist() if hasattr(given, "__len__") and not isinstance(given, str) else [given]
    if not listed:
        raise InputError(f"treatment and n must each hold at least one number, got {given!r}.")
    return listed
