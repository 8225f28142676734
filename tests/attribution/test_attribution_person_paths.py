"""Null journeys and counted paths against plain loops; the two readings of a model of paths."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

import attribution as at
from attribution.journeys.sequences import number_sequences
from attribution.models.fitted import FittedModel, fit_model
from oracles.null_journeys import null_journeys, served

START = datetime(2026, 10, 1, tzinfo=UTC)
HOUR = 3_600_000_000
LOOKBACK = {"sms": 30 * HOUR, "phone": 10 * HOUR, "*": 50 * HOUR}
RULES = {"sms": "30h", "phone": "10h", "*": "50h"}


def world(seed, *, persons=12, touches=60, conversions=14):
    """Touches and conversions on whole hours, so that ties and exact window ends occur."""
    rng = np.random.default_rng(seed)
    left = [
        {
            "person": f"p{rng.integers(persons)}",
            "time": int(rng.integers(200)) * HOUR,
            "channel": str(rng.choice(["sms", "phone", "push", "search"])),
            "touch_id": f"t{index:03d}",
        }
        for index in range(touches)
    ]
    right = [
        {"person": f"p{rng.integers(persons + 3)}", "time": int(rng.integers(200)) * HOUR, "id": f"c{index:03d}"}
        for index in range(conversions)
    ]
    return left, right


def tables(touches, conversions):
    left = pd.DataFrame(touches).rename(columns={"person": "person_id"})
    right = pd.DataFrame(conversions).rename(columns={"person": "person_id", "id": "conversion_id"})
    for frame in (left, right):
        frame["time"] = [START + timedelta(microseconds=time) for time in frame["time"]]
    right["value"] = [float(name.removeprefix("c")) + 1 for name in right["conversion_id"]]
    return left, right


def built(touches, conversions, **rules):
    left, right = tables(touches, conversions)
    return at.build_journeys(left, right, rules=at.Rules(lookback=RULES, **rules))


def path_texts(paths):
    return [
        tuple(str(paths.channel_names[code]) for code in paths.channel[begin:end])
        for begin, end in zip(paths.offsets[:-1], paths.offsets[1:], strict=True)
    ]


@pytest.mark.parametrize("reuse", ["shared", "first"])
@pytest.mark.parametrize("seed", range(40))
def test_null_journeys_are_those_of_plain_loops(seed, reuse):
    touches, conversions = world(seed)
    end = max(row["time"] for row in [*touches, *conversions])
    expected, still_open, departed = null_journeys(touches, conversions, LOOKBACK, end, reuse)
    entries = built(touches, conversions, reuse=reuse).person_paths()
    texts = path_texts(entries.paths)
    nulls = entries.nulls > 0
    assert Counter(texts[path] for path in entries.path[nulls]) == Counter(path for _, path in expected)
    by_person = Counter(entries.person[nulls].tolist()).values()
    assert sorted(by_person) == sorted(Counter(person for person, _ in expected).values())
    assert (entries.open, entries.departed) == (still_open, departed)


@pytest.mark.parametrize("seed", range(10))
def test_converting_paths_carry_their_conversions_and_value(seed):
    touches, conversions = world(seed)
    journeys = built(touches, conversions)
    used, _ = served(touches, conversions, LOOKBACK, "shared")
    entries = journeys.person_paths()
    assert entries.conversions.sum() == journeys.summary().touched_conversions
    expected = {row["path"]: (row["conversions"], row["value"]) for row in journeys.paths(top=None).to_dicts()}
    paths = entries.paths
    found = {
        " > ".join(text): (conversions, pytest.approx(value))
        for text, conversions, value in zip(path_texts(paths), paths.conversions, paths.value, strict=True)
        if conversions
    }
    assert expected == found
    touched = sum(len(text) * null for text, null in zip(path_texts(paths), paths.nulls, strict=True))
    assert touched <= len(touches) - len(used)


def test_the_order_of_the_rows_changes_no_path():
    touches, conversions = world(3)
    first = built(touches, conversions).person_paths()
    second = built(touches[::-1], conversions[::-1]).person_paths()
    for name in ("person", "path", "conversions", "value", "nulls"):
        assert getattr(first, name).tolist() == getattr(second, name).tolist()
    assert first.paths.channel.tolist() == second.paths.channel.tolist()


def test_long_sequences_are_told_apart_beyond_one_integer():
    rng = np.random.default_rng(5)
    rows = [rng.integers(40, size=30) for _ in range(6)]
    near = rows[0].copy()
    near[0] = (near[0] + 1) % 40
    journeys = [rows[place] for place in rng.integers(6, size=200)] + [near]
    counts = np.array([len(row) for row in journeys])
    number, offsets, steps = number_sequences(counts, np.concatenate(journeys), 40)
    assert len(offsets) - 1 == len({tuple(row) for row in journeys})
    for row, place in zip(journeys, number.tolist(), strict=True):
        assert steps[offsets[place] : offsets[place + 1]].tolist() == row.tolist()


def test_no_journeys_give_no_sequences():
    number, offsets, steps = number_sequences(np.empty(0, np.int64), np.empty(0, np.int64), 3)
    assert (len(number), offsets.tolist(), len(steps)) == (0, [0], 0)


class Fixed:
    """A model of paths with given shares."""

    name, needs = "fixed", "paths"

    def __init__(self, **shares):
        self.given = shares

    def shares(self, paths):
        return np.array([self.given.get(name, 0.0) for name in paths.channel_names])


def small():
    when = pd.to_datetime([f"2026-10-0{day} 09:00Z" for day in range(1, 8)])
    touches = pd.DataFrame(
        {
            "person_id": ["p1", "p1", "p1", "p2", "p3"],
            "time": when[:5],
            "channel": ["sms", "phone", "sms", "phone", "push"],
        }
    )
    conversions = pd.DataFrame(
        {"person_id": ["p1", "p2"], "time": when[5:], "conversion_id": ["a", "b"], "value": [100.0, 10.0]}
    )
    observed = ("2026-10-01T00:00:00Z", "2026-12-31T00:00:00Z")  # long enough for the push to have failed
    return {"touches": touches, "conversions": conversions, "observed": observed}


def test_channel_totals_are_shares_of_the_touched_and_the_reading_divides_each_journey():
    credit = at.attribute(**small(), models=[Fixed(sms=0.5, phone=0.2, push=0.3), "linear"])
    rows = {row["channel"]: row for row in credit.readings().to_dicts()}
    assert {name: row["conversions"] for name, row in rows.items()} == {"sms": 1.0, "phone": 0.4, "push": 0.6}
    assert {name: row["value"] for name, row in rows.items()} == {"sms": 55.0, "phone": 22.0, "push": 33.0}
    assert rows["sms"]["inside_conversions"] == pytest.approx(0.5 / 0.7)
    assert rows["phone"]["inside_conversions"] == pytest.approx(0.2 / 0.7 + 1)
    assert rows["phone"]["inside_value"] == pytest.approx(100 * 0.2 / 0.7 + 10)
    weights = credit.touches().table().query("model == 'fixed' and conversion_id == 'a'")["weight"].tolist()
    assert weights == pytest.approx([0.25 / 0.7, 0.2 / 0.7, 0.25 / 0.7])
    by_day = credit.by(("channel", "conversion.conversion_id")).table().query("model == 'fixed'")
    assert by_day["conversions"].sum() == pytest.approx(2.0)
    assert "credit inside journeys differs" in repr(credit)


def test_a_journey_without_shares_is_divided_equally_over_its_channels():
    fitted = FittedModel(model=Fixed(), channel_names=np.array(["a", "b"], object), shares=np.array([1.5, -0.5]))
    j = at.JourneyArrays.of([["b", "b"], ["a", "b", "b"]], ages_seconds=[[1.0, 0.0], [2.0, 1.0, 0.0]])
    assert fitted.weights(j).tolist() == [0.5, 0.5, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Fixed(sms=0.5), "sum to 0.5"),
        (Fixed(sms=0.4, phone=float("nan")), "not finite"),
    ],
)
def test_shares_that_do_not_sum_to_one_are_refused(model, message):
    with pytest.raises(at.WakeLiftError, match=message):
        at.attribute(**small(), models=[model])


def test_a_share_for_a_channel_in_no_path_is_refused():
    class Loud(Fixed):
        def shares(self, paths):
            return np.full(len(paths.channel_names), 1 / len(paths.channel_names))

    paths = at.build_journeys(**small()).path_counts()
    silent = type(paths)(
        offsets=paths.offsets,
        channel=paths.channel,
        channel_names=np.array([*paths.channel_names, "zzz"], object),
        conversions=paths.conversions,
        value=paths.value,
        nulls=paths.nulls,
    )
    with pytest.raises(at.InputError, match="no path"):
        fit_model(Loud(), silent)


def test_readings_need_a_model_of_paths_and_channels():
    credit = at.attribute(**small(), models=["linear"])
    with pytest.raises(at.InputError, match="no model of this credit is fitted"):
        credit.readings()
    with pytest.raises(at.InputError, match="exist for channels only"):
        credit.by("conversion_id").readings()
    with pytest.raises(at.InputError, match="is a model of single journeys"):
        credit.fit("linear")
