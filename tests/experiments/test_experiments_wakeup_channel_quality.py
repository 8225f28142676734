"""Sources of acquisition against plain loops, and the flag."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import attribution as at
import experiments as ex
from oracles import channel_quality as oracle

END = pd.Timestamp("2026-01-01", tz="UTC")


def world(seed, persons=300, days=1_000):
    rng = np.random.default_rng(seed)
    source = rng.choice(np.array(["rebate", "branch", "搜索", " ", None], dtype=object), persons)
    people = pd.DataFrame({"person_id": rng.permutation(persons * 2)[:persons], "source": source})
    rows = []
    for person in [*people.person_id[: persons - 30], -5]:
        time = pd.Timestamp("2023-06-01", tz="UTC") + pd.Timedelta(days=int(rng.integers(0, days)))
        for _ in range(int(rng.integers(1, 7))):
            rows.append((person, time, float(np.round(rng.normal(50, 30), 2))))
            time += pd.Timedelta(days=int(rng.choice([0, 10, 60, 90, 91, 200])))
    return people, pd.DataFrame(rows, columns=["person_id", "time", "value"])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("days", "lost_by"), [(90, 2), (90, 1), (60, 3)])
def test_figures_agree_with_loops(seed, days, lost_by):
    people, log = world(seed)
    found = ex.channel_quality(people, log, as_of="2025-12-31", silent_after=f"{days}d", lost_by=lost_by, value="value")
    expected = oracle.quality(people, log, end=END, silence=pd.Timedelta(days=days), lost_by=lost_by)
    rows = {row["source"]: row for row in found.to_dicts()}
    assert set(rows) == {*expected, "(all)"}
    for name, one in expected.items():
        row = rows[name]
        assert (row["customers"], row["bought"], row["observed"]) == (one["customers"], one["bought"], one["observed"])
        assert row["lost"] == pytest.approx(one["lost"] / one["observed"])
        assert row["purchases"] == pytest.approx(np.mean(one["purchases"]))
        assert row["value"] == pytest.approx(np.mean(one["value"]))
        counts = [row["customers"] for row in found.purchases().to_dicts() if row["source"] == name]
        assert counts == [sum(min(k, 5) == n for k in one["purchases"]) for n in range(1, 6)]
        rest = [other for key, other in expected.items() if key != name]
        share = sum(other["lost"] for other in rest) / sum(other["observed"] for other in rest)
        assert row["rest_lost"] == pytest.approx(share)
    codes = [finding.code for finding in found.findings]
    assert "BUYERS_NOT_LISTED" in codes
    assert "SOURCE_UNKNOWN" in codes


def test_the_flag_needs_more_than_the_margin_and_holm():
    persons = 4_000
    people = pd.DataFrame({"person_id": range(persons), "source": [f"s{i % 4}" for i in range(persons)]})
    first = pd.Timestamp("2024-01-01", tz="UTC")
    lost = [(i // 4) % 10 < (8 if i % 4 == 0 else 6 if i % 4 == 1 else 5) for i in range(persons)]
    rows = [(i, first) for i in range(persons)]
    rows += [(i, first + pd.Timedelta(days=20 * n)) for i in range(persons) if not lost[i] for n in (1, 2)]
    log = pd.DataFrame(rows, columns=["person_id", "time"])
    words = {}
    for margin in (0.0, 0.05, 0.3):
        found = ex.channel_quality(people, log, as_of="2025-12-31", margin=margin).to_dicts()
        words[margin] = [row["deal_hunters"] for row in found]
        p = [row["p_value"] for row in found[:-1]]
        assert [row["p_adjusted"] for row in found[:-1]] == list(ex.adjust_pvalues(p, method="holm"))
        flags = [row["p_adjusted"] < 0.025 for row in found[:-1]]
        assert flags == [word == "flagged" for word in words[margin][:-1]]
    assert words[0.0] == ["flagged", "undecided", "no", "no", None]
    assert words[0.05] == ["flagged", "no", "no", "no", None]
    assert words[0.3] == ["no", "no", "no", "no", None]  # 0.8 against 0.533


def test_risk_set_depends_on_the_first_purchase_only():
    """Who stopped early is decided early; a rule that took all decided customers would call the young source worse."""
    people = pd.DataFrame({"person_id": range(200), "source": ["old"] * 100 + ["young"] * 100})
    old, young = pd.Timestamp("2024-01-01", tz="UTC"), pd.Timestamp("2025-05-01", tz="UTC")
    rows = []
    for i in range(200):
        start = old if i < 100 else young
        rows.append((i, start))
        if i % 2:  # half go on, the second purchase after 170 days, the third after 340
            rows += [(i, start + pd.Timedelta(days=170)), (i, start + pd.Timedelta(days=340))]
    log = pd.DataFrame(rows, columns=["person_id", "time"])
    rows = ex.channel_quality(people, log, as_of="2025-12-31").to_dicts()
    assert rows[0]["lost"] == 0.5
    assert (rows[1]["observed"], rows[1]["lost"], rows[1]["note"]) == (0, None, "NOBODY_AT_RISK")
    assert rows[1]["deal_hunters"] is None


@pytest.mark.parametrize(("gap", "lost"), [("180D", 0.0), ("181D", 1.0)])
def test_silence_is_closed_at_its_end(gap, lost):
    start = pd.Timestamp("2024-01-01", tz="UTC")
    second = start + pd.Timedelta(gap)
    log = pd.DataFrame({"person_id": 1, "time": [start, second, second]})  # two acts at one instant are two acts
    people = pd.DataFrame({"person_id": [1], "source": ["a"]})
    found = ex.channel_quality(people, log, as_of="2026-01-01").to_dicts()[0]
    assert found["lost"] == lost
    assert found["note"] == "NO_REST; ONE_PERSON"


def test_the_last_moment_of_follow_up_is_known():
    people = pd.DataFrame({"person_id": [1, 2], "source": ["a", "b"]})
    end = pd.Timestamp("2026-01-01", tz="UTC")
    first = end - pd.Timedelta(days=360)
    log = pd.DataFrame({"person_id": [1, 2], "time": [first, first - pd.Timedelta(microseconds=1)]})
    rows = ex.channel_quality(people, log, as_of="2025-12-31").to_dicts()
    assert [row["observed"] for row in rows] == [0, 1, 1]


def test_cost_and_new_customers():
    people, log = world(7)
    people["source"] = np.where(np.arange(300) % 3 == 0, "x", "y")
    people["new"] = np.arange(300) % 2 == 0
    people["assets"] = np.arange(300)
    found = ex.channel_quality(
        people, log, as_of="2025-12-31", spend={"x": 500.0, "z": 9.0}, effective="assets", at_least=150, new="new"
    )
    rows = {row["source"]: row for row in found.to_dicts()}
    assert rows["x"]["cost_per_customer"] == 5.0
    assert rows["x"]["cost_per_effective"] == 10.0
    assert rows["x"]["share_new"] == 0.5
    assert rows["y"]["cost_per_effective"] is None
    assert "NO_SPEND" in rows["y"]["note"]
    assert rows["z"]["customers"] == 0
    assert rows["(all)"]["cost"] is None
    same = ex.effective_customers(people, effective="assets", at_least=150, by="source", spend={"x": 500.0, "z": 9.0})
    assert same.to_dicts()[0]["cost_per_effective_high"] == rows["x"]["cost_per_effective_high"]
    assert "SPEND_MISSING" in [finding.code for finding in found.findings]


def test_row_order_and_table_kind_change_nothing():
    people, log = world(5)
    kept = (people.copy(), log.copy())
    call = {"as_of": "2025-12-31", "value": "value", "silent_after": "60d"}
    found = ex.channel_quality(people, log, **call)
    again = ex.channel_quality(people.sample(frac=1, random_state=1), log.sample(frac=1, random_state=2), **call)
    assert found.to_dicts() == again.to_dicts()
    other = ex.channel_quality(pl.from_pandas(people), pl.from_pandas(log), **call)
    assert other.to_dicts() == found.to_dicts()
    pd.testing.assert_frame_equal(people, kept[0])
    pd.testing.assert_frame_equal(log, kept[1])
    with at.language("zh"):
        shown = repr(found)
        drawn = found.plot()
    assert "羊毛党" in shown
    assert "流失" in drawn.title
    assert found.plot().records.column("source")[-1] == "(all)"


def test_hostile_source_names_are_shown_on_one_line():
    people = pd.DataFrame({"person_id": [1, 2, 3], "source": ["<b>a\nb</b>", "|x|", "a"]})
    log = pd.DataFrame({"person_id": [1, 2, 3], "time": pd.Timestamp("2020-01-01", tz="UTC")})
    found = ex.channel_quality(people, log, as_of="2026-01-01")
    assert "<b>" not in found._repr_html_()
    assert "a b</b>" in repr(found)
    assert "svg" in found.plot()._repr_html_()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"silent_after": 180}, '"180d" for days'),
        ({"silent_after": "0d"}, "longer than 0"),
        ({"lost_by": 0}, "lost_by must be a whole number"),
        ({"at_least": 3.0}, "needs effective="),
        ({"effective": "person_id", "at_least": "3"}, "at_least must be a finite number"),
        ({"source": "lost"}, "source='lost' is the name of a column of the result"),
        ({"margin": 1.0}, "margin must be a share"),
        ({"margin": True}, "margin must be a share"),
        ({"source": "sorce"}, "Did you mean 'source'"),
        ({"value": "worth"}, "MISSING_COLUMN"),
        ({"as_of": "2010-01-01"}, "none of them before"),
        ({"new": "source"}, "WRONG_TYPE"),
        ({"columns": {"custmers": at.Columns()}}, "unknown table 'custmers'. Did you mean 'customers'"),
    ],
)
def test_bad_input_is_told(change, message):
    people, log = world(1, persons=40)
    with pytest.raises(ex.WakeLiftError, match=message):
        ex.channel_quality(people, log, **{"as_of": "2025-12-31", **change})


def test_keys_of_two_kinds_are_refused():
    people, log = world(1, persons=40)
    with pytest.raises(ex.TableError, match="KEY_TYPE_MISMATCH"):
        ex.channel_quality(people.astype({"person_id": str}), log, as_of="2025-12-31")


def test_nothing_to_draw_when_nobody_is_observed():
    people = pd.DataFrame({"person_id": [1], "source": ["a"]})
    log = pd.DataFrame({"person_id": [1], "time": [pd.Timestamp("2025-12-01", tz="UTC")]})
    found = ex.channel_quality(people, log, as_of="2025-12-31")
    assert "QUALITY_TOO_RECENT" in [finding.code for finding in found.findings]
    with pytest.raises(ex.InputError, match="no source has an observed customer"):
        found.plot()


def test_one_purchase_is_judged_as_nth_purchase_judges_it():
    _, log = world(5)
    everybody = pd.DataFrame({"person_id": log.person_id.unique(), "source": "all"})
    call = {"as_of": "2025-12-31", "silent_after": "90d"}
    first = ex.nth_purchase(log, **call).to_dicts()[0]
    row = ex.channel_quality(everybody, log, lost_by=1, **call).to_dicts()[-1]
    assert (row["observed"], row["lost"]) == (first["reached"], first["stopped"] / first["reached"])
    # No late returns and nobody too recent: then those lost by the second are those who stopped at either.
    ranked = log.sort_values(["person_id", "time"])
    gap = ranked.groupby("person_id").time.diff() > pd.Timedelta(days=90)
    kept = ranked[~gap.groupby(ranked.person_id).cummax()]
    kept = kept[kept.groupby("person_id").time.transform("max") < END - pd.Timedelta(days=200)]
    one, two = ex.nth_purchase(kept, **call).to_dicts()[:2]
    both = ex.channel_quality(everybody, kept, **call).to_dicts()[-1]
    assert both["observed"] == one["reached"]
    assert both["lost"] == (one["stopped"] + two["stopped"]) / one["reached"]


def test_days_in_a_time_zone_and_columns_of_other_names():
    people = pd.DataFrame({"客户号": ["甲", "乙"], "source": ["x", "y"]})
    log = pd.DataFrame({"客户": ["甲", "甲", "乙"], "日期": pd.to_datetime(["2023-01-01", "2023-06-30", "2023-02-01"])})
    day = at.Columns(person="客户", time="日期", timezone="Asia/Shanghai", precision="day")
    naive = at.Columns(person="客户", time="日期")
    columns = {"customers": at.Columns(person="客户号"), "events": day}
    rows = ex.channel_quality(people, log, as_of="2025-01-01", columns=columns).to_dicts()
    assert [(row["source"], row["lost"], row["purchases"]) for row in rows[:2]] == [("x", 1.0, 2.0), ("y", 1.0, 1.0)]
    columns["events"] = naive
    with pytest.raises(ex.TableError, match="NAIVE_TIME"):
        ex.channel_quality(people, log, as_of="2025-01-01", columns=columns)
