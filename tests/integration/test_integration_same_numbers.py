"""A campaign in every kind of table gives the same numbers, and what sums, sums."""

from __future__ import annotations

import math

import numpy as np
import pytest

import attribution as at
import experiments as ex

TOUCH_KEYS = ("channel", "kind", "origin", "campaign", ("channel", "kind"), ("campaign", "channel", "origin"))
METRICS = {"woken": ex.Rate("woken"), "value": ex.Mean("value"), "orders": ex.Mean("orders", cap=2)}
TABLES = ("assignment", "touches", "conversions", "prices", "history")
MODELS = (
    *at.RULE_MODELS,
    at.PositionBased(first=1.0, last=0.0, name="all to the first"),
    at.PositionBased(first=0.0, last=0.0, name="none at the ends"),
    at.TimeDecay(half_life="1h", name="fast decay"),
)


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate(persons=3_000, seed=11)


def _read(campaign, convert):
    """Everything the first script computes, as plain rows, from tables of one kind."""
    t = {name: convert(getattr(campaign, name)) for name in TABLES}
    credit = at.attribute(t["touches"], t["conversions"], models=MODELS)
    outcomes = ex.build_outcomes(
        t["assignment"], t["conversions"], touches=t["touches"], prices=t["prices"], history=t["history"],
        window="28d", as_of=campaign.as_of,
    )  # fmt: skip
    experiment = ex.Experiment(METRICS, shares="p_assign", strata="stratum")
    readout = experiment.analyze(outcomes, touches=t["touches"])
    # The outcomes go through the engine once more: thresholds are summed where the table is.
    held = convert(outcomes.table())
    direct = ex.Experiment(METRICS, shares="p_assign").analyze(held)
    pays = ex.cost_thresholds(held, experiment=experiment, thresholds=[60, 85, 125], order=campaign.order)
    reconciled = ex.reconcile(credit, readout, assignment=t["assignment"], steps=campaign.steps)
    by_person = sorted(outcomes.to_dicts(), key=lambda row: row["person_id"])
    return {
        "credit": credit.table(level=0.95).to_dict("records"),
        "by campaign": credit.by(("campaign", "channel")).to_dicts(),
        "outcomes": by_person,
        "readout": readout.to_dicts(),
        "steps": readout.steps(campaign.order).to_dicts(),
        "direct": direct.to_dicts(),
        "thresholds": pays.to_dicts(),
        "reconciliation": reconciled.to_dicts(),
    }


def _same(found, expected, where):
    assert type(found) is type(expected) or {type(found), type(expected)} <= {int, float, str, type(None)}, where
    if isinstance(expected, float) and isinstance(found, (int, float)):
        if math.isnan(expected):
            assert math.isnan(found), where
            return
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12), where
    else:
        assert found == expected, where


@pytest.fixture(scope="module")
def on_pandas(campaign):
    return _read(campaign, lambda frame: frame.copy())


@pytest.mark.parametrize("kind", ["pandas_pyarrow", "polars", "polars_lazy", "pyarrow", "duckdb"])
def test_every_kind_of_table_gives_the_same_numbers(campaign, on_pandas, kind, table_kinds):
    found = _read(campaign, lambda frame: table_kinds(frame)[kind])
    for name, rows in on_pandas.items():
        assert len(found[name]) == len(rows), name
        for place, (row, other) in enumerate(zip(found[name], rows, strict=True)):
            assert row.keys() == other.keys(), (name, place)
            for column, value in other.items():
                _same(row[column], value, (kind, name, place, column))


def test_the_order_of_rows_changes_no_bit(campaign, on_pandas):
    shuffled = _read(campaign, lambda frame: frame.sample(frac=1.0, random_state=3).reset_index(drop=True))
    assert {name: repr(rows) for name, rows in shuffled.items()} == {name: repr(r) for name, r in on_pandas.items()}


@pytest.mark.parametrize("reuse", ["shared", "reset", "first"])
@pytest.mark.parametrize("lookback", ["1h", "3d", "30d", {"sms": "2d", ("banner", "click"): "1d", "*": "10d"}])
def test_credit_sums_to_the_conversions_for_every_model_and_roll_up(campaign, reuse, lookback):
    rules = at.Rules(lookback=lookback, reuse=reuse)
    credit = at.attribute(campaign.touches, campaign.conversions, models=MODELS, rules=rules)
    booked = campaign.conversions
    if reuse == "first":
        booked = booked.sort_values(["time", "conversion_id"]).drop_duplicates("person_id")
    conversions, value = len(booked), booked["value"].sum()
    readings = [credit, *(credit.by(key) for key in TOUCH_KEYS), credit.by("customer_id").by("channel")]
    for reading in readings:
        sums = reading.table().groupby("model")[["conversions", "value"]].sum()
        assert len(sums) == len(MODELS)
        assert sums["conversions"].to_numpy() == pytest.approx(conversions, rel=1e-9)
        assert sums["value"].to_numpy() == pytest.approx(value, rel=1e-9)
    events = credit.touches().table()
    per_conversion = events.groupby(["model", "conversion_id"])["weight"].sum()
    assert per_conversion.to_numpy() == pytest.approx(1.0, rel=1e-9)
    none = credit.table().query("channel == '(none)'").set_index("model")["conversions"]
    credited = events.groupby("model")["conversions"].sum()
    assert (credited + none).to_numpy() == pytest.approx(conversions, rel=1e-9)


