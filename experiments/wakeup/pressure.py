"""How hard customers are pressed: contacts per head, beyond the cap, after a conversion, per wake-up caused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.durations import duration_text, parse_duration
from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from experiments.outcomes.build import build_outcomes
from experiments.wakeup.acts import span
from experiments.wakeup.bookings import standing_bookings
from experiments.wakeup.group_names import check_group
from experiments.wakeup.narrow_tables import narrow_table, unasked
from experiments.wakeup.pressure_counts import after_conversion, beyond_cap, busiest_window, top_tenth
from experiments.wakeup.pressure_effect import arms_table, pressure_by_arm
from experiments.wakeup.pressure_log import Rule, check_weights, read_contacts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.render.display import Display
    from attribution.plots.plot import Plot
    from experiments.roi.net_benefit import Variance
    from experiments.wakeup.pressure_effect import Readings
    from experiments.wakeup.pressure_log import Contacts

__all__ = ["ContactPressure", "contact_pressure"]

messages.register("experiments")

_SHOWN = ("PRESSURE_", "TOUCHED_AFTER_CONVERSION")
_CAPS: Mapping[str, int] = {"7d": 3, "30d": 8}
_CAP_FIELDS = (
    Field("window", "duration"), Field("cap", "count"), Field("touches", "count"), Field("beyond", "count"),
    Field("share_beyond", "rate"), Field("persons", "count"), Field("persons_beyond", "count"),
    Field("weighted_beyond"), Field("cost_beyond", "money"),
)  # fmt: skip
_HEAD_FIELDS = (
    Field("window", "duration"), Field("cap", "count"), Field("contacts", "count"), Field("persons", "count"),
    Field("share", "rate"),
)  # fmt: skip
_CHANNEL_FIELDS = (
    Field("channel", "text"), Field("touches", "count"), Field("persons", "count"), Field("weighted"),
    Field("cost", "money"), Field("beyond", "count"), Field("after_conversion", "count"),
    Field("share_after_conversion", "rate"), Field("opt_outs", "count"), Field("complaints", "count"),
)  # fmt: skip


_GROUP_FIELDS = (
    Field("persons", "count"), Field("touches", "count"), Field("touches_per_head"), Field("top_share", "rate"),
    Field("beyond", "count"), Field("persons_beyond", "count"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class ContactPressure(TabularResult):
    """Contacts per head and what was too much of them.

    Attributes:
        records: One row per cap: window, cap, touches, beyond (touches beyond the cap), share_beyond, persons (with a
            touch), persons_beyond, weighted_beyond, cost_beyond (None without costs).
        heads: Persons by contacts: in the whole log (window "all") and in their busiest window of each cap.
        channels: One row per channel: touches, persons, weighted, cost, beyond (any cap), after_conversion and its
            share (None without conversions), opt_outs, complaints.
        groups: With `by`: persons, touches, touches_per_head, top_share, beyond (any cap) and persons_beyond by value;
            else None.
        arms: With an assignment: weighted touches and wake-ups per assigned person by arm, and the weighted touches per
            incremental wake-up with their set; else None.
        top_persons: A tenth of the touched persons, rounded up.
        top_share: The share of all touches that the most touched tenth got.
        findings: What was left out, and each cap.
        recipe: How it was made.
    """

    records: Records
    heads: Records
    channels: Records
    groups: Records | None
    arms: Records | None
    top_persons: int
    top_share: float
    findings: tuple[Finding, ...]
    recipe: Recipe

    def plot(self, window: str | None = None) -> Plot:
        """Draw persons by contacts in their busiest window, with the cap; the first cap's window by default."""
        from experiments.plots.pressure import plot_pressure

        return plot_pressure(self, window=window)

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        n = self.recipe.n
        title = messages.text("PRESSURE.title", dict(n))
        top = messages.text("PRESSURE.top", {"share": self.top_share, "persons": self.top_persons})
        late = ("cost", "after_conversion", "share_after_conversion")
        tables = [
            narrow_table(
                self.records, without=unasked(self.records, ["cost_beyond"]), title=messages.text("PRESSURE.caps")
            ),
            narrow_table(
                self.channels, without=unasked(self.channels, late), title=messages.text("PRESSURE.channels")
            ),
        ]  # fmt: skip
        if self.groups is not None:
            by = str(self.recipe.settings["by"])
            tables.append(records_table(self.groups, title=messages.text("PRESSURE.groups", {"by": by})))
        if self.arms is not None:
            tables.append(arms_table(self.arms))
        notes = [
            finding.text() for finding in self.findings
            if finding.code.startswith(_SHOWN) or finding.status not in ("pass", "note")
        ]  # fmt: skip
        return Display(title, (*tables, top, *self.recipe.sentences(), *notes))


