"""Scenes: each against a loop over customers, boundaries, the future unseen byte for byte, scenes of one's own."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from oracles import scenes as oracle

MOMENT = pd.Timestamp("2026-07-01", tz="UTC")
HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)
EVENTS = ("register", "certify", "invest", "recharge_start", "recharge_done", "withdraw_start")
SCENES = {
    "before_first": ex.AtNth("invest", 0, after=("register", "certify")),
    "second": ex.AtNth("invest", 1),
    "few": ex.AtNth("invest", 2, to=3),
    "lapsed": ex.Lapsed("invest", "20d"),
    "lapsed_until": ex.Lapsed("invest", "20d", at_most="40d"),
    "dropped": ex.DropOut("recharge_start", "recharge_done", "48h", since="30d"),
    "dropped_ever": ex.DropOut("recharge_start", "recharge_done", "48h", since=None),
    "dropped_late": ex.DropOut("recharge_start", "recharge_done", "48h", since=None, late=True),
}


def _log(*rows: tuple[str, str, object]) -> pd.DataFrame:
    person, event, time = zip(*rows, strict=True)
    return pd.DataFrame({"person_id": person, "event": event, "time": pd.to_datetime(list(time), utc=True)})


def _people(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"person_id": list(names)})


def _drawn(seed: int = 4) -> tuple[pd.DataFrame, pd.DataFrame]:
    draw = np.random.default_rng(seed)
    rows = 900
    log = pd.DataFrame(
        {
            "person_id": [f"p{k}" for k in draw.integers(0, 160, rows)],
            "event": draw.choice(EVENTS, rows),
            "time": MOMENT + pd.to_timedelta(draw.integers(-60 * 24, 10 * 24, rows), unit="h"),
        }
    )
    people = pd.DataFrame({"person_id": [f"p{k}" for k in range(10, 170)]})
    hours = draw.integers(-24 * 20, 1, len(people))
    return people.assign(assigned=MOMENT + pd.to_timedelta(hours, unit="h"))[::-1], log


def _wanted(people: pd.DataFrame, log: pd.DataFrame, moments: dict[str, pd.Timestamp]) -> dict[str, list[bool]]:
    known = defaultdict(list)
    for person, event, time in zip(log["person_id"], log["event"], log["time"], strict=True):
        known[person].append((time, event))
    found = defaultdict(list)
    for person in sorted(people["person_id"]):
        moment = moments[person]
        done = oracle.before(known, person, moment)
        ends = ("recharge_start", "recharge_done")
        found["before_first"].append(oracle.at_nth(done, "invest", 0, 0, ("register", "certify")))
        found["second"].append(oracle.at_nth(done, "invest", 1, 1))
        found["few"].append(oracle.at_nth(done, "invest", 2, 3))
        found["lapsed"].append(oracle.lapsed(done, moment, "invest", 20 * DAY))
        found["lapsed_until"].append(oracle.lapsed(done, moment, "invest", 20 * DAY, 40 * DAY))
        found["dropped"].append(oracle.dropped_out(done, moment, ends, 48 * HOUR, 30 * DAY))
        found["dropped_ever"].append(oracle.dropped_out(done, moment, ends, 48 * HOUR))
        found["dropped_late"].append(oracle.dropped_out(done, moment, ends, 48 * HOUR, late=True))
    return dict(found)


def test_every_scene_agrees_with_a_loop_over_customers(table_kind):
    people, log = _drawn()
    found = ex.scenes(table_kind(people), table_kind(log), at=MOMENT.to_pydatetime(), scenes=SCENES)
    table = found.table()
    wanted = _wanted(people, log, dict.fromkeys(people["person_id"], MOMENT))
    assert table["person_id"].tolist() == sorted(people["person_id"])
    for name in SCENES:
        assert table[name].tolist() == wanted[name]
        assert 0 < found.counts[name] < len(table)
    assert set(wanted["dropped"]) == {True, False}


def test_each_customer_may_have_a_moment_of_its_own():
    people, log = _drawn()
    found = ex.scenes(people, log, at="assigned", scenes=SCENES).table()
    moments = dict(zip(people["person_id"], people["assigned"], strict=True))
    wanted = _wanted(people, log, moments)
    assert {name: found[name].tolist() for name in SCENES} == wanted
    assert found["evaluated_at"].tolist() == [moments[person] for person in sorted(people["person_id"])]


def test_events_at_the_moment_or_later_change_no_byte():
    people, log = _drawn()
    log = log[log["time"] < MOMENT]
    later = _log(*[(f"p{k}", event, MOMENT + k * HOUR) for k in range(40) for event in (*EVENTS, "unheard of")])
    one = ex.scenes(people, log, at=MOMENT.to_pydatetime(), scenes=SCENES)
    two = ex.scenes(
        people, pd.concat([later, log]).sample(frac=1.0, random_state=1), at=MOMENT.to_pydatetime(), scenes=SCENES
    )
    assert one.to_arrow().equals(two.to_arrow())
    assert repr(one) == repr(two)
    assert one.recipe.to_dict() == two.recipe.to_dict()


def test_boundaries_of_time_are_to_the_microsecond():
    micro = pd.Timedelta(microseconds=1)
    log = _log(
        ("a", "invest", MOMENT - 20 * DAY), ("b", "invest", MOMENT - 20 * DAY - micro),
        ("c", "invest", MOMENT - 40 * DAY), ("d", "invest", MOMENT - 40 * DAY - micro),
        ("e", "recharge_start", MOMENT - 48 * HOUR),
        ("f", "recharge_start", MOMENT - 48 * HOUR + micro), ("g", "recharge_start", MOMENT - 30 * DAY),
        ("h", "recharge_start", MOMENT - 30 * DAY - micro), ("i", "recharge_start", MOMENT - 72 * HOUR),
        ("i", "recharge_done", MOMENT - 24 * HOUR), ("j", "recharge_start", MOMENT - 72 * HOUR),
        ("j", "recharge_done", MOMENT - 24 * HOUR + micro), ("k", "invest", MOMENT),
    )  # fmt: skip
    found = (
        ex.scenes(_people(*"abcdefghijk"), log, at=MOMENT.to_pydatetime(), scenes=SCENES).table().set_index("person_id")
    )
    members = {name: "".join(found.index[found[name]]) for name in SCENES}
    assert members["second"] == "abcd"
    assert (members["lapsed"], members["lapsed_until"]) == ("bcd", "bc")
    assert (members["dropped"], members["dropped_ever"], members["dropped_late"]) == ("eg", "egh", "eghj")


def test_a_date_is_its_first_moment_in_the_declared_zone():
    log = _log(("a", "invest", "2026-06-30 15:59:59Z"), ("b", "invest", "2026-06-30 16:00:00Z"))
    columns = at.Columns(timezone="Asia/Shanghai")
    found = ex.scenes(_people("a", "b"), log, at="2026-07-01", scenes={"one": ex.AtNth("invest", 1)}, columns=columns)
    assert found.table()["one"].tolist() == [True, False]
    assert str(found.table()["evaluated_at"][0]) == "2026-07-01 00:00:00+08:00"


def test_dates_of_the_customers_stand_for_events():
    people = pd.DataFrame(
        {
            "person_id": ["a", "b", "c", "d"],
            "reg": pd.to_datetime(["2026-06-01", None, "2026-07-01", "2026-07-02"], utc=True),
        }
    )
    log = _log(("a", "other", "2026-06-01"), ("x", "invest", "2026-06-01"))
    named = {
        "new": ex.AtNth("invest", 0, after="register"),
        "old": ex.Lapsed("register", "20d"),
        "stuck": ex.DropOut("register", "invest", "1d", since=None),
    }
    found = ex.scenes(people, log, at="2026-07-01", dates={"register": "reg"}, scenes=named)
    assert {name: found.table()[name].tolist() for name in named} == {
        name: [True, False, False, False] for name in named
    }
    told = {one.code: one.values for one in found.findings}
    assert told["SCENE_STRANGERS"]["persons"] == 1
    assert told["SCENE_EVENT_UNSEEN"]["event"] == "invest"
    assert told["SCENE_EVENT_UNSEEN"]["known"] == "other"


def test_audiences_join_the_assignment_and_count_their_overlaps():
    people, log = _drawn()
    found = ex.scenes(people, log, at=MOMENT.to_pydatetime(), scenes=SCENES)
    own = found.audience("lapsed")
    assert own.table()["lapsed"].all()
    made = ex.assign(
        own, shares={"holdout": 0.5, "sms": 0.5}, salt="s", at=MOMENT.to_pydatetime(), strata="lapsed_until"
    )
    assert len(made.table()) == found.counts["lapsed"]
    assert set(made.table()["stratum"].map(str)) == {"True", "False"}
    row = next(row for row in found.overlaps().to_dicts() if (row["scene"], row["other"]) == ("lapsed_until", "lapsed"))
    assert (row["customers"], row["share"]) == (found.counts["lapsed_until"], 1.0)
    with pytest.raises(at.WakeLiftError, match=r"there is no scene 'laspsed'. Did you mean 'lapsed'"):
        found.audience("laspsed")


@dataclass(frozen=True)
class Twice:
    """A scene of somebody else's."""

    event: str
    answer: object = None

    @property
    def events(self) -> tuple[str, ...]:
        return (self.event,)

    def holds(self, history: object) -> object:
        return history.counts(self.event) == 2 if self.answer is None else self.answer

    def text(self, lang: str | None = None) -> str:
        return f"twice {self.event}"


