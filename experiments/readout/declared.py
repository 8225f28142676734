"""Whether what an experiment declares can be used: metrics, names of columns, shares, guardrails."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import get_args

from attribution.core.errors import InputError
from experiments.metrics import Metric, with_roles

__all__ = ["checked_guardrails", "checked_metrics", "checked_shares", "column_names"]


def checked_metrics(metrics: object) -> dict[str, Metric]:
    """The metrics by name, with exactly one that can be primary; `InputError` otherwise."""
    if not isinstance(metrics, Mapping) or not metrics:
        raise InputError(
            f"metrics must be a dict of name to a metric such as Rate(...) or Mean(...), at least one, got "
            f'{metrics!r}. Write for example {{"woken": Rate("woken")}}.'
        )
    for name, metric in metrics.items():
        if not isinstance(name, str) or not name:
            raise InputError(f"the name of a metric must be text, got {name!r}.")
        if not isinstance(metric, Metric):
            kinds = ", ".join(f"{kind.__name__}(...)" for kind in get_args(Metric))
            raise InputError(f"metric {name!r} must be one of {kinds}, got {metric!r}.")
    made = dict(metrics)
    with_roles(made)
    return made


def column_names(option: str, given: object) -> tuple[str, ...] | None:
    """One or several names of columns, each once; None where none were given."""
    if given is None:
        return None
    names = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Sequence) else None
    if names is None or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"{option} must be the name of a column or a list of names, got {given!r}.")
    return tuple(dict.fromkeys(names))


def checked_shares(shares: Mapping[str, float]) -> dict[str, float]:
    """Shares above 0 and at most 1, as plain numbers."""
    for arm, share in shares.items():
        number = isinstance(share, Real) and not isinstance(share, bool)  # NumPy's own numbers too
        if not number or not math.isfinite(share) or not 0.0 < share <= 1.0:
            raise InputError(f"shares[{arm!r}] must lie above 0 and be at most 1, got {share!r}. For 30 % write 0.3.")
    return {arm: float(share) for arm, share in shares.items()}


def checked_guardrails(guardrails: object) -> tuple[object, ...]:
    """Guardrails: objects that name a metric and a margin."""
    if isinstance(guardrails, str) or not isinstance(guardrails, Sequence):
        raise InputError(f"guardrails must be a list of guardrails, got {guardrails!r}.")
    for guardrail in guardrails:
        if not hasattr(guardrail, "metric") or not hasattr(guardrail, "margin"):
            raise InputError(f"a guardrail needs a metric and a margin, got {guardrail!r}.")
    return tuple(guardrails)
