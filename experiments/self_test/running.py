"""Run the self test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from experiments.self_test.figures import PERSONS, figure_readings
from experiments.self_test.machine import SEED, machine, machine_readings
from experiments.self_test.published import published_readings, shipped
from experiments.self_test.result import SelfTest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.self_test.reading import Reading

__all__ = ["selftest"]

messages.register("experiments")


def selftest() -> SelfTest:
    """Compute the published examples, and what the library claims of itself, anew on this machine.

    Three parts, 10 to 20 seconds, no network, nothing written:

    - **published**: numbers that papers, textbooks, manuals and the documentation of other tools print, from data that
      come with the library, each within half of its last printed digit (or the tolerance its source allows);
    - **figures**: credit, effects, thresholds and verdict words of the simulated default campaign against those of the
      release, to 1e-9;
    - **machine**: credit sums to the conversions, every installed engine gives the numbers of pandas to 1e-9, the same
      seed and reversed rows give the same bytes, both languages are whole.

    Returns:
        Every number with its source, what was expected, what came out, and whether they agree. ``.passed`` says
        whether all do, ``.assert_ok()`` raises otherwise, ``.machine`` holds the versions, ``.findings`` tells what is
        not installed and whether a Chinese font is there.

    References:
        The sources of the examples stand in the column ``source``; docs/verification.md lists all that is held against
        outside numbers, of which this is the part that can be shipped.

    Verified against: a moved expected number and a moved kernel, each of which makes it fail
    (tests/experiments/test_experiments_self_test.py); its data are those of tests/references.

    Example:
        >>> import experiments as ex
        >>> found = ex.selftest()
        >>> found.passed, found.reproduced == found.total
        (True, True)
    """
    readings = (
        *published_readings(shipped("published.json")),
        *figure_readings(shipped("figures.json")),
        *machine_readings(),
    )
    about = machine()
    return SelfTest(
        readings=readings,
        machine=about,
        findings=_findings(readings),
        recipe=Recipe(
            method="selftest",
            definitions=("SELFTEST",),
            settings={"persons": PERSONS, "seed": SEED},
            n={"numbers": len(readings)},
        ),
    )


def _findings(readings: Sequence[Reading]) -> tuple[Finding, ...]:
    made = []
    differ = sum(reading.outcome == "DIFFERS" for reading in readings)
    total = sum(reading.outcome != "SKIPPED" for reading in readings)
    made.append(Finding(code="SELFTEST", status="fail" if differ else "pass", values={"n": differ, "total": total}))
    left_out = sorted({reading.what for reading in readings if reading.outcome == "SKIPPED"})
    if left_out:
        made.append(Finding(code="SELFTEST_NOT_INSTALLED", status="note", values={"listing": ", ".join(left_out)}))
    if not _has_chinese_font():
        made.append(Finding(code="NO_CHINESE_FONT", status="note"))
    return tuple(made)


def _has_chinese_font() -> bool:
    from attribution.plots.sheet import families

    return len(families()) > 1
