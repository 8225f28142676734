"""What is suspicious in tables: each finding where it is planted, with its counts, and none where nothing is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from attribution.journeys.aliases import alias_groups, plain_name
from attribution.journeys.slip import suspected_slip

START = datetime(2026, 10, 1, 9, tzinfo=UTC)
NEW = {
    "NEAR_DUPLICATE", "REPEATED_TOUCH", "CHANNEL_ALIASES", "TEST_ACCOUNTS", "UNKNOWN_PERSONS", "CHANNEL_TIME_SLIP",
    "TIME_ZONE_SLIP", "DAY_PRECISION", "PERSON_SPELLING",
}  # fmt: skip


def at_second(*seconds: float) -> pd.Series:
    return pd.Series([START + timedelta(seconds=second) for second in seconds]).astype("datetime64[us, UTC]")


def bookings(*rows: tuple, **more) -> pd.DataFrame:
    person, second, number, value = zip(*rows, strict=True)
    frame = pd.DataFrame({"person_id": person, "conversion_id": number, "value": value}).assign(**more)
    return frame.assign(time=at_second(*second))


def log(*rows: tuple, **more) -> pd.DataFrame:
    person, second, channel = zip(*rows, strict=True)
    return pd.DataFrame({"person_id": person, "channel": channel}).assign(time=at_second(*second), **more)


ONE = bookings(("p", 0, "o", 5.0))


def found(touches, conversions=ONE, **options) -> dict[str, at.Finding]:
    findings = at.build_journeys(touches, conversions, **options).findings
    return {finding.code: finding for finding in findings if finding.code in NEW}


QUIET = log(("p", -60, "sms"))


# --- near duplicates ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("p", 0, "1", 5.0), ("p", 60, "2", 5.0)], 1),
        ([("p", 0, "1", 5.0), ("p", 60.000001, "2", 5.0)], 0),
        ([("p", 0, "1", 5.0), ("p", 0, "2", 5.0)], 1),
        ([("p", 0, "1", 5.0), ("q", 10, "2", 5.0)], 0),
        ([("p", 0, "1", 5.0), ("p", 10, "2", 5.1)], 0),
        ([("p", 0, "1", 5.0), ("p", 30, "2", 5.0), ("p", 60, "3", 5.0)], 2),
        ([("p", 0, "1", 5.0), ("p", 5, "2", 7.0), ("p", 10, "3", 5.0)], 1),
    ],
)
def test_orders_sent_twice_within_a_minute(rows, expected):
    conversions = bookings(*rows)
    for seed in range(3):
        warned = found(QUIET, conversions.sample(frac=1, random_state=seed)).get("NEAR_DUPLICATE")
        assert (warned.values["n"] if warned else 0) == expected
    if expected == 1 and len(rows) == 2:
        assert dict(warned.values) == {"n": 1, "rows": 2, "value": 5.0, "examples": "1 / 2"}


def test_refunds_are_no_near_duplicates_and_without_values_nothing_is_said():
    conversions = bookings(("p", 0, "1", 5.0), ("p", 9, "2", 5.0), refund_of=[None, "1"])
    assert "NEAR_DUPLICATE" not in found(QUIET, conversions)
    twice = bookings(("p", 0, "1", 5.0), ("p", 9, "2", 5.0))
    assert "NEAR_DUPLICATE" not in found(QUIET, twice.drop(columns="value"))
    days = twice.assign(time=twice["time"].dt.normalize())
    assert "NEAR_DUPLICATE" not in found(QUIET, days, columns={"conversions": at.Columns(precision="day")})


# --- repeated touches ---------------------------------------------------------------------------------------------


def test_touches_that_agree_in_everything_but_the_id():
    touches = log(
        ("p", -60, "sms"), ("p", -60, "sms"), ("p", -60, "sms"), ("p", -60, "push"), ("q", -60, "sms"),
        touch_id=["a", "b", "c", "d", "e"], campaign=["x", "x", "y", "x", "x"],
    )  # fmt: skip
    warned = found(touches)["REPEATED_TOUCH"]
    assert dict(warned.values) == {"n": 1, "rows": 5, "examples": "a, b"}
    assert found(touches.assign(campaign=None))["REPEATED_TOUCH"].values["n"] == 2
    assert "REPEATED_TOUCH" not in found(touches.drop(index=1))


def test_without_ids_whole_rows_are_compared():
    touches = log(("p", -60, "sms"), ("p", -60, "sms"), ("p", -50, "sms"))
    assert found(touches)["REPEATED_TOUCH"].values["n"] == 1
    assert "REPEATED_TOUCH" not in found(touches.assign(result=["a", "b", "c"]))
    assert "REPEATED_TOUCH" not in found(touches.assign(result=[1.0, None, 2.0]))
    for number in ("__index_level_0__", "Unnamed: 0", ""):
        assert found(touches.assign(**{number: [0, 1, 2]}))["REPEATED_TOUCH"].values["n"] == 1
    nested = touches.assign(result=[["a"], ["b"], ["c"]])
    assert "REPEATED_TOUCH" not in found(nested)
    assert found(touches.assign(result=[["a"], ["a"], ["c"]]))["REPEATED_TOUCH"].values["n"] == 1


# --- channel aliases ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ("短信", "SMS", "sms "), ("\uff53\uff4d\uff53", "sms"), ("e-mail", "Email", "邮件"), ("in_app", "in app"),
        ("电话", "外呼", "phone"),
        ("App推送", "push"), ("企业微信", "WeCom"), ("微信", "WeChat"), ("Straße", "STRASSE"),
    ],
)  # fmt: skip
def test_names_of_one_channel(names):
    assert len({plain_name(name) for name in names}) == 1
    assert alias_groups(names) == [sorted(names)]


@pytest.mark.parametrize(
    "names",
    [
        ("sms", "mms"),
        ("微信", "企业微信"),
        ("push1", "push2"),
        ("-", "_"),
        ("搜索", "banner"),
        ("phone", "phone ai"),
        ("", "x"),
        ("1.1", "11"),
        ("wave 3_12", "wave 31_2"),
    ],
)
def test_names_of_two_channels(names):
    assert alias_groups(names) == []


def test_aliases_are_counted_with_the_recoding_that_joins_them():
    touches = log(*[("p", -60 - i, name) for i, name in enumerate(["sms", "sms", "短信", "SMS ", "push"])])
    warned = found(touches)["CHANNEL_ALIASES"]
    assert (warned.values["n"], warned.values["rows"]) == (2, 5)
    assert warned.values["groups"] == "'sms' (2) = 'SMS ' (1) = '短信' (1)"
    recode = {"SMS ": "sms", "短信": "sms"}
    assert warned.values["recode"] == str(recode)
    assert "CHANNEL_ALIASES" not in found(touches.assign(channel=touches["channel"].replace(recode)))


# --- test accounts and unknown persons ----------------------------------------------------------------------------


def test_test_accounts_and_strangers_are_counted():
    touches = log(("p", -60, "sms"), ("t", -60, "sms"), ("t", -50, "sms"), ("x", -60, "sms"), ("y", -60, "sms"))
    conversions = bookings(("p", 0, "1", 5.0), ("t", 0, "2", 5.0), ("x", 0, "3", 5.0), ("z", 0, "4", 5.0))
    customers = pd.DataFrame({"person_id": ["p", "t", "u", "s"], "is_test": [False, True, True, False]})
    warned = found(touches, conversions, customers=customers)
    assert dict(warned["TEST_ACCOUNTS"].values) == {"persons": 1, "touches": 2, "conversions": 1}
    assert dict(warned["UNKNOWN_PERSONS"].values) == {
        "persons": 3, "touches": 2, "conversions": 2, "examples": "x, y, z"
    }  # fmt: skip
    kept = at.build_journeys(touches, conversions, customers=customers)
    assert len(kept.counted) == 4  # nobody is removed
    assert set(found(touches, conversions, customers=customers.drop(columns="is_test"))) == {"UNKNOWN_PERSONS"}
    assert found(touches, conversions) == {}


# --- days taken for times -----------------------------------------------------------------------------------------


def days(count: int, hour: int, *, off: int = 0) -> pd.Series:
    start = datetime(2026, 10, 1, hour, tzinfo=UTC)
    times = [start + timedelta(days=i, minutes=7 * (i < off)) for i in range(count)]
    return pd.Series(times).astype("datetime64[us, UTC]")


def many(time: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"person_id": [f"p{i}" for i in range(len(time))], "time": time, "channel": "sms"})


def ordered(time: pd.Series) -> pd.DataFrame:
    return many(time).assign(conversion_id=range(len(time)), value=np.arange(len(time)) + 1.0).drop(columns="channel")


@pytest.mark.parametrize(
    ("time", "expected"),
    [(days(20, 0), "00:00"), (days(20, 16), "16:00"), (days(20, 10), None), (days(19, 0), None),
     (days(100, 0, off=4), "00:00"), (days(100, 0, off=5), None)],
    ids=["midnight", "midnight in Beijing", "sent at ten", "too few", "96 %", "95 %"],
)  # fmt: skip
def test_touches_at_midnight_are_days(time, expected):
    warned = found(many(time)).get("DAY_PRECISION")
    assert (warned and (warned.values["table"], warned.values["hour"])) == (expected and ("touches", expected))


def test_touches_at_midnight_of_the_declared_zone():
    touches = many(days(20, 16))
    assert (
        found(touches, columns={"touches": at.Columns(timezone="Asia/Shanghai")})["DAY_PRECISION"].values["hour"]
        == "00:00"
    )
    assert "DAY_PRECISION" not in found(touches, columns={"touches": at.Columns(timezone="Europe/Berlin")})
    assert "DAY_PRECISION" not in found(many(days(20, 0)), columns={"touches": at.Columns(precision="day")})


def test_conversions_at_one_time_of_the_day_are_days():
    warned = found(many(days(20, 10)), ordered(days(20, 16)))["DAY_PRECISION"]
    assert dict(warned.values) == {"table": "conversions", "hour": "16:00", "share": 1.0, "n": 20}
    with pytest.raises(at.TableError, match="DAY_PRECISION"):
        found(many(days(20, 10)), ordered(days(20, 0)))
    declared = {"conversions": at.Columns(precision="day")}
    assert "DAY_PRECISION" not in found(many(days(20, 10)), ordered(days(20, 0)), columns=declared)


# --- spellings of persons -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda name: name + " ", 30), (lambda name: "\ufeff" + name, 30), (str.lower, 30),
        (lambda name: name + ".0", None),
        (lambda name: name.replace("C", "\uff23"), 30), (lambda name: name, None), (lambda name: name + "x", None),
        (lambda name: name + " " if name[-1] == "3" else name + "x", 3),
        (lambda name: name + " " if name == "C113" else name + "x", None),
    ],
    ids=["blank", "byte-order mark", "case", "a point in a name", "width", "alike", "others", "a tenth", "one of 30"],
)  # fmt: skip
def test_persons_in_another_spelling(change, expected):
    names = [f"C{number}" for number in range(100, 130)]
    warned = found(log(*((change(name), -60, "sms") for name in names)), bookings(*((n, 0, n, 5.0) for n in names)))
    got = warned.get("PERSON_SPELLING")
    assert (got and (got.values["persons"], got.values["n"])) == (expected and (expected, expected))


def test_numbers_that_a_spreadsheet_spoiled():
    warned = found(log(("123", -60, "sms"), ("77.0", -60, "sms"), ("5", -60, "sms")), bookings(
        ("0123", 0, "a", 5.0), ("77", 0, "b", 5.0), ("77", 600, "c", 5.0), ("5", 0, "d", 5.0)
    ))["PERSON_SPELLING"]  # fmt: skip
    assert dict(warned.values) == {
        "persons": 2, "lost": 2, "n": 3, "examples": "'0123' / '123'; '77' / '77.0'",
    }  # fmt: skip


def test_persons_as_numbers_have_one_spelling():
    assert "PERSON_SPELLING" not in found(log((1, -60, "sms")), bookings((2, 0, "o", 5.0)))


# --- one channel's clock ------------------------------------------------------------------------------------------


def slips(campaign) -> list[dict]:
    journeys = at.build_journeys(campaign.touches, campaign.conversions)
    return [{"code": finding.code, **finding.values} for finding in suspected_slip(journeys)]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_log_of_one_channel_in_another_zone(seed):
    (slip,) = slips(ex.simulate("dirty", persons=60_000, seed=seed, dirt=["CHANNEL_TIME_SLIP"]))
    assert (slip["code"], slip["channel"], slip["hours"]) == ("CHANNEL_TIME_SLIP", "sms", 8)
    assert slip["share"] > 0.4
    assert slip["moved"] <= slip["share"] / 5
    assert slips(ex.simulate(persons=60_000, seed=seed)) == []


def test_confirmations_sent_after_every_order_are_no_slip():
    c = ex.simulate(persons=60_000, seed=1)
    delay = pd.to_timedelta(np.random.default_rng(1).exponential(1_800, len(c.conversions)), unit="s").as_unit("us")
    thanks = pd.DataFrame({"person_id": c.conversions["person_id"], "time": c.conversions["time"] + delay})
    touches = pd.concat([c.touches[["person_id", "time", "channel"]], thanks.assign(channel="thanks")])
    assert suspected_slip(at.build_journeys(touches, c.conversions)) == ()


# --- nothing where nothing is -------------------------------------------------------------------------------------


def suspicious(seed: int) -> list[str]:
    c = ex.simulate(persons=2_000, seed=seed)
    customers = c.customers.drop_duplicates("person_id")
    findings = at.build_journeys(c.touches, c.conversions, customers=customers).findings
    return [repr(finding) for finding in findings if finding.code in NEW or finding.status in ("warn", "fail")]


def test_clean_campaigns_give_none_of_them():
    assert {seed: said for seed in range(60) if (said := suspicious(seed))} == {}


@pytest.mark.statistical
def test_a_thousand_clean_campaigns_give_none_of_them():
    assert {seed: said for seed in range(1_000) if (said := suspicious(seed))} == {}


@pytest.mark.statistical
def test_large_clean_campaigns_give_none_and_slips_are_seen():
    clean = [slips(ex.simulate(persons=60_000, seed=seed)) for seed in range(40)]
    assert clean == [[]] * 40
    seen = [slips(ex.simulate("dirty", persons=60_000, seed=seed, dirt=["CHANNEL_TIME_SLIP"])) for seed in range(40)]
    assert sum([slip["hours"] for slip in each] == [8] for each in seen) >= 36


@pytest.mark.parametrize("code", sorted(NEW | {"COST_WAIVED", "PRICE_ALIASES", "CHECKED_WITHOUT"}))
def test_every_sentence_is_there_in_both_languages(code):
    from attribution.core import messages

    statuses = [status for status in ("warn", "note", "fail") if messages.has(f"{code}.{status}")]
    assert len(statuses) == 1
    english, chinese = (messages.catalogue(lang)[f"{code}.{statuses[0]}"] for lang in ("en", "zh"))
    assert messages.placeholders(english) == messages.placeholders(chinese)
    assert messages.has(f"REMEDY.{code}") or code == "DAY_PRECISION"
