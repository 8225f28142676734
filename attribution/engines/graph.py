"""The one graph: touches joined to conversions, filtered by the rules, numbered in order, weighted, grouped."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from attribution.engines.conversions import ID, ORDER, VALUE, counted_conversions
from attribution.engines.lookbacks import longest_lookback, lookback_expression, tie_expression
from attribution.engines.native import with_byte_order
from attribution.engines.spec import UnsupportedError
from attribution.engines.tables import TIME, Source, blank
from attribution.engines.touches import PERSON, tie_columns
from attribution.engines.zones import DAY, Clock, clock_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.engines.conversions import EngineConversions
    from attribution.engines.spec import EngineKey, RuleShare
    from attribution.engines.touches import EngineTouches
    from attribution.rules import Rules

__all__ = ["Graph", "credited_groups", "served_alike", "served_pairs", "served_touches"]

_AT, _AGE, _COUNT, _PLACE, _NEWEST = "wl_at", "wl_age", "wl_count", "wl_place", "wl_newest"
_LOOKBACK, _DIRECT, _DECLARED, _LONE = "wl_lookback", "wl_direct", "wl_declared", "wl_lone"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_HALVINGS = 860.0  # beyond it a weight is 0 in every sum, and some systems refuse numbers that small


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Graph:
    """The two checked tables under rules.

    Attributes:
        touches: The touches.
        conversions: The conversions.
        rules: The rules.
    """

    touches: EngineTouches
    conversions: EngineConversions
    rules: Rules

    def counted(self, columns: Sequence[str] = ()) -> nw.LazyFrame[Any]:
        """The counted conversions, with some of their own columns."""
        return counted_conversions(self.conversions, self.rules, columns)


@dataclass(slots=True)
class _Columns:
    """The columns that a side of the join carries, each once, by the name that it has in the graph."""

    prefix: str
    source: Source
    held: dict[str, str] = field(default_factory=dict)

    def name(self, column: str) -> str:
        return self.held.setdefault(column, f"{self.prefix}{len(self.held)}")

    def expressions(self) -> list[nw.Expr]:
        return [self.source.text(column).alias(name) for column, name in self.held.items()]


def served_touches(graph: Graph) -> nw.LazyFrame[Any]:
    """The touches that no rule withholds whatever the conversion, and that lie within reach of some conversion."""
    touches, rules, source = graph.touches, graph.rules, graph.touches.source
    frame = touches.frame
    if rules.origin == "outbound":
        frame = frame.filter(source.text(source.column("origin")) == "outbound")
    if isinstance(rules.not_before, datetime):
        frame = frame.filter(nw.col(TIME) >= (rules.not_before - _EPOCH) // timedelta(microseconds=1))
    facts = graph.conversions.facts
    if facts.first is not None and facts.last is not None:
        earliest = facts.first - longest_lookback(touches, rules)
        frame = frame.filter((nw.col(TIME) <= facts.last) & (nw.col(TIME) >= max(earliest, -(2**62))))
    return frame


def served_pairs(graph: Graph, keys: Sequence[EngineKey] = (), direct: Sequence[str] = ()) -> _Pairs:
    """The eligible (conversion, touch) pairs, with the touches' key columns and what orders them.

    Args:
        graph: The tables and rules.
        keys: The keys of the credit; those of the touches are carried.
        direct: The channels that the last non-direct model leaves out.
    """
    rules, source = graph.rules, graph.touches.source
    carried = _Columns("wl_t", source)
    key_names = [carried.name(key.column) for key in keys if key.side == "touch"]
    order = [
        carried.name(column) for column in tie_columns(source, [key.column for key in keys if key.side == "touch"])
    ]
    matched = [(carried.name(column), f"wl_m{place}") for place, column in enumerate(rules.match)]
    own, lookback = _own_expressions(graph, direct)
    left = served_touches(graph).select(
        source.text(source.column("person")).alias(PERSON), nw.col(TIME), *carried.expressions(), *own
    )
    text = {name: f"{name}_order" for column, name in carried.held.items() if name in order and source.is_text(column)}
    if text and type(left.to_native()).__module__.startswith("ibis"):
        left = with_byte_order(left, text)
        order = [text.get(name, name) for name in order]
    pairs = _joined(graph, left, matched, lookback)
    if rules.reuse == "reset":
        pairs = _first_served(pairs, matched, lookback)
    declared = [_DECLARED] if rules.tie_order else []
    return _Pairs(pairs, key_names, [TIME, *declared, *order])


def _joined(
    graph: Graph,
    left: nw.LazyFrame[Any],
    matched: list[tuple[str, str]],
    lookback: int | nw.Expr,
    *,
    ordered: bool = False,
) -> nw.LazyFrame[Any]:
    """The touches with each conversion of their person for which they are eligible."""
    right = _looking_back(graph, matched, ordered=ordered)
    age = nw.col(_AT) - nw.col(TIME)
    pairs = left.join(right, on=PERSON, how="inner").with_columns(age.alias(_AGE))
    pairs = pairs.filter(_eligible(graph, nw.col(_LOOKBACK) if isinstance(lookback, nw.Expr) else lookback))
    for name, other in matched:
        pairs = pairs.filter(nw.col(name) == nw.col(other))
    return pairs


def _first_served(
    pairs: nw.LazyFrame[Any], matched: list[tuple[str, str]], lookback: int | nw.Expr
) -> nw.LazyFrame[Any]:
    """Of each touch the pair with the first conversion that it may serve.

    What decides whether a touch may serve a conversion names the touch: touches that are alike in it serve alike.
    """
    alike = [PERSON, TIME, *([_LOOKBACK] if isinstance(lookback, nw.Expr) else []), *(name for name, _ in matched)]
    pairs = pairs.with_columns(nw.col(ORDER).min().over(*alike).alias("wl_served"))
    return pairs.filter(nw.col(ORDER) == nw.col("wl_served"))


def served_alike(graph: Graph) -> nw.LazyFrame[Any]:
    """One pair for every touch that is eligible for at least one conversion."""
    rules, source = graph.rules, graph.touches.source
    carried = _Columns("wl_t", source)
    matched = [(carried.name(column), f"wl_m{place}") for place, column in enumerate(rules.match)]
    own, lookback = _own_expressions(graph, ())
    left = served_touches(graph).select(
        source.text(source.column("person")).alias(PERSON), nw.col(TIME), *carried.expressions(), *own
    )
    return _first_served(_joined(graph, left, matched, lookback, ordered=True), matched, lookback)


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Eligible pairs, the names of the touches' key columns in them, and what orders the touches of a conversion."""

    frame: nw.LazyFrame[Any]
    keys: list[str]
    order: list[str]


