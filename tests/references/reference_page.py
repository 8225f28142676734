"""The page docs/reference/reference-values.md: every file of reference values with its source and tolerance.

Write it: `PYTHONPATH=.:tests python tests/references/reference_page.py`.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "reference" / "reference-values.md"
HEAD = """# Which outside numbers are the results held against?

Who else gets these numbers? Every file below lies in `tests/references`, with the script that made it beside it where a
program did. Counted are results only, not what a case is called with (`given.toml`). A test compares each of them
within the tolerance that the file names. Nobody of this project wrote the
packages, papers and tools that they come from, but for `net_benefit` (an oracle of ours in 40 digits) and
`rates/zero_control.json` (a study of ours of other packages); where a source is wrong, the file or the methods page
says why. The date is the day on which the numbers were made, read or entered. Counts by source and by method:
[verification](../verification.md).

"""


GIVEN: dict[str, list[str]] = tomllib.loads((FOLDER / "given.toml").read_text(encoding="utf-8"))


def numbers(value: object, given: frozenset[str] = frozenset()) -> int:
    """How many numbers a nested value holds, those under the keys of `given` left out."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, (int, float)):
        return 1
    if isinstance(value, dict):
        return sum(numbers(part, given) for key, part in value.items() if key not in given)
    return sum(numbers(part, given) for part in value) if isinstance(value, list) else 0


def results(name: str, content: dict[str, Any]) -> int:
    """How many results a file holds; what its cases are called with does not count."""
    held = content.get("expected")
    if held is None:
        held = {key: value for key, value in content.items() if key not in ("inputs", "source", "rtol", "atol")}
    return numbers(held, frozenset(GIVEN.get(name, ())))


def texts(value: object) -> list[str]:
    """Every text of a nested value, in order."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in inner for text in texts(part)]


def rows() -> list[tuple[str, int, str, str]]:
    """File, numbers, tolerance and source of every file, by name."""
    found = []
    for path in sorted(FOLDER.rglob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        name = path.relative_to(FOLDER).as_posix()
        source = " ".join("; ".join(texts(content["source"])).split()).replace("|", "\\|").replace("<", "&lt;")
        tolerance = f"{content['rtol']!r} / {content['atol']!r}"
        found.append((name, results(name, content), tolerance, source))
    return found


def page() -> str:
    """The whole page."""
    from verification.evidence import coverage, date_of, files_of

    methods: dict[str, list[str]] = {}
    for method in coverage()[0]:
        for name in files_of(method.get("references", ())):
            link = f"[{method['name']}](../methods/{method['page']})".replace("methods/../", "")
            methods.setdefault(name, []).append(link)
    listed = rows()
    lines = [f"{len(listed)} files hold {sum(row[1] for row in listed):,} numbers.", ""]
    lines += [
        "| file | numbers | relative / absolute tolerance | date | method | source |",
        "|---|--:|---|---|---|---|",
    ]
    lines += [
        f"| `{name}` | {count:,} | {tolerance} | {date_of(name)} | {', '.join(methods.get(name, ['-']))} | {source} |"
        for name, count, tolerance, source in listed
    ]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
