"""A fitted Markov chain as a result: removal effects, transitions, and what to know before reading them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from attribution.models.chain import lay_out, weighted_counts
from attribution.models.solve import conversion_probability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.journeys.path_counts import PathCounts
    from attribution.models.markov import Markov
    from attribution.models.removal import Removal

__all__ = ["MarkovFit", "MarkovTable", "fit_of", "markov_findings"]

_ARROW = " > "
_SHOWN_ROWS = 60
_ROUNDING = 1e-12
_START, _CONVERSION, _NULL = "(start)", "(conversion)", "(null)"


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class MarkovTable(TabularResult):
    """One table of a fitted chain; long ones print their first rows only.

    Attributes:
        records: The rows.
        title: Code of the title.
        recipe: How the chain was fitted.
        findings: What to know before reading the table.
    """

    records: Records
    title: str
    recipe: Recipe
    findings: tuple[Finding, ...] = ()

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        more = len(self.records) - _SHOWN_ROWS
        shown = Records(self.records.fields, tuple(column[:_SHOWN_ROWS] for column in self.records.columns))
        notes = (messages.text("CREDIT.MORE_ROWS", {"n": more}),) if more > 0 else ()
        return Display(messages.text(self.title), (records_table(shown, notes=notes),))


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class MarkovFit(TabularResult):
    """A fitted chain. Its table is that of the removal effects: channel, removal_effect, share.

    Attributes:
        name: The model's name.
        order: Number of channels that a state remembers.
        removal: What removing a channel means.
        definition: Code of the sentence that says so.
        channel_names: The channels, sorted.
        effects: Removal effect of each channel: 1 - (conversion probability without it) / (conversion probability).
        shares: The effects as shares that sum to 1.
        conversion_probability: The chain's probability that a journey converts; it equals conversions / journeys.
        states: Number of states; the start, the conversion and null are not among them.
        conversions: Number of converting journeys.
        nulls: Number of null journeys.
        value: Value of the conversions.
        paths: Number of distinct paths.
        labels: The states as text, their channels oldest first; then "(start)". A channel whose name could be read as
            several channels, as the start or as an end stands in quotes.
        source: State that each transition leaves.
        target: State that each transition leads to; -1 is "(conversion)", -2 is "(null)".
        made: How often each transition was made.
    """

    name: str
    order: int
    removal: Removal
    definition: str
    channel_names: NDArray[np.object_]
    effects: NDArray[np.float64]
    shares: NDArray[np.float64]
    conversion_probability: float
    states: int
    conversions: float
    nulls: float
    value: float
    paths: int
    labels: tuple[str, ...]
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    made: NDArray[np.float64]

    def __post_init__(self) -> None:
        for array in (self.channel_names, self.effects, self.shares, self.source, self.target, self.made):
            array.flags.writeable = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What to know before reading the effects."""
        return markov_findings(self)

    @property
    def recipe(self) -> Recipe:
        """Order, removal, counts."""
        counts = {
            "paths": self.paths,
            "conversions": round(self.conversions),
            "nulls": round(self.nulls),
            "states": self.states,
        }
        settings = {"order": self.order, "removal": self.removal, "models": (self.name,)}
        return Recipe(method="markov", definitions=(self.definition,), settings=settings, n=counts)

    def removal_effects(self) -> MarkovTable:
        """One row per channel: channel, removal_effect, share; sorted by channel."""
        return MarkovTable(
            records=self._records(), title="MARKOV.EFFECTS_TITLE", recipe=self.recipe, findings=self.findings
        )

    def transitions(self, *, self_transitions: bool = True) -> MarkovTable:
        """One row per transition that was made: from_state, to_state, count, probability.

        A state is written as its channels, oldest first, "A > B"; one with fewer than `order` channels is the state
        of a journey near its start. Besides there are "(start)", "(conversion)" and "(null)"; a channel whose own name
        could be read as one of these, or as several channels, stands in quotes.

        Args:
            self_transitions: False leaves out transitions from a state to itself and gives the others of that state
                probabilities that sum to 1: the chain as seen when it moves. No removal effect depends on this. In
                order 1 these are the immediate repeats of a channel; in order k a channel's (k + 1)-fold repeat.

        Example:
            >>> import attribution as at
            >>> from attribution.journeys.path_counts import PathCounts
            >>> paths = PathCounts.of([["A", "A", "B"]], conversions=[3], nulls=[1])
            >>> at.Markov().fit(paths).transitions(self_transitions=False).table()
              from_state      to_state  count  probability
            0    (start)             A    4.0         1.00
            1          A             B    4.0         1.00
            2          B  (conversion)    3.0         0.75
            3          B        (null)    1.0         0.25
        """
        kept = self.made > 0
        if not self_transitions:
            kept &= self.source != self.target
        source, target, made = self.source[kept], self.target[kept], self.made[kept]
        leaving = weighted_counts(source, made, self.states + 1)
        names = np.array([*self.labels, _NULL, _CONVERSION], dtype=object)
        # The start first; then by name, the ends last.
        rank = _ranks(self.labels[:-1])
        order = np.lexsort([rank[target], rank[source]])
        records = Records(
            (
                Field("from_state", "text"),
                Field("to_state", "text"),
                Field("count", "count"),
                Field("probability", "rate"),
            ),
            (
                names[source][order].tolist(),
                names[target][order].tolist(),
                made[order].tolist(),
                (made / leaving[source])[order].tolist(),
            ),
        )
        return MarkovTable(records=records, title="MARKOV.TRANSITIONS_TITLE", recipe=self.recipe)

    def _records(self) -> Records:
        return Records(
            (Field("channel", "text"), Field("removal_effect", "rate"), Field("share", "rate")),
            (self.channel_names.tolist(), self.effects.tolist(), self.shares.tolist()),
        )

    def _display(self) -> Display:
        counts = {
            "order": self.order,
            "states": self.states,
            "probability": self.conversion_probability,
            "conversions": self.conversions,
            "nulls": self.nulls,
        }
        lines = (
            messages.text("MARKOV.CHAIN", counts),
            *self.recipe.sentences(),
            *(finding.message for finding in self.findings),
            messages.text("CREDIT.NOT_CAUSE"),
        )
        return Display(messages.text("MARKOV.TITLE"), (records_table(self._records()), *lines))


