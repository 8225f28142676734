"""Who in the pool looks like a dormant customer? A source of hypotheses, never an estimate of an effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.randomness import check_seed, generator
from attribution.core.recipe import Recipe
from attribution.core.tables import Problems, open_table
from attribution.core.values import same_key_kind
from attribution.core.whole import check_whole
from experiments.wakeup.effective_columns import joined_by, rows_of_persons, unique_keys
from experiments.wakeup.effective_spend import listed_names
from experiments.wakeup.lookalike_balance import balance_rows
from experiments.wakeup.lookalike_chance import matched_by_luck
from experiments.wakeup.lookalike_codes import read_profiles
from experiments.wakeup.lookalike_result import Lookalikes
from experiments.wakeup.lookalike_search import search

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table

__all__ = ["match_lookalikes"]

messages.register("experiments")

_BY_LUCK = 0.05  # share of persons with a match by luck above which a match says little (judgement)
_UNLIKE = 0.1  # standardised difference above which two groups are unlike (Austin 2009)


def match_lookalikes(  # noqa: PLR0913 - two tables and their options, keyword-only
    customers: object,
    pool: object,
    *,
    attributes: Sequence[str],
    at_least: int | None = None,
    others: str | Sequence[str] | None = None,
    most_pairs: int = 200_000_000,
    seed: int = 0,
    columns: ColumnsLike = None,
) -> Lookalikes:
    """For each customer the members of a pool with the most equal attributes.

    The idea of persona matching: what suits an active customer with the same 5 known attributes may suit the dormant
    one. That is a hypothesis about what to offer. Being alike on the attributes that are known says nothing about the
    others, and the pool is active for reasons of its own; so the result has no arms and no effects and cannot serve
    as a control group. To learn whether the offer works, assign it at random.

    match(i, j) = number of attributes with equal values; a match has at least `at_least` of them. Empty cells never
    agree, not with each other either. Of several equally good members one is drawn at random by the seed (whatever the
    order of the rows); members may serve several customers.

    By luck: a stranger agrees on an attribute as often as its value is frequent in the pool. If the attributes were
    independent, the number of agreements would be Poisson-binomial; `chance` is the probability that at least one
    member of the pool matches then. With few attributes and a large pool it is near 1, and a match means next to
    nothing. Attributes that go together make luck more frequent still.

    Args:
        customers: One row per customer whose likes are sought.
        pool: One row per candidate; nobody of the customers may be in it.
        attributes: Columns of both tables that are compared for equality.
        at_least: Least number of equal attributes; all of them when None.
        others: Further columns of both tables whose balance is shown.
        most_pairs: Largest number of pairs of profiles that are compared; beyond, an error says what to do.
        seed: Seed of the draw among ties.
        columns: Names of the columns, for the tables ``"customers"`` and ``"pool"``.

    Returns:
        Per customer: person_id, match_id, equal, ties, matches, chance, note (NO_MATCH). `.balance()`: standardised
        mean differences before and after, on the attributes used and on the others.

    Raises:
        TableError: Every problem of the tables; IN_BOTH_TABLES for customers who are in the pool.
        InputError: `at_least` out of range, no attribute, or too many pairs.

    References:
        Austin (2009), Statistics in Medicine 28:3083 (standardised differences). Le Cam (1960), Pacific Journal of
        Mathematics 10:1181.

    Verified against comparing everybody with everybody (tests/oracles/lookalikes.py), and the chance against simulated
    independent attributes.

    Example:
        >>> import pandas as pd
        >>> sleepers = pd.DataFrame({"person_id": ["s1", "s2"], "city": ["A", "B"], "sex": ["f", "m"], "age": [30, 40]})
        >>> active = pd.DataFrame({"person_id": ["a1", "a2"], "city": ["A", "A"], "sex": ["f", "m"], "age": [30, 50]})
        >>> found = match_lookalikes(sleepers, active, attributes=["city", "sex", "age"], at_least=2)
        >>> [(row["person_id"], row["match_id"], row["equal"], row["note"]) for row in found.to_dicts()]
        [('s1', 'a1', 3, ''), ('s2', None, None, 'NO_MATCH')]
    """
    names, further = listed_names("attributes", attributes), listed_names("others", others)
    least = _least(names, at_least)
    most_pairs = check_whole("most_pairs", most_pairs, least=1)
    lots = generator(check_seed(seed), "look-alikes, ties")
    problems = Problems()
    sought = open_table(customers, "customers", columns_for(columns, "customers"), problems=problems,
                        required=("person",))  # fmt: skip
    members = open_table(pool, "pool", columns_for(columns, "pool"), problems=problems, required=("person",))
    persons, likes = unique_keys(sought), unique_keys(members)
    for name in further:
        for table in (sought, members):
            table.require_names(name)
    if persons is not None and likes is not None and same_key_kind([(sought, persons), (members, likes)], "person"):
        _apart(members, persons, likes)
    problems.raise_if_any()
    if persons is None or likes is None:  # pragma: no cover - noted above, so the line above has raised
        raise InputError("both tables need a person in every row.")
    rows = (rows_of_persons(persons), rows_of_persons(likes))
    profiles = read_profiles(sought, members, names, rows)
    problems.raise_if_any()
    if profiles is None:  # pragma: no cover - noted above, so the line above has raised
        raise InputError("the attributes cannot be compared.")
    found = search(profiles, least, lots.integers(0, 2**62, len(rows[0])), most_pairs=most_pairs)
    _, chance = matched_by_luck(profiles, least)
    compared = [*((name, True) for name in names), *((name, False) for name in further if name not in names)]
    balance = balance_rows((sought, members), rows, compared, found.pick)
    problems.raise_if_any()
    recipe = Recipe(
        method="equal attributes",
        definitions=("LOOKALIKES",),
        settings={"attributes": ", ".join(names), "of": len(names), "at_least": least, "seed": seed},
        n={"customers": len(rows[0]), "pool": len(rows[1]), "pairs": found.pairs},
    )
    made = Lookalikes(
        persons=persons.take(rows[0]), likes=likes.take(rows[1]), found=found, chance=chance, balance_rows=balance,
        findings=(), recipe=recipe,
    )  # fmt: skip
    return made.with_findings(_findings(made))


def _least(names: tuple[str, ...], at_least: int | None) -> int:
    if not names:
        raise InputError("attributes must name at least one column.")
    least = len(names) if at_least is None else at_least
    return check_whole("at_least", least, least=1, most=len(names), more=" (the attributes)")


def _apart(members: Table, persons: pa.Array, likes: pa.Array) -> None:
    """Note customers who are in the pool: each would match itself."""
    inside = np.flatnonzero(joined_by(persons, likes) >= 0)
    if len(inside):
        examples = sorted(str(likes[int(row)].as_py()) for row in inside[:1000])[:5]
        message = "persons are customers and members of the pool at once and would match themselves; take them out"
        members.problems.add(
            "IN_BOTH_TABLES", members.name, members.roles.person, len(inside), message=message, examples=examples
        )


def _findings(made: Lookalikes) -> tuple[Finding, ...]:
    values: dict[str, object] = {"matched": made.matched, "customers": made.recipe.n["customers"]}
    found = [Finding(code="HYPOTHESIS_ONLY", status="note", values=values)]
    luck = made.share_by_luck
    if luck > _BY_LUCK:
        values = {"luck": luck, "share": made.matched / made.recipe.n["customers"]}
        found.append(Finding(code="MATCHED_BY_LUCK", status="warn", values=values))
    unlike = [row for row in made.balance_rows if row.after is not None and abs(row.after) > _UNLIKE]
    if unlike:
        worst = max(unlike, key=lambda row: (abs(row.after or 0.0), row.column, row.level))
        name = worst.column if not worst.level else f"{worst.column} = {worst.level}"
        values = {"rows": len(unlike), "worst": name, "difference": worst.after, "limit": _UNLIKE}
        found.append(Finding(code="STILL_UNLIKE", status="warn", values=values))
    if made.matched and made.most_used > 10 * made.matched / max(1, made.used):
        values = {"used": made.used, "matched": made.matched, "most": made.most_used}
        found.append(Finding(code="FEW_LIKES", status="note", values=values))
    return tuple(found)
