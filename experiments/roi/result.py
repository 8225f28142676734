"""The series of thresholds as a result: rows, verdicts, sentences, curve and cost parts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label
from experiments.inference.counts import one_number
from experiments.readout.show import finding_sentences
from experiments.roi.acceptability import AcceptabilityCurve, acceptability, default_grid, net_of
from experiments.roi.break_even import BreakEven, break_even
from experiments.roi.people import PeopleNeeded, people_needed
from experiments.roi.totals import CampaignTotals, campaign_totals
from experiments.roi.undecided import IncrementalCost, cost_per_incremental
from experiments.roi.verdicts import GUARDRAIL_UNDECIDED, Verdict, adjust_verdicts, decide, verdict_p_values
from experiments.roi.waterfall_result import CostWaterfall
from experiments.roi.wording import price_text, verdict_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.estimates import Estimate, Side
    from attribution.core.findings import Finding
    from attribution.plots import Plot
    from experiments.roi.contrasts import ContrastCosts
    from experiments.roi.guardrails import GuardrailReading
    from experiments.roi.net_benefit import Variance
    from experiments.roi.package import Package

__all__ = ["MULTIPLICITY", "CostThresholds", "Judged", "Row", "judge"]

MULTIPLICITY = "MULTIPLICITY"
_MONEY = ("cost_per_incremental", "cost_per_incremental_low", "cost_per_incremental_high")
_NET = ("net_benefit_per_1000", "net_benefit_low", "net_benefit_high")


class Row(NamedTuple):
    """A contrast at a threshold."""

    contrast: ContrastCosts
    threshold: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Judged:
    """A row with everything that its verdict rests on; amounts per person."""

    contrast: ContrastCosts
    threshold: float
    net: Estimate
    cost: IncrementalCost
    people: PeopleNeeded
    guardrails: tuple[GuardrailReading, ...]
    verdict: Verdict
    unadjusted: Verdict


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class CostThresholds(TabularResult):
    """Whether each contrast pays at each threshold.

    Attributes:
        judged: The rows with what their verdicts rest on.
        findings: Trust checks; one that fails makes every verdict INVALID.
        recipe: How the figures were made.
        level: Confidence level.
        side: Side of the intervals.
        variance: "score" or "plugin".
        parts: Cost per 1,000 persons of each arm, part by part.
        packages: All treated arms against the control, in every segment.
    """

    judged: tuple[Judged, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe
    level: float
    side: Side
    variance: Variance
    parts: Records
    packages: tuple[Package, ...] = ()

    def verdict(self, *, arm: str, threshold: float, control: str | None = None, segment: str | None = None) -> Verdict:
        """The verdict of one row.

        Args:
            arm: The treated arm.
            threshold: One of the thresholds.
            control: What it is compared with; needed only when the arm stands in several contrasts.
            segment: The segment; None for everybody.

        Raises:
            InputError: When there is no such row.
        """
        return self._find(arm, threshold, control, segment).verdict

    def sentence(
        self,
        *,
        arm: str,
        threshold: float,
        control: str | None = None,
        segment: str | None = None,
        lang: str | None = None,
    ) -> str:
        """The fixed sentence of one row's verdict, with every interval filled in."""
        row = self._find(arm, threshold, control, segment)
        if row.verdict.reason == MULTIPLICITY:
            return messages.text("VERDICT.MULTIPLICITY", {"level": self.level}, lang=lang)
        return verdict_sentence(
            row.verdict,
            contrast=_label(row.contrast, lang=lang),
            threshold=row.threshold,
            cost=row.cost,
            people=row.people,
            guardrails=row.guardrails,
            lang=lang,
        )

    def curve(self, thresholds: Sequence[float]) -> Records:
        """Net benefit per 1,000 persons of every contrast over a grid of thresholds, with its interval."""
        contrasts = list({id(row.contrast): row.contrast for row in self.judged}.values())
        rows, amounts = [], [one_number("threshold", threshold) for threshold in thresholds]
        for contrast in contrasts:
            for threshold in amounts:
                net = net_of(contrast, threshold, level=self.level, side=self.side, variance=self.variance)
                rows.append({**_names(contrast), "threshold": threshold, **_per_1000(net)})
        segment = (Field("segment", "text"),) if any(c.segment is not None for c in contrasts) else ()
        fields = (Field("arm", "text"), Field("control", "text"), *segment, Field("threshold", "money"))
        return Records.from_rows((*fields, *(Field(name, "money") for name in _NET)), rows)

    def break_even(self) -> BreakEven:
        """Where each contrast would just pay: break-even effect, cost and value, beside the cost per returner of all.

        ``break_even_effect``: woken per 1,000 at which the net benefit at the threshold would be 0, each further woken
        person at the arm's own cost of waking (so above ``cost_per_1000 / threshold`` where incentives are paid).
        ``break_even_cost``: what 1,000 persons may cost at most for the effect that was measured, with the interval of
        the effect. ``cost_per_incremental`` is the break-even value itself. ``cost_per_returner`` divides the arm's
        whole cost by everybody who came back and is no measure of what the campaign brought;
        ``incremental_share`` says which part of them is incremental.
        """
        return break_even(self.judged, level=self.level)

    def acceptability(self, thresholds: Sequence[float] | None = None) -> AcceptabilityCurve:
        """One minus the one-sided p-value of "it does not pay", over a range of thresholds.

        A confidence curve: where it is at least 97.5 % the two-sided 95 % interval of the net benefit lies above 0. It
        is not the probability that the contrast pays; for that a prior is needed (`bayes_rates`). `plot_acceptability`
        draws it.

        Args:
            thresholds: The thresholds; None: 61 from 0 to twice the largest amount of interest, the declared ones too.
        """
        grid = (
            default_grid(self.judged) if thresholds is None else [one_number("threshold", each) for each in thresholds]
        )
        return acceptability(self.judged, grid, level=self.level, variance=self.variance)

    def plot(self, thresholds: Sequence[float] | None = None) -> Plot:
        """Draw each contrast's net benefit over the value of a woken customer, with its interval.

        Args:
            thresholds: Values of a woken customer; None: 61 from 0 to twice the largest amount of interest.
        """
        from experiments.plots.thresholds import plot_net_benefit

        return plot_net_benefit(self, thresholds=thresholds)

    def waterfall(self) -> CostWaterfall:
        """Cost per 1,000 persons of each arm: touches, fixed, incentives (incremental, natural returners), total."""
        recipe = Recipe(method="waterfall", definitions=("WATERFALL", "WATERFALL_NATURAL"))
        return CostWaterfall(records=self.parts, level=self.level, recipe=recipe)

    def totals(self) -> CampaignTotals:
        """What the campaign cost in all, what it brought and what it left, judged as one decision.

        For the persons who were in fact treated: at each threshold a row for each treated arm against the control, then
        their sum. The control is common to all arms and its error does not average out over them; the interval of the
        sum says so. Where a check of the experiment fails only the booked cost is given.
        """
        found: dict[str | None, list[float]] = {}
        for row in self.judged:
            found.setdefault(row.contrast.segment, []).append(row.threshold)
        thresholds = {segment: list(dict.fromkeys(values)) for segment, values in found.items()}
        return campaign_totals(self.packages, thresholds, level=self.level, side=self.side, variance=self.variance)

    def _find(self, arm: str, threshold: float, control: str | None, segment: str | None) -> Judged:
        wanted = (arm, segment, one_number("threshold", threshold))
        found = [
            row
            for row in self.judged
            if (row.contrast.arm, row.contrast.segment, row.threshold) == wanted
            and control in (None, row.contrast.control)
        ]
        if not found:
            known = {f"{row.contrast.arm} @ {row.threshold:g}" for row in self.judged}
            asked = f"{arm} @ {threshold:g}"
            raise InputError(
                f"there is no verdict for {asked!r} (control {control!r}, segment {segment!r}). {closest(asked, known)}"
            )
        return found[0]

    def _records(self) -> Records:
        segmented = any(row.contrast.segment is not None for row in self.judged)
        return Records.from_rows(_fields(segmented=segmented), [_record(row) for row in self.judged])

    def _display(self) -> Display:
        heads = [("threshold", "money"), ("incremental_per_1000", "number"), ("cost_per_1000", "money")]
        columns = [DisplayColumn(messages.text("THRESHOLDS.HEAD"))]
        columns += [DisplayColumn(column_label(name), kind) for name, kind in heads]  # type: ignore[arg-type]
        columns += [
            DisplayColumn(column_label("cost_per_incremental"), "text"),
            DisplayColumn(column_label("net_benefit_per_1000"), "money", decisive=True),
            DisplayColumn(column_label("verdict"), "text", decisive=True),
            DisplayColumn(column_label("people_needed"), "count"),
        ]
        table = DisplayTable(tuple(columns), tuple(_shown(row) for row in self.judged))
        notes = (*self.recipe.sentences(), *finding_sentences(self.findings))
        return Display(messages.text("THRESHOLDS.TITLE", {"level": self.level}), (table, *notes))


