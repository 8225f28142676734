"""The effect among compliers: Wald's ratio with its robust variance, and the Anderson-Rubin set."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.errors import DesignError
from attribution.core.estimates import Estimate, RatioSet, check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from experiments.inference.compliance_columns import CompliancePersons, read_persons
from experiments.inference.compliance_moments import ArmContrast, Direction, cluster_contrast, person_contrast
from experiments.inference.compliance_result import ComplierEffect
from experiments.inference.compliance_types import compliance_types, refuted_assumptions
from experiments.inference.ratios import fieller
from experiments.inference.tails import critical_value, p_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.inference.compliance_moments import Floats

__all__ = ["STRONG", "WEAK", "complier_effect", "effect_of", "read_contrast"]

WEAK = 10.0  # Staiger and Stock's rule of thumb
RARE = 50  # events, or persons without one, in an arm: below it a t interval of a rate misses mostly on one side
STRONG = 104.7  # from here on the t interval of a just-identified effect keeps 5 % (Lee, McCrary, Moreira, Porter 2022)

# Coordinates of a person: outcome beyond the pivot, the same if not treated, treatment.
OUTCOME, TREATMENT = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reading:
    """What the contrasts of outcome and treatment say; the numbers of `ComplierEffect`."""

    assignment: Estimate
    first_stage: Estimate
    effect: Estimate
    robust: RatioSet
    strength: float | None


def complier_effect(
    assigned: object,
    treated: object,
    outcome: object,
    *,
    level: float = 0.95,
    strata: object = None,
    cluster: object = None,
) -> ComplierEffect:
    """The effect of being treated among those who are treated because they were assigned to it.

    Estimand: the complier average causal effect, the effect of the assignment on the outcome over its effect on being
    treated. `assignment` is the effect over everybody assigned (intention to treat), the number for money. With a dose
    instead of 0 and 1 the estimand is the average effect per unit of dose, weighted by where the assignment moved the
    dose (Angrist and Imbens 1995).

    Assumptions: the assignment is random; it works through `treated` alone (exclusion: a person who was sent a message
    that never arrived behaves as if nothing had been sent); nobody is treated because of being held out (monotonicity;
    it holds by design when no control person can be treated). With strata the effect is the ratio of the two effects
    weighted by the strata's shares of persons.

    Args:
        assigned: Assignment of each person, 1 (or True) for the treatment and 0 for the control. Any column: NumPy,
            pandas, Polars, Arrow, a list.
        treated: What each person got: 1 or 0 (delivered, answered), or a dose.
        outcome: Outcome of each person.
        level: Confidence level.
        strata: Column of the strata inside which persons were assigned; its weights are the strata's shares of all
            persons. Strata without two persons of each arm are left out with a finding.
        cluster: Column of the units that were assigned together; each lies in one arm.

    Returns:
        `assignment` and `first_stage` (differences of means, Welch; with clusters CR2), `effect` (Wald's ratio = two-
        stage least squares; HC2 standard error, CR2 with clusters; t interval), and `robust`, the Anderson-Rubin set:
        every effect that the difference of `outcome - effect x treated` between the arms does not reject. It is valid
        however weak the first stage, and excludes 0 exactly when `assignment` does. Notes: WEAK_FIRST_STAGE (F below
        10: read `robust`), NO_FIRST_STAGE (the arms got the same: no point), ZERO_VARIANCE, TOO_FEW_PERSONS,
        TOO_FEW_CLUSTERS (no interval; `robust` is everything). Findings: STRATUM_DROPPED, NEGATIVE_FIRST_STAGE,
        COMPLIER_RATE_RARE (0/1 outcomes with fewer than 50 of one kind in an arm), EXCLUSION_REFUTED.

    Raises:
        TableError: Missing or infinite numbers, text in place of numbers, an assignment other than 0 and 1.
        InputError: Columns of different length, or a level outside 0 and 1.
        DesignError: NO_HOLDOUT, ONE_ARM, NO_COMMON_STRATUM; POST_ASSIGNMENT when strata are made from what was
            received; CLUSTER_IN_TWO_ARMS.

    References:
        Imbens and Angrist (1994), Econometrica 62:467. Angrist, Imbens and Rubin (1996), Journal of the American
        Statistical Association 91:444. Anderson and Rubin (1949), Annals of Mathematical Statistics 20:46. Andrews,
        Stock and Sun (2019), Annual Review of Economics 11:727.

    Verified against AER::ivreg with sandwich (HC0), estimatr::iv_robust (HC2, CR2), estimatr::lm_robust and
    clubSandwich, published Wald estimates, and simulated coverage; see docs/methods/complier-effect.md.

    Example:
        >>> import numpy as np
        >>> assigned = np.repeat([1, 0], 500)
        >>> answered = np.r_[np.repeat([1, 0], [200, 300]), np.zeros(500)]
        >>> woken = np.r_[np.repeat([1, 0, 1, 0], [60, 140, 20, 280]), np.repeat([1, 0], [40, 460])]
        >>> found = complier_effect(assigned, answered, woken)
        >>> f"{found.assignment.value:.3f} {found.first_stage.value:.3f} {found.effect.value:.3f}"
        '0.080 0.400 0.200'
        >>> found.robust.kind, round(found.robust.low, 4), round(found.robust.high, 4)
        ('interval', 0.102, 0.2972)
    """
    level = check_level(level)
    persons = read_persons(assigned, treated, outcome, strata=strata, cluster=cluster)
    names = {"outcome": getattr(outcome, "name", None), "treated": getattr(treated, "name", None)}
    return effect_of(persons, level=level, names=names)


def effect_of(persons: CompliancePersons, *, level: float, names: Mapping[str, object]) -> ComplierEffect:
    """The complier effect of checked persons.

    Args:
        persons: The persons.
        level: Confidence level.
        names: Names of the columns, for the recipe; None where they have none.
    """
    everybody = len(persons.assigned)
    persons, findings = _common_strata(persons)
    pivot = float(np.median(persons.outcome))
    rows = _coordinates(persons, pivot)
    contrast = person_contrast(persons, rows) if persons.cluster is None else cluster_contrast(persons, rows)
    found = read_contrast(contrast, level=level)
    binary = persons.binary_treatment
    extra = compliance_types(contrast, pivot, level=level, reading=found) if binary else None
    findings += _strength_findings(found)
    if persons.binary_outcome:
        findings += _rare_events(persons)
    if binary and persons.binary_outcome:
        findings += refuted_assumptions(persons, contrast, pivot)
    return ComplierEffect(
        assignment=found.assignment,
        first_stage=found.first_stage,
        effect=found.effect,
        robust=found.robust,
        strength=found.strength,
        compliance=extra,
        findings=tuple(findings),
        recipe=_recipe(persons, level=level, everybody=everybody, binary=binary, names=names),
    )


def read_contrast(contrast: ArmContrast, *, level: float) -> Reading:
    """Intention to treat, first stage, Wald's ratio and the Anderson-Rubin set of a contrast."""
    top, bottom = contrast.direction(OUTCOME), contrast.direction(TREATMENT)
    n = sum(contrast.n)
    known = contrast.estimable
    blank = Estimate(value=None, level=level, method=contrast.method, n=n, note=contrast.note)
    assignment = _difference(top, blank, known=known)
    first_stage = _difference(bottom, blank, known=known)
    strength = _strength(bottom) if known else None
    if bottom.value == 0.0:
        effect = replace(blank, method="wald", note=_joined("NO_FIRST_STAGE", contrast.note))
    else:
        effect = _wald(contrast, top.value / bottom.value, bottom.value, replace(blank, method="wald"))
        if strength is not None and strength < WEAK:
            effect = replace(effect, note=_joined(effect.note, "WEAK_FIRST_STAGE"))
    return Reading(
        assignment=assignment,
        first_stage=first_stage,
        effect=effect,
        robust=_anderson_rubin(contrast, top, bottom, level=level),
        strength=strength,
    )


