"""Who is in which scene at the date of the assignment?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import columns_for
from attribution.core.errors import InputError, closest
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.tables import Problems, open_table
from experiments.outcomes.instant import as_of_microseconds
from experiments.outcomes.numbering import number_keys
from experiments.wakeup.scenes_declared import Scene, standard_scenes
from experiments.wakeup.scenes_history import Listed, read_log
from experiments.wakeup.scenes_result import Audiences
from experiments.wakeup.states_customers import persons_once
from experiments.wakeup.states_moments import instant_of, is_date, zone_of

if TYPE_CHECKING:
    from datetime import date, datetime

    from numpy.typing import NDArray

    from attribution.core.columns import Columns, ColumnsLike
    from experiments.wakeup.scenes_history import Log

__all__ = ["scenes"]

messages.register("experiments")

_TAKEN = ("person_id", "evaluated_at")


def scenes(
    customers: object,
    events: object,
    *,
    at: str | date | datetime,
    scenes: Mapping[str, Scene] | None = None,
    dates: Mapping[str, str] | None = None,
    columns: ColumnsLike = None,
) -> Audiences:
    """Mark the customers who are in each scene, as of the date of the assignment.

    A scene is a situation in which a customer may be contacted: registered without a first investment, first without a
    second, at the fifth, lapsed, dropped out of a step. It is read from what was known **before** the moment of the
    assignment: an event at that moment or later changes no byte of the result, so an audience drawn today can be drawn
    again after the campaign. With ``precision="day"`` only events of earlier days were known, and ages are whole days.
    Whether contacting a scene does any good is for one randomised test per scene to tell.

    Args:
        customers: One row per customer.
        events: The log: a person, a time and the name of the event (role ``event``).
        at: The moment of the assignment, as for `assign`: an aware instant, a date (its first moment in the declared
            time zone), or the name of a column of `customers`, each customer then at its own moment.
        scenes: Scenes by name: `AtNth`, `Lapsed`, `DropOut`, or objects of your own; `standard_scenes()` by default.
        dates: Names of events that are columns of `customers`, such as ``{"register": "registered_at"}``: an empty
            cell, or a time not before the moment, is not yet.
        columns: The user's names of the columns, for ``"customers"`` and ``"events"``.

    Returns:
        One row per customer, in the order of their keys: person_id, evaluated_at, one Boolean column per scene. It goes
        straight into `assign`; ``.audience(name)`` keeps the customers of one scene, ``.counts`` and ``.overlaps()``
        count them. Finding SCENE_EVENT_UNSEEN names an event of a scene that nobody did before the moment (a misspelt
        name, or a log that lacks it): the scene then rests on nothing.

    Raises:
        TableError: With every problem of both tables: customers listed twice (REPEATED_PERSON), empty keys or times.
        InputError: For a moment, scenes or dates that cannot be used.

    References:
        The scenes are those of telephone marketing of Chinese internet finance; see docs/methods/scenes.md.

    Verified against: a loop over customers in plain Python (tests/oracles/scenes.py); later events change no byte.

    Example:
        >>> import pandas as pd
        >>> import experiments as ex
        >>> people = pd.DataFrame({"person_id": ["a", "b", "c"]})
        >>> log = pd.DataFrame({"person_id": ["a", "b", "b", "c", "c", "c"],
        ...                     "event": ["register", "register", "invest", "register", "invest", "invest"],
        ...                     "time": pd.to_datetime(["2026-06-01"] * 5 + ["2026-07-02"], utc=True)})
        >>> named = {"new": ex.AtNth("invest", 0, after="register"), "once": ex.AtNth("invest", 1)}
        >>> found = ex.scenes(people, log, at="2026-07-01", scenes=named)
        >>> found.counts
        {'new': 1, 'once': 2}
    """
    chosen = _checked(standard_scenes() if scenes is None else scenes)
    roles = columns_for(columns, "customers")
    listed = _listed(customers, roles)
    persons, moments = listed.persons, _moments(listed, at)
    log = read_log(events, listed, moments, dates=_checked_dates(dates, chosen), columns=columns)
    member = {name: _held(name, scene, log) for name, scene in chosen.items()}
    settings = {
        "at": str(at), "scenes": {name: scene.text("en") for name, scene in chosen.items()},
        "timezone": roles.timezone or "UTC",
    }  # fmt: skip
    used = {"person": persons.take(log.customer), "time": log.time}
    recipe = Recipe(
        method="scenes",
        definitions=("SCENES",),
        settings=settings,
        n={"customers": len(persons), "events": len(log.time)},
        fingerprint=fingerprint(used),
    )
    return Audiences(
        persons=persons, moments=moments, member=member, scenes=chosen, findings=_told(chosen, log), recipe=recipe
    )


def _checked(scenes: object) -> dict[str, Scene]:
    if not isinstance(scenes, Mapping) or not scenes:
        raise InputError(
            'scenes must be a mapping of names to scenes, for example {"second": ex.AtNth("invest", 1)}, got '
            f"{type(scenes).__name__}."
        )
    for name, scene in scenes.items():
        if not isinstance(name, str) or not name.strip() or name in _TAKEN:
            raise InputError(f"a scene is named by text other than {', '.join(_TAKEN)}, got {name!r}.")
        if not all(hasattr(scene, part) for part in ("events", "holds", "text")):
            raise InputError(
                f"the scene {name!r} must be an AtNth, a Lapsed, a DropOut, or an object with events, holds and text, "
                f"got {type(scene).__name__}."
            )
    return dict(scenes)


def _checked_dates(dates: Mapping[str, str] | None, scenes: Mapping[str, Scene]) -> Mapping[str, str]:
    """The names of events that stand for columns; one that no scene looks at would be read for nothing."""
    wanted = {event for scene in scenes.values() for event in scene.events}
    for event in dates or {}:
        if event not in wanted:
            raise InputError(f"dates= names the event {event!r}, at which no scene looks. {closest(event, wanted)}")
    return dates or {}


def _listed(customers: object, roles: Columns) -> Listed:
    """The customers in the order of their keys; the moment of each is read later."""
    problems = Problems()
    table = open_table(customers, "customers", roles, problems=problems, required=("person",))
    persons = persons_once(table)
    problems.raise_if_any()
    if persons is None or not len(persons):
        raise InputError("the customers hold no row, so there is nobody to mark.")
    (codes,), _ = number_keys(persons)
    order = np.argsort(codes, kind="stable")
    return Listed(table=table, persons=persons.take(order), order=order)


def _moments(listed: Listed, at: object) -> NDArray[np.int64]:
    """The moment of every customer."""
    table = listed.table
    if isinstance(at, str) and at in table.names:
        return listed.times(at, allow_null=False)
    try:
        moment = as_of_microseconds(at, table.roles.timezone)
    except InputError as error:
        raise InputError(f"at must be a date, an aware instant or a column of the customers. {error}") from None
    if is_date(at):  # its first moment, as `assign` reads it: the end of the day before
        first = instant_of(moment - 1).astimezone(zone_of(table.roles)).date()
        moment = as_of_microseconds(first - timedelta(days=1), table.roles.timezone)
    return np.full(len(listed.order), moment, np.int64)


def _held(name: str, scene: Scene, log: Log) -> NDArray[np.bool_]:
    found = np.asarray(scene.holds(log))
    if found.dtype != np.bool_ or found.shape != log.at.shape:
        raise InputError(
            f"the scene {name!r} must give one Boolean per customer ({len(log.at)}), got {found.dtype} of shape "
            f"{found.shape}."
        )
    return found


def _told(scenes: Mapping[str, Scene], log: Log) -> tuple[Finding, ...]:
    found = []
    unseen: dict[str, list[str]] = {}
    for name, scene in scenes.items():
        for event in scene.events:
            if not log.known(event):
                unseen.setdefault(event, []).append(name)
    for event, names in sorted(unseen.items()):
        values = {"event": event, "scenes": ", ".join(names), "known": ", ".join(sorted(log.codes)[:10]) or "-"}
        found.append(Finding(code="SCENE_EVENT_UNSEEN", status="warn", values=values))
    if log.strangers:
        found.append(Finding(code="SCENE_STRANGERS", status="note", values={"persons": log.strangers}))
    return tuple(found)
