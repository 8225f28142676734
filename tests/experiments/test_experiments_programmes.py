"""Several campaigns together, against plain loops, `money_test`, metafor and adaptive quadrature."""

from __future__ import annotations

import json
import math
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.special import ndtr

import attribution as at
import experiments as ex
from experiments.programmes.shrinkage import effects_at, shrink_effects
from oracles.programme_totals import programme as totals
from oracles.random_effects import averaged

REFERENCE = json.loads((Path(__file__).parents[1] / "references/programme/metafor.json").read_text(encoding="utf-8"))
DAYS = (date(2026, 3, 31), date(2026, 6, 30), date(2026, 9, 30))
CASES = sorted(REFERENCE["inputs"])


def table(seed: int, *, persons: range, held: int = 5, strata: int = 1) -> pd.DataFrame:
    """Outcomes of a small campaign; every ``held``-th person of the population is held out in each of them."""
    rng = np.random.default_rng(seed)
    ids = np.array(persons)
    arm = np.where(ids % held == 0, "holdout", np.where(rng.random(len(ids)) < 0.5, "sms", "call"))
    ready = np.random.default_rng(0).random(2_000)[ids % 2_000] < 0.4  # the same persons come back in every campaign
    woken = (rng.random(len(ids)) < np.where(ready, 0.7, 0.02) + np.where(arm == "holdout", 0.0, 0.1)).astype(int)
    cost = np.where(arm == "holdout", 0.0, rng.gamma(2.0, 3.0, len(ids)))
    return pd.DataFrame(
        {"person_id": ids, "arm": arm, "stratum": ids % strata, "woken": woken, "cost": cost,
         "value": woken * rng.gamma(2.0, 40.0, len(ids))}
    )  # fmt: skip


def campaigns(**options: Any) -> dict[str, ex.ProgrammeCampaign]:
    ranges = (range(600), range(200, 900), range(500))
    return {
        f"wave {number}": ex.ProgrammeCampaign(
            outcomes=table(number, persons=persons), as_of=day, threshold=60, **options
        )
        for number, (persons, day) in enumerate(zip(ranges, DAYS, strict=True))
    }


def rows(outcomes: pd.DataFrame, *, layer: bool = False) -> list[tuple[object, str, str, float]]:
    amounts = 60 * outcomes["woken"] - outcomes["cost"]
    strata = outcomes["stratum"].astype(str) if layer else ["all"] * len(outcomes)
    return list(zip(outcomes["person_id"], strata, outcomes["arm"], amounts, strict=True))


def test_total_and_variance_are_those_of_plain_loops_over_persons() -> None:
    given = campaigns()
    found = ex.programme(given)
    value, variance = totals([(rows(campaign.outcomes), "holdout") for campaign in given.values()])
    assert found.total.value == pytest.approx(value, rel=1e-12)
    assert found.total.standard_error == pytest.approx(math.sqrt(variance), rel=1e-10)
    assert found.total.standard_error > 1.02 * found.independent_error  # the holdout is the same every time


def test_strata_are_compared_within_themselves() -> None:
    outcomes = table(5, persons=range(900), strata=3)
    experiment = ex.Experiment({"woken": ex.Rate("woken")}, strata="stratum")
    found = ex.programme(
        {"a": ex.ProgrammeCampaign(outcomes=outcomes, as_of=DAYS[0], threshold=60, experiment=experiment)}
    )
    value, variance = totals([(rows(outcomes, layer=True), "holdout")])
    assert found.total.value == pytest.approx(value, rel=1e-12)
    assert found.total.standard_error == pytest.approx(math.sqrt(variance), rel=1e-10)


def test_one_campaign_of_one_arm_is_the_money_test_times_its_persons() -> None:
    outcomes = table(7, persons=range(4_000))
    outcomes["arm"] = outcomes["arm"].replace("call", "sms")
    found = ex.programme({"a": ex.ProgrammeCampaign(outcomes=outcomes, as_of=DAYS[0], value="value")})
    tested = ex.money_test(outcomes).lines[0]
    treated = int((outcomes["arm"] == "sms").sum())
    assert found.total.value == pytest.approx(treated * tested.net.value, rel=1e-12)
    assert (found.total.low, found.total.high) == pytest.approx(
        (treated * tested.welch.low, treated * tested.welch.high), rel=1e-9
    )


def test_running_totals_are_programmes_of_the_first_campaigns() -> None:
    given = campaigns()
    whole = ex.programme(given).to_dicts()
    for many in (1, 2, 3):
        part = ex.programme(dict(list(given.items())[:many]))
        row = whole[many - 1]
        assert (row["profit_to_date"], row["profit_to_date_low"], row["profit_to_date_high"]) == pytest.approx(
            (part.total.value, part.total.low, part.total.high), rel=1e-12
        )


