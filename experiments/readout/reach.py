"""Assigned, sent, delivered, opened, answered: how far each arm's treatment came, and what coming that far changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core.estimates import Estimate, check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from experiments.inference.compliance import effect_of, read_contrast
from experiments.inference.compliance_columns import CompliancePersons, sorted_persons
from experiments.inference.compliance_moments import cluster_contrast
from experiments.inference.proportions import share_interval
from experiments.inference.rates import compare_rates
from experiments.readout.reach_columns import Sources, read_reached
from experiments.readout.reach_result import ReachEffects, ReachFunnel, ReachRow, StageEffect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from experiments.readout.reach_columns import ReachedPersons, Stages

__all__ = ["reach"]

_TAKEN = np.array([0.0, 0.0, 1.0])


def reach(  # noqa: PLR0913 - options, keyword-only
    outcomes: object,
    *,
    stages: Stages = ("sent", "delivered", "opened", "answered"),
    touches: object = None,
    outcome: str | None = None,
    arm: str = "arm",
    control: object = "holdout",
    person: str = "person_id",
    strata: str | None = None,
    cluster: str | None = None,
    channels: str | Sequence[str] | None = None,
    level: float = 0.95,
    columns: ColumnsLike = None,
) -> ReachFunnel:
    """How far the treatment came in every arm, and what coming that far changed.

    Estimand: shares of all persons assigned to an arm who reached each stage, and their difference to the control. With
    `outcome` also the effect of the assignment (for money), and at each stage the effect among those whom the
    assignment brought there (`complier_effect`). Persons who were reached are never compared with the others.

    A stage counts as reached when it or a later one was logged: who answered was called. How often a stage was missing
    in between is a finding. The effect of a stage assumes that the assignment did nothing to persons who did not come
    that far. Where it holds at a stage it holds at the earlier ones, each for its own persons; a later row assumes
    more. All divide one effect of the assignment, so the rows are alternatives and do not add.

    Args:
        outcomes: One row per assigned person, with the arm; `build_outcomes` gives it.
        stages: Stages in order: columns of 0 and 1 in `outcomes`; with `touches` kinds of touches, or a mapping of
            stage to kinds, as in {"delivered": ("delivered", "impression"), "acted": ("click", "answered")}.
        touches: Log of touches with the column `kind`; with outcomes of `build_outcomes` only touches inside each
            person's window count.
        outcome: Column of the outcome whose effects are wanted.
        arm: Column of the assigned arm.
        control: The control arm.
        person: Column of the person.
        strata: Column of the strata, for the effects.
        cluster: Column of the units that were assigned together, for all intervals.
        channels: Channels of the touches that count; all by default.
        level: Confidence level.
        columns: Your names of the columns of the touches.

    Returns:
        The funnel, with `.effects` when an outcome was named. Intervals of shares by Wilson, of differences by score;
        with clusters both from the clusters. Note NOBODY_BEFORE: nobody reached the stage before. Findings:
        STAGE_SKIPPED, CONTROL_REACHED, KIND_UNSEEN, EXCLUSION_STAGE, STAGE_REFUTED.

    Raises:
        TableError: Unusable tables, all problems at once.
        InputError: Stages or level that cannot be used.
        DesignError: NO_HOLDOUT, ONE_ARM, POST_ASSIGNMENT, CLUSTER_IN_TWO_ARMS.

    Verified against counts by plain loops, `complier_effect` on the same columns, and a simulated push campaign of
    known effect; see docs/methods/reach-funnel.md.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"arm": ["sms"] * 4 + ["holdout"] * 3, "person_id": range(7)})
        >>> frame["delivered"], frame["answered"] = [1, 1, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0]
        >>> for row in reach(frame, stages=("delivered", "answered")).to_dicts()[-3:]:
        ...     print(row["arm"], row["stage"], row["reached"], row["rate_step"], row["rate_total"])
        sms assigned 4 None 1.0
        sms delivered 3 0.75 0.75
        sms answered 1 0.3333333333333333 0.25
    """
    level = check_level(level)
    sources = Sources(
        arm=arm, control=str(control), person=person, outcome=outcome, strata=strata, cluster=cluster,
        channels=(channels,) if isinstance(channels, str) else channels, columns=columns,
    )  # fmt: skip
    persons = read_reached(outcomes, stages, sources, touches)
    names = [str(name) for name in persons.arm.names]
    base = names.index(sources.control)
    order = [base, *(i for i in range(len(names)) if i != base)]
    rows = [row for i in order for row in _rows(persons, i, base, level)]
    effects = _effects(persons, [i for i in order if i != base], base, sources, level)
    cells = {"arm": persons.arm.values().astype(str)}
    cells |= {name: persons.logged[:, i].astype(float) for i, name in enumerate(persons.stages)}
    recipe = Recipe(
        method="reach",
        definitions=("REACHED",),
        settings={"level": level, "control": sources.control, "stages": " > ".join(persons.stages)},
        n={"persons": len(persons.arm)},
        fingerprint=fingerprint(cells),
    )
    return ReachFunnel(rows=tuple(rows), effects=effects, findings=tuple(_findings(persons, base)), recipe=recipe)


def _rows(persons: ReachedPersons, i: int, base: int, level: float) -> list[ReachRow]:
    """The rows of one arm: everybody assigned, then its stages."""
    mine, theirs = persons.arm.codes == i, persons.arm.codes == base
    name, n = str(persons.arm.names[i]), int(mine.sum())
    everybody = Estimate(value=1.0, level=level, n=n)
    rows = [
        ReachRow(arm=name, stage="assigned", reached=n, rate_step=None, rate_total=everybody, difference=None, note="")
    ]
    before = n
    for k, stage in enumerate(persons.stages):
        reached = persons.reached[:, k]
        count = int(reached[mine].sum())
        total, gap = (
            _by_persons(count, n, int(reached[theirs].sum()), int(theirs.sum()), level)
            if persons.cluster is None
            else _by_clusters(persons, reached, (mine, theirs), level)
        )
        notes = [total.note if i == base else gap.note, "" if before else "NOBODY_BEFORE"]
        rows.append(
            ReachRow(
                arm=name,
                stage=stage,
                reached=count,
                rate_step=count / before if before else None,
                rate_total=total,
                difference=None if i == base else gap,
                note="; ".join(note for note in notes if note),
            )
        )
        before = count
    return rows


def _by_persons(count: int, n: int, control: int, m: int, level: float) -> tuple[Estimate, Estimate]:
    low, high = share_interval(count / n, 0.0, n, level=level)
    total = Estimate(value=count / n, low=low, high=high, level=level, method="wilson", n=n)
    return total, compare_rates(count, n, control, m, level=level).difference


def _by_clusters(
    persons: ReachedPersons,
    reached: NDArray[np.bool_],
    sides: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    level: float,
) -> tuple[Estimate, Estimate]:
    """Share and difference with the variance of the clusters; for the control against itself the share alone."""
    mine, theirs = sides
    n = int(mine.sum())
    other = theirs if not np.array_equal(mine, theirs) else ~mine
    chosen = _arm_persons(persons, reached, None, mine, other)
    rows = np.column_stack((np.zeros(len(chosen.treated)), np.zeros(len(chosen.treated)), chosen.treated))
    contrast = cluster_contrast(chosen, rows)
    share = contrast.mean(1, _TAKEN)
    low, high = share_interval(share.value, share.variance, contrast.units[1], level=level)
    total = Estimate(value=share.value, low=low, high=high, level=level, method="wilson", n=n, note=contrast.note)
    return total, read_contrast(contrast, level=level).first_stage


def _arm_persons(
    persons: ReachedPersons,
    reached: NDArray[np.bool_],
    outcome: NDArray[np.float64] | None,
    mine: NDArray[np.bool_],
    theirs: NDArray[np.bool_],
) -> CompliancePersons:
    """Two groups of persons as the complier effect takes them."""
    used = mine | theirs
    stratum = np.zeros(int(used.sum()), np.int64) if persons.stratum is None else persons.stratum.codes[used]
    names = ("",) if persons.stratum is None else tuple(map(str, persons.stratum.names))
    return sorted_persons(
        assigned=mine[used].astype(np.float64),
        treated=reached[used].astype(np.float64),
        outcome=np.zeros(int(used.sum())) if outcome is None else outcome[used],
        stratum=stratum,
        strata=names if outcome is not None else ("",),
        cluster=None if persons.cluster is None else persons.cluster.codes[used],
    )


def _effects(
    persons: ReachedPersons, arms: list[int], base: int, sources: Sources, level: float
) -> ReachEffects | None:
    if persons.outcome is None or sources.outcome is None:
        return None
    theirs = persons.arm.codes == base
    made = []
    for i in arms:
        for k, stage in enumerate(persons.stages):
            chosen = _arm_persons(persons, persons.reached[:, k], persons.outcome, persons.arm.codes == i, theirs)
            names = {"outcome": sources.outcome, "treated": stage}
            made.append(
                StageEffect(
                    arm=str(persons.arm.names[i]), stage=stage, found=effect_of(chosen, level=level, names=names)
                )
            )
    findings = [Finding(code="EXCLUSION_STAGE", status="note", values={"stages": ", ".join(persons.stages)})]
    refuted = [one for one in made if any(f.code == "EXCLUSION_REFUTED" for f in one.found.findings)]
    findings += [
        Finding(code="STAGE_REFUTED", status="warn", values={"arm": one.arm, "stage": one.stage}) for one in refuted
    ]
    findings += _of_arms(made, sources.outcome)
    recipe = Recipe(
        method="reach_effects",
        definitions=("REACHED_EFFECTS",),
        settings={"level": level, "outcome": sources.outcome, "strata": sources.strata or "none"},
        n={"persons": len(persons.arm)},
    )
    return ReachEffects(effects=tuple(made), outcome=sources.outcome, findings=tuple(findings), recipe=recipe)


def _of_arms(effects: Sequence[StageEffect], outcome: str) -> list[Finding]:
    """What the effects say of an arm whatever the stage, once for each arm."""
    told: dict[tuple[str, ...], Finding] = {}
    for one in effects:
        for finding in one.found.findings:
            if finding.code == "STRATUM_DROPPED":
                named = {**finding.values, "metric": f"{outcome}, {one.arm}"}
                told[finding.code, one.arm] = replace(finding, values=named)
            if finding.code == "COMPLIER_RATE_RARE":
                told[finding.code, *map(str, finding.values.values())] = finding
    return list(told.values())


def _findings(persons: ReachedPersons, base: int) -> list[Finding]:
    """Stages without the one before, and control persons who were reached."""
    found = [Finding(code="KIND_UNSEEN", status="warn", values=dict(one)) for one in persons.unseen]
    skipped = persons.reached & ~persons.logged
    for k, stage in enumerate(persons.stages):
        if skipped[:, k].any():
            values = {
                "stage": stage, "persons": int(skipped[:, k].sum()), "reached": int(persons.reached[:, k].sum()),
                "share": float(skipped[:, k].sum() / persons.reached[:, k].sum()),
            }  # fmt: skip
            found.append(Finding(code="STAGE_SKIPPED", status="warn", values=values))
    control = persons.reached[persons.arm.codes == base, 0]
    if control.any():
        values = {"persons": int(control.sum()), "control": len(control), "share": float(control.mean())}
        found.append(Finding(code="CONTROL_REACHED", status="warn", values={**values, "stage": persons.stages[0]}))
    return found
