"""Further analyses of a post-mortem, asked by the plan or by what its tables hold: one module each.

A module has ``run(evidence)``, which gives a result of the library, or None where neither the plan nor the tables ask
for it. What a design cannot answer (`DesignError`) is told in its section; unusable tables are raised with all others.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from attribution.core.errors import DesignError
from experiments.post_mortem.analyses import (
    break_even,
    budget,
    calibrated_credit,
    calibration,
    credit_intervals,
    dormancy,
    durability,
    execution,
    flows,
    harms,
    inbound,
    leave_alone,
    marginal,
    model_comparison,
    money,
    monitor,
    placebo,
    pressure,
    purchases,
    retention,
    return_times,
    segments,
    tipping_points,
    value_of_woken,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from experiments.post_mortem.evidence import Evidence

__all__ = ["further"]

# In the order of the report.
_ANALYSES: tuple[ModuleType, ...] = (
    dormancy,
    flows,
    retention,
    purchases,
    execution,
    pressure,
    harms,
    return_times,
    durability,
    model_comparison,
    credit_intervals,
    inbound,
    placebo,
    calibration,
    calibrated_credit,
    break_even,
    marginal,
    tipping_points,
    money,
    value_of_woken,
    budget,
    monitor,
    segments,
    leave_alone,
)


def further(
    evidence: Evidence, noting: Callable[[Callable[[], Any]], Any]
) -> tuple[Mapping[str, Any], Mapping[str, DesignError]]:
    """The results of the further analyses by the name of their module, and what the design refused to answer."""
    results: dict[str, Any] = {}
    declined: dict[str, DesignError] = {}
    for module in _ANALYSES:
        name = module.__name__.rpartition(".")[2]
        try:
            found = noting(partial(module.run, evidence))
        except DesignError as error:
            declined[name] = error
            continue
        if found is not None:
            results[name] = found
    return results, declined
