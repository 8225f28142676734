"""The self test agrees here, and fails when a number or a kernel is moved."""

from __future__ import annotations

import copy
import json
import tomllib

import numpy as np
import pytest
from click.testing import CliRunner

import experiments as ex
from attribution.core.errors import WakeLiftError
from attribution.models import shapley_games
from experiments.cli import main
from experiments.inference import score
from experiments.self_test import running
from experiments.self_test.calls import take
from experiments.self_test.figures import figure_readings, figures_of_the_default_campaign
from experiments.self_test.machine import machine_readings
from experiments.self_test.published import published_readings, shipped
from experiments.self_test.reading import compared
from references.shipped_examples import FOLDER, SHIPPED, content

PUBLISHED = shipped("published.json")
EXAMPLES = {example["name"]: example for example in PUBLISHED["examples"]}


@pytest.fixture(scope="module")
def found():
    return ex.selftest()


@pytest.fixture
def quick(monkeypatch, found):
    """The parts as they were computed once, so that a test of the command does not compute them again."""
    by_part = {part: [r for r in found.readings if r.part == part] for part in ("published", "figures", "machine")}
    monkeypatch.setattr(running, "published_readings", lambda _: by_part["published"])
    monkeypatch.setattr(running, "figure_readings", lambda _: by_part["figures"])
    monkeypatch.setattr(running, "machine_readings", lambda: by_part["machine"])
    return by_part


def off(found):
    """A kernel's answer, the last number of it one per cent too large."""
    return (*found[:-1], found[-1] * 1.01) if isinstance(found, tuple) else found * 1.01


def of(*names):
    return list(published_readings({"examples": [EXAMPLES[name] for name in names]}))


def test_everything_is_reproduced_here(found):
    assert [(r.example, r.what, r.expected, r.got) for r in found.differing] == []
    assert found.passed
    assert found.reproduced == found.total > 800
    found.assert_ok()


def test_the_shipped_examples_are_those_of_the_reference_files():
    assert SHIPPED.read_text(encoding="utf-8") == content(), (
        "write it anew: PYTHONPATH=.:tests python tests/references/shipped_examples.py"
    )


