"""From how many early actions on do customers stay? An association, read with its own uncertainty."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import Columns, columns_for
from attribution.core.durations import duration_text, parse_duration
from attribution.core.errors import DesignError, InputError
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.randomness import check_seed
from attribution.core.recipe import Recipe
from attribution.core.tables import Problems, open_table
from attribution.core.values import instants, same_key_kind
from attribution.core.whole import check_whole
from experiments.wakeup.acts import read_acts, span
from experiments.wakeup.aha_counts import Observed, observe
from experiments.wakeup.aha_curve import separation
from experiments.wakeup.aha_result import AhaThreshold
from experiments.wakeup.effective_columns import condition, joined_by, rows_of_persons, unique_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.tables import Table
    from experiments.wakeup.aha_curve import AhaCurve

__all__ = ["aha_threshold"]

messages.register("experiments")

_MOST_REPLICATES = 100_000


def aha_threshold(  # noqa: PLR0913 - two tables and their options, keyword-only
    actions: object,
    customers: object,
    *,
    as_of: object,
    retention: tuple[str, str],
    within: str = "30d",
    start: str = "registered_at",
    retained: str | None = None,
    left: str | None = None,
    largest: int = 50,
    level: float = 0.95,
    replicates: int = 1_000,
    seed: int = 0,
    columns: ColumnsLike = None,
) -> AhaThreshold:
    """Which number of actions in the first days separates customers who stay from customers who leave?

    "Whoever adds 30 friends in 30 days stays" is an association: eager customers both act more and stay. Pushing people
    over the threshold need not keep one of them; only an experiment that encourages some of them at random can tell.
    The result says so wherever it is shown.

    Estimand: for each k the share retained among customers with at least k actions in the first `within` after their
    start, and among those with fewer; Youden's J = P(N >= k | retained) - P(N >= k | not retained) and the phi
    coefficient. The chosen k has the largest J (the smallest such k); the k of the largest phi stands beside it.

    Immortal time: who left on day 3 could not act on day 20, so counting actions up to any later moment than
    retention is measured from makes leaving look like inactivity. Hence only customers observed through the first
    `within` enter (start + within before `as_of`, not left before), and the window of retention must begin at or
    after its end.

    The maximum over many k is too large even where nothing separates. Three answers: the p-value compares the largest
    J with those after random re-labelling of who was retained; `separation` is J at the chosen k minus its optimism,
    the mean over bootstrap samples of (J at the k that the sample chooses, in the sample) - (J at that k, in the
    data), with the interval that the quantiles of this error give; the interval of k is that of k chosen anew in each
    bootstrap sample of persons.

    Assumptions: customers are independent; the log is complete.

    Args:
        actions: Log of actions: person and time.
        customers: One row per customer with the start.
        as_of: Until when the log (and retention) is complete.
        retention: From when to when after the start retention is measured, such as ("30d", "60d"): the end excluded.
        within: The first time in which actions are counted, the end excluded.
        start: Column with the moment of the start (registration).
        retained: Column of the customers, 0 and 1, that was measured over that window. None: retained is who acts in
            the window, by the log itself.
        left: Column with the moment a customer left (closed the account); empty for those who did not.
        largest: Largest k looked at; larger counts are one class.
        level: Confidence level.
        replicates: Bootstrap samples and re-labellings.
        seed: Seed of both.
        columns: Names of the columns, for the tables ``"events"`` (the actions) and ``"customers"``.

    Returns:
        Per k: n_reached, n_below, rate_reached and rate_below with intervals, association (their difference) with its
        interval (score; each k by itself), youden, phi, chosen_share (how often this k was chosen in the bootstrap),
        chosen. Attributes: `threshold` (chosen k with its interval), `threshold_phi`, `separation`, `p_value`.
        NO_SEPARATION (note of the threshold, and a finding) where the p-value is not below 1 - level: k is then a
        choice among noise. Undefined with the notes NO_VARIATION (all counts alike) or ONE_OUTCOME (nobody or everybody
        retained).

    Raises:
        DesignError: IMMORTAL_TIME when the window of retention begins before the first `within` has ended.
        TableError: Every problem of the tables.
        InputError: Options out of range, too few replicates for the level, or nobody observed long enough.

    References:
        Youden (1950), Cancer 3:32. Miller and Siegmund (1982), Biometrics 38:1011 (maximally selected statistics).
        Harrell, Lee and Mark (1996), Statistics in Medicine 15:361 (optimism). Suissa (2008), American Journal of
        Epidemiology 167:492 (immortal time).

    Verified against plain loops (tests/oracles/aha_thresholds.py) and scikit-learn's ROC curve; the level of the
    p-value and of the interval by simulation (tests/statistical/quality_designs.py).

    Example:
        >>> import pandas as pd
        >>> start = pd.Timestamp("2026-01-05", tz="UTC")
        >>> stay = [i % 3 == 0 for i in range(300)]
        >>> people = pd.DataFrame({"person_id": range(300), "registered_at": start, "stayed": stay})
        >>> acts = [(i, start + pd.Timedelta(f"{d}D")) for i in range(300) for d in range(6 if stay[i] else i % 5)]
        >>> log = pd.DataFrame(acts, columns=["person_id", "time"])
        >>> found = aha_threshold(log, people, as_of="2026-06-30", retention=("30d", "60d"), retained="stayed")
        >>> found.threshold.value, found.threshold.low, found.threshold.high
        (6.0, 6.0, 6.0)
    """
    level = check_level(level)
    first, begin, end = _windows(within, retention)
    largest, replicates = _checked_counts(largest, replicates, level)
    seed = check_seed(seed)
    roles = columns_for(columns, "customers")
    table = open_table(customers, "customers", roles, problems=Problems(), required=("person",))
    person = unique_keys(table)
    began = _times(table, roles, start)
    gone = None if left is None else _times(table, roles, left, empty=True)
    stayed = None if retained is None else condition(table, retained)
    table.problems.raise_if_any()
    if person is None or began is None:  # pragma: no cover - noted above, so the line above has raised
        raise InputError("customers need a person and a start in every row.")
    acts = read_acts(actions, as_of=as_of, columns=columns_for(columns, "events"))
    same_key_kind([(table, person), (acts.table, acts.persons)], "person")
    table.problems.raise_if_any()
    order = rows_of_persons(person)
    observed = observe(
        acts, joined_by(person.take(order), acts.persons), began[order], None if gone is None else gone[order],
        None if stayed is None else stayed[order], (first, begin, end),
    )  # fmt: skip
    curve = separation(observed.counts, observed.retained, largest=largest, level=level, draws=(replicates, seed))
    settings = {
        "level": level, "within": duration_text(parse_duration(within)), "as_of": str(as_of), "seed": seed,
        "retention_from": duration_text(parse_duration(retention[0])), "replicates": replicates, "largest": largest,
        "retention_to": duration_text(parse_duration(retention[1])), "retained": retained or "",
    }  # fmt: skip
    counts = {"persons": len(observed.counts), "retained": int(np.count_nonzero(observed.retained))}
    recipe = Recipe(
        method="youden, bootstrap", definitions=("AHA_THRESHOLD", "AHA_ASSOCIATION"), settings=settings, n=counts
    )
    return AhaThreshold(curve=curve, findings=(*acts.findings, *_findings(observed, curve)), recipe=recipe)


def _checked_counts(largest: int, replicates: int, level: float) -> tuple[int, int]:
    largest = check_whole("largest", largest, least=1, most=1_000)
    replicates = check_whole("replicates", replicates, least=99, most=_MOST_REPLICATES)
    if replicates * (1.0 - level) < 2.0 - 1e-9:
        raise InputError(
            f"replicates={replicates:,} are too few for level={level:g}: no replicate lies beyond such limits. "
            f"Ask for at least {math.ceil(2.0 / (1.0 - level) - 1e-6):,} (2 / (1 - level))."
        )
    return largest, replicates


def _windows(within: str, retention: tuple[str, str]) -> tuple[int, int, int]:
    """The first time, and begin and end of retention, in microseconds."""
    first = span(within, "within")
    if not isinstance(retention, (tuple, list)) or len(retention) != 2:
        raise InputError(
            f'retention must be two durations after the start, for example ("30d", "60d"), got {retention!r}.'
        )
    begin, end = span(retention[0], "retention[0]"), span(retention[1], "retention[1]")
    if end <= begin:
        raise InputError(f"retention must end after it begins, got {retention!r}.")
    if begin < first:
        raise DesignError(
            "IMMORTAL_TIME",
            f"retention is measured from {retention[0]} after the start, but actions are counted until {within}: "
            "whoever left in between could not act, so leaving would look like inactivity. Let the window of retention "
            f'begin at or after {within}, for example retention=("{within}", ...), or shorten within=.',
        )
    return first, begin, end


def _times(table: Table, roles: Columns, name: str, *, empty: bool = False) -> NDArray[np.int64] | None:
    """A moment per customer, of a column with a name of its own."""
    if not table.require_names(name):
        return None
    table.roles = Columns(person=roles.person, time=name, timezone=roles.timezone, precision=roles.precision)
    return instants(table, "time", allow_null=empty)


def _findings(observed: Observed, curve: AhaCurve) -> tuple[Finding, ...]:
    found: list[Finding] = []
    if observed.recent:
        values = {"left": observed.recent, "customers": observed.customers}
        found.append(Finding(code="AHA_TOO_RECENT", status="note", values=values))
    if observed.left:
        values = {"left": observed.left, "customers": observed.customers}
        found.append(Finding(code="AHA_LEFT_EARLY", status="note", values=values))
    if observed.before:
        values = {"acts": observed.before, "persons": observed.before_persons}
        found.append(Finding(code="ACTS_BEFORE_START", status="warn", values=values))
    if observed.strangers:
        values = {"persons": observed.strangers, "customers": observed.customers}
        found.append(Finding(code="ACTORS_NOT_LISTED", status="warn", values=values))
    if curve.threshold.note == "NO_SEPARATION":
        told = {"k": curve.threshold.value, "p": curve.p_value}
        found.append(Finding(code="NO_SEPARATION", status="unknown", values=told))
    if curve.note:
        code = "NO_VARIATION" if curve.note == "NO_VARIATION" else "ONE_OUTCOME"
        found.append(Finding(code=code, status="unknown", values={"persons": len(observed.counts)}))
    return tuple(found)
