"""How a journey is built: which touches are eligible for a conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, Literal, NoReturn, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attribution.core.durations import duration_text, parse_duration
from attribution.core.errors import InputError, closest
from attribution.core.whole import is_whole

__all__ = ["Lookback", "LookbackKey", "Rules", "Transform", "key_text", "parse_instant"]

Duration: TypeAlias = str | timedelta
LookbackKey: TypeAlias = str | tuple[str, str]
Lookback: TypeAlias = Duration | Mapping[LookbackKey, Duration]
Transform: TypeAlias = str | tuple[str, str | int]

_WORDS = {
    "reuse": ("shared", "reset", "first"),
    "origin": ("all", "outbound"),
    "same_instant": ("include", "exclude"),
    "window": ("exact", "open", "whole_days", "calendar_days"),
}
_PLAIN_TRANSFORMS = ("exposure", "first", "last")
_CHANNEL_TRANSFORMS = ("remove_if_not_all", "remove_if_last_and_not_all")
_TRANSFORMS = (*_PLAIN_TRANSFORMS, "trim_long_path", *_CHANNEL_TRANSFORMS)
_HIGHEST = "highest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which touches may take credit for a conversion.

    A touch at time t is eligible for a conversion of the same person at time c when 0 <= c - t <= its lookback (both
    ends included), it agrees with the conversion in the `match` columns, its origin is allowed, and none of the other
    rules withholds it. docs/methods/rules.md defines every rule and the order in which they work.

    Attributes:
        lookback: How far a conversion looks back: a duration ("30d", "36h", a timedelta) or a mapping whose keys are a
            channel, a (channel, kind) pair, ("*", kind) or "*" for all others. The most specific key wins: pair,
            channel, ("*", kind), "*". Exact durations: 30d is 30 x 24 hours, never calendar days.
        reuse: Several conversions of one person. "shared": each looks back over its own window and touches may serve
            again. "reset": a touch serves only the first conversion after it under the rules. "first": only the
            person's first conversion (after full refunds are set aside) counts; the others are set aside and counted
            in a finding.
        origin: "all", or "outbound": touches that the customer began take no credit.
        match: Columns in which touch and conversion must agree; an empty cell agrees with nothing.
        same_instant: Whether a touch at the very time of the conversion is eligible: "include" or "exclude".
        window: How an age is compared with the lookback. "exact": at most the lookback. "open": below it.
            "whole_days": the whole days in it, rounded down, are at most the lookback's days. "calendar_days": the
            dates of touch and conversion in `timezone` lie at most the lookback's days apart.
        timezone: IANA name of the zone whose dates "calendar_days" counts; the other windows need none.
        not_before: Touches before this instant take no credit: a datetime with a zone, or ISO text with one.
        tie_order: Channels, (channel, kind) or ("*", kind): touches of a person at one instant are put in this order,
            the first listed first; those not listed come after them. Otherwise touch ids decide, or content.
        levels: Delivery levels, lowest first, as kinds of touches. The rows of one message (column `message_id`) are
            one touch. Kinds that are not listed are touches of their own.
        level: Which row stands for the message: "highest" for the highest level it reached, or a level: the row of
            that level (of the next higher one that was logged); a message that never reached it takes no credit.
        key_event: The forward key event: credit only if the person did this between touch and conversion (the table
            `key_events`).
        key_event_match: Columns in which touch and key event must agree.
        dormancy: How long after the last activity a customer counts as dormant: touches before the person's last
            activity plus this take no credit (the table `customers`).
        transforms: What is left of each conversion's path, step by step: "exposure" (a run of one channel counts once,
            at its first touch), "first" and "last" (each channel once, at its first or last touch),
            ("trim_long_path", n) (the n newest touches), ("remove_if_not_all", channel) (without the channel's
            touches), ("remove_if_last_and_not_all", channel) (without those at the end); the last two leave a path of
            that channel alone as it is.

    Raises:
        InputError: For an unknown word, a bare number, a negative duration, an empty mapping, and rules that
            contradict each other.

    Example:
        >>> import attribution as at
        >>> at.Rules(lookback={"banner": "1d", ("sms", "click"): "14d", "*": "30d"}).text()
        'lookback banner 1d, sms / click 14d, * 30d; reuse shared; origin all; same instant include'
        >>> at.Rules(levels=("sent", "delivered", "click"), transforms=("exposure", ("trim_long_path", 5))).text()
        'lookback 30d; reuse shared; origin all; same instant include; levels sent < delivered < click, highest; \
transforms exposure, trim_long_path 5'
    """

    lookback: Lookback = "30d"
    reuse: Literal["shared", "reset", "first"] = "shared"
    origin: Literal["all", "outbound"] = "all"
    match: tuple[str, ...] = ()
    same_instant: Literal["include", "exclude"] = "include"
    window: Literal["exact", "open", "whole_days", "calendar_days"] = "exact"
    timezone: str | None = None
    not_before: datetime | str | None = None
    tie_order: tuple[LookbackKey, ...] = ()
    levels: tuple[str, ...] = ()
    level: str = _HIGHEST
    key_event: str | None = None
    key_event_match: tuple[str, ...] = ()
    dormancy: Duration | None = None
    transforms: tuple[Transform, ...] = ()

    def __post_init__(self) -> None:
        for name, known in _WORDS.items():
            value = getattr(self, name)
            if value not in known:
                allowed = ", ".join(repr(word) for word in known)
                raise InputError(f"{name} must be one of {allowed}, got {value!r}. {closest(str(value), known)}")
        settled = {
            "match": _names(self.match, "match", "names of columns"),
            "key_event_match": _names(self.key_event_match, "key_event_match", "names of columns"),
            "levels": _levels(self.levels, self.level),
            "lookback": _lookback(self.lookback),
            "not_before": None if self.not_before is None else parse_instant(self.not_before, name="not_before"),
            "tie_order": _tie_order(self.tie_order),
            "dormancy": None if self.dormancy is None else parse_duration(self.dormancy, name="dormancy"),
            "transforms": _transforms(self.transforms),
        }
        for name, value in settled.items():
            object.__setattr__(self, name, value)
        _check_zone(self)
        _check_days(self)
        _check_key_event(self)

    @classmethod
    def preset(cls, name: str, **options: Any) -> Rules:
        """The rules of another tool, as its documentation states them; see `attribution.presets`.

        Args:
            name: Which tool's rules.
            options: What the tool lets its users choose.

        Raises:
            InputError: For an unknown name or option.
        """
        # Presets are a list of rules and lie above them; this method only asks for one by name.
        found: Rules = import_module("attribution.presets").rules_preset(name, **options)
        return found

    def lookbacks(self) -> Mapping[LookbackKey, timedelta]:
        """Every lookback by its key; a single lookback has the key "*"."""
        if isinstance(self.lookback, Mapping):
            return {key: parse_duration(value) for key, value in self.lookback.items()}
        return {"*": parse_duration(self.lookback)}

    def needs_kind(self) -> bool:
        """Whether a rule depends on the kind of a touch."""
        return bool(self.levels) or any(isinstance(key, tuple) for key in (*self.lookbacks(), *self.tie_order))

    def withholds(self) -> bool:
        """Whether a rule can keep a touch from all credit, whatever the conversion."""
        dated = self.dormancy is not None or self.not_before is not None
        return dated or bool(self.levels) or self.origin == "outbound"

    def text(self) -> str:
        """The rules in one line, for recipes; rules that are not in use are left out."""
        return "; ".join(
            [
                f"lookback {self.lookback_text()}",
                f"reuse {self.reuse}",
                f"origin {self.origin}",
                f"same instant {self.same_instant}",
                *(f"{name} {words}" for name, words in self.used().items()),
            ]
        )

    def used(self) -> dict[str, str]:
        """The rules beyond lookback, reuse, origin and same instant that are in use, each in words."""
        parts = {"match": ", ".join(self.match)}
        if self.window != "exact":
            zone = f" in {self.timezone}" if self.window == "calendar_days" else ""
            parts["window"] = f"{self.window}{zone}"
        if isinstance(self.not_before, datetime):
            parts["not before"] = self.not_before.isoformat(sep=" ")
        parts["tie order"] = " < ".join(key_text(key) for key in self.tie_order)
        parts["levels"] = f"{' < '.join(self.levels)}, {self.level}" if self.levels else ""
        if self.key_event is not None:
            agreeing = f" (match {', '.join(self.key_event_match)})" if self.key_event_match else ""
            parts["key event"] = f"{self.key_event}{agreeing}"
        if isinstance(self.dormancy, timedelta):
            parts["dormancy"] = duration_text(self.dormancy)
        parts["transforms"] = ", ".join(_transform_text(step) for step in self.transforms)
        return {name: words for name, words in parts.items() if words}

    def lookback_text(self) -> str:
        """The lookbacks in words."""
        found = self.lookbacks()
        if list(found) == ["*"]:
            return duration_text(found["*"])
        return ", ".join(f"{key_text(key)} {duration_text(value)}" for key, value in found.items())


