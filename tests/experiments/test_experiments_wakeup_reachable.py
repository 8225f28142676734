from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex
from oracles.reach_rows import reach

_CHANNELS = {
    "sms": {"address": "phone", "opt_out": "no_sms"},
    "phone": {"address": "phone", "permission": "may_call"},
    "邮件": {"address": "mail", "opt_out": "no_mail"},
}


def _customers(seed: int, rows: int = 400) -> list[dict[str, object]]:
    random = np.random.default_rng(seed)

    def one(values: list[object]) -> object:
        return values[int(random.integers(len(values)))]

    return [
        {
            "person_id": f"p{random.integers(300):03d}", "phone": one(["1", "2", "", "  ", None]),
            "mail": one(["a@b", None]), "no_sms": one([True, False, False]), "may_call": one([True, False, None]),
            "no_mail": one([False, None]), "tier": one(["gold", "basic"]),
        }
        for _ in range(rows)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_persons_looked_at_one_by_one_give_the_same(seed: int) -> None:
    rows = _customers(seed)
    expected, persons = reach(rows, _CHANNELS), {str(row["person_id"]) for row in rows}
    found = ex.reach_matrix(pd.DataFrame(rows), channels=_CHANNELS)
    told = {row["channel"]: row for row in found.to_dicts()}
    for name, held in expected.items():
        others = set().union(*(expected[other] for other in expected if other != name))
        assert (told[name]["reachable"], told[name]["only"]) == (len(held), len(held - others))
        assert told[name]["share"] == pytest.approx(len(held) / len(persons))
        assert told[name]["reachable"] <= min(told[name]["with_address"], told[name]["permitted"])
    anyhow = set().union(*expected.values())
    assert (told["(any)"]["reachable"], told["(none)"]["reachable"]) == (len(anyhow), len(persons - anyhow))
    for row in found.overlap.to_dicts():
        one, two = expected[row["channel"]], expected[row["other_channel"]]
        assert (row["both"], row["either"]) == (len(one & two), len(one | two))
        assert row["share_of_channel"] == pytest.approx(len(one & two) / len(one))
    matrix = found.matrix()
    assert matrix.loc["sms", "邮件"] == matrix.loc["邮件", "sms"] == len(expected["sms"] & expected["邮件"])


def test_segments_sum_to_the_whole_and_row_order_changes_nothing() -> None:
    frame = pd.DataFrame(_customers(9))
    kept = frame.copy(deep=True)
    whole = {row["channel"]: row for row in ex.reach_matrix(frame, channels=_CHANNELS).to_dicts()}
    parts = ex.reach_matrix(frame, channels=_CHANNELS, by="tier")
    summed = parts.table().groupby("channel")[["persons", "reachable", "only"]].sum()
    for name in _CHANNELS:
        assert summed.loc[name].tolist() == [whole[name][column] for column in ("persons", "reachable", "only")]
    mixed = ex.reach_matrix(frame.sample(frac=1.0, random_state=2), channels=_CHANNELS, by="tier")
    assert mixed.to_dicts() == parts.to_dicts()
    assert mixed.recipe.fingerprint == parts.recipe.fingerprint
    pd.testing.assert_frame_equal(frame, kept)


def test_an_empty_permission_is_none_and_is_told() -> None:
    frame = pd.DataFrame({"person_id": ["a", "b", "c", "c"], "ok": [True, None, False, True]})
    found = ex.reach_matrix(frame, channels={"app": "ok"})
    assert found.to_dicts()[0]["reachable"] == 2
    told = {finding.code: dict(finding.values) for finding in found.findings}
    assert told["REACHABLE_UNKNOWN"] == {"channel": "app", "unknown": 1, "rows": 4}
    assert told["REACHABLE_SEVERAL_ROWS"] == {"rows": 4, "persons": 3}
    with at.language("zh"):
        assert "许可为空" in repr(found)


def test_addresses_of_other_types() -> None:
    frame = pd.DataFrame(
        {"person_id": [1, 2, 3], "has": [True, False, True], "n": [5.0, np.nan, 7.0], "no": [None] * 3}
    )
    channels = {"a": {"address": "has"}, "b": {"address": "n"}, "c": {"address": "no"}}
    assert [row["reachable"] for row in ex.reach_matrix(frame, channels=channels).to_dicts()] == [2, 2, 0, 2, 1]


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ({}, "must map channels"),
        ({"sms": {}}, "names no column"),
        ({"sms": {"adress": "phone"}}, "unknown part 'adress'"),
        ({"sms": {"permission": "a", "opt_out": "b"}}, "give the one that decides"),
        ({"(any)": "ok"}, "another name"),
    ],
)
def test_channels_that_say_nothing_are_refused(channels: dict[str, object], message: str) -> None:
    with pytest.raises(ex.InputError, match=message):
        ex.reach_matrix(pd.DataFrame(_customers(1)), channels=channels)


def test_tables_that_do_not_fit_are_refused() -> None:
    frame = pd.DataFrame(_customers(1))
    with pytest.raises(ex.TableError, match="'fon'"):
        ex.reach_matrix(frame, channels={"sms": {"address": "fon"}})
    with pytest.raises(ex.TableError, match="true or false"):
        ex.reach_matrix(frame.assign(no_sms=2), channels=_CHANNELS)
    with pytest.raises(ex.TableError, match="not text"):
        ex.reach_matrix(frame.assign(no_sms="yes"), channels=_CHANNELS)
    with pytest.raises(ex.InputError, match="no row"):
        ex.reach_matrix(frame.iloc[:0], channels={"sms": {"address": "phone"}})


@pytest.mark.parametrize("by", ["channel", "share"])
def test_a_group_named_like_a_column_of_the_result_is_refused(by: str) -> None:
    table = pd.DataFrame({"person_id": ["a", "b"], "ok": [True, False], by: ["x", "y"]})
    with pytest.raises(ex.InputError, match=f"by='{by}' is the name of a column of the result"):
        ex.reach_matrix(table, channels={"sms": "ok"}, by=by)


def test_a_permission_in_words_is_refused_as_such() -> None:
    table = pd.DataFrame({"person_id": ["a", "b", "c"], "ok": ["是", "否", None]})
    with pytest.raises(ex.TableError, match=r"true or false \(or 1 or 0\), not text.*2 affected"):
        ex.reach_matrix(table, channels={"sms": "ok"})
    empty = ex.reach_matrix(table.assign(ok=table["ok"].where(table["ok"] == "")), channels={"sms": "ok"})
    assert (empty.to_dicts()[0]["reachable"], empty.findings[0].values["unknown"]) == (0, 3)