def test_scenes_of_ones_own_are_scenes():
    log = _log(("a", "login", "2026-06-01"), ("a", "login", "2026-06-02"), ("b", "login", "2026-06-02"))
    found = ex.scenes(_people("a", "b"), log, at="2026-07-01", scenes={"两次": Twice("login")})
    assert found.table()["两次"].tolist() == [True, False]
    assert "twice login" in repr(found)
    with pytest.raises(at.WakeLiftError, match="must give one Boolean per customer"):
        ex.scenes(_people("a", "b"), log, at="2026-07-01", scenes={"two": Twice("login", np.ones(2))})


def test_the_standard_scenes_are_those_of_the_field():
    named = ex.standard_scenes(invest="buy", nth=3, certify=None, steps={"pay": ("pay_start", "pay_done")})
    assert [scene.text("en") for scene in named.values()] == [
        "buy, times so far: 0; done: register",
        "buy, times so far: 1",
        "buy, times so far: 3–4",
        "last buy more than 180d ago",
        "pay_start at most 30d ago, no pay_done since, 2h allowed",
    ]
    log = _log(("a", "register", "2026-06-01"))
    found = ex.scenes(_people("a"), log, at="2026-07-01")
    assert list(found.counts) == list(ex.standard_scenes())
    with at.language("zh"):
        assert "位客户所处场景" in repr(found)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"at": "soon"}, "at must be a date, an aware instant or a column of the customers"),
        ({"scenes": {}}, "scenes must be a mapping of names to scenes"),
        ({"scenes": {"person_id": ex.AtNth("invest", 1)}}, "a scene is named by text other than"),
        ({"scenes": {"x": "invest"}}, "the scene 'x' must be an AtNth"),
        ({"dates": {"registr": "reg"}}, "at which no scene looks. Did you mean 'register'"),
        ({"dates": {"register": "reg"}}, "names the column 'reg', which the customers lack"),
        ({"at": "2020-01-01"}, "none of them before"),
        ({"columns": {"events": at.Columns(event="kind")}}, "column 'kind' is missing"),
    ],
)
def test_what_cannot_be_used_is_refused(options: dict[str, object], told: str):
    log = _log(("a", "invest", "2026-06-01"))
    with pytest.raises(at.WakeLiftError, match=told):
        ex.scenes(_people("a"), log, **{"at": "2026-07-01", **options})


