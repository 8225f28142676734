"""The source files that the contract tests read."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("attribution", "experiments")


@cache
def package_files() -> tuple[Path, ...]:
    """Every module of both packages."""
    return tuple(sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")))


@cache
def modules_of_tests() -> tuple[Path, ...]:
    """Every test module."""
    return tuple(sorted((ROOT / "tests").rglob("*.py")))


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def shown(path: Path) -> str:
    """The path as the project spells it."""
    return path.relative_to(ROOT).as_posix()
