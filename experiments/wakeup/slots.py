"""How slots do: banner positions, keywords, templates by impressions, clicks and the conversions after a click."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.durations import duration_text, parse_duration
from attribution.core.errors import InputError
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.randomness import check_seed, generator
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from experiments.inference.proportions import bundled_share
from experiments.inference.tails import critical_value
from experiments.wakeup.acts import Wanted, span
from experiments.wakeup.bookings import standing_bookings
from experiments.wakeup.narrow_tables import narrow_table, unasked
from experiments.wakeup.pressure_log import read_log
from experiments.wakeup.slots_counts import assisted, by_person, covariance, ranked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from numpy.typing import NDArray

    from attribution.core.columns import ColumnsLike
    from attribution.core.render.display import Display
    from experiments.wakeup.acts import Acts
    from experiments.wakeup.slots_counts import PersonSlots

__all__ = ["Slots", "slots"]

messages.register("experiments")

_MOST = 300
_FEW = 10
_SHOWN = 5
_FIELDS = (
    Field("slot", "text"), Field("impressions", "count"), Field("persons", "count"), Field("clicks", "count"),
    Field("ctr", "rate"), Field("ctr_low", "rate"), Field("ctr_high", "rate"), Field("clicks_per_person"),
    Field("clicks_per_person_low"), Field("clicks_per_person_high"), Field("assisted", "count"),
    Field("assisted_persons", "count"), Field("rank", "count"), Field("rank_low", "count"),
    Field("rank_high", "count"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Slots(TabularResult):
    """Slots by their click rate.

    Attributes:
        records: slot, impressions, persons (with an impression), clicks, ctr (clicks over impressions) with
            limits, clicks_per_person (of those exposed) with limits, assisted (conversions after a click) and
            assisted_persons, rank by ctr with the lowest and highest possible one, note.
        findings: Rows that are neither, clicks without an impression.
        recipe: How it was made.
    """

    records: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display

        title = messages.text("SLOTS.title", dict(self.recipe.n))
        notes = [finding.text() for finding in self.findings]
        table = narrow_table(self.records, without=unasked(self.records, ("assisted", "assisted_persons")))
        return Display(title, (table, *self.recipe.sentences(), *notes))


def slots(  # noqa: PLR0913 - the options of the public contract, keyword-only
    touches: object,
    conversions: object = None,
    *,
    slot: str = "slot",
    impression: Sequence[str] = ("impression",),
    click: Sequence[str] = ("click", "clicked"),
    counts: tuple[str, str] | None = None,
    lookback: str | timedelta = "7d",
    as_of: object = None,
    level: float = 0.95,
    seed: int = 0,
    columns: ColumnsLike = None,
) -> Slots:
    """Compare slots (banner positions, keywords, templates) by clicks per impression.

    Estimand: clicks over impressions, sums over sums, never a mean of the persons' own rates: a person with one
    impression would weigh as much as one with a hundred. Persons are the unit of every interval, since the impressions
    of one person go together. Ranks come with sets that hold for all slots at once: two slots are told apart when their
    difference exceeds what the largest of all differences reaches by chance, with persons who saw both kept together.

    Assisted conversions count: a conversion counts once for every slot that its person clicked on at most `lookback`
    before, so the slots do not sum to the conversions. They are counts, neither credit nor effect. Who sees a slot
    differs from who sees another, so that a better rate need not be the slot's doing.

    Args:
        touches: One row per impression or click (the column `kind` says which): person, time, slot; or rows with both
            numbers in the columns of `counts`.
        conversions: The conversions, for those assisted.
        slot: Column of the slot.
        impression: Kinds that are impressions.
        click: Kinds that are clicks.
        counts: Columns with the numbers of impressions and of clicks of a row, instead of kinds.
        lookback: Longest time from a click to a conversion that it assisted, both ends included.
        as_of: Until when the tables are complete; None: everything in them counts.
        level: Confidence level of each interval, and of all sets of ranks together.
        seed: Seed of the ranks' critical value.
        columns: The user's names of the columns.

    Returns:
        One row per slot, best first. Notes: NO_IMPRESSIONS (clicks alone: no rate), CTR_ABOVE_ONE (more clicks than
        impressions: normal limits), FEW_CLICKS (fewer than 10: the rank's set rests on a careful variance), ONE_PERSON
        (one person clicked alone: clicks per person have no limits).

    Raises:
        TableError: With every problem of a table.
        InputError: Neither an impression nor a click, and unknown options.

    References:
        Cochran (1977), Sampling Techniques, section 3.12. Mogstad, Romano, Shaikh and Wilhelm (2024), Review of
        Economic Studies 91:476.

    Verified against: plain loops (tests/oracles/slot_counts.py), survey::svyratio in R for the rates
    (tests/references/proportions), and simulated coverage of rates and ranks; see docs/methods/slots.md.

    Example:
        >>> import pandas as pd
        >>> import experiments as ex
        >>> rows = [("a", "top", "impression"), ("a", "top", "click"), ("b", "top", "impression"),
        ...         ("a", "side", "impression"), ("b", "side", "impression")]
        >>> log = pd.DataFrame(rows, columns=["person_id", "slot", "kind"]).assign(time=pd.Timestamp("2026-10-01T09Z"))
        >>> [(row["slot"], row["ctr"]) for row in ex.slots(log).to_dicts()]
        [('top', 0.5), ('side', 0.0)]
    """
    level, seed, back = check_level(level), check_seed(seed), span(lookback, "lookback")
    if isinstance(impression, str) or isinstance(click, str):
        raise InputError(
            f'impression= and click= are lists of kinds, such as ["click"], got {impression!r}, {click!r}.'
        )
    optional = ("touch",) if counts is not None else ("kind", "touch")
    acts = read_log(touches, as_of=as_of, columns=columns, wanted=Wanted(optional=optional, asked=(slot,)))
    label = acts.labels(slot)
    shown, clicked, left = _amounts(acts, (tuple(impression), tuple(click)), counts)
    names = tuple(str(name) for name in label.names)
    kept = (shown > 0.0) | (clicked > 0.0)
    if not kept.any():
        raise InputError(
            f"the touches hold neither an impression ({', '.join(impression)}) nor a click ({', '.join(click)}). Name "
            "the kinds with impression= and click=, or the numbers with counts=."
        )
    pairs = by_person(acts.person[kept], label.codes[kept], shown[kept], clicked[kept], len(names))
    after = None
    if conversions is not None:
        at = np.flatnonzero(clicked > 0.0)
        owner, when = standing_bookings(acts.persons, conversions, columns)
        known = when < acts.as_of
        after = assisted(
            (acts.person[at], label.codes[at], acts.time[at]), (owner[known], when[known]),
            (len(acts.persons), len(names)), back,
        )  # fmt: skip
    rows, told = _rows(pairs, names, after, (level, seed))
    alone = pairs.clicks[pairs.impressions == 0.0]
    parts = {"person": acts.person, "time": acts.time, "slot": label.codes, "shown": shown, "clicked": clicked}
    return Slots(
        records=Records.from_rows(_FIELDS, rows),
        findings=(*acts.findings, *left, *_findings(alone, clicked), *_noted(rows), *told),
        recipe=Recipe(
            method="slots", definitions=("SLOTS", "SLOTS_ASSISTED")[: 1 + (conversions is not None)],
            settings={
                "slot": slot, "impression": list(impression), "click": list(click), "level": level, "seed": seed,
                "counts": None if counts is None else list(counts), "lookback": duration_text(parse_duration(lookback)),
                "as_of": None if as_of is None else str(as_of),
            },
            n={"slots": len(rows), "persons": len(np.unique(pairs.person)), "rows": int(kept.sum())},
            fingerprint=fingerprint({"person": acts.persons, "acts": acts.counts})[:8] + fingerprint(parts)[:8],
        ),
    )  # fmt: skip


def _amounts(
    acts: Acts, kinds: tuple[tuple[str, ...], tuple[str, ...]], counts: tuple[str, str] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[Finding]]:
    """Impressions and clicks of each row, and the rows that are neither."""
    if counts is not None:
        if isinstance(counts, str) or len(counts) != 2:
            raise InputError(f"counts names two columns, impressions and clicks, got {counts!r}.")
        shown, clicked = (acts.numbers(name) for name in counts)
        wrong = [name for name, found in zip(counts, (shown, clicked), strict=True) if (found < 0).any()]
        if wrong:
            raise InputError(f"numbers of impressions and clicks are not below 0; see {', '.join(map(repr, wrong))}.")
        return shown, clicked, []
    if set(kinds[0]) & set(kinds[1]):
        raise InputError(f"a kind is an impression or a click, not both: {sorted(set(kinds[0]) & set(kinds[1]))!r}.")
    kind = acts.labels(acts.table.roles.kind)
    names = [str(name) for name in kind.names]
    found = [np.array([name in wanted for name in names], bool)[kind.codes].astype(np.float64) for wanted in kinds]
    neither = int(len(kind) - found[0].sum() - found[1].sum())
    other = sorted(set(names) - {*kinds[0], *kinds[1]})
    values = {"rows": len(kind), "left_out": neither, "kinds": ", ".join(other)}
    return found[0], found[1], [Finding(code="SLOTS_OTHER_KINDS", status="note", values=values)] if neither else []


def _rows(
    pairs: PersonSlots,
    names: Sequence[str],
    after: tuple[NDArray[np.int64], NDArray[np.int64]] | None,
    told: tuple[float, int],
) -> tuple[list[dict[str, object]], list[Finding]]:
    level, seed = told
    shown, clicked = pairs.total(pairs.impressions), pairs.total(pairs.clicks)
    share = np.divide(clicked, shown, out=np.full(pairs.size, np.nan), where=shown > 0.0)
    there = np.flatnonzero(shown + clicked > 0.0)
    ranks, findings = np.full((3, pairs.size), np.nan), []
    if len(there) <= _MOST:
        ranks = ranked(share, covariance(pairs, share), level, generator(seed, "slots.ranks"))
    else:
        findings = [Finding(code="SLOTS_UNRANKED", status="note", values={"slots": len(there), "most": _MOST})]
    order = np.argsort(pairs.slot, kind="stable")
    edges = np.searchsorted(pairs.slot[order], np.arange(pairs.size + 1))
    rows: list[dict[str, object]] = []
    for code in sorted(there.tolist(), key=lambda code: (-_known(share[code]), code)):
        own = order[edges[code] : edges[code + 1]]
        row = _row(pairs.impressions[own], pairs.clicks[own], level)
        row |= {"slot": names[code]} | dict(
            zip(("rank", "rank_low", "rank_high"), map(_whole, ranks[:, code].tolist()), strict=True)
        )
        if after is not None:
            row |= {"assisted": int(after[0][code]), "assisted_persons": int(after[1][code])}
        rows.append(row)
    return rows, findings


def _known(share: float) -> float:
    return -1.0 if math.isnan(share) else share


def _whole(rank: float) -> int | None:
    return None if math.isnan(rank) else int(rank)


def _row(shown: NDArray[np.float64], clicked: NDArray[np.float64], level: float) -> dict[str, object]:
    """One slot: its rate and its clicks per exposed person."""
    impressions, clicks, exposed = float(shown.sum()), float(clicked.sum()), int(np.count_nonzero(shown))
    row: dict[str, object] = {
        "impressions": _count(impressions), "clicks": _count(clicks), "persons": exposed, "note": "",
    }  # fmt: skip
    if not exposed:
        return row | {"note": "NO_IMPRESSIONS"}
    share = clicks / impressions
    if share <= 1.0:
        rate = bundled_share(clicked, shown, level=level)
        row |= {"ctr": rate.value, "ctr_low": rate.low, "ctr_high": rate.high}
        row["note"] = "FEW_CLICKS" if clicks < _FEW else ""
    else:
        half = critical_value(level, "two") * _error(clicked - share * shown) / impressions
        row |= {"ctr": share, "ctr_low": max(0.0, share - half), "ctr_high": share + half, "note": "CTR_ABOVE_ONE"}
    mean = clicks / exposed
    low, high = _per_person(clicked, mean, exposed, level)
    if low is None:
        row["note"] = "; ".join(part for part in (str(row["note"]), "ONE_PERSON") if part)
    return row | {"clicks_per_person": mean, "clicks_per_person_low": low, "clicks_per_person_high": high}


def _count(total: float) -> int | float:
    return int(total) if total.is_integer() else total


def _error(rest: NDArray[np.float64]) -> float:
    """Standard error of a sum over persons whose mean is 0."""
    return math.sqrt(len(rest) / (len(rest) - 1.0) * float(rest @ rest)) if len(rest) > 1 else math.inf


def _per_person(
    clicked: NDArray[np.float64], mean: float, exposed: int, level: float
) -> tuple[float | None, float | None]:
    """Limits of a mean count on the log scale; without a click those of a Poisson count of 0."""
    if mean == 0.0:
        return 0.0, -math.log((1.0 - level) / 2.0) / exposed
    if len(clicked) < 2:
        return None, None
    error = _error(clicked - clicked.mean()) / exposed
    factor = math.exp(critical_value(level, "two") * error / mean)
    return mean / factor, mean * factor


def _findings(alone: NDArray[np.float64], clicked: NDArray[np.float64]) -> list[Finding]:
    clicks = float(alone.sum())
    if not clicks:
        return []
    values = {"clicks": _count(clicks), "of": _count(float(clicked.sum())), "share": clicks / float(clicked.sum())}
    return [Finding(code="SLOTS_CLICKS_ALONE", status="warn", values=values)]


def _noted(rows: Sequence[dict[str, object]]) -> list[Finding]:
    """One finding for each reason that stands in the notes, with the slots that carry it."""
    held: dict[str, list[str]] = {}
    for row in rows:
        for note in str(row["note"]).split("; "):
            held.setdefault(note, []).append(str(row["slot"]))

    def values(note: str) -> dict[str, object]:
        return {"count": len(held[note]), "slots": ", ".join(held[note][:_SHOWN])}

    found = []
    if "NO_IMPRESSIONS" in held:
        found.append(Finding(code="NO_IMPRESSIONS", status="warn", values=values("NO_IMPRESSIONS")))
    if "CTR_ABOVE_ONE" in held:
        found.append(Finding(code="CTR_ABOVE_ONE", status="warn", values=values("CTR_ABOVE_ONE")))
    if "FEW_CLICKS" in held:
        found.append(Finding(code="FEW_CLICKS", status="note", values=values("FEW_CLICKS")))
    return found
