"""The gap between two credits of the same tables, taken apart into the rules and the model that make it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attribution.core import messages
from attribution.core.errors import ConservationError, InputError, closest
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, DisplayColumn, DisplayTable, column_label
from attribution.credit.credit import Credit
from attribution.credit.records import table_rows
from attribution.difference.steps import STEPS, Change, Setting, changes_between, compose
from attribution.models.fitted import FittedModel
from attribution.touches import NONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.credit.keys import Key
    from attribution.journeys.plan import Journeys
    from attribution.models.protocol import Model

__all__ = ["Difference", "explain_difference"]

_TOLERANCE = 1e-9
_MOST_AVERAGED = 6
_SHOWN_ROWS = 30
Values: TypeAlias = dict[tuple[Any, ...], float]
Group: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Difference(TabularResult):
    """One row per channel: credit_a, one column change_<step> per step that differs, credit_b, and gap = b - a.

    The changes of a row sum to its gap (checked). Steps that cannot be exchanged alone share a column:
    ``change_window_edge``.

    Attributes:
        records: The rows, in the order of the credit table; "(none)" is last.
        steps: The steps in the order in which they were exchanged; a tuple of several was exchanged together.
        changes: What each side chose, per step.
        averaged: Whether the changes are averages over all orders.
        recipe: Models, measure, order, fingerprint of the tables.
    """

    records: Records
    steps: tuple[Group, ...]
    changes: tuple[Change, ...]
    averaged: bool
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        if not self.steps:
            lines = [messages.text("DIFFERENCE.NOTHING")]
        else:
            names = messages.text("DIFFERENCE.COMMA").join(_label(group) for group in self.steps)
            order = "DIFFERENCE.AVERAGED" if self.averaged else "DIFFERENCE.ORDER"
            lines = [messages.text(order, {"order": names}), messages.text("DIFFERENCE.NOT_RIGHT")]
        blocks: list[DisplayTable | str] = [self._waterfall()]
        if self.changes:
            heads = tuple(DisplayColumn(messages.text(f"DIFFERENCE.{name}")) for name in ("STEP", "BEFORE", "AFTER"))
            rows = tuple((_label((change.step,)), change.before, change.after) for change in self.changes)
            blocks.append(DisplayTable(heads, rows))
        return Display(messages.text("DIFFERENCE.TITLE"), (*blocks, *lines))

    def _waterfall(self) -> DisplayTable:
        labels = {f"change_{'_'.join(group)}": _label(group) for group in self.steps}
        labels |= {name: messages.text(f"DIFFERENCE.{name.upper()}") for name in ("credit_a", "credit_b", "gap")}
        heads = tuple(
            DisplayColumn(labels.get(field.name) or column_label(field.name), field.kind)
            for field in self.records.fields
        )
        shown = [list(column[:_SHOWN_ROWS]) for column in self.records.columns]
        more = len(self.records) - _SHOWN_ROWS
        notes = (messages.text("CREDIT.MORE_ROWS", {"n": more}),) if more > 0 else ()
        return DisplayTable(heads, tuple(zip(*shown, strict=True)), notes=notes)


def _label(group: Group) -> str:
    return " + ".join(messages.text(f"DIFFERENCE.STEPS.{step}") for step in group)


def explain_difference(  # noqa: PLR0913 - a public function of keyword-only options
    credit_a: Credit,
    credit_b: Credit,
    *,
    model_a: str | None = None,
    model_b: str | None = None,
    measure: Literal["conversions", "value"] = "conversions",
    order: Sequence[str] = STEPS,
    average: bool = False,
) -> Difference:
    """Why two credits of the same tables differ: the gap of every channel, taken apart rule by rule.

    The settings of a are exchanged for those of b one step at a time; what a channel gains or loses at a step is that
    step's part of its gap. The parts sum to the gap. How large a part is depends on the order, as in every such
    decomposition; ``average=True`` takes the mean over all orders (the Shapley value of the steps, exact). It says
    which rule makes the difference, not which credit is right.

    Args:
        credit_a: A credit.
        credit_b: A credit of the same tables under other rules or models, with the same keys.
        model_a: Which model of a; needed when it has several.
        model_b: Which model of b; needed when it has several.
        measure: "conversions" or "value".
        order: Steps in the order of exchange, of "window" (lookback), "edge" (kind of window, zone, same instant, not
            before), "ties", "origin", "match", "key_event", "levels", "dormancy", "reuse", "direct" (last non-direct,
            transforms that remove direct touches), "repeats" (other transforms), "two_touch", "half_life",
            "decay_unit", "model". Steps that are not listed follow in this order.
        average: The mean over all orders instead of one; at most 6 steps may differ.

    Returns:
        Channel, credit_a, one column per step that differs, credit_b, gap.

    Raises:
        InputError: For credits of different tables or keys, an unknown model or step, more than 6 steps to average.

    References: docs/methods/explain-difference.md.

    Example:
        >>> import attribution as at, pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-20 09:00Z", "2026-10-21 09:00Z"])
        >>> touches = pd.DataFrame({"person_id": "p1", "time": when, "channel": ["sms", "phone", "push"]})
        >>> conversions = pd.DataFrame({"person_id": ["p1"], "time": when[2:], "conversion_id": ["order-1"]})
        >>> month = at.attribute(touches, conversions, models="linear")
        >>> week = at.attribute(touches, conversions, models="last_touch", rules=at.Rules(lookback="7d"))
        >>> rows = at.explain_difference(month, week).to_dicts()
        >>> [(row["channel"], round(row["change_window"], 4), round(row["change_model"], 4)) for row in rows]
        [('phone', 0.1667, -0.5), ('push', 0.1667, 0.5), ('sms', -0.3333, 0.0), ('(none)', 0.0, 0.0)]
    """
    _check(credit_a, credit_b, measure, order)
    first = Setting(rules=credit_a.journeys.rules, model=_model(credit_a, model_a, "model_a"))
    second = Setting(rules=credit_b.journeys.rules, model=_model(credit_b, model_b, "model_b"))
    changes = {change.step: change for change in changes_between(first, second)}
    steps = [step for step in dict.fromkeys((*order, *STEPS)) if step in changes]
    world = _World(credit_a, credit_b, first, second, measure)
    if average and len(steps) > _MOST_AVERAGED:
        raise InputError(
            f"{len(steps)} steps differ ({', '.join(steps)}); averaging over all orders takes at most "
            f"{_MOST_AVERAGED}. Leave average out, or bring the rules closer first."
        )
    groups = _groups(world, steps)
    parts = _averaged(world, groups) if average else _in_order(world, groups)
    groups = tuple(parts)
    records = _table(world, parts)
    recipe = Recipe(
        method="explain_difference",
        settings={
            "model_a": first.model.name,
            "model_b": second.model.name,
            "measure": measure,
            "order": tuple("+".join(group) for group in groups),
            "average": average,
        },
        fingerprint=_data(credit_a.journeys),
    )
    return Difference(
        records=records,
        steps=groups,
        changes=tuple(changes[step] for step in steps),
        averaged=average,
        recipe=recipe,
    )


def _check(credit_a: Credit, credit_b: Credit, measure: str, order: Sequence[str]) -> None:
    for name, credit in (("credit_a", credit_a), ("credit_b", credit_b)):
        if not isinstance(credit, Credit):
            raise InputError(f"{name} must be a Credit of journeys, got {type(credit).__name__}.")
    if measure not in ("conversions", "value"):
        raise InputError(f"measure must be 'conversions' or 'value', got {measure!r}.")
    if measure == "value" and not credit_a.journeys.conversions.has_value:
        raise InputError("the conversions have no value. Write measure='conversions'.")
    for step in (order,) if isinstance(order, str) else order:
        if isinstance(order, str) or step not in STEPS:
            raise InputError(f"order must hold names of steps, got {order!r}. {closest(str(step), STEPS)}")
    if credit_a.cells.keys != credit_b.cells.keys:
        keys = [", ".join(key.name for key in credit.cells.keys) for credit in (credit_a, credit_b)]
        raise InputError(f"the credits have different keys: {keys[0]} and {keys[1]}. Use by(...) on one of them.")
    if _data(credit_a.journeys) != _data(credit_b.journeys):
        raise InputError(
            "the credits rest on different tables: persons, times, channels, conversions or values differ. A "
            "difference of rules shows only on the same touches and conversions."
        )


def _data(journeys: Journeys) -> str:
    """A fingerprint of the two tables that does not depend on the rules."""
    touches, conversions = journeys.touches, journeys.conversions
    left = {"person": touches.person, "time": touches.time, "channel": touches.channel.names[touches.channel.codes]}
    right = {
        "person": conversions.person,
        "time": conversions.time,
        "conversion": conversions.conversion,
        "value": conversions.value,
    }
    return fingerprint(left) + fingerprint(right)


def _model(credit: Credit, name: str | None, argument: str) -> Model:
    """The model as declared; a model of paths is fitted anew under every rule."""
    known = {model.name: model for model in credit.models}
    if name is None and len(known) > 1:
        listed = ", ".join(map(repr, known))
        raise InputError(f"the credit has several models: write {argument}= as one of {listed}.")
    found = next(iter(known.values())) if name is None else known.get(name)
    if found is None:
        raise InputError(f"{argument} must be a model of the credit, got {name!r}. {closest(str(name), known)}")
    return found.model if isinstance(found, FittedModel) else found


class _World:
    """Credit under every mixture of two settings, each computed once."""

    def __init__(self, credit_a: Credit, credit_b: Credit, first: Setting, second: Setting, measure: str) -> None:
        self.first, self.second, self.measure = first, second, measure
        self.keys: tuple[Key, ...] = credit_a.cells.keys
        self.ends = self._read(credit_a, first.model.name), self._read(credit_b, second.model.name)
        self.journeys = _richer(credit_a.journeys, credit_b.journeys)
        self._known: dict[frozenset[str], Values] = {}

    def values(self, chosen: frozenset[str]) -> Values:
        """Credit per key with the chosen steps of the second setting."""
        if chosen not in self._known:
            mixed = compose(self.first, self.second, chosen)
            credit = self.journeys.with_rules(mixed.rules).attribute([mixed.model])
            if len(self.keys) != 1 or self.keys[0].column:
                credit = credit.by([f"{key.side}.{key.column}" for key in self.keys])
            self._known[chosen] = self._read(credit, mixed.model.name)
        return self._known[chosen]

    def possible(self, chosen: frozenset[str]) -> bool:
        """Whether the mixture is a consistent set of rules."""
        try:
            self.values(chosen)
        except InputError:
            return False
        return True

    def _read(self, credit: Credit, model: str) -> Values:
        rows = table_rows(credit)
        place = [found.name for found in credit.models].index(model)
        sums = (credit.sums.conversions if self.measure == "conversions" else credit.sums.value)[place]
        amounts = [0.0 if cell < 0 else float(sums[cell]) for cell in rows.cell.tolist()]
        return dict(zip(zip(*rows.keys, strict=True), amounts, strict=True))


def _richer(first: Journeys, second: Journeys) -> Journeys:
    """The journeys that can be put under both rules: further tables may have been given to one side only."""
    try:
        first.with_rules(second.rules)
    except InputError:
        return second
    return first


def _groups(world: _World, steps: list[str]) -> tuple[Group, ...]:
    """The steps in order; one that gives no consistent rules alone goes together with the next."""
    groups: list[Group] = []
    chosen: frozenset[str] = frozenset()
    pending: Group = ()
    for place, step in enumerate(steps):
        pending = (*pending, step)
        if place == len(steps) - 1 or world.possible(chosen | frozenset(pending)):
            groups.append(pending)
            chosen, pending = chosen | frozenset(pending), ()
    return tuple(groups)


def _in_order(world: _World, groups: tuple[Group, ...]) -> dict[Group, Values]:
    parts: dict[Group, Values] = {}
    chosen: frozenset[str] = frozenset()
    for group in groups:
        before, chosen = world.values(chosen), chosen | frozenset(group)
        parts[group] = _minus(world.values(chosen), before)
    return parts


def _averaged(world: _World, groups: tuple[Group, ...]) -> dict[Group, Values]:
    """The Shapley value of every group: its change, averaged over all orders."""
    groups = _all_possible(world, groups)
    size = len(groups)
    parts: dict[Group, Values] = {}
    for group in groups:
        others = [other for other in groups if other != group]
        total: Values = {}
        for count in range(size):
            weight = factorial(count) * factorial(size - count - 1) / factorial(size)
            for picked in combinations(others, count):
                base = _union(picked)
                change = _minus(world.values(base | frozenset(group)), world.values(base))
                for key, amount in change.items():
                    total[key] = total.get(key, 0.0) + weight * amount
        parts[group] = total
    return parts


def _all_possible(world: _World, groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """Groups of which every subset gives consistent rules: those that do not are merged."""
    for count in range(1, len(groups)):
        for picked in combinations(groups, count):
            if not world.possible(_union(picked)):
                other = next(group for group in groups if group not in picked)
                pair = (picked[0], other)
                merged = tuple(step for group in groups if group in pair for step in group)
                rest = [group for group in groups if group not in pair]
                place = min(groups.index(group) for group in pair)
                return _all_possible(world, (*rest[:place], merged, *rest[place:]))
    return groups


def _union(groups: Sequence[Group]) -> frozenset[str]:
    return frozenset(step for group in groups for step in group)


def _minus(left: Values, right: Values) -> Values:
    return {key: left.get(key, 0.0) - right.get(key, 0.0) for key in (*right, *left)}


def _table(world: _World, parts: dict[Group, Values]) -> Records:
    first, second = world.ends
    found = dict.fromkeys((*first, *second, *(key for part in parts.values() for key in part)))
    keys = sorted(found, key=lambda key: NONE in key)  # in the order of the credit table, "(none)" last
    gap = _minus(second, first)
    _check_sums(world, parts, gap)
    kind: Literal["count", "money"] = "count" if world.measure == "conversions" else "money"
    columns: list[tuple[Field, Any]] = [
        (Field(key.name, "text"), [key_values[place] for key_values in keys]) for place, key in enumerate(world.keys)
    ]
    columns.append((Field("credit_a", kind), [first.get(key, 0.0) for key in keys]))
    for group, part in parts.items():
        columns.append((Field(f"change_{'_'.join(group)}", kind), [part.get(key, 0.0) for key in keys]))
    columns.append((Field("credit_b", kind), [second.get(key, 0.0) for key in keys]))
    columns.append((Field("gap", kind), [gap.get(key, 0.0) for key in keys]))
    return Records(tuple(field for field, _ in columns), tuple(values for _, values in columns))


def _check_sums(world: _World, parts: dict[Group, Values], gap: Values) -> None:
    """The parts must sum to the gap between the two credits as they were given."""
    size = max((abs(value) for values in world.ends for value in values.values()), default=0.0)
    for key, whole in gap.items():
        found = sum(part.get(key, 0.0) for part in parts.values())
        if abs(found - whole) > _TOLERANCE * max(size, 1.0):
            if not _same(world.values(frozenset(STEPS)), world.ends[1], size) or not _same(
                world.values(frozenset()), world.ends[0], size
            ):
                raise InputError(
                    "the credits differ in more than rules and model: customers=, key_events=, identity= or observed= "
                    "were given to one of them only, or differ, or the tables differ in a further column that a rule "
                    "reads (kind, origin, a matched column). Build both with the same."
                )
            raise ConservationError(f"the parts of the gap of {key!r} sum to {found!r}, expected {whole!r}.")


def _same(left: Values, right: Values, size: float) -> bool:
    return all(abs(amount) <= _TOLERANCE * max(size, 1.0) for amount in _minus(left, right).values())
