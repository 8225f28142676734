"""The degenerate truth table: every public name, every degenerate input, and what must happen.

The table is `degenerate/*.toml`; `degenerate_declared.py` and `degenerate_exact.py` say how to read it,
`degenerate_draft.py` prints the row of a new name as it is at present, to be judged.
"""

from __future__ import annotations

import math
from functools import cache

import pytest
from degenerate_calls import CALLS, REASONS
from degenerate_cases import CASES, renamed
from degenerate_declared import by_place, complaint, declared
from degenerate_exact import Exact, differing, exact, worked_out
from degenerate_outcomes import Observed, Row, cell, row_of
from degenerate_page import PAGE, page

import attribution
import experiments

PUBLIC = {
    f"{alias}.{name}"
    for alias, package in (("at", attribution), ("ex", experiments))
    for name in package.__all__
    if not name.startswith("_")
}
CELLS = [(name, case) for name, cases in declared().items() for case in cases]


@cache
def row(name: str) -> Row:
    return row_of(CALLS[name])


@cache
def cell_of(name: str, case: str) -> dict[str, Observed]:
    return cell(row(name), case)


def test_every_public_name_has_a_row_or_a_reason():
    rows = set(declared())
    assert sorted(PUBLIC - rows - set(REASONS)) == [], "give it a row, or a reason why no case applies"
    assert sorted(rows & set(REASONS)) == [], "has a row, so it needs no reason"
    assert sorted({name for name in REASONS if name not in PUBLIC}) == [], "is no public name"
    assert sorted(rows ^ set(CALLS)) == [], "rows and calls must be of the same names"
    assert all(reason.strip() for reason in REASONS.values())


def test_every_case_is_one_of_the_known_ones():
    assert {case for cases in declared().values() for case in cases} <= set(CASES)
    assert all(renamed("sms", case) != "sms" for case in ("chinese", "hostile"))


def test_the_page_is_written_from_the_table():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python tests/contracts/degenerate_page.py"


@pytest.mark.parametrize("name", declared())
def test_the_plain_call_is_sound_and_no_applicable_case_is_left_out(name):
    usual = row(name).usual
    assert usual.error == ""
    assert usual.faults == []
    left_out = [case for case in CASES if case not in declared()[name] and cell_of(name, case)]
    assert left_out == []


@pytest.mark.parametrize(("name", "case"), CELLS)
def test_what_happens_is_what_is_declared(name, case, request):
    found = cell_of(name, case)
    outcome = by_place(declared()[name][case], list(found))
    if any(text.startswith("defect:") for text in outcome.values()):
        request.applymarker(pytest.mark.xfail(strict=True, reason=str(outcome)))
    assert found, f"{case} says nothing about {name}; take the cell out"
    assert set(outcome) == set(found), "a cell has one outcome for each input that the case changes"
    complaints = {place: complaint(outcome[place], seen) for place, seen in found.items()}
    assert {place: said for place, said in complaints.items() if said} == {}


def _known(cell: Exact) -> str:
    return f"{cell.name}-{cell.case}-{cell.place}"


def test_many_cells_hold_exact_numbers_and_each_is_a_cell_of_the_table():
    cells = {(cell.name, cell.case) for cell in exact()}
    assert len(cells) >= 200
    assert cells <= set(CELLS)
    assert all(cell.values for cell in exact())
    assert len({_known(cell) for cell in exact()}) == len(exact())


@pytest.mark.parametrize("cell", exact(), ids=_known)
def test_the_declared_numbers_are_those_of_their_formula(cell):
    found = worked_out(cell.source)
    assert set(found) == set(cell.values)
    assert {
        key: (number, found[key])
        for key, number in cell.values.items()
        if not math.isclose(number, found[key], rel_tol=1e-12, abs_tol=1e-12)
    } == {}


@pytest.mark.parametrize("cell", exact(), ids=_known)
def test_a_result_holds_the_declared_numbers(cell):
    found = cell_of(cell.name, cell.case)
    places = list(found) if cell.place is None else [cell.place]
    assert set(places) <= set(found)
    assert {place: wrong for place in places if (wrong := differing(cell, found[place].rows))} == {}