def _own_expressions(graph: Graph, direct: Sequence[str]) -> tuple[list[nw.Expr], int | nw.Expr]:
    """What the graph computes of each touch: its lookback, its declared place, whether it is direct."""
    rules, source = graph.rules, graph.touches.source
    channel = source.text(source.column("channel"))
    kind = source.text(source.column("kind")) if rules.needs_kind() else channel
    if rules.needs_kind():
        kind = nw.when(kind.is_null()).then(nw.lit("")).otherwise(kind)
    lookback = lookback_expression(rules, channel, kind)
    own = []
    if isinstance(lookback, nw.Expr):
        own.append(lookback.alias(_LOOKBACK))
    if rules.tie_order:
        own.append(tie_expression(rules, channel, kind).alias(_DECLARED))
    if direct:
        own.append(nw.when(channel.is_in(list(direct))).then(nw.lit(1)).otherwise(nw.lit(0)).alias(_DIRECT))
    return own, lookback


def _looking_back(graph: Graph, matched: list[tuple[str, str]], *, ordered: bool = False) -> nw.LazyFrame[Any]:
    """The conversions as they look for touches: person, id, time, match columns, and their order for `reset`."""
    rules, source = graph.rules, graph.conversions.source
    ordered = ordered or rules.reuse == "reset"
    frame = counted_conversions(graph.conversions, rules, list(rules.match), ordered=ordered)
    for column, (_, name) in zip(rules.match, matched, strict=True):
        _check_match(graph, column)
        cell = source.text(column)
        if source.is_text(column):
            frame = frame.filter(~blank(cell))
        elif source.schema[column].is_float():
            frame = frame.filter(~cell.is_nan())
        frame = frame.with_columns(cell.alias(name))
    kept = [PERSON, ID, *(name for _, name in matched), *([ORDER] if ordered else [])]
    return frame.select(*kept, nw.col(TIME).alias(_AT))


