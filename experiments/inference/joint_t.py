"""The joint tail of statistics that share one control: the integral behind Dunnett's test.

With Z_i = l_i Y + sqrt(1 - l_i^2) E_i (Y, E_i independent standard normal) the correlations are products l_i l_j, which
is what a shared control gives; T_i = Z_i / S with S^2 a chi-square over its degrees of freedom. Given Y and S the
statistics are independent, so

    P(some |T_i| > t) = E_S E_Y [1 - prod_i P(|Z_i| <= t S | Y)],

a smooth integral over one variable (normal) or two (t). Both are taken by the trapezoidal rule, which converges
exponentially for analytic integrands that vanish at both ends; what is summed is the tail itself, so small p-values
keep their digits. Nothing is drawn at random.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from experiments.inference.tails import critical_value, p_value

if TYPE_CHECKING:
    from attribution.core.estimates import Side
    from experiments.inference.figures import Floats

__all__ = ["joint_critical", "joint_p", "joint_tail", "loadings_of"]

_REACH = 9.5  # beyond it a standard normal has 2e-21
_EMPTY = 38.6  # beyond it the tail of a normal is 0 in floating point
_NORMAL = 1e7  # degrees of freedom from which the t integral equals the normal one to 1e-8
_SMOOTH = 0.98  # squared loadings up to it: the even rule needs few nodes
_LARGEST_SQUARE = 1.0 - 1e-12  # 1: an arm without variance of its own, whose statistic the control decides
_AROUND = np.array([-8.0, -6.5, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.5, 8.0])
_FIT = 1e-9
_FAR = 1e100  # such a t has a p-value below 1e-100 at one degree of freedom: Bonferroni's bound serves


def joint_tail(statistic: float, loadings: Floats, df: float, side: Side) -> float:
    """Probability that at least one of several statistics lies beyond ``statistic`` when no effect exists.

    Args:
        statistic: The bound t; its absolute value for two sides.
        loadings: The l_i of the correlations l_i l_j, each between -1 and 1.
        df: Degrees of freedom that all statistics share; inf for normal ones.
        side: ``"two"``: some |T_i| > t; ``"greater"``: some T_i > t; ``"less"``: some T_i < t.

    Example:
        >>> half = np.full(3, math.sqrt(0.5))
        >>> f"{joint_tail(2.349, half, math.inf, 'two'):.4f}"
        '0.0500'
    """
    bound = abs(statistic) if side == "two" else -statistic if side == "less" else statistic
    squares = np.minimum(np.square(np.asarray(loadings, dtype=np.float64)), _LARGEST_SQUARE)
    signed = np.copysign(np.sqrt(squares), loadings)
    if len(signed) == 1:
        return p_value(bound, "two" if side == "two" else "greater", df)
    if df >= _NORMAL:
        return float(_normal_tails(np.array([bound]), signed, two=side == "two")[0])
    scale, weight = _chi_nodes(df, max(bound, 0.0))
    tails = np.zeros_like(scale)
    known = bound * scale < _EMPTY
    tails[known] = _normal_tails(bound * scale[known], signed, two=side == "two")
    return min(1.0, float(np.sum(weight * tails)))


def _chi_nodes(df: float, bound: float) -> tuple[Floats, Floats]:
    """Nodes and weights over S = sqrt(chi-square / df), dense where the tail beyond ``bound`` has its mass.

    The variable is log S. Its density falls like S^df to the left and double-exponentially to the right; a large bound
    moves the mass of the tail towards small S.
    """
    from scipy.special import gammaln

    spread = 1.0 / math.sqrt(2.0 * df)
    centre = -0.5 * math.log1p(bound * bound / df)
    start = centre - max(11.0 * spread, 42.0 / df)
    end = math.log1p(10.0 / math.sqrt(df))
    steps = math.ceil((end - start) / min(0.12, 0.45 * spread))
    x = np.linspace(start, end, steps + 1)
    log_density = (
        math.log(2.0) + 0.5 * df * math.log(0.5 * df) - gammaln(0.5 * df) + df * x - 0.5 * df * np.exp(2.0 * x)
    )
    if df > 1e3:  # the terms above cancel; the density of log S, written around its peak
        log_peak = 0.5 * math.log(df / math.pi) - _stirling(0.5 * df)
        log_density = log_peak - 0.5 * df * (np.expm1(2.0 * x) - 2.0 * x)
    return np.exp(x), np.exp(log_density) * (x[1] - x[0])


def _stirling(a: float) -> float:
    """The correction log Gamma(a) - ((a - 1/2) log a - a + log(2 pi) / 2) of Stirling's formula, for large a."""
    return 1.0 / (12.0 * a) - 1.0 / (360.0 * a**3)


