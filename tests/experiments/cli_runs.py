"""Runs of the command line, as the tests of the commands need them."""

from __future__ import annotations

from click.testing import CliRunner, Result

from experiments.cli import main

PERSONS = ["--persons", "300", "--seed", "3"]
PLAN = '[campaign]\nname = "Q4"\nas_of = 2026-12-31\n[costs]\nthresholds = [60, 85]\n'


def run(*arguments: object) -> Result:
    """Run the program; any traceback is a failure of the test."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def refused(*arguments: object) -> str:
    """The message of a run that must end with exit code 2 and one error."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert sum(line.startswith("Error: ") for line in result.stderr.splitlines()) == 1
    assert "Traceback" not in result.stderr
    assert len(result.stderr) < 2_000
    return result.stderr
