"""Spells under treatment, spells from a registration, and silence that changes over time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from wakeup_logs import FIRST, date_of, events_of, small_log

import attribution as at
import experiments as ex


def assigned(rows: list[tuple[str, str, int]], **columns) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["person_id", "arm", "day"])
    frame["assigned_at"] = FIRST + pd.to_timedelta(frame.pop("day"), unit="D")
    return frame.assign(**columns)


def curve(log: pd.DataFrame, **options) -> ex.DormancyCurve:
    options = {"days": [5], "horizon": "10d", "as_of": date_of(100), **options}
    return ex.dormancy_curve(events_of(log), **options)


def told(result, code: str):
    (found,) = [finding for finding in result.findings if finding.code == code]
    return found


LOG = pd.DataFrame(
    {"person": ["t", "t", "u", "h", "h", "n", "n"], "day": [0, 40, 0, 0, 40, 0, 12]}
)  # t, u treated; h held out; n not assigned


def test_treated_spells_count_only_as_far_as_they_were_over_before_the_assignment():
    """Assigned on day 20: the window of day 5, days 6 to 15, was over; that of day 15, days 16 to 25, was not."""
    table = assigned([("t", "sms", 20), ("u", "sms", 20), ("h", "holdout", 20)])
    rows = curve(LOG, days=[5, 15], assignment=table).rows
    # Day 5: t, u, h, n from day 0, and after the assignment h from 40, n from 12. Day 15: h twice and n from 12.
    assert [(row.at_risk, row.returned) for row in rows] == [(6, 1), (3, 0)]
    found = told(curve(LOG, assignment=table), "TREATED_SPELLS_LEFT_OUT")
    assert (found.status, dict(found.values)) == (
        "note", {"spells": 3, "persons": 2, "controls": 1, "alone": 0, "unknown": 0}
    )  # fmt: skip


def test_control_persons_stand_for_those_left_out():
    """A third of the wave is held out, so its spells count three times from the assignment on."""
    table = assigned([("t", "sms", 20), ("u", "sms", 20), ("h", "holdout", 20)])
    extra = pd.DataFrame({"person": ["h"], "day": [22]})  # h returns on day 22
    row = curve(pd.concat((LOG, extra)), days=[15], assignment=table).rows[0]
    # At risk: h from day 0 (3 times, returned), h from 22 (3 times, returned on 40), h from 40 (3), n from 12 (once).
    assert (row.at_risk, row.returned) == (4, 2)
    assert row.rate.value == pytest.approx(6 / 10)
    declared = table.assign(p_assign=[0.8, 0.8, 0.2])
    assert curve(pd.concat((LOG, extra)), days=[15], assignment=declared).rows[0].rate.value == pytest.approx(10 / 16)


def by_hand(log: pd.DataFrame, table: pd.DataFrame, *, last: int, horizon: int, day: int) -> tuple[float, ...]:
    """At risk, returned, and the same as sums of what each spell stands for, spell by spell."""
    arms = table.set_index("person_id")
    waves = arms.groupby("assigned_at")["arm"].apply(lambda arm: float((arm == "holdout").mean()))
    counts, sums = [0, 0], [0.0, 0.0]
    for person, acts in log.groupby("person")["day"]:
        days = sorted(acts)
        for start, following in zip(days, [*days[1:], None], strict=True):
            over, back = start + day + horizon, following is not None and following <= start + day + horizon
            if over > last or (following is not None and following - start <= day):
                continue
            weight = 1.0
            if person in arms.index:
                moment = arms.loc[person, "assigned_at"]
                since = (moment - FIRST).days
                if over >= since and (
                    following is None or following >= since
                ):  # open at the assignment, or begun later
                    weight = 1.0 / waves[moment] if arms.loc[person, "arm"] == "holdout" else 0.0
            counts = [counts[0] + (weight > 0), counts[1] + (weight > 0 and back)]
            sums = [sums[0] + weight, sums[1] + weight * back]
    return (*counts, *sums)


@pytest.mark.parametrize("seed", range(6))
def test_counts_and_weighted_sums_are_those_of_a_plain_loop_and_their_ratio_is_the_rate(seed: int):
    log, chance = small_log(seed, persons=60), np.random.default_rng(seed)
    names = sorted(set(log["person"]))[:40]
    rows = [(name, str(chance.choice(["sms", "app", "holdout"])), int(chance.choice([40, 70]))) for name in names]
    table = assigned(rows)
    found = curve(log, days=[0, 5, 20], horizon="15d", as_of=date_of(119), assignment=table)
    assert found.weighted
    for row, line in zip(found.rows, found.to_dicts(), strict=True):
        expected = by_hand(log, table, last=119, horizon=15, day=int(row.silent_days))
        assert (row.at_risk, row.returned) == expected[:2]
        assert (row.weighted_at_risk, row.weighted_returned) == pytest.approx(expected[2:], rel=1e-12)
        assert (
            line["rate"] == line["weighted_returned"] / line["weighted_at_risk"] != line["returned"] / line["at_risk"]
        )
        assert line["note"] == "RATE_WEIGHTED"
        assert row.rate.n == row.at_risk


def test_who_reads_left_out_is_told_that_the_rate_is_weighted():
    table = assigned([("t", "sms", 20), ("u", "sms", 20), ("h", "holdout", 20)])
    found = curve(LOG, days=[15], assignment=table)
    assert "ratio of the weighted columns" in repr(found)
    assert "1 / (probability of the control) times" in repr(found)
    with at.language("zh"):
        assert "两个加权列之比" in repr(found)
    plain = curve(LOG)
    assert not plain.weighted
    assert "weighted_at_risk" not in plain.table().columns
    assert "weighted" not in repr(plain)


def test_weights_do_not_depend_on_the_order_of_rows_and_the_control_is_written_down():
    table = assigned([(f"p{i}", "off" if i % 4 == 0 else "sms", 50) for i in range(40)])
    log, options = small_log(3), {"days": [5, 20], "control": "off"}
    found = curve(log, assignment=table, **options)
    other = curve(log.sample(frac=1, random_state=1), assignment=table.sample(frac=1, random_state=2), **options)
    pd.testing.assert_frame_equal(other.table(), found.table(), check_exact=True)
    assert repr(other.cut(0.3, 5, replicates=100)) == repr(found.cut(0.3, 5, replicates=100))
    assert found.recipe.settings["control"] == "off"
    assert curve(log).recipe.settings["control"] is None


def test_a_cut_needs_so_many_spells_and_not_so_much_weight():
    """Ten held out of a hundred: ten spells with a weight of a hundred are ten spells."""
    rows = [(f"p{i}", "holdout" if i < 10 else "sms", 20) for i in range(100)]
    log = pd.DataFrame({"person": [name for name, _, _ in rows], "day": 0})
    found = curve(log, days=[15], assignment=assigned(rows))
    assert (found.rows[0].at_risk, found.rows[0].weighted_at_risk) == (10, pytest.approx(100.0))
    assert found.cut(0.1, 11, replicates=100).state == "not_reached"
    assert found.cut(0.1, 10, replicates=100).state == "reached"


def test_declared_probabilities_let_waves_stand_for_each_other():
    """Everybody is assigned at a moment of his own, one in five to the control: nobody is alone but a wave without."""
    rows = [(name, "holdout" if i % 5 == 0 else "sms", 20 + i) for i, name in enumerate("abcdefghij")]
    log = pd.DataFrame({"person": list("abcdefghij"), "day": 0})
    p = [0.2 if arm == "holdout" else 0.8 for _, arm, _ in rows]
    declared, bare = assigned(rows, p_assign=p), assigned(rows)
    found = curve(log, days=[25], assignment=declared)
    assert told(found, "TREATED_SPELLS_LEFT_OUT").status == "note"
    assert (found.rows[0].at_risk, found.rows[0].weighted_at_risk) == (2, pytest.approx(10.0))
    assert told(curve(log, days=[25], assignment=bare), "TREATED_SPELLS_LEFT_OUT").values["alone"] == 8
    sure = assigned(rows, p_assign=[*p[:9], 1.0])
    assert told(curve(log, days=[25], assignment=sure), "TREATED_SPELLS_LEFT_OUT").values["alone"] == 1


def test_acts_on_the_day_of_the_assignment_may_be_due_to_it():
    """Acts of day precision stand at midnight, before an assignment at ten o'clock; their hour is not known."""
    log = pd.DataFrame({"person": ["t", "t", "h", "h"], "day": [0, 20, 0, 20]})
    table = assigned([("t", "sms", 20), ("h", "holdout", 20)])
    table["assigned_at"] += pd.Timedelta("10h")
    rows = [
        curve(log, days=[15], assignment=table, columns={"events": at.Columns(precision=precision)}).rows[0]
        for precision in ("instant", "day")
    ]
    assert [(row.at_risk, row.returned) for row in rows] == [(3, 2), (2, 1)]


