"""`wakelift report`, `check` and `demo` around a fake post-mortem, and one run of the real one."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_runs import PERSONS, PLAN, refused, run

import experiments
from attribution.core.errors import InputError
from experiments.plan import Plan, load_tables
from experiments.report.document import Gate


class FakeReport:
    """What the commands need of a report, with gates of the test's choice."""

    def __init__(self, *statuses: str, lang: str = "en") -> None:
        self.gates = tuple(
            Gate(name=f"trust:{n}", kind="trust", status=status, expected="", observed="", message=f"gate {n}")
            for n, status in enumerate(statuses)
        )
        word = SimpleNamespace(word="PASS")
        self.verdicts = (
            SimpleNamespace(
                contrast="sms vs digital", arm="sms", control="digital", segment=None, threshold=85.0, verdict=word
            ),
        )
        self.lang = lang

    def _write(self, path: Path | str | None = None, **options: object) -> str:
        text = f"report in {self.lang}"
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    to_html = to_markdown = to_json = to_junit = to_excel = _write


@pytest.fixture
def fake(monkeypatch):
    """Let the post-mortem be a fake whose gates the test sets: `fake("hold", "fail")`."""
    statuses: list[str] = []

    def postmortem(plan, data=None, *, lang="en"):
        load_tables(plan, data)
        return FakeReport(*statuses, lang=lang)

    monkeypatch.setitem(vars(experiments), "postmortem", postmortem)
    return statuses.extend


@pytest.fixture
def plan(tmp_path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    return path


# --- report, check, demo, with a fake post-mortem -------------------------------------------------------


@pytest.mark.parametrize(
    ("formats", "written"),
    [
        (None, ["junit.xml", "report.html", "report.json", "report.md"]),
        ("md", ["report.md"]),
        ("xlsx, HTML", ["report.html", "report.xlsx"]),
    ],
)
def test_report_writes_the_formats_asked_for(plan, fake, tmp_path, formats, written):
    more = [] if formats is None else ["--format", formats]
    result = run("report", plan, "--out", tmp_path / "out", *more)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == written
    assert "sms vs digital, threshold 85: PASS" in result.stdout
    assert result.stderr == ""


def test_report_exits_0_whatever_the_gates_say(plan, fake, tmp_path):
    fake(["fail", "undecided"])
    assert run("report", plan, "--out", tmp_path / "out").exit_code == 0


def test_the_language_is_the_plans_unless_asked_for(plan, fake, tmp_path):
    plan.write_text(plan.read_text(encoding="utf-8") + '[report]\nlanguage = "zh"\n', encoding="utf-8")
    run("report", plan, "--out", tmp_path / "a")
    run("report", plan, "--out", tmp_path / "b", "--lang", "en")
    assert (tmp_path / "a" / "report.md").read_text(encoding="utf-8") == "report in zh"
    assert (tmp_path / "b" / "report.md").read_text(encoding="utf-8") == "report in en"


@pytest.mark.parametrize("formats", ["pdf", "", "html,mdd"])
def test_report_refuses_an_unknown_format(plan, fake, tmp_path, formats):
    assert "--format" in refused("report", plan, "--out", tmp_path / "out", "--format", formats)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("statuses", "plain", "strict"),
    [
        (["hold", "hold"], 0, 0),
        (["hold", "fail"], 1, 1),
        (["hold", "undecided"], 3, 1),
        (["undecided", "fail"], 1, 1),
    ],
)
def test_check_speaks_by_its_exit_code(plan, fake, statuses, plain, strict):
    fake(statuses)
    assert run("check", plan).exit_code == plain
    result = run("check", plan, "--strict")
    assert result.exit_code == strict
    assert all(f"gate {n}" in result.stdout for n in range(len(statuses)))


def test_check_names_each_changed_key(plan, fake):
    run("lock", plan)
    plan.write_text(plan.read_text(encoding="utf-8").replace("85", "90"), encoding="utf-8")
    fake(["fail"])
    result = run("check", plan)
    assert result.exit_code == 1
    assert "costs.thresholds: [60.0, 85.0] -> [60.0, 90.0]" in result.stdout


def test_check_writes_junit(plan, fake, tmp_path):
    fake(["hold"])
    assert run("check", plan, "--junit", tmp_path / "deep" / "j.xml").exit_code == 0
    assert (tmp_path / "deep" / "j.xml").is_file()