def _difference(found: Direction, blank: Estimate, *, known: bool) -> Estimate:
    """A contrast with its t interval, if its variance is known."""
    if not known:
        return replace(blank, value=found.value)
    if not found.variance > 0.0:
        return replace(blank, value=found.value, note=_joined("ZERO_VARIANCE", blank.note))
    se = math.sqrt(found.variance)
    t = critical_value(blank.level, "two", found.freedom)
    p = p_value(found.value / se, "two", found.freedom)
    return replace(
        blank, value=found.value, low=found.value - t * se, high=found.value + t * se, p_value=p, standard_error=se
    )


def _wald(contrast: ArmContrast, ratio: float, bottom: float, blank: Estimate) -> Estimate:
    """The ratio with the variance of its residual, outcome - ratio x treated."""
    rest = contrast.direction(OUTCOME - ratio * TREATMENT)
    scaled = Direction(value=ratio, variance=rest.variance / bottom**2, freedom=rest.freedom)
    return _difference(scaled, blank, known=contrast.estimable)


def _strength(bottom: Direction) -> float:
    """The first stage's robust F."""
    if bottom.value == 0.0:
        return 0.0
    return bottom.value**2 / bottom.variance if bottom.variance > 0.0 else math.inf


def _anderson_rubin(contrast: ArmContrast, top: Direction, bottom: Direction, *, level: float) -> RatioSet:
    """Fieller's set with the degrees of freedom of the assignment's test, so that both say the same of 0."""
    value = top.value / bottom.value if bottom.value != 0.0 else None
    if not contrast.estimable or not top.variance > 0.0 or (value is None and not bottom.variance > 0.0):
        return RatioSet(value=value, low=-math.inf, high=math.inf, kind="all", level=level)
    return fieller(
        top.value,
        bottom.value,
        top.variance,
        bottom.variance,
        t=critical_value(level, "two", top.freedom),
        level=level,
        joint=contrast.covariance(OUTCOME, TREATMENT),
    )


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _coordinates(persons: CompliancePersons, pivot: float) -> Floats:
    beyond = persons.outcome - pivot
    return np.column_stack((beyond, beyond * (1.0 - persons.treated), persons.treated))


