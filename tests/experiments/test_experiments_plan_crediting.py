"""The keys of [attribution]: from the plan to rules and models."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest

import attribution as at
from attribution.core.errors import PlanError
from experiments.plan import Plan
from experiments.post_mortem.evidence import _credit


def plan(**keys):
    return Plan.from_dict({"campaign": {"name": "Q4", "as_of": date(2026, 12, 31)}, "attribution": keys})


def problems(**keys):
    with pytest.raises(PlanError, match="problem") as caught:
        plan(**keys)
    return caught.value.problems


def test_an_empty_section_says_the_default_rules_and_models():
    declared = plan().attribution
    assert declared.rules().text() == at.Rules().text()
    credit = at.attribute(*tables(), models=declared.declared_models())
    assert [model.name for model in credit.models] == [model.name for model in at.RULE_MODELS]


def test_every_rule_reaches_the_rules():
    rules = plan(
        lookback="14d",
        reuse="reset",
        origin="outbound",
        match=["product"],
        same_instant="exclude",
        window="calendar_days",
        timezone="Asia/Shanghai",
        not_before="2026-10-01T00:00:00+08:00",
        tie_order=["banner", ["sms", "click"]],
        levels=["sent", "delivered"],
        level="delivered",
        key_event="product_page",
        key_event_match=["product"],
        dormancy="180d",
        transforms=["exposure", ["trim_long_path", 20]],
    ).attribution.rules()
    assert (
        rules.text()
        == at.Rules(
            lookback="14d",
            reuse="reset",
            origin="outbound",
            match=("product",),
            same_instant="exclude",
            window="calendar_days",
            timezone="Asia/Shanghai",
            not_before="2026-10-01T00:00:00+08:00",
            tie_order=("banner", ("sms", "click")),
            levels=("sent", "delivered"),
            level="delivered",
            key_event="product_page",
            key_event_match=("product",),
            dormancy=timedelta(days=180),
            transforms=("exposure", ("trim_long_path", 20)),
        ).text()
    )


def test_settings_of_models_reach_the_models():
    names = ["markov", "shapley_rate", "last_non_direct", "time_decay", "j_shaped"]
    models = plan(
        models=names,
        markov_order=2,
        markov_removal="fail",
        direct=["app", "search"],
        half_life="3d",
    ).attribution.declared_models()
    markov, shapley, last, decay, shape = models
    assert (markov.order, markov.removal) == (2, "fail")
    assert (shapley, last.direct, decay.half_life) == ("shapley_rate", ("app", "search"), timedelta(days=3))
    assert shape == "j_shaped"


@pytest.mark.parametrize(
    ("keys", "place", "message"),
    [
        ({"window": "calendar_days"}, "attribution", "timezone"),
        ({"transforms": ["expsure"]}, "attribution", "exposure"),
        ({"transforms": [["trim_long_path", 0]]}, "attribution", "trim_long_path"),
        ({"transforms": "exposure"}, "attribution.transforms", "list of texts or pairs"),
        ({"markov_removal": "delete"}, "attribution", "redirect_to_null"),
        ({"markov_order": 0}, "attribution.markov_order", "1"),
        ({"tie_order": [["sms"]]}, "attribution.tie_order", "list of texts or pairs"),
        ({"not_before": "2026-10-01"}, "attribution", "zone"),
        ({"models": ["w_shaped"]}, "attribution.models", "w_shaped"),
    ],
)
def test_what_cannot_be_is_answered_with_its_place(keys, place, message):
    ((where, said),) = problems(**keys)
    assert where.startswith(place)
    assert message in said


def tables():
    when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
    touches = pd.DataFrame({"person_id": ["p1", "p1"], "time": when, "channel": ["sms", "phone"]})
    conversions = pd.DataFrame({"person_id": ["p1"], "time": when[1:], "conversion_id": ["order-1"]})
    return touches, conversions


@pytest.mark.parametrize(
    ("keys", "table"), [({"dormancy": "180d"}, "customers"), ({"key_event": "page"}, "key_events")]
)
def test_a_rule_that_needs_a_table_asks_for_it(keys, table):
    touches, conversions = tables()
    with pytest.raises(at.InputError, match=rf"no table '{table}'"):
        _credit(plan(**keys), {"touches": touches, "conversions": conversions})


def test_the_tables_of_the_rules_are_used():
    touches, conversions = tables()
    given = {
        "touches": touches,
        "conversions": conversions,
        "customers": pd.DataFrame({"person_id": ["p1"], "last_active_at": pd.to_datetime(["2026-04-05 09:00Z"])}),
        "key_events": pd.DataFrame({"person_id": ["p1"], "time": touches["time"][:1] + pd.Timedelta("1h")}),
    }
    keys = {"models": ["linear"], "lookback": "30d"}
    first = _credit(plan(**keys, dormancy="180d"), given).table().set_index("channel")["conversions"]
    assert first["phone"] == 1.0  # 180 days after the last activity is 2 October
    second = _credit(plan(**keys, key_event="page"), given).table().set_index("channel")["conversions"]
    assert second["sms"] == 1.0  # nothing was done between the call and the conversion


def test_the_report_says_which_reading_a_model_of_paths_has():
    import experiments as ex

    c = ex.simulate("default", persons=4_000, seed=3)
    declared = {
        "campaign": {"name": "Q4", "as_of": date(2026, 12, 31)},
        "attribution": {"models": ["linear", "markov"]},
    }
    report = ex.postmortem(declared, {"touches": c.touches, "conversions": c.conversions})
    text = report.to_markdown()
    assert "Markov: channel totals; the credit inside journeys differs" in text
    assert "OPEN" not in [finding.code for finding in report.findings]
    assert "2027-01-01 00:00:00Z" in text  # the end of the plan's date is the end of observation
