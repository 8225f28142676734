"""The engine's credit against the credit of the same rows in memory, and tables with everything that can tie."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

import attribution as at
from attribution.core.columns import columns_for
from attribution.engines.spec import EngineKey, RuleShare
from attribution.engines.sums import count_touches, engine_attribute_sums, open_engine

RTOL = 1e-9
START = datetime(2026, 10, 1, 8, 30, tzinfo=UTC)

# Each model as memory knows it, and as the engine is told about it.
MODELS = {
    at.FirstTouch(): RuleShare(kind="first"),
    at.LastTouch(): RuleShare(kind="last"),
    at.LastNonDirect(direct=("sms",)): RuleShare(kind="last_non_direct", direct=("sms",)),
    at.Linear(): RuleShare(kind="linear"),
    at.TimeDecay(half_life="36h"): RuleShare(kind="time_decay", half_life_microseconds=36 * 3_600_000_000),
    at.TimeDecay(half_life="2d", unit="whole_days", name="days"): RuleShare(
        kind="time_decay", half_life_microseconds=48 * 3_600_000_000, whole_days=True
    ),
    at.TimeDecay(half_life="1s", name="steep"): RuleShare(kind="time_decay", half_life_microseconds=1_000_000),
    at.PositionBased(): RuleShare(kind="position_based"),
    at.PositionBased(first=0.2, last=0.6, name="late"): RuleShare(
        kind="position_based", first=0.2, last=0.6, of_two=0.25
    ),
}

# Rules that the graph holds; with and without match, kinds, origins.
RULES = {
    "default": at.Rules(),
    "short": at.Rules(lookback="2d"),
    "open": at.Rules(lookback="2d", window="open"),
    "whole days": at.Rules(lookback="2d", window="whole_days"),
    "calendar": at.Rules(lookback="1d", window="calendar_days", timezone="Europe/Berlin"),
    "exclude": at.Rules(lookback="2d", same_instant="exclude"),
    "by channel": at.Rules(lookback={"sms": "1d", ("phone", "click"): "12h", ("*", "sent"): "3d", "*": "5d"}),
    "outbound": at.Rules(origin="outbound", lookback="4d"),
    "match": at.Rules(match=("product",)),
    "first": at.Rules(reuse="first", lookback="3d"),
    "reset": at.Rules(reuse="reset", lookback="3d"),
    "reset by channel": at.Rules(reuse="reset", lookback={"sms": "1d", "*": "4d"}, match=("product",)),
    "from": at.Rules(not_before=START + timedelta(days=1)),
    "declared": at.Rules(tie_order=("sms", ("phone", "click"), ("*", "sent"))),
}
KEYS = (("channel",), ("campaign",), ("product",), ("channel", "shop"), ("campaign", "channel"), ("shop",))


def engine_table(lazy, rules=None, columns=None, keys=("channel",)):
    """Credit by model and key from the engine, as {(model, *key): (conversions, value)}, and the graph."""
    roles = {name: columns_for(columns, name) for name in ("touches", "conversions")}
    graph = open_engine(*lazy, rules=rules or at.Rules(), columns=roles)
    where = [_side(graph, key) for key in keys]
    sums = engine_attribute_sums(graph, shares=list(MODELS.values()), keys=where)
    found = {}
    texts = [[_text(item) for item in sums.keys.column(place).to_pylist()] for place in range(len(keys))]
    both = {key.side for key in where} == {"touch", "conversion"}
    for group, alone in enumerate(sums.untouched.tolist()):
        named = [
            "(none)" if alone and (key.side == "touch" or not both) else texts[place][group]
            for place, key in enumerate(where)
        ]
        for place, model in enumerate(MODELS):
            cell = (model.name, *named)
            given = (
                (sums.number[group], sums.worth[group])
                if alone
                else (sums.conversions[place, group], sums.value[place, group])
            )
            before = found.get(cell, (0.0, 0.0))
            found[cell] = (before[0] + float(given[0]), before[1] + float(given[1]))
    return found, graph, sums


def _side(graph, key):
    source = graph.touches.source
    if key in source.names:
        return EngineKey(side="touch", column=key)
    return EngineKey(side="conversion", column=key)


def _text(value):
    return "(missing)" if value is None else str(value)


def check_same(lazy, tables, rules=None, columns=None, keys=("channel",)):
    """Assert equal credit, to 1e-9 of the model's total, and equal counts."""
    credit = at.attribute(*tables, models=list(MODELS), rules=rules, columns=columns).by(keys)
    found, graph, sums = engine_table(lazy, rules, columns, keys)
    names = [key.name for key in credit.cells.keys]
    expected = {(row["model"], *(row[name] for name in names)): row for row in credit.to_dicts()}
    assert set(found) <= set(expected)
    for cell, row in expected.items():
        conversions, value = found.get(cell, (0.0, 0.0))
        np.testing.assert_allclose(conversions, row["conversions"], rtol=RTOL, atol=1e-12, err_msg=str(cell))
        if row["value"] is not None:
            np.testing.assert_allclose(value, row["value"], rtol=RTOL, atol=1e-9, err_msg=str(cell))
    assert sums.counted == len(credit.journeys.counted)
    assert sums.persons == len(credit.journeys.persons)
    check_counts(graph, credit)


