"""Rules of the source that no linter knows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from package_sources import ROOT, modules_of_tests, package_files, shown, tree

TEXT_SUFFIXES = {".py", ".md", ".toml", ".json", ".txt", ".html", ".cfg", ".yml", ".yaml", ".css", ".j2", ""}
# Spelled in pieces, so that this file does not hold them.
WORKPLACES = ["/wo" + "rk/main", "/wo" + "rk/shared", "/ro" + "ot/", "/tm" + "p/", "/ho" + "me/", "C:" + "\\Users"]
BANNED_NAMES = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}


def project_texts() -> list[Path]:
    places = [ROOT / name for name in ("attribution", "experiments", "tests", "docs", ".ci")]
    files = [
        path for place in places for path in place.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    files += [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    return sorted(path for path in files if path.suffix in TEXT_SUFFIXES)


@pytest.mark.parametrize(
    "code", ["1 - norm.cdf(x)", "1.0 - stats.norm.cdf(x)", "1 - cdf(x)", "(1-special.ndtr(x))", "1 - chdtr(1, x)"]
)
def test_the_search_for_lost_tails_finds_them(code: str):
    assert lost_tails(ast.parse(code))


@pytest.mark.parametrize("code", ["norm.sf(x)", "2 - norm.cdf(x)", "1 - x", "1 - level / 2", "ndtr(-x)"])
def test_the_search_for_lost_tails_lets_others_pass(code: str):
    assert not lost_tails(ast.parse(code))


def lost_tails(module: ast.AST) -> list[int]:
    """Lines with 1 - cdf(...), which loses every digit of a small tail; the survival function keeps them."""
    distributions = {"cdf", "ndtr", "chdtr", "stdtr", "fdtr", "bdtr", "btdtr", "betainc", "gammainc", "pdtr"}
    return [
        node.lineno
        for node in ast.walk(module)
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and isinstance(node.left, ast.Constant)
        and node.left.value == 1
        and isinstance(node.right, ast.Call)
        and ast.unparse(node.right.func).split(".")[-1] in distributions
    ]


def test_tails_are_never_one_minus_cdf():
    assert {shown(path): found for path in package_files() if (found := lost_tails(tree(path)))} == {}


def test_files_are_opened_with_their_encoding_named():
    offenders = []
    for path in package_files():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and _reads_text_with_default_encoding(node):
                offenders.append(f"{shown(path)}:{node.lineno} {ast.unparse(node)[:60]}")
    assert offenders == []


def _reads_text_with_default_encoding(call: ast.Call) -> bool:
    name = ast.unparse(call.func).split(".")[-1]
    if name not in {"open", "read_text", "write_text"} or any(keyword.arg == "encoding" for keyword in call.keywords):
        return False
    if name == "read_text":
        return not call.args
    if name == "write_text":
        return len(call.args) < 2
    modes = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    texts = [mode.value for mode in modes if isinstance(mode, ast.Constant) and isinstance(mode.value, str)]
    return not any(re.fullmatch(r"[rwxa]?b\+?|[rwxa]\+?b", text) for text in texts)


def test_no_text_names_the_place_where_it_was_written():
    found = {}
    for path in project_texts():
        text = path.read_text(encoding="utf-8", errors="replace")
        if words := [word for word in WORKPLACES if word in text]:
            found[shown(path)] = words
    assert found == {}


def test_modules_are_named_after_what_they_are_about():
    stems = {shown(path): path.stem for path in package_files()} | {
        shown(path): path.parent.name for path in package_files()
    }
    assert {name: stem for name, stem in stems.items() if stem in BANNED_NAMES} == {}
    assert [shown(path) for path in package_files() if path.stem in BANNED_NAMES] == []


def test_test_modules_have_unique_names():
    """Without packages in tests/, two modules of one name would hide each other."""
    names: dict[str, list[str]] = {}
    for path in modules_of_tests():
        if path.stem.startswith("test_"):
            names.setdefault(path.stem, []).append(shown(path))
    assert {name: paths for name, paths in names.items() if len(paths) > 1} == {}
    assert [shown(path) for path in modules_of_tests() if path.name == "__init__.py"] == []


def test_oracles_import_nothing_of_ours():
    offenders = []
    for path in (ROOT / "tests" / "oracles").glob("*.py"):
        for node in ast.walk(tree(path)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            offenders += [
                f"{shown(path)} {name}" for name in modules if name.split(".")[0] in {"attribution", "experiments"}
            ]
    assert offenders == []


def test_every_module_says_what_it_is_and_leaves_nothing_for_later():
    later = re.compile("TO" + r"DO|FIX" + r"ME|XX" + "X")
    assert [shown(path) for path in package_files() if not ast.get_docstring(tree(path))] == []
    assert [shown(path) for path in package_files() if later.search(path.read_text(encoding="utf-8"))] == []
