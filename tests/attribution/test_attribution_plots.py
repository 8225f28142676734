"""Plots: their data, their texts, hostile names, the same bytes again, and pictures of nothing."""

from __future__ import annotations

import re
import warnings
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

import attribution as at
from attribution.plots import plot as plot_module
from attribution.plots import sheet as sheet_module
from attribution.plots.numbers import axis_mark, brief, brief_range, days_text
from attribution.plots.sheet import Scale, shortened, text_width, wrapped

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>", "$x_1$ & $\\frac{", '" onload="alert(1)', 'font: 9px evil; style="fill: red"',
    "很长的渠道名称一二三四五六七八九十甲乙丙丁戊", "]]>&amp;<!--", "\u202eevil\u202c", "a\nb\tc\x1b[31m",
]  # fmt: skip


def world(names, *, persons=150, seed=1, shuffle=None):
    r = np.random.default_rng(seed)
    counts = r.poisson(2.0, persons) + 1
    person = np.repeat(np.arange(persons), counts)
    start = pd.Timestamp("2026-09-01", tz="UTC")
    chosen = np.minimum(r.geometric(0.4, len(person)) - 1, len(names) - 1)
    touches = pd.DataFrame(
        {
            "person_id": person,
            "time": start + pd.to_timedelta(r.integers(0, 30 * 24, len(person)), unit="h"),
            "channel": np.array(names, dtype=object)[chosen],
        }
    )
    who = np.flatnonzero(r.random(persons) < 0.5)
    conversions = pd.DataFrame(
        {
            "person_id": who,
            "time": start + pd.to_timedelta(r.integers(5 * 24, 35 * 24, len(who)), unit="h"),
            "conversion_id": [f"o{place}" for place in range(len(who))],
            "value": r.integers(1, 500, len(who)).astype(float),
        }
    )
    if shuffle is not None:
        return touches.sample(frac=1, random_state=shuffle), conversions.sample(frac=1, random_state=shuffle)
    return touches, conversions


@pytest.fixture(scope="module")
def credit():
    return at.attribute(*world(["sms", "push", "phone", "banner", "email"]))


def plots_of(credit, *, level=None):
    journeys = credit.journeys
    return {
        "credit": at.plot_credit(credit, level=level),
        "share": at.plot_credit(credit, measure="share"),
        "one": at.plot_credit(at.Credit.by(credit, "channel"), measure="value", top=2),
        "dumbbell": at.plot_dumbbell(credit, "first_touch", "last_touch", measure="share"),
        "lengths": at.plot_path_lengths(journeys, longest=3),
        "time": at.plot_time_to_conversion(journeys),
        "flow": at.plot_flow(journeys, steps=3, top=2),
        "nulls": at.plot_flow(journeys, nulls=True),
    }


def texts(svg: str) -> list[str]:
    return ["".join(found.itertext()) for found in ElementTree.fromstring(svg).iter(f"{SVG}text")]


# --- data ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measure", "column"), [("conversions", "conversions"), ("value", "value"), ("share", "share_of_attributed")]
)
def test_the_data_of_a_plot_of_credit_are_the_rows_of_the_credit_table(credit, measure, column):
    expected = credit.table(level=0.9).query("channel != '(none)'").reset_index(drop=True)
    found = at.plot_credit(credit, measure=measure, level=0.9, top=1).table()
    stem = "share" if measure == "share" else column
    columns = ["model", "channel", column, f"{stem}_low", f"{stem}_high"]
    assert list(found.columns) == columns
    pd.testing.assert_frame_equal(found, expected[columns], check_dtype=False, rtol=1e-12)


