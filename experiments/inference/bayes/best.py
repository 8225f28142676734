"""Many arms at once: which one is best, and what is lost by taking another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, column_label, records_table
from experiments.inference.bayes.betas import Beta, beta
from experiments.inference.bayes.quadrature import panels
from experiments.inference.bayes.rates import arm_prior, prior_words
from experiments.inference.bayes.result import declared
from experiments.inference.counts import checked_number, checked_tables, raise_problems

if TYPE_CHECKING:
    from attribution.core.findings import Finding
    from attribution.core.formats import ValueKind
    from experiments.inference.bayes.quadrature import Nodes

__all__ = ["BestArm", "bayes_best"]

Floats = NDArray[np.float64]

_FEW = 8  # arms against one, up to which every point of theirs is a cut
_SIGMAS = np.array([-9.0, -6.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 6.0, 9.0])


class _Figure(Protocol):
    """The posterior of one arm's figure."""

    @property
    def mean(self) -> float:
        """Mean."""
        ...

    @property
    def points(self) -> Floats:
        """Where its density is cut into panels."""
        ...

    def density(self, nodes: Nodes) -> Floats:
        """Density."""
        ...

    def below(self, x: Floats) -> Floats:
        """Probability of at most x."""
        ...

    def above(self, x: Floats) -> Floats:
        """Probability of more than x."""
        ...

    def quantile(self, p: float) -> float:
        """Quantile."""
        ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Normal:
    """A normal posterior of a mean."""

    mean: float
    deviation: float

    @property
    def points(self) -> Floats:
        return self.mean + self.deviation * _SIGMAS

    def density(self, nodes: Nodes) -> Floats:
        z = (nodes.value - self.mean) / self.deviation
        return np.asarray(np.exp(-0.5 * z * z) / (self.deviation * math.sqrt(2.0 * math.pi)), dtype=np.float64)

    def below(self, x: Floats) -> Floats:
        from scipy.special import ndtr

        return np.asarray(ndtr((x - self.mean) / self.deviation), dtype=np.float64)

    def above(self, x: Floats) -> Floats:
        from scipy.special import ndtr

        return np.asarray(ndtr((self.mean - x) / self.deviation), dtype=np.float64)

    def quantile(self, p: float) -> float:
        from scipy.special import ndtri

        return self.mean + self.deviation * float(ndtri(p))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Net:
    """What an arm brings per person: worth x figure - cost, a rising line in the figure (falling where worth < 0)."""

    figure: _Figure
    worth: float
    cost: float

    @property
    def mean(self) -> float:
        return self.worth * self.figure.mean - self.cost

    def back(self, net: Floats) -> Floats:
        """The figure that brings a net."""
        return (net + self.cost) / self.worth

    def forth(self, figure: Floats) -> Floats:
        """What a figure brings."""
        return self.worth * figure - self.cost

    def below(self, net: Floats) -> Floats:
        """Probability to bring at most a net."""
        figure = self.back(net)
        return self.figure.below(figure) if self.worth > 0.0 else self.figure.above(figure)

    def above(self, net: Floats) -> Floats:
        """Probability to bring more than a net."""
        figure = self.back(net)
        return self.figure.above(figure) if self.worth > 0.0 else self.figure.below(figure)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class BestArm(TabularResult):
    """Which arm is best, by Bayes.

    Columns: arm, n, value (posterior mean of the arm's figure), value_low, value_high, net (what it brings per person;
    with declared value and costs), p_best, expected_loss (what the arm falls short of the best one on average).

    Attributes:
        records: The rows, in the order given.
        findings: Remarks.
        recipe: How it was made.
    """

    records: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        title = messages.text("BAYES.best_title", {"level": self.recipe.settings["level"]})
        table = records_table(self.records)
        named = {column_label("value"): messages.text("BAYES.figure")}
        shown = tuple(replace(one, label=named.get(one.label, one.label)) for one in table.columns)
        told = (*self.recipe.sentences(), *declared(self.recipe.settings))
        return Display(title, (messages.text("BAYES.second"), replace(table, columns=shown), *told))