def judge(  # noqa: PLR0913 -- internal, all by keyword
    rows: Sequence[Row],
    *,
    readings: Mapping[tuple[str, str, str | None], tuple[GuardrailReading, ...]],
    findings: tuple[Finding, ...],
    invalid: tuple[str, ...],
    primary: frozenset[tuple[str, str | None]],
    level: float,
    side: Side,
    variance: Variance,
    relevant_net: float | None,
    parts: Records,
    packages: tuple[Package, ...],
    recipe: Recipe,
) -> CostThresholds:
    """Estimate every row, adjust for many verdicts, decide."""
    options = {"level": level, "side": side, "variance": variance}
    costs: dict[int, IncrementalCost] = {}
    for row in rows:
        if id(row.contrast) not in costs:
            c = row.contrast
            costs[id(c)] = (
                cost_per_incremental(c.treated, c.untreated, weights=c.weights, **options)  # type: ignore[arg-type]
                if c.clustered is None
                else c.clustered.price(level=level, side=side)
            )
    nets = [net_of(row.contrast, row.threshold, **options) for row in rows]  # type: ignore[arg-type]
    p_values = [verdict_p_values(net) for net in nets]
    words = adjust_verdicts(
        [p[0] for p in p_values],
        [p[1] for p in p_values],
        [(row.contrast.arm, row.contrast.segment) in primary for row in rows],
        level=level,
        side=side,
        contrast=[id(row.contrast) for row in rows],
    )
    judged = []
    for row, net, word in zip(rows, nets, words, strict=True):
        guards = readings[row.contrast.arm, row.contrast.control, row.contrast.segment]
        plain = decide(net, invalid=invalid, guardrails=guards)
        made = decide(net, invalid=invalid, guardrails=guards, word=word)
        # Compared with the interval's own word: a guardrail may have turned the unadjusted verdict into the same word.
        if made.word != decide(net).word and not made.reason:
            made = replace(made, reason=MULTIPLICITY)
        judged.append(
            Judged(
                contrast=row.contrast,
                threshold=row.threshold,
                net=net,
                cost=costs[id(row.contrast)],
                people=people_needed(net, row.contrast.persons, relevant_net=relevant_net),
                guardrails=guards,
                verdict=made,
                unadjusted=plain,
            )
        )
    return CostThresholds(
        judged=tuple(judged), findings=findings, recipe=recipe, level=level, side=side, variance=variance,
        parts=parts, packages=packages,
    )  # fmt: skip


