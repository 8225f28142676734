"""Dunnett's test: several arms against one control, with p-values and intervals that hold for all of them together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.estimates import Side, check_level, check_side
from attribution.core.records import Field, Records, TabularResult
from experiments.inference.counts import raise_problems
from experiments.inference.figures import compare_figures
from experiments.inference.joint_t import joint_critical, joint_p, loadings_of
from experiments.inference.means import mean_figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.estimates import Comparison
    from attribution.core.render.display import Display
    from experiments.inference.figures import ArmFigures, Floats

__all__ = ["Dunnett", "JointTest", "as_joint", "dunnett", "joint_tests", "shared_control_loadings"]

_FIELDS = (
    Field("arm", "text"), Field("control", "text"), Field("n", "count"), Field("n_control", "count"), Field("value"),
    Field("value_control"), Field("difference"), Field("low"), Field("high"), Field("p_value", "p"),
    Field("p_adjusted", "p"), Field("method", "text"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class JointTest:
    """What the family adds to one comparison with the shared control.

    Attributes:
        p_adjusted: The p-value adjusted over the family; None where there is no p-value.
        single_step: The single-step p-value, with which the simultaneous interval agrees; the same unless stepped down.
        level: The level at which a single comparison gives the simultaneous interval.
    """

    p_adjusted: float | None
    single_step: float | None
    level: float


def as_joint(comparison: Comparison, *, p: float | None, level: float, name: str) -> Comparison:
    """A comparison made at its own stricter level, told as one of a family.

    Args:
        comparison: The comparison at the level that its family asks of it alone.
        p: Its p-value adjusted over the family.
        level: The level at which all intervals of the family hold together.
        name: What the method's name adds.
    """
    difference, relative = (
        replace(one, level=level, p_value=None if one.p_value is None else p, method=f"{one.method}, {name}")
        for one in (comparison.difference, comparison.relative)
    )
    return replace(comparison, difference=difference, relative=relative)


def shared_control_loadings(covariance: Floats, arms: Sequence[int], control: int) -> Floats | None:
    """The l_i of the contrasts of several arms with one control, whose correlations are l_i l_j.

    Args:
        covariance: Covariances of the arms' figures.
        arms: Positions of the arms.
        control: Position of the control.

    Returns:
        The loadings, sqrt(v_0 / (v_i + v_0)) for independent arms; None where correlated figures give correlations that
        are no products.
    """
    used = [*arms, control]
    part = covariance[np.ix_(used, used)]
    if not np.any(part - np.diag(np.diag(part))):
        base, own = float(part[-1, -1]), np.diag(part)[:-1]
        shares: Floats = np.sqrt(base / np.where(own + base > 0.0, own + base, 1.0))
        return shares
    size = len(arms)
    difference = np.hstack([np.eye(size), -np.ones((size, 1))])
    return loadings_of(difference @ part @ difference.T)


def joint_tests(
    p: Sequence[float | None],
    freedom: Sequence[float],
    loadings: Floats | None,
    *,
    level: float,
    side: Side = "two",
    step_down: bool = False,
) -> tuple[JointTest, ...]:
    """Adjust the tests of several arms against one control.

    Each test keeps its own degrees of freedom: its statistic is held against the joint distribution with those and with
    the estimated correlations (Hasler and Hothorn 2008). With equal degrees of freedom that is Dunnett's test.

    Args:
        p: Unadjusted p-values; None for a comparison without a test, which does not count.
        freedom: Degrees of freedom of each comparison; inf for a normal statistic.
        loadings: The l_i of the comparisons that have a test, in their order (see `shared_control_loadings`).
        level: Joint confidence level.
        side: Side of the p-values.
        step_down: Whether larger p-values are adjusted over the arms that are left only.
    """
    known = [i for i, value in enumerate(p) if value is not None]
    found: dict[int, tuple[float, float]] = {}
    order = sorted(known, key=lambda i: (p[i], i))
    reached = 0.0
    for rank, i in enumerate(order):
        own, rest = float(p[i] or 0.0), order[rank:]
        single = joint_p(own, loadings, len(known), freedom[i], side)
        if step_down and rank:
            left = None if loadings is None else loadings[[known.index(j) for j in rest]]
            reached = max(reached, joint_p(own, left, len(rest), freedom[i], side))
        else:
            reached = single
        found[i] = (reached, single)
    # One search serves all comparisons with the same degrees of freedom.
    tails = {df: joint_critical(level, loadings, len(known), df, side) for df in {freedom[i] for i in known}}
    tests = []
    for i in range(len(p)):
        adjusted, single_step = found.get(i, (None, None))
        tail = tails[freedom[i]] if i in found else 1.0 - level
        tests.append(JointTest(p_adjusted=adjusted, single_step=single_step, level=1.0 - tail))
    return tuple(tests)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Dunnett(TabularResult):
    """Several arms against one control.

    Attributes:
        arms: Names of the arms, in the order given.
        control: Name of the control.
        comparisons: One simultaneous comparison per arm: all intervals hold together at the joint level.
        p_values: The unadjusted p-values.
        p_adjusted: The p-values adjusted over the arms.
        n: Persons of each arm.
        n_control: Persons of the control.
        level: Joint confidence level.
        side: Side of tests and intervals.
        method: "dunnett" (one variance), "dunnett welch", or either with "step-down".
    """

    arms: tuple[str, ...]
    control: str
    comparisons: tuple[Comparison, ...]
    p_values: tuple[float | None, ...]
    p_adjusted: tuple[float | None, ...]
    n: tuple[int, ...]
    n_control: int
    level: float
    side: Side
    method: str

    def comparison(self, arm: str) -> Comparison:
        """The simultaneous comparison of one arm.

        Raises:
            InputError: For an unknown arm.
        """
        if str(arm) not in self.arms:
            raise InputError(f"there is no arm {arm!r}. {closest(str(arm), self.arms)}")
        return self.comparisons[self.arms.index(str(arm))]

    def _records(self) -> Records:
        rows = []
        for i, (arm, comparison) in enumerate(zip(self.arms, self.comparisons, strict=True)):
            difference = comparison.difference
            rows.append(
                {
                    "arm": arm,
                    "control": self.control,
                    "n": self.n[i],
                    "n_control": self.n_control,
                    "value": comparison.treatment,
                    "value_control": comparison.control,
                    "difference": difference.value,
                    "low": difference.low,
                    "high": difference.high,
                    "p_value": self.p_values[i],
                    "p_adjusted": self.p_adjusted[i],
                    "method": self.method,
                    "note": difference.note,
                }
            )
        return Records.from_rows(_FIELDS, rows)

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("DUNNETT.title", {"n": len(self.arms), "control": self.control, "level": self.level})
        return Display(title, (records_table(self._records(), decisive="difference"), messages.text("DUNNETT.note")))


def dunnett(
    arms: Mapping[str, tuple[float, float | None, int]],
    *,
    control: str,
    level: float = 0.95,
    side: Side = "two",
    equal_variances: bool = True,
    step_down: bool = False,
) -> Dunnett:
    """Compare several means with one control so that all statements hold together.

    Estimand: the differences of the arms' means to the control's mean. Assumptions: independent persons, means close to
    normal; with `equal_variances` one variance in all arms (Dunnett's original test, N - arms degrees of freedom),
    otherwise Welch's variance and degrees of freedom for each comparison, held against the joint t with these degrees
    of freedom and the estimated correlations. An interval excludes 0 exactly when p_adjusted < 1 - level.

    Args:
        arms: Name to (mean, standard deviation, persons) of every arm, the control included.
        control: Name of the control in `arms`.
        level: Probability with which all intervals hold together.
        side: ``"two"``, ``"greater"`` or ``"less"`` (arm minus control).
        equal_variances: Whether one variance, pooled over all arms, serves every comparison.
        step_down: Whether p-values are adjusted step by step, over the arms that are left (Dunnett and Tamhane): never
            larger, but the intervals stay those of the single step and may include 0 where the step-down p rejects.

    Returns:
        The comparisons, in the order of `arms`. Notes as for `compare_means`.

    Raises:
        InputError: The control is missing, no other arm is given, or a number is not allowed (every problem listed).

    References:
        Dunnett (1955), Journal of the American Statistical Association 50:1096. Hasler and Hothorn (2008), Biometrical
        Journal 50:793. Dunnett and Tamhane (1991), Statistics in Medicine 10:939.

    Verified against R's mvtnorm and multcomp, scipy.stats.dunnett and a printed table of Dunnett's; see
    docs/methods/dunnett.md.

    Example:
        >>> arms = {"holdout": (10.4, 28.0, 1000), "sms": (12.1, 30.0, 4000), "full": (13.9, 31.0, 4000)}
        >>> found = dunnett(arms, control="holdout")
        >>> [round(p, 4) for p in found.p_adjusted]
        [0.1671, 0.0019]
        >>> f"{found.comparison('full').difference.low:.2f} {found.comparison('full').difference.high:.2f}"
        '1.20 5.80'
    """
    level, side = check_level(level), check_side(side)
    names, figures = _figures(arms, control, equal_variances=equal_variances)
    base = names.index(str(control))
    others = [i for i in range(len(names)) if i != base]
    plain = [compare_figures(figures, i, base, level=level, side=side) for i in others]
    p = [found.difference.p_value for found in plain]
    tested = [i for i, value in zip(others, p, strict=True) if value is not None]
    freedom = [figures.contrast(i, base)[1] for i in others]
    loadings = shared_control_loadings(figures.covariance, tested, base) if tested else None
    joint = joint_tests(p, freedom, loadings, level=level, side=side, step_down=step_down)
    method = "dunnett" + ("" if equal_variances else " welch") + (", step-down" if step_down else "")
    return Dunnett(
        arms=tuple(names[i] for i in others),
        control=str(control),
        comparisons=tuple(
            as_joint(
                compare_figures(figures, i, base, level=test.level, side=side),
                p=test.single_step,
                level=level,
                name="dunnett",
            )
            for i, test in zip(others, joint, strict=True)
        ),
        p_values=tuple(p),
        p_adjusted=tuple(test.p_adjusted for test in joint),
        n=tuple(int(figures.n[i]) for i in others),
        n_control=int(figures.n[base]),
        level=level,
        side=side,
        method=method,
    )


def _figures(arms: Any, control: str, *, equal_variances: bool) -> tuple[list[str], ArmFigures]:
    """The checked arms as figures."""
    if not isinstance(arms, Mapping) or len(arms) < 2 or control not in arms:
        known = ", ".join(map(repr, arms)) if isinstance(arms, Mapping) else repr(arms)
        raise InputError(
            "arms must be a dict of name to (mean, standard deviation, persons) with the control and at least one "
            f"other arm; control={control!r}, got {known}."
        )
    names = [str(name) for name in arms]
    if len(set(names)) < len(names):
        raise InputError(f"the names of the arms must differ as text, got {', '.join(map(repr, arms))}.")
    problems: list[str] = []
    rows = [_row(name, given, problems) for name, given in arms.items()]
    raise_problems(problems)
    mean, std, n = (np.array([row[i] for row in rows]) for i in range(3))
    made = mean_figures(
        mean[None, :],
        (std**2)[None, :],
        n[None, :].astype(np.int64),
        weights=np.ones(1),
        equal_variances=equal_variances,
    )
    return names, made


def _row(name: str, given: tuple[Any, Any, Any], problems: list[str]) -> tuple[float, float, float]:
    try:
        mean, std, n = given
        row = float(mean), math.nan if std is None else float(std), float(n)
        readable = not any(isinstance(number, (bool, str)) for number in given)
    except (TypeError, ValueError):
        row, readable = (0.0, 0.0, 1.0), False
    if not readable:
        problems.append(f"arm {name!r} must be (mean, standard deviation, persons), got {given!r}.")
        return 0.0, 0.0, 1.0
    whole = math.isfinite(row[2]) and row[2] >= 1 and row[2] == math.floor(row[2])
    spread = math.isfinite(row[1]) and row[1] >= 0.0
    if not math.isfinite(row[0]) or not whole or not (spread or row[2] == 1):
        problems.append(
            f"arm {name!r} must be (finite mean, standard deviation of 0 or more, persons of 1 or more), got {given!r}."
        )
    return row[0], row[1] if row[2] > 1 else math.nan, row[2]
