"""The readout: each arm against the control, steps between neighbouring arms, one honest sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.records import Records, TabularResult
from experiments.design.alarms import require_trusted
from experiments.readout.guardrails import read_guardrails
from experiments.readout.rows import contrast_records, make_contrasts
from experiments.readout.show import contrast_tables, family_lines, finding_lines
from experiments.readout.words import readout_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from attribution.core.estimates import Comparison
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from experiments.inference.bayes.result import BayesReading
    from experiments.outcomes.result import Outcomes
    from experiments.readout.experiment import Experiment
    from experiments.readout.fit import Fit
    from experiments.readout.guardrails import Guardrails
    from experiments.readout.rows import Contrast

__all__ = ["Readout", "Steps"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Steps(TabularResult):
    """Stepped contrasts: each arm of an order against the one before it, out of one fit over all arms.

    The absolute point estimates of the steps add up to the last arm against the first; relative lifts, intervals and
    p-values do not.

    Attributes:
        order: The arms in order, the control first.
        contrasts: One contrast per metric and step.
        findings: The findings of the readout.
        recipe: The recipe of the readout.
    """

    order: tuple[object, ...]
    contrasts: tuple[Contrast, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    def table(self, *, simultaneous: bool = False) -> pd.DataFrame:
        """The rows as a pandas data frame.

        Args:
            simultaneous: Whether the intervals of all steps of the primary metric, and of all secondary ones, hold
                together (Bonferroni); else each holds alone.
        """
        return contrast_records(self.contrasts, simultaneous=simultaneous).to_pandas()

    def _records(self) -> Records:
        return contrast_records(self.contrasts)

    def _display(self) -> Display:
        from attribution.core.render.display import Display

        title = messages.text("STEPS.title", {"order": " → ".join(str(arm) for arm in self.order)})
        notes = (messages.text("STEPS.adding"), *finding_lines(self.findings))
        return Display(title, (*contrast_tables(self.contrasts), *notes))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Readout(TabularResult):
    """What an experiment found.

    Attributes:
        experiment: The experiment as declared.
        fits: One fit per metric, over all arms.
        contrasts: Each arm against the control, one per metric and arm.
        findings: Trust checks and remarks; a "fail" means that the figures must not be read as effects.
        recipe: How the figures were made.
        outcomes: The outcomes of `build_outcomes` that were analysed, with everybody's window; None for other tables.
        guard_fits: Fits of guardrails that name a column and no metric; read by `guardrails`.
    """

    experiment: Experiment
    fits: tuple[Fit, ...]
    contrasts: tuple[Contrast, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe
    outcomes: Outcomes | None = None
    guard_fits: tuple[Fit, ...] = ()

    @property
    def guardrails(self) -> Guardrails:
        """Every guardrail on each arm, as non-inferiority: safe, harm or undecided at its own level."""
        return read_guardrails(
            self.experiment, (*self.fits, *self.guard_fits), findings=self.findings, recipe=self.recipe
        )

    def table(self, *, simultaneous: bool = False) -> pd.DataFrame:
        """The rows as a pandas data frame: each arm against the control on every metric.

        Args:
            simultaneous: Whether the intervals of a family hold together at the level of the experiment: Dunnett's
                under ``correction="dunnett"``, Bonferroni's under every other correction (its family is the primary
                metric over the arms, or all secondary metrics). They agree with the adjusted p-values of "dunnett" and
                "bonferroni"; Holm and the others reject at least as much, and no interval here goes with them. False:
                each interval holds alone. Guardrails are in no family and keep theirs.
        """
        return contrast_records(self.contrasts, simultaneous=simultaneous).to_pandas()

    def _records(self) -> Records:
        return contrast_records(self.contrasts)

    def _display(self) -> Display:
        from attribution.core.render.display import Display

        spec = self.experiment
        values = {"n": self.recipe.n["persons"], "control": spec.control, "level": spec.level}
        title = messages.text("READOUT.title", values)
        notes = (*family_lines(spec), *self.recipe.sentences(), *finding_lines(self.findings))
        return Display(title, (self.sentence(None), *contrast_tables(self.contrasts), *notes))

    @property
    def arms(self) -> tuple[object, ...]:
        """The arms that are compared with the control, sorted."""
        return tuple(arm for arm in self.fits[0].arms if arm != self.experiment.control)

    def fit(self, metric: str) -> Fit:
        """The fit of a metric.

        Raises:
            InputError: For an unknown metric.
        """
        for fit in self.fits:
            if fit.name == metric:
                return fit
        raise InputError(f"there is no metric {metric!r}. {closest(str(metric), [fit.name for fit in self.fits])}")

    def comparison(self, metric: str, *, arm: str, against: str | None = None) -> Comparison:
        """One arm against another on one metric, with the same persons, strata and weights as the table.

        Args:
            metric: Name of the metric.
            arm: The arm.
            against: The arm it is compared with; the control by default.

        Raises:
            InputError: For an unknown metric or arm, or one arm against itself.
        """
        return self.fit(metric).compare(arm, self.experiment.control if against is None else against)

    def steps(self, order: Sequence[str]) -> Steps:
        """Each arm of an order against the one before it.

        Every step uses the same fit as the table, so the differences of the steps add up to the last arm against the
        control. The p-values are adjusted over the steps, as a family of their own.

        Args:
            order: Arms in order, the control first, at least two.

        Raises:
            InputError: For unknown or repeated arms, or an order that does not begin with the control.
        """
        listed = tuple(order) if not isinstance(order, str) else ()
        control = self.experiment.control
        if len(listed) < 2 or listed[0] != control:
            raise InputError(
                f"order must list at least two arms and begin with the control {control!r}, got {order!r}. "
                f"The other arms are {', '.join(map(repr, self.arms))}."
            )
        if len(set(listed)) < len(listed):
            raise InputError(f"order names an arm twice: {order!r}. Every arm is one step.")
        pairs = list(zip(listed[1:], listed[:-1], strict=True))
        spec = self.experiment
        contrasts = make_contrasts(self.fits, pairs, correction=spec.correction, gate=spec.gatekeeping)
        return Steps(order=listed, contrasts=contrasts, findings=self.findings, recipe=self.recipe)

    def bayes(  # noqa: PLR0913 - the options of bayes_reading
        self,
        *,
        metric: str | None = None,
        prior: str | tuple[float, float] = "flat",
        relevant: float | None = None,
        value: float | None = None,
        cost: float | Mapping[str, float] | None = None,
        rope: float | tuple[float, float] | None = None,
        level: float | None = None,
    ) -> BayesReading:
        """One metric read by Bayes, beside the readout: no verdict uses it. Options as in `bayes_reading`."""
        from experiments.readout.bayes_reading import bayes_reading

        return bayes_reading(
            self, metric=metric, prior=prior, relevant=relevant, value=value, cost=cost, rope=rope, level=level
        )

    def sentence(self, lang: str | None = None) -> str:
        """The primary metric in words, every arm with its interval, judged by the adjusted p-values.

        Args:
            lang: "en" or "zh"; the language that is set when None.
        """
        chosen = [contrast for contrast in self.contrasts if contrast.fit.role == "primary"]
        return readout_sentence(chosen, self.findings, correction=self.experiment.correction, lang=lang)

    def assert_ok(self) -> None:
        """Raise when a trust check failed.

        Raises:
            DesignError: INVALID, with every failed finding.
        """
        require_trusted(self.findings)