def test_audiences_and_contacts_are_counted_person_by_person() -> None:
    given = campaigns()
    found = ex.programme(given)
    held = [dict(zip(c.outcomes["person_id"], c.outcomes["arm"] == "holdout", strict=True)) for c in given.values()]
    for row, (one, two) in zip(found.audiences.to_dicts(), ((0, 1), (0, 2), (1, 2)), strict=True):
        both = held[one].keys() & held[two].keys()
        assert row["in_both"] == len(both)
        assert row["both_held_out"] == sum(held[one][p] and held[two][p] for p in both)
        assert row["both_treated"] == sum(not held[one][p] and not held[two][p] for p in both)
        assert row["first_only"] == sum(not held[one][p] and held[two][p] for p in both)
        assert row["correlation"] > 0.0
    times = pd.Series([p for part in held for p, out in part.items() if not out]).value_counts()
    everyone = set().union(*held)
    wanted = {0: len(everyone) - len(times), **times.value_counts().to_dict()}
    assert {row["times_treated"]: row["persons"] for row in found.contacts.to_dicts()} == {
        key: value for key, value in wanted.items() if value
    }


def test_row_order_kind_of_table_and_order_of_campaigns_change_nothing() -> None:
    given = campaigns()
    found = ex.programme(given)
    mixed = {
        name: ex.ProgrammeCampaign(
            outcomes=pl.from_pandas(campaign.outcomes.sample(frac=1, random_state=3)), as_of=campaign.as_of,
            threshold=60,
        )
        for name, campaign in reversed(given.items())
    }  # fmt: skip
    again = ex.programme(mixed)
    assert again.to_dicts() == found.to_dicts()
    assert again.audiences.to_dicts() == found.audiences.to_dicts()
    assert again.recipe.fingerprint == found.recipe.fingerprint


def test_text_ids_are_the_same_persons_as_numbers() -> None:
    given = campaigns()
    named = {
        name: ex.ProgrammeCampaign(
            outcomes=campaign.outcomes.assign(person_id=[f"客户-{p:06d}" for p in campaign.outcomes["person_id"]]),
            as_of=campaign.as_of, threshold=60,
        )
        for name, campaign in given.items()
    }  # fmt: skip
    assert ex.programme(named).to_dicts() == ex.programme(given).to_dicts()


@pytest.mark.parametrize("case", CASES)
def test_shrinkage_at_a_spread_is_that_of_metafor(case: str) -> None:
    inputs, expected = REFERENCE["inputs"][case], REFERENCE["expected"][case]
    tolerance = {"rel": REFERENCE["rtol"], "abs": REFERENCE["atol"]}
    found = shrink_effects(inputs["estimates"], inputs["covariance"])
    if case == "schools":  # the likelihood falls from 0 on; metafor stops a little beside it
        assert found.likeliest_spread == 0.0
        assert expected["spread"] < 0.01
    else:
        assert found.likeliest_spread == pytest.approx(expected["spread"], **tolerance)
    mean, error, effects, _ = effects_at(inputs["estimates"], inputs["covariance"], expected["spread"])
    assert (mean, error) == pytest.approx((expected["mean"], expected["mean_error"]), **tolerance)
    assert effects.tolist() == pytest.approx(expected["effect"], **tolerance)
    if "given" in expected:
        given = expected["given"]
        mean, error, effects, errors = effects_at(inputs["estimates"], inputs["covariance"], given["spread"])
        assert (mean, error) == pytest.approx((given["mean"], given["mean_error"]), rel=1e-10)
        assert effects.tolist() == pytest.approx(given["effect"], rel=1e-10)
        assert errors.tolist() == pytest.approx(given["error"], rel=1e-10)


@pytest.mark.parametrize("case", ["shared", "spread"])
def test_average_over_the_spread_is_an_integral(case: str) -> None:
    inputs = REFERENCE["inputs"][case]
    found = shrink_effects(inputs["estimates"], inputs["covariance"])
    for place, (mean, below_zero) in enumerate(averaged(inputs["estimates"], inputs["covariance"])):
        assert found.value[place] == pytest.approx(mean, rel=1e-8)
        # The lower end of the interval whose tail is what the integral says lies at 0.
        if 1e-4 < below_zero < 0.4:
            at_zero = shrink_effects(inputs["estimates"], inputs["covariance"], level=1.0 - 2.0 * below_zero)
            assert at_zero.low[place] == pytest.approx(0.0, abs=1e-5)


