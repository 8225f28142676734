"""A bank's telephone campaigns without a random control: credit is shown, nothing judged, and the report says why."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import attribution as at
import experiments as ex

if TYPE_CHECKING:
    from pathlib import Path

REFUSED = {
    "en": "There is no random control, so it cannot be judged whether the campaign brought anything; "
    "what follows is attribution of credit only.",
    "zh": "没有随机对照，无法判断是否由活动带来；以下仅为归因分摊。",
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
PLAN = {
    "campaign": {"name": "term deposits by telephone", "population": "customers called", "as_of": "2010-12-31"},
    "tables": {
        name: {"path": f"{name}.csv", "precision": "day", "timezone": "Europe/Lisbon"}
        for name in ("touches", "conversions")
    },
    "attribution": {"models": ["first_touch", "last_touch", "linear"], "lookback": "30d"},
}


@pytest.fixture(scope="module")
def calls(shared_data: Path) -> pd.DataFrame:
    """One row per customer, with the date of the last call; the file is in order of time and names no year."""
    rows = pd.read_csv(shared_data / "bank_marketing" / "bank-full.csv.gz", sep=";")
    number = rows["month"].map({name: place + 1 for place, name in enumerate(MONTHS)})
    year = 2008 + pd.Series(list(accumulate((number.diff() < 0).astype(int))))
    rows["time"] = pd.to_datetime(pd.DataFrame({"year": year, "month": number, "day": rows["day"]}))
    return rows.assign(person_id=range(len(rows)))


@pytest.fixture(scope="module")
def tables(calls: pd.DataFrame) -> dict[str, pd.DataFrame]:
    touches = calls[["person_id", "time"]].assign(
        channel=calls["contact"], kind="answered", touch_id=calls["person_id"], origin="outbound"
    )
    bought = calls[calls["y"] == "yes"]
    conversions = bought[["person_id", "time"]].assign(conversion_id=bought["person_id"], value=1.0)
    return {"touches": touches, "conversions": conversions}


def test_the_file_runs_from_may_2008_to_november_2010(calls: pd.DataFrame):
    assert len(calls) == 45_211
    assert (str(calls["time"].iloc[0].date()), str(calls["time"].iloc[-1].date())) == ("2008-05-05", "2010-11-17")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_report_gives_credit_and_no_verdict_and_says_why(tables: dict[str, pd.DataFrame], lang: str):
    report = ex.postmortem(PLAN, tables, lang=lang)
    assert report.verdicts == ()
    text = report.to_markdown().replace("\\", "")
    assert REFUSED[lang] in text
    assert "NO_HOLDOUT" in text
    assert "PASS" not in text
    assert "cellular" in text


def test_calls_to_mobiles_against_landlines_are_no_experiment(calls: pd.DataFrame):
    """Nobody drew lots for the telephone; a table without a control arm is refused before any lift is printed."""
    table = calls.assign(arm=calls["contact"], woken=(calls["y"] == "yes").astype(int))
    with pytest.raises(at.DesignError, match="NO_HOLDOUT"):
        ex.Experiment({"woken": ex.Rate("woken")}).analyze(table)


def test_length_of_the_call_is_known_only_afterwards(calls: pd.DataFrame):
    table = calls.assign(
        arm=calls["contact"].map({"cellular": "mobile"}).fillna("holdout"), woken=(calls["y"] == "yes").astype(int)
    )
    spec = ex.Experiment({"woken": ex.Rate("woken")}, post=("duration",))
    with pytest.raises(at.DesignError, match="'duration' is known only after assignment"):
        spec.by_segment(table, by="duration")
    with pytest.raises(at.DesignError, match="'duration' is known only after assignment"):
        ex.uplift_curve(table, "duration", experiment=spec)
