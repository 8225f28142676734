"""Scenes that a user declares out of the names of events: at the n-th, lapsed, dropped out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from attribution.core import messages
from attribution.core.durations import duration_text, parse_duration
from attribution.core.errors import InputError
from attribution.core.whole import check_whole, is_whole
from experiments.wakeup.acts import span

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from numpy.typing import NDArray

__all__ = ["AtNth", "DropOut", "History", "Lapsed", "Scene", "standard_scenes"]

messages.register("experiments")

_NEVER = np.iinfo(np.int64).min


class History(Protocol):
    """What every customer did before the moment, by name of event."""

    @property
    def at(self) -> NDArray[np.int64]:
        """The moment of every customer, microseconds."""

    def counts(self, event: str) -> NDArray[np.int64]:
        """How often every customer did it."""

    def last(self, event: str) -> NDArray[np.int64]:
        """When every customer did it last; the smallest int64 for never."""

    def happened(self, event: str, low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether every customer did it from `low` to `high`, both included."""


class Scene(Protocol):
    """A situation in which a customer may be contacted.

    A class of your own with these methods is a scene too: it sees nothing but the history before the moment.

    Example:
        >>> import experiments as ex
        >>> scene: ex.Scene = ex.AtNth("invest", 1)
        >>> scene.events, scene.text("en")
        (('invest',), 'invest, times so far: 1')
    """

    @property
    def events(self) -> tuple[str, ...]:
        """Names of the events it looks at."""

    def holds(self, history: History) -> NDArray[np.bool_]:
        """Whether each customer is in the scene."""

    def text(self, lang: str | None = None) -> str:
        """Its definition in words."""


@dataclass(frozen=True, slots=True)
class AtNth:
    """Customers who have done something so many times, and not once more.

    ``AtNth("invest", 0, after="register")`` is registered without a first investment, ``AtNth("invest", 1)`` the first
    without a second, ``AtNth("invest", 5, to=6)`` at the fifth or sixth.

    Attributes:
        event: The event.
        times: How often; the n-th out of `nth_purchase`'s change point for "at the n-th".
        to: At most how often; None: exactly `times`.
        after: An event, or several, that must have happened.

    Example:
        >>> import experiments as ex
        >>> ex.AtNth("invest", 0, after=("register", "certify")).text("en")
        'invest, times so far: 0; done: register, certify'
    """

    event: str
    times: int
    to: int | None = None
    after: str | tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_names(self.event, *_listed(self.after))
        for name, value in (("times", self.times), ("to", self.to)):
            if value is not None or name == "times":
                object.__setattr__(self, name, check_whole(name, value, least=0))
        if self.to is not None and self.to < self.times:
            raise InputError(f"to must be at least times, got times={self.times}, to={self.to}.")

    @property
    def events(self) -> tuple[str, ...]:
        """Names of the events it looks at."""
        return (self.event, *_listed(self.after))

    def holds(self, history: History) -> NDArray[np.bool_]:
        """Whether each customer is in the scene."""
        count = history.counts(self.event)
        found = (count >= self.times) & (count <= (self.times if self.to is None else self.to))
        for event in _listed(self.after):
            found &= history.counts(event) > 0
        return found

    def text(self, lang: str | None = None) -> str:
        """Its definition in words."""
        after = messages.text("SCENE.and", lang=lang).join(_listed(self.after))
        times = str(self.times) if self.to in (None, self.times) else f"{self.times}–{self.to}"
        values = {"event": self.event, "times": times, "after": after}
        return messages.text("SCENE.nth_after" if after else "SCENE.nth", values, lang=lang)


@dataclass(frozen=True, slots=True)
class Lapsed:
    """Customers whose last time lies longer ago than a limit.

    Attributes:
        event: The event.
        silent: More than this ago.
        at_most: At most this ago; None: without an end.

    Example:
        >>> import experiments as ex
        >>> ex.Lapsed("invest", "180d", at_most="720d").text("en")
        'last invest more than 180d ago, at most 720d'
    """

    event: str
    silent: str | timedelta = "180d"
    at_most: str | timedelta | None = None

    def __post_init__(self) -> None:
        _check_names(self.event)
        silent = span(self.silent, "silent")
        if self.at_most is not None and span(self.at_most, "at_most") <= silent:
            raise InputError(f"at_most must be longer than silent, got {self.at_most!r} and {self.silent!r}.")

    @property
    def events(self) -> tuple[str, ...]:
        """Names of the events it looks at."""
        return (self.event,)

    def holds(self, history: History) -> NDArray[np.bool_]:
        """Whether each customer is in the scene."""
        last = history.last(self.event)
        done = last != _NEVER
        age = np.where(done, history.at - last, 0)
        found: NDArray[np.bool_] = done & (age > span(self.silent, "silent"))
        return found if self.at_most is None else found & (age <= span(self.at_most, "at_most"))

    def text(self, lang: str | None = None) -> str:
        """Its definition in words."""
        values = {"event": self.event, "silent": _duration(self.silent)}
        if self.at_most is None:
            return messages.text("SCENE.lapsed", values, lang=lang)
        return messages.text("SCENE.lapsed_until", {**values, "at_most": _duration(self.at_most)}, lang=lang)