def test_heterogeneity_is_cochrans_q() -> None:
    given = campaigns()
    found = ex.programme(given)
    assert found.heterogeneity_p is not None
    alone = {name: ex.ProgrammeCampaign(outcomes=c.outcomes.assign(person_id=c.outcomes["person_id"] + 10_000 * i),
                                        as_of=c.as_of, threshold=60)
             for i, (name, c) in enumerate(given.items())}  # fmt: skip
    apart = ex.programme(alone)
    table_ = apart.to_dicts()
    errors = []
    for campaign in alone.values():
        out = campaign.outcomes
        rate, n = out.groupby("arm")["woken"].mean(), out.groupby("arm")["woken"].size()
        treated = n["sms"] + n["call"]
        parts = {arm: rate[arm] * (1 - rate[arm]) / (n[arm] - 1) * n[arm] ** 2 for arm in ("sms", "call")}
        control = rate["holdout"] * (1 - rate["holdout"]) / (n["holdout"] - 1)
        errors.append(sum(parts.values()) / treated**2 + control)
    weights = 1 / np.array(errors)
    rates = np.array([row["rate_effect"] for row in table_])
    q = float(weights @ (rates - weights @ rates / weights.sum()) ** 2)
    assert apart.heterogeneity_p == pytest.approx(math.exp(-q / 2), rel=1e-9)  # chi-square with 2 degrees of freedom
    assert apart.independent_error == pytest.approx(apart.total.standard_error, rel=1e-12)


def test_fewer_than_three_campaigns_are_not_drawn_together() -> None:
    two = dict(list(campaigns().items())[:2])
    found = ex.programme(two)
    assert found.spread is None
    assert found.mean_effect is None
    assert {row["effect_shrunken"] for row in found.to_dicts()} == {None}
    with pytest.raises(at.InputError, match="at least 3"):
        shrink_effects([1.0, 2.0], np.eye(2))


def test_verdicts_expire_and_are_superseded() -> None:
    sms = ex.StandingVerdict(arm="sms", control="holdout", threshold=60, word="PASS")
    call = ex.StandingVerdict(arm="call", control="holdout", threshold=60, word="FAIL")
    given = campaigns()
    verdicts = {"wave 0": (sms, call), "wave 1": (sms,), "wave 2": ()}
    judged = {
        name: ex.ProgrammeCampaign(outcomes=c.outcomes, as_of=c.as_of, threshold=60, verdicts=verdicts[name])
        for name, c in given.items()
    }
    found = ex.programme(judged, as_of=DAYS[0] + timedelta(days=366))
    standing = {(r["campaign"], r["arm"]): r["verdict_standing"] for r in found.verdicts.to_dicts()}
    assert standing == {("wave 0", "sms"): "superseded", ("wave 0", "call"): "expired", ("wave 1", "sms"): "stands"}
    assert ex.programme(judged, as_of=DAYS[0] + timedelta(days=365)).verdicts.column("verdict_standing")[1] == "stands"
    expired = [finding for finding in found.findings if finding.code == "PROGRAMME_EXPIRED"]
    assert expired[0].values["names"] == "wave 0"


def test_held_out_persons_treated_elsewhere_are_counted_in_overlapping_windows_only() -> None:
    made = [ex.simulate("default", persons=1_500, seed=seed) for seed in (1, 2)]
    built = [
        ex.build_outcomes(c.assignment, c.conversions, touches=c.touches, prices=c.prices, window="28d", as_of=c.as_of)
        for c in made
    ]
    found = ex.programme(
        {str(i): ex.ProgrammeCampaign(outcomes=b, as_of=DAYS[i], threshold=85) for i, b in enumerate(built)}
    )
    contacted = {f.values["campaign"]: f.values for f in found.findings if f.code == "PROGRAMME_HELD_OUT_CONTACTED"}
    arms = [dict(zip(b.table()["person_id"], b.table()["arm"], strict=True)) for b in built]
    for one, two in ((0, 1), (1, 0)):
        wanted = sum(
            arm == "holdout" and arms[two].get(person, "holdout") != "holdout" for person, arm in arms[one].items()
        )
        assert contacted[str(one)]["persons"] == wanted
    later = made[1].assignment.assign(assigned_at=made[1].assignment["assigned_at"] + pd.Timedelta(days=200))
    moved = ex.build_outcomes(
        later, made[1].conversions.assign(time=made[1].conversions["time"] + pd.Timedelta(days=200)), window="28d",
        as_of=made[1].as_of + timedelta(days=200), prices=None,
    )  # fmt: skip
    apart = ex.programme(
        {"0": ex.ProgrammeCampaign(outcomes=built[0], as_of=DAYS[0], threshold=85),
         "1": ex.ProgrammeCampaign(outcomes=moved, as_of=DAYS[1], value="value", cost="woken")}
    )  # fmt: skip
    assert "PROGRAMME_HELD_OUT_CONTACTED" not in {finding.code for finding in apart.findings}


