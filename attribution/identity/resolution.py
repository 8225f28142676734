"""Identity resolution: persons as connected components of customer numbers over what they share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from attribution.core.columns import Columns, columns_for
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.tables import Problems, Table, open_table
from attribution.core.values import encode_together, instants, keys, same_key_kind
from attribution.core.whole import check_whole
from attribution.identity.result import Identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike

__all__ = ["resolve_identity"]

_SHOWN_EXAMPLES = 5


def resolve_identity(
    links: object,
    *,
    ids: Sequence[str] = ("customer_id", "phone", "device"),
    assignment: object = None,
    max_share: int = 10,
    columns: ColumnsLike = None,
) -> Identity:
    """Find out which customer numbers are one person, from what they share.

    Two customers that share a link value (a phone, a device) are one person, and so are all that are connected through
    others: persons are the connected components. The `person_id` is the smallest customer number of the component, as
    text; it does not depend on the order of the rows.

    Args:
        links: One or more rows per customer: the customer number and its link values; an empty value links nothing.
        ids: The columns: the customer number first, then the links. ``"customer_id"`` stands for the `customer` role of
            `columns`; the others are names in the table.
        assignment: The assignment (customer number, or else person, with `arm` and, if known, `assigned_at`). With it,
            persons in two arms are a finding (TWO_ARMS), and link rows with a `time` after the customer's assignment
            are not used; for a customer who was not assigned, rows after the last assignment are not used.
        max_share: Link values of more customers than this (a branch's phone, a test device) are ignored and listed.
        columns: Names of columns that play a role.

    Returns:
        An `Identity`: `.table()` with `customer_id` and `person_id`, `.findings`, `.apply(table)`.

    Raises:
        TableError: With every problem of both tables: MISSING_COLUMN, NULL_KEY, WRONG_TYPE, MIXED_TYPES,
            KEY_TYPE_MISMATCH, NULL_TIME, NAIVE_TIME, and the other problems of times.
        InputError: For ids that are not two or more different names, or a max_share below 1.

    References:
        The docs page "Identity". Verified against a union-find in plain Python on random tables.

    Example:
        >>> import pandas as pd
        >>> import attribution as at
        >>> links = pd.DataFrame({
        ...     "customer_id": ["C1", "C2", "C3", "C4"],
        ...     "phone": ["138", "138", None, "139"],
        ...     "device": [None, "d7", "d7", None],
        ... })
        >>> at.resolve_identity(links).table()["person_id"].tolist()
        ['C1', 'C1', 'C1', 'C4']
    """
    names, limit = _check_ids(ids), check_whole("max_share", max_share, least=1, of="customers")
    problems = Problems()
    roles = columns_for(columns, "links")
    opened = open_table(
        links, "links", roles if names[0] == "customer_id" else _renamed(roles, names[0]), problems=problems
    )
    read = _read_links(opened, names[1:])
    assigned = (
        None if assignment is None else _read_assignment(assignment, columns_for(columns, "assignment"), problems)
    )
    if read is not None and assigned is not None and (opened.has("time") and assigned.at is not None):
        read.time = instants(opened, "time")
    if read is not None and assigned is not None:
        same_key_kind([(opened, read.customer), (assigned.table, assigned.customer)], "customer")
    problems.raise_if_any()
    return _resolve(cast("_Links", read), names, limit, assigned)  # an unusable table has noted why


def _check_ids(ids: Sequence[str]) -> tuple[str, ...]:
    usable = not isinstance(ids, str) and all(isinstance(name, str) for name in ids)
    names = tuple(ids) if usable else ()
    if len(names) < 2 or len(set(names)) < len(names):
        raise InputError(
            f"ids must name the customer column and at least one link column, all different, got {ids!r}. "
            f'Write for example ids=("customer_id", "phone").'
        )
    return names


def _renamed(roles: Columns, customer: str) -> Columns:
    return replace(roles, customer=customer)


@dataclass(slots=True, eq=False)
class _Links:
    """The checked links: the customer of each row, and per link column the codes of its values (-1: empty)."""

    customer: pa.Array
    values: dict[str, tuple[NDArray[np.int64], NDArray[np.object_]]]
    raw: dict[str, pa.Array]
    time: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Assigned:
    """The checked assignment."""

    table: Table
    customer: pa.Array
    arm: NDArray[np.int64]
    at: NDArray[np.int64] | None


def _read_links(table: Table, names: Sequence[str]) -> _Links | None:
    table.require("customer")
    missing = [name for name in names if name not in table.names]
    for name in missing:
        table.problems.add(
            "MISSING_COLUMN", table.name, name, 1,
            message=f"the link column {name!r} is missing; name the link columns that exist with ids=(...). "
            f"Columns: {', '.join(map(repr, table.names))}",
        )  # fmt: skip
    customer = keys(table, "customer")
    if customer is None or missing:
        return None
    raw = {name: table.arrow(name) for name in names}
    return _Links(customer, {name: _link_values(array) for name, array in raw.items()}, raw)


def _link_values(array: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Codes of the values as text; a null, a nan and a blank cell link nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(array.type):  # whole numbers with a gap arrive as floats from pandas
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
        if pc.all(pc.equal(pc.floor(array), array)).as_py():
            array = array.cast(pa.int64())
    text = array.cast(pa.large_string())
    empty = pc.or_(pc.is_null(text), pc.equal(pc.utf8_trim_whitespace(pc.fill_null(text, "")), ""))
    used = ~empty.to_numpy(zero_copy_only=False)
    (codes,), names = encode_together(text.filter(pa.array(used)))
    all_codes = np.full(len(array), -1, np.int64)
    all_codes[used] = codes
    return all_codes, names


def _read_assignment(data: object, roles: Columns, problems: Problems) -> _Assigned:
    table = open_table(data, "assignment", roles, problems=problems, required=("arm",))
    if not table.has("customer"):
        table.roles = replace(roles, customer=roles.person)
    table.require("customer")
    arm = keys(table, "arm")
    codes = np.empty(0, np.int64) if arm is None else encode_together(arm)[0][0]
    at = instants(table, "assigned_at") if table.has("assigned_at") else None
    return _Assigned(table, keys(table, "customer"), codes, at)


def _resolve(links: _Links, names: tuple[str, ...], max_share: int, assigned: _Assigned | None) -> Identity:
    import pyarrow as pa

    (codes,), customers = encode_together(links.customer)
    used, findings = _usable_rows(links, codes, customers, assigned)
    edges, shared = _edges(links, codes, used, max_share)
    person, persons = _components(customers, edges)
    if shared:
        findings.append(_shared_finding(shared, max_share))
    if assigned is not None:
        findings.append(_two_arms(links.customer, codes, person, persons, assigned))
    sizes = np.bincount(person, minlength=len(persons))
    values = {"customers": len(customers), "persons": len(persons), "largest": int(sizes.max(initial=0))}
    recipe = Recipe(
        method="connected_components",
        definitions=("PERSON",),
        settings={"ids": ", ".join(names), "max_share": max_share},
        n={"rows": len(codes), "customers": len(customers), "persons": len(persons)},
        fingerprint=fingerprint({names[0]: links.customer, **links.raw}),
    )
    array = pa.array(list(customers), links.customer.type)
    text = pa.array(persons[person], pa.large_string())
    found = (Finding(code="IDENTITY", status="note", values=values), *findings)
    return Identity(customers=array, persons=text, findings=found, recipe=recipe)


def _usable_rows(
    links: _Links, codes: NDArray[np.int64], customers: NDArray[np.object_], assigned: _Assigned | None
) -> tuple[NDArray[np.bool_], list[Finding]]:
    """Which rows may link, and what is to be said about the dates."""
    used = np.ones(len(codes), bool)
    if assigned is None:
        return used, []
    if links.time is None or assigned.at is None or not len(assigned.at):
        return used, [Finding(code="LINKS_UNDATED", status="unknown", values={"rows": len(codes)})]
    row = _row_of(assigned.customer, links.customer)
    first = np.full(len(customers) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, np.where(row >= 0, codes[row], len(customers)), assigned.at)
    limit = np.where(first == np.iinfo(np.int64).max, assigned.at.max(), first)
    used = links.time <= limit[codes]
    late = int((~used).sum())
    return used, [Finding(code="LINKS_LATE", status="note", values={"rows": late})] if late else []


def _row_of(wanted: pa.Array, known: pa.Array) -> NDArray[np.int64]:
    """The first row of each wanted key among the known ones; -1 where there is none."""
    import pyarrow.compute as pc

    position = pc.fill_null(pc.index_in(wanted, value_set=known), -1)
    return np.asarray(position.to_numpy(zero_copy_only=False), np.int64)


_Edges = list[tuple["NDArray[np.int64]", "NDArray[np.int64]", int]]
_Shared = list[tuple[int, str, str]]


def _edges(links: _Links, codes: NDArray[np.int64], used: NDArray[np.bool_], max_share: int) -> tuple[_Edges, _Shared]:
    """Customer and value of every link in use, per link column; and the values of too many customers."""
    edges: _Edges = []
    shared: _Shared = []
    for name, (value, names) in links.values.items():
        there = used & (value >= 0)
        count = int(codes.max(initial=0)) + 1
        linked, customer = np.divmod(np.unique(value[there] * count + codes[there]), count)  # each pair once
        customers_of = np.bincount(linked, minlength=len(names))
        wide = np.flatnonzero(customers_of > max_share)
        shared += [(int(customers_of[code]), name, str(names[code])) for code in wide]
        kept = customers_of[linked] <= max_share
        edges.append((customer[kept], linked[kept], len(names)))
    return edges, sorted(shared, key=lambda item: (-item[0], item[1], item[2]))


def _components(customers: NDArray[np.object_], edges: _Edges) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """The person of every customer, as codes into the persons' ids (the smallest customer number, as text)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(customers)
    nodes = count + sum(size for _, _, size in edges)
    starts = np.cumsum([count, *(size for _, _, size in edges)])[: len(edges)]
    left = np.concatenate([customer for customer, _, _ in edges])
    right = np.concatenate([value + start for (_, value, _), start in zip(edges, starts, strict=True)])
    ends = (left.astype(np.intc), right.astype(np.intc))  # older SciPy knows no other indexes in its graph routines
    graph = coo_array((np.ones(len(left), np.int8), ends), shape=(nodes, nodes))
    component = connected_components(graph.tocsr(), directed=False)[1][:count] if nodes else np.empty(0, np.int64)
    text = np.array([str(item) for item in customers], dtype=object)
    order = np.array(sorted(range(count), key=text.__getitem__), np.int64)
    _, first, person_in_order = np.unique(component[order], return_index=True, return_inverse=True)
    person = np.empty(count, np.int64)
    person[order] = person_in_order
    return person, text[order[first]]


def _shared_finding(shared: _Shared, max_share: int) -> Finding:
    listed = ", ".join(f"{name} {value} ({count:,})" for count, name, value in shared[:_SHOWN_EXAMPLES])
    values = {
        "links": len(shared),
        "max_share": max_share,
        "examples": listed + (" ..." if len(shared) > _SHOWN_EXAMPLES else ""),
        "ignored": tuple((name, value, count) for count, name, value in shared),
    }
    return Finding(code="LINKS_SHARED", status="warn", values=values)


def _two_arms(
    customer: pa.Array,
    codes: NDArray[np.int64],
    person: NDArray[np.int64],
    persons: NDArray[np.object_],
    assigned: _Assigned,
) -> Finding:
    """Persons whose customers were assigned to more than one arm."""
    row = _row_of(assigned.customer, customer)
    known = row >= 0
    count = int(assigned.arm.max(initial=0)) + 1
    pairs = np.unique(person[codes[row[known]]] * count + assigned.arm[known])
    arms = np.bincount(pairs // count, minlength=len(persons))
    twice = np.flatnonzero(arms > 1)
    total = int((arms > 0).sum())
    share = len(twice) / total if total else 0.0
    listed = sorted(str(item) for item in persons[twice])
    values = {
        "persons": len(twice), "assigned": total, "share": share,
        "examples": ", ".join(listed[:_SHOWN_EXAMPLES]), "listed": tuple(listed),
        "unlinked": int((~known).sum()),
    }  # fmt: skip
    # A fact, not a judgement: how many are too many is for the experiment to say.
    return Finding(code="TWO_ARMS", status="note" if len(twice) else "pass", values=values)