def test_the_data_of_a_dumbbell_are_two_columns_and_their_difference(credit):
    found = at.plot_dumbbell(credit, "linear", "time_decay").table()
    wide = credit.table().pivot_table(index="channel", columns="model", values="conversions").loc[found["channel"]]
    assert found["linear"].to_numpy() == pytest.approx(wide["linear"].to_numpy())
    assert found["time_decay"].to_numpy() == pytest.approx(wide["time_decay"].to_numpy())
    assert found["difference"].to_numpy() == pytest.approx((wide["time_decay"] - wide["linear"]).to_numpy())
    assert found["difference"].is_monotonic_decreasing
    assert "(none)" not in set(found["channel"])


@pytest.mark.parametrize("nulls", [False, True])
def test_the_flow_is_that_of_plain_loops_and_loses_nobody(credit, nulls):
    paths = credit.journeys.path_counts()
    expected: dict[tuple[int, str, str], float] = {}
    for place in range(len(paths)):
        names = [paths.channel_names[code] for code in paths.channel[paths.offsets[place] : paths.offsets[place + 1]]]
        for step in range(1, min(len(names), 3) + 1):
            for end, count in (
                ("(conversion)", paths.conversions[place]),
                ("(no conversion)", nulls * paths.nulls[place]),
            ):
                over = step == len(names)
                to = end if over else "(more touches)" if step == 3 else names[step]
                key = (step, names[step - 1], to)
                expected[key] = expected.get(key, 0.0) + count
    found = at.plot_flow(credit.journeys, steps=3, top=1, nulls=nulls).to_dicts()
    got = {(row["step"], row["from_channel"], row["to_channel"]): row["journeys"] for row in found}
    assert got == {key: count for key, count in expected.items() if count}
    ends = [count for (_, _, to), count in got.items() if to.startswith("(")]
    assert sum(ends) == paths.conversions.sum() + nulls * paths.nulls.sum()


def test_lengths_and_times_carry_the_data_of_the_journeys(credit):
    journeys = credit.journeys
    assert at.plot_path_lengths(journeys).to_dicts() == journeys.lengths().to_dicts()
    assert at.plot_time_to_conversion(journeys).to_dicts() == journeys.time_to_conversion(bin="1d").to_dicts()
    assert at.plot_time_to_conversion(journeys, bin="7d").to_dicts() == journeys.time_to_conversion(bin="7d").to_dicts()


def test_credit_of_aggregated_paths_is_drawn_too():
    paths = pd.DataFrame({"path": ["A > B", "B", ""], "conversions": [3, 2, 1]})
    made = at.attribute_paths(paths, models=["linear", "last_touch"])
    plot = at.plot_credit(made)
    assert plot.title == "B leads under both models: 3.5 to 5"
    assert "Not drawn: conversions without an eligible touch (1)." in texts(plot.to_svg())
    assert at.plot_dumbbell(made, "linear", "last_touch").to_dicts()[0]["difference"] == 1.5
    with pytest.raises(at.InputError, match="needs a value column"):
        at.plot_credit(made, measure="value")


def test_titles_are_findings():
    touches = pd.DataFrame(
        {
            "person_id": ["a", "a", "b", "b"],
            "time": pd.to_datetime(["2026-10-01", "2026-10-02", "2026-10-01", "2026-10-02"], utc=True),
            "channel": ["sms", "push", "sms", "push"],
        }
    )
    conversions = pd.DataFrame(
        {"person_id": ["a", "b"], "time": pd.to_datetime(["2026-10-04 12:00Z"] * 2), "conversion_id": [1, 2]}
    )
    made = at.attribute(touches, conversions, models=["first_touch", "last_touch", "linear"])
    assert at.plot_credit(made).title == "Who leads depends on the model: push (2 of 3), sms (1 of 3)"
    one = at.attribute(touches, conversions, models="last_touch")
    assert at.plot_credit(one).title == "push has most credit: 2 of 2 attributed conversions"
    assert at.plot_credit(one, measure="share").title == "push has most credit: 100% of the attributed conversions"
    title = "From first touch to last touch, 100% of the credit changes hands; push gains most, sms loses most"
    assert at.plot_dumbbell(made, "first_touch", "last_touch").title == title
    journeys = made.journeys
    assert at.plot_path_lengths(journeys).title == "Half of the journeys have at most 2 touches; 0% have only one"
    assert at.plot_time_to_conversion(journeys).title == (
        "Half of the conversions come within 2.5 days of the last touch, and 3.5 days of the first"
    )
    assert at.plot_flow(journeys).title == "sms opens 100% of the journeys; 0% convert after one touch"
    with at.language("zh"):
        assert at.plot_credit(one).title.endswith("2 次归因转化中的 2 次")


