"""The difference of two reports: what changed, by how much, rounding apart; held against a slow comparison."""

from __future__ import annotations

import copy
import json
import math

import pytest

import experiments as ex
from attribution.core.errors import InputError
from attribution.core.language import language

GATES = [{"arm": "sms", "threshold": 85, "expect": "PASS"}]


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("default", persons=1_500, seed=3)


@pytest.fixture(scope="module")
def report(campaign):
    return ex.postmortem({**campaign.plan, "gate": GATES}, campaign)


@pytest.fixture(scope="module")
def original(report):
    return json.loads(report.to_json())


@pytest.fixture
def held(original):
    return copy.deepcopy(original)


def names(found, area):
    return [(change.name, change.change) for change in found.of(area)]


def test_a_report_is_the_same_as_itself_in_any_form_and_language(campaign, report, held, tmp_path):
    report.to_json(tmp_path / "report.json")
    other = ex.postmortem({**campaign.plan, "gate": GATES}, campaign, lang="zh")
    for old in (report, held, tmp_path / "report.json", str(tmp_path), other):
        found = ex.diff_reports(old, report)
        assert found.same
        assert found.changes == ()
        assert "Nothing changed" in repr(found)


@pytest.mark.parametrize(
    ("factor", "changed", "printed"), [(1 + 1e-10, False, False), (1 + 1e-7, True, False), (1.01, True, True)]
)
def test_rounding_is_told_from_change_and_change_from_what_shows(held, report, factor, changed, printed):
    name = "effect.woken.sms.difference"
    old = held["figures"][name]
    held["figures"][name] = old * factor
    found = ex.diff_reports(report, held)
    assert found.same is not changed
    assert found.same_as_printed is not printed
    assert names(found, "figure") == ([(name, "changed")] if changed else [])
    if changed:
        (change,) = found.changes
        assert change.difference == pytest.approx(old * (factor - 1), rel=1e-4)
        assert change.relative_change == pytest.approx((factor - 1) * math.copysign(1, old), rel=1e-4)


def test_a_zero_that_is_rounded_is_no_change(held, report):
    first = copy.deepcopy(held)
    first["figures"]["x"], held["figures"]["x"] = 0.0, 1e-15
    assert ex.diff_reports(first, held).same
    held["figures"]["x"] = 1e-9
    assert not ex.diff_reports(first, held).same


def test_what_appeared_what_vanished_what_lost_its_number(held, report):
    gone, empty, *_ = held["figures"]
    del held["figures"][gone]
    held["figures"]["new"] = None
    held["figures"][empty] = None
    assert names(ex.diff_reports(report, held), "figure") == sorted(
        [(gone, "vanished"), (empty, "changed"), ("new", "appeared")]
    )


def test_words_gates_findings_and_keys_of_the_plan(held, report):
    held["verdicts"][0]["verdict"] = "PASS" if held["verdicts"][0]["verdict"] != "PASS" else "FAIL"
    held["verdicts"][0]["reason"] = ""
    held["gates"][0]["status"] = "fail"
    held["findings"].append({"code": "SRM_NEW", "status": "fail", "text": "", "values": {}})
    held["plan"]["costs"]["thresholds"] = [60, 85]
    found = ex.diff_reports(report, held)
    assert len(found.of("verdict")) == 1
    assert names(found, "gate") == [(held["gates"][0]["name"], "changed")]
    assert ("SRM_NEW", "appeared") in names(found, "finding")
    assert names(found, "plan") == [("costs.thresholds", "changed")]
    assert not found.same_as_printed


def test_versions_and_data_are_listed_and_do_not_count(held, report):
    held["versions"]["numpy"] = "0.0.1"
    next(iter(held["recipe"].values()))["fingerprint"] = "other"
    found = ex.diff_reports(report, held)
    assert found.same
    assert names(found, "version") == [("numpy", "changed")]
    assert len(found.of("data")) == 1
    with language("zh"):
        assert "只有以下变化" in repr(found)


def test_an_expected_word_that_a_report_may_not_name_is_no_change_of_the_plan(campaign, report):
    unattested = {**campaign.plan, "gate": GATES, "experiment": {**campaign.plan["experiment"], "randomised": False}}
    found = ex.diff_reports(report, ex.postmortem(unattested, campaign))
    assert names(found, "plan") == [("experiment.randomised", "changed")]
    assert ("decision:sms@85", "changed") in names(found, "gate")


