"""Install the wheel in empty environments, and use it: Pythons x (newest, lowest dependencies) x extras.

Usage: python .ci/packaging/matrix.py [--quick] [--only TEXT]      wants build/dist with one wheel, and uv
       --quick: one on each Python: the lowest dependencies on the oldest, all extras on the newest
       --only:  the cells whose name holds the text, such as "3.13 lowest"
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "build" / "dist"
SMOKE = Path(__file__).with_name("smoke.py")


@dataclass(frozen=True)
class Cell:
    """One environment: an interpreter, which versions, which extras."""

    python: str
    interpreter: str
    resolution: str
    extras: tuple[str, ...]

    @property
    def name(self) -> str:
        """How the cell is called on the screen and by --only."""
        return f"{self.python} {self.resolution} {'+'.join(self.extras) or 'none'}"


def project() -> dict:
    """The project's table of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pythons() -> list[str]:
    """The Pythons that the classifiers promise."""
    found = [re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line) for line in project()["classifiers"]]
    return [match[1] for match in found if match]


def interpreter(version: str) -> str | None:
    """An interpreter of that version that runs: on the path, or one of pyenv's."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python{version}"), *map(str, sorted(root.glob(f"{version}.*/bin/python")))]
    question = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    for candidate in candidates:
        if candidate:
            done = subprocess.run([candidate, "-c", question], capture_output=True, text=True, check=False)
            if done.returncode == 0 and done.stdout.strip() == version:
                return candidate
    return None


def cells(*, quick: bool) -> list[Cell]:
    """The environments, and a line about every Python that is not there."""
    extras = [
        name for name in project()["optional-dependencies"] if name not in {"all", "dev", "docs", "mutation", "test"}
    ]
    found: list[Cell] = []
    there = [(version, path) for version in pythons() if (path := interpreter(version))]
    for version in pythons():
        if version not in dict(there):
            sys.stdout.write(f"Python {version} is not here: skipped\n")
    if quick:  # one environment a Python; `make wheel` has the newest dependencies without extras
        kinds = [("lowest", ()), *([("newest", ())] * (len(there) - 2)), ("newest", ("all",))]
        return [Cell(*one, *kind) for one, kind in zip(there, kinds, strict=False)]
    for version, path in there:
        for resolution in ("newest", "lowest"):
            found += [Cell(version, path, resolution, kept) for kept in [(), *((extra,) for extra in extras), ("all",)]]
    return found


def install(uv: str, cell: Cell, folder: Path, wheel: Path) -> Path:
    """Make the environment of a cell; its interpreter."""
    subprocess.run([uv, "venv", "--quiet", "--python", cell.interpreter, str(folder)], check=True)
    python = next(path for path in (folder / "bin" / "python", folder / "Scripts" / "python.exe") if path.exists())
    wanted = f"wakelift[{','.join(cell.extras)}] @ {wheel.as_uri()}" if cell.extras else f"wakelift @ {wheel.as_uri()}"
    resolution = {"newest": "highest", "lowest": "lowest-direct"}[cell.resolution]
    requirement = folder / "requirements.txt"
    # "Direct" are the requirements of the file: the wheel's own are named there, so that the lowest of them are taken.
    stated = [*project()["dependencies"], *(line for extra in cell.extras for line in extra_requirements(extra))]
    requirement.write_text("\n".join([wanted, *stated]) + "\n", encoding="utf-8")
    command = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--python",
        str(python),
        "--only-binary",
        ":all:",
        "--resolution",
        resolution,
    ]
    if "spark" in cell.extras or "all" in cell.extras:
        command += ["--no-binary", "pyspark"]  # PySpark comes as a source archive only
    subprocess.run([*command, "--requirement", str(requirement)], check=True)
    return python


def extra_requirements(extra: str) -> list[str]:
    """The requirements behind an extra; `all` is those of the others."""
    table = project()["optional-dependencies"]
    if extra != "all":
        return table[extra]
    inner = re.fullmatch(r"wakelift\[(.*)\]", table["all"][0])
    return [line for name in inner[1].split(",") for line in table[name]] if inner else []


def run(uv: str, cell: Cell, wheel: Path) -> bool:
    """Install and use one cell; whether it went well."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        try:
            python = install(uv, cell, place / "venv", wheel)
            extras = extra_names(cell)
            subprocess.run(
                [str(python), "-W", "error::SyntaxWarning", str(SMOKE), str(place), *extras], check=True, cwd=place
            )
        except subprocess.CalledProcessError:
            sys.stdout.write(f"  FAILED  {cell.name}\n")
            return False
    sys.stdout.write(f"  ok      {cell.name}  ({time.perf_counter() - start:.0f} s)\n")
    sys.stdout.flush()
    return True


def extra_names(cell: Cell) -> list[str]:
    """The extras of a cell, with `all` spelled out."""
    names = project()["optional-dependencies"]["all"][0].removeprefix("wakelift[").removesuffix("]").split(",")
    return names if "all" in cell.extras else list(cell.extras)


def main() -> int:
    """Run the cells; 1 when one failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if uv is None:
        sys.exit("uv is not installed: python -m pip install uv")
    (wheel,) = DIST.glob("*.whl")
    chosen = [cell for cell in cells(quick=asked.quick) if asked.only in cell.name]
    failed = [cell.name for cell in chosen if not run(uv, cell, wheel)]
    sys.stdout.write(f"{len(chosen) - len(failed)} of {len(chosen)} environments work\n")
    return int(bool(failed) or not chosen)


if __name__ == "__main__":
    sys.exit(main())
