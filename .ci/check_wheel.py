"""Check that the one wheel in a folder holds every file of both packages, and nothing else but its metadata."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("attribution", "experiments")
NEEDED = ("attribution/py.typed", "experiments/py.typed")


def main(folder: str) -> int:
    """Compare the wheel with the source tree; the exit code is the number of differences, at most 1."""
    (wheel,) = Path(folder).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    source = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    } | set(NEEDED)
    missing, foreign = sorted(source - held), sorted(held - source)
    for name in missing:
        sys.stderr.write(f"not in the wheel: {name}\n")
    for name in foreign:
        sys.stderr.write(f"does not belong in the wheel: {name}\n")
    if not (missing or foreign):
        sys.stdout.write(f"{wheel.name}: {len(held)} files, as in the source tree\n")
    return int(bool(missing or foreign))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
