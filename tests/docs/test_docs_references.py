"""The page of reference values is the one that the files give."""

from __future__ import annotations

import json
import re

import pytest

from references.reference_page import FOLDER, GIVEN, PAGE, numbers, page, results, rows


def test_the_page_lists_every_file_of_reference_values():
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_file_names_a_source_with_a_date_or_an_edition_and_its_tolerance():
    for name, count, tolerance, source in rows():
        assert count > 0 or "digests" in name or "transforms" in name, name
        assert re.search(r"(19|20)\d\d", source), name
        assert "None" not in tolerance, name


def test_experiments_are_held_against_more_than_three_hundred_outside_numbers():
    areas = ("adjustment", "clusters", "compliance", "dunnett", "equivalence", "power", "rates", "means", "sequential")
    per_area = {area: sum(row[1] for row in rows() if row[0].startswith(area)) for area in areas}
    assert min(per_area.values()) >= 40
    assert sum(per_area.values()) >= 300


def test_what_a_case_is_called_with_is_no_result():
    held = {"expected": [{"p": [0.01, 0.04], "method": "holm", "adjusted": [0.02, 0.04]}]}
    assert results("multiplicity/r_p_adjust.json", held) == 2
    assert results("somewhere/else.json", held) == 4


@pytest.mark.parametrize("name", GIVEN)
def test_given_keys_stand_in_their_file_and_leave_results(name):
    content = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    assert [key for key in GIVEN[name] if f'"{key}":' not in json.dumps(content)] == []
    assert 0 < results(name, content) < numbers({key: content[key] for key in content if key != "inputs"})


@pytest.mark.parametrize("key", ["level", "table", "tables", "fractions", "margin", "loadings", "counts", "inputs"])
def test_keys_that_are_always_given_are_never_counted(key):
    loose = []
    for path in sorted(FOLDER.rglob("*.json")):
        name = path.relative_to(FOLDER).as_posix()
        held = json.loads(path.read_text(encoding="utf-8")).get("expected", {})
        if f'"{key}":' in json.dumps(held) and key not in GIVEN.get(name, ()):
            loose.append(name)
    assert loose == []
