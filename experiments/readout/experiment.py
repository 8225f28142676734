"""The declared experiment: what is measured, in which arms, against which control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

from attribution.core.errors import DesignError, InputError
from attribution.core.estimates import check_level
from attribution.core.randomness import check_seed
from experiments.inference.gatekeeping import Gate, check_gate
from experiments.inference.multiplicity import CORRECTIONS, Family
from experiments.metrics import Metric, Role, inputs_of, with_roles
from experiments.readout.declared import checked_guardrails, checked_metrics, checked_shares, column_names
from experiments.readout.guard import refuse_post
from experiments.readout.planning_calls import PlanningCalls

if TYPE_CHECKING:
    from datetime import date

    from attribution.core.columns import ColumnsLike
    from experiments.design.looks import Looks
    from experiments.readout.aggregates import Aggregates
    from experiments.readout.aggregates_sql import Dialect
    from experiments.readout.result import Readout
    from experiments.readout.segments_result import SegmentReadout
    from experiments.readout.trust import TrustPanel

__all__ = ["Experiment", "Target"]

Target = Literal["sample", "population"]


@dataclass(frozen=True, slots=True, eq=False)
class Experiment(PlanningCalls):
    """A declared experiment: metrics, arms, control, shares, strata.

    The estimand is the average effect over all persons assigned (intention to treat), each arm against the control.
    With `strata` the arms are compared inside each stratum, and the strata are weighted by their share of all persons.

    Attributes:
        metrics: Name to `Rate`, `Mean`, `Ratio`, `Quantile`, `Count` or `Duration`; exactly one is primary, the first
            unless ``role="primary"`` says otherwise.
        arm: Column of the assigned arm.
        control: Name of the control arm in that column.
        person: Column of the person; one row per person.
        shares: Declared shares: a dict of all arms, or the name of a column with each person's probability of the
            assigned arm. None: the sample ratio cannot be checked, and the finding SRM is "unknown".
        strata: Column(s), fixed before assignment, inside which the arms are compared.
        cluster: Column of the unit that was assigned (household, branch, manager), when persons were assigned
            together; variances and the sample ratio then count clusters. None: persons were assigned one by one.
        segments: Column(s), fixed before assignment, by which effects are declared to be read; any other reading by
            segment is exploratory and says so.
        guardrails: Guardrails (objects with `metric` and `margin`); the metrics they name are in no family of tests.
        level: Confidence level of every interval.
        correction: How p-values are adjusted over the arms (and, in their own family, over the secondary metrics):
            "holm", "bonferroni", "hochberg", "hommel", "bh", "by", or None; "dunnett": over the arms of each metric,
            by their joint distribution with the shared control (steps, which share none, by Holm).
        gatekeeping: Whether secondary metrics count only behind the primary one, in the adjusted p-values: "serial"
            (only when every arm's primary test is rejected), "parallel" or ("parallel", truncation) (when one is),
            "arm" (each arm's own), or None: two families, side by side. See docs/methods/gatekeeping.md.
        target: "sample": the average effect over the persons of this experiment; "population": over the persons they
            were drawn from, which adds what is unknown about the covariates' and strata's shares there.
        post: Further columns known only after assignment. They may be neither arm, stratum, segment nor covariate.
        seed: Seed of the methods that draw at random.

    Raises:
        InputError: For metrics, shares, strata, guardrails, level or correction that cannot be used.
        DesignError: POST_ASSIGNMENT when arm or stratum is known only after assignment; PRIMARY_EXCLUDES when the
            primary metric leaves out persons with missing outcomes.

    Example:
        >>> import experiments as ex
        >>> metrics = {"woken": ex.Rate("woken"), "value": ex.Mean("value")}
        >>> spec = ex.Experiment(metrics, shares={"holdout": 0.2, "sms": 0.8})
        >>> spec.primary
        'woken'
    """

    metrics: Mapping[str, Metric]
    _: KW_ONLY
    arm: str = "arm"
    control: str = "holdout"
    person: str = "person_id"
    shares: Mapping[str, float] | str | None = None
    strata: str | Sequence[str] | None = None
    cluster: str | None = None
    segments: str | Sequence[str] | None = None
    guardrails: Sequence[object] = ()
    level: float = 0.95
    correction: Family | None = "holm"
    gatekeeping: Gate | None = None
    target: Target = "sample"
    post: Sequence[str] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", MappingProxyType(checked_metrics(self.metrics)))
        object.__setattr__(self, "strata", column_names("strata", self.strata))
        object.__setattr__(self, "segments", column_names("segments", self.segments))
        object.__setattr__(self, "post", column_names("post", self.post))
        object.__setattr__(self, "seed", check_seed(self.seed))
        object.__setattr__(self, "guardrails", checked_guardrails(self.guardrails))
        object.__setattr__(self, "level", check_level(self.level))
        if isinstance(self.shares, Mapping):
            object.__setattr__(self, "shares", MappingProxyType(checked_shares(self.shares)))
        elif self.shares is not None and not isinstance(self.shares, str):
            raise InputError(
                "shares must be a dict of arm to share, the name of a column of probabilities, or None, got "
                f"{self.shares!r}."
            )
        if self.correction is not None and self.correction not in (*CORRECTIONS, "dunnett"):
            allowed = ", ".join((*CORRECTIONS, "dunnett"))
            raise InputError(f"correction must be one of {allowed}, or None, got {self.correction!r}.")
        check_gate(self.gatekeeping, self.correction)
        if self.target not in get_args(Target):
            raise InputError(f'target must be "sample" or "population", got {self.target!r}.')
        self._check_columns()
        if self.metrics[self.primary].missing == "exclude":
            raise DesignError(
                "PRIMARY_EXCLUDES",
                f'the primary metric {self.primary!r} leaves out persons with missing outcomes (missing="exclude"): '
                "the arms are "
                'then no longer the assigned ones. Use missing="zero" where no record means no event, or complete the '
                "outcome.",
            )

    def _check_columns(self) -> None:
        """What defines groups of persons was known before the assignment, and every column has one use."""
        refuse_post((self.arm,), self.post, use="the arm")
        refuse_post(self.layers, self.post, use="a stratum")
        refuse_post(self.segments or (), self.post, use="a segment")
        for metric in self.metrics.values():
            refuse_post(inputs_of(metric).covariates, self.post, use="a covariate")
        if self.cluster is not None and (not isinstance(self.cluster, str) or not self.cluster):
            raise InputError(f"cluster must be the name of a column or None, got {self.cluster!r}.")
        measured = {column: name for name, metric in self.metrics.items() for column in inputs_of(metric).columns}
        for column in (*self.layers, self.cluster):
            if column in measured:
                raise DesignError(
                    "POST_ASSIGNMENT",
                    f"the column {column!r} is what the metric {measured[column]!r} measures, so it cannot be a "
                    "stratum or the cluster. Use columns fixed before the assignment.",
                )
        uses = {"a stratum": self.layers, "a segment": self.segments or (), "the cluster": (self.cluster,)}
        for use, names in uses.items():
            if self.arm in names:
                raise InputError(f"the column {self.arm!r} is the arm and cannot be {use} as well.")

    @property
    def layers(self) -> tuple[str, ...]:
        """The columns of the strata; empty without strata."""
        return () if self.strata is None else (self.strata,) if isinstance(self.strata, str) else tuple(self.strata)

    @property
    def roles(self) -> dict[str, Role]:
        """The role of every metric; a metric that a guardrail names is one."""
        roles = with_roles(dict(self.metrics))
        named = {getattr(guardrail, "metric", None) for guardrail in self.guardrails}
        return {name: "guardrail" if name in named and role != "primary" else role for name, role in roles.items()}

    @property
    def primary(self) -> str:
        """Name of the primary metric."""
        return next(name for name, role in with_roles(dict(self.metrics)).items() if role == "primary")

    def aggregate(self, outcomes: object, *, by: str | Sequence[str] = (), min_cell: int = 10) -> Aggregates:
        """Reduce outcomes to the statistics that the analysis needs, by stratum, arm and whatever `by` names.

        The result holds no row of any person: its table can leave the system that holds them, be added to those of
        other days or branches (`merge_aggregates`), and be analysed in place of the rows.

        Args:
            outcomes: One row per person, as for `analyze`.
            by: Further key columns, such as a day, a branch or a segment.
            min_cell: A cell with fewer persons is listed by the finding SMALL_CELLS; nothing is left out.

        Raises:
            TableError: As for `analyze`.
            DesignError: NEEDS_ROWS when a metric is a quantile.

        Verified against: the readout of the rows, to 1e-10; see docs/methods/aggregates.md.
        """
        from experiments.readout.aggregates import aggregate

        return aggregate(self, outcomes, by=(by,) if isinstance(by, str) else tuple(by), min_cell=min_cell)

    def aggregate_sql(self, source: str, *, by: str | Sequence[str] = (), dialect: Dialect = "ansi") -> str:
        """The query whose result `read_aggregates` reads, to be run where the rows are.

        Args:
            source: Name of the table or view of outcomes, as it stands in a query.
            by: Further key columns, as for `aggregate`.
            dialect: "ansi" (PostgreSQL, DuckDB, Snowflake ...), "spark", "mysql" or "bigquery".

        Raises:
            DesignError: NEEDS_ROWS when a metric is a quantile.
        """
        from experiments.readout.aggregates_sql import aggregate_sql

        return aggregate_sql(self, source, by=(by,) if isinstance(by, str) else tuple(by), dialect=dialect)

    def analyze(
        self,
        outcomes: object,
        *,
        touches: object = None,
        campaign: str | Sequence[str] | None = None,
        leak_limit: float = 0.05,
        columns: ColumnsLike = None,
        looks: Looks | None = None,
    ) -> Readout:
        """Compare each arm with the control on every metric, after checking whether the comparison can be trusted.

        Args:
            outcomes: One row per person: the outcomes of `build_outcomes`, or any table with the declared columns; or
                the statistics of `aggregate`, which hold no rows.
            touches: The touches of the campaign, for the leakage check; without them LEAKAGE is "unknown". With the
                outcomes of `build_outcomes` only touches inside a person's window count, else every touch given.
            campaign: Name(s) of the campaign in the touches; None: every outbound touch given belongs to it.
            leak_limit: Share of touched control persons above which LEAKAGE is a failure.
            columns: The user's names of the columns of the touches.
            looks: The log of looks, where the experiment is read while it runs; before its last look (and while windows
                are not over) a reading like this one is early, and the finding EARLY_READING says so.

        Returns:
            The readout. A failed trust check does not hide the numbers: see ``.findings`` and ``.assert_ok()``.

        Raises:
            TableError: With every problem: MISSING_COLUMN, NULL_KEY, REPEATED_PERSON, NULL_OUTCOME, NOT_BINARY,
                NOT_FINITE, WRONG_TYPE, UNKNOWN_ARM, SHARES_SUM, BAD_PROBABILITY.
            DesignError: NO_HOLDOUT without persons in the control arm, ONE_ARM without any other arm,
                NO_COMMON_STRATUM.

        Verified against: the same numbers by hand and by SciPy on the joined rows, on every kind of table, to 1e-10.
        """
        from experiments.readout.analysis import analyze

        chosen = (campaign,) if isinstance(campaign, str) else None if campaign is None else tuple(campaign)
        return analyze(
            self, outcomes, touches=touches, campaign=chosen, leak_limit=leak_limit, columns=columns, looks=looks
        )

    def trust(  # noqa: PLR0913 - the tables that the checks need, each optional
        self,
        outcomes: object,
        *,
        assignment: object = None,
        touches: object = None,
        history: Sequence[str] = (),
        campaign: str | Sequence[str] | None = None,
        leak_limit: float = 0.05,
        columns: ColumnsLike = None,
    ) -> TrustPanel:
        """Run every check of whether the comparison can be trusted, and tell those that could not be run.

        The checks share one chance of a false alarm, 0.001 for all of them together. They are: the sample ratio,
        jointly, by stratum, by day and by weekday; leakage into the control; persons left out; missing outcomes;
        balance of columns from before the assignment; the share of the largest person in an effect; tails that
        Welch's interval is known to miss; and a second computation of the primary metric by a randomisation test.

        Args:
            outcomes: As for `analyze`.
            assignment: Everybody assigned; without it nobody knows who was left out.
            touches: The touches of the campaign; without them the leakage is not known.
            history: Columns of the outcomes known before the assignment, for the balance.
            campaign: As for `analyze`.
            leak_limit: As for `analyze`.
            columns: The user's names of the columns.

        Returns:
            One row per check with its status and its sentence. ``.assert_ok()`` raises when one failed.

        Raises:
            TableError: As `analyze`.
            DesignError: As `analyze`.

        Example:
            >>> import experiments as ex
            >>> c = ex.simulate("default", persons=8_000, seed=7)
            >>> spec = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign", strata="stratum")
            >>> panel = spec.trust(c.outcomes, assignment=c.assignment, touches=c.touches, history=["recency_days"])
            >>> sorted(set(panel.table()["status"]) - {"note", "pass"})
            []
        """
        from experiments.readout.trust import trust_panel

        chosen = (campaign,) if isinstance(campaign, str) else None if campaign is None else tuple(campaign)
        return trust_panel(
            self, outcomes, assignment=assignment, touches=touches, history=tuple(history), campaign=chosen,
            leak_limit=leak_limit, columns=columns,
        )  # fmt: skip

    def monitor(
        self,
        outcomes: object,
        *,
        looks: Looks,
        day: date | str | None = None,
        final: bool = False,
        events: Mapping[str, int] | None = None,
    ) -> Looks:
        """Take a look at the running experiment and append it to its log.

        Args:
            outcomes: The persons whose window is over by the day of the look, or a readout or aggregates of them; or a
                dict of day to outcomes, which takes one look after the other.
            looks: The log so far; its plan names metric, arms and control.
            day: Day of the look; not used with a dict.
            final: Whether the (last) look is the last of all.
            events: Persons with a value other than 0 per arm, where the outcomes are aggregated and the metric is no
                rate.

        Returns:
            A new log; see `Looks`.

        Raises:
            InputError: For a metric or arms that the experiment does not have, or without a day.
            DesignError: As `Looks.append`.
            TableError: As `analyze`.
        """
        from experiments.readout.monitoring import monitor

        return monitor(self, outcomes, looks=looks, day=day, final=final, events=events)

    def by_segment(
        self, outcomes: object, *, by: str | Sequence[str] | None = None, min_persons: int = 20
    ) -> SegmentReadout:
        """Read the effects by segment: first whether they differ at all, then each segment.

        For every metric, arm and segment column one test asks whether the effect is the same in all segments: of rates
        the score test of a common difference, which holds with few events; of the other metrics Cochran's Q with
        Welch's degrees of freedom. Its p-values are adjusted over arms and columns, those of the single segments over
        segments, arms and columns. Columns that ``Experiment(segments=...)`` does not declare are exploratory.

        Args:
            outcomes: As for `analyze`.
            by: The segment column(s), fixed before assignment; the declared ones when None.
            min_persons: Persons that arm and control need in a segment for its effect to be read.

        Returns:
            The readout by segment: ``.table()`` (the overall effect, then each segment), ``.interaction_tests()``,
            ``.sentence()``, ``.findings``.

        Raises:
            InputError: Without any segment column, or for one that is the arm or the person.
            TableError: As for `analyze`; NULL_KEY for empty segments, TOO_MANY_SEGMENTS above 100 values.
            DesignError: POST_ASSIGNMENT for a column known only after assignment; those of `analyze`.

        Verified against: R's oneway.test and uniroot, and by simulation; see docs/methods/segments.md.

        Example:
            >>> import experiments as ex
            >>> c = ex.simulate("default", persons=4_000, seed=7)
            >>> experiment = ex.Experiment({"woken": ex.Rate("woken")}, shares="p_assign", segments="stratum")
            >>> found = experiment.by_segment(c.outcomes)
            >>> found.table()["segment"].tolist()[1:4]
            ['181-365', '366+', '90-180']
            >>> found.interaction_tests().to_dicts()[0]["method"]
            'score interaction'
        """
        from experiments.readout.segments import analyze_by_segment

        return analyze_by_segment(self, outcomes, by=by, min_persons=min_persons)
