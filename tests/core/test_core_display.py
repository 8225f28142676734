"""Records, formats and displays: numbers as people read them, and hostile names that stay text everywhere."""

from __future__ import annotations

import html
import math
import re
from dataclasses import dataclass
from datetime import date, datetime
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from attribution.core.errors import InputError, WakeLiftError
from attribution.core.formats import KINDS, format_estimate, format_interval, format_value
from attribution.core.language import language
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import (
    Cell,
    Display,
    DisplayColumn,
    DisplayTable,
    cell_text,
    column_label,
    escape_html,
    escape_markdown,
    records_table,
    table_text,
    to_html,
    to_markdown,
    to_text,
)

HOSTILE = "<script>alert(1)</script>|=1+1`*_[x](javascript:y)&amp;\n\"'\u202e\x1b[31m\x9b31m\u2066"

# --- formats ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "english", "chinese"),
    [
        (1234567, "count", "1,234,567", "1,234,567"),
        (1234.56, "count", "1,234.6", "1,234.6"),
        (-3, "count", "−3", "−3"),
        (0.0, "number", "0", "0"),
        (3.14159, "number", "3.142", "3.142"),
        (-0.00012345, "number", "−0.0001234", "−0.0001234"),
        (1e-15, "number", "0", "0"),
        (0.0123, "rate", "1.23%", "1.23%"),
        (0.0123, "pp", "1.23 pp", "1.23 个百分点"),
        (0.0123, "per1000", "12.3", "12.3"),
        (1234.567, "money", "1,235", "1,235"),
        (400.0, "money", "400", "400"),
        (0.004, "ratio", "0.00400", "0.00400"),
        (0.0, "money", "0", "0"),
        (0.0, "rate", "0%", "0%"),
        (0.0045, "money", "0.00450", "0.00450"),
        (2.34567, "ratio", "2.35", "2.35"),
        (0.00004, "p", "<0.0001", "<0.0001"),
        (0.0432, "p", "0.0432", "0.0432"),
        (0.4321, "p", "0.432", "0.432"),
        (0.95, "level", "95%", "95%"),
        (0.999, "level", "99.9%", "99.9%"),
        (math.inf, "money", "∞", "∞"),
        (-math.inf, "rate", "−∞", "−∞"),
        (date(2026, 10, 1), "date", "2026-10-01", "2026-10-01"),
        (datetime(2026, 10, 1), "date", "2026-10-01", "2026-10-01"),
        (datetime(2026, 10, 1, 9, 30), "date", "2026-10-01 09:30", "2026-10-01 09:30"),
        ("soon", "date", "soon", "soon"),
        (7, "date", "7", "7"),
        ("a\tb\x00c\u202e\n d", "text", "a bc d", "a bc d"),
    ],
)
def test_values_read_as_people_write_them(value, kind, english, chinese):
    shown = {lang: format_value(value, kind, lang=lang) for lang in ("en", "zh")}
    assert shown == {"en": english, "zh": chinese}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_undefined_is_a_dash(kind):
    assert format_value(None, kind) == "–"
    if kind not in ("text", "date"):
        assert format_value(math.nan, kind) == "–"


def test_an_unknown_kind_is_an_error():
    with pytest.raises(InputError, match=r"kind must be one of count, number, .*, got 'euro'"):
        format_value(1, "euro")


def test_intervals_have_two_ends_or_none():
    assert format_interval(1, 2000, "count") == "1 to 2,000"
    assert " 至 " in format_interval(1, math.inf, "count", lang="zh")
    assert format_interval(None, 1, "count") == "–"
    assert format_interval(math.nan, 1, "count") == "–"


@pytest.mark.parametrize(
    ("low", "high", "kind", "english", "chinese"),
    [
        (0.00082, 0.0058, "pp", "0.082 to 0.58 pp", "0.082 至 0.58 个百分点"),
        (-0.0042, 0.0151, "pp", "−0.42 to 1.51 pp", "−0.42 至 1.51 个百分点"),
        (0.002, math.inf, "pp", "0.20 pp to ∞", "0.20 个百分点 至 ∞"),  # the unit stands behind the last number
        (-math.inf, 0.002, "pp", "−∞ to 0.20 pp", "−∞ 至 0.20 个百分点"),
        (-math.inf, math.inf, "pp", "−∞ to ∞", "−∞ 至 ∞"),
        (None, 0.002, "pp", "–", "–"),
        (0.441, 1.74, "rate", "44.1% to 174%", "44.1% 至 174%"),  # a sign belongs to its number
        (0.002, 0.004, "per1000", "2.00 to 4.00", "2.00 至 4.00"),
        (12.5, 1300.0, "money", "12.50 to 1,300", "12.50 至 1,300"),
    ],
)
def test_an_interval_says_its_unit_once(low, high, kind, english, chinese):
    assert format_interval(low, high, kind, lang="en") == english
    assert format_interval(low, high, kind, lang="zh") == chinese


