"""Importing the library loads nothing heavy; heavy libraries are loaded by the functions that need them."""

from __future__ import annotations

import fnmatch
import json
import tomllib

from package_sources import ROOT, package_files, shown

HEAVY = (
    "pandas",
    "statsmodels",
    "scipy.stats",
    "scipy.optimize",
    "scipy.special",
    "pyarrow",
    "matplotlib",
    "pydantic",
    "babel",
    "jinja2",
    "click",
    "polars",
    "duckdb",
    "tomlkit",
    "junitparser",
    "xlsxwriter",
    "tqdm",
    "sklearn",
)
REPORT = f"import json, sys; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"


def loaded_by(clean_python, code: str) -> list[str]:
    status, out, err = clean_python(f"{code}\n{REPORT}")
    assert status == 0, err
    return json.loads(out)


def late_modules() -> list[str]:
    """Modules that may import at their top what they are about: those exempt from TID253 in pyproject.toml."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    exempt = [pattern for pattern, rules in settings["per-file-ignores"].items() if "TID253" in rules]
    return [pattern for pattern in exempt if pattern.startswith(("attribution", "experiments"))]


def test_the_check_sees_a_heavy_import(clean_python):
    assert "pandas" in loaded_by(clean_python, "import pandas")


def test_importing_both_packages_loads_nothing_heavy(clean_python):
    assert loaded_by(clean_python, "import attribution, experiments") == []


def test_no_module_loads_anything_heavy_when_imported(clean_python):
    patterns = late_modules()
    paths = [shown(path) for path in package_files()]
    light = [path for path in paths if not any(fnmatch.fnmatch(path, pattern) for pattern in patterns)]
    names = [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in light]
    names = [name for name in names if not name.endswith("__main__")]
    code = f"""
import importlib, sys
found = {{}}
for name in {names!r}:
    importlib.import_module(name)
    for heavy in {HEAVY!r}:
        if heavy in sys.modules and heavy not in found:
            found[heavy] = name
assert not found, f"heavy library: first module that loads it: {{found}}"
"""
    status, _, err = clean_python(code)
    assert status == 0, err.strip().splitlines()[-1]
