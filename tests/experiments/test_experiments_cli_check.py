"""What `wakelift check` and `check-data` leave where the input is unusable."""

from __future__ import annotations

import pandas as pd
import pytest
from cli_runs import run
from junitparser import JUnitXml

import experiments as ex


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "campaign"
    assert run("demo", "--out", folder, "--persons", "1500", "--quiet").exit_code == 0
    return folder


def _case(path):
    ((case,),) = (list(suite) for suite in JUnitXml.fromstring(path.read_bytes()))
    (error,) = case.result
    return case, error


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("as_of", "as_off", 1), "as_off"),
        (lambda text: text.replace("touches.parquet", "touchse.parquet"), "touches.parquet"),
        (lambda text: "[campaign\n", "this is not TOML"),
    ],
)
def test_a_check_of_unusable_input_leaves_a_junit_error_in_place_of_an_old_file(demo, change, said):
    plan, target = demo / "changed.toml", demo / "new" / "junit.xml"
    plan.write_text(change((demo / "plan.toml").read_text(encoding="utf-8")), encoding="utf-8")
    target.parent.mkdir(exist_ok=True)
    target.write_text("of an earlier run", encoding="utf-8")
    result = run("check", plan, "--junit", target)
    assert result.exit_code == 2
    case, error = _case(target)
    assert (case.classname, case.name, error.type) == ("wakelift.input", "changed.toml", "unusable")
    assert said in error.message
    lines = [line.strip() for line in result.stderr.removeprefix("Error: ").strip().splitlines()]
    assert error.text.splitlines() == lines


def test_a_plan_that_is_not_there_leaves_the_error_too_and_without_the_option_nothing(tmp_path):
    result = run("check", tmp_path / "absent.toml", "--junit", tmp_path / "deep" / "j.xml")
    assert result.exit_code == 2
    assert _case(tmp_path / "deep" / "j.xml")[0].name == "absent.toml"
    assert run("check", tmp_path / "absent.toml").exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


def test_the_plan_is_never_replaced_by_the_junit_file(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text("[campaign\n", encoding="utf-8")
    result = run("check", plan, "--junit", tmp_path / "." / "plan.toml")
    assert result.exit_code == 2
    assert "--junit names the plan itself" in result.stderr
    assert plan.read_text(encoding="utf-8") == "[campaign\n"


def test_a_junit_file_that_cannot_be_written_hides_no_error(tmp_path):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    result = run("check", tmp_path / "absent.toml", "--junit", tmp_path / "file" / "j.xml")
    assert result.exit_code == 2
    assert "absent.toml" in result.stderr


def test_a_usable_plan_leaves_its_gates(demo):
    target = demo / "gates.xml"
    assert run("check", demo / "plan.toml", "--junit", target).exit_code in (0, 1, 3)
    suites = list(JUnitXml.fromstring(target.read_bytes()))
    assert all(case.classname != "wakelift.input" for suite in suites for case in suite)
    assert sum(suite.tests for suite in suites) > 3


def _tables(folder, **changes):
    campaign = ex.simulate("default", persons=300, seed=7)
    campaign.touches.rename(columns=changes).to_csv(folder / "t.csv", index=False)
    campaign.conversions.to_csv(folder / "c.csv", index=False)
    return ["check-data", "--touches", folder / "t.csv", "--conversions", folder / "c.csv"]


@pytest.mark.parametrize(
    ("lang", "near", "name_it"),
    [
        ("en", "touches has no column channel. Did you mean 'chanel'?", "--columns channel=NAME"),
        ("zh", "touches 没有列 channel。 您要的是不是“chanel”？", "--columns channel=列名"),
    ],
)
def test_a_missing_column_is_told_with_the_nearest_name(tmp_path, lang, near, name_it):
    result = run(*_tables(tmp_path, channel="chanel"), "--lang", lang)
    assert result.exit_code == 2
    assert near in result.stdout
    assert name_it in result.stdout
    assert "columns=Columns" not in result.stdout


def test_a_missing_column_without_a_near_name_is_told_with_those_that_are_there(tmp_path):
    result = run(*_tables(tmp_path, channel="渠道'\"x"))
    assert "touches has no column channel. There are:" in result.stdout
    assert '--columns channel=NAME (in a plan: columns = { channel = "NAME" })' in result.stdout
    pd.DataFrame({"x": [1]}).to_csv(tmp_path / "t.csv", index=False)
    told = run("check-data", "--touches", tmp_path / "t.csv").stdout
    assert "touches has no column person_id. There are: 'x'." in told
    assert "--columns person=NAME" in told
