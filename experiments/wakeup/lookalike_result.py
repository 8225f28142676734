"""Look-alikes, as a result without arms and without effects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from experiments.wakeup.effective_result import in_words
from experiments.wakeup.shown_rows import reasons

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from experiments.wakeup.lookalike_balance import BalanceRow
    from experiments.wakeup.lookalike_search import Likes

__all__ = ["LookalikeBalance", "Lookalikes"]

_FIELDS = (
    Field("person_id", "text"), Field("match_id", "text"), Field("equal", "count"), Field("ties", "count"),
    Field("matches", "count"), Field("chance", "rate"), Field("note", "text"),
)  # fmt: skip
_BALANCE = (
    Field("column", "text"), Field("level_value", "text"), Field("used", "text"), Field("mean_customers"),
    Field("mean_pool"), Field("mean_matched"), Field("mean_likes"), Field("smd_before", "ratio"),
    Field("smd_after", "ratio"), Field("note", "text"),
)  # fmt: skip
_EQUAL = (Field("equal", "count"), Field("customers", "count"), Field("ties_mean"), Field("chance", "rate"))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class LookalikeBalance(TabularResult):
    """Standardised mean differences before and after matching.

    Columns: column, level_value, used ("used" or "other"), mean_customers, mean_pool, mean_matched (customers with a
    match), mean_likes (their matches), smd_before, smd_after, note (NO_SPREAD, NO_MATCH).

    Attributes:
        rows: The rows.
        recipe: How it was made.
    """

    rows: tuple[BalanceRow, ...]
    recipe: Recipe

    def _records(self) -> Records:
        listed = [
            {
                "column": row.column, "level_value": row.level, "used": "used" if row.used else "other",
                "mean_customers": row.sought, "mean_pool": row.pool, "mean_matched": row.matched,
                "mean_likes": row.likes, "smd_before": row.before, "smd_after": row.after,
                "note": row.note,
            }
            for row in self.rows
        ]  # fmt: skip
        return Records.from_rows(_BALANCE, listed)

    def _display(self) -> Display:
        table = records_table(in_words(self._records(), "used"), decisive="smd_after")
        why = reasons(row.note for row in self.rows)
        return Display(messages.text("LOOKALIKE.balance"), (table, *why, messages.text("LOOKALIKE.hypothesis")))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Lookalikes(TabularResult):
    """For each customer the best match of the pool: a hypothesis, not a control group.

    Columns: person_id, match_id, equal (attributes), ties (members as good as the match), matches (members with enough
    equal attributes), chance (that the pool holds a match by luck), note (NO_MATCH).

    Attributes:
        persons: Keys of the customers, sorted.
        likes: Keys of the pool, sorted.
        found: What was found for each customer.
        chance: For each customer the chance of a match by luck.
        balance_rows: Means before and after.
        findings: What must be known.
        recipe: How it was made.
    """

    persons: pa.Array
    likes: pa.Array
    found: Likes
    chance: NDArray[np.float64]
    balance_rows: tuple[BalanceRow, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    @property
    def matched(self) -> int:
        """Customers with a match."""
        return int(np.count_nonzero(self.found.pick >= 0))

    @property
    def used(self) -> int:
        """Different members of the pool that are a match."""
        return len(np.unique(self.found.pick[self.found.pick >= 0]))

    @property
    def most_used(self) -> int:
        """Customers of the member of the pool that serves most."""
        picked = self.found.pick[self.found.pick >= 0]
        return int(np.bincount(picked).max()) if len(picked) else 0

    @property
    def share_by_luck(self) -> float:
        """Share of customers who would find a match by luck, were the attributes independent."""
        return float(np.mean(self.chance)) if len(self.chance) else 0.0

    def balance(self) -> LookalikeBalance:
        """How alike customers and matches are, on the attributes used and on the others."""
        return LookalikeBalance(rows=self.balance_rows, recipe=self.recipe)

    def with_findings(self, findings: tuple[Finding, ...]) -> Lookalikes:
        """The same result with its findings."""
        return replace(self, findings=findings)

    def _records(self) -> Records:
        import pyarrow as pa

        there = self.found.pick >= 0
        match = self.likes.take(pa.array(np.where(there, self.found.pick, 0), mask=~there))
        equal = pa.array(self.found.equal, mask=~there)
        note = np.where(there, "", "NO_MATCH").astype(object)
        columns: tuple[Any, ...] = (
            self.persons, match, equal, self.found.ties, self.found.matches, self.chance, note,
        )  # fmt: skip
        return Records(_FIELDS, columns)

    def _display(self) -> Display:
        rows = []
        there = self.found.pick >= 0
        for number in np.unique(self.found.equal[there])[::-1]:
            here = there & (self.found.equal == number)
            rows.append({
                "equal": int(number), "customers": int(here.sum()), "ties_mean": float(np.mean(self.found.ties[here])),
                "chance": float(np.mean(self.chance[here])),
            })  # fmt: skip
        counts: dict[str, object] = {**self.recipe.n, "matched": self.matched, "luck": self.share_by_luck}
        counts |= {"without": self.recipe.n["customers"] - self.matched, "used": self.used, "most": self.most_used}
        table = records_table(Records.from_rows(_EQUAL, rows))
        parts = (messages.text("LOOKALIKE.counts", counts), *self.recipe.sentences())
        notes = (messages.text("LOOKALIKE.hypothesis"), *(finding.text() for finding in self.findings))
        return Display(messages.text("LOOKALIKE.title", counts), (table, *parts, *notes))