def test_the_frozen_figures_are_those_of_the_default_campaign(request):
    path = SHIPPED.with_name("figures.json")
    if request.config.getoption("--update-golden"):
        now = figures_of_the_default_campaign()
        text = json.dumps(now, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")
    frozen = json.loads(path.read_text(encoding="utf-8"))
    differing = [r.what for r in figure_readings(frozen) if r.outcome != "OK"]
    assert differing == [], (
        "figures of the default campaign have moved: either this is a defect, or write them anew with --update-golden "
        'AND name them in CHANGELOG.md under "Numbers that change"'
    )
    assert {word.split(" ")[0] for word in frozen["verdicts"].values()} == {"PASS", "FAIL", "INCONCLUSIVE"}


def test_published_numbers_come_from_at_least_twenty_sources_of_every_kind():
    assert len({example["source"] for example in EXAMPLES.values()}) >= 20
    assert len(EXAMPLES) >= 35
    for example in EXAMPLES.values():
        assert (FOLDER / example["file"]).is_file(), example["name"]
        for call in example["calls"]:
            assert len(call["take"]) == len(call["expected"]) > 0
            assert all(isinstance(number, (int, float)) for number in call["expected"])
            # Half of the last printed digit, or less than a per cent where a source says no more.
            assert call["rtol"] <= 0.0025
            assert call["atol"] <= 0.0051


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_fails_when_its_expected_numbers_are_moved(name, found):
    """Each expected number, moved by three times its tolerance (at least 1e-9), is told."""
    got = [(r.expected, r.got, r.tolerance) for r in found.readings if r.example == name]
    assert got
    for expected, value, tolerance in got:
        moved = expected + 3 * max(tolerance, 1e-9)
        assert compared(moved, value, tolerance) == "DIFFERS"


def test_a_poisoned_file_makes_the_self_test_fail(monkeypatch, quick):
    poisoned = copy.deepcopy(EXAMPLES["newcombe"])
    poisoned["calls"][0]["expected"][0] += 0.0002
    moved = list(published_readings({"examples": [poisoned]}))
    monkeypatch.setattr(running, "published_readings", lambda _: moved)
    made = ex.selftest()
    assert not made.passed
    assert made.total - made.reproduced == 1
    assert [r.what.split("(")[0] for r in made.differing] == ["compare_rates"]
    assert made.findings[0].code == "SELFTEST"
    assert made.findings[0].status == "fail"
    with pytest.raises(WakeLiftError, match=r"does not reproduce 1 of .*Newcombe 1998"):
        made.assert_ok()
    answer = CliRunner().invoke(main, ["selftest"])
    assert answer.exit_code == 1
    assert "DIFFERS" in answer.output
    assert answer.stdout.rstrip().endswith(f"{made.reproduced} of {made.total} reproduced")
    assert "1 of" in answer.stderr


@pytest.mark.parametrize(
    ("module", "name", "example"),
    [(score, "_difference_parts", "newcombe"), (shapley_games, "exact_values", "gloves")],
    ids=["score", "shapley"],
)
def test_a_kernel_that_is_off_by_one_per_cent_makes_it_fail(monkeypatch, module, name, example):
    right = getattr(module, name)
    assert {reading.outcome for reading in of(example)} == {"OK"}
    monkeypatch.setattr(module, name, lambda *given, **options: off(right(*given, **options)))
    assert "DIFFERS" in {reading.outcome for reading in of(example)}


def _stop(*_, **__):
    raise ArithmeticError("a kernel that fails")


def test_a_kernel_that_stops_is_told_with_its_error(monkeypatch):
    monkeypatch.setattr(ex.KaplanMeier, "at", _stop)
    assert {reading.outcome for reading in of("remission")} == {"DIFFERS"}
    monkeypatch.setattr("attribution.models.shapley_games.exact_values", _stop)
    made = of("gloves")
    assert {reading.got for reading in made} == {"ArithmeticError: a kernel that fails"}
    assert all(reading.difference is None for reading in made)


def test_a_figure_that_moves_vanishes_or_appears_is_told(monkeypatch):
    now = {"figures": {"a": 1.0, "b": 2.0, "new": 5.0, "none": None}, "verdicts": {"x": "PASS"}}
    monkeypatch.setattr("experiments.self_test.figures.figures_of_the_default_campaign", lambda: now)
    frozen = {"figures": {"a": 1.0, "b": 2.0 + 3e-9, "gone": 3.0, "none": None}, "verdicts": {"x": "FAIL"}}
    outcomes = {reading.what: reading.outcome for reading in figure_readings(frozen)}
    assert outcomes == {"a": "OK", "b": "DIFFERS", "gone": "DIFFERS", "new": "DIFFERS", "none": "OK", "x": "DIFFERS"}


def test_credit_that_does_not_sum_and_bytes_that_differ_are_told(monkeypatch):
    from experiments.self_test import machine

    monkeypatch.setattr(machine, "_ENGINES", ())
    drawn = iter((machine._tables(), machine._tables()))
    first = next(drawn)
    second = next(drawn)
    second["touches"] = second["touches"].iloc[:-50]
    handed = iter((first, second))
    monkeypatch.setattr(machine, "_tables", lambda: next(handed))
    outcomes = {(r.example, r.what): r.outcome for r in machine_readings()}
    assert outcomes["same_bytes", "the simulated tables again"] == "DIFFERS"
    assert outcomes["same_bytes", "the numbers again"] == "DIFFERS"
    assert outcomes["same_bytes", "the numbers with all rows reversed"] == "OK"


def test_a_step_that_fails_is_told_and_the_others_go_on(monkeypatch):
    from experiments.self_test import machine

    monkeypatch.setattr(machine, "_ENGINES", ("polars",))
    monkeypatch.setattr(machine, "_to_polars", _stop)
    monkeypatch.setattr("experiments.self_test.figures.figures_of_the_default_campaign", _stop)
    made = [*machine_readings(), *figure_readings({"figures": {}, "verdicts": {}})]
    failed = [(r.example, r.got) for r in made if r.outcome == "DIFFERS"]
    message = "ArithmeticError: a kernel that fails"
    assert failed == [("engine_polars", message), ("default_figures", message)]
    assert {"conservation", "same_bytes", "languages"} <= {r.example for r in made}


def test_an_engine_that_is_not_installed_is_skipped_and_told(monkeypatch, quick):
    from experiments.self_test import machine

    monkeypatch.setattr(machine, "find_spec", lambda name: None)
    (reading,) = machine._engine("duckdb", {}, {})
    assert (reading.outcome, reading.got, reading.strain) == ("SKIPPED", "not installed", np.inf)
    quick["machine"].append(reading)
    try:
        made = ex.selftest()
    finally:
        quick["machine"].remove(reading)
    assert made.passed
    assert "SELFTEST_NOT_INSTALLED" in [finding.code for finding in made.findings]
    assert made.total == len(made.readings) - 1


@pytest.mark.parametrize("fonts", [("DejaVu Sans",), ("DejaVu Sans", "SimHei")])
def test_a_missing_chinese_font_is_a_note(monkeypatch, quick, fonts):
    monkeypatch.setattr("attribution.plots.sheet.families", lambda: fonts)
    told = [finding.code for finding in ex.selftest().findings]
    assert ("NO_CHINESE_FONT" in told) == (len(fonts) == 1)


def test_the_table_holds_every_number(found):
    table = found.table()
    assert len(table) == len(found.readings)
    assert list(table.columns) == [
        "part", "example", "what", "short_source", "source", "expected", "got", "difference", "tolerance", "outcome",
    ]  # fmt: skip
    assert set(table["outcome"]) <= {"OK", "SKIPPED"}
    assert table["source"].str.len().min() > 5
    assert found.machine["python"]
    assert found.machine["numpy"] == np.__version__


def test_it_prints_a_row_per_example_or_per_number_and_ends_with_the_count(quick):
    short, long = (CliRunner().invoke(main, ["selftest", *more]) for more in ([], ["--all"]))
    assert short.exit_code == long.exit_code == 0
    last = short.stdout.rstrip().splitlines()[-1]
    assert last == long.stdout.rstrip().splitlines()[-1]
    n, _, total, word = last.split()
    assert (n, word) == (total, "reproduced")
    assert len(long.stdout.splitlines()) > len(short.stdout.splitlines()) + 700
    quiet = CliRunner().invoke(main, ["selftest", "--quiet"])
    assert quiet.stdout.strip() == last


def test_it_speaks_chinese(quick):
    answer = CliRunner().invoke(main, ["selftest", "--language", "zh"])
    assert answer.exit_code == 0
    assert "自检" in answer.stdout
    assert answer.stdout.rstrip().splitlines()[-1].endswith("个")
    assert "女士品茶" in answer.stdout


def test_json_holds_every_number_and_is_not_replaced_without_force(quick, tmp_path):
    target = tmp_path / "found.json"
    assert CliRunner().invoke(main, ["selftest", "--json", str(target)]).exit_code == 0
    held = json.loads(target.read_text(encoding="utf-8"))
    assert held["passed"]
    assert held["reproduced"] == held["total"] == len([n for n in held["numbers"] if n["outcome"] != "SKIPPED"])
    assert {"source", "expected", "got", "difference", "tolerance", "outcome"} <= held["numbers"][0].keys()
    again = CliRunner().invoke(main, ["selftest", "--json", str(target)])
    assert again.exit_code == 2
    assert "--force" in again.stderr
    assert CliRunner().invoke(main, ["selftest", "--json", str(target), "--force"]).exit_code == 0
    nowhere = CliRunner().invoke(main, ["selftest", "--json", str(tmp_path / "no" / "folder.json")])
    assert nowhere.exit_code == 2
    assert "cannot be written" in nowhere.stderr


def test_every_example_has_a_title_in_both_languages(repo):
    named = {name for name in EXAMPLES if not EXAMPLES[name]["file"].startswith("vendors/")}
    for lang in ("en", "zh"):
        text = (repo / "experiments" / "messages" / f"self_test.{lang}.toml").read_text(encoding="utf-8")
        titles = {
            code.removeprefix("example.") for code in tomllib.loads(text)["SELFTEST"] if code.startswith("example.")
        }
        assert named <= titles
        ours = {"vendor", "default_figures", "default_verdicts", "conservation", "same_bytes", "languages"}
        assert titles <= named | ours | {"engine_polars", "engine_duckdb"}


def test_paths_lead_to_keys_items_attributes_and_rows():
    assert take({"a.b": 1}, "a.b") == 1
    assert take({"a": [3, 4]}, "a.1") == 4
    assert take(ex.compare_rates(3, 10, 1, 10), "difference.value") == pytest.approx(0.2)
    assert take(ex.bayes_best({"a": (3, 10), "b": (1, 10)}), "rows.0.value") == pytest.approx(4 / 12)
    assert take(0.5, "") == 0.5
    assert take({"a": None}, "a") is None
    assert take({"a": "word"}, "a") == "word"
