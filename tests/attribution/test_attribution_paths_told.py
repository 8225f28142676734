"""What a table or a picture of journeys must say: null journeys that are missing, values that are not there."""

from __future__ import annotations

import itertools
import re

import pandas as pd
import pytest

import attribution as at

DAY = pd.Timestamp("2026-10-01 09:00Z")


def tables(*touches, conversions, value=None):
    left = pd.DataFrame(list(touches), columns=["person_id", "days", "channel"])
    right = pd.DataFrame(list(conversions), columns=["person_id", "days", "conversion_id"])
    for table in (left, right):
        table["time"] = DAY + pd.to_timedelta(table.pop("days"), unit="D")
    return left, right if value is None else right.assign(value=value)


OPEN = tables(("p1", 0, "sms"), ("p2", 1, "sms"), ("p3", 2, "push"), conversions=[("p1", 5, "c")])
ENDED = tables(("p1", 0, "sms"), ("p2", 1, "sms"), ("p3", 60, "push"), conversions=[("p1", 5, "c")])


def test_without_null_journeys_a_path_has_no_conversion_rate():
    """All journeys without a conversion are still open: a rate of 100% would be the rate of nobody."""
    paths = at.build_journeys(*OPEN).paths(nulls=True)
    assert [row["conversion_rate"] for row in paths.to_dicts()] == [None]
    assert (paths.nulls, paths.open) == (0, 2)
    shown = repr(paths)
    assert "There is no null journey to compare with" in shown
    assert "2 journeys without a conversion could still have converted" in shown
    assert "100%" not in shown.split("conversion rate")[1].replace("100%", "", 1)  # the share of the one path remains
    with at.language("zh"):
        assert "转化率无从定义" in repr(paths)


def test_with_null_journeys_the_open_ones_are_told():
    paths = at.build_journeys(*ENDED).paths(nulls=True)
    assert paths.to_dicts() == [
        {"path": "sms", "conversions": 1, "value": None, "share": 1.0, "nulls": 1, "conversion_rate": 0.5}
    ]
    assert (paths.nulls, paths.open) == (1, 1)
    assert "no null journey" not in repr(paths)
    assert "1 journeys without a conversion could still" in repr(paths)


def test_paths_of_conversions_alone_say_nothing_of_null_journeys():
    paths = at.build_journeys(*OPEN).paths()
    assert (paths.nulls, paths.open) == (None, None)
    assert "without a conversion" not in repr(paths)


@pytest.mark.parametrize(("world", "none"), [(OPEN, True), (ENDED, False)])
def test_a_flow_with_null_journeys_says_which_are_not_drawn(world, none):
    journeys = at.build_journeys(*world)
    drawn = at.plot_flow(journeys, nulls=True).to_svg()
    assert ("No journey without a conversion has ended yet" in drawn) == none
    assert f"Not drawn: {journeys.person_paths().open} journeys without a conversion" in drawn
    assert "without a conversion" not in at.plot_flow(journeys).to_svg()


def test_descriptions_of_pictures_are_written_in_the_language():
    credit = at.attribute(*OPEN, models=["first_touch", "linear"])
    with at.language("zh"):
        plots = [
            at.plot_credit(credit),
            at.plot_dumbbell(credit, "first_touch", "linear"),
            at.plot_path_lengths(credit.journeys),
            at.plot_time_to_conversion(credit.journeys),
            at.plot_flow(credit.journeys),
        ]
    for plot in plots:
        assert plot.description.startswith(f"{plot.title}。")
        assert not re.search(r"[.;:] ", plot.description), plot.description
    assert plots[-1].description.endswith("第 1 个触点、sms → 转化\N{FULLWIDTH COLON}1")
    assert at.plot_flow(credit.journeys).description.endswith(". touch 1, sms → conversion: 1")


def test_a_value_that_is_not_there_is_not_0():
    over = at.attribute(*OPEN, models="linear").over_time("week")
    assert over.wide()["sms"].sum() == 1.0
    with pytest.raises(at.InputError, match="the conversions have no value"):
        over.wide(measure="value")
    left, right = tables(("p1", 0, "sms"), conversions=[("p1", 5, "c")], value=[0.0])
    assert at.attribute(left, right, models="linear").over_time("week").wide(measure="value")["sms"].tolist() == [0.0]


