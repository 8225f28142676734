"""From the outcomes at a day to the next look at a running campaign's net benefit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from attribution.core.errors import InputError
from experiments.design.look_entry import as_day
from experiments.design.sequential_split import watch_split
from experiments.inference.sequential.bounds import nominal_p
from experiments.inference.tails import signed_z
from experiments.metrics import Rate
from experiments.readout.experiment import Experiment
from experiments.roi.contrast_figures import lasting_level, net_of
from experiments.roi.guardrail_readings import read_contrasts
from experiments.roi.guardrails import Guardrail, worst_state
from experiments.roi.monitor import NetBenefitMonitor
from experiments.roi.monitor_plan import Seen
from experiments.roi.reading import CostReading, CostSource, read_costs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from attribution.core.columns import ColumnsLike
    from attribution.core.estimates import Side
    from experiments.roi.contrasts import ContrastCosts

__all__ = ["monitor_thresholds", "seen_at"]

_LEAST_P = 1e-14


def monitor_thresholds(  # noqa: PLR0913 -- options by keyword
    outcomes: object,
    *,
    monitor: NetBenefitMonitor,
    day: date | str | None = None,
    woken: str = "woken",
    cost: str = "cost",
    experiment: Experiment | None = None,
    touches: object = None,
    campaign: str | Sequence[str] | None = None,
    columns: ColumnsLike = None,
) -> NetBenefitMonitor:
    """Look at a running campaign: does it pay by now? The verdict holds however often somebody looks.

    The outcomes hold the persons whose window is over by the day of the look, as `build_outcomes(as_of=day)` gives
    them. Every contrast and threshold of the plan gets its net benefit, the always-valid interval of its score
    statistic, and PASS, FAIL or INCONCLUSIVE. Guardrails of the experiment are read with always-valid bounds as well. A
    check that fails makes the look INVALID; one that warns is kept by its code and told with the log.

    Args:
        outcomes: The outcomes at the day of the look; or a dict of day to outcomes, which takes one look after another.
        monitor: The log so far; a new `NetBenefitMonitor` before the first look.
        day: Day of the look; not used with a dict.
        woken: Column of the event, 0 or 1.
        cost: Column of the full cost per person.
        experiment: Gives arm, control, strata, shares and guardrails; the default experiment otherwise.
        touches: The touches, for the leakage check.
        campaign: Name(s) of this campaign in the touches.
        columns: Names of the columns of the touches.

    Returns:
        A new log.

    Raises:
        InputError: Without a day, or for an experiment whose control or arms are not those of the plan.
        DesignError: LOOK_ORDER, LOOK_SHRINKS as `NetBenefitMonitor.append`; NO_HOLDOUT.
        TableError: As `cost_thresholds`.

    Assumptions:
        As `cost_thresholds`; persons come one after the other and mature by one rule. Waves with different shares are
        strata (``Experiment(strata="stratum")``): pooled, they can turn the sign, and UNUSED_STRATUM warns. Where the
        shares are declared as a dict, the split of the arms is judged over all looks together (`watch_split`).

    References:
        As `NetBenefitMonitor`.

    Verified against: `cost_thresholds` at the level of the bound; simulation (tests/statistical/monitoring_designs.py).

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=6_000, seed=7)
        >>> plan = ex.NetBenefitMonitor(planned=6_000, order=c.order, thresholds=[85])
        >>> made = ex.build_outcomes(c.assignment, c.conversions, c.touches, c.prices, window="28d", as_of=c.as_of)
        >>> log = ex.monitor_thresholds({str(c.as_of)[:10]: made}, monitor=plan)
        >>> {row["verdict_so_far"] for row in log.to_dicts()} <= {"PASS", "FAIL", "INCONCLUSIVE"}
        True
    """
    if isinstance(outcomes, Mapping):
        days = sorted(((as_day(one).isoformat(), table) for one, table in outcomes.items()), key=lambda pair: pair[0])
        for one, table in days:
            monitor = monitor_thresholds(
                table, monitor=monitor, day=one, woken=woken, cost=cost, experiment=experiment, touches=touches,
                campaign=campaign, columns=columns,
            )  # fmt: skip
        return monitor
    if day is None:
        raise InputError('a look needs its day: day="2026-10-05", or a dict of day to outcomes.')
    if not isinstance(monitor, NetBenefitMonitor):
        raise InputError(
            f"monitor must be a NetBenefitMonitor, got {type(monitor).__name__}. A saved log comes back with "
            "NetBenefitMonitor.read(table)."
        )
    plan = monitor.plan
    declared = Experiment({woken: Rate(woken)}, control=plan.arms[0]) if experiment is None else experiment
    source = CostSource(
        outcomes=outcomes, experiment=declared, woken=woken, cost=cost, touches=touches, campaign=campaign,
        columns=columns,
    )  # fmt: skip
    read = read_costs(source, order=_order(plan.pairs))
    contrasts = {(contrast.arm, contrast.control): contrast for contrast in read.contrasts}
    _check_arms(read, plan.arms, plan.pairs, contrasts)
    matured = {arm: _counted(read, arm)[0] for arm in plan.arms}
    happened = {arm: _counted(read, arm)[1] for arm in plan.arms}
    failed = _failed(read, monitor, as_day(day), matured)
    warned = dict.fromkeys(finding.code for finding in read.findings if finding.status == "warn")
    guards = _guardrails(read, planned=plan.planned, matured=sum(matured.values()))
    read.table.problems.raise_if_any()

    def seen(pair: tuple[str, str], threshold: float, bound: float | None) -> Seen:
        made = seen_at(contrasts[pair], threshold, bound, plan.side)
        return replace(made, guardrail=guards.get(pair, ""), invalid="; ".join(failed), warned="; ".join(warned))

    return monitor.append(day, matured=matured, woken=happened, read=seen)


def _failed(read: CostReading, monitor: NetBenefitMonitor, day: date, matured: Mapping[str, int]) -> tuple[str, ...]:
    """Codes of the checks that failed; the joint split is judged over all looks together where shares are declared."""
    shares = read.experiment.shares
    if not isinstance(shares, Mapping) or read.experiment.cluster is not None or not set(matured) <= set(shares):
        return read.invalid
    so_far: dict[object, dict[str, int]] = {}
    for look in monitor.looks:
        so_far.setdefault(look.day, {}).update(zip(look.pair, look.n, strict=True))
    so_far[day] = dict(matured)
    total, before = sum(shares[arm] for arm in matured), dict.fromkeys(matured, 0)
    grown: dict[object, dict[str, int]] = {}
    for when in sorted(so_far, key=str):
        grown[str(when)] = {arm: max(0, so_far[when][arm] - before[arm]) for arm in matured}
        before = so_far[when]
    watched = watch_split(grown, {arm: shares[arm] / total for arm in matured})
    codes = tuple(code for code in read.invalid if code != "SRM")
    return (*codes, *(finding.code for finding in watched.findings if finding.status == "fail"))


def seen_at(contrast: ContrastCosts, threshold: float, bound: float | None, side: Side) -> Seen:
    """Net benefit, its statistic, and every net benefit that the bound does not reject."""
    plain = net_of(contrast, threshold, level=0.95)
    value, z = float(plain.value or 0.0), signed_z(plain) or 0.0
    if bound is None:
        return Seen(net=value, z=z, low=None, high=None)
    p = nominal_p(bound, side)
    if p > _LEAST_P:
        net = net_of(contrast, threshold, level=1.0 - p, side=side)
        return Seen(net=value, z=z, low=net.low, high=net.high)
    error = value / z if z else float(plain.standard_error or 0.0)
    low = -math.inf if side == "less" else value - bound * error
    return Seen(net=value, z=z, low=low, high=math.inf if side == "greater" else value + bound * error)


def _order(pairs: Sequence[tuple[str, str]]) -> list[str] | None:
    """The order of stepped contrasts; None where all have one control."""
    if len({control for _, control in pairs}) == 1 and len(pairs) > 1:
        return None
    return [pairs[0][1], *(arm for arm, _ in pairs)]


def _check_arms(
    read: CostReading,
    arms: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    contrasts: Mapping[tuple[str, str], ContrastCosts],
) -> None:
    lacking = [pair for pair in pairs if pair not in contrasts]
    if lacking or str(read.experiment.control) != arms[0]:
        raise InputError(
            f"the monitor compares {', '.join(f'{one!r} with {two!r}' for one, two in pairs)}; the outcomes hold "
            f"{', '.join(f'{one!r} with {two!r}' for one, two in contrasts)}. Plan the arms before the first look."
        )


def _counted(read: CostReading, arm: str) -> tuple[int, int]:
    """Persons and woken of an arm in the kept strata."""
    parts = {contrast.arm: contrast.treated for contrast in read.contrasts}
    parts |= {contrast.control: contrast.untreated for contrast in read.contrasts}
    return sum(part.n for part in parts[arm]), sum(part.woken for part in parts[arm])


def _guardrails(read: CostReading, *, planned: int, matured: int) -> dict[tuple[str, str], str]:
    """What the guardrails say of every contrast, each bound at a level that holds at all looks."""
    kept = [
        replace(guard, level=lasting_level(matured, planned=planned, level=guard.level, side="greater"))
        for guard in read.experiment.guardrails
        if isinstance(guard, Guardrail)
    ]
    if not kept:
        return {}
    readings = read_contrasts(read.table, replace(read.experiment, guardrails=tuple(kept)), read.pairs)
    worst = {(arm, control): worst_state(found) for (arm, control, _), found in readings.items()}
    return {pair: "" if state == "safe" else state for pair, state in worst.items()}
