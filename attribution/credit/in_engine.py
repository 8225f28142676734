"""Credit of tables that stay in their engine: the models as plain shares, the engine's groups as cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from attribution.core.columns import columns_for
from attribution.core.durations import microseconds, parse_duration
from attribution.core.errors import InputError, TableError, TableIssue
from attribution.core.values import encode_together
from attribution.credit.keys import CHANNEL, EMPTY, Cells, Key, make_cells, resolve_keys
from attribution.credit.sums import CellSums, check_conservation, sum_cells
from attribution.engines.engine_journeys import (
    ELSE,
    JOIN_FIRST,
    ONE_ENGINE,
    RUNNABLE,
    EngineJourneys,
    engine_journeys,
    staying,
)
from attribution.engines.native import runs_in_engine
from attribution.engines.spec import EngineKey, EngineSums, RuleShare, TwoEnginesError, UnsupportedError
from attribution.engines.sums import engine_attribute_sums, key_values, open_engine
from attribution.engines.support import why_not
from attribution.journeys.arrays import JourneyArrays
from attribution.journeys.sizes import PlanSize
from attribution.models.decay import TimeDecay
from attribution.models.last_non_direct import LastNonDirect
from attribution.models.position import FirstTouch, LastTouch, Linear, PositionBased
from attribution.models.shapes import InverseJ, JShaped, UShaped
from attribution.touches import NONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.engines.graph import Graph
    from attribution.journeys.eligibility import Pairs
    from attribution.journeys.observed import Observed
    from attribution.journeys.plan import Journeys
    from attribution.models.protocol import Model, TouchModel
    from attribution.rules import Rules

__all__ = ["EngineCells", "credited", "engine_cells", "lazy_credit_journeys"]


def lazy_journeys(
    given: dict[str, object],
    *,
    models: Sequence[Model],
    rules: Rules,
    columns: ColumnsLike,
    observed: Observed,
    stay: bool = False,
) -> tuple[Journeys | None, str | None, str]:
    """Journeys of two lazy tables, why rows come into memory (None when none do), and what to do if they must not.

    No journeys at all say that every row has to come, as for tables in memory: models of paths need the journeys of
    persons who never converted.

    Args:
        given: The tables, by their names as arguments.
        models: The models.
        rules: The rules.
        columns: The user's names of the columns.
        observed: First and last instant of observation.
        stay: Whether no row may be brought into memory, now or later.
    """
    roles = {name: columns_for(columns, name) for name in ("touches", "conversions")}
    touches, conversions = given["touches"], given["conversions"]
    paths = [model.name for model in models if model.needs == "paths"]
    if paths:
        return None, f"{paths[0]} needs the journeys of everybody, also of persons who never converted", RUNNABLE
    if not (runs_in_engine(touches) and runs_in_engine(conversions)):
        return None, "only one of the two tables is lazy", ONE_ENGINE
    why = why_not(rules)
    if why is None:
        why = next((f"the model {model.name!r} needs single touches" for model in models if not _known(model)), None)
    try:
        graph = open_engine(touches, conversions, rules=rules, columns=roles, judge=why is None)
        journeys = engine_journeys(graph, columns=roles, observed=observed, pulled=why is not None, stay=stay)
    except TwoEnginesError as error:
        return None, str(error), ONE_ENGINE
    except UnsupportedError as error:
        return None, str(error), ELSE
    return journeys, why, RUNNABLE


def lazy_credit_journeys(
    given: dict[str, object],
    *,
    models: Sequence[Model],
    rules: Rules,
    columns: ColumnsLike,
    observed: Observed,
    collect: bool | None,
) -> Journeys | None:
    """Journeys of lazy tables where they are; None when all rows have to come into memory.

    Args:
        given: The tables, and the identity, by their names as arguments; None for those that were not given.
        models: The models.
        rules: The rules.
        columns: The user's names of the columns.
        observed: First and last instant of observation.
        collect: Whether rows may come into memory.

    Raises:
        InputError: When rows have to come into memory and may not.
    """
    further = [name for name in ("identity", "customers", "key_events") if given[name] is not None]
    journeys, why, instead = None, f"{further[0]}= joins a further table" if further else None, JOIN_FIRST
    if why is None:
        journeys, why, instead = lazy_journeys(
            given, models=models, rules=rules, columns=columns, observed=observed, stay=collect is False
        )
    if why is not None and collect is False:
        raise InputError(staying(why, instead))
    return journeys


def _known(model: Model) -> bool:
    return type(model) in _SHARES


def _decay(model: Any) -> RuleShare:
    half_life = microseconds(parse_duration(model.half_life))
    return RuleShare(kind="time_decay", half_life_microseconds=half_life, whole_days=model.unit == "whole_days")


def _position(model: Any) -> RuleShare:
    ends = model.first + model.last
    rest = max(0.0, 1.0 - ends)
    proportional = model.first / ends if ends > 0 else 0.5
    of_two = {"proportional": proportional, "half_middle": model.first + rest / 2, "even": 0.5}[model.two]
    return RuleShare(kind="position_based", first=model.first, last=model.last, of_two=of_two)


_SHARES: dict[type, Any] = {
    FirstTouch: lambda _: RuleShare(kind="first"),
    LastTouch: lambda _: RuleShare(kind="last"),
    LastNonDirect: lambda model: RuleShare(kind="last_non_direct", direct=model.direct),
    Linear: lambda _: RuleShare(kind="linear"),
    TimeDecay: _decay,
    PositionBased: _position,
    UShaped: _position,
    JShaped: _position,
    InverseJ: _position,
}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EngineCells(Cells):
    """Cells of sums that an engine made; for single pairs the rows are brought into memory."""

    _journeys: Journeys
    _held: dict[str, Any] = field(default_factory=dict)

    def of_pairs(self, pairs: Pairs) -> NDArray[np.int64]:
        """The cell of every (conversion, touch) pair."""
        held, place = self._rows()
        return place[held.of_pairs(pairs)]

    def of_untouched(self, conversions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The "(none)" cell of each untouched conversion."""
        held, place = self._rows()
        return place[held.of_untouched(conversions)]

    def _rows(self) -> tuple[Cells, NDArray[np.int64]]:
        """The cells of the rows in memory, and the place of each among these."""
        if "rows" not in self._held:
            held = make_cells(self._journeys, self.keys)
            mine = {cell: place for place, cell in enumerate(_told(self))}
            places = [mine.get(cell, len(self)) for cell in _told(held)]
            self._held["rows"] = held, np.array(places, np.int64)
        found: tuple[Cells, NDArray[np.int64]] = self._held["rows"]
        return found


