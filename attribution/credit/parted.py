"""Credit of touches in files: in one piece where what conversions can use fits the budget, else by ranges of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from attribution.core.errors import InputError
from attribution.core.tables import Problems
from attribution.credit.credit import Credit
from attribution.credit.keys import CHANNEL, Cells, make_cells
from attribution.credit.readings import null_numbers
from attribution.credit.sums import CellSums, sum_cells
from attribution.engines.file_source import Scope, TooLargeError
from attribution.engines.files_behind import FilesBehind, source_journeys
from attribution.journeys.behind import behind
from attribution.journeys.path_counts import merge_counts
from attribution.journeys.plan import Journeys
from attribution.models.fitted import fit_model
from attribution.models.protocol import PathModel, TouchModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from attribution.credit.keys import Key
    from attribution.engines.file_source import FileSource
    from attribution.engines.key_ranges import KeyRange
    from attribution.journeys.eligibility import Served
    from attribution.journeys.path_counts import PathCounts
    from attribution.models.protocol import Model
    from attribution.rules import Rules

__all__ = ["PartedJourneys", "attribute_files", "with_person"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class PartedJourneys(Journeys):
    """Journeys whose touches do not fit the budget together: only sums over ranges of persons are at hand.

    Attributes:
        source: The files.
        ranges: The ranges of persons.
        whole: Whether the models asked for all touches of a range, not only for those that conversions can use.
    """

    source: FileSource
    ranges: Sequence[KeyRange]
    whole: bool

    @property
    def served(self) -> Served:
        """Never: the touches do not fit the budget together."""
        self._refuse()

    def pairs(self, *args: object, **kwargs: object) -> NoReturn:
        """Never: the touches do not fit the budget together."""
        del args, kwargs
        self._refuse()

    @property
    def null_numbers(self) -> tuple[int, int, int] | None:
        """Null journeys, those still open, and touches after the conversion that counts; None where none was asked."""
        found: tuple[int, int, int] | None = self._cache.get("null numbers")
        return found

    def path_counts(self) -> PathCounts:
        """The distinct paths of all ranges."""
        found: PathCounts | None = self._cache.get("path counts")
        if found is None:
            self._refuse()
        return found

    def ranges_of_persons(self, models: tuple[TouchModel, ...], keys: tuple[Key, ...]) -> tuple[Cells, CellSums]:
        """Credit by keys, added up over the ranges of persons."""
        return _added(self, models, keys)

    def remember(self, paths: PathCounts, numbers: list[int]) -> None:
        """Keep what the ranges have told."""
        self._cache.update({"path counts": paths, "null numbers": tuple(numbers)})

    def part(self, part: KeyRange) -> Journeys:
        """The journeys of one range of persons."""
        return source_journeys(self.source, self.rules, Scope(whole=self.whole, part=part))

    def _refuse(self) -> NoReturn:
        raise InputError(
            f"the touches do not fit the budget together, so the credit was added up over {len(self.ranges)} ranges of "
            "persons; what needs all journeys at once (intervals, ranks, single touches, credit over time) is not at "
            "hand. Give more memory=, or take fewer persons; table(), by() and explain() work."
        )


def attribute_files(source: FileSource, rules: Rules, models: tuple[Model, ...]) -> Credit:
    """Credit of touches in files by channel.

    Args:
        source: The files with the tables that they are joined to.
        rules: Which touches are eligible.
        models: The models.
    """
    whole = any(model.needs == "paths" for model in models)
    try:
        journeys = source_journeys(source, rules, Scope(whole=whole))
    except TooLargeError as error:
        parted = _parted(source, rules, error.parts, whole=whole)
        ready = _fitted(parted, models)
        cells, sums = _added(parted, ready, (CHANNEL,))
        return Credit(journeys=parted, models=ready, cells=cells, sums=sums)
    ready = _ready(models, lambda model: fit_model(model, journeys.path_counts()))
    cells = make_cells(journeys, (CHANNEL,))
    return Credit(journeys=journeys, models=ready, cells=cells, sums=sum_cells(journeys, ready, cells))


def with_person(credit: Credit, conversion_id: object) -> Credit:
    """The credit with all touches of the person of a conversion at hand, also those that were left in files."""
    files, conversions = behind(credit.journeys), credit.journeys.conversions
    if files is None:
        return credit
    rows = [row for row, known in enumerate(conversions.conversion.to_pylist()) if known == conversion_id]
    if not rows:
        return credit  # whoever looks for it says that it is unknown
    return replace(credit, journeys=files.of_person(conversions.person[rows[0]].as_py()))


def _parted(source: FileSource, rules: Rules, parts: int, *, whole: bool) -> PartedJourneys:
    """The journeys without touches, for what asks for conversions, counts and definitions only."""
    layout = source.layout(rules, Scope(nothing=True), Problems())
    layout.touches.table.behind = FilesBehind(source, rules)  # type: ignore[attr-defined]  # a FileTable
    ranges = source.ranges(parts)

    def plan(other: Rules) -> NoReturn:
        raise InputError(
            f"the touches do not fit the budget under {rules.text()}; ask at.attribute for {other.text()}."
        )

    return PartedJourneys(rules=rules, _plan=plan, _cache={"layout": layout}, source=source, ranges=ranges, whole=whole)


def _ready(models: tuple[Model, ...], fit: Callable[[PathModel], TouchModel]) -> tuple[TouchModel, ...]:
    ready: list[TouchModel] = []
    for model in models:
        # A model may have both methods (Shapley, custom models): what it needs decides.
        if model.needs == "paths" and isinstance(model, PathModel):
            ready.append(fit(model))
        elif isinstance(model, TouchModel):
            ready.append(model)
    return tuple(ready)


def _fitted(journeys: PartedJourneys, models: tuple[Model, ...]) -> tuple[TouchModel, ...]:
    """The models ready for single journeys; those of paths fitted to the paths of all ranges together."""
    if not journeys.whole:
        return _ready(models, lambda model: model)  # type: ignore[arg-type,return-value]  # never asked for
    numbers, counts = np.zeros(3, np.int64), []
    for part in journeys.ranges:
        of_part = journeys.part(part)
        counts.append(of_part.path_counts())
        numbers += null_numbers(of_part)
    paths = merge_counts(counts)
    journeys.remember(paths, numbers.tolist())
    return _ready(models, lambda model: fit_model(model, paths))


def _added(journeys: PartedJourneys, models: tuple[TouchModel, ...], keys: tuple[Key, ...]) -> tuple[Cells, CellSums]:
    """Credit by keys, range of persons after range of persons."""
    parts = [_part_sums(journeys.part(part), models, keys) for part in journeys.ranges]
    cells = _together([cells for cells, _ in parts])
    shape = (len(models), len(cells))
    totals = {name: np.zeros(shape) for name in ("conversions", "value", "inside_conversions", "inside_value")}
    for own, sums in parts:
        place = _places(own, cells)
        for name, total in totals.items():
            total[:, place] += getattr(sums, name)
    added = CellSums(
        **totals,
        touched=sum(sums.touched for _, sums in parts),
        touched_value=float(sum(sums.touched_value for _, sums in parts)),
    )
    return cells, added


def _part_sums(journeys: Journeys, models: tuple[TouchModel, ...], keys: tuple[Key, ...]) -> tuple[Cells, CellSums]:
    cells = make_cells(journeys, keys)
    return cells, sum_cells(journeys, models, cells)


def _marks(cells: Cells) -> list[tuple[int, ...]]:
    """What each cell stands for: 0 where touches can credit it, else 1, and the codes of its keys."""
    return [(int(place >= cells.credited), *code) for place, code in enumerate(cells.codes.tolist())]


def _together(parts: list[Cells]) -> Cells:
    """The cells of all parts, those that touches can credit first; the names are those of the whole columns."""
    met = sorted({mark for cells in parts for mark in _marks(cells)})
    return replace(
        parts[0],
        codes=np.array([mark[1:] for mark in met], np.int64).reshape(len(met), len(parts[0].keys)),
        credited=sum(not mark[0] for mark in met),
        _touch=None,
        _conversion=None,
        _observed=None,
        _untouched=None,
    )


def _places(own: Cells, cells: Cells) -> NDArray[np.int64]:
    """The place of each cell of a part among all cells."""
    known = {mark: place for place, mark in enumerate(_marks(cells))}
    return np.array([known[mark] for mark in _marks(own)], np.int64)
