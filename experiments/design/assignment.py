"""Assigning persons to arms by a salted hash: stable, independent of the order of rows, open to growing lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from attribution.core import messages
from attribution.core.columns import Columns, columns_for
from attribution.core.durations import microseconds
from attribution.core.errors import InputError, WakeLiftError
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records
from attribution.core.tables import Problems, open_table
from attribution.core.values import duplicates, encode_together, instants, keys, labels
from experiments.design.assignment_hash import checked_salt, checked_shares, cut, unit_numbers
from experiments.design.assignment_result import Assignment
from experiments.design.common_grid import distinct_rows

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table
    from attribution.core.values import Labels

__all__ = ["EVERYBODY", "Shares", "Units", "arms_of", "assign", "read_units", "shares_by_stratum"]

messages.register("experiments")

EVERYBODY = "all"
_BETWEEN = " / "
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Shares = Mapping[str, float] | Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Units:
    """The checked customers, one entry per row of the table.

    Attributes:
        table: The table as opened.
        person: The key of the person.
        unit: What is drawn: the person, or the cluster.
        stratum: The stratum.
    """

    table: Table
    person: pa.Array
    unit: pa.Array
    stratum: Labels


def assign(  # noqa: PLR0913 - the contract's options
    customers: object,
    *,
    shares: Shares,
    salt: str,
    at: str | date | datetime,
    person: str = "person_id",
    strata: str | Sequence[str] | None = None,
    cluster: str | None = None,
    earlier: Sequence[Shares] = (),
    columns: ColumnsLike = None,
) -> Assignment:
    """Assign every person to an arm by a salted hash of the person.

    The number of a person is the first 8 bytes of SHA-256 over the salt's digest and the person's key as text (whole
    numbers by their decimal digits: 7 and "7" are one person). The arm is where that number falls on a line cut by the
    shares, arms sorted by name. So the arm depends on the salt, the key and the shares, and on nothing else: not on the
    order of rows, the engine, the type of the key or the other persons. A list that grows keeps its arms. Persons are
    independent of each other, inside strata as well; the arms' sizes therefore vary as a binomial does, and `strata`
    are used in the analysis (they are not blocks of fixed sizes, which no growing list could keep).

    Args:
        customers: One row per person.
        shares: Share of every arm, the control included; together 1. With `strata` also a dict of stratum to such a
            dict (the name of a stratum out of several columns joins the values with " / ").
        salt: Text that names this campaign alone. Persons keep their arms while the salt is the same; another salt
            draws independently.
        at: When the persons are assigned: an aware instant, a date (its first moment in the time zone of `columns`), or
            the name of a column of instants.
        person: Column of the person.
        strata: Column(s) known before the assignment, carried on as ``stratum``. They do not enter the hash, so a
            person whose stratum is corrected keeps the arm when the shares are the same.
        cluster: Column of the unit that is assigned as a whole (household, branch, manager); its key is then hashed
            instead of the person's, and it is carried on.
        earlier: Shares that were in force before under this salt, oldest first. As few persons change their arm as
            the new shares allow; without it, a change of shares can move persons between other arms too.
        columns: The user's names of the columns.

    Returns:
        The assignment: person_id, arm, p_assign (the share of the arm in the person's stratum), assigned_at, stratum
        ("all" without strata), and the cluster's column.

    Raises:
        TableError: With every problem of the table: missing columns, empty keys, persons listed twice
            (REPEATED_PERSON), empty strata or clusters.
        DesignError: POST_ASSIGNMENT when a stratum or the cluster is known only after the assignment.
        InputError: Shares, salt or `at` that cannot be used.

    References:
        FIPS 180-4 (SHA-256). Kohavi, Tang, Xu (2020), Trustworthy Online Controlled Experiments, chapter 4.

    Verified against: the same digests by sha256sum and by DuckDB's sha256; chi-square and runs over a million keys;
    see docs/methods/assign.md.

    Example:
        >>> import pandas as pd
        >>> import experiments as ex
        >>> people = pd.DataFrame({"person_id": [f"p{i}" for i in range(1000)]})
        >>> made = ex.assign(
        ...     people, shares={"holdout": 0.2, "sms": 0.8}, salt="2026Q4", at="2026-10-12T09:00:00+08:00"
        ... )
        >>> made.table()["arm"].value_counts().to_dict()
        {'sms': 800, 'holdout': 200}
    """
    salt, names = checked_salt(salt), _names("strata", strata)
    roles = columns_for(columns, "customers")
    units = read_units(customers, roles, person=person, strata=names, cluster=cluster)
    declared = shares_by_stratum(shares, units.stratum.names.tolist())
    before = [shares_by_stratum(given, units.stratum.names.tolist(), name="earlier") for given in earlier]
    moment = _assigned_at(units, at)
    numbers = unit_numbers(units.unit, salt)
    arm, p_assign, arms = arms_of(numbers, units.stratum, declared, before)
    if cluster is not None:
        _check_whole(units, numbers, arm, cluster)
    units.table.problems.raise_if_any()
    rows = _rows(units, arm, p_assign, arms, moment)
    if cluster is not None:
        rows[cluster] = units.table.arrow(cluster)
    settings = {
        "salt": salt, "shares": dict(shares), "strata": ", ".join(names) or "none", "cluster": cluster or "none",
        "at": str(at), "earlier": [dict(given) for given in earlier], "unit": cluster or person,
        "arms": ", ".join(arms),
    }  # fmt: skip
    n = {"persons": len(units.person), "units": len(units.person if cluster is None else np.unique(numbers))}
    return Assignment(
        records=Records(tuple(Field(name, _KINDS.get(name, "text")) for name in rows), tuple(rows.values())),  # type: ignore[arg-type]
        summary=_summary(units.stratum, arm, arms, declared),
        findings=(),
        recipe=Recipe(method="assign", definitions=("ASSIGN",), settings=settings, n=n, fingerprint=fingerprint(rows)),
    )


_OWN = ("arm", "p_assign", "assigned_at", "stratum")
_KINDS = {"p_assign": "number", "assigned_at": "date"}


def _names(option: str, given: object) -> tuple[str, ...]:
    names = () if given is None else (given,) if isinstance(given, str) else given
    if not isinstance(names, Sequence) or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"{option} must be the name of a column or a list of names, got {given!r}.")
    return tuple(dict.fromkeys(names))


def read_units(customers: object, roles: Columns, *, person: str, strata: Sequence[str], cluster: str | None) -> Units:
    """Open the customers and check keys, strata and clusters.

    Args:
        customers: The table.
        roles: The user's names of its columns.
        person: Column of the person, when it is not the one of `roles`.
        strata: Columns of the strata.
        cluster: Column of the cluster.

    Raises:
        TableError: With every problem of the table.
    """
    from experiments.design.late_columns import refuse_post

    refuse_post(strata, (), use="a stratum")
    refuse_post(() if cluster is None else (cluster,), (), use="the unit of assignment")
    if cluster in _OWN or (cluster == "person_id" != person):
        raise InputError(
            f"cluster={cluster!r} is the name of a column of the assignment itself, which would be overwritten. Rename "
            "that column of the customers, for example to 'home'."
        )
    if person != Columns().person:
        roles = replace(roles, person=person)
    problems = Problems()
    table = open_table(customers, "customers", roles, problems=problems, required=("person",))
    table.require_names(*strata, *(() if cluster is None else (cluster,)))
    found = keys(table, "person")
    unit = found
    if cluster is not None and cluster in table.names:
        unit = keys(open_table(customers, "customers", replace(roles, person=cluster), problems=problems), "person")
    parts = [labels(table, name, missing=None) for name in strata if name in table.names]
    if found is not None:
        repeated, examples = duplicates(found)
        if repeated:
            problems.add(
                "REPEATED_PERSON", table.name, table.roles.person, repeated,
                message="a person is listed more than once; keep one row per person, or join the customer numbers of a "
                "person first with resolve_identity",
                examples=examples,
            )  # fmt: skip
    problems.raise_if_any()
    known = [part for part in parts if part is not None]
    if found is None or unit is None or len(known) < len(parts):
        raise WakeLiftError("a table was unusable and nothing was noted; this is an error of ours, please report.")
    return Units(table=table, person=found, unit=unit, stratum=_joined(known, len(found)))


def _joined(parts: Sequence[Labels], rows: int) -> Labels:
    """One label per row out of the columns of the strata."""
    import pyarrow as pa

    from attribution.core.values import Labels

    if not parts:
        return Labels(np.zeros(rows, np.int64), np.array([EVERYBODY], dtype=object))
    found, place = distinct_rows(*(part.codes for part in parts))
    texts = [_BETWEEN.join(str(part.names[code]) for part, code in zip(parts, row, strict=True)) for row in found]
    if len(set(texts)) < len(texts):
        raise InputError(
            f"two strata have the same name once their columns are joined with {_BETWEEN!r} or written as text. Rename "
            "the values, or make one column of them."
        )
    (order,), names = encode_together(pa.array(texts, pa.large_string()))
    return Labels(order[place], names)


def shares_by_stratum(shares: Shares, strata: Sequence[str], *, name: str = "shares") -> dict[str, dict[str, float]]:
    """Checked shares of every stratum.

    Raises:
        InputError: For shares that cannot be used, or strata without shares.
    """
    nested = isinstance(shares, Mapping) and any(isinstance(value, Mapping) for value in shares.values())
    if not nested:
        one = checked_shares(shares, name=name)
        return dict.fromkeys(strata, one)
    given: dict[str, object] = {str(stratum): value for stratum, value in shares.items()}
    if len(given) < len(shares):
        raise InputError(f"{name} names a stratum twice (as a number and as text), got {list(shares)[:10]!r}.")
    missing = [stratum for stratum in strata if stratum not in given]
    if missing:
        raise InputError(
            f"{name} names no shares for the strata {missing[:5]!r}; it names {sorted(given)[:10]!r}. "
            "Declare the shares of every stratum, or one dict of arm to share for all."
        )
    return {stratum: checked_shares(given[stratum], name=f"{name}[{stratum!r}]") for stratum in strata}


def arms_of(
    numbers: NDArray[np.uint64],
    stratum: Labels,
    declared: Mapping[str, Mapping[str, float]],
    before: Sequence[Mapping[str, Mapping[str, float]]],
) -> tuple[NDArray[np.int64], NDArray[np.float64], tuple[str, ...]]:
    """Arm and its share for every row, and the names of the arms.

    Args:
        numbers: The number of each row's unit.
        stratum: The stratum of each row.
        declared: Shares of every stratum.
        before: Shares of every stratum that were in force before, oldest first.
    """
    arms = tuple(sorted({arm for shares in declared.values() for arm in shares}))
    arm = np.zeros(len(numbers), np.int64)
    p_assign = np.zeros(len(numbers))
    names, group = stratum.names.tolist(), np.zeros(len(stratum.names), np.int64)
    made: dict[tuple[tuple[str, float], ...], tuple[int, str]] = {}
    for code, name in enumerate(names):
        history = (*(given[name] for given in before), declared[name])
        key = tuple((own, share) for shares in history for own, share in (*shares.items(), ("", 0.0)))
        group[code] = made.setdefault(key, (len(made), name))[0]
    order = np.argsort(group[stratum.codes], kind="stable")
    starts = np.searchsorted(group[stratum.codes[order]], np.arange(len(made) + 1))
    for place, name in made.values():
        rows = order[starts[place] : starts[place + 1]]
        cuts = cut(declared[name], [given[name] for given in before])
        found = np.array([arms.index(own) for own in cuts.arms])[cuts.arm_of(numbers[rows])]
        arm[rows] = found
        share = np.array([declared[name].get(own, 0.0) for own in arms])
        p_assign[rows] = share[found]
    return arm, p_assign, arms


def _check_whole(units: Units, numbers: NDArray[np.uint64], arm: NDArray[np.int64], cluster: str) -> None:
    """Note clusters that would be torn: they lie in strata whose shares differ."""
    order = np.lexsort((arm, numbers))
    torn = (numbers[order][1:] == numbers[order][:-1]) & (arm[order][1:] != arm[order][:-1])
    if torn.any():
        rows = order[1:][torn]
        units.table.problems.add(
            "CLUSTER_SPLIT", units.table.name, cluster, len(np.unique(numbers[rows])),
            message="a cluster lies in strata with different shares, so its persons would be put into different arms. "
            "Make the strata out of columns of the cluster",
            examples=sorted({str(units.unit[int(row)].as_py()) for row in rows[:1000]}),
        )  # fmt: skip


def _rows(
    units: Units, arm: NDArray[np.int64], p_assign: NDArray[np.float64], arms: tuple[str, ...], moment: pa.Array
) -> dict[str, Any]:
    import pyarrow as pa

    return {
        "person_id": units.person,
        "arm": pa.array(arms, pa.large_string()).take(pa.array(arm)),
        "p_assign": p_assign,
        "assigned_at": moment,
        "stratum": pa.array([str(name) for name in units.stratum.names], pa.large_string()).take(
            pa.array(units.stratum.codes)
        ),
    }


def _summary(
    stratum: Labels, arm: NDArray[np.int64], arms: tuple[str, ...], declared: Mapping[str, Mapping[str, float]]
) -> Records:
    counts = np.bincount(stratum.codes * len(arms) + arm, minlength=len(stratum.names) * len(arms))
    rows = [
        {
            "stratum": str(name), "arm": own, "persons": int(counts[i * len(arms) + j]),
            "expected": float(declared[name][own] * counts[i * len(arms) : (i + 1) * len(arms)].sum()),
        }
        for i, name in enumerate(stratum.names.tolist()) for j, own in enumerate(arms) if own in declared[name]
    ]  # fmt: skip
    fields = (Field("stratum", "text"), Field("arm", "text"), Field("persons", "count"), Field("expected", "number"))
    return Records.from_rows(fields, rows)


def _assigned_at(units: Units, at: object) -> pa.Array:
    """The moment of assignment of every row; problems of a column are noted on the table."""
    import pyarrow as pa

    rows, kind = len(units.person), pa.timestamp("us", units.table.roles.timezone or "UTC")
    if isinstance(at, str) and at in units.table.names:
        units.table.roles = replace(units.table.roles, assigned_at=at)
        found = instants(units.table, "assigned_at")
        return pa.nulls(rows, kind) if found is None else pa.array(found).cast(kind)
    moment = microseconds(_moment(at, units.table.roles.timezone, units.table.names) - _EPOCH)
    return pa.array(np.full(rows, moment, np.int64)).cast(kind)


def _moment(at: object, zone: str | None, names: Sequence[str]) -> datetime:
    value = at
    if isinstance(value, str):
        text = value.strip()
        try:
            value = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
        except ValueError:
            value = None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - placed in its zone below
    if not isinstance(value, datetime) or value != value:  # noqa: PLR0124 - pandas' NaT is a datetime, and not itself
        raise InputError(
            "at must be when the persons are assigned: an aware instant, a date, or a column of instants of the "
            f'customers, got {at!r}. Write for example at="2026-10-12T09:00:00+08:00"; the columns are '
            f"{', '.join(names[:20])}."
        )
    if value.tzinfo is not None:
        return value
    if zone is None:
        raise InputError(
            f"at={at!r} carries no time zone. Give an offset (2026-10-12T09:00:00+08:00), or "
            'columns=Columns(timezone="Asia/Shanghai").'
        )
    try:
        return value.replace(tzinfo=ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        raise InputError(f'timezone must be an IANA name such as "Asia/Shanghai", got {zone!r}.') from None
