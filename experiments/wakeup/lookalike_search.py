"""The pool's members with the most equal attributes, exactly, without comparing everybody with everybody.

Persons with the same attributes are searched once. Two ways give the same answer: all pairs of profiles where they are
few, else only pairs that agree wholly on one of p - m + 1 blocks of attributes (a pair with at least m of p equal
attributes has at most p - m unequal ones, so at least one of p - m + 1 blocks is free of them).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError
from experiments.wakeup.lookalike_codes import Profiles, joint_keys, unique_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["Likes", "search"]

_CELLS = 4_000_000  # pairs in memory at a time
_DIRECT = 20.0  # how many directly compared pairs cost as much as one looked up


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Likes:
    """What was found for each person sought, in their order.

    Attributes:
        equal: Largest number of equal attributes in the pool; 0 below the least asked for.
        ties: Members of the pool with that number.
        matches: Members of the pool with at least the number asked for.
        pick: One of the ties, drawn at random; -1 without any.
        pairs: Pairs of profiles that were compared.
    """

    equal: NDArray[np.int64]
    ties: NDArray[np.int64]
    matches: NDArray[np.int64]
    pick: NDArray[np.int64]
    pairs: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Pairs:
    """Pairs of profiles with enough equal attributes, sorted by person sought and member of the pool."""

    sought: NDArray[np.int64]
    pool: NDArray[np.int64]
    equal: NDArray[np.int64]


def search(profiles: Profiles, at_least: int, lots: NDArray[np.int64], *, most_pairs: int) -> Likes:
    """Find the likes of everybody.

    Args:
        profiles: The attributes.
        at_least: Least number of equal attributes.
        lots: A random number per person sought; it chooses among ties.
        most_pairs: Largest number of pairs that may be looked up.

    Raises:
        InputError: When more pairs would have to be compared.
    """
    first, kind = unique_rows(profiles.sought)
    pool_first, pool_kind = unique_rows(profiles.pool)
    small = Profiles(
        names=profiles.names, sought=profiles.sought[first], pool=profiles.pool[pool_first], levels=profiles.levels
    )
    chunks, pairs = _plan(small, at_least, most_pairs)
    members = np.argsort(pool_kind, kind="stable").astype(np.int64)  # the pool, profile by profile
    begins = np.searchsorted(pool_kind[members], np.arange(len(pool_first) + 1)).astype(np.int64)
    persons = np.argsort(kind, kind="stable").astype(np.int64)
    starts = np.searchsorted(kind[persons], np.arange(len(first) + 1)).astype(np.int64)
    size = len(kind)
    equal, ties, matches = (np.zeros(size, np.int64) for _ in range(3))
    pick = np.full(size, -1, np.int64)
    for found in chunks():
        if not len(found.sought):
            continue
        best = _best(found, begins)
        rows, place = _expanded(starts[best.sought], starts[best.sought + 1])
        who = persons[rows]
        equal[who], ties[who], matches[who] = best.equal[place], best.ties[place], best.matches[place]
        drawn = best.before[place] + lots[who] % best.ties[place]
        at = np.searchsorted(best.reach, drawn, side="right")
        pick[who] = members[begins[best.pool[at]] + drawn - (best.reach[at] - best.weight[at])]
    return Likes(equal=equal, ties=ties, matches=matches, pick=pick, pairs=pairs)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Best:
    """The best of each profile sought, and the ties laid out end to end, a member of the pool each."""

    sought: NDArray[np.int64]
    equal: NDArray[np.int64]
    ties: NDArray[np.int64]
    matches: NDArray[np.int64]
    before: NDArray[np.int64]
    pool: NDArray[np.int64]
    weight: NDArray[np.int64]
    reach: NDArray[np.int64]


def _best(found: _Pairs, begins: NDArray[np.int64]) -> _Best:
    start = np.flatnonzero(np.r_[True, np.diff(found.sought) != 0])
    weight = begins[found.pool + 1] - begins[found.pool]
    top = np.maximum.reduceat(found.equal, start)
    group = np.repeat(np.arange(len(start)), np.diff(np.r_[start, len(found.sought)]))
    tied = found.equal == top[group]
    ties = np.add.reduceat(np.where(tied, weight, 0), start)
    return _Best(
        sought=found.sought[start],
        equal=top,
        ties=ties,
        matches=np.add.reduceat(weight, start),
        before=np.cumsum(ties) - ties,
        pool=found.pool[tied],
        weight=weight[tied],
        reach=np.cumsum(weight[tied]),
    )


def _expanded(begin: NDArray[np.int64], end: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All positions of several ranges, and the number of the range of each."""
    sizes = end - begin
    which = np.repeat(np.arange(len(begin), dtype=np.int64), sizes)
    offset = np.arange(len(which), dtype=np.int64) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return begin[which] + offset, which


