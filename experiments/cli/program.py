"""The program itself: its commands, loaded when they are called, and how errors are told."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from typing import Any

import click

from attribution._version import __version__
from attribution.core import messages
from attribution.core.errors import WakeLiftError, WakeLiftWarning, closest
from experiments.plan.spelling import shown

__all__ = ["main"]

messages.register("experiments")

_COMMANDS = {
    "demo": "Simulate a campaign and write its plan, its data and its report.",
    "init": "Write a commented plan from your tables.",
    "simulate": "Write the tables of a simulated campaign whose truth is known.",
    "attribute": "Share the credit of conversions over touches.",
    "report": "Write the post-mortem of a plan.",
    "check": "Check a plan's gates; the exit code tells the answer.",
    "lock": "Freeze a plan before the result is known.",
}
_UNUSABLE = 2


class _Program(click.Group):
    """Loads a command when it is called; tells errors in one message, without a traceback, with exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"experiments.cli.{cmd_name}").command
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
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", WakeLiftWarning)
                warnings.showwarning = _tell_warning
                return super().invoke(ctx)
        except WakeLiftError as error:
            click.echo(f"Error: {error}", err=True)
        except BrokenPipeError:
            raise
        except OSError as error:
            click.echo(f"Error: {_place_and_reason(error)}", err=True)
        return ctx.exit(_UNUSABLE)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program with UTF-8 output, whatever the console's code page is."""
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(encoding="utf-8", errors="backslashreplace")
        return super().main(*args, **kwargs)


def _tell_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, WakeLiftWarning):
        click.echo(f"Warning: {message}", err=True)


def _place_and_reason(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}." if error.filename else f"{reason}."


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="wakelift")
def main() -> None:
    """Who gets the credit, what did the campaign cause, and did it pay.

    \b
    Begin with:  wakelift demo --out demo
    Your data:   wakelift init touches.parquet conversions.parquet assignment.parquet --out plan.toml
                 wakelift report plan.toml --out report

    Exit codes: 0 done; 1 a gate fails (check only); 2 the input or the plan is unusable; 3 a declared decision is
    undecided (check only).
    """
