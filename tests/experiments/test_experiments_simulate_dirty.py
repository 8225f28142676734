"""The spoiled campaign: planted in known numbers, found in these numbers, and nothing else changed."""

from __future__ import annotations

import pandas as pd
import pytest
from click.testing import CliRunner

import attribution as at
import experiments as ex
from experiments.cli import main
from experiments.simulation.dirt import DIRT, USUAL

SIZES = [100, 2_000, 20_000]


def planted(campaign: ex.Campaign) -> dict[tuple[str, str], int]:
    return {(row.code, row.table): row.rows for row in campaign.dirt.itertuples()}


def checks(campaign: ex.Campaign) -> at.Checks:
    return at.check_tables(
        campaign.touches,
        campaign.conversions,
        customers=campaign.customers,
        prices=campaign.prices,
        links=campaign.links,
    )


def counts(found: at.Checks) -> dict[tuple[str, str], int]:
    return {(row["code"], row["table"]): row["count"] for row in found.to_dicts()}


@pytest.mark.parametrize("persons", SIZES)
@pytest.mark.parametrize("seed", [0, 1])
def test_what_was_planted_is_found_in_its_numbers(persons, seed):
    campaign = ex.simulate("dirty", persons=persons, seed=seed)
    there, found = planted(campaign), counts(checks(campaign))
    for code, table in (
        ("DUPLICATE_ID", "conversions"),
        ("DUPLICATE_TOUCH_ID", "touches"),
        ("REPEATED_TOUCH", "touches"),
        ("NEAR_DUPLICATE", "conversions"),
        ("REFUNDS", "conversions"),
        ("CHANNEL_ALIASES", "touches"),
        ("UNPRICED_CHANNEL", "touches"),
        ("TEST_ACCOUNTS", "customers"),
    ):
        assert found.get((code, table), 0) == there[code, table], code
    assert found["UNKNOWN_CUSTOMER", "touches"] == there["UNKNOWN_PERSONS", "touches"]
    assert found["UNKNOWN_CUSTOMER", "conversions"] == there["UNKNOWN_PERSONS", "conversions"]
    assert found["AFTER_CONVERSION", "touches"] >= there["AFTER_CONVERSION", "touches"]


@pytest.mark.parametrize("code", sorted(set(DIRT) - {"CHANNEL_TIME_SLIP", "DAY_PRECISION"}))
def test_each_kind_alone_brings_its_own_code_and_no_other_warning(code):
    clean = ex.simulate(persons=2_000, seed=4)
    before = counts(checks(clean))
    campaign = ex.simulate("dirty", persons=2_000, seed=4, dirt=[code])
    there, report = planted(campaign), checks(campaign)
    found = counts(report)
    serious = {row["code"] for row in report.to_dicts() if row["severity"] != "note"}
    also = {"UNKNOWN_PERSONS": {"UNKNOWN_CUSTOMER"}, "CHANNEL_ALIASES": {"UNPRICED_CHANNEL", "PRICE_ALIASES"}}
    expected = set() if code in ("REFUNDS", "AFTER_CONVERSION") else {code} | also.get(code, set())
    assert serious == expected
    if code == "AFTER_CONVERSION":
        assert found[code, "touches"] - before[code, "touches"] == there[code, "touches"]
    elif code == "REFUNDS":
        assert found[code, "conversions"] == there[code, "conversions"]
    for table in ("touches", "conversions"):
        if code in ("TEST_ACCOUNTS", "UNKNOWN_PERSONS"):
            (finding,) = [finding for finding in report.findings if finding.code == code]
            assert finding.values[table] == there[code, table]


def test_booking_days_are_told_and_the_rest_is_checked_all_the_same():
    campaign = ex.simulate("dirty", persons=2_000, seed=4, dirt=["DAY_PRECISION", "REPEATED_TOUCH"])
    report = checks(campaign)
    assert [(issue.code, issue.table, issue.count) for issue in report.issues] == [
        ("DAY_PRECISION", "conversions", len(campaign.conversions))
    ]
    assert counts(report)["REPEATED_TOUCH", "touches"] == planted(campaign)["REPEATED_TOUCH", "touches"]
    days = {"conversions": at.Columns(precision="day")}
    assert at.check_tables(campaign.touches, campaign.conversions, columns=days).ok


def test_the_clock_of_the_messages_is_suspected_in_a_whole_dirty_campaign():
    campaign = ex.simulate("dirty", persons=60_000, seed=3)
    found = {finding.code: finding for finding in checks(campaign).findings}
    assert (found["CHANNEL_TIME_SLIP"].values["channel"], found["CHANNEL_TIME_SLIP"].values["hours"]) == ("sms", 8)