def _plan(profiles: Profiles, at_least: int, most_pairs: int) -> tuple[Callable[[], Iterator[_Pairs]], int]:
    """The cheaper of the two ways, and the pairs that it compares."""
    everything = len(profiles.sought) * len(profiles.pool)
    blocks = _blocks(profiles, len(profiles.names) - at_least + 1)
    groups = [_Group.of(profiles, block) for block in blocks]
    sizes: NDArray[np.int64] = np.sum([group.end - group.begin for group in groups], axis=0, dtype=np.int64)
    looked_up = int(sizes.sum())
    direct = everything / _DIRECT <= looked_up
    work = everything / _DIRECT if direct else looked_up
    if work > most_pairs:
        raise InputError(
            f"{min(everything, looked_up):,} pairs of profiles would have to be compared, more than "
            f"most_pairs={most_pairs:,}. Ask for more equal attributes (at_least), leave out attributes with few "
            "values, draw a sample of the pool, or raise most_pairs."
        )
    if direct:
        return (lambda: _all_pairs(profiles, at_least)), everything
    return (lambda: _block_pairs(profiles, at_least, blocks, groups)), looked_up


def _blocks(profiles: Profiles, number: int) -> list[list[int]]:
    """Attributes dealt into blocks, so that each tells persons apart about as well as the others."""
    agree = [
        _agreement(profiles.sought[:, i], profiles.pool[:, i], profiles.levels[i]) for i in range(len(profiles.names))
    ]
    told = -np.log(np.clip(agree, 1e-12, 1.0))
    blocks: list[list[int]] = [[] for _ in range(number)]
    weight = np.zeros(number)
    for attribute in np.argsort(-told, kind="stable"):
        place = int(np.argmin(weight + np.array([1e-9 * len(block) for block in blocks])))
        blocks[place].append(int(attribute))
        weight[place] += told[attribute]
    filled = [sorted(block) for block in blocks if block]
    if len(filled) < number:  # attributes that tell nobody apart may have left a block empty
        return [[i] for i in range(number - 1)] + [list(range(number - 1, len(profiles.names)))]
    return filled


def _agreement(sought: NDArray[np.int64], pool: NDArray[np.int64], levels: int) -> float:
    """Share of pairs that agree on an attribute."""
    left, right = (np.bincount(side[side >= 0], minlength=levels).astype(np.float64) for side in (sought, pool))
    return float(left @ right) / max(1, len(sought) * len(pool))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Group:
    """The pool sorted by the attributes of one block, and where each profile sought finds its own."""

    order: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]

    @classmethod
    def of(cls, profiles: Profiles, block: Sequence[int]) -> _Group:
        """Sort the pool."""
        sought, pool = joint_keys(profiles, block)
        order = np.argsort(pool, kind="stable").astype(np.int64)
        begin, end = (np.searchsorted(pool[order], sought, side=side) for side in ("left", "right"))
        return cls(order=order, begin=begin.astype(np.int64), end=end.astype(np.int64))


def _all_pairs(profiles: Profiles, at_least: int) -> Iterator[_Pairs]:
    rows = max(1, _CELLS // max(1, len(profiles.pool)))
    pool = [np.ascontiguousarray(column) for column in profiles.pool.T]
    for begin in range(0, len(profiles.sought), rows):
        part = profiles.sought[begin : begin + rows]
        equal = np.zeros((len(part), len(profiles.pool)), np.int16)
        for column, members in zip(part.T, pool, strict=True):
            equal += column[:, None] == members[None, :]
        left, right = np.nonzero(equal >= at_least)
        yield _Pairs(sought=left + begin, pool=right, equal=equal[left, right].astype(np.int64))


def _block_pairs(
    profiles: Profiles, at_least: int, blocks: Sequence[Sequence[int]], groups: Sequence[_Group]
) -> Iterator[_Pairs]:
    sizes: NDArray[np.int64] = np.sum([group.end - group.begin for group in groups], axis=0, dtype=np.int64)
    reach = np.cumsum(sizes)
    begin = 0
    while begin < len(sizes):
        done = int(reach[begin - 1]) if begin else 0
        stop = max(begin + 1, int(np.searchsorted(reach, done + _CELLS, side="right")))
        parts = [
            _verified(profiles, at_least, blocks[: place + 1], group, (begin, stop))
            for place, group in enumerate(groups)
        ]
        sought, pool, equal = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((pool, sought))
        yield _Pairs(sought=sought[order], pool=pool[order], equal=equal[order])
        begin = stop


def _verified(
    profiles: Profiles, at_least: int, blocks: Sequence[Sequence[int]], group: _Group, part: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pairs that agree on the last of the blocks and on enough attributes, but on no earlier block (found there)."""
    begin, stop = part
    rows, which = _expanded(group.begin[begin:stop], group.end[begin:stop])
    sought, pool = which + begin, group.order[rows]
    equal = np.zeros(len(sought), np.int64)
    seen = np.zeros(len(sought), bool)
    for place, block in enumerate(blocks):
        whole = np.ones(len(sought), bool)
        for attribute in block:
            agree = profiles.sought[sought, attribute] == profiles.pool[pool, attribute]
            equal += agree
            whole &= agree
        if place + 1 < len(blocks):
            seen |= whole
    rest = set(range(len(profiles.names))) - {attribute for block in blocks for attribute in block}
    for attribute in sorted(rest):
        equal += profiles.sought[sought, attribute] == profiles.pool[pool, attribute]
    keep = ~seen & (equal >= at_least)
    return sought[keep], pool[keep], equal[keep]