def contact_pressure(  # noqa: PLR0913 - the options of the public contract, keyword-only
    touches: object,
    *,
    conversions: object = None,
    assignment: object = None,
    as_of: object = None,
    caps: Mapping[str, int] = _CAPS,
    weights: Mapping[str, float] | None = None,
    kinds: Sequence[str] | None = None,
    origin: str = "outbound",
    by: str | None = None,
    quiet: str | timedelta = "30d",
    window: str | timedelta = "28d",
    lag: str | timedelta = "0d",
    control: str = "holdout",
    level: float = 0.95,
    variance: Variance = "plugin",
    opt_outs: Sequence[str] = ("opt_out", "unsubscribe", "unsubscribed"),
    complaints: Sequence[str] = ("complaint",),
    columns: ColumnsLike = None,
) -> ContactPressure:
    """Count contacts per head, beyond a cap and after a conversion, and per wake-up that was caused.

    A contact is a row of the touches with origin "outbound" whose kind is not something that the customer did (click,
    open, reply, opt-out, complaint); `kinds` names the contacts instead. Where one message has several rows (sent,
    delivered) name one kind.

    A contact is **beyond the cap** of a window when at least `cap` earlier contacts of the person lie less than the
    window before it. Then no window of that length holds more than `cap` contacts exactly when none is beyond it. All
    contacts count as earlier ones, also those that were beyond the cap themselves. Contacts of one instant stand in the
    order of channel and cost.

    With an assignment and conversions, the ratio of two effects over all assigned mature persons: the difference in
    weighted contacts per person (of anybody, inside the window) over the difference in the share woken. Its set is
    Fieller's with the joint covariance of both differences, cut at 0; where the effect is weak it has no upper end, or
    is everything.

    Args:
        touches: The touches: person, time, channel, and where there are any kind, origin and cost.
        conversions: The conversions: for contacts after one, and for the arms.
        assignment: Everybody assigned; needs `conversions` and `as_of`.
        as_of: Until when the tables are complete; None: everything in them counts.
        caps: Contacts allowed in each window.
        weights: How much a contact of each channel disturbs, for example {"phone": 5, "wechat": 2, "*": 1}; they are
            the analyst's. None: 1 each.
        kinds: Kinds that are contacts.
        origin: "outbound", or "all" to count inbound touches as contacts.
        by: A column of the touches, such as a tier: the contacts per head in each of its values (`groups`). A person
            whose contacts differ belongs to the smallest, as text.
        quiet: How long after a conversion a contact is one too many.
        window: Window of the experiment, from each person's assignment.
        lag: How long bookings may arrive late.
        control: The control arm.
        level: Confidence level.
        variance: "plugin": Fieller's set; "score": the set of `cost_thresholds`, better with few wake-ups.
        opt_outs: Kinds that are opt-outs, counted by channel.
        complaints: Kinds that are complaints, counted by channel.
        columns: The user's names of the columns.

    Returns:
        The counts. Opt-outs and complaints are counts by channel; by arm they are guardrails of the experiment. In
        `arms` weighted_per_incremental is None with a note: HARM (fewer woke, beyond doubt), NO_INCREMENT, COST_SAVING
        (more woke with fewer contacts).

    Raises:
        TableError: With every problem of a table.
        DesignError: NO_HOLDOUT, NONE_MATURE, NO_COMMON_STRATUM.
        InputError: No contact at all, a channel without weight, and unknown options.

    References:
        Fieller (1954), Journal of the Royal Statistical Society B 16:175.

    Verified against: plain loops over all pairs of contacts (tests/oracles/pressure.py), `cost_thresholds` with
    weighted contacts for costs, and `ratio_interval` on moments by hand; see docs/methods/contact-pressure.md.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=5_000, seed=7)
        >>> found = ex.contact_pressure(c.touches, conversions=c.conversions, caps={"7d": 2})
        >>> row = found.to_dicts()[0]
        >>> row["window"], row["cap"], row["beyond"] < row["touches"]
        ('7d', 2, True)
    """
    level, limits = check_level(level), _caps(caps)
    check_group(by, _GROUP_FIELDS)
    _check_arms(assignment, {"conversions": conversions, "as_of": as_of})
    protect = span(quiet, "quiet")
    marked = {"opt_outs": tuple(opt_outs), "complaints": tuple(complaints)}
    rule = Rule(origin=origin, kinds=kinds, marked=marked, by=by)
    contacts = read_contacts(touches, rule, as_of=as_of, columns=columns)
    heavy = check_weights(weights, contacts)
    weight = heavy[contacts.channel]
    beyond = {name: beyond_cap(contacts.person, contacts.time, cap, size) for name, (size, cap) in limits.items()}
    after = None if conversions is None else _after(contacts, conversions, protect, columns)
    over = np.any(list(beyond.values()), axis=0)
    rows = [_cap_row(contacts, weight, name, limits[name][1], found) for name, found in beyond.items()]
    readings = None
    if assignment is not None:
        outcomes = build_outcomes(
            assignment, conversions, window=window, as_of=as_of, lag=lag, columns=columns  # type: ignore[arg-type]
        )  # fmt: skip
        readings = pressure_by_arm(contacts, weight, outcomes, control=control, level=level, variance=variance)
    persons, share = top_tenth(contacts.counts)
    settings: dict[str, object] = {
        "caps": {name: cap for name, (_, cap) in limits.items()}, "weights": None if weights is None else dict(weights),
        "origin": origin, "by": by, "kinds": None if kinds is None else list(kinds), "level": level,
        "variance": variance, "quiet": duration_text(parse_duration(quiet)),
        "window": duration_text(parse_duration(window)), "lag": duration_text(parse_duration(lag)),
        **{name: list(kind) for name, kind in marked.items()},
        "as_of": None if as_of is None else str(as_of), "control": control,
    }  # fmt: skip
    return ContactPressure(
        records=Records.from_rows(_CAP_FIELDS, rows),
        heads=_heads(contacts, limits),
        channels=_channel_records(contacts, heavy, over, after),
        groups=None if by is None else _group_records(contacts, by, over),
        arms=None if readings is None else readings.records,
        top_persons=persons,
        top_share=share,
        findings=_findings(contacts, rows, after, settings) + (() if readings is None else readings.findings),
        recipe=_recipe(contacts, settings, after, readings),
    )  # fmt: skip


