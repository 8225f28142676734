"""Gates and findings as JUnit XML: one test case each, no time stamp.

What does not hold is a ``failure``; what could not be judged at all (no trial to judge by, a declared figure that the
report does not have) is an ``error``; what the data cannot tell yet is ``skipped`` with its sentence, unless the check
is strict.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from attribution.core import messages
from attribution.core.formats import format_value
from experiments.report.identity import finding_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.core.findings import Finding
    from experiments.report.document import Document, Gate

__all__ = ["to_junit", "unusable_junit"]

# XML 1.0 forbids these whatever the escaping.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNJUDGED = frozenset({"INVALID", "NO_HOLDOUT"})
_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def to_junit(document: Document, *, strict: bool = False) -> str:
    """The suites as text: gates first, then findings."""
    root = ET.Element("testsuites", name="wakelift")
    gates = _suite(root, document, "gates")
    absent = messages.text("REPORT.gate.absent", lang=document.lang)
    for gate in document.gates:
        _gate(gates, gate, absent=absent, strict=strict)
    findings = _suite(root, document, "findings")
    names = finding_names((finding.code, finding.values) for finding in document.findings)
    for name, finding in zip(names, document.findings, strict=True):
        _finding(findings, name, finding, document.lang)
    for suite in (gates, findings):
        _count(suite, list(suite.iter("testcase")))
    _count(root, list(root.iter("testcase")))
    return _text(root)


def unusable_junit(name: str, message: str) -> str:
    """The suites of a check that could not judge anything: one case with an error, which says why.

    Example:
        >>> print(unusable_junit("plan.toml", "touches: no file"))  # doctest: +ELLIPSIS
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="wakelift" tests="1" failures="0" errors="1" skipped="0">
         <testsuite name="plan.toml: input" tests="1" failures="0" errors="1" skipped="0">
          <testcase classname="wakelift.input" name="plan.toml">
           <error message="touches: no file" type="unusable">touches: no file</error>
        ...
    """
    root = ET.Element("testsuites", name="wakelift")
    suite = ET.SubElement(root, "testsuite", name=_clean(f"{name}: input"))
    case = ET.SubElement(suite, "testcase", classname="wakelift.input", name=_clean(name))
    lines = [_clean(line) for line in message.splitlines()]
    _result(case, "error", " ".join(lines), kind="unusable")
    case[0].text = "\n".join(lines)
    for holder in (suite, root):
        _count(holder, [case])
    return _text(root)


def _text(root: ET.Element) -> str:
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, document: Document, kind: str) -> ET.Element:
    suite = ET.SubElement(root, "testsuite", name=_clean(f"{document.title}: {kind}"))
    facts: dict[str, str] = {"language": document.lang, "trust": document.trust}
    facts |= {f"version.{name}": version for name, version in document.manifest}
    _properties(suite, facts)
    return suite


def _properties(holder: ET.Element, values: Mapping[str, str]) -> None:
    held = ET.SubElement(holder, "properties")
    for name, value in values.items():
        ET.SubElement(held, "property", name=_clean(name), value=_clean(value))


def _gate(suite: ET.Element, gate: Gate, *, absent: str, strict: bool) -> None:
    case = ET.SubElement(suite, "testcase", classname=f"wakelift.gates.{gate.kind}", name=_clean(gate.name))
    _properties(case, {"status": gate.status, "expected": gate.expected, "observed": gate.observed})
    text = _clean(gate.message)
    if gate.status == "fail":
        unjudged = gate.observed in _UNJUDGED or (gate.kind != "trust" and gate.observed == absent)
        _result(case, "error" if unjudged else "failure", text, kind=f"gate.{gate.kind}")
    elif gate.status == "undecided":
        _result(case, "failure" if strict else "skipped", text, kind="undecided")
    else:
        ET.SubElement(case, "system-out").text = text


def _finding(suite: ET.Element, name: str, finding: Finding, lang: str) -> None:
    case = ET.SubElement(suite, "testcase", classname="wakelift.findings", name=_clean(name))
    _properties(case, {"status": finding.status, "code": finding.code})
    text = _clean(finding.text(lang))
    if finding.status == "fail":
        _result(case, "failure", text, kind=finding.code)
    elif finding.status == "unknown":
        _result(case, "skipped", text, kind=finding.code)
    else:
        ET.SubElement(case, "system-out").text = text


def _result(case: ET.Element, tag: str, text: str, *, kind: str) -> None:
    # Some readers show the body and ignore the attribute, so the text stands in both.
    result = ET.SubElement(case, tag, message=text, type=_clean(kind))
    result.text = text


def _count(holder: ET.Element, cases: list[ET.Element]) -> None:
    holder.set("tests", str(len(cases)))
    for attribute, tag in _COUNTED.items():
        holder.set(attribute, str(sum(case.find(tag) is not None for case in cases)))


def _clean(text: str) -> str:
    """One line without characters that XML forbids or that turn the reading direction."""
    return _FORBIDDEN.sub("", format_value(text, "text"))
