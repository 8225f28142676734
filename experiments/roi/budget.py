"""Which segments and steps to buy first under a budget, and what that list is worth to other persons."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import DesignError, InputError, closest
from attribution.core.estimates import check_level
from attribution.core.recipe import Recipe
from attribution.core.values import keys, labels, numbers
from attribution.core.whole import check_whole
from experiments.metrics import Rate
from experiments.readout.experiment import Experiment
from experiments.roi.allocation import Choice, allocate
from experiments.roi.arms import few_events
from experiments.roi.budget_result import BudgetOption, BudgetPlan
from experiments.roi.contrast_figures import net_of
from experiments.roi.cross_value import CrossData, CrossValue, cross_value, unit_hashes
from experiments.roi.guardrail_readings import read_contrasts
from experiments.roi.guardrails import worst_state
from experiments.roi.net_benefit import FEW_EVENTS
from experiments.roi.reading import CostReading, CostSource, read_costs
from experiments.roi.segment_cells import By, by_columns, segment_name
from experiments.roi.series import Thresholds, declared_values, series_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table
    from experiments.roi.allocation import Allocation
    from experiments.roi.contrasts import ContrastCosts
    from experiments.roi.guardrails import State

    Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    Counts = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

__all__ = ["plan_budget"]


def plan_budget(  # noqa: PLR0913 -- options by keyword
    outcomes: object,
    *,
    budget: float,
    by: By,
    thresholds: Thresholds,
    order: Sequence[str] | None = None,
    persons: Mapping[object, int] | None = None,
    partial: bool = True,
    woken: str = "woken",
    cost: str = "cost",
    experiment: Experiment | None = None,
    touches: object = None,
    level: float | None = None,
    folds: int = 5,
    splits: int = 11,
    seed: int = 0,
    campaign: str | Sequence[str] | None = None,
    columns: ColumnsLike = None,
) -> BudgetPlan:
    """Which segments and steps to buy first under a budget, and what the list will be worth.

    Each segment may get one arm, or nobody is contacted there. By the net benefit T x woken - cost of every arm and
    segment, steps are bought in the order of net benefit per unit of money until the budget is spent (see `allocate`
    for what is best when segments are bought whole). A list chosen as the best by these very figures looks better than
    it is: so its value is cross-fitted. The list is chosen anew on all folds but one and valued on that one, over all
    folds and repeated splits (`cross_value`); the naive value stands beside it. The list itself is printed with
    intervals that hold for all pairs of arms in all segments at once. Ranking by lower bounds is no correction for
    choosing; it only prefers large segments.

    Guardrails are not weighed: a step against which one speaks carries its code and is named in a sentence. Where a
    check of the experiment fails, the only sentence is that nothing may be bought.

    Args:
        outcomes: One row per person with the event and the full cost, for control persons too.
        budget: Money that may be spent beyond what the control costs.
        by: Column(s) of the segments, fixed before assignment.
        thresholds: What one woken customer is worth: one amount, or one per segment (a mapping, or a column).
        order: Arms that may be bought, the control first; None: every arm.
        persons: Persons to be contacted by segment (its name, or the values of its columns as a tuple); None: those of
            the experiment, all arms.
        partial: Whether the last segment may be contacted in part (a random share of it).
        woken: Column of the event, 0 or 1.
        cost: Column of the full cost per person.
        experiment: Gives arm, control, strata, cluster, shares and level; the default experiment otherwise.
        touches: The touches, for the leakage check.
        level: Confidence level; the experiment's by default.
        folds: Folds of a split.
        splits: How often the persons are dealt anew.
        seed: Seed of the deals.
        campaign: Name(s) of this campaign in the touches.
        columns: Names of the columns of the touches.

    Raises:
        TableError: As `cost_thresholds`.
        DesignError: As `cost_thresholds`; TOO_FEW_TO_CROSS_FIT.
        InputError: For a budget that is no amount, segments with several thresholds, or unusable options.

    Assumptions:
        As `cost_thresholds`; those contacted later answer as those of the experiment did; the cost of a step per person
        stays what it was (a fixed cost that is spread over the persons contacted does not).

    References:
        Dantzig (1957), Operations Research 5:266 (greedy order); Sinha and Zoltners (1979), Operations Research 27:503
        (multiple choice). Zhou, Athey and Wager (2023), Operations Research 71:148 (cross-fitted values).

    Verified against: an exhaustive search of whole segments (tests/oracles/knapsack.py) and scipy's linprog for
    shares; simulated populations of known truth for the value and for the optimism of the naive one
    (tests/statistical/budget_designs.py).

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> plan = ex.plan_budget(c.outcomes, budget=3_000, by="stratum", thresholds=85, order=c.order, splits=3)
        >>> plan.spent <= 3_000
        True
    """
    declared = Experiment({woken: Rate(woken)}) if experiment is None else experiment
    level = declared.level if level is None else check_level(level)
    money = _check_budget(budget)
    segments = by_columns(by)
    if not segments:
        raise InputError('a budget is spread over segments: name their column with by="...".')
    source = CostSource(
        outcomes=outcomes, experiment=declared, woken=woken, cost=cost, by=segments, touches=touches,
        campaign=campaign, columns=columns,
    )  # fmt: skip
    read = read_costs(source)
    arms = _arms(read, order)
    values = _one_each(read, thresholds, segments)
    options = _options(read, arms, values, level=level)
    sizes = _sizes(read, persons)
    found = _bought(options, sizes, list(values), money, partial=partial)
    rows = _Persons(read, source, arms=arms, values=values, sizes=sizes)
    cross = rows.value(money, partial=partial, folds=folds, splits=splits, seed=seed, level=level)
    return BudgetPlan(
        allocation=found,
        guardrails=_guarded(read, segments),
        options=tuple(options),
        arms=tuple(arms),
        segments=tuple(values),
        persons=tuple(sizes[name] for name in values),
        budget=money,
        cross=cross,
        findings=read.findings,
        level=level,
        recipe=Recipe(
            method="plan_budget",
            definitions=("BUDGET", "CROSS_VALUE"),
            settings={
                "level": level, "budget": money, "by": list(segments), "arms": arms, "folds": folds, "splits": splits,
                "seed": seed, "partial": partial, "thresholds": {str(name): value for name, value in values.items()},
            },
            n={"persons": read.persons},
        ),
    )  # fmt: skip


def _guarded(read: CostReading, by: Sequence[str]) -> dict[tuple[str, str], State]:
    """What the guardrails say of every arm against the control in every segment."""
    found = read_contrasts(read.table, read.experiment, read.pairs, by=by, segments=list(read.segments))
    read.table.problems.raise_if_any()
    return {(arm, str(name)): worst_state(readings) for (arm, _, name), readings in found.items()}


def _check_budget(budget: object) -> float:
    number = isinstance(budget, Real) and not isinstance(budget, bool)
    if not number or not 0.0 <= float(budget) < math.inf:  # type: ignore[arg-type]
        raise InputError(f"budget must be an amount of money, 0 or more, got {budget!r}.")
    return float(budget)  # type: ignore[arg-type]


def _arms(read: CostReading, order: Sequence[str] | None) -> list[str]:
    """The control and the arms that may be bought."""
    control = str(read.experiment.control)
    known = [arm for arm, _ in read.pairs]
    if order is None:
        return [control, *known]
    named = [str(arm) for arm in order]
    odd = [arm for arm in named if arm not in (control, *known)]
    if odd or not named or named[0] != control or len(set(named)) < len(named) or len(named) < 2:
        hint = closest(odd[0], known) if odd else ""
        raise InputError(
            f"order must begin with the control {control!r} and name arms of the outcomes. {hint}".rstrip()
        )
    return named


def _one_each(read: CostReading, thresholds: Thresholds, by: Sequence[str]) -> dict[str, float]:
    """One threshold per segment."""
    series = declared_values(read.table, thresholds, by) if isinstance(thresholds, str) else thresholds
    read.table.problems.raise_if_any()
    found: dict[str, list[float]] = {}
    for row in series_rows(read.contrasts, series, by, segments=read.segments):
        found.setdefault(str(row.contrast.segment), []).append(row.threshold)
    several = [name for name, values in found.items() if len(set(values)) > 1]
    if several:
        raise InputError(f"the segment {several[0]!r} has several thresholds; a budget needs one value per segment.")
    return {name: values[0] for name, values in found.items()}


def _options(
    read: CostReading, arms: Sequence[str], values: Mapping[str, float], *, level: float
) -> list[BudgetOption]:
    """Every arm against every arm below it in every segment, with intervals that hold together."""
    whole = {(c.segment, c.arm): c for c in read.contrasts}
    pairs = list(itertools.combinations(range(len(arms)), 2))
    together = 1.0 - (1.0 - level) / (len(pairs) * len(values))
    made = []
    for place, (name, threshold) in enumerate(values.items()):
        for before, arm in pairs:
            contrast = _between(read, whole, (name, arms[before], arms[arm]))
            net = net_of(contrast, threshold, level=together)
            made.append(
                BudgetOption(
                    segment=place, before=before, arm=arm, threshold=threshold, contrast=contrast, net=net,
                    cost=contrast.difference("cost"),
                )
            )  # fmt: skip
    return made


def _between(
    read: CostReading, whole: Mapping[tuple[str | None, str], ContrastCosts], key: tuple[str, str, str]
) -> ContrastCosts:
    """One arm against another, from their contrasts with the control."""
    name, before, arm = key
    upper = whole[name, arm]
    if before == upper.control:
        return upper
    made = replace(upper, control=before, untreated=whole[name, before].treated, clustered=None)
    if not read.clusters:
        return made
    few = FEW_EVENTS if few_events(made.treated, made.untreated) else ""
    return replace(made, clustered=read.clusters[name].contrast(arm, before, note=few))


def _sizes(read: CostReading, persons: Mapping[object, int] | None) -> dict[str, int]:
    """Persons to be contacted in every segment."""
    own = {str(contrast.segment): contrast.everyone for contrast in read.contrasts}
    if persons is None:
        return own
    given = {str(segment_name(name)): count for name, count in persons.items()}
    if set(given) != set(own):
        raise InputError(f"persons must name every segment once, {sorted(own)!r}, got {sorted(given)!r}.")
    for name, count in given.items():
        check_whole(f"persons[{name!r}]", count, least=0, of="persons")
    return {name: int(given[name]) for name in own}


def _bought(
    options: Sequence[BudgetOption], sizes: Mapping[str, int], names: Sequence[str], budget: float, *, partial: bool
) -> Allocation:
    choices = [
        Choice(
            segment=option.segment,
            arm=option.arm,
            cost=sizes[names[option.segment]] * option.cost,
            value=sizes[names[option.segment]] * float(option.net.value or 0.0),
        )
        for option in options
        if option.before == 0
    ]
    return allocate(choices, budget, partial=partial)


class _Persons:
    """The persons of the experiment, on whom lists are chosen and valued."""

    def __init__(
        self,
        read: CostReading,
        source: CostSource,
        *,
        arms: Sequence[str],
        values: Mapping[str, float],
        sizes: Mapping[str, int],
    ) -> None:
        table, experiment = read.table, read.experiment
        self.arms, self.sizes = len(arms), np.array([sizes[name] for name in values], dtype=np.float64)
        every = [str(arm) for arm in dict.fromkeys([*arms, *(arm for arm, _ in read.pairs)])]
        segment = _coded(table, source.by, {tuple(map(str, key)): name for name, key in read.segments.items()}, values)
        own = _coded(table, (experiment.arm,), {(arm,): arm for arm in every}, dict.fromkeys(every, 0.0))
        event = numbers(table, source.woken, missing=0.0 if read.zero else None)
        spent = numbers(table, source.cost)
        unit = _units(table, experiment)
        table.problems.raise_if_any()
        if event is None or spent is None:  # pragma: no cover - a problem was noted, so the line above has raised
            raise InputError("the outcomes cannot be read.")
        layer = _layers(table, experiment.layers)
        cell = segment * (int(layer.max(initial=0)) + 1) + layer
        kept = _common(cell, own, len(every))
        kept = kept[np.lexsort((spent[kept], event[kept], own[kept], cell[kept], unit[kept]))]
        self.segment, self.arm, self.cell = segment[kept], own[kept], cell[kept]
        self.cost, self.unit = spent[kept], unit[kept]
        self.net = np.array(list(values.values()))[self.segment] * event[kept] - self.cost
        self.every = len(every)

    def value(
        self, budget: float, *, partial: bool, folds: int, splits: int, seed: int, level: float
    ) -> CrossValue | None:
        """The cross-fitted value per person of the population to be contacted."""
        total = float(self.sizes.sum())
        if total <= 0.0:
            return None
        here = np.bincount(self.segment, minlength=len(self.sizes))
        weight = np.divide(self.sizes * len(self.net), here * total, out=np.zeros(len(self.sizes)), where=here > 0)

        def rule(learn: Counts, held: Counts) -> Floats:
            return self.shares(learn, budget, partial=partial)[self.segment[held]]

        data = CrossData(net=self.net * weight[self.segment], arm=self.arm, unit=self.unit, stratum=self.cell)
        return cross_value(data, rule, folds=folds, splits=splits, seed=seed, level=level)

    def shares(self, learn: Counts, budget: float, *, partial: bool) -> Floats:
        """What is bought by the figures of some persons: segments by arms."""
        net, cost = (self._differences(learn, amount) for amount in (self.net, self.cost))
        choices = [
            Choice(
                segment=place, arm=arm, cost=float(self.sizes[place] * cost[place, arm]),
                value=float(self.sizes[place] * net[place, arm]),
            )
            for place in range(len(self.sizes))
            for arm in range(1, self.arms)
            if np.isfinite(net[place, arm])
        ]  # fmt: skip
        found = allocate(choices, budget, partial=partial)
        made = np.zeros((len(self.sizes), self.every))
        made[:, 0] = 1.0
        for step, share in zip(found.steps, found.shares, strict=True):
            made[step.segment, step.before] -= share
            made[step.segment, step.arm] += share
        return made

    def _differences(self, learn: Counts, amount: Floats) -> Floats:
        """Arm minus control by segment, strata weighted with their persons; nan where no stratum holds both."""
        cells = int(self.cell.max()) + 1
        place = self.cell[learn] * self.every + self.arm[learn]
        count = np.bincount(place, minlength=cells * self.every).reshape(cells, self.every)
        # `cross_value` asks in an order of its own, so the order of the table's rows changes no byte of this sum.
        total = np.bincount(place, weights=amount[learn], minlength=cells * self.every)
        mean = np.divide(total.reshape(count.shape), count, out=np.zeros(count.shape), where=count > 0)
        full = (count > 0).all(axis=1)
        weight = np.where(full, count.sum(axis=1), 0).astype(np.float64)
        owner = np.zeros(cells, np.int64)
        owner[self.cell] = self.segment
        held = np.bincount(owner, weights=weight, minlength=len(self.sizes))
        made = np.full((len(self.sizes), self.every), np.nan)
        for arm in range(1, self.every):
            summed = np.bincount(owner, weights=weight * (mean[:, arm] - mean[:, 0]), minlength=len(self.sizes))
            np.divide(summed, held, out=made[:, arm], where=held > 0)
        return made


def _coded(
    table: Table, columns: Sequence[str], names: Mapping[tuple[str, ...], str | None], wanted: Mapping[str, float]
) -> Counts:
    """The number of each person's value among the wanted names."""
    place = {name: number for number, name in enumerate(wanted)}
    parts = [labels(table, column) for column in columns]
    table.problems.raise_if_any()
    known = [part for part in parts if part is not None]
    code = np.zeros(len(known[0].codes), np.int64)
    for part in known:
        code = code * len(part.names) + part.codes
    distinct, where = np.unique(code, return_inverse=True)
    found = np.empty(len(distinct), np.int64)
    for i, packed in enumerate(distinct.tolist()):
        key, rest = [], packed
        for part in reversed(known):
            rest, position = divmod(rest, len(part.names))
            key.append(str(part.names[position]))
        found[i] = place[str(names[tuple(reversed(key))])]
    return np.asarray(found[where.reshape(-1)])