@dataclass(frozen=True, slots=True)
class DropOut:
    """Customers who began a step and did not finish it in the declared time.

    It looks at the last beginning before the moment. Its time must be over at the moment (before that, the customer may
    still be on the way), and it must not lie longer ago than `since`. A customer who has finished later, before the
    moment, is no longer stuck and is left out, unless `late` keeps such customers.

    Attributes:
        start: The event that begins the step.
        finish: The event that finishes it, at the same instant or later.
        within: The time allowed.
        since: The beginning lies at most this long ago; None: however long.
        late: Whether customers who finished after the time allowed stay in the scene.

    Example:
        >>> import experiments as ex
        >>> ex.DropOut("recharge_start", "recharge_done", "2h").text("en")
        'recharge_start at most 30d ago, no recharge_done since, 2h allowed'
    """

    start: str
    finish: str
    within: str | timedelta = "2h"
    since: str | timedelta | None = "30d"
    late: bool = False

    def __post_init__(self) -> None:
        _check_names(self.start, self.finish)
        if self.start == self.finish:
            raise InputError(f"start and finish must be two events, got {self.start!r} for both.")
        within = span(self.within, "within")
        if self.since is not None and span(self.since, "since") <= within:
            raise InputError(f"since must be longer than within, got {self.since!r} and {self.within!r}.")

    @property
    def events(self) -> tuple[str, ...]:
        """Names of the events it looks at."""
        return (self.start, self.finish)

    def holds(self, history: History) -> NDArray[np.bool_]:
        """Whether each customer is in the scene."""
        begun = history.last(self.start)
        done = begun != _NEVER
        begun = np.where(done, begun, 0)
        allowed = span(self.within, "within")
        found: NDArray[np.bool_] = done & (begun + allowed <= history.at)
        if self.since is not None:
            found &= history.at - begun <= span(self.since, "since")
        end = begun + allowed if self.late else history.at
        return found & ~history.happened(self.finish, begun, end)

    def text(self, lang: str | None = None) -> str:
        """Its definition in words."""
        values = {"start": self.start, "finish": self.finish, "within": _duration(self.within)}
        values["since"] = "" if self.since is None else _duration(self.since)
        kind = ("" if self.since is None else "_since") + ("_late" if self.late else "")
        return messages.text(f"SCENE.drop{kind}", values, lang=lang)


def standard_scenes(  # noqa: PLR0913 - the names of the events, keyword-only
    *,
    register: str = "register",
    certify: str | None = "certify",
    invest: str = "invest",
    nth: int = 5,
    silent: str | timedelta = "180d",
    steps: Mapping[str, tuple[str, str]] | None = None,
    within: str | timedelta = "2h",
) -> dict[str, Scene]:
    """The scenes of the field: before the first, before the second, at the n-th, lapsed, and one per step dropped.

    Args:
        register: The event (or date column) of registration.
        certify: That of certification; None when there is none.
        invest: The event of an investment or purchase.
        nth: The number that makes a customer stay (the change point of `nth_purchase`); the scene holds at `nth` and
            one more, as the practice it comes from calls at the fifth and the sixth.
        silent: Silence after which a customer has lapsed (the cut of `dormancy_curve`).
        steps: Name of each step, with the events that begin and finish it; recharge, invest and withdraw by default,
            for example ``("recharge_start", "recharge_done")``.
        within: The time allowed for a step.

    Returns:
        A dict of scenes by name, to be changed at will.

    Example:
        >>> import experiments as ex
        >>> list(ex.standard_scenes(nth=4))
        ['before_first', 'before_second', 'at_nth', 'lapsed', 'dropped_recharge', 'dropped_invest', 'dropped_withdraw']
    """
    chosen = steps
    if chosen is None:
        chosen = {name: (f"{name}_start", f"{name}_done") for name in ("recharge", "invest", "withdraw")}
    after = (register,) if certify is None else (register, certify)
    found: dict[str, Scene] = {
        "before_first": AtNth(invest, 0, after=after),
        "before_second": AtNth(invest, 1),
        "at_nth": AtNth(invest, nth, to=int(nth) + 1 if is_whole(nth) else nth),
        "lapsed": Lapsed(invest, silent),
    }
    return found | {f"dropped_{name}": DropOut(*ends, within) for name, ends in chosen.items()}


def _listed(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _check_names(*names: object) -> None:
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise InputError(f'an event is named by text, got {name!r}. Write for example "invest".')


def _duration(value: str | timedelta) -> str:
    return duration_text(parse_duration(value))
