"""Persons who should not be in the logs: test accounts, and those whom the customers table does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.findings import Finding

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.customers import Customers

__all__ = ["strangers"]

_SHOWN = 5


def strangers(customers: Customers | None, touched: pa.Array | None, converted: pa.Array | None) -> tuple[Finding, ...]:
    """Test accounts, and persons that the customers table lacks, among those who were touched or converted.

    Nobody is removed. A log whose persons are of another type than the customers' is left alone: that is a problem of
    its own (KEY_TYPE_MISMATCH).

    Args:
        customers: The checked customers; without them nothing can be said.
        touched: Person of each touch.
        converted: Person of each conversion row.
    """
    if customers is None:
        return ()
    logs = [None if log is None or log.type != customers.person.type else log for log in (touched, converted)]
    found = []
    if customers.is_test is not None:
        import pyarrow as pa

        testers = customers.person.filter(pa.array(customers.is_test))
        values, _ = _rows_of(logs, testers, inside=True)
        if values["persons"]:
            found.append(Finding(code="TEST_ACCOUNTS", status="warn", values=values))
    values, examples = _rows_of(logs, customers.person, inside=False)
    if values["persons"]:
        shown = {"examples": ", ".join(examples)}
        found.append(Finding(code="UNKNOWN_PERSONS", status="warn", values={**values, **shown}))
    return tuple(found)


def _rows_of(logs: list[pa.Array | None], persons: pa.Array, *, inside: bool) -> tuple[dict[str, int], list[str]]:
    """Rows of the logs whose person is among some persons (or is not), the number of these, and a few of them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    counts, who = [], []
    for log in logs:
        if log is None:
            counts.append(0)
            continue
        known: NDArray[np.bool_] = pc.is_in(log, value_set=persons).to_numpy(zero_copy_only=False).astype(bool)
        mine = known if inside else ~known
        counts.append(int(mine.sum()))
        who.append(pc.unique(log.filter(pa.array(mine))))
    if not who:
        return {"persons": 0, "touches": 0, "conversions": 0}, []
    different = pc.unique(pa.concat_arrays(who))
    first = different.take(pc.sort_indices(different)).slice(0, _SHOWN).to_pylist()
    return {"persons": len(different), "touches": counts[0], "conversions": counts[1]}, [str(name) for name in first]
