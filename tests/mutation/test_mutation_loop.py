"""One small package with its tests goes through the whole of `make mutants`: lines watched, mutants tried in forks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CI = Path(__file__).resolve().parents[2] / ".ci"
if not (CI / "mutation").is_dir():
    pytest.skip("mutation tests belong to the checkout, not to the source distribution", allow_module_level=True)
if not hasattr(os, "fork"):
    pytest.skip("mutants are tried in forks", allow_module_level=True)

CALC = """
from dataclasses import dataclass
from functools import lru_cache

LIMIT = 3
UNREAD = 4


@lru_cache
def doubled(x):
    return x * 2


def capped(x, *, least=0):
    return max(min(x, LIMIT), least)


def count(x):
    while x > 0:
        x -= 1
    return x


def untested(x):
    return x + 1


def loose(x):
    return x + 100 > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    width: int = 5

    @property
    def area(self):
        return self.width * self.width


def box():
    return Box().area
"""
OTHER = "from small.calc import LIMIT\n\n\ndef limit():\n    return LIMIT\n"
TESTS = """
from small.calc import box, capped, count, doubled, loose
from small.other import limit


def test_doubled():
    assert doubled(4) == 8


def test_capped():
    assert capped(9) == limit()
    assert capped(2) == 2
    assert capped(-7) == 0
    assert capped(-7, least=1) == 1


def test_count():
    assert count(2) == 0


def test_loose():
    assert loose(5)


def test_box():
    assert box() == 25


def test_limit():
    assert limit() == 3
"""
SCRIPT = """
import json, sys
from pathlib import Path
import mutation.__main__ as run
from mutation.jobs import jobs_of
from mutation.loop import CoverageLoop, MutantLoop
from mutation.mutants import Coverage, mutants_of

root = Path(sys.argv[1])
sources = ["small/calc.py", "small/other.py"]
mutants = [one for path in sources for one in mutants_of(root, path)]
coverage = Coverage(root / "lines.json", root)
run.in_a_fork(lambda: run.pytest_run(["test_small.py"], CoverageLoop(coverage, sources, run.say)))
coverage = Coverage(root / "lines.json", root)
jobs, untested = jobs_of(mutants, coverage, 5.0, root)
jobs = [type(job)(mutant=job.mutant, tests=job.tests, seconds=2, left_out=job.left_out) for job in jobs]

def told(mutant, outcome):
    with (root / "results.jsonl").open("a") as stream:
        stream.write(json.dumps({**mutant.as_dict(), **outcome}) + chr(10))

for one in untested:
    told(one, {"status": "no tests"})
run.in_a_fork(lambda: run.pytest_run(["test_small.py"], MutantLoop(jobs, root, 2, told)))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("project")
    (root / "small").mkdir()
    for name, text in (("small/__init__.py", ""), ("small/calc.py", CALC), ("small/other.py", OTHER)):
        (root / name).write_text(text, encoding="utf-8")
    (root / "test_small.py").write_text(TESTS, encoding="utf-8")
    (root / "conftest.py").write_text(
        "from hypothesis import settings\nsettings.register_profile('ci', derandomize=True)\n", encoding="utf-8"
    )
    places = {**os.environ, "PYTHONPATH": f"{CI}{os.pathsep}{root}"}
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(root)]
    done = subprocess.run(command, cwd=root, env=places, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (root / "results.jsonl").read_text("utf-8").splitlines()
    return {(one["scope"], one["name"], one["before"], one["after"]): one for one in map(json.loads, lines)}


@pytest.mark.parametrize(
    ("mutant", "status"),
    [
        (("LIMIT", "", "3", "4"), "killed"),  # also where another module imported it
        (("UNREAD", "", "4", "5"), "no tests"),
        (("doubled", "", "x * 2", "x / 2"), "killed"),  # behind a decorator
        (("capped", "least", "0", "1"), "killed"),
        (("capped", "", "min(x, LIMIT)", "max(x, LIMIT)"), "killed"),
        (("count", "", "x -= 1", "x += 1"), "timeout"),
        (("count", "", "x > 0", "x >= 0"), "killed"),
        (("untested", "", "x + 1", "x - 1"), "no tests"),
        (("loose", "", "x + 100 > 0", "x + 100 >= 0"), "survived"),
        (("Box", "width", "5", "6"), "killed"),
        (("Box.area", "", "self.width * self.width", "self.width / self.width"), "killed"),  # a property
    ],
)
def test_what_comes_of_each_mutant(results, mutant, status):
    assert results[mutant]["status"] == status


def test_a_killed_mutant_names_the_test_that_noticed_it(results):
    assert results["doubled", "", "x * 2", "x / 2"]["by"] == "test_small.py::test_doubled"
    assert {one["status"] for one in results.values()} == {"killed", "timeout", "no tests", "survived"}