@pytest.mark.parametrize(
    ("value", "low", "high", "kind", "english", "chinese"),
    [
        (0.0033, 0.00082, 0.0058, "pp", "0.33 pp (0.082 to 0.58)", "0.33 个百分点 (0.082 至 0.58)"),
        (0.0033, 0.002, math.inf, "pp", "0.33 pp (0.20 to ∞)", "0.33 个百分点 (0.20 至 ∞)"),
        (0.0033, None, None, "pp", "0.33 pp (–)", "0.33 个百分点 (–)"),
        (None, 0.002, 0.004, "pp", "– (0.20 to 0.40 pp)", "– (0.20 至 0.40 个百分点)"),  # no value carries the unit
        (math.inf, 0.002, math.inf, "pp", "∞ (0.20 pp to ∞)", "∞ (0.20 个百分点 至 ∞)"),
        (0.98, 0.441, 1.74, "rate", "98.0% (44.1% to 174%)", "98.0% (44.1% 至 174%)"),
        (8.0, 5.0, 11.5, "money", "8 (5 to 11.50)", "8 (5 至 11.50)"),
    ],
)
def test_an_estimate_says_its_unit_once(value, low, high, kind, english, chinese):
    assert format_estimate(value, low, high, kind, lang="en") == english
    assert format_estimate(value, low, high, kind, lang="zh") == chinese
    if low is not None:
        with language("en"):
            assert cell_text(Cell(value, low, high), kind) == english


def test_the_current_language_is_spoken():
    with language("zh"):
        assert format_value(0.01, "pp").endswith("个百分点")


# --- records ---------------------------------------------------------------------------------------------------------

FIELDS = (Field("name", "text"), Field("n", "count"), Field("share", "rate"), Field("when", "date"))
ROWS = [
    {"name": "短信", "n": 3, "share": 0.25, "when": date(2026, 10, 1)},
    {"name": None, "n": None, "share": math.nan},
]


def test_records_become_every_kind_of_table():
    records = Records.from_rows(FIELDS, ROWS)
    assert len(records) == 2
    assert records.to_dicts() == [ROWS[0], {"name": None, "n": None, "share": None, "when": None}]
    assert records.to_arrow().to_pylist() == records.to_dicts()
    assert records.to_polars().to_dicts() == records.to_dicts()
    frame = records.to_pandas()
    assert frame["share"].isna().tolist() == [False, True]
    assert list(frame.columns) == ["name", "n", "share", "when"]
    assert records.column("n") == [3, None]
    with pytest.raises(WakeLiftError, match="no column 'm'"):
        records.column("m")


def test_arrow_and_numpy_columns_come_out_as_plain_values():
    columns = (pa.array(["a", None]), np.array([1, 2]), np.array([0.5, np.nan]), pa.chunked_array([[None, None]]))
    records = Records(FIELDS, columns)
    assert records.to_dicts() == [
        {"name": "a", "n": 1, "share": 0.5, "when": None},
        {"name": None, "n": 2, "share": None, "when": None},
    ]
    assert [type(value) for value in records.to_dicts()[0].values()] == [str, int, float, type(None)]
    assert records.to_arrow().column("share").null_count == 1


def test_text_of_several_kinds_is_text_and_whole_counts_stay_whole():
    made = Records.from_rows((Field("k", "text"), Field("n", "count")), [{"k": "a", "n": 1}, {"k": (1, 2), "n": 2.5}])
    assert made.to_arrow().column("k").to_pylist() == ["a", "(1, 2)"]
    assert made.to_arrow().schema.field("n").type == pa.float64()
    none = Records.from_rows((Field("k", "text"),), [{}])
    assert none.to_arrow().schema.field("k").type == pa.string()
    assert len(Records((), ())) == 0


def test_columns_of_unequal_length_are_an_error():
    with pytest.raises(WakeLiftError, match="columns of unequal length"):
        Records(FIELDS[:2], ([1], [1, 2]))
    with pytest.raises(WakeLiftError, match="columns of unequal length"):
        Records(FIELDS[:2], ([1],))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Result(TabularResult):
    records: Records

    def _records(self):
        return self.records

    def _display(self):
        return Display("Title", (records_table(self.records),))


def test_a_result_gives_its_rows_in_every_kind():
    result = Result(Records.from_rows(FIELDS[:2], ROWS))
    for frame in (result.table(), result.to_pandas()):
        pd.testing.assert_frame_equal(frame, result.records.to_pandas())
    assert result.to_dicts() == result.to_arrow().to_pylist() == result.to_polars().to_dicts()
    assert repr(result).startswith("Title\n")
    assert result.to_markdown().startswith("**Title**\n\n|")
    assert result._repr_html_().startswith('<div class="wakelift" lang="en"><strong>Title</strong><table>')


def test_a_result_without_records_says_so():
    class Bare(TabularResult):
        pass

    with pytest.raises(NotImplementedError, match="Bare must give its records"):
        Bare().to_dicts()
    with pytest.raises(NotImplementedError, match="Bare must give its display"):
        repr(Bare())


# --- displays --------------------------------------------------------------------------------------------------------