def test_spend_in_is_spend_out(campaign):
    """Priced touches and lump sums, person by person, add up to the bank's own bill by channel."""
    outcomes = ex.build_outcomes(
        campaign.assignment, campaign.conversions, touches=campaign.touches, prices=campaign.prices,
        window="28d", as_of=campaign.as_of,
    ).table()  # fmt: skip
    bill = campaign.spend["cost"].sum()
    assert (outcomes["touch_cost"] + outcomes["fixed_cost"]).sum() == pytest.approx(bill, rel=1e-9)
    assert outcomes["incentive_cost"].sum() == pytest.approx(campaign.conversions["incentive_cost"].sum(), rel=1e-9)
    parts = outcomes["touch_cost"] + outcomes["incentive_cost"] + outcomes["fixed_cost"]
    assert outcomes["cost"].to_numpy() == pytest.approx(parts.to_numpy(), rel=1e-12)
    priced = at.price_touches(campaign.touches, campaign.prices)
    assert priced["cost"].sum() == pytest.approx(outcomes["touch_cost"].sum(), rel=1e-9)
    credit = at.attribute(campaign.touches, campaign.conversions).with_costs(priced).table()
    assert credit.groupby("model")["cost"].sum().to_numpy() == pytest.approx(priced["cost"].sum(), rel=1e-9)


def test_steps_add_to_the_total(campaign):
    outcomes = ex.build_outcomes(
        campaign.assignment, campaign.conversions, touches=campaign.touches, prices=campaign.prices,
        window="28d", as_of=campaign.as_of,
    )  # fmt: skip
    experiment = ex.Experiment(METRICS, shares="p_assign", strata="stratum")
    readout = experiment.analyze(outcomes)
    total = {row["metric"]: row["difference"] for row in readout.to_dicts() if row["arm"] == "full"}
    for metric, difference in total.items():
        steps = [row["difference"] for row in readout.steps(campaign.order).to_dicts() if row["metric"] == metric]
        assert math.fsum(steps) == pytest.approx(difference, abs=1e-12)
    stepped = ex.cost_thresholds(outcomes, experiment=experiment, order=campaign.order).to_dicts()
    direct = ex.cost_thresholds(outcomes, experiment=experiment).to_dicts()
    for threshold in (60, 85, 125):
        net = [row["net_benefit_per_1000"] for row in stepped if row["threshold"] == threshold]
        whole = next(r for r in direct if r["arm"] == "full" and r["threshold"] == threshold)
        assert math.fsum(net) == pytest.approx(whole["net_benefit_per_1000"], rel=1e-9)


class Spoiled:
    """A model of somebody else, whose weights are linear ones with a fault."""

    needs = "touches"

    def __init__(self, name, fault):
        self.name, self.fault = name, fault

    def weights(self, journeys):
        return self.fault(at.Linear().weights(journeys))


FAULTS = {
    "nan": lambda weights: np.where(np.arange(len(weights)) == 3, np.nan, weights),
    "infinite": lambda weights: weights * np.inf,
    "doubled": lambda weights: 2 * weights,
    "negative": lambda weights: -weights,
    "displaced": lambda weights: np.roll(weights, 1),
    "short": lambda weights: weights[:-1],
    "a little more": lambda weights: weights * (1 + 1e-6),
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_weights_that_do_not_sum_are_refused(campaign, name):
    model = Spoiled(name, FAULTS[name])
    with pytest.raises((at.ConservationError, at.InputError), match=name):
        at.attribute(campaign.touches, campaign.conversions, models=[model])
    good = Spoiled("good", lambda weights: weights)
    found = at.attribute(campaign.touches, campaign.conversions, models=[good, "linear"]).table()
    one, other = (found[found["model"] == model].drop(columns="model") for model in ("good", "linear"))
    assert one.fillna(-1).to_numpy().tolist() == other.fillna(-1).to_numpy().tolist()


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_a_sum_that_overflows_is_refused_and_not_printed_as_infinite(campaign):
    with pytest.raises(at.ConservationError, match="value"):
        at.attribute(campaign.touches, campaign.conversions.assign(value=1.5e308))
