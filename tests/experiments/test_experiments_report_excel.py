"""The workbook: numbers as numbers, text never a formula, nothing from outside, the same bytes."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace

import pytest

import experiments as ex
from attribution.core.records import Field, Records

openpyxl = pytest.importorskip("openpyxl")
pytest.importorskip("xlsxwriter")

HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', "=cmd|' /C calc'!A0", "http://x"]


@pytest.fixture(scope="module", params=["en", "zh"])
def report(request):
    campaign = ex.simulate("default", persons=1_500, seed=3)
    return ex.postmortem(campaign.plan, campaign, lang=request.param)


@pytest.fixture(scope="module")
def book(report, tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "report.xlsx"
    report.to_excel(path)
    return path


def test_numbers_are_numbers_with_formats_and_text_is_text(book, report):
    sheets = openpyxl.load_workbook(book)
    held = report.records["effects"].to_dicts()
    sheet = sheets["effects"]
    head = [cell.value for cell in sheet[1]]
    assert head == [field.name for field in report.records["effects"].fields]
    kinds = {field.name: field.kind for field in report.records["effects"].fields}
    for cells, row in zip(sheet.iter_rows(min_row=2), held, strict=True):
        for cell, name in zip(cells, head, strict=True):
            if isinstance(row[name], float) and abs(row[name]) < 1e300:
                assert cell.data_type == "n"
                assert cell.value == pytest.approx(row[name], rel=1e-15)
            elif row[name] is not None:
                assert cell.value == (row[name] or None) or cell.data_type == "s"
    assert sheets["effects"].cell(2, head.index("n") + 1).number_format == "#,##0"
    assert kinds["n"] == "count"


def test_every_sheet_has_its_head_in_view_and_widths(book, report):
    sheets = openpyxl.load_workbook(book)
    for sheet in sheets:
        assert sheet.freeze_panes is not None
        assert max(float(column.width) for column in sheet.column_dimensions.values()) <= 62
    contents = sheets.worksheets[0]
    listed = [cell.value for cell in contents["A"] if cell.value]
    names = [sheet.title for sheet in sheets.worksheets[1:]]
    assert len(listed) >= len(names)
    assert report.document.title == listed[0]


def test_sections_and_charts_are_there_with_their_rows(book, report):
    sheets = openpyxl.load_workbook(book)
    for section in report.document.sections:
        for chart in section.charts:
            rows = list(sheets[chart.name[:31]].iter_rows(values_only=True))
            assert rows[0][0] == chart.title
            head = next(place for place, row in enumerate(rows) if row[0] == chart.records.fields[0].name)
            assert len(rows) - head - 1 == len(chart.records)


def test_hostile_text_is_never_a_formula_and_nothing_leads_outside(report, tmp_path):
    fields = (Field("=name", "text"), Field("value", "number"))
    records = Records.from_rows(fields, [{"=name": text, "value": 1.5} for text in HOSTILE])
    document = replace(report.document, title="=1+1", facts=[("=x", "@y")])
    hostile = replace(
        report, document=document, records={"=t:[]*?/\\'": records, "History": records, "x" * 99: records}
    )
    path = tmp_path / "hostile.xlsx"
    hostile.to_excel(path)
    sheets = openpyxl.load_workbook(path)
    texts = set()
    for sheet in sheets:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f"
                assert cell.hyperlink is None
                texts.add(cell.value)
                if isinstance(cell.value, str) and cell.value.startswith(("=", "+", "-", "@")):
                    assert cell.quotePrefix
    assert {"=1+1", "+1", "-1", "@SUM(A1)"} <= texts
    assert len({sheet.title.lower() for sheet in sheets}) == len(sheets.worksheets)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert not [name for name in names if "externalLink" in name or "vba" in name.lower()]
        relations = "".join(archive.read(name).decode() for name in names if name.endswith(".rels"))
    assert 'TargetMode="External"' not in relations


def test_the_file_has_no_time_of_its_own(book, report, tmp_path):
    again = tmp_path / "again.xlsx"
    report.to_excel(again)
    assert again.read_bytes() == book.read_bytes()
    with zipfile.ZipFile(book) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
        assert set(re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", archive.read("docProps/core.xml").decode())) == {
            "2000-01-01T00:00:00Z"
        }
