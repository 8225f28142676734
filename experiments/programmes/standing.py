"""Which verdicts of earlier campaigns still stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attribution.core.durations import MICROSECONDS_PER_DAY, microseconds, parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date, timedelta

    from experiments.programmes.campaign import ProgrammeCampaign

__all__ = ["Standing", "standings"]

Standing = Literal["stands", "expired", "superseded"]


def standings(
    campaigns: Mapping[str, ProgrammeCampaign], *, as_of: date, expires_after: str | timedelta
) -> Iterator[dict[str, object]]:
    """Every verdict with its age in days and whether it stands.

    A verdict is superseded when a later campaign of the programme judged the same arm against the same control in the
    same segment, and expired when it is older than ``expires_after``. An INVALID trial has judged nothing.
    """
    limit = microseconds(parse_duration(expires_after, name="expires_after")) / MICROSECONDS_PER_DAY
    latest: dict[tuple[str, str, str | None], date] = {}
    for campaign in campaigns.values():
        for verdict in campaign.verdicts:
            if verdict.word == "INVALID":
                continue
            key = (verdict.arm, verdict.control, verdict.segment)
            latest[key] = max(campaign.as_of, latest.get(key, campaign.as_of))
    for name, campaign in campaigns.items():
        age = (as_of - campaign.as_of).days
        for verdict in campaign.verdicts:
            key = (verdict.arm, verdict.control, verdict.segment)
            standing: Standing = "stands"
            if latest.get(key, campaign.as_of) > campaign.as_of:
                standing = "superseded"
            elif age > limit:
                standing = "expired"
            yield {
                "campaign": name, "arm": verdict.arm, "control": verdict.control, "segment": verdict.segment or "",
                "threshold": verdict.threshold, "verdict": verdict.word, "as_of": campaign.as_of.isoformat(),
                "days_old": age, "verdict_standing": standing,
            }  # fmt: skip
