"""The dormancy curve as a result: its rows, and the cut that a tolerated share of returns puts on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.errors import InputError
from attribution.core.randomness import check_repeats
from attribution.core.recipe import Recipe
from attribution.core.records import Field, Records, TabularResult
from attribution.core.whole import check_whole
from experiments.wakeup.dormancy_cut import cut_of

if TYPE_CHECKING:
    from attribution.core.estimates import Estimate
    from attribution.core.findings import Finding
    from attribution.core.render.display import Display
    from attribution.plots.plot import Plot
    from experiments.wakeup.dormancy_cells import Cells

__all__ = ["DormancyCurve", "DormancyCut", "DormancyRow"]

messages.register("experiments")

_FIELDS = (
    Field("silent_days"), Field("at_risk", "count"), Field("returned", "count"), Field("rate", "rate"),
    Field("low", "rate"), Field("high", "rate"), Field("km_rate", "rate"), Field("km_low", "rate"),
    Field("km_high", "rate"), Field("note", "text"),
)  # fmt: skip
_WEIGHTED = (Field("weighted_at_risk"), Field("weighted_returned"))
_CUT = (
    Field("eps", "rate"), Field("state", "text"), Field("silent_days"), Field("low"), Field("high"),
    Field("not_reached", "rate"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DormancyRow:
    """One point of the curve.

    Attributes:
        silent_days: Days of silence d.
        at_risk: Spells longer than d whose horizon after d is over.
        returned: Those whose next act falls inside the horizon.
        weighted_at_risk: The same spells, those of control persons as many times as they stand for treated ones.
        weighted_returned: Those of them that returned, likewise.
        rate: weighted_returned / weighted_at_risk: where nobody stands for others, returned / at_risk.
        second: The same by Kaplan-Meier, from all spells, running ones included.
    """

    silent_days: float
    at_risk: int
    returned: int
    weighted_at_risk: float
    weighted_returned: float
    rate: Estimate
    second: Estimate


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class DormancyCut(TabularResult):
    """From how many days of silence on hardly anybody comes back.

    Columns: eps, state ("reached" or "not_reached"), silent_days, low, high (``inf``: not reached inside the grid),
    not_reached (share of the redrawn logs in which it was not), note.

    Attributes:
        eps: The share of returns that is tolerated.
        days: The cut in days with its interval; its value is None when it was not reached.
        not_reached: Share of the redrawn logs without a cut.
        recipe: How it was made.

    Example:
        >>> import experiments as ex
        >>> log = ex.simulate_acts(persons=500, seed=7)
        >>> cut = ex.dormancy_curve(log.events, horizon="30d", as_of=log.as_of).cut(0.1)
        >>> cut.to_dicts()[0]["state"]
        'reached'
    """

    eps: float
    days: Estimate
    not_reached: float
    recipe: Recipe

    @property
    def state(self) -> str:
        """Whether there is a cut: "reached" or "not_reached"."""
        return "not_reached" if self.days.value is None else "reached"

    def sentence(self) -> str:
        """The cut and its interval in a sentence of the current language."""
        values = {
            "eps": self.eps, "days": self.days.value, "low": self.days.low, "high": self.days.high,
            "level": self.days.level, "last": self.recipe.settings["last"],
        }  # fmt: skip
        if self.days.value is None:
            told = "nowhere" if self.days.low == math.inf else "not_reached"
        else:
            told = "open" if self.days.high == math.inf else "reached"
        return messages.text(f"DORMANCY.cut_{told}", values)

    def _records(self) -> Records:
        return Records.from_rows(_CUT, [{
            "eps": self.eps, "state": self.state, "silent_days": self.days.value, "low": self.days.low,
            "high": self.days.high, "not_reached": self.not_reached, "note": self.days.note,
        }])  # fmt: skip

    def _display(self) -> Display:
        from attribution.core.render.display import Display

        notes = tuple(messages.text(code) for code in self.days.note.split("; ") if code)
        return Display(self.sentence(), (*notes, *self.recipe.sentences()))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class DormancyCurve(TabularResult):
    """How many of those silent for d days come back within the horizon, by d.

    Columns: silent_days, at_risk, returned, rate, low, high, km_rate, km_low, km_high (the second reading, by
    Kaplan-Meier), note; where control persons stand for treated ones also weighted_at_risk, weighted_returned, whose
    ratio the rate then is.

    Attributes:
        rows: The points of the curve.
        cells: The spells behind it, for the cut.
        findings: What was left out, what cannot be observed yet, and whether the two readings agree.
        recipe: How it was made.
    """

    rows: tuple[DormancyRow, ...]
    cells: Cells
    findings: tuple[Finding, ...]
    recipe: Recipe

    @property
    def weighted(self) -> bool:
        """Whether control persons stand for treated ones somewhere on the curve."""
        return any("RATE_WEIGHTED" in row.rate.note for row in self.rows)

    def cut(
        self, eps: float, min_spells: int = 200, *, level: float | None = None, replicates: int = 1000, seed: int = 0
    ) -> DormancyCut:
        """The shortest silence after which at most a share of `eps` comes back, at it and everywhere later.

        Only points with at least `min_spells` spells at risk are judged; spells are counted here, never their weights.
        The interval draws persons with replacement and takes the whole rule again, and holds the cut itself; an end
        of ``inf`` says that too many of the redrawn logs had no such point.

        Args:
            eps: The tolerated share of returns within the horizon, above 0 and below 1.
            min_spells: Spells at risk that a point needs; 200 is a judgement.
            level: Confidence level; that of the curve when None.
            replicates: Redrawn logs.
            seed: Seed of the draws.

        Raises:
            InputError: For a share outside (0, 1), fewer than 1 spell or 100 replicates.
        """
        if isinstance(eps, bool) or not isinstance(eps, (int, float)) or not 0.0 < eps < 1.0:
            raise InputError(f"eps must lie strictly between 0 and 1 (0.05 for 5 % of returns), got {eps!r}.")
        min_spells = check_whole("min_spells", min_spells, least=1)
        replicates = check_repeats("replicates", replicates, least=100)
        used: Any = self.recipe.settings["level"] if level is None else level
        days, share = cut_of(
            self.cells, [row.silent_days for row in self.rows], eps, min_spells=min_spells, level=used,
            draws=(replicates, seed),
        )  # fmt: skip
        settings = {
            **self.recipe.settings, "eps": eps, "min_spells": min_spells, "replicates": replicates, "seed": seed,
            "level": days.level,
        }  # fmt: skip
        return DormancyCut(
            eps=float(eps), days=days, not_reached=share,
            recipe=Recipe(
                method="dormancy_cut", definitions=("DORMANCY_CUT",), settings=settings, n=self.recipe.n,
                fingerprint=self.recipe.fingerprint,
            ),
        )  # fmt: skip

    def plot(self, cut: DormancyCut | None = None) -> Plot:
        """The curve as a picture, with a cut when one is given."""
        from experiments.plots.dormancy import plot_dormancy

        return plot_dormancy(self, cut)

    def _records(self) -> Records:
        fields = _FIELDS + _WEIGHTED if self.weighted else _FIELDS
        return Records.from_rows(fields, [_row(row) for row in self.rows])

    def _display(self) -> Display:
        from attribution.core.render.display import Cell, Display, DisplayColumn, DisplayTable, column_label

        names = {"silent_days": "number", "at_risk": "count", "returned": "count"}
        names |= {"weighted_at_risk": "number", "weighted_returned": "number"} if self.weighted else {}
        names |= {"rate": "rate", "km_rate": "rate"}
        columns = tuple(DisplayColumn(column_label(name), kind) for name, kind in names.items())  # type: ignore[arg-type]
        rows = tuple(
            (
                row.silent_days, row.at_risk, row.returned,
                *((row.weighted_at_risk, row.weighted_returned) if self.weighted else ()),
                Cell(row.rate.value, row.rate.low, row.rate.high),
                Cell(row.second.value, row.second.low, row.second.high),
            )
            for row in self.rows
        )  # fmt: skip
        title = messages.text("DORMANCY.title", dict(self.recipe.settings))
        told = tuple(finding.text() for finding in self.findings)
        told = (messages.text("RATE_WEIGHTED"), *told) if self.weighted else told
        return Display(title, (DisplayTable(columns, rows), *self.recipe.sentences(), *told))


def _row(row: DormancyRow) -> dict[str, object]:
    notes = dict.fromkeys(filter(None, (row.rate.note, row.second.note)))
    return {
        "silent_days": row.silent_days, "at_risk": row.at_risk, "returned": row.returned, "rate": row.rate.value,
        "weighted_at_risk": row.weighted_at_risk, "weighted_returned": row.weighted_returned,
        "low": row.rate.low, "high": row.rate.high, "km_rate": row.second.value, "km_low": row.second.low,
        "km_high": row.second.high, "note": "; ".join(notes),
    }  # fmt: skip
