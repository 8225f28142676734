"""Identity against a union-find in plain Python, its findings, and its application to every kind of table."""

from __future__ import annotations

import hypothesis.strategies as st
import narwhals.stable.v2 as nw
import pandas as pd
import pytest
from hypothesis import given

from attribution.core.columns import Columns
from attribution.core.errors import InputError, TableError
from attribution.core.language import language
from attribution.identity import resolve_identity

NOON = pd.Timestamp("2026-10-01 12:00", tz="UTC")


def links(**changed: object) -> pd.DataFrame:
    columns = {
        "customer_id": ["C3", "C1", "C2", "C4", "C5", "C1"],
        "phone": ["138", None, "138", "139", "  ", "137"],
        "device": ["d1", "d1", None, None, None, None],
    }
    return pd.DataFrame({**columns, **changed})


def persons(identity) -> dict:
    return {row["customer_id"]: row["person_id"] for row in identity.to_dicts()}


def finding(identity, code):
    (found,) = [item for item in identity.findings if item.code == code]
    return found


def plain_persons(rows: list[dict], names: list[str], max_share: int) -> dict:
    """Merge sets until nothing changes."""
    groups = [{customer} for customer in {row["customer"] for row in rows}]
    for name in names:
        for value in {row[name] for row in rows} - {None}:
            together = {row["customer"] for row in rows if row[name] == value}
            if len(together) > max_share:
                continue
            touched = [group for group in groups if group & together]
            groups = [group for group in groups if not group & together] + [set().union(*touched)]
    return {customer: min(map(str, group)) for group in groups for customer in group}


NUMBERS = st.one_of(st.none(), st.sampled_from(["138", "139", "一三七", "0"]))


@st.composite
def random_rows(draw, customers):
    return [
        {"customer": draw(st.sampled_from(customers)), "phone": draw(NUMBERS), "device": draw(NUMBERS)}
        for _ in range(draw(st.integers(1, 14)))
    ]


@pytest.mark.parametrize("customers", [["甲", "乙", "c10", "c9", "c1"], [1, 2, 9, 10, 11]], ids=["text", "whole"])
@given(data=st.data())
def test_persons_are_those_of_a_plain_union_find(customers, data):
    rows = data.draw(random_rows(customers))
    max_share = data.draw(st.integers(1, 4))
    mixed = data.draw(st.permutations(rows))
    columns = Columns(customer="customer")
    first, second = (
        resolve_identity(pd.DataFrame(table), max_share=max_share, columns=columns) for table in (rows, mixed)
    )
    assert persons(first) == plain_persons(rows, ["phone", "device"], max_share)
    assert first.to_dicts() == second.to_dicts()
    assert repr(first) == repr(second)
    assert first.recipe.fingerprint == second.recipe.fingerprint


def test_every_kind_of_table_gives_the_same_persons(table_kind):
    identity = resolve_identity(table_kind(links()))
    assert persons(identity) == {"C1": "C1", "C2": "C1", "C3": "C1", "C4": "C4", "C5": "C5"}
    assert finding(identity, "IDENTITY").values == {"customers": 5, "persons": 3, "largest": 3}
    assert identity.recipe.n == {"rows": 6, "customers": 5, "persons": 3}


def test_the_smallest_customer_number_is_smallest_as_text():
    table = pd.DataFrame({"customer_id": [9, 10], "phone": ["1", "1"]})
    assert persons(resolve_identity(table, ids=("customer_id", "phone"))) == {9: "10", 10: "10"}


def test_phones_that_arrive_as_floats_are_whole_numbers():
    table = pd.DataFrame({"customer_id": ["a", "b", "c"], "phone": [138.0, 138.0, None]})
    assert persons(resolve_identity(table, ids=("customer_id", "phone"))) == {"a": "a", "b": "a", "c": "c"}


def test_link_values_with_decimals_are_compared_as_they_are():
    table = pd.DataFrame({"customer_id": ["a", "b", "c"], "score": [1.5, 1.5, 2.0]})
    assert persons(resolve_identity(table, ids=("customer_id", "score"))) == {"a": "a", "b": "a", "c": "c"}


def test_wide_links_are_ignored_and_listed():
    table = pd.DataFrame({"customer_id": list("abcdef"), "phone": ["1"] * 4 + ["2"] * 2})
    identity = resolve_identity(table, ids=("customer_id", "phone"), max_share=3)
    assert persons(identity) == {"a": "a", "b": "b", "c": "c", "d": "d", "e": "e", "f": "e"}
    shared = finding(identity, "LINKS_SHARED")
    assert shared.values["ignored"] == (("phone", "1", 4),)
    assert shared.status == "warn"
    assert "phone 1 (4)" in shared.text()


