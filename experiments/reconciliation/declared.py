"""What a reconciliation is asked for: a rate of the readout, steps whose channels are told apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, get_args

from attribution.core.errors import InputError, closest
from experiments.metrics import Rate
from experiments.reconciliation.contrasts import Variance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.readout import Readout

__all__ = ["checked_metric", "checked_variance", "owners_of"]


def checked_metric(readout: Readout, metric: str | None) -> str:
    """The metric that stands beside the credit."""
    chosen = readout.experiment.primary if metric is None else metric
    declared = readout.experiment.metrics.get(chosen)
    if declared is None:
        hint = closest(chosen, readout.experiment.metrics)
        raise InputError(f"metric must be a metric of the readout, got {chosen!r}. {hint}")
    if not isinstance(declared, Rate):
        raise InputError(
            f"metric {chosen!r} is a mean, and credit counts customers: the two cannot stand side by side. Name a rate."
        )
    return chosen


def checked_variance(variance: str) -> Variance:
    """The way in which counts are judged."""
    if variance not in get_args(Variance):
        raise InputError(f'variance must be "score" or "plugin", got {variance!r}.')
    return "score" if variance == "score" else "plugin"


def owners_of(steps: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The step of every channel that a step adds."""
    if not isinstance(steps, Mapping):
        raise InputError(
            f'steps must give the channels that each arm adds, such as {{"sms": ("sms",)}}, got {steps!r}. '
            "Write a mapping of arms to channels."
        )
    if not steps:
        raise InputError('steps must name at least one arm with its channels, such as {"sms": ("sms",)}.')
    owners: dict[str, str] = {}
    for arm, channels in steps.items():
        if isinstance(channels, str):
            raise InputError(
                f"steps[{arm!r}] must be a list of channels, got the text {channels!r}. Write ({channels!r},)."
            )
        if not isinstance(channels, Iterable):
            raise InputError(f"steps[{arm!r}] must be a list of channels, got {channels!r}. Write a tuple of names.")
        for channel in map(str, channels):
            if channel in owners:
                raise InputError(
                    f"the channel {channel!r} is a step of both {owners[channel]!r} and {arm!r}; name it once."
                )
            owners[channel] = str(arm)
    return owners
