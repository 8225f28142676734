"""The page as a designed thing: contrast of its colours, sizes of its type, what is folded, hostile names."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import experiments as ex
from attribution.core import messages
from attribution.core.findings import Finding
from attribution.core.formats import format_value
from attribution.core.language import language
from attribution.core.records import Field, Records
from attribution.core.render.display import Cell, DisplayColumn, DisplayTable
from experiments.report import page_tables
from experiments.report.charts.palette import COLORS, ROLES
from experiments.report.document import Chart
from experiments.report.html import to_html

STYLE = (Path(ex.__file__).parent / "report" / "templates" / "style.css").read_text(encoding="utf-8")
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\u062d\u0645\u0644\u0629",
    "\u202eabc",
    "W" * 10_000,
    "{{ 1 }}",
]
VOID = {"meta", "br"}


class Tags(HTMLParser):
    """Tags with their attributes, and every tag that was not closed where it should be."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.wrong, self.found = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("default", persons=4_000, seed=7)


@pytest.fixture(scope="module")
def document(campaign):
    return ex.postmortem(campaign.plan, campaign).document


@pytest.fixture(scope="module")
def page(document):
    return to_html(document)


# --- colours and type ------------------------------------------------------------------------------------------------


def colours(block):
    return dict(re.findall(r"--([a-z]+):(#[0-9a-f]{3,6})", block))


def light():
    return colours(STYLE.split("}")[0])


def dark():
    return colours(re.search(r"prefers-color-scheme:dark\)\{:root\{([^}]*)\}", STYLE).group(1))


def printed():
    return colours(STYLE.split("@media print{")[1].split("}")[0])


def luminance(color):
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [light, dark, printed])
@pytest.mark.parametrize("paper", ["paper", "panel"])
@pytest.mark.parametrize("text", ["ink", "muted", "accent", "contrast"])
def test_text_stands_out_in_every_scheme(scheme, paper, text):
    held = scheme()
    assert contrast(held[text], held[paper]) >= 4.5


@pytest.mark.parametrize("scheme", [light, dark, printed])
def test_bars_and_marks_stand_out_in_every_scheme(scheme):
    held = scheme()
    assert contrast(held["soft"], held["paper"]) >= 2.9
    assert contrast(held["accent"], held["paper"]) >= 3


def test_contrast_is_reckoned_as_the_standard_does():
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#fff") == pytest.approx(4.54, abs=0.01)


def test_charts_fall_back_to_the_colours_of_light_paper():
    names = {role: re.search(r"--([a-z]+),(#[0-9a-f]{6})", text).groups() for role, text in ROLES.items()}
    held = {**light(), "paper": "#ffffff"}
    assert dict(names.values()) == {name: held[name] for name, _ in names.values()}
    assert {role: color for role, (_, color) in names.items()} == COLORS


def test_the_page_has_four_sizes_of_type():
    sizes = set(re.findall(r"font-size:([^;}]+)", STYLE)) - {"8.5pt", "7.5pt"}
    assert sizes == {"var(--small)", "var(--text)", "var(--large)", "var(--title)"}


def test_style_names_no_address_and_minds_the_reader():
    assert "http" not in STYLE
    assert "url(" not in STYLE
    for asked in ("prefers-color-scheme:dark", "prefers-reduced-motion", ":focus-visible", "@page", "details-content"):
        assert asked in STYLE


# --- structure -------------------------------------------------------------------------------------------------------


def test_page_is_well_formed_and_the_same_twice(document, page):
    tags = Tags(page)
    assert tags.wrong == []
    assert tags.open == []
    assert to_html(document) == page
    assert page.startswith("<!DOCTYPE html>")
    drawn = [attributes for tag, attributes in tags.found if tag == "svg" and "aria-hidden" not in attributes]
    assert drawn
    assert all(len(one["aria-labelledby"].split()) == 2 for one in drawn)


def test_every_chart_has_its_data_and_its_definitions_one_click_away(document, page):
    for section in document.sections:
        body = page.split(f'<section id="{section.name}"')[1].split("</section>")[0]
        assert body.count('<details class="data') == len(section.charts)
        for chart in section.charts:
            assert f'<a href="#{chart.name}">' in body
        if section.definitions:
            steps = len(section.charts) + len(section.tables)
            assert body.count(f'class="step" href="#{section.name}-definitions"') == steps
            assert f'id="{section.name}-definitions"' in body


