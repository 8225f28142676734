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

__all__ = ["REACH_FIELDS", "Assigned", "Touched", "delivery_of", "reach_of", "touched_of"]

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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Touched:
    """Which channels touched each assigned person inside the own window.

    Attributes:
        assigned: The assigned persons.
        channels: Names of the channels.
        touched: Persons by channels.
        delivered: Persons by channels: a touch that was delivered, or answered.
        logged: Channels whose log shows deliveries by rows of their own.
    """

    assigned: Assigned
    channels: tuple[str, ...]
    touched: NDArray[np.bool_]
    delivered: NDArray[np.bool_]
    logged: frozenset[str]

    def of_arm(self, arm: str) -> NDArray[np.bool_]:
        """The persons of an arm."""
        assigned = self.assigned
        if arm not in assigned.arms:
            return np.zeros(len(assigned.arm), bool)
        return np.asarray(assigned.arm == assigned.arms.index(arm))

    def places(self, channels: Collection[str]) -> list[int]:
        """The columns of some channels; one without a touch has none."""
        return [place for place, name in enumerate(self.channels) if name in channels]


def touched_of(log: Log, contacts: Contacts, assigned: Assigned) -> Touched:
    """Mark persons and channels of the touches that lie inside the windows."""
    names, size = tuple(str(name) for name in log.channel.names), len(assigned.arm)
    row = assigned.row[contacts.person]
    inside = row >= 0
    if contacts.time is not None:
        since = contacts.time - assigned.start[np.maximum(row, 0)]
        inside &= (since >= 0) & (since < microseconds(assigned.window))
    at = np.flatnonzero(inside)
    pair, stage = row[at] * len(names) + contacts.channel[at], contacts.stage[at]
    touched, delivered = np.zeros(size * len(names), bool), np.zeros(size * len(names), bool)
    touched[pair] = True
    delivered[pair[stage >= DELIVERED]] = True
    shape = (size, len(names))
    logged = np.bincount(log.channel.codes[log.stage == DELIVERED], minlength=len(names))
    return Touched(
        assigned=assigned, channels=names, touched=touched.reshape(shape), delivered=delivered.reshape(shape),
        logged=frozenset(name for name, rows in zip(names, logged.tolist(), strict=True) if rows),
    )  # fmt: skip


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


def reach_of(evidence: Evidence, found: Touched) -> list[dict[str, object]]:
    """One row per arm, in the order of the plan; arms of fewer persons than ``report.min_cell`` are left out."""
    from experiments.post_mortem.evidence import order_of

    readout = evidence.readout
    if readout is None:
        return []
    declared, control = channels_of_arms(evidence), str(readout.experiment.control)
    level = readout.experiment.level
    every = tuple(dict.fromkeys(name for channels in declared.values() for name in channels)) or found.channels
    rows: list[dict[str, object]] = []
    for arm in [str(name) for name in order_of(evidence.plan, readout)]:
        mine = found.of_arm(arm)
        n = int(mine.sum())
        if n < evidence.plan.report.min_cell:
            continue
        own = () if arm == control else declared.get(arm, every)
        step = own if not declared or arm == control else tuple(map(str, _steps(evidence).get(arm, ())))
        beside = tuple(name for name in every if name not in own)
        made: dict[str, object] = {"arm": arm, "channels": "; ".join(step), "n": n}
        for column, channels in (("reached", step), ("beside", beside)):
            if channels:
                hit = found.touched[:, found.places(channels)].any(axis=1)
                made |= _share(column, int((hit & mine).sum()), n, level)
        rows.append(made)
    return rows


def delivery_of(evidence: Evidence, found: Touched) -> tuple[tuple[str, Finding], ...]:
    """Whether each channel was delivered alike to the arms that share it, per assigned person.

    Where arms were assigned inside strata their persons are not alike to begin with, so nothing is said.
    """
    if evidence.readout is None or evidence.readout.experiment.layers:
        return ()
    made: list[tuple[str, Finding]] = []
    for channel, arms in _sharing(channels_of_arms(evidence)).items():
        if channel not in found.logged:
            continue
        hit = found.delivered[:, found.channels.index(channel)]
        persons = {arm: found.of_arm(arm) for arm in arms}
        planned = {arm: int(mine.sum()) for arm, mine in persons.items()}
        planned = {arm: n for arm, n in planned.items() if n >= evidence.plan.report.min_cell}
        if len(planned) > 1:
            delivered = {arm: int((hit & persons[arm]).sum()) for arm in planned}
            made.append((channel, check_delivered(planned, delivered)))
    return tuple(made)


def _sharing(channels: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """The arms of each channel."""
    made: dict[str, list[str]] = {}
    for arm, held in channels.items():
        for channel in held:
            made.setdefault(channel, []).append(arm)
    return made


def _share(column: str, count: int, n: int, level: float) -> dict[str, object]:
    low, high = share_interval(count / n, 0.0, n, level=level)
    return {column: count / n, f"{column}_low": low, f"{column}_high": high}