class _Lookbacks(dict[LookbackKey, timedelta]):
    """A mapping that never changes, so that rules can be hashed, copied and sent to other processes."""

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none because it changes
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[_Lookbacks], tuple[dict[LookbackKey, timedelta]]]:
        return type(self), (dict(self),)

    def _fixed(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("rules do not change; write dataclasses.replace(rules, lookback=...).")

    __setitem__ = __delitem__ = __ior__ = _fixed
    clear = pop = popitem = setdefault = update = _fixed


def key_text(key: LookbackKey) -> str:
    """A key of a lookback mapping as people read it: "sms / click"."""
    return key if isinstance(key, str) else " / ".join(key)


def parse_instant(value: object, *, name: str) -> datetime:
    """An instant in UTC, from a datetime with a zone or ISO text with one.

    Raises:
        InputError: For anything else; an instant without a zone would be another one in every office.
    """
    found = value
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            found = None
    if not isinstance(found, datetime) or found != found:  # noqa: PLR0124 -- pandas' NaT is a datetime
        raise InputError(f'{name} must be an instant such as "2026-10-01 00:00+08:00" or a datetime, got {value!r}.')
    if found.utcoffset() is None:
        raise InputError(f'{name} must carry its time zone, got {value!r}. Write it as "2026-10-01 00:00+08:00".')
    try:
        moved = found.astimezone(UTC)
    except OverflowError:
        raise InputError(f"{name} must lie in the years 1 to 9999 in UTC, got {value!r}.") from None
    return datetime(
        moved.year, moved.month, moved.day, moved.hour, moved.minute, moved.second, moved.microsecond, tzinfo=UTC
    )


def _names(given: object, name: str, what: str) -> tuple[str, ...]:
    found: tuple[Any, ...] = (given,) if isinstance(given, str) else _tuple(given, name)
    if any(not isinstance(item, str) or not item for item in found):
        raise InputError(f"{name} must hold {what} as text, got {given!r}.")
    return found


def _tuple(given: object, name: str) -> tuple[Any, ...]:
    if not isinstance(given, (tuple, list)):
        raise InputError(f"{name} must be a tuple, got {given!r}.")
    return tuple(given)


def _levels(given: object, level: object) -> tuple[str, ...]:
    levels = _names(given, "levels", "kinds of touches")
    if len(set(levels)) < len(levels):
        raise InputError(f"levels names a kind twice: {given!r}.")
    if _HIGHEST in levels:
        raise InputError(f"a level may not be called {_HIGHEST!r}: the word asks for the highest level reached.")
    if level != _HIGHEST and level not in levels:
        allowed = ", ".join(repr(word) for word in (_HIGHEST, *levels))
        advice = "" if levels else ' Name the levels too: levels=("sent", "delivered", "click").'
        raise InputError(f"level must be one of {allowed}, got {level!r}.{advice}")
    return levels


def _lookback(given: object) -> Lookback:
    if not isinstance(given, Mapping):
        return parse_duration(given, name="lookback")  # type: ignore[arg-type]  # it checks the type
    if not given:
        raise InputError('lookback must not be an empty mapping. Write at least {"*": "30d"}.')
    checked: dict[LookbackKey, timedelta] = {}
    for key, value in given.items():
        if not isinstance(key, str) and not _is_pair(key):
            raise InputError(
                f'a key of lookback must be a channel, a (channel, kind) pair, ("*", kind) or "*", got {key!r}.'
            )
        checked[key] = parse_duration(value, name=f"lookback[{key!r}]")
    # The spelling of a mapping must not change a recipe: specific keys first, "*" last, else by name.
    return _Lookbacks(sorted(checked.items(), key=lambda item: (*_breadth(item[0]), key_text(item[0]))))


def _is_pair(key: object) -> bool:
    return isinstance(key, tuple) and len(key) == 2 and all(isinstance(part, str) for part in key)


def _breadth(key: LookbackKey) -> tuple[bool, bool]:
    return key == "*", isinstance(key, tuple) and key[0] == "*"


def _tie_order(given: object) -> tuple[LookbackKey, ...]:
    found = _tuple(given, "tie_order")
    for key in found:
        if key == "*" or not (isinstance(key, str) or _is_pair(key)):
            raise InputError(
                f'tie_order lists channels, (channel, kind) pairs or ("*", kind), got {key!r}; what is not listed '
                "comes after what is."
            )
    if len(set(found)) < len(found):
        raise InputError(f"tie_order names something twice: {given!r}.")
    return found


def _transforms(given: object) -> tuple[Transform, ...]:
    steps = (given,) if isinstance(given, str) else _tuple(given, "transforms")
    return tuple(_transform(step) for step in steps)


def _transform(step: object) -> Transform:
    name, argument = (step[0], step[1]) if isinstance(step, (tuple, list)) and len(step) == 2 else (step, None)
    if name == "unique":
        raise InputError(
            "there is no transform 'unique': the tools that have a transform of that name keep every touch. Leave it "
            "out for that, or write 'exposure' (runs count once) or 'first' (each channel once)."
        )
    if name == "frequency":
        raise InputError(
            "there is no transform 'frequency': it renames channels by how often they occur. Write 'first' to count "
            "each channel once."
        )
    if not isinstance(name, str) or name not in _TRANSFORMS:
        allowed = ", ".join(repr(word) for word in _TRANSFORMS)
        raise InputError(f"a transform is one of {allowed}, got {step!r}. {closest(str(name), _TRANSFORMS)}")
    if name in _PLAIN_TRANSFORMS:
        if argument is not None:
            raise InputError(f"the transform {name!r} takes no argument, got {step!r}.")
        return name
    if name in _CHANNEL_TRANSFORMS:
        if not isinstance(argument, str) or not argument:
            raise InputError(f'the transform {name!r} names a channel: write ("{name}", "direct"), got {step!r}.')
        return name, argument
    if not is_whole(argument) or argument < 1:
        raise InputError(f'the transform {name!r} takes a whole number from 1: write ("{name}", 20), got {step!r}.')
    return name, int(argument)


def _transform_text(step: Transform) -> str:
    return step if isinstance(step, str) else f"{step[0]} {step[1]}"


def _check_zone(rules: Rules) -> None:
    if rules.window == "calendar_days" and rules.timezone is None:
        raise InputError(
            'window="calendar_days" compares dates, and a date depends on the zone: add timezone="Asia/Shanghai", or '
            "your own."
        )
    if rules.timezone is None:
        return
    try:
        ZoneInfo(rules.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        raise InputError(f'timezone must be an IANA name such as "Asia/Shanghai", got {rules.timezone!r}.') from None


def _check_days(rules: Rules) -> None:
    """Windows that count days need lookbacks of whole days."""
    if rules.window not in ("whole_days", "calendar_days"):
        return
    for key, value in rules.lookbacks().items():
        if value % timedelta(days=1):
            raise InputError(
                f'window="{rules.window}" counts days; the lookback of {key_text(key)!r} is {duration_text(value)}. '
                'Give whole days, or write window="exact".'
            )


def _check_key_event(rules: Rules) -> None:
    if rules.key_event is None:
        if rules.key_event_match:
            raise InputError("key_event_match serves the forward key event; name it too: key_event='product_page'.")
    elif not isinstance(rules.key_event, str) or not rules.key_event.strip():
        raise InputError(f"key_event must be the name of an event as text, got {rules.key_event!r}.")