def _told(cells: Cells) -> list[tuple[object, ...]]:
    columns = [cells.values(place) for place in range(len(cells.keys))]
    return [(place < cells.credited, *(column[place] for column in columns)) for place in range(len(cells))]


def table_roles(journeys: EngineJourneys) -> Journeys:
    """What the resolving of key columns asks of journeys: the names of the columns of both tables."""
    graph = journeys.graph
    return cast("Journeys", _Tables(_Held(graph.touches.source), _Held(graph.conversions.source)))


@dataclass(frozen=True, slots=True)
class _Held:
    table: Any


@dataclass(frozen=True, slots=True)
class _Tables:
    touches: _Held
    conversions: _Held


def engine_cells(
    journeys: EngineJourneys, models: Sequence[TouchModel], keys: tuple[Key, ...]
) -> tuple[Cells, CellSums]:
    """The cells and sums of credit, from one query.

    Raises:
        UnsupportedError: When the graph cannot hold the keys.
    """
    graph = journeys.graph
    _check_spelling(graph, models)
    where = [_engine_key(graph, key) for key in keys]
    sums = engine_attribute_sums(graph, shares=[_SHARES[type(model)](model) for model in models], keys=where)
    columns = _columns(graph, sums, where)
    cells = _make_cells(journeys, keys, columns, sums)
    found = _sum(sums, models, cells, columns)
    size = PlanSize(
        persons=sums.persons,
        conversions=sums.counted,
        touches=graph.touches.facts.rows,
        has_value=graph.conversions.has_value,
    )
    journeys.note(size, found.touched)
    return cells, found


def credited(
    journeys: Journeys, models: tuple[TouchModel, ...], asked: str | Sequence[str] | tuple[Key, ...]
) -> tuple[Journeys, Cells, CellSums]:
    """Credit by keys: in the engine that holds the tables where it can, else from rows in memory.

    Args:
        journeys: The journeys.
        models: The models, fitted.
        asked: The keys, or what the caller wrote for them.

    Returns:
        The journeys that the sums were made of (others, when rows had to be brought into memory), cells and sums.
    """
    if isinstance(journeys, EngineJourneys):
        keys = _keys(table_roles(journeys), asked)
        if all(_known(model) for model in models):
            try:
                return journeys, *engine_cells(journeys, models, keys)
            except UnsupportedError as error:  # the finding of the rows tells that they came
                journeys = journeys.pulled(str(error))
        else:
            journeys = journeys.pulled()
    else:
        keys = _keys(journeys, asked)
    ranges = getattr(journeys, "ranges_of_persons", None)
    if ranges is not None:  # touches in files that do not fit the budget together
        return journeys, *ranges(models, keys)
    cells = make_cells(journeys, keys)
    return journeys, cells, sum_cells(journeys, models, cells)


def _keys(journeys: Journeys, asked: str | Sequence[str] | tuple[Key, ...]) -> tuple[Key, ...]:
    if isinstance(asked, tuple) and asked and all(isinstance(key, Key) for key in asked):
        return cast("tuple[Key, ...]", asked)
    return resolve_keys(journeys, cast("str | Sequence[str]", asked))


def _engine_key(graph: Graph, key: Key) -> EngineKey:
    column = graph.touches.source.column("channel") if key == CHANNEL else key.column
    return EngineKey(side=key.side, column=column)


