"""How far a conversion looks back, as expressions that every engine runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from attribution.engines.spec import UnsupportedError
from attribution.journeys.eligibility import longest_age, lookback_of, reach_of

if TYPE_CHECKING:
    from attribution.engines.touches import EngineTouches
    from attribution.rules import LookbackKey, Rules

__all__ = ["longest_lookback", "lookback_expression", "note_lookbacks", "tie_expression"]

_EVERY = 3  # the breadth of "*"
_MOST_BRANCHES = 100


def note_lookbacks(touches: EngineTouches, rules: Rules) -> None:
    """Note channels that the lookbacks leave out."""
    lookbacks = rules.lookbacks()
    missing = {pair: rows for pair, rows in touches.channels.items() if lookback_of(lookbacks, *pair) is None}
    if missing:
        message = (
            f'the lookbacks ({rules.lookback_text()}) leave touches of some channels out. Add these, or "*" for all'
        )
        examples = sorted({channel for channel, _ in missing})
        touches.source.note("NO_LOOKBACK", touches.source.column("channel"), sum(missing.values()), message, examples)


def longest_lookback(touches: EngineTouches, rules: Rules) -> int:
    """The longest lookback that a touch of the table has, in microseconds, and what calendar days add to it."""
    lookbacks = rules.lookbacks()
    found = [lookback_of(lookbacks, *pair) for pair in touches.channels]
    longest = max((reach_of(item, rules) for item in found if item is not None), default=0)
    return max(0, longest_age(longest, rules))


def lookback_expression(rules: Rules, channel: nw.Expr, kind: nw.Expr) -> int | nw.Expr:
    """The lookback of a touch: a number when all are equal, else an expression of its channel and kind.

    Raises:
        UnsupportedError: For more different lookbacks than a query should nest.
    """
    lookbacks = rules.lookbacks()
    if list(lookbacks) == ["*"]:
        return reach_of(lookbacks["*"], rules)
    # The broadest keys first: each is wrapped by those that are more specific. Keys of one breadth exclude each other.
    alike: dict[tuple[int, str, int], list[str]] = {}
    for key in sorted(lookbacks, key=_breadth, reverse=True):
        name, of_kind = (key[0], key[1]) if isinstance(key, tuple) else (key, "")
        alike.setdefault((_breadth(key), of_kind, reach_of(lookbacks[key], rules)), []).append(name)
    _check_branches(len(alike), "different lookbacks")
    found: Any = nw.lit(-1)
    for (breadth, of_kind, reach), names in alike.items():
        holds = {
            0: (kind == of_kind) & channel.is_in(names),
            1: channel.is_in(names),
            2: kind == of_kind,
        }
        found = nw.lit(reach) if breadth == _EVERY else nw.when(holds[breadth]).then(nw.lit(reach)).otherwise(found)
    return found  # type: ignore[no-any-return]


def _check_branches(count: int, what: str) -> None:
    """Refuse more cases than an engine nests: each is one more level of a query."""
    if count > _MOST_BRANCHES:
        raise UnsupportedError(f"the rules hold {count} {what}, more than the {_MOST_BRANCHES} that a query nests")


def tie_expression(rules: Rules, channel: nw.Expr, kind: nw.Expr) -> nw.Expr:
    """The place of a touch in the declared order of touches at one instant.

    Raises:
        UnsupportedError: For more keys than a query should nest.
    """
    listed = {key: place for place, key in enumerate(rules.tie_order)}
    _check_branches(len(listed), "keys of tie_order")
    found: Any = nw.lit(len(listed))
    for key in sorted(listed, key=_breadth, reverse=True):
        found = nw.when(_holds(key, channel, kind)).then(nw.lit(listed[key])).otherwise(found)
    return found  # type: ignore[no-any-return]


def _breadth(key: LookbackKey) -> int:
    """0 for a pair, 1 for a channel, 2 for ("*", kind), 3 for "*": the more specific wins."""
    if isinstance(key, tuple):
        return 2 if key[0] == "*" else 0
    return _EVERY if key == "*" else 1


def _holds(key: LookbackKey, channel: nw.Expr, kind: nw.Expr) -> nw.Expr:
    if isinstance(key, str):
        return channel == key
    return kind == key[1] if key[0] == "*" else (channel == key[0]) & (kind == key[1])
