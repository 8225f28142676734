"""How values of a plan are spelled: the checks behind single keys, each with an error in plain words."""

from __future__ import annotations

import codecs
import math
import re
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from attribution.core.durations import parse_duration
from attribution.core.errors import InputError, closest

__all__ = [
    "amounts_by_name",
    "as_of_date",
    "attested",
    "caps",
    "codec",
    "counts_by_name",
    "day_list",
    "duration",
    "file_path",
    "in_words_of_plans",
    "long_text",
    "lookback",
    "name_list",
    "names_or_pairs",
    "plain_text",
    "query_text",
    "shares",
    "shown",
    "shown_path",
    "text_or_list",
    "thresholds",
    "time_zone",
    "transforms",
]

_LONGEST = 1_000
_MOST = 10**15  # no count of persons, touches or days is larger
_LAST_DAY = 36_500
_LONGEST_TEXT = 20_000
_LONGEST_QUERY = 100_000


def shown(value: object) -> str:
    """A value for an error message: short and on one line, whatever it holds."""
    spelled = {True: "true", False: "false"}.get(value) if isinstance(value, bool) else None
    if spelled is None:
        spelled = f'"{value}"' if isinstance(value, str) and value.isprintable() else _spelled(value)
    return spelled if len(spelled) <= 60 else f"{spelled[:40]}... ({len(spelled):,} characters)"


def _spelled(value: object) -> str:
    try:
        return repr(value)
    except RecursionError:
        return "brackets nested too deeply"
    except ValueError:  # Python writes out no number of more than 4,300 digits
        return "a number of thousands of digits"


def shown_path(path: object) -> str:
    """A path for an error message: whole, unless no file could have it; then its end."""
    text = str(path)
    if len(text) <= 300:
        return f'"{text}"' if text.isprintable() else repr(text)
    return f"...{text[-40:]!r} ({len(text):,} characters)"


def plain_text(value: object) -> str:
    """Text of at most 1,000 characters, not empty, without control characters."""
    return _text(value, longest=_LONGEST, lines=False)


def long_text(value: object) -> str:
    """Text of several lines."""
    return _text(value, longest=_LONGEST_TEXT, lines=True)


def file_path(value: object) -> str:
    """The path of a file; an address of the network is none."""
    path = plain_text(value)
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:/", path):
        raise ValueError(
            f"{shown(path)} is an address. Nothing is fetched from the network: save the file and name it by its path."
        )
    if path.startswith("~"):
        raise ValueError(f'"~" is not a folder here, got {shown(path)}. Write the whole path, or one from the plan.')
    return path


def query_text(value: object) -> str:
    """SQL text, which may have several lines."""
    return _text(value, longest=_LONGEST_QUERY, lines=True)


def _text(value: object, *, longest: int, lines: bool) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text in quotes, got {shown(value)}.")  # noqa: TRY004 -- pydantic collects ValueError only
    if not value.strip():
        raise ValueError("must not be empty.")
    if len(value) > longest:
        raise ValueError(f"must have at most {longest:,} characters, got {len(value):,}.")
    allowed = "\n\t\r" if lines else ""
    strange = sorted({c for c in value if unicodedata.category(c) in {"Cc", "Cf", "Cs"} and c not in allowed})
    if strange:
        codes = ", ".join(f"U+{ord(c):04X}" for c in strange[:5])
        raise ValueError(f"must not hold control characters, got {codes}. Delete them.")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"must be a number without quotes, got {shown(value)}.")  # noqa: TRY004 -- pydantic collects ValueError only
    if not abs(value) <= sys.float_info.max:
        raise ValueError(f"must be a finite number of usual size, got {shown(value)}.")
    return float(value)


