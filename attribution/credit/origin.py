"""Credit with and without the touches that customers began, side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table
from attribution.credit.attribute import attribute_journeys
from attribution.credit.credit import Credit
from attribution.journeys.plan import Journeys
from attribution.models.fitted import FittedModel
from attribution.models.registry import resolve_models

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.models.protocol import Model

__all__ = ["OriginComparison", "compare_origins"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class OriginComparison(TabularResult):
    """One row per model and channel: credit of all touches, of outbound touches alone, and outbound minus all.

    Columns: model, channel, conversions, conversions_outbound, conversions_difference, value, value_outbound,
    value_difference. Both credits sum to all counted conversions and values, so the differences of a model sum to 0:
    what inbound channels lose goes to outbound touches of the same journeys, or to "(none)".

    Attributes:
        all: Credit with inbound touches.
        outbound: Credit without them.
    """

    all: Credit
    outbound: Credit

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is worth knowing about the tables, under the rule that leaves inbound touches out."""
        return self.outbound.findings

    @property
    def recipe(self) -> Recipe:
        """How the outbound credit was made; the other differs in its rule of origin alone."""
        return replace(self.outbound.recipe, method="compare_origins")

    def _records(self) -> Records:
        both, alone = self.all.to_dicts(), self.outbound.to_dicts()
        rows = []
        for row, other in zip(both, alone, strict=True):
            told = {"model": row["model"], "channel": row["channel"]}
            for name in ("conversions", "value"):
                told[name], told[f"{name}_outbound"] = row[name], other[name]
                told[f"{name}_difference"] = None if row[name] is None else other[name] - row[name]
            rows.append(told)
        numbers = [
            Field(f"{name}{part}", "number" if name == "conversions" else "money")
            for name in ("conversions", "value")
            for part in ("", "_outbound", "_difference")
        ]
        return Records.from_rows((Field("model", "text"), Field("channel", "text"), *numbers), rows)

    def _display(self) -> Display:
        lines = [messages.text("ORIGINS.MEANING"), messages.text("CREDIT.NOT_CAUSE")]
        lines += [finding.text() for finding in self.findings if finding.code == "INBOUND_TOUCHES"]
        return Display(messages.text("ORIGINS.TITLE"), (records_table(self._records()), *lines))


def compare_origins(
    journeys: Journeys | Credit, *, models: Iterable[Model | str] | Model | str | None = None
) -> OriginComparison:
    """Credit with and without inbound touches (those that customers began), side by side.

    Inbound touches often stand close to the conversion because the decision was made already. The table shows how much
    of the credit hangs on counting them. It says nothing about which reading is right, and nothing about cause.

    Args:
        journeys: The plan, or a credit, whose models are then compared by channel. Its own rule of origin is ignored,
            its other rules stay.
        models: Models or their names; those of the credit, or `RULE_MODELS`, by default. A model of paths is fitted to
            both sets of journeys.

    Returns:
        One row per model and channel; ``.all`` and ``.outbound`` are the two credits.

    Raises:
        TableError: When the touches have no column of origins, or one with other words than inbound and outbound.
        InputError: For something that is neither journeys nor credit.

    Verified against two separate calls of `attribute`, and by conservation of both credits.

    Example:
        >>> import attribution as at, pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z", "2026-10-03 10:00Z"])
        >>> touches = pd.DataFrame(
        ...     {"person_id": "p1", "time": when[:2], "channel": ["sms", "hotline"], "origin": ["outbound", "inbound"]}
        ... )
        >>> conversions = pd.DataFrame({"person_id": ["p1"], "time": when[2:], "conversion_id": ["o"], "value": [90.0]})
        >>> found = at.compare_origins(at.build_journeys(touches, conversions), models="last_touch")
        >>> found.table()[["channel", "conversions", "conversions_outbound", "conversions_difference"]]
           channel  conversions  conversions_outbound  conversions_difference
        0  hotline          1.0                   0.0                    -1.0
        1      sms          0.0                   1.0                     1.0
        2   (none)          0.0                   0.0                     0.0
    """
    if isinstance(journeys, Credit):
        plan, declared = journeys.journeys, tuple(map(_declared, journeys.models))
    elif isinstance(journeys, Journeys):
        plan, declared = journeys, None
    else:
        raise InputError(
            f"compare_origins takes journeys or a credit, got {type(journeys).__name__}. Write "
            "at.compare_origins(at.build_journeys(touches, conversions))."
        )
    chosen = resolve_models(declared if models is None else models)
    both, outbound = (plan.with_rules(replace(plan.rules, origin=origin)) for origin in ("all", "outbound"))
    return OriginComparison(all=attribute_journeys(both, chosen), outbound=attribute_journeys(outbound, chosen))


def _declared(model: Model) -> Model:
    """The model as the caller declared it, before its fit."""
    return model.model if isinstance(model, FittedModel) else model
