"""The series of thresholds on a table: contrasts, verdicts, guardrails, segments, families, and what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.errors import DesignError, InputError, TableError
from experiments.inference.rates import compare_rates
from experiments.roi.net_benefit import ArmCosts, net_benefit

RATES = {"holdout": 0.02, "digital": 0.03, "sms": 0.05}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """3 x 4,000 persons with declared rates, a coupon for the woken of treated arms, a touch cost, two segments."""
    parts = []
    for position, (arm, rate) in enumerate(RATES.items()):
        n = 4_000
        woken = (np.arange(n) < rate * n).astype(int)
        cost = (0.0, 0.05, 0.2)[position] + (20.0 * woken if position else 0.0)
        frame = {
            "person_id": [f"{arm}{i}" for i in range(n)],
            "arm": arm,
            "woken": woken,
            "cost": cost,
            "segment": np.where(np.arange(n) % 2 == 0, "old", "new"),
            "closed": (np.arange(n) % 1_000 == 7).astype(int),
        }
        parts.append(pd.DataFrame(frame))
    return pd.concat(parts, ignore_index=True)


SHARES = {"holdout": 1 / 3, "digital": 1 / 3, "sms": 1 / 3}


def experiment(**options: object) -> ex.Experiment:
    return ex.Experiment({"woken": ex.Rate("woken")}, shares=SHARES, **options)


def arm_costs(table: pd.DataFrame, arm: str) -> ArmCosts:
    part = table[table["arm"] == arm]
    woken, other = part.loc[part["woken"] == 1, "cost"], part.loc[part["woken"] == 0, "cost"]
    return ArmCosts(
        n=len(part),
        woken=int(part["woken"].sum()),
        cost_mean_woken=woken.mean(),
        cost_mean_other=other.mean(),
        cost_variance_woken=woken.var(),
        cost_variance_other=other.var(),
    )


def test_rows_equal_the_kernel_on_plain_pandas_statistics(table: pd.DataFrame) -> None:
    pays = ex.cost_thresholds(table, thresholds=[10, 60], order=["holdout", "digital", "sms"], experiment=experiment())
    rows = pays.table()
    assert list(zip(rows["arm"], rows["control"], rows["threshold"], strict=True)) == [
        ("digital", "holdout", 10.0),
        ("digital", "holdout", 60.0),
        ("sms", "digital", 10.0),
        ("sms", "digital", 60.0),
    ]
    for row in rows.to_dict("records"):
        treated, control = arm_costs(table, row["arm"]), arm_costs(table, row["control"])
        kernel = net_benefit([treated], [control], row["threshold"])
        assert row["net_benefit_per_1000"] == pytest.approx(1000 * kernel.value, rel=1e-12)
        assert row["net_benefit_low"] == pytest.approx(1000 * kernel.low, rel=1e-12)
        assert row["net_benefit_high"] == pytest.approx(1000 * kernel.high, rel=1e-12)
        means = table.groupby("arm")[["woken", "cost"]].mean()
        difference = means.loc[row["arm"]] - means.loc[row["control"]]
        assert row["incremental_per_1000"] == pytest.approx(1000 * difference["woken"], rel=1e-12)
        assert row["cost_per_1000"] == pytest.approx(1000 * difference["cost"], rel=1e-12)
        assert row["cost_per_incremental"] == pytest.approx(difference["cost"] / difference["woken"], rel=1e-12)


def test_words_follow_the_interval_when_the_rows_are_primary(table: pd.DataFrame) -> None:
    pays = ex.cost_thresholds(
        table, thresholds=[1, 30, 600], order=["holdout", "digital", "sms"], experiment=experiment(),
        primary=["digital", "sms"],
    )  # fmt: skip
    for row in pays.to_dicts():
        word = "PASS" if row["net_benefit_low"] > 0 else "FAIL" if row["net_benefit_high"] < 0 else "INCONCLUSIVE"
        assert row["verdict"] == word == row["verdict_unadjusted"]
    assert {row["verdict"] for row in pays.to_dicts()} == {"PASS", "FAIL"} | {"INCONCLUSIVE"}


def test_steps_add_up_to_the_whole(table: pd.DataFrame) -> None:
    stepped = ex.cost_thresholds(table, thresholds=[60], order=["holdout", "digital", "sms"]).table()
    whole = ex.cost_thresholds(table, thresholds=[60]).table()
    total = whole.loc[whole["arm"] == "sms"].iloc[0]
    for column in ("incremental_per_1000", "cost_per_1000", "net_benefit_per_1000"):
        assert stepped[column].sum() == pytest.approx(total[column], rel=1e-12)


def test_holm_makes_a_lone_borderline_row_inconclusive_and_says_why() -> None:
    base = {"a": (200, 4000), "b": (170, 4000), "c": (168, 4000), "holdout": (140, 4000)}
    frames = [
        pd.DataFrame(
            {
                "person_id": [f"{arm}{i}" for i in range(n)],
                "arm": arm,
                "woken": (np.arange(n) < hits).astype(int),
                "cost": np.where(arm == "holdout", 0.0, 0.001),
            }
        )
        for arm, (hits, n) in base.items()
    ]
    table = pd.concat(frames, ignore_index=True)
    borderline = compare_rates(171, 4000, 133, 4000).difference
    assert borderline.p_value is not None  # the case below rests on a p-value between 0.05 / 3 and 0.05
    table.loc[table["person_id"] == "b170", "woken"] = 1
    table.loc[table["person_id"].isin([f"holdout{i}" for i in range(133, 140)]), "woken"] = 0
    pays = ex.cost_thresholds(table, thresholds=[50])
    rows = {row["arm"]: row for row in pays.to_dicts()}
    assert (rows["a"]["verdict"], rows["a"]["verdict_unadjusted"]) == ("PASS", "PASS")
    held = [row for row in rows.values() if row["verdict"] != row["verdict_unadjusted"]]
    alone = ex.cost_thresholds(table[table["arm"].isin(["b", "holdout"])], thresholds=[50]).to_dicts()[0]
    assert alone["verdict"] == "PASS" == rows["b"]["verdict_unadjusted"]
    assert [row["arm"] for row in held]
    for row in held:
        assert row["reason"] == "MULTIPLICITY"
        sentence = pays.sentence(arm=row["arm"], threshold=50, lang="en")
        assert "among several verdicts" in sentence
        assert "interval contains 0" not in sentence


def test_a_declared_guardrail_turns_a_pass(table: pd.DataFrame) -> None:
    harmed = table.copy()
    harmed.loc[(harmed["arm"] == "sms") & (harmed.index % 20 == 0), "closed"] = 1
    order = ["holdout", "digital", "sms"]
    options = {"thresholds": [600], "order": order, "primary": ["digital", "sms"]}
    guarded = experiment(guardrails=(ex.Guardrail("closed", 0.002),))
    safe = ex.cost_thresholds(table, experiment=guarded, **options)
    assert safe.verdict(arm="sms", threshold=600).word == "PASS"
    worse = ex.cost_thresholds(harmed, experiment=guarded, **options)
    verdict = worse.verdict(arm="sms", threshold=600)
    assert (verdict.word, verdict.reason) == ("FAIL", "HARM_GUARDRAIL")
    strict = experiment(guardrails=(ex.Guardrail("closed", 0.0),))
    undecided = ex.cost_thresholds(table, experiment=strict, **options).verdict(arm="sms", threshold=600)
    assert (undecided.word, undecided.reason) == ("INCONCLUSIVE", "GUARDRAIL_UNDECIDED")


def test_guardrail_bounds_are_the_one_sided_score_bounds(table: pd.DataFrame) -> None:
    guarded = experiment(guardrails=(ex.Guardrail("closed", 0.002, level=0.9),))
    judged = ex.cost_thresholds(table, thresholds=[60], experiment=guarded).judged
    closed = table.groupby("arm")["closed"].sum()
    for row in judged:
        reading = row.guardrails[0]
        counts = (int(closed[row.contrast.arm]), 4000, int(closed["holdout"]), 4000)
        assert reading.low == pytest.approx(compare_rates(*counts, level=0.9, side="greater").difference.low, rel=1e-9)
        assert reading.high == pytest.approx(compare_rates(*counts, level=0.9, side="less").difference.high, rel=1e-9)


def test_segments_have_their_own_rows_and_thresholds(table: pd.DataFrame) -> None:
    pays = ex.cost_thresholds(table, thresholds={"old": [30], "new": [60, 90]}, by="segment", experiment=experiment())
    rows = pays.table()
    assert set(zip(rows["segment"], rows["threshold"], strict=True)) == {("old", 30.0), ("new", 60.0), ("new", 90.0)}
    part = table[table["segment"] == "old"]
    kernel = net_benefit([arm_costs(part, "sms")], [arm_costs(part, "holdout")], 30.0)
    row = rows[(rows["segment"] == "old") & (rows["arm"] == "sms")].iloc[0]
    assert row["net_benefit_low"] == pytest.approx(1000 * kernel.low, rel=1e-10)


def test_strata_are_weighted_by_all_persons_of_all_arms(table: pd.DataFrame) -> None:
    layered = experiment(strata="segment")
    row = ex.cost_thresholds(table, thresholds=[60], experiment=layered).table().set_index("arm").loc["sms"]
    expected = sum(
        0.5 * 1000 * (60 * (a["woken"].mean() - b["woken"].mean()) - (a["cost"].mean() - b["cost"].mean()))
        for a, b in (
            (
                table[(table["arm"] == "sms") & (table["segment"] == s)],
                table[(table["arm"] == "holdout") & (table["segment"] == s)],
            )
            for s in ("old", "new")
        )
    )
    assert row["net_benefit_per_1000"] == pytest.approx(expected, rel=1e-10)


def test_a_failing_check_makes_every_verdict_invalid(table: pd.DataFrame) -> None:
    lost = table[~((table["arm"] == "sms") & (table.index % 5 == 0))]
    pays = ex.cost_thresholds(lost, thresholds=[60, 90], experiment=experiment())
    assert {row["verdict"] for row in pays.to_dicts()} == {"INVALID"}
    assert all("SRM" in row["reason"] for row in pays.to_dicts())


def test_few_woken_give_neither_pass_nor_fail(table: pd.DataFrame) -> None:
    few = table[table["arm"].isin(["holdout", "sms"])].copy()
    few["woken"] = ((few["arm"] == "sms") & (few["person_id"].str[3:].str.isdigit())).astype(int) * few["woken"]
    few.loc[few["arm"] == "holdout", "woken"] = 0
    verdict = ex.cost_thresholds(few, thresholds=[1_000]).verdict(arm="sms", threshold=1_000)
    assert (verdict.word, verdict.reason) == ("INCONCLUSIVE", "FEW_EVENTS")


def test_every_kind_of_table_gives_the_same_numbers(table: pd.DataFrame, table_kinds) -> None:
    expected = ex.cost_thresholds(table, thresholds=[60]).table()
    for name, other in table_kinds(table).items():
        found = ex.cost_thresholds(other, thresholds=[60]).table()
        pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-9, obj=name)


def test_row_order_changes_no_bit(table: pd.DataFrame) -> None:
    shuffled = table.sample(frac=1, random_state=3)
    expected = ex.cost_thresholds(table, thresholds=[60]).to_dicts()
    assert ex.cost_thresholds(shuffled, thresholds=[60]).to_dicts() == expected


def test_the_curve_passes_through_the_rows_and_rises_with_the_effect(table: pd.DataFrame) -> None:
    pays = ex.cost_thresholds(table, thresholds=[60], experiment=experiment())
    curve = pays.curve([0.0, 60.0, 120.0]).to_dicts()
    row = next(r for r in pays.to_dicts() if r["arm"] == "sms")
    here = [r for r in curve if r["arm"] == "sms"]
    assert here[1]["net_benefit_per_1000"] == pytest.approx(row["net_benefit_per_1000"], rel=1e-12)
    assert here[0]["net_benefit_per_1000"] < here[1]["net_benefit_per_1000"] < here[2]["net_benefit_per_1000"]


def test_the_waterfall_sums_to_the_total() -> None:
    c = ex.simulate(persons=3_000, seed=5)
    pays = ex.cost_thresholds(c.outcomes, thresholds=[60], order=c.order)
    parts = pays.waterfall().to_pandas()
    for _, arm in parts.groupby("arm"):
        total = arm.loc[arm["part"] == "total", "per_1000"].iloc[0]
        assert arm.loc[arm["part"] != "total", "per_1000"].sum() == pytest.approx(total, rel=1e-9)
    rates = c.outcomes.groupby("arm")["woken"].mean()
    incentive = c.outcomes.groupby("arm")["incentive_cost"].mean()
    natural = parts.set_index(["arm", "part"]).loc[("full", "incentive_natural"), "per_1000"]
    assert natural == pytest.approx(1000 * incentive["full"] * rates["holdout"] / rates["full"], rel=1e-9)


def test_control_persons_without_cost_are_named(table: pd.DataFrame) -> None:
    broken = table.copy()
    broken.loc[broken["arm"] == "holdout", "cost"] = np.nan
    with pytest.raises(TableError, match="CONTROL_WITHOUT_COST") as caught:
        ex.cost_thresholds(broken, thresholds=[60])
    assert {issue.code for issue in caught.value.issues} >= {"CONTROL_WITHOUT_COST"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thresholds": []}, "must be a list of amounts"),
        ({"thresholds": "60"}, "must be a list of amounts"),
        ({"thresholds": [60, 60]}, "must differ"),
        ({"thresholds": [-1]}, "0 or more"),
        ({"thresholds": [float("inf")]}, "finite"),
        ({"thresholds": {"old": [1]}}, "need by="),
        ({"thresholds": {"old": [1]}, "by": "segment"}, "names no list for the segment 'new'"),
        ({"order": ["holdout", "smss"]}, "Did you mean 'sms'"),
        ({"order": ["digital", "sms"]}, "must begin with the control"),
        ({"order": ["holdout"]}, "at least two arms"),
        ({"side": "up"}, "side must be"),
        ({"variance": "exact"}, "variance must be"),
        ({"level": 95}, "level=0.95"),
    ],
)
def test_unusable_options_are_refused(table: pd.DataFrame, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ex.cost_thresholds(table, **options)


def test_segments_known_only_later_are_refused(table: pd.DataFrame) -> None:
    with pytest.raises(DesignError, match="POST_ASSIGNMENT"):
        ex.cost_thresholds(table.assign(answered=1), thresholds=[60], by="answered")


def test_an_unknown_row_is_answered_with_the_closest(table: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="there is no verdict for 'smss @ 60'"):
        ex.cost_thresholds(table, thresholds=[60]).verdict(arm="smss", threshold=60)


def test_a_missing_control_is_no_holdout(table: pd.DataFrame) -> None:
    with pytest.raises(DesignError, match="NO_HOLDOUT"):
        ex.cost_thresholds(table[table["arm"] != "holdout"], thresholds=[60])


def test_only_touches_of_this_campaign_are_leaks(table: pd.DataFrame) -> None:
    control = table.loc[table["arm"] == "holdout", "person_id"].head(600)
    touches = pd.DataFrame(
        {
            "person_id": control,
            "time": pd.Timestamp("2026-10-20", tz="UTC"),
            "channel": "email",
            "origin": "outbound",
            "campaign": "newsletter",
        }
    )
    every = ex.cost_thresholds(table, thresholds=[60], touches=touches, experiment=experiment())
    ours = ex.cost_thresholds(table, thresholds=[60], touches=touches, experiment=experiment(), campaign="wake-up")
    lenient = ex.cost_thresholds(table, thresholds=[60], touches=touches, experiment=experiment(), leak_limit=0.2)
    assert {row["verdict"] for row in every.to_dicts()} == {"INVALID"}
    assert "INVALID" not in {row["verdict"] for row in ours.to_dicts()}
    assert "INVALID" not in {row["verdict"] for row in lenient.to_dicts()}


def test_a_guardrail_reads_the_direction_of_its_metric(table: pd.DataFrame) -> None:
    falling = table.assign(keep=1)
    falling.loc[(falling["arm"] == "sms") & (falling.index % 20 == 0), "keep"] = 0
    order = {"thresholds": [600], "order": ["holdout", "digital", "sms"], "primary": ["sms"]}

    def verdict(direction: str | None) -> ex.Verdict:
        metrics = {"woken": ex.Rate("woken"), "keep": ex.Rate("keep", direction=direction)}
        guarded = ex.Experiment(metrics, shares=SHARES, guardrails=[ex.Guardrail("keep", 0.001)])
        return ex.cost_thresholds(falling, experiment=guarded, **order).verdict(arm="sms", threshold=600)

    assert (verdict("up").word, verdict("up").reason) == ("FAIL", "HARM_GUARDRAIL")
    assert verdict("down").word == "PASS"
    with pytest.raises(InputError, match="without a direction"):
        verdict(None)


def test_primary_rows_are_named_by_arm_or_by_arm_and_segment(table: pd.DataFrame) -> None:
    options = {"thresholds": [60], "by": "segment", "experiment": experiment()}
    whole = ex.cost_thresholds(table, primary=["sms"], **options)
    part = ex.cost_thresholds(table, primary=[("sms", "old")], **options)
    assert len(whole.judged) == len(part.judged) == 4
    with pytest.raises(InputError, match="Did you mean 'sms'"):
        ex.cost_thresholds(table, primary=["smss"], **options)
    with pytest.raises(InputError, match="no treated arm"):
        ex.cost_thresholds(table, primary=[("sms", "middle")], **options)
    with pytest.raises(InputError, match="must be a list"):
        ex.cost_thresholds(table, primary="sms", **options)


def test_the_sentence_of_a_segment_names_it(table: pd.DataFrame) -> None:
    pays = ex.cost_thresholds(table, thresholds=[600], by="segment", primary=["sms"])
    sentence = pays.sentence(arm="sms", threshold=600, segment="old", lang="en")
    assert "sms vs holdout · old" in sentence


def test_an_empty_event_counts_as_none_where_its_metric_says_so(table: pd.DataFrame) -> None:
    holes = table.copy()
    holes["woken"] = holes["woken"].where(holes["woken"] == 1)
    zero = ex.Experiment({"woken": ex.Rate("woken", missing="zero")}, shares=SHARES)
    found = ex.cost_thresholds(holes, thresholds=[60], experiment=zero).table()
    expected = ex.cost_thresholds(table, thresholds=[60], experiment=experiment()).table()
    pd.testing.assert_frame_equal(found, expected)
    with pytest.raises(TableError, match="NULL_VALUE"):
        ex.cost_thresholds(holes, thresholds=[60], experiment=experiment())


def test_outcomes_missing_from_one_arm_more_than_from_another_make_verdicts_invalid(table: pd.DataFrame) -> None:
    holes = table.assign(opened_app=table["woken"].astype(float))
    holes.loc[(holes["arm"] == "sms") & (holes.index % 5 < 2), "opened_app"] = np.nan
    metrics = {"woken": ex.Rate("woken"), "opened_app": ex.Rate("opened_app", missing="exclude")}
    pays = ex.cost_thresholds(holes, thresholds=[60], experiment=ex.Experiment(metrics, shares=SHARES))
    assert {row["verdict"] for row in pays.to_dicts()} == {"INVALID"}
    assert "MISSING_OUTCOME" in pays.to_dicts()[0]["reason"]


def test_steps_use_the_strata_that_hold_every_arm_as_the_readout_does(table: pd.DataFrame) -> None:
    lone = table.assign(layer=np.where(table.index % 10 == 0, "tiny", "big"))
    lone = lone[~((lone["arm"] == "sms") & (lone["layer"] == "tiny"))]
    layered = ex.Experiment({"woken": ex.Rate("woken")}, strata="layer")
    pays = ex.cost_thresholds(lone, thresholds=[60], order=["holdout", "digital"], experiment=layered).to_dicts()[0]
    step = layered.analyze(lone).steps(["holdout", "digital"]).to_dicts()[0]
    assert pays["incremental_per_1000"] == pytest.approx(1000 * step["difference"], rel=1e-12)


def test_thresholds_may_be_numpy_numbers(table: pd.DataFrame) -> None:
    given = ex.cost_thresholds(table, thresholds=np.arange(60, 100, 25))
    assert [row.threshold for row in given.judged] == [60.0, 85.0, 60.0, 85.0]


def test_a_row_held_back_by_holm_never_says_that_its_interval_contains_zero() -> None:
    parts = []
    for arm, woken, closed in (("holdout", 400, 20), ("a", 462, 25), ("b", 462, 25), ("c", 400, 20)):
        index = np.arange(20_000)
        frame = {"person_id": [f"{arm}{i}" for i in index], "arm": arm, "cost": 0.0}
        parts.append(pd.DataFrame({**frame, "woken": index < woken, "closed": index >= 20_000 - closed}))
    closed = ex.Rate("closed", direction="down", role="guardrail")
    metrics = {"woken": ex.Rate("woken"), "closed": closed}
    guarded = ex.Experiment(metrics, guardrails=(ex.Guardrail("closed", 0.0001),))
    pays = ex.cost_thresholds(pd.concat(parts, ignore_index=True), experiment=guarded, thresholds=[85])
    row = pays.to_dicts()[0]
    assert row["net_benefit_low"] > 0
    assert (row["verdict"], row["verdict_unadjusted"]) == ("INCONCLUSIVE", "INCONCLUSIVE")
    assert row["reason"].startswith("MULTIPLICITY")
    assert "excludes 0" in pays.sentence(arm="a", threshold=85)


def test_the_waterfall_counts_an_empty_event_as_none_where_its_metric_says_so(table: pd.DataFrame) -> None:
    split = table.assign(touch_cost=0.1, fixed_cost=0.0, incentive_cost=table["cost"])
    sparse = split.assign(woken=split["woken"].where(split["woken"] == 1))
    zero = ex.Experiment({"woken": ex.Rate("woken", missing="zero")}, shares=SHARES)
    full = ex.cost_thresholds(split, experiment=experiment()).waterfall().to_pandas()
    found = ex.cost_thresholds(sparse, experiment=zero).waterfall().to_pandas()
    pd.testing.assert_frame_equal(found, full, rtol=1e-12)


def test_a_part_of_the_cost_that_is_no_number_or_not_complete(table: pd.DataFrame) -> None:
    split = table.assign(touch_cost=0.1, fixed_cost=0.0, incentive_cost="free")
    with pytest.raises(TableError, match="incentive_cost"):
        ex.cost_thresholds(split, experiment=experiment())
    holes = split.assign(incentive_cost=np.where(table["woken"] == 1, 20.0, np.nan))
    parts = ex.cost_thresholds(holes, experiment=experiment()).waterfall().to_dicts()
    assert {row["part"] for row in parts} == {"total"}


def test_thresholds_and_readout_share_one_chance_of_a_false_alarm(table: pd.DataFrame) -> None:
    seen = pd.Series(0.0, index=table.index)
    for arm, lost in (("holdout", 100), ("digital", 156), ("sms", 100)):
        seen[table.index[table["arm"] == arm][:lost]] = np.nan
    declared = ex.Experiment({"woken": ex.Rate("woken"), "seen": ex.Rate("seen", missing="exclude")}, shares=SHARES)
    outcomes = table.assign(seen=seen)
    sources = declared.analyze(outcomes), ex.cost_thresholds(outcomes, experiment=declared)
    readout, pays = ({f.code: f for f in source.findings}["MISSING_OUTCOME"] for source in sources)
    assert 0.0005 < readout.values["p_value"] < 0.001
    assert readout.status == pays.status == "note"
