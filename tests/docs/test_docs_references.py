"""The page of reference values is the one that the files give."""

from __future__ import annotations

import re

from references.reference_page import PAGE, page, rows


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
