"""How many billed segments a short message has, from its text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from attribution.core.errors import InputError, closest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["ENCODINGS", "sms_segments"]

Encoding = Literal["ucs2", "gsm7", "auto"]
ENCODINGS: tuple[str, ...] = ("ucs2", "gsm7", "auto")

# 3GPP TS 23.038, clause 6.2.1: the default alphabet (without its escape), and the extension table behind the escape.
_DEFAULT = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
# Units of a message that stands alone, and of each part of a longer one (its header takes six octets; TS 23.040).
_ALONE = {"ucs2": 70, "gsm7": 160}
_PART = {"ucs2": 67, "gsm7": 153}


def sms_segments(texts: Iterable[str | None], *, encoding: Encoding = "ucs2") -> NDArray[np.float64]:
    """The number of billed segments of each message.

    A message of up to 70 characters is one segment; a longer one is split into parts of 67 (a header takes the rest).
    Characters outside the Basic Multilingual Plane (most emoji, some rare Chinese characters) count as two and are
    never split between two parts. With ``encoding="gsm7"`` the limits are 160 and 153, and brackets, braces, backslash,
    caret, tilde, bar, the euro sign and the form feed count as two.

    Args:
        texts: One message per touch, signature included, exactly as sent; None (or nan) where a touch has no text.
        encoding: "ucs2" (Chinese messages, and what Chinese gateways bill whatever the text), "gsm7" (every character
            must be in the GSM alphabet), or "auto" (gsm7 where the whole message allows it, else ucs2).

    Returns:
        Segments as floats: 0 for an empty message, nan where there is no text. It goes straight into the column
        ``segments`` of the touches.

    Raises:
        InputError: For an unknown encoding, a value that is no text, or a character that the GSM alphabet lacks.

    References:
        3GPP TS 23.038 (alphabets), clause 6.2.1; 3GPP TS 23.040, clause 9.2.3.24.1 (concatenated messages). The
        alphabet was verified against Perl's Encode::GSM0338, the count against a plain loop that fills part by part.

    Example:
        >>> import attribution as at
        >>> at.sms_segments(["您好", "字" * 70, "字" * 71, "字" * 135, None]).tolist()
        [1.0, 1.0, 2.0, 3.0, nan]
        >>> at.sms_segments(["a" * 160, "a" * 159 + "€"], encoding="gsm7").tolist()
        [1.0, 2.0]
    """
    if encoding not in ENCODINGS:
        raise InputError(f"encoding must be one of {', '.join(ENCODINGS)}, got {encoding!r}. {_hint(encoding)}")
    _check_texts(texts)
    known: dict[str, int] = {}
    counted = []
    for row, text in enumerate(_plain(texts)):
        if text is None or text != text:  # noqa: PLR0124 -- pandas writes a missing text as nan
            counted.append(float("nan"))
            continue
        if not isinstance(text, str):
            raise InputError(f"row {row}: a message must be text, got {type(text).__name__}.")
        if text not in known:
            known[text] = _segments(text, encoding, row)
        counted.append(float(known[text]))
    return np.array(counted, np.float64)


def _check_texts(texts: object) -> None:
    """Refuse what would give another number of segments than there are messages: one text, a table, no column."""
    if isinstance(texts, str):
        raise InputError("texts must hold one message per touch, got a single text; write [text].")
    if isinstance(texts, Mapping) or hasattr(texts, "columns") or not hasattr(texts, "__iter__"):
        kind = type(texts).__name__
        raise InputError(f"texts must be a column of messages, one per touch, got {kind}; pass one column or a list.")


def _hint(encoding: object) -> str:
    return closest(str(encoding), ENCODINGS)


def _plain(texts: Iterable[Any]) -> Iterable[Any]:
    """Python values, from Arrow, pandas and Polars columns too; a missing value of pandas becomes None."""
    listed = texts.to_pylist() if hasattr(texts, "to_pylist") else list(texts)
    return [None if type(text).__name__ in ("NAType", "NullScalar") else text for text in listed]


def _segments(text: str, encoding: str, row: int) -> int:
    strangers = "" if encoding == "ucs2" else sorted({char for char in text if char not in _DEFAULT | _EXTENSION})
    if strangers and encoding == "gsm7":
        raise InputError(
            f"row {row}: the GSM alphabet does not have {strangers[0]!r}. Use encoding='auto' or encoding='ucs2'."
        )
    used = "ucs2" if encoding == "ucs2" or strangers else "gsm7"
    widths = [2 if (ord(char) > 0xFFFF if used == "ucs2" else char in _EXTENSION) else 1 for char in text]
    total = sum(widths)
    if total <= _ALONE[used]:
        return int(total > 0)
    return _filled(widths, _PART[used]) if 2 in widths else -(-total // _PART[used])


def _filled(widths: list[int], size: int) -> int:
    """Parts of a message filled one after the other: a character of two units is never split between two of them."""
    parts, left = 1, size
    for width in widths:
        if width > left:
            parts, left = parts + 1, size
        left -= width
    return parts
