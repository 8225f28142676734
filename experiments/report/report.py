"""The report: a document with the tables and figures behind it, and its ways out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribution.core.whole import check_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes

    from attribution.core.findings import Finding
    from attribution.core.records import Records
    from experiments.report.document import Decision, Document, Gate

__all__ = ["UNNAMED", "Report"]

UNNAMED = "(declared)"
"""What stands in a report's plan for the verdict that a gate expects when the trial allows no verdict."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Report:
    """A finished post-mortem in one language.

    Attributes:
        document: The report before rendering.
        records: Every table by name.
        figures: Every figure that a plan may declare, by name, for example ``effect.woken.sms.difference``.
        recipe: Plan, rules, versions and fingerprints.
        plan: The plan with every default written out, as plain values.
        evidence: The results that the report was made from, for what is computed from it later; never rendered.
    """

    document: Document
    records: Mapping[str, Records]
    figures: Mapping[str, float | None]
    recipe: Mapping[str, object] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    evidence: Any = None

    @property
    def verdicts(self) -> tuple[Decision, ...]:
        """Every decision, in the order of the plan."""
        return tuple(self.document.decisions)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding."""
        return tuple(self.document.findings)

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Every gate of ``check``."""
        return tuple(self.document.gates)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by name, as pandas."""
        return {name: records.to_pandas() for name, records in self.records.items()}

    def to_html(self, path: str | Path | None = None) -> str:
        """One HTML file: inline charts, no script, nothing fetched. Written to ``path`` when given; returned always."""
        from experiments.report.html import to_html

        return _written(to_html(self.document), path)

    def to_markdown(self, path: str | Path | None = None, *, summary: bool = False, limit: int | None = None) -> str:
        """The report as Markdown. Written to ``path`` when given; returned always.

        Args:
            path: Where to write.
            summary: As the summary of a CI job: the gates first, and whole sections left out from the end, named in a
                last line, when the text would be longer than ``limit``.
            limit: Bytes of UTF-8 that a summary may have; GitHub's 1 MiB by default.

        Raises:
            InputError: For a limit that is no whole number of at least 1.
        """
        from experiments.report.markdown import to_markdown, to_summary

        if limit is not None:
            limit = check_whole("limit", limit, least=1, of="bytes", more=", or None")
        text = to_summary(self.document, limit=limit) if summary else to_markdown(self.document)
        return _written(text, path)

    def to_json(self, path: str | Path | None = None) -> str:
        """The report as JSON with a ``schema_version``. Written to ``path`` when given; returned always."""
        from experiments.report.json_text import to_json

        text = to_json(self.document, tables=self.records, figures=self.figures, recipe=self.recipe, plan=self.plan)
        return _written(text, path)

    def to_junit(self, path: str | Path | None = None, *, strict: bool = False) -> str:
        """Gates and findings as JUnit XML. Written to ``path`` when given; returned always.

        Args:
            path: Where to write.
            strict: An undecided gate is a failure instead of a skipped case.
        """
        from experiments.report.junit import to_junit

        return _written(to_junit(self.document, strict=strict), path)

    def to_excel(self, path: str | Path) -> None:
        """Write a workbook: verdicts, findings, gates, each section, chart and table (needs the extra ``excel``)."""
        from experiments.report.excel import to_excel

        to_excel(self.document, self.records, path, figures=self.figures)

    def __repr__(self) -> str:
        from attribution.core.formats import format_value

        gap = " " if self.document.lang == "en" else ""
        trust = self.document.words[f"trust.{self.document.trust}"]
        lines = [f"{format_value(self.document.title, 'text')}: {trust}{gap}{self.document.trust_line}"]
        if self.document.unknown:
            said = self.document.words["list_separator"].join(self.document.unknown)
            lines.append(f"{self.document.words['unknown']}{self.document.words['colon']}{said}")
        if self.document.refusal:
            lines.append(f"  {self.document.refusal[0]}")
        for d in self.document.decisions:
            contrast = d.contrast if d.segment is None else f"{d.contrast} · {format_value(d.segment, 'text')}"
            lines.append(f"  {contrast} @ {d.threshold:g}: {d.verdict.word}. {d.sentence}")
        return "\n".join(lines)

    def plot(self, name: str, *, axes: Axes | None = None) -> Axes:
        """One chart of the report as matplotlib axes, for the caller to restyle.

        Args:
            name: Name of a chart, for example ``"chart-effects"`` (also without ``chart-``), or ``"figures"`` for the
                three figures of the first screen.
            axes: Axes to draw in, about 11 inches wide; None draws a figure of its own.

        Returns:
            The axes of the chart; of several panels the first, the others are ``.figure.axes``.

        Raises:
            InputError: For a name that no chart of the report has, or axes that are none.
        """
        from experiments.report.chart_names import plot

        return plot(self.document, name, axes)

    def _repr_html_(self) -> str:
        from experiments.report.notebook import report_html

        return report_html(self.document)


def _written(text: str, path: str | Path | None) -> str:
    if path is not None:
        Path(path).write_bytes(text.encode("utf-8"))
    return text
