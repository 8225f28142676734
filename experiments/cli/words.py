"""What the commands say and how they show it: sentences from the catalogues, progress on a terminal only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from attribution.core import messages
from experiments.cli.streams import echo, is_quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["LANGUAGE", "OUT_FOLDER", "made_folder", "progress", "say"]

LANGUAGE = click.Choice(["en", "zh"])
OUT_FOLDER = click.Path(file_okay=True, dir_okay=True)  # a file in the way is told in our words


def say(code: str, *, lang: str, **values: object) -> None:
    """Print the sentence of a code, unless `--quiet` was given."""
    if not is_quiet():
        echo(messages.text(f"CLI.{code}", values, lang=lang))


def made_folder(path: str) -> Path:
    """The folder to write to, made when it is absent.

    Raises:
        InputError: When a file of that name is in the way.
    """
    from pathlib import Path

    from attribution.core.errors import InputError
    from experiments.plan.spelling import shown_path

    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise InputError(f"--out must name a folder, and {shown_path(path)} is a file. Name another folder.") from error
    except NotADirectoryError as error:
        raise InputError(
            f"--out {shown_path(path)} cannot be made: a file stands where a folder is needed. Name another folder."
        ) from error
    except ValueError as error:
        raise InputError(f"--out {shown_path(path)} cannot be made: {error}. Name another folder.") from error
    return folder


def progress(steps: Iterable[tuple[str, Callable[[], Any]]], *, lang: str) -> list[Any]:
    """Run named steps in turn, with a progress bar on standard error when that is a terminal, unless `--quiet`."""
    from tqdm import tqdm

    listed = list(steps)
    results: list[Any] = []
    disable = True if is_quiet() else None  # None: silent unless standard error is a terminal
    form = "{desc} {bar} {n_fmt}/{total_fmt}"
    with tqdm(total=len(listed), disable=disable, leave=False, bar_format=form) as bar:
        for code, step in listed:
            bar.set_description_str(messages.text(f"CLI.{code}", lang=lang))
            results.append(step())
            bar.update()
    return results
