"""The `attribution` that is imported is ours; a stranger of that name is answered with how to mend it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

import attribution
import experiments
from experiments._ours import check_attribution

CHECK = "from experiments._ours import check_attribution; check_attribution()"


def test_both_packages_stand_side_by_side():
    assert Path(attribution.__file__).parent.parent == Path(experiments.__file__).parent.parent


def test_the_version_is_that_of_the_distribution():
    assert attribution.__version__ == version("wakelift")


def test_ours_is_accepted():
    assert check_attribution() is None


def test_a_stranger_before_ours_on_the_path_is_refused(clean_python, tmp_path):
    (tmp_path / "attribution").mkdir()
    (tmp_path / "attribution" / "__init__.py").write_text("__version__ = '9.9'\n", encoding="utf-8")
    status, _, err = clean_python(CHECK, tmp_path)
    message = " ".join(err.split())
    assert status == 1
    assert "ImportError: `import attribution` found" in message
    assert str(tmp_path / "attribution") in message
    assert "python -m pip install --force-reinstall wakelift" in message
    assert "rename it, or run from another directory" in message


def test_a_single_file_of_that_name_is_refused(clean_python, tmp_path):
    (tmp_path / "attribution.py").write_text("", encoding="utf-8")
    status, _, err = clean_python(CHECK, tmp_path)
    assert status == 1
    assert "ImportError: `import attribution` found" in " ".join(err.split())


def test_a_broken_stranger_is_refused(clean_python, tmp_path):
    (tmp_path / "attribution.py").write_text("raise ImportError('needs torch')", encoding="utf-8")
    status, _, err = clean_python(CHECK, tmp_path)
    assert status == 1
    assert "cannot be imported: needs torch" in " ".join(err.split())


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_importing_experiments_checks_by_itself(clean_python, tmp_path, kind):
    if kind == "folder":
        (tmp_path / "attribution").mkdir()
        (tmp_path / "attribution" / "__init__.py").write_text("", encoding="utf-8")
    else:
        (tmp_path / "attribution.py").write_text("", encoding="utf-8")
    status, _, err = clean_python("import experiments", tmp_path)
    assert status == 1
    assert "which is not the `attribution` of wakelift" in " ".join(err.split())
