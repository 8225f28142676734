"""Text of the data comes out as text, whatever a channel or arm is called: no script, no formula, no broken table."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from junitparser import JUnitXml

import experiments as ex

SCRIPT = "<script>alert(1)</script>|=1+1"
CONTROL = "a\x00b\x07c\x1b[31md\nnew | line\r\t\x85\x0b"
RIGHT_TO_LEFT = "\u202eevil\u202c \u2066x\u2069 \ufeff\u200b"
LONG = "x" * 10_000
QUOTES = "\"'`]]>&amp;<!--${7*7}{{7*7}}%s{0}\\"
SURROGATE_FREE = "😀漢字"
NAMES = {
    "script": SCRIPT,
    "control": CONTROL,
    "right to left": RIGHT_TO_LEFT,
    "long": LONG,
    "quotes": QUOTES,
    "image": "<img src=x onerror=alert(1)><a href='javascript:alert(1)'>y</a>"
    "![z](http://evil.example/q)[w](javascript:1)",
    "formulas": "@SUM(A1)+cmd|' /C calc'!A0",
    "emoji": SURROGATE_FREE,
}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
FETCHING = {"src", "href", "xlink:href", "data", "action", "formaction", "poster", "srcset", "background", "ping"}


REFUSED = ("control", "right to left", "long")  # by the plan; a table may hold them all the same


def hostile(name, *, declared=True, persons=1_500):
    """A campaign whose search channel, campaign, stratum and source carry a name; the declared arm and channel too."""
    c = ex.simulate(persons=persons, seed=5)
    search, sms, arm = f"{name} search", f"={name}" if declared else "=1+1", f"+{name}" if declared else "+1"
    channel, arms = {"search": search, "sms": sms}, {"sms": arm}

    def renamed(frame, **columns):
        return frame.assign(**{column: frame[column].replace(names) for column, names in columns.items()})

    said = name if declared else "=2+2"
    plan = {**c.plan, "campaign": {**c.plan["campaign"], "name": said, "population": said}}
    plan["experiment"] = {
        **plan["experiment"],
        "order": [arms.get(each, each) for each in c.order],
        "steps": {"digital": ["push", "banner"], arm: [sms], "full": ["phone"]},
    }
    prices = renamed(c.prices, channel=channel)
    prices = prices[prices["basis"] != "fixed"]  # arms are listed with ";" there, which some of the names hold
    data = {
        "touches": renamed(c.touches, channel=channel, campaign={"2026Q4-sms-1": name}),
        "conversions": c.conversions,
        "assignment": renamed(c.assignment, arm=arms, stratum={"366+": name}),
        "prices": prices,
        "history": renamed(c.history, source={"search": name}),
    }
    return plan, data


class Strict(HTMLParser):
    """Collects elements, attributes and text; complains about elements that are not closed in order."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.elements, self.attributes, self.text, self.open = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def check_html(html):
    """The parsed page, after checks that nothing runs and nothing is fetched."""
    page = Strict()
    page.feed(html)
    page.close()
    assert page.open == []
    active = {"script", "iframe", "object", "embed", "base", "form", "img", "link", "audio", "video"}
    assert not active & set(page.elements)
    for attribute, value in page.attributes:
        assert not attribute.startswith("on"), attribute
        if attribute in FETCHING:
            assert value.startswith("#"), (attribute, value[:80])
        if attribute == "style":
            assert "url(" not in value
            assert "expression" not in value
    styles = "".join(re.findall(r"<style.*?</style>", html, flags=re.DOTALL))
    assert "url(" not in styles
    assert "@import" not in styles
    return page


def _no_constant(token):
    raise AssertionError(f"{token} is no JSON")


@pytest.fixture(scope="module", params=sorted(NAMES))
def report(request):
    plan, data = hostile(NAMES[request.param], declared=request.param not in REFUSED)
    return NAMES[request.param], ex.postmortem(plan, data, lang="en")


