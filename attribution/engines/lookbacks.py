"""How far a conversion looks back, as expressions that every engine runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from attribution.journeys.eligibility import longest_age, lookback_of, reach_of

if TYPE_CHECKING:
    from attribution.engines.touches import EngineTouches
    from attribution.rules import LookbackKey, Rules

__all__ = ["longest_lookback", "lookback_expression", "note_lookbacks", "tie_expression"]


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
    """The lookback of a touch: a number when all are equal, else an expression of its channel and kind."""
    lookbacks = rules.lookbacks()
    if list(lookbacks) == ["*"]:
        return reach_of(lookbacks["*"], rules)
    # The broadest keys first: each is wrapped by those that are more specific.
    order = sorted(lookbacks, key=_breadth, reverse=True)
    found: Any = nw.lit(-1)
    for key in order:
        reach = nw.lit(reach_of(lookbacks[key], rules))
        found = reach if key == "*" else nw.when(_holds(key, channel, kind)).then(reach).otherwise(found)
    return found  # type: ignore[no-any-return]


def tie_expression(rules: Rules, channel: nw.Expr, kind: nw.Expr) -> nw.Expr:
    """The place of a touch in the declared order of touches at one instant."""
    listed = {key: place for place, key in enumerate(rules.tie_order)}
    found: Any = nw.lit(len(listed))
    for key in sorted(listed, key=_breadth, reverse=True):
        found = nw.when(_holds(key, channel, kind)).then(nw.lit(listed[key])).otherwise(found)
    return found  # type: ignore[no-any-return]


def _breadth(key: LookbackKey) -> int:
    """0 for a pair, 1 for a channel, 2 for ("*", kind), 3 for "*": the more specific wins."""
    if isinstance(key, tuple):
        return 2 if key[0] == "*" else 0
    return 3 if key == "*" else 1


def _holds(key: LookbackKey, channel: nw.Expr, kind: nw.Expr) -> nw.Expr:
    if isinstance(key, str):
        return channel == key
    return kind == key[1] if key[0] == "*" else (channel == key[0]) & (kind == key[1])
