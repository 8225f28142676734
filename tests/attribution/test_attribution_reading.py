"""Credit over time, hand-overs, reach, lengths and waiting times: against plain loops, and at their edges."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import attribution as at
from attribution.journeys import eligibility
from oracles import reading

LOOKBACK = timedelta(days=10)
RULES = at.Rules(lookback="10d")
CHANNELS = ["sms", "push", "phone", "短信"]
MODELS = ["first_touch", "last_touch", "linear"]


def world(seed: int, *, persons: int = 12, touches: int = 60, conversions: int = 14):
    """Random rows with many ties of time, as dicts and as tables."""
    r = np.random.default_rng(seed)
    start = datetime(2026, 10, 20, 15, 0, tzinfo=UTC)

    def moment():
        return start + timedelta(minutes=int(r.integers(0, 20 * 24 * 2)) * 30)

    left = [
        {
            "person": f"p{r.integers(persons)}",
            "time": moment(),
            "channel": CHANNELS[r.integers(4)],
            "touch": f"t{row:03d}",
        }
        for row in range(touches)
    ]
    # Ties of one person's time are ordered by touch id when there is one; here it follows the channel.
    for row, touch in enumerate(sorted(left, key=lambda t: (t["channel"], t["touch"]))):
        touch["touch"] = f"t{row:03d}"
    right = [
        {"person": f"p{r.integers(persons + 2)}", "time": moment(), "id": f"o{row}", "value": float(r.integers(1, 90))}
        for row in range(conversions)
    ]
    return left, right


def tables(left, right, shuffle: int | None = None):
    touches = pd.DataFrame(left).rename(columns={"person": "person_id", "touch": "touch_id"})
    conversions = pd.DataFrame(right).rename(columns={"person": "person_id", "id": "conversion_id"})
    if shuffle is not None:
        touches, conversions = (
            touches.sample(frac=1, random_state=shuffle),
            conversions.sample(frac=1, random_state=shuffle),
        )
    return touches, conversions


def credit_of(left, right, *, models=MODELS, shuffle=None):
    return at.attribute(*tables(left, right, shuffle), models=models, rules=RULES)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("period", ["day", "week", "month"])
@pytest.mark.parametrize("where", ["conversion", "touch"])
def test_credit_over_time_is_that_of_plain_loops(seed, period, where):
    left, right = world(seed)
    found = credit_of(left, right).over_time(period, at=where, timezone="Asia/Shanghai")
    for model in MODELS:
        expected = reading.over_time(
            left, right, model, period=period, at=where, zone="Asia/Shanghai", lookback=LOOKBACK
        )
        rows = [row for row in found.to_dicts() if row["model"] == model]
        got = {(row["period"], row["channel"]): (row["conversions"], row["value"]) for row in rows}
        assert len(got) == len(rows)
        for key, entry in expected.items():
            assert got.pop(key) == pytest.approx(entry, rel=1e-12)
        assert all(entry == (0.0, 0.0) for entry in got.values())


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_the_calendar_is_complete_and_sums_to_the_credit_table(period):
    left, right = world(4)
    credit = credit_of(left, right)
    for where in ("conversion", "touch"):
        frame = credit.over_time(period, at=where).table()
        summed = frame.groupby(["model", "channel"], sort=False)[["conversions", "value"]].sum()
        whole = credit.table().set_index(["model", "channel"])[["conversions", "value"]]
        pd.testing.assert_frame_equal(summed.loc[whole.index], whole, rtol=1e-9)
        days = list(dict.fromkeys(frame["period"]))
        assert all(reading.next_period(a, period) == b for a, b in pairwise(days))
        assert len(frame) == len(days) * len(whole)
        if period == "week":
            assert {day.weekday() for day in days} == {0}


def test_days_follow_the_zone_and_its_clock_changes():
    # Berlin leaves summer time on 2026-10-25 at 01:00 UTC: that day has 25 hours, from 22:00Z to 23:00Z.
    moments = ["2026-10-24T21:59:59Z", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z"]
    conversions = pd.DataFrame(
        {"person_id": list("abcd"), "time": pd.to_datetime(moments), "conversion_id": list("wxyz")}
    )
    touches = pd.DataFrame({"person_id": list("abcd"), "time": pd.to_datetime(moments), "channel": ["sms"] * 4})
    credit = at.attribute(touches, conversions, models="linear")
    berlin = credit.over_time(timezone="Europe/Berlin").wide()
    assert berlin["sms"].to_dict() == {date(2026, 10, 24): 1.0, date(2026, 10, 25): 2.0, date(2026, 10, 26): 1.0}
    utc = credit.over_time()
    assert utc.timezone == "UTC"
    assert utc.wide()["sms"].to_dict() == {date(2026, 10, 24): 2.0, date(2026, 10, 25): 2.0}
    shanghai = credit.over_time(timezone="Asia/Shanghai")
    assert shanghai.wide()["sms"].to_dict() == {date(2026, 10, 25): 2.0, date(2026, 10, 26): 2.0}


def test_the_zone_that_the_columns_name_is_the_default():
    touches = pd.DataFrame({"person_id": ["a"], "time": ["2026-03-01 10:00"], "channel": ["sms"]})
    conversions = pd.DataFrame({"person_id": ["a"], "time": ["2026-03-02"], "conversion_id": ["o"]})
    columns = {
        "touches": at.Columns(timezone="Asia/Shanghai"),
        "conversions": at.Columns(timezone="Asia/Shanghai", precision="day"),
    }
    found = at.attribute(touches, conversions, models="linear", columns=columns).over_time()
    assert found.timezone == "Asia/Shanghai"
    assert [row["period"] for row in found.to_dicts()] == [date(2026, 3, 2)] * 2  # a booking stays on its day
    assert "Asia/Shanghai" in repr(found)


def test_models_of_paths_are_read_inside_journeys_and_say_so():
    left, right = world(5, touches=120)
    credit = credit_of(left, right, models=[at.Markov(), "linear"])
    found = credit.over_time("week")
    assert found.readings == ("markov",)
    inside = {row["channel"]: row["inside_conversions"] for row in credit.readings().to_dicts()}
    summed = found.table().query("model == 'markov'").groupby("channel")["conversions"].sum()
    assert {name: summed[name] for name in inside} == pytest.approx(inside, rel=1e-9)
    assert "markov: credit inside journeys" in repr(found)
    assert "inside" not in repr(credit_of(left, right).over_time("week"))


def test_keys_other_than_the_channel_have_their_own_calendar():
    left, right = world(6)
    touches, conversions = tables(left, right)
    credit = at.attribute(touches.assign(campaign="c1"), conversions, models="linear", rules=RULES)
    found = credit.by(["campaign", "channel"]).over_time("month")
    assert [field.name for field in found.records.fields] == [
        "model", "period", "campaign", "channel", "conversions", "value",
    ]  # fmt: skip
    assert found.wide(measure="value").to_numpy().sum() == pytest.approx(conversions["value"].sum())


def test_wrong_words_are_answered():
    left, right = world(7)
    credit = credit_of(left, right)
    with pytest.raises(at.InputError, match=r"period must be one of day, week, month, got 'weeks'"):
        credit.over_time("weeks")
    with pytest.raises(at.InputError, match=r'at must be "conversion" or "touch"'):
        credit.over_time(at="click")
    for zone in ("Mars/Base", "../etc/passwd", "", 8):
        with pytest.raises(at.InputError, match=r"timezone must be an IANA name"):
            credit.over_time(timezone=zone)
    with pytest.raises(at.InputError, match=r"model must be one of"):
        credit.over_time().wide()
    with pytest.raises(at.InputError, match=r"measure must be"):
        credit.over_time().wide("linear", measure="cost")


def test_without_a_conversion_there_is_no_period():
    left, right = world(8)
    touches, conversions = tables(left, right)
    found = at.attribute(touches, conversions.iloc[:0]).over_time()
    assert found.to_dicts() == []
    assert "Credit by day" in repr(found)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("of", ["all", "journeys"])
@pytest.mark.parametrize("within", ["30min", "20h", "5d"])
def test_hand_overs_are_those_of_plain_loops(seed, of, within):
    left, right = world(seed, touches=90)
    limit = {"30min": timedelta(minutes=30), "20h": timedelta(hours=20), "5d": timedelta(days=5)}[within]
    found = credit_of(left, right).journeys.hand_overs(within, of=of, converted_within="4d", top=1000)
    expected = reading.hand_overs(
        left, right, within=limit, of=of, lookback=LOOKBACK, converted_within=timedelta(days=4)
    )
    got = {(row.pop("from_channel"), row.pop("to_channel")): row for row in found.to_dicts()}
    assert set(got) == set(expected)
    for key, row in got.items():
        assert row.pop("converted_share") == pytest.approx(row["converted"] / row["count"])
        assert row == pytest.approx(expected[key])
    runs = {row["path"]: (row["count"], row["persons"]) for row in found.chains.to_dicts()}
    assert runs == reading.chains(left, right, within=limit, of=of, lookback=LOOKBACK)
    assert found.distinct_chains == len(runs)
    counts = [row["count"] for row in found.chains.to_dicts()]
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize("of", ["all", "journeys"])
def test_with_ends_what_goes_in_comes_out(of):
    left, right = world(9, touches=120)
    found = credit_of(left, right).journeys.hand_overs("1d", of=of, ends=True)
    into, out, share = {}, {}, {}
    for row in found.to_dicts():
        out[row["from_channel"]] = out.get(row["from_channel"], 0) + row["count"]
        into[row["to_channel"]] = into.get(row["to_channel"], 0) + row["count"]
        share[row["from_channel"]] = share.get(row["from_channel"], 0) + row["share_of_from"]
    for channel in {touch["channel"] for touch in left}:
        assert into[channel] == out[channel]
    assert sum(out[channel] for channel in out if channel != "(start)") == found.touches
    assert out["(start)"] == into["(none)"] + into["(conversion)"]
    assert share == pytest.approx(dict.fromkeys(share, 1.0))
    matrix = found.matrix()
    assert matrix.loc["(start)"].sum() == out["(start)"]
    assert "(start)" not in matrix.columns
    assert "(none)" not in matrix.index


def minutes(*found):
    return pd.to_datetime("2026-10-01 09:00Z") + pd.to_timedelta(list(found), unit="min")


def test_the_edge_of_the_window_and_ends_by_hand():
    touches = pd.DataFrame(
        {"person_id": list("aaab"), "time": minutes(0, 60, 121, 0), "channel": ["push", "sms", "phone", "push"]}
    )
    conversions = pd.DataFrame({"person_id": ["a"], "time": minutes(181), "conversion_id": ["o"]})
    journeys = at.build_journeys(touches, conversions)
    found = journeys.hand_overs("60min", ends=True)
    rows = {
        (row["from_channel"], row["to_channel"]): (row["count"], row["median_gap_minutes"]) for row in found.to_dicts()
    }
    assert rows == {
        ("push", "sms"): (1, 60.0),
        ("(start)", "phone"): (1, None),
        ("(start)", "push"): (2, None),
        ("phone", "(conversion)"): (1, 60.0),
        ("push", "(none)"): (1, None),
        ("sms", "(none)"): (1, None),
    }
    assert journeys.hand_overs("61min").chains.to_dicts() == [
        {"path": "push > sms > phone", "length": 3, "count": 1, "persons": 1}
    ]
    assert journeys.hand_overs("61min", of="journeys").touches == 3
    assert found.within == "1h"


def test_touches_that_the_rules_withhold_hand_nothing_over():
    touches = pd.DataFrame(
        {
            "person_id": list("aaa"), "time": minutes(0, 10, 20), "channel": ["push", "app", "sms"],
            "origin": ["outbound", "inbound", "outbound"],
        }
    )  # fmt: skip
    conversions = pd.DataFrame({"person_id": ["a", "a"], "time": minutes(0, 20), "conversion_id": ["o", "p"]})
    journeys = at.build_journeys(touches, conversions, rules=at.Rules(origin="outbound"))
    assert [row["path"] for row in journeys.hand_overs().chains.to_dicts()] == ["push > sms"]
    assert journeys.reach().matrix().loc["app"].sum() == 0
    (row,) = journeys.hand_overs(converted_within="0d").to_dicts()
    assert row["converted"] == 1  # at the very time of the second touch
    assert at.build_journeys(touches, conversions).lengths().median == 1  # of 1 and 3


def test_hand_overs_refuse_what_they_cannot_mean():
    touches = pd.DataFrame({"person_id": ["a"], "time": minutes(0), "channel": ["(start)"]})
    conversions = pd.DataFrame({"person_id": ["a"], "time": minutes(1), "conversion_id": ["o"]})
    journeys = at.build_journeys(touches, conversions)
    with pytest.raises(at.InputError, match=r"within must be a duration with its unit, got 60"):
        journeys.hand_overs(60)
    with pytest.raises(at.InputError, match=r'of must be "all" or "journeys"'):
        journeys.hand_overs(of="persons")
    with pytest.raises(at.InputError, match=r"top must be a whole number"):
        journeys.hand_overs(top=0)
    with pytest.raises(at.InputError, match=r"a channel is called '\(start\)'"):
        journeys.hand_overs(ends=True)
    with pytest.raises(at.InputError, match=r"measure must be one of count, persons"):
        journeys.hand_overs().matrix("converted")
    assert journeys.hand_overs().to_dicts() == []
    assert "Hand-overs within 1h" in repr(journeys.hand_overs())


@pytest.mark.parametrize("seed", range(4))
def test_reach_is_that_of_plain_loops(seed):
    left, right = world(seed, touches=30)
    found = credit_of(left, right).journeys.reach()
    both, alone = reading.reach(left, right)
    rows = found.to_dicts()
    assert {(r["channel"], r["other_channel"]): (r["persons"], r["converting_persons"]) for r in rows} == both
    own = {r["channel"]: (r["only_persons"], r["only_converting"]) for r in rows if r["channel"] == r["other_channel"]}
    assert own == alone
    touched = {touch["person"] for touch in left}
    assert found.persons == len(touched)
    assert found.converting_persons == len(touched & {conversion["person"] for conversion in right})
    matrix = found.matrix()
    assert (matrix.to_numpy() == matrix.to_numpy().T).all()
    assert found.matrix("share_of_channel").to_numpy().diagonal() == pytest.approx(1.0)
    for row in rows:
        assert row["share_of_channel"] == row["persons"] / both[row["channel"], row["channel"]][0]
        assert row["share_of_touched"] == row["persons"] / found.persons
    with pytest.raises(at.InputError, match=r"measure must be one of persons, share_of_channel"):
        found.matrix("only_persons")


@pytest.mark.parametrize("seed", range(3))
def test_lengths_and_waiting_times_are_those_of_plain_loops(seed):
    left, right = world(seed)
    journeys = credit_of(left, right).journeys
    paths = {c["id"]: reading.journey(left, c, LOOKBACK) for c in right}
    lengths = journeys.lengths()
    for row in lengths.to_dicts():
        mine = [c for c in right if len(paths[c["id"]]) == row["length"]]
        assert row["conversions"] == len(mine)
        assert row["value"] == pytest.approx(sum(c["value"] for c in mine))
        assert row["share_of_all"] == len(mine) / len(right)
    touched = sorted(len(path) for path in paths.values() if path)
    assert lengths.mean == pytest.approx(np.mean(touched))
    assert lengths.median == np.quantile(touched, 0.5, method="inverted_cdf")
    found = journeys.time_to_conversion(bin="12h")
    for since, place in (("first_touch", 0), ("last_touch", -1)):
        waits = [(c["time"] - paths[c["id"]][place]["time"]) / timedelta(days=1) for c in right if paths[c["id"]]]
        rows = [row for row in found.to_dicts() if row["since"] == since]
        assert [row["from_days"] for row in rows] == pytest.approx([0.5 * number for number in range(len(rows))])
        for row in rows:
            inside = [wait for wait in waits if row["from_days"] <= wait < row["to_days"]]
            assert row["conversions"] == len(inside)
            assert row["share"] == pytest.approx(len(inside) / len(waits))
            assert row["cumulative_share"] == pytest.approx(np.mean([wait < row["to_days"] for wait in waits]))
        quantiles = {row["quantile"]: row["days"] for row in found.quantiles.to_dicts() if row["since"] == since}
        expected = {share: np.quantile(waits, share, method="inverted_cdf") for share in quantiles}
        assert quantiles == pytest.approx(expected)
        assert found.median(since) == quantiles[0.5]


def test_waiting_times_refuse_widths_that_cannot_be():
    journeys = credit_of(*world(1)).journeys
    with pytest.raises(at.InputError, match=r"bin must be longer than 0"):
        journeys.time_to_conversion(bin="0d")
    with pytest.raises(at.InputError, match=r"more than 100,000 bins"):
        journeys.time_to_conversion(bin="1ms")
    with pytest.raises(at.InputError, match=r"bin must be a duration with its unit"):
        journeys.time_to_conversion(bin=1)


def test_without_a_touched_conversion_all_readings_are_empty():
    touches = pd.DataFrame({"person_id": ["a"], "time": minutes(0), "channel": ["sms"]})
    conversions = pd.DataFrame({"person_id": ["b"], "time": minutes(1), "conversion_id": ["o"]})
    journeys = at.build_journeys(touches, conversions)
    assert journeys.lengths().to_dicts() == [
        {"length": 0, "conversions": 1, "value": None, "share_of_attributed": None, "share_of_all": 1.0}
    ]
    assert journeys.lengths().median is None
    assert journeys.time_to_conversion().to_dicts() == []
    assert journeys.time_to_conversion().median("first_touch") is None
    assert journeys.hand_overs(ends=True).table()["count"].sum() == 2
    assert journeys.reach().persons == 1
    for shown in (journeys.lengths(), journeys.time_to_conversion(), journeys.hand_overs(), journeys.reach()):
        assert repr(shown)
        assert shown._repr_html_().startswith("<div")


@pytest.mark.parametrize("seed", range(3))
def test_paths_with_null_journeys_tell_the_rate_of_each(seed):
    left, right = world(seed, touches=120)
    journeys = credit_of(left, right).journeys
    plain = {row["path"]: row for row in journeys.paths(None).to_dicts()}
    counted: dict[str, list[float]] = {}
    for conversion in right:
        path = " > ".join(touch["channel"] for touch in reading.journey(left, conversion, LOOKBACK))
        if path:
            counted.setdefault(path, []).append(conversion["value"])
    assert {path: (row["conversions"], row["value"]) for path, row in plain.items()} == {
        path: (len(values), sum(values)) for path, values in counted.items()
    }
    both = journeys.paths(None, nulls=True).to_dicts()
    assert sum(row["nulls"] for row in both) == journeys.path_counts().nulls.sum()
    assert {row["path"] for row in both if row["conversions"]} == set(plain)
    for row in both:
        assert row["conversion_rate"] == row["conversions"] / (row["conversions"] + row["nulls"])
    assert journeys.paths(3, nulls=True).to_dicts() == both[:3]
    assert "conversion rate" in repr(journeys.paths(nulls=True))


def test_small_pieces_change_nothing(monkeypatch):
    left, right = world(12, touches=150, conversions=40)

    def readings():
        credit = credit_of(left, right)
        journeys = credit.journeys
        return [
            credit.over_time("day", at="touch").table(), journeys.hand_overs("2d", of="journeys", ends=True).table(),
            journeys.lengths().table(), journeys.time_to_conversion().table(), journeys.paths(None).table(),
        ]  # fmt: skip

    whole = readings()
    monkeypatch.setattr(eligibility, "PAIR_BUDGET", 3)
    for one, other in zip(whole, readings(), strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-12)


def test_events_say_which_reading_their_weights_are():
    left, right = world(5, touches=120)
    events = credit_of(left, right, models=[at.Markov(), "linear"]).touches()
    assert dict(events.reading) == {"markov": "inside", "linear": "rule"}
    assert [field.name for field in events.records.fields] == [
        "person_id", "conversion_id", "time", "channel", "model", "weight", "conversions", "value",
    ]  # fmt: skip
    assert "markov: credit inside journeys" in repr(events)
    assert "Two readings" in repr(events)
    assert events.recipe.method == "attribution"
    plain = credit_of(left, right).touches()
    assert set(plain.reading.values()) == {"rule"}
    assert plain.both is None
    assert "inside" not in repr(plain)


def test_the_order_of_the_rows_changes_nothing():
    left, right = world(10, touches=150)
    shown = []
    for shuffle in (None, 1, 2):
        credit = credit_of(left, right, shuffle=shuffle)
        journeys = credit.journeys
        shown.append(
            [
                credit.over_time("day", timezone="Asia/Tokyo").to_dicts(),
                credit.over_time("week", at="touch").to_dicts(),
                journeys.hand_overs("2d", ends=True, converted_within="3d").to_dicts(),
                journeys.hand_overs("2d").chains.to_dicts(),
                journeys.reach().to_dicts(),
                journeys.lengths().to_dicts(),
                journeys.time_to_conversion().to_dicts(),
            ]
        )
    assert shown[0] == shown[1] == shown[2]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_reading_shows_itself_in_both_languages(lang):
    left, right = world(11, touches=200, conversions=40)
    credit = credit_of(left, right)
    journeys = credit.journeys
    results = [
        credit.over_time("day"), credit.over_time("week", at="touch"), credit.over_time("month"),
        journeys.hand_overs("1d", ends=True, converted_within="1d"), journeys.hand_overs("1d", of="journeys"),
        journeys.reach(), journeys.lengths(), journeys.time_to_conversion(),
    ]  # fmt: skip
    with at.language(lang):
        for result in results:
            for text in (repr(result), result.to_markdown(), result._repr_html_()):
                assert any("\u4e00" <= letter <= "\u9fff" for letter in text.replace("短信", "")) == (lang == "zh")
