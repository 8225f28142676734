"""Links of the site: to the other language, to names of the API, and none to files that the site does not hold."""

from __future__ import annotations

import re
from posixpath import relpath
from typing import TYPE_CHECKING, Any

import site_api
from docutils import nodes
from site_sources import OTHER_LANGUAGE, REPOSITORY
from sphinx.transforms import SphinxTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx

CALL = re.compile(r"^(?P<name>(?:at|ex)\.[A-Za-z_]\w*)(?P<rest>[.(].*)?$", re.DOTALL)
ENGLISH_SAID = re.compile(r"英文")


class Links(SphinxTransform):
    """Finishes the links that the staged pages carry."""

    default_priority = 200

    def apply(self, **_kwargs: Any) -> None:
        """Rewrite the references of one page."""
        for link in list(self.document.findall(nodes.reference)):
            uri = link.get("refuri", "")
            if uri.startswith(REPOSITORY):
                link.replace_self(link.children)
            elif uri.startswith(OTHER_LANGUAGE):
                self._other_language(link, uri.removeprefix(OTHER_LANGUAGE))

    def _other_language(self, link: nodes.reference, uri: str) -> None:
        link["refuri"] = uri
        link["classes"].append("other-language")
        block = link.parent
        while block is not None and not isinstance(block, nodes.paragraph | nodes.list_item | nodes.entry | nodes.title):
            block = block.parent
        if self.config.language == "zh_CN" and block is not None and not ENGLISH_SAID.search(block.astext()):
            link["classes"].append("unlabelled")


class Names(SphinxTransform):
    """Code that is a public name (``ex.assign``) leads to its entry, on every page of both languages."""

    default_priority = 210

    def apply(self, **_kwargs: Any) -> None:
        """Link the literals of one page."""
        root = "../" if self.config.language == "zh_CN" else ""
        here = self.env.docname
        for code in list(self.document.findall(nodes.literal)):
            entry = self._entry(code)
            if entry is None or _inside(code, nodes.reference, nodes.title) or here == entry.page:
                continue
            place = f"{relpath(root + entry.page, here.rpartition('/')[0] or '.')}.html#{entry.full}"
            link = nodes.reference("", "", internal=True, refuri=place, classes=["name"])
            code.replace_self(link)
            link += code

    @staticmethod
    def _entry(code: nodes.literal) -> site_api.Entry | None:
        text = code.astext()
        if "name" in code["classes"]:
            plain = text.removesuffix("()")
            return site_api.entries().get(plain) or site_api.by_name().get(plain)
        found = CALL.match(text)
        return site_api.entries().get(found["name"]) if found else None


class Blocks(SphinxTransform):
    """A code block that ends with a blank line (a doctest must) is shown without it."""

    default_priority = 215

    def apply(self, **_kwargs: Any) -> None:
        """Strip the blocks of one page."""
        for block in list(self.document.findall(nodes.literal_block)):
            text = block.astext().rstrip()
            if block.rawsource == block.astext() and text != block.rawsource:
                block.rawsource = text
                block.children = []
                block += nodes.Text(text)


def _inside(node: nodes.Node, *kinds: type) -> bool:
    while node is not None:
        if isinstance(node, kinds):
            return True
        node = node.parent
    return False


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_transform(Links)
    app.add_transform(Names)
    app.add_transform(Blocks)
