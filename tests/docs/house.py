"""The house in one drawing: rooms and lines from the import graph, floors as import-linter holds them.

Write the drawing and the table of rooms on its page: `PYTHONPATH=.:tests python tests/docs/house.py`.
"""

from __future__ import annotations

import ast
import fnmatch
import re
import tomllib
from pathlib import Path

from house_drawing import as_svg, layout

ROOT = Path(__file__).resolve().parents[2]
DRAWING = ROOT / "docs" / "internals" / "architecture.svg"
PAGE = DRAWING.with_suffix(".md")
STOREYS = ("experiments", "attribution")


def _contracts() -> dict[str, dict]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    return {contract["id"]: contract for contract in settings["contracts"]}


def is_there(room: str) -> bool:
    """Whether a module or package of that dotted name is in the source tree."""
    path = ROOT.joinpath(*room.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def floors(package: str) -> list[list[str]]:
    """The rooms of a package, floor by floor from the top, as import-linter holds them."""
    lines = [re.split(r"[|:]", line) for line in _contracts()[package]["layers"]]
    named = [[f"{package}.{name.strip(' ()')}" for name in line] for line in lines]
    return [there for there in ([room for room in line if is_there(room)] for line in named) if there]


def imports() -> set[tuple[str, str]]:
    """Which room imports from which, without what import-linter is told to ignore (results that draw themselves)."""
    import grimp

    graph = grimp.build_graph(*STOREYS, exclude_type_checking_imports=True)
    ignored = [rule.split(" -> ") for rule in _contracts()["experiments"]["ignore_imports"]]
    found = set()
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            allowed = any(fnmatch.fnmatch(module, a) and fnmatch.fnmatch(other, b) for a, b in ignored)
            one, two = (".".join(name.split(".")[:2]) for name in (module, other))
            if one != two and "." in one and "." in two and not allowed:
                found.add((one, two))
    return found


def needed(arrows: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """The arrows without those that follow from others (transitive reduction of a graph without circles)."""
    below: dict[str, set[str]] = {}
    for one, two in arrows:
        below.setdefault(one, set()).add(two)

    def reached(rooms: set[str]) -> set[str]:
        seen: set[str] = set()
        waiting = list(rooms)
        while waiting:
            room = waiting.pop()
            if room not in seen:
                seen.add(room)
                waiting.extend(below.get(room, ()))
        return seen

    return sorted((one, two) for one, two in arrows if two not in reached({room for room in below[one] if room != two}))


def purpose(room: str) -> str:
    """The first line of a room's docstring."""
    path = ROOT.joinpath(*room.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").splitlines()[0]


def drawing() -> str:
    """The drawing as SVG; the same source gives the same bytes."""
    shown = {storey: [room for floor in floors(storey) for room in floor if "._" not in room] for storey in STOREYS}
    arrows = [(one, two) for one, two in needed(imports()) if "._" not in one + two]
    return as_svg(
        layout(shown, arrows), "The rooms of both packages; a line means that the upper room imports the lower"
    )


def table() -> str:
    """Every room with what it is for, from its own docstring."""
    lines = ["| layer | room | what it is for |", "|--:|---|---|"]
    for package in STOREYS:
        levels = floors(package)
        for at, rooms in enumerate(levels):
            lines += [f"| {len(levels) - at} | `{room}` | {purpose(room)} |" for room in rooms]
    return "\n".join(lines)


def page() -> str:
    """The page as it should be: its own words around the table of rooms."""
    text = PAGE.read_text(encoding="utf-8")
    begin, end = "<!-- rooms -->\n", "\n<!-- end of rooms -->"
    head, rest = text.split(begin)
    return head + begin + table() + end + rest.split(end)[1]


if __name__ == "__main__":
    DRAWING.write_text(drawing(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
