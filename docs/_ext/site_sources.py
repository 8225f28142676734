"""Puts the pages of both languages into one folder that Sphinx can read: the pages as they are, and the generated ones.

The pages in ``docs/`` are plain Markdown, so that they read the same on a forge. What a site needs beyond that is added here,
in the copy: navigation (from ``navigation.toml``), group pages of the methods, API pages, and links rewritten as follows.

- A link to a page of the same language stays a relative ``.md`` link; Sphinx checks it and its anchor.
- A link to a page of the other language becomes the relative address of the built page. English is built into the root of the
  site and Chinese into ``zh/``, so that pages lie to each other as their files do.
- A link to the README leads to the first page. CHANGELOG.md and CONTRIBUTING.md are pages of the site.
- A link to any other file below ``docs/`` becomes a download.
- A link to a file outside ``docs/`` (a test, ``pyproject.toml``) becomes plain text: the site does not hold the source.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import tomllib
from pathlib import Path, PurePosixPath

import site_api

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
NOT_COPIED = {"_ext", "_static", "_templates", "__pycache__"}
# Files outside docs/ that are pages of the site, with the question that their reader has.
OUTSIDE = {
    "CHANGELOG.md": ("changelog.md", "What changed, and did a number change?"),
    "CONTRIBUTING.md": ("contributing.md", "How do you build, test and change the library?"),
}
READMES = {"README.md": "index.md", "README.zh-CN.md": "zh/index.md"}
FENCE = re.compile(r"(^ *```.*?^ *```[ \t]*$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
SCHEME = re.compile(r"[a-z][a-z-]*:")
LABEL = "In Python: "
OTHER_LANGUAGE, REPOSITORY = "other-language:", "repository:"


def stage(target: Path) -> None:
    """Write the source of the English site to ``target`` and that of the Chinese one to ``target/zh``."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(DOCS, target, ignore=lambda _, names: [n for n in names if n in NOT_COPIED or n.endswith(".py")])
    for page in sorted(target.rglob("*.md")):
        source = PurePosixPath("docs", page.relative_to(target).as_posix())
        _write(page, rewritten(page.read_text(encoding="utf-8"), source=source, target=target))
    for name, (place, question) in OUTSIDE.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        text = rewritten(text, source=PurePosixPath(name), target=target)
        title, _, rest = text.partition("\n")
        _write(target / place, f"{title}\n\n{question}\n{rest}")
    for place, text in {**topics(target), **site_api.pages()}.items():
        _write(target / place, text)
    for place, names in names_by_page().items():
        page = target / f"{place}.md"
        if place.startswith("methods/") and page.is_file():
            _write(page, with_names(page.read_text(encoding="utf-8"), names))
    for root in (target, target / "zh"):
        _navigate(root)


def _write(page: Path, text: str) -> None:
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_bytes(text.encode("utf-8"))


def rewritten(text: str, *, source: PurePosixPath, target: Path) -> str:
    """A page of the repository with links that fit the site; code blocks stay as they are."""
    pieces = FENCE.split(text)
    pieces[::2] = [LINK.sub(lambda found: f"]({_link(found[1], source, target)})", piece) for piece in pieces[::2]]
    return "".join(pieces)


def _link(link: str, source: PurePosixPath, target: Path) -> str:
    path, mark, fragment = link.partition("#")
    if SCHEME.match(link) or not path:
        return link
    place = staged(posixpath.normpath((source.parent / path).as_posix()))
    if place is None:
        return f"{REPOSITORY}{link}"
    if place in READMES.values():
        mark = fragment = ""
    here = staged(source.as_posix()) or ""
    relative = posixpath.relpath(place, posixpath.dirname(here) or ".")
    if place.endswith(".md") and is_chinese(place) != is_chinese(here):
        return f"{OTHER_LANGUAGE}{relative.removesuffix('.md')}.html{mark}{fragment}"
    return f"{relative}{mark}{fragment}"


def staged(path: str) -> str | None:
    """Where a file of the repository lies in the staged source; None when it is no part of the site."""
    if path in OUTSIDE:
        return OUTSIDE[path][0]
    if path in READMES:
        return READMES[path]
    return path.removeprefix("docs/") if path.startswith("docs/") else None


