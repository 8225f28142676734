"""A log of looks: the plan, every look as it was taken, and what each was allowed to say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import DesignError, InputError, closest
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from experiments.design.look_entry import ArmLook, ArmReading, as_day, decision_at, ends_at, pair_of
from experiments.design.look_plan import LookKind, LookMethod, LookPlan
from experiments.inference.counts import checked_number, raise_problems
from experiments.inference.sequential.boundaries import running
from experiments.inference.sequential.events import LEAST_EVENTS, few_events

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from attribution.core.estimates import Side
    from attribution.core.findings import Finding
    from attribution.core.render.display import Display
    from experiments.inference.sequential.spending import Spending
    from experiments.inference.sequential.stopped import StoppedEstimate

__all__ = ["ArmReading", "Looks"]

messages.register("experiments")

FIELDS = (
    Field("look", "count"), Field("date", "date"), Field("arm", "text"), Field("control", "text"),
    Field("matured", "count"), Field("planned", "count"), Field("fraction", "rate"), Field("n", "count"),
    Field("n_control", "count"), Field("events", "count"), Field("events_control", "count"), Field("difference"),
    Field("standard_error"), Field("z"), Field("bound"), Field("low"), Field("high"), Field("p_value", "p"),
    Field("decision", "text"), Field("final", "text"), Field("metric", "text"), Field("metric_kind", "text"),
    Field("method", "text"), Field("level", "level"), Field("side", "text"), Field("least", "count"),
    Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, repr=False, init=False)
class Looks(TabularResult):
    """A log of looks at a running experiment: the plan is fixed first, then each look is appended.

    Information is counted in matured persons: those whose window is over. Days on the calendar are not information,
    and persons whose window still runs are not counted in any arm. With several arms each is held against the bounds of
    ``1 - (1 - level) / arms`` (Bonferroni), so that all arms and looks together are wrong with probability
    ``1 - level`` at most. A look counts only with at least 10 events (rates) or 100 non-zero values (means) in every
    arm; an earlier one is kept in the log, spends nothing, and answers "unknown".

    Args:
        planned: Matured persons of all arms together at which the experiment is to end.
        arms: The arms that are compared with the control.
        control: The control arm.
        metric: Name of the metric.
        kind: ``"rate"`` or ``"mean"``; decides how many events a look needs.
        method: ``"spending"`` (a few looks) or ``"always_valid"`` (any number of them).
        spending: Spending function, as in `spending_bounds`.
        level: Confidence level of the whole log.
        side: ``"two"``, ``"greater"`` or ``"less"``.
        least: Events that every arm needs instead of 10 or 100.

    Attributes:
        plan: What was fixed before the first look.
        looks: Every look at every arm, in the order of their days.

    Raises:
        InputError: For a plan that cannot be used.

    References:
        Lan and DeMets (1983), Biometrika 70:659. Proschan, Lan and Wittes (2006), Statistical Monitoring of Clinical
        Trials.

    Verified against: `spending_bounds` at the same fractions; simulation of its error with rates and money
    (tests/statistical/sequential_designs.py).

    Example:
        >>> log = Looks(planned=20_000, arms=["sms"], metric="woken")
        >>> log = log.append("2026-10-05", matured={"holdout": 800, "sms": 7_200}, events={"holdout": 9, "sms": 110},
        ...                  readings={"sms": (0.0040, 0.0040)})
        >>> log = log.append("2026-10-12", matured={"holdout": 1_200, "sms": 10_800},
        ...                  events={"holdout": 14, "sms": 190}, readings={"sms": (0.0059, 0.0033)})
        >>> [row["decision"] for row in log.to_dicts()], round(log.to_dicts()[1]["bound"], 3)
        (['unknown', 'continue'], 2.669)
    """

    plan: LookPlan
    looks: tuple[ArmLook, ...]

    def __init__(  # noqa: PLR0913 - keyword-only options of a public class
        self,
        *,
        planned: int,
        arms: Sequence[str],
        control: str = "holdout",
        metric: str = "woken",
        kind: LookKind = "rate",
        method: LookMethod = "spending",
        spending: Spending = "obrien_fleming",
        level: float = 0.95,
        side: Side = "two",
        least: int | None = None,
    ) -> None:
        chosen = LEAST_EVENTS.get(str(kind), 1) if least is None else least
        plan = LookPlan(
            planned=planned, arms=arms, control=control, metric=metric, kind=kind, method=method,  # type: ignore[arg-type]
            spending=spending, level=level, side=side, least=chosen,
        )  # fmt: skip
        object.__setattr__(self, "plan", plan)
        object.__setattr__(self, "looks", ())

    @property
    def ended(self) -> bool:
        """Whether the final look was taken."""
        return bool(self.looks) and self.looks[-1].final

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Remarks on the log: looks that did not count, an end below or above the plan."""
        from attribution.core.findings import Finding

        days = list(dict.fromkeys(look.day for look in self.looks if look.number is None))
        found: tuple[Finding, ...] = ()
        if days:
            values = {"looks": len(days), "least": self.plan.least, "last": days[-1]}
            found = (Finding(code="LOOKS_UNCOUNTED", status="note", values=values),)
        if self.ended and self.plan.method == "spending" and self.looks[-1].number is not None:
            found += running(self.looks[-1].matured / self.plan.planned)
        return found

    @property
    def recipe(self) -> Recipe:
        """How the log is read."""
        plan = self.plan
        settings = {
            "level": plan.level, "arm_level": plan.arm_level, "side": plan.side, "method": plan.told,
            "planned": plan.planned, "planned_n": plan.planned, "metric": plan.metric, "control": plan.control,
            "least": plan.least, "arms": len(plan.arms),
        }  # fmt: skip
        method = "ALWAYS_VALID" if plan.method == "always_valid" else "BOUNDS_SPENDING"
        definitions = ("LOOKS", method, *(("LOOKS_ARMS",) if len(plan.arms) > 1 else ()))
        return Recipe(method="looks", definitions=definitions, settings=settings, n={"looks": len(self._days())})

    def append(
        self,
        day: date | str,
        *,
        matured: Mapping[str, int],
        events: Mapping[str, int],
        readings: Mapping[str, tuple[float, float]],
        final: bool = False,
    ) -> Looks:
        """A new log with one more look.

        Args:
            day: Day of the look, after every earlier one.
            matured: Matured persons per arm, the control included.
            events: Events (rates) or persons with a non-zero value (means) per arm.
            readings: Per treated arm the estimate (arm minus control) and its standard error; for rates the one under
                the null (score).
            final: Whether this is the last look of all; it then spends all that is left. A look at which the planned
                information is reached is final by itself, if it counts.

        Raises:
            InputError: For numbers that cannot be used, or arms that are not those of the plan.
            DesignError: LOOK_ORDER for a day that is not after the last one, LOOK_SHRINKS when an arm has fewer
                matured persons than before or nobody new has matured, LOOKS_ENDED after the final look.
        """
        named = {str(arm): given for arm, given in readings.items()} if isinstance(readings, Mapping) else {}
        if set(named) != set(self.plan.arms):
            raise InputError(f"readings must name the arms {self.plan.arms!r} and no other, got {readings!r}.")
        pairs = {arm: pair_of(arm, given) for arm, given in named.items()}

        def read(arm: str, bound: float | None) -> ArmReading:
            difference, error = pairs[arm]
            low, high = ends_at(difference, error, bound, self.plan.side)
            return ArmReading(difference=difference, standard_error=error, z=difference / error, low=low, high=high)

        return self.extended(day, matured=matured, events=events, read=read, final=final)

    def extended(
        self,
        day: date | str,
        *,
        matured: Mapping[str, int],
        events: Mapping[str, int],
        read: Callable[[str, float | None], ArmReading],
        final: bool = False,
    ) -> Looks:
        """`append` with a function that reads an arm at a bound (None where the look does not count).

        Args:
            day: Day of the look.
            matured: Matured persons per arm.
            events: Events per arm.
            read: Gives the reading of an arm; its interval belongs to the bound.
            final: Whether this is the last look of all.
        """
        plan, when = self.plan, as_day(day)
        persons, happened = self._counts("matured", matured), self._counts("events", events)
        raise_problems(
            [
                f"events[{arm!r}] must be at most the matured persons of the arm, {persons[arm]:,}, got {count:,}."
                for arm, count in happened.items()
                if count > persons[arm]
            ]
        )
        self._check_order(when, persons)
        total = sum(persons.values())
        few = few_events(happened.values(), plan.least)
        counts = not few
        # A look that does not count spends nothing, so it ends the log only when the caller says that it is the last.
        last = final or (counts and plan.method == "spending" and total >= plan.planned)
        earlier = self.counted()
        bound = plan.bound([*earlier, total], final=last) if counts else None
        made = []
        for arm in plan.arms:
            reading = read(arm, bound)
            known = counts and reading.z is not None
            p = plan.p_value(reading.z, [*earlier, total], final=last) if known and reading.z is not None else None
            made.append(
                ArmLook(
                    day=when, number=len(earlier) + 1 if counts else None, arm=arm, n=persons[arm],
                    n_control=persons[plan.control], matured=total, events=happened[arm],
                    events_control=happened[plan.control], reading=reading, bound=bound, p_value=p,
                    decision=decision_at(reading.z, bound, plan.side, final=last), final=last,
                    note="" if known else few or "UNDEFINED",
                )
            )  # fmt: skip
        return self._with((*self.looks, *made))

    def counted(self) -> list[int]:
        """Matured persons of all arms at the looks that count."""
        return list({look.number: look.matured for look in self.looks if look.number is not None}.values())

    def decision(self, arm: str) -> str:
        """What the log says about an arm: the first crossing stands; else what the last look said.

        Raises:
            InputError: For an arm that is not in the plan.
        """
        if str(arm) not in self.plan.arms:
            raise InputError(f"there is no arm {arm!r} in this log. {closest(str(arm), self.plan.arms)}")
        said = [look.decision for look in self.looks if look.arm == str(arm)]
        crossed = [word for word in said if word in ("higher", "lower")]
        return crossed[0] if crossed else said[-1] if said else "unknown"

    def after_stopping(self, arm: str) -> StoppedEstimate:
        """The effect of an arm at the look where its log stopped, without the exaggeration of stopping.

        The look is the first at which the arm crossed its bound, else the final one.

        Raises:
            InputError: When the arm has not stopped, for an unknown arm, and for always-valid logs, whose interval
                is the valid one at every moment.
        """
        from experiments.inference.sequential.stopped import estimate_after_stopping

        if self.plan.method == "always_valid":
            raise InputError("an always-valid log needs no estimate after stopping: its interval holds at every look.")
        word = self.decision(arm)
        looks = [look for look in self.looks if look.arm == str(arm) and look.number is not None]
        stopped = [look for look in looks if look.decision == word and word in ("higher", "lower")]
        chosen = stopped[:1] or [look for look in looks if look.final]
        if not chosen and self.ended:
            raise InputError(
                f"the log has ended without a look at {arm!r} that counts: too few events to say anything."
            )
        if not chosen:
            raise InputError(f"the arm {arm!r} has not stopped: no look has crossed its bound and none was final.")
        seen = chosen[0].reading
        if seen.difference is None or seen.z is None or seen.z == 0.0 or chosen[0].number is None:
            raise InputError(f"the estimate of arm {arm!r} is undefined at that look.")
        bounds = self.plan.bounds(self.counted()[: chosen[0].number], final=chosen[0].final)
        return estimate_after_stopping(
            bounds, look=chosen[0].number, estimate=seen.difference, standard_error=seen.difference / seen.z
        )

    @classmethod
    def read(cls, table: object) -> Looks:
        """The log that a table holds, as `to_dicts`, `to_pandas`, a CSV or Parquet file saved it.

        Every bound and every decision is worked out again and must be the one in the table.

        Args:
            table: Any table that holds the columns of a log, at least one row.

        Raises:
            TableError: MISSING_COLUMN.
            InputError: For a table without rows or cells that cannot be read.
            DesignError: LOOKS_CHANGED when the plan differs between rows, or a number is not the one that the plan
                gives; LOOK_ORDER, LOOK_SHRINKS, LOOKS_ENDED as for `append`.
        """
        from experiments.design.look_files import read_looks

        return read_looks(cls, table, FIELDS)

    def _with(self, looks: tuple[ArmLook, ...]) -> Looks:
        made = object.__new__(type(self))
        object.__setattr__(made, "plan", self.plan)
        object.__setattr__(made, "looks", looks)
        return made

    def _days(self) -> list[date]:
        return list(dict.fromkeys(look.day for look in self.looks))

    def _counts(self, name: str, given: object) -> dict[str, int]:
        wanted = (self.plan.control, *self.plan.arms)
        named = {str(arm): count for arm, count in given.items()} if isinstance(given, Mapping) else {}
        if set(named) != set(wanted):
            raise InputError(f"{name} must hold one whole number per arm {wanted!r} and no other, got {given!r}.")
        problems: list[str] = []
        counts: dict[str, int] = {}
        for arm in wanted:
            number = checked_number(f"{name}[{arm!r}]", named[arm], problems, positive=True)
            if not math.isnan(number) and not number.is_integer():
                problems.append(f"{name}[{arm!r}] must be a whole number, got {named[arm]!r}.")
            counts[arm] = 0 if math.isnan(number) else int(number)
        raise_problems(problems)
        return counts

    def _check_order(self, day: date, persons: Mapping[str, int]) -> None:
        if not self.looks:
            return
        last = self.looks[-1]
        if last.final:
            raise DesignError(
                "LOOKS_ENDED",
                f"the final look was taken on {last.day}; nothing is left to spend. Report that look.",
            )
        if day <= last.day:
            raise DesignError("LOOK_ORDER", f"the look of {day} does not come after the last one, {last.day}.")
        before = {look.arm: look.n for look in self.looks if look.day == last.day}
        before[self.plan.control] = last.n_control
        fewer = [arm for arm, count in before.items() if persons[arm] < count]
        if fewer or sum(persons.values()) == last.matured:
            told = f"fewer persons have matured in {fewer}" if fewer else "nobody new has matured"
            raise DesignError(
                "LOOK_SHRINKS",
                f"on {day} {told} than on {last.day}; information cannot shrink. Count the same persons by the same "
                "rule at every look.",
            )

    def _records(self) -> Records:
        from experiments.design.look_files import look_rows

        return Records.from_rows(FIELDS, look_rows(self))

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        names = (
            "look", "date", "arm", "matured", "fraction", "difference", "z", "bound", "p_value", "decision", "note",
        )  # fmt: skip
        title = messages.text("LOOKS.title", {**self.recipe.settings, "looks": len(self._days())})
        notes = [*self.recipe.sentences(), *(finding.text() for finding in self.findings)]
        return Display(title, (records_table(self._records(), names, decisive="decision"), *notes))
