"""Who of each arm was reached by its channels, and whether channels delivered alike to the arms that share them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.durations import microseconds
from attribution.core.records import Field
from experiments.design.exclusions import check_delivered
from experiments.inference.proportions import share_interval
from experiments.post_mortem.execution_log import DELIVERED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import timedelta

    from numpy.typing import NDArray

    from attribution.core.findings import Finding
    from experiments.post_mortem.evidence import Evidence
    from experiments.post_mortem.execution_log import Contacts, Log

__all__ = ["REACH_FIELDS", "Assigned", "delivery_of", "reach_of"]

REACH_FIELDS = (
    Field("arm", "text"), Field("channels", "text"), Field("n", "count"), Field("reached", "rate"),
    Field("reached_low", "rate"), Field("reached_high", "rate"), Field("beside", "rate"), Field("beside_low", "rate"),
    Field("beside_high", "rate"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Assigned:
    """The assigned persons whose window is over.

    Attributes:
        row: Row of the outcomes of each person by code; -1 for others.
        arm: Arm of each row.
        arms: Names of the arms.
        start: Start of the window of each row, microseconds.
        window: Length of the windows.
    """

    row: NDArray[np.int64]
    arm: NDArray[np.int64]
    arms: tuple[str, ...]
    start: NDArray[np.int64]
    window: timedelta

    def inside(self, contacts: Contacts) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Row of the person of each touch, and whether the touch lies inside the person's window."""
        row = self.row[contacts.person]
        if contacts.time is None:
            return row, row >= 0
        since = contacts.time - self.start[np.maximum(row, 0)]
        return row, (row >= 0) & (since >= 0) & (since < microseconds(self.window))


def channels_of_arms(evidence: Evidence) -> dict[str, tuple[str, ...]]:
    """The channels of every arm: those of its step and of the steps before it; none of the control."""
    from experiments.post_mortem.evidence import step_order

    declared, order = evidence.plan.experiment, step_order(evidence.plan)
    if declared is None or order is None or not declared.steps:
        return {}
    made: dict[str, tuple[str, ...]] = {}
    held: tuple[str, ...] = ()
    for arm in order:
        held = (*held, *(name for name in _steps(evidence).get(arm, ()) if name not in held))
        made[str(arm)] = held
    return made


def _steps(evidence: Evidence) -> Mapping[str, Sequence[str]]:
    """The channels that each arm adds to the arm before it."""
    return {} if evidence.plan.experiment is None else evidence.plan.experiment.steps


def reach_of(evidence: Evidence, log: Log, contacts: Contacts, assigned: Assigned) -> list[dict[str, object]]:
    """One row per arm, in the order of the plan; arms of fewer persons than ``report.min_cell`` are left out."""
    from experiments.post_mortem.evidence import order_of

    readout = evidence.readout
    if readout is None:
        return []
    declared, control = channels_of_arms(evidence), str(readout.experiment.control)
    level = readout.experiment.level
    names = [str(name) for name in log.channel.names]
    every = tuple(dict.fromkeys(name for channels in declared.values() for name in channels)) or tuple(names)
    row, inside = assigned.inside(contacts)
    rows: list[dict[str, object]] = []
    for arm in [str(name) for name in order_of(evidence.plan, readout)]:
        n = int((assigned.arm == assigned.arms.index(arm)).sum()) if arm in assigned.arms else 0
        if n < evidence.plan.report.min_cell:
            continue
        own = () if arm == control else declared.get(arm, every)
        step = own if not declared or arm == control else tuple(map(str, _steps(evidence).get(arm, ())))
        beside = tuple(name for name in every if name not in own)
        made: dict[str, object] = {"arm": arm, "channels": "; ".join(step), "n": n}
        for column, channels in (("reached", step), ("beside", beside)):
            if channels:
                hit = inside & _of(names, channels)[contacts.channel]
                made |= _share(column, _persons_of_arm(row[hit], assigned, arm), n, level)
        rows.append(made)
    return rows


def delivery_of(
    evidence: Evidence, log: Log, contacts: Contacts, assigned: Assigned
) -> tuple[tuple[str, Finding], ...]:
    """Whether each channel was delivered alike to the arms that share it, per assigned person.

    Where arms were assigned inside strata their persons are not alike to begin with, so nothing is said.
    """
    if evidence.readout is None or evidence.readout.experiment.layers:
        return ()
    names = [str(name) for name in log.channel.names]
    row, inside = assigned.inside(contacts)
    limit = evidence.plan.report.min_cell
    found: list[tuple[str, Finding]] = []
    for channel, arms in _sharing(channels_of_arms(evidence)).items():
        hit = inside & (contacts.stage == DELIVERED) & _of(names, (channel,))[contacts.channel]
        if not hit.any():
            continue  # the channel's log shows no delivery
        hit = inside & (contacts.stage >= DELIVERED) & _of(names, (channel,))[contacts.channel]
        sizes = {arm: int((assigned.arm == assigned.arms.index(arm)).sum()) for arm in arms if arm in assigned.arms}
        planned = {arm: n for arm, n in sizes.items() if n >= limit}
        if len(planned) > 1:
            delivered = {arm: _persons_of_arm(row[hit], assigned, arm) for arm in planned}
            found.append((channel, check_delivered(planned, delivered)))
    return tuple(found)


def _sharing(channels: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """The arms of each channel."""
    made: dict[str, list[str]] = {}
    for arm, held in channels.items():
        for channel in held:
            made.setdefault(channel, []).append(arm)
    return made


def _of(names: list[str], channels: Collection[str]) -> NDArray[np.bool_]:
    return np.array([name in channels for name in names], bool)


def _persons_of_arm(rows: NDArray[np.int64], assigned: Assigned, arm: str) -> int:
    """Distinct persons of an arm among some rows of the outcomes."""
    seen = np.zeros(len(assigned.arm), bool)
    seen[rows] = True
    return int((seen & (assigned.arm == assigned.arms.index(arm))).sum())


def _share(column: str, count: int, n: int, level: float) -> dict[str, object]:
    low, high = share_interval(count / n, 0.0, n, level=level)
    return {column: count / n, f"{column}_low": low, f"{column}_high": high}
