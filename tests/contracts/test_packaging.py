"""The checks of wheel, licences and environments find what they are made for; the page names every dependency."""

from __future__ import annotations

import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from package_sources import ROOT

FOLDER = ROOT / ".ci" / "packaging"
METADATA = "Metadata-Version: 2.4\nName: wakelift\nLicense-Expression: Apache-2.0\nRequires-Python: >=3.11\n\nWords.\n"


@pytest.fixture
def packaging(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import archives
    import matrix
    import notices

    yield {"archives": archives, "matrix": matrix, "notices": notices}
    for name in ("archives", "matrix", "notices"):
        sys.modules.pop(name)


@pytest.fixture
def wheel(packaging, tmp_path: Path):
    """Makes a wheel that holds the source tree, less and more what is asked."""

    def make(*, without: str = "", beside: dict[str, str] | None = None, metadata: str = METADATA) -> list[str]:
        source = packaging["archives"].source_tree()
        path = tmp_path / "wakelift-0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name in source:
                if name != without:
                    archive.write(ROOT / name, name)
            info = {"METADATA": metadata, "WHEEL": "", "RECORD": "", "entry_points.txt": "", "licenses/LICENSE": ""}
            for name, text in {
                **{f"wakelift-0.dist-info/{key}": text for key, text in info.items()},
                **(beside or {}),
            }.items():
                archive.writestr(name, text)
        return packaging["archives"].wheel_problems(path, source)

    return make


def test_a_right_wheel_is_accepted(wheel):
    assert wheel() == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"without": "attribution/py.typed"}, "lacks attribution/py.typed"),
        ({"without": "experiments/cli/__init__.py"}, "lacks experiments/cli/__init__.py"),
        ({"beside": {"tests/test_x.py": ""}}, "does not belong there: tests/test_x.py"),
        ({"beside": {"experiments/extra.py": ""}}, "does not belong there: experiments/extra.py"),
        (
            {"without": "attribution/rules.py", "beside": {"attribution/rules.py": "x = 1"}},
            "differs: attribution/rules.py",
        ),
        ({"metadata": METADATA.replace("Apache-2.0", "Other")}, "License-Expression is 'Other'"),
        ({"metadata": METADATA.replace("Words.", "")}, "no description"),
    ],
)
def test_a_wrong_wheel_is_told(wheel, fault: dict, said: str):
    assert any(said in problem for problem in wheel(**fault))


@pytest.mark.parametrize(
    ("licence", "fine"),
    [
        ("BSD-3-Clause", True),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", True),
        ("MPL-2.0 AND MIT", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("LGPL-2.1", False),
        ("GNU General Public License v3 (GPLv3)", False),
        ("", False),
        ("Proprietary", False),
    ],
)
def test_licences_that_ask_for_more_than_their_notice_are_told(packaging, licence: str, fine: bool):
    assert packaging["notices"].permissive(licence) is fine


def test_every_python_that_is_promised_has_its_environments(packaging):
    matrix = packaging["matrix"]
    assert matrix.pythons() == ["3.11", "3.12", "3.13"]
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if version not in matrix.pythons() or shutil.which(f"python{version}") is None:
        pytest.skip(f"no python{version} on the path")
    named = [cell.name for cell in matrix.cells(quick=False) if cell.python == version]
    extras = ("none", "polars", "duckdb", "spark", "ibis", "excel", "all")
    assert sorted(named) == sorted(f"{version} {kind} {extra}" for kind in ("newest", "lowest") for extra in extras)


def test_the_page_names_every_dependency_with_its_bound():
    import tomllib

    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = dict(re.match(r"([\w-]+)>=([\d.]+)", line).groups() for line in stated["dependencies"])
    page = (ROOT / "docs" / "reference" / "dependencies.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| ([\w-]+) \| ([\d.]+) \|", page, re.MULTILINE))
    assert listed == bounds
    inner = [
        line
        for extra in ("polars", "duckdb", "spark", "ibis", "excel")
        for line in stated["optional-dependencies"][extra]
    ]
    missing = [line for line in inner if re.match(r"[A-Za-z]+", line)[0].lower() not in page.lower()]
    assert missing == []
