"""Every public name has an entry on the site, a page in prose, and an example."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest
import site_pages  # noqa: F401 -- puts the site's modules on the path
from site_api import PACKAGES, by_name, entries, groups, is_alias, makers, pages, prose_pages

DOCS = Path(__file__).resolve().parents[2] / "docs"
PUBLIC = [
    f"{alias}.{name}"
    for alias, package in PACKAGES.items()
    for name in importlib.import_module(package).__all__
    if name != "__version__"
]
WRITE = "give it a row in docs/reference/contract.md (`| `{name}` | what it is for |`) and in docs/reference/pages.toml"
# What the borrowed example shows as a part of what it returns: an estimate of a comparison, a verdict of a threshold.
INSIDE = {
    ("at.Estimate", "ex.compare_rates"),
    ("at.RULE_MODELS", "at.attribute"),
    ("ex.Aggregates", "ex.merge_aggregates"),
    ("ex.Readout", "ex.reconcile"),
    ("ex.Verdict", "ex.cost_thresholds"),
}


def named(name: str) -> object:
    """What a dotted name such as `ex.Experiment.by_segment` stands for."""
    alias, *path = name.split(".")
    value: object = importlib.import_module(PACKAGES[alias])
    for part in path:
        value = getattr(value, part)
    return value


def has_example(name: str) -> bool:
    return ">>>" in (inspect.getdoc(named(name)) or "")


def missing(listed: object, what: str) -> list[str]:
    """What stands in `__all__` and not in a list, or the other way round, each with the file to edit."""
    public, names = set(PUBLIC), set(listed)
    made = [f"{name} has no {what}: {WRITE.replace('{name}', name)}" for name in sorted(public - names)]
    return [*made, *(f"{name} is no public name any more: take its {what} out" for name in sorted(names - public))]


def test_every_public_name_has_one_entry_on_one_page():
    assert missing(entries(), "row in docs/reference/contract.md") == []
    text = "\n".join(pages().values())
    wrong = [
        entry.full
        for entry in entries().values()
        if len(re.findall(rf"^\.\. (?:auto\w+|py:\w+):: {re.escape(entry.full)}$", text, re.MULTILINE)) != 1
    ]
    assert wrong == []


def test_the_groups_are_those_of_the_contract():
    contract = (DOCS / "reference" / "contract.md").read_text(encoding="utf-8")
    assert [group.title for group in groups()] == re.findall(r"^### (.+)$", contract, re.MULTILINE)


def test_every_public_name_has_a_page_in_prose_that_exists():
    assert missing(prose_pages(), "line in docs/reference/pages.toml") == []
    absent = {name: page for name, page in prose_pages().items() if not (DOCS / f"{page}.md").is_file()}
    assert absent == {}, "docs/reference/pages.toml names pages that are not there"


@pytest.mark.parametrize("page", sorted(set(prose_pages().values())))
def test_a_page_in_prose_speaks_of_each_of_its_names(page: str):
    """By the name itself or, for a result, by the call that makes it; without one of them the page is the wrong one."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    silent = []
    for name, place in prose_pages().items():
        if name not in entries():
            continue  # told by test_every_public_name_has_one_entry_on_one_page
        entry = entries()[name]
        told = [entry.name, *re.findall(r"`(?:at\.|ex\.)?(\w+)", entry.meaning), *makers().get(name, "").split(".")[1:]]
        if place == page and not any(re.search(rf"\b{re.escape(word)}\b", text) for word in told):
            silent.append(name)
    assert silent == [], f"write of them on docs/{page}.md, or name another page in docs/reference/pages.toml"


def test_every_public_name_has_an_example_of_its_own_or_one_that_shows_it():
    known = [name for name in PUBLIC if name in entries()]
    lacking = [
        name for name in known if not is_alias(entries()[name]) and not has_example(name) and name not in makers()
    ]
    assert lacking == [], (
        "write an Example into the docstring, or name the call that shows it in [shown_by] of pages.toml"
    )


def test_no_name_borrows_an_example_that_it_does_not_need_or_that_is_not_there():
    assert [name for name in makers() if name not in entries()] == []
    assert [name for name in makers() if inspect.isclass(named(name)) and has_example(name)] == []
    assert [maker for maker in makers().values() if not has_example(maker)] == []


@pytest.mark.parametrize("name", sorted(makers()))
def test_the_example_that_a_class_borrows_makes_one(name: str):
    """The call returns it, has it in its annotation, or writes its name in the example."""
    call = named(makers()[name])
    written = inspect.getdoc(call) or ""
    returns = str(getattr(call, "__annotations__", {}).get("return", ""))
    told = f"{returns} {written[written.index('Example') :]}"
    assert re.search(rf"\b{name.split('.')[1]}\b", told) or (name, makers()[name]) in INSIDE


def test_a_name_of_both_packages_is_one_object():
    twice = [name for name in PUBLIC if name in entries() and is_alias(entries()[name])]
    assert len(twice) >= 8
    assert [name for name in twice if named(name) is not by_name()[name.split(".")[1]].value] == []


def test_a_name_without_a_row_is_told_with_the_files_to_edit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("test_docs_site_names.PUBLIC", [*PUBLIC, "ex.brand_new"])
    (said,) = missing(entries(), "row in docs/reference/contract.md")
    assert said.startswith("ex.brand_new has no row")
    assert "docs/reference/contract.md" in said.split(":")[1]
    assert "docs/reference/pages.toml" in said
    assert missing([*PUBLIC, "ex.brand_new", "ex.gone"], "row") == [
        "ex.gone is no public name any more: take its row out"
    ]
