"""Classical group-sequential bounds at equal steps: Pocock, O'Brien-Fleming, Wang-Tsiatis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.recipe import Recipe
from experiments.inference.sequential.boundaries import check_looks
from experiments.inference.sequential.bounds import Bounds
from experiments.inference.sequential.walk import cross

__all__ = ["GroupKind", "group_bounds"]

# A named shape, or Wang and Tsiatis' family with its delta.
GroupKind = str | tuple[str, float]

_SHAPES = {"pocock": 0.5, "obrien_fleming": 0.0}


def group_bounds(looks: int, *, level: float = 0.95, kind: GroupKind = "pocock") -> Bounds:
    """Two-sided bounds of z for looks at equal steps of information: ``c * (k / looks) ** (delta - 0.5)``.

    The constant c is such that all looks together reject a true null with probability ``1 - level``. These bounds need
    the planned number of looks at the planned information; where the information at the looks is not in the hands of
    the analyst, as with maturing persons, use `spending_bounds`.

    Args:
        looks: Number of looks, 1 to 100.
        level: Confidence level of the whole design.
        kind: ``"pocock"`` (delta 0.5: the same z at each look), ``"obrien_fleming"`` (delta 0: high z at first) or
            ``("wang_tsiatis", delta)`` with delta between -0.5 and 0.7.

    Returns:
        The bounds: a sequence of z, with nominal levels and what each look spends.

    Raises:
        InputError: For options outside their range.

    References:
        Pocock (1977), Biometrika 64:191. O'Brien and Fleming (1979), Biometrics 35:549. Wang and Tsiatis (1987),
        Biometrics 43:193. Jennison and Turnbull (2000), tables 2.1, 2.3 and 2.9.

    Verified against rpact 3.3.4 (P, OF, WT) to 1e-7 and the published tables to their digits; see
    docs/methods/group-sequential.md.

    Example:
        >>> [round(z, 3) for z in group_bounds(5)]
        [2.413, 2.413, 2.413, 2.413, 2.413]
        >>> [round(z, 3) for z in group_bounds(5, kind="obrien_fleming")]
        [4.562, 3.226, 2.634, 2.281, 2.04]
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    count, confidence = check_looks(looks), check_level(level)
    delta, name = _shape(kind)
    times = [k / count for k in range(1, count + 1)]
    shape = [time ** (delta - 0.5) for time in times]
    alpha = 1.0 - confidence

    def excess(constant: float) -> float:
        bounds = [constant * part for part in shape]
        return 2.0 * math.fsum(cross(times, [-z for z in bounds], bounds).upper) - alpha

    least, most = -float(ndtri(0.5 * alpha)), -float(ndtri(0.5 * alpha / count))
    # Bonferroni bounds the constant from above where every z is at least the constant (delta up to 0.5).
    widest = most * float(count) ** max(0.0, delta - 0.5) + 1e-9
    constant = least if count == 1 else float(brentq(excess, least - 1e-9, widest, xtol=1e-13, rtol=1e-14))
    z = tuple(constant * part for part in shape)
    crossing = cross(times, [-bound for bound in z], z)
    spent = tuple(2.0 * math.fsum(crossing.upper[: k + 1]) for k in range(count))
    settings = {"level": confidence, "side": "two", "spending": name, "planned_looks": count, "constant": constant}
    return Bounds(
        z=z,
        family="group",
        shape=delta,
        fractions=tuple(times),
        spent=spent,
        level=confidence,
        side="two",
        recipe=Recipe(method="group_bounds", definitions=("BOUNDS_GROUP",), settings=settings),
    )


def _shape(kind: object) -> tuple[float, str]:
    if isinstance(kind, str) and kind in _SHAPES:
        return _SHAPES[kind], kind
    if isinstance(kind, Sequence) and not isinstance(kind, str) and len(kind) == 2 and kind[0] == "wang_tsiatis":
        delta = kind[1]
        if isinstance(delta, Real) and not isinstance(delta, bool) and -0.5 <= float(delta) <= 0.7:
            return float(delta), f"wang_tsiatis({float(delta):g})"
    raise InputError(
        'kind must be "pocock", "obrien_fleming" or ("wang_tsiatis", delta) with delta between -0.5 and 0.7, got '
        f"{kind!r}."
    )
