"""Small values of the core: durations, seeds, estimates, language, messages, findings, lazy names, extras."""

from __future__ import annotations

import math
import sys
import types
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from attribution.core import messages
from attribution.core.durations import duration_text, microseconds, parse_duration
from attribution.core.errors import ExtraNeededError, InputError, WakeLiftError
from attribution.core.estimates import Comparison, Estimate, RatioSet, check_level, check_side
from attribution.core.extras import needed
from attribution.core.findings import Finding, worst
from attribution.core.language import check_language, current_language, language, set_language
from attribution.core.lazy import attach
from attribution.core.randomness import check_seed, generator

# --- durations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        ("30d", timedelta(days=30)),
        (" 36 h ", timedelta(hours=36)),
        ("15min", timedelta(minutes=15)),
        ("1.5h", timedelta(minutes=90)),
        ("2w", timedelta(days=14)),
        ("90s", timedelta(seconds=90)),
        ("5ms", timedelta(milliseconds=5)),
        ("7us", timedelta(microseconds=7)),
        (timedelta(hours=1), timedelta(hours=1)),
    ],
)
def test_durations_are_exact(written, exact):
    assert parse_duration(written) == exact


def test_durations_of_pandas_become_plain_ones():
    for given, exact in ((pd.Timedelta("36h"), timedelta(hours=36)), (pd.Timedelta(1500, "ns"), timedelta(0, 0, 1))):
        found = parse_duration(given)
        assert (type(found), found) == (timedelta, exact)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (30, r'lookback must be a duration with its unit, got 30\. Write "30d" for days or "30h" for hours'),
        ("30", r'got .30.\. Write "30d", "36h" or "15min"'),
        ("30 fortnights", "must be a duration with its unit"),
        ("-3d", "must be a duration with its unit"),
        (None, "must be a duration with its unit"),
        (timedelta(days=-1), "lookback must not be negative"),
        ("9999999999999d", "lookback is too long, got '9999999999999d'. Durations end at 999999999d"),
    ],
)
def test_what_is_no_duration_says_what_to_write(wrong, message):
    with pytest.raises(InputError, match=message):
        parse_duration(wrong, name="lookback")


@pytest.mark.parametrize("text", ["30d", "36h", "15min", "90s", "5ms", "7us", "0d"])
def test_the_shortest_spelling_comes_back(text):
    assert duration_text(parse_duration(text)) == text


def test_microseconds_are_whole():
    assert microseconds(timedelta(days=1, microseconds=1)) == 86_400_000_001


# --- randomness ------------------------------------------------------------------------------------------------------


def test_a_stream_depends_on_seed_and_purpose_only():
    first = generator(7, "bootstrap").random(4)
    generator(7, "something else").random(100)
    assert generator(7, "bootstrap").random(4).tolist() == first.tolist()
    assert generator(np.int64(7), "bootstrap").random(4).tolist() == first.tolist()
    assert generator(8, "bootstrap").random(4).tolist() != first.tolist()
    assert generator(7, "bootstraps").random(4).tolist() != first.tolist()


@pytest.mark.parametrize("seed", [-1, 1.5, "7", True, None])
def test_seeds_are_whole_numbers(seed):
    with pytest.raises(InputError, match="seed must be a non-negative integer"):
        check_seed(seed)


# --- estimates -------------------------------------------------------------------------------------------------------


def test_an_interval_contains_its_ends():
    interval = Estimate(value=1.0, low=0.0, high=math.inf)
    assert [interval.contains(x) for x in (-1e-9, 0.0, 5.0, math.inf)] == [False, True, True, True]


def test_a_complement_contains_what_lies_outside_and_all_contains_all():
    outside = Estimate(value=None, low=-1.0, high=2.0, kind="complement")
    assert [outside.contains(x) for x in (-2, -1, 0, 2, 3)] == [True, True, False, True, True]
    assert Estimate(value=None, kind="all").contains(1e9)
    ratio = RatioSet(value=1.0, low=-1.0, high=2.0, kind="complement", level=0.95)
    assert [ratio.contains(x) for x in (-1, 0, 2)] == [True, False, True]
    plain = RatioSet(value=1.0, low=-1.0, high=2.0, kind="interval", level=0.95)
    assert [plain.contains(x) for x in (-1, 0, 2.1)] == [True, True, False]
    assert RatioSet(value=None, low=0.0, high=0.0, kind="all", level=0.95).contains(7)


