"""What a post-mortem rests on: everybody beside the segments, segments that cannot be judged, arms that are numbers."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from post_mortem_grounds import evidence_of

import experiments as ex
from attribution.core.errors import PlanError
from experiments.plan import Plan
from experiments.post_mortem.second_computation import compute_again

N = 4_000
PLAN = {
    "campaign": {"name": "Q4", "as_of": "2026-12-31"},
    "experiment": {"randomised": True, "shares": "p"},
    "metrics": {"woken": {"kind": "rate"}},
    "costs": {"thresholds": [60, 125], "by": "tier"},
    "tables": {"outcomes": {"path": "outcomes.parquet"}},
}


def outcomes(seed=5):
    random = np.random.default_rng(seed)
    arm = np.array(["holdout", "sms", "full"])[np.arange(N) % 3]
    tier = np.array(["gold", "plain", "new"])[random.integers(0, 3, N)]
    woken = (random.random(N) < 0.06 + 0.05 * (arm == "full") + 0.06 * (tier == "gold")).astype(int)
    cost = 0.7 * (arm != "holdout") + 10.3 * woken
    part = np.where(arm == "holdout", 0.0, 0.7)
    return pd.DataFrame({
        "person_id": [f"C{i:05d}" for i in range(N)], "arm": arm, "p": 1 / 3, "tier": tier, "woken": woken,
        "cost": cost, "touch_cost": part, "value": 100.0 * woken,
    })  # fmt: skip


def report(rows, **changes):
    plan = copy.deepcopy(PLAN)
    for name, keys in changes.items():
        plan[name] = keys
        if isinstance(keys, dict):  # None: without this key
            known = {**PLAN.get(name, {}), **keys}
            plan[name] = {key: value for key, value in known.items() if value is not None}
    return ex.postmortem(plan, {"outcomes": rows})


def verdicts(found):
    return {
        (one.arm, one.segment, one.threshold): (one.verdict.word, one.verdict.net_benefit.low) for one in found.verdicts
    }


def test_everybody_has_a_verdict_beside_the_segments_and_before_them():
    rows = outcomes()
    segmented, plain = report(rows), report(rows, costs={"by": None})
    whole = {key: value for key, value in verdicts(segmented).items() if key[1] is None}
    assert whole == verdicts(plain)
    assert len(whole) == 4
    assert {key[1] for key in verdicts(segmented)} == {None, "gold", "plain", "new"}
    assert [one.segment for one in segmented.verdicts][:4] == [None] * 4
    for arm, segment, threshold in whole:
        treated, held = rows[rows["arm"] == arm], rows[rows["arm"] == "holdout"]
        net = [threshold * part["woken"].mean() - part["cost"].mean() for part in (treated, held)]
        name = f"threshold.{arm}@{threshold:g}.net_benefit_per_1000"
        assert segment is None
        assert segmented.figures[name] == pytest.approx(1000 * (net[0] - net[1]), rel=1e-9)
    again = compute_again(segmented.evidence)
    assert len(again.figures) == 2 + 16
    assert all(one.agrees for one in again.figures)


def test_tipping_points_of_everybody_and_of_segments_stand_in_one_table():
    rows = report(outcomes()).evidence.further["tipping_points"].to_dicts()
    assert {row["segment"] for row in rows} == {None, "gold", "plain", "new"}
    assert any(row["assumption"] == "touch_cost" for row in rows if row["segment"] is None)


def test_a_gate_without_a_segment_asks_about_everybody():
    gates = [{"arm": "sms", "threshold": 60, "expect": "INCONCLUSIVE"},
             {"arm": "full", "threshold": 125, "expect": "PASS", "segment": "gold"}]  # fmt: skip
    found = report(outcomes(), gate=gates)
    observed = {gate.name: gate.observed for gate in found.document.gates if gate.kind == "decision"}
    words = {key: word for key, (word, _) in verdicts(found).items()}
    wanted = {"decision:sms@60": words["sms", None, 60.0], "decision:full:gold@125": words["full", "gold", 125.0]}
    assert observed == wanted


def test_thresholds_of_segments_have_no_amount_of_everybody():
    declared = {"gold": [125], "plain": [60], "new": [60]}
    assert {one.segment for one in report(outcomes(), costs={"thresholds": declared}).verdicts} == set(declared)
    with pytest.raises(PlanError, match="must be a segment of"):
        report(outcomes(), costs={"thresholds": declared}, gate=[{"arm": "sms", "threshold": 60, "expect": "PASS"}])


@pytest.mark.parametrize(("lost", "reason"), [("holdout", "NO_HOLDOUT"), ("full", "NO_COMMON_STRATUM")])
def test_a_segment_that_cannot_be_judged_is_told_and_takes_no_other_with_it(lost, reason):
    rows = outcomes()
    rows.loc[rows.index[:300], "tier"] = "rare"
    rows = rows[~((rows["tier"] == "rare") & (rows["arm"] == lost))]
    options = {
        "experiment": {"shares": None},
        "costs": {"by": "tier", "values": {"gold": 80.0}},
        "money": {"value": "value"},
    }
    gates = [{"arm": "sms", "threshold": 60, "expect": "PASS", "segment": "rare"}]
    found = report(rows, **options, gate=gates)
    assert {one.segment for one in found.verdicts} == {None, "gold", "plain", "new"}
    (told,) = [finding for finding in found.document.findings if finding.code == "SEGMENT_DECLINED"]
    assert (told.values["segment"], told.values["persons"], told.values["reason"]) == ("rare", 200, reason)
    assert {"leave_alone", "value_of_woken", "tipping_points"} <= set(found.evidence.further)
    (gate,) = [gate for gate in found.document.gates if gate.kind == "decision"]
    assert gate.status == "fail"
    assert gate.observed not in ("PASS", "FAIL", "INCONCLUSIVE")
    others = report(rows[rows["tier"] != "rare"], **options)
    kept = {key: value for key, value in verdicts(found).items() if key[1] is not None}
    assert {key: value[1] for key, value in kept.items()} == {
        key: value[1] for key, value in verdicts(others).items() if key[1] is not None
    }


def test_a_small_segment_that_cannot_be_judged_is_not_named():
    rows = outcomes()
    rows.loc[rows.index[:12], "tier"] = "secret"
    rows = rows[~((rows["tier"] == "secret") & (rows["arm"] == "holdout"))]
    found = report(rows, experiment={"shares": None}, costs={"by": "tier", "values": {"gold": 80.0}})
    assert "secret" not in found.to_markdown()
    assert "secret" not in found.to_json()


def test_arms_that_are_numbers_are_those_of_the_plan():
    names = {"holdout": 0, "sms": 1, "full": 2}
    rows = outcomes()
    named, numbered = report(rows), report(rows.assign(arm=rows["arm"].map(names)), experiment={"control": "0"})
    assert numbered.document.refusal == ()
    spelled = {(str(names[arm]), *rest): value for (arm, *rest), value in verdicts(named).items()}
    assert verdicts(numbered) == spelled
    assert numbered.evidence.persons() == {str(names[arm]): n for arm, n in named.evidence.persons().items()}


def test_an_empty_event_that_means_nothing_happened_is_computed_again_alike():
    rows = outcomes()
    rows["woken"] = rows["woken"].astype(float).where(rows["woken"] == 1)
    found = report(rows, metrics={"woken": {"kind": "rate", "missing": "zero"}})
    assert all(one.agrees for one in compute_again(found.evidence).figures)


def test_later_readings_use_the_stratum_whatever_the_assignment_calls_it():
    campaign = ex.simulate("default", persons=4_000, seed=3)
    random = np.random.default_rng(0)
    assignment = campaign.assignment.drop(columns="stratum", errors="ignore")
    layer = np.where(np.arange(len(assignment)) % 3 == 0, "x", "y")
    keep = ~((layer == "x") & (assignment["arm"] == "holdout") & (random.random(len(layer)) < 0.6))
    assignment = assignment.assign(layer=layer)[keep]

    def change(plan):
        plan["experiment"]["strata"] = "layer"
        del plan["experiment"]["shares"]
        plan["tables"]["assignment"]["columns"] = {"stratum": "layer"}

    found = evidence_of(campaign, change=change, assignment=assignment)
    last = {row["arm"]: row["share_returned"] for row in found.further["return_times"].records.to_dicts()}
    rows = [row for row in found.readout.to_dicts() if row["metric"] == "woken"]
    assert last == pytest.approx({row["arm"]: row["value"] for row in rows} | {"holdout": rows[0]["value_control"]})
    assert found.readout.experiment.layers == ("stratum",)


def test_a_stage_that_every_message_passed_was_logged():
    campaign = ex.simulate("default", persons=2_000, seed=3)
    people = campaign.assignment.loc[campaign.assignment["arm"] != "holdout", "person_id"].head(200)
    sent = pd.DataFrame({
        "person_id": people, "channel": "sms", "kind": "sent", "message_id": [f"m{i}" for i in range(len(people))],
        "touched_at": pd.Timestamp(datetime(2026, 10, 20), tz="Asia/Shanghai"),
    })  # fmt: skip
    later = sent.assign(kind="delivered", touched_at=sent["touched_at"] + timedelta(minutes=1))
    time = Plan.from_dict(campaign.plan).columns()["touches"].time
    log = pd.concat([sent, later]).rename(columns={"touched_at": time}).assign(origin="outbound", cost=0.0)
    found = evidence_of(campaign, touches=log, prices=None).further["execution"]
    (row,) = found.to_dicts() if hasattr(found, "to_dicts") else found.records.to_dicts()
    assert (row["sent"], row["delivered"], row["delivered_share"], row["answered"]) == (200, 200, 1.0, None)
