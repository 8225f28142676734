"""CSV files: what their first rows do not show is read all the same, or told with the file; never a raw error."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import attribution as at

HEAD, ROW = "person_id,time,channel,product\n", "007,2026-10-01 09:00:00+08:00,sms,1\n"
MANY = 60_000  # more than one block


@pytest.fixture
def bought(tmp_path):
    path = tmp_path / "bought.csv"
    path.write_text("person_id,time,conversion_id,value\n007,2026-10-03 09:00:00+08:00,01,9.5\n", encoding="utf-8")
    return path


def _touches(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "touches.csv"
    path.write_bytes(text.encode(encoding))
    return path


def _told(call, *args, **options):
    with pytest.raises(at.TableError, match=r"UNREADABLE_FILE|NO_FILE") as error:
        call(*args, **options)
    assert [issue.code for issue in error.value.issues] in (["UNREADABLE_FILE"], ["NO_FILE"])
    return str(error.value)


def test_seconds_may_have_decimals_further_down(tmp_path, bought):
    late = "007,2026-10-03 08:59:59.999999+08:00,phone,1\n"
    files = _touches(tmp_path, HEAD + ROW * MANY + late)
    rows = at.attribute(files, bought, models="last_touch").to_dicts()
    assert {row["channel"]: row["conversions"] for row in rows} == {"phone": 1, "sms": 0, "(none)": 0}


def test_values_may_have_decimals_further_down(tmp_path):
    path = tmp_path / "bought.csv"
    lines = [f"007,2026-10-03 09:00:00+08:00,{number},9\n" for number in range(MANY)]
    path.write_text(
        "person_id,time,conversion_id,value\n" + "".join(lines) + lines[0].replace(",0,9", ",a,9.5"), "utf-8"
    )
    rows = at.attribute(_touches(tmp_path, HEAD + ROW), path, models="linear").to_dicts()
    assert rows[0]["value"] == pytest.approx(9 * MANY + 9.5, rel=1e-12)


def test_a_column_that_turns_into_text_is_told_with_its_file(tmp_path, bought):
    files = _touches(tmp_path, HEAD + ROW * MANY + ROW.replace(",1\n", ",A1\n"))
    # Further columns are read when somebody needs them: here touches at one instant.
    assert "touches.csv" in _told(at.attribute, files, bought, models="linear")


@pytest.mark.parametrize("text", [HEAD.replace("product", "产品") + ROW, HEAD + ROW.replace("sms", "短信")])
def test_text_that_is_not_utf8_is_told(tmp_path, bought, text):
    assert "not UTF-8" in _told(at.attribute, _touches(tmp_path, text, "gb18030"), bought)


def test_columns_of_one_name_are_told(tmp_path, bought):
    assert "'channel'" in _told(at.attribute, _touches(tmp_path, HEAD.replace("product", "channel") + ROW), bought)


@pytest.mark.parametrize("nothing", ["", " "])
def test_an_empty_path_is_not_the_current_folder(tmp_path, bought, nothing, monkeypatch):
    _touches(tmp_path, HEAD + ROW)
    monkeypatch.chdir(tmp_path)
    assert "names no file" in _told(at.attribute, nothing, bought)


@pytest.mark.parametrize("long", [False, True])
def test_long_ids_take_their_room_from_the_budget(tmp_path, long):
    ids = [f"{'x' * 400 if long else ''}{number % 500:05d}" for number in range(100_000)]
    time = pa.array([1_790_000_000_000_000] * len(ids), pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"person_id": ids, "time": time, "channel": ["sms"] * len(ids)}), tmp_path / "t.parquet")
    bought = pa.table({"person_id": ids[:500], "time": time[:500], "conversion_id": range(500)})
    credit = at.attribute(tmp_path / "t.parquet", bought, models="linear", memory="400MB")
    assert hasattr(credit.journeys, "ranges") is long
    assert credit.to_dicts()[0]["conversions"] == pytest.approx(500)
