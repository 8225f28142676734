"""The page docs/reference/reference-values.md: every file of reference values with its source and tolerance.

Write it: `PYTHONPATH=.:tests python tests/references/reference_page.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "reference" / "reference-values.md"
HEAD = """# Which outside numbers are the results held against?

Who else gets these numbers? Every file below lies in `tests/references`, with the script that made it beside it where a
program did. A test compares each number within the tolerance that the file names. Nobody of this project wrote the
packages, papers and tools that they come from, but for `net_benefit` (an oracle of ours in 40 digits) and
`rates/zero_control.json` (a study of ours of other packages); where a source is wrong, the file or the methods page
says why. The date is the day on which the numbers were made, read or entered. Counts by source and by method:
[verification](../verification.md).

"""


def numbers(value: object) -> int:
    """How many numbers a nested value holds."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, (int, float)):
        return 1
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(numbers(part) for part in inner)


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
        held = content.get("expected")
        if held is None:
            held = {key: value for key, value in content.items() if key not in ("inputs", "source", "rtol", "atol")}
        source = " ".join("; ".join(texts(content["source"])).split()).replace("|", "\\|").replace("<", "&lt;")
        tolerance = f"{content['rtol']!r} / {content['atol']!r}"
        found.append((path.relative_to(FOLDER).as_posix(), numbers(held), tolerance, source))
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
