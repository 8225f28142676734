"""Marginal costs by step and wave: what adds up, what does not, when to stop, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.errors import DesignError, InputError
from experiments.roi.marginal import wave_level
from oracles.marginal_sums import contrast, over_waves

ORDER = ["holdout", "digital", "sms", "full"]
TOUCH = {"holdout": 0.0, "digital": 0.05, "sms": 0.3, "full": 1.5}


def campaign(effects: dict[str, float], *, n: int = 9_000, seed: int = 3) -> pd.DataFrame:
    """Waves whose step to sms brings less and less, with another split in every wave."""
    rng = np.random.default_rng(seed)
    parts = []
    for k, (name, effect) in enumerate(effects.items()):
        shares = [[0.25] * 4, [0.1, 0.3, 0.3, 0.3], [0.4, 0.2, 0.2, 0.2]][k % 3]
        arm = rng.choice(ORDER, n + 1_000 * k, p=shares)
        lift = {"holdout": 0.0, "digital": 0.005, "sms": 0.005 + effect, "full": 0.008 + effect}
        region = rng.choice(["north", "south"], len(arm))
        rate = 0.03 + 0.02 * (region == "north") + pd.Series(arm).map(lift).to_numpy()
        woken = rng.binomial(1, rate)
        cost = pd.Series(arm).map(TOUCH).to_numpy() + 20.0 * woken * (arm != "holdout")
        frame = {"arm": arm, "woken": woken, "cost": cost, "wave": name, "region": region}
        parts.append(pd.DataFrame({**frame, "p_assign": pd.Series(arm).map(dict(zip(ORDER, shares, strict=True)))}))
    return pd.concat(parts, ignore_index=True).rename_axis("person_id").reset_index()


WAVES = {"wave 1": 0.03, "wave 2": 0.01, "wave 10": 0.0}


def spec(**options: object) -> ex.Experiment:
    return ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign", **options)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return campaign(WAVES)


@pytest.mark.parametrize("strata", [None, "region", ["region", "wave"]])
def test_steps_and_waves_add_up_to_the_whole_exactly(table: pd.DataFrame, strata: object) -> None:
    rows = ex.marginal_costs(table, order=ORDER, wave="wave", experiment=spec(strata=strata)).table()
    for column in ("incremental_per_1000", "cost_per_1000"):
        steps = rows.loc[rows["reading"] == "step", column].tolist()
        total = rows.loc[rows["reading"] == "total", column].item()
        assert abs(sum(steps) - total) / 1000 < 1e-12
        whole = rows[rows["reading"].isin(["step", "total"])].set_index(["arm", "control"])[column]
        for pair, waves in rows[rows["reading"] == "wave"].groupby(["arm", "control"]):
            assert abs((waves["share"] * waves[column]).sum() - whole[pair]) / 1000 < 1e-12
        last = rows[(rows["reading"] == "through") & (rows["wave"] == "wave 10")].set_index(["arm", "control"])[column]
        assert (last - whole).abs().max() / 1000 < 1e-12


def test_rows_equal_plain_sums_over_persons(table: pd.DataFrame) -> None:
    rows = ex.marginal_costs(table, order=ORDER, wave="wave", experiment=spec()).to_dicts()
    persons = table.to_dict("records")
    for row in rows:
        waves = list(WAVES)
        if row["reading"] == "through":
            waves = waves[: waves.index(row["wave"]) + 1]
        for field, column in (("woken", "incremental_per_1000"), ("cost", "cost_per_1000")):
            if row["reading"] == "wave":
                own = [person for person in persons if person["wave"] == row["wave"]]
                expected = contrast(own, row["arm"], row["control"], field)
            else:
                expected = over_waves(persons, row["arm"], row["control"], field, waves)
            assert row[column] == pytest.approx(1000 * expected, rel=1e-9, abs=1e-9)


def test_without_waves_the_steps_are_those_of_the_thresholds(table: pd.DataFrame) -> None:
    steps = ex.marginal_costs(table, order=ORDER, threshold=85, experiment=spec(strata="wave")).table()
    series = ex.cost_thresholds(table, thresholds=[85], order=ORDER, experiment=spec(strata="wave")).table()
    shared = ["incremental_per_1000", "cost_per_1000", "cost_per_incremental", "cost_per_incremental_low"]
    shared += ["cost_per_incremental_high", "net_benefit_per_1000", "net_benefit_low", "net_benefit_high"]
    found = steps.loc[steps["reading"] == "step", shared].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, series[shared], rtol=1e-12)


def test_without_an_order_every_arm_stands_against_the_control(table: pd.DataFrame) -> None:
    rows = ex.marginal_costs(table, experiment=spec(strata="wave")).to_dicts()
    assert [(row["reading"], row["arm"]) for row in rows] == [("arm", "digital"), ("arm", "full"), ("arm", "sms")]


def test_waves_stand_in_their_order_with_numbers_as_numbers(table: pd.DataFrame) -> None:
    found = ex.marginal_costs(table, wave="wave", experiment=spec())
    assert found.waves == ("wave 1", "wave 2", "wave 10")
    turned = ex.marginal_costs(table, wave="wave", waves=["wave 10", "wave 1", "wave 2"], experiment=spec())
    assert turned.waves == ("wave 10", "wave 1", "wave 2")


def test_the_first_wave_that_loses_says_stop() -> None:
    table = campaign({"wave 1": 0.04, "wave 2": 0.0, "wave 3": 0.0}, n=20_000)
    table["cost"] += 1.0 * table["arm"].isin(["sms", "full"])
    found = ex.marginal_costs(table, order=ORDER, wave="wave", threshold=85, experiment=spec(), planned_waves=3)
    assert found.stop_after(arm="sms") == "wave 2"
    words = {
        row["wave"]: row["decision"] for row in found.to_dicts() if (row["arm"], row["reading"]) == ("sms", "wave")
    }
    assert words == {"wave 1": "pays", "wave 2": "stop", "wave 3": "stop"}
    told = dict(zip(["digital", "sms", "full", "total"], found.sentences("en"), strict=True))
    assert "stop after wave “wave 2”" in told["sms"]
    assert "波次“wave 2”之后停止" in found.sentences("zh")[1]


@pytest.mark.parametrize("variance", ["score", "plugin"])
def test_the_interval_that_lasts_is_that_of_the_waves_own_level(table: pd.DataFrame, variance: str) -> None:
    options = {"order": ORDER[:2], "experiment": spec(), "variance": variance}
    found = ex.marginal_costs(table, wave="wave", threshold=85, **options)
    part = table[table["wave"] == "wave 2"]
    level = wave_level(2, level=0.95, planned=None, contrasts=1)
    alone = ex.cost_thresholds(part, thresholds=[85], level=level, **options).to_dicts()[0]
    row = next(row for row in found.to_dicts() if (row["reading"], row["wave"]) == ("wave", "wave 2"))
    ends = np.array([row["lasting_low"], row["lasting_high"]])
    plain = np.array([alone["net_benefit_low"], alone["net_benefit_high"]])
    if variance == "plugin":
        assert ends == pytest.approx(plain, rel=1e-12)
    else:  # one in ten held out: the holdout's few events lean the statistic, and both ends move the same way
        assert (ends > plain).all()
        assert ends == pytest.approx(plain, abs=0.1 * (plain[1] - plain[0]))


@pytest.mark.parametrize("planned", [None, 7])
def test_the_errors_of_all_waves_stay_within_the_level(planned: int | None) -> None:
    waves = range(1, (planned or 10_000) + 1)
    spent = sum(1 - wave_level(k, level=0.95, planned=planned, contrasts=3) for k in waves)
    assert 0.04999 < 3 * spent <= 0.05 + 1e-12


def test_pooled_waves_carry_the_mixtures_interval_when_it_was_planned(table: pd.DataFrame) -> None:
    found = ex.marginal_costs(
        table, order=ORDER[:2], wave="wave", threshold=85, experiment=spec(), planned=20_000
    ).to_dicts()
    rows = [row for row in found if row["reading"] == "through"]
    for row in rows:
        assert row["lasting_low"] < row["net_benefit_low"] < row["net_benefit_high"] < row["lasting_high"]
    without = ex.marginal_costs(table, order=ORDER[:2], wave="wave", threshold=85, experiment=spec()).to_dicts()
    assert all(row["lasting_low"] is None for row in without if row["reading"] == "through")


def test_few_woken_and_failed_checks_decide_nothing() -> None:
    small = campaign({"1": 0.0, "2": 0.0}, n=1_500)
    found = ex.marginal_costs(small, order=ORDER[:2], wave="wave", threshold=0.01, experiment=spec())
    assert {(row.few, row.decision) for row in found.rows if row.reading == "wave"} == {(True, "undecided")}
    assert found.stop_after(arm="digital") is None
    loaded = campaign({"1": 0.0, "2": 0.0}, n=9_000)
    unbalanced = loaded[~((loaded["arm"] == "holdout") & (loaded["person_id"] % 3 == 0))]
    broken = ex.marginal_costs(unbalanced, order=ORDER, wave="wave", threshold=1, experiment=spec())
    assert any(finding.code == "SRM" and finding.status == "fail" for finding in broken.findings)
    assert broken.stop_after(arm="full", control="sms") is None
    assert {row["decision"] for row in broken.to_dicts() if row["reading"] == "wave"} == {"INVALID"}
    assert broken.sentences("en") == ("The trial is not valid (SRM, SRM_STRATA), so nothing is said about stopping.",)
    assert broken.sentences("zh") == ("试验不可信（SRM, SRM_STRATA），因此不对是否停止下结论。",)


def test_the_scenario_of_waves_stops_where_its_truth_does() -> None:
    made = ex.simulate("waves", persons=60_000, seed=7)
    found = ex.marginal_costs(
        made.outcomes, order=made.order, wave="wave", threshold=125, planned_waves=3, experiment=spec()
    )
    assert found.waves == ("1", "2", "3")
    assert found.stop_after(arm="full", control="sms") == "2"
    assert found.stop_after(arm="full", control="holdout") == "2"
    by_wave = made.truth.groupby(made.truth["wave"].astype(str)).mean(numeric_only=True)
    for row in found.rows:
        if row.reading == "wave":
            one, two = row.contrast.arm, row.contrast.control
            truth = by_wave.loc[row.wave]
            net = 125 * (truth[f"p_{one}"] - truth[f"p_{two}"]) - (truth[f"c_{one}"] - truth[f"c_{two}"])
            assert row.lasting.low <= net <= row.lasting.high
            assert {"stop": net < 0, "pays": net > 0, "undecided": True}[row.decision]
    series = ex.cost_thresholds(made.outcomes, thresholds=[60, 85, 125], by="wave", experiment=spec())
    for row in made.expected[made.expected["where"] == "cost_thresholds"].to_dict("records"):
        segment = row["segment"].removeprefix("wave=")
        assert series.verdict(arm=row["arm"], threshold=row["threshold"], segment=segment).word == row["code"]


def test_the_order_of_rows_changes_no_figure(table: pd.DataFrame) -> None:
    options = {"order": ORDER, "wave": "wave", "threshold": 85, "experiment": spec(strata="region")}
    turned = table.sample(frac=1.0, random_state=2)
    assert ex.marginal_costs(turned, **options).to_dicts() == ex.marginal_costs(table, **options).to_dicts()


def test_a_wave_without_control_or_without_an_arm_is_refused(table: pd.DataFrame) -> None:
    late = table["wave"] == "wave 2"
    with pytest.raises(DesignError, match=r"NO_HOLDOUT.*wave 2"):
        ex.marginal_costs(table[~(late & (table["arm"] == "holdout"))], wave="wave", experiment=spec())
    with pytest.raises(DesignError, match=r"NO_COMMON_STRATUM.*wave 2"):
        ex.marginal_costs(table[~(late & (table["arm"] == "full"))], wave="wave", experiment=spec())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wave": "wave", "planned_waves": 2}, "3 waves were sent and planned_waves is 2"),
        ({"wave": "wave", "planned_waves": True}, "planned_waves must be a whole number"),
        ({"wave": "wave", "planned": 0}, "planned must be a whole number"),
        ({"wave": "wave", "waves": ["wave 1", "wave 2"]}, "must list every wave once"),
        ({"wave": "wave", "waves": ["wave 1", "wave 2", "wave 3"]}, "names 'wave 3'"),
        ({"wave": "wave", "experiment": spec(cluster="region")}, "names cluster="),
        ({"order": ["digital", "holdout"]}, "order must begin with the control"),
        ({"threshold": -3}, "0 or more"),
        ({"variance": "exact"}, "variance must be"),
    ],
)
def test_unusable_options_are_refused(table: pd.DataFrame, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ex.marginal_costs(table, **{"experiment": spec(), **options})


def test_questions_about_stopping_that_cannot_be_answered(table: pd.DataFrame) -> None:
    bare = ex.marginal_costs(table, order=ORDER, experiment=spec(strata="wave"))
    with pytest.raises(InputError, match="stopping needs wave="):
        bare.stop_after(arm="sms")
    found = ex.marginal_costs(table, order=ORDER, wave="wave", threshold=85, experiment=spec())
    with pytest.raises(InputError, match="is compared with"):
        found.stop_after(arm="full")
    with pytest.raises(InputError, match="no arm 'fax'"):
        found.stop_after(arm="fax")