def test_truth_assignment_and_outcomes_are_those_of_the_clean_campaign():
    clean, dirty = ex.simulate(persons=2_000, seed=9), ex.simulate("dirty", persons=2_000, seed=9)
    for name in ("truth", "assignment", "outcomes", "spend", "history"):
        pd.testing.assert_frame_equal(getattr(clean, name), getattr(dirty, name))
    assert clean.plan == dirty.plan
    assert len(clean.dirt) == 0
    assert "dirt" not in clean.tables()
    assert dirty.tables()["dirt"] is dirty.dirt
    assert set(dirty.dirt["code"]) == set(USUAL)


def test_without_any_dirt_the_tables_are_the_clean_ones():
    clean, empty = ex.simulate(persons=500, seed=9), ex.simulate("dirty", persons=500, seed=9, dirt=[])
    for name, table in clean.tables().items():
        pd.testing.assert_frame_equal(table, empty.tables()[name])


def test_the_clean_rows_can_be_had_back():
    """Mending what the checks name gives the clean campaign again, but for the clock and the reminders."""
    clean = ex.simulate(persons=2_000, seed=9)
    kinds = [code for code in USUAL if code not in ("CHANNEL_TIME_SLIP", "AFTER_CONVERSION")]
    dirty = ex.simulate("dirty", persons=2_000, seed=9, dirt=kinds)
    known = set(dirty.customers.loc[~dirty.customers["is_test"], "person_id"])
    touches = dirty.touches[dirty.touches["person_id"].isin(known)].drop_duplicates("touch_id")
    touches = touches.assign(channel=touches["channel"].replace({"SMS": "sms", "sms ": "sms", "短信": "sms"}))
    touches = touches.drop_duplicates([name for name in touches.columns if name != "touch_id"])
    assert sorted(touches["touch_id"]) == sorted(clean.touches["touch_id"])
    merged = clean.touches.merge(touches, on="touch_id", suffixes=("", "_dirty"))
    assert (merged["channel"] == merged["channel_dirty"]).all()
    assert (merged["time"] == merged["time_dirty"]).all()
    orders = dirty.conversions[dirty.conversions["person_id"].isin(known)].drop_duplicates("conversion_id")
    orders = orders[orders["refund_of"].isna() & ~orders["conversion_id"].str.endswith("-2")]
    assert sorted(orders["conversion_id"]) == sorted(clean.conversions["conversion_id"])


def test_the_same_seed_gives_the_same_dirt():
    first, again = (ex.simulate("dirty", persons=500, seed=2) for _ in range(2))
    for name, table in first.tables().items():
        pd.testing.assert_frame_equal(table, again.tables()[name])
    other = ex.simulate("dirty", persons=500, seed=3)
    assert not first.touches.equals(other.touches)


def test_dirt_is_asked_for_by_name():
    with pytest.raises(at.InputError, match=r"There is no dirt 'REFUND'\. Did you mean 'REFUNDS'"):
        ex.simulate("dirty", persons=100, dirt=["REFUND"])
    with pytest.raises(at.InputError, match='serves the scenario "dirty" alone'):
        ex.simulate("default", persons=100, dirt=["REFUNDS"])


def test_the_command_line_speaks_chinese_of_a_clean_campaign(tmp_path):
    asked = ["simulate", "--persons", "200", "--lang", "zh", "--out", str(tmp_path)]
    said = CliRunner().invoke(main, asked).output
    assert "模拟" in said
    assert "Simulated" not in said
    assert "dirt" not in said


def test_the_command_line_writes_a_dirty_campaign_whose_report_lists_the_errors(tmp_path):
    runner = CliRunner()
    made = runner.invoke(main, ["simulate", "--scenario", "dirty", "--persons", "500", "--out", str(tmp_path)])
    assert made.exit_code == 0, made.output
    assert "spoiled on purpose" in made.output
    assert (tmp_path / "data" / "dirt.parquet").as_posix() in made.output
    listing = pd.read_parquet(tmp_path / "data" / "dirt.parquet")
    assert set(listing["code"]) == set(USUAL)
    told = runner.invoke(main, ["report", str(tmp_path / "plan.toml"), "--out", str(tmp_path / "report")])
    assert told.exit_code == 2
    assert "DUPLICATE_ID" in told.output
    assert "UNPRICED_CHANNEL" in told.output
