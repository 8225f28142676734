"""Tables of the purpose section: the arms, plan against done, and the keys that were changed after the lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.errors import DesignError
from attribution.core.formats import format_value
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable
from experiments.post_mortem.words import head, listed, model_words, thing_words, window_words, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from attribution.core.findings import Finding
    from experiments.plan import Plan
    from experiments.post_mortem.evidence import Evidence

__all__ = ["arms_table", "changes_table", "declared_table", "declared_thresholds"]

_LONGEST = 60  # of a value in the table of changes


def arms_table(persons: Mapping[str, int], plan: Plan) -> DisplayTable:
    """Persons of each arm and the channels that it adds; an arm smaller than the limit loses its number."""
    limit, steps = plan.report.min_cell, {} if plan.experiment is None else plan.experiment.steps
    columns = [DisplayColumn(head("arm")), DisplayColumn(head("persons"), "count")]
    rows: list[tuple[object, ...]] = [
        (arm, n if n >= limit else Cell(None, note=f"< {limit}")) for arm, n in persons.items()
    ]
    if steps:
        columns.insert(1, DisplayColumn(head("step_channels")))
        rows = [(arm, listed(steps[arm]) if arm in steps else None, n) for arm, n in rows]
    return DisplayTable(tuple(columns), tuple(rows))


def declared_table(evidence: Evidence) -> DisplayTable:
    """Plan against done: what was declared (as it was locked, where there is a lock), what was done, what deviates."""
    columns = tuple(DisplayColumn(head(name)) for name in ("declared_key", "declared_plan", "done", "deviation"))
    rows = [*_population(evidence), *_arms(evidence), *_same(evidence), *_looks(evidence)]
    return DisplayTable(columns, tuple(rows), title=word("plan.table"))


def changes_table(evidence: Evidence) -> DisplayTable | None:
    """Each key that was changed after the lock, with its old and its new value; None when none was."""
    changes = () if evidence.locking is None else evidence.locking.changes
    if not changes:
        return None
    columns = tuple(DisplayColumn(head(name)) for name in ("plan_key", "locked_value", "value_now", "reading"))
    rows = tuple((key, _short(old), _short(new), word("plan.exploratory_mark")) for key, old, new in changes)
    return DisplayTable(columns, rows, title=word("plan.changes"))


def _short(value: str) -> str:
    if value == "(absent)":
        return word("plan.absent")
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}\N{HORIZONTAL ELLIPSIS}"


def _locked(evidence: Evidence) -> Plan:
    """The plan as it was declared: the locked copy, else the plan itself."""
    found = None if evidence.locking is None else evidence.locking.declared
    return evidence.plan if found is None else found


def _changed(evidence: Evidence, *places: str) -> bool:
    """Whether a key at one of the places was changed after the lock."""
    keys = () if evidence.locking is None else evidence.locking.keys
    return any(key == place or key.startswith((f"{place}.", f"{place}[")) for key in keys for place in places)


def _row(evidence: Evidence, name: str, declared: str, done: str, *places: str, seen: str = "") -> tuple[str, ...]:
    """One row; a key that was changed after the lock is exploratory whatever was seen."""
    if _changed(evidence, *places):
        said = word("plan.changed_mark")
        deviation = f"{said}{word('list_separator')}{seen}" if seen else said
    else:
        deviation = seen or word("plan.as_declared" if done or not declared else "plan.untold")
    return word(f"plan.row.{name}"), declared or word("plan.not_declared"), done or word("plan.not_done"), deviation


def _found(evidence: Evidence, code: str) -> Finding | None:
    return next((finding for finding in evidence.findings() if finding.code == code), None)


def _population(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    persons, plan = sum(evidence.persons().values()), _locked(evidence)
    rule = plan.campaign.population or ""
    done = word("plan.analysed", persons=persons) if persons else ""
    late = _found(evidence, "IMMATURE")
    seen = "" if late is None else word("plan.left_out", persons=late.values["persons"])
    yield _row(evidence, "population", rule, done, "campaign.population", seen=seen)


def _arms(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    """The declared and the observed share of each arm, and whether chance explains the difference."""
    persons, limit = evidence.persons(), evidence.plan.report.min_cell
    total = sum(persons.values())
    expected, judged = _expected(evidence)
    for arm, n in persons.items():
        share = expected.get(arm)
        declared = "" if share is None else format_value(share, "rate")
        observed = word("plan.share", share=n / total, persons=n) if n >= limit else f"< {limit}"
        seen = "" if share is None or n < limit else word(f"plan.share_{judged}", difference=n / total - share)
        name, *cells = _row(evidence, "share", declared, observed, "experiment.shares", seen=seen)
        yield word("plan.share_of", name=name, arm=arm), *cells


def _expected(evidence: Evidence) -> tuple[dict[str, float], str]:
    """The declared share of each arm over all strata, and the word of the check of the split."""
    found = _found(evidence, "SRM")
    values: Any = {} if found is None else found.values.get("expected") or {}
    judged = "unknown" if found is None else found.status
    if found is not None and found.values.get("assumed_equal"):
        return {}, "unknown"
    total = sum(values.values())
    return ({str(arm): n / total for arm, n in values.items()} if total else {}), judged


def _same(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    """What is told in the same words of the plan as it was locked and of what was done."""
    before, now = _locked(evidence), evidence.plan
    done = evidence.readout is not None
    yield _row(evidence, "window", _window(before), _window(now) if done else "", "experiment.window", "experiment.lag")
    measured = _metrics(now) if done else ""
    yield _row(evidence, "metrics", _metrics(before), measured, "metrics")
    if before.guardrails or now.guardrails:
        guarded = _names(now.guardrails) if done else ""
        yield _row(evidence, "guardrails", _names(before.guardrails), guarded, "guardrails")
    judged = _thresholds(now) if evidence.thresholds is not None else ""
    yield _row(evidence, "thresholds", _thresholds(before), judged, "costs")
    models = [] if evidence.credit is None else list(dict.fromkeys(row["model"] for row in evidence.credit.to_dicts()))
    credited = listed(map(model_words, models))
    yield _row(evidence, "models", _models(before), credited, "attribution")
    if _segments(before) or _segments(now):
        places = ("experiment.segments", "costs.by")
        yield _row(evidence, "segments", _segments(before), _segments(now) if done else "", *places)
    days = [format_value(plan.campaign.as_of, "date") for plan in (before, now)]
    beyond = _found(evidence, "AS_OF_BEYOND_DATA")
    seen = "" if beyond is None else word("plan.beyond_data", last=str(beyond.values["last"])[:10])
    yield _row(evidence, "as_of", days[0], days[1], "campaign.as_of", seen=seen)


def _window(plan: Plan) -> str:
    return "" if plan.experiment is None else window_words(plan.experiment.window)


def _metrics(plan: Plan) -> str:
    return listed(word(f"plan.role.{role}", metric=thing_words(name)) for name, role in plan.roles().items())


def _names(declared: Mapping[str, object]) -> str:
    return listed(map(thing_words, declared))


def _thresholds(plan: Plan) -> str:
    if plan.costs is None:
        return ""
    amounts = (format_value(value, "money") for value in declared_thresholds(plan.costs.thresholds))
    return word("plan.thresholds", thresholds=listed(amounts))


def declared_thresholds(declared: Mapping[str, Sequence[float]] | Sequence[float]) -> list[float]:
    """Every declared threshold once, ascending: one list, or one for each segment."""
    lists: Iterable[Sequence[float]] = declared.values() if not isinstance(declared, (list, tuple)) else [declared]  # type: ignore[union-attr]
    return sorted({value for values in lists for value in values})


def _models(plan: Plan) -> str:
    named = (model if isinstance(model, str) else model.name for model in plan.attribution.declared_models())
    return listed(map(model_words, named))


def _segments(plan: Plan) -> str:
    from experiments.roi.segment_cells import by_columns

    columns = [] if plan.experiment is None else [*by_columns(plan.experiment.segments or None)]
    columns += [] if plan.costs is None else by_columns(plan.costs.by or None)
    return listed(dict.fromkeys(columns))


def _looks(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    """Looks before the end: the logs that the plan names, and how many looks they hold."""
    from experiments.plan.logs import looks_of, monitor_of

    before, now = _locked(evidence), evidence.plan
    for name, read in (("looks", looks_of), ("monitor", monitor_of)):
        declared, log = getattr(before, name), getattr(now, name)
        if declared is None and log is None:
            continue
        try:
            found = read(now)
        except DesignError as error:
            yield _row(evidence, name, "" if declared is None else declared.path, "", name, seen=error.code)
            continue
        days = 0 if found is None else len({look.day for look in found.looks})
        yield _row(evidence, name, "" if declared is None else declared.path, word("plan.looked", looks=days), name)
    if now.looks is None and now.monitor is None and before.looks is None and before.monitor is None:
        unseen = word("plan.unseen_looks")
        yield _row(evidence, "looks", word("plan.no_looks"), word("plan.one_reading"), "looks", "monitor", seen=unseen)
