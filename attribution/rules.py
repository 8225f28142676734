"""How a journey is built: which touches are eligible for a conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Literal, TypeAlias

from attribution.core.durations import duration_text, parse_duration
from attribution.core.errors import InputError, closest

__all__ = ["Lookback", "LookbackKey", "Rules", "key_text"]

Duration: TypeAlias = str | timedelta
LookbackKey: TypeAlias = str | tuple[str, str]
Lookback: TypeAlias = Duration | Mapping[LookbackKey, Duration]

_REUSE = ("shared", "reset", "first")
_ORIGIN = ("all", "outbound")
_SAME_INSTANT = ("include", "exclude")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which touches may take credit for a conversion.

    A touch at time t is eligible for a conversion of the same person at time c when 0 <= c - t <= its lookback (both
    ends included), it agrees with the conversion in the `match` columns, and its origin is allowed.

    Attributes:
        lookback: How far a conversion looks back: a duration ("30d", "36h", a timedelta) or a mapping whose keys are a
            channel, a (channel, kind) pair or "*" for all others. The most specific key wins: pair, channel, "*". Exact
            durations: 30d is 30 x 24 hours, never calendar days.
        reuse: Several conversions of one person. "shared": each looks back over its own window and touches may serve
            again. "reset": a touch serves only the first conversion after it under the rules. "first": only the
            person's first conversion (after full refunds are set aside) counts; the others are set aside and counted
            in a finding.
        origin: "all", or "outbound": touches that the customer began take no credit.
        match: Columns in which touch and conversion must agree; an empty cell agrees with nothing.
        same_instant: Whether a touch at the very time of the conversion is eligible: "include" or "exclude".

    Raises:
        InputError: For an unknown word, a bare number, a negative duration, an empty mapping.

    Example:
        >>> import attribution as at
        >>> at.Rules(lookback={"banner": "1d", ("sms", "click"): "14d", "*": "30d"}).text()
        'lookback banner 1d, sms / click 14d, * 30d; reuse shared; origin all; same instant include'
    """

    lookback: Lookback = "30d"
    reuse: Literal["shared", "reset", "first"] = "shared"
    origin: Literal["all", "outbound"] = "all"
    match: tuple[str, ...] = ()
    same_instant: Literal["include", "exclude"] = "include"

    def __post_init__(self) -> None:
        for name, known in (("reuse", _REUSE), ("origin", _ORIGIN), ("same_instant", _SAME_INSTANT)):
            value = getattr(self, name)
            if value not in known:
                allowed = ", ".join(repr(word) for word in known)
                raise InputError(f"{name} must be one of {allowed}, got {value!r}. {closest(str(value), known)}")
        match = (self.match,) if isinstance(self.match, str) else tuple(self.match)
        if any(not isinstance(name, str) or not name for name in match):
            raise InputError(f"match must hold names of columns as text, got {self.match!r}.")
        object.__setattr__(self, "match", match)
        if isinstance(self.lookback, Mapping):
            object.__setattr__(self, "lookback", MappingProxyType(_checked(self.lookback)))
        else:
            object.__setattr__(self, "lookback", parse_duration(self.lookback, name="lookback"))

    def lookbacks(self) -> Mapping[LookbackKey, timedelta]:
        """Every lookback by its key; a single lookback has the key "*"."""
        if isinstance(self.lookback, Mapping):
            return {key: parse_duration(value) for key, value in self.lookback.items()}
        return {"*": parse_duration(self.lookback)}

    def needs_kind(self) -> bool:
        """Whether a lookback depends on the kind of a touch."""
        return any(isinstance(key, tuple) for key in self.lookbacks())

    def text(self) -> str:
        """The rules in one line, for recipes."""
        parts = [
            f"lookback {self.lookback_text()}",
            f"reuse {self.reuse}",
            f"origin {self.origin}",
            f"same instant {self.same_instant}",
        ]
        if self.match:
            parts.append(f"match {', '.join(self.match)}")
        return "; ".join(parts)

    def lookback_text(self) -> str:
        """The lookbacks in words."""
        found = self.lookbacks()
        if list(found) == ["*"]:
            return duration_text(found["*"])
        return ", ".join(f"{key_text(key)} {duration_text(value)}" for key, value in found.items())


def _checked(lookback: Mapping[LookbackKey, Duration]) -> dict[LookbackKey, timedelta]:
    if not lookback:
        raise InputError('lookback must not be an empty mapping. Write at least {"*": "30d"}.')
    checked: dict[LookbackKey, timedelta] = {}
    for key, value in lookback.items():
        pair = isinstance(key, tuple) and len(key) == 2 and all(isinstance(part, str) for part in key)
        if not isinstance(key, str) and not pair:
            raise InputError(f'a key of lookback must be a channel, a (channel, kind) pair or "*", got {key!r}.')
        checked[key] = parse_duration(value, name=f"lookback[{key!r}]")
    # The spelling of a mapping must not change a recipe: specific keys first, "*" last, else by name.
    return dict(sorted(checked.items(), key=lambda item: (item[0] == "*", key_text(item[0]))))


def key_text(key: LookbackKey) -> str:
    """A key of a lookback mapping as people read it: "sms / click"."""
    return key if isinstance(key, str) else " / ".join(key)
