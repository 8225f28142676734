"""The architecture page: drawing and table are those of the source, and the floors are those of the design."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from house import DRAWING, PAGE, ROOT, STOREYS, drawing, floors, imports, needed, page, purpose

# The design's order from the ground up; rooms that this order leaves open may stand anywhere.
DESIGN = {
    "attribution": [
        ("core",),
        ("touches", "conversions", "costs", "identity"),
        ("rules",),
        ("journeys",),
        ("engines",),
        ("models",),
        ("credit",),
        ("compare",),
        ("plots",),
    ],
    "experiments": [
        ("metrics",),
        ("moments",),
        ("inference",),
        ("design",),
        ("readout",),
        ("roi",),
        ("wakeup", "uplift", "reconciliation", "simulation"),
        ("plan",),
        ("post_mortem",),
        ("cli", "pytest_plugin"),
    ],
}
# The design's words for rooms that are called otherwise here, and the one that became part of `credit`.
OTHER_NAMES = {"reconcile": "reconciliation", "simulate": "simulation", "postmortem": "post_mortem"}
INSIDE_OTHERS = {"uncertainty"}


def heights(package: str) -> dict[str, int]:
    levels = floors(package)
    return {room.split(".")[1]: len(levels) - at for at, rooms in enumerate(levels) for room in rooms}


@pytest.mark.parametrize("package", STOREYS)
def test_the_floors_stand_in_the_order_of_the_design(package: str):
    height = heights(package)
    order = [min(height[room] for room in rooms) for rooms in DESIGN[package]]
    tops = [max(height[room] for room in rooms) for rooms in DESIGN[package]]
    assert all(top < above for top, above in zip(tops, order[1:], strict=False)), (DESIGN[package], order)


@pytest.mark.parametrize("package", STOREYS)
def test_the_order_is_that_of_the_design_document(package: str, shared_data: Path):
    text = (shared_data.parent / "DESIGN.md").read_text(encoding="utf-8")
    line = re.search(rf"^- {package}[^:\n]*: (.*<.*)$", text, re.MULTILINE)[1].split("; `report`")[0]
    read = [
        tuple(OTHER_NAMES.get(name, name) for name in re.findall(r"\w+", step) if name not in INSIDE_OTHERS)
        for step in line.split("<")
    ]
    assert read == DESIGN[package]


def test_every_import_goes_down():
    height = {storey: heights(storey) for storey in STOREYS}
    for one, two in imports():
        (a, room), (b, other) = one.split("."), two.split(".")
        assert (a, b) != ("attribution", "experiments")
        assert a != b or height[a][room] >= height[b][other], (one, two)


def test_arrows_that_follow_from_others_are_left_out():
    assert needed({("a.1", "a.2"), ("a.2", "a.3"), ("a.1", "a.3")}) == [("a.1", "a.2"), ("a.2", "a.3")]


def test_the_drawing_and_the_table_are_those_of_the_source():
    remedy = "write them anew: PYTHONPATH=.:tests python tests/docs/house.py"
    assert DRAWING.read_text(encoding="utf-8") == drawing(), remedy
    assert PAGE.read_text(encoding="utf-8") == page(), remedy


def test_every_room_says_what_it_is_for():
    assert [room for package in STOREYS for rooms in floors(package) for room in rooms if not purpose(room)] == []


def test_every_precedent_exists():
    named = re.findall(r"`((?:attribution|experiments|tests|docs)/[\w/.]+)`", PAGE.read_text(encoding="utf-8"))
    assert len(named) > 30
    assert [path for path in named if not (ROOT / path).exists()] == []
