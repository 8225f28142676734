"""Products whose rules are documented in prose: Adobe, Mixpanel, Amplitude, GrowingIO, Google's old models."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attribution.core.durations import duration_text, parse_duration
from attribution.core.errors import InputError
from attribution.models.decay import TimeDecay
from attribution.models.position import FirstTouch, LastTouch, Linear, PositionBased
from attribution.models.shapes import InverseJ, JShaped, UShaped
from attribution.presets.preset import Source, VendorPreset
from attribution.rules import Rules

__all__ = ["READ", "adobe", "amplitude", "bounded", "google_ads_legacy", "growingio", "mixpanel"]

READ = "2026-11-22"
_WITHOUT_END = timedelta(days=36_500)
Duration: TypeAlias = str | timedelta


def bounded(value: Duration, longest: str, tool: str, *, name: str = "lookback") -> timedelta:
    """A lookback that the tool offers.

    Raises:
        InputError: For none at all, or one that is too long.
    """
    found = parse_duration(value, name=name)
    if not timedelta(0) < found <= parse_duration(longest):
        raise InputError(
            f"{tool} looks back more than 0 and at most {longest}, got {duration_text(found)}. For other windows write "
            "at.Rules(lookback=...)."
        )
    return found


def adobe(
    *,
    lookback: Duration = "30d",
    report_start: date | datetime | None = None,
    timezone: str | None = None,
    half_life: Duration = "7d",
    decay_unit: Literal["continuous", "whole_days"] = "continuous",
) -> VendorPreset:
    """Adobe Analytics: a custom lookback up to 90 days, or the visitor window from the first of the report's month."""
    if lookback == "visit":
        raise InputError(
            "a visit lookback needs visits, which a table of touches does not hold. Give lookback= as a duration, or "
            'lookback="visitor" with report_start= and timezone=.'
        )
    if lookback == "visitor":
        rules = Rules(lookback=_WITHOUT_END, not_before=_month_start(report_start, timezone))
    else:
        for name, given in (("report_start", report_start), ("timezone", timezone)):
            if given is not None:
                raise InputError(f'{name} belongs to lookback="visitor"; a custom lookback does not depend on it.')
        rules = Rules(lookback=bounded(lookback, "90d", "Adobe Analytics"))
    decay = TimeDecay(half_life=half_life, unit=decay_unit)
    return VendorPreset(
        name="adobe",
        tool="Adobe Analytics",
        rules=rules,
        models=(LastTouch(), FirstTouch(), Linear(), UShaped(), JShaped(), InverseJ(), decay),
        sources=(
            Source(
                url="https://experienceleague.adobe.com/en/docs/analytics/analyze/analysis-workspace/attribution/models",
                title="Attribution models and lookback windows",
                read=READ,
            ),
        ),
        as_documented_on=READ,
        gaps=(
            "ADOBE_LOOKBACK", "ADOBE_EDGE", "ADOBE_DECAY_UNIT", "ADOBE_ROUNDING", "ADOBE_OTHERS", "ADOBE_CUSTOM",
            "ADOBE_CONTAINER", "PARTICIPATION",
        ),
    )  # fmt: skip


def _month_start(report_start: date | datetime | None, timezone: str | None) -> datetime:
    """The first instant of the month in which the report begins."""
    if not isinstance(report_start, date) or not isinstance(timezone, str):
        raise InputError(
            'lookback="visitor" begins with the month in which the report begins: add report_start=date(2026, 9, 15) '
            'and timezone="Asia/Shanghai", the zone of the report suite.'
        )
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(f'timezone must be an IANA name such as "Asia/Shanghai", got {timezone!r}.') from None
    if isinstance(report_start, datetime) and report_start.tzinfo is not None:
        report_start = report_start.astimezone(zone)
    return datetime(report_start.year, report_start.month, 1, tzinfo=zone)