def hostile_display() -> Display:
    columns = (DisplayColumn(HOSTILE, "text", decisive=True), DisplayColumn(HOSTILE, "count"))
    table = DisplayTable(columns, ((HOSTILE, 1), (Cell(HOSTILE, note=HOSTILE), 2)), title=HOSTILE, notes=(HOSTILE,))
    return Display(HOSTILE, (HOSTILE, table))


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text.append(data)


def test_hostile_names_stay_text_in_html():
    parser = _Tags()
    parser.feed(to_html(hostile_display()))
    assert parser.tags == {"div", "strong", "p", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert parser.attributes == {"class", "lang", "scope", "style"}
    assert sum("<script>alert(1)</script>" in text for text in parser.text) >= 7


def test_hostile_names_stay_text_in_markdown():
    shown = to_markdown(hostile_display())
    assert "<" not in re.sub(r"\\.", "", shown)
    lines = shown.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}
    assert len(lines) == len(shown.split("\n")) - 1
    unescaped = re.sub(r"\\[\\`*_{}\[\]<>#|~$]", "", "".join(rows))
    assert not re.search(r"[`_\[\]<>]", unescaped)


@pytest.mark.parametrize("render", [to_text, to_html, to_markdown])
def test_no_control_or_direction_character_survives(render):
    shown = render(hostile_display())
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    assert "alert(1)" in html.unescape(shown)


def test_single_texts_are_escaped_too():
    assert escape_html('<a href="x">\n&') == "&lt;a href=&quot;x&quot;&gt; &amp;"
    assert escape_markdown("a|b*c\nd") == r"a\|b\*c d"


def test_text_tables_align_wide_characters():
    table = DisplayTable(
        (DisplayColumn("渠道", "text"), DisplayColumn("n", "count")),
        (("短信", 5), ("e\u0301", 1234)),
        title="T",
        notes=("note",),
    )
    assert table_text(table).split("\n") == [
        "T",
        "渠道      n",
        "----  -----",
        "短信      5",
        "e\u0301     1,234",
        "note",
    ]


def test_a_number_stands_with_its_interval_in_one_column():
    fields = tuple(Field(name, "count") for name in ("n", "n_low", "n_high", "m", "m_low"))
    records = Records(fields, ([5, 6], [4, None], [7, None], [1, 2], [0, 1]))
    table = records_table(records, title="T", notes=["x"], decisive="n")
    assert [column.label for column in table.columns] == [column_label("n"), column_label("m")]
    assert [column.decisive for column in table.columns] == [True, False]
    shown = to_text(Display("", (table,)))
    assert "5 (4 to 7)" in shown
    assert re.search(r"^\s*6 +2$", shown, re.MULTILINE)
    assert "**5 (4 to 7)**" in to_markdown(Display("", (table,)))


def test_chosen_columns_come_in_the_chosen_order():
    records = Records.from_rows(FIELDS[:2], ROWS)
    assert [column.kind for column in records_table(records, ["n", "name"]).columns] == ["count", "text"]


def test_notes_of_cells_are_shown():
    table = DisplayTable((DisplayColumn("x", "rate"),), ((Cell(0.5, 0.25, 0.75, "†"),), (Cell(None, note="ATOM"),)))
    shown = to_text(Display("", (table,)))
    assert "50% (25% to 75%) †" in re.sub(r"\.0+%", "%", shown)
    assert "ATOM" in shown


def test_empty_displays_and_tables_are_fine():
    assert to_text(Display("", ())) == ""
    assert to_html(Display("", ())) == '<div class="wakelift" lang="en"></div>'
    empty = records_table(Records.from_rows(FIELDS[:1], []))
    assert to_text(Display("", (empty,))).count("\n") == 1
    assert "<tbody></tbody>" in to_html(Display("", (empty,)))


def test_headings_speak_the_language():
    assert column_label("customer_id") == "customer"
    with language("zh"):
        assert column_label("customer_id") == "客户号"
        assert to_html(Display("", ())).startswith('<div class="wakelift" lang="zh">')
    assert column_label("a column of the user") == "a column of the user"


@pytest.mark.parametrize(
    ("written", "chinese"),
    [
        ("28d", "28 天"), ("36h", "36 小时"), ("90min", "90 分钟"), ("0d", "0 天"), ("250ms", "250 毫秒"),
        ("sms / click 14d, 7d push 30d, * 1d", "sms / click 14 天, 7d push 30 天, * 1 天"),
    ],
)  # fmt: skip
def test_durations_have_chinese_units_in_chinese(written: str, chinese: str) -> None:
    assert format_value(written, "duration", lang="zh") == chinese
    assert format_value(written, "duration", lang="en") == written


@pytest.mark.parametrize(
    ("value", "lang", "shown"),
    [((89.0, 89.0), "en", "89"), ((94.0, 358.0), "en", "94 to 358"), ((94.0, 358.5), "zh", "94 至 358.5")],
)
def test_a_range_of_equal_ends_is_one_number(value: tuple[float, float], lang: str, shown: str) -> None:
    assert format_value(value, "range", lang=lang) == shown