def is_chinese(place: str) -> bool:
    """Whether a staged page belongs to the Chinese site."""
    return place.startswith("zh/")


# --- pages that only the site has ------------------------------------------------------------------------------------


def sections(text: str) -> list[tuple[str, list[str]]]:
    """The second-level headings of a page with the pages that each one lists, as file names."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return [
        (title.strip(), re.findall(r"^- \[[^\]]+\]\(([\w-]+\.md)\)", body, re.MULTILINE))
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    ]


def names_by_page() -> dict[str, list[str]]:
    """The public names that each page explains; results are left out where the call that makes them stands there."""
    found: dict[str, list[str]] = {}
    for name, place in site_api.prose_pages().items():
        if name in site_api.entries() and not site_api.entries()[name].meaning.startswith("result of"):
            found.setdefault(place, []).append(name)
    return found


def with_names(text: str, names: list[str]) -> str:
    """A page with the names that it explains at the end of its first section, where the question is asked."""
    masked = FENCE.sub(lambda found: "." * len(found[0]), text)
    first = re.search(r"^(?!#)\S", masked, re.MULTILINE)
    after = re.compile(r"^#{2,} ", re.MULTILINE).search(masked, first.end() if first else 0)
    place = after.start() if after else len(text)
    listed = ", ".join(f"`{name}`" for name in names)
    return f"{text[:place].rstrip()}\n\n{LABEL}{listed}\n\n{text[place:]}"


def slug(title: str) -> str:
    """A title as a file name."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def topics(target: Path) -> dict[str, str]:
    """A page for each group of methods, so that the navigation can unfold one group at a time."""
    index = (target / "methods" / "index.md").read_text(encoding="utf-8")
    made = {}
    for title, listed in sections(index):
        lines = dict(re.findall(r"^- \[[^\]]+\]\(([\w-]+\.md)\)(.*)$", index, re.MULTILINE))
        names = dict(re.findall(r"^- \[([^\]]+)\]\(([\w-]+\.md)\)", index, re.MULTILINE))
        label = {page: name for name, page in names.items()}
        body = "\n".join(f"- [{label[page]}](../{page}){lines[page]}" for page in listed)
        tree = _toctree([f"/methods/{page.removesuffix('.md')}" for page in listed])
        made[f"methods/topics/{slug(title)}.md"] = (
            f"# {title}\n\nWhich method answers this? {len(listed)} pages, one for each method.\n\n{body}\n{tree}"
        )
    return made


# --- navigation --------------------------------------------------------------------------------------------------------


def _navigate(root: Path) -> None:
    """Append to each page of `navigation.toml` the list of its children, hidden: the theme draws it at the side."""
    wanted: dict[str, list[str]] = tomllib.loads((DOCS / "navigation.toml").read_text(encoding="utf-8"))
    chinese = root.name == "zh"
    there = {
        page.relative_to(root).with_suffix("").as_posix()
        for page in (*root.rglob("*.md"), *root.rglob("*.rst"))
        if chinese or not page.is_relative_to(root / "zh")
    }
    index = (root / "methods" / "index.md").read_text(encoding="utf-8")
    order = {f"methods/topics/{slug(title)}": number for number, (title, _) in enumerate(sections(index))}
    named = {child for children in wanted.values() for child in children} | set(wanted) | {"index"}
    for parent, children in wanted.items():
        if parent not in there:
            continue
        entries: list[str] = []
        for child in children:
            folder = child.removesuffix("*")
            if child.endswith("*"):
                found = (page for page in there - named if page.startswith(folder) and not page.endswith("/index"))
                rest = [page for page in found if "/" not in page.removeprefix(folder)]
                entries += sorted(rest, key=lambda page: (order.get(page, 0), page))
            elif child in there:
                entries.append(child)
        page = root / f"{parent}.md"
        _write(page, page.read_text(encoding="utf-8") + _toctree([f"/{entry}" for entry in entries]))


def _toctree(entries: list[str]) -> str:
    return "\n```{toctree}\n:hidden:\n\n" + "\n".join(entries) + "\n```\n" if entries else ""
