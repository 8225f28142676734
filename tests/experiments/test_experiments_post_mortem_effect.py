"""The effect section: curves and days against the library, days that are not reached, words and small arms."""

from __future__ import annotations

import pytest
from post_mortem_grounds import UNDEFINED, evidence_of, rows_of, section_of, table_of, texts_of

import experiments as ex
from attribution.core.formats import format_interval, format_value
from experiments.post_mortem.sections import effect


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("default", persons=2_000, seed=11)


@pytest.fixture(scope="module")
def evidence(campaign):
    return evidence_of(campaign)


@pytest.fixture(scope="module")
def forward():
    return ex.simulate("pull_forward", persons=4_000, seed=7)


@pytest.fixture(scope="module")
def lasting(forward):
    return evidence_of(forward, change=lambda plan: plan.update(durability={"days": [28, 60, 90], "activity": "20d"}))


def charts(section):
    return {chart.name: chart for chart in section.charts}


def without_strata(campaign):
    """The assignment as the readout compares it, whose plan names no strata."""
    return campaign.assignment.drop(columns="stratum")


# --- time to return --------------------------------------------------------------------------------------------------


def test_the_curves_are_the_librarys_and_end_at_the_readout(campaign, evidence):
    expected = ex.durability(without_strata(campaign), campaign.conversions, days=(14, 28), as_of=campaign.as_of)
    chart = charts(section_of(effect, evidence))["chart-returns"]
    drawn = {(row["series"], row["x"]): (row["value"], row["low"], row["high"]) for row in chart.records.to_dicts()}
    for row in expected.curve.to_dicts():
        assert drawn[row["arm"], row["day"]] == (row["share_returned"], row["low"], row["high"])
    rows = {row["arm"]: row for row in evidence.readout.to_dicts() if row["metric"] == "woken"}
    for arm, row in rows.items():
        assert drawn[arm, 28.0][0] == pytest.approx(row["value"], abs=1e-12)
    assert drawn["holdout", 28.0][0] == pytest.approx(rows["full"]["value_control"], abs=1e-12)
    assert chart.marks == ((28.0, "end of the window (28 days)"),)
    roles = {row["series"]: row["role"] for row in chart.records.to_dicts()}
    assert roles == {"holdout": "control", "digital": "treated", "sms": "treated", "full": "treated"}
    assert list(roles) == ["holdout", "digital", "sms", "full"]


def test_the_finding_of_the_curves_stands_in_title_and_alternative_text(evidence):
    chart = charts(section_of(effect, evidence))["chart-returns"]
    last = {row["series"]: row for row in chart.records.to_dicts() if row["x"] == 28.0}
    for arm in ("full", "holdout"):
        assert f"{format_value(last[arm]['value'], 'rate', lang='en')} of {arm}" in chart.title
    for arm, row in last.items():
        ends = format_interval(row["low"], row["high"], "rate", lang="en")
        assert f"{arm}: {format_value(row['value'], 'rate', lang='en')} ({ends})" in chart.alt


def test_days_without_a_return_are_the_librarys(campaign, evidence):
    expected = ex.durability(without_strata(campaign), campaign.conversions, days=(14, 28), as_of=campaign.as_of)
    own = {f"{row['arm']} vs holdout": row for row in expected.means.to_dicts()}
    for row in rows_of(table_of(section_of(effect, evidence), "Mean days")):
        right = own[row["contrast"]]
        assert row["difference in days"] == (right["difference"], right["low"], right["high"])


def test_strata_of_the_readout_are_those_of_the_curves(campaign):
    found = evidence_of(campaign, change=lambda plan: plan["experiment"].update(strata="stratum"))
    expected = ex.durability(campaign.assignment, campaign.conversions, days=(14, 28), as_of=campaign.as_of)
    assert found.further["return_times"].records.to_dicts() == expected.curve.to_dicts()


# --- does it last ----------------------------------------------------------------------------------------------------


