"""What leaves the program: UTF-8 whatever the console's code page is, and silence when nobody reads any more."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

__all__ = ["echo", "input_bytes", "is_quiet", "speak_utf8"]

QUIET = "experiments.cli.quiet"


def speak_utf8() -> None:
    """Let standard output and standard error take any character.

    A Windows console has a code page, a pipe on a server often ASCII: Chinese text would end the program there.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def echo(text: str, *, err: bool = False, newline: bool = True) -> None:
    """Print text. When the reader of a pipe has gone (`| head`), the rest is dropped and the work goes on.

    The files are still written then, and the exit code still tells the answer.
    """
    try:
        click.echo(text, err=err, nl=newline)
    except BrokenPipeError:
        _drop(sys.stderr if err else sys.stdout)


def _drop(stream: Any) -> None:
    """Let everything that is printed from here on go nowhere, so that no later flush fails."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def is_quiet() -> bool:
    """Whether `--quiet` was given to the command that runs."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(QUIET))


def input_bytes() -> bytes:
    """Everything that comes through the pipe."""
    return sys.stdin.buffer.read()
