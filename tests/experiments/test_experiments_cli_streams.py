"""What leaves the program: interruptions, broken pipes, progress, faults, completion, text that is only text."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys

import pytest
from cli_runs import refused, run
from click.testing import CliRunner

from attribution.core.errors import InputError
from experiments.cli import main, planning
from experiments.cli.words import progress

POWER = ["power", "--rate", "0.01", "--lift", "0.2"]


def raising(error: BaseException):
    def planned(options: object) -> None:
        raise error

    return planned


def test_an_interruption_ends_with_130(monkeypatch):
    monkeypatch.setattr(planning, "planned", raising(KeyboardInterrupt()))
    result = CliRunner().invoke(main, POWER)
    assert result.exit_code == 130
    assert result.stdout == ""
    assert result.stderr == "Interrupted.\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TypeError("left over"), "a fault of its own (TypeError: left over)"),
        (MemoryError(), "do not fit into memory"),
        (PermissionError(13, "Permission denied", "x.csv"), '"x.csv": Permission denied. Ask for the right to it'),
        (OSError(28, "No space left on device"), "No space left on device. Free some space"),
        (IsADirectoryError(21, "Is a directory", "r/report.html"), "A folder stands where a file is needed"),
        (InputError("a\x1b[31mred \u202eabc"), "a[31mred abc"),
        (InputError("name " + "x" * 10_000), "(10,005 characters)"),
    ],
)
def test_an_error_is_one_message_of_plain_text(monkeypatch, error, said):
    monkeypatch.delenv("WAKELIFT_TRACEBACK", raising=False)
    monkeypatch.setattr(planning, "planned", raising(error))
    assert said in refused(*POWER)


def test_a_fault_can_be_seen_whole(monkeypatch):
    monkeypatch.setenv("WAKELIFT_TRACEBACK", "1")
    monkeypatch.setattr(planning, "planned", raising(TypeError("left over")))
    with pytest.raises(TypeError, match="left over"):
        run(*POWER)


def program(repo, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "experiments", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(repo), **environment},
    )  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="pipes break otherwise on Windows")
def test_a_broken_pipe_is_silent_and_the_file_is_written(repo, tmp_path):
    process = program(repo, *POWER, "--out", str(tmp_path / "answer.csv"))
    process.stdout.close()  # the reader is gone before anything is written
    error = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 0
    assert error == b""
    assert (tmp_path / "answer.csv").is_file()


@pytest.mark.skipif(os.name == "nt", reason="pipes break otherwise on Windows")
def test_a_broken_pipe_takes_nothing_from_a_comparison(repo, tmp_path):
    for name, value in (("old", 1.0), ("new", 2.0)):
        held = {"frozen_version": "1.0", "figures": {f"f{n}": value for n in range(3)}, "verdicts": {}}
        (tmp_path / f"{name}.json").write_text(json.dumps(held), encoding="utf-8")
    for arguments, code in (
        (("diff", str(tmp_path / "old.json"), str(tmp_path / "new.json")), 1),
        (("init", "--explain"), 0),
    ):
        process = program(repo, *arguments)
        process.stdout.close()
        error = process.stderr.read()
        process.stderr.close()
        assert (process.wait(), error) == (code, b"")


def test_what_is_asked_wrongly_is_told_as_plain_text():
    told = refused("power", "--\x1b[2Jevil" + "x" * 10_000)
    assert "\x1b" not in told


@pytest.mark.parametrize("encoding", ["ascii", "cp936", "cp1252"])
def test_every_console_gets_utf8(repo, encoding):
    process = program(repo, *POWER, "--lang", "zh", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    out, error = process.communicate()
    assert process.returncode == 0
    assert "合计" in out.decode("utf-8")
    assert error == b""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "shown"), [(Terminal(), True), (io.StringIO(), False)])
def test_progress_is_shown_on_a_terminal_only(monkeypatch, stream, shown):
    monkeypatch.setattr(sys, "stderr", stream)
    assert progress([("ANALYSING", lambda: 1), ("ANALYSING", lambda: 2)], lang="en") == [1, 2]
    assert ("Analysing" in stream.getvalue()) is shown


def test_quiet_silences_progress(monkeypatch):
    from experiments.cli import words

    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(words, "is_quiet", lambda: True)
    assert progress([("ANALYSING", lambda: 1)], lang="en") == [1]
    assert stream.getvalue() == ""


# --- completion --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shell", "begins"), [("bash", "_wakelift_completion()"), ("zsh", "#compdef"), ("fish", "func")]
)
def test_the_script_of_a_shell_is_printed(shell, begins):
    result = run("completion", shell)
    assert result.exit_code == 0
    assert result.stdout.startswith(begins)
    assert "_WAKELIFT_COMPLETE" in result.stdout
    checker = shutil.which(shell)
    if checker:
        done = subprocess.run([checker, "-n"], input=result.stdout.encode(), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_another_shell_is_refused():
    result = run("completion", "cmd")
    assert result.exit_code == 2
    assert "bash" in result.stderr


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("wakelift che", {"check", "check-data"}),
        ("wakelift power --allo", {"--allocation"}),
        ("wakelift power --side ", {"two"}),
    ],
)
def test_completion_offers_commands_options_and_choices(monkeypatch, words, offered):
    environment = {
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
        "_WAKELIFT_COMPLETE": "bash_complete",
    }
    result = CliRunner(env=environment).invoke(main, [], prog_name="wakelift")
    found = {line.partition(",")[2] for line in result.stdout.splitlines()}
    assert found >= offered