def _common_strata(persons: CompliancePersons) -> tuple[CompliancePersons, list[Finding]]:
    """The strata with at least two persons of each arm; one stratum stays whatever it holds."""
    counts = np.bincount(persons.stratum * 2 + persons.assigned, minlength=2 * len(persons.strata)).reshape(-1, 2)
    if len(persons.strata) == 1:
        return persons, []
    kept, held = counts.min(axis=1) >= 2, counts.sum(axis=1) > 0
    if not kept.any():
        raise DesignError(
            "NO_COMMON_STRATUM",
            "no stratum holds at least two persons of each arm. Use coarser strata=.",
        )
    if kept[held].all():
        return persons, []
    lost = [persons.strata[i] for i in np.flatnonzero(held & ~kept)]
    values = {
        "metric": "outcome", "strata": len(lost), "persons": int(counts[~kept].sum()), "assigned": int(counts.sum()),
        "share": float(counts[~kept].sum() / counts.sum()), "names": "; ".join(lost[:5]),
    }  # fmt: skip
    return persons.keep(kept[persons.stratum]), [Finding(code="STRATUM_DROPPED", status="warn", values=values)]


def _strength_findings(found: Reading) -> list[Finding]:
    if found.strength is None:
        return []
    values = {"strength": found.strength, "weak": WEAK, "strong": STRONG}
    highest = found.first_stage.value if math.isinf(found.strength) else found.first_stage.high
    negative = highest is not None and highest < 0.0
    findings = [Finding(code="NEGATIVE_FIRST_STAGE", status="warn", values=values)] if negative else []
    if found.strength < WEAK:
        return [*findings, Finding(code="WEAK_FIRST_STAGE", status="warn", values=values)]
    if found.strength < STRONG:
        return [*findings, Finding(code="WEAK_FIRST_STAGE", status="note", values=values)]
    return findings


def _rare_events(persons: CompliancePersons) -> list[Finding]:
    """A rate with few events, or few persons without one, in an arm is skewed; with none the arm shows no variance."""
    cells = np.bincount(persons.assigned * 2 + (persons.outcome > 0.5), minlength=4)
    fewest = int(cells.min())
    if fewest >= RARE:
        return []
    arm = int(cells.argmin()) // 2
    values = {"events": fewest, "persons": int(cells[2 * arm : 2 * arm + 2].sum()), "least": RARE}
    return [Finding(code="COMPLIER_RATE_RARE", status="warn", values=values)]


def _recipe(
    persons: CompliancePersons, *, level: float, everybody: int, binary: bool, names: Mapping[str, object]
) -> Recipe:
    columns = {
        "assigned": persons.assigned.astype(np.float64), "treated": persons.treated, "outcome": persons.outcome,
        "stratum": persons.stratum,
    }  # fmt: skip
    if persons.cluster is not None:
        columns["cluster"] = persons.cluster
    settings: dict[str, object] = {
        "level": level,
        "strata": len(np.unique(persons.stratum)),
        "clusters": 0 if persons.cluster is None else len(np.unique(persons.cluster)),
    }
    settings |= {key: str(name) for key, name in names.items() if name is not None}
    definitions = ["COMPLIER_EFFECT" if binary else "DOSE_EFFECT", "ANDERSON_RUBIN"]
    return Recipe(
        method="complier_effect",
        definitions=tuple(definitions),
        settings=settings,
        n={"persons": everybody, "assigned": int(persons.assigned.sum()), "control": int((~persons.assigned).sum())},
        fingerprint=fingerprint(columns),
    )