def _check_match(graph: Graph, column: str) -> None:
    """Refuse columns that would be compared after a conversion of their types, which differs between engines."""
    sources = (graph.touches.source, graph.conversions.source)
    kinds = [source.schema[column] for source in sources]
    for alike in (
        all(source.is_text(column) for source in sources),
        all(source.is_whole(column) for source in sources),
        kinds[0] == kinds[1] and kinds[0] in (nw.Boolean, nw.Date, nw.Float64),
    ):
        if alike:
            return
    raise UnsupportedError(
        f"the match column {column!r} holds {kinds[0]} in the touches and {kinds[1]} in the conversions"
    )


def _eligible(graph: Graph, lookback: int | nw.Expr) -> nw.Expr:
    rules, age = graph.rules, nw.col(_AGE)
    begun = age >= 0 if rules.same_instant == "include" else age > 0
    if rules.window == "calendar_days" and rules.timezone is not None:
        clock = _clock(graph, rules.timezone)
        days = _day(clock, nw.col(_AT)) - _day(clock, nw.col(TIME))
        return begun & (days <= lookback)
    return begun & (age <= lookback)


def _clock(graph: Graph, zone: str) -> Clock:
    ends = [
        end
        for facts in (graph.touches.facts, graph.conversions.facts)
        for end in (facts.first, facts.last)
        if end is not None
    ]
    return clock_of(zone, min(ends, default=0), max(ends, default=0))


def _day(clock: Clock, time: nw.Expr) -> nw.Expr:
    """The beginning of the local day, in microseconds on the local clock."""
    local = clock.local(time)
    return local - ((local % DAY) + DAY) % DAY


def credited_groups(graph: Graph, keys: Sequence[EngineKey], shares: Sequence[RuleShare]) -> nw.LazyFrame[Any]:
    """Credit by group: the keys ``key0`` ..., whether the group is untouched, sums per model, conversions, value."""
    direct = sorted({name for share in shares for name in share.direct})
    pairs = served_pairs(graph, keys, direct)
    weighted = _weighted(pairs, shares)
    source = graph.conversions.source
    own = _Columns("wl_c", source)
    touch_names = iter(pairs.keys)
    names = [next(touch_names) if key.side == "touch" else own.name(key.column) for key in keys]
    columns = list(own.held)
    counted = graph.counted(columns).select(ID, VALUE, *own.expressions())
    joined = counted.join(weighted, on=ID, how="left")
    alone = nw.col(_PLACE).is_null()
    placed = [nw.col(name).alias(f"key{place}") for place, name in enumerate(names)]
    amounts: list[nw.Expr] = []
    for place in range(len(shares)):
        weight = nw.when(alone).then(nw.lit(0.0)).otherwise(nw.col(f"wl_w{place}"))
        amounts += [weight.alias(f"c{place}"), (weight * nw.col(VALUE)).alias(f"v{place}")]
    first = alone | (nw.col(_PLACE) == 1)
    flat = joined.select(
        *placed,
        nw.when(alone).then(nw.lit(1)).otherwise(nw.lit(0)).alias(_LONE),
        *amounts,
        nw.when(first).then(nw.lit(1)).otherwise(nw.lit(0)).alias("number"),
        nw.when(first).then(nw.col(VALUE)).otherwise(nw.lit(0.0)).alias("worth"),
    )
    summed = [name for place in range(len(shares)) for name in (f"c{place}", f"v{place}")]
    groups = [f"key{place}" for place in range(len(keys))]
    return flat.group_by(*groups, _LONE).agg(nw.col(*summed, "number", "worth").sum())