def test_findings_stand_by_severity_and_what_holds_is_folded(document):
    by_status = {one.status: one for one in document.findings}
    assert {"pass", "note"} <= set(by_status)
    plain = next(one for one in document.findings if not messages.has(f"{one.code}.unknown"))
    failing = Finding(code=plain.code, status="unknown", values=plain.values)
    text = to_html(replace(document, findings=[by_status["pass"], failing, by_status["note"]]))
    order = [text.index(f'id="findings-{status}"') for status in ("unknown", "note", "pass")]
    assert order == sorted(order)
    assert '<details class="findings" id="findings-pass">' in text
    assert '<h3 id="findings-unknown">' in text


def test_an_exploratory_section_and_folded_tables_are_marked(document):
    folded = DisplayTable((DisplayColumn("what"),), (("kept inside",),), title="All settings")
    first, *rest = document.sections
    marked = replace(first, exploratory="The window was changed after the lock.", folded=(folded,))
    text = to_html(replace(document, sections=[marked, *rest]))
    assert text.count('<small class="tag">Exploratory</small>') == 1
    assert "<b>Exploratory</b> The window was changed after the lock." in text
    assert "<summary>All settings</summary>" in text
    assert "kept inside" in text
    assert "<caption>All settings" not in text
    # The contents list names it too, in both of its forms.
    assert text.count("<small>Exploratory</small>") == 2


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_language_is_told_for_the_page_and_for_what_is_not_in_it(document, lang):
    text = to_html(replace(document, lang=lang))
    assert f'<html lang="{"zh-Hans" if lang == "zh" else "en"}">' in text
    assert '<span lang="en">' in text
    assert '<code lang="en">' in text


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(document, name):
    cards = [replace(one, contrast=name, sentence=name, next_step=name) for one in document.decisions]
    first, *rest = document.sections
    table = DisplayTable((DisplayColumn(name), DisplayColumn(name, "count")), ((name, 1),), title=name, notes=(name,))
    held = replace(first, title=name, answer=name, tables=(table,), folded=(table,), definitions=(name,))
    tags = Tags(to_html(replace(document, title=name, decisions=cards, sections=[held, *rest], facts=[(name, name)])))
    assert tags.wrong == tags.open == []
    assert not {"script", "img"} & {tag for tag, _ in tags.found}
    assert not [key for _, attributes in tags.found for key in attributes if key.startswith("on")]
    ids = [attributes["id"] for _, attributes in tags.found if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_many_verdicts_are_listed_before_their_cards(document):
    many = [replace(document.decisions[0], contrast=f"arm {k} vs rest") for k in range(30)]
    text = to_html(replace(document, decisions=many))
    assert '<ul class="glance many"' in text
    assert text.count('<article class="card') == 30
    assert all(f'href="#verdict-{k}"' in text and f'id="verdict-{k}"' in text for k in range(1, 31))
    assert len(text.encode("utf-8")) < 2_000_000


def test_print_leaves_out_what_only_a_screen_can_open():
    rules = STYLE.split("@media print{")[1]
    hidden = re.search(r"\}([^{}]*)\{display:none\}", rules).group(1).split(",")
    assert {".fold", ".back", ".step", ".data"} <= set(hidden)


def test_print_gives_each_definition_once(document):
    first, second, *rest = document.sections
    first, second = (
        replace(first, definitions=("Reach: persons.",)),
        replace(second, definitions=("Reach: persons.", "b")),
    )
    last = replace(rest[-1], definitions=("credit: Reach: persons.", "Another."))
    text = to_html(replace(document, sections=[first, second, *rest[:-1], last]))
    assert text.count("<p>Reach: persons.</p>") == 1
    assert text.count('<p class="again">Reach: persons.</p>') == 1
    assert text.count('<p class="again">credit: Reach: persons.</p>') == 1
    assert "<p>Another.</p>" in text


def test_a_page_without_cards_says_its_result_once_and_first(document):
    first, *rest = document.sections
    words = {**document.words, "no_verdict": "The programme lost money."}
    held = replace(
        document, decisions=(), sections=[replace(first, answer="The programme lost money."), *rest], words=words
    )
    text = to_html(held)
    assert text.count('<p class="answer">The programme lost money.</p>') == 1
    assert text.index("The programme lost money.") < text.index('<nav class="side"')
    assert text.count('<p class="answer">') == 1 + len(rest)


# --- tables ----------------------------------------------------------------------------------------------------------


def shown(rows, *kinds):
    return page_tables.table(DisplayTable(tuple(DisplayColumn(f"c{k}", kind) for k, kind in enumerate(kinds)), rows))


def test_repeated_arms_become_group_rows():
    rows = tuple((arm, part, 1) for arm in ("sms", "full") for part in ("a", "b"))
    text = shown(rows, "text", "text", "count")
    assert re.findall(r'scope="rowgroup" colspan="2">(\w+)<', text) == ["sms", "full"]
    assert text.count("<tbody>") == 2
    assert "rowgroup" not in shown(rows[::2] + rows[1::2], "text", "text", "count")
    numbered = tuple(("sms", threshold, 1) for threshold in (60, 85, 125))
    assert "rowgroup" in shown(numbered, "text", "money", "count")
    assert "rowgroup" not in shown(numbered[:2], "text", "money", "count")


def test_groups_without_a_name_of_their_own_keep_their_heading():
    rows = tuple((wave, part, 1) for wave in ("1", "2024-10", "sms") for part in ("a", "b"))
    text = shown(rows, "text", "text", "count")
    assert re.findall(r'scope="rowgroup" colspan="2">([^<]+)<', text) == ["c0 1", "c0 2024-10", "sms"]


def test_numbers_stand_right_and_rows_are_headed():
    text = shown((("sms", Cell(0.1234, 0.1, 0.2)), ("full", Cell(None, note="too few"))), "text", "rate")
    assert '<th scope="row">sms</th><td class="num">12.3% (10.0% to 20.0%)</td>' in text
    assert '<td class="num">too few</td>' in text


def test_dates_in_cells_are_kept_on_one_line():
    text = shown((("sms", "2026-12-31", 1), ("full", "2026-12-31 or later", 1)), "text", "text", "count")
    assert '<td class="date">2026-12-31</td>' in text
    assert "<td>2026-12-31 or later</td>" in text
    assert "td.num,.date{white-space:nowrap}" in STYLE


def test_data_of_few_curves_stand_side_by_side():
    fields = tuple(Field(name, "text") for name in ("series", "role"))
    fields += (Field("x", "number"), *(Field(name, "rate") for name in ("value", "low", "high")))
    rows = [
        {"series": name, "role": "treated", "x": float(x), "value": 0.1 * x, "low": None, "high": None}
        for name in ("sms", "full")
        for x in range(3)
    ]
    told = {"title": "t", "subtitle": "", "alt": "t", "words": {"x": "days", "y": "share"}}
    few = Chart(name="c", kind="curves", records=Records.from_rows(fields, rows), **told)
    with language("en"):
        table = page_tables.chart_table(few)
        assert [column.label for column in table.columns] == ["days", "sms", "full"]
        assert len(table.rows) == 3
        many = [{**row, "series": f"s{k}"} for k in range(8) for row in rows[:3]]
        table = page_tables.chart_table(replace(few, records=Records.from_rows(fields, many)))
    assert [column.label for column in table.columns] == ["line", "days", "share"]
    assert len(table.rows) == 24


@pytest.mark.parametrize(
    ("edges", "told"),
    [
        ([(0.5, 1.5), (1.5, 8.5)], [("1", "1"), ("2", "8")]),
        ([(0.5, 1.5), (1.5, float("inf"))], [("1", "1"), ("2", "∞")]),
        ([(0.0, 1.5), (1.5, 3.0)], [("0", "1.500"), ("1.500", "3")]),
    ],
)
def test_bars_around_whole_numbers_are_told_by_these(edges, told):
    fields = (Field("group", "text"), Field("start"), Field("end"), Field("value", "count"))
    rows = [{"group": "", "start": start, "end": end, "value": 1} for start, end in edges]
    chart = Chart(name="c", kind="histogram", title="t", subtitle="", alt="t", records=Records.from_rows(fields, rows))
    with language("en"):
        table = page_tables.chart_table(chart)
    shown = [tuple(format_value(row[k], table.columns[k].kind) for k in (0, 1)) for row in table.rows]
    assert shown == told
