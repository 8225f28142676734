"""Frozen figures: a number of any public function that moves is told, and must be announced."""

from __future__ import annotations

from dataclasses import replace

import pytest

import attribution as at
import experiments as ex
from experiments.inference import means
from verification.frozen_figures import FIGURES, calls, figures_of, frozen, missing, same, written

PROGRAMS = calls()
FAMILIES = (
    "rules of eligibility", "models of single journeys", "Markov and Shapley", "intervals of credit", "adjustment",
    "clusters", "thresholds and verdicts", "realised money", "simulated campaign", "monitoring",
)  # fmt: skip
FUNCTIONS = (
    "compare_rates", "compare_means", "ratio_interval", "compare_quantiles", "mann_whitney", "bootstrap",
    "randomisation_test", "dunnett", "gatekeeping", "equivalence_rates", "spending_bounds", "futility_bounds",
    "estimate_after_stopping", "always_valid", "bayes_rates", "complier_effect", "contamination_bounds",
    "sample_size_rates", "power_means", "power_to_pay", "optimal_holdout", "check_split", "balance", "kaplan_meier",
    "dormancy_curve", "retention", "nth_purchase", "customer_flows", "funnel", "growth_chain", "cost_thresholds",
    "value_per_wakeup", "tipping", "value_of_information", "marginal_costs", "plan_budget", "reconcile", "calibrate",
    "uplift_curve", "policy_value", "leave_alone", "programme",
)  # fmt: skip
TOLD = (
    "{name}: {count} of its figures moved, the first from {old} to {new}. Either this is a defect: mend it. Or the "
    "number is meant to move: write the figures anew (--update-golden) AND say it in CHANGELOG.md under "
    '"Numbers that change", with the old number, the new one and the reason (docs/numbers-policy.md).'
)


@pytest.fixture(scope="module", autouse=True)
def _update(request):
    """With --update-golden the figures are written anew, before they are compared."""
    if request.config.getoption("--update-golden"):
        FIGURES.write_text(written({name: figures_of(program) for name, program in PROGRAMS.items()}), encoding="utf-8")


def moved(old, new):
    """Paths of figures that differ, are gone or are new."""
    return [path for path in {**old, **new} if path not in old or path not in new or not same(old[path], new[path])]


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_the_figures_of_a_program_have_not_moved(name):
    old, new = frozen().get(name, {}), figures_of(PROGRAMS[name])
    paths = moved(old, new)
    told = [(old.get(path, "(absent)"), new.get(path, "(absent)")) for path in paths]
    assert not paths, TOLD.format(name=name, count=len(paths), old=told[0][0], new=told[0][1])


def test_the_file_holds_the_programs_and_no_others():
    assert sorted(frozen()) == sorted(PROGRAMS)
    assert FIGURES.read_text(encoding="utf-8") == written(frozen())


def test_every_function_with_a_number_is_called_by_a_program():
    assert missing(PROGRAMS) == [], "PYTHONPATH=.:tests python tests/verification/frozen_figures.py --collect"
    text = "\n".join(PROGRAMS.values())
    assert [name for name in FUNCTIONS if f"{name}(" not in text] == []
    assert [name for name in FAMILIES if not any(key.startswith(f"family: {name}") for key in PROGRAMS)] == []


def test_several_hundred_figures_are_frozen_of_every_program_some():
    held = frozen()
    assert sum(map(len, held.values())) >= 2_000
    assert [name for name, figures in held.items() if not figures] == []


def test_a_kernel_that_moves_in_its_ninth_digit_is_told(monkeypatch):
    """The net has narrow meshes: one part in 1e8 of the difference of two means is seen."""
    name = "ex.compare_means"
    assert moved(frozen()[name], figures_of(PROGRAMS[name])) == []
    right = means._welch
    monkeypatch.setattr(means, "_welch", lambda *given, **options: _shifted(right(*given, **options)))
    assert moved(frozen()[name], figures_of(PROGRAMS[name])) != []


def _shifted(found):
    return replace(found, difference=replace(found.difference, value=found.difference.value * (1 + 1e-8)))


def test_figures_are_alike_to_1e_9_and_no_further():
    assert same(1.0, 1.0 + 5e-10)
    assert not same(1.0, 1.0 + 5e-9)
    assert same("inf", "inf")
    assert not same("inf", 1.0)
    assert moved({"a": 1.0, "b": 2.0}, {"a": 1.0, "c": 2.0}) == ["b", "c"]


def test_a_program_gives_results_and_leaves_inputs_out():
    found = figures_of(
        "given = [1.0, 2.0]\nex.compare_rates(3, 10, 1, 10).difference\nc = ex.simulate(persons=200, seed=1)\n"
    )
    assert found["1.value"] == 0.2
    assert {path.split(".")[0] for path in found} == {"1"}
    refused = figures_of("ex.compare_rates(11, 10, 1, 10)\nat.Linear().name\n2.5\n")
    assert refused == {"2": 2.5}
    with pytest.raises(NameError, match="not_there"):
        figures_of("not_there\n")
    assert at.Linear().name == "linear"
    assert ex.__name__ == "experiments"