def bayes_best(
    arms: Mapping[str, tuple[float, ...]],
    *,
    prior: str | tuple[float, float] = "flat",
    value: float | None = None,
    costs: Mapping[str, float] | None = None,
    direction: Literal["up", "down"] = "up",
    level: float = 0.95,
) -> BestArm:
    """Which of several arms is best, and what taking another one costs: a second reading, which no verdict uses.

    Every arm has a posterior of its own; the probability to be best and the expected loss are integrals over it against
    all others, computed by quadrature. Arms that are alike share the probability: three equal arms have a third each.

    Args:
        arms: Name to (hits, persons) for rates, or to (mean, standard deviation, persons) for means; all of one kind.
        prior: For rates as in `bayes_rates`, the same for every arm. Means have flat priors.
        value: What one unit of the metric is worth; with `costs` arms are compared by value x figure - cost.
        costs: Cost per assigned person of every arm, the control's included.
        direction: Whether more is better ("up") or less ("down"); with `value` its sign says so.
        level: Level of the credible intervals of the arms' figures.

    Returns:
        One row per arm. The expected loss is in the metric's unit, or in money with `value` and `costs`.

    Raises:
        InputError: Fewer than two arms, arms of two kinds, impossible counts, costs without an arm, a mean without
            variance.

    Verified against R integrate, and simulation-free closed forms of two and of equal arms; see docs/methods/bayes.md.

    Example:
        >>> found = bayes_best({"holdout": (100, 5000), "sms": (130, 5000), "push": (128, 5000)})
        >>> [f"{row['arm']} {row['p_best']:.3f}" for row in found.to_dicts()]
        ['holdout 0.005', 'sms 0.547', 'push 0.447']
    """
    level = check_level(level)
    figures, persons = _figures(arms, prior)
    nets = _nets(figures, value, costs, direction)
    best, loss = _best(list(nets.values()))
    tail = (1.0 - level) / 2.0
    rates = isinstance(next(iter(figures.values())), Beta)
    money = value is not None
    rows = [
        {
            "arm": name, "n": persons[name], "value": figures[name].mean, "value_low": figures[name].quantile(tail),
            "value_high": figures[name].quantile(1.0 - tail), "net": net.mean, "p_best": best[i],
            "expected_loss": loss[i],
        }
        for i, (name, net) in enumerate(nets.items())
    ]  # fmt: skip
    kind: ValueKind = "rate" if rates else "number"
    fields = [
        Field("arm", "text"), Field("n", "count"), Field("value", kind), Field("value_low", kind),
        Field("value_high", kind), *([Field("net", "money")] if money else []), Field("p_best", "rate"),
        Field("expected_loss", "money" if money else "pp" if rates else "number"),
    ]  # fmt: skip
    settings = {
        "level": level,
        "prior": prior_words(prior) if rates else "flat",
        "value": value,
        "direction": direction,
    }
    settings["cost"] = None if costs is None else ", ".join(f"{name}: {one:g}" for name, one in costs.items())
    return BestArm(
        records=Records.from_rows(fields, rows),
        findings=(),
        recipe=Recipe(
            method="bayes_best", definitions=("BAYES_BEST",), settings=settings, n={"persons": sum(persons.values())}
        ),
    )


def _figures(
    arms: Mapping[str, tuple[float, ...]], prior: str | tuple[float, float]
) -> tuple[dict[str, _Figure], dict[str, int]]:
    if not isinstance(arms, Mapping) or len(arms) < 2:
        raise InputError(f"arms must map at least two arms to their counts or summaries, got {arms!r}.")
    widths = {len(one) if isinstance(one, (tuple, list)) else 0 for one in arms.values()}
    if widths not in ({2}, {3}):
        raise InputError(
            "every arm must be (hits, persons), or every arm (mean, standard deviation, persons); got entries of "
            f"length {sorted(widths)}."
        )
    made = {name: _rate(one, prior) if widths == {2} else _mean(name, one) for name, one in arms.items()}
    return {name: figure for name, (figure, _) in made.items()}, {name: n for name, (_, n) in made.items()}


