"""How long 10,000 bootstrap replicates and 9,999 assignments over 1,000,000 persons take; nothing asserts a time.

Run with ``pytest -m benchmark -n0 tests/benchmarks``; the normal run takes the same steps on few persons.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import experiments as ex

ROUNDS = 3
MOST_MEGABYTES = 1_000  # bounded memory: what the whole process may have needed at its peak


@cache
def amounts(persons: int) -> tuple[np.ndarray, np.ndarray]:
    """A million different amounts, a tenth of them held out."""
    chance = np.random.Generator(np.random.PCG64(20261122))
    values = chance.lognormal(3.0, 1.5, persons)
    return values[persons // 10 :], values[: persons // 10]


@pytest.mark.parametrize("interval", ["percentile", "studentised"])
def test_replicates_of_a_mean_in_small(interval):
    found = ex.bootstrap(*amounts(5_000), interval=interval, replicates=199)
    assert len(found.replicates) == 199
    assert found.grouped > 0


@pytest.mark.benchmark
@pytest.mark.parametrize("interval", ["percentile", "studentised"])
def test_ten_thousand_replicates_of_a_mean_over_a_million_rows(benchmark, interval):
    treated, control = amounts(1_000_000)
    found = benchmark.pedantic(
        ex.bootstrap, args=(treated, control), kwargs={"interval": interval, "replicates": 10_000}, rounds=ROUNDS
    )
    welch = ex.compare_means(
        treated.mean(), treated.std(ddof=1), len(treated), control.mean(), control.std(ddof=1), len(control)
    ).difference
    assert found.comparison.difference.standard_error == pytest.approx(welch.standard_error, rel=0.04)


@pytest.mark.benchmark
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of one process is read from /proc")
def test_memory_of_ten_thousand_replicates_is_bounded(clean_python):
    # Not getrusage: on Linux its peak begins with that of the process that started this one.
    code = (
        "import numpy as np, experiments as ex\n"
        "x = np.random.Generator(np.random.PCG64(1)).lognormal(3, 1.5, 1_000_000)\n"
        "ex.bootstrap(x[100_000:], x[:100_000], replicates=10_000)\n"
        "print(*(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    status, said, told = clean_python(code)
    assert status == 0, told
    assert int(said) / 1e3 < MOST_MEGABYTES


@pytest.mark.benchmark
@pytest.mark.parametrize("statistic", ["median", ("quantile", 0.99)], ids=str)
def test_ten_thousand_replicates_of_a_quantile_over_a_million_rows(benchmark, statistic):
    found = benchmark.pedantic(
        ex.bootstrap, args=amounts(1_000_000), kwargs={"statistic": statistic, "replicates": 10_000}, rounds=ROUNDS
    )
    assert found.comparison.difference.low is not None


@pytest.mark.benchmark
@pytest.mark.parametrize("column", ["woken", "value"])
def test_ten_thousand_assignments_of_a_million_persons(benchmark, column):
    treated, control = amounts(1_000_000)
    value = np.concatenate([treated, control])
    frame = pd.DataFrame({
        "arm": np.repeat(["sms", "holdout"], [len(treated), len(control)]), "value": value, "woken": value > 300,
    })  # fmt: skip
    found = benchmark.pedantic(ex.randomisation_test, args=(frame, column), rounds=ROUNDS)
    assert 0 < found.p_value("sms") <= 1
