"""What the money questions say at their edges: refusals, logs that were changed, guardrails and shapes of a set."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.errors import DesignError, InputError, TableError
from attribution.core.estimates import Estimate, RatioSet
from experiments.roi.monitor_files import _check_figures
from experiments.roi.monitor_plan import Seen
from experiments.roi.result import _price_shown
from experiments.roi.undecided import _plugin_statistic
from experiments.roi.wording import verdict_sentence


def outcomes(counts: dict[str, tuple[int, int]], *, touch: float = 0.2, prize: float = 20.0) -> pd.DataFrame:
    """Persons and woken of every arm; the control costs nothing, others a touch each and a prize per woken."""
    parts = []
    for arm, (persons, woken) in counts.items():
        event = np.arange(persons) < woken
        paid = np.where(event, touch + prize, touch) if arm != "holdout" else np.zeros(persons)
        parts.append(pd.DataFrame({"arm": arm, "woken": event.astype(int), "cost": paid}))
    return pd.concat(parts, ignore_index=True).rename_axis("person_id").reset_index()


SMALL = {"sms": (4_000, 160), "holdout": (4_000, 80)}
HALVES = {"sms": 0.5, "holdout": 0.5}


def spec(**options: object) -> ex.Experiment:
    return ex.Experiment({"woken": ex.Rate("woken")}, **options)


@pytest.mark.parametrize("relative", ["yes", 1, None])
def test_a_guardrail_is_relative_or_not(relative: object) -> None:
    with pytest.raises(InputError, match=f"relative must be True or False, got {relative!r}"):
        ex.Guardrail("closed", 0.01, relative=relative)


@pytest.mark.parametrize(("name", "number"), [("value", math.nan), ("low", "0.1"), ("high", True)])
def test_a_guardrail_reads_numbers_only(name: str, number: object) -> None:
    read = {"value": 0.0, "low": -0.1, "high": 0.1, name: number}
    with pytest.raises(InputError, match=f"{name} must be a number, or None when it is undefined, got {number!r}"):
        ex.Guardrail("closed", 0.01).read(read["value"], low=read["low"], high=read["high"])


def test_a_guardrail_whose_column_is_missing_is_a_problem_of_the_table() -> None:
    guarded = spec(guardrails=(ex.Guardrail("closed", 0.01),))
    with pytest.raises(TableError, match=r"MISSING_COLUMN.*closed"):
        ex.guardrail_table(outcomes(SMALL), experiment=guarded)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": {"cost": "spent"}}, r"MISSING_COLUMN.*cost"),
        ({"columns": {"arm": "group"}}, r"MISSING_COLUMN.*arm"),
    ],
)
def test_costs_need_their_columns(change: dict[str, dict[str, str]], message: str) -> None:
    with pytest.raises(TableError, match=message):
        ex.cost_thresholds(outcomes(SMALL).rename(**change), thresholds=[60], experiment=spec())


def test_costs_written_as_text_are_named() -> None:
    table = outcomes(SMALL)
    with pytest.raises(TableError, match=r"cost"):
        ex.cost_thresholds(table.assign(cost=table["cost"].astype(str)), thresholds=[60], experiment=spec())


def test_declared_amounts_need_the_column_of_their_segments() -> None:
    table = outcomes(SMALL).assign(worth=60.0)
    with pytest.raises(TableError, match=r"MISSING_COLUMN.*tier"):
        ex.cost_thresholds(table, thresholds="worth", by="tier", experiment=spec())


@pytest.mark.parametrize("column", ["touch", "cost"])
def test_a_part_of_the_cost_is_known_for_everybody(column: str) -> None:
    table = outcomes(SMALL).assign(touch=0.1)
    pays = ex.cost_thresholds(table, thresholds=[60], experiment=spec())
    table.loc[[3, 5_000], column] = np.nan
    with pytest.raises(TableError, match=r"(?s)NULL_OUTCOME.*woken, cost, touch: .*where 0 is known.*2 affected"):
        ex.tipping(pays, outcomes=table, prices=["touch"], experiment=spec())


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_persons_of_a_rule_have_finite_money(bad: float) -> None:
    net = np.array([1.0, 2.0, bad, 4.0])
    with pytest.raises(InputError, match="net must be finite for every person"):
        ex.CrossData(net=net, arm=np.array([0, 1, 0, 1]), unit=np.arange(4))


def test_persons_of_a_rule_have_money_in_numbers() -> None:
    with pytest.raises(InputError, match=r"net must be an array of numbers, one per person, got \['1', '2'\]"):
        ex.CrossData(net=np.array(["1", "2"]), arm=np.array([0, 1]), unit=np.arange(2))


def test_information_needs_finite_numbers_and_is_worth_nothing_where_the_belief_cannot_move() -> None:
    for name, given in (("value", {"value": math.inf, "standard_error": 1.0}), ("value", {"value": "1"})):
        with pytest.raises(InputError, match=f"the {name} of the estimate must be a finite number"):
            ex.value_of_information(Estimate(**given, n=10), persons=10)
    with pytest.raises(InputError, match="the standard error of the estimate must be a finite number, got inf"):
        ex.value_of_information(Estimate(value=1.0, standard_error=math.inf, n=10), persons=10)
    # So sure a belief, and so noisy persons, that the mean moves by less than the smallest number.
    noisy = Estimate(value=1.0, standard_error=1e30, n=10)
    sure = ex.value_of_information(noisy, persons=1_000, prior=(0.5, 1e-145), sizes=[10, 10**9])
    assert [(row["worth"], row["gain"], row["chance_of_change"]) for row in sure.to_dicts()] == [(0.0, 0.0, 0.0)] * 2
    assert (sure.decision, sure.perfect) == ("roll_out", 0.0)


def test_a_deviation_whose_square_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match=r"standard deviation \(above 0\) of a belief, got \(0.5, 1e-170\)"):
        ex.value_of_information(Estimate(value=1.0, standard_error=1.0, n=10), persons=10, prior=(0.5, 1e-170))
    with pytest.raises(InputError, match="a standard error above 0"):
        ex.value_of_information(Estimate(value=1.0, standard_error=1e-170, n=10), persons=10)


# --- shapes of the undecided set -------------------------------------------------------------------


def test_every_shape_of_a_set_is_shown_in_words() -> None:
    pays = ex.cost_thresholds(outcomes(SMALL), thresholds=[85], experiment=spec())
    (row,) = pays.judged

    def shown(kind: str, low: float, high: float) -> str:
        made = RatioSet(value=None, low=low, high=high, kind=kind, level=0.95)
        ends = (None, None) if math.isinf(low) and kind == "complement" else (low, high)
        return _price_shown(replace(row, cost=replace(row.cost, undecided=made)), *ends)

    assert shown("interval", 30.0, 72.5) == "50 (30 to 72.50)"
    assert shown("all", 0.0, math.inf) == "50 (every threshold is undecided)"
    assert shown("complement", -math.inf, math.inf) == "50 (no threshold is undecided)"
    assert shown("complement", 30.0, 72.5) == "50 (undecided at most 30, or 72.50 and more)"


def test_a_net_benefit_of_nothing_is_no_deviation_also_without_variance() -> None:
    """60 x 0.5 - 30 = 0; with 20 for 30 the variance is 60 (60 x 4 - 2 x 1) + 9 = 14,289."""
    assert _plugin_statistic((0.5, 30.0, 0.0, 0.0, 0.0), 60.0) == 0.0
    assert _plugin_statistic((0.5, 20.0, 4.0, 1.0, 9.0), 60.0) == pytest.approx(10.0 / math.sqrt(14_289.0))
    assert _plugin_statistic((0.5, 20.0, 0.0, 0.0, 0.0), 60.0) == math.inf


def test_a_verdict_without_a_cost_says_so() -> None:
    pays = ex.cost_thresholds(outcomes(SMALL), thresholds=[125], experiment=spec())
    (row,) = pays.judged
    assert row.verdict.word == "PASS"
    plain = verdict_sentence(row.verdict, contrast="sms", threshold=125.0, lang="en")
    priced = verdict_sentence(row.verdict, contrast="sms", threshold=125.0, cost=row.cost, lang="en")
    assert plain.startswith("At 125 yuan per woken customer sms pays: net benefit 1,500 yuan per 1,000 persons")
    assert plain.endswith("cost per incremental wake-up not stated.")
    assert "cost per incremental wake-up 50 yuan" in priced


def test_an_undecided_guardrail_leaves_one_word_on_both_sides_of_an_end() -> None:
    """PASS is withheld, so a higher value of a woken customer changes no word; a lower one does at the lower end."""
    table = outcomes(SMALL).assign(closed=lambda rows: (rows["person_id"] % 50 == 0).astype(int))
    guarded = spec(guardrails=(ex.Guardrail("closed", 0.0001),))
    pays = ex.cost_thresholds(table, thresholds=[50, 125], experiment=guarded)
    inside, above = pays.judged
    assert [(row.verdict.word, row.verdict.reason) for row in pays.judged] == [
        ("INCONCLUSIVE", ""),
        ("INCONCLUSIVE", "GUARDRAIL_UNDECIDED"),
    ]
    found = [row for row in ex.tipping(pays).to_dicts() if row["assumption"] == "value"]
    for row, judged in ((found[0], inside), (found[1], above)):
        assert row["tips_at"] == pytest.approx(judged.cost.undecided.low, rel=1e-9)
        assert row["becomes"] == "FAIL"
    assert len(found) == 2


# --- the log of looks ------------------------------------------------------------------------------

LOOK = {"sms": (2_000, 90), "digital": (2_000, 60), "holdout": (2_000, 50)}


def plan(**options: object) -> ex.NetBenefitMonitor:
    return ex.NetBenefitMonitor(**{"planned": 6_000, "arms": ["digital", "sms"], "thresholds": [20, 60], **options})


def taken(counts: dict[str, tuple[int, int]] = LOOK, **options: object) -> list[dict[str, object]]:
    found = ex.monitor_thresholds(outcomes(counts), monitor=plan(**options), day="2026-10-05", experiment=spec())
    return found.to_dicts()


def test_a_plan_without_looks_is_inconclusive() -> None:
    assert plan().verdict(arm="sms", threshold=60) == "INCONCLUSIVE"
    assert plan().decided(arm="sms", threshold=60) is None


def test_a_look_holds_every_arm_of_the_plan() -> None:
    counts = {"holdout": 2_000, "sms": 2_000}
    nothing = Seen(net=0.0, z=0.0, low=None, high=None)
    with pytest.raises(InputError, match=r"the look lacks the arm 'digital'.*it holds \['holdout', 'sms'\]"):
        plan().append("2026-10-05", matured=counts, woken=counts, read=lambda *_: nothing)


def test_few_woken_give_no_word_also_where_the_plan_lets_them_count() -> None:
    few = {"sms": (500, 60), "digital": (500, 3), "holdout": (500, 40)}
    rows = taken(few, least=1)
    said = {row["arm"]: (row["verdict"], row["reason"]) for row in rows if row["threshold"] == 60}
    assert said["digital"] == ("INCONCLUSIVE", "FEW_EVENTS")
    assert said["sms"][1] != "FEW_EVENTS"


def test_rows_that_stand_twice_are_refused() -> None:
    rows = taken()
    with pytest.raises(DesignError, match=r"LOOKS_CHANGED.*more than one row of \('digital', 'holdout', 20.0\)"):
        ex.NetBenefitMonitor.read([*rows, rows[0]])


def test_contrasts_that_form_no_order_are_refused() -> None:
    rows = [{**row, "control": "sms" if row["arm"] == "digital" else "holdout"} for row in taken()]
    turned = [{**row, "control": "digital"} if row["arm"] == "sms" else row for row in rows]
    with pytest.raises(DesignError, match=r"LOOKS_CHANGED.*are no order of arms"):
        ex.NetBenefitMonitor.read(turned)
    apart = [{**row, "control": f"{row['arm']} control"} for row in rows]
    with pytest.raises(DesignError, match=r"LOOKS_CHANGED.*are no order of arms"):
        ex.NetBenefitMonitor.read(apart)


def test_a_look_has_one_day_and_all_its_rows() -> None:
    rows = taken()
    with pytest.raises(DesignError, match=r"LOOKS_CHANGED.*2026-10-05 are not those of one look"):
        ex.NetBenefitMonitor.read([{**row, "date": "2026-10-06"} if row is rows[-1] else row for row in rows])
    with pytest.raises(DesignError, match=r"LOOKS_CHANGED.*2026-10-05 are not those of one look"):
        ex.NetBenefitMonitor.read(rows[:-1])


@pytest.mark.parametrize(("events", "wrong"), [(2_001, "2001 woken of 2000"), (-1, "-1 woken of 2000")])
def test_nobody_wakes_twice(events: int, wrong: str) -> None:
    rows = [{**row, "events": events} if row["arm"] == "digital" else row for row in taken()]
    with pytest.raises(DesignError, match=f"LOOKS_CHANGED.*'digital' has {wrong} persons"):
        ex.NetBenefitMonitor.read(rows)


def test_a_look_that_does_not_count_comes_back_and_has_no_interval() -> None:
    rows = taken({"sms": (200, 9), "digital": (200, 6), "holdout": (200, 5)})
    assert {(row["reason"], row["bound"], row["net_benefit_low"]) for row in rows} == {("LOOK_FEW_EVENTS", None, None)}
    assert ex.NetBenefitMonitor.read(rows).to_dicts() == rows
    with pytest.raises(DesignError, match=r"LOOKS_CHANGED.*contradict one another"):
        ex.NetBenefitMonitor.read([{**row, "net_benefit_low": -5.0} if row is rows[0] else row for row in rows])


def test_at_the_bound_itself_rounding_may_put_an_end_on_either_side_of_0() -> None:
    row = {"side": "two", "guardrail": "", "arm": "sms", "threshold": 60.0, "date": "2026-10-05"}
    for low, z in ((-1e-9, 2.6), (1e-9, 2.4)):
        _check_figures(row, (5.0, low, 10.0), (2.5, 2.5))
        with pytest.raises(DesignError, match=r"sms at 60.0 on 2026-10-05 contradict one another"):
            _check_figures(row, (5.0, low, 10.0), (z, 2.5))


# --- budgets, margins, money, the waterfall --------------------------------------------------------


def test_whole_segments_leave_a_gap_that_is_told() -> None:
    """Two segments of the same worth and money for one and a half: the second in part would add half its worth."""
    one = outcomes({"sms": (4_000, 400), "holdout": (4_000, 80)}, touch=0.5, prize=0.0)
    table = pd.concat([one.assign(tier=name, person_id=one["person_id"] + at) for name, at in (("a", 0), ("b", 8_000))])
    options = {"by": "tier", "thresholds": 10, "experiment": spec(), "splits": 1, "folds": 2}
    # Silence costs 0, so contacting the 8,000 persons of a segment costs 4,000 and is worth 8,000 (10 x 0.08 - 0.5).
    plan = ex.plan_budget(table, budget=6_000, partial=False, **options)
    assert (len(plan.allocation.steps), plan.spent) == (1, pytest.approx(4_000.0))
    assert plan.allocation.bound - plan.allocation.value == pytest.approx(1_200.0)
    assert "Contacting one in part could add at most 1,200 yuan." in " ".join(plan.sentences("en"))
    cut = replace(plan, allocation=replace(plan.allocation, exact=False))
    assert "another choice could add at most 1,200 yuan by these figures" in " ".join(cut.sentences("en"))
    assert not any("could add" in told for told in ex.plan_budget(table, budget=6_000, **options).sentences("en"))


def waves(**effects: int) -> pd.DataFrame:
    """Waves of the same size, with as many woken of 2,000 treated; 40 of 2,000 in the control."""
    made = [outcomes({"sms": (2_000, n), "holdout": (2_000, 40)}).assign(wave=name) for name, n in effects.items()]
    return pd.concat(made, ignore_index=True).assign(person_id=lambda rows: range(len(rows)))


def test_marginal_costs_say_nothing_about_stopping_without_waves_or_a_threshold() -> None:
    table = waves(one=140, two=40)
    shares = spec(shares=HALVES)
    assert ex.marginal_costs(table, experiment=shares, wave="wave").sentences() == ()
    plain = ex.marginal_costs(table, experiment=shares, threshold=60)
    assert plain.sentences() == ()
    assert "What one more wake-up costs at the margin, 95% intervals" in repr(plain)
    assert "stop after" not in repr(plain)


def test_marginal_costs_are_printed_with_what_each_wave_says() -> None:
    found = ex.marginal_costs(waves(one=140, two=40), experiment=spec(shares=HALVES), wave="wave", threshold=60)
    assert found.stop_after(arm="sms") == "two"
    shown = repr(found)
    for told in ("What one more wake-up costs at the margin", "decision", "stop after wave “two”", *found.sentences()):
        assert told in shown


def test_marginal_costs_of_clusters_are_those_of_the_thresholds() -> None:
    table = outcomes({"sms": (2_000, 140), "holdout": (2_000, 40)})
    table["branch"] = table["arm"] + (table["person_id"] // 7 % 25).astype(str)
    clustered = spec(cluster="branch")
    (row,) = ex.marginal_costs(table, experiment=clustered).to_dicts()
    (same,) = ex.cost_thresholds(table, thresholds=[60], experiment=clustered).to_dicts()
    (alone,) = ex.marginal_costs(table, experiment=spec()).to_dicts()
    for name in ("cost_per_incremental", "cost_per_incremental_low", "cost_per_incremental_high"):
        assert row[name] == pytest.approx(same[name], rel=1e-12)
    assert row["cost_per_incremental"] == pytest.approx(alone["cost_per_incremental"], rel=1e-12)
    assert row["cost_per_incremental_high"] > alone["cost_per_incremental_high"]


def test_money_decided_alone_and_not_together_says_why() -> None:
    """+-1 around 0.094 in two arms, around 0 in the control: z = 0.094 / sqrt(2 / 1000) = 2.1, twice p = 0.072."""
    means = {"holdout": 0.0, "sms": 0.094, "full": 0.094}
    parts = [
        pd.DataFrame({"arm": arm, "value": mean + np.tile([-1.0, 1.0], 500), "woken": 1, "cost": 0.0})
        for arm, mean in means.items()
    ]
    table = pd.concat(parts, ignore_index=True).rename_axis("person_id").reset_index()
    found = ex.money_test(table, experiment=spec())
    for line in found.lines:
        assert line.welch.p_value == pytest.approx(0.0358, abs=5e-4)
        assert (line.unadjusted.word, line.unadjusted.reason) == ("PASS", "")
        assert (line.verdict.word, line.verdict.reason) == ("INCONCLUSIVE", "MULTIPLICITY")


def test_a_stratum_with_one_cluster_of_an_arm_leaves_the_leakage_without_an_interval() -> None:
    def part(name: str, clusters: int) -> pd.DataFrame:
        made = outcomes({"sms": (400, 40), "holdout": (400, 20)})
        mine = np.arange(400) // 3 % clusters
        return made.assign(region=name, branch=[f"{name} t{i}" for i in mine] + [f"{name} c{i}" for i in mine])

    def natural(*tables: pd.DataFrame) -> dict[str, object]:
        rows = pd.concat(tables, ignore_index=True).assign(person_id=lambda t: range(len(t)))
        rows["incentive_cost"] = np.where(rows["cost"] > 1.0, 20.0, 0.0)
        rows["touch_cost"], rows["fixed_cost"] = rows["cost"] - rows["incentive_cost"], 0.0
        design = spec(strata="region", cluster="branch")
        found = ex.cost_thresholds(rows, thresholds=[60], experiment=design).waterfall().to_dicts()
        return next(row for row in found if row["part"] == "incentive_natural")

    many, one = natural(part("n", 20), part("s", 20)), natural(part("n", 20), part("s", 1))
    # In every stratum 0.1 x 20 of incentives per person, half of them to customers who would have come anyway.
    assert many["per_1000"] == pytest.approx(1_000.0)
    assert one["per_1000"] == pytest.approx(1_000.0)
    assert many["per_1000_low"] < 1_000.0 < many["per_1000_high"]
    assert (one["per_1000_low"], one["per_1000_high"]) == (None, None)