def _layers(table: Table, columns: Sequence[str]) -> Counts:
    """One number per stratum."""
    code = np.zeros(table.rows, np.int64)
    parts = [labels(table, column) for column in columns]
    for part in (part for part in parts if part is not None):
        code = code * len(part.names) + part.codes
    return np.asarray(np.unique(code, return_inverse=True)[1].reshape(-1), dtype=np.int64)


def _units(table: Table, experiment: Experiment) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    """A number per unit that was assigned: the person, or the cluster."""
    import pyarrow as pa

    if experiment.cluster is not None:
        found = labels(table, experiment.cluster)
        table.problems.raise_if_any()
        return unit_hashes(pa.array([] if found is None else found.values().tolist()).cast(pa.large_string()))
    person = keys(table, "person")
    table.problems.raise_if_any()
    if person is None:  # pragma: no cover - a problem was noted, so the line above has raised
        raise InputError("the persons cannot be read.")
    return np.asarray(unit_hashes(person.combine_chunks() if isinstance(person, pa.ChunkedArray) else person))


def _common(cell: Counts, arm: Counts, arms: int) -> Counts:
    """The persons of strata that hold every arm."""
    count = np.bincount(cell * arms + arm, minlength=(int(cell.max()) + 1) * arms).reshape(-1, arms)
    full = np.asarray((count > 0).all(axis=1))
    rows = np.flatnonzero(full[cell])
    if not len(rows):
        raise DesignError("NO_COMMON_STRATUM", "no stratum of any segment holds persons of every arm.")
    return rows
