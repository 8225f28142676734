"""The built site as the tests read it: its pages, their links, headings and first paragraphs, and its search index."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXTENSIONS = ROOT / "docs" / "_ext"
sys.path.append(str(EXTENSIONS))
# Sphinx makes these; they hold no text of ours.
MADE = {"search.html", "genindex.html"}
RESOURCES = {"link": "href"} | dict.fromkeys(("script", "img", "iframe", "source", "video", "audio"), "src")
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}


@dataclass
class Page:
    """What the tests ask about a page.

    Attributes:
        links: Where its links lead.
        resources: What a browser loads with it.
        ids: Its anchors.
        title: Its first heading.
        blocks: Its first paragraphs, the title left out.
        navigation: The links in the tree at the side.
        language: Of the text.
    """

    links: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    title: str = ""
    blocks: list[str] = field(default_factory=list)
    navigation: set[str] = field(default_factory=set)
    language: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.page.ids.update(found[name] for name in ("id", "name") if name in found and (name == "id" or tag == "a"))
        if tag == "html":
            self.page.language = found.get("lang", "")
        if tag == "a" and "href" in found:
            self.page.links.append(found["href"])
            if any("sidebar-tree" in kind for _, kind in self.open):
                self.page.navigation.add(found["href"])
        # A link to another page of the site (next, previous, search) is no resource.
        if tag in RESOURCES and found.get("rel") not in {"next", "prev", "search", "index", "author"}:
            self.page.resources.append(found.get(RESOURCES[tag], ""))
        if tag not in VOID:
            self.open.append((tag, found.get("class", "")))
        if tag == "p" and self._inside("article"):
            self.page.blocks.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not self._inside("article") or any(kind == "headerlink" for _, kind in self.open):
            return
        if self._inside("h1"):
            self.page.title += data
        elif self._inside("p") and self.page.blocks:
            self.page.blocks[-1] += data

    def _inside(self, tag: str) -> bool:
        return any(name == tag for name, _ in self.open)


def read(path: Path) -> Page:
    """A built page."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


def read_all(site: Path) -> dict[str, Page]:
    """Every page of the site by its place."""
    return {path.relative_to(site).as_posix(): read(path) for path in sorted(site.rglob("*.html"))}


class Index:
    """A search index, asked as the script in the browser asks it: every term must stand in a page, in text or title."""

    def __init__(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        found = re.fullmatch(r"Search\.setIndex\((.*)\)\s*;?\s*", text, re.DOTALL)
        assert found, "not an index of Sphinx"
        self.data = json.loads(found[1])

    def pages(self, terms: list[str]) -> set[str]:
        """The pages that hold all terms."""
        return set.intersection(*(self._holding(term) for term in terms)) if terms else set()

    def _holding(self, term: str) -> set[str]:
        places: set[int] = set()
        for table in (self.data["terms"], self.data["titleterms"]):
            found = table.get(term, [])
            places |= {found} if isinstance(found, int) else set(found)
        return {self.data["docnames"][place] for place in places}
