"""A log of looks at the net benefit of a running campaign, with verdicts that hold however often somebody looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import DesignError, InputError, closest
from attribution.core.findings import Finding
from attribution.core.formats import format_value
from attribution.core.language import check_language, current_language
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from experiments.design.look_entry import as_day
from experiments.readout.show import finding_lines
from experiments.roi.joined import joined
from experiments.roi.monitor_plan import MonitorLook, MonitorPlan, Seen, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from attribution.core.estimates import Side
    from attribution.core.render.display import Display

__all__ = ["NetBenefitMonitor"]

messages.register("experiments")

FIELDS = (
    Field("look", "count"), Field("date", "date"), Field("arm", "text"), Field("control", "text"),
    Field("threshold", "money"), Field("matured", "count"), Field("planned", "count"), Field("fraction", "rate"),
    Field("n", "count"), Field("n_control", "count"), Field("events", "count"), Field("events_control", "count"),
    Field("net_benefit_per_1000", "money"), Field("net_benefit_low", "money"), Field("net_benefit_high", "money"),
    Field("z"), Field("bound"), Field("p_value", "p"), Field("guardrail", "text"), Field("invalid", "text"),
    Field("warned", "text"),
    Field("verdict", "text"), Field("reason", "text"), Field("verdict_so_far", "text"), Field("level", "level"),
    Field("side", "text"), Field("least", "count"),
)  # fmt: skip
_DECIDED = ("PASS", "FAIL")


@dataclass(frozen=True, slots=True, eq=False, repr=False, init=False)
class NetBenefitMonitor(TabularResult):
    """A log of looks at NB(T) of a running campaign: the plan first, then one look after the other.

    Information is matured persons: those whose window is over. At a look with n of them the net benefit is held against
    the bound of the asymptotic normal mixture whose scale `planned` fixes before the first look, with the score
    variance of the threshold engine; the interval is that engine's own interval at the nominal level of the bound. All
    intervals of the log hold together with probability `level`, so a PASS or FAIL may be acted on at any look, and
    looking more often costs nothing. The error is shared evenly over the contrasts; thresholds need no correction.

    A look counts only when every arm has at least `least` woken; earlier ones are kept and say nothing. PASS and FAIL
    need 20 woken in both arms, as everywhere.

    Args:
        planned: Matured persons of all arms together at which the campaign is to be judged.
        arms: The arms that are compared with the control; with `order` left out.
        thresholds: What one woken customer may cost.
        control: The control arm.
        order: Arms from the control upwards, each compared with the one before, instead of `arms`.
        level: Confidence level of the whole log.
        side: "two"; "greater" asks only whether it pays, "less" only whether it does not.
        least: Woken that every arm needs.

    Attributes:
        plan: What was fixed before the first look.
        looks: Every look at every contrast and threshold, in the order of their days.

    Raises:
        InputError: For a plan that cannot be used.

    References:
        Robbins (1970), Annals of Mathematical Statistics 41:1397. Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas
        (2024), Annals of Statistics 52:2613.

    Verified against: `always_valid` and `cost_thresholds` at the same numbers; its error under daily looks and the
    price in power by simulation (tests/statistical/monitoring_designs.py).

    Example:
        >>> monitor = NetBenefitMonitor(planned=20_000, arms=["sms"], thresholds=[60, 85])
        >>> monitor.verdict(arm="sms", threshold=85)
        'INCONCLUSIVE'
    """

    plan: MonitorPlan
    looks: tuple[MonitorLook, ...]

    def __init__(  # noqa: PLR0913 -- keyword-only options of a public class
        self,
        *,
        planned: int,
        arms: Sequence[str] = (),
        thresholds: Sequence[float] = (60, 85, 125),
        control: str = "holdout",
        order: Sequence[str] | None = None,
        level: float = 0.95,
        side: Side = "two",
        least: int = 10,
    ) -> None:
        pairs = _pairs(arms, control, order)
        plan = MonitorPlan(
            planned=planned, pairs=pairs, thresholds=tuple(thresholds), level=level, side=side, least=least
        )
        object.__setattr__(self, "plan", plan)
        object.__setattr__(self, "looks", ())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Remarks on the log: looks that did not count, and checks that warned."""
        made = []
        days = list(dict.fromkeys(look.day for look in self.looks if look.number is None))
        if days:
            values = {"looks": len(days), "least": self.plan.least, "last": days[-1]}
            made.append(Finding(code="LOOKS_UNCOUNTED", status="note", values=values))
        warned = [look for look in self.looks if look.seen.warned]
        if warned:
            codes = dict.fromkeys(code for look in warned for code in look.seen.warned.split("; "))
            seen = len({look.day for look in warned})
            told = {"codes": ", ".join(codes), "looks": seen, "last": warned[-1].day}
            made.append(Finding(code="LOOKS_WARNED", status="warn", values=told))
        return tuple(made)

    @property
    def recipe(self) -> Recipe:
        """How the log is read."""
        plan = self.plan
        settings = {
            "level": plan.level, "side": plan.side, "planned": plan.planned, "planned_n": plan.planned,
            "least": plan.least, "contrasts": len(plan.pairs), "thresholds": list(plan.thresholds),
        }  # fmt: skip
        definitions = ("MONITOR", "ALWAYS_VALID")
        return Recipe(method="monitor", definitions=definitions, settings=settings, n={"looks": len(self.days)})

    @property
    def days(self) -> list[date]:
        """The days of the looks."""
        return list(dict.fromkeys(look.day for look in self.looks))

    def verdict(self, *, arm: str, threshold: float, control: str | None = None) -> str:
        """What the log says: the first PASS or FAIL stands; INVALID while the last look's checks fail.

        Args:
            arm: The treated arm.
            threshold: One of the thresholds.
            control: What it is compared with; needed only when the arm stands in several contrasts.

        Raises:
            InputError: When the plan has no such contrast or threshold.
        """
        pair = self._pair(arm, threshold, control)
        said = [look for look in self.looks if look.pair == pair and look.threshold == float(threshold)]
        if not said:
            return "INCONCLUSIVE"
        if said[-1].verdict == "INVALID":
            return "INVALID"
        return next((look.verdict for look in said if look.verdict in _DECIDED), "INCONCLUSIVE")

    def decided(self, *, arm: str, threshold: float, control: str | None = None) -> date | None:
        """The day of the first PASS or FAIL; None while nothing is decided.

        Args:
            arm: The treated arm.
            threshold: One of the thresholds.
            control: What it is compared with.
        """
        pair = self._pair(arm, threshold, control)
        said = (look for look in self.looks if look.pair == pair and look.threshold == float(threshold))
        return next((look.day for look in said if look.verdict in _DECIDED), None)

    def sentence(self, *, arm: str, threshold: float, control: str | None = None, lang: str | None = None) -> str:
        """What the log says about one contrast and threshold, in a sentence with the last interval."""
        chosen = current_language() if lang is None else check_language(lang)
        pair = self._pair(arm, threshold, control)
        said = [look for look in self.looks if look.pair == pair and look.threshold == float(threshold)]
        values: dict[str, object] = {
            "arm": pair[0], "control": pair[1], "threshold": f"{threshold:.12g}", "level": self.plan.level,
            "looks": len(said), "planned": self.plan.planned,
        }  # fmt: skip
        counted = [look for look in said if look.number is not None]
        word = self.verdict(arm=arm, threshold=threshold, control=control)
        if word == "INVALID":
            return messages.text("MONITOR.INVALID", {**values, "codes": said[-1].reason}, lang=chosen)
        if not counted:
            return messages.text("MONITOR.UNCOUNTED", {**values, "least": self.plan.least}, lang=chosen)
        look = next((look for look in counted if look.verdict in _DECIDED), counted[-1])
        low, high = (
            None if end is None else format_value(1000.0 * end, "money", lang=chosen)
            for end in (look.seen.low, look.seen.high)
        )
        values |= {
            "date": look.day, "matured": look.matured, "net": 1000.0 * look.seen.net, "low": low, "high": high,
            "reason": look.reason,
        }  # fmt: skip
        return messages.text(f"MONITOR.{word}{'.reason' if look.reason else ''}", values, lang=chosen)

    def append(
        self,
        day: date | str,
        *,
        matured: Mapping[str, int],
        woken: Mapping[str, int],
        read: Callable[[tuple[str, str], float, float | None], Seen],
    ) -> NetBenefitMonitor:
        """A new log with one more look; `monitor_thresholds` takes it from outcomes.

        Args:
            day: Day of the look, after every earlier one.
            matured: Matured persons per arm.
            woken: Woken persons per arm.
            read: Gives what was measured of a contrast at a threshold, its interval belonging to the bound (None where
                the look does not count).

        Raises:
            InputError: For arms that are not those of the plan.
            DesignError: LOOK_ORDER for a day that is not after the last one, LOOK_SHRINKS when an arm has fewer matured
                persons than before or nobody new has matured.
        """
        plan, when = self.plan, as_day(day)
        lacking = [arm for arm in plan.arms if arm not in matured or arm not in woken]
        if lacking:
            raise InputError(f"the look lacks the arm {lacking[0]!r} of the plan; it holds {sorted(matured)!r}.")
        total = sum(int(matured[arm]) for arm in plan.arms)
        self._check_order(when, matured, total)
        counts = min(int(woken[arm]) for arm in plan.arms) >= plan.least
        bound = plan.bound(total) if counts else None
        number = len({look.number for look in self.looks} - {None}) + 1 if counts else None
        made = []
        for pair in plan.pairs:
            for threshold in plan.thresholds:
                seen = read(pair, threshold, bound)
                events = (int(woken[pair[0]]), int(woken[pair[1]]))
                word, reason = say(plan, seen, bound, events)
                made.append(
                    MonitorLook(
                        day=when, number=number, pair=pair, threshold=threshold, matured=total,
                        n=(int(matured[pair[0]]), int(matured[pair[1]])), woken=events, seen=seen, bound=bound,
                        p_value=None if bound is None else plan.p_value(seen.z, total), verdict=word, reason=reason,
                    )
                )  # fmt: skip
        grown = object.__new__(type(self))
        object.__setattr__(grown, "plan", plan)
        object.__setattr__(grown, "looks", (*self.looks, *made))
        return grown

    @classmethod
    def read(cls, table: object) -> NetBenefitMonitor:
        """The log that a table holds, as `to_dicts`, `to_pandas`, a CSV or Parquet file saved it.

        Every bound and verdict is worked out again and must be the one in the table.

        Args:
            table: Any table that holds the columns of a log, at least one row.

        Raises:
            TableError: MISSING_COLUMN.
            InputError: For a table without rows or with cells that cannot be read.
            DesignError: LOOKS_CHANGED when the plan differs between rows, or a number is not the one that the plan
                gives; LOOK_ORDER and LOOK_SHRINKS as for `append`.
        """
        from experiments.roi.monitor_files import read_monitor

        return read_monitor(cls, table)

    def _pair(self, arm: str, threshold: float, control: str | None) -> tuple[str, str]:
        found = [pair for pair in self.plan.pairs if pair[0] == str(arm) and control in (None, pair[1])]
        if not found:
            raise InputError(
                f"the monitor has no arm {arm!r} against {control!r}. "
                f"{closest(str(arm), [pair[0] for pair in self.plan.pairs])}"
            )
        if float(threshold) not in self.plan.thresholds:
            raise InputError(f"{threshold!r} is not one of the thresholds {list(self.plan.thresholds)!r}.")
        return found[0]

    def _check_order(self, day: date, matured: Mapping[str, int], total: int) -> None:
        if not self.looks:
            return
        last = self.looks[-1]
        if day <= last.day:
            raise DesignError("LOOK_ORDER", f"the look of {day} does not come after the last one, {last.day}.")
        before: dict[str, int] = {}
        for look in self.looks:
            if look.day == last.day:
                before |= dict(zip(look.pair, look.n, strict=True))
        fewer = [arm for arm, count in before.items() if int(matured[arm]) < count]
        if fewer or total == last.matured:
            told = (
                f"fewer persons have matured in {fewer} on {day} than on {last.day}; information cannot shrink. Count "
                "the same persons by the same rule at every look."
                if fewer
                else f"nobody new has matured between {last.day} and {day}, so there is nothing to look at. Leave this "
                "day out, and look again when more windows are over."
            )
            raise DesignError("LOOK_SHRINKS", told)

    def _records(self) -> Records:
        from experiments.roi.monitor_files import monitor_rows

        return Records.from_rows(FIELDS, monitor_rows(self))

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        names = (
            "look", "date", "arm", "control", "threshold", "matured", "fraction", "net_benefit_per_1000", "p_value",
            "verdict", "verdict_so_far", "reason",
        )  # fmt: skip
        title = messages.text("MONITOR.title", {**self.recipe.settings, "looks": len(self.days)})
        uncounted = [finding.text() for finding in self.findings if finding.status == "note"]
        notes = [*self.recipe.sentences(), *uncounted, *finding_lines(self.findings)]
        return Display(title, (records_table(joined(self._records()), names, decisive="verdict_so_far"), *notes))


def _pairs(arms: Sequence[str], control: str, order: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    if isinstance(arms, str) or isinstance(order, str) or bool(arms) == (order is not None):
        raise InputError(
            "a monitor needs either arms= (each against the control) or order= (each against the one before)."
        )
    if order is None:
        return tuple((str(arm), str(control)) for arm in arms)
    named = [str(arm) for arm in order]
    if len(set(named)) < len(named) or len(named) < 2:
        raise InputError(f"order must name at least two arms, each once, got {named!r}.")
    return tuple(zip(named[1:], named[:-1], strict=True))
