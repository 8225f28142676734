"""The program itself: its commands, loaded when they are called, and how errors are told."""

from __future__ import annotations

import errno
import os
import warnings
from importlib import import_module
from typing import Any

import click

from attribution._version import __version__
from attribution.core import messages
from attribution.core.errors import WakeLiftError, WakeLiftWarning, closest
from attribution.core.formats import format_value
from experiments.cli.streams import echo, speak_utf8
from experiments.plan.spelling import in_words_of_plans, shown

__all__ = ["main"]

messages.register("experiments")

_COMMANDS = {
    "demo": "Simulate a campaign and write its plan, its data and its report.",
    "init": "Write a commented plan from your tables.",
    "check-data": "List what is wrong with your tables; the exit code tells whether they are fit.",
    "simulate": "Write the tables of a simulated campaign whose truth is known.",
    "attribute": "Share the credit of conversions over touches.",
    "readout": "Print what the campaign caused, by arm.",
    "thresholds": "Print whether it pays, if one woken customer may cost so much.",
    "dormancy": "Print how many come back by themselves, by days of silence.",
    "power": "Print how many persons a test needs, or what it can see.",
    "report": "Write the post-mortem of a plan.",
    "programme": "Add up the campaigns of several plans.",
    "check": "Check a plan's gates; the exit code tells the answer.",
    "diff": "Say what changed between two reports, beyond rounding or not.",
    "lock": "Freeze a plan before the result is known.",
    "selftest": "Compute published examples anew on this machine.",
    "completion": "Print the script that completes commands in your shell.",
}
_UNUSABLE = 2
_INTERRUPTED = 130  # 128 and the signal's number, as shells say it
_LONGEST = 1_000  # characters of a line of a message
_PLANNED = (WakeLiftError, OSError, MemoryError)
_TRACEBACK = "WAKELIFT_TRACEBACK"
_HINTS = {
    errno.ENOSPC: "Free some space, or write to another disk.",
    errno.EACCES: "Ask for the right to it, or name another path.",
    errno.EPERM: "Ask for the right to it, or name another path.",
    errno.EROFS: "Name a path that can be written to.",
    errno.EISDIR: "A folder stands where a file is needed: move it away, or name another path.",
    errno.ENAMETOOLONG: "Name a shorter path.",
}


class _Program(click.Group):
    """Loads a command when it is called; tells errors in one message, without a traceback, with exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"experiments.cli.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Answer an unknown command with the closest one."""
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            ctx.fail(f"There is no command {shown(args[0])}. {closest(args[0][:100], _COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what goes wrong is one message, and the exit code tells what kind of thing it was."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", WakeLiftWarning)
                warnings.showwarning = _tell_warning
                return super().invoke(ctx)
        except KeyboardInterrupt:
            echo("Interrupted.", err=True)
            return ctx.exit(_INTERRUPTED)
        except click.UsageError as error:
            raise click.UsageError(_shown(error.format_message()), ctx=error.ctx) from error
        except (click.exceptions.Exit, click.exceptions.Abort, click.ClickException):
            raise
        except Exception as error:
            if os.environ.get(_TRACEBACK) and not (isinstance(error, _PLANNED) or _of_duckdb(error)):
                raise
            echo(f"Error: {told(error)}", err=True)
            return ctx.exit(_UNUSABLE)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program with UTF-8 output, whatever the console's code page is."""
        speak_utf8()
        return super().main(*args, **kwargs)


def _tell_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, WakeLiftWarning):
        echo(f"Warning: {_shown(str(message))}", err=True)


def _shown(message: str) -> str:
    """A message as text that is only text: no signs that move a terminal's cursor, no names of 10,000 characters."""
    lines = [format_value(line, "text") for line in message.splitlines()]
    return "\n".join(
        line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ... ({len(line):,} characters)" for line in lines
    )


def _of_duckdb(error: Exception) -> bool:
    """Whether a query failed while its rows were read: a wrong cast, a damaged database."""
    return type(error).__module__.partition(".")[0] in ("duckdb", "_duckdb")


def told(error: Exception) -> str:
    """What is printed of an error: text that is only text."""
    return _shown(_told(error))


def _told(error: Exception) -> str:
    """What went wrong, on the user's side if it can be told, else as a fault of ours."""
    if isinstance(error, WakeLiftError):
        return in_words_of_plans(str(error), options=True)
    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(error, MemoryError):
        return "the tables do not fit into memory. Use Parquet files, which attribute reads in batches, or fewer rows."
    kind, said = type(error).__name__, " ".join(str(error).split())[:300]
    if _of_duckdb(error):
        return f"DuckDB cannot run the query: {said}"
    return (
        f"wakelift stopped on a fault of its own ({kind}: {said}). The input may have led to it, but should "
        f"have been refused in plain words: please report it, with what {_TRACEBACK}=1 in the environment prints."
    )


def _of_system(error: OSError) -> str:
    """What the system refused, and what can be done about it."""
    from experiments.plan.spelling import shown_path

    reason = error.strerror or str(error)
    hint = _HINTS.get(error.errno or 0, "Check the path, or name another one.")
    return f"{shown_path(error.filename)}: {reason}. {hint}" if error.filename else f"{reason}. {hint}"


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="wakelift")
def main() -> None:
    """Who gets the credit, what did the campaign cause, and did it pay.

    \b
    Begin with:  wakelift demo --out demo
    Your data:   wakelift init touches.parquet conversions.parquet assignment.parquet --out plan.toml
                 wakelift report plan.toml --out report

    \b
    One question: wakelift check-data --touches touches.csv --conversions conversions.csv
                  wakelift power --rate 0.01 --lift 0.2 --allocation 9

    \b
    Exit codes:   0 done; 1 a gate fails (check), a check of the data fails (check-data), numbers differ (diff,
                  selftest); 2 the input, the plan or the command line is unusable; 3 a declared decision is
                  undecided (check); 130 interrupted from the keyboard.
    """
