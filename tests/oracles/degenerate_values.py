"""Numbers of degenerate input, worked out by a formula or by counting: one small function for each family.

Each function takes plain numbers (those of one cell of the table) and gives what a result must hold there, by column.
"column[key=value]" is the column in the rows whose key has this value, "sum(column)[key=value]" its sum over them.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from fractions import Fraction
from statistics import NormalDist, fmean, median

from scipy import special, stats

Values = dict[str, float]


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)


# --- two rates --------------------------------------------------------------------------------------


def _null_rate(x1: float, n1: float, x0: float, n0: float, delta: float) -> float:
    """The control's rate of largest likelihood when the treatment's is delta higher: where the slope changes sign."""

    def slope(p: float) -> float:
        q = p + delta
        return (
            (x1 / q if x1 else 0.0)
            - ((n1 - x1) / (1 - q) if n1 > x1 else 0.0)
            + (x0 / p if x0 else 0.0)
            - ((n0 - x0) / (1 - p) if n0 > x0 else 0.0)
        )

    low, high = max(0.0, -delta), min(1.0, 1.0 - delta)
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return (low + high) / 2


def _score(x1: float, n1: float, x0: float, n0: float, delta: float) -> float:
    """Miettinen and Nurminen's statistic of "the difference is delta"."""
    p = _null_rate(x1, n1, x0, n0, delta)
    q, n = p + delta, n1 + n0
    spread = (q * (1 - q) / n1 + p * (1 - p) / n0) * n / (n - 1)
    distance = x1 / n1 - x0 / n0 - delta
    return math.copysign(math.inf, distance) if spread <= 0 else distance / math.sqrt(spread)


def _crossing(function: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return (low + high) / 2


def two_rates(x1: float, n1: float, x0: float, n0: float) -> Values:
    """Shares, their difference, its score limits (95 %) and p-value; nobody or everybody came back: in closed form."""
    z, n = _z(0.95), n1 + n0
    p1, p0, pooled = x1 / n1, x0 / n0, (x1 + x0) / n
    if pooled in (0, 1):
        high = z * z / (z * z + n1 * (n - 1) / n)
        low, p = -z * z / (z * z + n0 * (n - 1) / n), 1.0
    else:
        low = _crossing(lambda d: _score(x1, n1, x0, n0, d) - z, -1.0, p1 - p0)
        high = _crossing(lambda d: _score(x1, n1, x0, n0, d) + z, p1 - p0, 1.0)
        spread = pooled * (1 - pooled) * (1 / n1 + 1 / n0) * n / (n - 1)
        p = math.erfc(abs(p1 - p0) / math.sqrt(2 * spread))
    return {
        "treatment": p1, "control": p0, "difference.value": p1 - p0, "difference.low": low, "difference.high": high,
        "difference.p_value": p,
    }  # fmt: skip


def two_shares(x1: float, n1: float, x0: float, n0: float) -> Values:
    """Shares and their difference alone."""
    return {"treatment": x1 / n1, "control": x0 / n0, "difference.value": x1 / n1 - x0 / n0}


# --- two means --------------------------------------------------------------------------------------


def _welch(std: float, n: int, control_std: float, control_n: int) -> tuple[float, float]:
    one, two = std**2 / n, control_std**2 / control_n
    return math.sqrt(one + two), (one + two) ** 2 / (one**2 / (n - 1) + two**2 / (control_n - 1))


def two_means(mean: float, std: float, n: int, control_mean: float, control_std: float, control_n: int) -> Values:
    """Welch's interval; one person in an arm or no variance at all: the difference alone."""
    found = {"treatment": mean, "control": control_mean, "difference.value": mean - control_mean}
    if min(n, control_n) < 2 or std == control_std == 0:
        return found
    error, df = _welch(std, n, control_std, control_n)
    half = float(special.stdtrit(df, 0.975)) * error
    return found | {
        "difference.standard_error": error, "difference.low": mean - control_mean - half,
        "difference.high": mean - control_mean + half,
    }  # fmt: skip


def means_within(mean: float, std: float, n: int, control_mean: float, control_std: float, control_n: int) -> Values:
    """Two one-sided Welch tests against a margin of 1: the 90 % interval, and the larger of both p-values."""
    difference = mean - control_mean
    if min(n, control_n) < 2 or std == control_std == 0:
        return {"difference": difference}
    error, df = _welch(std, n, control_std, control_n)
    half = float(special.stdtrit(df, 0.95)) * error
    p_low = float(special.stdtr(df, -(difference + 1) / error))
    p_high = float(special.stdtr(df, (difference - 1) / error))
    return {
        "difference": difference, "low": difference - half, "high": difference + half, "p_value": max(p_low, p_high),
    }  # fmt: skip


def flat_means(mean: float, std: float, n: int, control_mean: float, control_std: float, control_n: int) -> Values:
    """The posterior of a difference of means under a flat prior: normal around what was seen."""
    difference = mean - control_mean
    if min(n, control_n) < 2 or std == control_std == 0:
        return {"value[prior=flat]": difference}
    half = _z(0.95) * math.sqrt(std**2 / n + control_std**2 / control_n)
    return {
        "value[prior=flat]": difference, "low[prior=flat]": difference - half, "high[prior=flat]": difference + half,
    }  # fmt: skip


def flat_rates(x1: int, n1: int, x0: int, n0: int) -> Values:
    """The posterior mean of a difference of rates under flat priors: (x + 1) / (n + 2) in each arm."""
    return {"value[prior=flat: Beta(1, 1)]": (x1 + 1) / (n1 + 2) - (x0 + 1) / (n0 + 2)}


def ratio(numerator: float, denominator: float, variances: Sequence[float], covariance: float) -> Values:
    """Fieller's set at 90 %: the roots of (a - x b)^2 = z^2 (v_a - 2 x c + x^2 v_b)."""
    (top, bottom), z2 = variances, _z(0.9) ** 2
    a = denominator**2 - z2 * bottom
    b = numerator * denominator - z2 * covariance
    c = numerator**2 - z2 * top
    root = math.sqrt(b * b - a * c)
    low, high = sorted([(b - root) / a, (b + root) / a])
    return {"value": numerator / denominator, "low": low, "high": high}


# --- lists ------------------------------------------------------------------------------------------


def superiority(one: Sequence[float], two: Sequence[float]) -> Values:
    """The share of pairs in which the first is larger, ties half."""
    pairs = [(x > y) + (x == y) / 2 for x in one for y in two]
    return {"value": sum(pairs) / len(pairs)}


def resampled(one: Sequence[float], two: Sequence[float]) -> Values:
    """What a bootstrap is made around: the two means and their difference."""
    return {"value": fmean(one), "value_control": fmean(two), "difference": fmean(one) - fmean(two)}


def medians(one: Sequence[float], two: Sequence[float]) -> Values:
    """Two medians and their difference."""
    return {"treatment": median(one), "control": median(two), "difference.value": median(one) - median(two)}


def holm(*p: float) -> Values:
    """Holm's adjusted p-values."""
    found, worst = {}, 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda at: p[at])):
        worst = max(worst, min(1.0, (len(p) - rank) * p[place]))
        found[str(place)] = worst
    return found