def test_an_estimate_without_interval_says_why():
    with pytest.raises(InputError, match=r"no interval \(FISHER\), so it cannot say whether it contains 0"):
        Estimate(value=1.0, note="FISHER").contains(0)
    with pytest.raises(InputError, match=r"\(no interval\)"):
        Estimate(value=1.0, low=0.0).contains(0)


def test_levels_and_sides():
    assert check_level(0.9) == 0.9
    for level in (0, 1, -0.1, "0.9", True, math.nan):
        with pytest.raises(InputError, match="level must lie strictly between 0 and 1"):
            check_level(level)
    with pytest.raises(InputError, match=r"For 95 % write level=0\.95\."):
        check_level(95)
    assert [check_side(side) for side in ("two", "greater", "less")] == ["two", "greater", "less"]
    with pytest.raises(InputError, match=r'side must be "two", "greater" or "less"'):
        check_side("both")


# --- language and messages -------------------------------------------------------------------------------------------


def test_the_language_is_set_for_a_block_or_for_good():
    assert current_language() == "en"
    with language("zh"):
        assert current_language() == "zh"
        with language("en"):
            assert current_language() == "en"
        assert current_language() == "zh"
    set_language("zh")
    assert current_language() == "zh"
    with pytest.raises(InputError, match=r'lang must be "en" or "zh", got .fr.'):
        check_language("fr")
    with pytest.raises(RuntimeError, match="inside"), language("en"):
        raise RuntimeError("inside")
    assert current_language() == "zh"


def test_a_message_is_filled_in_in_the_wanted_language():
    values = {"rows": 1234}
    assert messages.text("IDENTITY_ROWS_HIDDEN", values) == "1,234 more rows in .table()."
    assert messages.text("IDENTITY_ROWS_HIDDEN", values, lang="zh") == "其余 1,234 行见 .table()。"
    sentence = messages.text("REPORT.figures.subtitle", {"arm": "活动组", "persons": 9, "control": "留白组"}, lang="zh")
    assert sentence.startswith("同一批人（活动组 9 人）")  # not 活动组 组
    sentence = messages.text("REPORT.figures.subtitle", {"arm": "短信", "persons": 9, "control": "留白组"}, lang="zh")
    assert sentence.startswith("同一批人（短信组 9 人）")


def test_messages_that_cannot_be_said_are_loud():
    with pytest.raises(WakeLiftError, match="no en message for code 'NOWHERE'"):
        messages.text("NOWHERE")
    with pytest.raises(WakeLiftError, match="message value 'rows' is missing"):
        messages.text("IDENTITY_ROWS_HIDDEN", {})
    assert not messages.has("NOWHERE")
    assert messages.placeholders("{a:count} of {b}") == {("a", "count"), ("b", "")}


@pytest.fixture
def catalogue_package(tmp_path, monkeypatch):
    """A package with catalogues of its own; what it registers is forgotten afterwards."""

    def make(name: str, **sentences: str) -> None:
        folder = tmp_path / name / "messages"
        folder.mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
        for lang in ("en", "zh"):
            lines = [f'{code} = "{sentence}"' for code, sentence in sentences.items()]
            (folder / f"own.{lang}.toml").write_text("\n".join(lines), encoding="utf-8")
            (folder / "notes.txt").write_text("not a catalogue", encoding="utf-8")

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(messages, "_packages", list(messages._packages))
    messages.catalogue.cache_clear()
    yield make
    monkeypatch.undo()
    messages.catalogue.cache_clear()


def test_another_package_brings_its_own_catalogue(catalogue_package):
    catalogue_package("own_messages_one", OWN_CODE_ONE="{__class__.__name__:text}{name}")
    messages.register("own_messages_one")
    messages.register("own_messages_one")
    assert messages.has("OWN_CODE_ONE")
    with pytest.raises(WakeLiftError, match=r"'__class__\.__name__' is missing"):
        messages.text("OWN_CODE_ONE", {"name": "x"})


def test_two_sentences_for_one_code_are_an_error(catalogue_package):
    catalogue_package("own_messages_two", IDENTITY="again")
    messages.register("own_messages_two")
    with pytest.raises(WakeLiftError, match="message IDENTITY is defined twice"):
        messages.has("IDENTITY")