def test_every_day_shown_is_the_durability(forward, lasting):
    expected = ex.durability(
        without_strata(forward), forward.conversions, days=(28, 60, 90), activity="20d", as_of=forward.as_of
    )
    section = section_of(effect, lasting)
    for measure, words in (("woken", "Does it last?"), ("active", "Active 28, 60, 90 days")):
        own = {
            (f"{row['arm']} vs holdout", row["day"]): row for row in expected.to_dicts() if row["measure"] == measure
        }
        rows = rows_of(table_of(section, words))
        assert len(rows) == len(own) == 9
        for row in rows:
            right = own[row["contrast"], row["day"]]
            assert row["difference per 1,000"] == (right["difference"], right["low"], right["high"])
            assert (row["in arm"], row["in control"]) == (right["value"], right["value_control"])
    changes = {(row["measure"], row["arm"]): row for row in expected.changes.to_dicts()}
    for row in rows_of(table_of(section, "From the first day")):
        right = changes["woken" if row["what"].startswith("woken") else "active", row["contrast"].split(" ")[0]]
        ends = (right["late_change"], right["late_change_low"], right["late_change_high"])
        assert row["change until the last day, per 1,000"] == ends
        assert row["reading"] == right["reading"]


def test_returns_that_were_brought_forward_are_told(forward, lasting):
    section = section_of(effect, lasting)
    changes = {row["arm"]: row for row in lasting.further["durability"].changes.to_dicts() if row["measure"] == "woken"}
    words = {"taken back": "fades", "kept": "lasts", "grown": "grows", "undecided": "is not settled"}
    assert words[changes["full"]["reading"]] in charts(section)["chart-durability"].title
    taken = [arm for arm, row in changes.items() if row["reading"] == "taken back"]
    assert taken
    hints = [text for text in section.paragraphs if "brought forward" in text]
    assert [text.split(" ")[0] for text in sorted(hints)] == sorted(taken)
    assert charts(section)["chart-returns"].title.startswith("By day 90")


def test_an_effect_that_stays_is_no_pull_forward():
    campaign = ex.simulate("default", persons=3_000, seed=7)
    found = evidence_of(
        campaign, change=lambda plan: (plan.update(durability={"days": [7, 28]}), plan["campaign"].update())
    )
    section = section_of(effect, found)
    assert not [text for text in section.paragraphs if "brought forward" in text]
    assert "Not told" not in " ".join(section.paragraphs)


def test_days_after_the_date_of_the_data_are_told(forward):
    found = evidence_of(forward, change=lambda plan: plan.update(durability={"days": [28, 60, 200, 300]}))
    section = section_of(effect, found)
    assert [row["day"] for row in rows_of(table_of(section, "Does it last?"))] == [28, 60] * 3
    assert "Not told: day 200, 300, for at 2027-01-31 nobody has been followed so long." in section.paragraphs


def test_where_two_days_are_not_reached_it_is_not_known(forward):
    for days in ([28, 200], [150, 200]):
        change = {"durability": {"days": days}}
        section = section_of(effect, evidence_of(forward, change=lambda plan, new=change: plan.update(new)))
        assert "chart-durability" not in charts(section)
        assert any("is not known" in text and "200" in text for text in section.paragraphs)


def test_days_that_nobody_asked_for_raise_no_doubt(campaign, evidence):
    assert "durability" not in evidence.further
    assert any("30, 60, 90" in text for text in section_of(effect, evidence).paragraphs)
    asked = evidence_of(campaign, change=lambda plan: plan.update(durability={"days": [7, 28, 60]}))
    codes = {finding.code for finding in asked.findings() if finding.status in ("warn", "unknown")}
    assert "AS_OF_BEYOND_DATA" in codes
    section = section_of(effect, asked)
    rows = rows_of(table_of(section, "Does it last?"))
    assert [row["difference per 1,000"] for row in rows if row["day"] == 60] == ["AS_OF_BEYOND_DATA"] * 3
    assert any("are not 0" in text for text in section.paragraphs)


