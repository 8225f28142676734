from __future__ import annotations

import pytest

from attribution.core.findings import Finding
from experiments.design.alarms import share_alarm
from experiments.design.missingness import check_missing


def statuses(*given):
    findings = [Finding(code=code, status=status, values={"p_value": p}) for code, status, p in given]
    made = share_alarm(findings)
    assert [item.code for item in made] == [item.code for item in findings]
    assert [dict(item.values) for item in made] == [dict(item.values) for item in findings]
    return [item.status for item in made]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (0.0004, 0.5, ["fail", "pass"]),
        (0.0007, 0.5, ["pass", "pass"]),
        (0.5, 0.0007, ["pass", "pass"]),
        (0.0007, 0.0004, ["fail", "fail"]),  # Holm: the second is judged alone once the first has failed
        (0.0007, 0.0007, ["pass", "pass"]),
    ],
)
def test_two_alarms_share_one_chance(first, second, expected):
    given = [(code, "fail" if p < 0.001 else "pass", p) for code, p in (("SRM", first), ("SRM_STRATA", second))]
    assert statuses(*given) == expected


def test_alone_the_alarm_is_its_own_and_what_rests_on_counts_stays():
    assert statuses(("SRM", "fail", 0.0009)) == ["fail"]
    assert statuses(("SRM", "fail", 0.0009), ("TWO_ARMS", "fail", 1.0)) == ["fail", "fail"]
    assert statuses(("SRM", "pass", 0.6), ("MISSING_OUTCOME", "fail", 0.0006)) == ["pass", "note"]
    told = Finding(code="MISSING_OUTCOME", status="note", values={"p_value": 0.0, "policy": "zero"})
    alone = Finding(code="SRM", status="fail", values={"p_value": 0.0009})
    assert [item.status for item in share_alarm([alone, told])] == ["fail", "note"]
    judged = Finding(code="MISSING_OUTCOME", status="note", values={"p_value": 0.4, "policy": "exclude"})
    assert [item.status for item in share_alarm([alone, judged])] == ["pass", "note"]
    assert share_alarm([]) == []
    unknown = Finding(code="SRM", status="unknown", values={})
    assert share_alarm([unknown]) == [unknown]


def test_one_missing_outcome_in_a_small_holdout_is_no_alarm():
    persons = {"holdout": 50, "sms": 5_000}
    one = check_missing("money", persons, {"holdout": 1, "sms": 0}, control="holdout", policy="exclude")
    assert one.status == "note"
    assert one.values["p_value"] == pytest.approx(50 / 5_050)  # it is the holdout's one person with this chance
    several = check_missing("money", persons, {"holdout": 3, "sms": 0}, control="holdout", policy="exclude")
    assert several.status == "fail"
    assert check_missing("money", persons, {"holdout": 0, "sms": 0}, control="holdout", policy="exclude") is None