def test_without_conversions_there_is_nothing_to_spread_out():
    over = at.attribute(OPEN[0], OPEN[1].iloc[:0], models="linear").over_time("week")
    with pytest.raises(at.InputError, match="no conversion was counted"):
        over.wide()


def test_a_model_has_one_name_in_chinese():
    with at.language("zh"):
        for two in ("proportional", "half_middle", "even"):
            shown = repr(at.attribute(*OPEN, models=at.PositionBased(two=two)))
            assert "位置归因" not in shown
            assert shown.count("位置加权") >= 2  # the head of the column and the definition


@pytest.mark.parametrize("name", ["channel", "difference"])
def test_a_model_called_as_a_column_of_the_dumbbell_is_refused(name):
    credit = at.attribute(*OPEN, models=[at.FirstTouch(name=name), at.LastTouch()])
    with pytest.raises(at.InputError, match=f"a model is called '{name}'"):
        at.plot_dumbbell(credit, name, "last_touch")
    assert at.plot_credit(credit).table()["model"].tolist()[0] == name


@pytest.mark.parametrize(
    ("values", "room"),
    [((-220_177.0, 451_120.0), 210.0), ((0.0, 3e9), 120.0), ((-3.0, 8.0), 400.0), ((0.0, 0.0), 300.0)],
)
def test_marks_of_an_axis_do_not_run_into_each_other(values, room):
    from attribution.plots.sheet import SMALL, Scale, Sheet, drawing, text_width

    with drawing():
        sheet = Sheet(760, 200)
        sheet.bottom_axis(Scale(values, 100.0, 100.0 + room), (0.0, 100.0), "", "money")
    marks = sorted((text.get_position()[0], text.get_text()) for text in sheet.figure.axes[0].texts if text.get_text())
    assert "0" in [text for _, text in marks]
    for (left, one), (right, other) in itertools.pairwise(marks):
        assert right - left > (text_width(one, SMALL) + text_width(other, SMALL)) / 2


def test_titles_stay_on_their_sheet_in_bold():
    """Measured in the widest font at hand: DejaVu Sans Bold."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    names = {"sms": "a common channel of many words", "push": "another uncommon channel for women"}
    left = OPEN[0].assign(channel=OPEN[0]["channel"].replace(names))
    credit = at.attribute(left, OPEN[1].assign(person_id="p1"), models=["first_touch", "linear"])
    for lang in ("en", "zh"):
        with at.language(lang):
            figure = at.plot_flow(credit.journeys).figure
        renderer = FigureCanvasAgg(figure).get_renderer()
        ends = [text.get_window_extent(renderer).x1 for text in figure.axes[0].texts if text.get_fontsize() == 18.0]
        assert ends
        assert max(ends) < figure.bbox.x1


def test_conversions_keep_their_name_where_nodes_stand_close():
    """One of 400 journeys converts after a touch; nodes of as little as that stand above it."""
    persons = [f"p{number}" for number in range(400)]
    first = [(person, 0, "push") for person in persons]
    second = [(person, 0.5, ("a", "b", "c")[place % 3] if place < 4 else "sms") for place, person in enumerate(persons)]
    left, right = tables(*first, *second[:-1], ("late", 99, "push"), conversions=[("p399", 1, "c1")])
    drawn = at.plot_flow(at.build_journeys(left, right, rules=at.Rules(lookback="7d")), nulls=True)
    shown = [text.get_text() for text in drawn.figure.axes[0].texts]
    assert "conversion 0.25%" in shown
    assert any(text.startswith("no conversion") for text in shown)


def test_an_eligible_touch_has_one_name_in_chinese():
    credit = at.attribute(*OPEN, models=[at.LastNonDirect(), at.Linear()])
    with at.language("zh"):
        shown = [repr(credit), repr(at.participation(credit)), repr(credit.journeys.lengths())]
        shown += [at.plot_path_lengths(credit.journeys).subtitle, at.plot_time_to_conversion(credit.journeys).subtitle]
    assert all("有效触点" in text for text in shown)
    assert not any("合格触点" in text or "可计功劳触点" in text for text in shown)
