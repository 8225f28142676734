"""`wakelift diff`: what changed between two reports; frozen figures for the next one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.cli.options import allow_quiet
from experiments.cli.streams import echo
from experiments.cli.words import LANGUAGE, say

if TYPE_CHECKING:
    from experiments.report.difference_result import ReportDifference

__all__ = ["command"]

_SAME, _DIFFERS = 0, 1


@click.command("diff")
@click.argument("reports", nargs=-1, type=click.Path(), metavar="OLD NEW")
@click.option(
    "--freeze",
    "frozen",
    default=None,
    type=click.Path(),
    metavar="FILE",
    help="Write the figures and verdict words of the one report named to FILE, to be the OLD of later comparisons.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help='With --freeze: figures to keep, * for any text, for example "effect.*"; repeat for several. All when absent.',
)
@click.option(
    "--rtol",
    default=1e-9,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Numbers that differ by at most this share of the larger one are the same.",
)
@click.option("--printed", is_flag=True, help="Let only what shows in the first four significant digits decide.")
@click.option(
    "--format",
    "form",
    default="text",
    show_default=True,
    type=click.Choice(["text", "md", "json"]),
    help="How the differences are written.",
)
@click.option(
    "--out", default=None, type=click.Path(), metavar="FILE", help="Write to FILE instead of to the terminal."
)
@click.option("--force", is_flag=True, help="Replace the file of --out or --freeze if it is there already.")
@click.option("--lang", default="en", show_default=True, type=LANGUAGE, help="Language of this output.")
@allow_quiet
@click.pass_context
def command(ctx: click.Context, /, *, reports: tuple[str, ...], frozen: str | None, **options: Any) -> None:
    """Say what changed from the report OLD to the report NEW, by how much, and whether it is more than rounding.

    OLD and NEW are each a report.json, the folder that holds it, or a file that --freeze wrote. Versions of libraries
    and fingerprints of the data are listed and never decide.

    \b
    Examples:
      wakelift diff last/report.json report
      wakelift diff --freeze figures.json report    # once a report is signed off; commit figures.json
      wakelift diff figures.json report             # from then on

    Exit codes: 0 the same, or frozen; 1 figures, verdict words, gates, findings or plan differ (with --printed: only
    what shows); 2 a file or the options are unusable.
    """
    _must_be_free(options["out"] if frozen is None else frozen, force=options["force"])
    if frozen is not None:
        _freeze(ctx, reports, frozen, options)
        return
    if len(reports) != 2:
        ctx.fail(f"Name two reports, OLD and NEW; got {len(reports)}. One report is enough with --freeze FILE only.")
    if options["only"]:
        ctx.fail("--only chooses what --freeze keeps; a comparison has no use for it.")
    from attribution.core.language import language
    from experiments.report.difference import diff_reports

    found = diff_reports(reports[0], reports[1], rtol=options["rtol"])
    with language(options["lang"]):
        text = _written(found, options["form"])
    if options["out"] is None:
        echo(text, newline=not text.endswith("\n"))
    else:
        _keep(options["out"], text)
        say("WROTE_DIFFERENCE", lang=options["lang"], path=Path(options["out"]).as_posix())
    same = found.same_as_printed if options["printed"] else found.same
    ctx.exit(_SAME if same else _DIFFERS)


def _written(found: ReportDifference, form: str) -> str:
    return {"text": found.__repr__, "md": found.to_markdown, "json": found.to_json}[form]()


def _freeze(ctx: click.Context, reports: tuple[str, ...], frozen: str, options: dict[str, Any]) -> None:
    from experiments.report.frozen import freeze_figures

    if len(reports) != 1:
        ctx.fail(
            f"--freeze wants one report, got {len(reports)}. For example: wakelift diff --freeze figures.json report"
        )
    if options["out"] is not None:
        ctx.fail("--freeze writes to its own FILE; leave --out away.")
    n = freeze_figures(reports[0], frozen, only=options["only"] or None)
    say("FROZE", lang=options["lang"], n=n, path=Path(frozen).as_posix())


def _must_be_free(out: str | None, *, force: bool) -> None:
    """Refuse to replace a plan, a report, or the figures that were signed off.

    Raises:
        InputError: When the file is there.
    """
    from attribution.core.errors import InputError
    from experiments.plan.spelling import shown_path

    if out is None or force:
        return
    try:
        there = Path(out).exists()
    except (OSError, ValueError):
        return  # it cannot be written either, which is told then
    if there:
        raise InputError(f"{shown_path(out)} is there already. Name another file, or replace it with --force.")


def _keep(out: str, text: str) -> None:
    from attribution.core.errors import InputError
    from experiments.plan.spelling import shown_path

    try:
        Path(out).write_bytes((text if text.endswith("\n") else f"{text}\n").encode("utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"--out {shown_path(out)} cannot be written: {reason}. Name another file.") from error
