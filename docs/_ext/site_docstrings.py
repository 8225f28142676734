"""Docstrings as pages: links between names, types of attributes, links to the methods pages."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import site_api
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxRole

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ALIASES = {package: alias for alias, package in site_api.PACKAGES.items()}
PAGE = re.compile(r"(?<![\w/`])docs/((?:methods|guides|reference|internals)/[\w-]+|[\w-]+)\.md")
BAR = re.compile(r"(?<!\\)\|")
ATTRIBUTE = re.compile(r"^(?P<indent> +)(?P<name>[a-z_]\w*): (?P<text>.*)$")


class NameRole(SphinxRole):
    """Text in single backticks: a link where it is a public name, else code."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The link or the literal."""
        code = nodes.literal(self.rawtext, self.text, classes=["name"])
        return [code], []


class ShortTypes(SphinxPostTransform):
    """A type that a signature names shortly (``Credit``) leads to its public name, whichever module it lives in."""

    default_priority = 5  # before Sphinx looks itself, and finds a class of both packages twice

    def run(self, **_kwargs: Any) -> None:
        """Resolve the types of one page."""
        for node in list(self.document.findall(addnodes.pending_xref)):
            entry = site_api.by_name().get(node["reftarget"].rpartition(".")[2])
            if node.get("refdomain") != "py" or entry is None:
                continue
            uri = self.app.builder.get_relative_uri(node.get("refdoc", self.env.docname), entry.page)
            link = nodes.reference("", "", *node.children, internal=True, refuri=f"{uri}#{entry.full}")
            node.replace_self(link)
        for prefix in self.document.findall(addnodes.desc_addname):
            alias = ALIASES.get(prefix.astext().rstrip("."))
            if alias is not None:  # as users write it
                prefix.children = []
                prefix += nodes.Text(f"{alias}.")


def amend(app: Sphinx, what: str, name: str, value: Any, options: object, lines: list[str]) -> None:
    """Before the Google sections are read: pages become links, attributes get their types, the closing lines follow."""
    if not lines:
        return
    types = _types(value) if what == "class" else {}
    section = ""
    for number, line in enumerate(lines):
        if re.match(r"^[A-Z][\w ]+:$", line):
            section = line[:-1]
        found = ATTRIBUTE.match(line)
        if section == "Attributes" and found and found["indent"] == "    " and found["name"] in types:
            line = f"    {found['name']} ({types[found['name']]}): {found['text']}"  # noqa: PLW2901 -- written back below
        if section == "Returns" and lines[number - 1] == "Returns:" and ":" in line:
            line = f"    : {line.lstrip()}"  # noqa: PLW2901 -- what stands before a colon would be read as a type
        if not line.lstrip().startswith((">>>", "...")):
            line = PAGE.sub(r":doc:`/\1`", line)  # noqa: PLW2901
            line = "``".join(part if odd % 2 else BAR.sub(r"\\|", part) for odd, part in enumerate(line.split("``")))  # noqa: PLW2901
        lines[number] = line
    package, _, public = name.partition(".")
    entry = site_api.entries().get(f"{ALIASES.get(package)}.{public}")
    if entry is not None:
        lines += site_api.closing(entry)


def _types(value: type) -> dict[str, str]:
    """Annotations of a class's attributes as they are written."""
    if not dataclasses.is_dataclass(value):
        return {}
    found = {field.name: field.type for field in dataclasses.fields(value)}
    return {name: kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind)) for name, kind in found.items()}


def shorten(
    app: Sphinx, what: str, name: str, value: Any, options: object, signature: str | None, returns: str | None
) -> tuple[str | None, str | None] | None:
    """A result's constructor is not for its readers: it is left out."""
    if not signature:
        return None
    package, _, public = name.partition(".")
    entry = site_api.entries().get(f"{ALIASES.get(package)}.{public}")
    if what == "class" and entry is not None and (site_api.is_made(entry) or not _is_built(value)):
        return "", None
    return None


def _is_built(value: type) -> bool:
    return "__init__" in value.__dict__ and not issubclass(value, BaseException)


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.add_role("name", NameRole())
    app.add_post_transform(ShortTypes)
    app.connect("autodoc-process-docstring", amend, priority=400)
    app.connect("autodoc-process-signature", shorten)


