"""Persons that the two tables seem to write in two ways, so that a conversion does not find its touches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.findings import Finding

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["other_spellings"]

_SHOWN = 3
_SHARE = 0.1
"""Share of the converted persons without a touch that have to look alike: ids that differ in case alone do exist."""


def other_spellings(touched: pa.Array | None, converted: pa.Array | None) -> tuple[Finding, ...]:
    """A warning when persons with a conversion and no touch are among the touched ones in another spelling.

    Blanks, width, case, invisible characters, leading zeros and a trailing ".0" are what spreadsheets and exports
    change. Numbers have one spelling only, and keys of two types are an error before they come here.

    Args:
        touched: Person of each touch.
        converted: Person of each conversion row.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if touched is None or converted is None or touched.type != converted.type:
        return ()
    if not pa.types.is_large_string(touched.type):
        return ()
    seen, bought = pc.unique(touched), pc.unique(converted)
    lost = bought.filter(pc.invert(pc.is_in(bought, value_set=seen)))
    idle = seen.filter(pc.invert(pc.is_in(seen, value_set=bought)))
    if not len(lost) or not len(idle):
        return ()
    place = pc.index_in(_plain(lost), value_set=_plain(idle))
    alike = lost.filter(place.is_valid())
    if not len(alike) or len(alike) < _SHARE * len(lost):
        return ()
    order = pc.sort_indices(alike)[:_SHOWN]
    pairs = zip(alike.take(order).to_pylist(), idle.take(place.drop_null()).take(order).to_pylist(), strict=True)
    values = {
        "persons": len(alike),
        "lost": len(lost),
        "n": int(pc.sum(pc.is_in(converted, value_set=alike)).as_py()),
        "examples": "; ".join(f"{left!r} / {right!r}" for left, right in pairs),
    }
    return (Finding(code="PERSON_SPELLING", status="warn", values=values),)


def _plain(names: pa.Array) -> pa.Array:
    """Names in one width and case, without blanks, invisible characters, leading zeros and a trailing ".0"."""
    import pyarrow.compute as pc

    text = pc.utf8_lower(pc.utf8_normalize(names, form="NFKC"))
    text = pc.replace_substring_regex(text, pattern=r"[\s\p{Cf}]+", replacement="")
    text = pc.replace_substring_regex(text, pattern=r"^(\d+)\.0+$", replacement=r"\1")
    return pc.replace_substring_regex(text, pattern=r"^0+(\d)", replacement=r"\1")
