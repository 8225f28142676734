"""The pages of the API, made from the contract page and the packages: every public name, in the contract's groups and order.

`reference/contract.md` says which names there are and what each is for; `reference/pages.toml` says which page explains it in
prose; the docstrings say the rest. `tests/docs/test_docs_site_names.py` holds the three against ``__all__``.
"""

from __future__ import annotations

import importlib
import inspect
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
PACKAGES = {"at": "attribution", "ex": "experiments"}
ROW = re.compile(r"^\| `(?P<alias>at|ex)\.(?P<name>\w+)` \| (?P<meaning>.+) \|$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One public name.

    Attributes:
        alias: ``at`` or ``ex``.
        name: The name.
        meaning: What it is for, in the words of the contract page.
        page: The API page that holds it, without suffix.
    """

    alias: str
    name: str
    meaning: str
    page: str

    @property
    def full(self) -> str:
        """The name with its package."""
        return f"{PACKAGES[self.alias]}.{self.name}"

    @property
    def short(self) -> str:
        """The name as users write it."""
        return f"{self.alias}.{self.name}"

    @property
    def value(self) -> object:
        """What the name stands for."""
        return getattr(importlib.import_module(PACKAGES[self.alias]), self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The names of one heading of the contract page.

    Attributes:
        title: The heading.
        alias: ``at`` or ``ex``.
        page: The page of the group, without suffix.
        entries: Its names, in order.
    """

    title: str
    alias: str
    page: str
    entries: tuple[Entry, ...]


@cache
def groups() -> tuple[Group, ...]:
    """The groups of the contract page."""
    found: dict[tuple[str, str], list[Entry]] = {}
    title = ""
    for line in (REFERENCE / "contract.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("### "):
            title = line.removeprefix("### ")
        elif row := ROW.match(line):
            page = f"reference/api/{PACKAGES[row['alias']]}-{re.sub(r'[^a-z]+', '-', title.lower()).strip('-')}"
            entry = Entry(alias=row["alias"], name=row["name"], meaning=row["meaning"], page=page)
            found.setdefault((row["alias"], title), []).append(entry)
    return tuple(
        Group(title=title, alias=alias, page=entries[0].page, entries=tuple(entries))
        for (alias, title), entries in found.items()
    )


@cache
def entries() -> dict[str, Entry]:
    """Every public name as users write it: ``at.attribute``."""
    return {entry.short: entry for group in groups() for entry in group.entries}


@cache
def by_name() -> dict[str, Entry]:
    """Public names without a package, as docstrings and annotations have them; a name of both is one object."""
    found: dict[str, Entry] = {}
    for entry in entries().values():
        found.setdefault(entry.name, entry)
    return found


@cache
def prose_pages() -> dict[str, str]:
    """The page that explains each public name in prose, without suffix, from ``docs/``."""
    table = tomllib.loads((REFERENCE / "pages.toml").read_text(encoding="utf-8"))
    return {f"{alias}.{name}": page for alias in PACKAGES for name, page in table[alias].items()}


@cache
def makers() -> dict[str, str]:
    """The call whose example shows a name that has no example of its own."""
    return dict(tomllib.loads((REFERENCE / "pages.toml").read_text(encoding="utf-8"))["shown_by"])


def is_made(entry: Entry) -> bool:
    """Whether a class is made by a function and not by its users: its constructor tells them nothing."""
    value = entry.value
    return inspect.isclass(value) and entry.meaning.startswith(("result of", "protocol", "base of"))


def is_alias(entry: Entry) -> bool:
    """Whether a name of `experiments` is a class of `attribution`."""
    return entry.alias == "ex" and f"at.{entry.name}" in entries()


# --- pages -------------------------------------------------------------------------------------------------------------


def pages() -> dict[str, str]:
    """Every generated page: place in the staged source to text."""
    made = {f"{group.page}.rst": _group_page(group) for group in groups()}
    made["reference/api/index.md"] = _index_page()
    return made


def _index_page() -> str:
    lines = [
        "# Every public name",
        "",
        "How is a function called, what does it take, what does it return, and what does an example look like? Made from the",
        "docstrings; `help(at.attribute)` says the same. What each name is for, on one page: [the contract](../contract.md).",
        "",
        "Every result has `.table()`, `.to_pandas()`, `.to_polars()`, `.to_arrow()`, `.to_dicts()`, `.to_markdown()`,",
        "`.findings` and `.recipe`; they are not repeated below.",
        "",
    ]
    for alias, package in PACKAGES.items():
        lines += [f"## `import {package} as {alias}`", ""]
        for group in (group for group in groups() if group.alias == alias):
            names = ", ".join(f"`{entry.short}`" for entry in group.entries)
            lines.append(f"- [{group.title}]({Path(group.page).name}.rst): {names}")
        lines.append("")
    tree = [f"/{group.page}" for group in groups()]
    return "\n".join([*lines, "```{toctree}", ":hidden:", "", *tree, "```", ""])


def _group_page(group: Group) -> str:
    title = f"{group.title} ({PACKAGES[group.alias]})"
    lines = [title, "=" * len(title), "", f"How are these {len(group.entries)} names called, and what do they return?"]
    lines += [f"Each as ``{group.alias}.name``, after ``import {PACKAGES[group.alias]} as {group.alias}``.", ""]
    for entry in group.entries:
        lines += [*_directive(entry), ""]
    return "\n".join(lines)


def _directive(entry: Entry) -> list[str]:
    if is_alias(entry):
        same = entries()[f"at.{entry.name}"]
        return [f".. py:class:: {entry.full}", "", f"   The same class as :py:class:`at.{same.name} <{same.full}>`."]
    if inspect.isclass(entry.value):
        return [f".. autoclass:: {entry.full}", "   :members:"]
    if callable(entry.value):
        return [f".. autofunction:: {entry.full}"]
    return [f".. py:data:: {entry.full}", "", f"   {_plain(entry.meaning)}", *_more(entry)]


def _plain(meaning: str) -> str:
    """A cell of the contract as RST: one backtick is a name there and here."""
    return meaning[:1].upper() + meaning[1:] + "."


def _more(entry: Entry) -> list[str]:
    return [f"   {line}" if line else "" for line in closing(entry)]


def closing(entry: Entry) -> list[str]:
    """What follows a docstring: the page in prose, and the example of the call that makes it where it has none."""
    lines = ["", f"Explained in :doc:`/{prose_pages()[entry.short]}`."] if entry.short in prose_pages() else []
    if entry.short in makers():
        maker = makers()[entry.short]
        lines += ["", f"Shown in the example of `{maker}`."]
    return lines
