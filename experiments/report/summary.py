"""Appending a report to the summary of a CI job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attribution.core.errors import InputError
from experiments.report.markdown import SUMMARY_LIMIT

if TYPE_CHECKING:
    from experiments.report.report import Report

__all__ = ["append_summary"]


def append_summary(report: Report, path: str | Path) -> bool:
    """Append a report to the file that ``$GITHUB_STEP_SUMMARY`` names; what stands there already stays.

    The limit of 1 MiB holds for the file of a step, so what other commands of the step wrote counts.

    Args:
        report: The report.
        path: The summary's file; it is made when absent.

    Returns:
        Whether anything could be written: False when the file is full.

    Raises:
        InputError: When the file cannot be written.
    """
    target = Path(path)
    try:
        held = target.read_bytes() if target.exists() else b""
        # A line that another command left open must not swallow the heading.
        gap = "" if not held else "\n" if held.endswith(b"\n") else "\n\n"
        room = SUMMARY_LIMIT - len(held) - len(gap)
        text = report.to_markdown(summary=True, limit=room) if room > 0 else ""
        if not text:
            return False
        with target.open("ab") as file:
            file.write((gap + text).encode("utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"the summary file {str(path)[-200:]!r} cannot be written: {reason}. "
            "Set GITHUB_STEP_SUMMARY to a file that can, or leave --summary out."
        ) from error
    return True
