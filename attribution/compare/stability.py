"""Do models disagree about ranks by more than chance? Ranks over models against the ranks that the data leave open."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attribution.compare.keys import heading
from attribution.core import messages
from attribution.core.estimates import check_level
from attribution.core.records import Field, Records
from attribution.core.render.display import Display, DisplayColumn, DisplayTable, column_label
from attribution.credit.interval_notes import sampling_notes
from attribution.credit.sampled import SampledResult

if TYPE_CHECKING:
    from attribution.credit.credit import Credit

__all__ = ["RankStability", "rank_stability"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class RankStability(SampledResult):
    """One row per key: rank_min, rank_max, possible_min, possible_max, disagreement, lower_model, higher_model.

    ``rank_min`` and ``rank_max`` are the ranks over the models, ``possible_min`` and ``possible_max`` the widest ends
    of the rank sets of all models. ``disagreement`` is "none" (one rank in every model), "within_chance" (some rank
    lies in the sets of all models) or "beyond_chance": the sets of two models, ``higher_model`` with the better ranks
    and ``lower_model`` with the worse, have no rank in common.

    Attributes:
        records: The rows, in the order of the credit table.
        level: Confidence level of all sets of all models together.
        models: Number of models.
        population: The persons at risk.
        resampled: The models of paths that were fitted to persons drawn anew, and the resamples that are left out.
        seed: Seed of the simulated critical values, and of the resampling of models of paths.
        replicates: Number of resamples.
    """

    models: int

    def _display(self) -> Display:
        columns = tuple(DisplayColumn(heading(field.name), field.kind) for field in self.records.fields)
        rows = self.records.to_dicts()
        for row in rows:
            row["disagreement"] = messages.text(f"COMPARE.DISAGREEMENT_{row['disagreement'].upper()}")
            for name in ("higher_model", "lower_model"):
                row[name] = "" if row[name] is None else column_label(row[name])
        table = DisplayTable(columns, tuple(tuple(row.values()) for row in rows))
        lines = (
            messages.text("COMPARE.STABILITY_MEANING", {"level": self.level, "n": self.models}),
            *sampling_notes(
                self._credit,
                self.population,
                self.resampled,
                replicates=self.replicates,
                seed=self.seed,
                costs=False,
            ),
            messages.text("COMPARE.STABILITY_SEED", {"seed": self.seed}),
            messages.text("CREDIT.NOT_CAUSE"),
        )
        return Display(messages.text("COMPARE.STABILITY_TITLE"), (table, *lines))


@dataclass(slots=True)
class _Key:
    """The ranks of one key under the models read so far: (model, rank, lowest, highest possible rank)."""

    found: list[tuple[str, int, int, int]]

    def row(self) -> dict[str, Any]:
        best = min(self.found, key=lambda item: item[3])  # its worst possible rank is the best
        worst = max(self.found, key=lambda item: item[2])  # its best possible rank is the worst
        ranks = [rank for _, rank, _, _ in self.found]
        apart = worst[2] > best[3]
        word = "beyond_chance" if apart else "none" if min(ranks) == max(ranks) else "within_chance"
        return {
            "rank_min": min(ranks),
            "rank_max": max(ranks),
            "possible_min": min(low for _, _, low, _ in self.found),
            "possible_max": max(high for _, _, _, high in self.found),
            "disagreement": word,
            "higher_model": best[0] if apart else None,
            "lower_model": worst[0] if apart else None,
        }


def rank_stability(
    credit: Credit, *, level: float, population: int | None, seed: int, replicates: int | None
) -> RankStability:
    """Hold the rank sets of the models against each other.

    Each model's sets are taken at 1 - (1 - level) / models, so that all of them hold together with the confidence
    `level` (Bonferroni). The models see the same persons, so this is on the safe side.
    """
    level = check_level(level)
    each = 1 - (1 - level) / len(credit.models)
    ranks = credit.ranks(level=each, population=population, seed=seed, replicates=replicates)
    names = [key.name for key in credit.cells.keys]
    found: dict[tuple[str, ...], _Key] = defaultdict(lambda: _Key([]))
    for row in ranks.to_dicts():
        item = (row["model"], row["rank"], row["rank_low"], row["rank_high"])
        found[tuple(row[name] for name in names)].found.append(item)
    fields = (
        *(Field(name, "text") for name in names),
        *(Field(name, "count") for name in ("rank_min", "rank_max", "possible_min", "possible_max")),
        *(Field(name, "text") for name in ("disagreement", "higher_model", "lower_model")),
    )
    rows = [{**dict(zip(names, key, strict=True)), **known.row()} for key, known in found.items()]
    return RankStability(
        records=Records.from_rows(fields, rows),
        level=level,
        models=len(credit.models),
        population=ranks.population,
        resampled=ranks.resampled,
        seed=seed,
        replicates=ranks.replicates,
        _credit=credit,
    )