def _normal_tails(bounds: Floats, loadings: Floats, *, two: bool) -> Floats:
    """P(some |Z_i| > w), or P(some Z_i > w), for each bound w."""
    from scipy.special import ndtr

    own = np.sqrt(1.0 - loadings**2)
    smooth = float(np.max(loadings**2)) < _SMOOTH
    y, weight = (_even_nodes if smooth else _panel_nodes)(bounds, loadings, own, two=two)
    logs = np.zeros((len(bounds), y.shape[1]))
    with np.errstate(divide="ignore"):
        for loading, rest in zip(loadings, own, strict=True):
            tail = ndtr((loading * y - bounds[:, None]) / rest)
            if two:
                tail = tail + ndtr((-loading * y - bounds[:, None]) / rest)
            logs += np.log1p(-np.minimum(tail, 1.0))
    found: Floats = np.minimum(np.sum(-np.expm1(logs) * weight, axis=1), 1.0)
    return found


def _even_nodes(bounds: Floats, loadings: Floats, own: Floats, *, two: bool) -> tuple[Floats, Floats]:
    """Nodes of the trapezoidal rule over Y, the same for every bound; by symmetry from 0 on for two sides."""
    step = 0.55 / math.sqrt(1.0 + float(np.sum((loadings / own) ** 2)))
    half = math.ceil(_reach(bounds, loadings) / step)
    y: Floats = step * np.arange(0 if two else -half, half + 1, dtype=np.float64)
    weight: Floats = step * _density(y)
    if two:
        weight[1:] *= 2.0
    return y[None, :], weight[None, :]


def _panel_nodes(bounds: Floats, loadings: Floats, own: Floats, *, two: bool) -> tuple[Floats, Floats]:
    """Gauss-Legendre panels over Y, narrow where a statistic that the control almost decides crosses its bound."""
    reach = _reach(bounds, loadings)
    start = 0.0 if two else -reach
    base = np.linspace(start, reach, math.ceil((reach - start) / 0.8) + 1)
    edges = [np.broadcast_to(base, (len(bounds), len(base)))]
    for loading, rest in zip(loadings, own, strict=True):
        size = max(abs(loading), 1e-9)
        crossing = bounds[:, None] / (size if two else math.copysign(size, loading))
        edges.append(crossing + rest / size * _AROUND[None, :])
    cuts = np.sort(np.clip(np.concatenate(edges, axis=1), start, reach), axis=1)
    x, w = np.polynomial.legendre.leggauss(8)
    half, middle = 0.5 * np.diff(cuts, axis=1)[:, :, None], 0.5 * (cuts[:, 1:] + cuts[:, :-1])[:, :, None]
    y = (middle + half * x).reshape(len(bounds), -1)
    weight = (half * w).reshape(len(bounds), -1) * _density(y)
    return y, 2.0 * weight if two else weight


def _reach(bounds: Floats, loadings: Floats) -> float:
    """How far from 0 the integrand over Y has mass: where the statistic beyond its bound pulls Y, and 9.5 further."""
    return float(np.max(np.abs(loadings))) * max(float(bounds.max()), 0.0) + _REACH


