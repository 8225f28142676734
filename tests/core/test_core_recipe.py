"""The fingerprint sees every change and no order; the recipe is immutable and plain."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from importlib.metadata import PackageNotFoundError

import numpy as np
import pyarrow as pa
import pytest

from attribution.core import recipe as recipe_module
from attribution.core.recipe import Recipe, fingerprint, versions

COLUMNS = {
    "person": pa.array(["a", "b", None, "张三"]),
    "n": pa.array([1, 2, 3, 4]),
    "x": np.array([0.5, np.nan, -0.0, 7.0]),
    "time": pa.array([0, 1, None, 3], pa.timestamp("us", "UTC")),
    "day": pa.array([date(2026, 10, 1)] * 4),
    "flag": pa.array([True, False, None, True]),
    "money": pa.array([Decimal("1.25")] * 4),
    "label": pa.array(["u", "v", "u", "u"]).dictionary_encode(),
}


def taken(columns, rows):
    return {name: pa.array(column, from_pandas=True).take(pa.array(rows)) for name, column in columns.items()}


@pytest.mark.parametrize("rows", [[3, 2, 1, 0], [1, 3, 0, 2]])
def test_the_order_of_rows_and_columns_does_not_matter(rows):
    plain = taken(COLUMNS, [0, 1, 2, 3])
    mixed = dict(reversed(taken(COLUMNS, rows).items()))
    assert fingerprint(plain) == fingerprint(mixed)
    assert len(fingerprint(plain)) == 16


@pytest.mark.parametrize(
    "changed",
    [
        {"person": pa.array(["a", "b", "", "张三"])},
        {"person": pa.array(["a", "b", None, "张四"])},
        {"n": pa.array([1, 2, 3, 5])},
        {"n": pa.array([2, 1, 3, 4])},
        {"x": np.array([0.5, np.nan, 0.0, 7.0 + 1e-12])},
        {"time": pa.array([0, 1, None, 4], pa.timestamp("us", "UTC"))},
        {"day": pa.array([date(2026, 10, 2)] + [date(2026, 10, 1)] * 3)},
        {"flag": pa.array([True, False, False, True])},
        {"money": pa.array([Decimal("1.26")] + [Decimal("1.25")] * 3)},
        {"label": pa.array(["u", "v", "v", "u"])},
        {"n": pa.array([1, 2, None, 4])},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_any_change_changes_it(changed):
    assert fingerprint({**COLUMNS, **changed}) != fingerprint(COLUMNS)


def test_names_rows_and_swapped_columns_count():
    two = {"a": [1, 2], "b": [3, 4]}
    prints = {
        fingerprint(columns)
        for columns in (two, {"a": [1, 2]}, {"a": [3, 4], "b": [1, 2]}, {"a": [1, 2], "c": [3, 4]},
                        {"a": [1, 2, 2], "b": [3, 4, 4]}, {"a": [2, 1], "b": [3, 4]}, {"a": [], "b": []}, {})
    }  # fmt: skip
    assert len(prints) == 8


def test_pairs_of_repeated_rows_do_not_cancel():
    assert fingerprint({"a": ["x", "x"]}) != fingerprint({"a": ["y", "y"]})


def test_large_whole_numbers_are_told_apart():
    assert fingerprint({"id": pa.array([2**60])}) != fingerprint({"id": pa.array([2**60 + 1])})


def test_the_fingerprint_is_the_same_on_every_run():
    assert fingerprint({"a": ["x", "短信"], "n": [1, 2]}) == fingerprint({"n": [2, 1], "a": ["短信", "x"]})


def test_a_recipe_is_plain_and_immutable():
    made = Recipe(
        method="components",
        definitions=("PERSON",),
        settings={"ids": "a, b", "max_share": 10, "nested": {"x": (1, None)}, "odd": date(2026, 10, 1)},
        n={"rows": 3},
        fingerprint="f",
    )
    assert made.to_dict()["settings"] == {
        "ids": "a, b",
        "max_share": 10,
        "nested": {"x": [1, None]},
        "odd": "2026-10-01",
    }
    assert made.to_dict()["n"] == {"rows": 3}
    assert "over a, b" in made.sentences()[0]
    assert "连通分量" in made.sentences("zh")[0]
    with pytest.raises(TypeError, match="does not support item assignment"):
        made.settings["ids"] = "c"


def test_versions_of_libraries_are_named(monkeypatch):
    assert set(versions()) == {"wakelift", "numpy", "scipy", "pandas", "narwhals", "pyarrow"}

    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(recipe_module, "version", absent)
    recipe_module._versions.cache_clear()
    assert set(versions().values()) == {"not installed"}
    recipe_module._versions.cache_clear()
