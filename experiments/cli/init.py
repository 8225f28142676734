"""`wakelift init`: a commented plan out of the user's tables, and every key explained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.cli.options import allow_quiet
from experiments.cli.streams import echo
from experiments.cli.words import LANGUAGE, say

if TYPE_CHECKING:
    from experiments.plan.guessing import Guess

__all__ = ["command"]


@click.command("init")
@click.argument("files", nargs=-1, type=click.Path())
@click.option("--out", default="plan.toml", show_default=True, type=click.Path(), help="The plan file to write.")
@click.option("--name", default="Wake-up campaign", show_default=True, help="Name of the campaign.")
@click.option(
    "--encoding",
    default=None,
    help='Encoding of CSV files; absent: UTF-8, or else "gb18030", which Excel in China often writes.',
)
@click.option("--force", is_flag=True, help="Replace the plan file if it is there already.")
@click.option(
    "--explain", is_flag=True, help="Print every key of a plan with its type, default and meaning, and write nothing."
)
@click.option(
    "--lang", default="en", show_default=True, type=LANGUAGE, help="Language of this output and of the plan's report."
)
@allow_quiet
def command(  # noqa: PLR0913 -- one per option
    *, files: tuple[str, ...], out: str, name: str, encoding: str | None, force: bool, explain: bool, lang: str
) -> None:
    """Write a commented plan from your tables.

    FILES are your tables (.parquet, .csv, .xlsx). What each one is and which column plays which role is guessed from
    the names of files and columns, and every guess is marked in the plan. Without FILES a plan for data/*.parquet is
    written. Randomisation is never guessed: the plan says false until you attest it.

    \b
    Examples:
      wakelift init touches.csv conversions.csv assignment.csv prices.csv --out plan.toml
      wakelift init data/*.parquet --name "Q4 wake-up" --lang zh
      wakelift init --explain

    Exit codes: 0 the plan is written; 2 a table is unusable, or the plan file is there already.
    """
    if explain:
        from experiments.plan.explain import explain_text

        echo(explain_text(lang=lang), newline=False)
        return
    place = Path(out)
    _must_be_free(place, force=force)
    guesses = [_guess(file, place, encoding) for file in files]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(_text(guesses, name=name, lang=lang, file=place.name), encoding="utf-8", newline="\n")
    for guess in guesses:
        say("GUESSED", lang=lang, path=guess.path, table=guess.name)
    say("WROTE_PLAN", lang=lang, path=place.as_posix())
    say("NEXT_INIT", lang=lang, plan=place.as_posix())


def _must_be_free(place: Path, *, force: bool) -> None:
    """Refuse to replace a file that the user may have edited.

    Raises:
        InputError: When the file is there.
    """
    from attribution.core.errors import InputError
    from experiments.plan.spelling import shown_path

    if place.is_dir():
        raise InputError(f"--out {shown_path(place.as_posix())} is a folder. Name a file, for example plan.toml.")
    if place.exists() and not force:
        raise InputError(
            f"{shown_path(place.as_posix())} is there already. Name another --out, or replace it with --force."
        )


def _guess(file: str, place: Path, encoding: str | None) -> Guess:
    """The guess for one file, with its path relative to the plan where that is possible."""
    import os
    from dataclasses import replace

    from experiments.plan.guessing import guess_table

    guess = guess_table(Path(file), encoding=encoding)
    try:
        relative = os.path.relpath(file, place.parent)
    except ValueError:  # another drive on Windows
        relative = str(Path(file).resolve())
    return replace(guess, path=Path(relative).as_posix())


def _text(guesses: list[Guess], *, name: str, lang: str, file: str) -> str:
    from experiments.plan import Plan
    from experiments.plan.guessed_plan import guess_plan
    from experiments.plan.writing import plan_text

    guessed = guess_plan(guesses, campaign=name, lang=lang)
    if not guesses:
        guessed.keys["tables"] = {
            table: {"path": f"data/{table}.parquet"} for table in ("touches", "conversions", "assignment", "prices")
        }
    Plan.from_dict(guessed.keys)
    header = f"{guessed.said('header')}\n{guessed.said('header_guessed', name=file)}"
    return plan_text(guessed.keys, header=header, comments=guessed.comments, lines=guessed.lines)
