"""The drawings of the report on data that are few, many, equal, endless or missing."""

from __future__ import annotations

import math
import re
import warnings
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from attribution.core.errors import InputError
from attribution.core.records import Field, Records
from experiments.report.charts import chart_axes, chart_svg
from experiments.report.charts.lines import spread, styles_of
from experiments.report.document import Chart

INF = math.inf
KINDS = {
    "curves": (
        ("series", "text"), ("role", "text"), ("x", "number"), ("value", "rate"), ("low", "rate"), ("high", "rate"),
    ),
    "forest": (("label", "text"), ("value", "money"), ("low", "money"), ("high", "money")),
    "histogram": (("group", "text"), ("start", "number"), ("end", "number"), ("value", "count")),
    "net_benefit": (
        ("contrast", "text"), ("threshold", "money"), ("value", "money"), ("low", "money"), ("high", "money"),
        ("word", "text"),
    ),
    "ruler": (
        ("group", "text"), ("label", "text"), ("role", "text"), ("value", "count"), ("low", "count"), ("high", "count"),
    ),
    "waterfall": (("group", "text"), ("label", "text"), ("role", "text"), ("start", "money"), ("end", "money")),
}  # fmt: skip
ROWS = {
    "curves": {
        "one": [("a", "treated", 0.0, 0.1, 0.05, 0.2)],
        "equal": [("a", "treated", float(x), 0.0, 0.0, 0.0) for x in range(3)],
        "endless": [("a", "treated", float(x), 0.1, -INF, INF) for x in range(3)],
        "missing": [("a", "treated", 0.0, None, None, None), ("a", "treated", 1.0, 0.2, None, None)],
        "many": [(f"s{s}", "treated", float(x), x * 0.01 * s, None, None) for s in range(12) for x in range(40)],
        "empty": [],
    },
    "forest": {
        "one": [("a", 1.0, 0.5, 2.0)],
        "equal": [("a", 0.0, 0.0, 0.0)] * 3,
        "endless": [("a", 1.0, -INF, INF), ("b", 1.0, 0.5, INF), ("c", 1.0, -INF, 2.0)],
        "missing": [("a", None, None, None), ("b", 1.0, None, None)],
        "many": [(f"row {k}", float(k), k - 1.0, k + 1.0) for k in range(40)],
        "empty": [],
    },
    "histogram": {
        "one": [("", 0.0, 1.0, 3)],
        "equal": [("a", 0.0, 0.0, 0)],
        "endless": [("a", -INF, 0.0, 2), ("a", 0.0, 1.0, 4), ("a", 1.0, INF, 1)],
        "missing": [("a", 0.0, 1.0, None)],
        "many": [("a", float(k), k + 1.0, k) for k in range(40)],
        "empty": [],
    },
    "net_benefit": {
        "one": [("a", 60.0, 1.0, 0.5, 2.0, "PASS")],
        "equal": [("a", 60.0, 0.0, 0.0, 0.0, "")] * 2,
        "endless": [("a", 60.0, 1.0, -INF, INF, "FAIL"), ("a", 85.0, 1.0, 0.5, INF, "")],
        "missing": [("a", 60.0, None, None, None, "FAIL"), ("a", 85.0, 1.0, 0.0, 2.0, "FAIL")],
        "many": [(f"arm {k}", float(t), k + t, k + t - 1.0, k + t + 1.0, "") for k in range(8) for t in range(5)],
        "empty": [],
    },
    "ruler": {
        "one": [("g", "Touched", "touched", 3, 3, 3)],
        "equal": [("g", "Touched", "touched", 0, 0, 0)] * 3,
        "endless": [("g", "Incremental", "incremental", 3, -INF, INF)],
        "missing": [("g", "Incremental", "incremental", None, None, None)],
        "many": [(f"g{k}", "Touched", "touched", k, k, k) for k in range(40)],
        "empty": [],
    },
    "waterfall": {
        "one": [("g", "total", "total", 0.0, 3.0)],
        "equal": [("g", "part", "part", 0.0, 0.0)],
        "many": [("g", f"part {k}", "part", float(k), k + 1.0) for k in range(40)],
        "empty": [],
    },
}
CASES = [(kind, name) for kind, cases in ROWS.items() for name in cases]


def chart(kind, rows, *, marks=(), words=None):
    fields = tuple(Field(name, of) for name, of in KINDS[kind])
    names = [name for name, _ in KINDS[kind]]
    records = Records.from_rows(fields, [dict(zip(names, row, strict=True)) for row in rows])
    said = {"x": "across", "y": "up", "zero": "nothing", **(words or {})}
    return Chart(
        name="chart-it",
        kind=kind,
        title="Finding",
        subtitle="",
        alt="Finding 1",
        records=records,
        words=said,
        marks=marks,
    )