def _recipe(
    contacts: Contacts, settings: Mapping[str, object], after: NDArray[np.bool_] | None, readings: Readings | None
) -> Recipe:
    n = {"touches": len(contacts.time), "persons": int((contacts.counts > 0).sum())}
    used = ("PRESSURE", *(["PRESSURE_AFTER"] if after is not None else []), *(["PRESSURE_ARMS"] if readings else []))
    # Each person's key is hashed once: hashing it for every contact would cost more than the counting.
    parts = {"person": contacts.person, "time": contacts.time, "channel": contacts.channel}
    whole = {"person": contacts.persons, "contacts": contacts.counts}
    return Recipe(
        method="contact_pressure", definitions=used, settings=settings,
        n=n if readings is None else n | {"assigned": readings.persons},
        fingerprint=fingerprint(whole)[:8] + fingerprint(parts)[:8],
    )  # fmt: skip


def _check_arms(assignment: object, needed: Mapping[str, object]) -> None:
    """An assignment alone says nothing of who came back, nor until when that is known."""
    absent = [f"{name}=" for name, given in needed.items() if given is None]
    if assignment is not None and absent:
        raise InputError(
            f"assignment= was given without {' and '.join(absent)}. Contacts per wake-up need the conversions (who "
            'came back) and as_of (until when the tables are complete, such as as_of="2026-12-31"). Give them, or '
            "leave assignment= out to count contacts alone."
        )