def test_the_median_in_the_pooled_bar_is_marked_there():
    touches = pd.DataFrame(
        {"person_id": ["a"] * 5, "time": pd.to_datetime(["2026-10-01"] * 5, utc=True), "channel": list("vwxyz")}
    )
    conversions = pd.DataFrame(
        {"person_id": ["a"], "time": pd.to_datetime(["2026-10-02 01:00Z"]), "conversion_id": [1]}
    )
    found = texts(at.plot_path_lengths(at.build_journeys(touches, conversions), longest=3).to_svg())
    assert "4+" in found
    assert "median" in found


# --- texts, names, bytes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_hostile_names_stay_text(lang):
    with at.language(lang):
        made = at.attribute(*world(HOSTILE, persons=400), models=["first_touch", "last_touch"])
        plots = plots_of(made, level=0.95)
    for name, plot in plots.items():
        svg = plot.to_svg()
        root = ElementTree.fromstring(svg)  # well formed, also beside other elements of a page
        assert {found.tag.removeprefix(SVG) for found in root.iter()} <= {
            "svg", "g", "path", "text", "tspan", "defs", "use", "style", "title", "desc",
        }, name  # fmt: skip
        for found in root.iter():
            assert not [key for key in found.attrib if key.startswith("on")]
            assert found.attrib.get("href", "#").startswith("#")
        assert "<script" not in plot._repr_html_()
        assert "<script" not in re.sub(r"\\<", "", plot.to_markdown())
        assert not re.search("[\u202a-\u202e\x00-\x08\x1b]", svg)
    drawn = "".join(texts(plots["credit"].to_svg()))
    assert "<script>alert(1)<" in drawn
    assert "$x_1$ & $" in drawn  # no formula
    assert "font: 9px evil" in drawn
    assert HOSTILE[0] in "".join(ElementTree.fromstring(plots["credit"].to_svg()).find(f"{SVG}desc").itertext())


def test_text_is_live_and_in_the_reader_s_fonts(credit):
    svg = at.plot_credit(credit).to_svg()
    assert {"sms", "push", "phone"} <= set(texts(svg))
    assert "PingFang SC" in svg
    assert "DejaVu" not in svg
    with at.language("zh"):
        assert "各渠道、各模型的归因转化数" in texts(at.plot_credit(credit).to_svg())


def test_the_same_data_give_the_same_bytes(credit, tmp_path):
    import matplotlib as mpl

    first = {name: plot.to_svg() for name, plot in plots_of(credit, level=0.95).items()}
    with mpl.rc_context({"svg.fonttype": "path", "font.size": 30.0, "svg.hashsalt": "x", "savefig.bbox": "tight"}):
        again = plots_of(at.attribute(*world(["sms", "push", "phone", "banner", "email"], shuffle=5)), level=0.95)
        for plot in again.values():
            plot.to_png(tmp_path / "plot.png")
        assert {name: plot.to_svg() for name, plot in again.items()} == first
    assert not [name for name, svg in first.items() if "dc:date" in svg or "matplotlib" in svg.lower()]
    pictures = [tmp_path / f"{place}.png" for place in range(2)]
    for picture in pictures:
        at.plot_flow(credit.journeys).to_png(picture, scale=1)
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert pictures[0].read_bytes().startswith(b"\x89PNG")