def test_text_in_both_languages_has_no_blank_figures() -> None:
    found = ex.programme(campaigns())
    for lang in ("en", "zh"):
        with at.language(lang):
            text = repr(found) + found.to_markdown()
        assert not {"nan", "None", "inf"} & set(text.replace("|", " ").split())
        assert "PROGRAMME" not in text.replace("PROGRAMME_", "")


def test_a_loss_and_an_open_question_are_said_in_their_own_words() -> None:
    costly = ex.ProgrammeCampaign(
        outcomes=table(1, persons=range(600)).assign(cost=lambda t: np.where(t["arm"] == "holdout", 0.0, 500.0)),
        as_of=DAYS[0], threshold=60,
    )  # fmt: skip
    assert "lost money" in ex.programme({"a": costly}).sentence()
    small = ex.ProgrammeCampaign(outcomes=table(1, persons=range(60)), as_of=DAYS[0], threshold=60)
    assert "cannot tell" in ex.programme({"a": small}).sentence()
    assert "不等于无效" in ex.programme({"a": small}).sentence("zh")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"threshold": None}, "one of the two"),
        ({"value": "value"}, "one of the two"),
        ({"threshold": math.nan}, "finite amount"),
        ({"as_of": "2026-03-31"}, "must be a date"),
    ],
)
def test_a_campaign_says_what_is_wrong_with_it(change: dict[str, Any], said: str) -> None:
    options = {"outcomes": table(1, persons=range(60)), "as_of": DAYS[0], "threshold": 60.0} | change
    with pytest.raises(at.InputError, match=said):
        ex.ProgrammeCampaign(**options)


def test_tables_that_cannot_be_used_are_told_at_once() -> None:
    good = table(1, persons=range(100))

    def asked(**changes: Any) -> ex.Programme:
        return ex.programme({"a": ex.ProgrammeCampaign(outcomes=good.assign(**changes), as_of=DAYS[0], threshold=60)})

    with pytest.raises(at.TableError, match="finite amount"):
        asked(cost=np.where(good["person_id"] == 3, np.nan, 1.0))
    with pytest.raises(at.TableError, match="0 or 1"):
        asked(woken=2)
    with pytest.raises(at.TableError, match="holds"):
        asked(cost="much")
    with pytest.raises(at.TableError, match="more than one row"):
        asked(person_id=1)
    with pytest.raises(ex.DesignError, match="control arm"):
        asked(arm="sms")
    with pytest.raises(ex.DesignError, match="no stratum"):
        asked(arm=np.where(good["person_id"] == 3, "holdout", "sms"))
    with pytest.raises(at.InputError, match="different types"):
        ex.programme(
            {"a": ex.ProgrammeCampaign(outcomes=good, as_of=DAYS[0], threshold=60),
             "b": ex.ProgrammeCampaign(outcomes=good.assign(person_id=good["person_id"].astype(str)), as_of=DAYS[1],
                                       threshold=60)}
        )  # fmt: skip
    clustered = ex.Experiment({"woken": ex.Rate("woken")}, cluster="stratum")
    with pytest.raises(ex.DesignError, match="assigned clusters"):
        ex.programme({"a": ex.ProgrammeCampaign(outcomes=good, as_of=DAYS[0], threshold=60, experiment=clustered)})
    with pytest.raises(at.InputError, match="at least one name"):
        ex.programme({})
    with pytest.raises(at.InputError, match="not before"):
        ex.programme(campaigns(), as_of=DAYS[0])


def test_interval_covers_with_a_shared_holdout_where_adding_variances_does_not() -> None:
    """A holdout that is the same in eight campaigns: person-wise intervals cover, independent ones do not."""
    rng = np.random.default_rng(20)
    runs, many, persons = 60, 6, 300
    covered = naive = 0
    for _ in range(runs):
        level = rng.normal(0.0, 1.0, persons)  # what a person brings in every campaign
        held = rng.random(persons) < 0.3
        given = {}
        for number in range(many):
            value = level + rng.normal(0.0, 1.0, persons) + np.where(held, 0.0, 0.5)
            outcomes = pd.DataFrame(
                {"person_id": np.arange(persons), "arm": np.where(held, "holdout", "sms"), "woken": 1, "cost": 0.0,
                 "value": value}
            )  # fmt: skip
            given[str(number)] = ex.ProgrammeCampaign(outcomes=outcomes, as_of=date(2026, 1 + number, 1), value="value")
        found = ex.programme(given)
        truth = 0.5 * many * int((~held).sum())
        covered += found.total.low <= truth <= found.total.high
        naive += abs(found.total.value - truth) <= 1.96 * found.independent_error
    # 3 standard errors of a binomial share around 95 %; the naive interval knows a part of the variance.
    assert abs(covered / runs - 0.95) < 3 * math.sqrt(0.95 * 0.05 / runs)
    assert naive / runs < 0.85


