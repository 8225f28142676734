"""The touch log: every touch that went out or came in, one row each, in the order of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.randomness import generator
from experiments.simulation.placing import LEAKED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from experiments.simulation.constants import Constants
    from experiments.simulation.exposure import Exposure
    from experiments.simulation.placing import Placing
    from experiments.simulation.returns import Events

__all__ = ["CAMPAIGNS", "CHANNELS", "KINDS", "TouchLog", "build_touch_log"]

CHANNELS = ("push", "banner", "search", "sms", "phone")
KINDS = ("sent", "delivered", "impression", "click", "attempt", "answered")
_MOST_MESSAGES = 16
CAMPAIGNS = (
    None,
    "2026Q4-push",
    "2026Q4-banner",
    "2026Q4-call",
    *(f"2026Q4-sms-{message}" for message in range(1, _MOST_MESSAGES + 1)),
)
_HOUR = 3_600
_DAY = 86_400
_KIND = {name: index for index, name in enumerate(KINDS)}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TouchLog:
    """Columns of the log.

    Attributes:
        person: Index of the person.
        seconds: Time after the first assignment.
        channel: Index into `CHANNELS`.
        kind: Index into `KINDS`: the highest level that the touch reached.
        campaign: Index into `CAMPAIGNS`.
        segments: Billed segments of a message, 0 for other channels.
    """

    person: NDArray[np.int64]
    seconds: NDArray[np.int64]
    channel: NDArray[np.int8]
    kind: NDArray[np.int8]
    campaign: NDArray[np.int8]
    segments: NDArray[np.int8]


def build_touch_log(
    constants: Constants, exposure: Exposure, events: Events, *, placing: Placing, seed: int
) -> TouchLog:
    """The potential touches of the channels that each person's arm uses, and the search clicks of everybody."""
    arm = placing.given
    parts = [
        *_push(constants, exposure, arm, seed),
        _banner(constants, exposure, arm, seed),
        *_sms(constants, exposure, events, arm, seed),
        *_phone(exposure, arm, seed),
        _search(events),
    ]
    joined = TouchLog(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in TouchLog.__dataclass_fields__}
    )
    del parts
    seconds = joined.seconds + placing.start[joined.person]
    order = np.lexsort((joined.channel, joined.person, seconds))
    columns = {name: getattr(joined, name)[order] for name in TouchLog.__dataclass_fields__}
    return TouchLog(**{**columns, "seconds": seconds[order]})


def _morning(seed: int, purpose: str, size: int, begin: int, end: int) -> NDArray[np.int64]:
    """Seconds after midnight; all touches of the campaign happen before the hour at which returns can begin."""
    uniform = generator(seed, f"simulate.{purpose}").random(size)
    return ((begin + uniform * (end - begin)) * _HOUR).astype(np.int64)


def _rows(
    person: NDArray[np.int64],
    seconds: NDArray[np.int64],
    channel: str,
    kind: NDArray[np.int64],
    campaign: str | None,
    segments: NDArray[np.int64] | None = None,
) -> TouchLog:
    return TouchLog(
        person=person,
        seconds=seconds,
        channel=np.full(len(person), CHANNELS.index(channel), dtype=np.int8),
        kind=kind.astype(np.int8),
        campaign=np.full(len(person), CAMPAIGNS.index(campaign), dtype=np.int8),
        segments=np.zeros(len(person), dtype=np.int8) if segments is None else segments.astype(np.int8),
    )


def _clicked(seed: int, purpose: str, size: int, share: float, *, otherwise: str) -> NDArray[np.int64]:
    click = generator(seed, f"simulate.{purpose}").random(size) < share
    return np.where(click, _KIND["click"], _KIND[otherwise])


def _push(constants: Constants, exposure: Exposure, arm: NDArray[np.int64], seed: int) -> list[TouchLog]:
    person = np.flatnonzero(exposure.push & (arm >= 1) & (arm < LEAKED))
    return [
        _rows(
            person,
            day * _DAY + _morning(seed, f"push_time.{day}", len(arm), 10, 11)[person],
            "push",
            _clicked(seed, f"push_click.{day}", len(arm), constants.push_click, otherwise="delivered")[person],
            "2026Q4-push",
        )
        for day in constants.push_days
    ]


def _banner(constants: Constants, exposure: Exposure, arm: NDArray[np.int64], seed: int) -> TouchLog:
    day, person = np.nonzero(exposure.opened)
    seconds = day * _DAY + _morning(seed, "banner_time", len(person), 7, 12)
    kind = _clicked(seed, "banner_click", len(person), constants.banner_click, otherwise="impression")
    shown = (arm[person] >= 1) & (arm[person] < LEAKED)
    return _rows(person[shown], seconds[shown], "banner", kind[shown], "2026Q4-banner")


def _sms(constants: Constants, exposure: Exposure, events: Events, arm: NDArray[np.int64], seed: int) -> list[TouchLog]:
    listed = exposure.sms_sent & (arm >= 2)
    parts = []
    for wave, day in enumerate(constants.sms_days, start=1):
        back = (events.returned_at >= 0) & (events.returned_at < day * _DAY)
        person = np.flatnonzero(listed & ~back if constants.design.resend and wave > 1 else listed)
        clicked = _clicked(seed, f"sms_click.{wave}", len(arm), constants.sms_click, otherwise="delivered")
        parts.append(
            _rows(
                person,
                day * _DAY + _morning(seed, f"sms_time.{wave}", len(arm), 9, 11)[person],
                "sms",
                np.where(exposure.sms_delivered, clicked, _KIND["sent"])[person],
                f"2026Q4-sms-{wave}",
                exposure.segments[person],
            )
        )
    return parts


def _phone(exposure: Exposure, arm: NDArray[np.int64], seed: int) -> list[TouchLog]:
    parts = []
    for attempt in (1, 2):
        person = np.flatnonzero((exposure.attempts >= attempt) & (arm == 3))
        answered = exposure.answered[person] & (exposure.attempts[person] == attempt)
        seconds = _morning(seed, f"phone_time.{attempt}", len(arm), 9, 12)[person]
        parts.append(
            _rows(
                person,
                (exposure.call_day[person] + attempt - 1) * _DAY + seconds,
                "phone",
                np.where(answered, _KIND["answered"], _KIND["attempt"]),
                "2026Q4-call",
            )
        )
    return parts


def _search(events: Events) -> TouchLog:
    person = np.flatnonzero(events.search_at >= 0)
    return _rows(person, events.search_at[person], "search", np.full(len(person), _KIND["click"]), None)
