"""`wakelift diff`: exit codes, forms, frozen figures, hostile names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import experiments as ex


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    made = {}
    for seed in (3, 4):
        campaign = ex.simulate("default", persons=1_500, seed=seed)
        folder = tmp_path_factory.mktemp(f"report{seed}")
        ex.postmortem(campaign.plan, campaign).to_json(folder / "report.json")
        made[seed] = folder
    return made


@pytest.fixture
def wakelift():
    from experiments.cli import main

    def run(*arguments):
        return CliRunner().invoke(main, ["diff", *map(str, arguments)])

    return run


def test_the_exit_code_speaks(wakelift, places, tmp_path):
    same = wakelift(places[3], places[3] / "report.json")
    assert (same.exit_code, "Nothing changed." in same.output) == (0, True)
    other = wakelift(places[3], places[4])
    assert other.exit_code == 1
    assert "effect.woken.sms." in other.output
    absent = wakelift(places[3], tmp_path / "absent.json")
    assert absent.exit_code == 2
    assert "Traceback" not in absent.output
    assert "absent.json" in absent.output


def test_forms(wakelift, places, tmp_path):
    told = json.loads(wakelift(places[3], places[4], "--format", "json").output)
    assert told["same"] is False
    assert wakelift(places[3], places[4], "--format", "md", "--lang", "zh").output.count("|---|") >= 1
    path = tmp_path / "diff.md"
    written = wakelift(places[3], places[4], "--format", "md", "--out", path)
    assert written.exit_code == 1
    assert "effect" in path.read_text(encoding="utf-8")
    assert wakelift(places[3], places[4], "--out", tmp_path / "a" / "b").exit_code == 2


def test_freeze_then_compare(wakelift, places, tmp_path):
    frozen = tmp_path / "figures.json"
    assert wakelift("--freeze", frozen, places[3], "--only", "effect.*", "--only", "step.*").exit_code == 0
    assert wakelift(frozen, places[3]).exit_code == 0
    assert wakelift(frozen, places[4]).exit_code == 1
    assert wakelift(frozen, places[4], "--rtol", "1e99").exit_code in (0, 1)
    assert wakelift("--freeze", frozen, places[3], "--only", "nothing").exit_code == 2


def test_nothing_is_replaced_without_being_told(wakelift, places, tmp_path):
    held = tmp_path / "plan.toml"
    held.write_text("mine", encoding="utf-8")
    for arguments in (("--freeze", held, places[3]), (places[3], places[4], "--out", held)):
        refused = wakelift(*arguments)
        assert (refused.exit_code, held.read_text(encoding="utf-8")) == (2, "mine")
        assert "--force" in refused.output
    assert wakelift("--freeze", held, places[3], "--force").exit_code == 0
    assert wakelift(held, places[3], "--quiet", "--out", tmp_path / "d.md").output == ""


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device")
def test_a_file_without_end_is_refused_after_as_much_as_a_report_can_hold(wakelift, monkeypatch):
    from experiments.report import difference_inputs

    monkeypatch.setattr(difference_inputs, "_LARGEST", 1 << 16)
    told = wakelift("/dev/zero", "/dev/zero")
    assert told.exit_code == 2
    assert "that is no report" in told.output


def test_only_what_shows_decides_when_asked(wakelift, places, tmp_path):
    held = json.loads((places[3] / "report.json").read_text(encoding="utf-8"))
    held["figures"]["effect.woken.full.difference"] *= 1 + 1e-7
    near = tmp_path / "near.json"
    near.write_text(json.dumps(held), encoding="utf-8")
    assert wakelift(places[3], near).exit_code == 1
    assert wakelift(places[3], near, "--printed").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("one",),
        ("one", "two", "three"),
        ("--freeze", "f", "a", "b"),
        ("a", "b", "--only", "x"),
        ("--freeze", "f", "a", "--out", "x"),
    ],
)
def test_what_is_asked_wrongly_is_answered_with_the_right_way(wakelift, arguments):
    found = wakelift(*arguments)
    assert found.exit_code == 2
    assert "Error: " in found.output


def test_hostile_names_do_not_reach_the_terminal(wakelift, places, tmp_path):
    held = json.loads((places[3] / "report.json").read_text(encoding="utf-8"))
    held["figures"]["\x1b[2J\u202eevil|<b>"] = 1.0
    held["versions"]["<script>"] = "\x07"
    spoiled = tmp_path / "spoiled.json"
    spoiled.write_text(json.dumps(held), encoding="utf-8")
    for form in ("text", "md"):
        told = wakelift(places[3], spoiled, "--format", form).output
        assert not set(told) & {"\x1b", "\u202e", "\x07"}
    assert "<script>" not in told