def _fields(*, segmented: bool) -> tuple[Field, ...]:
    segment = (Field("segment", "text"),) if segmented else ()
    return (
        Field("arm", "text"),
        Field("control", "text"),
        *segment,
        Field("threshold", "money"),
        Field("incremental_per_1000", "number"),
        Field("cost_per_1000", "money"),
        *(Field(name, "money") for name in _MONEY),
        Field("cost_kind", "text"),
        *(Field(name, "money") for name in _NET),
        Field("verdict", "text"),
        Field("verdict_unadjusted", "text"),
        Field("reason", "text"),
        Field("people_needed", "count"),
    )


def _people(row: Judged) -> int | None:
    """The persons that would decide; None where the interval is decided and something else holds the verdict back."""
    return None if row.verdict.reason in {MULTIPLICITY, GUARDRAIL_UNDECIDED} else row.people.number


def _people_shown(row: Judged) -> Cell:
    """The persons that would decide, or why there is no number; nothing where the verdict's own reason says it."""
    number = _people(row)
    return Cell(number, note="" if number is not None or row.verdict.reason else row.people.reason)


def _names(contrast: ContrastCosts) -> dict[str, object]:
    return {"arm": contrast.arm, "control": contrast.control, "segment": contrast.segment}


def _per_1000(net: Estimate) -> dict[str, object]:
    ends = (net.value, net.low, net.high)
    return {name: None if end is None else 1000.0 * end for name, end in zip(_NET, ends, strict=True)}