def test_the_fonts_of_the_machine_change_no_byte_of_the_svg(credit, monkeypatch):
    with at.language("zh"):
        first = at.plot_credit(credit).to_svg()
        monkeypatch.setattr(sheet_module, "families", lambda: ("DejaVu Serif",))
        assert at.plot_credit(credit).to_svg() == first


def test_files_hold_what_is_returned(credit, tmp_path):
    plot = at.plot_flow(credit.journeys)
    assert plot.to_svg(tmp_path / "flow.svg") == (tmp_path / "flow.svg").read_bytes().decode("utf-8")
    with pytest.raises(at.InputError, match=r"scale must be a number above 0"):
        plot.to_png(tmp_path / "flow.png", scale=0)


def test_ids_of_two_plots_in_one_page_differ(credit):
    found = [set(re.findall(r'\bid="([^"]+)"', plot.to_svg())) for plot in plots_of(credit).values()]
    assert sum(map(len, found)) == len(set().union(*found))


def test_a_png_warns_when_no_font_has_the_letters(credit, tmp_path, monkeypatch):
    monkeypatch.setattr(plot_module, "families", lambda: ("DejaVu Sans",))
    with at.language("zh"):
        plot = at.plot_credit(credit)
    with pytest.warns(at.WakeLiftWarning, match="no Chinese font was found"):
        plot.to_png(tmp_path / "a.png", scale=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        at.plot_credit(credit).to_png(tmp_path / "b.png", scale=0.5)


def test_figures_are_unknown_to_pyplot(credit):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    figure = at.plot_credit(credit).figure
    assert plt.get_fignums() == before
    assert figure.get_size_inches()[0] > 5


# --- edges -----------------------------------------------------------------------------------------------------------


def test_pictures_of_nothing_say_so():
    touches = pd.DataFrame({"person_id": ["a"], "time": pd.to_datetime(["2026-01-01 00:00Z"]), "channel": ["sms"]})
    conversions = pd.DataFrame(
        {"person_id": ["b"], "time": pd.to_datetime(["2026-01-02 10:00Z"]), "conversion_id": ["o"]}
    )
    for rows in (conversions, conversions.iloc[:0]):
        made = at.attribute(touches, rows.assign(value=0.0))
        journeys = made.journeys
        found = [
            at.plot_credit(made, measure=measure, level=level)
            for measure in ("conversions", "value", "share")
            for level in (None, 0.95)
        ]
        assert {plot.title for plot in found} == {"No channel has any credit"}
        found += [at.plot_dumbbell(made, "linear", "first_touch"), at.plot_path_lengths(journeys)]
        found += [at.plot_time_to_conversion(journeys), at.plot_flow(journeys)]
        assert found[-2].title == "No conversion has an eligible touch"
        assert found[-1].title == "There are no journeys to draw"
        for plot in found:
            svg = plot.to_svg()
            assert "nan" not in svg
            assert "inf" not in svg
            ElementTree.fromstring(svg)


def test_more_models_than_colours_and_more_channels_than_rows():
    models = [at.PositionBased(first=place / 30, name=f"p{place}") for place in range(19)]
    made = at.attribute(*world([f"c{place:02d}" for place in range(30)], persons=400), models=models)
    plot = at.plot_credit(made, top=4)
    channels = {row["channel"] for row in plot.to_dicts()}
    assert f"{len(channels) - 4} more rows are in .table()." in texts(plot.to_svg())
    assert {model.name for model in models} <= set(texts(plot.to_svg()))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda credit: at.plot_credit(credit.journeys), "plot_credit needs a Credit, got Journeys"),
        (lambda credit: at.plot_credit(credit, measure="cost"), "measure must be one of conversions, value, share"),
        (lambda credit: at.plot_credit(credit, level=95), "level must lie"),
        (lambda credit: at.plot_credit(credit, top=0), "top must be a whole number"),
        (lambda credit: at.plot_dumbbell(credit, "linear", "linear"), "compares two models"),
        (lambda credit: at.plot_dumbbell(credit, "linear", "lienar"), "no model 'lienar'"),
        (at.plot_path_lengths, "plot_path_lengths needs Journeys, got Credit"),
        (lambda credit: at.plot_path_lengths(credit.journeys, longest=1), "longest must be"),
        (lambda credit: at.plot_time_to_conversion(credit.journeys, bin="1min"), "of which none could be seen"),
        (lambda credit: at.plot_flow(credit.journeys, steps=1), "steps must be a whole number from 2 to 8"),
        (lambda credit: at.plot_flow(credit.journeys, top=True), "top must be a whole number from 1 to 12"),
    ],
)
def test_wrong_arguments_are_answered(credit, call, match):
    with pytest.raises(at.InputError, match=match):
        call(credit)


