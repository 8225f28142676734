"""Every scenario through the public analysis: what must be found is found."""

from __future__ import annotations

from pathlib import Path

import pytest

import experiments as ex
from experiments.simulation.constants import SCENARIOS as KNOWN
from experiments.simulation.expected import EXPECTED
from statistical.scenario_findings import SCENARIOS, expected_of, said_of

SMALL = {"dirty": 20_000, "split_ids": 20_000}  # what is found there does not hang on the size


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_a_scenario_is_about_is_found(scenario):
    campaign = ex.simulate(scenario, persons=SMALL.get(scenario, 60_000), seed=7)
    rows, said = expected_of(campaign), said_of(campaign)
    assert rows
    missing = [row for row in rows if row not in said]
    assert not missing


def test_the_thirteen_scenarios_are_those_of_the_issue():
    assert len(SCENARIOS) == 13
    assert set(SCENARIOS) == set(KNOWN) == set(EXPECTED)


def test_expected_rows_tell_where_they_are_found():
    table = ex.simulate("waves", persons=100).expected
    assert list(table.columns) == ["where", "code", "status", "arm", "threshold", "segment", "reason"]
    assert table["threshold"].dtype == float
    assert set(table["segment"].dropna()) == {"wave=1", "wave=2", "wave=3"}
    for rows in EXPECTED.values():
        for row in rows:
            assert row.status in ("note", "warn", "fail", "error", "verdict")
            assert (row.threshold is not None) == (row.status == "verdict")


@pytest.mark.parametrize("scenario", ["default", "market_rally", "leak", "srm"])
def test_no_finding_of_another_scenario_is_given(scenario):
    """The codes that make a scenario are silent where their cause is absent."""
    own = {row.code for row in EXPECTED[scenario] if row.status != "verdict"}
    foreign = {"LEAKAGE_LARGE", "UNUSED_STRATUM", "TWO_ARMS", "SRM"} - own
    campaign = ex.simulate(scenario, persons=20_000, seed=3)
    loud = {row[1] for row in said_of(campaign) if row[2] in ("warn", "fail", "error")}
    assert not foreign & loud


@pytest.mark.statistical
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_expected_rows_hold_in_nearly_all_campaigns(scenario):
    """At least 95 of 100 is claimed; of 20 campaigns 16 or fewer would then have a chance of 2 in 100 at most."""
    given = dict.fromkeys(expected_of(ex.simulate(scenario, persons=100)), 0)
    for seed in range(20):
        said = said_of(ex.simulate(scenario, persons=60_000, seed=seed))
        for row in given:
            given[row] += row in said
    assert {row: hits for row, hits in given.items() if hits < 17} == {}


def test_documented_rows_are_those_of_the_code():
    page = (Path(__file__).resolve().parents[2] / "docs" / "methods" / "simulate.md").read_text(encoding="utf-8")
    table = page[page.index("| scenario | where |") :]
    lines = table[: table.index("\n\n")].splitlines()[2:]
    written = [tuple(cell.strip().strip("`") for cell in line.strip("|").split("|")) for line in lines]
    coded = [
        (name, row.where, row.code, row.status, row.arm or "", f"{row.threshold:g}" if row.threshold else "",
         row.segment or "", row.reason or "")
        for name, rows in EXPECTED.items() for row in rows
    ]  # fmt: skip
    assert written == coded