def test_only_the_followed_are_compared_and_counted():
    campaign = ex.simulate("waves", persons=3_000, seed=11)
    found = evidence_of(campaign, change=lambda plan: plan.update(durability={"days": [14, 28, 100]}))
    durability = found.further["durability"]
    assert durability.recipe.n["persons"] < durability.recipe.n["assigned"]
    section = section_of(effect, found)
    persons, assigned = (f"{durability.recipe.n[name]:,}" for name in ("persons", "assigned"))
    assert f"{persons} of {assigned}" in table_of(section, "Does it last?").notes[0]
    assert charts(section)["chart-returns"].title.startswith("By day 28")  # of everybody


# --- words, order, small arms ----------------------------------------------------------------------------------------


def test_titles_of_a_broken_split_are_the_flag():
    campaign = ex.simulate("srm", persons=20_000, seed=7)
    found = evidence_of(campaign, change=lambda plan: plan.update(durability={"days": [14, 28]}))
    section = section_of(effect, found)
    assert {chart.name for chart in section.charts} == {"chart-effects", "chart-returns", "chart-durability"}
    for text in (section.answer, *(chart.title for chart in section.charts)):
        assert text.startswith("No finding: the experiment cannot be trusted (SRM")
    assert not [text for text in section.paragraphs if "brought forward" in text]


def test_without_a_control_there_is_no_section(campaign):
    found = evidence_of(campaign, change=lambda plan: plan["experiment"].update(randomised=False))
    assert section_of(effect, found) is None
    assert not {"durability", "return_times", "harms"} & set(found.further)


def test_guardrails_stand_here_where_no_threshold_is_declared(campaign):
    def change(plan):
        del plan["costs"]

    found = evidence_of(campaign, change=change)
    rows = rows_of(table_of(section_of(effect, found), "Guardrails"))
    own = {f"{row['arm']} vs holdout": row for row in found.readout.guardrails.to_dicts()}
    assert [row["contrast"] for row in rows] == ["digital vs holdout", "sms vs holdout", "full vs holdout"]
    for row in rows:
        assert row["reading"] == own[row["contrast"]]["state"]
    assert not [table for table in section_of(effect, evidence_of(campaign)).tables if "Guardrails" in table.title]


def test_small_arms_have_neither_curve_nor_days(forward):
    def change(plan):
        plan["durability"] = {"days": [28, 60]}
        plan["report"]["min_cell"] = 990

    found = evidence_of(forward, change=change)
    sizes = forward.assignment["arm"].value_counts()
    small, large = set(sizes[sizes < 990].index), set(sizes[sizes >= 990].index)
    assert small
    assert "holdout" in large
    section = section_of(effect, found)
    assert set(charts(section)["chart-returns"].records.column("series")) == large
    shown = {row["contrast"].split(" ")[0] for row in rows_of(table_of(section, "Does it last?"))}
    assert shown == large - {"holdout"}
    labels = " ".join(charts(section)["chart-durability"].records.column("label"))
    assert not [arm for arm in small if arm in labels]


def test_the_order_of_rows_changes_nothing(forward, lasting):
    mixed = {
        name: getattr(forward, name).sample(frac=1.0, random_state=3).reset_index(drop=True)
        for name in ("touches", "conversions", "assignment", "history")
    }
    other = evidence_of(
        forward, change=lambda plan: plan.update(durability={"days": [28, 60, 90], "activity": "20d"}), **mixed
    )
    assert texts_of(section_of(effect, lasting)) == texts_of(section_of(effect, other))


@pytest.mark.parametrize("scenario", ["null", "weak", "adaptive_resend", "leak", "waves", "pull_forward", "phone_harm"])
def test_no_text_holds_an_undefined_number(scenario):
    campaign = ex.simulate(scenario, persons=1_500, seed=5)
    found = evidence_of(campaign, change=lambda plan: plan.update(durability={"days": [14, 28, 60]}))
    for lang in ("en", "zh"):
        section = section_of(effect, found, lang)
        assert not UNDEFINED.search("\n".join(texts_of(section, lang)))
        assert all(sum(column.decisive for column in table.columns) == 1 for table in section.tables)
        for chart in section.charts:
            assert any(character.isdigit() for character in chart.title) or "–" in chart.alt
