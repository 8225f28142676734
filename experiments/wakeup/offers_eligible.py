"""Was a person eligible at the moment of an offer, and if not, why?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["REASONS", "Spans", "why_not"]

REASONS = ("never_listed", "other_offer", "too_early", "too_late")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Spans:
    """Spells of eligibility.

    Attributes:
        person: Code of the person.
        kind: Code of what the spell is for.
        begin: Begin, included.
        end: End, excluded.
    """

    person: NDArray[np.int64]
    kind: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]


def why_not(offers: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], spans: Spans) -> NDArray[np.int64]:
    """0 for an offer inside a spell of its person and kind, else 1 + the position in `REASONS`.

    Args:
        offers: Person, kind and time of each offer; persons and kinds coded as in the spells.
        spans: The spells.
    """
    person, kind, time = offers
    kinds = int(max(kind.max(initial=0), spans.kind.max(initial=0))) + 1
    key, spell = person * kinds + kind, spans.person * kinds + spans.kind
    order = np.lexsort((spans.begin, spell))
    spell, begin, end = spell[order], spans.begin[order], spans.end[order]
    # Times as ranks: (key, rank) fits into one integer, so that a running maximum can serve all keys at once.
    (now_rank, begin_rank, end_rank), size = _ranks(time, begin, end)
    reach = np.maximum.accumulate(spell * size + end_rank)
    starts = spell * size + begin_rank
    now = key * size + now_rank
    # The last spell that began by now; the furthest end up to it tells whether any of them still holds.
    last = np.searchsorted(starts, now, side="right") - 1
    own = (last >= 0) & (spell[np.maximum(last, 0)] == key) if len(spell) else np.zeros(len(key), bool)
    inside = own & (reach[np.maximum(last, 0)] > now) if len(spell) else own
    listed = np.isin(key, spell)
    anywhere = np.isin(person, spans.person)
    reason = np.where(~anywhere, 1, np.where(~listed, 2, np.where(own, 4, 3)))
    return np.where(inside, 0, reason).astype(np.int64)


def _ranks(*parts: NDArray[np.int64]) -> tuple[list[NDArray[np.int64]], int]:
    """Each time as its rank among all of them, equal times alike, and a number above every rank."""
    joined = np.concatenate(parts)
    order = np.argsort(joined, kind="stable")
    fresh = np.concatenate((np.zeros(min(1, len(joined)), np.int64), np.diff(joined[order]) != 0))
    rank = np.empty(len(joined), np.int64)
    rank[order] = np.cumsum(fresh)
    ends = np.cumsum([len(part) for part in parts])[:-1]
    return np.split(rank, ends), len(joined) + 1
