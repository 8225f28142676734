"""Audiences as a result: one row per customer, one Boolean column per scene."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.records import Field, Records, TabularResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from experiments.wakeup.scenes_declared import Scene

__all__ = ["Audiences"]

messages.register("experiments")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Audiences(TabularResult):
    """Who is in which scene, as of the moment of the assignment.

    Columns: person_id, evaluated_at, one Boolean column per scene; one row per customer. A customer may be in several
    scenes, or in none.

    Attributes:
        persons: The keys, sorted.
        moments: The moment of each, microseconds since 1970 UTC.
        member: Of every scene, who is in it.
        scenes: The scenes.
        findings: Events that nobody did, persons who are no customers.
        recipe: How it was made.
    """

    persons: pa.Array
    moments: NDArray[np.int64]
    member: Mapping[str, NDArray[np.bool_]]
    scenes: Mapping[str, Scene]
    findings: tuple[Finding, ...]
    recipe: Recipe

    @property
    def counts(self) -> dict[str, int]:
        """Customers of every scene."""
        return {name: int(np.count_nonzero(held)) for name, held in self.member.items()}

    def overlaps(self) -> Records:
        """Customers who are in two scenes at once: scene, other, customers, share (of the first scene).

        The share is None with an empty scene.
        """
        rows = [
            {
                "scene": one, "other": two, "customers": int(np.count_nonzero(held & self.member[two])),
                "share": float(np.count_nonzero(held & self.member[two]) / held.sum()) if held.any() else None,
            }
            for one, held in self.member.items() for two in self.member if one != two
        ]  # fmt: skip
        fields = (Field("scene", "text"), Field("other", "text"), Field("customers", "count"), Field("share", "rate"))
        return Records.from_rows(fields, rows)

    def audience(self, name: str) -> Audiences:
        """The customers of one scene, with all columns.

        Raises:
            InputError: When there is no such scene.
        """
        if name not in self.member:
            raise InputError(f"there is no scene {name!r}. {closest(str(name), self.member)}")
        rows = np.flatnonzero(self.member[name])
        return replace(
            self,
            persons=self.persons.take(rows),
            moments=self.moments[rows],
            member={scene: held[rows] for scene, held in self.member.items()},
        )

    def _records(self) -> Records:
        import pyarrow as pa

        kind = pa.timestamp("us", str(self.recipe.settings["timezone"]))
        fields = [Field("person_id", "text"), Field("evaluated_at", "date")]
        fields += [Field(name, "text") for name in self.member]
        return Records(
            tuple(fields), (self.persons, pa.array(self.moments).cast(kind), *map(pa.array, self.member.values()))
        )

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        n = len(self.persons)
        counts = self.counts
        rows = [
            {"scene": name, "definition": self.scenes[name].text(), "customers": counts[name],
             "share": counts[name] / n if n else None}
            for name in self.member
        ]  # fmt: skip
        fields = (
            Field("scene", "text"), Field("definition", "text"), Field("customers", "count"), Field("share", "rate"),
        )  # fmt: skip
        several = int(np.count_nonzero(sum(held.astype(np.int64) for held in self.member.values()) > 1))
        none = n - int(np.count_nonzero(np.logical_or.reduce(list(self.member.values()))))
        title = messages.text("SCENES.title", {"n": n, "at": str(self.recipe.settings["at"])})
        told = messages.text("SCENES.overlap", {"several": several, "none": none})
        notes = [finding.text() for finding in self.findings]
        table = records_table(Records.from_rows(fields, rows))
        return Display(title, (table, told, *self.recipe.sentences(), *notes))
