"""What the public analysis says about a simulated scenario, in the words of `Campaign.expected`.

Print how often every expected row is given:
`PYTHONPATH=.:tests python tests/statistical/scenario_findings.py [seeds] [persons] [scenario ...]`.
"""

from __future__ import annotations

import sys
from collections import Counter

import attribution as at
import experiments as ex
from attribution.core.errors import WakeLiftError

SCENARIOS = (
    "default", "null", "dirty", "weak", "phone_harm", "hunter_heavy", "market_rally", "adaptive_resend", "waves",
    "pull_forward", "leak", "srm", "split_ids",
)  # fmt: skip
THRESHOLDS = [60, 85, 125]
MARGIN, SEGMENT_MARGIN = 0.0015, 0.004  # a segment has too few closures for the margin of the whole campaign


def metrics():
    return {
        "woken": ex.Rate("woken"),
        "value": ex.Mean("value", role="secondary"),
        "closed": ex.Rate("closed", role="guardrail", direction="down"),
    }


def experiment(*, margin=MARGIN, **options):
    return ex.Experiment(metrics(), shares="p_assign", guardrails=(ex.Guardrail("closed", margin),), **options)


def outcomes_of(c, assignment=None):
    return ex.build_outcomes(
        c.assignment if assignment is None else assignment, c.conversions, touches=c.touches, prices=c.prices,
        history=c.history, window="28d", as_of=c.as_of,
    )  # fmt: skip


def _findings(where, found):
    return {(where, item.code, item.status, item.values.get("arm"), None, None, None) for item in found}


def _verdicts(pays, column=None):
    said = set()
    for row in pays.to_dicts():
        segment = f"{column}={row['segment']}" if column else None
        for reason in {None, *(row["reason"] or "").split("; ")}:
            word = row["verdict"]
            said.add(("cost_thresholds", word, "verdict", row["arm"], float(row["threshold"]), segment, reason))
    return said


def _errors(where, call):
    """The codes of the error that a call raises."""
    try:
        call()
    except WakeLiftError as error:
        codes = [issue.code for issue in getattr(error, "issues", ())] or [error.code]
        return {(where, code, "error", None, None, None, None) for code in codes}
    return set()


def _reading(c, outcomes, **options):
    spec = experiment(**options)
    readout = spec.analyze(outcomes, touches=c.touches)
    pays = ex.cost_thresholds(outcomes, experiment=spec, thresholds=THRESHOLDS, order=c.order, touches=c.touches)
    return _findings("Experiment.analyze", readout.findings) | _verdicts(pays)


def _plain(c):
    return _reading(c, outcomes_of(c))


def _dirty(c):
    checked = at.check_tables(c.touches, c.conversions, customers=c.customers, prices=c.prices, links=c.links)
    rows = [(row["code"], {"error": "error", "warning": "warn"}.get(row["severity"], row["severity"]))
            for row in checked.to_dicts()]  # fmt: skip
    return {("check_tables", code, severity, None, None, None, None) for code, severity in rows}


def _answered(c, column):
    """Comparing those who answered (or got two messages) with the others is refused."""
    touched = c.touches[c.touches["channel"].eq("phone") & c.touches["kind"].eq("answered")]
    sent = c.touches[c.touches["channel"] == "sms"].groupby("person_id").size()
    people = outcomes_of(c).table()
    people["answered"] = people["person_id"].isin(touched["person_id"]).map({True: "yes", False: "no"})
    people["n_touches"] = people["person_id"].map(sent).fillna(0).astype(int).astype(str)
    control = {"answered": "no", "n_touches": "1"}[column]
    return _errors("Experiment", lambda: ex.Experiment(metrics(), arm=column, control=control).analyze(people))


def _hunters(c):
    outcomes = outcomes_of(c)
    said = _reading(c, outcomes)
    spec = experiment(segments="source", margin=SEGMENT_MARGIN)
    others = {source: [125] for source in ("official", "search", "app_store", "referral")}
    for rebate in (125, 30):
        pays = ex.cost_thresholds(
            outcomes, experiment=spec, thresholds={"rebate": [rebate], **others}, order=c.order, by="source",
            touches=c.touches,
        )  # fmt: skip
        said |= _verdicts(pays, "source")
    return said


def _waves(c):
    outcomes = outcomes_of(c)
    spec = experiment(strata="stratum", margin=SEGMENT_MARGIN)
    pays = ex.cost_thresholds(
        outcomes, experiment=spec, thresholds=THRESHOLDS, order=c.order, by="stratum", touches=c.touches
    )
    unstratified = _findings("Experiment.analyze", experiment().analyze(outcomes, touches=c.touches).findings)
    return _reading(c, outcomes, strata="stratum") | _verdicts(pays, "wave") | unstratified


def _pulled(c):
    late = ex.pull_forward(c.assignment, c.conversions, as_of=c.as_of)
    return _plain(c) | _findings("pull_forward", late.findings)


def _numbers(c):
    assignment = c.assignment.drop_duplicates(["person_id", "arm"])
    outcomes = outcomes_of(c, assignment)
    return (
        _findings("resolve_identity", at.resolve_identity(c.links, assignment=c.assignment).findings)
        | _errors("build_outcomes", lambda: outcomes_of(c))
        | _findings("build_outcomes", outcomes.findings)
        | _reading(c, outcomes)
    )


ANALYSES = {
    "dirty": _dirty,
    "null": lambda c: _plain(c) | _answered(c, "answered"),
    "adaptive_resend": lambda c: _plain(c) | _answered(c, "n_touches"),
    "hunter_heavy": _hunters,
    "waves": _waves,
    "pull_forward": _pulled,
    "split_ids": _numbers,
}


def said_of(campaign):
    """Everything that the analysis of its scenario says: (where, code, status, arm, threshold, segment, reason)."""
    return ANALYSES.get(campaign.scenario, _plain)(campaign)


def expected_of(campaign):
    """The expected rows in the same form."""
    table = campaign.expected.astype(object)
    return [tuple(row) for row in table.where(table.notna(), None).itertuples(index=False, name=None)]


def main():
    """Print the table."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    persons = int(sys.argv[2]) if len(sys.argv) > 2 else 60_000
    print("| scenario | where | code | status | arm | threshold | segment | reason | given |")
    print("|---|---|---|---|---|---|---|---|---|")
    for scenario in sys.argv[3:] or SCENARIOS:
        given, rows = Counter(), []
        for seed in range(seeds):
            campaign = ex.simulate(scenario, persons=persons, seed=seed)
            rows, said = expected_of(campaign), said_of(campaign)
            given.update(row for row in rows if row in said)
        for row in rows:
            print(f"| {scenario} | {' | '.join('' if each is None else f'{each}' for each in row)} "
                  f"| {given[row]} of {seeds} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
