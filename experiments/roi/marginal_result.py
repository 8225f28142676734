"""Marginal costs as a result: rows by step and wave, and the wave after which to stop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.records import Field, Records, TabularResult
from experiments.readout.show import finding_lines
from experiments.roi.joined import joined
from experiments.roi.net_benefit import FEW_EVENTS

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from experiments.roi.contrasts import ContrastCosts
    from experiments.roi.undecided import IncrementalCost

__all__ = ["MarginalCosts", "MarginalRow"]

messages.register("experiments")

_PRICE = ("cost_per_incremental", "cost_per_incremental_low", "cost_per_incremental_high")
_WOKEN = ("incremental_per_1000", "incremental_low", "incremental_high")
_NET = ("net_benefit_per_1000", "net_benefit_low", "net_benefit_high")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MarginalRow:
    """One contrast, over the whole campaign, in one wave, or through a wave; amounts per person.

    Attributes:
        reading: "step", "total" or "arm" (the whole campaign), "wave" (that wave alone), "through" (all waves so far).
        wave: The wave; None for the whole.
        contrast: The contrast.
        persons: Persons of all arms.
        share: Their share in all persons.
        price: Cost per incremental wake-up, woken per person with its interval.
        net: Net benefit at the threshold; None without one.
        lasting: The same with the interval that may be read after every wave; None where there is none.
        few: Whether an arm has fewer than 20 woken.
        valid: Whether every check of the experiment holds.
    """

    reading: str
    wave: str | None
    contrast: ContrastCosts
    persons: int
    share: float
    price: IncrementalCost
    net: Estimate | None
    lasting: Estimate | None
    few: bool
    valid: bool = True

    @property
    def decision(self) -> str:
        """What a wave says: "stop" (its own net benefit is below 0), "pays" (above), "undecided"; empty elsewhere.

        "INVALID" where a check of the experiment fails.
        """
        if self.reading != "wave" or self.lasting is None:
            return ""
        if not self.valid:
            return "INVALID"
        if self.few or self.lasting.low is None or self.lasting.high is None:
            return "undecided"
        return "stop" if self.lasting.high < 0.0 else "pays" if self.lasting.low > 0.0 else "undecided"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class MarginalCosts(TabularResult):
    """Marginal cost of an incremental wake-up by step and by wave.

    Attributes:
        rows: The rows.
        findings: Trust checks; where one fails no row can be trusted, and nothing is said about stopping.
        level: Confidence level.
        threshold: What one woken customer may cost; None when not asked.
        waves: The waves in their order.
        recipe: How the figures were made.
    """

    rows: tuple[MarginalRow, ...]
    findings: tuple[Finding, ...]
    level: float
    threshold: float | None
    waves: tuple[str, ...]
    recipe: Recipe

    @property
    def invalid(self) -> tuple[str, ...]:
        """Codes of the checks that failed."""
        return tuple(dict.fromkeys(finding.code for finding in self.findings if finding.status == "fail"))

    def stop_after(self, *, arm: str, control: str | None = None) -> str | None:
        """The first wave after which to stop with an arm; None when no wave says so.

        Args:
            arm: The treated arm.
            control: What it is compared with; needed only when the arm stands in several contrasts.

        Raises:
            InputError: Without waves or threshold, for an unknown arm, or one in several contrasts.
        """
        if not self.waves or self.threshold is None:
            raise InputError("stopping needs wave= (the column of the wave) and threshold= (what one woken may cost).")
        if self.invalid:
            return None
        found = [row for row in self.rows if row.reading == "wave" and row.contrast.arm == arm]
        pairs = {row.contrast.control for row in found}
        if not found:
            raise InputError(f"there is no arm {arm!r}. {closest(arm, {row.contrast.arm for row in self.rows})}")
        if control is None and len(pairs) > 1:
            raise InputError(f"{arm!r} is compared with {sorted(pairs)!r}; say which with control=.")
        kept = [row for row in found if control in (None, row.contrast.control)]
        return next((row.wave for row in kept if row.decision == "stop"), None)

    def sentences(self, lang: str | None = None) -> tuple[str, ...]:
        """What the waves say about stopping, one sentence per contrast; empty without waves or threshold.

        Where a check of the experiment fails, one sentence says that nothing can be said.
        """
        if not self.waves or self.threshold is None:
            return ()
        if self.invalid:
            return (messages.text("MARGINAL.invalid", {"codes": ", ".join(self.invalid)}, lang=lang),)
        pairs = dict.fromkeys((row.contrast.arm, row.contrast.control) for row in self.rows)
        told = []
        for arm, control in pairs:
            wave = self.stop_after(arm=arm, control=control)
            values = {"arm": arm, "control": control, "wave": wave or "", "threshold": f"{self.threshold:.12g}"}
            values["last"] = self.waves[-1]
            code = "MARGINAL.stop" if wave is not None else "MARGINAL.go"
            told.append(messages.text(code, {**values, "level": self.level}, lang=lang))
        return tuple(told)

    def _records(self) -> Records:
        wave = (Field("wave", "text"),) if self.waves else ()
        net = (
            (Field("threshold", "money"), *(Field(name, "money") for name in _NET))
            if self.threshold is not None
            else ()
        )
        lasting = tuple(Field(name, "money") for name in ("lasting_low", "lasting_high")) if wave and net else ()
        fields = (
            Field("reading", "text"), *wave, Field("arm", "text"), Field("control", "text"), Field("persons", "count"),
            Field("share", "rate"), *(Field(name) for name in _WOKEN), Field("cost_per_1000", "money"),
            *(Field(name, "money") for name in _PRICE), Field("cost_kind", "text"), *net, *lasting,
            *((Field("decision", "text"),) if lasting else ()), Field("note", "text"),
        )  # fmt: skip
        return Records.from_rows(fields, [_record(row, self.threshold) for row in self.rows])

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        names = ["reading", *(["wave"] if self.waves else []), "arm", "control", "persons", _WOKEN[0], "cost_per_1000"]
        names += [_PRICE[0], *([] if self.threshold is None else _NET[:1])]
        decisive = "reading"
        if self.waves and self.threshold is not None:
            names, decisive = [*names, "lasting_low", "lasting_high", "decision"], "decision"
        table = records_table(joined(self._records()), (*names, "note"), decisive=decisive)
        notes = (*self.recipe.sentences(), *self.sentences(), *finding_lines(self.findings))
        return Display(messages.text("MARGINAL.title", {"level": self.level}), (table, *notes))


def _record(row: MarginalRow, threshold: float | None) -> dict[str, object]:
    undecided = row.price.undecided
    empty = undecided.kind == "complement" and math.isinf(undecided.low) and math.isinf(undecided.high)
    ends = (None, None) if empty else (undecided.low, undecided.high)
    woken = (row.contrast.difference("woken"), row.price.woken.low, row.price.woken.high)
    lasting = (None, None) if row.lasting is None else (row.lasting.low, row.lasting.high)
    net = (None, None, None) if row.net is None else (row.net.value, row.net.low, row.net.high)
    notes = [row.price.reason, FEW_EVENTS if row.few else ""]
    return {
        "reading": row.reading,
        "wave": row.wave,
        "arm": row.contrast.arm,
        "control": row.contrast.control,
        "persons": row.persons,
        "share": row.share,
        **_thousand(_WOKEN, woken),
        "cost_per_1000": 1000.0 * row.contrast.difference("cost"),
        **dict(zip(_PRICE, (row.price.value, *ends), strict=True)),
        "cost_kind": undecided.kind,
        "threshold": threshold,
        **_thousand(_NET, net),
        **_thousand(("lasting_low", "lasting_high"), lasting),
        "decision": row.decision,
        "note": "; ".join(filter(None, notes)),
    }


def _thousand(names: tuple[str, ...], amounts: tuple[float | None, ...]) -> dict[str, object]:
    return {name: None if amount is None else 1000.0 * amount for name, amount in zip(names, amounts, strict=True)}
