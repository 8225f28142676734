"""Check the wheel and the source archive of a folder: every file of both packages, their metadata, and nothing else.

Usage: python .ci/packaging/archives.py build/dist
"""

from __future__ import annotations

import hashlib
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("attribution", "experiments")
TYPED = ("attribution/py.typed", "experiments/py.typed")
# What the source archive holds beside the packages; tests and machinery stay in the repository.
BESIDE = ("README.md", "README.zh-CN.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "pyproject.toml", ".gitignore")
FOLDERS = ("docs/",)
METADATA = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def digest(content: bytes) -> str:
    """The content in short."""
    return hashlib.sha256(content).hexdigest()


def source_tree() -> dict[str, str]:
    """Every file of both packages in the source tree."""
    return {
        path.relative_to(ROOT).as_posix(): digest(path.read_bytes())
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }


def wheel_problems(wheel: Path, source: dict[str, str]) -> list[str]:
    """What the wheel lacks, holds too much or holds otherwise; its metadata and its licence."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        held = {name: digest(archive.read(name)) for name in names if ".dist-info/" not in name}
        info = {name.split(".dist-info/")[1]: name for name in names if ".dist-info/" in name}
        described = Parser().parsestr(archive.read(info["METADATA"]).decode()) if "METADATA" in info else None
    problems = compared(wheel.name, held, source)
    problems += [f"{wheel.name}: no {name}" for name in TYPED if name not in held]
    problems += [f"{wheel.name}: metadata {sorted(set(info) ^ METADATA)}"] * (set(info) != METADATA)
    if described is not None:
        wanted = {"Name": "wakelift", "License-Expression": "Apache-2.0", "Requires-Python": ">=3.11"}
        problems += [
            f"{wheel.name}: {key} is {described[key]!r}, not {value!r}"
            for key, value in wanted.items()
            if described[key] != value
        ]
        problems += [f"{wheel.name}: no description"] * (not (described.get_payload() or "").strip())
    return problems


def archive_problems(archive: Path, source: dict[str, str]) -> list[str]:
    """The same of the source archive: the packages, the documentation, and no tests."""
    with tarfile.open(archive) as opened:
        files = {item.name.split("/", 1)[1]: opened.extractfile(item) for item in opened.getmembers() if item.isfile()}
        held = {name: digest(file.read()) for name, file in files.items() if file is not None}
    packaged = {name: mark for name, mark in held.items() if name.split("/")[0] in PACKAGES}
    problems = compared(archive.name, packaged, source)
    known = {*BESIDE, "PKG-INFO"}
    others = [name for name in held if name not in packaged and name not in known and not name.startswith(FOLDERS)]
    problems += [f"{archive.name}: does not belong there: {name}" for name in sorted(others)]
    return problems + [f"{archive.name}: no {name}" for name in BESIDE if name not in held]


def compared(name: str, held: dict[str, str], source: dict[str, str]) -> list[str]:
    """Files of an archive against the source tree."""
    problems = [f"{name}: lacks {file}" for file in sorted(source.keys() - held.keys())]
    problems += [f"{name}: does not belong there: {file}" for file in sorted(held.keys() - source.keys())]
    return problems + [
        f"{name}: differs: {file}" for file in sorted(source) if held.get(file, source[file]) != source[file]
    ]


def main(folder: str) -> int:
    """Check both archives of a folder; 1 when anything is wrong."""
    (wheel,), (archive,) = Path(folder).glob("*.whl"), Path(folder).glob("*.tar.gz")
    source = source_tree()
    problems = wheel_problems(wheel, source) + archive_problems(archive, source)
    for problem in problems:
        sys.stderr.write(problem + "\n")
    if not problems:
        sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in (wheel, archive))
        sys.stdout.write(f"{sizes}: {len(source)} files of both packages, as in the source tree, typed, no tests\n")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
