"""Calibration: how much of a step's credit was caused, with the error of the test that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from attribution.core import messages
from attribution.core.errors import DesignError, InputError, closest
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label
from experiments.design.alarms import require_trusted
from experiments.inference.tails import critical_value
from experiments.reconciliation.result import TOTAL, UNTESTED, Factor, Reconciliation, step_label, undefined
from experiments.reconciliation.shrinkage import Shrink, shrunken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.estimates import RatioSet
    from attribution.credit import Credit
    from experiments.reconciliation.applied import CalibratedCredit

__all__ = ["TESTED", "Calibration", "calibrate", "calibrated"]

TESTED = "tested"
_FIELDS = (
    Field("step", "text"), Field("arm", "text"), Field("control", "text"), Field("channels", "text"),
    Field("model", "text"), Field("persons", "count"), Field("attributed", "number"), Field("incremental", "number"),
    Field("incremental_low", "number"), Field("incremental_high", "number"), Field("factor", "ratio"),
    Field("factor_low", "ratio"), Field("factor_high", "ratio"), Field("factor_kind", "text"),
    Field("calibrated", "number"), Field("calibrated_low", "number"), Field("calibrated_high", "number"),
    Field("reading", "text"), Field("note", "text"),
)  # fmt: skip
_SHRUNKEN = (
    Field("shrunken", "ratio"), Field("shrunken_low", "ratio"), Field("shrunken_high", "ratio"),
    Field("shrunken_weight", "ratio"), Field("shrunken_to", "text"), Field("shrunken_centre", "ratio"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Calibration(TabularResult):
    """Calibration factors: incremental / attributed, one row per step and model, unshrunk.

    Attributes:
        records: The rows. ``factor`` with its Fieller set; ``calibrated``: attributed x factor with the set's ends;
            ``reading``: "tested" or "untested". With ``shrink=`` also the shrunken reading, labelled, in columns of
            its own: it belongs in no verdict and `factor` does not give it.
        factors: The factors of the tested rows, by step and model.
        steps: The channels of every step.
        findings: What was found, also that a reading was shrunken.
        recipe: Steps, level and definitions.
    """

    records: Records
    factors: dict[tuple[str, str], Factor]
    steps: dict[str, tuple[str, ...]]
    findings: tuple[Finding, ...]
    recipe: Recipe

    def factor(self, step: str, *, model: str) -> RatioSet:
        """The unshrunk factor of a step with its Fieller set.

        Args:
            step: A step, or the only channel of one; "total" for all steps together.
            model: Name of the model.

        Raises:
            DesignError: UNTESTED_CHANNEL for a channel that no step tests; BUNDLED_CHANNEL for one channel of a step
                of several; NO_FACTOR where the factor is undefined.
            InputError: For an unknown step, channel or model.
        """
        name = self._step(step)
        found = self.factors.get((name, model))
        if found is None:
            models = dict.fromkeys(known for _, known in self.factors)
            raise InputError(f"there is no model {model!r}. {closest(str(model), models)}")
        if found.found is None:
            raise DesignError(
                "NO_FACTOR",
                f"the factor of {name!r} under {model!r} is undefined ({found.note}): there is no credit to calibrate, "
                "or credit and effect speak of different persons. See the findings.",
            )
        return found.found

    def _step(self, name: str) -> str:
        if name == TOTAL or name in self.steps:
            return name
        for step, channels in self.steps.items():
            if name in channels and len(channels) == 1:
                return step
            if name in channels:
                raise DesignError(
                    "BUNDLED_CHANNEL",
                    f"the channel {name!r} was tested only together with {', '.join(channels)} in the step {step!r}: "
                    "a step's lift belongs to its bundle and is not split over its channels. Ask for the step, or vary "
                    "the channel alone in the next experiment.",
                )
        untested = [row["channels"] for row in self.records.to_dicts() if row["reading"] == UNTESTED]
        if name in untested:
            raise DesignError(
                "UNTESTED_CHANNEL",
                f"no step of the experiment adds the channel {name!r}, so nothing says how much of its credit was "
                "caused, and no factor of another channel stands in for it. Vary it in the next experiment.",
            )
        known = [TOTAL, *self.steps, *(channel for channels in self.steps.values() for channel in channels)]
        raise InputError(f"there is no step or channel {name!r}. {closest(str(name), known)}")

    def apply(self, credit: Credit) -> CalibratedCredit:
        """Another credit of the same models, multiplied by the factors; see `CalibratedCredit`.

        Args:
            credit: Credit of any touches and conversions: another period, further persons. What the factors were
                measured on must hold there too: the same channels in the same bundles, the same models and rules, a
                like population. Its own error is not in the interval, the test's is.

        Raises:
            InputError: When a model has no factors here.
        """
        from experiments.reconciliation.applied import apply_factors

        return apply_factors(self, credit)

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        rows = [row for row in self.records.to_dicts() if row["reading"] == TESTED]
        steps = list(dict.fromkeys((row["step"], row["channels"]) for row in rows))
        models = list(dict.fromkeys(row["model"] for row in rows))
        cells = {(row["step"], row["model"]): row for row in rows}
        columns = (
            DisplayColumn(column_label("model")),
            *(DisplayColumn(step_label(*step), "ratio", decisive=True) for step in steps),
        )
        body = [(column_label(model), *(_factor_cell(cells[step, model]) for step, _ in steps)) for model in models]
        tables = [DisplayTable(columns, tuple(body))]
        if any(row.get("shrunken") is not None for row in rows):
            columns = (columns[0], *(DisplayColumn(step_label(*step), "ratio") for step in steps if step[0] != TOTAL))
            body = [
                (column_label(model), *(_shrunken_cell(cells[step, model]) for step, _ in steps if step != TOTAL))
                for model in models
            ]
            tables.append(DisplayTable(columns, tuple(body), title=messages.text("CALIBRATE.SHRUNKEN")))
        notes = (*self.recipe.sentences(), *(finding.text() for finding in self.findings))
        return Display(messages.text("CALIBRATE.TITLE"), (*tables, *notes))


def calibrate(reconciliation: Reconciliation, *, shrink: Shrink | None = None) -> Calibration:
    """Calibration factors: incremental / attributed of every tested step and model.

    Estimand: of the credit that a model gives to a step's channels in the arm, how many customers the step caused per
    credited one. 1: as many as credited; 0.4: four in ten; below 0: harm. The set is Fieller's with the covariance of
    credit and outcome over persons (by the score statistic where the readout compares counts), so it is bounded also
    when the effect is weak, and holds 0 exactly when the effect's interval does.

    Args:
        reconciliation: What `reconcile` gave.
        shrink: Adds a labelled second reading of the steps' factors, drawn towards "zero" or towards the "pooled"
            factor of the same model (empirical Bayes, DerSimonian-Laird). It takes the steps as independent, though
            neighbours share an arm, and its interval takes the spread between them as known. It enters no verdict.

    Returns:
        The factors; `Calibration.factor` gives one, `Calibration.apply` multiplies another credit.

    Raises:
        DesignError: INVALID when a trust check of the readout failed.
        InputError: For an unknown ``shrink``, or "pooled" with fewer than two steps that have a factor.

    Assumptions:
        Those of `reconcile`. A step's lift belongs to its bundle: no factor is given for one channel of several, and
        none for a channel that no step tests.

    References:
        Fieller (1954), JRSS B 16:175; DerSimonian and Laird (1986), Controlled Clinical Trials 7:177.

    Verified against: coverage of the true factor in simulated experiments, also when the effect is weak
    (docs/methods/calibration.md); `ratio_interval` in plug-in mode; statsmodels' DerSimonian-Laird estimate.

    Example:
        >>> import attribution as at, experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> credit = at.attribute(c.touches, c.conversions, models=("last_touch",))
        >>> outcomes = ex.build_outcomes(c.assignment, c.conversions, window="28d", as_of=c.as_of)
        >>> readout = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign").analyze(outcomes)
        >>> found = ex.calibrate(ex.reconcile(credit, readout, assignment=c.assignment, steps=c.steps))
        >>> found.factor("phone", model="last_touch").kind
        'interval'
        >>> found.factor("push", model="last_touch")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        attribution.core.errors.DesignError: BUNDLED_CHANNEL: the channel 'push' was tested only together with ...
    """
    if not isinstance(reconciliation, Reconciliation):
        raise InputError(f"calibrate needs what ex.reconcile gives, got {type(reconciliation).__name__}.")
    if shrink is not None and shrink not in get_args(Shrink):
        raise InputError(f'shrink must be "zero", "pooled" or None, got {shrink!r}.')
    require_trusted(reconciliation.findings)
    rows = reconciliation.records.to_dicts()
    level = float(reconciliation.recipe.settings["level"])  # type: ignore[arg-type]
    made = [_row(row, factor) for row, factor in zip(rows, reconciliation.factors, strict=True)]
    known = {
        (row["step"], row["model"]): factor
        for row, factor in zip(rows, reconciliation.factors, strict=True)
        if factor is not None
    }
    findings = reconciliation.findings
    fields: Sequence[Field] = _FIELDS
    if shrink is not None:
        _shrink(made, known, shrink, level)
        fields = (*_FIELDS[:-2], *_SHRUNKEN, *_FIELDS[-2:])
        findings = (*findings, Finding(code="SHRUNKEN_READING", status="note", values={"target": shrink}))
    recipe = reconciliation.recipe
    steps: Any = recipe.settings["steps"]
    return Calibration(
        records=Records.from_rows(fields, made),
        factors=known,
        steps={step: tuple(channels) for step, channels in steps.items()},
        findings=findings,
        recipe=Recipe(
            method="calibrate",
            definitions=("CALIBRATE", *(code for code in recipe.definitions if code == "RECONCILE_INSIDE")),
            settings={**recipe.settings, "shrink": shrink},
            n=recipe.n,
        ),
    )


def _row(row: dict[str, Any], factor: Factor | None) -> dict[str, Any]:
    shared = {field.name: row.get(field.name) for field in _FIELDS[:10]}
    if factor is None:
        return {**shared, "reading": UNTESTED, "note": row["note"]}
    made = {**shared, "reading": TESTED, "note": row["note"]}
    found, attributed = factor.found, row["attributed"]
    if found is None:
        return made
    ends = {"factor": found.value, "factor_low": found.low, "factor_high": found.high, "factor_kind": found.kind}
    return made | ends | calibrated(found, attributed)


def calibrated(found: RatioSet, attributed: float) -> dict[str, float | None]:
    """Credit times factor; the ends of a set in two pieces bound nothing."""
    if found.value is None or found.kind == "complement":
        return {"calibrated": None if found.value is None else attributed * found.value}
    low, high = (attributed * end if attributed else 0.0 for end in (found.low, found.high))
    return {"calibrated": attributed * found.value, "calibrated_low": low, "calibrated_high": high}


def _shrink(rows: Sequence[dict[str, Any]], known: dict[tuple[str, str], Factor], target: Shrink, level: float) -> None:
    z = critical_value(level, "two")
    for model in dict.fromkeys(name for _, name in known):
        mine = [row for row in rows if row["model"] == model and row["step"] != TOTAL and row.get("factor") is not None]
        errors = [known[row["step"], model].error or 0.0 for row in mine]
        mine = [row for row, error in zip(mine, errors, strict=True) if error > 0.0]
        errors = [error for error in errors if error > 0.0]
        if target == "pooled" and len(mine) < 2:
            raise InputError(
                f'shrink="pooled" needs at least two steps with a factor under {model!r}, got {len(mine)}: there is '
                'nothing to pool. Use shrink="zero", or none.'
            )
        if not mine:
            continue
        found = shrunken([row["factor"] for row in mine], errors, target)
        for row, value, error, weight in zip(mine, found.value, found.error, found.weight, strict=True):
            row |= {
                "shrunken": value, "shrunken_low": value - z * error, "shrunken_high": value + z * error,
                "shrunken_weight": weight, "shrunken_to": target, "shrunken_centre": found.centre,
            }  # fmt: skip


def _factor_cell(row: dict[str, Any]) -> Cell:
    if row["factor"] is None:
        return undefined(row["note"])
    if row["factor_kind"] == "interval":
        return Cell(row["factor"], row["factor_low"], row["factor_high"])
    words = messages.text(f"CALIBRATE.set_{row['factor_kind']}", {"low": row["factor_low"], "high": row["factor_high"]})
    return Cell(row["factor"], note=f"({words})")


def _shrunken_cell(row: dict[str, Any]) -> Cell:
    if row["shrunken"] is None:
        return undefined(row["note"])
    return Cell(row["shrunken"], row["shrunken_low"], row["shrunken_high"])