def _density(y: Floats) -> Floats:
    density: Floats = np.exp(-0.5 * y * y) / math.sqrt(2.0 * math.pi)
    return density


def joint_p(p: float, loadings: Floats | None, count: int, df: float, side: Side) -> float:
    """The single-step adjusted p-value of one of several tests that share a control.

    Args:
        p: The unadjusted p-value of the test.
        loadings: The l_i of all tests, this one included; None where the correlations are no products: Sidak's bound
            then stands in for two sides (valid under every correlation), Bonferroni's for one.
        count: How many tests.
        df: Degrees of freedom of this test's statistic.
        side: The side of all tests.

    Returns:
        The adjusted p-value, between ``p`` and ``count * p``.
    """
    from scipy.special import ndtri, stdtrit

    most = min(1.0, count * p)
    if p <= 0.0 or p >= 1.0 or count == 1:  # no statistic belongs to these; SciPy before 1.14 has no t of a tail of 1
        return p
    if loadings is None:
        return min(most, -math.expm1(count * math.log1p(-p))) if side == "two" else most
    tail = 0.5 * p if side == "two" else p
    statistic = -float(ndtri(tail)) if math.isinf(df) else -float(stdtrit(df, tail))
    if abs(statistic) > _FAR:
        return most if statistic > 0 else 1.0
    return min(most, max(p, joint_tail(statistic, loadings, df, "two" if side == "two" else "greater")))


def joint_critical(level: float, loadings: Floats | None, count: int, df: float, side: Side) -> float:
    """The p-value that a single test must fall below for its joint interval at ``level`` to exclude the null.

    It is the p whose `joint_p` is ``1 - level``, between ``(1 - level) / count`` and ``1 - level``; a comparison at the
    level ``1 - p`` is the simultaneous one.

    Args:
        level: Joint confidence level.
        loadings: As for `joint_p`.
        count: How many tests.
        df: Degrees of freedom of this test's statistic.
        side: The side of all tests.
    """
    from scipy.optimize import brentq

    alpha = 1.0 - level
    if count == 1:
        return alpha
    if loadings is None:
        return -math.expm1(math.log1p(-alpha) / count) if side == "two" else alpha / count
    low = critical_value(level, side, df)
    high = critical_value(1.0 - alpha / count, side, df)
    direction: Side = "two" if side == "two" else "greater"

    def above(t: float) -> float:
        return math.log(max(joint_tail(t, loadings, df, direction), 1e-300) / alpha)

    if above(high) >= 0.0:  # rounding alone: Bonferroni's bound is never beyond the joint one
        return alpha / count
    bound = low if above(low) <= 0.0 else float(brentq(above, low, high, xtol=1e-13, rtol=1e-14))
    return min(alpha, max(alpha / count, p_value(bound, direction, df)))


def loadings_of(covariance: Floats) -> Floats | None:
    """The l_i with correlations l_i l_j, or None where the correlations are no such products.

    Args:
        covariance: Covariance matrix of the contrasts.
    """
    size = len(covariance)
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    if size == 1:
        return np.zeros(1)
    if size == 2:
        rho = float(correlation[0, 1])
        return np.array([math.sqrt(abs(rho)), math.copysign(math.sqrt(abs(rho)), rho)])
    loadings = np.zeros(size)
    for i in range(size):
        j, k = [other for other in range(size) if other != i][:2]
        product = correlation[i, j] * correlation[i, k]
        square = product / correlation[j, k] if correlation[j, k] != 0.0 else 0.0
        loadings[i] = math.sqrt(max(square, 0.0))
    loadings = np.where(correlation[0] < 0.0, -loadings, loadings)
    gap = np.abs(np.outer(loadings, loadings) - correlation)[~np.eye(size, dtype=bool)]
    return loadings if float(gap.max()) < _FIT and float(loadings.max()) <= 1.0 else None