def _weighted(pairs: _Pairs, shares: Sequence[RuleShare]) -> nw.LazyFrame[Any]:
    """One weight per pair and model, the place of the touch, and the key columns."""
    kinds = {share.kind for share in shares}
    windows = [
        nw.col(ID).count().over(ID).alias(_COUNT),
        nw.col(ID).cum_count().over(ID, order_by=pairs.order).alias(_PLACE),
    ]
    if "time_decay" in kinds:
        windows.append(nw.col(_AGE).min().over(ID).alias(_NEWEST))
    frame = pairs.frame.with_columns(*windows)
    second: list[nw.Expr] = []
    raws: dict[str, nw.Expr] = {}
    for place, share in enumerate(shares):
        if share.kind == "time_decay":
            raws[f"wl_r{place}"] = _faded(share)
            second.append(nw.col(f"wl_r{place}").sum().over(ID).alias(f"wl_s{place}"))
        if share.kind == "last_non_direct":
            raws[f"wl_r{place}"] = nw.when(nw.col(_DIRECT) == 0).then(nw.col(_PLACE)).otherwise(nw.lit(0))
            second.append(nw.col(f"wl_r{place}").max().over(ID).alias(f"wl_s{place}"))
    if raws:
        frame = frame.with_columns(*(raw.alias(name) for name, raw in raws.items())).with_columns(*second)
    # Written numbers are decimals to some systems, and decimals add up to decimals; a cast number is a float to all.
    one = nw.lit(1).cast(nw.Float64)
    weights = [(_weight(share, place) * one).alias(f"wl_w{place}") for place, share in enumerate(shares)]
    return frame.select(ID, _PLACE, *dict.fromkeys(pairs.keys), *weights)


def _faded(share: RuleShare) -> nw.Expr:
    """2^(-age / half-life), ages taken from the newest touch."""
    age, newest = nw.col(_AGE), nw.col(_NEWEST)
    if share.whole_days:
        age, newest = age - age % DAY, newest - newest % DAY
    halvings = (age - newest).cast(nw.Float64) / float(share.half_life_microseconds)
    halvings = nw.when(halvings > _MOST_HALVINGS).then(nw.lit(_MOST_HALVINGS)).otherwise(halvings)
    return (halvings * -math.log(2.0)).exp()


def _weight(share: RuleShare, place: int) -> nw.Expr:
    number, count = nw.col(_PLACE), nw.col(_COUNT)
    if share.kind == "first":
        return _ones(number == 1)
    if share.kind == "last":
        return _ones(number == count)
    if share.kind == "linear":
        return nw.lit(1.0) / count.cast(nw.Float64)
    if share.kind == "time_decay":
        return nw.col(f"wl_r{place}") / nw.col(f"wl_s{place}")
    if share.kind == "last_non_direct":
        last = nw.col(f"wl_s{place}")
        return _ones(number == nw.when(last > 0).then(last).otherwise(count))
    return _by_position(share, number, count)


def _ones(condition: nw.Expr) -> nw.Expr:
    return nw.when(condition).then(nw.lit(1.0)).otherwise(nw.lit(0.0))


def _by_position(share: RuleShare, number: nw.Expr, count: nw.Expr) -> nw.Expr:
    rest = max(0.0, 1.0 - share.first - share.last)
    between = nw.when(count > 3).then(count - 2).otherwise(nw.lit(1)).cast(nw.Float64)
    of_two = nw.when(number == 1).then(nw.lit(share.of_two)).otherwise(nw.lit(1.0 - share.of_two))
    of_more = (
        nw.when(number == 1)
        .then(nw.lit(share.first))
        .otherwise(nw.when(number == count).then(nw.lit(share.last)).otherwise(nw.lit(rest) / between))
    )
    return nw.when(count == 1).then(nw.lit(1.0)).otherwise(nw.when(count == 2).then(of_two).otherwise(of_more))
