"""The public entrance of the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.checks.mending import Joined, joined
from attribution.checks.reading import Given, Reading, held, read_tables
from attribution.checks.result import Checks
from attribution.core.columns import columns_for
from attribution.core.errors import InputError
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe
from attribution.journeys.aliases import alias_groups, channel_aliases
from attribution.journeys.build import check_rules
from attribution.journeys.strangers import strangers
from attribution.journeys.suspicions import table_suspicions
from attribution.rules import Rules

if TYPE_CHECKING:
    from attribution.core.columns import ColumnsLike

__all__ = ["check_tables"]

_NAMES = ("touches", "conversions", "customers", "prices", "links", "key_events")


def check_tables(  # noqa: PLR0913 -- options are keyword-only
    touches: object = None,
    conversions: object = None,
    *,
    customers: object = None,
    prices: object = None,
    links: object = None,
    columns: ColumnsLike = None,
    rules: Rules | None = None,
    key_events: object = None,
) -> Checks:
    """Check the tables of a campaign all at once, and never raise for what they hold.

    Lists what would make a call raise (the issues of `build_journeys`, `price_touches` and `resolve_identity`) and what
    is suspicious or worth knowing (the findings of the journeys). Where errors prevent the join, the checks that need
    it run on the tables without the rows that are errors, and a note says how many were left out; where even that is
    not possible, the checks that need one table alone still run.

    Args:
        touches: Touches, as for `build_journeys`.
        conversions: Conversions, as for `build_journeys`.
        customers: Customers: one row per person, or per customer number when it has that column.
        prices: Price list: is there a price for every touch?
        links: Links between customer numbers: do they know every customer number of the logs?
        columns: The user's names of the columns.
        rules: The rules that will be used; they decide which columns are needed.
        key_events: Key events, as for `build_journeys`.

    Returns:
        One row per problem: severity ("error", "warn", "note"), code, table, column, count, examples, meaning,
        what_to_do, detail. ``.ok`` is whether nothing is an error, ``.assert_ok()`` raises all errors at once,
        ``.issues`` and ``.findings`` are the parts.

    Raises:
        InputError: When no table is given, or rules or columns are not what they should be. Nothing else.

    References:
        The docs page "Check the tables". Verified on the simulator's scenario "dirty", where what was planted is known,
        and on randomly broken tables.

    Example:
        >>> import attribution as at, pandas as pd
        >>> touches = pd.DataFrame({"person_id": ["p1"], "time": ["yesterday"], "channel": ["sms"]})
        >>> checks = at.check_tables(touches)
        >>> checks.ok, checks.table()[["severity", "code", "column"]].values.tolist()
        (False, [['error', 'BAD_TIME', 'time']])
    """
    rules = check_rules(Rules() if rules is None else rules)
    everything = dict(zip(_NAMES, (touches, conversions, customers, prices, links, key_events), strict=True))
    tables = {name: held(table) for name, table in everything.items() if table is not None}
    if not tables:
        raise InputError("check_tables needs at least one table, for example check_tables(touches, conversions).")
    given = Given(tables, {name: columns_for(columns, name) for name in _NAMES}, rules)
    reading = read_tables(given)
    plan = reading.tried("touches", lambda: joined(given, _codes(reading))) if _both(given, reading) else None
    reading.note([] if plan is None else plan.issues)
    findings = [*_main_findings(reading, plan), *_price_names(reading), *reading.findings]
    if "touches" in tables and "conversions" in tables:
        findings += _without(reading, plan)
    return Checks(issues=tuple(reading.problems.issues), findings=tuple(findings), recipe=_recipe(given, reading))


def _both(given: Given, reading: Reading) -> bool:
    """Whether there are touches and conversions that are tables at all."""
    lost = {issue.table for issue in reading.problems.issues if issue.code == "UNREADABLE_TABLE"}
    return all(given.of(name) is not None and name not in lost for name in ("touches", "conversions"))


def _codes(reading: Reading) -> set[str]:
    return {issue.code for issue in reading.problems.issues}


def _main_findings(reading: Reading, plan: Joined | None) -> tuple[Finding, ...]:
    """The findings of the journeys, else of the tables one by one; persons are compared with the customers last."""
    if plan is None or plan.journeys is None:
        found = reading.tried(
            "touches", lambda: table_suspicions(reading.touches, reading.conversions, reading.customers)
        )
        alone = channel_aliases(reading.channel) if reading.touches is None and reading.channel is not None else ()
        return (*(found or ()), *alone)
    journeys = plan.journeys
    known = reading.tried("touches", lambda: journeys.findings) or ()
    if journeys.customers is not None:
        return known
    return (*known, *strangers(reading.customers, journeys.touches.person, journeys.conversions.person))


def _price_names(reading: Reading) -> tuple[Finding, ...]:
    """Channels that the price list seems to call by another name than the touches."""
    if reading.channel is None or reading.prices is None:
        return ()
    touched = {str(name) for name in reading.channel.names}
    priced = reading.prices.channels()
    groups = [
        " = ".join(repr(name) for name in group)
        for group in alias_groups(touched | priced)
        if set(group) - priced and set(group) & priced
    ]
    if not groups:
        return ()
    return (Finding(code="PRICE_ALIASES", status="warn", values={"groups": "; ".join(groups[:5]), "n": len(groups)}),)


def _without(reading: Reading, plan: Joined | None) -> tuple[Finding, ...]:
    """What the errors kept from being checked."""
    if plan is None or plan.journeys is None:
        codes = ", ".join(sorted(_codes(reading)))
        return (Finding(code="NOT_JOINED", status="unknown", values={"codes": codes}),)
    left_out = plan.left_out
    if not any(left_out.values()):
        return ()
    values = {"touches": left_out["touches"], "conversions": left_out["conversions"]}
    return (Finding(code="CHECKED_WITHOUT", status="note", values=values),)


def _recipe(given: Given, reading: Reading) -> Recipe:
    counts = {
        part.table.name: part.table.rows
        for part in (reading.touches, reading.conversions, reading.customers, reading.key_events)
        if part is not None
    }
    return Recipe(method="check_tables", settings={"rules": given.rules.text()}, n=counts)