def test_many_wide_links_are_all_in_the_values_and_some_in_the_sentence():
    table = pd.DataFrame(
        {"customer_id": [f"{n}-{m}" for n in range(7) for m in range(2)], "phone": [f"p{n // 2}" for n in range(14)]}
    )
    shared = finding(resolve_identity(table, ids=("customer_id", "phone"), max_share=1), "LINKS_SHARED")
    assert len(shared.values["ignored"]) == 7
    assert shared.values["examples"].endswith(" ...")


def test_a_customer_who_repeats_a_link_is_one_customer():
    table = pd.DataFrame({"customer_id": ["a"] * 5 + ["b"], "phone": ["1"] * 6})
    assert persons(resolve_identity(table, ids=("customer_id", "phone"), max_share=2)) == {"a": "a", "b": "a"}


# --- the assignment --------------------------------------------------------------------------------------------------


def assignment(**changed: object) -> pd.DataFrame:
    columns = {"customer_id": ["C1", "C4"], "arm": ["sms", "holdout"], "assigned_at": [NOON, NOON]}
    return pd.DataFrame({**columns, **changed})


def dated(hours: list[int]) -> pd.DataFrame:
    return links(time=[NOON + pd.Timedelta(hours=hour) for hour in hours])


def test_links_after_the_assignment_are_not_used():
    # The links of C1 and C3 are in time to the very instant; the one of C2, who was not assigned, is an hour late.
    identity = resolve_identity(dated([0, 0, 1, 0, 0, 0]), assignment=assignment())
    assert persons(identity) == {"C1": "C1", "C2": "C2", "C3": "C1", "C4": "C4", "C5": "C5"}
    assert finding(identity, "LINKS_LATE").values["rows"] == 1


def test_each_customer_has_the_own_assignment_as_limit():
    later = assignment(assigned_at=[NOON, NOON + pd.Timedelta(hours=5)])
    identity = resolve_identity(dated([0, 1, 0, 5, 5, 1]), assignment=later)
    assert finding(identity, "LINKS_LATE").values["rows"] == 2
    assert persons(identity)["C3"] == "C2"


def test_links_in_time_give_no_finding():
    identity = resolve_identity(dated([-1] * 6), assignment=assignment())
    assert [item.code for item in identity.findings] == ["IDENTITY", "TWO_ARMS"]


@pytest.mark.parametrize("table", [links(), None], ids=["undated links", "undated assignment"])
def test_without_dates_late_links_cannot_be_told_apart(table):
    known = assignment() if table is not None else assignment().drop(columns="assigned_at")
    identity = resolve_identity(dated([0] * 6) if table is None else table, assignment=known)
    assert finding(identity, "LINKS_UNDATED").status == "unknown"


def test_persons_in_two_arms_are_counted():
    twice = assignment(customer_id=["C1", "C2"])
    identity = resolve_identity(links(), assignment=twice)
    found = finding(identity, "TWO_ARMS")
    assert (found.status, found.values["persons"], found.values["assigned"]) == ("note", 1, 1)
    assert found.values["listed"] == ("C1",)
    assert finding(resolve_identity(links(), assignment=assignment()), "TWO_ARMS").status == "pass"


def test_an_assignment_by_person_is_read_as_customer_numbers():
    by_person = assignment(customer_id=["C1", "unknown"]).rename(columns={"customer_id": "person_id"})
    found = finding(resolve_identity(links(), assignment=by_person), "TWO_ARMS")
    assert (found.values["assigned"], found.values["unlinked"]) == (1, 1)


def test_an_empty_assignment_has_no_arms():
    empty = assignment().iloc[:0].astype({"customer_id": str, "arm": str})
    assert finding(resolve_identity(links(), assignment=empty), "TWO_ARMS").values["share"] == 0.0


# --- what is wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ids", ["customer_id", ("customer_id",), ("a", "a"), ("a", 3), ()])
def test_ids_are_two_or_more_names(ids):
    with pytest.raises(InputError, match="ids must name the customer column and at least one link column"):
        resolve_identity(links(), ids=ids)


@pytest.mark.parametrize("max_share", [0, -1, 2.5, True, "3"])
def test_max_share_is_a_whole_number(max_share):
    with pytest.raises(InputError, match="max_share must be a whole number of customers, at least 1"):
        resolve_identity(links(), max_share=max_share)


def test_missing_columns_are_told_together():
    with pytest.raises(TableError, match="name the link columns that exist with ids=") as caught:
        resolve_identity(links().drop(columns=["phone", "customer_id"]))
    assert [(issue.code, issue.column) for issue in caught.value.issues] == [
        ("MISSING_COLUMN", "customer_id"),
        ("MISSING_COLUMN", "phone"),
    ]


def test_problems_of_links_and_assignment_come_together():
    broken = assignment(arm=["sms", None]).rename(columns={"customer_id": "customer_id"})
    with pytest.raises(TableError, match="2 problems in the input") as caught:
        resolve_identity(links(customer_id=["a", None, "c", "d", "e", "f"]), assignment=broken)
    assert [(issue.code, issue.table) for issue in caught.value.issues] == [
        ("NULL_KEY", "links"),
        ("NULL_KEY", "assignment"),
    ]


