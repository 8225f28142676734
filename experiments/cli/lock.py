"""`wakelift lock`: freeze a plan before the result is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from experiments.cli.options import allow_quiet
from experiments.cli.words import LANGUAGE, say

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["command"]


@click.command("lock")
@click.argument("plan", type=click.Path())
@click.option(
    "--date",
    "locked_at",
    default=None,
    metavar="YYYY-MM-DD",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The date to write into the lock; today when absent.",
)
@click.option("--renew", is_flag=True, help="Replace a lock although the plan has changed since; the old lock is gone.")
@click.option("--lang", default=None, type=LANGUAGE, help="Language of this output; the plan's when absent.")
@allow_quiet
def command(*, plan: str, locked_at: datetime | None, renew: bool, lang: str | None) -> None:
    """Freeze PLAN: write its canonical copy and fingerprint beside it, as <name>.lock.toml.

    From then on `wakelift check` fails and names each key that was changed. Lock a plan before the outcomes are known:
    a threshold chosen afterwards can make any campaign look good. Commit the lock file with the plan.

    \b
    Examples:
      wakelift lock plan.toml
      wakelift lock plan.toml --renew     # the plan was changed on purpose

    Exit codes: 0 locked, or locked already and unchanged; 2 the plan is unusable, or was changed since its lock.
    """
    from datetime import date

    from experiments.plan import Plan, lock_plan, read_lock

    spoken = lang or Plan.read(plan).report.language
    known = None if renew else read_lock(plan)
    on = date.today() if locked_at is None else locked_at.date()  # noqa: DTZ011 -- the user's own calendar day
    lock = lock_plan(plan, locked_on=on, renew=renew)
    say(
        "WROTE_LOCK" if known is None else "ALREADY_LOCKED", lang=spoken, date=lock.locked_on, path=lock.path.as_posix()
    )
    say("LOCK_SHA", lang=spoken, sha=lock.sha256)
    say("NEXT_CHECK", lang=spoken, plan=plan)
