"""The page of codes holds every code that the source can give, and no other."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from package_sources import PACKAGES, ROOT, package_files, shown, tree

PAGE = ROOT / "docs" / "reference" / "codes.md"
CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
# Here codes are handed on as words in a column: notes of estimates, reasons of verdicts, statuses of touches.
SPOKEN_AS_WORDS = (
    "attribution/compare/",
    "attribution/credit/explain.py",
    "attribution/engines/conversions.py",
    "attribution/engines/lookbacks.py",
    "attribution/engines/sums.py",
    "attribution/engines/tables.py",
    "attribution/engines/touches.py",
    "experiments/design/planning/",
    "experiments/inference/",
    "experiments/readout/",
    "experiments/reconciliation/",
    "experiments/roi/",
    "experiments/wakeup/",
)


def rows(text: str) -> list[list[str]]:
    """The cells of each row of the table whose first cell is a code in backticks."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def documented() -> list[str]:
    return [row[0].strip("` ") for row in rows(PAGE.read_text(encoding="utf-8"))]


class Codes:
    """The codes of one module, with the lines that give them."""

    def __init__(self, module: ast.Module, catalogue: frozenset[str]) -> None:
        self.module = module
        self.catalogue = catalogue
        self.unresolved: list[int] = []

    def given(self) -> Iterator[tuple[str, int]]:
        """Codes handed to `problems.add`, to a finding or to `DesignError`."""
        for node in ast.walk(self.module):
            if isinstance(node, ast.Call) and (code := _code_argument(node)) is not None:
                found = list(self.resolve(code))
                if not found:
                    self.unresolved.append(node.lineno)
                yield from ((word, node.lineno) for word in found)

    def words(self) -> Iterator[tuple[str, int]]:
        """Codes written as text, but not in `__all__`, in a docstring, as the key of a sentence or as a definition."""
        kept_out = {id(part) for node in ast.walk(self.module) if _is_no_code(node) for part in ast.walk(node)}
        for node in ast.walk(self.module):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in kept_out:
                for piece in re.split(r"; ?| \(", node.value):
                    if len(piece) > 3 and CODE.fullmatch(piece) and not self._is_definition(piece):
                        yield piece, node.lineno

    def _is_definition(self, word: str) -> bool:
        """Whether a word names a definition of a recipe and nothing else."""
        return f"DEFINITION.{word}" in self.catalogue and f"EXPLAIN.{word}" not in self.catalogue

    def resolve(self, node: ast.expr) -> Iterator[str]:
        """The texts that an expression can be: a constant, either branch, a variable, a parameter, an f-string."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.IfExp):
            yield from self.resolve(node.body)
            yield from self.resolve(node.orelse)
        elif isinstance(node, ast.JoinedStr):
            pieces = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+" for part in node.values]
            yield from (code for code in sorted(self.catalogue) if re.fullmatch("".join(pieces), code))
        elif isinstance(node, ast.Name):
            yield from self._of_name(node.id)

    def _of_name(self, name: str) -> Iterator[str]:
        for node in ast.walk(self.module):
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
                yield from self.resolve(node.value)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
                yield from self.resolve(node.value) if node.value is not None else ()
            elif isinstance(node, ast.FunctionDef):
                yield from self._passed_to(node, name)

    def _passed_to(self, function: ast.FunctionDef, parameter: str) -> Iterator[str]:
        names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        for node in ast.walk(self.module):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func) == function.name):
                continue
            passed = dict(zip(names, node.args, strict=False)) | {word.arg: word.value for word in node.keywords}
            if parameter in passed and isinstance(passed[parameter], ast.Constant | ast.IfExp):
                yield from self.resolve(passed[parameter])


def _code_argument(call: ast.Call) -> ast.expr | None:
    name = ast.unparse(call.func)
    if name.endswith("problems.add") or name.split(".")[-1] == "DesignError":
        return call.args[0] if call.args else next((word.value for word in call.keywords if word.arg == "code"), None)
    if name.split(".")[-1].endswith("Finding"):
        return next((word.value for word in call.keywords if word.arg == "code"), None)
    return None


def _is_no_code(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return any(ast.unparse(target) == "__all__" for target in node.targets)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[0] == "messages"


def catalogue() -> frozenset[str]:
    """Keys of all sentences, as they are asked for: `SRM.fail`, and `SRM` for short."""
    texts = [path for package in PACKAGES for path in (ROOT / package / "messages").glob("*.en.toml")]
    keys: set[str] = set()
    for path in texts:
        for key, value in tomllib.loads(path.read_text(encoding="utf-8")).items():
            keys |= {key, *(f"{key}.{below}" for below in value)} if isinstance(value, dict) else {key}
    return frozenset(keys | {key.split(".")[0] for key in keys if key.split(".")[0].isupper()})


def in_source() -> dict[str, list[str]]:
    """Each code with the places that give it."""
    known, places = catalogue(), {}
    for path in package_files():
        codes = Codes(tree(path), known)
        found = list(codes.given())
        assert codes.unresolved == [], f"{shown(path)}: a code that cannot be read from the source"
        if shown(path).startswith(SPOKEN_AS_WORDS):
            found += list(codes.words())
        for code, line in found:
            places.setdefault(code, []).append(f"{shown(path)}:{line}")
    return places


def test_every_code_of_the_source_is_on_the_page():
    page = set(documented())
    missing = {code: places for code, places in in_source().items() if code not in page}
    assert missing == {}, f"not in {PAGE.name}"


def test_every_code_of_the_page_is_given_by_the_source():
    source = in_source()
    assert [code for code in documented() if code not in source] == []


def test_the_page_is_sorted_complete_and_names_each_code_once():
    codes = documented()
    assert codes == sorted(set(codes))
    for row in rows(PAGE.read_text(encoding="utf-8")):
        assert len(row) == 4, row
        assert all(row), row


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ('problems.add("A_B", "touches", None, 1, message="")', {"A_B"}),
        ('table.problems.add("A" if x else "B", 1)', {"A", "B"}),
        ('Finding(code="SRM", status="pass")', {"SRM"}),
        ('code = "X"\nSplitFinding(code=code, status="pass")', {"X"}),
        ('raise DesignError("NO_HOLDOUT", "text")', {"NO_HOLDOUT"}),
        ('def f(table, code):\n    problems.add(code)\nf(t, "PASSED_ON")', {"PASSED_ON"}),
        ('Finding(code=f"OUTCOME_{name}", status="note")', {"OUTCOME_A", "OUTCOME_B"}),
        ('print("NOT_A_CODE")', set()),
    ],
)
def test_codes_are_found_however_they_are_written(source: str, codes: set[str]):
    found = Codes(ast.parse(source), frozenset({"OUTCOME_A", "OUTCOME_B", "OTHER"})).given()
    assert {code for code, _ in found} == codes


def test_a_code_that_cannot_be_read_is_told():
    codes = Codes(ast.parse("Finding(code=lookup[key], status='pass')"), frozenset())
    assert list(codes.given()) == []
    assert codes.unresolved == [1]


def test_words_are_codes_unless_they_are_names_or_sentences():
    module = ast.parse('__all__ = ["FEW"]\nnote = "ZERO_VARIANCE; X"\nmessages.text("TITLE")\n"DOCS"\nword = "FAIL"\n')
    assert {code for code, _ in Codes(module, frozenset()).words()} == {"ZERO_VARIANCE", "FAIL"}


def _table_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_codes_named_elsewhere_in_the_documentation_exist():
    """A page that quotes `[CODE]` quotes one that the source can give."""
    source = in_source()
    quoted = {
        (shown(page), code)
        for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
        for code in re.findall(r"\[([A-Z]+(?:_[A-Z]+)+)\]", _table_of(page))
    }
    assert sorted(place for place in quoted if place[1] not in source) == []