def test_errors_that_cancel_each_other_leave_no_variance_below_zero() -> None:
    """Who was held out in one campaign was treated in the other, with the same outcome: sums are 0 but for rounding."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        held = np.arange(1_000) % 2 == 1
        rows = pd.DataFrame({"person_id": range(1_000), "woken": (rng.random(1_000) < 0.1).astype(int), "cost": 0.0})
        parts = [rows.assign(arm=np.where(out, "holdout", "sms")) for out in (held, ~held)]
        given = {
            str(day): ex.ProgrammeCampaign(outcomes=part, as_of=day, threshold=60.1)
            for day, part in zip(DAYS, parts, strict=False)
        }
        found = ex.programme(given)
        assert found.total.standard_error == pytest.approx(0.0, abs=1e-4)
        assert found.heterogeneity_p is None  # one error follows from the other


def test_one_campaign_under_two_names_is_refused() -> None:
    given = campaigns()
    first = given["wave 0"]
    again = ex.ProgrammeCampaign(outcomes=first.outcomes.sample(frac=1.0, random_state=1), as_of=DAYS[2], threshold=60)
    with pytest.raises(at.InputError, match="'wave 0' and 'wave 9' hold the same persons"):
        ex.programme({**given, "wave 9": again})


def test_thresholds_of_segments_are_worth_as_much_as_a_column_of_values() -> None:
    rows = table(3, persons=range(900), strata=3)
    amounts = {"0": 10.0, "1": 100.0, "2": 7.0}
    worth = rows["woken"] * rows["stratum"].astype(str).map(amounts)
    by = {"as_of": DAYS[0], "threshold": amounts, "by": "stratum"}
    found = ex.programme({"a": ex.ProgrammeCampaign(outcomes=rows, **by)})
    wanted = ex.programme({"a": ex.ProgrammeCampaign(outcomes=rows.assign(value=worth), as_of=DAYS[0], value="value")})
    assert found.table().equals(wanted.table())
    with pytest.raises(at.InputError, match="no threshold for the segment '2'"):
        ex.programme({"a": ex.ProgrammeCampaign(outcomes=rows, **{**by, "threshold": {"0": 1, "1": 2}})})
    with pytest.raises(at.InputError, match="go together"):
        ex.ProgrammeCampaign(outcomes=rows, as_of=DAYS[0], threshold=amounts)


@pytest.mark.parametrize("times", [1.0, 30.0, 1_000.0])
def test_the_common_mean_of_effects_far_apart_is_that_of_a_fine_grid(times: float) -> None:
    """Where errors are tiny beside the differences, the mean of three has Student's interval with two degrees."""
    effects, error = np.array([0.01, 0.03, 0.08]), 0.03 / times
    found = shrink_effects(effects, np.eye(3) * error**2)
    t = np.exp(np.linspace(math.log(1e-5), math.log(1e4), 40_001))
    spread = np.sqrt(error**2 + t**2)
    weight = np.exp(-2.0 * np.log(spread) - np.square(effects - effects.mean()).sum() / (2.0 * spread**2)) * t
    cdf = [
        float(weight @ ndtr((end - effects.mean()) / spread * math.sqrt(3.0)) / weight.sum())
        for end in (found.mean_low, found.mean_high)
    ]
    assert cdf == pytest.approx([0.025, 0.975], abs=2e-5)


def test_an_invalid_trial_supersedes_nothing() -> None:
    verdict = {"arm": "sms", "control": "holdout", "threshold": 60.0}
    words = ("PASS", "INVALID", None)
    judged = {
        name: ex.ProgrammeCampaign(
            outcomes=c.outcomes, as_of=c.as_of, threshold=60,
            verdicts=() if word is None else (ex.StandingVerdict(word=word, **verdict),),
        )
        for word, (name, c) in zip(words, campaigns().items(), strict=True)
    }  # fmt: skip
    assert ex.programme(judged).verdicts.column("verdict_standing")[0] == "stands"
