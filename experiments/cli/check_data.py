"""`wakelift check-data`: are the tables fit for an analysis? Every problem with its count; the exit code tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from experiments.cli.options import allow_table_options, describe_experiment
from experiments.cli.words import progress, say

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["command"]

_F = TypeVar("_F", bound="Callable[..., Any]")
_FIT, _FAILING, _UNUSABLE = 0, 1, 2


def _file(name: str, said: str) -> Callable[[_F], _F]:
    return click.option(f"--{name}", name.replace("-", "_"), default=None, metavar="FILE", help=said)


@click.command("check-data")
@click.argument("plan", required=False, type=click.Path(), default=None)
@_file("touches", "Touches: person_id, time, channel.")
@_file("conversions", "Conversions: conversion_id, person_id, time, value.")
@_file("assignment", "Assignment: person_id, arm, assigned_at; optional p_assign, stratum.")
@_file("outcomes", "Outcomes instead of an assignment: one row per person assigned, with arm and woken.")
@_file("prices", "Price list: is there a price for every touch?")
@_file("history", "What was known of each person before the assignment.")
@_file("customers", "Customers: one row per person at risk.")
@_file("links", "Links between customer numbers: do they know every number of the logs?")
@_file("key-events", "Key events, for rules that need one.")
@click.option("--woken", default="woken", show_default=True, metavar="COLUMN", help="Column of the event in OUTCOMES.")
@click.option(
    "--window", default="28d", show_default=True, help='How long after its assignment a person counts: "28d".'
)
@click.option(
    "--as-of",
    "as_of",
    default=None,
    metavar="DATE",
    help="Until when the tables are complete; needs --assignment.",
)
@click.option("--lag", default="0d", show_default=True, help='How long bookings may arrive late: "3d".')
@describe_experiment
@allow_table_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """List everything that is wrong, suspicious or worth knowing in your tables, with counts.

    Name the tables, or a PLAN that names them. What is read: each table by itself (missing columns, empty or repeated
    ids, times without a zone ...), the tables together (unknown persons, touches without a price ...), and, with an
    assignment or outcomes, what the experiment needs (sample ratio, touched control persons, persons in two arms ...).
    No effect is shown, so it can be run while a campaign is going on.

    \b
    Examples:
      wakelift check-data plan.toml
      wakelift check-data --touches touches.csv --conversions conversions.csv --timezone Asia/Shanghai
      wakelift check-data --assignment assignment.parquet --conversions conversions.parquet \\
        --touches touches.parquet --prices prices.parquet --as-of 2026-12-31 --shares p_assign

    Exit codes: 0 the tables are fit (warnings may be left); 1 they can be read, but a check of the experiment fails;
    2 they are unusable until the errors are mended.
    """
    from experiments.cli.answers import Answer, must_be_free
    from experiments.cli.fitness import fitness

    must_be_free(options["out"], force=options["force"])
    (found,) = progress([("CHECKING_DATA", lambda: fitness(options))], lang=options["lang"])
    Answer(results={"problems": found}).tell(options)
    code = _UNUSABLE if found.errors else _FAILING if found.failing else _FIT
    word = {_UNUSABLE: "DATA_UNUSABLE", _FAILING: "DATA_FAILING", _FIT: "DATA_FIT"}[code]
    if options["file_format"] == "text":
        say(word, lang=options["lang"], errors=found.errors, failing=found.failing)
    ctx.exit(code)