def texts(svg):
    return ["".join(one.itertext()) for one in ElementTree.fromstring(svg).iter("text")]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_degenerate_data_are_drawn_without_a_warning_and_twice_alike(kind, name):
    drawn = chart(kind, ROWS[kind][name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = chart_svg(drawn)
    assert svg == chart_svg(drawn)
    page = ElementTree.fromstring(svg)
    assert page.find("title").text == "Finding"
    assert page.find("desc").text == "Finding 1"
    assert not [text for text in texts(svg) if re.search(r"\b(nan|inf|None)\b", text)]
    sizes = [float(number) for number in page.attrib["viewBox"].split()]
    assert all(map(math.isfinite, sizes))
    assert min(sizes[2:]) > 0


@pytest.mark.parametrize("kind", ["curves", "forest", "histogram"])
def test_the_scale_reaches_to_every_named_place_and_names_it(kind):
    marks = ((1.0, "cap"), (1.0, "also here"), (99.0, "far away"))
    shown = texts(chart_svg(chart(kind, ROWS[kind]["many"], marks=marks)))
    assert {name for _, name in marks} <= set(shown)


def test_names_of_twelve_lines_do_not_touch():
    svg = chart_svg(
        chart("curves", [(f"s{s}", "treated", float(x), 0.1, None, None) for s in range(12) for x in range(2)])
    )
    places = []
    for one in ElementTree.fromstring(svg).iter("text"):
        if re.fullmatch(r"s\d+", "".join(one.itertext())):
            places.append(
                float(re.search(r"translate\(\S+ (\S+)\)|", one.attrib.get("transform", "")).group(1) or one.get("y"))
            )
    assert len(places) == 12
    gaps = [after - before for before, after in pairwise(sorted(places))]
    assert min(gaps) > 14


@pytest.mark.parametrize(
    ("wanted", "apart", "room"),
    [
        ([5, 5, 5], 4, (0, 100)),
        ([0, 1, 99, 100], 10, (0, 100)),
        ([3] * 12, 4, (0, 100)),
        ([7], 4, (0, 10)),
        ([], 4, (0, 1)),
    ],
)
def test_spread_keeps_order_distance_and_room(wanted, apart, room):
    placed = spread(wanted, apart, *room)
    assert len(placed) == len(wanted)
    assert all(room[0] <= at <= room[1] for at in placed)
    ordered = sorted(range(len(wanted)), key=lambda place: (wanted[place], place))
    gaps = [placed[after] - placed[before] for before, after in pairwise(ordered)]
    assert all(gap >= apart - 1e-9 for gap in gaps)


def test_spread_shares_a_room_that_is_too_small():
    assert spread([1.0, 1.0, 1.0], 10, 0, 10) == [0.0, 5.0, 10.0]


def test_twelve_lines_differ_in_more_than_their_colour():
    styles = styles_of(["treated"] * 10 + ["control", "reference"])
    pairs = {(one["color"], str(one["linestyle"]), one["linewidth"]) for one in styles}
    assert len(pairs) == 12
    few = styles_of(["treated", "treated", "control", "reference"])
    assert len({str(one["linestyle"]) + str(one["linewidth"]) for one in few}) == 4


def test_steps_are_drawn_as_steps():
    rows = [("a", "treated", float(x), 0.1 * x, None, None) for x in range(4)]
    plain, steps = (chart_axes(chart("curves", rows, words=words)) for words in ({}, {"steps": "1"}))
    assert "steps-post" in {line.get_drawstyle() for line in steps.lines}
    assert "steps-post" not in {line.get_drawstyle() for line in plain.lines}


@pytest.mark.parametrize(
    ("low", "high", "start"), [(0.9, 1.0, "off"), (0.1, 1.0, "zero"), (-1.0, 1.0, "inside"), (-1.0, -0.1, "top")]
)
def test_the_vertical_scale_holds_zero_unless_all_is_far_from_it(low, high, start):
    rows = [("a", "treated", 0.0, low, None, None), ("a", "treated", 1.0, high, None, None)]
    bottom, top = chart_axes(chart("curves", rows)).get_ylim()
    assert {"off": bottom > 0, "zero": bottom == 0, "inside": bottom < 0 < top, "top": top == 0}[start]


def test_an_open_bar_and_an_open_interval_say_so():
    shown = texts(chart_svg(chart("histogram", ROWS["histogram"]["endless"])))
    assert {"≥ 1", "< 0"} <= set(shown)
    shown = texts(chart_svg(chart("forest", ROWS["forest"]["endless"])))
    assert [text for text in shown if "(" in text] == [
        "1 (no bound on either side)", "1 (from 0.500, no upper bound)", "1 (up to 2, no lower bound)",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", list(KINDS))
def test_axes_have_real_colours_and_may_be_the_callers(kind):
    from matplotlib.colors import to_hex
    from matplotlib.figure import Figure

    own = chart_axes(chart(kind, ROWS[kind]["many"]))
    figure = Figure(figsize=(12, 6))
    given = chart_axes(chart(kind, ROWS[kind]["many"]), figure.add_subplot())
    assert given.figure is figure
    for axes in (own, given):
        assert len(axes.figure.axes) >= 1
        axes.figure.canvas.draw()
        found = {to_hex(text.get_color()) for text in axes.findobj(lambda one: hasattr(one, "get_text"))}
        found |= {to_hex(line.get_color()) for line in axes.lines}
        assert not [color for color in found if re.fullmatch(r"#(0[1-7])\1\1", color)]


def test_axes_that_are_none_are_refused():
    with pytest.raises(InputError, match="axes must be matplotlib Axes"):
        chart_axes(chart("forest", ROWS["forest"]["one"]), "here")