def test_value_needs_a_value():
    touches, conversions = world(["sms"])
    with pytest.raises(at.InputError, match="needs a value column"):
        at.plot_credit(at.attribute(touches, conversions.drop(columns="value")), measure="value")


def test_an_end_of_the_flow_is_no_channel():
    with pytest.raises(at.InputError, match=r"a channel is called '\(conversion\)'"):
        at.plot_flow(at.build_journeys(*world(["(conversion)", "sms"])))


# --- numbers and lines -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (0.0, "count", "0"), (412.4, "count", "412"), (1234.6, "count", "1,235"), (8.34, "count", "8.3"),
        (0.5, "count", "0.5"), (0.0123, "count", "0.012"), (9.96, "count", "10"), (-3.25, "count", "−3.2"),
        (0.3149, "rate", "31%"), (0.0802, "rate", "8.0%"), (0.08, "rate", "8%"), (0.00051, "rate", "0.051%"),
        (0.0065, "pp", "0.65 pp"), (42209.4, "money", "42,209"), (1.0, "rate", "100%"), (0.999999, "count", "1.0"),
    ],
)  # fmt: skip
def test_numbers_are_short(value, kind, expected):
    assert brief(value, kind) == expected


def test_ranges_marks_and_spans():
    assert brief_range(1.0, 1.0, "count") == "1"
    assert brief_range(0.311, 0.442, "rate") == "31% to 44%"
    assert [axis_mark(mark, "rate") for mark in (0.0, 0.05, 0.125)] == ["0%", "5%", "12.5%"]
    assert [axis_mark(mark, "count") for mark in (0.25, 2.5, 5000.0)] == ["0.25", "2.5", "5,000"]
    assert [days_text(days) for days in (0.0, 0.5 / 24, 1 / 24, 0.5, 1.0, 6.2, 26.4)] == [
        "0 minutes", "30 minutes", "1 hour", "12 hours", "1 day", "6.2 days", "26 days",
    ]  # fmt: skip
    with at.language("zh"):
        assert brief_range(0.3, 0.4, "rate") == "30% 至 40%"
        assert days_text(2.0) == "2 天"


@pytest.mark.parametrize(
    "text",
    [
        "a plain line of words that is long enough to be cut",
        "很长的渠道名称\uff0c包括标点\uff08以及括号\uff09。",
        "x" * 200,
        "",
    ],
)
def test_lines_fit_their_width(text):
    for width in (40.0, 120.0, 400.0):
        assert text_width(shortened(text, width, 14.0), 14.0) <= width
        lines = wrapped(text, width, 14.0, lines=50)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(text_width(line, 14.0) <= width for line in lines)
        assert len(wrapped(text, width, 14.0, lines=2)) <= 2


def test_a_scale_holds_its_values_and_zero():
    for values in ([], [0.0], [3.0, 9.0], [-2.0, 5.0], [1e-9], [7e12]):
        scale = Scale(values, 100.0, 500.0)
        assert all(100.0 <= scale(value) <= 500.0 for value in [0.0, *values])
        assert scale(scale.low) == 100.0
        assert scale(scale.high) == pytest.approx(500.0)
        assert 0.0 in scale.marks