# --- findings --------------------------------------------------------------------------------------------------------


def test_a_finding_reads_by_its_status():
    values = {"persons": 1, "assigned": 4, "share": 0.25, "examples": "C1"}
    noted = Finding(code="TWO_ARMS", status="note", values=values)
    passed = Finding(code="TWO_ARMS", status="pass", values=values)
    assert noted.message.startswith("1 of 4 assigned persons (25.0%)")
    assert repr(passed) == "[pass] TWO_ARMS: No person is in two arms (4 assigned persons)."
    assert "分属两个组" in noted.text("zh")
    with pytest.raises(TypeError, match="does not support item assignment"):
        noted.values["persons"] = 2


def test_statuses_are_five_words():
    with pytest.raises(InputError, match="status must be one of pass, note, unknown, warn, fail, got 'bad'"):
        Finding(code="X", status="bad")


def test_the_worst_of_findings():
    made = [Finding(code="X", status=status) for status in ("note", "fail", "warn")]
    assert worst(tuple(made)) == "fail"
    assert worst((made[0], made[2])) == "warn"
    assert worst(()) == "pass"


# --- lazy names and extras -------------------------------------------------------------------------------------------


@pytest.fixture
def lazy_package(monkeypatch):
    package = types.ModuleType("lazy_package_of_a_test")
    monkeypatch.setitem(sys.modules, package.__name__, package)
    exports = {"parse_duration": "attribution.core.durations", "text_of": "attribution.core.durations:duration_text"}
    package.__getattr__, package.__dir__ = attach(package.__name__, exports)
    package.__all__ = [*exports]
    return package


def test_public_names_are_loaded_on_first_use_and_kept(lazy_package):
    assert lazy_package.text_of is duration_text
    assert lazy_package.parse_duration("1d") == timedelta(days=1)
    assert "parse_duration" in vars(lazy_package)
    assert {"parse_duration", "text_of", "__name__"} <= set(dir(lazy_package))


def test_a_module_of_the_same_name_does_not_hide_a_public_name(lazy_package):
    lazy_package.parse_duration = types.ModuleType("parse_duration")
    lazy_package.other = types.ModuleType("other")
    assert lazy_package.parse_duration is parse_duration
    assert isinstance(lazy_package.other, types.ModuleType)


def test_unknown_names_are_answered_with_the_closest(lazy_package):
    with pytest.raises(AttributeError, match=r"has no attribute 'parse_durations'\. Did you mean 'parse_duration'"):
        _ = lazy_package.parse_durations
    with pytest.raises(AttributeError, match=r"has no attribute '__wrapped__'\.$"):
        _ = lazy_package.__wrapped__


def test_names_can_be_attached_before_the_package_exists():
    get, _ = attach("a_package_that_is_not_there", {"parse_duration": "attribution.core.durations"})
    assert get("parse_duration") is parse_duration


def test_a_missing_extra_says_how_to_install_it():
    assert needed("json", extra="none").__name__ == "json"
    with pytest.raises(ExtraNeededError, match=r"no_such_module_here is not installed\. .* 'wakelift\[polars\]'"):
        needed("no_such_module_here", extra="polars")


def test_estimates_and_comparisons_print_their_numbers_with_interval_p_and_method():
    difference = Estimate(value=0.2, low=0.05, high=0.34, p_value=0.0083, method="score")
    undefined = Estimate(value=None, note="BOTH_ZERO", method="score")
    outside = Estimate(value=2.0, low=1.0, high=3.0, kind="complement", side="greater")
    assert repr(difference) == "Estimate 0.2 (95% 0.05 to 0.34), p = 0.0083, score"
    assert repr(undefined) == "Estimate undefined (95% no interval), p = –, score, BOTH_ZERO"
    assert repr(outside) == "Estimate 2 (95% outside 1 to 3), p = –, side greater"
    assert repr(Estimate(value=1.0, low=0.0, high=1.0, kind="all")) == "Estimate 1 (95% everything), p = –"
    made = Comparison(treatment=0.8, control=None, difference=difference, relative=undefined)
    assert repr(made).splitlines()[0] == "Comparison of 0.8 (treatment) with undefined (control)"
    assert "relative:   Estimate undefined" in repr(made)
