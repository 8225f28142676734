"""The stages of continuous integration fit the time they are given."""

from __future__ import annotations

import re

from package_sources import ROOT

RUN = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_budgets_add_up_to_less_than_45_minutes():
    stages = [int(number) for number in re.findall(r"^stage \S+ (\d+) ", RUN, re.MULTILINE)]
    packages = [int(number) for number in re.findall(r"with_budget (\d+) apt-get", RUN)]
    assert len(stages) >= 8
    assert f"budget {sum(packages)} s" in RUN
    assert sum(stages) + sum(packages) < 45 * 60


def test_every_stage_is_a_target_of_make():
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make --no-print-directory (\S+)", RUN)) <= targets
