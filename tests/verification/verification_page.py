"""The page docs/verification.md: what every number is held against, counted from the files themselves.

Write it: `PYTHONPATH=.:tests python tests/verification/verification_page.py`, or with `--update-golden` of its test.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from verification.evidence import (
    DOCS,
    HERE,
    ROOT,
    TESTS,
    campaign_tables,
    coverage,
    designs,
    differences,
    files_of,
    sources,
    values,
)

PAGE = DOCS / "verification.md"
SHIPPED = ROOT / "experiments" / "self_test" / "data"
RIGHT = {
    "how many", "reference values", "special cases", "files", "numbers", "designs or rows", "data sets", "outside",
    "designs",
}  # fmt: skip
KINDS = {"package": "package", "tool": "documentation", "print": "paper or book", "own": "of this project"}


_EXPERIMENTS = "[experiments](reference/simulated-experiments.md)"
_WAKEUP = "[waking customers](reference/simulated-wakeup.md)"
_COVERAGE = "[simulated-coverage](reference/simulated-coverage.md)"


def table(heads, rows):
    """A Markdown table; columns of numbers are set to the right."""
    marks = ["--:" if head in RIGHT else "---" for head in heads]
    lines = [f"| {' | '.join(heads)} |", f"|{'|'.join(marks)}|"]
    return "\n".join(lines + [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]) + "\n"


def _cell(value):
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")


def shipped():
    """How many numbers the self test holds."""
    examples = json.loads((SHIPPED / "published.json").read_text(encoding="utf-8"))["examples"]
    return len(examples), sum(len(call["expected"]) for example in examples for call in example["calls"])


def from_outside():
    """The reference files that rest on a source outside of this project."""
    return {name for source in sources() if source["kind"] != "own" for name in source["files"]}


def counts():
    """The first table: everything, counted."""
    outside = [source for source in sources() if source["kind"] != "own"]
    kinds = Counter(source["kind"] for source in outside)
    theirs = sorted(from_outside())
    rows, tables = designs(), campaign_tables()
    examples, printed = shipped()
    methods, without = coverage()
    judged = sum(entry["rows"] for entry in tables)
    replications = sum(row["draws"] for row in rows) + sum(entry["sets"] for entry in tables)
    named = {name for method in methods for name in method["names"]}
    plain = sum(len(group["names"]) for group in without)
    named_kinds = f"{kinds['package']} packages, {kinds['tool']} manuals, {kinds['print']} papers and books"
    oracles = len(list((TESTS / "oracles").glob("*.py")))
    return [
        ("reference values from outside", sum(map(values, theirs)), "[file by file](reference/reference-values.md)"),
        ("files that hold them", len(theirs), "`tests/references`"),
        ("outside sources", len(outside), f"{named_kinds}; [below](#outside-sources)"),
        ("oracles: slow calculations from the definition, without our code", oracles, "`tests/oracles`"),
        ("simulated designs of known truth", len(rows), f"{_EXPERIMENTS}, {_WAKEUP}"),
        ("rows of tables over simulated campaigns beside them", judged, _COVERAGE),
        ("simulated data sets in all of these", replications, "each drawn anew from a fixed seed"),
        ("differences from other packages, explained", len(differences()), "[below](#where-others-say-otherwise)"),
        ("published numbers that are shipped", printed, f"{examples} examples in `wakelift selftest`"),
        ("public names with a number", len(named), f"in {len(methods)} methods; {plain} names have none of their own"),
    ]  # fmt: skip


def method_rows():
    """One row per method: what it is held against."""
    by_area = {}
    for row in designs():
        by_area.setdefault(row["area"], []).append(row)
    tables = {entry["area"]: entry for entry in campaign_tables()}
    for method in coverage()[0]:
        files = [name for name in files_of(method.get("references", ())) if name in from_outside()]
        found = [row for area in method.get("simulated", ()) for row in _own(by_area.get(area, ()), method)]
        more = [tables[area] for area in method.get("simulated", ()) if area in tables]
        n = len(found) + sum(entry["rows"] for entry in more)
        outside = sum(row["outside"] for row in found) + sum(entry["outside"] for entry in more)
        yield (
            f"[{method['name']}](methods/{method['page']})".replace("methods/../", ""),
            ", ".join(f"`{name}`" for name in method["names"][:4]) + (" ..." if len(method["names"]) > 4 else ""),
            sum(map(values, files)) if files else "-",
            ", ".join(sorted({name.split("/")[0] for name in files})) or "-",
            ", ".join(method.get("oracles", ())) or "-",
            len(method.get("tests", ())) or "-",
            (f"{n}, {outside} outside" if outside else str(n)) if n else "-",
        )


def _own(rows, method):
    """The designs of an area that name a function of the method; all of them where none does."""
    words = {name.split(".")[1] for name in method["names"]}
    mine = [row for row in rows if words & set(re.findall(r"\w+", row["method"]))]
    return mine or list(rows)


def source_rows():
    for source in sources():
        dates = source["dates"]
        span = "-" if not dates else dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        yield (
            source["name"],
            KINDS[source["kind"]],
            ", ".join(source["versions"]) or "-",
            len(source["files"]),
            source["numbers"],
            span,
        )


def area_rows():
    kept = {}
    for row in designs():
        kept.setdefault((row["area"], row["page"]), []).append(row)
    for (area, page), rows in sorted(kept.items()):
        yield (
            area.replace("_", " "),
            len(rows),
            sum(row["draws"] for row in rows),
            sum(row["outside"] for row in rows),
            f"[{page.removesuffix('.md')}](reference/{page})",
        )
    for entry in campaign_tables():
        yield (
            f"{entry['area']}: {entry['what']}",
            entry["rows"],
            entry["sets"],
            entry["outside"],
            "[simulated-coverage](reference/simulated-coverage.md)",
        )


def why_rows():
    """Why designs lie outside their band, each reason once."""
    found = Counter((row["why"], row["page"]) for row in designs() if row["outside"])
    reasons = Counter()
    for (why, _), n in found.items():
        reasons[why] += n
    yield from sorted(((n, why) for why, n in reasons.items()), key=lambda row: (-row[0], row[1]))


def difference_rows():
    for entry in differences():
        where = entry["page"]
        held = f"`{Path(entry['held']).name}`" if entry.get("held") else "-"
        yield (
            f"{entry['tool']} ({entry['version']})",
            entry["what"],
            entry["theirs"],
            entry["ours"],
            f"{entry['why']} [More]({where})",
            held,
        )


def alone_rows():
    for method in coverage()[0]:
        if method.get("alone"):
            yield (f"[{method['name']}](methods/{method['page']})", method["alone"])


def by_hand():
    """Methods without an outside number or an oracle: special cases and laws carry them."""
    for method in coverage()[0]:
        if not method.get("references") and not method.get("oracles"):
            tests = ", ".join(f"`tests/{name}`" for name in method.get("tests", ())) or "-"
            yield (
                f"[{method['name']}](methods/{method['page']})",
                tests,
                method.get("note", "by hand, closed forms, laws, other functions of this library"),
            )


def without_evidence():
    """Names that give a number and have neither reference, oracle, special case nor simulation."""
    keys = ("references", "oracles", "tests", "simulated")
    return sorted(
        name for method in coverage()[0] if not any(method.get(key) for key in keys) for name in method["names"]
    )


def page():
    """The whole page: the words of page.md with their tables."""
    nothing = ", ".join(f"`{name}`" for name in without_evidence())
    groups = [(", ".join(f"`{name}`" for name in group["names"]), group["why"]) for group in coverage()[1]]
    tables = {
        "counts": (("what", "how many", "where"), counts()),
        "methods": (
            ("method", "names", "reference values", "from", "oracles", "special cases", "simulated"),
            method_rows(),
        ),
        "sources": (("source", "kind", "version", "files", "numbers", "date"), source_rows()),
        "areas": (("area", "designs or rows", "data sets", "outside", "table"), area_rows()),
        "reasons": (("designs", "why"), why_rows()),
        "differences": (("tool", "what", "they", "we", "why", "recomputed in"), difference_rows()),
        "alone": (("method", "what"), alone_rows()),
        "by_hand": (("method", "tests", "what holds it"), by_hand()),
        "without": (("names", "why"), groups),
    }
    text = (HERE / "page.md").read_text(encoding="utf-8")
    text = text.replace("{{nothing}}", nothing or "No public name that gives a number.")
    for name, (heads, rows) in tables.items():
        text = text.replace(f"{{{{{name}}}}}", table(heads, rows).rstrip("\n"))
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