def instrument(assigned: Sequence[float], treated: Sequence[float], outcome: Sequence[float]) -> Values:
    """Differences of means by assignment: of the outcome, and of the treatment."""

    def gap(values: Sequence[float]) -> float:
        one = [value for value, arm in zip(values, assigned, strict=True) if arm]
        return fmean(one) - fmean(value for value, arm in zip(values, assigned, strict=True) if not arm)

    return {"value[quantity=assignment]": gap(outcome), "value[quantity=first_stage]": gap(treated)}


def survival(durations: Sequence[float], observed: Sequence[float], *, limits: bool = True) -> Values:
    """Kaplan and Meier's product, Greenwood's variance, log-log limits; while nobody acted, the binomial limit."""
    found: Values = {}
    share, spread, z = 1.0, 0.0, _z(0.95)
    for time in sorted(set(durations)):
        risk = sum(each >= time for each in durations)
        acted = sum(each == time and bool(seen) for each, seen in zip(durations, observed, strict=True))
        share *= 1 - acted / risk
        spread += acted / (risk * (risk - acted)) if risk > acted else 0.0
        found |= {f"at_risk[time={time}]": risk, f"events[time={time}]": acted, f"survival[time={time}]": share}
        if limits and 0 < share < 1:
            half = z * math.sqrt(spread) / abs(math.log(share))
            found[f"low[time={time}]"] = share ** math.exp(half)
            found[f"high[time={time}]"] = share ** math.exp(-half)
        elif limits and share == 1:
            found |= {f"low[time={time}]": 0.025 ** (1 / risk), f"high[time={time}]": 1.0}
    return found


def survival_at(durations: Sequence[float], observed: Sequence[float], time: float) -> Values:
    """The share still waiting at a time."""
    steps = sorted(set(durations))
    at = bisect_left(steps, time)
    before = steps[at] if at < len(steps) and steps[at] == time else (steps[at - 1] if at else None)
    if before is None:
        return {"value": 1.0, "low": 0.025 ** (1 / len(durations)), "high": 1.0}
    curve = survival(durations, observed)
    return {"value": curve[f"survival[time={before}]"], "low": curve[f"low[time={before}]"],
            "high": curve[f"high[time={before}]"]}  # fmt: skip


