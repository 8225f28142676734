"""JUnit: accepted by a parser, stable names, the right kind of result, no character that XML forbids."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from junitparser import JUnitXml

import experiments as ex
from attribution.core.findings import Finding
from experiments.report.document import Gate
from experiments.report.identity import finding_names
from experiments.report.junit import to_junit, unusable_junit

HOSTILE = 'a<b>&"\'\x00\x1b[31m\x0b\ufffe\u202eevil\u2066\n]]>=1+1 time="5" -- ' + "长" * 10_000


@pytest.fixture(scope="module")
def report():
    campaign = ex.simulate("default", persons=1_500, seed=3)
    return ex.postmortem(campaign.plan, campaign)


def gate(name, status, *, kind="decision", observed="PASS"):
    return Gate(name=name, kind=kind, status=status, expected="PASS", observed=observed, message=f"about {name}")


def written(report, *, gates=(), findings=(), strict=False, **changed):
    document = replace(report.document, gates=tuple(gates), findings=tuple(findings), **changed)
    text = to_junit(document, strict=strict)
    return text, {case.name: case for suite in JUnitXml.fromstring(text.encode("utf-8")) for case in suite}


@pytest.mark.parametrize(
    ("status", "observed", "kind", "loose", "strict"),
    [
        ("hold", "PASS", "decision", [], []),
        ("fail", "FAIL", "decision", ["Failure"], ["Failure"]),
        ("fail", "INVALID", "decision", ["Error"], ["Error"]),
        ("fail", "NO_HOLDOUT", "decision", ["Error"], ["Error"]),
        ("fail", "absent", "figure", ["Error"], ["Error"]),
        ("fail", "1.5", "figure", ["Failure"], ["Failure"]),
        ("fail", "SRM", "trust", ["Failure"], ["Failure"]),
        ("undecided", "INCONCLUSIVE", "decision", ["Skipped"], ["Failure"]),
    ],
)
def test_the_kind_of_result(report, status, observed, kind, loose, strict):
    asked = [gate("g", status, kind=kind, observed=observed)]
    for expected, flag in ((loose, False), (strict, True)):
        _, cases = written(report, gates=asked, strict=flag)
        assert [type(result).__name__ for result in cases["g"].result] == expected
        assert all(result.message == "about g" for result in cases["g"].result)


def test_counts_of_the_suites_are_those_of_their_cases(report):
    gates = [gate(str(number), status) for number, status in enumerate(["hold", "fail", "fail", "undecided"])]
    text, _ = written(report, gates=gates)
    root = ET.fromstring(text)
    assert root.attrib == {"name": "wakelift", "tests": "4", "failures": "2", "errors": "0", "skipped": "1"}
    for suite in root:
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))


def test_hostile_texts_stay_text(report):
    finding = Finding(code="SRM", status="fail", values={**dict(_values(report, "SRM")), "arm": HOSTILE})
    asked = [replace(gate("decision:x", "fail"), name=HOSTILE, message=HOSTILE, observed=HOSTILE)]
    text, cases = written(report, gates=asked, findings=[finding], title=HOSTILE)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202e\u2066\ufffe]", text)
    (name,) = [name for name in cases if name.startswith("a<b>")]
    assert 'time="5"' in name
    assert cases[name].result[0].text.startswith("a<b>&\"'")
    assert "time" not in ET.fromstring(text).find("testsuite/testcase").attrib


def _values(report, code):
    return next(finding.values for finding in report.findings if finding.code == code)


def test_names_of_findings_do_not_move_when_another_appears(report):
    findings = [(finding.code, finding.values) for finding in report.findings]
    names = finding_names(findings)
    assert len(set(names)) == len(names)
    more = finding_names([("DUPLICATE_ID", {"table": "touches", "n": 3}), *findings])
    assert more[0] == "DUPLICATE_ID[touches]"
    assert more[1:] == names
    assert finding_names([("A", {"n": 1}), ("A", {"n": 2})]) == ["A", "A #2"]


def test_the_schema_rules_of_junit_hold(report):
    """Order of children and required attributes of the schema that Jenkins and GitLab read by."""
    for case in ET.fromstring(report.to_junit()).iter("testcase"):
        assert {"name", "classname"} <= set(case.attrib) <= {"name", "classname", "time"}
        order = ["properties", "skipped", "error", "failure", "system-out", "system-err"]
        places = [order.index(child.tag) for child in case]
        assert places == sorted(places)
        assert sum(child.tag in ("skipped", "error", "failure") for child in case) <= 1


def test_an_unusable_input_is_one_case_with_an_error():
    text = unusable_junit(HOSTILE, f"two lines:\n  touches: {HOSTILE}")
    (suite,) = JUnitXml.fromstring(text.encode("utf-8"))
    (case,) = suite
    assert (suite.tests, suite.errors, suite.failures, suite.skipped) == (1, 1, 0, 0)
    assert case.classname == "wakelift.input"
    (error,) = case.result
    assert error.type == "unusable"
    assert error.message.startswith("two lines: touches: a<b>")
    assert error.text.startswith("two lines:\ntouches: a<b>")
    assert "time=" not in text.split("长")[0].replace(' time="5"', "").replace("time=&quot;5", "")