def test_keys_of_two_kinds_do_not_match():
    with pytest.raises(TableError, match=r"\[KEY_TYPE_MISMATCH\] assignment.customer_id"):
        resolve_identity(links(), assignment=assignment(customer_id=[1, 4]))


def test_the_first_of_the_ids_names_the_customer():
    table = links().rename(columns={"customer_id": "客户号", "phone": "手机"})
    identity = resolve_identity(table, ids=("客户号", "手机"))
    assert persons(identity) == {"C1": "C1", "C2": "C2", "C3": "C2", "C4": "C4", "C5": "C5"}


# --- apply -----------------------------------------------------------------------------------------------------------

ROWS = pd.DataFrame({"customer_id": ["C2", "C5", "C3", "C2"], "n": [0, 1, 2, 3]})


def by_row(table: object, column: str = "person_id") -> list:
    frame = nw.from_native(table)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect("pyarrow")
    return [row[column] for row in sorted(frame.rows(named=True), key=lambda row: row["n"])]


@pytest.mark.parametrize("person", [False, True], ids=["added", "replaced"])
def test_apply_gives_the_person_on_the_same_kind_of_table(table_kind, person):
    given = table_kind(ROWS.assign(person_id="old") if person else ROWS)
    made = resolve_identity(links()).apply(given)
    assert type(made) is type(given)
    assert by_row(made) == ["C1", "C5", "C1", "C1"]
    assert set(nw.from_native(made).collect_schema().names()) == {"customer_id", "n", "person_id"}


def test_apply_leaves_the_callers_table_alone():
    table = ROWS.assign(person_id="old")
    before = table.copy()
    resolve_identity(links()).apply(table)
    pd.testing.assert_frame_equal(table, before)


def test_apply_can_read_the_customer_from_the_person_column(table_kind):
    made = resolve_identity(links()).apply(
        table_kind(ROWS.rename(columns={"customer_id": "person_id"})), column="person_id"
    )
    assert by_row(made) == ["C1", "C5", "C1", "C1"]


def test_apply_reads_whole_number_customers(table_kind):
    table = pd.DataFrame({"customer_id": [9, 10, 11], "phone": ["1", "1", "2"]})
    identity = resolve_identity(table, ids=("customer_id", "phone"))
    assert by_row(
        identity.apply(table_kind(pd.DataFrame({'odd "name"': [11, 9], "n": [0, 1]})), column='odd "name"')
    ) == ["11", "10"]


def test_apply_to_two_relations_of_one_connection_keeps_them_apart(table_kinds):
    identity = resolve_identity(links())
    first = table_kinds(ROWS)["duckdb"]
    second = table_kinds(ROWS.iloc[1:2])["duckdb"]
    one, two = identity.apply(first), identity.apply(second)
    assert (by_row(one), by_row(two)) == (["C1", "C5", "C1", "C1"], ["C5"])


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (ROWS.assign(customer_id=["C2", "x", "y", "x"]), "UNKNOWN_CUSTOMER"),
        (ROWS.assign(customer_id=[1, 2, 3, 4]), "KEY_TYPE_MISMATCH"),
        (ROWS.assign(customer_id=["C2", None, "C2", "C2"]), "NULL_KEY"),
        (ROWS.drop(columns="customer_id"), "MISSING_COLUMN"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_apply_says_what_is_wrong(table, code, table_kind):
    with pytest.raises(TableError, match=code) as caught:
        resolve_identity(links()).apply(table_kind(table))
    assert [issue.code for issue in caught.value.issues] == [code]


def test_unknown_customers_are_listed():
    with pytest.raises(TableError, match=r"\(3 affected\.\) Examples: 'x', 'y'"):
        resolve_identity(links()).apply(ROWS.assign(customer_id=["C2", "y", "x", "x"]))


# --- display ---------------------------------------------------------------------------------------------------------


def test_the_result_speaks_both_languages_and_says_how_it_was_made():
    table = pd.DataFrame({"customer_id": [f"C{n:02d}" for n in range(12)], "phone": [None] * 12})
    identity = resolve_identity(table, ids=("customer_id", "phone"))
    shown = repr(identity)
    assert "12 customer numbers belong to 12 persons" in shown
    assert "2 more rows in .table()" in shown
    assert "connected component of customer numbers over customer_id, phone" in shown
    with language("zh"):
        assert "12 个客户号归并为 12 人" in repr(identity)
    assert identity._repr_html_().startswith('<div class="wakelift"')


def test_an_identity_is_accepted_where_its_table_is():
    identity = resolve_identity(links())
    again = identity.apply(identity)
    assert again.column("person_id").to_pylist() == ["C1", "C1", "C1", "C4", "C5"]
