"""The same page in the other language, for the switch at the top of every page that has one."""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import relpath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# Long codes in tables may break after an underscore; without that they push the last columns off the page.
LONG = re.compile(r'(?<=<span class="pre">)[A-Z0-9_]{14,}(?=</span>)')
BOTH = {"search"}  # made by Sphinx in both languages


def add_twin(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Tell the templates where the other language is: this page, and its first page."""
    chinese = app.config.language == "zh_CN"
    other = Path(app.srcdir).parent if chinese else Path(app.srcdir) / "zh"
    here = f"zh/{page}" if chinese else page

    def place(name: str) -> str:
        built = name if chinese else f"zh/{name}"
        return f"{relpath(built, here.rpartition('/')[0] or '.')}.html"

    context["other_language"] = "English" if chinese else "中文"
    context["other_code"] = "en" if chinese else "zh-CN"
    context["twin"] = place(page) if page in BOTH or (other / f"{page}.md").is_file() else None
    context["other_first"] = place("index")
    if chinese:
        context["language"] = "zh-CN"
    if "body" in context:
        context["body"] = LONG.sub(lambda found: found[0].replace("_", "_<wbr>"), context["body"])


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("html-page-context", add_twin)
