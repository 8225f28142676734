"""The tree at the side, made once and marked page by page.

Sphinx resolves the whole tree anew for every page, which is most of the time of a build with some hundred pages. This one is the
same tree with the theme's markup (`furo.navigation`), from what Sphinx has read.
"""

from __future__ import annotations

from html import escape
from posixpath import relpath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

TOGGLE = {"en": "Toggle navigation of", "zh_CN": "展开或收起："}


def silence(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Before the theme asks for its tree: it gets none."""
    context["toctree"] = lambda **_options: ""


def draw(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """After the theme: the tree, with the branch of this page unfolded."""
    env = app.builder.env
    root = app.config.root_doc
    branch = _branch(env, page)
    folder = page.rpartition("/")[0] or "."
    counter = iter(range(1, 10_000))

    def items(parent: str, level: int) -> str:
        return "".join(item(child, level) for child in env.toctree_includes.get(parent, []))

    def item(name: str, level: int) -> str:
        here = name in branch
        kinds = [f"toctree-l{level}", *(["current"] if here else []), *(["current-page"] if name == page else [])]
        link = f'class="{"current " if here else ""}reference internal" href="{relpath(name, folder)}.html"'
        title = escape(env.titles[name].astext())
        inside = ""
        if env.toctree_includes.get(name):
            kinds.append("has-children")
            box = f"toctree-checkbox-{next(counter)}"
            label = escape(f"{TOGGLE[app.config.language]} {env.titles[name].astext()}")
            inside = (
                f'<input aria-label="{label}"{" checked" if here else ""} class="toctree-checkbox" id="{box}" name="{box}" '
                f'role="switch" type="checkbox"/><label for="{box}"><span class="icon"><svg><use href="#svg-arrow-right">'
                f"</use></svg></span></label><ul>{items(name, level + 1)}</ul>"
            )
        return f'<li class="{" ".join(kinds)}"><a {link}>{title}</a>{inside}</li>'

    context["furo_navigation_tree"] = f"<ul>{items(root, 1)}</ul>"


def _branch(env: BuildEnvironment, page: str) -> set[str]:
    """A page and the pages above it."""
    above = {child: parent for parent, children in env.toctree_includes.items() for child in children}
    found = {page}
    while page in above and above[page] not in found:
        page = above[page]
        found.add(page)
    return found


def setup(app: Sphinx) -> None:
    """Register with Sphinx, around the theme's own handler."""
    app.connect("html-page-context", silence, priority=100)
    app.connect("html-page-context", draw, priority=900)
