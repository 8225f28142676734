"""The coverage of credit intervals, rank sets and differences, for the table in docs/reference/simulated-coverage.md.

Print it: `PYTHONPATH=.:tests python tests/statistical/credit_coverage.py [worlds] [design ...]`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

import numpy as np

import attribution as at
from attribution.core.randomness import generator
from statistical.credit_worlds import CHANNELS, EVEN, Design, draw
from statistical.redraw import band

SEED = 2026
RULES = ("linear", "last_touch")
PATHS = (at.Markov(), at.Shapley(value="rate", name="shapley_rate"))
QUOTIENTS = ("cost_per_conversion", "return_on_spend")
DESIGNS = {
    "even channels": Design(persons=20_000, rate=0.02, weights=EVEN),
    "uneven channels": Design(persons=20_000, rate=0.02),
    "uneven, N known, frequent": Design(persons=1_000, rate=0.4, known=True),
    "few persons in all": Design(persons=4_000, rate=0.02),
    "heavy converters": Design(persons=20_000, rate=0.03, heavy=0.3),
    "heavy converters, N known": Design(persons=2_000, rate=0.3, heavy=0.3, known=True, ordered=False),
    "values, sigma 1": Design(persons=20_000, rate=0.03, sigma=1.0, figures=("value",), ordered=False),
    "values, sigma 1.5": Design(persons=20_000, rate=0.03, sigma=1.5, figures=("value",), ordered=False),
    "cost by person": Design(persons=2_000, rate=0.25, sigma=0.5, costs=True, figures=QUOTIENTS, ordered=False),
    "paths": Design(persons=1_000, rate=0.15, nulls=True),
    "paths, N known": Design(persons=1_000, rate=0.15, nulls=True, known=True, ordered=False),
}
POINTS = {"share": "share_of_attributed"}
# Rows whose channel has at least 30 converting persons in at least this share of the worlds lie in the bands.
SURE = 0.99
FLOOR = 0.93


@dataclass
class Measured:
    """What the intervals of one design did.

    Attributes:
        low: (model, channel, figure): lower end in every world.
        high: Likewise.
        point: Likewise.
        holders: (model, channel): converting persons in every world.
        sets: (rank_low, rank_high) of each channel by the first model, in every world.
        differences: The interval of a - b by the first model, in every world.
        first: The first model.
    """

    low: dict = field(default_factory=dict)
    high: dict = field(default_factory=dict)
    point: dict = field(default_factory=dict)
    holders: dict = field(default_factory=dict)
    sets: list = field(default_factory=list)
    differences: list = field(default_factory=list)
    first: str = "linear"

    def add(self, store, key, value):
        store.setdefault(key, []).append(np.nan if value is None else value)

    def truth(self, model, channel, figure):
        """The mean over the worlds; of a quotient the quotient of the means, but for shares of models of paths."""

        def mean(name, where=channel):
            return np.nanmean(self.point[model, where, name])

        if figure == "share" and model in RULES:
            return mean("conversions") / sum(mean("conversions", other) for other in CHANNELS)
        if figure == "cost_per_conversion":
            return mean("cost") / mean("conversions")
        if figure == "return_on_spend":
            return mean("value") / mean("cost")
        return mean(figure)

    def rows(self):
        """One row per interval: (model, channel, figure, persons, sure, coverage, above, below)."""
        found = []
        for (model, channel, figure), lows in self.low.items():
            low, high = np.array(lows), np.array(self.high[model, channel, figure])
            true, persons = self.truth(model, channel, figure), np.array(self.holders[model, channel])
            slack = 1e-9 * abs(true)
            above, below = int((low > true + slack).sum()), int((high < true - slack).sum())
            sure = (persons >= 30).mean() >= SURE
            found.append((model, channel, figure, persons.mean(), sure, len(low) - above - below, above, below))
        return found

    def ranks_held(self):
        """Worlds whose rank sets hold every true rank; equal channels have all ranks that a tie allows."""
        true = [self.truth(self.first, channel, "conversions") for channel in CHANNELS]
        if np.ptp(true) < 0.05 * np.mean(true):  # means of equal channels
            true = [1.0] * len(true)
        best = [1 + sum(other > one for other in true) for one in true]
        worst = [len(true) - sum(other < one for other in true) for one in true]
        return sum(
            all(low <= first and high >= last for (low, high), first, last in zip(world, best, worst, strict=True))
            for world in self.sets
        )

    def differences_held(self):
        """Coverage and both tails of the interval of a - b."""
        true = self.truth(self.first, "a", "conversions") - self.truth(self.first, "b", "conversions")
        above = sum(low > true for low, _ in self.differences)
        below = sum(high < true for _, high in self.differences)
        return len(self.differences) - above - below, above, below


def measure(name, worlds, *, replicates=400):
    """The intervals of some worlds of a design, all through the public functions; ranks in a quarter of them."""
    design = DESIGNS[name]
    found = Measured(first="markov" if design.nulls else "linear")
    population = design.persons if design.known else None
    models = PATHS if design.nulls else RULES
    options = {"replicates": replicates} if design.nulls else {}
    far = at.Rules(lookback="30d")
    for number in range(worlds):
        world = draw(design, generator(SEED, f"{name}.{number}"))
        observed = None
        if design.nulls:
            observed = (world.touches["time"].min(), world.touches["time"].max() + np.timedelta64(100, "D"))
        credit = at.attribute(world.touches, world.conversions, models=models, rules=far, observed=observed)
        if world.spend is not None:
            credit = credit.with_costs(world.spend)
        _collect(found, credit.table(level=0.95, population=population, **options), world, design.figures)
        if design.ordered and 4 * number < worlds:
            _collect_order(found, credit, population, options)
    return found


def _collect_order(found, credit, population, options):
    """Rank sets and the difference of the first two channels by the first model."""
    first = credit.models[0].name
    table = credit.ranks(population=population, **options).table()
    held = table[table["model"] == first].set_index("channel").reindex(CHANNELS)
    # A channel without a converting person is not in the table: nothing is said about its rank.
    ends = held[["rank_low", "rank_high"]].fillna({"rank_low": 1, "rank_high": len(held)})
    found.sets.append([tuple(pair) for pair in ends.itertuples(index=False)])
    row = credit.beats("a", "b", model=first, population=population, **options).to_dicts()[0]
    found.differences.append((row["difference_low"], row["difference_high"]))


def _collect(found, table, world, figures):
    table = table[table["channel"] != "(none)"]
    have = [name for name in figures if f"{name}_low" in table]
    for model, rows in table.groupby("model"):
        part = rows.set_index("channel").reindex(CHANNELS)
        holders = world.holders[model if model in RULES else "linear"]
        for place, channel in enumerate(CHANNELS):
            found.add(found.holders, (model, channel), holders[place])
            row = part.iloc[place]
            absent = np.isnan(row["conversions"])  # no converting person: the table has no such row
            for name in have:
                found.add(found.point, (model, channel, name), 0.0 if absent else row[POINTS.get(name, name)])
                found.add(found.low, (model, channel, name), 0.0 if absent else row[f"{name}_low"])
                found.add(found.high, (model, channel, name), np.inf if absent else row[f"{name}_high"])
            for name in {"conversions", "value"}.difference(have):
                found.add(found.point, (model, channel, name), 0.0 if absent else row[name])
            if "cost" in table:
                found.add(found.point, (model, channel, "cost"), row["cost"])


def summary(rows, worlds, cells):
    """One line per model, figure and kind of channel: rows, coverage from to, worst tails, rows outside."""
    least, most = band(worlds, 0.95, cells)
    lines = []
    for key in dict.fromkeys((row[0], row[2], bool(row[4])) for row in rows):
        part = [row for row in rows if (row[0], row[2], bool(row[4])) == key]
        held = [row[5] for row in part]
        outside = sum(not least <= count <= most if key[2] else count < FLOOR * worlds for count in held)
        persons = [row[3] for row in part]
        lines.append((*key, min(persons), max(persons), len(part), min(held), max(held),
                      max(row[6] for row in part), max(row[7] for row in part), outside))  # fmt: skip
    return lines


def main():
    """Print the tables."""
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000
    names = sys.argv[2:] or list(DESIGNS)
    counts = {name: worlds // 4 if DESIGNS[name].nulls else worlds for name in names}
    measured = {}
    for name in names:
        measured[name] = measure(name, counts[name])
        worst = sorted((row[5] / counts[name], *row[:4]) for row in measured[name].rows())[:3]
        print(name, worst, file=sys.stderr, flush=True)
    rows = {name: found.rows() for name, found in measured.items()}
    cells = max(sum(bool(row[4]) for part in rows.values() for row in part), 1)
    least, most = band(worlds, 0.95, cells)
    print(f"{worlds:,} worlds a design; {cells} rows in the bands: {least / worlds:.2%} to {most / worlds:.2%}")
    least, most = band(worlds // 4, 0.95, cells)
    print(f"{worlds // 4:,} worlds with models of paths: {least / (worlds // 4):.2%} to {most / (worlds // 4):.2%}\n")
    print("| design | model | figure | persons with credit | rows | coverage | most above | most below | outside |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, part in rows.items():
        size = counts[name]
        for model, figure, sure, few, many, count, low, high, above, below, out in summary(part, size, cells):
            persons = f"{few:.0f} to {many:.0f}" + ("" if sure else " *")
            rates = f"{low / size:.1%} to {high / size:.1%} | {above / size:.1%} | {below / size:.1%}"
            print(f"| {name} | {model} | {figure} | {persons} | {count} | {rates} | {out or '-'} |")
    print("\n\\* fewer than 30 persons with credit in more than 1 % of the worlds\n")
    print("| design | model | worlds | rank sets hold all true ranks | a - b covered | above | below |")
    print("|---|---|---|---|---|---|---|")
    for name, found in measured.items():
        if found.sets:
            size = len(found.sets)
            shares = " | ".join(f"{count / size:.1%}" for count in (found.ranks_held(), *found.differences_held()))
            print(f"| {name} | {found.first} | {size:,} | {shares} |")


if __name__ == "__main__":
    main()
