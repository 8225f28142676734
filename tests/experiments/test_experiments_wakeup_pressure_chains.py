from __future__ import annotations

from collections import defaultdict
from statistics import median

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from oracles.chains import chains

_BEGIN = pd.Timestamp("2026-03-01 08:00", tz="UTC")


def _touches(seed: int, seconds: int = 4_000) -> list[tuple[str, int, str]]:
    random = np.random.default_rng(seed)
    who, when = random.integers(0, 15, 200), random.integers(0, seconds, 200)
    near = random.random(200) < 0.4
    when[1:] = np.where(near[1:], when[:-1] + random.integers(0, 8, 199), when[1:])
    who[1:] = np.where(near[1:], who[:-1], who[1:])
    channel = random.choice(["hotline", "sms", "网厅"], 200)
    return [(f"p{a:02d}", int(b), str(c)) for a, b, c in zip(who, when, channel, strict=True)]


def _table(touches: list[tuple[str, int, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(touches, columns=["person_id", "second", "channel"])
    return frame.assign(time=_BEGIN + pd.to_timedelta(frame["second"], unit="s")).drop(columns="second")


@pytest.mark.parametrize("joined", [0, 3, 20])
@pytest.mark.parametrize("seed", range(4))
def test_touches_joined_one_by_one_give_the_same_chains(seed: int, joined: int) -> None:
    touches = _touches(seed)
    expected = defaultdict(list)
    for person, path, length in chains(touches, 120, joined):
        expected[path].append((person, length))
    found = ex.hand_overs(_table(touches), within="2min", joined=f"{joined}s", top=1_000)
    assert found.distinct == len(expected) > 5
    told = {row["path"]: row for row in found.to_dicts()}
    assert set(told) == set(expected)
    for path, runs in expected.items():
        row = told[path]
        assert (row["count"], row["persons"]) == (len(runs), len({person for person, _ in runs}))
        assert row["median_minutes"] == pytest.approx(median(length for _, length in runs) / 60)
        assert row["longest_minutes"] == pytest.approx(max(length for _, length in runs) / 60)
    counts = [row["count"] for row in found.to_dicts()]
    assert counts == sorted(counts, reverse=True)


def test_nothing_joined_gives_the_chains_of_the_journeys() -> None:
    touches = _touches(5)
    alone = list({(person, second): (person, second, channel) for person, second, channel in touches}.values())
    bookings = pd.DataFrame({"person_id": ["p00"], "time": [_BEGIN + pd.Timedelta("9h")], "conversion_id": ["v"]})
    journeys = at.build_journeys(_table(alone), bookings).hand_overs("2min", top=1_000)
    found = ex.hand_overs(_table(alone), within="2min", joined=None, top=1_000)
    expected = {row["path"]: (row["count"], row["persons"]) for row in journeys.chains.to_dicts()}
    assert {row["path"]: (row["count"], row["persons"]) for row in found.to_dicts()} == expected
    assert len(expected) > 5


def test_seconds_apart_are_together_and_listed() -> None:
    touches = [("a", 0, "hotline"), ("a", 60, "web"), ("a", 65, "sms"), ("b", 0, "sms"), ("b", 4, "web")]
    found = ex.hand_overs(_table(touches), within="1min", joined="5s")
    assert [(row["path"], row["persons"]) for row in found.to_dicts()] == [("hotline > sms + web", 1)]
    assert found.together.to_dicts() == [{"channels": "sms + web", "count": 2, "persons": 2}]
    assert ex.hand_overs(_table(touches), within="59s", joined="5s").to_dicts() == []
    with at.language("zh"):
        assert "几乎同时的渠道" in repr(found)


def test_order_of_rows_changes_nothing() -> None:
    frame = _table(_touches(6))
    first = ex.hand_overs(frame, within="2min")
    again = ex.hand_overs(frame.sample(frac=1.0, random_state=3), within="2min")
    assert repr(again) == repr(first)
    assert again.recipe.to_dict() == first.recipe.to_dict()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"joined": "1h"}, "joined must be shorter"), ({"top": 0}, "top must be"), ({"within": "0s"}, "longer than 0")],
)
def test_options_that_say_nothing_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ex.InputError, match=message):
        ex.hand_overs(_table(_touches(1)), **options)