def waiting(durations: Sequence[float], observed: Sequence[float], horizon: float) -> Values:
    """The area under the curve until a horizon."""
    curve = survival(durations, observed, limits=False)
    area, share, last = 0.0, 1.0, 0.0
    for time in sorted(set(durations)):
        if time >= horizon:
            break
        area += share * (time - last)
        share, last = curve[f"survival[time={time}]"], time
    return {"value": area + share * (horizon - last)}


# --- counts, planning, money ------------------------------------------------------------------------


def split(one: int, two: int) -> Values:
    """Pearson's chi-square of two arms that should be equal."""
    expected = (one + two) / 2
    found = (one - expected) ** 2 / expected + (two - expected) ** 2 / expected
    return {"values.chi_square": found, "values.p_value": math.erfc(math.sqrt(found / 2)), "values.n": one + two}


def ratio_std(ratio: float, denominator_mean: float, top: float, bottom: float, correlation: float) -> Values:
    """The standard deviation of the residual a - r b, over the mean of b."""
    return {
        "value": math.sqrt(top**2 - 2 * ratio * correlation * top * bottom + (ratio * bottom) ** 2) / denominator_mean
    }


def count_std(mean: float, dispersion: float) -> Values:
    """A count whose variance is m + d m^2."""
    return {"value": math.sqrt(mean + dispersion * mean**2)}


def quantile_std(q: float, density: float) -> Values:
    """sqrt(q (1 - q)) over the density there."""
    return {"value": math.sqrt(q * (1 - q)) / density}


def shares(*costs: float) -> Values:
    """Best shares of a control (first) and k arms that cost so much: as sqrt(k / c) of the control to sqrt(1 / c)."""
    names = ("holdout", "sms", "phone")
    weights = [math.sqrt((len(costs) - 1 if not at else 1) / cost) for at, cost in enumerate(costs)]
    return {name: weight / sum(weights) for name, weight in zip(names, weights, strict=True)}


def ceiling(contribution: float, servicing: float, acquisition: float, share: float | None) -> Values:
    """What a returner may cost: per returner who would not have come, per returner, and by the formula of the field."""
    left = contribution - servicing
    found = {"amount[reading=per_incremental]": left, "amount[reading=field_formula]": left - acquisition}
    return found if share is None else found | {"amount[reading=per_returner]": left * share}


def per_incremental(cost: float, share: float) -> Values:
    """The cost of a returner who would not have come."""
    return {"value": cost / share}


def grown(before: Sequence[float], after: Sequence[float]) -> Values:
    """The change of a product over its factors by logarithmic means; the contributions sum to the change."""

    def levels(base: float, reached: float, buyers: float, orders: float, value: float) -> list[float]:
        return [base, reached / base, buyers / reached, orders / buyers, value / orders]

    names = ("base", "penetration", "buyer_rate", "orders_per_buyer")
    change = after[-1] - before[-1]
    mean = change / math.log(after[-1] / before[-1]) if change else after[-1]
    parts = [mean * math.log(y / x) for x, y in zip(levels(*before), levels(*after), strict=True)]
    return {f"contribution[link={name}]": part for name, part in zip(names, parts[:4], strict=True)} | {
        "sum(contribution)": change
    }


def arrival(persons: int, arrivals: float, looks: int) -> Values:
    """Days until each look: until enough have arrived, and 28 days more."""
    found = {}
    for look in range(1, looks + 1):
        enough = math.ceil(persons * look / looks)
        found |= {f"persons[look={look}]": enough, f"days[look={look}]": enough / arrivals + 28}
    return found


def posterior(*arms: int) -> Values:
    """Shares of arms of 60 under flat priors, and their equal-tailed limits."""
    found = {}
    for name, hits in zip(("holdout", "sms", "push"), arms, strict=False):
        curve = stats.beta(hits + 1, 61 - hits)
        found |= {f"value[arm={name}]": (hits + 1) / 62, f"value_low[arm={name}]": float(curve.ppf(0.025)),
                  f"value_high[arm={name}]": float(curve.ppf(0.975))}  # fmt: skip
    return found


# --- paths ------------------------------------------------------------------------------------------

_PATHS = (("push", "sms"), ("sms",), ("push", "phone", "sms"), ("phone",), ("push",))


def paths(conversions: Sequence[float], value: Sequence[float]) -> Values:
    """Credit of the first step and of all steps equally, over five aggregated paths."""
    found: Values = {}
    there = sorted({channel for path in _PATHS[: len(conversions)] for channel in path})
    for column, amounts in (("conversions", conversions), ("value", value)):
        for channel in there:
            first = sum(Fraction(a) for path, a in zip(_PATHS, amounts, strict=False) if path[0] == channel)
            even = sum(Fraction(a) * path.count(channel) / len(path) for path, a in zip(_PATHS, amounts, strict=False))
            found[f"{column}[model=first_touch, channel={channel}]"] = float(first)
            found[f"{column}[model=linear, channel={channel}]"] = float(even)
    return found