@pytest.mark.parametrize("kind", REFUSED)
def test_a_plan_refuses_names_that_cannot_be_printed(kind):
    plan, data = hostile(NAMES[kind])
    with pytest.raises(ex.PlanError, match=r"campaign\.name") as caught:
        ex.postmortem(plan, data)
    assert "experiment.order" in str(caught.value)
    assert len(str(caught.value)) < 5_000
    assert str(caught.value).isprintable() or set(re.findall(r"[^ -~]", str(caught.value))) == {"\n"}


def test_html_shows_it_as_text(report):
    name, made = report
    page = check_html(made.to_html())
    shown = "".join(page.text)
    if name == SCRIPT:
        assert SCRIPT in shown
    if name == SURROGATE_FREE:
        assert f"{name} search" in shown
    assert "\x00" not in shown
    assert "\x1b" not in shown
    check_html(f"<div>{made._repr_html_()}</div>")


def test_markdown_tables_keep_their_columns(report):
    _, made = report
    text = made.to_markdown()
    assert not re.search(r"(?<!\\)<(script|img|a)\b", text)
    assert "\x00" not in text
    assert "\x1b" not in text
    tables = re.findall(r"(?:^\|.*\n)+", text + "\n", flags=re.MULTILINE)
    assert len(tables) >= 4
    for table in tables:
        bars = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(bars) == 1, table[:500]
    assert not re.search(r"(?<!\\)!\[z\]\(http", text)
    assert not re.search(r"(?<!\\)\[w\]\(javascript", text)


def test_json_is_json_and_keeps_the_name(report):
    name, made = report
    text = made.to_json()
    parsed = json.loads(text, parse_constant=_no_constant)
    assert parsed["schema_version"]
    text.encode("utf-8")
    assert json.dumps(name)[1:-1] in json.dumps(parsed)


def test_junit_is_xml(report, tmp_path):
    _, made = report
    made.to_junit(tmp_path / "junit.xml")
    suites = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    cases = [case for suite in suites for case in suite]
    assert len(cases) == len(made.gates) + len(made.findings)
    assert not re.search("timestamp|hostname", made.to_junit())
    assert len({(case.classname, case.name) for case in cases}) == len(cases)


def test_excel_holds_no_formula(report, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("xlsxwriter")
    _, made = report
    made.to_excel(tmp_path / "report.xlsx")
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert len(cells) > 100
    assert not [cell.coordinate for cell in cells if cell.data_type == "f" or cell.hyperlink]
    assert any(str(cell.value).startswith("=") for cell in cells)  # the name is there, as text


def test_displays_of_single_results_are_safe_too():
    import attribution as at

    plan, data = hostile(SCRIPT)
    credit = at.attribute(data["touches"], data["conversions"])
    outcomes = ex.build_outcomes(
        data["assignment"], data["conversions"], touches=data["touches"], prices=data["prices"], window="28d",
        as_of=plan["campaign"]["as_of"],
    )  # fmt: skip
    experiment = ex.Experiment({SCRIPT: ex.Rate("woken")}, shares="p_assign")
    readout = experiment.analyze(outcomes, touches=data["touches"])
    pays = ex.cost_thresholds(outcomes, order=plan["experiment"]["order"], experiment=experiment)
    reconciled = ex.reconcile(credit, readout, assignment=data["assignment"], steps=plan["experiment"]["steps"])
    conversion = data["conversions"]["conversion_id"].iloc[0]
    steps = readout.steps(plan["experiment"]["order"])
    for result in (credit, credit.explain(conversion), outcomes, readout, pays, reconciled, steps):
        page = check_html(f"<div>{result._repr_html_()}</div>")
        assert "script" not in page.elements
        assert not re.search(r"(?<!\\)<script", result.to_markdown())
        assert repr(result)


def test_nothing_turns_the_direction_of_the_page():
    plan, data = hostile(RIGHT_TO_LEFT, declared=False)
    made = ex.postmortem(plan, data, lang="zh")
    for text in (made.to_html(), made.to_markdown(), made.to_junit(), repr(made)):
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", text)
