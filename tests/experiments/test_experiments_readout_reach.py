"""The funnel of reach against plain loops; its effects are complier effects; what goes wrong is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import attribution as at
import experiments as ex
from attribution.core.errors import DesignError, InputError, TableError
from experiments.inference.compliance import complier_effect
from experiments.inference.rates import compare_rates
from experiments.readout.reach import reach
from oracles.reach_counts import reached, skipped, stages_of_touches

STAGES = ("sent", "delivered", "opened")


def frame(seed=1, n=600):
    """Three arms; stages mostly nested; some holes in the log."""
    rng = np.random.default_rng(seed)
    arm = rng.choice(["holdout", "push", "短信"], n)
    live = arm != "holdout"
    sent = live & (rng.random(n) < 0.95)
    delivered = sent & (rng.random(n) < 0.8)
    opened = delivered & (rng.random(n) < 0.3)
    table = pd.DataFrame({"person_id": [f"p{i}" for i in range(n)], "arm": arm})
    table["sent"], table["delivered"], table["opened"] = sent & (rng.random(n) < 0.97), delivered, opened
    table[list(STAGES)] = table[list(STAGES)].astype(int)
    table["woken"] = (rng.random(n) < 0.1 + 0.3 * opened).astype(int)
    table["branch"] = np.where(live, "t", "c") + pd.Series(rng.integers(0, 9, n).astype(str))
    table.loc[arm == "push", "branch"] += "p"
    table["region"] = rng.integers(0, 2, n)
    return table


@pytest.mark.parametrize("seed", range(4))
def test_counts_against_loops(seed):
    table = frame(seed)
    found = reach(table, stages=STAGES)
    logged = table[list(STAGES)].to_numpy().tolist()
    for arm in ("holdout", "push", "短信"):
        rows = [row for row in found.to_dicts() if row["arm"] == arm]
        n = int((table.arm == arm).sum())
        counts = [n, *reached(table.arm, logged, arm)]
        assert [row["reached"] for row in rows] == counts
        assert [row["rate_total"] for row in rows] == pytest.approx([count / n for count in counts])
        for before, row in zip(counts, rows[1:], strict=False):
            assert row["rate_step"] == (pytest.approx(row["reached"] / before) if before else None)
    told = {f.values["stage"]: f.values["persons"] for f in found.findings if f.code == "STAGE_SKIPPED"}
    assert [told.get(stage, 0) for stage in STAGES] == skipped(logged)


def test_intervals_and_differences_are_those_of_the_counts():
    table = frame()
    rows = {(row["arm"], row["stage"]): row for row in reach(table, stages=STAGES, level=0.9).to_dicts()}
    row, base = rows["push", "delivered"], rows["holdout", "delivered"]
    n, m = rows["push", "assigned"]["reached"], rows["holdout", "assigned"]["reached"]
    score = compare_rates(row["reached"], n, base["reached"], m, level=0.9).difference
    assert (row["difference_low"], row["difference_high"]) == (score.low, score.high)
    assert (base["difference_control"], base["low"]) == (None, 0.0)
    wilson = compare_rates(row["reached"], n, 0, 10**9, level=0.9, method="newcombe").difference
    assert row["high"] == pytest.approx(row["rate_total"] + (wilson.high - wilson.value), abs=1e-6)


def test_effects_are_complier_effects_of_the_same_persons():
    table = frame()
    found = reach(table, stages=STAGES, outcome="woken", strata="region").effects
    part = table[table.arm.isin(["push", "holdout"])]
    wanted = complier_effect(part.arm == "push", part.delivered, part.woken, strata=part.region)
    one = found.effect(arm="push", stage="delivered")
    assert one.to_dicts() == wanted.to_dicts()
    rows = found.to_dicts()
    assert [row["stage"] for row in rows[:4]] == ["assigned", *STAGES]
    assert {row["p_value"] for row in rows[:4]} == {wanted.assignment.p_value}
    rare = [f.values for f in wanted.findings if f.code == "COMPLIER_RATE_RARE"]
    told = [f.values for f in found.findings if f.code == "COMPLIER_RATE_RARE"]
    assert len(rare) == 1
    assert told.count(rare[0]) == 1
    assert {f.code for f in found.findings} == {"EXCLUSION_STAGE", "COMPLIER_RATE_RARE"}
    with pytest.raises(InputError, match="there is no effect of 'push' at 'clicked'"):
        found.effect(arm="push", stage="clicked")


def test_touches_inside_the_window():
    c = ex.simulate("default", persons=1_500, seed=3)
    outcomes = ex.build_outcomes(c.assignment, c.conversions, window="5d", as_of=c.as_of)
    kinds = {"delivered": ("delivered", "impression"), "acted": "click"}
    found = reach(outcomes, stages=kinds, touches=c.touches, channels=["push"])
    rows = outcomes.to_pandas()
    start = pd.to_datetime(outcomes.assigned_at, unit="us", utc=True)
    windows = [(s, s + pd.Timedelta("5D")) for s in start]
    push = c.touches[c.touches.channel == "push"]
    touches = list(zip(push.person_id, push.time, push.kind, strict=True))
    by_person = {}
    for touch in touches:
        by_person.setdefault(touch[0], []).append(touch)
    logged = [
        stages_of_touches([p], by_person.get(p, []), [("delivered", "impression"), ("click",)], [w])[0]
        for p, w in zip(rows.person_id, windows, strict=True)
    ]
    for arm in rows.arm.unique():
        counts = [row["reached"] for row in found.to_dicts() if row["arm"] == arm][1:]
        assert counts == reached(rows.arm, logged, arm)
    assert any(any(one) for one in logged)


def test_conditioning_on_reach_is_wrong_and_the_complier_effect_is_not():
    """A push reaches active customers more often: comparing the reached with others invents an effect."""
    rng = np.random.default_rng(5)
    n = 40_000
    active = rng.random(n) < 0.3
    assigned = rng.random(n) < 0.5
    delivered = assigned & (rng.random(n) < np.where(active, 0.9, 0.2))
    woken = rng.random(n) < np.where(active, 0.30, 0.05) + 0.02 * delivered
    table = pd.DataFrame({"person_id": range(n), "arm": np.where(assigned, "push", "holdout")})
    table["delivered"], table["woken"] = delivered.astype(int), woken.astype(int)
    effects = reach(table, stages=("delivered",), outcome="woken").effects
    found = effects.effect(arm="push", stage="delivered")
    naive = woken[assigned & delivered].mean() - woken[assigned & ~delivered].mean()
    per_protocol = woken[assigned & delivered].mean() - woken[~assigned].mean()
    assert naive > 0.1
    assert per_protocol > 0.08
    assert found.robust.contains(0.02)
    assert not found.robust.contains(per_protocol)
    assert found.assignment.contains(0.02 * delivered[assigned].mean())


def test_clusters_widen_everything():
    table = frame()
    loose = reach(table, stages=STAGES, outcome="woken")
    tight = reach(table, stages=STAGES, outcome="woken", cluster="branch")
    for one, other in zip(loose.rows, tight.rows, strict=True):
        assert (one.reached, one.rate_total.value) == (other.reached, pytest.approx(other.rate_total.value))
    rows = [row for row in tight.to_dicts() if row["stage"] == "sent" and row["arm"] != "holdout"]
    part = table[table.arm.isin(["push", "holdout"])]
    clustered = complier_effect(part.arm == "push", part.sent | part.delivered, part.woken, cluster=part.branch)
    assert (rows[0]["difference_low"], rows[0]["difference_high"]) == pytest.approx(
        (clustered.first_stage.low, clustered.first_stage.high)
    )


def test_control_persons_who_were_reached_are_said():
    table = frame()
    table.loc[table.arm == "holdout", "delivered"] = 1
    codes = [finding.code for finding in reach(table, stages=STAGES).findings]
    assert "CONTROL_REACHED" in codes


def test_rows_in_any_order_and_any_table_give_the_same_bytes():
    table = frame()
    wanted = reach(table, stages=STAGES, outcome="woken")
    shuffled = table.sample(frac=1, random_state=1)
    for given in (shuffled, pl.from_pandas(shuffled)):
        other = reach(given, stages=STAGES, outcome="woken")
        assert other.to_dicts() == wanted.to_dicts()
        assert other.effects.to_dicts() == wanted.effects.to_dicts()
        assert other.recipe.fingerprint == wanted.recipe.fingerprint


def test_nobody_reached():
    table = frame().assign(sent=0, delivered=0, opened=0)
    found = reach(table, stages=STAGES, outcome="woken")
    row = next(row for row in found.to_dicts() if (row["arm"], row["stage"]) == ("push", "opened"))
    assert (row["reached"], row["rate_step"], row["rate_total"]) == (0, None, 0.0)
    assert "NOBODY_BEFORE" in row["note"]
    undefined = [row for row in found.to_dicts() if row["rate_step"] is None and row["stage"] != "assigned"]
    assert all("NOBODY_BEFORE" in row["note"] for row in undefined)
    assert len(undefined) == 6
    assert found.effects.effect(arm="push", stage="sent").effect.note == "NO_FIRST_STAGE"


def test_names_that_no_touch_has_are_said():
    table = frame(n=60)
    touches = pd.DataFrame({"person_id": ["p1", "p2"], "kind": ["sent", "delivered"], "channel": "push"})
    touches["time"] = pd.Timestamp("2026-03-01", tz="UTC")
    found = reach(table, stages=("sent", "deliverd"), touches=touches, channels="push")
    told = [dict(f.values) for f in found.findings if f.code == "KIND_UNSEEN"]
    assert told == [{"column": "kind", "lost": "deliverd", "known": "delivered, sent"}]
    assert sum(row["reached"] for row in found.to_dicts() if row["stage"] == "sent") == 1
    lost = reach(table, stages=("sent",), touches=touches, channels=["pushh"]).findings
    assert [(f.code, f.values["lost"]) for f in lost] == [("KIND_UNSEEN", "pushh")]
    assert "没有一条触达记录" in lost[0].text("zh")


def test_what_happened_to_an_arm_is_not_lost():
    table = frame()
    table.loc[table.index[table.arm == "push"][0], "region"] = 7
    findings = reach(table, stages=STAGES, outcome="woken", strata="region").effects.findings
    dropped = [f.values for f in findings if f.code == "STRATUM_DROPPED"]
    assert [(one["metric"], one["strata"], one["persons"]) for one in dropped] == [("woken, push", 1, 1)]
    table.loc[table.arm == "holdout", list(STAGES)] = 1
    rows = reach(table, stages=STAGES, outcome="woken").effects.to_dicts()
    assert all("NEGATIVE_FIRST_STAGE" in row["note"] for row in rows if row["stage"] == "opened")


def test_where_a_late_stage_is_right_the_earlier_ones_are_right_for_their_persons():
    """1,000 an arm, 500 delivered, 200 of them opened; opening alone wakes 20 more than the 100 who come anyway."""
    place = np.arange(1_000)
    table = pd.DataFrame({"person_id": range(2_000), "arm": np.repeat(["push", "holdout"], 1_000)})
    table["delivered"] = np.r_[place < 500, place < 0].astype(int)
    table["opened"] = np.r_[place < 200, place < 0].astype(int)
    table["woken"] = np.r_[place % 10 == 0, place % 10 == 0].astype(int)
    table.loc[table.index[(table["opened"] == 1) & (table["woken"] == 0)][:20], "woken"] = 1
    effects = {
        row["stage"]: row["value"] for row in reach(table, outcome="woken", stages=STAGES[1:]).effects.to_dicts()
    }
    assert effects == pytest.approx({"assigned": 20 / 1_000, "delivered": 20 / 500, "opened": 20 / 200})


def test_arms_that_are_numbers():
    table = frame()
    table["arm"] = table.arm.map({"holdout": 0, "push": 1, "短信": 2})
    assert {row["arm"] for row in reach(table, stages=STAGES, control=0).to_dicts()} == {"0", "1", "2"}


def test_displays():
    found = reach(frame(), stages=STAGES, outcome="woken")
    assert "alternatives, not parts" in repr(found)
    with at.language("zh"):
        assert "已分配" in repr(found)
        assert "阶段  " in repr(found)
        assert "stage" not in repr(found)
    assert "<table>" in found._repr_html_()
    assert "短信" in found.to_markdown()


@pytest.mark.parametrize(
    ("change", "stages", "options", "error", "said"),
    [
        ({}, "sent", {}, InputError, "stages must list"),
        ({}, (), {}, InputError, "stages must list"),
        ({}, ("sent", "sent"), {}, InputError, "twice"),
        ({}, {"sent": "sent"}, {}, InputError, "touches= is needed"),
        ({}, ("sent", "opend"), {}, TableError, "Did you mean 'opened'"),
        ({"sent": 2}, STAGES, {}, TableError, "NOT_BINARY"),
        ({"sent": None}, STAGES, {}, TableError, "NULL_VALUE"),
        ({"person_id": "p"}, STAGES, {}, TableError, "REPEATED_PERSON"),
        ({"arm": "push"}, STAGES, {}, DesignError, "NO_HOLDOUT"),
        ({"arm": "holdout"}, STAGES, {}, DesignError, "ONE_ARM"),
        ({}, STAGES, {"strata": "opened"}, DesignError, "POST_ASSIGNMENT"),
        ({}, STAGES, {"arm": "opened"}, DesignError, "POST_ASSIGNMENT"),
        ({"woken_by": 1}, ("woken_by",), {"strata": "woken_by"}, DesignError, "POST_ASSIGNMENT"),
        ({"assigned": 1}, ("assigned", "sent"), {}, InputError, "leave it out of stages"),
        ({}, ("sent", "woken"), {"outcome": "woken"}, InputError, "is the outcome"),
        ({}, STAGES, {"channels": ["push"]}, InputError, "touches= is needed"),
        ({}, STAGES, {"outcome": "wokn"}, TableError, "Did you mean 'woken'"),
        ({}, STAGES, {"level": 2}, InputError, "level"),
        ({"branch": "one"}, STAGES, {"cluster": "branch"}, DesignError, "CLUSTER_IN_TWO_ARMS"),
    ],
)
def test_bad_input(change, stages, options, error, said):
    with pytest.raises(error, match=said):
        reach(frame(n=60).assign(**change), stages=stages, **options)
