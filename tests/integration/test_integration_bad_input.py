"""Every kind of bad input has its own code, and one error lists all that is wrong, over all tables of a call."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import attribution as at
import experiments as ex


@pytest.fixture(scope="module")
def campaign():
    return ex.simulate(persons=400, seed=7)


@pytest.fixture(scope="module")
def outcomes(campaign):
    return _build(campaign).table()


def _build(campaign, **changed):
    names = ("assignment", "conversions", "touches", "prices")
    tables = {name: changed.pop(name, getattr(campaign, name)) for name in names}
    return ex.build_outcomes(
        tables["assignment"], tables["conversions"], touches=tables["touches"], prices=tables["prices"],
        window="28d", as_of=campaign.as_of, **changed,
    )  # fmt: skip


def _experiment(**options):
    return ex.Experiment({"woken": ex.Rate("woken"), "value": ex.Mean("value")}, **{"shares": "p_assign", **options})


def _set(frame, column, value, rows=2):
    """A copy with a value in the first rows of a column."""
    changed = frame.copy()
    old = changed[column].tolist()
    values = [value] * rows + old[rows:]
    changed[column] = pd.Series(values, index=changed.index, dtype=None if isinstance(value, float) else object)
    return changed


def _twice(frame, rows=2):
    return pd.concat([frame, frame.head(rows)], ignore_index=True)


def _naive(frame, column="time"):
    return frame.assign(**{column: frame[column].dt.tz_localize(None)})


def _issues(call):
    """What one error said: (table, code, column, count), and the text names every code and column."""
    with pytest.raises(at.TableError, match="problem") as caught:
        call()
    for issue in caught.value.issues:
        assert issue.code in str(caught.value)
        assert issue.message
        if issue.column is not None:
            assert issue.column in str(caught.value)
    found = [(issue.table, issue.code, issue.column, issue.count) for issue in caught.value.issues]
    assert len(found) == len(set(found)), "one problem, one line"
    return found


def _name(part):
    return part[0] if isinstance(part, tuple) else None


ATTRIBUTE = [
    ("touches", lambda t: t.drop(columns="channel"), ("MISSING_COLUMN", "channel", 1)),
    ("touches", lambda t: t.drop(columns="person_id"), ("MISSING_COLUMN", "person_id", 1)),
    ("touches", lambda t: _set(t, "person_id", None), ("NULL_KEY", "person_id", 2)),
    ("touches", lambda t: _set(t, "person_id", " "), ("NULL_KEY", "person_id", 2)),
    ("touches", lambda t: t.assign(time=t["time"].where(t.index > 2)), ("NULL_TIME", "time", 3)),
    ("touches", _twice, ("DUPLICATE_TOUCH_ID", "touch_id", 2)),
    ("touches", _naive, ("NAIVE_TIME", "time", None)),
    ("touches", lambda t: t.assign(time="yesterday"), ("BAD_TIME", "time", None)),
    ("touches", lambda t: t.assign(person_id=np.arange(len(t)) + 0.5), ("WRONG_TYPE", "person_id", None)),
    ("conversions", lambda v: v.drop(columns="conversion_id"), ("MISSING_COLUMN", "conversion_id", 1)),
    ("conversions", lambda v: _set(v, "person_id", None), ("NULL_KEY", "person_id", 2)),
    ("conversions", _twice, ("DUPLICATE_ID", "conversion_id", 2)),
    ("conversions", _naive, ("NAIVE_TIME", "time", None)),
    ("conversions", lambda v: _set(v, "value", float("inf")), ("NOT_FINITE", "value", 2)),
    ("conversions", lambda v: _set(v, "value", float("-inf")), ("NOT_FINITE", "value", 2)),
    ("conversions", lambda v: _set(v, "value", -5.0), ("NEGATIVE_VALUE", "value", 2)),
    ("conversions", lambda v: _set(v, "value", float("nan")), ("NULL_VALUE", "value", 2)),
    ("conversions", lambda v: v.assign(value="12"), ("WRONG_TYPE", "value", None)),
    ("conversions", lambda v: v.assign(person_id=np.arange(len(v))), ("KEY_TYPE_MISMATCH", "person_id", None)),
    ("conversions", lambda v: v.assign(person_id=[1, *v["person_id"][1:]]), ("MIXED_TYPES", "person_id", 1)),
    ("conversions", lambda v: v.assign(time=v["time"].dt.floor("D")), ("DAY_PRECISION", "time", None)),
]


def _expected(table, code, column, count, rows):
    return table, code, column, rows if count is None else count


@pytest.mark.parametrize(("table", "change", "expected"), ATTRIBUTE, ids=_name)
def test_attribute_names_the_problem(campaign, table, change, expected):
    if expected[0] == "DAY_PRECISION":  # a judgement on a whole column, so it wants some rows
        campaign = ex.simulate(persons=2_000, seed=7)
    tables = {"touches": campaign.touches, "conversions": campaign.conversions}
    tables[table] = change(tables[table])
    found = _issues(lambda: at.attribute(tables["touches"], tables["conversions"]))
    if expected[0] == "KEY_TYPE_MISMATCH":
        assert [(code, column) for _, code, column, _ in found] == [expected[:2]]
    else:
        assert found == [_expected(table, *expected, rows=len(tables[table]))]


BUILD = [
    ("assignment", lambda a: a.drop(columns="arm"), ("MISSING_COLUMN", "arm", 1)),
    ("assignment", lambda a: _set(a, "arm", None), ("NULL_KEY", "arm", 2)),
    ("assignment", _twice, ("REPEATED_PERSON", "person_id", 2)),
    ("assignment", lambda a: _naive(a, "assigned_at"), ("NAIVE_TIME", "assigned_at", None)),
    ("assignment", lambda a: _set(a, "p_assign", float("nan")), ("NULL_VALUE", "p_assign", 2)),
    ("assignment", lambda a: _set(a, "p_assign", 1.5), ("BAD_PROBABILITY", "p_assign", 2)),
    ("conversions", _twice, ("DUPLICATE_ID", "conversion_id", 2)),
    ("conversions", lambda v: _set(v, "incentive_cost", float("inf")), ("NOT_FINITE", "incentive_cost", 2)),
    ("conversions", lambda v: _set(v, "incentive_cost", -1.0), ("NEGATIVE_VALUE", "incentive_cost", 2)),
    ("conversions", lambda v: _set(v, "incentive_cost", float("nan")), ("NULL_VALUE", "incentive_cost", 2)),
    ("touches", lambda t: _set(t, "channel", "fax"), ("UNPRICED_CHANNEL", "channel", 2)),
    ("touches", _twice, ("DUPLICATE_TOUCH_ID", "touch_id", 2)),
    ("prices", lambda p: p.assign(unit_cost=float("inf")), ("NOT_FINITE", "unit_cost", None)),
    ("prices", lambda p: p.assign(unit_cost=-1.0), ("NEGATIVE_VALUE", "unit_cost", None)),
    ("prices", lambda p: p.assign(unit_cost=float("nan")), ("NULL_VALUE", "unit_cost", None)),
    ("prices", lambda p: p.drop(columns="basis"), ("MISSING_COLUMN", "basis", 1)),
    ("prices", lambda p: p.assign(arms=p["arms"].replace({"full": "fulll"})), ("UNKNOWN_ARM", "arms", 1)),
    ("prices", lambda p: p.assign(basis=p["basis"].replace({"click": "clack"})), ("UNKNOWN_BASIS", "basis", 1)),
    ("history", _twice, ("REPEATED_PERSON", "person_id", 2)),
    ("history", lambda h: h.assign(cost=1.0), ("RESERVED_NAME", "cost", 1)),
]


@pytest.mark.parametrize(("table", "change", "expected"), BUILD, ids=_name)
def test_build_outcomes_names_the_problem(campaign, table, change, expected):
    changed = change(getattr(campaign, table))
    found = _issues(lambda: _build(campaign, **{table: changed}))
    assert found == [_expected(table, *expected, rows=len(changed))]


ANALYZE = [
    (lambda o: o.drop(columns="woken"), ("MISSING_COLUMN", "woken", 1)),
    (lambda o: _set(o, "value", float("nan")), ("NULL_OUTCOME", "value", 2)),
    (lambda o: _set(o, "value", float("inf")), ("NOT_FINITE", "value", 2)),
    (lambda o: o.assign(woken=o["woken"] * 2), ("NOT_BINARY", "woken", None)),
    (lambda o: _set(o, "arm", None), ("NULL_KEY", "arm", 2)),
    (lambda o: _set(o, "person_id", None), ("NULL_KEY", "person_id", 2)),
    (_twice, ("REPEATED_PERSON", "person_id", 2)),
    (lambda o: _set(o, "p_assign", 1.5), ("BAD_PROBABILITY", "p_assign", 2)),
    (lambda o: _set(o, "p_assign", float("inf")), ("NOT_FINITE", "p_assign", 2)),
    (lambda o: o.assign(woken="yes"), ("WRONG_TYPE", "woken", None)),
]


@pytest.mark.parametrize(("change", "expected"), ANALYZE, ids=_name)
def test_analyze_names_the_problem(outcomes, change, expected):
    changed = change(outcomes)
    rows = int(changed["woken"].sum() // 2) if expected[0] == "NOT_BINARY" else len(changed)
    assert _issues(lambda: _experiment().analyze(changed)) == [_expected("outcomes", *expected, rows=rows)]


@pytest.mark.parametrize("kind", ["pandas", "polars", "duckdb"])
def test_undeclared_and_unknown_arms_are_told_apart(outcomes, kind, table_kinds):
    found = _issues(lambda: _experiment(shares={"holdout": 0.5, "letter": 0.5}).analyze(table_kinds(outcomes)[kind]))
    assert sorted(found) == [("outcomes", "UNKNOWN_ARM", "arm", 1), ("outcomes", "UNKNOWN_ARM", "arm", 3)]


@pytest.mark.parametrize("kind", ["pandas", "polars_lazy", "pyarrow", "duckdb"])
def test_declared_shares_of_all_arms_are_accepted(outcomes, kind, table_kinds):
    shares = {"holdout": 0.25, "digital": 0.25, "sms": 0.25, "full": 0.25}
    readout = _experiment(shares=shares).analyze(table_kinds(outcomes)[kind])
    assert {finding.code: finding.status for finding in readout.findings}["SRM"] == "pass"


def test_persons_in_two_arms_are_counted_and_fail_above_the_limit(campaign):
    moved = campaign.assignment.iloc[:30].copy()
    moved["arm"] = moved["arm"].map({"holdout": "sms", "sms": "holdout", "digital": "full", "full": "digital"})
    built = _build(campaign, assignment=pd.concat([campaign.assignment, moved]))
    finding = next(item for item in built.findings if item.code == "TWO_ARMS")
    assert finding.status == "fail"
    assert 30 in finding.values.values()
    readout = _experiment().analyze(built)
    with pytest.raises(at.DesignError, match="TWO_ARMS"):
        readout.assert_ok()


def test_no_holdout_and_one_arm_are_questions_the_design_cannot_answer(outcomes):
    with pytest.raises(at.DesignError, match="NO_HOLDOUT"):
        _experiment(shares=None).analyze(outcomes[outcomes["arm"] != "holdout"])
    with pytest.raises(at.DesignError, match="ONE_ARM"):
        _experiment(shares=None).analyze(outcomes[outcomes["arm"] == "holdout"])


def test_everything_wrong_in_five_tables_is_one_error(campaign):
    found = _issues(
        lambda: _build(
            campaign,
            assignment=_twice(_set(_naive(campaign.assignment, "assigned_at"), "arm", None)),
            conversions=_set(_set(_twice(campaign.conversions), "value", float("inf")), "incentive_cost", -1.0),
            touches=_naive(_set(campaign.touches, "person_id", None)),
            prices=campaign.prices.assign(unit_cost=float("nan")).drop(columns="basis"),
            history=_twice(campaign.history).assign(woken=1),
        )
    )
    assert {(table, code, column) for table, code, column, _ in found} >= {
        ("assignment", "NULL_KEY", "arm"),
        ("assignment", "NAIVE_TIME", "assigned_at"),
        ("conversions", "NOT_FINITE", "value"),
        ("conversions", "NEGATIVE_VALUE", "incentive_cost"),
        ("conversions", "DUPLICATE_ID", "conversion_id"),
        ("touches", "NULL_KEY", "person_id"),
        ("touches", "NAIVE_TIME", "time"),
        ("prices", "MISSING_COLUMN", "basis"),
        ("history", "REPEATED_PERSON", "person_id"),
        ("history", "RESERVED_NAME", "woken"),
    }


def test_analyze_lists_the_problems_of_outcomes_and_touches_together(campaign, outcomes):
    broken = _twice(_set(_set(outcomes, "arm", None), "value", float("inf"))).drop(columns="woken")
    touches = campaign.touches.drop(columns="channel")
    found = _issues(lambda: _experiment().analyze(broken, touches=touches))
    assert {(table, code, column) for table, code, column, _ in found} == {
        ("outcomes", "MISSING_COLUMN", "woken"),
        ("outcomes", "REPEATED_PERSON", "person_id"),
        ("outcomes", "NOT_FINITE", "value"),
        ("outcomes", "NULL_KEY", "arm"),
        ("touches", "MISSING_COLUMN", "channel"),
    }


def test_a_bad_table_is_left_as_it_was(campaign):
    broken = _set(campaign.conversions, "value", -5.0)
    before = broken.copy(deep=True)
    _issues(lambda: at.attribute(campaign.touches, broken))
    pd.testing.assert_frame_equal(broken, before)


def test_messages_say_what_to_do(campaign):
    with pytest.raises(at.TableError, match=re.escape('timezone="Asia/Shanghai"')):
        at.attribute(_naive(campaign.touches), campaign.conversions)
    with pytest.raises(at.TableError, match="chanel"):
        at.attribute(campaign.touches.rename(columns={"channel": "chanel"}), campaign.conversions)


THRESHOLDS = [
    (lambda o: o.drop(columns="cost"), [("MISSING_COLUMN", "cost", 1)]),
    (lambda o: _set(o, "cost", float("inf")), [("NOT_FINITE", "cost", 2)]),
    (lambda o: _set(o, "cost", -3.0), [("NEGATIVE_VALUE", "cost", 2)]),
    (lambda o: o.assign(cost="a lot"), [("WRONG_TYPE", "cost", None)]),
    (lambda o: o.assign(cost=o["cost"].where(o["arm"] != "sms")), [("NULL_VALUE", "cost", "sms")]),
    (
        lambda o: o.assign(cost=o["cost"].where(o["arm"] != "holdout")),
        [("CONTROL_WITHOUT_COST", "cost", "holdout"), ("NULL_VALUE", "cost", "holdout")],
    ),
    (lambda o: o.assign(woken=o["woken"] * 2), [("NOT_BINARY", "woken", "woken")]),
    (lambda o: _set(o, "arm", None), [("NULL_KEY", "arm", 2)]),
    (_twice, [("REPEATED_PERSON", "person_id", 2)]),
]


@pytest.mark.parametrize("kind", ["pandas", "polars_lazy", "duckdb"])
@pytest.mark.parametrize(("change", "expected"), THRESHOLDS, ids=_name)
def test_cost_thresholds_names_the_problem(outcomes, change, expected, kind, table_kinds):
    changed = change(outcomes)
    rows = {**outcomes["arm"].value_counts(), "woken": int(outcomes["woken"].sum()), None: len(changed)}
    found = _issues(lambda: ex.cost_thresholds(table_kinds(changed)[kind]))
    wanted = [("outcomes", code, column, rows.get(n, n)) for code, column, n in expected]
    assert sorted(found) == sorted(wanted)


def test_cost_thresholds_lists_outcomes_and_touches_together(campaign, outcomes):
    broken = outcomes.assign(cost=outcomes["cost"].where(outcomes["arm"] != "holdout"))
    found = _issues(lambda: ex.cost_thresholds(broken, touches=campaign.touches.drop(columns="channel")))
    assert {(table, code) for table, code, *_ in found} == {
        ("outcomes", "CONTROL_WITHOUT_COST"), ("outcomes", "NULL_VALUE"), ("touches", "MISSING_COLUMN"),
    }  # fmt: skip


def _tables(campaign):
    return {name: getattr(campaign, name) for name in ("touches", "conversions", "assignment", "prices", "history")}


@pytest.mark.parametrize(
    ("table", "change", "expected"),
    [*(case for case in ATTRIBUTE if case[2][0] in {"DUPLICATE_ID", "NAIVE_TIME", "NEGATIVE_VALUE"}), *BUILD],
    ids=_name,
)
def test_postmortem_names_the_problem(campaign, table, change, expected):
    changed = change(getattr(campaign, table))
    # Without the plan's zone for the assignment: naive times stay a problem there.
    plan = {**campaign.plan, "tables": {name: {"path": each["path"]} for name, each in campaign.plan["tables"].items()}}
    found = _issues(lambda: ex.postmortem(plan, {**_tables(campaign), table: changed}))
    assert found == [_expected(table, *expected, rows=len(changed))]


def test_postmortem_lists_the_problems_of_all_its_tables(campaign):
    tables = _tables(campaign)
    tables |= {
        "touches": _set(tables["touches"], "person_id", None),
        "conversions": _set(_twice(tables["conversions"]), "value", -1.0),
        "assignment": _set(tables["assignment"], "arm", None),
        "prices": tables["prices"].assign(unit_cost=float("inf")),
        "history": _twice(tables["history"]),
    }
    found = _issues(lambda: ex.postmortem(campaign.plan, tables))
    assert {(table, code) for table, code, *_ in found} == {
        ("touches", "NULL_KEY"), ("conversions", "DUPLICATE_ID"), ("conversions", "NEGATIVE_VALUE"),
        ("assignment", "NULL_KEY"), ("prices", "NOT_FINITE"), ("history", "REPEATED_PERSON"),
    }  # fmt: skip


@pytest.mark.parametrize("table", ["touches", "conversions", "assignment"])
def test_postmortem_takes_the_plan_s_own_column_names(campaign, table):
    columns = {
        "touches": {"person": "cust", "time": "ts", "channel": "way"},
        "conversions": {"person": "who", "time": "ts"},
        "assignment": {"person": "pid", "arm": "cell"},
    }[table]
    defaults = {"person": "person_id", "time": "time", "channel": "channel", "arm": "arm"}
    renamed = getattr(campaign, table).rename(columns={defaults[role]: name for role, name in columns.items()})
    declared = {**campaign.plan["tables"][table], "columns": columns}
    plan = {**campaign.plan, "tables": {**campaign.plan["tables"], table: declared}}
    told = ex.postmortem(plan, {**_tables(campaign), table: renamed}).to_markdown()
    plain = ex.postmortem(campaign.plan, _tables(campaign)).to_markdown()
    fingerprint = re.compile(r"\b[0-9a-f]{64}\b")  # the plan is another one, and says so
    assert fingerprint.sub("", told) == fingerprint.sub("", plain)