def _record(row: Judged) -> dict[str, object]:
    undecided = row.cost.undecided
    # Every threshold is decided: the set is empty, so it has no ends.
    empty = undecided.kind == "complement" and math.isinf(undecided.low) and math.isinf(undecided.high)
    ends = (None, None) if empty else (undecided.low, undecided.high)
    unreachable = row.people.reason if row.verdict.word == "INCONCLUSIVE" else ""
    reasons = [part for part in (row.verdict.reason, row.cost.reason, unreachable) if part]
    return {
        **_names(row.contrast),
        "threshold": row.threshold,
        "incremental_per_1000": 1000.0 * row.contrast.difference("woken"),
        "cost_per_1000": 1000.0 * row.contrast.difference("cost"),
        **dict(zip(_MONEY, (row.cost.value, *ends), strict=True)),
        "cost_kind": undecided.kind,
        **_per_1000(row.net),
        "verdict": row.verdict.word,
        "verdict_unadjusted": row.unadjusted.word,
        "reason": "; ".join(reasons),
        "people_needed": _people(row),
    }


def _label(contrast: ContrastCosts, *, lang: str | None = None) -> str:
    """The contrast in words, with the segment where there is one."""
    names = {"arm": contrast.arm, "control": contrast.control}
    label = messages.text("THRESHOLDS.CONTRAST", names, lang=lang)
    return label if contrast.segment is None else f"{label} · {contrast.segment}"


def _price_shown(row: Judged, low: object, high: object) -> str:
    """The cost per incremental wake-up with its set, whatever its shape."""
    from attribution.core.formats import format_interval

    price = price_text(row.cost)
    kind = row.cost.undecided.kind
    if kind == "interval":
        return f"{price} ({format_interval(low, high, 'money')})"
    if low is None:
        return f"{price} ({messages.text('THRESHOLDS.SET.empty')})"
    values = {} if kind == "all" else {"low": low, "high": high}
    return f"{price} ({messages.text(f'THRESHOLDS.SET.{kind}', values)})"


def _shown(row: Judged) -> tuple[object, ...]:
    record = _record(row)
    return (
        _label(row.contrast),
        row.threshold,
        record["incremental_per_1000"],
        record["cost_per_1000"],
        _price_shown(row, record["cost_per_incremental_low"], record["cost_per_incremental_high"]),
        Cell(record[_NET[0]], record[_NET[1]], record[_NET[2]]),
        row.verdict.told,
        _people_shown(row) if row.verdict.word == "INCONCLUSIVE" else None,
    )
