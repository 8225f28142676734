"""Path transforms by hand, and as the tools that have them publish their results."""

from __future__ import annotations

import numpy as np
import pytest
from rule_cases import findings, paths, statuses

import attribution as at
from attribution.journeys.transforms import kept_by_transforms
from oracles.small_tables import conversion_table, touch_table

TRANSFORMED = [
    # Google's fractribution: the examples in the head of its path_transforms.
    ("D A B B C D C C", ("exposure",), "D A B C D C"),
    ("D A B B C D C C", ("first",), "D A B C"),
    ("D A B B C D C C", ("last",), "A B D C"),
    ("A B D C D D", (("remove_if_last_and_not_all", "D"),), "A B D C"),
    ("D D", (("remove_if_last_and_not_all", "D"),), "D D"),
    ("A D B D", (("remove_if_not_all", "D"),), "A B"),
    ("D D", (("remove_if_not_all", "D"),), "D D"),
    ("A B C D", (("trim_long_path", 2),), "C D"),
    ("A B", (("trim_long_path", 20),), "A B"),
    # In order: removing D brings the two A together only when "exposure" comes after it.
    ("A D A", (("remove_if_not_all", "D"), "exposure"), "A"),
    ("A D A", ("exposure", ("remove_if_not_all", "D")), "A A"),
    ("", ("exposure", "first", "last", ("trim_long_path", 1), ("remove_if_not_all", "A")), ""),
    ("A", (("remove_if_not_all", "unknown"),), "A"),
]


# Snowplow's attribution package: the expected results of its own unit test (test_path_transformations_expected.sql,
# read 2026-11-22). Columns: the path, trim_long_path 1 and 2, exposure, first, remove_if_not_all Direct,
# remove_if_last_and_not_all Direct. E, V, D stand for Example, Video, Direct.
_AS_OURS = (("trim_long_path", 1), ("trim_long_path", 2), "exposure", "first", ("remove_if_not_all", "D"),
            ("remove_if_last_and_not_all", "D"))  # fmt: skip
SNOWPLOW = {
    "E V D D": ("D", "D D", "E V D", "E V D", "E V", "E V"),
    "D D": ("D", "D D", "D", "D", "D D", "D D"),
    "A A A D A D D": ("D", "D D", "A D A D", "A D", "A A A A", "A A A D A"),
    "D": ("D", "D", "D", "D", "D", "D"),
    "E V D": ("D", "V D", "E V D", "E V D", "E V", "E V"),
}
TRANSFORMED += [
    (path, (step,), left) for path, found in SNOWPLOW.items() for step, left in zip(_AS_OURS, found, strict=True)
]


@pytest.mark.parametrize(("path", "transforms", "left"), TRANSFORMED)
def test_transforms_of_single_paths(path, transforms, left):
    steps, names = path.split(), np.array([*"ABCDEV"], dtype=object)
    codes = np.array(["ABCDEV".index(step) for step in steps], np.int64)
    kept = kept_by_transforms(np.array([len(steps)]), codes, names, at.Rules(transforms=transforms).transforms)
    assert " ".join(step for step, stays in zip(steps, kept, strict=True) if stays) == left


def test_transforms_work_inside_paths_and_not_across_them():
    names = np.array(["A", "B"], dtype=object)
    kept = kept_by_transforms(np.array([2, 0, 3]), np.array([0, 0, 0, 1, 0]), names, ("exposure",))
    assert kept.tolist() == [True, False, True, True, True]
    kept = kept_by_transforms(np.array([2, 0, 3]), np.array([0, 0, 0, 1, 0]), names, ("last", ("trim_long_path", 1)))
    assert kept.tolist() == [False, True, False, False, True]


def test_a_transform_works_on_each_conversion_and_says_what_it_removed():
    touches = touch_table(("p", 0, "a"), ("p", 1, "a"), ("p", 2, "b"), ("p", 3, "a"))
    conversions = conversion_table(("p", 1.5, "o"), ("p", 4, "u"))
    rules = at.Rules(transforms="exposure")
    assert paths(touches, conversions, rules) == {"o": "a", "u": "a b a"}
    assert statuses(touches, conversions, rules, "u") == ["ELIGIBLE", "REMOVED_BY_TRANSFORM", "ELIGIBLE", "ELIGIBLE"]
    plan = at.build_journeys(touches, conversions, rules=rules)
    assert findings(plan)["TOUCHES_REMOVED"] == {"n": 1, "rows": 4}
    assert sum(len(pairs.touch) for pairs in plan.pairs(transformed=False)) == 6


def test_a_touch_that_a_transform_removed_has_still_served():
    # The repeated push belongs to the path of the first order; collapsed there, it is not free for the second.
    touches = touch_table(("p", 0, "push"), ("p", 1, "push"))
    conversions = conversion_table(("p", 2, "o"), ("p", 3, "u"))
    rules = at.Rules(reuse="reset", transforms="exposure")
    assert paths(touches, conversions, rules) == {"o": "push", "u": ""}
    assert statuses(touches, conversions, rules, "u") == ["SERVED_EARLIER", "SERVED_EARLIER"]
