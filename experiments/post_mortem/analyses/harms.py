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


def run(evidence: Evidence) -> Readout | None:
    """Each arm against the control on every harm that the tables show; None without one.

    An opt-out or complaint is a row of the touches, or a time in the history's column ``opted_out_at`` or
    ``complained_at``, inside the person's window; else the column of the outcomes that the plan names. Same persons,
    strata and weights as the readout, whose findings tell whether the arms may be compared.
    """
    outcomes, readout = evidence.outcomes, evidence.readout
    if readout is None or not isinstance(outcomes, Outcomes):
        return None
    there, named = set(outcomes.to_arrow().column_names), _named(evidence)
    columns: dict[str, str] = {}
    for harm, column in _NAMES.items():
        marked = None if harm in there else _marked(evidence, outcomes, harm)
        if marked is not None:
            outcomes, columns[harm] = marked, harm
        elif column in there and column in named:
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


def _marked(evidence: Evidence, outcomes: Outcomes, harm: str) -> Outcomes | None:
    """The outcomes with a column of the harm; None where no table tells when it happened."""
    from experiments.outcomes.marked import mark_events

    found = _from_touches(evidence, harm) or _from_history(evidence, f"{_NAMES[harm]}_at")
    return None if found is None else mark_events(outcomes, {harm: found[0]}, columns={"events": found[1]})


def _from_touches(evidence: Evidence, harm: str) -> tuple[pa.Table, Columns] | None:
    declared, touches = evidence.plan.pressure, evidence.tables.get("touches")
    roles = evidence.plan.columns()["touches"]
    kinds = declared.opt_outs if harm == "opt_out" else declared.complaints
    table = None if touches is None else open_table(touches, "touches", roles, problems=Problems())
    if table is None or not table.has("kind") or not table.has("time"):
        return None
    rows = _kept(table.lazy(), nw.col(roles.kind).cast(nw.String()).is_in(list(kinds)), [roles.person, roles.time])
    return (rows, roles) if rows.num_rows else None


def _from_history(evidence: Evidence, column: str) -> tuple[pa.Table, Columns] | None:
    history, roles = evidence.tables.get("history"), evidence.plan.columns()["history"]
    table = None if history is None else open_table(history, "history", roles, problems=Problems())
    if table is None or column not in table.names:
        return None
    rows = _kept(table.lazy(), ~nw.col(column).is_null(), [roles.person, column])
    return (rows, replace(roles, time=column)) if rows.num_rows else None


def _kept(frame: nw.LazyFrame[Any], condition: nw.Expr, columns: Sequence[str]) -> pa.Table:
    return frame.filter(condition).select(*columns).collect("pyarrow").to_arrow()
