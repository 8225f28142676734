"""A number per unit that depends on the salt and the unit alone, and the cut points that make it an arm."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Cuts", "checked_salt", "checked_shares", "cut", "unit_numbers"]

_RANGE = 2**64
_SUM = Fraction(1, 10**6)


def checked_salt(salt: object) -> str:
    """The salt, when it is text that says something.

    Raises:
        InputError: For anything else.
    """
    if not isinstance(salt, str) or not salt.strip() or not _encodes(salt):
        raise InputError(
            f'salt must be text that names this campaign alone, got {salt!r}. Write for example salt="2026Q4"; two '
            "campaigns with one salt put the same persons into the same arms."
        )
    return salt


def _encodes(text: str) -> bool:
    """Whether the text can be written as UTF-8; half of a surrogate pair cannot."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def unit_numbers(units: pa.Array, salt: str) -> NDArray[np.uint64]:
    """One number from 0 to 2^64 - 1 per unit: the first 8 bytes of SHA-256 over the salt's digest and the unit's text.

    The text of a whole number is its decimal digits, so 7 and "7" are one unit; " 7" and "07" are others. The formula
    can be repeated in any SQL: ``sha256(sha256(salt) || id)``, digests as 64 lower-case hexadecimal digits.

    Args:
        units: Keys, whole numbers or text, without nulls.
        salt: The salt of the campaign.

    Verified against: sha256sum and DuckDB's sha256; uniformity by chi-square and runs over a million keys.
    """
    import pyarrow as pa

    texts = units.cast(pa.large_string()).to_pylist()
    head = hashlib.sha256(salt.encode()).hexdigest().encode()
    digest = hashlib.sha256
    made = b"".join([digest(head + text.encode()).digest()[:8] for text in texts])
    return np.frombuffer(made, dtype=">u8").astype(np.uint64)


def checked_shares(shares: object, *, name: str = "shares") -> dict[str, float]:
    """Shares by arm, sorted by the arm's name, each above 0, together 1.

    Raises:
        InputError: For anything else; lists every problem.
    """
    if not isinstance(shares, Mapping) or not shares:
        raise InputError(
            f'{name} must be a dict of arm to share, got {shares!r}. Write for example {{"holdout": 0.2, "sms": 0.8}}.'
        )
    problems, made = [], {}
    for arm, share in shares.items():
        number = isinstance(share, Real) and not isinstance(share, (bool, np.bool_))
        if not isinstance(arm, str) or not arm.strip():
            problems.append(f"the name of an arm must be text, got {arm!r}.")
        elif not number or not math.isfinite(float(share)) or not 0.0 < float(share) <= 1.0:
            problems.append(f"{name}[{arm!r}] must lie above 0 and be at most 1, got {share!r}.")
        else:
            made[arm] = float(share)
    if not problems and len(made) < 2:
        problems.append(f"{name} must hold at least two arms, one of them the control, got {dict(shares)!r}.")
    total = sum(map(_exact, made.values()), Fraction(0))
    if not problems and abs(total - 1) > _SUM:
        problems.append(f"{name} must sum to 1, they sum to {float(total):g}. Name every arm, the control too.")
    small = [] if problems else [arm for arm, share in made.items() if share * _RANGE < 1.0]
    problems += [f"{name}[{arm!r}] is too small for anybody to get it, got {made[arm]!r}." for arm in small]
    if problems:
        raise InputError(" ".join(problems))
    return dict(sorted(made.items()))


def _exact(share: float) -> Fraction:
    """The share as it is written: 0.1 is one tenth."""
    return Fraction(repr(float(share)))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Cuts:
    """The line from 0 to 2^64 cut into pieces, each of one arm.

    Attributes:
        arms: The arms, sorted by name.
        last: The last number of each piece.
        arm: Index of the arm of each piece.
    """

    arms: tuple[str, ...]
    last: NDArray[np.uint64]
    arm: NDArray[np.int64]

    def arm_of(self, numbers: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Index of the arm of each number."""
        found: NDArray[np.int64] = self.arm[np.searchsorted(self.last, numbers, side="left")]
        return found


def cut(shares: Mapping[str, float], earlier: Sequence[Mapping[str, float]] = ()) -> Cuts:
    """Cut points of the shares, in whole numbers, so that no rounding moves a person.

    Without earlier shares each arm is one piece, in the order of the arms' names. With earlier ones, arms that shrink
    give up the ends of their pieces and arms that grow take those, so that as few persons move as the new shares allow.

    Args:
        shares: Checked shares in force.
        earlier: Checked shares that were in force before, oldest first.
    """
    first, *later = [*earlier, shares]
    pieces = list(_lengths(first).items())
    for following in later:
        pieces = _moved(pieces, _lengths(following))
    ends = np.cumsum(np.array([length for _, length in pieces], dtype=object))
    arms = tuple(sorted(shares))
    return Cuts(
        arms=arms,
        last=np.array([int(end) - 1 for end in ends], dtype=np.uint64),
        arm=np.array([arms.index(arm) for arm, _ in pieces], dtype=np.int64),
    )


def _lengths(shares: Mapping[str, float]) -> dict[str, int]:
    """Length of each arm's part of the line; the lengths add up to the line exactly."""
    exact = {arm: _exact(share) for arm, share in shares.items()}
    total, reached, before, made = sum(exact.values()), Fraction(0), 0, {}
    for arm in sorted(exact):
        reached += exact[arm]
        end = math.floor(_RANGE * reached / total)
        made[arm], before = end - before, end
    return made


def _moved(pieces: list[tuple[str, int]], wanted: Mapping[str, int]) -> list[tuple[str, int]]:
    """The pieces after a change of shares: only the surplus of arms that shrink changes hands."""
    held: dict[str, int] = {}
    for arm, length in pieces:
        held[arm] = held.get(arm, 0) + length
    keep = {arm: min(length, wanted.get(arm, 0)) for arm, length in held.items()}
    short = {arm: wanted[arm] - held.get(arm, 0) for arm in sorted(wanted) if wanted[arm] > held.get(arm, 0)}
    made: list[tuple[str, int]] = []
    for arm, length in pieces:
        kept = min(length, keep[arm])
        keep[arm] -= kept
        rest = length - kept
        if kept:
            made.append((arm, kept))
        while rest:
            taker = next(iter(short))
            given = min(rest, short[taker])
            made.append((taker, given))
            rest, short[taker] = rest - given, short[taker] - given
            if not short[taker]:
                del short[taker]
    return made
