"""A budget as a result: the list to buy, what it is worth to other persons, and how much better it only looks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from experiments.readout.show import finding_lines
from experiments.roi.arms import few_events
from experiments.roi.joined import joined
from experiments.roi.net_benefit import FEW_EVENTS
from experiments.roi.verdicts import GUARDRAIL_UNDECIDED, HARM_GUARDRAIL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from experiments.roi.allocation import Allocation
    from experiments.roi.contrasts import ContrastCosts
    from experiments.roi.cross_value import CrossValue
    from experiments.roi.guardrails import State

__all__ = ["BudgetOption", "BudgetPlan"]

messages.register("experiments")

_GUARDED: dict[State, str] = {"safe": "", "harm": HARM_GUARDRAIL, "undecided": GUARDRAIL_UNDECIDED}
_NET = ("net_benefit_per_1000", "net_benefit_low", "net_benefit_high")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BudgetOption:
    """One arm against a lower one in one segment; amounts per person.

    Attributes:
        segment: Number of the segment.
        before: Number of the lower arm; 0 is the control.
        arm: Number of the arm.
        threshold: What one woken customer of the segment is worth.
        contrast: The contrast.
        net: Net benefit, its interval holding for all options at once.
        cost: Cost of the arm less that of the lower one.
    """

    segment: int
    before: int
    arm: int
    threshold: float
    contrast: ContrastCosts
    net: Estimate
    cost: float


def _turned(option: BudgetOption) -> BudgetOption:
    """The lower arm against the upper one: where the arm that stands lower in the order costs more, it is the step."""
    net = option.net
    value, low, high = (None if end is None else -end for end in (net.value, net.high, net.low))
    turned = replace(net, value=value, low=low, high=high)
    return replace(option, before=option.arm, arm=option.before, cost=-option.cost, net=turned)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class BudgetPlan(TabularResult):
    """What to buy first under a budget.

    Attributes:
        allocation: The steps bought, with the most that any choice could be worth by the same figures.
        options: Every arm against every lower one in every segment, with simultaneous intervals.
        arms: The control and the arms.
        segments: Names of the segments.
        persons: Persons to be contacted by segment.
        budget: Money that may be spent.
        cross: Cross-fitted value per person of all segments together; None when there is nobody.
        findings: Trust checks of the experiment.
        level: Confidence level.
        recipe: How the list was made.
        guardrails: What the guardrails say of every (arm, segment) against the control.
    """

    allocation: Allocation
    options: tuple[BudgetOption, ...]
    arms: tuple[str, ...]
    segments: tuple[str, ...]
    persons: tuple[int, ...]
    budget: float
    cross: CrossValue | None
    findings: tuple[Finding, ...]
    level: float
    recipe: Recipe
    guardrails: Mapping[tuple[str, str], State] = field(default_factory=dict)

    @property
    def invalid(self) -> tuple[str, ...]:
        """Codes of the checks of the experiment that failed; then nothing may be bought by these figures."""
        return tuple(dict.fromkeys(finding.code for finding in self.findings if finding.status == "fail"))

    @property
    def spent(self) -> float:
        """What the list costs, beyond the control."""
        return self.allocation.cost

    @property
    def value(self) -> tuple[float, float, float] | None:
        """Cross-fitted net benefit of the list over all persons to be contacted, with its interval."""
        if self.cross is None:
            return None
        found, total = self.cross.estimate, sum(self.persons)
        return tuple(total * float(end or 0.0) for end in (found.value, found.low, found.high))  # type: ignore[return-value]

    @property
    def naive_value(self) -> float:
        """Net benefit by the figures that the list was chosen by; these tend to be too good."""
        return self.allocation.value

    def all_options(self) -> Records:
        """Every arm against every lower one in every segment, per 1,000 persons, intervals holding all at once."""
        fields = (
            Field("segment", "text"), Field("arm", "text"), Field("control", "text"), Field("threshold", "money"),
            Field("persons", "count"), Field("cost_per_1000", "money"), *(Field(name, "money") for name in _NET),
            Field("note", "text"),
        )  # fmt: skip
        return Records.from_rows(fields, [self._option(option) for option in self.options])

    def _option(self, option: BudgetOption) -> dict[str, object]:
        few = few_events(option.contrast.treated, option.contrast.untreated)
        ends = (option.net.value, option.net.low, option.net.high)
        arm, segment = self.arms[option.arm], self.segments[option.segment]
        return {
            "segment": segment, "arm": arm,
            "control": self.arms[option.before], "threshold": option.threshold,
            "persons": self.persons[option.segment], "cost_per_1000": 1000.0 * option.cost,
            **{name: None if end is None else 1000.0 * end for name, end in zip(_NET, ends, strict=True)},
            "note": "; ".join(
                filter(None, (FEW_EVENTS if few else "", _GUARDED[self.guardrails.get((arm, segment), "safe")]))
            ),
        }  # fmt: skip

    def sentences(self, lang: str | None = None) -> tuple[str, ...]:
        """What the list costs, what it is worth, how much better it only looks, and what a better choice could add."""
        if self.invalid:
            return (messages.text("BUDGET.invalid", {"codes": ", ".join(self.invalid)}, lang=lang),)
        told: list[str] = []
        values: dict[str, object] = {"budget": self.budget, "spent": self.spent, "steps": len(self.allocation.steps)}
        worthy = any(
            option.before == 0 and self.persons[option.segment] > 0 and float(option.net.value or 0.0) > 0.0
            for option in self.options
        )
        code = "BUDGET.spent" if self.allocation.steps else "BUDGET.short" if worthy else "BUDGET.nothing"
        told.append(messages.text(code, values, lang=lang))
        worth = self.value
        if worth is not None and worth[1] == worth[2]:
            told.append(messages.text("BUDGET.empty", lang=lang))
        elif worth is not None:
            money = dict(zip(("value", "low", "high"), worth, strict=True))
            more = {"level": self.level, "naive": self.naive_value, "persons": sum(self.persons)}
            told.append(messages.text("BUDGET.value", {**money, **more}, lang=lang))
        gap = self.allocation.bound - self.allocation.value
        if gap > 1e-9 * max(1.0, abs(self.allocation.bound)):
            code = "BUDGET.gap" if self.allocation.exact else "BUDGET.gap_open"
            told.append(messages.text(code, {"gap": gap}, lang=lang))
        return (*told, *self._guarded(lang))

    def _guarded(self, lang: str | None) -> tuple[str, ...]:
        """A sentence where a step is bought whose guardrail rises or is not shown to be safe."""
        bought = [(self.arms[step.arm], self.segments[step.segment]) for step in self.allocation.steps]
        found = {key: self.guardrails[key] for key in bought if self.guardrails.get(key, "safe") != "safe"}
        if not found:
            return ()
        names = "; ".join(f"{arm}, {segment}: {state}" for (arm, segment), state in found.items())
        states = list(found.values())
        values = {"harm": states.count("harm"), "undecided": states.count("undecided"), "names": names}
        return (messages.text("BUDGET.guardrail", values, lang=lang),)

    def _records(self) -> Records:
        fields = (
            Field("rank", "count"), Field("segment", "text"), Field("arm", "text"), Field("control", "text"),
            Field("share", "rate"), Field("persons", "count"), Field("cost", "money"), Field("net_total", "money"),
            Field("per_money"), Field("spent_so_far", "money"), *(Field(name, "money") for name in _NET),
            Field("note", "text"),
        )  # fmt: skip
        both = (*self.options, *map(_turned, self.options))
        by_key = {(option.segment, option.before, option.arm): option for option in both}
        rows, so_far = [], 0.0
        bought = zip(self.allocation.steps, self.allocation.shares, strict=True)
        for rank, (step, share) in enumerate(bought, start=1):
            so_far += share * step.cost
            option = self._option(by_key[step.segment, step.before, step.arm])
            rows.append(
                {
                    **option, "rank": rank, "share": share, "persons": round(share * self.persons[step.segment]),
                    "cost": share * step.cost, "net_total": share * step.value,
                    "per_money": None if step.cost <= 0.0 else step.efficiency, "spent_so_far": so_far,
                    "note": "; ".join(filter(None, (str(option["note"]), "COST_SAVING" if step.cost <= 0.0 else ""))),
                }
            )  # fmt: skip
        return Records.from_rows(fields, rows)

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("BUDGET.title", {"budget": self.budget, "level": self.level})
        table = records_table(joined(self._records()), decisive="segment")
        return Display(title, (table, *self.sentences(), *self.recipe.sentences(), *finding_lines(self.findings)))
