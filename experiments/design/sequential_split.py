"""Sample ratio mismatch read every day: an always-valid test of the split."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from experiments.design.split import ALARM, check_split
from experiments.inference.counts import checked_number, raise_problems

if TYPE_CHECKING:
    from attribution.core.render.display import Display

__all__ = ["SplitWatch", "log_evidence", "mean_log_evidence", "watch_split"]

messages.register("experiments")

Floats = NDArray[np.float64]

_FIELDS = (
    Field("day", "text"), Field("persons", "count"), Field("persons_so_far", "count"), Field("worst_arm", "text"),
    Field("observed", "count"), Field("expected"), Field("p_day", "p"), Field("log10_evidence"), Field("p_value", "p"),
)  # fmt: skip
_SMALLEST_P = 2.2250738585072014e-308


class SplitWatchFinding(Finding):
    """The finding of `watch_split`; its sentence says when equal shares were assumed."""

    __slots__ = ()

    def text(self, lang: str | None = None) -> str:
        """The sentence in ``lang`` ("en" or "zh"); the current language by default."""
        assumed = ".equal" if self.values.get("assumed_equal") else ""
        return messages.text(f"{self.code}{assumed}.{self.status}", self.values, lang=lang)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class SplitWatch(TabularResult):
    """The split of persons over the arms after every day.

    Attributes:
        rows: One row per day: its persons, those so far, the arm that is farthest from its share so far, that day's
            own check (which must not be read as an alarm when it is read daily), the evidence and the always-valid p.
        findings: One finding SRM_OVER_TIME.
        recipe: How it was made.
    """

    rows: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.rows

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("SPLIT_WATCH.title", self.findings[0].values)
        notes = [*(finding.text() for finding in self.findings), *self.recipe.sentences()]
        return Display(title, (records_table(self.rows, decisive="p_value"), *notes))


def watch_split(
    counts: Mapping[object, Mapping[str, int]],
    expected: Mapping[str, float] | None = None,
    *,
    alarm: float = ALARM,
    concentration: float | Sequence[float] = (100.0, 10_000.0),
) -> SplitWatch:
    """Check the split of persons over the arms after every day, with one false alarm in 1,000 over all days together.

    A chi-square test that is repeated every day raises false alarms again and again. Here the evidence against the
    declared shares is the Bayes factor of a Dirichlet-multinomial: its mean under the declared shares is 1 at every
    moment, so that it ever exceeds 1 / alarm with probability `alarm` at most, however often one looks.

    Assumes persons who are assigned independently of each other with shares that do not change.

    Args:
        counts: For each day the persons newly assigned per arm. Days are sorted (as numbers, if all are whole
            numbers, else as text such as "2026-10-05"); an arm without persons on some day may be absent there.
        expected: Share per arm; shares sum to 1. None: equal shares, and the sentence says that they were assumed.
        alarm: Probability of any false alarm.
        concentration: Weight of the prior in persons: how small a deviation the test is made for. A large value finds
            small deviations in long experiments, a small one finds large deviations early (an arm that gets nobody).
            The evidence is averaged over several.

    Returns:
        One row per day and the finding SRM_OVER_TIME: "fail" when the evidence has ever exceeded 1 / alarm, with the
        day on which that was first seen (`first`). Values: ``p_value`` (1 / the largest evidence so far), ``first``,
        ``n``, ``days``, ``observed``, ``expected``, ``worst_arm``.

    Raises:
        InputError: For counts that are not whole numbers, fewer than two arms, shares that do not fit, an alarm or
            concentration outside its range.

    References:
        Lindon and Malek (2022), Anytime-valid inference for multinomial count data, NeurIPS 35.

    Verified against ssrm-test 0.1.5 (sequential_bayes_factors, sequential_p_values, for one concentration); simulated
    over 100 days; see docs/methods/looks.md.

    Example:
        >>> days = {f"2026-10-{day:02d}": {"holdout": 100, "sms": 900 + 4 * day} for day in range(1, 29)}
        >>> watched = watch_split(days, {"holdout": 0.1, "sms": 0.9})
        >>> watched.findings[0].status, round(watched.to_dicts()[-1]["p_value"], 3)
        ('pass', 0.066)
    """
    days, arms, table = _table(counts, () if expected is None else tuple(map(str, expected)))
    if not isinstance(alarm, float) or not 0.0 < alarm < 1.0:
        raise InputError(f"alarm must lie strictly between 0 and 1, got {alarm!r}.")
    weights = _weights(concentration)
    so_far = np.cumsum(table, axis=0)
    whole = {arm: int(count) for arm, count in zip(arms, so_far[-1].tolist(), strict=True)}
    declared = None if expected is None else {str(arm): share for arm, share in expected.items()}
    total = check_split(whole, declared)  # checks the shares
    given = dict.fromkeys(arms, 1.0 / len(arms)) if declared is None else declared
    shares = np.array([given[arm] for arm in arms])
    shares /= shares.sum()
    evidence = mean_log_evidence(so_far, shares, weights)
    p = np.clip(np.exp(-np.maximum.accumulate(evidence)), _SMALLEST_P, 1.0)
    crossed = np.flatnonzero(p < alarm)
    values = {
        **{name: total.values[name] for name in ("observed", "expected", "n", "arms", "worst_arm", "worst_observed",
                                                 "worst_expected", "assumed_equal")},
        "p_value": float(p[-1]), "alarm": alarm, "days": len(days), "first": days[crossed[0]] if crossed.size else None,
        "concentration": weights,
    }  # fmt: skip
    finding = SplitWatchFinding(code="SRM_OVER_TIME", status="fail" if crossed.size else "pass", values=values)
    settings = {"alarm": alarm, "concentration": ", ".join(f"{one:,g}" for one in weights), "expected": dict(given)}
    return SplitWatch(
        rows=Records.from_rows(_FIELDS, _rows(days, arms, table, shares, evidence=evidence, p=p)),
        findings=(finding,),
        recipe=Recipe(
            method="watch_split", definitions=("SPLIT_WATCH",), settings=settings, n={"persons": int(so_far[-1].sum())}
        ),
    )


def log_evidence(so_far: Floats, shares: Floats, concentration: float) -> Floats:
    """Logarithm of the Bayes factor against the shares after each day.

    Args:
        so_far: Persons so far, days by arms.
        shares: Declared shares.
        concentration: Weight of the prior, which lies around the declared shares.
    """
    from scipy.special import gammaln

    prior = concentration * shares
    persons = so_far.sum(axis=1)
    marginal = np.sum(gammaln(prior + so_far) - gammaln(prior), axis=1)
    found: Floats = marginal - gammaln(concentration + persons) + gammaln(concentration) - so_far @ np.log(shares)
    return found


def mean_log_evidence(so_far: Floats, shares: Floats, weights: Sequence[float]) -> Floats:
    """Logarithm of the mean of the Bayes factors of several priors, which is evidence as well."""
    each = np.array([log_evidence(so_far, shares, weight) for weight in weights])
    highest = each.max(axis=0)
    found: Floats = highest + np.log(np.mean(np.exp(each - highest), axis=0))
    return found


def _weights(given: object) -> tuple[float, ...]:
    listed = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    problems: list[str] = []
    weights = tuple(checked_number("concentration", one, problems, positive=True) for one in listed)
    if 0.0 in weights or not weights:
        problems.append(f"concentration must be above 0 (one number, or several), got {given!r}.")
    raise_problems(problems)
    return weights


def _rows(
    days: list[str], arms: list[str], table: Floats, shares: Floats, *, evidence: Floats, p: Floats
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    so_far = np.cumsum(table, axis=0)
    for i, day in enumerate(days):
        persons, seen = float(table[i].sum()), float(so_far[i].sum())
        wanted = seen * shares
        worst = int(np.argmax(np.abs(so_far[i] - wanted) / np.sqrt(wanted * (1.0 - shares))))
        rows.append(
            {
                "day": day, "persons": int(persons), "persons_so_far": int(seen), "worst_arm": arms[worst],
                "observed": int(so_far[i, worst]), "expected": float(wanted[worst]),
                "p_day": _day_p(table[i], shares), "log10_evidence": float(evidence[i]) / math.log(10.0),
                "p_value": float(p[i]),
            }
        )  # fmt: skip
    return rows


def _day_p(counts: Floats, shares: Floats) -> float | None:
    """The plain chi-square of one day; None where some arm expects fewer than 5 persons."""
    from scipy.special import chdtrc

    wanted = counts.sum() * shares
    return float(chdtrc(shares.size - 1, np.sum((counts - wanted) ** 2 / wanted))) if wanted.min() >= 5.0 else None


def _table(counts: object, declared: tuple[str, ...]) -> tuple[list[str], list[str], Floats]:
    """Days in order, arms in order, persons days by arms; days without persons are left out."""
    if not isinstance(counts, Mapping) or not counts:
        raise InputError(
            "counts must be a dict of day to the persons newly assigned per arm, for example "
            f'{{"2026-10-01": {{"holdout": 98, "sms": 902}}}}, got {counts!r}.'
        )
    problems: list[str] = []
    rows: dict[str, dict[str, float]] = {}
    for day, persons in counts.items():
        if not isinstance(persons, Mapping):
            problems.append(f"counts[{day!r}] must be a dict of arm to persons, got {persons!r}.")
            continue
        made = {str(arm): checked_number(f"counts[{day!r}][{arm!r}]", count, problems, positive=True)
                for arm, count in persons.items()}  # fmt: skip
        problems += [
            f"counts[{day!r}][{arm!r}] must be a whole number of persons, got {count:g}."
            for arm, count in made.items()
            if not math.isnan(count) and not count.is_integer()
        ]
        if str(day) in rows:
            problems.append(f"counts holds the day {str(day)!r} twice, as {day!r} and as another type.")
        rows[str(day)] = made
    raise_problems(problems)
    arms = sorted({*declared, *(arm for row in rows.values() for arm in row)})
    # Days that are whole numbers come in the order of numbers, so that 10 does not come before 2.
    by_number = all(day.isdecimal() for day in rows)
    days = sorted((day for day, row in rows.items() if sum(row.values()) > 0), key=int if by_number else str)
    if not days:
        raise InputError("counts must hold at least one person; every day is empty.")
    return days, arms, np.array([[rows[day].get(arm, 0.0) for arm in arms] for day in days])
