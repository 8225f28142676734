"""Writing a report in its formats, and telling its verdicts and gates."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from attribution.core import messages
from attribution.core.errors import InputError, closest
from experiments.cli.streams import echo, is_quiet
from experiments.cli.words import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = [
    "FORMATS", "append_to_summary", "parse_formats", "summary_file", "tell_gates", "tell_verdicts", "write_report",
]  # fmt: skip

FORMATS = {"html": "report.html", "md": "report.md", "json": "report.json", "junit": "junit.xml", "xlsx": "report.xlsx"}
_WRITERS = {"html": "to_html", "md": "to_markdown", "json": "to_json", "junit": "to_junit", "xlsx": "to_excel"}
_GATE_CODES = {"hold": "GATE_HOLD", "fail": "GATE_FAIL", "undecided": "GATE_UNDECIDED"}


def parse_formats(text: str) -> tuple[str, ...]:
    """The formats out of "html,md": distinct, in the order of `FORMATS`.

    Raises:
        InputError: For an unknown format, or none.
    """
    asked = [item.strip().lower() for item in text.split(",") if item.strip()]
    for item in asked:
        if item not in FORMATS:
            raise InputError(f"--format: {item[:60]!r} is not a format of a report. {closest(item[:60], FORMATS)}")
    if not asked:
        raise InputError(f"--format must name at least one of {', '.join(FORMATS)}.")
    return tuple(name for name in FORMATS if name in asked)


def write_report(report: Any, folder: Path, *, formats: Iterable[str], suffix: str = "") -> list[Path]:
    """Write a report as ``report.html``, ``report.md``, ``report.json``, ``junit.xml``, ``report.xlsx``.

    Args:
        report: The report.
        folder: Where to write.
        formats: Keys of `FORMATS`.
        suffix: Put before the ending: ".zh" makes ``report.zh.html``.
    """
    written: list[Path] = []
    for name in formats:
        stem, _, ending = FORMATS[name].rpartition(".")
        path = folder / f"{stem}{suffix}.{ending}"
        getattr(report, _WRITERS[name])(path)
        written.append(path)
    return written


def summary_file(*, lang: str) -> str | None:
    """The job summary of GitHub Actions; None, which is told, where the environment names none."""
    path = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if not path:
        echo(messages.text("CLI.SUMMARY_NOWHERE", lang=lang), err=True)
    return path or None


def append_to_summary(report: Any, path: str, *, lang: str) -> None:
    """Append a report to the job summary, and say so."""
    from experiments.report.summary import append_summary

    if append_summary(report, path):
        say("SUMMARY_WRITTEN", lang=lang, path=path)
    else:
        echo(messages.text("CLI.SUMMARY_FULL", {"path": path}, lang=lang), err=True)


def tell_verdicts(report: Any, *, lang: str) -> None:
    """Print one line per verdict."""
    rows = verdict_rows(report)
    if not rows:
        say("NO_VERDICTS", lang=lang)
        for line in report.document.refusal:
            say("REFUSAL", lang=lang, text=line)
        return
    say("VERDICTS", lang=lang, n=len(rows))
    for contrast, threshold, word in rows:
        say("VERDICT", lang=lang, contrast=contrast, threshold=threshold, word=word)


def verdict_rows(report: Any) -> list[tuple[str, float, str]]:
    """Contrast, threshold and word of each verdict of a report."""
    verdicts = report.verdicts
    listed: Sequence[Any] = verdicts.to_dicts() if hasattr(verdicts, "to_dicts") else list(verdicts)
    rows: list[tuple[str, float, str]] = []
    for item in listed:
        row = item if isinstance(item, dict) else {name: getattr(item, name, None) for name in _NAMES}
        contrast = row.get("contrast") or f"{row['arm']} – {row['control']}"
        if row.get("segment"):
            contrast = f"{contrast} [{row['segment']}]"
        word = getattr(row["verdict"], "word", row["verdict"])
        rows.append((str(contrast), cast("float", row["threshold"]), str(word)))
    return rows


_NAMES = ("contrast", "arm", "control", "segment", "threshold", "verdict")


def tell_gates(gates: Sequence[Any], *, lang: str) -> None:
    """Print one line per gate, failing ones first; with `--quiet` only those that do not hold."""
    say("GATES", lang=lang, n=len(gates))
    order = ("fail", "undecided", "hold")
    for gate in sorted(gates, key=lambda gate: order.index(gate.status)):
        if gate.status != "hold" or not is_quiet():
            values = {"name": gate.name, "message": gate.message}
            echo(messages.text(f"CLI.{_GATE_CODES[gate.status]}", values, lang=lang))
    if not is_quiet():
        echo("")
