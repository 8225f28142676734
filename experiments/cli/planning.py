"""The questions of `wakelift power`, each answered by the function of the library that does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.records import Field, Records, TabularResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.core.render.display import Display

__all__ = ["PowerAnswer", "planned"]

_FIELDS = {
    "control_rate": "rate", "treated_rate": "rate", "effect": "number", "n_control": "count", "n_treated": "count",
    "n_total": "count", "power": "rate", "level": "level",
}  # fmt: skip
_LARGEST = 1e12
_MOST_PERSONS = 1e11  # more than there are


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class PowerAnswer(TabularResult):
    """One planned test.

    Columns: question ("size", "power" or "effect"), control_rate, treated_rate, effect, n_control, n_treated (of each
    treated arm), n_total, power, level, side, method.

    Attributes:
        row: The values of the columns.
    """

    row: Mapping[str, Any]

    def _records(self) -> Records:
        kinds: Any = {"question": "text", **_FIELDS, "side": "text", "method": "text"}
        return Records.from_rows([Field(name, kind) for name, kind in kinds.items()], [self.row])

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        rate = "rate" if self.row["control_rate"] is not None else "mean"
        said = messages.text(f"CLI_POWER.{self.row['question']}_{rate}", self.row)
        shown = [name for name in _FIELDS if self.row[name] is not None and name != "level"]
        method = messages.text("CLI_POWER.method", self.row)
        return Display(said, (records_table(self._records(), shown), method))


def planned(options: Mapping[str, Any]) -> TabularResult:
    """The answer to what the options ask.

    Raises:
        InputError: For options that do not go together, or numbers that cannot be used.
    """
    if (options["rate"] is None) == (options["std"] is None):
        raise InputError("give --rate (a share of persons) or --std (a test of means), one of the two.")
    if options["lift"] is not None and options["effect"] is not None:
        raise InputError("--lift and --effect say the same thing in two ways. Give one.")
    if options["rate"] is not None and not 0 < options["rate"] < 1:
        raise InputError(f"--rate must lie between 0 and 1, got {options['rate']:g}. For 2 % write 0.02.")
    if options["persons"] is not None and not 0 < options["persons"] <= _MOST_PERSONS:
        raise InputError(f"--n must be a number of persons above 0, got {options['persons']:g}.")
    sizes = ("mean", "std", "effect", "lift", "value", "cost", "incentive", "allocation")
    for name in sizes:
        if options[name] is not None and not abs(options[name]) <= _LARGEST:
            raise InputError(f"--{name} must be a finite number of at most {_LARGEST:g}, got {options[name]:g}.")
    _must_be_rates(options)
    try:
        return _answered(options)
    except ArithmeticError as error:
        raise InputError("these numbers are too large or too small to compute with. Look at their units.") from error


def _answered(options: Mapping[str, Any]) -> TabularResult:
    if options["value"] is not None or options["cost"] is not None:
        return _to_pay(options)
    effect = _effect(options)
    if effect == 0 and options["persons"] is None:
        raise InputError("--lift and --effect must differ from 0: without an effect no number of persons finds one.")
    if effect is None and options["persons"] is None:
        raise InputError("what is expected? Give --lift or --effect; or --n, to learn which effect could be seen.")
    answer = _of_rates(options, effect) if options["rate"] is not None else _of_means(options, effect)
    return PowerAnswer(row=answer)


def _effect(options: Mapping[str, Any]) -> float | None:
    """The expected difference; None when it is the question."""
    if options["lift"] is None:
        return None if options["effect"] is None else float(options["effect"])
    base = options["rate"] if options["rate"] is not None else options["mean"]
    if base is None:
        raise InputError("--lift is relative to the control: give its --mean too, or the --effect itself.")
    return float(options["lift"] * base)


def _must_be_rates(options: Mapping[str, Any]) -> None:
    """Refuse an effect that leads out of the rates there are.

    Raises:
        InputError: Says which rate the options mean.
    """
    effect = None if options["rate"] is None else _effect(options)
    if effect is not None and not 0 < options["rate"] + effect < 1:
        said = "--lift is relative to --rate" if options["lift"] is not None else "--effect is added to --rate"
        raise InputError(
            f"the treated arm would have the rate {options['rate'] + effect:g}, which must lie between 0 and 1; {said}."
        )


def _shared(options: Mapping[str, Any]) -> dict[str, Any]:
    from experiments import PlanOptions

    design = PlanOptions(
        arms=options["arms"],
        looks=options["looks"],
        reach=options["reach"],
        icc=options["icc"],
        cluster_size=options["cluster_size"],
    )
    return {name: options[name] for name in ("level", "side", "allocation")} | {"options": design}


def _of_rates(options: Mapping[str, Any], effect: float | None) -> dict[str, Any]:
    import experiments as ex

    control, n, shared = options["rate"], options["persons"], _shared(options)
    if effect is None:
        found = ex.detectable_rates(control, n, power=options["power"], **shared)
        row = _row(options, "effect", effect=float(found) - control, power=options["power"], method=found.method)
    elif n is None:
        size = ex.sample_size_rates(control, control + effect, power=options["power"], **shared)
        row = _row(options, "size", effect=effect, size=size, power=options["power"], method=size.method)
    else:
        chance = ex.power_rates(control, control + effect, n, **shared)
        row = _row(options, "power", effect=effect, power=float(chance), method=chance.method)
    return row | {"control_rate": control, "treated_rate": control + row["effect"]}


def _of_means(options: Mapping[str, Any], effect: float | None) -> dict[str, Any]:
    import experiments as ex

    std, n, shared = options["std"], options["persons"], _shared(options)
    if effect is None:
        found = ex.detectable_means(std, n, power=options["power"], **shared)
        return _row(options, "effect", effect=float(found), power=options["power"], method=found.method)
    if n is None:
        size = ex.sample_size_means(effect, std, power=options["power"], **shared)
        return _row(options, "size", effect=effect, size=size, power=options["power"], method=size.method)
    chance = ex.power_means(effect, std, n, **shared)
    return _row(options, "power", effect=effect, power=float(chance), method=chance.method)


def _row(
    options: Mapping[str, Any], question: str, *, effect: float, power: float, method: str, size: Any = None
) -> dict[str, Any]:
    if size is not None and size.total > _MOST_PERSONS:
        raise InputError(f"the test would need {size.total:.3g} persons, more than there are. Look at the effect.")
    n = _whole(options["persons"])
    treated = None if n is None else _whole(n * options["allocation"])
    total = None if n is None or treated is None else n + options["arms"] * treated
    return {
        "question": question,
        "control_rate": None,
        "treated_rate": None,
        "effect": effect,
        "n_control": n if size is None else size.control,
        "n_treated": treated if size is None else size.treatment,
        "n_total": total if size is None else size.total,
        "power": power,
        "level": options["level"],
        "side": options["side"],
        "method": method,
    }


def _whole(number: float | None) -> float | int | None:
    return int(number) if number is not None and float(number).is_integer() else number


def _to_pay(options: Mapping[str, Any]) -> TabularResult:
    """The persons that a verdict needs, or the chances of each verdict with the persons there are."""
    import experiments as ex

    effect = _effect(options)
    if options["rate"] is None or options["value"] is None or options["cost"] is None or effect is None:
        raise InputError(
            "whether a campaign pays needs --rate, --value (what one woken customer is worth), --cost (per treated "
            "person) and --lift or --effect. For money per person use --std with an --effect net of cost."
        )
    shared = _shared(options)
    money = {name: options[name] for name in ("value", "cost", "incentive")}
    control, treated = options["rate"], options["rate"] + effect
    if options["persons"] is not None:
        return ex.power_to_pay(control, treated, options["persons"], power=options["power"], **money, **shared)
    size = ex.sample_size_to_pay(control, treated, power=options["power"], **money, **shared)
    row = _row(options, "pay", effect=effect, size=size, power=options["power"], method=size.method)
    return PowerAnswer(row=row | {"control_rate": control, "treated_rate": treated, **money})
