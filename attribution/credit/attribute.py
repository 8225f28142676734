"""From journeys, or from two tables, to credit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.credit.credit import Credit
from attribution.credit.in_engine import credited, lazy_credit_journeys
from attribution.credit.keys import CHANNEL
from attribution.credit.parted import attribute_files
from attribution.engines.engine_journeys import EngineJourneys, collected_journeys
from attribution.engines.files import open_source
from attribution.engines.native import runs_in_engine
from attribution.journeys.behind import whole
from attribution.journeys.build import build_journeys, check_rules
from attribution.journeys.from_files import stands_for_files
from attribution.models.fitted import fit_model
from attribution.models.protocol import PathModel, TouchModel
from attribution.models.registry import resolve_models
from attribution.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attribution.core.columns import ColumnsLike
    from attribution.journeys.build import AppliesIdentity
    from attribution.journeys.observed import Observed
    from attribution.journeys.plan import Journeys
    from attribution.models.protocol import Model

__all__ = ["attribute", "attribute_journeys"]


def attribute(  # noqa: PLR0913 - a public function of keyword-only options
    touches: object,
    conversions: object,
    *,
    models: Iterable[Model | str] | Model | str | None = None,
    rules: Rules | None = None,
    columns: ColumnsLike = None,
    identity: AppliesIdentity | None = None,
    customers: object = None,
    observed: Observed = None,
    key_events: object = None,
    memory: str | int | None = None,
    progress: bool | None = None,
    collect: bool | None = None,
) -> Credit:
    """Divide the credit of every conversion among its eligible touches, by one or several models.

    Credit sums to what happened: channels plus the row "(none)" (conversions without an eligible touch) are all counted
    conversions and all their value, in every model. Credit says nothing about cause.

    Args:
        touches: One row per touch: person, time, channel; any further columns. Or files: a path, a glob, a folder, or a
            list of them; see docs/guides/larger-than-memory.md.
        conversions: One row per conversion: person, time, conversion id, usually a value; any further columns.
        models: Models or their names; `RULE_MODELS` by default.
        rules: Which touches are eligible; `Rules()` (30 days) by default.
        columns: The user's names of the columns.
        identity: Persons behind customer numbers, from `resolve_identity`.
        customers: One row per person (or customer number) at risk; needed by the rule `dormancy`, and the population of
            the intervals.
        observed: Begin and end of observation; the first and last time in either table by default.
        key_events: What persons did between touch and conversion; needed by the rule `key_event`.
        memory: For touches in files: budget of the working set, as "4GB" or a number of bytes; where the touches that
            are needed do not fit, credit is added up over ranges of persons.
        progress: For touches in files: whether a bar of the rows read is shown; by default on a terminal.
        collect: What happens with lazy tables (DuckDB, Polars lazy, Spark, Ibis). By default they stay in their engine
            where it runs the rules and models (docs/reference/engines.md); else the touches that can matter come into
            memory, which is a finding. True: all rows come into memory first. False: never; an error says why one has
            to.

    Returns:
        The credit: ``.table()``, ``.by(...)``, ``.with_costs(...)``, ``.touches()``, ``.explain(...)``, ``.findings``.

    Raises:
        TableError: Lists every problem of both tables.
        InputError: For an unknown model, two models of one name, unusable rules.
        ConservationError: For a custom model whose weights do not sum to 1.

    Verified against hand-made journeys and an independent slow implementation (docs/methods/credit.md).

    Example:
        >>> import attribution as at, pandas as pd
        >>> when = pd.to_datetime(["2026-10-01 09:00Z", "2026-10-03 09:00Z"])
        >>> touches = pd.DataFrame({"person_id": ["p1", "p1"], "time": when, "channel": ["sms", "phone"]})
        >>> conversions = pd.DataFrame(
        ...     {"person_id": ["p1"], "time": when[1:], "conversion_id": ["order-1"], "value": [90.0]}
        ... )
        >>> at.attribute(touches, conversions, models="linear").table()[["model", "channel", "conversions", "value"]]
            model channel  conversions  value
        0  linear   phone          0.5   45.0
        1  linear     sms          0.5   45.0
        2  linear  (none)          0.0    0.0
    """
    found = resolve_models(models)
    given = {"touches": touches, "conversions": conversions, "customers": customers, "key_events": key_events}
    if stands_for_files(touches):
        rules = check_rules(Rules() if rules is None else rules)
        source = open_source(
            given, rules=rules, columns=columns, identity=identity, observed=observed, memory=memory, progress=progress
        )
        return attribute_files(source, rules, found)
    lazy = not collect and (runs_in_engine(touches) or runs_in_engine(conversions))
    if lazy:
        journeys = lazy_credit_journeys(
            {**given, "identity": identity},
            models=found,
            rules=check_rules(Rules() if rules is None else rules),
            columns=columns,
            observed=observed,
            collect=collect,
        )
        if journeys is not None:
            return attribute_journeys(journeys, found)
    built = build_journeys(
        touches,
        conversions,
        rules=rules,
        columns=columns,
        identity=identity,
        customers=customers,
        observed=observed,
        key_events=key_events,
    )
    return attribute_journeys(collected_journeys(built) if lazy else built, found)


def attribute_journeys(journeys: Journeys, models: Iterable[Model | str] | Model | str | None) -> Credit:
    """Credit of journeys by channel."""
    asked = resolve_models(models)
    if isinstance(journeys, EngineJourneys) and any(model.needs == "paths" for model in asked):
        journeys = collected_journeys(whole(journeys))
    found = _fitted(journeys, asked)
    journeys, cells, sums = credited(journeys, found, (CHANNEL,))
    return Credit(journeys=journeys, models=found, cells=cells, sums=sums)


def _fitted(journeys: Journeys, models: tuple[Model, ...]) -> tuple[TouchModel, ...]:
    """The models ready for single journeys: those of paths are fitted to all paths first."""
    ready: list[TouchModel] = []
    for model in models:
        # A model may have both methods (Shapley, custom models): what it needs decides.
        if model.needs == "paths" and isinstance(model, PathModel):
            ready.append(fit_model(model, journeys.path_counts()))
        elif isinstance(model, TouchModel):
            ready.append(model)
    return tuple(ready)
