"""The changelog keeps the numbers policy: every version tells which numbers change, or that none does."""

from __future__ import annotations

import re

import pytest

HEADING = "Numbers that change"


def versions(text):
    """Every version of the changelog with its text."""
    parts = re.split(r"^## \[(.+?)\].*$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def section(text, heading):
    """The text under a heading of the third level; None without one."""
    found = re.search(rf"^### {re.escape(heading)}$\n(.*?)(?=^### |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else None


def problems(text):
    """What the policy asks of a changelog and does not get."""
    made = []
    for version, body in versions(text).items():
        told = section(body, HEADING)
        if told is None:
            made.append(f"{version}: no heading '{HEADING}'")
        elif not told:
            made.append(f"{version}: nothing under '{HEADING}'; write None.")
        elif told != "None." and "- " not in told:
            made.append(f"{version}: no entry under '{HEADING}'")
        patch = re.fullmatch(r"\d+\.\d+\.[1-9]\d*", version)
        if patch and told not in (None, "", "None.") and section(body, "Fixed"):
            made.append(f"{version}: a correction that moves a number is at least a minor release")
    return made


def test_every_version_says_which_numbers_change(repo):
    text = (repo / "CHANGELOG.md").read_text(encoding="utf-8")
    assert versions(text)
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("## [1.2.0] - 2027\n\n### Added\n\n- a\n", "no heading"),
        ("## [1.2.0] - 2027\n\n### Numbers that change\n\n### Added\n\n- a\n", "write None"),
        ("## [1.2.0] - 2027\n\n### Numbers that change\n\nsome did\n", "no entry"),
        ("## [1.2.3] - 2027\n\n### Numbers that change\n\n- p\n\n### Fixed\n\n- b\n", "at least a minor release"),
    ],
)
def test_a_changelog_that_breaks_the_policy_is_told(text, told):
    (problem,) = problems(text)
    assert told in problem


def test_a_changelog_that_keeps_it_passes():
    told = "## [1.3.0] - 2027\n\n### Numbers that change\n\n- p: 0.04 was 0.05\n\n"
    assert problems(f"{told}## [1.2.1] - 2027\n\n### Numbers that change\n\nNone.\n") == []


def test_the_policy_names_the_heading_the_file_and_the_commands(repo):
    text = (repo / "docs" / "numbers-policy.md").read_text(encoding="utf-8")
    assert f'"{HEADING}"' in text
    assert (repo / re.search(r"`(tests/golden/\S+\.json)`", text)[1]).is_file()
    assert "wakelift selftest" in text
    assert "wakelift diff --freeze" in text
