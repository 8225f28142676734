"""What stands behind every public name: the data files of this folder, and what they name, read into plain values."""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from pathlib import Path

from references.reference_page import FOLDER as REFERENCES
from references.reference_page import results, texts

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
ROOT = TESTS.parent
DOCS = ROOT / "docs"
SIMULATED = ("simulated-experiments.md", "simulated-wakeup.md")
DATE = re.compile(r"20\d\d-\d\d-\d\d")


def toml(name):
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))


@cache
def coverage():
    """The methods, and the groups of names without a number of their own."""
    held = toml("coverage.toml")
    return tuple(held["method"]), tuple(held["without"])


@cache
def differences():
    """Everything that other packages say otherwise; the vendors' files hold some themselves."""
    held = [dict(entry) for entry in toml("differences.toml")["difference"]]
    for content in reference_files().values():
        for case, told in content.get("vendor_differs", {}).items():
            shown = {
                "theirs": ", ".join(f"{channel} {number:g}" for channel, number in told["printed"].items()),
                "ours": ", ".join(f"{channel} {number:g}" for channel, number in content["expected"][case].items()),
            }
            held.append({
                "tool": content["source"]["tool"], "version": f"read {content['source']['read']}",
                "what": f"{case}: printed example",
                **shown, "why": told["why"], "page": "methods/vendor-presets.md",
                "held": "attribution/test_attribution_presets.py",
            })  # fmt: skip
    return held


@cache
def reference_files():
    """Content of every file of reference values by its name."""
    return {
        path.relative_to(REFERENCES).as_posix(): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(REFERENCES.rglob("*.json"))
    }


def values(name):
    """How many results a file expects: what its cases are called with does not count, nor do digests and texts."""
    return results(name, reference_files()[name])


def source_text(name):
    return " ".join("; ".join(texts(reference_files()[name]["source"])).split())


def date_of(name):
    """The last day that the source names: when the numbers were made, read or entered."""
    found = DATE.findall(source_text(name)) or re.findall(r"20\d\d-\d\d", source_text(name))
    return max(found) if found else ""


def files_of(entries):
    """The reference files that entries name; a folder stands for all of its files."""
    found = []
    for entry in entries:
        path = REFERENCES / entry
        names = (
            [p.relative_to(REFERENCES).as_posix() for p in sorted(path.rglob("*.json"))] if path.is_dir() else [entry]
        )
        found += [name for name in names if name not in found]
    return found


@cache
def sources():
    """Name, kind, versions, files, numbers and dates of every source."""
    made = []
    for entry in toml("sources.toml")["source"]:
        pattern = entry.get("pattern", re.escape(entry["name"]))
        named = [name for name in reference_files() if re.search(pattern, source_text(name))]
        by = entry.get("by", re.escape(entry["name"]) + " ")
        found = {
            hit for name in named for hit in re.findall(rf"(?:{by})(\d+\.[\d.]*\d(?:-[\d.]*\d)?)", source_text(name))
        }
        days = sorted({date_of(name) for name in named} - {""})
        made.append(
            {**entry, "files": named, "versions": sorted(found), "numbers": sum(map(values, named)), "dates": days}
        )
    return made


@cache
def designs():
    """Every row of the simulated tables: area, method, draws, what is outside, why, and the page."""
    return [
        {
            "area": row["area"], "method": row["method"], "draws": int(row["draws"].replace(",", "")),
            "outside": row["outside"] != "-", "why": row["why"], "page": page,
        }
        for page in SIMULATED
        for rows in _tables(page)
        for row in rows
    ]  # fmt: skip


def _tables(page):
    """Every Markdown table of a page as rows by column; the page's text is the record."""
    heads, rows = [], []
    for line in [*(DOCS / "reference" / page).read_text(encoding="utf-8").splitlines(), ""]:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and not heads:
            heads = cells
        elif cells and not set("".join(cells)) <= set("-:"):
            rows.append(dict(zip(heads, cells, strict=True)))
        elif heads and not cells:
            yield rows
            heads, rows = [], []


@cache
def campaign_tables():
    """What simulated-coverage.md holds: area, what, rows, rows outside their band, data sets."""
    found = {next(iter(rows[0])) + "/" + list(rows[0])[-1]: rows for rows in _tables("simulated-coverage.md") if rows}
    intervals, credit = found["setting/outside the band"], found["design/outside"]
    words, alarms = found["arm/interval holds the truth"], found["step/campaigns"]
    outside = sum(int(row["outside"]) for row in credit if row["outside"] != "-")
    named = {row["design"] for row in credit}
    return (
        {"area": "coverage", "what": "95 % intervals of rates, lifts, money and net benefit", "rows": len(intervals),
         "outside": sum(row["outside the band"] != "-" for row in intervals),
         "sets": 4_000 * len({row["setting"] for row in intervals})},
        {"area": "credit", "what": "intervals of credit and sets of ranks",
         "rows": sum(int(row["rows"]) for row in credit),
         "outside": outside, "sets": sum(1_000 if name.startswith("paths") else 4_000 for name in named)},
        {"area": "verdicts", "what": "words of verdicts", "rows": len(words), "outside": 0, "sets": 200},
        {"area": "alarms", "what": "findings of clean campaigns", "rows": len(alarms), "outside": 0, "sets": 2_000},
    )  # fmt: skip