def as_of_date(value: object) -> date:
    """A date, or a date and time; text in ISO spelling is read."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    if isinstance(value, date):
        return value
    raise ValueError(f"must be a date such as 2026-12-31 (without quotes), got {shown(value)}.")


def attested(value: object) -> str:
    """Text, or a date, which is kept as its text."""
    return value.isoformat() if isinstance(value, (date, datetime)) else plain_text(value)


def duration(value: object) -> str:
    """A duration as text with its unit."""
    if isinstance(value, timedelta) or not isinstance(value, str):
        bare = isinstance(value, (int, float)) and not isinstance(value, bool)
        example = f'"{value}d" or "{value}h"' if bare else '"30d", "36h" or "15min"'
        raise ValueError(f"must be a duration with its unit, in quotes, got {shown(value)}. Write {example}.")  # noqa: TRY004 -- pydantic collects ValueError only
    try:
        parse_duration(value)
    except InputError as error:
        raise ValueError(
            f'must be a duration with its unit, such as "30d", "36h" or "15min", got {shown(value)}.'
        ) from error
    return value


def lookback(value: object) -> str | dict[str, Any]:
    """One duration, or a table channel -> duration or kind -> duration."""
    if not isinstance(value, Mapping):
        return duration(value)
    if not value:
        raise ValueError('must not be an empty table. Write "30d", or { sms = "14d", "*" = "30d" }.')
    checked: dict[str, Any] = {}
    for channel, item in value.items():
        plain_text(channel)
        try:
            checked[channel] = (
                {k: duration(v) for k, v in item.items()} if isinstance(item, Mapping) else duration(item)
            )
        except ValueError as error:
            raise ValueError(f"{shown(channel)} {error}") from error
    return checked


def name_list(value: object) -> tuple[str, ...]:
    """A list of distinct texts."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(f'must be a list of texts such as ["a", "b"], got {shown(value)}.')  # noqa: TRY004 -- pydantic collects ValueError only
    names = tuple(plain_text(item) for item in value)
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ValueError(f"names {', '.join(map(shown, doubled))} more than once.")
    return names


def text_or_list(value: object) -> str | tuple[str, ...]:
    """One text or a list of distinct texts."""
    return plain_text(value) if isinstance(value, str) else name_list(value)


def shares(value: object) -> str | dict[str, float]:
    """The column that holds the probability of the arm, or a table arm -> share that sums to 1."""
    if not isinstance(value, Mapping):
        if isinstance(value, str):
            return plain_text(value)
        raise ValueError(
            f'must be the name of a column such as "p_assign", or a table such as '
            f"{{ holdout = 0.2, sms = 0.8 }}, got {shown(value)}."
        )
    checked = {plain_text(arm): _number(share) for arm, share in value.items()}
    wrong = [arm for arm, share in checked.items() if not 0 < share < 1]
    if wrong:
        raise ValueError(f"every share must lie between 0 and 1; {', '.join(map(shown, wrong))} does not.")
    total = math.fsum(checked.values())
    if abs(total - 1) > 1e-9:
        raise ValueError(f"the shares must sum to 1; they sum to {total:.12g}.")
    return checked


def thresholds(value: object) -> tuple[float, ...] | dict[str, tuple[float, ...]]:
    """Amounts of money, in ascending order kept as given, or a table segment -> amounts."""
    if isinstance(value, Mapping):
        if not value:
            raise ValueError("must not be an empty table.")
        return {plain_text(segment): _amounts(item) for segment, item in value.items()}
    return _amounts(value)


