"""The bounds of a design with looks, as a result that reads as the plain z of each look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from attribution.core import messages
from attribution.core.records import Field, Records, TabularResult
from experiments.inference.counts import one_number
from experiments.inference.sequential.walk import Paths

if TYPE_CHECKING:
    from attribution.core.estimates import Side
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from experiments.inference.sequential.spending import Spending
    from experiments.inference.sequential.walk import Crossing

__all__ = ["Bounds", "nominal_p"]

messages.register("experiments")

_FIELDS = (
    Field("look", "count"), Field("fraction", "rate"), Field("z"), Field("nominal", "p"), Field("spent", "p"),
    Field("futility"), Field("beta_spent", "p"),
)  # fmt: skip


def nominal_p(z: float, side: Side) -> float:
    """The ordinary p-value at a bound: both tails for two sides."""
    tail = 0.5 * math.erfc(z / math.sqrt(2.0))
    return 2.0 * tail if side == "two" else tail


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Bounds(TabularResult, Sequence[float]):
    """Bounds of z, one per look; indexes, iterates and converts to an array as these numbers.

    At a look the null is rejected when the statistic reaches its bound: for ``side="two"`` when ``abs(z) >= bound``,
    for ``"greater"`` when ``z >= bound``, for ``"less"`` when ``-z >= bound`` (bounds are written without sign).

    Attributes:
        z: The bound of each look; ``inf`` where so little may be spent that nothing can stop the experiment there.
        family: ``"spending"`` or ``"group"`` (a fixed shape times a constant).
        shape: The spending function, or the delta of the Wang-Tsiatis family.
        final: Whether the last look given is the last of all, and so spends all that is left.
        fractions: Information at each look over the planned information.
        spent: Error spent up to and including each look, over both sides.
        futility: Bound of each look under which the effect is given up, on the side of the test; None without one.
        beta_spent: Type II error spent up to and including each look; None without futility.
        binding: Whether crossing the futility bound must stop the experiment.
        drift: For bounds with futility, the mean of z at full information for which the power holds; else None.
        level: Confidence level of the whole design.
        side: ``"two"``, ``"greater"`` or ``"less"``.
        findings: Remarks on the information given.
        recipe: How the bounds were made.
    """

    z: tuple[float, ...]
    family: Literal["spending", "group"]
    shape: Spending | float
    final: bool = True
    fractions: tuple[float, ...]
    spent: tuple[float, ...]
    futility: tuple[float, ...] | None = None
    beta_spent: tuple[float, ...] | None = None
    binding: bool = False
    drift: float | None = None
    level: float
    side: Side
    findings: tuple[Finding, ...] = ()
    recipe: Recipe

    def __len__(self) -> int:
        return len(self.z)

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[float, ...]: ...
    def __getitem__(self, index: int | slice) -> float | tuple[float, ...]:
        return self.z[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:  # noqa: FBT001 -- NumPy's
        del copy  # the array is always a new one
        return np.array(self.z, dtype=dtype)

    @property
    def nominal(self) -> tuple[float, ...]:
        """The ordinary p-value that each look has to reach; not what it spends."""
        return tuple(nominal_p(bound, self.side) for bound in self.z)

    @property
    def lower(self) -> tuple[float, ...]:
        """The bound on the other side that ends the experiment: of harm for two sides, binding futility, or none."""
        if self.side == "two":
            return tuple(-bound for bound in self.z)
        return self.futility if self.binding and self.futility is not None else (-math.inf,) * len(self.z)

    def crossing(self, drift: float = 0.0) -> Crossing:
        """Probabilities of crossing at each look, upwards and downwards.

        The effect is read in the direction of the test: for ``side="less"`` a positive drift is a decrease. Futility
        stops the walk only where it is binding.

        Args:
            drift: Mean of z at the planned information (fraction 1).

        Example:
            >>> import experiments as ex
            >>> bounds = ex.group_bounds(5, kind="pocock")
            >>> round(2 * sum(bounds.crossing().upper), 6), round(sum(bounds.crossing(3.0).upper), 3)
            (0.05, 0.77)
        """
        return Paths.follow(self.fractions, self.lower, self.z).crossing(one_number("drift", drift))

    def power(self, drift: float) -> float:
        """Probability of rejecting in the direction of the drift at any look.

        Args:
            drift: Mean of z at the planned information (fraction 1): the effect over the standard error that a reading
                there would have.
        """
        mean = one_number("drift", drift)
        signed = abs(mean) if self.side == "two" else mean
        return math.fsum(self.crossing(signed).upper)

    def drift_for(self, power: float = 0.8) -> float:
        """The mean of z at the planned information for which the design has this power; inverse of `power`.

        The design needs ``(drift / (z_alpha + z_beta)) ** 2`` times the information of a test with one look.

        Args:
            power: Between the error of one side and 1.

        Raises:
            InputError: For a power that cannot be planned.
        """
        from experiments.inference.sequential.power import drift_for

        return drift_for(self.power, power, least=self.crossing().upper)

    def _records(self) -> Records:
        fields = _FIELDS if self.futility is not None else _FIELDS[:5]
        rows = [
            {
                "look": k + 1, "fraction": self.fractions[k], "z": self.z[k], "nominal": self.nominal[k],
                "spent": self.spent[k], "futility": None if self.futility is None else self.futility[k],
                "beta_spent": None if self.beta_spent is None else self.beta_spent[k],
            }
            for k in range(len(self.z))
        ]  # fmt: skip
        return Records.from_rows(fields, rows)

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        values = {**self.recipe.settings, "looks": len(self.z)}
        title = messages.text("BOUNDS.title", values)
        notes = [*self.recipe.sentences(), *(finding.text() for finding in self.findings)]
        return Display(title, (records_table(self._records(), decisive="z"), *notes))
