"""The renderers of the report: a page that fetches nothing, the same facts in every form, the same bytes each time."""

from __future__ import annotations

import json
import re
import zipfile
from html.parser import HTMLParser

import pytest
from junitparser import JUnitXml

import experiments as ex

VOID = {"meta", "br", "link", "img", "input", "hr"}
GATES = [
    {"arm": "sms", "threshold": 125, "expect": "PASS"},
    {"arm": "full", "threshold": 60, "expect": "PASS"},
    {"arm": "digital", "threshold": 125, "expect": "FAIL"},
]


class Page(HTMLParser):
    """The tree of a page, flat: every element with its attributes, its path and its own text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.stack, self.elements, self.unbalanced = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        element = {
            "tag": tag,
            "attrs": dict(attrs),
            "text": "",
            "path": [each["tag"] for each in self.stack],
            "inside": list(self.stack),
        }
        self.elements.append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append({"tag": tag, "attrs": dict(attrs), "text": "", "path": [], "inside": list(self.stack)})

    def handle_endtag(self, tag):
        if not self.stack or self.stack[-1]["tag"] != tag:
            self.unbalanced.append(tag)
            return
        self.stack.pop()

    def handle_data(self, data):
        for element in self.stack:
            element["text"] += data

    def all(self, tag, name=None):
        return [
            one
            for one in self.elements
            if one["tag"] == tag and (name is None or name in (one["attrs"].get("class") or "").split())
        ]

    def chart(self, name):
        """The texts that a chart shows."""
        figure = next(one for one in self.elements if one["tag"] == "figure" and one["attrs"].get("id") == name)
        return [one["text"].strip() for one in self.all("text") if any(each is figure for each in one["inside"])]


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate("default", persons=30_000, seed=7)


@pytest.fixture(scope="module")
def plan(campaign):
    return {**campaign.plan, "gate": GATES}


@pytest.fixture(scope="module")
def reports(campaign, plan):
    return {lang: ex.postmortem(plan, campaign, lang=lang) for lang in ("en", "zh")}


@pytest.fixture(scope="module")
def pages(reports):
    return {lang: report.to_html() for lang, report in reports.items()}


@pytest.fixture(scope="module")
def trees(pages):
    return {lang: Page(text) for lang, text in pages.items()}


# --- HTML ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_page_is_one_file_that_fetches_nothing(pages, trees, lang):
    text = pages[lang]
    assert "http" not in text
    assert len(text.encode("utf-8")) < 2_000_000
    assert trees[lang].unbalanced == []
    tags = {one["tag"] for one in trees[lang].elements}
    assert not tags & {"script", "img", "iframe", "object", "embed", "link", "base", "form"}
    for one in trees[lang].elements:
        assert not [name for name in one["attrs"] if name.startswith("on") or name in ("src", "srcset", "xlink:href")]
        assert (one["attrs"].get("href") or "#").startswith("#")
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_ids_are_unique_and_every_link_has_its_target(trees, lang):
    ids = [one["attrs"]["id"] for one in trees[lang].elements if "id" in one["attrs"]]
    assert len(ids) == len(set(ids))
    links = {one["attrs"]["href"] for one in trees[lang].elements if "href" in one["attrs"]}
    assert {link[1:] for link in links} <= set(ids)
    referred = {name for one in trees[lang].elements for name in (one["attrs"].get("aria-labelledby") or "").split()}
    assert referred <= set(ids)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_sections_stand_in_order_and_the_contents_follow(trees, reports, lang):
    order = [section.name for section in reports[lang].document.sections]
    assert [name for name in order if name in ("purpose", "trust", "effect", "next", "appendix")] == [
        "purpose", "trust", "effect", "next", "appendix",
    ]  # fmt: skip
    assert [one["attrs"]["id"] for one in trees[lang].all("section")] == order
    (contents,) = trees[lang].all("nav")
    linked = [one["attrs"]["href"] for one in trees[lang].all("a") if any(each is contents for each in one["inside"])]
    assert linked == ["#top", "#figures", *(f"#{name}" for name in order)]
    for section in trees[lang].all("section"):
        inside = [one for one in trees[lang].elements if any(each is section for each in one["inside"])]
        classes = [one["attrs"].get("class") for one in inside]
        assert classes.count("question") == classes.count("answer") == 1
    for heading in trees[lang].all("h2") + trees[lang].all("h3"):
        if heading["path"][-1] == "summary":
            continue  # it opens what it stands on
        assert any(one["tag"] == "a" and any(each is heading for each in one["inside"]) for one in trees[lang].elements)


@pytest.mark.parametrize(("lang", "caption"), [("en", "Credit, not cause"), ("zh", "归因只分功劳，不证明因果")])
def test_credit_is_always_captioned(trees, lang, caption):
    captions = [one for one in trees[lang].all("p", "credit") if one["text"].startswith(caption)]
    holders = {(each["attrs"].get("id")) for one in captions for each in one["inside"]}
    assert {"figures", "channels"} <= holders


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_each_declared_decision_has_a_card_and_declared_ones_come_first(trees, reports, lang):
    cards = trees[lang].all("article", "card")
    assert [one["attrs"]["class"] for one in cards] == ["card open", "card up", "card down"]
    declared = [one for one in reports[lang].verdicts if one.declared]
    assert [(one.arm, one.threshold) for one in declared] == [("digital", 125), ("sms", 125), ("full", 60)]
    for card, decision in zip(cards, declared, strict=True):
        assert decision.contrast in card["text"]
        assert decision.sentence in card["text"]
        assert decision.next_step in card["text"]
        assert f"{decision.threshold:g}" in card["text"]
        drawn = [one for one in trees[lang].all("svg") if any(each is card for each in one["inside"])]
        # The shape beside the word, the range bar, one shape for each word of the other thresholds.
        assert len(drawn) >= 3
        assert sum("role" in one["attrs"] for one in drawn) == 1


def test_two_declared_thresholds_of_one_contrast_have_a_card_each(campaign, plan):
    gates = [{"arm": "sms", "threshold": value, "expect": "PASS"} for value in (125, 60)]
    page = Page(ex.postmortem({**plan, "gate": gates}, campaign).to_html())
    said = [one["text"] for one in page.all("p", "contrast")]
    assert [text.split()[:3] for text in said[:2]] == [["sms", "vs", "digital"]] * 2
    assert "125" in said[0]
    assert "60" in said[1]
    assert len(said) == 4


@pytest.mark.parametrize(("lang", "unknown"), [("en", "Not known"), ("zh", "尚不清楚")])
def test_what_is_not_known_is_said_before_what_is(pages, reports, lang, unknown):
    text = pages[lang]
    assert text.index(unknown) < text.index("<article")
    clauses = reports[lang].document.unknown
    assert any("digital" in clause and "60" in clause for clause in clauses)
    assert any("search" in clause for clause in clauses)
    assert unknown in reports[lang].to_markdown().split("## 1")[0]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_charts_name_their_axes_and_write_their_numbers(pages, trees, reports, lang):
    charts = [chart for section in reports[lang].document.sections for chart in section.charts]
    assert {"chart-execution", "chart-effects", "chart-credit", "chart-net-benefit"} <= {one.name for one in charts}
    for chart in charts:
        shown = trees[lang].chart(chart.name)
        assert chart.words["x"] in shown
        assert re.search(r"\d", chart.alt)
        assert chart.alt.startswith(chart.title)
        assert f'<desc id="{chart.name}-d">' in pages[lang]
    effects = next(chart for chart in charts if chart.name == "chart-effects")
    shown = trees[lang].chart("chart-effects")
    assert effects.words["zero"] in shown
    rows = effects.records.to_dicts()
    assert [row["label"] in shown for row in rows] == [True] * 3
    interval = re.compile(r"^−?[\d.,]+ \(−?[\d.,]+ (to|至) −?[\d.,]+\)$")
    assert sum(bool(interval.match(text)) for text in shown) == len(rows)
    panels = trees[lang].chart("chart-net-benefit")
    assert [text for text in panels if text.startswith(("PASS", "FAIL", "INCONCLUSIVE"))]
    assert all(text in panels for text in ("60", "85", "125"))


def test_charts_use_two_accents_and_grey(pages):
    colours = set(re.findall(r"var\((--[a-z]+),", pages["en"]))
    assert colours <= {"--ink", "--muted", "--grid", "--accent", "--contrast", "--paper", "--soft"}
    drawn = "".join(re.findall(r"<svg.*?</svg>", pages["en"], re.DOTALL))
    literal = set(re.findall(r"(?:fill|stroke): ?(#[0-9a-f]{3,6})", re.sub(r"var\([^)]*\)", "", drawn)))
    assert literal <= {"#ffffff", "#000000"}


def test_range_bars_of_the_cards_share_one_scale(pages):
    bars = re.findall(r'<svg viewBox="0 0 280 42".*?</svg>', pages["en"], re.DOTALL)
    texts = {re.search(r"<text[^>]*>0</text>", bar).group(0) for bar in bars}
    assert len(bars) == 3
    assert len(texts) == 1


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_tables_are_headed_in_the_language_of_the_report(trees, lang):
    columns = [one for one in trees[lang].all("th") if one["attrs"]["scope"] == "col"]
    # The data of curves are headed by the names of their lines, which are the user's.
    heads = {one["text"] for one in columns if not any(each["attrs"].get("class") == "data" for each in one["inside"])}
    assert not [head for head in heads if "_" in head]
    if lang == "zh":
        own = {"holdout", "digital", "sms", "full", "push", "banner", "phone", "search"}
        heads = {head for head in heads if not set(re.split("[：、,\\s]+", head)) <= own}
        assert [head for head in heads if not re.search(r"[\u4e00-\u9fff]", head)] == []
    else:
        assert not [head for head in heads if re.search(r"[\u4e00-\u9fff]", head)]


def test_chinese_page_uses_full_width_signs_in_its_own_sentences(reports):
    document = reports["zh"].document
    own = [section.title + section.question for section in document.sections]
    own += [chart.subtitle for section in document.sections for chart in section.charts]
    own += [gate.message for gate in document.gates]
    for sentence in own:
        assert not re.search(r"[\u4e00-\u9fff][,;:?!()]|[,;:?!()][\u4e00-\u9fff]", sentence), sentence


def test_numbers_are_short(trees):
    for cell in trees["en"].all("td", "num"):
        for number in re.findall(r"\d[\d,]*\.\d+", cell["text"]):
            assert len(number.replace(",", "").replace(".", "").lstrip("0")) <= 4, cell["text"]


# --- the same facts in every form ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_json_holds_every_verdict_finding_gate_and_chart_row(reports, lang):
    report = reports[lang]
    text = report.to_json()
    assert not re.search(r"\b(NaN|-?Infinity)\b", text)
    held = json.loads(text)
    assert held["schema_version"] == "1.1"
    assert held["not_known"] == list(report.document.unknown)
    assert [(one["arm"], one["threshold"], one["verdict"]) for one in held["verdicts"]] == [
        (one.arm, one.threshold, one.verdict.word) for one in report.verdicts
    ]
    assert [one["code"] for one in held["findings"]] == [one.code for one in report.findings]
    assert [one["status"] for one in held["gates"]] == [one.status for one in report.gates]
    charts = {chart.name: chart for section in report.document.sections for chart in section.charts}
    assert set(held["charts"]) == {"figures", *charts}
    for name, chart in charts.items():
        assert len(held["charts"][name]["rows"]) == len(chart.records)
    assert len(held["charts"]["figures"]["rows"]) == 3


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_markdown_says_what_the_page_says(reports, lang):
    report, text = reports[lang], reports[lang].to_markdown()
    plain = re.sub(r"\\(.)", r"\1", text)
    for decision in report.verdicts:
        assert decision.sentence in plain
    for section in report.document.sections:
        assert section.title in plain
        assert section.answer in plain
        for chart in section.charts:
            assert chart.title in plain
    assert text.count("\n## ") == len(report.document.sections)
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")


def test_junit_has_a_case_for_each_gate_and_finding(reports):
    report = reports["zh"]
    text = report.to_junit()
    assert "timestamp" not in text
    assert ' time="' not in text
    gates, findings = JUnitXml.fromstring(text.encode("utf-8"))
    assert [case.name for case in gates] == [gate.name for gate in report.gates]
    assert len(list(findings)) == len(report.findings)
    results = {case.name: [type(one).__name__ for one in case.result] for case in gates}
    assert results["decision:sms@125"] == []
    assert results["decision:full@60"] == ["Failure"]
    assert results["decision:digital@125"] == ["Skipped"]
    assert (gates.failures, gates.skipped, gates.errors) == (1, 1, 0)


def test_workbook_holds_numbers_as_numbers_and_is_the_same_file_twice(reports, tmp_path):
    pytest.importorskip("xlsxwriter")
    paths = [tmp_path / name for name in ("one.xlsx", "two.xlsx")]
    for path in paths:
        reports["zh"].to_excel(path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with zipfile.ZipFile(paths[0]) as book:
        names = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())
        sheets = "".join(book.read(name).decode() for name in book.namelist() if "worksheets/sheet" in name)
    sections = [section.title for section in reports["zh"].document.sections]
    charts = [chart.name for section in reports["zh"].document.sections for chart in section.charts]
    assert names == ["目录", "结论", "检查", "门槛", *sections, *charts, *reports["zh"].records, "数字"]
    assert "<f>" not in sheets


def test_same_input_gives_the_same_bytes(campaign, plan, reports, pages):
    again = ex.postmortem(plan, campaign, lang="en")
    assert again.to_html() == pages["en"] == reports["en"].to_html()
    assert again.to_markdown() == reports["en"].to_markdown()
    assert again.to_json() == reports["en"].to_json()
    assert again.to_junit() == reports["en"].to_junit()


def test_verdict_words_are_the_same_in_both_languages(reports):
    words = [[(one.arm, one.threshold, one.verdict.word) for one in report.verdicts] for report in reports.values()]
    assert words[0] == words[1]


def test_no_person_is_named_anywhere(campaign, reports, pages):
    persons = set(campaign.assignment["person_id"].astype(str))
    report = reports["en"]
    shown = "".join((pages["en"], report.to_markdown(), report.to_json(), report.to_junit()))
    assert not persons & set(re.findall(r"C\d{7}", shown))


def test_results_show_themselves_in_a_notebook(reports):
    assert "sms vs digital" in repr(reports["en"])
    assert "尚不清楚" in repr(reports["zh"])
    assert reports["zh"]._repr_html_().startswith('<div class="wakelift"')


@pytest.mark.parametrize(
    ("word", "colour"), [("PASS", "accent"), ("FAIL", "contrast"), ("INCONCLUSIVE", "muted"), ("INVALID", "muted")]
)
def test_the_word_decides_the_colour_of_a_range_bar(word, colour):
    from experiments.report.charts import range_svg

    drawn = range_svg((1.0, 0.5, 2.0), span=(-1.0, 2.0), word=word, name="bar", description="1 (0.5 to 2)")
    coloured = {name for name in ("accent", "contrast") if f"--{name}" in drawn}
    assert coloured == {colour} - {"muted"}


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [("sms", 60, "sms"), ("a long name of an arm", 60, "a long…"), ("数字渠道组合", 60, "数字渠…")],
)
def test_long_names_are_cut_to_their_room(text, width, shown):
    from experiments.report.charts.svg import shortened

    assert shortened(text, width, 14) == shown


@pytest.mark.parametrize(
    "name",
    [
        "font: 9px evil",
        'font: 9px evil; style="fill: red"',
        'id="axes_1"',
        "url(#x)",
        'href="#x"',
        "#040404",
        "<b>font: 9px x",
    ],
)
def test_names_that_read_like_markup_stay_text_in_a_chart(name):
    from xml.etree import ElementTree

    from attribution.core.records import Field, Records
    from experiments.report.charts import chart_svg
    from experiments.report.document import Chart

    fields = (Field("label", "text"), Field("value", "pp"), Field("low", "pp"), Field("high", "pp"))
    records = Records.from_rows(fields, [{"label": name, "value": 0.1, "low": 0.0, "high": 0.2}])
    chart = Chart(name="forest", kind="forest", title="t", subtitle="", alt="d", records=records)
    drawn = ElementTree.fromstring(chart_svg(chart))
    assert name[:20] in {"".join(found.itertext())[:20] for found in drawn.iter("text")}
