"""Metrics and the role of each."""

from __future__ import annotations

import pytest

import attribution as at
import experiments as ex
from experiments.metrics import with_roles


def test_the_first_metric_is_primary_unless_another_one_says_so():
    assert with_roles({"a": ex.Rate("a"), "b": ex.Mean("b")}) == {"a": "primary", "b": "secondary"}
    roles = with_roles({"a": ex.Rate("a"), "b": ex.Mean("b", role="primary"), "c": ex.Rate("c", role="guardrail")})
    assert roles == {"a": "secondary", "b": "primary", "c": "guardrail"}


def test_two_primary_metrics_are_refused():
    with pytest.raises(at.InputError, match="exactly one primary metric, got 2"):
        ex.Experiment({"a": ex.Rate("a", role="primary"), "b": ex.Mean("b", role="primary")})


def test_no_possible_primary_metric_is_refused():
    with pytest.raises(at.InputError, match="no metric is primary"):
        ex.Experiment({"a": ex.Rate("a", role="secondary")})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ex.Rate(""), "name of a column"),
        (lambda: ex.Rate(3), "name of a column"),
        (lambda: ex.Rate("a", role="main"), "role must be"),
        (lambda: ex.Rate("a", direction="left"), "direction must be"),
        (lambda: ex.Mean("a", missing="drop"), "missing must be"),
        (lambda: ex.Mean("a", cap=float("inf")), "cap must be"),
        (lambda: ex.Mean("a", cap=True), "cap must be"),
    ],
)
def test_bad_metrics_are_refused(make, words):
    with pytest.raises(at.InputError, match=words):
        make()


def test_a_metric_takes_its_column_by_position_only():
    with pytest.raises(TypeError, match="positional"):
        ex.Rate("a", "primary")