def test_waived_or_without_treated_persons_nothing_is_left_out():
    table = assigned([("t", "sms", 20), ("u", "sms", 20), ("h", "holdout", 20)])
    plain, kept = curve(LOG), curve(LOG, assignment=table, treated="keep")
    pd.testing.assert_frame_equal(kept.table(), plain.table())
    assert told(kept, "TREATED_SPELLS_KEPT").status == "warn"
    later = assigned([("t", "sms", 500), ("h", "holdout", 500)])
    pd.testing.assert_frame_equal(curve(LOG, assignment=later).table(), plain.table())


def test_a_wave_without_control_persons_is_warned_of():
    table = assigned([("t", "sms", 20), ("u", "sms", 30), ("h", "holdout", 20), ("x", "sms", 30)])
    found = told(curve(LOG, assignment=table), "TREATED_SPELLS_LEFT_OUT")
    assert (found.status, found.values["alone"], found.values["unknown"]) == ("warn", 1, 1)
    assert "reads too high" in found.text("en")
    assert "偏高" in found.text("zh")


@pytest.mark.parametrize(
    ("table", "error", "match"),
    [
        (
            assigned([("t", "sms", 20), ("t", "sms", 30), ("h", "holdout", 20)]),
            ex.InputError,
            "1 rows beyond the first",
        ),
        (assigned([("t", "sms", 20)]), ex.DesignError, "NO_HOLDOUT"),
        (assigned([("t", "sms", 20), ("h", "control", 20)]), ex.DesignError, "NO_HOLDOUT"),
        (assigned([("t", "sms", 20), ("h", "holdout", 20)], p_assign=[0.0, 0.2]), ex.InputError, "above 0"),
        (assigned([(1, "sms", 20), (2, "holdout", 20)]), ex.TableError, "KEY_TYPE_MISMATCH"),
        (pd.DataFrame({"person_id": ["t"], "arm": ["sms"]}), ex.TableError, "assigned_at"),
    ],
)
def test_an_unusable_assignment_says_why(table: pd.DataFrame, error: type[Exception], match: str):
    with pytest.raises(error, match=match):
        curve(LOG, assignment=table)


