"""The order of a Markov chain, chosen out of sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.randomness import check_seed, generator
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from attribution.journeys.path_counts import PathCounts
from attribution.journeys.plan import Journeys
from attribution.models.chain import lay_out, weighted_counts
from attribution.models.markov import check_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from attribution.models.chain import Chain

__all__ = ["MarkovOrders", "choose_markov_order"]

_PRIOR = 0.5  # Jeffreys: half a count for every possible next step
_PURPOSE = "markov order: folds"


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class MarkovOrders(TabularResult):
    """One row per order: order, states, held_out_log_loss, standard_error, excess, excess_standard_error, held_out_auc, chosen.

    The log loss is in nats per held-out journey, its standard error that of the mean over the folds; the excess is the
    loss above the order with the lowest, its standard error that of the paired difference over the folds. The AUC is
    the chance that a held-out conversion ends in a state more likely to convert than a held-out null journey does.

    Attributes:
        records: The rows, lowest order first.
        chosen: The smallest order whose excess is at most its own standard error.
        lowest: The order with the lowest held-out log loss.
        unit: What the folds divide: ``"persons"`` or ``"journeys"``.
        recipe: How it was made.
    """  # noqa: E501 -- the columns on one line

    records: Records
    chosen: int
    lowest: int
    unit: str
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        values = {
            "order": self.chosen,
            "folds": self.recipe.settings["folds"],
            "unit": messages.text(f"MARKOV.ORDERS_{self.unit.upper()}"),
        }
        line = messages.text("MARKOV.ORDERS_CHOSEN", values)
        return Display(messages.text("MARKOV.ORDERS_TITLE"), (records_table(self.records), line))


def choose_markov_order(
    data: Journeys | PathCounts, *, orders: Iterable[int] = range(1, 6), folds: int = 5, seed: int = 0
) -> MarkovOrders:
    """Compare orders of a Markov chain by how well each predicts journeys that it was not fitted on.

    The data are divided into folds at random; each fold is predicted by chains fitted on the others. The score is the
    log loss of whole held-out journeys, every step and the end included: a proper scoring rule, the same event under
    every order. Predicted probabilities are smoothed with half a count for each possible next step, so a step not seen
    before costs much but not infinitely much. In-sample scores always prefer longer memories; these do not.

    The choice is the smallest order that is within one standard error of the best: credit at a higher order is noisier
    and harder to explain, so it has to earn its place.

    Args:
        data: Journeys, whose folds divide persons, or counted paths, whose folds divide single journeys. Journeys of
            one person are alike; where persons are unknown the higher orders look a little better than they are.
        orders: The orders to compare.
        folds: Number of folds, at least 2.
        seed: Seed of the division.

    Returns:
        The table of orders, with ``.chosen``.

    Raises:
        InputError: For orders or folds out of range, paths with fractional counts, or fewer units than folds.

    References:
        Gneiting and Raftery (2007), Strictly proper scoring rules, JASA 102. Hastie, Tibshirani, Friedman (2009), The
        Elements of Statistical Learning, 7.10 (the one-standard-error rule).

    Verified against a slow implementation over single journeys, and on chains of a known order.

    Example:
        >>> import attribution as at
        >>> from attribution.journeys.path_counts import PathCounts
        >>> paths = PathCounts.of([["A", "B"], ["B", "A"], ["A"]], conversions=[40, 10, 20], nulls=[60, 90, 80])
        >>> at.choose_markov_order(paths, orders=(1, 2)).chosen
        1
    """
    asked = _checked_orders(orders)
    if isinstance(folds, bool) or not isinstance(folds, (int, np.integer)) or folds < 2:
        raise InputError(f"folds must be a whole number of at least 2, got {folds!r}.")
    paths, conversions, nulls, units, unit = _divided(data, int(folds), check_seed(seed))
    if units < folds:
        raise InputError(f"{folds} folds need at least as many {unit}, got {units}. Ask for fewer folds.")
    scores = [_scores(paths, order, conversions, nulls) for order in asked]
    journeys = conversions.sum(axis=0) + nulls.sum(axis=0)
    recipe = Recipe(
        method="markov_order",
        settings={"orders": asked, "folds": int(folds), "seed": int(seed), "unit": unit},
        n={"paths": len(paths), unit: units, "journeys": round(float(journeys.sum()))},
    )
    return _compared(asked, scores, journeys, unit, recipe)


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
    if len(counts) and not ((counts >= 0).all() and (counts == np.floor(counts)).all()):
        raise InputError("folds divide single journeys, so conversions and nulls of paths must be whole numbers >= 0.")
    # Paths are dealt out in an order of their own, so that the order of the rows changes nothing.
    order = _canonical(data)
    dealt = np.empty((2, len(data), folds))
    for which, count in enumerate((data.conversions, data.nulls)):
        dealt[which, order] = random.multinomial(count[order].astype(np.int64), np.full(folds, 1 / folds))
    return data, dealt[0], dealt[1], int(counts.sum()), "journeys"


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
    """Held-out log loss (a sum) and AUC of each fold, for one order."""

    states: int
    loss: NDArray[np.float64]
    auc: NDArray[np.float64]


def _scores(paths: PathCounts, order: int, conversions: NDArray[np.float64], nulls: NDArray[np.float64]) -> _Scores:
    chain = lay_out(paths, order)
    by_fold = [chain.totals(conversions[:, fold], nulls[:, fold]) for fold in range(conversions.shape[1])]
    whole = np.sum(by_fold, axis=0)
    # No path is empty, so neither end can follow the start.
    choices = np.full(chain.states + 1, len(np.unique(chain.last)) + 2.0)
    choices[-1] -= 2
    loss = [_loss(chain, whole - held, held, choices) for held in by_fold]
    auc = [_auc(chain, whole - held, held) for held in by_fold]
    return _Scores(states=chain.states, loss=np.array(loss), auc=np.array(auc))


def _loss(chain: Chain, fitted: NDArray[np.float64], held: NDArray[np.float64], choices: NDArray[np.float64]) -> float:
    leaving = weighted_counts(chain.source, fitted, chain.states + 1)
    chance = (fitted + _PRIOR) / (leaving + _PRIOR * choices)[chain.source]
    return -float(held @ np.log(chance))


def _auc(chain: Chain, fitted: NDArray[np.float64], held: NDArray[np.float64]) -> float:
    """Chance that a held-out conversion outranks a held-out null journey, ties counting half; nan without either."""
    won, lost = chain.next == chain.channels, chain.next == chain.channels + 1
    size = chain.states
    ends = [weighted_counts(chain.source[at], count[at], size) for count in (fitted, held) for at in (won, lost)]
    score = (ends[0] + _PRIOR) / (ends[0] + ends[1] + 2 * _PRIOR)
    _, level = np.unique(score, return_inverse=True)
    good, bad = weighted_counts(level, ends[2], 0), weighted_counts(level, ends[3], 0)
    below = np.cumsum(bad) - bad
    pairs = float(good.sum() * bad.sum())
    return float(good @ (below + bad / 2)) / pairs if pairs else float("nan")


def _compared(
    asked: tuple[int, ...], scores: list[_Scores], journeys: NDArray[np.float64], unit: str, recipe: Recipe
) -> MarkovOrders:
    """The table, and the smallest order within one standard error of the lowest loss."""
    per_journey = np.array([score.loss / np.maximum(journeys, 1) for score in scores])
    mean = np.array([score.loss.sum() for score in scores]) / journeys.sum()
    lowest = int(mean.argmin())
    excess = mean - mean[lowest]
    excess_error = _standard_error(per_journey - per_journey[lowest])
    chosen = int(np.flatnonzero(excess <= excess_error)[0])
    auc = [float(np.nanmean(score.auc)) if np.isfinite(score.auc).any() else None for score in scores]
    columns = {
        Field("order", "count"): list(asked),
        Field("states", "count"): [score.states for score in scores],
        Field("held_out_log_loss", "number"): mean,
        Field("standard_error", "number"): _standard_error(per_journey),
        Field("excess", "number"): excess,
        Field("excess_standard_error", "number"): excess_error,
        Field("held_out_auc", "number"): auc,
        Field("chosen", "text"): [place == chosen for place in range(len(asked))],
    }
    records = Records(tuple(columns), tuple(columns.values()))
    return MarkovOrders(records=records, chosen=asked[chosen], lowest=asked[lowest], unit=unit, recipe=recipe)


def _standard_error(by_fold: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard error of the mean over the folds, per row."""
    error: NDArray[np.float64] = by_fold.std(axis=1, ddof=1) / np.sqrt(by_fold.shape[1])
    return error
