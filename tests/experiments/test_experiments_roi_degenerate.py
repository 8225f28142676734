"""The money side on tables that hold next to nothing: an answer with its reason, or one clear error, and no crash."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import experiments as ex
from attribution.core.errors import DesignError, InputError, TableError

STRANGE = "短信<b>\n=1|`x`"


def table(rows):
    return pd.DataFrame(rows, columns=["person_id", "arm", "woken", "value", "cost"])


def halves(n, woken, value, cost=1.0, arm="sms"):
    return table([(i, "holdout" if i % 2 else arm, woken(i), value(i), cost) for i in range(n)])


EMPTY = table([])
CONTROL_ALONE = table([("a", "holdout", 0, 0.0, 0.0)])
ONE_EACH = table([("a", "holdout", 0, 0.0, 0.0), ("b", "sms", 1, 5.0, 1.0)])
SILENT = halves(60, lambda _: 0, lambda _: 0.0, cost=0.0, arm=STRANGE)
ALL_WOKE = halves(60, lambda _: 1, lambda _: 2.0)
LOSSES = halves(200, lambda i: int(i % 3 == 0), lambda i: -2.0 + i % 5)
HUGE = halves(200, lambda i: int(i % 3 == 0), lambda i: 1e9 + i % 5, cost=1e8)


@pytest.mark.parametrize(("rows", "code"), [(EMPTY, "NO_HOLDOUT"), (CONTROL_ALONE, "ONE_ARM")])
def test_tables_without_a_comparison_are_refused(rows, code):
    for call in (ex.money_test, ex.value_per_wakeup):
        with pytest.raises(DesignError, match=code):
            call(rows)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [(ONE_EACH, "TOO_FEW_PERSONS"), (SILENT, "ZERO_VARIANCE"), (ALL_WOKE, "ZERO_VARIANCE"), (LOSSES, ""), (HUGE, "")],
)
@pytest.mark.parametrize("second", ["pooled", "randomisation"])
def test_realised_money_says_why_it_decides_nothing(rows, reason, second):
    found = ex.money_test(rows, second=second, replicates=99, cap=1.0)
    assert {row["verdict"] for row in found.to_dicts()} == {"INCONCLUSIVE"}
    assert all(reason in row["reason"] for row in found.to_dicts())
    assert len(repr(found).splitlines()) >= 5


@pytest.mark.parametrize("rows", [ONE_EACH, SILENT, ALL_WOKE, LOSSES, HUGE])
def test_a_ratio_has_a_set_or_a_reason(rows):
    for row in ex.value_per_wakeup(rows).to_dicts():
        undefined = row["value_per_incremental"] is None
        assert undefined == ("NO_INCREMENT" in row["note"] or "HARM" in row["note"])
        assert row["value_kind"] in ("interval", "complement", "all")


@pytest.mark.parametrize("rows", [ONE_EACH, SILENT, ALL_WOKE, LOSSES, HUGE])
def test_everything_that_is_read_off_the_thresholds_stands(rows):
    pays = ex.cost_thresholds(rows, thresholds=[0, 60])
    even, curve, turned = pays.break_even().to_dicts(), pays.acceptability(), ex.tipping(pays)
    assert len(even) == 2
    assert all(row["confidence"] is None or 0.0 <= row["confidence"] <= 1.0 for row in curve.to_dicts())
    assert all(row["tips_at"] is not None or row["note"] for row in turned.to_dicts())
    assert not any(isinstance(v, float) and math.isnan(v) for row in (*even, *turned.to_dicts()) for v in row.values())
    assert ex.plot_net_benefit(pays).to_svg().startswith("<svg ")
    assert ex.plot_acceptability(curve).to_svg().startswith("<svg ")
    assert repr(turned)
    assert "\n=1" not in repr(pays.break_even())


def test_text_and_infinite_money_are_named():
    for value, code in ((np.inf, "NOT_FINITE"), ("x", "WRONG_TYPE")):
        rows = halves(20, lambda _: 0, lambda _, value=value: value)
        for call in (ex.money_test, ex.value_per_wakeup):
            with pytest.raises(TableError, match=code):
                call(rows)


def test_plugin_needs_two_persons_of_every_arm():
    with pytest.raises(InputError, match="at least 2 persons"):
        ex.value_per_wakeup(ONE_EACH, variance="plugin")
