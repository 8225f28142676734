"""States at a date: boundaries to the microsecond, the future unseen, registered and closed customers, groups."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from oracles import customer_states as oracle

END = pd.Timestamp("2026-07-01", tz="UTC")
MICRO = pd.Timedelta(microseconds=1)


def _log(*rows: tuple[str, object]) -> pd.DataFrame:
    person, time = zip(*rows, strict=True)
    return pd.DataFrame({"person_id": person, "time": pd.to_datetime(list(time), utc=True)})


def _states(log: object, **options: object) -> dict[str, str]:
    found = ex.customer_states(log, **{"as_of": "2026-06-30", **options}).table()
    return dict(zip(found["person_id"], found["state"], strict=True))


def test_both_limits_belong_to_the_state_before_them_to_the_microsecond():
    dormant, churned = pd.Timedelta(days=180), pd.Timedelta(days=720)
    log = _log(
        ("a", END - MICRO), ("b", END - dormant), ("c", END - dormant - MICRO), ("d", END - churned),
        ("e", END - churned - MICRO), ("f", END),
    )  # fmt: skip
    found = _states(log)
    assert found == {"a": "active", "b": "active", "c": "dormant", "d": "dormant", "e": "churned"}


def test_an_instant_includes_its_own_act_and_a_date_ends_before_the_next_midnight():
    log = _log(("a", END), ("b", END - MICRO))
    assert _states(log) == {"b": "active"}
    assert _states(log, as_of=datetime(2026, 7, 1, tzinfo=UTC)) == {"a": "active", "b": "active"}
    assert _states(log, as_of=END.to_pydatetime() - timedelta(microseconds=1)) == {"b": "active"}


@pytest.mark.parametrize("given", [date(2026, 6, 30), "2026-06-30", np.datetime64("2026-06-30")])
def test_every_way_to_write_a_date_is_that_date(given: object):
    log = _log(("a", END - pd.Timedelta(days=180)), ("b", END - MICRO), ("c", END))
    assert _states(log, as_of=given) == {"a": "active", "b": "active"}


def test_day_precision_counts_days_from_the_day_of_the_act_even_across_a_change_of_clocks():
    days = pd.DataFrame({"person_id": ["a", "b"], "time": ["2026-01-02", "2026-01-01"]})
    days["time"] = pd.to_datetime(days["time"])
    for zone in ("Asia/Shanghai", "Europe/Berlin"):  # Berlin's summer time begins in between
        columns = at.Columns(precision="day", timezone=zone)
        # 2 January to 1 July is 180 days, 1 January to 1 July 181.
        assert _states(days, as_of="2026-06-30", columns=columns) == {"a": "active", "b": "active"}
        assert _states(days, as_of="2026-07-01", columns=columns) == {"a": "active", "b": "dormant"}
        assert _states(days, as_of="2026-07-02", columns=columns) == {"a": "dormant", "b": "dormant"}


def test_days_are_whole_where_the_clocks_skip_a_midnight():
    # In São Paulo 15 October 2017 began at 01:00: 180 days after 18 April, and 180 days before 13 April.
    columns = at.Columns(precision="day", timezone="America/Sao_Paulo")
    days = pd.DataFrame({"person_id": ["a", "b", "b"], "time": ["2017-04-18", "2017-10-15", "2018-04-13"]})
    days["time"] = pd.to_datetime(days["time"])
    assert _states(days, as_of="2017-10-15", columns=columns) == {"a": "active", "b": "active"}
    assert _states(days[:2], as_of="2018-04-14", columns=columns) == {"a": "dormant", "b": "dormant"}
    whole = {"start": "2017-10-15", "end": "2018-04-13", "columns": columns}
    assert ex.customer_flows(days, **whole).left_and_returned == 0
    assert ex.customer_flows(days, dormant_after="179d", **whole).left_and_returned == 1
    skipped = pd.DataFrame({"person_id": ["c", "c"], "time": pd.to_datetime(["2017-04-18", "2017-10-15"])})
    assert ex.customer_flows(skipped, **{**whole, "start": "2017-04-18"}).left_and_returned == 0


def test_later_acts_change_no_state():
    log = _log(("a", "2026-01-05"), ("b", "2025-01-05"))
    more = pd.concat([log, _log(("a", "2026-08-01"), ("b", END), ("c", "2027-01-01"))])
    assert _states(log) == _states(more)
    assert [one.code for one in ex.customer_states(more, as_of="2026-06-30").findings] == ["ACTS_AFTER_AS_OF"]


def _registered() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "person_id": ["a", "b", "c", "d", "later"],
            "time": pd.to_datetime(["2020-01-01"] * 4 + ["2026-08-01"], utc=True),
            "closed_at": pd.to_datetime([None, "2026-03-01", "2026-05-01", "2026-05-01", None], utc=True),
            "source": ["web", "web", "branch", "branch", "web"],
        }
    )


def test_registered_customers_have_a_state_without_any_act_and_closed_accounts_are_churned():
    log = _log(("a", "2026-06-01"), ("b", "2026-06-01"), ("c", "2026-04-01"), ("stranger", "2026-06-01"))
    found = ex.customer_states(log, as_of="2026-06-30", registered=_registered(), by="source")
    rows = found.table().set_index("person_id")
    # b acted after the account was closed, so it is open; c did not; d never acted.
    assert rows["state"].to_dict() == {
        "a": "active",
        "b": "active",
        "c": "churned",
        "d": "churned",
        "stranger": "active",
    }
    assert rows["source"].to_dict()["stranger"] == ""
    assert {one.code: one.values for one in found.findings}["REGISTERED_LATER"]["later"] == 1
    assert {one.code: one.values for one in found.findings}["ACTED_UNREGISTERED"]["persons"] == 1
    shares = found.by_group.to_pandas()
    assert shares[shares["group"] == "branch"]["customers"].tolist() == [0, 0, 2, 0]
    assert found.counts == {"active": 3, "dormant": 0, "churned": 2, "not_yet": 0}


def test_an_account_closed_on_a_day_is_closed_at_its_end():
    log = _log(("a", "2026-04-01T10:00:00"), ("b", "2026-04-02T10:00:00"))
    people = pd.DataFrame({"person_id": ["a", "b"], "closed_at": pd.to_datetime(["2026-04-01", "2026-04-01"])})
    columns = {"customers": at.Columns(precision="day", timezone="UTC")}
    assert _states(log, registered=people, columns=columns) == {"a": "churned", "b": "active"}
    instant = {"as_of": "2026-04-01T12:00:00Z", "registered": people, "columns": columns}
    assert _states(log[:1], **instant) == {"a": "active", "b": "not_yet"}


def test_a_registered_customer_who_has_not_acted_is_not_yet():
    found = ex.customer_states(_log(("a", "2026-06-01")), as_of="2026-06-30", registered=_registered()[["person_id"]])
    assert found.counts == {"active": 1, "dormant": 0, "churned": 0, "not_yet": 4}


def test_a_group_out_of_the_log_beside_a_list_of_customers():
    log = _log(("a", "2026-06-01"), ("b", "2026-06-02")).assign(city=["x", "y"])
    people = pd.DataFrame({"person_id": ["a", "b", "silent"]})
    found = ex.customer_states(log, as_of="2026-06-30", by="city", registered=people)
    assert found.table()["city"].tolist() == ["x", "y", ""]
    with_none = ex.customer_states(log.assign(city=["x", None]), as_of="2026-06-30", by="city", registered=people)
    assert with_none.table()["city"].tolist() == ["x", "", ""]
    whole = ex.customer_states(log, as_of="2026-06-30", by="city", registered=people[:2])
    assert whole.table()["city"].tolist() == ["x", "y"]


def test_a_group_out_of_the_log_belongs_to_the_customer():
    log = _log(("a", "2026-06-01"), ("a", "2026-06-02"), ("b", "2026-06-02")).assign(city=["x", "x", "y"])
    assert ex.customer_states(log, as_of="2026-06-30", by="city").table()["city"].tolist() == ["x", "y"]
    with pytest.raises(at.WakeLiftError, match="'city' changes within 1 persons, for example 'a'"):
        ex.customer_states(log.assign(city=["x", "y", "y"]), as_of="2026-06-30", by="city")


def test_numbers_as_groups_become_text_beside_customers_without_one():
    people = pd.DataFrame({"person_id": ["a", "b"], "tier": [1, 2]})
    found = ex.customer_states(
        _log(("a", "2026-06-01"), ("x", "2026-06-01")), as_of="2026-06-30", registered=people, by="tier"
    )
    assert found.table()["tier"].tolist() == ["1", "2", ""]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"dormant_after": "720d", "churned_after": "720d"}, "churned_after must be longer than dormant_after"),
        ({"dormant_after": 180}, "dormant_after must be a duration with its unit"),
        ({"as_of": "2020-01-01"}, "none of them before 2020-01-01"),
        ({"by": "state"}, "is the name of a column of the result"),
        ({"by": "nowhere"}, "nowhere"),
    ],
)
def test_what_cannot_be_read_is_refused(options: dict[str, object], told: str):
    with pytest.raises(at.WakeLiftError, match=told):
        _states(_log(("a", "2026-06-01")), **options)


def test_a_customer_listed_twice_and_keys_of_another_kind_are_refused():
    log = _log(("a", "2026-06-01"))
    with pytest.raises(at.TableError, match="REPEATED_PERSON"):
        _states(log, registered=pd.DataFrame({"person_id": ["a", "a"]}))
    with pytest.raises(at.TableError, match="KEY_TYPE_MISMATCH"):
        _states(log, registered=pd.DataFrame({"person_id": [1, 2]}))


def test_states_agree_with_a_loop_over_customers_whatever_the_table_and_the_order(table_kind):
    draw = np.random.default_rng(3)
    moments = pd.Timestamp("2023-01-01", tz="UTC") + pd.to_timedelta(draw.integers(0, 1300, 400), unit="D")
    log = pd.DataFrame({"person_id": [f"客户{k}" for k in draw.integers(0, 60, 400)], "time": moments})
    log = log[log["time"] < END].reset_index(drop=True)
    known = oracle.by_customer(log["person_id"], log["time"])
    limits = pd.Timedelta(days=180), pd.Timedelta(days=720)
    wanted = {person: oracle.state(times, END, *limits, inclusive=False) for person, times in known.items()}
    assert _states(table_kind(log)) == wanted
    assert _states(table_kind(log.iloc[::-1])) == wanted


def test_a_log_that_falls_silent_before_its_date_is_told():
    draw = np.random.default_rng(1)
    days = draw.uniform(0.0, 300.0, 500)
    log = pd.DataFrame({"person_id": draw.integers(0, 90, 500), "time": END - pd.to_timedelta(days, unit="D")})
    assert not ex.customer_states(log, as_of="2026-06-30").findings
    for found in (
        ex.customer_states(log, as_of="2026-07-20"),
        ex.customer_flows(log, start="2026-03-31", end="2026-07-20"),
        ex.retention(log, as_of="2026-07-20"),
    ):
        told = {one.code: one.values for one in found.findings}["LOG_ENDS_EARLY"]
        assert (told["last"], told["as_of"]) == ("2026-06-30", "2026-07-20")
    # Acts as rare as those of a small log are no alarm, nor is a week's silence.
    rare = log.assign(time=END - pd.to_timedelta(days * 20.0, unit="D"))
    assert not ex.customer_states(rare, as_of="2026-07-20").findings
    assert not ex.customer_states(log, as_of="2026-07-06").findings


def test_results_print_in_both_languages_and_are_tables():
    found = ex.customer_states(_log(("a", "2026-06-01")), as_of="2026-06-30")
    assert "States of customers at 2026-06-30 (customers: 1)" in repr(found)
    with at.language("zh"):
        assert "活跃" in repr(found)
        assert "180 天" in repr(found)
    assert (
        found.recipe.fingerprint == ex.customer_states(_log(("a", "2026-06-01")), as_of="2026-06-30").recipe.fingerprint
    )
