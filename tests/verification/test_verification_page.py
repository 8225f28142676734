"""The verification page is what the files give, and nothing public is without evidence or named wrongly."""

from __future__ import annotations

import re

import pytest
from scipy.stats import binom

import attribution as at
import experiments as ex
from references.reference_page import PAGE as VALUES_PAGE
from references.reference_page import page as values_page
from verification.evidence import (
    DATE,
    DOCS,
    REFERENCES,
    TESTS,
    _tables,
    campaign_tables,
    coverage,
    date_of,
    designs,
    differences,
    files_of,
    reference_files,
    source_text,
    sources,
    values,
)
from verification.verification_page import PAGE, page, shipped, without_evidence

METHODS, WITHOUT = coverage()
PUBLIC = {f"at.{name}" for name in at.__all__ if name != "__version__"} | {f"ex.{name}" for name in ex.__all__}
PUBLIC -= {"ex.__version__"}


@pytest.mark.parametrize("kind", ["verification", "reference values"])
def test_the_page_is_the_one_that_the_files_give(request, kind):
    place, made = (PAGE, page()) if kind == "verification" else (VALUES_PAGE, values_page())
    if request.config.getoption("--update-golden"):
        place.write_text(made, encoding="utf-8")
    assert place.read_text(encoding="utf-8") == made, "write it anew with --update-golden"


def test_every_public_name_has_its_evidence_or_a_reason_to_have_none():
    with_number = {name for method in METHODS for name in method["names"]}
    without = {name for group in WITHOUT for name in group["names"]}
    assert sorted(PUBLIC - with_number - without) == [], "add it to tests/verification/coverage.toml"
    assert sorted((with_number | without) - PUBLIC) == []
    assert sorted(with_number & without) == []
    assert without_evidence() == []


def test_what_is_named_as_evidence_exists():
    for entry in (*METHODS, *WITHOUT):
        for name in entry.get("references", ()):
            assert (REFERENCES / name).exists(), name
        for name in entry.get("oracles", ()):
            assert (TESTS / "oracles" / f"{name}.py").is_file(), name
        for name in entry.get("tests", ()):
            assert (TESTS / name).exists(), name
        for name in (*([entry["page"]] if "page" in entry else []), *entry.get("also", ())):
            assert (DOCS / "methods" / name).is_file(), name
    areas = {row["area"] for row in designs()} | {entry["area"] for entry in campaign_tables()}
    assert {area for method in METHODS for area in method.get("simulated", ())} == areas


def test_no_reference_file_oracle_or_methods_page_is_named_by_nothing():
    named = {name for method in METHODS for name in files_of(method.get("references", ()))}
    assert sorted(set(reference_files()) - named) == []
    oracles = {name for method in METHODS for name in method.get("oracles", ())}
    assert sorted({path.stem for path in (TESTS / "oracles").glob("*.py")} - oracles) == []
    pages = {name for entry in (*METHODS, *WITHOUT) for name in (entry.get("page"), *entry.get("also", ())) if name}
    assert sorted({path.name for path in (DOCS / "methods").glob("*.md")} - pages - {"index.md"}) == []


def test_an_oracle_is_used_by_a_test_and_imports_nothing_of_ours():
    used = " ".join(
        path.read_text(encoding="utf-8") for path in TESTS.rglob("*.py") if "verification" not in path.parts
    )
    for path in (TESTS / "oracles").glob("*.py"):
        assert re.search(rf"oracles(\.| import .*\b){path.stem}\b", used), path.stem
        ours = re.search(r"^\s*(?:from|import) (?:attribution|experiments)\b", path.read_text("utf-8"), re.MULTILINE)
        assert not ours, path


def test_a_test_module_of_a_method_speaks_of_it():
    """A module that is named as evidence of special cases holds one of the names, or a module that defines it."""
    for method in METHODS:
        words = {name.split(".")[1].lower() for name in method["names"]} | set(method.get("words", ()))
        for name in method.get("tests", ()):
            path = TESTS / name
            text = path.read_text(encoding="utf-8").lower()
            assert any(word in text for word in words), (method["name"], name)


def test_every_reference_file_names_a_known_source_and_a_date():
    known = {name for source in sources() for name in source["files"]}
    assert sorted(set(reference_files()) - known) == [], "add the source to tests/verification/sources.toml"
    assert [source["name"] for source in sources() if not source["files"]] == []
    assert [name for name in reference_files() if not date_of(name)] == []
    exact = [name for name in reference_files() if DATE.search(source_text(name))]
    assert len(exact) >= len(reference_files()) - 1  # one help page, read in November 2026, could not be found again


def test_packages_have_a_version():
    unversioned = {source["name"] for source in sources() if source["kind"] == "package" and not source["versions"]}
    assert unversioned <= {"contingencytables"}  # its printed examples are those of a chapter, not of a version


def test_the_aims_are_reached():
    theirs = {name for source in sources() if source["kind"] != "own" for name in source["files"]}
    assert sum(map(values, theirs)) >= 500
    assert len(sources()) >= 50
    assert len(designs()) >= 300
    assert shipped()[1] >= 300


def test_every_design_outside_its_band_says_why():
    assert [row for row in designs() if row["outside"] and len(row["why"]) < 20] == []


def test_bands_of_the_coverage_table_are_the_exact_ones():
    """Each label of the 96 rows recomputed: exact binomial, 1 % over all cells of the table."""
    (rows,) = [rows for rows in _tables("simulated-coverage.md") if rows and "outside the band" in rows[0]]
    n, cells = 4_000, 3 * len(rows)
    alpha = 0.01 / cells / 2
    for row in rows:
        found = []
        for name, column, share in (
            ("above", "above the truth", 0.025), ("below", "below the truth", 0.025), ("coverage", "coverage", 0.95),
        ):  # fmt: skip
            count = round(float(row[column].rstrip("%")) / 100 * n)
            if not binom.ppf(alpha, n, share) <= count <= binom.isf(alpha, n, share):
                found.append(name)
        assert (", ".join(found) or "-") == row["outside the band"], row


def test_a_difference_says_what_why_and_where():
    for entry in differences():
        assert (DOCS / entry["page"]).is_file(), entry
        assert len(entry["why"]) > 20, entry
        assert entry["theirs"] != entry["ours"], entry
        assert entry["version"], entry
        if entry.get("held"):
            assert (TESTS / entry["held"]).is_file(), entry
    assert len(differences()) >= 30
    assert sum("held" in entry for entry in differences()) >= 15
