"""The execution section: every number of it against plain loops or the library, small groups, absent tables."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from post_mortem_grounds import UNDEFINED, evidence_of, rows_of, section_of, table_of, texts_of

import experiments as ex
from attribution.core.render.display import table_markdown
from experiments.post_mortem.sections import execution
from oracles import execution_rows

CAUSED = ("Opt-outs, complaints, closures", "Weighted contacts")


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("default", persons=2_000, seed=11)


@pytest.fixture(scope="module")
def evidence(campaign):
    return evidence_of(campaign)


def counted(evidence):
    return evidence.further["execution"]


def shown(evidence):
    """(channel, wave) -> the counts as the oracle tells them."""
    return {
        (row["channel"], row["wave"]): (row["sent"], row["delivered"], row["answered"], row["persons"])
        for row in counted(evidence).records.to_dicts()
    }


# --- planned, sent, delivered, answered ------------------------------------------------------------------------------


def test_stages_are_those_of_plain_loops(campaign, evidence):
    expected = execution_rows.stages(campaign.touches.to_dict("records"))
    assert shown(evidence) == expected
    assert counted(evidence).touches == len(execution_rows.contacts(campaign.touches.to_dict("records")))


@pytest.mark.parametrize("seed", range(2))
def test_messages_of_several_rows_count_once_at_their_furthest_stage(campaign, seed):
    random = np.random.default_rng(seed)
    n = 3_000
    touches = pd.DataFrame({
        "touch_id": [f"t{i}" for i in range(n)],
        "person_id": random.choice(campaign.assignment["person_id"].to_numpy()[:150], n),
        "channel": random.choice(["sms", "push", "phone"], n),
        "kind": random.choice(["sent", "delivered", "click", "failed", "opt_out", ""], n),
        "origin": random.choice(["outbound", "outbound", "outbound", "inbound"], n),
        "message_id": random.choice(["", *[f"m{i}" for i in range(40)]], n),
        "time": pd.Timestamp("2026-10-12", tz="UTC") + pd.to_timedelta(random.integers(0, 10**6, n), unit="s"),
        "cost": 0.05,
    })  # fmt: skip
    found = evidence_of(campaign, touches=touches, prices=None)
    assert shown(found) == execution_rows.stages(touches.to_dict("records"))
    assert "EXECUTION_MESSAGES" in counted(found).recipe.definitions


def test_waves_stand_apart_in_their_order():
    campaign = ex.simulate("waves", persons=2_000, seed=11)
    found = evidence_of(campaign, change=lambda plan: plan["experiment"].update(wave="wave"))
    waves = dict(zip(campaign.assignment["person_id"], campaign.assignment["wave"].astype(str), strict=True))
    expected = execution_rows.stages(campaign.touches.to_dict("records"), waves)
    assert shown(found) == {key: counts for key, counts in expected.items() if counts[3] >= 10}
    order = [(row["channel"], row["wave"]) for row in counted(found).records.to_dicts()]
    channels = ["push", "banner", "sms", "phone"]
    assert order == sorted(order, key=lambda key: (channels.index(key[0]), key[1]))


def test_a_stage_that_was_not_logged_is_told_and_never_0(evidence):
    rows = {row["channel"]: row for row in rows_of(section_of(execution, evidence).tables[0])}
    assert rows["push"]["sent"] == rows["phone"]["delivered"] == "not logged"
    assert rows["push"]["delivered, of sent"] is None
    assert rows["phone"]["answered, of the stage before"] == pytest.approx(
        counted(evidence).records.to_dicts()[3]["answered"] / counted(evidence).records.to_dicts()[3]["sent"]
    )
    bars = section_of(execution, evidence).charts[0].records.to_dicts()
    assert ("push", "sent") not in {(bar["group"], bar["label"]) for bar in bars}


def test_the_plan_is_held_against_what_went_out(campaign):
    found = evidence_of(
        campaign, change=lambda plan: plan.update(execution={"planned": {"push": 2_000, "sms": 9_000, "wechat": 50}})
    )
    section = section_of(execution, found)
    rows = {row["channel"]: row for row in rows_of(section.tables[0])}
    sms = shown(found)["sms", ""]
    assert rows["sms"]["carried out, of planned"] == sms[0] / 9_000
    assert rows["push"]["carried out, of planned"] == shown(found)["push", ""][1] / 2_000
    assert (rows["wechat"]["planned"], rows["wechat"]["sent"], rows["wechat"]["persons"]) == (50, "not logged", None)
    assert "Planned, but without a row in the log: wechat." in section.tables[0].notes
    assert section.charts[0].title.startswith(f"Least of the plan went out through sms: {sms[0]:,} of 9,000")
    assert f"{sms[0]:,} of 9,000" in section.answer


def test_planned_touches_of_a_table_stand_by_wave():
    campaign = ex.simulate("waves", persons=2_000, seed=11)
    planned = pd.DataFrame(
        {"channel": ["sms", "sms", "sms", "push"], "wave": ["1", "1", "2", "9"], "planned": [900, 100, 800, 70]}
    )

    def change(plan):
        plan["experiment"]["wave"] = "wave"
        plan["tables"]["planned"] = {"path": "planned.csv"}

    found = evidence_of(campaign, change=change, planned=planned)
    told = {(row["channel"], row["wave"]): row["planned"] for row in counted(found).records.to_dicts()}
    assert (told["sms", "1"], told["sms", "2"], told["sms", "3"], told["push", "9"]) == (1_000, 800, None, 70)
    whole = evidence_of(campaign, change=lambda plan: plan["tables"].update(planned={"path": "p.csv"}), planned=planned)
    assert {row["channel"]: row["planned"] for row in counted(whole).records.to_dicts()}["sms"] == 1_800


def test_a_plan_without_waves_stands_in_a_row_of_all_waves():
    campaign = ex.simulate("waves", persons=2_000, seed=11)

    def change(plan):
        plan["experiment"]["wave"] = "wave"
        plan["execution"] = {"planned": {"sms": 5_000}}

    found = evidence_of(campaign, change=change)
    rows = [row for row in counted(found).records.to_dicts() if row["channel"] == "sms"]
    assert [row["wave"] for row in rows] == ["", "1", "2", "3"]
    assert rows[0]["sent"] == sum(row["sent"] for row in rows[1:])
    (bar,) = [
        bar for bar in section_of(execution, found).charts[0].records.to_dicts()
        if (bar["group"], bar["label"]) == ("sms", "sent")
    ]  # fmt: skip
    assert bar["end"] == rows[0]["sent"]


# --- reach -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", ["default", "leak"])
def test_reach_is_that_of_the_library_and_of_plain_loops(scenario):
    campaign = ex.simulate(scenario, persons=2_000, seed=11)
    found = evidence_of(campaign)
    kinds = tuple(campaign.touches["kind"].unique())
    rows = {row["arm"]: row for row in counted(found).reach.to_dicts()}
    assigned = {
        row["person_id"]: (row["arm"], row["assigned_at"]) for row in campaign.assignment.to_dict("records")
    }  # fmt: skip
    steps = {"digital": ["push", "banner"], "sms": ["sms"], "full": ["phone"]}
    every = ["push", "banner", "sms", "phone"]
    for column, arm, channels in (
        *(("reached", arm, channels) for arm, channels in steps.items()),
        ("beside", "holdout", every), ("beside", "digital", ["sms", "phone"]), ("beside", "sms", ["phone"]),
    ):  # fmt: skip
        library = ex.reach(
            found.outcomes, stages={"touched": kinds}, touches=campaign.touches, channels=channels
        ).to_dicts()
        (row,) = [row for row in library if (row["arm"], row["stage"]) == (arm, "touched")]
        ends = tuple(rows[arm][f"{column}{end}"] for end in ("", "_low", "_high"))
        assert ends == pytest.approx((row["rate_total"], row["low"], row["high"]), rel=1e-12)
        loops = execution_rows.reached(
            campaign.touches.to_dict("records"), assigned, pd.Timedelta("28D"), set(channels)
        )
        assert ends[0] == loops[arm]
    assert rows["holdout"]["reached"] is None
    assert rows["full"]["beside"] is None


def test_channels_that_arms_share_are_held_against_each_other(campaign, evidence):
    told = dict(counted(evidence).delivery)
    sizes = campaign.outcomes["arm"].value_counts()
    merged = campaign.touches.merge(campaign.outcomes[["person_id", "arm"]], on="person_id")
    sms = merged[(merged["channel"] == "sms") & merged["kind"].isin(["delivered", "click"])]
    delivered = sms.groupby("arm")["person_id"].nunique()
    arms = ["sms", "full"]
    expected = ex.check_delivered(
        {arm: int(sizes[arm]) for arm in arms}, {arm: int(delivered[arm]) for arm in arms}
    )  # fmt: skip
    assert (told["sms"].status, dict(told["sms"].values)) == (expected.status, dict(expected.values))
    assert "phone" not in told


# --- pressure --------------------------------------------------------------------------------------------------------


def test_the_table_of_caps_is_the_contact_pressure(campaign):
    caps = {"7d": 2, "30d": 5}
    found = evidence_of(campaign, change=lambda plan: plan.update(pressure={"caps": caps, "quiet": "10d"}))
    expected = ex.contact_pressure(campaign.touches, conversions=campaign.conversions, caps=caps, quiet="10d")
    section = section_of(execution, found)
    rows = rows_of(table_of(section, "Contacts beyond the caps"))
    for row, own in zip(rows, expected.to_dicts(), strict=True):
        assert row["persons beyond"] == own["persons_beyond"]
        assert (row["cap"], row["beyond the cap"], row["share beyond"]) == (
            own["cap"], own["beyond"], own["share_beyond"],
        )  # fmt: skip
    channels = {row["channel"]: row for row in expected.channels.to_dicts()}
    for row in rows_of(table_of(section, "Contacts after a conversion")):
        late = channels[row["channel"]]["after_conversion"]
        assert row["within 10 days after a conversion"] == (late if late >= 10 or not late else "fewer than 10")
    assert not any("usual ones" in note for table in section.tables for note in table.notes)


def test_the_histogram_holds_every_touched_person_once(evidence):
    chart = section_of(execution, evidence).charts[1]
    pressure = evidence.further["pressure"]
    bars = chart.records.to_dicts()
    heads = [row for row in pressure.heads.to_dicts() if row["window"] == "7d"]
    assert sum(bar["value"] for bar in bars) == sum(row["persons"] for row in heads)
    beyond = sum(bar["value"] for bar in bars if bar["start"] >= 3.5)
    assert beyond == pressure.records.to_dicts()[0]["persons_beyond"]
    assert chart.marks == ((3.5, "cap 3"),)
    assert f"({beyond:,} of " in chart.title
    assert all(bar["value"] >= 10 for bar in bars)


def test_contacts_by_arm_stand_in_the_order_of_the_plan(campaign, evidence):
    table = table_of(section_of(execution, evidence), "Weighted contacts")
    assert [row[0] for row in table.rows] == ["digital", "sms", "full"]
    assert [column.decisive for column in table.columns].count(True) == 1
    # The ratio is text with its set, and stands to the right as numbers do.
    assert next(column for column in table.columns if column.decisive).kind == "number"
    assert re.search(r"\d \(\d", table_markdown(table))
    readout = {row["arm"]: row for row in evidence.readout.to_dicts() if row["metric"] == "woken"}
    for row in evidence.further["pressure"].arms.to_dicts():
        assert row["woken_difference"] == pytest.approx(readout[row["arm"]]["difference"], abs=1e-12)


# --- what being contacted did ----------------------------------------------------------------------------------------


def test_opt_outs_are_read_inside_the_window_with_the_readouts_weights(campaign):
    last = campaign.touches.groupby("person_id").tail(1).iloc[::9].copy()
    last["kind"], last["touch_id"] = "opt_out", [f"x{i}" for i in range(len(last))]
    touches = pd.concat([campaign.touches, last]).assign(cost=0.1)
    found = evidence_of(campaign, touches=touches, prices=None)
    marked = ex.mark_events(found.outcomes, {"out": last[["person_id", "time"]]})
    spec = ex.Experiment({"out": ex.Rate("out", direction="down")}, shares="p_assign", correction=None)
    expected = {row["arm"]: row for row in spec.analyze(marked).to_dicts()}
    rows = [
        row for row in rows_of(table_of(section_of(execution, found), "Opt-outs, complaints, closures"))
        if row["what"] == "opted out"
    ]  # fmt: skip
    assert [row["contrast"] for row in rows] == ["digital vs holdout", "sms vs holdout", "full vs holdout"]
    for row, arm in zip(rows, ("digital", "sms", "full"), strict=True):
        own = expected[arm]
        assert row["difference per 1,000"] == (own["difference"], own["low"], own["high"])
        assert row["in arm"] == own["value"]
    channels = rows_of(table_of(section_of(execution, found), "After a conversion, opt-outs"))
    by_channel = last.groupby("channel").size()
    assert any(by_channel[row["channel"]] >= 10 and row["opt-outs"] == by_channel[row["channel"]] for row in channels)
    small = [row for row in channels if by_channel.get(row["channel"], 0) in range(1, 10)]
    assert all(row["opt-outs"] == "fewer than 10" for row in small)


def test_an_earlier_opt_out_of_the_history_is_no_harm(campaign):
    history = campaign.history.copy()
    history["opted_out_at"] = campaign.assignment["assigned_at"].iloc[0] - pd.Timedelta("5D")
    history["opted_out"] = 1
    found = evidence_of(campaign, history=history)
    rows = [row for row in found.further["harms"].to_dicts() if row["metric"] == "opt_out"]
    assert [row["value"] for row in rows] == [0.0, 0.0, 0.0]


# --- small groups ----------------------------------------------------------------------------------------------------


def test_small_channels_kinds_and_caps_are_left_out_everywhere(campaign):
    few = campaign.touches[campaign.touches["channel"] == "sms"].head(3).assign(channel="fax", kind="sent")
    few["touch_id"] = [f"fax{i}" for i in range(3)]
    touches = pd.concat([campaign.touches, few]).assign(cost=0.1)
    found = evidence_of(
        campaign, change=lambda plan: plan.update(pressure={"caps": {"30d": 8}}), touches=touches, prices=None
    )
    held = found.further["pressure"].records.to_dicts()
    limit = ex.contact_pressure(touches, caps={"30d": 8}).to_dicts()[0]["persons_beyond"] + 1
    assert limit > 1

    def change(plan):
        plan["pressure"] = {"caps": {"30d": 8}}
        plan["report"]["min_cell"] = limit

    hidden = evidence_of(campaign, change=change, touches=touches, prices=None)
    assert held[0]["persons_beyond"] == limit - 1
    assert hidden.further["pressure"].records.to_dicts()[0]["persons_beyond"] is None
    assert not [finding for finding in hidden.findings() if finding.code == "PRESSURE_CAP"]
    section = section_of(execution, hidden)
    assert section.charts[1].title.startswith(f"Fewer than {limit} of ")
    assert all(bar["value"] >= limit for bar in section.charts[1].records.to_dicts())
    assert rows_of(table_of(section, "Contacts beyond"))[0]["persons beyond"] == f"fewer than {limit}"
    for part in (section, section_of(execution, found)):
        assert "fax" not in " ".join(texts_of(part))
    assert any("Not shown: 1 groups" in note for note in section_of(execution, found).tables[0].notes)


def test_bars_are_joined_to_the_limit_and_never_over_the_cap(campaign):
    found = evidence_of(campaign, change=lambda plan: plan["report"].update(min_cell=120))
    chart = section_of(execution, found).charts[1]
    bars = chart.records.to_dicts()
    assert all(bar["value"] >= 120 for bar in bars)
    (cap,) = [place for place, _ in chart.marks]
    assert all(bar["end"] <= cap or bar["start"] >= cap for bar in bars)
    assert all(one["end"] <= two["start"] for one, two in pairwise(bars))


# --- absent tables and designs ---------------------------------------------------------------------------------------


def test_without_touches_there_is_no_section(campaign):
    found = evidence_of(campaign, touches=None, prices=None)
    assert section_of(execution, found) is None
    assert not {"execution", "pressure"} & set(found.further)


def test_without_conversions_and_control_the_counts_still_stand(campaign):
    def change(plan):
        plan["experiment"]["randomised"] = False

    found = evidence_of(campaign, change=change, conversions=None)
    section = section_of(execution, found)
    titles = [table.title for table in section.tables]
    assert titles == ["Planned, sent, delivered, answered", "Contacts beyond the caps"]
    assert shown(found) == execution_rows.stages(campaign.touches.to_dict("records"))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_log_of_inbound_rows_alone_says_so(campaign, lang):
    touches = campaign.touches.assign(origin="inbound")
    section = section_of(execution, evidence_of(campaign, touches=touches), lang)
    assert counted(evidence_of(campaign, touches=touches)).touches == 0
    assert section.charts == ()
    assert not UNDEFINED.search(" ".join(texts_of(section, lang)))


def test_a_log_without_kinds_knows_what_was_sent_alone(campaign):
    touches = campaign.touches.drop(columns=["kind", "segments"]).assign(cost=0.1)
    found = evidence_of(campaign, touches=touches, prices=None)
    assert {row["delivered"] for row in counted(found).records.to_dicts()} == {None}
    assert "Most touches went through" in section_of(execution, found).charts[0].title


def test_nothing_is_caused_in_a_broken_split():
    campaign = ex.simulate("srm", persons=20_000, seed=7)
    found = evidence_of(campaign)
    section = section_of(execution, found)
    assert not [table for table in section.tables if table.title.startswith(CAUSED)]
    assert not [text for text in section.definitions if "incremental" in text]
    assert len(counted(found).reach)


# --- order and words -------------------------------------------------------------------------------------------------


def test_the_order_of_rows_changes_nothing(campaign, evidence):
    mixed = {
        name: getattr(campaign, name).sample(frac=1.0, random_state=3).reset_index(drop=True)
        for name in ("touches", "conversions", "assignment", "history")
    }
    other = evidence_of(campaign, **mixed)
    one, two = section_of(execution, evidence), section_of(execution, other)
    assert texts_of(one) == texts_of(two)
    assert [table.rows for table in one.tables] == [table.rows for table in two.tables]
    assert counted(evidence).recipe.fingerprint == counted(other).recipe.fingerprint


@pytest.mark.parametrize(
    "scenario", ["null", "weak", "adaptive_resend", "leak", "waves", "pull_forward", "phone_harm", "market_rally"]
)
def test_no_text_holds_an_undefined_number(scenario):
    campaign = ex.simulate(scenario, persons=1_500, seed=5)
    found = evidence_of(campaign)
    for lang in ("en", "zh"):
        section = section_of(execution, found, lang)
        said = "\n".join(texts_of(section, lang))
        assert not UNDEFINED.search(said)
        assert not set(campaign.assignment["person_id"].head(200)) & set(said.replace(",", " ").split())
        assert all(sum(column.decisive for column in table.columns) >= 1 for table in section.tables)
