"""Gates: declared questions to single rows of a series of thresholds, each one- or two-sided at its own level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attribution.core import messages
from attribution.core.errors import InputError, closest
from attribution.core.estimates import Side, check_level, check_side
from attribution.core.records import Field, Records, TabularResult
from experiments.inference.counts import one_number
from experiments.readout.show import finding_lines
from experiments.roi.contrast_figures import net_of
from experiments.roi.joined import joined
from experiments.roi.verdicts import Verdict, decide

if TYPE_CHECKING:
    from attribution.core.findings import Finding
    from attribution.core.recipe import Recipe
    from attribution.core.render.display import Display
    from experiments.roi.result import CostThresholds, Judged

__all__ = ["GateTable", "ThresholdGate", "check_gates"]

messages.register("experiments")

Expected = Literal["PASS", "FAIL"]
_NET = ("net_benefit_per_1000", "net_benefit_low", "net_benefit_high")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdGate:
    """A question to one row: must it pass (or fail), and is it asked on one side or on two?

    Attributes:
        arm: The treated arm.
        threshold: One of the thresholds of the series, or any other amount.
        control: What it is compared with; None where the arm stands in one contrast.
        segment: The segment; None for everybody.
        side: "two" (each direction at half of 1 - level), "greater" (only: does it pay?, at 1 - level) or "less".
        level: Level; None takes the series'.
        expect: The word that opens the gate.

    Raises:
        InputError: For a side, level or word that cannot be, or a one-sided gate that can never give its word.
    """

    arm: str
    threshold: float
    control: str | None = None
    segment: str | None = None
    side: Side = "two"
    level: float | None = None
    expect: Expected = "PASS"

    def __post_init__(self) -> None:
        check_side(self.side)
        one_number("threshold", self.threshold, positive=True)
        if self.level is not None:
            check_level(self.level)
        if self.expect not in ("PASS", "FAIL"):
            raise InputError(f'expect must be "PASS" or "FAIL", got {self.expect!r}.')
        if (self.side, self.expect) in (("greater", "FAIL"), ("less", "PASS")):
            raise InputError(f"a gate with side={self.side!r} can never say {self.expect}. Turn the side or the word.")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OpenedGate:
    """A gate with what the data say."""

    gate: ThresholdGate
    row: Judged
    level: float
    verdict: Verdict

    @property
    def state(self) -> str:
        """The state: "open" (the expected word), "shut" (the other word, INVALID) or "undecided"."""
        if self.verdict.word == self.gate.expect:
            return "open"
        return "undecided" if self.verdict.word == "INCONCLUSIVE" else "shut"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class GateTable(TabularResult):
    """Gates and whether they are open.

    Each gate keeps its own level. Where all gates must be open to go on, no correction is needed: more gates can only
    make it rarer. Where any one would do, share the error over them by their levels.

    Attributes:
        gates: The gates with their verdicts.
        findings: The findings of the series.
        recipe: The recipe of the series.
    """

    gates: tuple[OpenedGate, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    @property
    def all_open(self) -> bool:
        """Whether every gate is open."""
        return all(gate.state == "open" for gate in self.gates)

    def _records(self) -> Records:
        segment = (Field("segment", "text"),) if any(gate.gate.segment is not None for gate in self.gates) else ()
        fields = (
            Field("arm", "text"), Field("control", "text"), *segment, Field("threshold", "money"),
            Field("side", "text"), Field("level", "level"), *(Field(name, "money") for name in _NET),
            Field("verdict", "text"),
            Field("reason", "text"), Field("word_expected", "text"), Field("state", "text"),
        )  # fmt: skip
        rows = []
        for opened in self.gates:
            net, gate = opened.verdict.net_benefit, opened.gate
            ends = (net.value, net.low, net.high)
            rows.append(
                {
                    "arm": gate.arm, "control": opened.row.contrast.control, "segment": gate.segment,
                    "threshold": float(gate.threshold), "side": gate.side, "level": opened.level,
                    **{name: None if end is None else 1000.0 * end for name, end in zip(_NET, ends, strict=True)},
                    "verdict": opened.verdict.word, "reason": opened.verdict.reason, "word_expected": gate.expect,
                    "state": opened.state,
                }
            )  # fmt: skip
        return Records.from_rows(fields, rows)

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        names = [field.name for field in self._records().fields if field.name not in _NET[1:]]
        names = ["gate_level" if name == "level" else name for name in names]
        table = records_table(joined(self._records(), {"level": "gate_level"}), names, decisive="state")
        return Display(
            messages.text("GATES.title"), (table, messages.text("GATES.note"), *finding_lines(self.findings))
        )


def check_gates(pays: CostThresholds, gates: Sequence[ThresholdGate]) -> GateTable:
    """Ask declared questions of a series of thresholds: one row each, on one side or on two, at its own level.

    A one-sided gate puts all of its error on the side that it asks about: at 0.95 the bound is the 5 % point, not the
    2.5 % point. Failed checks, few events and guardrails override its interval as they do the series'.

    Args:
        pays: The series.
        gates: The gates, declared before the data were seen.

    Returns:
        One row per gate.

    Raises:
        InputError: For anything that is no list of gates, or a gate on a contrast or segment that is not there.

    Assumptions:
        As `cost_thresholds`. The side is declared before the data are seen.

    References:
        Berger (1982), Technometrics 24:295 (all must hold: no correction).

    Verified against: `cost_thresholds` with the same side and level.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=8_000, seed=7)
        >>> pays = ex.cost_thresholds(c.outcomes, thresholds=[85], order=c.order)
        >>> gates = ex.check_gates(pays, [ex.ThresholdGate(arm="full", threshold=85, side="less", expect="FAIL")])
        >>> gates.to_dicts()[0]["state"], gates.all_open
        ('open', True)
    """
    if not isinstance(gates, Sequence) or not gates or not all(isinstance(gate, ThresholdGate) for gate in gates):
        raise InputError("gates must be a list of at least one ThresholdGate(arm=..., threshold=...).")
    return GateTable(gates=tuple(_opened(pays, gate) for gate in gates), findings=pays.findings, recipe=pays.recipe)


def _opened(pays: CostThresholds, gate: ThresholdGate) -> OpenedGate:
    row = _row(pays, gate)
    level = pays.level if gate.level is None else gate.level
    net = net_of(row.contrast, float(gate.threshold), level=level, side=gate.side, variance=pays.variance)
    failed = tuple(dict.fromkeys(finding.code for finding in pays.findings if finding.status == "fail"))
    return OpenedGate(gate=gate, row=row, level=level, verdict=decide(net, invalid=failed, guardrails=row.guardrails))


def _row(pays: CostThresholds, gate: ThresholdGate) -> Judged:
    """Any row of the gate's contrast; its threshold may be another one."""
    found = {
        row.contrast.control: row
        for row in pays.judged
        if (row.contrast.arm, row.contrast.segment) == (str(gate.arm), gate.segment)
        and gate.control in (None, row.contrast.control)
    }
    if len(found) == 1:
        return next(iter(found.values()))
    known = {f"{row.contrast.arm} ({row.contrast.segment})" for row in pays.judged}
    raise InputError(
        f"the gate on {gate.arm!r} against {gate.control!r} in segment {gate.segment!r} names {len(found)} contrasts "
        f"of the series; it must name one. {closest(f'{gate.arm} ({gate.segment})', known)}"
    )
