"""Comparing two reports: what changed, by how much, and whether it is more than rounding."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError
from experiments.report.difference_inputs import Facts, facts_of
from experiments.report.difference_result import Change, Kind, ReportDifference
from experiments.report.report import UNNAMED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from experiments.report.report import Report

__all__ = ["diff_reports"]

_ABSENT = "–"


def diff_reports(
    old: Report | Mapping[str, Any] | str | Path,
    new: Report | Mapping[str, Any] | str | Path,
    *,
    rtol: float = 1e-9,
    atol: float = 1e-12,
) -> ReportDifference:
    """What changed from one report to another.

    Figures are compared by name, verdict words by contrast, segment and threshold, findings by code and what they are
    about, gates by name, the plan by key. Versions of libraries and fingerprints of the data are listed too, but do not
    count: a report is the same when its figures, words, findings, gates and plan are.

    Args:
        old: A report, the path of a ``report.json`` (or of the folder that holds it), the path of a file of frozen
            figures (see `freeze_figures`), or the mapping that such a file holds.
        new: What it is compared with, in the same forms.
        rtol: Two numbers are the same when they differ by at most this share of the larger one.
        atol: ... or by at most this amount; tells the rounding of a zero from a change.

    Returns:
        Every change, one row each: area, name, change, old, new, difference, relative change, and whether the change
        shows in the first four significant digits.

    Raises:
        InputError: When one of the two is no report, or of another generation of the format.

    Assumptions:
        The language of the reports does not matter. Frozen figures hold a part of a report only; what they do not hold
        is not compared.

    Verified against: a slow comparison in the tests, key by key, and reports of which single numbers were changed.

    Example:
        >>> import experiments as ex
        >>> campaign = ex.simulate("default", persons=2_000, seed=7)
        >>> report = ex.postmortem(campaign.plan, campaign)
        >>> ex.diff_reports(report, ex.postmortem(campaign.plan, campaign, lang="zh")).same
        True
    """
    for name, value in (("rtol", rtol), ("atol", atol)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
            raise InputError(f"{name} must be a number from 0 on, got {value!r}. Leave it out for rounding only.")
    before, after = facts_of(old), facts_of(new)
    changes = tuple(_changes(before, after, rtol=rtol, atol=atol))
    return ReportDifference(old=before.label, new=after.label, changes=changes, rtol=rtol, atol=atol)


def _changes(old: Facts, new: Facts, *, rtol: float, atol: float) -> Iterator[Change]:
    yield from _words("verdict", *_shared(old, new, "verdicts"))
    yield from _numbers("figure", *_shared(old, new, "figures"), rtol=rtol, atol=atol)
    if old.frozen or new.frozen:
        return
    yield from _words("gate", old.gates, new.gates)
    statuses = [{name: status for name, (status, _) in facts.findings.items()} for facts in (old, new)]
    yield from _words("finding", *statuses)
    for name in sorted(old.findings.keys() & new.findings.keys()):
        pair = [{f"{name}: {key}": value for key, value in facts.findings[name][1].items()} for facts in (old, new)]
        yield from _numbers("finding", *pair, rtol=rtol, atol=atol)
    for change in _words("plan", old.plan, new.plan):
        if f'"{UNNAMED}"' not in (change.old, change.new):
            yield change
    yield from _words("data", old.data, new.data)
    yield from _words("version", old.versions, new.versions)


def _shared(old: Facts, new: Facts, name: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Both sides; beside frozen figures only what is frozen, for a frozen file may hold a choice."""
    sides: list[Mapping[str, Any]] = [getattr(old, name), getattr(new, name)]
    for one, other, facts in ((0, 1, new), (1, 0, old)):
        if facts.frozen:
            kept = sides[other]
            sides[one] = {key: value for key, value in sides[one].items() if key in kept}
    return sides[0], sides[1]


def _words(area: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        kind: Kind = "appeared" if before is None else "vanished" if after is None else "changed"
        yield Change(
            area=area, name=name, change=kind, old=_ABSENT if before is None else before,
            new=_ABSENT if after is None else after, printed=True,
        )  # fmt: skip


def _numbers(
    area: str, old: Mapping[str, float | None], new: Mapping[str, float | None], *, rtol: float, atol: float
) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if name not in old or name not in new:
            kind: Kind = "vanished" if name in old else "appeared"
            yield Change(area=area, name=name, change=kind, old=_spelled(before), new=_spelled(after), printed=True)
        elif before is None or after is None:
            if before is not after:
                yield Change(
                    area=area, name=name, change="changed", old=_spelled(before), new=_spelled(after), printed=True
                )
        elif abs(after - before) > max(rtol * max(abs(before), abs(after)), atol):
            yield Change(
                area=area, name=name, change="changed", old=_spelled(before), new=_spelled(after),
                difference=after - before, relative_change=(after - before) / abs(before) if before else None,
                printed=f"{before:.4g}" != f"{after:.4g}",
            )  # fmt: skip


def _spelled(value: float | None) -> str:
    return _ABSENT if value is None else f"{value:.12g}"