def test_two_campaigns_differ_as_a_slow_comparison_says(report, held):
    other = ex.simulate("default", persons=1_500, seed=4)
    new = json.loads(ex.postmortem({**other.plan, "gate": GATES}, other).to_json())
    expected = set()
    for name in {**held["figures"], **new["figures"]}:
        one, two = held["figures"].get(name, "absent"), new["figures"].get(name, "absent")
        if one == two:
            continue
        if isinstance(one, float) and isinstance(two, float) and math.isclose(one, two, rel_tol=1e-9, abs_tol=1e-12):
            continue
        expected.add(name)
    found = ex.diff_reports(held, new)
    assert {change.name for change in found.of("figure")} == expected
    assert len(expected) > 50
    table = found.table()
    assert len(table) == len(found.changes)
    told = json.loads(found.to_json())
    assert [change["name"] for change in told["changes"]] == [change.name for change in found.changes]


def test_frozen_figures_hold_a_choice(report, held, tmp_path):
    path = tmp_path / "figures.json"
    n = ex.freeze_figures(report, path, only=["effect.woken.*", "credit.linear.sms.value"])
    assert n == 19
    assert path.read_bytes() == path.read_bytes()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert sum("effect.woken.sms.value" in line for line in lines) == 1
    assert ex.diff_reports(path, report).same
    held["figures"]["effect.woken.sms.value"] *= 2
    held["figures"]["effect.value.sms.value"] *= 2
    assert names(ex.diff_reports(path, held), "figure") == [("effect.woken.sms.value", "changed")]
    del held["figures"]["effect.woken.sms.value"]
    assert names(ex.diff_reports(path, held), "figure") == [("effect.woken.sms.value", "vanished")]


def test_freezing_says_what_is_wrong(report, tmp_path):
    with pytest.raises(InputError, match=r"no figure is named.*Did you mean"):
        ex.freeze_figures(report, tmp_path / "f.json", only="effect.woken.sms.valu")
    with pytest.raises(InputError, match="cannot be written"):
        ex.freeze_figures(report, tmp_path / "absent" / "f.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not the JSON of a report"),
        (b"{", "is not the JSON of a report"),
        (b"[]", "a mapping was expected"),
        (b"{}", "neither"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"schema_version": NaN}', "NaN is no number"),
        (b'{"schema_version": "2.0"}', r"reads 1.x only"),
        (b'{"schema_version": "1.0"}', '"figures" must be a mapping'),
        (b'{"frozen_version": "1.0", "verdicts": {}, "figures": {"x": "1"}}', "must be a number or null"),
        (b'{"frozen_version": "1.0", "verdicts": {}, "figures": {"x": true}}', "must be a number or null"),
        (b'{"frozen_version": "1.0", "verdicts": {}, "figures": {"x": 1e999}}', "no finite number"),
        (b'{"frozen_version": "1.0", "verdicts": {}, "figures": {"x": 1' + b"0" * 400 + b"}}", "no finite number"),
        (b'{"frozen_version": "1.0", "verdicts": {}, "figures": {"x": 1' + b"0" * 5000 + b"}}", "not the JSON"),
        (b'{"schema_version": "1.1", "figures": {}, "verdicts": [1]}', "list of mappings"),
    ],
)
def test_what_is_no_report_is_one_clear_error(report, tmp_path, content, said):
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        ex.diff_reports(path, report)


@pytest.mark.parametrize("key", ["figures", "verdicts", "findings", "gates", "plan", "recipe", "versions"])
@pytest.mark.parametrize("value", [None, 1, "x", [None], {"a": {"b": []}}, [{}]])
def test_spoiled_reports_are_errors_of_ours_or_compared(held, report, key, value):
    held[key] = value
    try:
        told = repr(ex.diff_reports(report, held))
    except InputError as error:
        told = str(error)
    assert "cannot be compared" in told or "Numbers are the same when" in told


@pytest.mark.parametrize("given", [None, 5, object()])
def test_something_else_is_answered_with_what_is_wanted(report, given):
    with pytest.raises(InputError, match="a report was expected"):
        ex.diff_reports(given, report)


@pytest.mark.parametrize("option", [{"rtol": -1.0}, {"rtol": math.nan}, {"atol": math.inf}, {"rtol": True}])
def test_tolerances_are_numbers_from_zero_on(report, option):
    with pytest.raises(InputError, match="must be a number from 0 on"):
        ex.diff_reports(report, report, **option)
