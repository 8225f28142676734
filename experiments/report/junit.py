"""Gates and findings as JUnit XML: one test case each, no time stamp."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from junitparser import TestCase
    from junitparser.junitparser import FinalResult

    from experiments.report.document import Document

__all__ = ["to_junit"]

# XML 1.0 forbids these whatever the escaping.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TIME = re.compile(r' time="[^"]*"')


def to_junit(document: Document) -> str:
    """The suite as text: what fails is a failure, what is undecided or unknown is skipped with its reason."""
    from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

    suite = TestSuite(_clean(document.title))
    for gate in document.gates:
        case = TestCase(_clean(gate.name), classname="wakelift.gates")
        text = _clean(f"{gate.message} (expected {gate.expected}, observed {gate.observed})")
        if gate.status == "fail":
            _result(case, Failure(text, "gate"), text)
        elif gate.status == "undecided":
            _result(case, Skipped(text), text)
        suite.add_testcase(case)
    for position, finding in enumerate(document.findings, start=1):
        case = TestCase(_clean(f"{finding.code} #{position}"), classname="wakelift.findings")
        text = _clean(finding.text(document.lang))
        if finding.status == "fail":
            _result(case, Failure(text, finding.code), text)
        elif finding.status == "unknown":
            _result(case, Skipped(text), text)
        else:
            case.system_out = text
        suite.add_testcase(case)
    suite.update_statistics()  # type: ignore[no-untyped-call]
    xml = JUnitXml("wakelift")
    xml.add_testsuite(suite)
    xml.update_statistics()  # type: ignore[no-untyped-call]
    whole: bytes = xml.tostring()  # type: ignore[no-untyped-call]
    return _TIME.sub("", whole.decode("utf-8"))


def _result(case: TestCase, entry: FinalResult, text: str) -> None:
    # Some readers show the body and ignore the attribute, so the text stands in both.
    entry.text = text
    case.result = [entry]


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("", text)
