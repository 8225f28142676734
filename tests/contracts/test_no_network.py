"""Nothing is fetched and nothing is sent: the main jobs run with sockets forbidden."""

from __future__ import annotations

import pytest

FORBID = """
import sys

def forbid(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind", "urllib.Request"}:
        raise RuntimeError(f"the network was asked for: {event} {arguments!r}")

sys.addaudithook(forbid)
"""
JOBS = {
    "import": "import attribution, experiments; [getattr(p, n) for p in (attribution, experiments) for n in p.__all__]",
    "credit, effect, verdict": """
import attribution as at, experiments as ex
c = ex.simulate("default", persons=3_000, seed=7)
credit = at.attribute(c.touches, c.conversions, models=[*at.RULE_MODELS, at.Markov(), at.Shapley()])
tables = {"touches": c.touches, "prices": c.prices, "as_of": c.as_of}
outcomes = ex.build_outcomes(c.assignment, c.conversions, window="28d", **tables)
experiment = ex.Experiment({"woken": ex.Rate("woken"), "value": ex.Mean("value")}, shares="p_assign")
readout = experiment.analyze(outcomes, touches=c.touches)
pays = ex.cost_thresholds(outcomes, experiment=experiment, thresholds=[60, 85, 125], order=c.order)
print(credit, readout, pays, ex.reconcile(credit, readout, assignment=c.assignment, steps=c.steps))
""",
    "demo and report in every format": """
from experiments.cli import main
for arguments in (["demo", "--out", "demo", "--persons", "1500"],
                  *(["report", "demo/plan.toml", "--format", kind, "--out", f"out-{kind}"]
                    for kind in ("html", "md", "json", "junit", "xlsx"))):
    code = 0
    try:
        main(arguments)
    except SystemExit as end:
        code = end.code or 0
    assert code in {0, 1}, (arguments, code)
""",
    "DuckDB and Polars": """
import attribution as at, duckdb, experiments as ex, polars
c = ex.simulate("default", persons=1_000, seed=7)
for make in (polars.from_pandas, duckdb.from_df):
    print(at.attribute(make(c.touches), make(c.conversions)))
""",
}


@pytest.mark.parametrize("job", JOBS)
def test_no_connection_is_opened(clean_python, tmp_path, monkeypatch: pytest.MonkeyPatch, job: str):
    monkeypatch.chdir(tmp_path)
    status, _, err = clean_python(FORBID + JOBS[job])
    assert status == 0, err[-2000:]


def test_a_connection_would_be_seen(clean_python):
    status, _, err = clean_python(FORBID + "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')")
    assert status != 0
    assert "the network was asked for" in err
