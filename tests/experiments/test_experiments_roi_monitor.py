"""The log of looks at a running campaign's net benefit: verdicts, guardrails, files, and what it refuses."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.errors import DesignError, InputError
from experiments.inference.sequential.always_valid import always_valid, mixture_z
from experiments.inference.sequential.bounds import nominal_p

DAYS = [f"2026-10-{day:02d}" for day in (3, 9, 15, 21, 27)]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    n = 20_000
    arm = rng.choice(["holdout", "digital", "sms"], n, p=[0.3, 0.3, 0.4])
    rate = pd.Series(arm).map({"holdout": 0.03, "digital": 0.03, "sms": 0.06}).to_numpy()
    woken = rng.binomial(1, rate)
    cost = pd.Series(arm).map({"holdout": 0.0, "digital": 1.0, "sms": 1.4}).to_numpy() + 10.0 * woken * (
        arm != "holdout"
    )
    frame = {"person_id": np.arange(n), "arm": arm, "woken": woken, "cost": cost, "day": rng.integers(1, 28, n)}
    closed = rng.binomial(1, np.where(arm == "sms", 0.02, 0.002))
    return pd.DataFrame({**frame, "closed": closed, "opted": rng.binomial(1, 0.004, n)})


def by_day(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {day: table[table["day"] <= int(day[-2:])] for day in DAYS}


def plan(**options: object) -> ex.NetBenefitMonitor:
    given = {"planned": 20_000, "arms": ["digital", "sms"], "thresholds": [20, 60, 150], **options}
    return ex.NetBenefitMonitor(**given)


def spec(**options: object) -> ex.Experiment:
    return ex.Experiment({"woken": ex.Rate("woken")}, shares={"holdout": 0.3, "digital": 0.3, "sms": 0.4}, **options)


@pytest.fixture(scope="module")
def log(table: pd.DataFrame) -> ex.NetBenefitMonitor:
    return ex.monitor_thresholds(by_day(table), monitor=plan(), experiment=spec())


def test_a_look_is_the_series_of_thresholds_at_the_level_of_its_bound(table: pd.DataFrame, log) -> None:
    rows = [row for row in log.to_dicts() if str(row["date"]) == DAYS[2]]
    persons = int((table["day"] <= 15).sum())
    bound = mixture_z(persons, planned_n=20_000, level=0.975)
    level = 1 - nominal_p(bound, "two")
    series = ex.cost_thresholds(
        by_day(table)[DAYS[2]], thresholds=[20, 60, 150], level=level, experiment=spec(), primary=["digital", "sms"]
    ).to_dicts()
    assert len(rows) == len(series) == 6
    for look, row in zip(rows, series, strict=True):
        assert (look["arm"], look["threshold"], look["matured"]) == (row["arm"], row["threshold"], persons)
        assert look["bound"] == pytest.approx(bound, rel=1e-12)
        for name in ("net_benefit_per_1000", "net_benefit_low", "net_benefit_high"):
            assert look[name] == pytest.approx(row[name], rel=1e-9)
        assert look["verdict"] == row["verdict"]
        own = always_valid(look["z"], 1.0, persons, planned_n=20_000, level=0.975).p_value
        assert look["p_value"] == pytest.approx(min(1.0, 2 * own), rel=1e-12)
        assert (look["p_value"] < 0.05) == (look["verdict"] in ("PASS", "FAIL"))


def test_the_first_decision_stands_and_knows_its_day(log) -> None:
    assert log.verdict(arm="sms", threshold=150) == "PASS"
    assert log.verdict(arm="digital", threshold=20) == "FAIL"
    assert log.verdict(arm="sms", threshold=60) == "INCONCLUSIVE"
    assert log.decided(arm="sms", threshold=60) is None
    first = log.decided(arm="sms", threshold=150)
    rows = [row for row in log.to_dicts() if (row["arm"], row["threshold"]) == ("sms", 150.0)]
    assert next(str(row["date"]) for row in rows if row["verdict"] == "PASS") == str(first)
    assert [row["verdict_so_far"] for row in rows][-1] == "PASS"
    assert "PASS since" in log.sentence(arm="sms", threshold=150, lang="en")
    assert "建议停止" in log.sentence(arm="digital", threshold=20, lang="zh")
    assert "This does not mean it does not work" in log.sentence(arm="sms", threshold=60, lang="en")


@pytest.mark.parametrize("kind", ["dicts", "pandas", "csv", "json"])
def test_a_saved_log_comes_back_with_every_verdict(log, kind: str) -> None:
    if kind == "csv":
        saved: object = pd.read_csv(io.StringIO(log.to_pandas().to_csv(index=False)))
    elif kind == "json":
        saved = json.loads(json.dumps(log.to_dicts(), default=str))
    else:
        saved = log.to_dicts() if kind == "dicts" else log.to_pandas().sample(frac=1.0, random_state=1)
    if kind == "pandas":
        saved = saved.sort_index()
    again = ex.NetBenefitMonitor.read(saved)
    assert [row["verdict"] for row in again.to_dicts()] == [row["verdict"] for row in log.to_dicts()]
    assert again.plan == log.plan


def test_a_log_of_steps_comes_back(table: pd.DataFrame) -> None:
    made = plan(arms=(), order=["holdout", "digital", "sms"], side="greater")
    steps = ex.monitor_thresholds(by_day(table)[DAYS[4]], monitor=made, day=DAYS[4], experiment=spec())
    assert steps.plan.pairs == (("digital", "holdout"), ("sms", "digital"))
    saved = [{**row, "net_benefit_high": None} for row in steps.to_dicts()]  # JSON has no infinite numbers
    assert ex.NetBenefitMonitor.read(saved).plan == steps.plan
    assert {row["verdict"] for row in steps.to_dicts()} <= {"PASS", "INCONCLUSIVE"}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("verdict", "PASS", "the column 'verdict'"),
        ("planned", 30_000, "differs between looks"),
        ("bound", 1.0, "the bound of"),
        ("verdict_so_far", "FAIL", "verdict_so_far"),
    ],
)
def test_a_changed_log_is_refused(log, name: str, value: object, message: str) -> None:
    rows = log.to_dicts()
    place = next(i for i, row in enumerate(rows) if (row["arm"], row["threshold"]) == ("sms", 60.0))
    rows[place] = {**rows[place], name: value}
    with pytest.raises(DesignError, match=message):
        ex.NetBenefitMonitor.read(rows)


def test_figures_that_contradict_one_another_are_refused(log) -> None:
    def changed(place: int, **cells: object) -> list[dict[str, object]]:
        rows = log.to_dicts()
        rows[place] = {**rows[place], **cells}
        return rows

    place = next(
        i for i, row in enumerate(log.to_dicts()) if (row["arm"], row["threshold"], row["look"]) == ("sms", 150.0, 5)
    )
    row = log.to_dicts()[place]
    turned = {"net_benefit_low": -row["net_benefit_high"], "net_benefit_high": -row["net_benefit_low"]}
    for cells in ({"net_benefit_per_1000": -row["net_benefit_per_1000"]}, turned, {"guardrail": "fine"}):
        with pytest.raises(DesignError, match=r"LOOKS_CHANGED.*contradict one another"):
            ex.NetBenefitMonitor.read(changed(place, **cells))
    with pytest.raises(DesignError, match=r"LOOKS_CHANGED.*differ in the persons or woken of 'sms'"):
        ex.NetBenefitMonitor.read(changed(place, events=row["events"] + 1))


def test_a_look_that_was_taken_out_is_missed(log) -> None:
    rows = [row for row in log.to_dicts() if row["look"] != 2]
    with pytest.raises(DesignError, match=r"LOOKS_CHANGED.*numbered \[1, 3, 4, 5\]"):
        ex.NetBenefitMonitor.read(rows)


def test_a_file_that_keeps_ten_digits_comes_back(log) -> None:
    text = log.to_pandas().to_json(orient="records", date_format="iso")
    again = ex.NetBenefitMonitor.read(pd.read_json(io.StringIO(text)))
    assert [row["verdict_so_far"] for row in again.to_dicts()] == [row["verdict_so_far"] for row in log.to_dicts()]


def test_a_column_of_text_and_numbers_is_named(log) -> None:
    rows = log.to_pandas().astype(object)
    rows.loc[0, "bound"] = ""
    with pytest.raises(ex.WakeLiftError, match=r"MIXED_TYPES.*bound"):
        ex.NetBenefitMonitor.read(rows)


def test_a_saved_table_is_no_log_yet(table: pd.DataFrame, log) -> None:
    with pytest.raises(InputError, match=r"must be a NetBenefitMonitor, got DataFrame.*read\(table\)"):
        ex.monitor_thresholds(table, monitor=log.to_pandas(), day="2026-11-02")


def test_looks_with_few_woken_are_kept_and_say_nothing(table: pd.DataFrame) -> None:
    early = table[table["day"] <= 1].head(300)
    log = ex.monitor_thresholds(early, monitor=plan(), day="2026-10-01", experiment=spec())
    assert {(row["verdict"], row["reason"], row["bound"]) for row in log.to_dicts()} == {("", "LOOK_FEW_EVENTS", None)}
    assert log.findings[0].code == "LOOKS_UNCOUNTED"
    assert "nothing can be said yet" in log.sentence(arm="sms", threshold=60, lang="en")
    later = ex.monitor_thresholds(by_day(table)[DAYS[4]], monitor=log, day=DAYS[4], experiment=spec())
    assert {row["reason"] for row in later.to_dicts()} >= {"LOOK_FEW_EVENTS", ""}


def test_guardrails_are_read_with_bounds_that_last(table: pd.DataFrame) -> None:
    guarded = spec(guardrails=(ex.Guardrail("closed", 0.003),))
    harmed = ex.monitor_thresholds(by_day(table)[DAYS[4]], monitor=plan(), day=DAYS[4], experiment=guarded)
    row = next(r for r in harmed.to_dicts() if (r["arm"], r["threshold"]) == ("sms", 150.0))
    assert (row["verdict"], row["reason"], row["guardrail"]) == ("FAIL", "HARM_GUARDRAIL", "harm")
    assert "HARM_GUARDRAIL" in harmed.sentence(arm="sms", threshold=150, lang="en")
    narrow = spec(guardrails=(ex.Guardrail("opted", 0.001),))
    held = ex.monitor_thresholds(by_day(table)[DAYS[4]], monitor=plan(), day=DAYS[4], experiment=narrow)
    row = next(r for r in held.to_dicts() if (r["arm"], r["threshold"]) == ("sms", 150.0))
    assert (row["verdict"], row["reason"]) == ("INCONCLUSIVE", "GUARDRAIL_UNDECIDED")
    assert ex.NetBenefitMonitor.read(held.to_dicts()).to_dicts() == held.to_dicts()


def test_a_failed_check_makes_the_look_invalid(table: pd.DataFrame) -> None:
    lost = table[~((table["arm"] == "holdout") & (table["person_id"] % 4 == 0))]
    log = ex.monitor_thresholds(lost, monitor=plan(), day="2026-10-27", experiment=spec())
    assert log.verdict(arm="sms", threshold=150) == "INVALID"
    assert "SRM_OVER_TIME" in log.sentence(arm="sms", threshold=150, lang="en")
    column = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign")
    shares = lost.assign(p_assign=lost["arm"].map({"holdout": 0.3, "digital": 0.3, "sms": 0.4}))
    plain = ex.monitor_thresholds(shares, monitor=plan(), day="2026-10-27", experiment=column)
    assert {row["invalid"] for row in plain.to_dicts()} == {"SRM"}


def test_waves_pooled_over_different_shares_warn_and_read_as_strata_hold_their_truth() -> None:
    made = ex.simulate("waves", persons=40_000, seed=7)
    looks = {
        day: ex.build_outcomes(
            made.assignment, made.conversions, made.touches, made.prices, window="28d", as_of=day
        )
        for day in ("2026-12-08", "2027-01-05")
    }  # fmt: skip
    declared = plan(planned=40_000, arms=["sms", "full"], thresholds=[125])

    def log(**options: object) -> ex.NetBenefitMonitor:
        experiment = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign", **options)
        return ex.monitor_thresholds(looks, monitor=declared, experiment=experiment)

    pooled = log()
    assert [(finding.code, finding.values["codes"]) for finding in pooled.findings] == [
        ("LOOKS_WARNED", "UNUSED_STRATUM")
    ]
    assert "UNUSED_STRATUM" in repr(pooled)
    assert "UNUSED_STRATUM" in pooled.findings[0].text("zh")
    assert ex.NetBenefitMonitor.read(pooled.to_dicts()).findings[0].values == pooled.findings[0].values
    layered = log(strata="stratum")
    assert layered.findings == ()
    truth = made.truth
    for arm in ("sms", "full"):
        net = 125 * (truth[f"p_{arm}"] - truth["p_holdout"]) - (truth[f"c_{arm}"] - truth["c_holdout"])
        right, wrong = ([row for row in found.to_dicts() if row["arm"] == arm][-1] for found in (layered, pooled))
        assert right["net_benefit_low"] < 1000 * net.mean() < right["net_benefit_high"]
        assert wrong["net_benefit_per_1000"] > right["net_benefit_per_1000"] + 300


def test_the_split_is_judged_over_all_looks_together(table: pd.DataFrame) -> None:
    """A split that a single look calls broken (p < 0.001) is not, for one who looks every day."""
    day = table[table["day"] <= 3]
    counts = day["arm"].value_counts()
    goal = {"holdout": 0.3, "digital": 0.3, "sms": 0.4}
    p_values = [ex.check_split({**counts, "sms": counts["sms"] + more}, goal).values["p_value"] for more in range(300)]
    more = next(more for more, p in enumerate(p_values) if more > 20 and p < 0.0009)
    extra = day[day["arm"] == "sms"].head(more).assign(person_id=lambda rows: rows["person_id"] + 10**6)
    skewed = pd.concat([day, extra], ignore_index=True)
    log = ex.monitor_thresholds(skewed, monitor=plan(), day="2026-10-03", experiment=spec())
    assert {row["invalid"] for row in log.to_dicts()} == {""}


def test_days_and_persons_only_grow(table: pd.DataFrame, log) -> None:
    with pytest.raises(DesignError, match="LOOK_ORDER"):
        ex.monitor_thresholds(table, monitor=log, day=DAYS[0], experiment=spec())
    with pytest.raises(DesignError, match=r"LOOK_SHRINKS.*nobody new"):
        ex.monitor_thresholds(by_day(table)[DAYS[4]], monitor=log, day="2026-10-28", experiment=spec())
    with pytest.raises(DesignError, match=r"LOOK_SHRINKS.*fewer persons"):
        ex.monitor_thresholds(by_day(table)[DAYS[1]], monitor=log, day="2026-10-28", experiment=spec())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"planned": 1}, "planned must be"),
        ({"planned": 20_000.5}, "planned must be"),
        ({"arms": ()}, "needs either arms="),
        ({"arms": "sms"}, "needs either arms="),
        ({"order": ["holdout", "sms"]}, "needs either arms="),
        ({"arms": (), "order": ["holdout"]}, "at least two arms"),
        ({"arms": ["sms", "sms"]}, "different pairs"),
        ({"arms": ["holdout"]}, "different pairs"),
        ({"thresholds": []}, "thresholds must be a list"),
        ({"least": 0}, "least must be"),
        ({"level": 95}, "level"),
    ],
)
def test_plans_that_cannot_be_used(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan(**options)


def test_questions_that_the_plan_does_not_hold(table: pd.DataFrame, log) -> None:
    with pytest.raises(InputError, match="no arm 'fax'"):
        log.verdict(arm="fax", threshold=60)
    with pytest.raises(InputError, match="not one of the thresholds"):
        log.verdict(arm="sms", threshold=61)
    with pytest.raises(InputError, match="needs its day"):
        ex.monitor_thresholds(table, monitor=plan(), experiment=spec())
    with pytest.raises(InputError, match="the outcomes hold"):
        ex.monitor_thresholds(table, monitor=plan(arms=["fax", "sms"]), day="2026-10-27", experiment=spec())
    with pytest.raises(InputError, match="has no rows"):
        ex.NetBenefitMonitor.read([])


def test_the_order_of_rows_changes_no_byte(table: pd.DataFrame, log) -> None:
    shuffled = table.sample(frac=1.0, random_state=3)
    assert ex.monitor_thresholds(by_day(shuffled), monitor=plan(), experiment=spec()).to_dicts() == log.to_dicts()
