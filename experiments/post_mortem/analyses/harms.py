"""Opt-outs, complaints and closures by arm, against the control: the effects of being contacted that nobody wants."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from attribution.core.tables import Problems, open_table
from experiments.metrics import Rate
from experiments.outcomes.result import Outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from attribution.core.columns import Columns
    from experiments.post_mortem.evidence import Evidence
    from experiments.readout.result import Readout

__all__ = ["run"]

_NAMES = {"opt_out": "opted_out", "complaint": "complained"}
_TIME = "happened_at"


def run(evidence: Evidence) -> Readout | None:
    """Each arm against the control on every harm that the tables show; None without one.

    An opt-out or complaint is a row of the touches, or a time in the history's column ``opted_out_at`` or
    ``complained_at``, inside the person's window; else the column of the outcomes that the plan names. Same persons,
    strata and weights as the readout, whose findings tell whether the arms may be compared.
    """
    from experiments.outcomes.marked import mark_events

    outcomes, readout = evidence.outcomes, evidence.readout
    if readout is None or not isinstance(outcomes, Outcomes):
        return None
    there, named = set(outcomes.to_arrow().column_names), _named(evidence)
    wanted = [harm for harm in _NAMES if harm not in there]
    events = _from_touches(evidence, wanted)
    for roles, tables in (events, _from_history(evidence, [harm for harm in wanted if harm not in events[1]])):
        outcomes = mark_events(outcomes, tables, columns={"events": roles}) if tables else outcomes
    columns = {harm: harm for harm in wanted if harm in outcomes.to_arrow().column_names}
    for harm, column in _NAMES.items():
        if harm not in columns and column in there and column in named:
            columns[harm] = column
    if "closed" in there:
        columns["closed"] = "closed"
    if not columns:
        return None
    experiment = replace(
        readout.experiment,
        metrics={harm: Rate(column, direction="down") for harm, column in columns.items()},
        guardrails=(), segments=None, correction=None, gatekeeping=None,
    )  # fmt: skip
    return replace(experiment.analyze(outcomes), findings=())


def _named(evidence: Evidence) -> set[str]:
    """The columns of the plan's metrics and guardrails."""
    plan = evidence.plan
    return {part.column or name for parts in (plan.metrics, plan.guardrails) for name, part in parts.items()}


def _from_touches(evidence: Evidence, harms: Sequence[str]) -> tuple[Columns, dict[str, pa.Table]]:
    """Rows of the touches that are such events, by harm."""
    declared, touches = evidence.plan.pressure, evidence.tables.get("touches")
    kinds = {"opt_out": declared.opt_outs, "complaint": declared.complaints}
    roles = evidence.plan.columns()["touches"]
    table = None if touches is None else open_table(touches, "touches", roles, problems=Problems())
    if table is None or not table.has("kind") or not table.has("time"):
        return roles, {}
    asked = [kind for harm in harms for kind in kinds[harm]]
    condition = nw.col(roles.kind).cast(nw.String()).is_in(asked)
    rows = _kept(table.lazy(), condition, [roles.person, roles.time, roles.kind])
    own = [str(kind) for kind in rows[roles.kind].to_pylist()]
    found = {harm: rows.filter([kind in kinds[harm] for kind in own]) for harm in harms} if own else {}
    return roles, {harm: table for harm, table in found.items() if table.num_rows}


def _from_history(evidence: Evidence, harms: Sequence[str]) -> tuple[Columns, dict[str, pa.Table]]:
    """Times of the history, by harm."""
    history, roles = evidence.tables.get("history"), evidence.plan.columns()["history"]
    table = None if history is None else open_table(history, "history", roles, problems=Problems())
    found: dict[str, pa.Table] = {}
    for harm in harms:
        column = f"{_NAMES[harm]}_at"
        if table is not None and column in table.names:
            rows = _kept(table.lazy(), ~nw.col(column).is_null(), [roles.person, column])
            found[harm] = rows.rename_columns([roles.person, _TIME])
    return replace(roles, time=_TIME), {harm: rows for harm, rows in found.items() if rows.num_rows}


def _kept(frame: nw.LazyFrame[Any], condition: nw.Expr, columns: Sequence[str]) -> pa.Table:
    # A filtered pandas table brings its index along.
    return frame.filter(condition).select(*columns).collect("pyarrow").to_arrow().select(list(columns))
