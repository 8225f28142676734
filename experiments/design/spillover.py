"""Do control persons feel that members of their household were treated, and how far would that bend an effect?"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.core import messages
from attribution.core.columns import Columns
from attribution.core.errors import WakeLiftError
from attribution.core.estimates import check_level
from attribution.core.findings import Finding
from attribution.core.recipe import Recipe, fingerprint
from attribution.core.records import Field, Records, TabularResult
from attribution.core.tables import Problems, open_table
from attribution.core.values import labels, numbers
from experiments.design.common_grid import check_control, distinct_rows, listed
from experiments.design.late_columns import refuse_post
from experiments.design.shown_words import in_words
from experiments.inference.clusters import ClusterBatch, robust_variance
from experiments.inference.tails import critical_value, p_value
from experiments.moments.one_row_each import note_repeated_persons

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from attribution.core.findings import Status
    from attribution.core.render.display import Display

__all__ = ["SpilloverBound", "Within", "slope_within", "spillover_bound"]

messages.register("experiments")

_MANY = 5  # households with more neighbours than this are one group
_FEWEST = 10  # households behind a clustered variance (judgement)
_FIELDS = (
    Field("quantity", "text"), Field("value"), Field("low"), Field("high"), Field("p_value", "p"),
    Field("persons", "count"), Field("groups", "count"), Field("note", "text"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class SpilloverBound(TabularResult):
    """What treated household members do to control persons, and what that means for the effect.

    Attributes:
        records: quantity, value, low, high, p_value, persons, groups (households), note. The quantities are
            ``spillover`` (a control person all of whose neighbours are treated, against one none of whose are),
            ``control_shift`` (by how much the control's mean differs from that of a control without treated
            neighbours) and ``all_against_none`` (what has to be added to an effect of the readout to get from "treat
            this person" to "treat everybody instead of nobody").
        exposure: Control persons by number of neighbours: without and with treated neighbours, and their means.
        findings: SPILLOVER.
        recipe: How it was made.
    """

    records: Records
    exposure: Records
    findings: tuple[Finding, ...]
    recipe: Recipe

    def _records(self) -> Records:
        return self.records

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        title = messages.text("SPILLOVER.title", {"column": self.recipe.settings["column"]})
        notes = [finding.text() for finding in self.findings]
        return Display(
            title,
            (
                records_table(in_words(self.records, "quantity")),
                records_table(self.exposure),
                *self.recipe.sentences(),
                *notes,
            ),
        )


def spillover_bound(  # noqa: PLR0913 - the options of an experiment, keyword-only
    outcomes: object,
    *,
    link: str,
    column: str = "woken",
    arm: str = "arm",
    control: str = "holdout",
    strata: str | Sequence[str] | None = None,
    level: float = 0.95,
    post: Sequence[str] = (),
) -> SpilloverBound:
    """Compare control persons with many treated household members against control persons with few.

    When persons are assigned one by one, how many members of a household were treated is chance, given how many there
    are. So control persons of equally large households (and equal stratum) are compared by the share x of their
    neighbours that was treated; the slope is the effect of going from no to all neighbours treated. Control persons
    without neighbours take no part in it: they are other people.

    The bound on the effect holds under a stated model: outcomes move linearly in the share of treated neighbours, alike
    for treated and control persons, and neighbours outside the table do not matter. The difference between arms then
    measures what treating one person does while others stay as they are, and a rollout to everybody would add
    slope x (share of persons with neighbours).

    Args:
        outcomes: One row per person of all arms.
        link: Column of the household, family or circle of friends; empty: nobody known.
        column: The measured column.
        arm: Column of the arm; everybody outside the control counts as treated.
        control: The control arm.
        strata: Column(s) of the assignment, when its shares differ between strata.
        level: Confidence level.
        post: Further columns that are known only after the assignment and are refused as strata or link.

    Returns:
        The quantities with intervals (CR2 variance by household, Student's t with Satterthwaite's degrees of freedom:
        few when few households decide the slope), and the finding SPILLOVER: "warn" when the interval of the slope
        excludes 0, "note" when it does not (which is no proof of absence: read its ends), "pass" when no control person
        has a treated neighbour, "unknown" when there are neighbours but too few to compare.

    Raises:
        TableError: With every problem of the table, a `person_id` that repeats among them; without that column
            each row is taken for a person.
        DesignError: NO_HOLDOUT; POST_ASSIGNMENT.

    References:
        Hudgens and Halloran (2008), Journal of the American Statistical Association 103:832. Aronow and Samii (2017),
        Annals of Applied Statistics 11:1912. Bell and McCaffrey (2002), Survey Methodology 28:169. Pustejovsky and
        Tipton (2018), Journal of Business and Economic Statistics 36:672.

    Verified against: clubSandwich::vcovCR (CR2) with its Satterthwaite test, and estimatr::lm_robust, in R; see
    docs/methods/spillover.md.

    Example:
        >>> import experiments as ex
        >>> c = ex.simulate("default", persons=5_000, seed=7)
        >>> table = c.outcomes.assign(household=[i // 2 for i in range(len(c.outcomes))])
        >>> found = ex.spillover_bound(table, link="household", strata="stratum")
        >>> [row["quantity"] for row in found.to_dicts()]
        ['spillover', 'control_shift', 'all_against_none']
    """
    check_level(level)
    layers = listed("strata", strata)
    refuse_post((link,), post, use="the link between persons")
    refuse_post(layers, post, use="a stratum")
    read = _read(outcomes, link, column, arm, control, layers)
    neighbours, treated_share = _exposure(read.link, read.treated)
    group = _groups(read.stratum, np.minimum(neighbours, _MANY))
    used = ~read.treated & (neighbours > 0)
    found = slope_within(read.values[used], treated_share[used], group[used], read.link[used])
    control_mean = float(treated_share[~read.treated].mean())
    linked = float((neighbours > 0).mean())
    rows = _quantities(found, {"spillover": 1.0, "control_shift": control_mean, "all_against_none": linked}, level)
    settings = {
        "column": column,
        "link": link,
        "control": control,
        "strata": ", ".join(layers) or "none",
        "level": level,
    }
    return SpilloverBound(
        records=Records.from_rows(_FIELDS, rows),
        exposure=_exposure_records(read, neighbours, treated_share),
        findings=(_finding(rows[0], rows[2], found, (treated_share[used], linked)),),
        recipe=Recipe(
            method="spillover_bound", definitions=("SPILLOVER",), settings=settings,
            n={"persons": len(read.values), "control": int((~read.treated).sum())},
            fingerprint=fingerprint({"values": read.values, "share": treated_share}),
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _People:
    """One entry per person with a value, sorted by content."""

    values: NDArray[np.float64]
    treated: NDArray[np.bool_]
    link: NDArray[np.int64]
    stratum: NDArray[np.int64]


def _read(outcomes: object, link: str, column: str, arm: str, control: str, layers: Sequence[str]) -> _People:
    table = open_table(outcomes, "outcomes", Columns(arm=arm), problems=Problems(), required=("arm",))
    table.require_names(link, column, *layers)
    note_repeated_persons(table)
    arms, home = labels(table, arm, missing=None), labels(table, link)
    values = numbers(table, column)
    parts = [labels(table, name, missing=None) for name in layers]
    table.problems.raise_if_any()
    known = [part for part in parts if part is not None]
    if arms is None or home is None or values is None or len(known) < len(parts):
        raise WakeLiftError("a table was unusable and nothing was noted; this is an error of ours, please report.")
    check_control(arms.names.tolist(), control)
    treated = arms.values() != control
    alone = home.names == ""
    code = home.codes.copy()
    empty = alone[home.codes] if len(alone) else np.zeros(len(code), bool)
    stratum = _groups(*[part.codes for part in known]) if known else np.zeros(len(code), np.int64)
    order = np.lexsort((values, treated, stratum, code, empty))
    code = code[order]
    code[empty[order]] = len(home.names) + np.arange(int(empty.sum()))
    return _People(values=values[order], treated=treated[order], link=code, stratum=stratum[order])


def _groups(*codes: NDArray[np.int64]) -> NDArray[np.int64]:
    return distinct_rows(*codes)[1]


def _exposure(link: NDArray[np.int64], treated: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Number of neighbours of every person, and the share of them that was treated (0 without neighbours)."""
    _, place = np.unique(link, return_inverse=True)
    place = place.reshape(-1)
    size = np.bincount(place)[place]
    others = np.bincount(place, weights=treated)[place] - treated
    neighbours: NDArray[np.int64] = (size - 1).astype(np.int64)
    return neighbours, others / np.maximum(neighbours, 1)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Within:
    """A slope inside groups with a variance by cluster.

    Attributes:
        slope: The slope; nan when the exposure does not vary inside any group.
        variance: Its squared standard error; nan when there are too few clusters.
        freedom: Satterthwaite's degrees of freedom.
        persons: Persons behind it.
        clusters: Clusters behind it.
    """

    slope: float
    variance: float
    freedom: float
    persons: int
    clusters: int


def slope_within(
    values: NDArray[np.float64], exposure: NDArray[np.float64], group: NDArray[np.int64], cluster: NDArray[np.int64]
) -> Within:
    """Least squares of values on exposure with an intercept per group; CR2 variance by cluster.

    Args:
        values: Outcomes.
        exposure: The regressor.
        group: The group of every person.
        cluster: The cluster of every person.
    """
    blank = Within(slope=math.nan, variance=math.nan, freedom=0.0, persons=len(values), clusters=0)
    if not len(values):
        return blank
    _, place = np.unique(group, return_inverse=True)
    place = place.reshape(-1)
    size = np.bincount(place).astype(float)
    x = exposure - (np.bincount(place, weights=exposure) / size)[place]
    y = values - values[0]  # a constant outcome is exactly 0, whatever its level
    y = y - (np.bincount(place, weights=y) / size)[place]
    total, n = float(x @ x), len(values)
    names, home = np.unique(cluster, return_inverse=True)
    if total <= 1e-12 * n:
        return replace(blank, clusters=len(names))
    slope = float(x @ y) / total
    if len(names) < _FEWEST or n <= len(size) + 1:
        return replace(blank, slope=slope, clusters=len(names))
    batches = list(_batches(home.reshape(-1), place, x, y - slope * x))
    inverse, aim = np.array([[1.0 / total]]), np.ones(1)
    variance, freedom = robust_variance(batches, size, inverse, np.zeros(len(size)), aim)
    return Within(slope=slope, variance=variance, freedom=freedom, persons=n, clusters=len(names))


def _batches(
    cluster: NDArray[np.int64], group: NDArray[np.int64], x: NDArray[np.float64], residual: NDArray[np.float64]
) -> Iterator[ClusterBatch]:
    """The clusters by the number of groups they have persons in, each with its design's products and scores."""
    cells, place = distinct_rows(cluster, group)
    n, sum_x, sum_e = (np.bincount(place, weights=part) for part in (np.ones(len(x)), x, residual))
    squares, cross = np.bincount(cluster, weights=x * x), np.bincount(cluster, weights=x * residual)
    starts = np.flatnonzero(np.diff(cells[:, 0], prepend=-1))
    lengths = np.diff(starts, append=len(cells))
    for wide in np.unique(lengths):
        where = starts[lengths == wide][:, None] + np.arange(wide)
        own = cells[where[:, 0], 0]
        products = np.zeros((len(where), wide + 1, wide + 1))
        products[:, np.arange(wide), np.arange(wide)] = n[where]
        products[:, :wide, wide] = products[:, wide, :wide] = sum_x[where]
        products[:, wide, wide] = squares[own]
        scores = np.column_stack([sum_e[where], cross[own]])
        yield ClusterBatch(strata=cells[where, 1], products=products, scores=scores)


def _quantities(found: Within, factors: dict[str, float], level: float) -> list[dict[str, object]]:
    """Every quantity is the slope times a number, so all of them share one p-value."""
    told = not math.isnan(found.slope) and found.variance > 0.0
    error = math.sqrt(found.variance) if told else 0.0
    half = critical_value(level, "two", found.freedom) * error if told else 0.0
    p = p_value(found.slope / error, "two", found.freedom) if told else None
    note = (
        ""
        if told
        else "TOO_FEW_CLUSTERS"
        if math.isnan(found.variance) and not math.isnan(found.slope)
        else "ZERO_VARIANCE"
    )
    return [
        {
            "quantity": name, "value": None if math.isnan(found.slope) else found.slope * factor,
            "low": (found.slope - half) * factor if told else None,
            "high": (found.slope + half) * factor if told else None,
            "p_value": p, "persons": found.persons, "groups": found.clusters, "note": note,
        }
        for name, factor in factors.items()
    ]  # fmt: skip


def _exposure_records(read: _People, neighbours: NDArray[np.int64], share: NDArray[np.float64]) -> Records:
    fields = (
        Field("neighbours", "text"), Field("unexposed", "count"), Field("exposed", "count"),
        Field("value_unexposed"), Field("value_exposed"), Field("mean_share", "rate"),
    )  # fmt: skip
    rows = []
    for count in range(_MANY + 1):
        there = ~read.treated & (np.minimum(neighbours, _MANY) == count)
        if not there.any():
            continue
        none, some = there & (share == 0.0), there & (share > 0.0)
        rows.append({
            "neighbours": f"{count}+" if count == _MANY else str(count), "unexposed": int(none.sum()),
            "exposed": int(some.sum()), "value_unexposed": float(read.values[none].mean()) if none.any() else None,
            "value_exposed": float(read.values[some].mean()) if some.any() else None,
            "mean_share": float(share[there].mean()),
        })  # fmt: skip
    return Records.from_rows(fields, rows)


def _finding(
    slope: dict[str, object], rollout: dict[str, object], found: Within, exposed: tuple[NDArray[np.float64], float]
) -> Finding:
    share, linked = exposed
    values: dict[str, object] = {
        "persons": found.persons, "groups": found.clusters, "linked": linked,
        "exposed": int((share > 0.0).sum()), "slope": slope["value"], "low": slope["low"], "high": slope["high"],
        "bias_low": rollout["low"], "bias_high": rollout["high"], "p_value": slope["p_value"],
    }  # fmt: skip
    if not (share > 0.0).any():
        return Finding(code="SPILLOVER", status="pass", values=values)
    low, high = slope["low"], slope["high"]
    if not isinstance(low, float) or not isinstance(high, float):
        return Finding(code="SPILLOVER", status="unknown", values=values)
    status: Status = "warn" if low > 0.0 or high < 0.0 else "note"
    return Finding(code="SPILLOVER", status=status, values=values)
