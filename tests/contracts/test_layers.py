"""Every module stands in exactly one layer; the layers themselves are checked by import-linter (`make layers`)."""

from __future__ import annotations

import re
import tomllib

import pytest
from package_sources import PACKAGES, ROOT


def contracts() -> dict[str, dict]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    return {contract["id"]: contract for contract in settings["contracts"]}


def layered(package: str) -> list[str]:
    lines = contracts()[package]["layers"]
    return [name.strip(" ()") for line in lines for name in re.split(r"[|:]", line)]


def modules(package: str) -> set[str]:
    folder = ROOT / package
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    return files | {path.parent.name for path in folder.glob("*/*.py")}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_is_in_one_layer(package: str):
    layers = layered(package)
    assert len(layers) == len(set(layers)), "a module is in two layers"
    outside = modules(package) - set(layers)
    assert outside == set(), (
        f"put {sorted(outside)} in a layer: pyproject.toml, [[tool.importlinter.contracts]] {package}"
    )


def test_the_ground_floor_never_imports_upstairs():
    storeys = contracts()["storeys"]
    assert storeys["type"] == "forbidden"
    assert storeys["source_modules"] == ["attribution"]
    assert storeys["forbidden_modules"] == ["experiments"]
    assert "ignore_imports" not in storeys


def test_the_core_stands_at_the_bottom():
    assert [name for name in layered("attribution") if name != "_version"][-1] == "core"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_of_modules_is_a_package(package: str):
    """A folder without __init__.py would be left out of the checks of import-linter and mypy."""
    folders = {path.parent for path in (ROOT / package).rglob("*.py")}
    assert sorted(str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").is_file()) == []