def campaign_log(seed: int, *, persons: int = 6000) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Exponential silences; on day 300 all who were silent for 60 days are assigned, 80 % of them and woken at once.

    Returns the log, the log without the campaign, and the assignment.
    """
    chance = np.random.default_rng(seed)
    gaps = chance.exponential(chance.choice([20.0, 150.0], persons)[:, None], (persons, 60))
    day = np.cumsum(gaps, axis=1)
    natural = pd.DataFrame({"person": np.repeat(np.arange(persons), 60), "day": day.ravel()})
    natural = natural[natural["day"] < 500]
    before = natural[natural["day"] < 300].groupby("person")["day"].max()
    silent = before[before < 240].index.to_numpy()
    arm = np.where(chance.random(len(silent)) < 0.2, "holdout", "sms")
    table = pd.DataFrame({"person_id": silent, "arm": arm, "assigned_at": FIRST + pd.Timedelta(days=300)})
    treated = silent[arm == "sms"]
    woken = pd.DataFrame({"person": treated, "day": 301.0})
    return pd.concat((natural, woken)), natural, table


def test_a_campaign_leaves_the_natural_curve_as_it_was():
    """Keeping treated spells reads too high, as does dropping them without anybody to stand for them."""
    mixed, natural, table = campaign_log(4)
    options = {"days": [60, 100], "horizon": "90d", "as_of": date_of(499)}
    truth = curve(natural, **options)
    kept, corrected = (curve(mixed, assignment=table, treated=how, **options) for how in ("keep", "leave_out"))
    alone = table.assign(p_assign=np.where(table["arm"] == "holdout", 1.0, 0.8))  # nobody stands for anybody
    dropped = curve(mixed, assignment=alone, **options)
    for place in range(2):
        true, right = truth.rows[place].rate, corrected.rows[place].rate
        assert right.low <= true.value <= right.high
        assert kept.rows[place].rate.low > true.high
        assert dropped.rows[place].rate.low > true.high
        second = corrected.rows[place].second
        assert second.low <= true.value <= second.high


def test_weights_enter_the_cut():
    mixed, natural, table = campaign_log(4)
    options = {"days": [30, 60, 90, 120], "horizon": "90d", "as_of": date_of(499)}
    eps = 0.55
    cuts = [
        found.cut(eps, replicates=200).days.value
        for found in (curve(natural, **options), curve(mixed, assignment=table, **options), curve(mixed, **options))
    ]
    assert cuts[0] == cuts[1] != cuts[2]


# --- registrations ---


def registered(rows: list[tuple[str, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["person_id", "day"])
    return pd.DataFrame({"person_id": frame["person_id"], "time": FIRST + pd.to_timedelta(frame["day"], unit="D")})


def test_a_registration_begins_a_spell_also_for_those_who_act_later():
    log = pd.DataFrame({"person": ["a", "b"], "day": [12, 3]})
    table = registered([("a", 0), ("a", 5), ("b", 3), ("z", 0), ("late", 400)])
    found = curve(log, registered=table)
    # Day 5: a from 0 (returned on 12) and z from 0; a from 12 and b from 3, who act no more.
    assert (found.rows[0].at_risk, found.rows[0].returned) == (4, 1)
    values = dict(told(found, "REGISTERED_SPELLS").values)
    assert values == {"registered": 4, "added": 2, "without": 1, "late": 2, "unregistered": 0}
    assert found.recipe.n["persons"] == 4
    assert curve(log).rows[0].at_risk == 2
    with pytest.raises(ex.TableError, match="KEY_TYPE_MISMATCH"):
        curve(log, registered=table.assign(person_id=range(5)))


def test_registrations_have_columns_of_their_own():
    log = pd.DataFrame({"person": ["a"], "day": [12]})
    table = registered([("a", 0), ("z", 1)]).rename(columns={"person_id": "客户号", "time": "注册时间"})
    names = {"customers": at.Columns(person="客户号", time="注册时间")}
    assert curve(log, registered=table, columns=names).rows[0].at_risk == 3


# --- change over time ---


def drifting(seed: int, *, slow: float) -> pd.DataFrame:
    """Silences of mean 30 days before day 300 and of mean `slow` afterwards."""
    chance = np.random.default_rng(seed)
    rows = []
    for person in range(300):
        day = float(chance.exponential(30.0))
        while day < 500:
            rows.append((person, day))
            day += float(chance.exponential(30.0 if day < 300 else slow))
    return pd.DataFrame(rows, columns=["person", "day"])


def test_silence_that_changes_is_told_and_silence_that_does_not_is_not():
    options = {"days": [20, 40], "horizon": "120d", "as_of": date_of(499)}
    changed, steady = curve(drifting(1, slow=150.0), **options), curve(drifting(1, slow=30.0), **options)
    found = told(changed, "NON_STATIONARY")
    assert found.status == "warn"
    assert found.values["rate"] > found.values["second"]
    assert "NON_STATIONARY" not in [finding.code for finding in steady.findings]


def test_random_logs_are_rarely_called_changed():
    found = [curve(small_log(seed, persons=60), days=[5, 10, 20, 40]) for seed in range(60)]
    assert sum("NON_STATIONARY" in [finding.code for finding in each.findings] for each in found) <= 1
