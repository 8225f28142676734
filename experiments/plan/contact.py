"""What was planned to be sent, and how often one person may be contacted: sections of a plan."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainValidator

from experiments.plan import spelling
from experiments.plan.sections import Duration, Names, Section, key

__all__ = ["ExecutionPlan", "PressurePlan"]


class ExecutionPlan(Section):
    """What was planned to be sent; with waves use [tables.planned] instead."""

    planned: Annotated[dict[str, int], PlainValidator(spelling.counts_by_name)] = key(
        "Channel -> planned touches, for example { push = 20000, sms = 9000 }.", kind="table of whole numbers"
    )


class PressurePlan(Section):
    """How often one person may be contacted."""

    caps: Annotated[dict[str, int], PlainValidator(spelling.caps)] = key(
        "Window -> contacts allowed in it.",
        kind="table of whole numbers",
        default={"7d": 3, "30d": 8},
        shown='{ "7d" = 3, "30d" = 8 }',
    )
    quiet: Duration = key("How long after a conversion a contact is one too many.", kind="duration", default="30d")
    weights: Annotated[dict[str, float], PlainValidator(spelling.amounts_by_name)] | None = key(
        'Channel -> how much a contact disturbs, for example { phone = 5, "*" = 1 }; absent: all alike.',
        kind="table of numbers",
        default=None,
    )
    kinds: Names | None = key(
        "Kinds of touches that are contacts; absent: all that are no answer of the customer.",
        kind="list of texts",
        default=None,
    )
    opt_outs: Names = key(
        "Kinds of touches that are opt-outs.",
        kind="list of texts",
        default=("opt_out", "unsubscribe", "unsubscribed"),
    )
    complaints: Names = key("Kinds of touches that are complaints.", kind="list of texts", default=("complaint",))