def check_counts(graph, credit):
    """Assert that what became of the touches is counted as in memory."""
    counts = count_touches(graph)
    notes = {finding.code: finding.values for finding in credit.journeys.findings}
    assert counts.rows == graph.touches.facts.rows == credit.journeys.touches.table.rows
    told = {
        "TOUCHES_WITHOUT_CONVERSION": counts.rows - counts.converters,
        "AFTER_CONVERSION": counts.after,
        "INBOUND_TOUCHES": counts.inbound,
        "BEFORE_START": counts.early,
        "TOUCHES_NOT_ELIGIBLE": counts.converters - counts.inbound - counts.early - counts.after - counts.used,
        "LATER_CONVERSIONS": counts.later_conversions,
    }
    for code, number in told.items():
        assert number == (notes[code]["n"] if code in notes else 0), code
    if "TOUCHES_USED" in notes:
        assert counts.used == notes["TOUCHES_USED"]["n"]


_HOURS = st.sampled_from([0, 0, 1, 5, 24, 36, 47, 48, 49, 71, 72, 73, 96, 120])
_MICRO = st.sampled_from([0, 0, 0, 1, -1, 333_333])


def _time(hours, micro):
    return START + timedelta(hours=hours, microseconds=micro)


@st.composite
def tables(draw, touch_ids=None, text_ids=None):
    """Touches and conversions with ties, equal instants, window ends, repeated content, refunds and empty cells."""
    person = st.integers(1, 4)
    touches = draw(
        st.lists(
            st.tuples(
                person, _HOURS, _MICRO, st.sampled_from(["sms", "phone", "短信", "Zeta"]),
                st.sampled_from(["sent", "click"]),
                st.sampled_from(["outbound", "outbound", "inbound"]), st.sampled_from(["a", "b", None]),
                st.sampled_from(["loan", "card", None, " "]),
            ),
            max_size=40,
        )
    )  # fmt: skip
    bought = draw(
        st.lists(
            st.tuples(
                person, _HOURS, _MICRO, st.sampled_from([0.0, 10.0, 99.5, 1e6]),
                st.sampled_from(["loan", "card", None]),
                st.sampled_from(["north", "south", None]), st.sampled_from([0.0, 0.0, 0.0, 0.25, 1.0]),
            ),
            min_size=1,
            max_size=12,
        )
    )  # fmt: skip
    with_ids = draw(st.booleans()) if touch_ids is None else touch_ids
    text = draw(st.booleans()) if text_ids is None else text_ids
    order = draw(st.permutations(range(len(touches))))
    return touch_table(touches, order if with_ids else None, text), conversion_table(bought, text)


def _id(number, text):
    return f"{'aZ'[number % 2]}{number}" if text else number


def touch_table(rows, ids, text):
    columns = {
        "person_id": pa.array([_id(row[0], text) for row in rows], pa.string() if text else pa.int64()),
        "time": pa.array([_time(row[1], row[2]) for row in rows], pa.timestamp("us", "UTC")),
        "channel": pa.array([row[3] for row in rows], pa.string()),
        "kind": pa.array([row[4] for row in rows], pa.string()),
        "origin": pa.array([row[5] for row in rows], pa.string()),
        "campaign": pa.array([row[6] for row in rows], pa.string()),
        "product": pa.array([row[7] for row in rows], pa.string()),
    }
    if ids is not None:
        columns["touch_id"] = pa.array([_id(item, text) for item in ids], pa.string() if text else pa.int64())
    return pa.table(columns)


def conversion_table(rows, text):
    """The conversions, and a refund row for those with a refunded share."""
    kind = pa.string() if text else pa.int64()
    listed = [(place, *row[:6], None) for place, row in enumerate(rows)]
    listed += [
        (100 + place, row[0], row[1], row[2], -row[6] * row[3], row[4], row[5], place)
        for place, row in enumerate(rows)
        if row[6] and row[3]
    ]
    return pa.table(
        {
            "person_id": pa.array([_id(row[1], text) for row in listed], kind),
            "time": pa.array([_time(row[2], row[3]) for row in listed], pa.timestamp("us", "UTC")),
            "conversion_id": pa.array([_id(row[0], text) for row in listed], kind),
            "value": pa.array([row[4] for row in listed], pa.float64()),
            "product": pa.array([row[5] for row in listed], pa.string()),
            "shop": pa.array([row[6] for row in listed], pa.string()),
            "refund_of": pa.array([None if row[7] is None else _id(row[7], text) for row in listed], kind),
        }
    )


def drawn_tables(seed, rows=200, bought=60):
    """Larger tables of the same kind, the same for a seed; text ids for odd seeds, touch ids for every other two."""
    random = np.random.default_rng(seed)
    hours = [0, 0, 1, 5, 24, 36, 47, 48, 49, 71, 72, 73, 96, 120]
    micro = [0, 0, 0, 1, -1, 333_333]

    def one(choices):
        return choices[int(random.integers(len(choices)))]

    text, with_ids = seed % 2 == 1, seed // 2 % 2 == 1
    touches = [
        (
            int(random.integers(1, 10)), one(hours), one(micro), one(["sms", "phone", "短信", "Zeta"]),
            one(["sent", "click"]), one(["outbound", "inbound"]), one(["a", "b", None]),
            one(["loan", "card", None, " "]),
        )
        for _ in range(rows)
    ]  # fmt: skip
    conversions = [
        (
            int(random.integers(1, 10)), one(hours), one(micro), one([0.0, 10.0, 99.5, 1e6]),
            one(["loan", "card", None]), one(["north", "south", None]), one([0.0, 0.0, 0.0, 0.25, 1.0]),
        )
        for _ in range(bought)
    ]  # fmt: skip
    order = random.permutation(rows).tolist()
    return touch_table(touches, order if with_ids else None, text), conversion_table(conversions, text)
