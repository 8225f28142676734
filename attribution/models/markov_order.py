"""The order of a Markov chain, chosen out of sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.randomness import check_seed, generator
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from attribution.core.whole import check_whole
from attribution.journeys.path_counts import PathCounts
from attribution.journeys.plan import Journeys
from attribution.models.chain import lay_out, weighted_counts
from attribution.models.markov import check_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from attribution.models.chain import Chain

__all__ = ["MarkovOrders", "choose_markov_order"]

Score = Literal["journey", "outcome"]
SCORES: tuple[Score, ...] = ("journey", "outcome")

_PRIOR = 0.5  # Jeffreys: half a count for every possible next step
_PURPOSE = "markov order: folds"


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class MarkovOrders(TabularResult):
    """One row per order, lowest first.

    Columns: order, states; journey_log_loss and outcome_log_loss, in nats per held-out journey; held_out_auc, the
    chance that a held-out conversion ends in a state more likely to convert than a held-out null journey does; excess,
    the asked log loss above that of the best order, with the standard error of the paired difference over the folds;
    chosen.

    Attributes:
        records: The rows.
        chosen: The smallest order whose excess is at most its own standard error.
        lowest: The order with the lowest held-out log loss.
        score: The log loss that decides: ``"journey"`` or ``"outcome"``.
        unit: What the folds divide: ``"persons"`` or ``"journeys"``.
        recipe: How it was made.
    """

    records: Records
    chosen: int
    lowest: int
    score: Score
    unit: str
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        values = {
            "order": self.chosen,
            "folds": self.recipe.settings["folds"],
            "unit": messages.text(f"MARKOV.ORDERS_{self.unit.upper()}"),
            "score": messages.text(f"MARKOV.SCORE_{self.score.upper()}"),
        }
        line = messages.text("MARKOV.ORDERS_CHOSEN", values)
        words = [messages.text(f"MARKOV.ORDERS_{'YES' if chosen else 'NO'}") for chosen in self.records.columns[-1]]
        shown = Records(self.records.fields, (*self.records.columns[:-1], words))
        return Display(messages.text("MARKOV.ORDERS_TITLE"), (records_table(shown), line))


def choose_markov_order(
    data: Journeys | PathCounts,
    *,
    orders: Iterable[int] = range(1, 6),
    score: Score = "journey",
    folds: int = 5,
    seed: int = 0,
) -> MarkovOrders:
    """Compare orders of a Markov chain by how well each predicts journeys that it was not fitted on.

    The data are divided into folds at random; each fold is predicted by chains fitted on the others. Two proper scores
    are shown: the log loss of whole held-out journeys, every step and the end, and the log loss of their outcome alone,
    conversion or null, once the journey has ended. Both speak of the same events under every order. Predictions are
    smoothed with half a count for each possibility, so a step not seen before costs much but not infinitely much.
    In-sample scores always prefer longer memories; these do not.

    The choice is the smallest order that is within one standard error of the best: credit at a higher order is noisier
    and harder to explain, so it has to earn its place. A score says how well the chain describes journeys; it does not
    say that the credit is what the channels caused.

    Args:
        data: Journeys, whose folds divide persons, or counted paths, whose folds divide single journeys. Journeys of
            one person are alike; where persons are unknown the higher orders look better than they are.
        orders: The orders to compare.
        score: Which log loss decides: of the whole ``"journey"``, or of its ``"outcome"``.
        folds: Number of folds, at least 2.
        seed: Seed of the division.

    Returns:
        The table of orders, with ``.chosen``.

    Raises:
        InputError: For orders, folds or a score out of range, paths with fractional counts, fewer units than folds.

    References:
        Gneiting and Raftery (2007), Strictly proper scoring rules, JASA 102. Krichevsky and Trofimov (1981), The
        performance of universal encoding (half a count). Hastie, Tibshirani, Friedman (2009), The Elements of
        Statistical Learning, 7.10 (the one-standard-error rule).

    Verified against a slow implementation over single journeys, and on chains of a known order.

    Example:
        >>> import attribution as at
        >>> paths = at.PathCounts.of([["A", "B"], ["B", "A"], ["A"]], conversions=[40, 10, 20], nulls=[60, 90, 80])
        >>> at.choose_markov_order(paths, orders=(1, 2)).chosen
        2
    """
    asked = _checked_orders(orders)
    if score not in SCORES:
        raise InputError(f"score must be 'journey' or 'outcome', got {score!r}.")
    folds = check_whole("folds", folds, least=2)
    paths, conversions, nulls, units, unit = _divided(data, int(folds), check_seed(seed))
    journeys = conversions.sum(axis=0) + nulls.sum(axis=0)
    found = _Compared(
        orders=asked, scores=[_scores(paths, order, conversions, nulls) for order in asked], journeys=journeys
    )
    excess, error = found.excess(score)
    chosen = int(np.flatnonzero(excess <= error)[0])
    recipe = Recipe(
        method="markov_order",
        settings={"orders": asked, "score": score, "folds": int(folds), "seed": int(seed), "unit": unit},
        n={"paths": len(paths), unit: units, "journeys": round(float(journeys.sum()))},
    )
    return MarkovOrders(
        records=found.records(excess, error, chosen),
        chosen=asked[chosen],
        lowest=asked[int(excess.argmin())],
        score=score,
        unit=unit,
        recipe=recipe,
    )


def _checked_orders(orders: Iterable[int]) -> tuple[int, ...]:
    listed = [orders] if isinstance(orders, (int, np.integer)) else list(orders)
    for order in listed:
        check_order(order)
    if not listed:
        raise InputError("orders must name at least one order, for example range(1, 6).")
    return tuple(sorted({int(order) for order in listed}))


def _divided(
    data: Journeys | PathCounts, folds: int, seed: int
) -> tuple[PathCounts, NDArray[np.float64], NDArray[np.float64], int, str]:
    """The paths, conversions and nulls by path and fold, and how many units of what were divided."""
    random = generator(seed, _PURPOSE)
    if isinstance(data, Journeys):
        entries = data.person_paths()
        _enough(entries.persons, "persons", folds)
        fold = random.permutation(entries.persons) % folds
        place = entries.path * folds + fold[entries.person]
        size = len(entries.paths)

        def counted(count: NDArray[np.float64]) -> NDArray[np.float64]:
            return weighted_counts(place, count, size * folds).reshape(size, folds)

        conversions, nulls = counted(entries.conversions), counted(entries.nulls)
        return entries.paths, conversions, nulls, entries.persons, "persons"
    if not isinstance(data, PathCounts):
        raise InputError(
            f"choose_markov_order needs Journeys or PathCounts, got {type(data).__name__}. Pass at.build_journeys(...)."
        )
    counts = np.concatenate([data.conversions, data.nulls])
    if not (np.isfinite(counts) & (counts >= 0) & (counts == np.floor(counts))).all():
        raise InputError("folds divide single journeys, so conversions and nulls of paths must be whole numbers >= 0.")
    _enough(int(counts.sum()), "journeys", folds)
    # Paths are dealt out in an order of their own, so that the order of the rows changes nothing.
    order = _canonical(data)
    dealt = np.empty((2, len(data), folds))
    for which, count in enumerate((data.conversions, data.nulls)):
        dealt[which, order] = random.multinomial(count[order].astype(np.int64), np.full(folds, 1 / folds))
    return data, dealt[0], dealt[1], int(counts.sum()), "journeys"


def _enough(units: int, unit: str, folds: int) -> None:
    if units < folds:
        raise InputError(f"{folds} folds need at least as many {unit}, got {units}. Ask for fewer folds.")


def _canonical(paths: PathCounts) -> NDArray[np.int64]:
    """An order of the paths that depends on their channels alone."""
    names = {str(name): place for place, name in enumerate(sorted(str(name) for name in paths.channel_names))}
    code = np.array([names[str(name)] + 1 for name in paths.channel_names], np.uint64)[paths.channel]
    position = np.arange(len(code)) - np.repeat(paths.offsets[:-1], paths.lengths)
    # A hash per path: odd multipliers by position, mixed so that near codes do not stay near.
    mixed = (code * np.uint64(0x9E3779B97F4A7C15)) ^ (position.astype(np.uint64) * np.uint64(0xBF58476D1CE4E5B9))
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0x94D049BB133111EB)
    if not len(paths):
        return np.empty(0, np.int64)
    return np.lexsort([np.add.reduceat(mixed ^ (mixed >> np.uint64(32)), paths.offsets[:-1]), paths.lengths])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Scores:
    """Held-out log losses (sums) and AUC of each fold, for one order."""

    states: int
    journey: NDArray[np.float64]
    outcome: NDArray[np.float64]
    auc: NDArray[np.float64]


def _scores(paths: PathCounts, order: int, conversions: NDArray[np.float64], nulls: NDArray[np.float64]) -> _Scores:
    chain = lay_out(paths, order)
    by_fold = [chain.totals(conversions[:, fold], nulls[:, fold]) for fold in range(conversions.shape[1])]
    whole = np.sum(by_fold, axis=0)
    ends = [_ended(chain, whole - held, held) for held in by_fold]
    return _Scores(
        states=chain.states,
        journey=np.array([_journey_loss(chain, whole - held, held) for held in by_fold]),
        outcome=np.array([loss for loss, _ in ends]),
        auc=np.array([auc for _, auc in ends]),
    )


def _journey_loss(chain: Chain, fitted: NDArray[np.float64], held: NDArray[np.float64]) -> float:
    """Log loss of all steps and ends that were held out."""
    choices = np.full(chain.states + 1, len(np.unique(chain.last)) + 2.0)
    choices[-1] -= 2  # no path is empty, so neither end can follow the start
    leaving = weighted_counts(chain.source, fitted, chain.states + 1)
    chance = (fitted + _PRIOR) / (leaving + _PRIOR * choices)[chain.source]
    return -float(held @ np.log(chance))


def _ended(chain: Chain, fitted: NDArray[np.float64], held: NDArray[np.float64]) -> tuple[float, float]:
    """Log loss of the held-out outcomes by the state they ended in, and the AUC; nan without either outcome."""
    size, won, lost = chain.states, chain.next == chain.channels, chain.next == chain.channels + 1

    def by_state(count: NDArray[np.float64], kind: NDArray[np.bool_]) -> NDArray[np.float64]:
        return weighted_counts(chain.source[kind], count[kind], size)

    known = by_state(fitted, won), by_state(fitted, lost)
    met = by_state(held, won), by_state(held, lost)
    chance = (known[0] + _PRIOR) / (known[0] + known[1] + 2 * _PRIOR)
    loss = -float(met[0] @ np.log(chance) + met[1] @ np.log1p(-chance))
    _, level = np.unique(chance, return_inverse=True)
    good, bad = weighted_counts(level, met[0], 0), weighted_counts(level, met[1], 0)
    pairs = float(good.sum() * bad.sum())
    return loss, float(good @ (np.cumsum(bad) - bad / 2)) / pairs if pairs else float("nan")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Compared:
    """The scores of all orders."""

    orders: tuple[int, ...]
    scores: list[_Scores]
    journeys: NDArray[np.float64]

    def per_fold(self, score: str) -> NDArray[np.float64]:
        """Log loss per journey: orders x folds."""
        return np.array([getattr(found, score) for found in self.scores]) / np.maximum(self.journeys, 1)

    def mean(self, score: str) -> NDArray[np.float64]:
        """Log loss per journey, over all folds."""
        total: NDArray[np.float64] = np.array([getattr(found, score).sum() for found in self.scores])
        return total / float(self.journeys.sum())

    def excess(self, score: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Log loss above the lowest, and its standard error over the folds."""
        mean, by_fold = self.mean(score), self.per_fold(score)
        lowest = int(mean.argmin())
        apart = by_fold - by_fold[lowest]
        error: NDArray[np.float64] = apart.std(axis=1, ddof=1) / np.sqrt(by_fold.shape[1])
        return mean - mean[lowest], error

    def records(self, excess: NDArray[np.float64], error: NDArray[np.float64], chosen: int) -> Records:
        """The table."""
        auc = [float(np.nanmean(found.auc)) if np.isfinite(found.auc).any() else None for found in self.scores]
        columns: dict[Field, list[Any]] = {
            Field("order", "count"): list(self.orders),
            Field("states", "count"): [found.states for found in self.scores],
            Field("journey_log_loss", "number"): self.mean("journey").tolist(),
            Field("outcome_log_loss", "number"): self.mean("outcome").tolist(),
            Field("held_out_auc", "number"): auc,
            Field("excess", "number"): excess.tolist(),
            Field("excess_standard_error", "number"): error.tolist(),
            Field("chosen", "text"): [place == chosen for place in range(len(self.orders))],
        }
        return Records(tuple(columns), tuple(columns.values()))
