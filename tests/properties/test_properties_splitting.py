"""However the same rows are handed over, the same bytes come out: any order, chunks, pieces, customer numbers."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import hypothesis.strategies as st
import pandas as pd
import pyarrow as pa
import pytest
from campaign_cases import MODELS, TABLES, assert_close, cases, examples, settled, totals
from hypothesis import given

import attribution as at
from attribution.journeys import eligibility

EXAMPLES = examples(25)


def everything(credit: at.Credit) -> tuple:
    return (
        credit.to_dicts(),
        credit.touches().to_dicts(),
        credit.recipe.fingerprint,
        [(finding.code, dict(finding.values)) for finding in credit.findings],
    )


@given(case=cases(), data=st.data())
@EXAMPLES
def test_the_order_of_rows_changes_no_bit(case, data):
    mixed = replace(case, **{name: data.draw(st.permutations(getattr(case, name))) for name in TABLES})
    before, after = case.credit(), mixed.credit()
    assert everything(before) == everything(after)
    assert repr(before) == repr(after)


def in_chunks(frame: pd.DataFrame, cuts: list[int], kind: str) -> pa.Table:
    """The rows as an Arrow table whose columns have several chunks, some of them empty."""
    whole = pa.Table.from_pandas(frame, preserve_index=False)
    if kind == "dictionary":
        place = whole.schema.get_field_index("person_id")
        whole = whole.set_column(place, "person_id", whole.column("person_id").dictionary_encode())
    elif kind == "large":
        place = whole.schema.get_field_index("person_id")
        whole = whole.set_column(place, "person_id", whole.column("person_id").cast(pa.large_string()))
    ends = [0, *sorted(cut % (len(frame) + 1) for cut in cuts), len(frame)]
    return pa.concat_tables([whole.slice(a, b - a) for a, b in pairwise(ends)])


@given(
    case=cases(),
    cuts=st.lists(st.integers(0, 20), min_size=1, max_size=4),
    kind=st.sampled_from(["plain", "dictionary", "large"]),
)
@EXAMPLES
def test_chunks_of_a_column_change_no_bit(case, cuts, kind):
    chunked = {name: in_chunks(table, cuts, kind) for name, table in case.tables().items()}
    assert chunked["touches"].column("person_id").num_chunks > 1
    before, after = case.credit(), case.credit(**chunked)
    assert before.to_dicts() == after.to_dicts()
    assert before.touches().to_dicts() == after.touches().to_dicts()
    assert before.recipe.fingerprint == after.recipe.fingerprint


@given(case=cases(), budget=st.sampled_from([1, 2, 3, 5]))
@EXAMPLES
def test_the_size_of_the_pieces_changes_no_bit(case, budget):
    before = case.credit()
    whole = everything(before)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eligibility, "PAIR_BUDGET", budget)
        after = case.credit()
        assert everything(after) == whole
        assert after.by(("channel", "conversion.product")).to_dicts() == _by(before)


def _by(credit):
    return credit.by(("channel", "conversion.product")).to_dicts()


@given(case=cases(), data=st.data())
@EXAMPLES
def test_a_person_with_several_customer_numbers_is_one_person(case, data):
    """Rows of one person come under two numbers that a phone links; the identity puts them together again."""
    tables = case.tables()
    numbers = {}
    for name, table in tables.items():
        seconds = data.draw(st.lists(st.booleans(), min_size=len(table), max_size=len(table)))
        numbers[name] = [f"{person}#{1 + second}" for person, second in zip(table["person_id"], seconds, strict=True)]
    links = pd.DataFrame(
        [
            {"customer": f"{person}#{number}", "phone": f"phone of {person}"}
            for person in sorted({person for table in tables.values() for person in table["person_id"]})
            for number in (1, 2)
        ]
    )
    identity = at.resolve_identity(links, ids=("customer", "phone"))
    split = {name: table.drop(columns="person_id").assign(customer_id=numbers[name]) for name, table in tables.items()}
    after = at.attribute(
        split["touches"],
        split["conversions"],
        models=MODELS,
        rules=at.Rules(**settled(case.rules)),
        identity=identity,
        customers=split["customers"],
        key_events=split["key_events"],
    )
    assert_close(totals(after), totals(case.credit()))


@given(case=cases(), other=cases())
@EXAMPLES
def test_journeys_under_other_rules_are_those_built_anew(case, other):
    rules = at.Rules(**settled(other.rules))
    anew = replace(case, rules=other.rules).credit()
    changed = case.credit("linear").journeys.with_rules(rules).attribute(models=MODELS)
    assert everything(changed) == everything(anew)
