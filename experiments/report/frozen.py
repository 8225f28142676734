"""Frozen figures: the figures and verdict words of a report as a small file that is kept and compared with."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError, closest
from experiments.plan.spelling import shown, shown_path
from experiments.report.difference_inputs import FROZEN_VERSION, facts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.report.report import Report

__all__ = ["freeze_figures"]


def freeze_figures(
    report: Report | Mapping[str, Any] | str | Path,
    path: str | Path,
    *,
    only: str | Sequence[str] | None = None,
) -> int:
    """Write the figures and verdict words of a report as a file to compare later reports with.

    The file is JSON with one figure a line, sorted, 12 significant digits: made to be kept beside the plan, read in a
    review, and handed to `diff_reports` (or ``wakelift diff``) as the old side next quarter.

    Args:
        report: A report, the path of a ``report.json``, or the mapping that it holds.
        path: The file to write.
        only: Names of figures to keep, with ``*`` for any text, for example ``"effect.*"``; all when absent. Verdict
            words are kept always.

    Returns:
        How many figures were written.

    Raises:
        InputError: When the report is unusable, a pattern fits no figure, or the file cannot be written.

    Verified against: the comparison of a report with its own frozen figures, and with single ones changed.

    Example:
        >>> import tempfile, pathlib, experiments as ex
        >>> campaign = ex.simulate("default", persons=2_000, seed=7)
        >>> report = ex.postmortem(campaign.plan, campaign)
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "frozen.json"
        >>> ex.freeze_figures(report, file, only="effect.woken.*")
        18
        >>> ex.diff_reports(file, report).same
        True
    """
    facts = facts_of(report)
    if not isinstance(only, (str, Sequence, type(None))) or not all(isinstance(each, str) for each in only or ()):
        raise InputError(f"only must be the name of a figure, a list of names, or None for all, got {only!r}.")
    patterns = [only] if isinstance(only, str) else list(only or ())
    figures = facts.figures if not patterns else _chosen(facts.figures, patterns)
    content = {"frozen_version": FROZEN_VERSION, "figures": dict(figures), "verdicts": dict(facts.verdicts)}
    text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"
    try:
        Path(path).write_bytes(text.encode("utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{shown_path(Path(path).as_posix())} cannot be written: {reason}. Name another file."
        ) from error
    return len(figures)


def _chosen(figures: Mapping[str, float | None], patterns: Sequence[str]) -> dict[str, float | None]:
    made: dict[str, float | None] = {}
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise InputError(f"only must be names of figures, got {shown(pattern)}.")
        # A name may hold brackets of its own, so only the star is special.
        names = [name for name in figures if fnmatch.fnmatchcase(name, pattern.replace("[", "[[]").replace("?", "[?]"))]
        if not names:
            raise InputError(f"no figure is named {shown(pattern)}. {closest(pattern, figures)}")
        made |= {name: figures[name] for name in names}
    return made
