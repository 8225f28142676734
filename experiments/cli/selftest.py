"""`wakelift selftest`: published examples and the library's own claims, computed anew on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.options import allow_quiet
from experiments.cli.streams import echo, is_quiet
from experiments.cli.words import LANGUAGE

__all__ = ["command"]

_AGREES, _DIFFERS = 0, 1


@click.command("selftest")
@click.option("--all", "every", is_flag=True, help="Print a row for every number, not one for every example.")
@click.option(
    "--json",
    "target",
    default=None,
    type=click.Path(),
    metavar="FILE",
    help="Write every number with its source, and the versions of this machine, to FILE.",
)
@click.option("--force", is_flag=True, help="Replace the file of --json if it is there already.")
@click.option(
    "--lang", "--language", "lang", default="en", show_default=True, type=LANGUAGE, help="Language of this output."
)
@allow_quiet
@click.pass_context
def command(ctx: click.Context, /, *, every: bool, target: str | None, force: bool, lang: str) -> None:
    """Compute published examples anew on this machine, and say which numbers agree.

    Numbers of papers, textbooks, manuals and other tools' documentation, from data that come with the library; the
    figures of the simulated default campaign as released; that credit sums, that the installed engines agree, that the
    same seed gives the same bytes, that both languages are whole. 10 to 20 seconds, no network. The last line says how
    many numbers were reproduced.

    \b
    Examples:
      wakelift selftest
      wakelift selftest --all --lang zh
      wakelift selftest --json selftest.json

    Exit codes: 0 every number agrees; 1 a number differs; 2 the options are unusable.
    """
    from attribution.core import messages
    from attribution.core.language import language
    from experiments.self_test import selftest

    place = None if target is None else _free(target, force=force)
    found = selftest()
    if place is not None:
        _write(place, found.to_json())
    with language(lang):
        if not is_quiet():
            if place is not None:
                echo(messages.text("SELFTEST.written", {"path": place.as_posix()}))
            echo(found.every_number() if every else repr(found))
        elif not found.passed:
            echo(repr(found))
        else:
            echo(messages.text("SELFTEST.count", {"reproduced": found.reproduced, "total": found.total}))
        if not found.passed:
            n = len(found.differing)
            echo(messages.text("SELFTEST.not_reproduced", {"n": n, "total": found.total}), err=True)
    ctx.exit(_AGREES if found.passed else _DIFFERS)


def _free(target: str, *, force: bool) -> Path:
    """The file of --json, refused when it is there already.

    Raises:
        InputError: Then.
    """
    from attribution.core.errors import InputError
    from experiments.plan.spelling import shown_path

    place = Path(target)
    try:
        there = place.exists()
    except (OSError, ValueError):
        there = False  # it cannot be written either, which is told then
    if there and not force:
        raise InputError(f"{shown_path(target)} is there already. Name another file, or replace it with --force.")
    return place


def _write(place: Path, text: str) -> None:
    from attribution.core.errors import InputError
    from experiments.plan.spelling import shown_path

    try:
        place.write_bytes(text.encode("utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"--json {shown_path(place.as_posix())} cannot be written: {reason}. Name another file."
        ) from error
