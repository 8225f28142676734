"""Markdown as the summary of a CI job: whole sections, within the limit, appended."""

from __future__ import annotations

import re

import pytest

import experiments as ex
from attribution.core.errors import InputError
from experiments.report.summary import append_summary

GATES = [{"arm": "sms", "threshold": 85, "expect": "PASS"}]


@pytest.fixture(scope="module", params=["en", "zh"])
def report(request):
    campaign = ex.simulate("default", persons=1_500, seed=3)
    return ex.postmortem({**campaign.plan, "gate": GATES}, campaign, lang=request.param)


def test_a_short_report_is_whole_and_begins_with_its_gates(report):
    text = report.to_markdown(summary=True)
    before = text.split("\n## 1. ")[0]
    assert all(gate.message in re.sub(r"\\(.)", r"\1", before) for gate in report.gates)
    assert text.count("\n## ") == len(report.document.sections)


def test_sections_are_left_out_whole_from_the_end_and_named(report):
    whole = report.to_markdown(summary=True)
    titles = [section.title for section in report.document.sections]
    seen = set()
    for limit in range(len(whole.encode()) - 1, 200, -997):
        text = report.to_markdown(summary=True, limit=limit)
        assert len(text.encode("utf-8")) <= limit
        kept = len(re.findall(r"^## ", text, re.MULTILINE))
        seen.add(kept)
        assert whole.startswith(text.rsplit("\n---\n", 1)[0].rstrip("\n"))
        last = text.rstrip("\n").splitlines()[-1]
        if kept:
            assert all(title in re.sub(r"\\(.)", r"\1", last) for title in titles[kept:])
        tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
        assert all(table in whole for table in tables)
        assert text.count("<details>") == text.count("</details>")
    assert {0, 1, 2} <= seen


def test_where_nothing_fits_nothing_is_written(report):
    assert report.to_markdown(summary=True, limit=5) == ""


def test_reports_are_appended_until_the_file_of_the_step_is_full(report, tmp_path):
    path = tmp_path / "summary.md"
    path.write_bytes("别的步骤".encode())
    assert append_summary(report, path)
    once = path.read_bytes()
    assert once.startswith("别的步骤\n\n# ".encode())
    assert once.decode("utf-8").endswith(report.to_markdown(summary=True))
    path.write_bytes(b"x" * ((1 << 20) - 4_000) + b"\n")
    assert append_summary(report, path)
    assert len(path.read_bytes()) <= 1 << 20
    path.write_bytes(b"x" * (1 << 20))
    assert not append_summary(report, path)
    assert path.stat().st_size == 1 << 20


def test_a_summary_file_that_cannot_be_written_is_one_clear_error(report, tmp_path):
    with pytest.raises(InputError, match="GITHUB_STEP_SUMMARY"):
        append_summary(report, tmp_path / "absent" / "summary.md")