def _rate(counts: tuple[float, ...], prior: str | tuple[float, float]) -> tuple[_Figure, int]:
    hits, n = counts
    tables = checked_tables(hits, n, 0, 1)
    a, b = arm_prior(prior)
    return beta(a + float(tables.hits[0]), b + float(tables.n[0] - tables.hits[0])), int(n)


def _mean(name: str, summary: tuple[float, ...]) -> tuple[_Figure, int]:
    problems: list[str] = []
    mean = checked_number(f"mean of {name!r}", summary[0], problems)
    std = checked_number(f"standard deviation of {name!r}", summary[1], problems, positive=True)
    n = checked_number(f"persons of {name!r}", summary[2], problems, positive=True)
    if n < 2 or std == 0.0:
        problems.append(f"the arm {name!r} needs two persons that differ, got {summary!r}.")
    raise_problems(problems)
    return _Normal(mean=mean, deviation=std / math.sqrt(n)), int(n)


def _nets(
    figures: Mapping[str, _Figure], value: float | None, costs: Mapping[str, float] | None, direction: str
) -> dict[str, _Net]:
    problems: list[str] = []
    if direction not in ("up", "down"):
        problems.append(f'direction must be "up" or "down", got {direction!r}.')
    if (value is None) != (costs is None):
        problems.append("value and costs are declared together.")
    worth = 1.0 if direction == "up" else -1.0
    if value is not None:
        worth = checked_number("value", value, problems)
        if worth == 0.0:
            problems.append("value must not be 0.")
    if costs is not None and (not isinstance(costs, Mapping) or set(costs) != set(figures)):
        problems.append(f"costs must name every arm and no other, with 0 where nothing was spent; got {costs!r}.")
        costs = None
    price = {
        name: 0.0 if costs is None else checked_number(f"costs[{name!r}]", costs[name], problems) for name in figures
    }
    raise_problems(problems)
    return {name: _Net(figure=figure, worth=worth, cost=price[name]) for name, figure in figures.items()}


def _best(nets: list[_Net]) -> tuple[list[float], list[float]]:
    """Probability to be the largest, and mean shortfall from the largest, of every arm."""
    best = []
    for i, net in enumerate(nets):
        others = [one for j, one in enumerate(nets) if j != i]
        points = net.figure.points
        cuts = [net.back(one.forth(one.figure.points)) for one in others]
        nodes = panels(np.concatenate((points, _cuts(cuts, float(points[0]), float(points[-1])))))
        brought = net.forth(nodes.value)
        chance = np.prod([one.below(brought) for one in others], axis=0)
        best.append(min(1.0, nodes.total(net.figure.density(nodes) * chance)))
    return best, _shortfalls(nets)


def _cuts(cuts: list[Floats], low: float, high: float) -> Floats:
    """Where an integral between two ends is cut for the other arms' sake.

    With many arms most of their points lie side by side: a point is left out where the one before is nearer than a
    tenth of what its own arm spans.
    """
    place = np.concatenate(cuts)
    width = np.concatenate([np.full(len(one), 0.1 * np.ptp(one) if len(cuts) > _FEW else 0.0) for one in cuts])
    order = np.argsort(place, kind="stable")
    kept: list[float] = []
    for x, gap in zip(place[order], width[order], strict=True):
        if low < x < high and (not kept or x - kept[-1] > gap):
            kept.append(float(x))
    return np.array(kept)


def _shortfalls(nets: list[_Net]) -> list[float]:
    """Mean of the best of the others less this arm's net, where that is positive.

    It is the integral of P(this arm <= x < best of the others), of positive terms: a small loss keeps its digits.
    """
    nodes = panels(np.concatenate([net.forth(net.figure.points) for net in nets]))
    with np.errstate(divide="ignore"):
        logs = np.array([np.log1p(-net.above(nodes.value)) for net in nets])
        before = np.cumsum(np.vstack((np.zeros(len(nodes.weight)), logs[:-1])), axis=0)
        after = np.cumsum(np.vstack((np.zeros(len(nodes.weight)), logs[:0:-1])), axis=0)[::-1]
    return [nodes.total(net.below(nodes.value) * -np.expm1(before[i] + after[i])) for i, net in enumerate(nets)]
