"""Trust checks: leakage, allocation by stratum, missing outcomes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex

DAY = pd.Timestamp("2026-10-12", tz="Asia/Shanghai")
SPEC = ex.Experiment({"woken": ex.Rate("woken")})


def built(persons=1_000):
    people = pd.DataFrame(
        {
            "person_id": [f"p{i}" for i in range(2 * persons)],
            "arm": ["holdout"] * persons + ["sms"] * persons,
            "assigned_at": DAY,
        }
    )
    sold = pd.DataFrame(
        {
            "conversion_id": [f"c{i}" for i in range(30)],
            "person_id": [f"p{i * (2 * persons // 30)}" for i in range(30)],
            "time": DAY + pd.Timedelta("27h"),
        }
    )
    return ex.build_outcomes(people, sold, as_of="2026-12-31")


def touched(count, *, origin="outbound", at_time="1D", campaign="wake"):
    return pd.DataFrame(
        {
            "person_id": [f"p{i}" for i in range(count)],
            "time": DAY + pd.Timedelta(at_time),
            "channel": "sms",
            "origin": origin,
            "campaign": campaign,
        }
    )


def leakage(touches, outcomes=None, **options):
    readout = SPEC.analyze(built() if outcomes is None else outcomes, touches=touches, **options)
    return {finding.code: finding for finding in readout.findings if finding.code.startswith("LEAKAGE")}


@pytest.mark.parametrize(
    ("count", "status", "large"),
    [(1, "warn", False), (10, "warn", False), (11, "warn", True), (50, "warn", True), (51, "fail", False)],
)
def test_leakage_counts_touched_control_persons(count, status, large):
    found = leakage(pd.concat([touched(count), touched(count)]))
    assert found["LEAKAGE"].status == status
    assert found["LEAKAGE"].values["leaked"] == count
    assert ("LEAKAGE_LARGE" in found) == large


@pytest.mark.parametrize(
    "silent",
    [
        {"origin": "inbound"}, {"at_time": "-1us"}, {"at_time": "28D"},
    ],
)  # fmt: skip
def test_what_is_no_leak(silent):
    assert leakage(touched(200, **silent))["LEAKAGE"].status == "pass"


def test_touches_at_both_ends_of_the_window():
    assert leakage(touched(200, at_time="0s"))["LEAKAGE"].status == "fail"
    assert leakage(touched(200, at_time="27D 23:59:59"))["LEAKAGE"].status == "fail"


def test_only_the_named_campaign_leaks():
    other = touched(200, campaign="newsletter")
    assert leakage(other)["LEAKAGE"].status == "fail"
    assert leakage(other, campaign="wake")["LEAKAGE"].status == "pass"
    assert leakage(other, campaign=["wake", "newsletter"])["LEAKAGE"].status == "fail"


def test_touches_of_treated_persons_are_no_leak():
    treated = touched(200).assign(person_id=[f"p{1000 + i}" for i in range(200)])
    assert leakage(treated)["LEAKAGE"].status == "pass"


def test_without_touches_leakage_is_unknown_and_said_once():
    readout = SPEC.analyze(built())
    assert [finding.status for finding in readout.findings if finding.code == "LEAKAGE"] == ["unknown"]
    assert repr(readout).count("LEAKAGE") == 1
    assert "because no touches were given" in repr(readout)
    (found,) = [finding for finding in readout.findings if finding.code == "LEAKAGE"]
    assert "没有给出触达表" in found.text("zh")
    assert readout.assert_ok() is None
    thresholds = ex.cost_thresholds(built().table().assign(cost=0.0), thresholds=[85])
    assert [finding.status for finding in thresholds.findings if finding.code == "LEAKAGE"] == ["unknown"]


def test_without_origin_leakage_is_unknown():
    found = leakage(touched(3).drop(columns="origin"))["LEAKAGE"]
    assert (found.status, found.values["touched"]) == ("unknown", 3)
    assert "Add the column" in found.text("en")
    assert "请补上该列" in found.text("zh")
    nobody = touched(3).assign(person_id="somebody else").drop(columns="origin")
    assert leakage(nobody)["LEAKAGE"].status == "pass"  # no touch of any origin, so no outbound one


def test_a_plain_table_has_no_windows_so_every_touch_given_counts():
    plain = built().table()
    assert leakage(touched(60, at_time="90D"), outcomes=plain)["LEAKAGE"].status == "fail"


def test_leakage_on_every_kind_of_table(table_kind):
    found = leakage(table_kind(touched(11)), outcomes=built())
    assert found["LEAKAGE"].values["leaked"] == 11


def test_a_higher_limit_is_declared():
    assert leakage(touched(60), leak_limit=0.1)["LEAKAGE"].status == "warn"
    with pytest.raises(at.InputError, match="leak_limit"):
        leakage(touched(60), leak_limit=5)


@pytest.mark.parametrize(
    ("touches", "code"),
    [
        (touched(3).drop(columns="time"), "MISSING_COLUMN"),
        (touched(3).assign(origin="sideways"), "UNKNOWN_ORIGIN"),
        (touched(3).assign(person_id=[1, 2, 3]), "KEY_TYPE_MISMATCH"),
    ],
)
def test_bad_touches_are_refused(touches, code):
    with pytest.raises(at.TableError, match=code):
        leakage(touches)


def test_a_missing_campaign_column_is_refused():
    with pytest.raises(at.TableError, match="MISSING_COLUMN"):
        leakage(touched(3).drop(columns="campaign"), campaign="wake")


# --- allocation ----------------------------------------------------------------------------------


def two_waves(first=(500, 500), second=(800, 200), *, p=((0.5, 0.5), (0.8, 0.2))):
    rows = []
    for wave, counts in (("a", first), ("b", second)):
        for arm, count, share in zip(("holdout", "sms"), counts, p["ab".index(wave)], strict=True):
            rows += [(wave, arm, share)] * count
    made = pd.DataFrame(rows, columns=["stratum", "arm", "p_assign"])
    return made.assign(person_id=range(len(made)), woken=[i % 7 == 0 for i in range(len(made))])


def findings(rows, **options):
    readout = ex.Experiment({"woken": ex.Rate("woken")}, **options).analyze(rows)
    return {finding.code: finding for finding in readout.findings}


def test_the_expected_split_adds_up_the_strata():
    found = findings(two_waves(), shares="p_assign", strata="stratum")
    assert found["SRM"].status == "pass"
    assert found["SRM"].values["expected"] == pytest.approx({"holdout": 1300, "sms": 700})
    assert found["SRM_STRATA"].status == "pass"


def test_a_pass_claims_no_match_and_says_what_would_have_been_seen():
    found = findings(two_waves(), shares="p_assign", strata="stratum")
    splits = ((500, 0.5), (800, 0.8))
    by_stratum = [ex.check_split({"holdout": n, "sms": 1000 - n}, {"holdout": p, "sms": 1 - p}) for n, p in splits]
    weakest = min(by_stratum, key=lambda finding: finding.values["power"])
    assert found["SRM_STRATA"].values["power"] == pytest.approx(weakest.values["power"], rel=1e-9)
    assert found["SRM_STRATA"].values["power_arm"] == weakest.values["power_arm"]
    for code in ("SRM", "SRM_STRATA"):
        assert found[code].text("en").startswith("No deviation from the declared shares was found")
        assert "would have been seen with probability 0.1" in found[code].text("en")
        assert "未发现" in found[code].text("zh")
        assert "被发现的概率" in found[code].text("zh")
        assert "matches" not in found[code].text("en")
        assert "一致" not in found[code].text("zh")


def test_numpys_own_numbers_are_numbers():
    shares = {"holdout": np.float32(0.65), "sms": np.float32(0.35)}
    spec = ex.Experiment({"woken": ex.Rate("woken")}, shares=shares, level=np.float32(0.9))
    assert spec.level == pytest.approx(0.9, abs=1e-7)
    assert type(spec.level) is type(spec.shares["sms"]) is float
    assert ex.Experiment({"woken": ex.Rate("woken")}, shares={"a": np.int64(1)}).shares == {"a": 1.0}
    for wrong in (True, np.True_, "0.5", 0.0, np.float64("nan")):
        with pytest.raises(at.InputError, match=r"shares\['a'\]"):
            ex.Experiment({"woken": ex.Rate("woken")}, shares={"a": wrong})
    for wrong in (True, np.True_, "0.5", np.float64(1)):
        with pytest.raises(at.InputError, match="level must"):
            ex.Experiment({"woken": ex.Rate("woken")}, level=wrong)


def test_errors_that_cancel_are_seen_by_stratum():
    found = findings(two_waves((600, 400), (700, 300)), shares="p_assign", strata="stratum")
    assert found["SRM"].status == "pass"
    assert found["SRM_STRATA"].status == "fail"


def test_unequal_shares_want_their_strata():
    assert findings(two_waves(), shares="p_assign")["UNUSED_STRATUM"].status == "warn"
    assert findings(two_waves())["UNUSED_STRATUM"].status == "warn"
    assert "UNUSED_STRATUM" not in findings(two_waves(), shares="p_assign", strata="stratum")
    even = two_waves((500, 500), (510, 490), p=((0.5, 0.5), (0.5, 0.5)))
    assert "UNUSED_STRATUM" not in findings(even)
    assert "UNUSED_STRATUM" not in findings(even, shares="p_assign")


def test_probabilities_that_vary_inside_a_stratum_leave_the_split_unknown():
    found = findings(two_waves().drop(columns="stratum"), shares="p_assign")
    assert found["SRM"].status == "unknown"
    assert found["SHARES_VARY"].status == "warn"


def test_a_missing_arm_in_a_small_stratum_gets_the_rest():
    rows = two_waves((500, 500), (3, 0), p=((0.5, 0.5), (0.8, 0.2)))
    found = findings(rows, shares="p_assign", strata="stratum")
    assert found["SRM"].status == "pass"
    assert found["STRATUM_DROPPED"].values["persons"] == 3


def test_numbered_arms_work():
    rows = two_waves((500, 500), (500, 500)).replace({"arm": {"holdout": 0, "sms": 1}})
    found = findings(rows.astype({"arm": int}), control=0, shares={0: 0.5, 1: 0.5})
    assert found["SRM"].status == "pass"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_finding_has_its_sentence(lang):
    found = [
        *leakage(touched(11)).values(), *leakage(touched(60)).values(), *leakage(touched(0)).values(),
        *leakage(touched(3).drop(columns="origin")).values(),
        *findings(two_waves((600, 400), (700, 300)), shares="p_assign").values(),
        *findings(two_waves().drop(columns="stratum"), shares="p_assign").values(),
        *findings(two_waves((500, 500), (3, 0)), shares="p_assign", strata="stratum").values(),
        *SPEC.analyze(built()).findings,
    ]  # fmt: skip
    for finding in found:
        assert finding.text(lang)
        assert "{" not in finding.text(lang)


@pytest.mark.parametrize("name", ["touches", "conversions"])
def test_a_log_in_which_nobody_is_known_fails(name: str) -> None:
    c = ex.simulate(persons=400, seed=2)
    tables = {"touches": c.touches, "conversions": c.conversions}
    tables[name] = tables[name].assign(person_id="K" + tables[name]["person_id"])
    tables["prices"] = c.prices
    found = ex.build_outcomes(c.assignment, as_of=c.as_of, **tables)
    status = {finding.code: finding.status for finding in found.findings}
    assert status[f"UNASSIGNED_{name.upper()}"] == "fail"
    pays = ex.cost_thresholds(found, thresholds=[60], order=c.order)
    assert {row["verdict"] for row in pays.to_dicts()} == {"INVALID"}
