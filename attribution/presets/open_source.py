"""Tools whose rules can be read in their code: PostHog, Snowplow, fractribution. Facts only, none of their lines."""

from __future__ import annotations

from datetime import timedelta

from attribution.core.errors import InputError
from attribution.models.decay import TimeDecay
from attribution.models.position import FirstTouch, LastTouch, Linear, PositionBased
from attribution.presets.preset import Source, VendorPreset
from attribution.presets.vendors import READ, Duration, bounded
from attribution.rules import Rules, Transform

__all__ = ["fractribution", "posthog", "snowplow"]

_DAY = timedelta(days=1)


def posthog(*, lookback: Duration = "90d", unique_users: bool = False) -> VendorPreset:
    """PostHog: a window of 1 to 90 whole days, both ends included; the half-life is a quarter of it, at least a day."""
    if not isinstance(unique_users, bool):
        raise InputError(f"unique_users must be True or False, got {unique_users!r}.")
    window = bounded(lookback, "90d", "PostHog")
    if window % _DAY:
        raise InputError(f"PostHog's window counts whole days, got {lookback!r}. Write for example '30d'.")
    return VendorPreset(
        name="posthog",
        tool="PostHog",
        rules=Rules(lookback=window, reuse="first" if unique_users else "shared"),
        models=(
            FirstTouch(),
            LastTouch(),
            Linear(),
            TimeDecay(half_life=max(window // 4, _DAY)),
            PositionBased(two="even"),
        ),
        sources=(
            Source(
                url="https://github.com/PostHog/posthog/blob/adf43152b445578bff2b86a2ead5259fb10a512c/products/"
                "marketing_analytics/backend/hogql_queries/attribution_weights.py",
                title="PostHog: attribution_weights.py",
                read=READ,
            ),
            Source(
                url="https://github.com/PostHog/posthog/blob/290b8402972fe65e8ce93c0ba78117ce2c60a19f/products/"
                "marketing_analytics/backend/hogql_queries/attribution_base.py",
                title="PostHog: attribution_base.py",
                read=READ,
            ),
        ),
        as_documented_on=READ,
        gaps=("POSTHOG_SESSIONS", "POSTHOG_TIES", "POSTHOG_EXCLUDE", "POSTHOG_CAP"),
    )


def snowplow(
    *,
    lookback: Duration = "30d",
    timezone: str = "UTC",
    steps: int | None = None,
    transforms: tuple[Transform, ...] = ("exposure",),
) -> VendorPreset:
    """Snowplow's attribution package: a difference of calendar days, runs of a channel count once, half each of two."""
    trimmed: tuple[Transform, ...] = () if steps is None else (("trim_long_path", steps),)
    return VendorPreset(
        name="snowplow",
        tool="Snowplow dbt-snowplow-attribution",
        rules=Rules(lookback=lookback, window="calendar_days", timezone=timezone, transforms=(*trimmed, *transforms)),
        models=(FirstTouch(), LastTouch(), Linear(), PositionBased(two="even")),
        sources=(
            Source(
                url="https://github.com/snowplow/dbt-snowplow-attribution/tree/"
                "458d4ca249b726583e9b6236fb953758cc520d4a",
                title="dbt-snowplow-attribution 0.5.1: models, macros, dbt_project.yml, integration tests",
                read=READ,
            ),
        ),
        as_documented_on=READ,
        gaps=(
            "SNOWPLOW_TOUCHES", "SNOWPLOW_NONE", "SNOWPLOW_COUNTS", "SNOWPLOW_VALUE", "SNOWPLOW_ZONE", "SNOWPLOW_TIES",
        ),
    )  # fmt: skip


def fractribution(*, lookback: Duration = "30d", steps: int | None = None) -> VendorPreset:
    """Google's fractribution (2022): whole days rounded down, runs of a channel count once."""
    transforms: tuple[Transform, ...] = ("exposure",)
    if steps is not None:
        transforms = (("trim_long_path", steps), *transforms)
    return VendorPreset(
        name="fractribution",
        tool="google/fractribution",
        rules=Rules(lookback=lookback, window="whole_days", transforms=transforms),
        models=(FirstTouch(), LastTouch(), Linear(), PositionBased(two="half_middle")),
        sources=(
            Source(
                url="https://github.com/google/fractribution/tree/72ad8a4a851c75152c700283fbc4f58450b083af",
                title="google/fractribution: py/fractribution.py, py/templates/paths_to_conversion.sql",
                read=READ,
            ),
        ),
        as_documented_on=READ,
        gaps=(
            "FRACTRIBUTION_AFTER", "FRACTRIBUTION_NONE", "FRACTRIBUTION_SAME", "FRACTRIBUTION_SHAPLEY",
            "FRACTRIBUTION_STEPS",
        ),
    )  # fmt: skip