def test_nobody_and_customers_listed_twice_are_refused():
    log = _log(("a", "invest", "2026-06-01"))
    with pytest.raises(at.WakeLiftError, match="REPEATED_PERSON"):
        ex.scenes(_people("a", "a"), log, at="2026-07-01")
    with pytest.raises(at.WakeLiftError, match="there is nobody to mark"):
        ex.scenes(_people("a")[:0], log, at="2026-07-01")
    with pytest.raises(at.WakeLiftError, match="KEY_TYPE_MISMATCH"):
        ex.scenes(pd.DataFrame({"person_id": [1]}), log, at="2026-07-01")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: ex.AtNth("invest", -1), "times must be a whole number of at least 0"),
        (lambda: ex.AtNth("invest", 3, to=2), "to must be at least times"),
        (lambda: ex.AtNth("", 1), "an event is named by text"),
        (lambda: ex.Lapsed("invest", "30d", at_most="20d"), "at_most must be longer than silent"),
        (lambda: ex.Lapsed("invest", 30), "silent must be a duration with its unit"),
        (lambda: ex.DropOut("a", "a"), "start and finish must be two events"),
        (lambda: ex.DropOut("a", "b", "2h", since="1h"), "since must be longer than within"),
    ],
)
def test_scenes_that_make_no_sense_are_refused(make, told: str):
    with pytest.raises(at.WakeLiftError, match=told):
        make()


def test_with_days_the_day_of_the_moment_is_not_known_and_ages_are_whole_days():
    days = ["2026-06-30", "2026-07-01", "2026-01-02", "2026-01-01", "2025-03-30"]
    log = pd.DataFrame({"person_id": list("abcde"), "event": ["invest"] * 4 + ["begin"], "time": pd.to_datetime(days)})
    columns = {
        "events": at.Columns(precision="day", timezone="Europe/Berlin"),
        "customers": at.Columns(timezone="Europe/Berlin"),
    }
    named = {
        "once": ex.AtNth("invest", 1),
        "lapsed": ex.Lapsed("invest", "180d"),
        "stuck": ex.DropOut("begin", "end", "1d", since="458d"),
    }
    # 2 January to 1 July are 180 days, 1 January 181; 30 March 2025, of 23 hours, to 1 July 2026 are 458.
    wanted = {"once": ["a", "c", "d"], "lapsed": ["d"], "stuck": ["e"]}
    for moment in ("2026-07-01", "2026-07-01T10:00:00+02:00", "2026-07-01T23:59:59+02:00"):
        table = ex.scenes(_people(*"abcde"), log, at=moment, scenes=named, columns=columns).table()
        assert {name: table.loc[table[name], "person_id"].tolist() for name in named} == wanted
