"""The numbers printed on a page are those of the simulated campaign: recomputed here, cell by cell.

A table under the comment ``<!-- checked: NAME -->`` holds the cells of `TABLES[NAME]`, whatever its first column says;
a ``text`` block under ``<!-- checked: output -->`` holds lines of what the page's first Python block prints.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

import attribution as at
import experiments as ex

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").rglob("*.md"))]
MODELS = ("first_touch", "last_touch", "linear", "time_decay", "position_based")
MARK = re.compile(r"^<!-- checked: (?P<name>\w+) -->\n+(?P<table>(?:\|.*\n)+)", re.MULTILINE)
OUTPUT = re.compile(r"^<!-- checked: output -->\n+```text\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SCRIPT = re.compile(r"^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@cache
def campaign() -> ex.Campaign:
    return ex.simulate("default", persons=60_000, seed=7)


@cache
def credit() -> at.Credit:
    return at.attribute(campaign().touches, campaign().conversions)


@cache
def events() -> pd.DataFrame:
    """Event-level credit with the arm of the person and the step of the channel ("search" is of no step)."""
    c = campaign()
    step_of = {channel: step for step, channels in c.steps.items() for channel in channels}
    rows = credit().touches().to_pandas()
    return rows.assign(
        arm=rows["person_id"].map(c.assignment.set_index("person_id")["arm"]),
        step=rows["channel"].map(step_of).fillna("search"),
    )


def caused(arm: str) -> dict[str, float]:
    """Expected woken persons by step, among the persons of an arm, from the truth."""
    c = campaign()
    mine = c.truth["person_id"].map(c.assignment.set_index("person_id")["arm"]) == arm
    truth = c.truth[mine]
    return {
        step: float((truth[f"p_{step}"] - truth[f"p_{before}"]).sum())
        for before, step in zip(c.order, c.order[1:], strict=False)
    }


@cache
def reconciled() -> pd.DataFrame:
    c = campaign()
    outcomes = ex.build_outcomes(
        c.assignment, c.conversions, touches=c.touches, prices=c.prices, window="28d", as_of=c.as_of
    )
    experiment = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign")
    readout = experiment.analyze(outcomes, touches=c.touches)
    return ex.reconcile(credit(), readout, assignment=c.assignment, steps=c.steps).table()


def shares() -> list[list[str]]:
    """Shares of the truth and of the credit in the arm with every channel, in percent."""
    full = events()[events()["arm"] == "full"]
    credited = full.pivot_table(index="step", columns="model", values="conversions", aggfunc="sum")
    credited = 100 * credited / credited.sum()
    truth = caused("full")
    total = sum(truth.values())
    return [
        [f"{100 * truth.get(step, 0.0) / total:.0f}", *(f"{credited.loc[step, model]:.0f}" for model in MODELS)]
        for step in (*truth, "search")
    ]


def search() -> list[list[str]]:
    """Conversions credited to search, by arm."""
    mine = events()[events()["channel"] == "search"]
    credited = mine.pivot_table(index="arm", columns="model", values="conversions", aggfunc="sum")
    return [[f"{credited.loc[arm, model]:.0f}" for model in MODELS] for arm in campaign().order]


def prices() -> list[list[str]]:
    """Cost per last-touch credit, and true full cost per caused wake-up, in yuan."""
    c = campaign()
    last = events()[events()["model"] == "last_touch"].groupby("step")["conversions"].sum()
    step_of = {channel: step for step, channels in c.steps.items() for channel in channels}
    spent = c.spend.groupby(c.spend["channel"].map(step_of).fillna("search"))["cost"].sum()
    truth = c.truth
    rows = []
    for before, step in zip(c.order, c.order[1:], strict=False):
        cost, woken = ((truth[f"{kind}_{step}"] - truth[f"{kind}_{before}"]).mean() for kind in "cp")
        rows.append([f"{spent[step] / last[step]:.0f}", f"{cost / woken:.0f}"])
    return [*rows, [f"{spent['search'] / last['search']:.0f}"]]


def reconciliation() -> list[list[str]]:
    """Persons, credit by model, placebo, incremental with its interval, truth: whole conversions and persons."""
    rows = []
    table = reconciled()
    for step in ("digital", "sms", "full", "total", "untested"):
        part = table[table["step"] == step].set_index("model")
        first = part.iloc[0]
        cells = [f"{first['persons']:,.0f}", *(f"{part.loc[model, 'attributed']:.0f}" for model in MODELS)]
        cells.append(f"{first['placebo_scaled']:.0f}")
        if step != "untested":
            truth = sum(caused("full").values()) if step == "total" else caused(step)[step]
            low, high = (f"{first[f'incremental_{end}']:.0f}" for end in ("low", "high"))
            cells += [f"{first['incremental']:.0f} ({low} ~ {high})", f"{truth:.0f}"]
        rows.append(cells)
    return rows


TABLES: dict[str, Callable[[], list[list[str]]]] = {
    "shares": shares,
    "search": search,
    "prices": prices,
    "reconciliation": reconciliation,
}


def checked_tables() -> list[tuple[Path, str, str]]:
    return [
        (page, found["name"], found["table"])
        for page in PAGES
        if page.is_file()
        for found in MARK.finditer(page.read_text(encoding="utf-8"))
    ]


def numbers(cell: str) -> str:
    """A cell without emphasis, and its interval written the one way in which the pages of both languages differ."""
    plain = cell.strip().strip("*").strip()
    return re.sub(r"^(\S+)\s*[((](\S+)\s*(?:to|~|至)\s*(\S+?)[))]$", r"\1 (\2 ~ \3)", plain)


@pytest.mark.parametrize(("page", "name", "table"), checked_tables(), ids=lambda value: getattr(value, "name", None))
def test_a_table_of_a_page_holds_the_numbers_of_the_campaign(page: Path, name: str, table: str):
    body = [line.strip().strip("|").split("|")[1:] for line in table.splitlines()[2:]]
    expected = TABLES[name]()
    shown = [[numbers(cell) for cell in row] for row in body]
    # Cells after the expected ones are words ("nothing", "untested").
    assert [row[: len(cells)] for row, cells in zip(shown, expected, strict=True)] == expected
    extra = [cell for row, cells in zip(shown, expected, strict=True) for cell in row[len(cells) :]]
    assert [cell for cell in extra if re.search(r"[1-9]", cell)] == []


def test_every_table_of_numbers_is_on_a_page_of_each_language():
    places = {(name, "zh" in page.as_posix().removeprefix(ROOT.as_posix())) for page, name, _ in checked_tables()}
    assert places == {(name, chinese) for name in TABLES for chinese in (False, True)}


def scripts() -> list[tuple[Path, str, str]]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8") if page.is_file() else ""
        output, script = OUTPUT.search(text), SCRIPT.search(text)
        if output and script:
            found.append((page, script["code"], output["text"]))
    return found


@cache
def printed(code: str) -> list[str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(code, "page", "exec", dont_inherit=True), {"__name__": "docs_numbers"})
    return [line.rstrip() for line in said.getvalue().splitlines()]


@pytest.mark.parametrize(("page", "code", "output"), scripts(), ids=lambda value: getattr(value, "name", ""))
def test_the_output_on_a_page_is_printed_in_this_order_by_its_first_script(page: Path, code: str, output: str):
    lines = printed(code)
    position = 0
    for line in (line.rstrip() for line in output.splitlines()):
        if line in {"", "..."}:
            continue
        assert line in lines[position:], f"not printed, or not in this order: {line!r}"
        position = lines.index(line, position) + 1
