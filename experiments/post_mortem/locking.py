"""What the lock of the plan says: when it was locked, what was changed since, and what that makes exploratory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from attribution.core.errors import PlanError
from attribution.core.findings import Finding
from experiments.post_mortem.execution import assigned_days
from experiments.post_mortem.words import listed, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from experiments.plan import Lock, Plan
    from experiments.report.document import Decision

__all__ = ["Locking", "decisions_told", "locking_of"]

Moment = Literal["before", "on", "after", "unknown"]
_CAUSAL = ("trust", "effect", "channels", "cost", "segments", "leave_alone", "next")
_PAYS = ("cost", "segments", "leave_alone", "next")
# Beginning of a key -> the sections whose answers rest on it; the first that fits counts. None: it decides nothing.
_TOUCHES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("campaign.name", ()),
    ("campaign.population", ("purpose",)),
    ("campaign.as_of", ("execution", *_CAUSAL)),
    ("tables.touches", ("trust", "execution", "channels", "cost", "leave_alone", "next")),
    ("tables.planned", ("execution",)),
    ("tables.events", ("purpose",)),
    ("tables.prices", _PAYS),
    ("tables.spend", ("cost",)),
    ("tables.key_events", ("channels",)),
    ("tables.customers", ("channels",)),
    ("tables", ("execution", *_CAUSAL)),
    ("identity", ("execution", *_CAUSAL)),
    ("experiment.who", ()),
    ("experiment.when", ()),
    ("experiment.how", ()),
    ("experiment.segments", ("segments", "leave_alone")),
    ("experiment.steps", ("channels",)),
    ("experiment.wave", ("execution", "cost")),
    ("experiment.campaign", ("trust",)),
    ("experiment.leak_limit", ("trust",)),
    ("experiment", _CAUSAL),
    ("metrics", ("effect", "channels", *_PAYS)),
    ("attribution", ("channels",)),
    ("costs.acquisition", ("cost",)),
    ("costs.values", ("cost", "segments")),
    ("costs", ("channels", *_PAYS)),
    ("guardrails", ("effect", *_PAYS)),
    ("gate", ("cost", "next")),
    ("figure", ()),
    ("execution", ("execution",)),
    ("pressure", ("execution",)),
    ("durability", ("effect",)),
    ("population", ("purpose",)),
    ("money", ("cost",)),
    ("waves", ("cost",)),
    ("budget", ("cost", "next")),
    ("looks", ("effect",)),
    ("monitor", ("cost",)),
    ("lock", ("execution", *_CAUSAL)),
)
# What the verdict of a decision rests on.
_DECIDING = (
    "campaign.as_of", "tables.", "identity", "experiment.", "metrics.", "costs.", "guardrails.", "gate", "lock.",
)  # fmt: skip
_HARMLESS = frozenset({"experiment.who", "experiment.when", "experiment.how", "costs.acquisition", "costs.values"})


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Locking:
    """The lock of a plan as the report tells it.

    Attributes:
        lock: The lock; None without one.
        declared: The plan as it was locked; None without a lock, or when this version cannot read it.
        changes: What has changed since, as (key, old, new), spelled as JSON.
        assigned: The first day of assignment; None when the tables do not tell it.
        moment: Whether the plan was locked before the first assignment, on its day, or after it.
    """

    lock: Lock | None
    declared: Plan | None
    changes: tuple[tuple[str, str, str], ...]
    assigned: date | None
    moment: Moment

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Whether and when the plan was locked, and what has changed since."""
        if self.lock is None:
            return (Finding(code="PLAN_NOT_LOCKED", status="note"),)
        found = self._locked()
        if not self.changes:
            return (found,)
        values = {"keys": ", ".join(self.keys), "n": len(self.changes), "locked_on": self.locked_on.isoformat()}
        return found, Finding(code="PLAN_CHANGED", status="warn", values=values)

    def _locked(self) -> Finding:
        """When it was locked, against the first assignment."""
        values = {
            "locked_on": self.locked_on.isoformat(),
            "assigned": "" if self.assigned is None else self.assigned.isoformat(),
        }
        if self.moment == "before":
            return Finding(code="PLAN_LOCKED", status="pass", values=values)
        if self.moment == "on":
            return Finding(code="PLAN_LOCKED_ON_DAY", status="note", values=values)
        if self.moment == "after":
            return Finding(code="PLAN_LOCKED_LATE", status="note", values=values)
        return Finding(code="PLAN_LOCKED_UNDATED", status="note", values=values)

    @property
    def locked_on(self) -> date:
        """The day that the lock says."""
        found = date.min if self.lock is None else self.lock.locked_on
        return found.date() if isinstance(found, datetime) else found

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key that has changed since the lock."""
        return tuple(key for key, _, _ in self.changes)

    def touching(self, section: str) -> tuple[str, ...]:
        """The changed keys on which a section of the report rests."""
        return tuple(key for key in self.keys if section in _sections_of(key))

    def deciding(self) -> tuple[str, ...]:
        """The changed keys on which the verdicts rest."""
        return tuple(key for key in self.keys if key.startswith(_DECIDING) and not _is_harmless(key))


def _is_harmless(key: str) -> bool:
    return key in _HARMLESS or key.startswith("costs.values.")


def _sections_of(key: str) -> tuple[str, ...]:
    for beginning, sections in _TOUCHES:
        if key == beginning or key.startswith((f"{beginning}.", f"{beginning}[")):
            return sections
    return ()


def locking_of(plan: Plan, tables: Mapping[str, Any]) -> Locking:
    """The lock beside a plan; a plan that is no file has none.

    Raises:
        PlanError: When a lock is there and unusable.
    """
    from experiments.plan import plan_changes, read_lock

    ends = assigned_days(plan, tables["assignment"]) if tables.get("assignment") is not None else None
    assigned = None if ends is None else ends[0]
    lock = None if plan.source is None else read_lock(plan.source)
    if lock is None or plan.source is None:
        return Locking(lock=None, declared=None, changes=(), assigned=assigned, moment="unknown")
    found = Locking(
        lock=lock,
        declared=_declared(lock),
        changes=tuple(plan_changes(plan.source) or ()),
        assigned=assigned,
        moment="unknown",
    )
    return replace(found, moment=_moment(found.locked_on, assigned))


def _declared(lock: Lock) -> Plan | None:
    from experiments.plan import Plan as PlanModel

    try:
        return PlanModel.from_dict(lock.plan)
    except PlanError:  # written by another version, or by hand
        return None


def _moment(locked_on: date, assigned: date | None) -> Moment:
    if assigned is None:
        return "unknown"
    return "before" if locked_on < assigned else "on" if locked_on == assigned else "after"


def decisions_told(decisions: Iterable[Decision], locking: Locking | None) -> list[Decision]:
    """The decisions, each told to be exploratory where a key that decides was changed after the lock."""
    keys: Sequence[str] = () if locking is None else locking.deciding()
    if not keys:
        return list(decisions)
    said = word("plan.decision_exploratory", keys=listed(keys))
    return [replace(decision, next_step=f"{said}{word('plan.gap')}{decision.next_step}") for decision in decisions]