def mixpanel(*, lookback: Duration = "30d", unique_users: Literal["first", "last"] | None = None) -> VendorPreset:
    """Mixpanel: 30 days unless told otherwise; totals, or the first qualifying conversion of each user."""
    if unique_users == "last":
        raise InputError(
            "Mixpanel's attribution at the last qualifying conversion has no rule here. Write unique_users='first', "
            "or keep each person's last conversion in the table and leave the option out."
        )
    if unique_users not in (None, "first"):
        raise InputError(f"unique_users must be None or 'first', got {unique_users!r}.")
    return VendorPreset(
        name="mixpanel",
        tool="Mixpanel",
        rules=Rules(lookback=lookback, reuse="shared" if unique_users is None else "first"),
        models=(LastTouch(), FirstTouch(), Linear(), TimeDecay(half_life="7d"), UShaped(), JShaped(), InverseJ()),
        sources=(
            Source(
                url="https://docs.mixpanel.com/docs/features/attribution",
                title="Attribution: Multi-touch segmentation in the user conversion journey",
                read=READ,
            ),
        ),
        as_documented_on=READ,
        gaps=(
            "MIXPANEL_EDGE", "MIXPANEL_UNIQUE", "MIXPANEL_DIRECT", "MIXPANEL_EXAMPLE", "MIXPANEL_CUSTOM",
            "PARTICIPATION",
        ),
    )  # fmt: skip


def amplitude(*, lookback: Duration = "30d") -> VendorPreset:
    """Amplitude data tables: any lookback; of two touches each gets half of the middle's share."""
    return VendorPreset(
        name="amplitude",
        tool="Amplitude",
        rules=Rules(lookback=lookback),
        models=(
            FirstTouch(),
            LastTouch(),
            Linear(),
            UShaped(two="half_middle"),
            JShaped(two="half_middle"),
            InverseJ(two="half_middle"),
        ),
        sources=(
            Source(
                url="https://amplitude.com/docs/analytics/charts/data-tables/data-tables-attribute-credit",
                title="Attribute credit to multiple acquisition touch points",
                read=READ,
            ),
        ),
        as_documented_on=READ,
        gaps=(
            "AMPLITUDE_LOOKBACK", "AMPLITUDE_DAY", "AMPLITUDE_FOUR", "AMPLITUDE_DATA_DRIVEN", "AMPLITUDE_NON_DIRECT",
            "AMPLITUDE_CUSTOM", "AMPLITUDE_UNIQUES", "PARTICIPATION",
        ),
    )  # fmt: skip


def growingio(
    *, window: Duration = "same_day", timezone: str = "Asia/Shanghai", match: tuple[str, ...] = ()
) -> VendorPreset:
    """GrowingIO event attribution: the same calendar day, or up to 180 days; only touches before the conversion."""
    if isinstance(window, str) and window != "same_day" and not window[:1].isdigit():
        raise InputError(f"window must be 'same_day' or a duration such as '7d' or '180min', got {window!r}.")
    if window == "same_day":
        rules = Rules(lookback="0d", window="calendar_days", timezone=timezone, same_instant="exclude", match=match)
    else:
        rules = Rules(lookback=bounded(window, "180d", "GrowingIO", name="window"), same_instant="exclude", match=match)
    return VendorPreset(
        name="growingio",
        tool="GrowingIO",
        rules=rules,
        models=(FirstTouch(), LastTouch(), Linear(), PositionBased()),
        sources=(
            Source(url="https://docs.growingio.com/", title="归因分析 (event attribution)", read="2026-11"),
            Source(
                url="https://docs.growingio.com/v3/product-manual/growing/analysis/attribution-analysis",
                title="渠道归因分析",
                read=READ,
            ),
        ),
        as_documented_on="2026-11",
        gaps=("GROWINGIO_PAGE", "GROWINGIO_ZONE", "GROWINGIO_DIRECT", "GROWINGIO_METRICS"),
    )


def google_ads_legacy(*, lookback: Duration = "30d") -> VendorPreset:
    """Google's rule models, withdrawn in 2023: 40/20/40, and a half-life of one week."""
    return VendorPreset(
        name="google_ads_legacy",
        tool="Google Ads (rule models, until 2023)",
        rules=Rules(lookback=bounded(lookback, "90d", "Google Ads")),
        models=(LastTouch(), FirstTouch(), Linear(), TimeDecay(half_life="7d"), PositionBased()),
        sources=(
            Source(
                url="https://developers.google.com/google-ads/api/reference/rpc/v17/AttributionModelEnum.AttributionModel",
                title="AttributionModel",
                read=READ,
            ),
            Source(
                url="https://support.google.com/analytics/answer/1662518",
                title="About the default MCF attribution models (read in a copy)",
                read=READ,
            ),
        ),
        as_documented_on=READ,
        gaps=("GOOGLE_WINDOW", "GOOGLE_CLICKS", "GOOGLE_NON_DIRECT"),
    )
