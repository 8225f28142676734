"""The commands of the CI examples run, against the working copy; `.ci/examples.py` runs them against a built wheel."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from junitparser import JUnitXml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def examples():
    described = importlib.util.spec_from_file_location("ci_examples", ROOT / ".ci" / "examples.py")
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """A folder with the commands that a runner would find on its path, for this interpreter and this checkout."""
    if os.name == "nt":
        pytest.skip("the examples are written for bash")
    folder = tmp_path_factory.mktemp("bin")
    environment = (
        f'export PYTHONPATH="{ROOT}" PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 PYTEST_PLUGINS=experiments.pytest_plugin'
    )
    for name, call in {"wakelift": "-P -m experiments", "python": ""}.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\n{environment}\nexec "{sys.executable}" {call} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    return str(folder)


@pytest.fixture
def repository(tmp_path):
    from experiments.cli import main

    folder = tmp_path / "repository"
    for arguments in (
        ["demo", "--out", str(folder), "--persons", "1500"],
        ["diff", "--freeze", str(folder / "figures.json"), str(folder)],
    ):
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, done.output
    return folder


@pytest.mark.parametrize("service", ["github", "gitlab"])
def test_the_commands_of_an_example_run(examples, commands, repository, service):
    told = examples.run(service, repository, path=commands)
    assert [(command, code) for command, code, said in told if code] == [], told[-1]
    assert len(told) == len(examples.steps(service))
    written = {path.name for path in (repository / "report").iterdir()}
    assert {"report.html", "report.md", "report.json", "report.xlsx", "junit.xml", "pytest.xml", "diff.md"} <= written
    for name in ("junit.xml", "pytest.xml"):
        suites = JUnitXml.fromstring((repository / "report" / name).read_bytes())
        assert sum(suite.tests for suite in suites) > 0
    if service == "github":
        summary = (repository / "summary.md").read_text(encoding="utf-8")
        assert summary.startswith("# ")
        assert "Nothing changed" in summary


def test_what_the_examples_declare(examples):
    github = yaml.safe_load((ROOT / "docs" / "examples" / "github-wakelift.yml").read_text(encoding="utf-8"))
    (job,) = github["jobs"].values()
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert all("@v" in action for action in used)
    assert github["permissions"] == {"contents": "read"}
    upload = next(step for step in job["steps"] if "upload-artifact" in step.get("uses", ""))
    assert upload["if"] == "always()"
    gitlab = yaml.safe_load((ROOT / "docs" / "examples" / "gitlab-wakelift.yml").read_text(encoding="utf-8"))
    (job,) = gitlab.values()
    assert job["artifacts"]["when"] == "always"
    assert job["artifacts"]["reports"]["junit"] == ["report/junit.xml", "report/pytest.xml"]
    assert job["allow_failure"] == {"exit_codes": 3}
    script = "\n".join(job["script"])
    assert script.index("wakelift check ") < script.index("wakelift diff")
    assert job["script"][-1] == "if [ $gates -ne 0 ]; then exit $gates; else exit $tests; fi"


def test_gitlab_compares_whatever_the_gates_say(examples, commands, repository):
    """An undecided gate leaves the comparison to be made, and its exit code to the job."""
    plan = repository / "plan.toml"
    gate = '\n[[gate]]\narm = "digital"\nthreshold = 85\nexpect = "PASS"\n'
    plan.write_text(plan.read_text(encoding="utf-8") + gate, encoding="utf-8")
    ((_, seen, told),) = examples.run("gitlab", repository, path=commands)
    assert seen == 3, told
    assert (repository / "report" / "diff.md").is_file()
    assert (repository / "report" / "junit.xml").is_file()
    assert "undecided" in told
