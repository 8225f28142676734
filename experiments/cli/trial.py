"""The experiment of a command and its outcomes: one row per person, given, or built from assignment and conversions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError, PlanError
from experiments.cli.inputs import Inputs, words_of
from experiments.plan.spelling import as_of_date, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from experiments.readout import Experiment

__all__ = ["TABLES", "as_of_option", "declared", "read_outcomes", "shares_of", "tables_of"]

TABLES = ("outcomes", "assignment", "conversions", "touches", "prices", "history")
_PARTS = ("conversions", "prices", "history")


def tables_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The tables that `options.describe_outcomes` declares, read; None for those that were not given.

    Raises:
        InputError: For tables that do not go together, or cannot be read: all of these at once.
    """
    given: dict[str, str | None] = {name: options[name] for name in TABLES}
    if given["outcomes"] is not None:
        extra = [f"--{name}" for name in ("assignment", *_PARTS) if given[name] is not None]
        if extra:
            raise InputError(f"OUTCOMES is given, and so is {extra[0]}, of which it would be built. Give one of them.")
    elif given["assignment"] is None or given["conversions"] is None:
        raise InputError(
            "there is nothing to read: give OUTCOMES (one row per person), or --assignment with --conversions."
        )
    return read_all(Inputs.of(given, options), TABLES)


def read_all(inputs: Inputs, names: tuple[str, ...]) -> dict[str, Any]:
    """All tables; whatever cannot be read is told at once.

    Raises:
        PlanError: Lists every table that cannot be read.
    """
    found: dict[str, Any] = {}
    problems: list[tuple[str, str]] = []
    for name in names:
        try:
            found[name] = inputs.table(name)
        except InputError as error:
            problems.append((name, str(error)))
    if len(problems) == 1:
        raise InputError(f"{problems[0][0]}: {problems[0][1]}")
    if problems:
        raise PlanError(problems, source="tables")
    return {**found, "columns": inputs.columns}


def read_outcomes(tables: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """The outcomes: the table itself, or `build_outcomes` of the others.

    Raises:
        InputError: Without a date until which the tables are complete.
        TableError: With every problem of the tables.
    """
    if tables["outcomes"] is not None:
        _must_hold_names(tables["outcomes"], options)
        return tables["outcomes"]
    from experiments import build_outcomes

    columns = {name: tables["columns"][name] for name in ("assignment", "touches", *_PARTS)}
    return build_outcomes(
        tables["assignment"],
        tables["conversions"],
        touches=_if_priced(tables),
        prices=tables["prices"],
        window=options["window"],
        as_of=as_of_option(options["as_of"]),
        lag=options["lag"],
        history=tables["history"],
        columns=columns,
    )


def _must_hold_names(outcomes: Any, options: Mapping[str, Any]) -> None:
    """Refuse arms, strata, clusters and segments that are lists, times or bytes: no value of theirs is a name.

    Raises:
        InputError: Names the column and what it holds.
    """
    import narwhals.stable.v2 as nw

    schema = nw.from_native(outcomes).collect_schema()
    # The stratum is looked at even where it is not asked for: leaving it out is a finding.
    asked = [options["arm"], options["cluster"], "person_id", "stratum", *(words_of(options["strata"]) or [])]
    for name in (*asked, *(words_of(options.get("by")) or [])):
        kind = schema.get(name)
        if kind is not None and (kind.is_nested() or kind.is_temporal() or kind == nw.Binary):
            raise InputError(
                f"outcomes: the column {shown(name)} must hold names or numbers, got {kind}. Cast it to text."
            )


def _if_priced(tables: Mapping[str, Any]) -> Any:
    """The touches, when they can give costs: by a price list, or by a column of their own."""
    if tables["touches"] is None or tables["prices"] is not None:
        return tables["touches"]
    import narwhals.stable.v2 as nw

    names = nw.from_native(tables["touches"]).collect_schema().names()
    return tables["touches"] if tables["columns"]["touches"].cost in names else None


def as_of_option(text: str | None) -> date:
    """The date of --as-of.

    Raises:
        InputError: Without one, or for text that is no date.
    """
    if text is None:
        raise InputError("--as-of is missing: until when are the tables complete? For example --as-of 2026-12-31.")
    try:
        return as_of_date(text)
    except ValueError as error:
        raise InputError(f"--as-of must be a date such as 2026-12-31, got {shown(text)}.") from error


def shares_of(text: str | None) -> str | dict[str, float] | None:
    """The declared shares: "a=0.2,b=0.8", or the name of a column.

    Raises:
        InputError: For shares that are no numbers.

    Example:
        >>> shares_of("holdout=0.2, sms=0.8"), shares_of("p_assign")
        ({'holdout': 0.2, 'sms': 0.8}, 'p_assign')
    """
    if text is None or "=" not in text:
        return text
    shares: dict[str, float] = {}
    for item in words_of(text) or []:
        arm, _, share = item.rpartition("=")
        try:
            shares[arm.strip()] = float(share)
        except ValueError as error:
            raise InputError(f'--shares must be "holdout=0.2,sms=0.8", or a column, got {shown(text)}.') from error
    return shares


def declared(metrics: Mapping[str, Any], options: Mapping[str, Any], **more: Any) -> Experiment:
    """The experiment that `options.describe_experiment` declares.

    Args:
        metrics: Name to metric.
        options: The options of the command.
        more: Further arguments of `Experiment`.
    """
    from experiments import Experiment

    return Experiment(
        dict(metrics),
        arm=options["arm"],
        control=options["control"],
        shares=shares_of(options["shares"]),
        strata=words_of(options["strata"]),
        cluster=options["cluster"],
        level=options["level"],
        **more,
    )
