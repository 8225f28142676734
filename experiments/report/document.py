"""What a post-mortem consists of, before any rendering: meta data, decisions, sections, gates, charts as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.language import Language
    from attribution.core.records import Records
    from attribution.core.render.display import DisplayTable
    from experiments.roi.verdicts import Verdict

__all__ = ["Chart", "ChartKind", "Decision", "Document", "Figure", "Gate", "GateStatus", "Section", "Whole"]

ChartKind = Literal["curves", "forest", "histogram", "net_benefit", "ruler", "waterfall"]
GateStatus = Literal["hold", "fail", "undecided"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Gate:
    """One gate of ``check``.

    Attributes:
        name: Stable name, for example ``trust:SRM`` or ``decision:sms@85``.
        kind: ``"trust"`` (always on), ``"decision"`` (declared under ``[[gate]]``) or ``"figure"`` (declared figure).
        status: ``"hold"``, ``"fail"`` or ``"undecided"``.
        expected: What was declared, as text.
        observed: What was found, as text.
        message: One sentence in the report's language.
    """

    name: str
    kind: Literal["trust", "decision", "figure"]
    status: GateStatus
    expected: str
    observed: str
    message: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Decision:
    """One contrast at one threshold, as a card of the first screen.

    Attributes:
        contrast: The contrast in words, for example "sms vs digital".
        arm: The treated arm.
        control: What it is compared with.
        segment: The segment, or None for everybody.
        threshold: What one woken customer may cost.
        verdict: The verdict; amounts per person.
        sentence: The fixed wording, filled in.
        next_step: What to do next, in one sentence.
        declared: Whether the plan declared this row as a gate.
    """

    contrast: str
    arm: str
    control: str
    segment: str | None
    threshold: float
    verdict: Verdict
    sentence: str
    next_step: str
    declared: bool

    @property
    def word(self) -> str:
        """PASS, FAIL, INCONCLUSIVE, INVALID or NO_HOLDOUT."""
        return self.verdict.word

    @property
    def reason(self) -> str:
        """Code(s) of what overrode the interval."""
        return self.verdict.reason

    @property
    def net_benefit(self) -> Estimate:
        """Net benefit per assigned person."""
        return self.verdict.net_benefit


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Whole:
    """The whole campaign as one decision, above the cards.

    Attributes:
        title: The arms, the control and the threshold.
        word: PASS, FAIL, INCONCLUSIVE or INVALID; empty where nothing is judged.
        reason: Code(s) of what overrode the interval.
        parts: Cost, what it brought, what it left: a label, the figure and its interval (empty without one) each.
        sentence: What follows and how the figures hang together; or why there is none.
    """

    title: str
    word: str
    reason: str
    parts: Sequence[tuple[str, str, str]]
    sentence: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Figure:
    """One of the numbers that stand side by side under the same ruler."""

    label: str
    caption: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Chart:
    """A chart as data; the renderer draws it.

    Columns of the rows by kind: ``forest`` label value low high; ``ruler`` group label role value low high;
    ``waterfall`` group label role start end; ``net_benefit`` contrast threshold value low high word; ``curves`` series
    role x value low high (one line a series, named at its end; role "treated", "control" or "reference"; low and high
    None without a band); ``histogram`` group start end value (bars from start to end, one panel a group).

    Attributes:
        name: Stable name, used as the anchor.
        kind: Which drawing.
        title: The finding, as a sentence.
        subtitle: The definition of what is drawn.
        alt: The finding with its numbers, for readers who cannot see the picture.
        records: The rows that are drawn.
        words: Axis titles and other words in the report's language, by role (``x``, ``y``, ``zero`` ...); ``steps``
            ("1") draws curves as steps.
        marks: Places on the horizontal scale with a name each: thresholds, caps, cuts, ends of windows (curves, forest
            and histogram draw them).
    """

    name: str
    kind: ChartKind
    title: str
    subtitle: str
    alt: str
    records: Records
    words: Mapping[str, str] = field(default_factory=dict)
    marks: Sequence[tuple[float, str]] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Section:
    """A section: the question, one sentence of answer, charts, tables, and definitions one step away.

    Attributes:
        name: Stable name, used as the anchor.
        title: The heading.
        question: The question that the section answers.
        answer: One sentence.
        charts: Drawn under the answer.
        tables: Under the charts.
        paragraphs: Under the tables.
        folded: Long tables at the end, each behind its title; in print they stand open, in small type.
        caption: What has to be said about every figure of the section (credit, not cause).
        flag: Why the figures must not be used; empty when they may be.
        exploratory: What of the section was not declared before the data; empty when everything was.
        definitions: Definitions and formulas in words.
    """

    name: str
    title: str
    question: str
    answer: str
    charts: Sequence[Chart] = ()
    tables: Sequence[DisplayTable] = ()
    paragraphs: Sequence[str] = ()
    folded: Sequence[DisplayTable] = ()
    caption: str = ""
    flag: str = ""
    exploratory: str = ""
    definitions: Sequence[str] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Document:
    """The whole report in one language.

    Attributes:
        lang: Language of every text.
        title: Name of the campaign.
        facts: Label and text of what identifies the campaign: population, dates, as-of, persons per arm.
        trust: "trusted", "limited" or "invalid".
        trust_line: One line: trustworthy, or what is wrong.
        trust_note: Beside it: a plan that was not locked before the first assignment; else empty.
        decisions: The cards of the first screen.
        whole: The whole campaign as one decision; None where nothing is priced.
        unknown: What is not known, one clause each.
        flag: Why no figure of the report may be used; empty when they may be.
        refusal: Code, fixed sentence and next step where the design cannot answer (NO_HOLDOUT); else empty.
        figures: Touched, attributed, incremental, under one ruler.
        figures_title: The finding of that picture.
        figures_subtitle: What is drawn.
        figures_caption: Its caption (credit, not cause).
        sections: The sections, in order.
        findings: Every finding.
        gates: Every gate.
        manifest: Label and text of versions, fingerprints, seeds.
        words: Fixed words of the page furniture (contents, definitions, print ...), by role.
    """

    lang: Language
    title: str
    facts: Sequence[tuple[str, str]]
    trust: Literal["trusted", "limited", "invalid"]
    trust_line: str
    decisions: Sequence[Decision]
    unknown: Sequence[str]
    flag: str
    refusal: Sequence[str]
    figures: Sequence[Figure]
    figures_title: str
    figures_subtitle: str
    figures_caption: str
    sections: Sequence[Section]
    findings: Sequence[Finding]
    gates: Sequence[Gate]
    manifest: Sequence[tuple[str, str]]
    words: Mapping[str, str] = field(default_factory=dict)
    whole: Whole | None = None
    trust_note: str = ""
