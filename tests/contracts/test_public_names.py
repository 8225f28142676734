"""`__all__`, the lazy exports, what type checkers see and the contract page say the same."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from types import ModuleType

import pytest
from package_sources import ROOT, tree

import attribution
import experiments

ALIASES = {"at": attribution, "ex": experiments}
PACKAGES = pytest.mark.parametrize(("alias", "package"), ALIASES.items(), ids=ALIASES)
PAGE = ROOT / "docs" / "reference" / "contract.md"


def documented(alias: str) -> set[str]:
    """Names that the page has in backticks, with or without arguments: `at.Rules`, `at.Rules(lookback="30d")`."""
    code = re.findall(r"`([^`\n]+)`", PAGE.read_text(encoding="utf-8"))
    return {name for piece in code for name in re.findall(rf"(?<![\w.]){alias}\.([A-Za-z_]\w*)", piece)}


def public(package: ModuleType) -> list[tuple[str, object]]:
    return [(name, getattr(package, name)) for name in package.__all__]


@PACKAGES
def test_every_name_of_all_loads_and_stands_there_once(alias: str, package: ModuleType):
    assert len(package.__all__) == len(set(package.__all__))
    for name in package.__all__:
        assert getattr(package, name) is getattr(package, name)
    assert set(package.__all__) <= set(dir(package))


@PACKAGES
def test_an_unknown_name_is_answered_with_the_closest(alias: str, package: ModuleType):
    name = next(name for name in package.__all__ if len(name) > 6 and not name.startswith("_"))
    with pytest.raises(AttributeError, match=f"Did you mean '{name}'"):
        getattr(package, name + "s" if name + "s" not in package.__all__ else name + "xs")


@PACKAGES
def test_the_lazy_exports_are_all_and_the_other_way_round(alias: str, package: ModuleType):
    assert set(package._EXPORTS) | {"__version__"} == set(package.__all__) | {"__version__"}


@PACKAGES
def test_type_checkers_see_what_is_exported(alias: str, package: ModuleType):
    """The stub holds imports of one name each and nothing else, so that the running program reads all of it."""
    stub = tree(ROOT / package.__name__ / "__init__.pyi")
    assert [ast.unparse(node) for node in stub.body if not isinstance(node, ast.ImportFrom)] == []
    assert [ast.unparse(node) for node in stub.body if len(node.names) != 1 or not node.names[0].asname] == []
    imported = {
        node.names[0].asname: node.module
        if node.names[0].asname == node.names[0].name
        else f"{node.module}:{node.names[0].name}"
        for node in stub.body
    }
    assert imported == dict(package._EXPORTS)
    assert list(package._EXPORTS) == sorted(package._EXPORTS)


@PACKAGES
def test_the_contract_page_lists_every_public_name_and_no_other(alias: str, package: ModuleType):
    names = set(package.__all__) - {"__version__"}
    page = documented(alias) - {"__version__"}
    assert sorted(names - page) == [], f"not in {PAGE.name}"
    assert sorted(page - names) == [], f"in {PAGE.name}, but not public"


@PACKAGES
def test_every_public_function_has_a_docstring_with_an_example(alias: str, package: ModuleType):
    functions = {name: value for name, value in public(package) if inspect.isfunction(inspect.unwrap(value))}
    assert [name for name, value in functions.items() if ">>>" not in (inspect.getdoc(value) or "")] == []


@PACKAGES
def test_every_public_class_has_a_docstring_of_its_own(alias: str, package: ModuleType):
    classes = {name: value for name, value in public(package) if inspect.isclass(value)}
    assert [name for name, value in classes.items() if not value.__dict__.get("__doc__")] == []


@PACKAGES
def test_public_dataclasses_are_frozen_and_slotted(alias: str, package: ModuleType):
    classes = {
        name: value for name, value in public(package) if inspect.isclass(value) and dataclasses.is_dataclass(value)
    }
    loose = [
        name
        for name, value in classes.items()
        if not value.__dataclass_params__.frozen or "__slots__" not in value.__dict__
    ]
    assert loose == []


@PACKAGES
def test_options_are_keyword_only(alias: str, package: ModuleType):
    """A parameter with a default is an option; data have none, or None; the first parameter is what a call is about."""
    offenders = []
    for name, value in public(package):
        if not inspect.isfunction(value):
            continue
        for parameter in list(inspect.signature(value).parameters.values())[1:]:
            positional = parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
            if positional and parameter.default not in (inspect.Parameter.empty, None):
                offenders.append(f"{name}({parameter.name})")
    assert offenders == []


def test_both_packages_share_the_base_of_errors():
    assert experiments.WakeLiftError is attribution.WakeLiftError