def _amounts(value: object) -> tuple[float, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise ValueError(f"must be a list of amounts such as [60, 85, 125], got {shown(value)}.")
    amounts = tuple(_number(item) for item in value)
    negative = [amount for amount in amounts if amount < 0]
    if negative:
        raise ValueError(f"must not be negative, got {negative[0]:g}.")
    doubled = sorted({amount for amount in amounts if amounts.count(amount) > 1})
    if doubled:
        raise ValueError(f"names {doubled[0]:g} more than once.")
    return amounts


def amounts_by_name(value: object) -> dict[str, float]:
    """A table name -> amount, none of them negative."""
    checked = {name: _number(item) for name, item in _named(value, "{ new = 120, old = 80 }").items()}
    negative = [name for name, amount in checked.items() if amount < 0]
    if negative:
        raise ValueError(f"must not be negative, and {shown(negative[0])} is {checked[negative[0]]:g}.")
    return checked


def counts_by_name(value: object) -> dict[str, int]:
    """A table name -> whole number, 0 or more."""
    return {name: _count(item, 0) for name, item in _named(value, "{ push = 20000, sms = 9000 }").items()}


def caps(value: object) -> dict[str, int]:
    """A table window -> contacts allowed in it."""
    named = {duration(window): _count(item, 1) for window, item in _named(value, '{ "7d" = 3, "30d" = 8 }').items()}
    spans = [parse_duration(window) for window in named]
    if not all(spans):
        raise ValueError("names a window of no length.")
    if len(set(spans)) < len(spans):
        raise ValueError("names a window twice.")
    return named


def day_list(value: object) -> tuple[int, ...]:
    """Whole days after the assignment, ascending."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise ValueError(f"must be a list of days such as [28, 60, 90], got {shown(value)}.")
    days = tuple(_count(item, 1, _LAST_DAY) for item in value)
    if list(days) != sorted(set(days)):
        raise ValueError(f"must ascend, no day twice, got {shown(list(days))}.")
    return days


def _named(value: object, example: str) -> dict[str, object]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"must be a table such as {example}, got {shown(value)}.")
    return {plain_text(name): item for name, item in value.items()}


def _count(value: object, least: int, most: int = _MOST) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"must hold whole numbers from {least} to {most:,}, got {shown(value)}.")
    return value


def codec(value: object) -> str:
    """The name of a text encoding that Python knows."""
    name = plain_text(value)
    try:
        codecs.lookup(name)
    except LookupError as error:
        hint = closest(name, ("utf-8", "gb18030", "gbk", "big5", "utf-16"))
        raise ValueError(f"{shown(name)} is not a known text encoding. {hint}") from error
    return name


def time_zone(value: object) -> str:
    """An IANA time zone."""
    from zoneinfo import ZoneInfo, available_timezones

    name = plain_text(value)
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        near = closest(name, available_timezones())
        hint = near if near.startswith("Did") else 'Write, for example, "Asia/Shanghai".'
        raise ValueError(f"{shown(name)} is not a time zone. {hint}") from error
    return name


def names_or_pairs(value: object) -> tuple[str | tuple[str, str], ...]:
    """A list of texts, or of pairs of texts."""
    return tuple(
        (plain_text(item[0]), plain_text(item[1])) if isinstance(item, (list, tuple)) else plain_text(item)
        for item in _texts_or_pairs(value, '["banner", ["sms", "click"]]')
    )


def transforms(value: object) -> tuple[str | tuple[str, Any], ...]:
    """A list of transforms: a name, or a pair of a name and its argument."""
    return tuple(
        (plain_text(item[0]), item[1]) if isinstance(item, (list, tuple)) else plain_text(item)
        for item in _texts_or_pairs(value, '["exposure", ["trim_long_path", 20]]')
    )


def _texts_or_pairs(value: object, example: str) -> list[Any]:
    listed = list(value) if isinstance(value, (list, tuple)) else None
    if listed is None or any(isinstance(item, (list, tuple)) and len(item) != 2 for item in listed):
        raise ValueError(f"must be a list of texts or pairs, for example {example}, got {shown(value)}.")
    return listed


def in_words_of_plans(said: str, *, options: bool = False) -> str:
    """A message that names a column as Python does, in the words of a plan and, if asked, of the command line."""

    def named(found: re.Match[str]) -> str:
        role = found[1] or "role"
        option = f", or --columns {found[1] or 'ROLE'}=NAME" if options else ""
        return f'columns = {{ {role} = "your name" }} in the plan{option}'

    return re.sub(r'columns=Columns\((?:(\w+)=)?"?\.\.\."?\)', named, said)