def _caps(caps: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Length and limit by the text of the window."""
    if not isinstance(caps, Mapping) or not caps:
        raise InputError(f'caps must map windows to numbers of contacts, such as {{"7d": 3}}, got {caps!r}.')
    made: dict[str, tuple[int, int]] = {}
    for window, cap in caps.items():
        if isinstance(cap, bool) or not hasattr(cap, "__index__") or cap < 1:
            raise InputError(f"a cap is a whole number of at least 1, got {cap!r} for {window!r}.")
        name = duration_text(parse_duration(window, name="caps"))
        if name in made:
            raise InputError(f"caps names the window {name} twice.")
        made[name] = (span(window, "caps"), int(cap))
    return made


def _cap_row(
    contacts: Contacts, weight: NDArray[np.float64], name: str, cap: int, beyond: NDArray[np.bool_]
) -> dict[str, object]:
    over = int(beyond.sum())
    who = contacts.person[beyond]  # ascending, so that a change is a new person
    return {
        "window": name, "cap": cap, "touches": len(beyond), "beyond": over, "share_beyond": over / len(beyond),
        "persons": int((contacts.counts > 0).sum()), "persons_beyond": int(over and 1 + np.count_nonzero(np.diff(who))),
        "weighted_beyond": float(weight[beyond].sum()),
        "cost_beyond": None if contacts.cost is None else float(contacts.cost[beyond].sum()),
    }  # fmt: skip


def _heads(contacts: Contacts, limits: Mapping[str, tuple[int, int]]) -> Records:
    """Persons by their contacts, over the whole log and in the busiest window of each cap."""
    rows: list[dict[str, object]] = []
    every: list[tuple[str, int | None, NDArray[np.int64]]] = [("all", None, contacts.counts)]
    for name, (size, cap) in limits.items():
        every.append((name, cap, busiest_window(contacts.person, contacts.time, contacts.start, size)))
    for name, limit, counts in every:
        persons = np.bincount(counts[counts > 0])
        total = int(persons.sum())
        rows += [
            {"window": name, "cap": limit, "contacts": number, "persons": int(persons[number]),
             "share": int(persons[number]) / total}
            for number in np.flatnonzero(persons).tolist()
        ]  # fmt: skip
    return Records.from_rows(_HEAD_FIELDS, rows)


def _after(contacts: Contacts, conversions: object, quiet: int, columns: ColumnsLike) -> NDArray[np.bool_]:
    """Which contacts follow a conversion that stands."""
    booked = standing_bookings(contacts.persons, conversions, columns)
    return after_conversion((contacts.person, contacts.time), booked, len(contacts.persons), quiet)


def _channel_records(
    contacts: Contacts, heavy: NDArray[np.float64], beyond: NDArray[np.bool_], after: NDArray[np.bool_] | None
) -> Records:
    size = len(contacts.channels)
    count = np.bincount(contacts.channel, minlength=size)
    over = np.bincount(contacts.channel[beyond], minlength=size)
    late = None if after is None else np.bincount(contacts.channel[after], minlength=size)
    cost = None if contacts.cost is None else np.bincount(contacts.channel, weights=contacts.cost, minlength=size)
    rows: list[dict[str, object]] = []
    for code, name in enumerate(contacts.channels):
        touches = int(count[code])
        marked = {group: int(found[code]) for group, found in contacts.marked.items()}
        if not touches and not any(marked.values()):
            continue  # a channel of inbound touches alone
        row: dict[str, object] = {
            "channel": name, "touches": touches, "weighted": float(heavy[code] * touches), "beyond": int(over[code]),
            "persons": _persons(contacts, code), "cost": None if cost is None else float(cost[code]), **marked,
        }  # fmt: skip
        if late is not None:
            row["after_conversion"] = int(late[code])
            row["share_after_conversion"] = int(late[code]) / touches if touches else None
        rows.append(row)
    return Records.from_rows(_CHANNEL_FIELDS, rows)


def _group_records(contacts: Contacts, by: str, over: NDArray[np.bool_]) -> Records:
    """Contacts per head in each group of persons."""
    group = contacts.group if contacts.group is not None else np.empty(0, np.int64)
    beyond = np.bincount(contacts.person[over], minlength=len(contacts.persons))
    rows: list[dict[str, object]] = []
    for code, name in enumerate(contacts.groups):
        own = group == code
        touches = contacts.counts[own]
        if not len(touches):
            continue
        total = int(touches.sum())
        rows.append({
            by: name, "persons": len(touches), "touches": total, "touches_per_head": total / len(touches),
            "top_share": top_tenth(touches)[1], "beyond": int(beyond[own].sum()),
            "persons_beyond": int(np.count_nonzero(beyond[own])),
        })  # fmt: skip
    return Records.from_rows((Field(by, "text"), *_GROUP_FIELDS), rows)


def _persons(contacts: Contacts, code: int) -> int:
    who = contacts.person[contacts.channel == code]
    return int(len(who) and 1 + np.count_nonzero(np.diff(who)))


def _findings(
    contacts: Contacts, rows: Sequence[Mapping[str, object]], after: NDArray[np.bool_] | None,
    settings: Mapping[str, object],
) -> tuple[Finding, ...]:  # fmt: skip
    found = list(contacts.findings)
    found += [Finding(code="PRESSURE_CAP", status="warn" if row["beyond"] else "pass", values=row) for row in rows]
    if after is not None:
        late = int(after.sum())
        values = {
            "touches": len(after), "late": late, "share": late / len(after), "quiet": settings["quiet"],
            "cost": None if contacts.cost is None else float(contacts.cost[after].sum()),
        }  # fmt: skip
        found.append(Finding(code="TOUCHED_AFTER_CONVERSION", status="note" if late else "pass", values=values))
    return tuple(found)
