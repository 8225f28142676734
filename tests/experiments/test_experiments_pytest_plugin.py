"""The pytest plugin: gates as tests, the report as fixtures, nothing heavy without its option."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib

import pytest
import tomlkit

import experiments as ex
from experiments.plan import Plan

pytest_plugins = ["pytester"]

GATES = [
    {"arm": "sms", "threshold": 85, "expect": "PASS"},
    {"arm": "digital", "threshold": 85, "expect": "PASS"},
    {"arm": "full", "threshold": 60, "expect": "FAIL"},
    {"arm": "full", "threshold": 125, "expect": "PASS"},
]


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("default", persons=8_000, seed=11)


@pytest.fixture(scope="module")
def declared(campaign):
    """The plan with gates whose words are known: two hold, the others do not."""
    report = ex.postmortem(campaign.plan, campaign)
    words = {(one.arm, one.threshold): one.word for one in report.verdicts}
    assert words["full", 60] == "FAIL"
    name = "credit.linear.sms.conversions"
    figure = {"name": name, "value": report.figures[name], "tolerance": 1e-6}
    return {**campaign.plan, "gate": GATES, "figure": [figure]}, words


@pytest.fixture(scope="module")
def folder(campaign, declared, tmp_path_factory):
    place = tmp_path_factory.mktemp("campaign")
    (place / "data").mkdir()
    plan = tomllib.loads(tomlkit.dumps(json.loads(json.dumps(declared[0], default=str))))
    for name in plan["tables"]:
        getattr(campaign, name).to_parquet(place / "data" / f"{name}.parquet")
        plan["tables"][name]["path"] = f"data/{name}.parquet"
    text = tomlkit.dumps(plan)
    (place / "plan.toml").write_text(text, encoding="utf-8")
    Plan.read(place / "plan.toml")
    return place


@pytest.fixture
def run(pytester, folder):
    """Run pytest with the plugin in a folder of its own."""

    def start(*arguments, plan="plan.toml"):
        named = () if plan is None else ("--wakelift-plan", str(folder / plan))
        return pytester.runpytest_inprocess(
            "-p", "experiments.pytest_plugin", "-p", "no:wakelift", "-p", "no:randomly", "-p", "no:cacheprovider",
            "--rootdir", str(folder), *named, *arguments,
        )  # fmt: skip

    return start


def outcomes(found):
    return {key: value for key, value in found.parseoutcomes().items() if key != "warnings"}


def test_gates_are_tests_with_stable_names(run, folder, declared):
    words = declared[1]
    found = run("-v", "-rA")
    said = found.stdout.str()
    for name in ("trust:findings", "trust:validity", "sms@85", "full@60", "figure:credit.linear.sms.conversions"):
        assert f"plan.toml::gate[{name}]" in said
    expected = {"trust:findings": "PASSED", "full@60": "PASSED", "figure:credit.linear.sms.conversions": "PASSED"}
    for gate in GATES:
        word = words[gate["arm"], gate["threshold"]]
        outcome = "PASSED" if word == gate["expect"] else "SKIPPED" if word == "INCONCLUSIVE" else "FAILED"
        expected[f"{gate['arm']}@{gate['threshold']:g}"] = outcome
    assert {"PASSED", "SKIPPED"} <= set(expected.values())
    for name, outcome in expected.items():
        found.stdout.fnmatch_lines([f"*plan.toml::gate[[]{name}[]] {outcome}*"])


def test_strict_lets_undecided_gates_fail_with_their_sentence(run, declared):
    undecided = [gate for gate in GATES if declared[1][gate["arm"], gate["threshold"]] == "INCONCLUSIVE"]
    loose, strict = run(), run("--wakelift-strict", "--wakelift-lang", "zh")
    assert outcomes(loose)["skipped"] == len(undecided)
    assert "skipped" not in outcomes(strict)
    assert outcomes(strict)["failed"] == outcomes(loose).get("failed", 0) + len(undecided)
    assert "现有样本尚不足以判断" in strict.stdout.str()
    assert "Traceback" not in strict.stdout.str()
    assert "pytest_plugin.py" not in strict.stdout.str()


def test_one_gate_can_be_chosen(run, folder):
    found = run(f"{folder}/plan.toml::gate[full@60]")
    assert outcomes(found) == {"passed": 1}
    assert found.ret == 0


def test_a_plan_in_the_collected_folder_is_collected_once(run, folder):
    found = run(str(folder), "-k", "trust")
    assert outcomes(found)["passed"] == 2


def test_fixtures_give_report_and_findings(run, pytester):
    pytester.makepyfile(
        """
        def test_findings(wakelift_findings, wakelift_report):
            assert wakelift_findings == wakelift_report.findings
            assert not [finding for finding in wakelift_findings if finding.status == "fail"]
            assert wakelift_report.figures["effect.woken.sms.value"] > 0
        """
    )
    found = run("-v", str(pytester.path), "-k", "test_findings")
    assert outcomes(found)["passed"] == 1
    assert "test_findings[plan]" in found.stdout.str()


def test_fixtures_skip_without_a_plan(run, pytester):
    pytester.makepyfile("def test_findings(wakelift_findings): raise AssertionError")
    found = run(str(pytester.path), "-rs", plan=None)
    assert outcomes(found) == {"skipped": 1}
    assert "--wakelift-plan" in found.stdout.str()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[campain]\n", "campain"),
        ("not toml at all", "not TOML"),
        (None, "wakelift-plan"),
    ],
)
def test_an_unusable_plan_fails_the_collection_with_one_message(run, folder, text, said):
    name = "broken.toml" if text is not None else "absent.toml"
    if text is not None:
        (folder / name).write_text(text, encoding="utf-8")
    found = run(plan=name)
    assert found.ret in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.USAGE_ERROR)
    told = found.stdout.str() + found.stderr.str()
    assert said in told or "absent.toml" in told
    assert "Traceback" not in told


def test_a_missing_column_is_named_in_the_words_of_the_plan(run, folder, campaign):
    campaign.touches.rename(columns={"channel": "chanel"}).to_parquet(folder / "data" / "renamed.parquet")
    text = (folder / "plan.toml").read_text(encoding="utf-8").replace("data/touches.parquet", "data/renamed.parquet")
    (folder / "renamed.toml").write_text(text, encoding="utf-8")
    found = run(plan="renamed.toml")
    told = found.stdout.str()
    assert found.ret == pytest.ExitCode.INTERRUPTED
    assert "Did you mean 'chanel'?" in told
    assert 'Name it with columns = { channel = "your name" } in the plan.' in told
    assert "Columns(" not in told


def test_frozen_figures_are_regression_tests(run, folder):
    report = ex.postmortem(folder / "plan.toml")
    frozen = folder / "frozen.json"
    n = ex.freeze_figures(report, frozen, only="effect.woken.*")
    chosen = ("--wakelift-frozen", str(frozen))
    assert outcomes(run(*chosen, "-k", "effect or verdict"))["passed"] == n + len(report.verdicts)
    held = json.loads(frozen.read_text(encoding="utf-8"))
    held["figures"]["effect.woken.sms.difference"] *= 1.001
    held["verdicts"]["full vs sms @60"] = "PASS"
    frozen.write_text(json.dumps(held), encoding="utf-8")
    found = run(*chosen, "-k", "effect or verdict")
    assert outcomes(found)["failed"] == 2
    found.stdout.fnmatch_lines(["*full vs sms @60 changed: PASS -> FAIL*"])
    near = run(*chosen, "--wakelift-rtol", "0.01", "-k", "effect")
    assert "failed" not in outcomes(near)


def test_frozen_figures_want_one_plan(run, folder):
    found = run("--wakelift-frozen", "frozen.json", plan=None)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert "Name one" in found.stderr.str()


def test_without_the_option_nothing_heavy_is_loaded(repo, tmp_path):
    (tmp_path / "test_nothing.py").write_text("def test_nothing(): pass\n", encoding="utf-8")
    (tmp_path / "conftest.py").write_text(
        "import sys\ndef pytest_unconfigure():\n    print('LOADED', sorted(sys.modules))\n", encoding="utf-8"
    )
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(repo)}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-p", "experiments.pytest_plugin", "--rootdir", ".", "."],
        cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    loaded = {name.strip(" '[]\n") for name in done.stdout.split("LOADED", 1)[1].split(",")}
    assert "experiments.pytest_plugin" in loaded
    heavy = {"numpy", "pandas", "pydantic", "scipy", "pyarrow", "narwhals", "click", "matplotlib", "babel", "jinja2"}
    assert not loaded & heavy