def test_demo_writes_plan_data_and_reports_in_both_languages(fake, tmp_path):
    result = run("demo", "--out", tmp_path / "demo", *PERSONS)
    assert result.exit_code == 0, result.output
    files = {
        path.relative_to(tmp_path / "demo").as_posix() for path in (tmp_path / "demo").rglob("*") if path.is_file()
    }
    reports = {"report.html", "report.md", "report.json", "junit.xml", "report.zh.html", "report.zh.md"}
    data = {f"data/{name}.parquet" for name in experiments.simulate(persons=100).tables()}
    assert files == {"plan.toml", *reports, *data}
    assert "seed 3" in result.stdout
    assert (tmp_path / "demo" / "report.zh.md").read_text(encoding="utf-8") == "report in zh"
    assert Plan.read(tmp_path / "demo" / "plan.toml").report.language == "en"


def test_demo_in_chinese_puts_english_beside(fake, tmp_path):
    run("demo", "--out", tmp_path, *PERSONS, "--lang", "zh")
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == "report in zh"
    assert (tmp_path / "report.en.md").read_text(encoding="utf-8") == "report in en"


@pytest.mark.parametrize("command", ["report", "check"])
def test_the_report_is_appended_to_the_job_summary(plan, fake, tmp_path, monkeypatch, command):
    fake(["hold"])
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    more = ["--out", tmp_path / "out"] if command == "report" else []
    assert run(command, plan, *more, "--summary").exit_code == 0
    assert summary.read_text(encoding="utf-8") == "before\n\nreport in en"


def test_without_a_job_the_summary_is_told_and_the_exit_code_stands(plan, fake, monkeypatch):
    fake(["undecided"])
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    result = run("check", plan, "--summary")
    assert result.exit_code == 3
    assert "GITHUB_STEP_SUMMARY" in result.stderr


def test_report_prints_the_schema_without_a_plan():
    result = run("report", "--schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == experiments.report_schema()


def test_quiet_prints_only_gates_that_do_not_hold(plan, fake, tmp_path):
    fake(["hold", "fail"])
    result = run("check", plan, "--quiet")
    assert result.exit_code == 1
    assert "gate 1" in result.stdout
    assert len(result.stdout.splitlines()) == 1
    assert run("report", plan, "--out", tmp_path / "out", "--quiet").stdout.count("\n") <= 1


# --- unusable plans ------------------------------------------------------------------------------------


HOSTILE = {
    "nowhere": None,
    "not TOML": b"[campaign\n",
    "not text": b"\xff\xfe\x00\x01",
    "empty": b"",
    "long name": b'[campaign]\nas_of = 2026-12-31\nname = "' + b"x" * 10_000 + b'"',
    "control characters": b'[campaign]\nas_of = 2026-12-31\nname = "a\\u0007"',
    "raw control characters": b'[campaign]\nas_of = 2026-12-31\nname = "a\x07"',
    "long key": b"k" * 10_000 + b" = 1",
    "missing file": b'[campaign]\nas_of = 2026-12-31\nname = "a"\n[tables.touches]\npath = "no.csv"',
    "folder as file": b'[campaign]\nas_of = 2026-12-31\nname = "a"\n[tables.touches]\npath = "."',
    "deep": b"a = " + b"[" * 5_000,
}


@pytest.mark.parametrize("command", ["check", "report"])
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_an_unusable_plan_ends_with_one_message_and_exit_code_2(tmp_path, fake, command, content):
    path = tmp_path / "plan.toml"
    if content is not None:
        path.write_bytes(content)
    more = ["--out", tmp_path / "out"] if command == "report" else []
    message = refused(command, path, *more)
    assert message.isprintable() or set(message) - set("\n") <= {c for c in message if c.isprintable() or c == "\n"}


@pytest.mark.parametrize("place", ["a" * 10_000, "."])
def test_a_path_that_is_no_file_ends_with_exit_code_2(place, fake):
    refused("check", place)


def test_an_error_of_the_analysis_ends_with_exit_code_2(plan, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise InputError("the touches are unusable.")

    monkeypatch.setitem(vars(experiments), "postmortem", broken)
    assert "the touches are unusable." in refused("check", plan)


def test_a_file_that_may_not_be_written_ends_with_exit_code_2(plan, fake, tmp_path):
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    assert "report.html" in refused("report", plan, "--out", tmp_path / "out")


# --- the real post-mortem --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    result = run("demo", "--out", folder, "--persons", 3000)
    assert result.exit_code == 0, result.output
    assert "full vs sms" in result.stdout
    return folder


def figures(folder: Path) -> dict[str, float]:
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))["figures"]


