"""Every example of every help can be pasted: it is parsed as it stands, and those of the questions are run."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
from cli_runs import run
from click.testing import CliRunner

import experiments
from experiments.cli import main
from experiments.cli.program import _COMMANDS

QUESTIONS = ("check-data", "attribute", "readout", "thresholds", "dormancy", "power")
_EXAMPLE = re.compile(r"^ *(?:(?:cat (?P<piped>\S+) \| )?wakelift (?P<line>.+))$")


def examples() -> list[tuple[str, str | None]]:
    """The command lines in the helps, with the file that is piped into each."""
    found = []
    for name in _COMMANDS:
        command = main.get_command(click.Context(main), name)
        text = (command.help or "").replace("\\\n", " ")
        text = re.sub(r'eval "\$\((.+?)\)"', r"\1", text).replace(" > ~", "  # ~")
        for line in text.splitlines():
            match = _EXAMPLE.match(line)
            if match and match["line"].split()[0] == name:
                found.append((match["line"], match["piped"]))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder that holds every file that the examples name."""
    duckdb = pytest.importorskip("duckdb")
    place = tmp_path_factory.mktemp("examples")
    c = campaign = experiments.simulate(persons=600, seed=3)
    (place / "touches").mkdir()
    for name in ("touches", "conversions", "assignment", "prices"):
        table = getattr(campaign, name)
        table.to_parquet(place / f"{name}.parquet")
        table.to_csv(place / f"{name}.csv", index=False)
    campaign.touches.to_parquet(place / "touches" / "one.parquet")
    outcomes = experiments.build_outcomes(
        c.assignment, c.conversions, touches=c.touches, prices=c.prices, as_of=c.as_of
    )
    outcomes.to_pandas().to_csv(place / "outcomes.csv", index=False)
    rng = np.random.Generator(np.random.PCG64(5))
    times = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 720, 900), unit="D")
    orders = pd.DataFrame({
        "conversion_id": [f"o{n}" for n in range(900)],
        "person_id": [f"p{n}" for n in rng.integers(0, 150, 900)],
        "time": times.strftime("%Y-%m-%d %H:%M:%S"), "value": 5.0,
    })  # fmt: skip
    orders.to_csv(place / "orders.csv", index=False)
    campaign.conversions.rename(columns={"person_id": "客户号"}).to_csv(place / "订单.csv", index=False)
    with duckdb.connect(str(place / "bank.duckdb")) as connection:
        connection.execute(f"CREATE TABLE touches AS SELECT * FROM '{place / 'touches.parquet'}'")
        connection.execute(
            f"CREATE TABLE orders AS SELECT person_id, time::TIMESTAMPTZ AS time FROM '{place / 'orders.csv'}'"
        )
    (place / "plan.toml").write_text(
        '[campaign]\nname = "Q4"\nas_of = 2026-12-31\n'
        + "".join(f'[tables.{name}]\npath = "{name}.parquet"\n' for name in ("touches", "conversions", "assignment")),
        encoding="utf-8",
    )  # fmt: skip
    return place


def words(line: str) -> list[str]:
    return shlex.split(line, comments=True)


def test_every_command_has_an_example():
    assert {line.split()[0] for line, _ in examples()} == set(_COMMANDS)


def of_the_guide() -> list[str]:
    """The command lines in the blocks of the guide."""
    guide = Path(__file__).resolve().parents[2] / "docs" / "guides" / "command-line.md"
    lines = re.findall(r"^(?:\w+ \S+ \| )?wakelift (.+)$", guide.read_text(encoding="utf-8"), re.MULTILINE)
    return [line for line in lines if ">" not in line]


@pytest.mark.parametrize("line", [*(line for line, _ in examples()), *of_the_guide()])
def test_an_example_is_a_command_line(line):
    name, *arguments = words(line)
    command = main.get_command(click.Context(main), name)
    assert command.make_context(name, arguments).params is not None


@pytest.mark.parametrize(("line", "piped"), [item for item in examples() if item[0].split()[0] in QUESTIONS])
def test_an_example_of_a_question_answers(folder, tmp_path, monkeypatch, line, piped):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("WAKELIFT_TRACEBACK", "1")
    (folder / "credit.csv").unlink(missing_ok=True)
    content = None if piped is None else (folder / piped).read_bytes()
    result = CliRunner().invoke(main, words(line), input=content)
    assert result.exit_code == 0, (line, result.output)
    assert result.stdout.strip()


@pytest.fixture(scope="module")
def repository(folder, tmp_path_factory):
    """What the examples of init, lock and diff find: tables in data, two reports, frozen figures."""
    place = tmp_path_factory.mktemp("repository")
    shutil.copytree(folder, place, dirs_exist_ok=True)
    (place / "data").mkdir()
    for table in ("touches", "conversions", "assignment"):
        shutil.copy(folder / f"{table}.parquet", place / "data")
    report = experiments.postmortem(place / "plan.toml")
    for name in ("last", "report"):
        (place / name).mkdir()
        report.to_json(place / name / "report.json")
    experiments.freeze_figures(report, place / "figures.json")
    return place


@pytest.mark.parametrize(
    "line", [line for line, _ in examples() if line.split()[0] in ("init", "lock", "diff", "completion")]
)
def test_an_example_that_writes_files_runs(repository, tmp_path, monkeypatch, line):
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAKELIFT_TRACEBACK", "1")
    made = {"init": "plan.toml", "diff": "figures.json"}.get(line.split()[0])
    if made and ("--freeze" in line or line.startswith("init")):
        Path(made).unlink()
    expanded = [
        file for word in words(line) for file in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
    ]
    result = CliRunner().invoke(main, expanded)
    assert result.exit_code == 0, (line, result.output)
    assert result.stdout.strip()


@pytest.mark.parametrize("name", _COMMANDS)
def test_a_help_tells_the_exit_codes_and_shows_its_examples_line_by_line(name):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert "Exit codes:" in result.stdout
    shown = [line.strip() for line in result.stdout.splitlines()]
    command = main.get_command(click.Context(main), name)
    lines = [line.strip() for line in (command.help or "").splitlines()]
    for line in lines:
        if line.startswith(("wakelift ", "cat ", "eval ")):
            assert line in shown
