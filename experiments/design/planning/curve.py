"""Power over a grid of persons and effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.records import Field, Records, TabularResult
from experiments.design.planning.means import power_means
from experiments.design.planning.rates import power_rates
from experiments.inference.counts import checked_number, raise_problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.render.display import Display
    from experiments.design.planning.means import Spread
    from experiments.design.planning.size import Planned

__all__ = ["PowerCurve", "power_curve"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class PowerCurve(TabularResult):
    """Power by persons and effect.

    Attributes:
        effects: The effects (treated minus control), rising as given.
        sizes: Persons in the control arm, as given.
        power: Power, effects by sizes.
        method: The formula.
        rate: Whether the effects are differences of rates.
        allocation: Treated per control person.
    """

    effects: tuple[float, ...]
    sizes: tuple[float, ...]
    power: tuple[tuple[float, ...], ...]
    method: str
    rate: bool
    allocation: float

    def _records(self) -> Records:
        fields = (
            Field("effect", "pp" if self.rate else "number"), Field("n_control", "count"), Field("n_treated", "count"),
            Field("power", "rate"),
        )  # fmt: skip
        rows = [
            {"effect": effect, "n_control": n, "n_treated": n * self.allocation, "power": power}
            for effect, line in zip(self.effects, self.power, strict=True)
            for n, power in zip(self.sizes, line, strict=True)
        ]
        return Records.from_rows(fields, rows)

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("POWER_CURVE.title", {"method": self.method})
        return Display(title, (records_table(self._records(), decisive="power"),))


def power_curve(
    effects: Sequence[float],
    n: Sequence[float],
    *,
    control: float | None = None,
    std: Spread | None = None,
    **options: Any,
) -> PowerCurve:
    """Power over a grid of persons and effects, for a table or a plot.

    Args:
        effects: Differences, treated minus control: of rates with ``control``, in the outcome's unit with ``std``.
        n: Persons in the control arm.
        control: Rate of the control arm.
        std: Standard deviation of a person's outcome.
        **options: Further options of `power_rates` or `power_means`.

    Returns:
        The power of every combination.

    Raises:
        InputError: Neither or both of control and std, empty lists, or numbers that `power_rates` or `power_means`
            refuse.

    References:
        As for `power_rates` and `power_means`.

    Verified against: `power_rates` and `power_means`.

    Example:
        >>> import experiments as ex
        >>> curve = ex.power_curve([0.002, 0.004], [5_000, 20_000], control=0.01, allocation=9)
        >>> [[round(power, 3) for power in line] for line in curve.power]
        [[0.22, 0.714], [0.658, 0.999]]
    """
    if (control is None) == (std is None):
        raise InputError("give either control (effects are differences of rates) or std (differences of means).")
    if not len(effects) or not len(n):
        raise InputError(f"effects and n must each list at least one number, got {effects!r} and {n!r}.")
    problems: list[str] = []
    effects = [checked_number("effects", effect, problems) for effect in effects]
    control = None if control is None else checked_number("control", control, problems)
    raise_problems(problems)

    def power_of(effect: float, size: float) -> Planned:
        if control is not None:
            return power_rates(control, control + effect, size, **options)
        return power_means(effect, std, size, **options)  # type: ignore[arg-type]

    found = [[power_of(effect, size) for size in n] for effect in effects]
    return PowerCurve(
        effects=tuple(float(effect) for effect in effects), sizes=tuple(float(size) for size in n),
        power=tuple(tuple(float(one) for one in line) for line in found), method=found[0][0].method,
        rate=control is not None, allocation=float(options.get("allocation", 1.0)),
    )  # fmt: skip
