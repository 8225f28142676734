"""Whom can we reach, and by what: valid address and permission, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from attribution.core.tables import Problems, open_table
from attribution.core.values import keys
from attribution.core.values import labels as read_labels
from experiments.outcomes.numbering import number_keys
from experiments.wakeup.group_names import check_group
from experiments.wakeup.reachable_columns import check_channels, read_channel

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.render.display import Display
    from attribution.core.values import Labels

__all__ = ["ReachMatrix", "reach_matrix"]

messages.register("experiments")

_FIELDS = (
    Field("channel", "text"), Field("persons", "count"), Field("with_address", "count"), Field("permitted", "count"),
    Field("reachable", "count"), Field("share", "rate"), Field("only", "count"),
)  # fmt: skip
_OVERLAP = (
    Field("channel", "text"), Field("other_channel", "text"), Field("both", "count"), Field("share_of_channel", "rate"),
    Field("either", "count"),
)  # fmt: skip
ANY = "(any)"
NONE = "(none)"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class ReachMatrix(TabularResult):
    """Persons reachable by channel.

    Attributes:
        records: [by] channel, persons, with_address, permitted, reachable (both), share of the persons, only (reachable
            by this channel alone); then "(any)", reachable by at least one, and "(none)".
        overlap: For each two channels: both, share_of_channel (of those reachable by the first), either.
        findings: Cells that are empty where the permission is asked for; persons with several rows.
        recipe: How it was made.
    """

    records: Records
    overlap: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def matrix(self) -> pd.DataFrame:
        """Persons reachable by both channels of each pair; the diagonal holds those reachable by the channel."""
        frame = self.overlap.to_pandas()
        names = list(dict.fromkeys(frame["channel"]))
        found = frame.pivot_table(index="channel", columns="other_channel", values="both", aggfunc="sum")
        return found.loc[names, names].astype("int64")

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("REACHABLE.title", dict(self.recipe.n))
        pairs = [row for row in self.overlap.to_dicts() if row["channel"] != row["other_channel"]]
        tables = (records_table(self.records), records_table(Records.from_rows(_OVERLAP, pairs)))
        notes = [finding.text() for finding in self.findings]
        return Display(title, (*tables, *self.recipe.sentences(), *notes))


def reach_matrix(
    customers: object,
    *,
    channels: Mapping[str, str | Mapping[str, str]],
    by: str | None = None,
    columns: ColumnsLike = None,
) -> ReachMatrix:
    """Count the persons that each channel can reach, and those that several can.

    A person is reachable by a channel with a valid address and a permission. An address is valid when its cell is
    filled (true, where it is a yes or no). Where the cell of a permission or of an opt-out is empty the person is not
    reachable: silence is no consent; how many these are is told. A person with several rows (customer numbers) is
    reachable when one row is.

    Args:
        customers: The customers: person, and the columns named in `channels`.
        channels: Channel to its columns, such as {"sms": {"address": "phone", "opt_out": "opt_out_sms"}}: "permission"
            (true = allowed), "opt_out" (true = not allowed) or neither (no permission is needed); or channel to one
            column of yes and no that says whether the person is reachable.
        by: A column of the customers: the counts for each of its values too. A person whose rows differ belongs to the
            smallest, as text.
        columns: The user's names of the columns, for the table "customers".

    Returns:
        The counts. They are of the customers given, no estimate; so they carry no interval.

    Raises:
        TableError: With every problem of the table.
        InputError: Channels that name no column, unknown parts, or a name that the result keeps for itself.

    Verified against: a loop over persons and channels (tests/oracles/reach_rows.py); see docs/methods/reach-matrix.md.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=2_000, seed=7)
        >>> found = ex.reach_matrix(c.customers, channels={
        ...     "sms": {"address": "phone", "opt_out": "opt_out_sms"}, "push": {"opt_out": "opt_out_push"}})
        >>> [row["channel"] for row in found.to_dicts()]
        ['sms', 'push', '(any)', '(none)']
    """
    check_group(by, _FIELDS)
    named = check_channels(channels, (ANY, NONE))
    roles = columns_for(columns, "customers")
    problems = Problems()
    table = open_table(customers, "customers", roles, problems=problems, required=("person",))
    wanted = [column for parts in named.values() for column in parts.values()]
    table.require_names(*dict.fromkeys([*wanted, *([] if by is None else [by])]))
    problems.raise_if_any()
    person = keys(table, "person")
    rows = {name: read_channel(table, parts) for name, parts in named.items()}
    group = None if by is None else read_labels(table, by)
    problems.raise_if_any()
    if person is None:  # pragma: no cover - a problem was noted, so the line above has raised
        raise InputError("the customers need a person in every row.")
    (code,), size = number_keys(person)
    if not size:
        raise InputError("the customers hold no row.")
    flags = {name: tuple(_any(code, flag, size) for flag in found[:3]) for name, found in rows.items()}
    made, overlap = _count(flags, group, code, by)
    return ReachMatrix(
        records=made,
        overlap=overlap,
        findings=_findings({name: int(found[3].sum()) for name, found in rows.items()}, len(code), size),
        recipe=Recipe(
            method="reach_matrix", definitions=("REACHABLE",),
            settings={"channels": {name: dict(parts) for name, parts in named.items()}, "by": by},
            n={"persons": size, "rows": len(code)},
            fingerprint=fingerprint({"person": person} | {name: found[2] for name, found in rows.items()}),
        ),
    )  # fmt: skip


def _any(code: NDArray[np.int64], flag: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    found = np.zeros(size, bool)
    found[code[flag]] = True
    return found


def _count(
    flags: Mapping[str, tuple[NDArray[np.bool_], ...]], group: Labels | None, code: NDArray[np.int64], by: str | None
) -> tuple[Records, Records]:
    persons = len(next(iter(flags.values()))[0])
    everyone = np.ones(persons, bool)
    pairs = [_pair(one, two, flags[one][2], flags[two][2]) for one in flags for two in flags]
    overlap = Records.from_rows(_OVERLAP, pairs)
    if group is None or by is None:
        return Records.from_rows(_FIELDS, _rows(flags, everyone)), overlap
    own = np.full(persons, len(group.names))
    np.minimum.at(own, code, group.codes)
    rows: list[dict[str, object]] = []
    for value, name in enumerate(group.names.tolist()):
        if (own == value).any():
            rows += [{by: str(name)} | row for row in _rows(flags, own == value)]
    return Records.from_rows((Field(by, "text"), *_FIELDS), rows), overlap


def _rows(flags: Mapping[str, tuple[NDArray[np.bool_], ...]], chosen: NDArray[np.bool_]) -> list[dict[str, object]]:
    size = int(chosen.sum())
    ways = np.sum([found[2] for found in flags.values()], axis=0)
    rows: list[dict[str, object]] = [
        {"channel": name, "persons": size, "with_address": int((found[0] & chosen).sum()),
         "permitted": int((found[1] & chosen).sum()), "reachable": int((found[2] & chosen).sum()),
         "share": int((found[2] & chosen).sum()) / size, "only": int((found[2] & (ways == 1) & chosen).sum())}
        for name, found in flags.items()
    ]  # fmt: skip
    anyhow = int(((ways > 0) & chosen).sum())
    ends = ((ANY, anyhow), (NONE, size - anyhow))
    return [*rows, *({"channel": name, "persons": size, "reachable": n, "share": n / size} for name, n in ends)]


def _pair(one: str, two: str, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> dict[str, object]:
    both, base = int((first & second).sum()), int(first.sum())
    return {
        "channel": one, "other_channel": two, "both": both, "share_of_channel": both / base if base else None,
        "either": int((first | second).sum()),
    }  # fmt: skip


def _findings(unknown: Mapping[str, int], rows: int, persons: int) -> tuple[Finding, ...]:
    found = [
        Finding(code="REACHABLE_UNKNOWN", status="warn", values={"channel": name, "unknown": count, "rows": rows})
        for name, count in unknown.items()
        if count
    ]
    if rows > persons:
        values = {"rows": rows, "persons": persons}
        found.append(Finding(code="REACHABLE_SEVERAL_ROWS", status="note", values=values))
    return tuple(found)
