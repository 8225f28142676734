"""Numbers, money, dates and text as people read them, in English and Chinese; the only place that rounds."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, cast, get_args

from attribution.core.errors import InputError
from attribution.core.language import Language, current_language

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "KINDS", "NUMERIC_KINDS", "ValueKind", "format_amounts", "format_estimate", "format_interval", "format_value",
    "significant",
]  # fmt: skip

ValueKind = Literal[
    "count", "number", "rate", "pp", "money", "p", "text", "date", "level", "per1000", "ratio", "range", "duration",
    "about", "points",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(ValueKind)
NUMERIC_KINDS = frozenset(KINDS) - {"text", "date", "range", "duration"}
UNDEFINED = "–"
_FINE = 0.1
_ROUND = 100
_WHOLE = 1e15
_TOO_LONG = 1e21  # from here on an exponent: nobody reads so many digits, and decimals hold 28
_LOCALES = {"en": "en_US", "zh": "zh_Hans_CN"}
_LARGE: dict[str, tuple[tuple[float, str], ...]] = {
    "en": ((1e9, "bn"), (1e6, "m"), (1e3, "k")),
    "zh": ((1e8, "亿"), (1e4, "万")),
}
_UNITS = {"us": "微秒", "ms": "毫秒", "s": "秒", "min": "分钟", "h": "小时", "d": "天", "w": "周"}
_DURATION = re.compile(r"(?:^|(?<= ))(\d+(?:\.\d+)?)(us|ms|s|min|h|d|w)(?=,|$)")
_TO = {"en": "to", "zh": "至"}
_BARE = {"pp": "points"}  # kinds whose unit is a word, and the kind that leaves it out
_DIRECTION = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))  # override characters can make text read as another
_CONTROL = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(127, 160), *_DIRECTION))


def format_value(value: object, kind: str = "number", *, lang: str | None = None) -> str:
    """One value of a declared kind as text.

    Kinds: ``count`` (whole things), ``number`` (4 significant digits), ``rate`` (percent, 3 significant digits),
    ``pp`` (percentage points), ``points`` (the same without the unit, for the lower end of an interval), ``per1000`` (a
    rate times 1,000), ``money`` (4 significant digits), ``ratio`` (3), ``p`` (p-value), ``level`` (confidence level),
    ``date``, ``text``, ``range`` (a pair of counts), ``duration`` ("28d", also several behind names; in Chinese
    "28 天"), ``about`` (a count behind "about": 2 significant digits, in Chinese with 万 from ten thousand on). None
    and nan are an en dash.
    """
    chosen = cast("Language", lang or current_language())
    if kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}.")
    if value is None or value != value:  # noqa: PLR0124 -- nan, whatever the kind
        return UNDEFINED
    if kind == "date":
        return _date(value, chosen)
    if kind in ("text", "duration"):
        return _text(value) if kind == "text" or chosen == "en" else _in_chinese(_text(value))
    if kind == "range":
        return _range(value, chosen)
    number = float(cast("float", value))
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    return _FORMATS[kind](number, chosen)


def format_interval(low: object, high: object, kind: str, *, lang: str | None = None) -> str:
    """Both ends as in "4.1 to 20.6", in the language's words; an en dash when there is no interval.

    A unit in words is said once, behind the last finite end; the sign % belongs to its number and stands at both.

    Example:
        >>> format_interval(0.00082, 0.0058, "pp", lang="en"), format_interval(0.00082, 0.0058, "pp", lang="zh")
        ('0.082 to 0.58 pp', '0.082 至 0.58 个百分点')
        >>> format_interval(0.441, 1.74, "rate", lang="en")
        '44.1% to 174%'
    """
    return _interval(low, high, kind, cast("Language", lang or current_language()), said=False)


def format_estimate(value: object, low: object, high: object, kind: str, *, lang: str | None = None) -> str:
    """A value with its interval, as in "0.33 pp (0.082 to 0.58)": a unit in words is said once, behind the value.

    Example:
        >>> format_estimate(0.0033, 0.00082, 0.0058, "pp", lang="en")
        '0.33 pp (0.082 to 0.58)'
        >>> format_estimate(None, 0.00082, 0.0058, "pp", lang="en")
        '– (0.082 to 0.58 pp)'
    """
    chosen = cast("Language", lang or current_language())
    return f"{format_value(value, kind, lang=chosen)} ({_interval(low, high, kind, chosen, said=_is_finite(value))})"


def _interval(low: object, high: object, kind: str, lang: Language, *, said: bool) -> str:
    """The interval; its unit is left out where it is `said` already."""
    ends = [low, high]
    if any(end is None or (isinstance(end, float) and math.isnan(end)) for end in ends):
        return UNDEFINED
    bare = _BARE.get(kind, kind)
    last = bare if said else kind
    kinds = (bare, last) if _is_finite(high) else (last, bare)
    shown = [format_value(end, one, lang=lang) for end, one in zip(ends, kinds, strict=True)]
    return f"{shown[0]} {_TO[lang]} {shown[1]}"


def _is_finite(value: object) -> bool:
    return value is not None and math.isfinite(cast("float", value))


def format_amounts(amounts: Sequence[float], *, lang: str | None = None) -> tuple[list[str], str]:
    """Several sums of money in the unit of the largest, with as many decimals each; the unit stands alone.

    Example:
        >>> format_amounts([-13892.3, -21520.4, -6858.8], lang="en")
        (['−13.9', '−21.5', '−6.9'], 'k')
        >>> format_amounts([-13892.3, -21520.4, -6858.8], lang="zh")
        (['−1.39', '−2.15', '−0.69'], '万')
    """
    from babel.numbers import format_decimal

    chosen = cast("Language", lang or current_language())
    largest = max((abs(amount) for amount in amounts if math.isfinite(amount)), default=0.0)
    scale, unit = _large(largest, chosen)
    if not unit:
        return [format_value(amount, "money", lang=chosen) for amount in amounts], unit
    decimals = max(0, 2 - math.floor(math.log10(largest / scale)))
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")

    def told(amount: float) -> str:
        if not math.isfinite(amount):
            return format_value(amount, "money", lang=chosen)
        scaled = round(amount / scale, decimals) + 0.0  # no minus before a zero
        return _minus(str(format_decimal(scaled, format=pattern, locale=_LOCALES[chosen])))

    return [told(amount) for amount in amounts], unit


def significant(number: float, digits: int, lang: Language) -> str:
    """At most ``digits`` significant digits with grouping, whole numbers never cut, no exponent below 1e15."""
    from babel.numbers import format_decimal

    if number == 0:
        return "0"
    if abs(number) >= _TOO_LONG:
        return _minus(f"{number:.{digits}g}")
    decimals = max(0, min(12, digits - 1 - math.floor(math.log10(abs(number)))))
    rounded = round(number, decimals)
    if rounded == 0:
        return "0"
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    return _minus(str(format_decimal(rounded, format=pattern, locale=_LOCALES[lang])))


def _minus(shown: str) -> str:
    return shown.replace("-", "−")


def _count(number: float, lang: Language) -> str:
    from babel.numbers import format_decimal

    if abs(number) >= _TOO_LONG:
        return _minus(f"{number:.6g}")
    pattern = "#,##0" if number == round(number) else "#,##0.0"
    return _minus(str(format_decimal(number, format=pattern, locale=_LOCALES[lang])))


def _large(number: float, lang: Language) -> tuple[float, str]:
    """The unit in which the language says a number of this size, and its name; 1 and no name for small ones."""
    if number >= _TOO_LONG:
        return 1.0, ""
    return next(((scale, name) for scale, name in _LARGE[lang] if number >= scale), (1.0, ""))


def _about(number: float, lang: Language) -> str:
    if number == 0 or abs(number) >= _TOO_LONG:
        return _count(number, lang)
    rounded = round(number, 1 - math.floor(math.log10(abs(number))))
    if abs(rounded) < _ROUND:  # fewer than a hundred are counted
        return _count(round(number), lang)
    scale, name = _large(abs(rounded), lang) if lang == "zh" else (1.0, "")
    return f"{_count(rounded / scale, lang)} {name}" if name else _count(rounded, lang)


def _number(number: float, lang: Language) -> str:
    return _count(number, lang) if number == round(number) and abs(number) < _WHOLE else significant(number, 4, lang)


def _money(number: float, lang: Language) -> str:
    # Four digits, whole amounts without decimals, and cents as the finest money above one unit.
    if number == round(number) and abs(number) < _WHOLE:
        return _count(number, lang)
    if abs(number) < 1:
        return significant(number, 3, lang)
    digits = min(4, 3 + math.floor(math.log10(abs(number))))
    return significant(number, digits, lang)


def _range(value: object, lang: Language) -> str:
    low, high = cast("tuple[float, float]", value)
    shown = format_value(low, "count", lang=lang)
    return shown if shown == format_value(high, "count", lang=lang) else format_interval(low, high, "count", lang=lang)


def _ratio(number: float, lang: Language) -> str:
    return significant(number, 3, lang)


def _short(number: float, lang: Language) -> str:
    # Three digits, but never more than two decimals above 0.1: an interval's ends then line up.
    if abs(number) < _FINE or number == 0:
        return significant(number, 2, lang)
    return significant(number, min(3, 3 + math.floor(math.log10(abs(number)))), lang)


def _rate(number: float, lang: Language) -> str:
    return _short(number * 100, lang) + "%"


def _points(number: float, lang: Language) -> str:
    return _short(number * 100, lang)


def _pp(number: float, lang: Language) -> str:
    return _points(number, lang) + (" pp" if lang == "en" else " 个百分点")


def _per1000(number: float, lang: Language) -> str:
    return _short(number * 1000, lang)


def _p(number: float, lang: Language) -> str:
    del lang  # p-values are written alike
    return "<0.0001" if number < 0.0001 else f"{number:.4f}" if number < 0.1 else f"{number:.3f}"


def _level(number: float, lang: Language) -> str:
    del lang
    return f"{number * 100:.6g}%"


def _in_chinese(text: str) -> str:
    """Durations as `duration_text` writes them, in Chinese units; names before them stay as they are."""
    return _DURATION.sub(lambda found: f"{found[1]} {_UNITS[found[2]]}", text)


def _date(value: object, lang: Language) -> str:
    from babel.dates import format_date

    if isinstance(value, str):
        return _text(value)
    if not isinstance(value, date):
        return _text(value)
    if isinstance(value, datetime) and (value.hour or value.minute or value.second):
        return value.isoformat(sep=" ", timespec="minutes")
    return str(format_date(value, format="yyyy-MM-dd", locale=_LOCALES[lang]))


def _text(value: object) -> str:
    """Text on one line, without control and direction-override characters."""
    return " ".join(str(value).translate(_CONTROL).split())


_FORMATS = {
    "count": _count,
    "about": _about,
    "number": _number,
    "ratio": _ratio,
    "rate": _rate,
    "pp": _pp,
    "points": _points,
    "per1000": _per1000,
    "money": _money,
    "p": _p,
    "level": _level,
}
