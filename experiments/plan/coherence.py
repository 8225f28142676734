"""What single keys cannot show: keys that contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core.errors import closest
from experiments.plan.needs import unmet
from experiments.plan.spelling import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from experiments.plan.schema import CostsPlan, ExperimentPlan, GatePlan, MetricPlan, Plan

__all__ = ["incoherent"]


def incoherent(plan: Plan) -> list[tuple[str, str]]:
    """Every contradiction of a plan as (place, message)."""
    return [
        *_arms(plan), *_metrics(plan), *_costs(plan), *_gates(plan), *_figures(plan), *_tables(plan), *unmet(plan),
    ]  # fmt: skip


def _arms(plan: Plan) -> Iterator[tuple[str, str]]:
    experiment = plan.experiment
    if experiment is None:
        return
    yield from _order(experiment)
    yield from _shares(experiment)
    known = set(experiment.order or ())
    for arm in experiment.steps:
        place = f"experiment.steps.{arm}"
        if arm == experiment.control:
            yield place, "the control adds no channels. Delete this key."
        elif known and arm not in known:
            yield place, f"{shown(arm)} is not an arm of experiment.order. {closest(arm, known)}"
    missing = [arm for arm in experiment.order or () if arm != experiment.control and arm not in experiment.steps]
    if experiment.steps and missing and known.issuperset(experiment.steps):
        # Each step is compared with the arm before it, so a gap would compare other arms than the thresholds do.
        yield "experiment.steps", f"says nothing of {shown(missing[0])}. Name the channels that each arm adds."


def _order(experiment: ExperimentPlan) -> Iterator[tuple[str, str]]:
    order, control = experiment.order, experiment.control
    if order is None:
        return
    if len(order) < 2:
        yield "experiment.order", "needs the control and at least one more arm."
    if control not in order:
        yield "experiment.order", f"does not hold the control {shown(control)}. Begin the list with it."
    elif order[0] != control:
        yield "experiment.order", f"begins with {shown(order[0])}; it must begin with the control {shown(control)}."


def _shares(experiment: ExperimentPlan) -> Iterator[tuple[str, str]]:
    shares, known = experiment.shares, set(experiment.order or ())
    if not isinstance(shares, dict):
        return
    if experiment.control not in shares:
        yield "experiment.shares", f"has no share for the control {shown(experiment.control)}."
    odd = sorted(known ^ set(shares)) if known else []
    if odd:
        named = ", ".join(map(shown, odd))
        yield "experiment.shares", f"and experiment.order must name the same arms; {named} is in one only."


def _metrics(plan: Plan) -> Iterator[tuple[str, str]]:
    primary = [name for name, metric in plan.metrics.items() if metric.role == "primary"]
    if not plan.metrics:
        yield "metrics", "is empty. Declare at least one metric, or delete the section."
    if len(primary) > 1:
        yield "metrics", f"exactly one metric may be primary; {', '.join(map(shown, primary))} are."
    elif plan.metrics and "primary" not in plan.roles().values():
        yield "metrics", 'no metric is primary. Declare role = "primary" for one of them.'
    for name, metric in plan.metrics.items():
        yield from _kind(name, metric)
        if metric.missing == "exclude" and metric.role == "primary":
            yield (
                f"metrics.{name}.missing",
                'the primary metric may not leave persons out. Declare missing = "zero", or fill the column.',
            )


_KEYS = {
    "rate": {"column", "covariate", "method"},
    "mean": {"column", "covariate", "cap", "equal_variances"},
    "ratio": {"numerator", "denominator", "covariate", "cap"},
    "quantile": {"column", "q"},
    "count": {"column", "covariate", "cap"},
    "duration": {"column", "horizon", "covariate"},
}
_NEEDED = {"ratio": ("numerator", "denominator"), "duration": ("horizon",)}


def _kind(name: str, metric: MetricPlan) -> Iterator[tuple[str, str]]:
    """The keys that a kind of metric has, and those that it needs."""
    for key in sorted(set().union(*_KEYS.values()) - _KEYS[metric.kind]):
        if getattr(metric, key) not in (None, False):
            kinds = " or ".join(f'"{kind}"' for kind, keys in _KEYS.items() if key in keys)
            yield f"metrics.{name}.{key}", f"a {metric.kind} has no {key}. Delete this key, or declare kind = {kinds}."
    for key in _NEEDED.get(metric.kind, ()):
        if getattr(metric, key) is None:
            yield f"metrics.{name}.{key}", f"is missing: a {metric.kind} needs it."
    if metric.kind == "duration" and metric.missing is not None:
        yield f"metrics.{name}.missing", "a duration has none: an empty value counts with the horizon. Delete this key."


def _costs(plan: Plan) -> Iterator[tuple[str, str]]:
    if plan.costs is not None and isinstance(plan.costs.thresholds, dict) and plan.costs.by is None:
        yield "costs.by", "is missing: thresholds by segment need the column of the segments."
    if plan.costs is not None and plan.costs.values:
        yield from _values(plan.costs, plan.costs.values)


def _values(costs: CostsPlan, values: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """The declared values are those of segments."""
    if costs.by is None:
        yield "costs.values", "needs costs.by, the column of the segments."
    elif isinstance(costs.thresholds, dict):
        for segment in values:
            if segment not in costs.thresholds:
                hint = closest(segment, costs.thresholds)
                yield f"costs.values.{segment}", f"{shown(segment)} is not a segment of costs.thresholds. {hint}"


_NEVER = frozenset({("greater", "FAIL"), ("less", "PASS")})


def _gates(plan: Plan) -> Iterator[tuple[str, str]]:
    for number, gate in enumerate(plan.gate, start=1):
        place = f"gate[{number}]"
        yield from _gate_arms(plan, gate, place)
        if (gate.side, gate.expect) in _NEVER:
            yield (
                f"{place}.side",
                f'a gate with side = "{gate.side}" never says {gate.expect}. Turn the side or expect.',
            )
        if plan.costs is None:
            yield place, "needs the section [costs] with its thresholds."
            continue
        thresholds = plan.costs.thresholds
        if isinstance(thresholds, dict):
            if gate.segment is None or gate.segment not in thresholds:
                hint = closest(str(gate.segment), thresholds)
                yield f"{place}.segment", f"must be a segment of costs.thresholds, got {shown(gate.segment)}. {hint}"
                continue
            thresholds = thresholds[gate.segment]
        elif gate.segment is not None and plan.costs.by is None:
            yield f"{place}.segment", "needs costs.by, the column of the segments."
        if gate.threshold not in thresholds:
            listed = ", ".join(f"{item:g}" for item in thresholds)
            yield f"{place}.threshold", f"{gate.threshold:g} is not one of costs.thresholds ({listed})."


def _gate_arms(plan: Plan, gate: GatePlan, place: str) -> Iterator[tuple[str, str]]:
    experiment = plan.experiment
    if experiment is None:
        yield place, "needs the section [experiment]: without an experiment there is no verdict."
        return
    known = set(experiment.order or ()) or (set(experiment.shares) if isinstance(experiment.shares, dict) else set())
    for key, arm in (("arm", gate.arm), ("control", gate.control)):
        if arm is not None and known and arm not in known:
            yield f"{place}.{key}", f"{shown(arm)} is not a declared arm. {closest(arm, known)}"
    if gate.arm == (gate.control or experiment.control):
        yield f"{place}.arm", f"{shown(gate.arm)} is compared with itself."


def _figures(plan: Plan) -> Iterator[tuple[str, str]]:
    names = [figure.name for figure in plan.figure]
    for number, name in enumerate(names, start=1):
        if name in names[: number - 1]:
            yield f"figure[{number}].name", f"{shown(name)} is declared twice."


def _tables(plan: Plan) -> Iterator[tuple[str, str]]:
    for name, table in plan.tables.items():
        database = table.path.lower().endswith((".duckdb", ".ddb", ".db"))
        if database and table.query is None:
            yield f"tables.{name}.query", "is missing: a database file needs the SQL that gives the table."
        if not database and table.query is not None:
            yield f"tables.{name}.query", "is for database files (.duckdb) only. Delete this key."
