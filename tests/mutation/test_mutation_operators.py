"""Which changes `make mutants` tries, how it draws some of them, and how it counts what came of them."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

CI = Path(__file__).resolve().parents[2] / ".ci"
if not (CI / "mutation").is_dir():
    pytest.skip("mutation tests belong to the checkout, not to the source distribution", allow_module_level=True)
sys.path.insert(0, str(CI))

from mutation.__main__ import write as write_page  # noqa: E402
from mutation.mutants import Coverage, in_drawn_order, mutants_of, sampled  # noqa: E402
from mutation.operators import sites  # noqa: E402
from mutation.scores import binomial_interval, read_results, score_line, survivors_table  # noqa: E402


def changes(source: str) -> list[tuple[str, str, str]]:
    return [(site.operator, site.before, site.after) for site in sites(ast.parse(source))]


def in_a_function(statement: str) -> set[tuple[str, str]]:
    return {(before, after) for _, before, after in changes(f"def f(x, y):\n    {statement}\n")}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("return x < y", {("x < y", "x <= y")}),
        ("return x + y", {("x + y", "x - y")}),
        ("return x / y", {("x / y", "x * y")}),
        ("return x @ y", {("x @ y", "y @ x")}),
        ("return -x", {("-x", "x")}),
        ("return x and y", {("x and y", "x or y")}),
        ("return x if y else 0.5", {("x if y else 0.5", "x"), ("x if y else 0.5", "0.5"), ("0.5", "0.25")}),
        ("return x[1:]", {("1:", ":"), ("1", "2")}),
        ("return g(x, y)", {("g(x, y)", "g(y, x)")}),
        ("return g(x, axis=y)", {("g(x, axis=y)", "g(x)")}),
        ("return np.min(x)", {("np.min(x)", "np.max(x)")}),
        ("return np.sqrt(x)", {("np.sqrt(x)", "x")}),
        ("return min(x, y)", {("min(x, y)", "max(x, y)")}),
        ("x += y", {("x += y", "x -= y"), ("x += y", "x = y")}),
        ("x.sort()", {("x.sort()", "pass")}),
        ("raise InputError(f'{x} + 1 is not {2}')", {("raise InputError(f'{x} + 1 is not {2}')", "pass")}),
        ("return True", {("True", "False")}),
        ("return len(x), isinstance(x, y), 1e300", set()),
        ("return 1e-9 + 2", {("1e-09 + 2", "1e-09 - 2"), ("1e-09", "1.000000001"), ("2", "3")}),
        ("return 'a text', f'{x + 1}'", set()),
        ("return zip(x, y, strict=True)", {("zip(x, y, strict=True)", "zip(y, x, strict=True)")}),
        ("y: tuple[1, 2]", set()),
    ],
)
def test_each_place_is_changed_as_listed(statement, expected):
    assert in_a_function(statement) == expected


def test_constants_defaults_and_fields_are_changed_and_say_where_they_stand():
    source = '''
"""A text."""
from a import b
__all__ = ["f"]
LIMIT = 5
if TYPE_CHECKING:
    OTHER = 6
@decorated(7)
def f(x: Literal[8], y=0.5, *, z=True) -> Literal[9]:
    """Another."""
    return x
class C:
    share: float = 0.25
    def g(self):
        return 2
    def _display(self):
        return 3
'''
    found = [(s.kind, s.scope, s.name, s.before, s.after) for s in sites(ast.parse(source))]
    assert found == [
        ("constant", "LIMIT", "", "5", "6"),
        ("default", "f", "z", "True", "False"),
        ("default", "f", "y", "0.5", "0.25"),
        ("field", "C", "share", "0.25", "0.125"),
        ("code", "C.g", "", "2", "3"),
    ]


def test_applying_a_change_changes_that_place_alone():
    source = "def f(x, y):\n    return x + 1 if x < y else [x - 1, y]"
    texts = []
    for number in range(len(changes(source))):
        tree = ast.parse(source)
        list(sites(tree))[number].apply()
        texts.append(ast.unparse(tree).split("return ")[1])
    assert sorted(texts) == sorted([
        "x + 1", "[x - 1, y]", "x + 1 if x <= y else [x - 1, y]", "x - 1 if x < y else [x - 1, y]",
        "x + 2 if x < y else [x - 1, y]", "x + 1 if x < y else [x + 1, y]", "x + 1 if x < y else [x - 2, y]",
    ])  # fmt: skip


def test_the_lines_of_a_change_are_those_of_its_statement_or_of_its_header():
    source = "def f(x):\n    if x < (\n        3\n    ):\n        return (1 +\n            x)\n    return 2\n"
    spans = {site.before: (site.first, site.last) for site in sites(ast.parse(source))}
    assert spans == {"x < 3": (2, 4), "3": (2, 4), "1 + x": (5, 6), "1": (5, 6), "2": (7, 7)}


def write(folder, name: str, functions: int, *, above: str = "") -> str:
    text = above + "".join(f"def f{number}(x):\n    return x + {number}\n\n\n" for number in range(functions))
    (folder / name).write_text(text, encoding="utf-8")
    return name


def test_a_mutant_keeps_its_key_where_its_function_moves(tmp_path):
    before = {one.key: one.after for one in mutants_of(tmp_path, write(tmp_path, "a.py", 5))}
    after = {one.key: one.after for one in mutants_of(tmp_path, write(tmp_path, "a.py", 6, above="# new\n\n\n"))}
    assert len(before) == 10
    assert len(after) == 12
    assert before.items() <= after.items()


def test_a_sample_takes_its_share_of_every_file_and_holds_every_smaller_one(tmp_path):
    sizes = {"a.py": 40, "b.py": 20, "c.py": 5}
    mutants = [one for name, size in sizes.items() for one in mutants_of(tmp_path, write(tmp_path, name, size))]
    drawn = sampled(mutants, 65, seed=1)
    counts = {name: sum(one.path == name for one in drawn) for name in sizes}
    assert counts == {"a.py": 40, "b.py": 20, "c.py": 5}
    keys = {one.key for one in drawn}
    assert {one.key for one in sampled(mutants, 20, seed=1)} < keys
    assert keys != {one.key for one in sampled(mutants, 65, seed=2)}
    assert in_drawn_order(mutants, 1)[:65] == drawn
    assert sampled(mutants, None, seed=1) == sampled(mutants, 1000, seed=1) == mutants


def test_coverage_is_stale_where_a_test_or_a_source_has_changed(tmp_path):
    for name in ("test_a.py", "test_b.py", "a.py"):
        (tmp_path / name).write_text("one", encoding="utf-8")
    place = tmp_path / "build" / "lines.json"
    coverage = Coverage(place, tmp_path)
    assert coverage.stale(["test_a.py", "test_b.py"], ["a.py"]) == ["test_a.py", "test_b.py"]
    coverage.save("test_a.py", {"test_a.py::x": {"seconds": 0.5, "lines": {"a.py": [3, 4]}}}, ["a.py"])
    again = Coverage(place, tmp_path)
    assert again.stale(["test_a.py", "test_b.py"], ["a.py"]) == ["test_b.py"]
    assert again.by_line() == {("a.py", 3): {"test_a.py::x"}, ("a.py", 4): {"test_a.py::x"}}
    (tmp_path / "a.py").write_text("two", encoding="utf-8")
    assert again.stale(["test_a.py"], ["a.py"]) == ["test_a.py"]


@pytest.mark.parametrize(
    ("killed", "tried", "low", "high"),
    [  # Clopper and Pearson's limits; 0 and n of n by hand: 1 - 0.025^(1/10)
        (0, 10, 0.0, 0.308497),
        (10, 10, 0.691503, 1.0),
        (5, 10, 0.187086, 0.812914),
        (95, 100, 0.887165, 0.983568),
    ],
)
def test_the_interval_of_a_score_is_the_exact_one(killed, tried, low, high):
    assert binomial_interval(killed, tried) == pytest.approx((low, high), abs=1e-6)


def test_a_score_counts_timeouts_as_killed_and_leaves_out_what_was_not_changed(tmp_path):
    words = ["killed"] * 6 + ["timeout", "crashed", "survived", "no tests", "not counted"]
    results = [{"key": str(number), "status": word} for number, word in enumerate(words)]
    row = score_line("m", 40, results, {"8", "0"})
    assert row == "| m | 40 | 10 | 8 | 1 | 1 | 1 | 1 | 80.0 | 44.4–97.5 | 88.9 |"
    assert "all tried" in score_line("m", 10, results, set())
    assert score_line("m", 40, [], set()) == "| m | 40 | 0 | | | | | | | |"


def test_the_latest_result_of_a_mutant_counts_and_survivors_are_listed_with_their_judgement(tmp_path):
    place = tmp_path / "m.jsonl"
    assert read_results(place) == {}
    place.write_text('{"key": "k", "status": "survived"}\n\n{"key": "k", "status": "killed"}\n', encoding="utf-8")
    assert read_results(place)["k"]["status"] == "killed"
    mutants = mutants_of(tmp_path, write(tmp_path, "a.py", 1))
    keys = [one.key for one in mutants]
    table = survivors_table(
        mutants, {keys[0]: {"status": "survived"}, keys[1]: {"status": "killed"}}, {keys[0]: "equal: why"}
    )
    assert table.splitlines()[2:] == ["| `` f0 | `x + 0` | `x - 0` | equal: why |"]


def test_a_page_gets_its_parts_between_their_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- mutants: one -->\nold\n<!-- mutants: end -->\nb\n", encoding="utf-8")
    for text in ("new", "newer"):
        write_page(page, {"one": f"\n{text}\n"})
        assert page.read_text("utf-8") == f"a\n<!-- mutants: one -->\n{text}\n\n<!-- mutants: end -->\nb\n"
    with pytest.raises(SystemExit, match="has no <!-- mutants: two -->"):
        write_page(page, {"two": ""})
