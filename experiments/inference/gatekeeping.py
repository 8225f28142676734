"""Gatekeeping: secondary tests count only after the primary ones, and their adjusted p-values hold the gate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

from attribution.core.errors import InputError
from experiments.inference.multiplicity import CORRECTIONS, adjust_pvalues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.inference.multiplicity import Correction

__all__ = ["Gate", "GateKind", "check_gate", "gatekeeping"]

GateKind = Literal["serial", "parallel", "arm"]
Gate = GateKind | tuple[Literal["parallel"], float]
P = float | None
_FALSE_DISCOVERY = ("bh", "by")
_TRUNCATION = 0.5


def check_gate(gate: object, correction: object) -> tuple[GateKind, float] | None:
    """The kind of a gate and the truncation of its Holm; None without one.

    Raises:
        InputError: For a gate that is unknown, or that the correction cannot keep.
    """
    if gate is None:
        return None
    kind, truncation = (gate, _TRUNCATION) if isinstance(gate, str) else (None, None)
    if isinstance(gate, tuple) and len(gate) == 2:
        kind, truncation = gate
    number = isinstance(truncation, (int, float)) and not isinstance(truncation, bool)
    if (
        kind not in get_args(GateKind)
        or (isinstance(gate, tuple) and kind != "parallel")
        or not number
        or not 0.0 <= truncation < 1.0  # type: ignore[operator]
    ):
        raise InputError(
            'gatekeeping must be "serial", "parallel", ("parallel", truncation of 0 or more and below 1), "arm" or '
            f"None, got {gate!r}."
        )
    if correction is None or correction in _FALSE_DISCOVERY:
        raise InputError(
            f"gatekeeping controls the probability of any false rejection, and correction={correction!r} does not. Use "
            'correction="holm", or leave gatekeeping out.'
        )
    if kind != "serial" and correction not in ("holm", "bonferroni"):
        raise InputError(
            f"gatekeeping={gate!r} spends alpha arm by arm by Holm or Bonferroni; correction={correction!r} has no "
            'such shares. Use correction="holm", or gatekeeping="serial".'
        )
    return kind, float(truncation)  # type: ignore[return-value,arg-type]


def gatekeeping(
    primary: Sequence[float | None],
    secondary: Sequence[Sequence[float | None]],
    *,
    gate: Gate = "serial",
    correction: Correction = "holm",
) -> tuple[tuple[float | None, ...], tuple[tuple[float | None, ...], ...]]:
    """Adjust a primary family and the secondary tests behind it, so that any false rejection has probability alpha.

    ``"serial"``: a secondary test may be rejected only when every primary one is; each family has all of alpha.
    ``"parallel"``: when at least one is. The primary tests use Holm truncated by a fraction g: the j-th smallest p is
    held against alpha (g / (n - j + 1) + (1 - g) / n); r rejections hand alpha (1 - g) r / n to Holm on the secondary
    tests, all n hand over alpha. ``"arm"``: the secondary tests of an arm stand behind the primary test of that arm
    alone; every arm has an equal share of alpha, spends it on its primary test, then by Holm on its secondary ones, and
    when all of them are rejected leaves it to the other arms.

    Args:
        primary: P-values of the primary metric, one per arm; None for a test that could not be done.
        secondary: P-values of the secondary metrics, per metric one per arm.
        gate: ``"serial"``, ``"parallel"`` (truncated by 0.5), ``("parallel", g)`` with 0 <= g < 1, or ``"arm"``.
        correction: How a family is adjusted: holm, bonferroni (for "parallel" and "arm": the primary family by
            Bonferroni, g = 0, and nothing left to other arms), and for "serial" also hochberg or hommel.

    Returns:
        The adjusted p-values in the same shapes. p_adjusted <= alpha is the decision at every alpha. A secondary test
        whose gate has no test (its p-value is None) is None.

    Raises:
        InputError: For p-values outside [0, 1], shapes that differ, an unknown gate, or a correction that cannot keep
            it.

    References:
        Westfall and Krishen (2001), Journal of Statistical Planning and Inference 99:25 (serial). Dmitrienko, Offen and
        Westfall (2003), Statistics in Medicine 22:2387 (parallel). Dmitrienko, Tamhane and Wiens (2008), Biometrical
        Journal 50:667 (truncated Holm). Bretz, Maurer, Brannath and Posch (2009), Statistics in Medicine 28:586 (by
        arm, as a graph).

    Verified against closed forms in the papers, a search over alpha that carries the procedures out as they are
    written, and the graphical algorithm of Bretz and others; see docs/methods/gatekeeping.md.

    Example:
        >>> first, second = gatekeeping([0.010, 0.040], [[0.012, 0.001]], gate="serial")
        >>> first, second
        ((0.02, 0.04), ((0.04, 0.04),))
        >>> gatekeeping([0.010, 0.200], [[0.004, 0.001]], gate="arm")[1]
        ((0.02, 0.2),)
    """
    if correction not in CORRECTIONS:
        raise InputError(f"correction must be one of {', '.join(CORRECTIONS)}, got {correction!r}.")
    checked = check_gate(gate, correction)
    if checked is None:
        raise InputError("gate must be given; without one use adjust_pvalues on each family.")
    first = _family(primary, "primary")
    if isinstance(secondary, (str, bytes)) or not hasattr(secondary, "__iter__"):
        raise InputError(f"secondary must hold the p-values of every secondary metric, got {secondary!r}.")
    rows = [_family(row, "secondary") for row in secondary]
    if any(len(row) != len(first) for row in rows):
        raise InputError(
            f"every secondary metric needs one p-value per arm ({len(first)}), got {[len(row) for row in rows]}."
        )
    kind, truncation = checked
    if kind == "arm":
        return _by_arm(first, rows, leave=correction == "holm")
    flat = [p for row in rows for p in row]
    if kind == "serial":
        one, two = _serial(first, flat, correction)
    else:
        one, two = _parallel(first, flat, truncation if correction == "holm" else 0.0, correction)
    return tuple(one), tuple(tuple(two[i * len(first) : (i + 1) * len(first)]) for i in range(len(rows)))


def _family(p: Sequence[P], name: str) -> list[P]:
    if isinstance(p, (str, bytes)) or not hasattr(p, "__iter__"):
        raise InputError(f"{name} must hold p-values, got {p!r}.")
    adjust_pvalues(p, method="bonferroni")  # names every value that is no p-value
    return [None if value is None or math.isnan(value) else float(value) for value in p]


def _serial(first: list[P], second: list[P], correction: Correction) -> tuple[list[P], list[P]]:
    one = adjust_pvalues(first, method=correction)
    known = [p for p in one if p is not None]
    if len(known) < len(first) or not known:
        return list(one), [None] * len(second)
    behind = max(known)
    return list(one), [None if p is None else max(p, behind) for p in adjust_pvalues(second, method=correction)]


def _parallel(first: list[P], second: list[P], truncation: float, correction: Correction) -> tuple[list[P], list[P]]:
    """Each adjusted p is the smallest alpha at which the procedure rejects; that alpha has a closed form."""
    order = sorted((i for i, p in enumerate(first) if p is not None), key=lambda i: (first[i], i))
    n = len(order)
    one: list[P] = [None] * len(first)
    reached, steps = 0.0, []
    for rank, i in enumerate(order):
        share = truncation / (n - rank) + (1.0 - truncation) / n
        reached = max(reached, float(first[i] or 0.0) / share)
        one[i] = min(1.0, reached)
        handed = 1.0 if rank + 1 == n else (1.0 - truncation) * (rank + 1) / n
        steps.append((reached, handed))
    if not steps:
        return one, [None] * len(second)
    two = [
        None if p is None else min(1.0, *(max(alpha, p / handed) for alpha, handed in steps))
        for p in adjust_pvalues(second, method=correction)
    ]
    return one, two


def _by_arm(first: list[P], rows: list[list[P]], *, leave: bool) -> tuple[tuple[P, ...], tuple[tuple[P, ...], ...]]:
    """In units of an arm's share: within an arm serial with Holm, over the arms Holm by the p that completes an arm."""
    arms = [i for i, p in enumerate(first) if p is not None]
    inside: dict[int, list[P]] = {}
    for i in arms:
        gate = float(first[i] or 0.0)
        own = adjust_pvalues([row[i] for row in rows], method="holm" if leave else "bonferroni")
        inside[i] = [gate, *(None if p is None else max(p, gate) for p in own)]
    complete = {i: max(p for p in parts if p is not None) for i, parts in inside.items()}
    table: list[list[P]] = [[None] * len(first) for _ in range(len(rows) + 1)]
    for i in arms:
        others = sorted(complete[j] for j in arms if j != i) if leave else []
        reached, steps = 0.0, [(0.0, len(arms))]
        for done, value in enumerate(others):
            reached = max(reached, (len(arms) - done) * value)
            steps.append((reached, len(arms) - done - 1))
        for row, p in zip(table, inside[i], strict=True):
            row[i] = None if p is None else min(1.0, *(max(alpha, left * p) for alpha, left in steps), 1.0)
    return tuple(table[0]), tuple(tuple(row) for row in table[1:])