def _ranks(labels: tuple[str, ...]) -> NDArray[np.int64]:
    """Place of each state in the table of transitions: by name, the start before them, conversion and null behind."""
    size = len(labels)
    rank = np.empty(size + 3, np.int64)
    rank[sorted(range(size), key=labels.__getitem__)] = np.arange(1, size + 1)
    rank[size:] = 0, size + 2, size + 1
    return rank


def markov_findings(fit: MarkovFit) -> tuple[Finding, ...]:
    """What to know before reading the effects of a fitted chain.

    ``NO_NULL_JOURNEYS``: every journey converts, so the chain converts with probability 1 and an effect only says how
    many journeys pass the channel. ``NEGATIVE_REMOVAL_EFFECTS``: without these channels the chain would convert more;
    such effects count as 0 ("reconnect", a note) or stay negative ("detour", a warning).
    """
    found: list[Finding] = []
    if fit.nulls == 0:
        found.append(Finding(code="NO_NULL_JOURNEYS", status="note", values={"conversions": fit.conversions}))
    below = [str(name) for name, effect in zip(fit.channel_names, fit.effects, strict=True) if effect < -_ROUNDING]
    if below:
        found.append(
            Finding(
                code="NEGATIVE_REMOVAL_EFFECTS",
                status="note" if fit.removal == "reconnect" else "warn",
                values={"model": fit.name, "n": len(below), "keys": ", ".join(below)},
            )
        )
    return tuple(found)


def _written(channel: str) -> str:
    """A channel as part of a state's name, in quotes where it could be read as something else."""
    unclear = _ARROW in channel or channel in (_START, _CONVERSION, _NULL) or channel.startswith('"')
    return json.dumps(channel, ensure_ascii=False) if unclear else channel


def fit_of(model: Markov, paths: PathCounts, effects: NDArray[np.float64], shares: NDArray[np.float64]) -> MarkovFit:
    """The fitted chain of a model, with effects that are known already."""
    chain = lay_out(paths, model.order)
    made = chain.totals(paths.conversions, paths.nulls)
    names = [_written(str(name)) for name in paths.channel_names]
    labels = [_ARROW.join(names[code] for code in row if code >= 0) for row in chain.members.tolist()]
    return MarkovFit(
        name=model.name,
        order=model.order,
        removal=model.removal,
        definition=model.definition,
        channel_names=paths.channel_names,
        effects=effects,
        shares=shares,
        conversion_probability=conversion_probability(chain, made),
        states=chain.states,
        conversions=float(paths.conversions.sum()),
        nulls=float(paths.nulls.sum()),
        value=float(paths.value.sum()),
        paths=len(paths),
        labels=(*labels, _START),
        source=chain.source,
        target=np.where(chain.next == chain.channels + 1, -2, chain.target),
        made=made,
    )
