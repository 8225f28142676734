"""What a user installs with the wheel: a bill of materials (CycloneDX) and the licence of every part.

Usage: python .ci/packaging/notices.py      wants build/dist with one wheel, and uv

Writes build/dist/sbom.cdx.json and build/dist/licences.md; fails on a licence that is not known to be permissive.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from matrix import DIST, Cell, install

# Licences that ask for their notice and nothing of the programs that use them; MPL-2.0 asks for its own files only.
PERMISSIVE = re.compile(
    r"0BSD|Apache|BSD|CC0|HPND|ISC|MIT|MPL-2|Mozilla|PSF|Python Software|Unlicense|Zlib", re.IGNORECASE
)
COPYLEFT = re.compile(r"\b[AL]?GPL|General Public", re.IGNORECASE)
ASK = """
import importlib.metadata as metadata, json
rows = []
for found in metadata.distributions():
    held = found.metadata
    named = held["License-Expression"] or "; ".join(
        line.split(" :: ")[-1] for line in held.get_all("Classifier", []) if line.startswith("License :: "))
    rows.append([held["Name"], found.version, named or (held["License"] or "").strip().split("\\n")[0]])
print(json.dumps(sorted(rows, key=lambda row: row[0].lower())))
"""


def bill(uv: str, python: Path, file: Path) -> int:
    """Write the bill of materials of an environment, without paths of this machine; how many parts it has."""
    tool = [uv, "tool", "run", "--from", "cyclonedx-bom>=7", "cyclonedx-py", "environment", "--output-reproducible"]
    options = ["--short-PURLs", "--validate", "--mc-type", "library", "--output-file", str(file)]
    subprocess.run([*tool, *options, str(python)], check=True)
    content = json.loads(file.read_text(encoding="utf-8"))
    for part in content["components"]:
        links = [link for link in part.get("externalReferences", []) if not link["url"].startswith("file:")]
        part.pop("externalReferences", None)
        if links:
            part["externalReferences"] = links
    file.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    return len(content["components"])


def licences(python: Path, file: Path) -> list[str]:
    """Write the licence of every part; those that are not known to be permissive."""
    done = subprocess.run([str(python), "-c", ASK], capture_output=True, text=True, check=True)
    rows = json.loads(done.stdout)
    lines = ["# Licences of what is installed with the wheel", "", "| part | version | licence |", "|---|---|---|"]
    lines += [f"| {name} | {version} | {licence} |" for name, version, licence in rows]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [f"{name} {version}: {licence!r}" for name, version, licence in rows if not permissive(licence)]


def permissive(licence: str) -> bool:
    """Whether one of the licences that a part offers is permissive, and none is needed that is not."""
    offered = re.split(r"\s+OR\s+", licence)
    return any(PERMISSIVE.search(one) and not COPYLEFT.search(one) for one in offered)


def main() -> int:
    """Write both for the wheel with every extra but Spark; 1 when a licence is not permissive."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        sys.exit("uv is not installed: python -m pip install uv")
    (wheel,) = DIST.glob("*.whl")
    cell = Cell("", sys.executable, "newest", ("polars", "duckdb", "ibis", "excel"))
    with tempfile.TemporaryDirectory() as folder:
        python = install(uv, cell, Path(folder) / "venv", wheel)
        parts = bill(uv, python, DIST / "sbom.cdx.json")
        doubtful = licences(python, DIST / "licences.md")
    for line in doubtful:
        sys.stderr.write(f"licence to look at: {line}\n")
    sys.stdout.write(f"sbom.cdx.json and licences.md: {parts} parts, {len(doubtful)} licences to look at\n")
    return int(bool(doubtful))


if __name__ == "__main__":
    sys.exit(main())
