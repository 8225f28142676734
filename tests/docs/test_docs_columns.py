"""The page of result columns is made from the results: no column without a meaning, no meaning without a column.

`pytest tests/docs/test_docs_columns.py --update-golden` writes the pages anew; meanings stand in `result_columns.toml`.
"""

from __future__ import annotations

import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "contracts"))

from degenerate_calls import CALLS  # noqa: E402 -- the calls of every public name live beside the contract tests
from degenerate_world import World  # noqa: E402

PAGES = {"en": "docs/reference/columns.md", "zh": "docs/zh/reference/columns.md"}
MEANINGS = tomllib.loads((HERE / "result_columns.toml").read_text(encoding="utf-8"))
# The results of the page: the call that makes one, and the name of its table.
TABLES = {
    "at.attribute": ("at.attribute", "at.attribute(...).table()"),
    "at.Journeys.paths": ("at.Journeys.paths", "at.build_journeys(...).paths()"),
    "ex.build_outcomes": ("ex.build_outcomes", "ex.build_outcomes(...).table()"),
    "ex.Experiment": ("ex.Experiment", "ex.Experiment(...).analyze(...).table()"),
    "ex.cost_thresholds": ("ex.cost_thresholds", "ex.cost_thresholds(...).table()"),
    "ex.money_test": ("ex.money_test", "ex.money_test(...).table()"),
    "ex.reconcile": ("ex.reconcile", "ex.reconcile(...).table()"),
}
# The kind of a column: its type in the tables, and its unit, in both languages.
KINDS = {
    "text": ("text", "–", "文字", "–"),
    "count": ("number", "a count", "数", "计数"),
    "number": ("number", "as in the meaning", "数", "见含义"),
    "money": ("number", "money, as in your tables", "数", "金额，与您的表相同"),
    "rate": ("number", "a share: 0.1 is 10 %", "数", "份额：0.1 即 10%"),
    "ratio": ("number", "a ratio", "数", "比值"),
    "p": ("number", "a probability", "数", "概率"),
}
HEADS = {
    "en": "# Columns of the result tables\n\n"
    "What does a column of `.table()` hold, and in what unit? Made from the results themselves, as a test calls them. "
    "`.to_polars()`, `.to_arrow()` and `.to_dicts()` have the same columns; an undefined number is missing (None), and "
    "the note or reason says why. What is printed rounds and names units; tables do not. Columns of your own (keys of "
    "`by`, history) keep their names.\n",
    "zh": "# 结果表的列\n\n"
    "`.table()` 的每一列是什么，单位是什么？本页由测试调用得到的结果生成。`.to_polars()`、`.to_arrow()` 与 "
    "`.to_dicts()` 的列相同；无定义的数为缺失（None），备注或原因列说明为什么。打印出来的数字经过舍入并带单位；"
    "表中的数不舍入。您自己的列（`by` 的键、历史列）保留原名。\n",
}
COLUMNS = {
    "en": "| column | type | unit | meaning |\n|---|---|---|---|\n",
    "zh": "| 列 | 类型 | 单位 | 含义 |\n|---|---|---|---|\n",
}


@cache
def fields(name: str) -> tuple[tuple[str, str], ...]:
    result = CALLS[TABLES[name][0]](World())
    return tuple((field.name, field.kind) for field in result._records().fields)


def meaning(name: str, column: str) -> list[str] | None:
    return MEANINGS.get(name, {}).get(column) or MEANINGS["common"].get(column)


def page(lang: str) -> str:
    at = ("en", "zh").index(lang)
    parts = [HEADS[lang]]
    for name, (_, call) in TABLES.items():
        rows = []
        for column, kind in fields(name):
            type_, unit = KINDS[kind][2 * at : 2 * at + 2]
            rows.append(f"| `{column}` | {type_} | {unit} | {(meaning(name, column) or ['', ''])[at]} |\n")
        parts.append(f"\n## `{call}`\n\n{COLUMNS[lang]}{''.join(rows)}")
    return "".join(parts)


@pytest.mark.parametrize("lang", PAGES)
def test_the_page_is_what_the_results_hold(repo, request, lang):
    place = repo / PAGES[lang]
    if request.config.getoption("--update-golden"):
        place.write_bytes(page(lang).encode("utf-8"))
    assert place.read_text(encoding="utf-8") == page(lang), "write it anew with --update-golden"


@pytest.mark.parametrize("name", TABLES)
def test_every_column_has_a_meaning_in_both_languages(name):
    for column, _ in fields(name):
        told = meaning(name, column)
        assert told is not None, f"{name}: write what {column} means in tests/docs/result_columns.toml"
        assert len(told) == 2
        assert all(told)


def test_every_meaning_has_a_column():
    assert set(MEANINGS) - {"common"} == set(TABLES)
    for name in TABLES:
        assert set(MEANINGS[name]) <= {column for column, _ in fields(name)}, name
    used = {column for name in TABLES for column, _ in fields(name) if column not in MEANINGS[name]}
    assert set(MEANINGS["common"]) == used


def test_the_kinds_are_those_of_the_results():
    for name in TABLES:
        for column, kind in fields(name):
            frame = CALLS[TABLES[name][0]](World()).table()
            is_text = not str(frame[column].dtype).startswith(("int", "float", "Int", "Float"))
            if frame[column].notna().any() and column != "person_id":
                assert is_text == (KINDS[kind][0] == "text"), (name, column)


@pytest.mark.parametrize("page_", ["docs/reference/index.md", "docs/guides/own-tables.md"])
def test_the_reference_and_the_guide_lead_to_the_page(repo, page_):
    assert "columns.md)" in (repo / page_).read_text(encoding="utf-8")
