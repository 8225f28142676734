"""What one would have to believe to prefer each model, and which observation would speak against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.compare.keys import cell_labels
from attribution.core import messages
from attribution.core.formats import format_value
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, column_label

if TYPE_CHECKING:
    from attribution.compare.keys import Shares
    from attribution.credit.credit import Credit
    from attribution.models.protocol import Model

__all__ = ["Belief", "Beliefs", "beliefs"]

_NAMED = 2
_NOTICED = 0.0005  # differences of shares below this are not worth a name
_OTHER = "CUSTOM_MODEL"
_FIELDS = (Field("model", "text"), Field("belief", "text"), Field("difference", "text"), Field("against", "text"))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Belief:
    """What stands behind one model.

    Attributes:
        model: Its name.
        code: Which sentence of the catalogue speaks of it.
        values: Settings of the model that the sentences name.
        more: Channels that get more than under the average of the models, and by how much (share of attributed).
        less: Channels that get less.
        tested: The channel that a test would withhold: of those that get more and can be withheld, the one that gets
            most more; None when there is none.
    """

    model: str
    code: str
    values: dict[str, object]
    more: tuple[tuple[str, float], ...]
    less: tuple[tuple[str, float], ...]
    tested: str | None


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Beliefs(TabularResult):
    """One row per model: model, belief, difference, against; sentences in the language set when they are read.

    ``belief`` is what one would have to believe to prefer the model, ``difference`` which channels gain and lose most
    against the average of the models compared, ``against`` an observation that would speak against the belief.

    Attributes:
        beliefs: The models, in the order of the credit.
    """

    beliefs: tuple[Belief, ...]

    def _records(self) -> Records:
        rows = [
            {
                "model": belief.model,
                "belief": messages.text(f"BELIEF.{belief.code}", belief.values),
                "difference": _difference(belief),
                "against": messages.text(f"AGAINST.{belief.code}", _with_channel(belief)),
            }
            for belief in self.beliefs
        ]
        return Records.from_rows(_FIELDS, rows)

    def _display(self) -> Display:
        lines = [
            messages.text("COMPARE.BELIEF_LINE", {**row, "model": column_label(row["model"])})
            for row in self._records().to_dicts()
        ]
        meaning = messages.text("COMPARE.BELIEFS_MEANING")
        return Display(messages.text("COMPARE.BELIEFS_TITLE"), (*lines, meaning))


def beliefs(credit: Credit, shares: Shares) -> Beliefs:
    """One belief per model."""
    gain = shares.rounded - shares.rounded.mean(axis=0)
    inbound = _inbound_labels(credit)
    found = []
    for place, model in enumerate(credit.models):
        code = _code(model)
        order = np.argsort(-gain[place], kind="stable").tolist()
        named = [(shares.labels[key], float(gain[place, key])) for key in order]
        more = [item for item in named if item[1] > _NOTICED]
        found.append(
            Belief(
                model=model.name,
                code=code,
                values={**getattr(model, "settings", {}), "name": model.name},
                more=tuple(more[:_NAMED]),
                less=tuple(item for item in named[::-1][:_NAMED] if item[1] < -_NOTICED),
                tested=next((name for name, _ in more if name not in inbound), None),
            )
        )
    return Beliefs(beliefs=tuple(found))


def _code(model: Model) -> str:
    """The sentence of the model's definition, or of what its definition is a kind of: MARKOV_2 is a MARKOV."""
    parts = str(getattr(model, "definition", _OTHER)).split("_")
    for size in range(len(parts), 0, -1):
        code = "_".join(parts[:size])
        if messages.has(f"BELIEF.{code}"):
            return code
    return _OTHER


def _difference(belief: Belief) -> str:
    if not belief.more and not belief.less:
        return messages.text("COMPARE.LIKE_AVERAGE")
    values = {"more": _listed(belief.more), "less": _listed(belief.less)}
    return messages.text("COMPARE.AGAINST_AVERAGE", values)


def _listed(channels: tuple[tuple[str, float], ...]) -> str:
    shown = [f"{name} {'+' if gain > 0 else ''}{format_value(gain, 'pp')}" for name, gain in channels]
    return messages.text("COMPARE.APART").join(shown) or format_value(None)


def _with_channel(belief: Belief) -> dict[str, object]:
    return {**belief.values, "channel": belief.tested or messages.text("COMPARE.ANY_CHANNEL")}


def _inbound_labels(credit: Credit) -> set[str]:
    """Keys whose eligible touches the customers all began: nobody can withhold them."""
    journeys, cells = credit.journeys, credit.cells
    roles = journeys.touches.table.roles
    if roles.origin not in journeys.touches.table.names:
        return set()
    inbound = journeys.touch_column(roles.origin)[journeys.served.row] == "inbound"
    touches = np.zeros((2, cells.credited), np.int64)
    for pairs in journeys.pairs():
        cell = cells.of_pairs(pairs)
        for row, chosen in enumerate((slice(None), inbound[pairs.touch])):
            touches[row] += np.bincount(cell[chosen], minlength=cells.credited)
    labels = cell_labels(cells)
    return {labels[place] for place in np.flatnonzero((touches[0] > 0) & (touches[0] == touches[1])).tolist()}
