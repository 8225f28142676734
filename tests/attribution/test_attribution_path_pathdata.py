"""The 10,000-path file of the field through `attribute_paths`, against a loop over its lines."""

from __future__ import annotations

import csv
from collections import defaultdict

import pandas as pd
import pytest

import attribution as at

COLUMNS = {"conversions": "total_conversions", "value": "total_conversion_value", "nulls": "total_null"}


@pytest.fixture(scope="module")
def file(shared_data):
    found = shared_data / "pathdata" / "PathData.csv"
    if not found.exists():
        pytest.skip(f"{found} is not there")
    return found


def looped(file, weigh):
    """Credit of one rule, line by line."""
    conversions, value = defaultdict(float), defaultdict(float)
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter=";"):
            steps = row["path"].split(" > ")
            for step, weight in zip(steps, weigh(steps), strict=True):
                conversions[step] += weight * int(row["total_conversions"])
                value[step] += weight * float(row["total_conversion_value"])
    return conversions, value


RULES = {
    "first_touch": lambda steps: [1] + [0] * (len(steps) - 1),
    "last_touch": lambda steps: [0] * (len(steps) - 1) + [1],
    "linear": lambda steps: [1 / len(steps)] * len(steps),
    "shapley": lambda steps: [1 / len(set(steps)) / steps.count(step) for step in steps],
}


@pytest.fixture(scope="module")
def credit(file):
    asked = ["first_touch", "last_touch", "linear", at.Shapley(), at.Shapley(value="rate", name="rate")]
    return at.attribute_paths(pd.read_csv(file, sep=";"), models=asked, **COLUMNS)


@pytest.mark.parametrize("model", RULES)
def test_rules_equal_a_loop_over_the_lines(credit, file, model):
    conversions, value = looped(file, RULES[model])
    table = credit.table()
    found = table[(table.model == model) & (table.channel != "(none)")].set_index("channel")
    assert found.conversions.to_dict() == pytest.approx(conversions, rel=1e-9)
    assert found.value.to_dict() == pytest.approx(value, rel=1e-9)


def test_every_model_divides_all_of_the_file(credit, file):
    frame = pd.read_csv(file, sep=";")
    sums = credit.table().groupby("model")[["conversions", "value"]].sum()
    assert len(sums) == 5
    for model in sums.index:
        assert sums.conversions[model] == pytest.approx(frame.total_conversions.sum(), rel=1e-9)
        assert sums.value[model] == pytest.approx(frame.total_conversion_value.sum(), rel=1e-9)


def test_what_is_told_about_the_file(credit):
    assert {found.code: found.status for found in credit.findings} == {
        "REPEATED_PATHS": "note", "SHAPLEY_NEGATIVE": "warn",
    }  # fmt: skip
    fit = credit.fits["rate"]
    assert fit.total == pytest.approx(fit.conversions / (fit.conversions + fit.nulls), rel=1e-12)
    assert sorted(fit.channel_names[fit.credit < 0]) == ["delta", "zeta"]