def _check_spelling(graph: Graph, models: Sequence[TouchModel]) -> None:
    """Models that name channels say what is wrong with the names when they see the channels."""
    names = sorted({channel for channel, _ in graph.touches.channels})
    if names:
        seen = JourneyArrays.of([names], ages_seconds=[[0.0] * len(names)])
        for model in models:
            if isinstance(model, LastNonDirect):
                model.weights(seen)


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """One key column: the names of its values, and the code of each group and of each combination in the table."""

    names: list[str]
    groups: NDArray[np.int64]
    listed: NDArray[np.int64]


def _columns(graph: Graph, sums: EngineSums, where: list[EngineKey]) -> list[_Column]:
    listed = key_values(graph, where) if any(key.side == "touch" for key in where) else None
    found, place_of_touch = [], 0
    for place, key in enumerate(where):
        values = sums.keys.column(place)
        groups = values.combine_chunks()
        if key.side == "touch" and listed is not None:
            all_values = listed.column(place_of_touch).combine_chunks()
            place_of_touch += 1
            # An untouched group has no value of the touches; the empty cell there is no value.
            known = groups.filter(_mask(~sums.untouched))
            found.append(_encoded(graph, key, known, all_values, ~sums.untouched))
        else:
            found.append(_encoded(graph, key, groups, groups.slice(0, 0), np.ones(len(sums.untouched), bool)))
    return found


def _mask(where: NDArray[np.bool_]) -> pa.Array:
    import pyarrow as pa

    return pa.array(where, pa.bool_())


def _encoded(graph: Graph, key: EngineKey, groups: pa.Array, listed: pa.Array, where: NDArray[np.bool_]) -> _Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_null(groups.type) or pa.types.is_null(listed.type) or groups.null_count or listed.null_count:
        groups, listed = (pc.fill_null(item.cast(pa.large_string()), EMPTY) for item in (groups, listed))
    (group_codes, listed_codes), names = encode_together(groups, listed)
    texts = [name if isinstance(name, str) else str(name) for name in names]
    if NONE in texts:
        source = graph.touches.source if key.side == "touch" else graph.conversions.source
        message = f"{NONE!r} is the name of the row of conversions without a touch; give these rows another name"
        raise TableError(
            [TableIssue(code="RESERVED_NAME", table=source.name, column=key.column, count=1, message=message)]
        )
    codes = np.full(len(where), -1, np.int64)
    codes[where] = group_codes
    return _Column(texts, codes, listed_codes.astype(np.int64))


def _make_cells(
    journeys: EngineJourneys, keys: tuple[Key, ...], columns: list[_Column], sums: EngineSums
) -> EngineCells:
    sides = [key.side for key in keys]
    none = np.array([[len(column.names) for column in columns]], np.int64)
    groups = np.stack([column.groups for column in columns], axis=1)
    if "conversion" not in sides:
        codes = _distinct(np.stack([column.listed for column in columns], axis=1))
    elif "touch" not in sides:
        codes = _distinct(groups)
    else:
        codes = _distinct(groups[~sums.untouched])
        lonely = groups[sums.untouched]
        of_touches = [place for place, side in enumerate(sides) if side == "touch"]
        lonely[:, of_touches] = none[0, of_touches]
        none = _distinct(lonely)
    return EngineCells(
        keys=keys,
        names=tuple([*column.names, NONE] for column in columns),
        codes=np.concatenate([codes, none]),
        credited=len(codes),
        _touch=None,
        _conversion=None,
        _width=0,
        _observed=None,
        _untouched=None,
        _by_channel=len(keys) == 1 and keys[0] == CHANNEL,
        _journeys=journeys,
    )


def _distinct(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(codes, axis=0) if len(codes) else codes


def _sum(sums: EngineSums, models: Sequence[TouchModel], cells: Cells, columns: list[_Column]) -> CellSums:
    """The engine's groups added up by cell; conservation is checked."""
    place_of = {tuple(row): place for place, row in enumerate(cells.codes.tolist())}
    both = {key.side for key in cells.keys} == {"touch", "conversion"}
    places = np.empty(len(sums.untouched), np.int64)
    for group, alone in enumerate(sums.untouched.tolist()):
        row = [
            len(column.names) if alone and (key.side == "touch" or not both) else int(column.groups[group])
            for key, column in zip(cells.keys, columns, strict=True)
        ]
        places[group] = place_of[tuple(row)]
    conversions = np.zeros((len(models), len(cells)))
    value = np.zeros((len(models), len(cells)))
    for place, model in enumerate(models):
        for total, credit, alone in (
            (conversions, sums.conversions, sums.number),
            (value, sums.value, sums.worth),
        ):
            amounts = np.where(sums.untouched, alone, credit[place])
            total[place] = np.bincount(places, weights=amounts, minlength=len(cells))
        check_conservation(model.name, "conversions", float(conversions[place].sum()), float(sums.counted))
        check_conservation(model.name, "value", float(value[place].sum()), sums.counted_value)
    touched = ~sums.untouched
    return CellSums(
        conversions=conversions,
        value=value,
        inside_conversions=conversions,
        inside_value=value,
        touched=round(float(sums.number[touched].sum())),
        touched_value=float(sums.worth[touched].sum()),
    )