def test_the_demo_reports_in_both_languages(demo):
    assert "<html" in (demo / "report.html").read_text(encoding="utf-8")
    assert "归因只分功劳" in (demo / "report.zh.md").read_text(encoding="utf-8")


def test_csv_and_a_database_give_the_figures_of_parquet(demo, tmp_path):
    duckdb = pytest.importorskip("duckdb")
    text = (demo / "plan.toml").read_text(encoding="utf-8")
    csv = database = text
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        for name in Plan.read(demo / "plan.toml").tables:
            frame = getattr(experiments.simulate(persons=3000, seed=7), name)
            frame.to_csv(tmp_path / f"{name}.csv", index=False)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM '{demo / 'data' / name}.parquet'")
            csv = csv.replace(f"data/{name}.parquet", f"{name}.csv")
            query = f'path = "w.duckdb"\nquery = "SELECT * FROM {name}"'
            database = database.replace(f'path = "data/{name}.parquet"', query)
    for kind, plan in (("csv", csv), ("database", database)):
        (tmp_path / f"{kind}.toml").write_text(plan, encoding="utf-8")
        assert run("report", tmp_path / f"{kind}.toml", "--out", tmp_path / kind, "--format", "json").exit_code == 0
        known, found = figures(demo), figures(tmp_path / kind)
        # A figure that the data do not give is null in all of them.
        assert {name for name, value in found.items() if value is None} == {
            name for name, value in known.items() if value is None
        }
        assert {name: value for name, value in found.items() if value is not None} == pytest.approx(
            {name: value for name, value in known.items() if value is not None}, rel=1e-9
        )


def declared(demo: Path, name: str, more: str = "") -> Path:
    """The demo's plan with more declared, under a name of its own: the demo is shared, and so would be a lock."""
    path = demo / f"{name}.toml"
    path.write_text((demo / "plan.toml").read_text(encoding="utf-8") + more, encoding="utf-8")
    return path


def test_declared_figures_are_gates(demo):
    name, value = next((name, value) for name, value in sorted(figures(demo).items()) if value)
    figure = f'\n[[figure]]\nname = "{name}"\nvalue = {value!r}\ntolerance = {abs(value) * 1e-9!r}\n'
    assert run("check", declared(demo, "figure", figure)).exit_code == 0
    assert (
        run("check", declared(demo, "wrong_figure", figure.replace(f"value = {value!r}", "value = 12345.0"))).exit_code
        == 1
    )


def test_declared_decisions_are_gates(demo):
    word = next(row["verdict"].word for row in map(_row, experiments.postmortem(demo / "plan.toml").verdicts))
    row = _row(experiments.postmortem(demo / "plan.toml").verdicts[0])
    gate = '\n[[gate]]\narm = "{arm}"\ncontrol = "{control}"\nthreshold = {threshold}\nexpect = "{expect}"\n'
    other = "PASS" if word != "PASS" else "FAIL"
    assert run("check", declared(demo, "gate", gate.format(**row, expect=word))).exit_code == 0
    code = run("check", declared(demo, "wrong_gate", gate.format(**row, expect=other))).exit_code
    assert code == (3 if word == "INCONCLUSIVE" else 1)


def _row(decision: object) -> dict:
    return {name: getattr(decision, name) for name in ("arm", "control", "threshold", "verdict")}


def test_a_changed_plan_fails_the_check_and_names_the_key(demo):
    plan = declared(demo, "locked")
    assert run("lock", plan, "--renew").exit_code == 0
    assert run("check", plan).exit_code == 0
    plan.write_text(plan.read_text(encoding="utf-8").replace("125", "130"), encoding="utf-8")
    result = run("check", plan)
    assert result.exit_code == 1
    assert "costs.thresholds" in result.stdout


def test_without_randomisation_the_report_is_written_and_says_no_verdict(demo, tmp_path):
    path = declared(demo, "unrandomised")
    path.write_text(
        path.read_text(encoding="utf-8").replace("randomised = true", "randomised = false"), encoding="utf-8"
    )
    assert run("report", path, "--out", tmp_path).exit_code == 0
    assert "PASS" not in (tmp_path / "report.md").read_text(encoding="utf-8")
