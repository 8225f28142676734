"""Whom to leave alone: effect and net benefit of every declared segment, with one test of whether they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Literal

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label
from attribution.core.values import labels
from experiments.metrics import Rate
from experiments.readout.analysis import open_outcomes
from experiments.readout.experiment import Experiment
from experiments.readout.segments_result import EXPLORATORY
from experiments.readout.show import finding_sentences
from experiments.roi.segment_cells import by_columns, segment_name
from experiments.roi.thresholds import cost_thresholds
from experiments.roi.verdicts import HARM_GUARDRAIL

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from experiments.readout.segments_result import SegmentReadout
    from experiments.roi.result import Judged
    from experiments.roi.series import Thresholds

__all__ = ["LeaveAlone", "SegmentAdvice", "leave_alone"]

messages.register("experiments")

Advice = Literal["contact", "leave_alone", "undecided", "not_judged"]
_ADVICE: Mapping[str, Advice] = {"PASS": "contact", "FAIL": "leave_alone", "INCONCLUSIVE": "undecided"}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SegmentAdvice:
    """One segment and arm.

    Attributes:
        judged: Net benefit, cost per incremental wake-up, verdict.
        effect: Difference of woken per person; None where the segment has too few persons.
        p_interaction: The test of whether the arm's effect differs between segments, adjusted over arms.
        persons: Persons of the arm and of its control in the segment.
        note: Why the effect has no interval; empty else.
    """

    judged: Judged
    effect: Estimate | None
    p_interaction: float | None
    persons: int
    note: str

    @property
    def advice(self) -> Advice:
        """Contact, leave_alone, undecided, or not_judged where the experiment is invalid."""
        return _ADVICE.get(self.judged.verdict.word, "not_judged")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class LeaveAlone(TabularResult):
    """Which segments a campaign should leave alone.

    ``.table()``: arm, control, segment, persons, threshold, incremental_per_1000 with low and high,
    net_benefit_per_1000 with net_benefit_low and net_benefit_high, verdict, reason, advice, p_interaction, note
    (why the effect has no interval).

    Attributes:
        rows: One entry per arm and segment.
        by: The segment column.
        segments: The readout by segment, with every metric and the interaction tests.
        findings: Checks of the experiment.
        recipe: How the figures were made.
    """

    rows: tuple[SegmentAdvice, ...]
    by: str
    segments: SegmentReadout
    findings: tuple[Finding, ...]
    recipe: Recipe

    def advised(self, advice: Advice, *, arm: str | None = None) -> tuple[str, ...]:
        """The segments with an advice, for one arm or for any.

        Args:
            advice: "contact", "leave_alone", "undecided" or "not_judged".
            arm: The arm.
        """
        found = [
            str(row.judged.contrast.segment)
            for row in self.rows
            if row.advice == advice and arm in (None, row.judged.contrast.arm)
        ]
        return tuple(dict.fromkeys(found))

    def _records(self) -> Records:
        fields = [Field(name, "text") for name in ("arm", "control", "segment")]
        fields += [Field("persons", "count"), Field("threshold", "money")]
        fields += [Field(name, "number") for name in ("incremental_per_1000", "low", "high")]
        fields += [Field(name, "money") for name in ("net_benefit_per_1000", "net_benefit_low", "net_benefit_high")]
        fields += [Field("verdict", "text"), Field("reason", "text"), Field("advice", "text")]
        fields += [Field("p_interaction", "p"), Field("note", "text")]
        return Records.from_rows(fields, [_record(row) for row in self.rows])

    def _display(self) -> Display:
        heads = ("arm", "segment", "persons", "threshold", "incremental_per_1000", "net_benefit_per_1000", "verdict")
        kinds = ("text", "text", "count", "money", "number", "money", "text")
        columns = [DisplayColumn(column_label(name), kind) for name, kind in zip(heads, kinds, strict=True)]  # type: ignore[arg-type]
        columns.append(DisplayColumn(column_label("advice"), decisive=True))
        body = [_shown(row) for row in self.rows]
        loud = finding_sentences(self.findings)
        noted = [messages.text("LEAVE_ALONE.NOTE")] if any(row.note for row in self.rows) else []
        table = DisplayTable(tuple(columns), tuple(body), notes=(*noted, *self.recipe.sentences(), *loud))
        return Display(messages.text("LEAVE_ALONE.TITLE", {"by": self.by}), (*self._sentences(), table))

    def _sentences(self) -> tuple[str, ...]:
        made = []
        for arm in dict.fromkeys(row.judged.contrast.arm for row in self.rows):
            here = [row for row in self.rows if row.judged.contrast.arm == arm]
            p = here[0].p_interaction
            values = {"arm": arm, "by": self.by, "p": p}
            made.append(messages.text("LEAVE_ALONE.NO_TEST" if p is None else "LEAVE_ALONE.TEST", values))
            alone = [row.judged for row in here if row.advice == "leave_alone"]
            harmed = [row for row in alone if row.verdict.reason == HARM_GUARDRAIL]
            for code, rows in (("NAMED", [row for row in alone if row not in harmed]), ("HARMED", harmed)):
                names = messages.text("LEAVE_ALONE.BETWEEN").join(str(row.contrast.segment) for row in rows)
                made += [messages.text(f"LEAVE_ALONE.{code}", {"arm": arm, "names": names})] if rows else []
        return tuple(made)


def _shown(advised: SegmentAdvice) -> tuple[object, ...]:
    row, told = _record(advised), advised.judged.verdict.told
    effect = Cell(row["incremental_per_1000"], row["low"], row["high"], note=advised.note)
    net = Cell(row["net_benefit_per_1000"], row["net_benefit_low"], row["net_benefit_high"])
    advice = messages.text(f"ADVICE.{row['advice']}")
    head = tuple(row[name] for name in ("arm", "segment", "persons", "threshold"))
    return (*head, effect, net, told, advice)


def _record(row: SegmentAdvice) -> dict[str, object]:
    judged = row.judged
    contrast, net = judged.contrast, judged.net
    made: dict[str, object] = {
        "arm": contrast.arm, "control": contrast.control, "segment": contrast.segment, "persons": row.persons,
        "threshold": judged.threshold, "incremental_per_1000": 1000.0 * contrast.difference("woken"),
        "verdict": judged.verdict.word, "reason": judged.verdict.reason, "advice": row.advice,
        "p_interaction": row.p_interaction, "note": row.note,
    }  # fmt: skip
    ends = (net.value, net.low, net.high)
    made |= _thousandfold(("net_benefit_per_1000", "net_benefit_low", "net_benefit_high"), ends)
    effect = (None, None) if row.effect is None else (row.effect.low, row.effect.high)
    return made | _thousandfold(("low", "high"), effect)


def _thousandfold(names: Sequence[str], ends: Sequence[float | None]) -> dict[str, object]:
    return {name: None if end is None else 1000.0 * end for name, end in zip(names, ends, strict=True)}


def leave_alone(  # noqa: PLR0913 - options by keyword
    outcomes: object,
    *,
    by: str | Sequence[str],
    threshold: float | Mapping[str | tuple[str, ...], float],
    woken: str = "woken",
    cost: str = "cost",
    experiment: Experiment | None = None,
    touches: object = None,
    level: float | None = None,
) -> LeaveAlone:
    """Whom to contact, whom to leave alone, and where the data cannot tell: effect and net benefit by segment.

    First one test per arm of whether the effect on waking differs between the segments at all (interaction), then the
    net benefit of every segment at the value that a woken customer of that segment has. A segment is left alone when
    its net benefit is below 0 beyond chance, after Holm's correction over all segments and arms, or when a declared
    guardrail is harmed there; it is contacted when its net benefit is above 0 and no guardrail stands against it; else
    the data cannot tell, which is not "no effect". Segments with the highest response are not those with
    the highest net benefit: deal hunters come back most and are worth least.

    Args:
        outcomes: One row per person, with the full cost of each.
        by: Column of segments, fixed before the assignment; declared in the experiment, or the reading is exploratory.
            Several columns are crossed: every combination is a segment.
        threshold: Value of a woken customer: one for all segments, or a mapping of segment to its own (by its name, or
            the values of its columns as a tuple).
        woken: Column of the event.
        cost: Column of the full cost.
        experiment: Gives arm, control, shares, strata, guardrails, declared segments and level.
        touches: The touches, for the leakage check.
        level: Confidence level; the experiment's by default.

    Returns:
        One row per arm and segment, with the advice.

    Raises:
        TableError: With every problem of the table.
        DesignError: NO_HOLDOUT; POST_ASSIGNMENT when the segment is known only after assignment.
        InputError: For thresholds that cannot be used.

    Assumptions:
        Those of `cost_thresholds`; segments were fixed before the assignment.

    References:
        Rothwell (2005), Lancet 365:176 (subgroups); Radcliffe and Surry (2011) (customers whom contact drives away).

    Verified against: `cost_thresholds` and `by_segment` row by row, and simulated segments with known net benefit; see
    docs/methods/leave-alone.md.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=60_000, seed=7)
        >>> rows = c.outcomes.assign(tier=c.outcomes["source"].eq("rebate").map({True: "rebate", False: "other"}))
        >>> experiment = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign", segments="tier")
        >>> advice = ex.leave_alone(rows, by="tier", threshold={"rebate": 30, "other": 120}, experiment=experiment)
        >>> "rebate" in advice.advised("leave_alone", arm="full")
        True
    """
    declared = Experiment({woken: Rate(woken)}) if experiment is None else experiment
    level = declared.level if level is None else check_level(level)
    columns = by_columns(by)
    if not columns:
        raise InputError("by must name the column of the segments, such as by='tier'.")
    pays = cost_thresholds(
        outcomes, woken=woken, cost=cost, thresholds=_series(threshold), by=columns, experiment=declared,
        touches=touches, level=level,
    )  # fmt: skip
    name = segment_name(columns)
    if len(columns) > 1:
        outcomes, declared = _crossed(outcomes, declared, columns)
    measured = next((name for name, m in declared.metrics.items() if isinstance(m, Rate) and m.column == woken), None)
    if measured is None:
        measured = woken
        declared = replace(declared, metrics={**declared.metrics, woken: Rate(woken, role="secondary")})
    segments = replace(declared, level=level).by_segment(outcomes, by=name)
    settings = {"by": name, "level": level, "control": str(declared.control), **_amounts(threshold)}
    extra = tuple(finding for finding in segments.findings if finding.code in ("EXPLORATORY", "SEGMENT_SMALL"))
    return LeaveAlone(
        rows=_advice(pays.judged, segments, measured),
        by=str(name),
        segments=segments,
        findings=(*pays.findings, *extra),
        recipe=Recipe(
            method="leave_alone",
            definitions=("LEAVE_ALONE",),
            settings=settings,
            n={"persons": pays.recipe.n["persons"]},
        ),
    )


def _advice(judged: Sequence[Judged], segments: SegmentReadout, measured: str) -> tuple[SegmentAdvice, ...]:
    """Every verdict with the effect of its arm and segment, and the test of its arm."""
    effects = {
        (str(one.arm), str(one.segment)): one
        for one in segments.effects
        if one.fit.name == measured and one.segment is not None
    }
    tests = {str(one.arm): one.p_adjusted for one in segments.interactions if one.fit.name == measured}
    rows = []
    for one in judged:
        contrast = one.contrast
        found = effects.get((contrast.arm, str(contrast.segment)))
        rows.append(
            SegmentAdvice(
                judged=one,
                effect=None if found is None else found.difference,
                p_interaction=tests.get(contrast.arm),
                persons=contrast.persons,
                note="" if found is None or found.difference is not None else _without(found.note),
            )
        )
    return tuple(rows)


def _series(threshold: object) -> Thresholds:
    """The thresholds as `cost_thresholds` reads them: one amount per segment."""
    if isinstance(threshold, Mapping) and threshold:
        return {name if isinstance(name, tuple) else str(name): [_amount(amount)] for name, amount in threshold.items()}
    return [_amount(threshold)]


def _amount(threshold: object) -> float:
    if isinstance(threshold, bool) or not isinstance(threshold, Real):
        raise InputError(
            "threshold must be the value of one woken customer, or a mapping of segment to its own value, got "
            f"{threshold!r}."
        )
    return float(threshold)


def _crossed(outcomes: object, experiment: Experiment, columns: Sequence[str]) -> tuple[object, Experiment]:
    """The outcomes with one column for the combinations of several, declared where these are."""
    import pyarrow as pa

    table = open_outcomes(experiment, outcomes)
    parts = [labels(table, column) for column in columns]
    table.problems.raise_if_any()
    texts = [[str(part.names[code]) for code in part.codes.tolist()] for part in parts if part is not None]
    name = str(segment_name(tuple(columns)))
    crossed = pa.array([segment_name(values) for values in zip(*texts, strict=True)], pa.string())
    known = {column: table.arrow(column) for column in table.names if column != name}
    if set(columns) <= set(experiment.segments or ()):
        experiment = replace(experiment, segments=(*(experiment.segments or ()), name))
    return pa.table({**known, name: crossed}), experiment


def _without(note: str) -> str:
    """Reason codes without that of an undeclared column, which is told once."""
    return "; ".join(code for code in note.split("; ") if code != EXPLORATORY)


def _amounts(threshold: float | Mapping[str | tuple[str, ...], float]) -> dict[str, object]:
    if isinstance(threshold, Mapping):
        return {"threshold": "; ".join(f"{segment_name(name)} = {amount:g}" for name, amount in threshold.items())}
    return {"threshold": f"{threshold:g}"}
