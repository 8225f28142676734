"""Lazy public names: loaded once, on first use, never hidden by a module of the same name."""

from __future__ import annotations

import pytest

from attribution.core.lazy import attach

PACKAGE = """
from attribution.core.lazy import attach
__all__ = ["colour", "shade", "simulate"]
_EXPORTS = {"colour": "painted.brush", "shade": "painted.brush:tint", "simulate": "painted.simulate"}
__getattr__, __dir__ = attach(__name__, _EXPORTS)
"""


@pytest.fixture
def painted(tmp_path):
    folder = tmp_path / "painted"
    (folder / "simulate").mkdir(parents=True)
    (folder / "__init__.py").write_text(PACKAGE, encoding="utf-8")
    (folder / "brush.py").write_text("def colour():\n    return 'red'\ntint = 'dark'\n", encoding="utf-8")
    (folder / "simulate" / "__init__.py").write_text("def simulate():\n    return 'simulated'\n", encoding="utf-8")
    (folder / "simulate" / "inner.py").write_text("number = 5\n", encoding="utf-8")
    return tmp_path


def run(clean_python, painted, code: str) -> str:
    status, out, err = clean_python(code, painted)
    assert status == 0, err
    return out.strip()


def test_a_name_is_loaded_on_first_use_and_kept(clean_python, painted):
    code = """
import sys, painted
print("painted.brush" in sys.modules, painted.colour(), painted.shade, "colour" in vars(painted))
"""
    assert run(clean_python, painted, code) == "False red dark True"


def test_dir_lists_the_public_names_before_they_are_loaded(clean_python, painted):
    code = "import painted; print({'colour', 'shade', 'simulate', '__all__'} <= set(dir(painted)))"
    assert run(clean_python, painted, code) == "True"


@pytest.mark.parametrize(
    "first",
    [
        "import painted.simulate.inner",
        "from painted.simulate import inner",
        "from painted import simulate",
        "import painted.simulate",
    ],
)
def test_a_module_of_the_same_name_does_not_hide_a_public_function(clean_python, painted, first):
    code = f"{first}\nimport painted, sys\nprint(painted.simulate(), sys.modules['painted.simulate'].__name__)"
    assert run(clean_python, painted, code) == "simulated painted.simulate"


def test_star_import_gives_the_public_names(clean_python, painted):
    assert (
        run(clean_python, painted, "from painted import *\nprint(colour(), shade, simulate())") == "red dark simulated"
    )


def test_an_unknown_name_is_answered_with_the_closest(clean_python, painted):
    code = """
import painted
try:
    painted.color
except AttributeError as error:
    print(error, error.name)
print(hasattr(painted, "__wrapped__"))
"""
    expected = "module 'painted' has no attribute 'color'. Did you mean 'colour'? color\nFalse"
    assert run(clean_python, painted, code) == expected


def test_attach_needs_no_imported_package():
    get, _ = attach("not.imported", {"check_seed": "attribution.core.randomness"})
    assert get("check_seed")(3) == 3
    with pytest.raises(
        AttributeError, match=r"module .not.imported. has no attribute 'chek_seed'. Did you mean 'check_seed'"
    ):
        get("chek_seed")
