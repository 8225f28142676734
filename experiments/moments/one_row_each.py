"""One row per person: told where a table names its persons, for functions that are not told their column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from attribution.core.values import duplicates
from experiments.moments.columns import in_memory

if TYPE_CHECKING:
    from attribution.core.tables import Table

__all__ = ["note_repeated_persons"]

_SAID = (
    "a person has more than one row; rows of one person are not independent. Make one row per person, for example with "
    "build_outcomes; if the column names no persons, leave it out of the table or give it another name"
)


def note_repeated_persons(table: Table) -> None:
    """Note a person with several rows (REPEATED_PERSON), if the table has the column that its roles call the person.

    A table without that column says nothing of persons: each of its rows is taken for one. Rows with an empty cell
    there are left to who asks for the column.

    Example:
        >>> import pandas as pd
        >>> from attribution.core.columns import Columns
        >>> from attribution.core.tables import Problems, open_table
        >>> table = open_table(pd.DataFrame({"person_id": ["a", "b", "a"]}), "outcomes", Columns(), problems=Problems())
        >>> note_repeated_persons(table)
        >>> [(issue.code, issue.count) for issue in table.problems.issues]
        [('REPEATED_PERSON', 1)]
    """
    name = table.roles.person
    if name not in table.names:
        return
    kind = table.lazy().collect_schema()[name]
    if in_memory(table) and (kind == nw.String or kind.is_integer()):
        repeated, examples = duplicates(table.arrow(name).drop_null())
    else:
        keys = table.lazy().filter(~nw.col(name).is_null()).select(rows=nw.len(), different=nw.col(name).n_unique())
        counted = keys.collect("pyarrow")
        repeated, examples = int(counted.get_column("rows").item() - counted.get_column("different").item()), []
    if repeated:
        table.problems.add("REPEATED_PERSON", table.name, name, repeated, message=_SAID, examples=examples)
