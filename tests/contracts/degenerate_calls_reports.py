"""How the functions of `experiments` are called that simulate, plan and report; what is planned is a mapping."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from degenerate_tables import AS_OF, table
from degenerate_world import MADE, NAME_CASES, World

import experiments as ex


def _plan(w: World) -> dict[str, Any]:
    """A small plan over the tables of the campaign; its numbers and names are inputs."""
    return {
        "campaign": {"name": w.text("campaign", "autumn"), "population": "silent 90 days", "as_of": AS_OF},
        "experiment": {
            "randomised": True, "who": "the data team", "when": "2026-10-01", "how": "hash",
            "control": w.name("holdout"), "order": w.name(["holdout", "sms"]), "window": "28d", "shares": "p_assign",
            "steps": {w.name("sms"): w.name(["push", "sms", "phone"])},
        },
        "metrics": {"woken": {"kind": "rate", "column": "woken", "role": "primary"}},
        "costs": {"thresholds": w.list("thresholds", [20, 40])},
    }  # fmt: skip


def _data(w: World) -> dict[str, Any]:
    """The tables; how they are written is held in the rows of the functions that read them."""
    written = {name: table(name) for name in ("touches", "conversions", "assignment", "prices")}
    return written if w.case not in NAME_CASES or w.twin else {name: w[name] for name in written}


def _report(w: World) -> ex.Report:
    return ex.postmortem(_plan(w), _data(w))


def _planned(w: World) -> dict[str, Any]:
    return ex.Plan.from_dict(_plan(w)).to_dict()


@cache
def _plain_report() -> ex.Report:
    return _report(World())


def _differ(w: World) -> ex.ReportDifference:
    return ex.diff_reports(_plain_report(), _plain_report(), rtol=w.number("rtol", 1e-9))


def _frozen(w: World) -> int:
    with tempfile.TemporaryDirectory() as folder:
        return ex.freeze_figures(
            _plain_report(), Path(folder) / "figures.toml", only=w.text("only", "credit.first_touch.(none).value")
        )


def _rendered(w: World) -> dict[str, Any]:
    """What a report gives out, in every form that writes no file."""
    report = w.made("ex.postmortem")
    figures = json.loads(report.to_json())["figures"]
    return {
        "verdicts": [(made.verdict.word, made.sentence) for made in report.verdicts],
        "gates": len(report.gates),
        "figures": {name: value for name, value in figures.items() if not name.startswith("table.")},
        "summary": report.to_markdown(summary=True, limit=w.number("limit", 200_000)),
        "cases": report.to_junit().count("<testcase"), "pages": report.to_html().count("<html"),
    }  # fmt: skip


def _programme(w: World) -> ex.Report:
    """A page over one campaign twice under two names: what differs is what the caller writes."""
    plans = [copy.deepcopy(_plan(World())) for _ in range(2)]
    for number, plan in enumerate(plans):
        plan["campaign"]["name"] = f"wave {number}"
    other = _data(World())
    other["conversions"] = other["conversions"].assign(value=1.0)
    other["assignment"] = other["assignment"].assign(person_id="X" + other["assignment"]["person_id"])
    return ex.programme_report(plans, data=[_data(World()), other], title=w.text("title", "The year"))


CALLS: dict[str, Callable[[World], Any]] = {
    "ex.simulate": lambda w: ex.simulate(
        w.text("scenario", "default"), persons=w.number("persons", 120), seed=w.number("seed", 7)
    ).outcomes,
    "ex.simulate_acts": lambda w: ex.simulate_acts(persons=w.number("persons", 120), seed=w.number("seed", 7)).events,
    "ex.SimulatedActs": lambda w: MADE["ex.simulate_acts"](w).returning(w.number("days", 60), horizon=180),
    "ex.Plan": _planned,
    "ex.postmortem": _report,
    "ex.Report": _rendered,
    "ex.Report.plot": lambda w: w.made("ex.postmortem").plot(w.text("chart", "chart-effects")),
    "ex.selftest": lambda w: ex.selftest(),
    "ex.model_risk": lambda w: ex.model_risk(_plain_report(), earlier=_plain_report()),
    "ex.report_schema": lambda w: ex.report_schema()["title"],
    "ex.diff_reports": _differ,
    "ex.freeze_figures": _frozen,
    "ex.programme_report": _programme,
    "ex.plot_looks": lambda w: ex.plot_looks(w.made("ex.Looks, one")),
    "ex.plot_power": lambda w: ex.plot_power(ex.power_curve([0.002, 0.004], [5000, 20_000], control=0.01),
        wanted=w.number("wanted", 0.8)),
}  # fmt: skip

MADE |= {
    "ex.simulate_acts": lambda w: ex.simulate_acts(persons=120, seed=7),
    "ex.postmortem": _report,
    "ex.Looks, one": lambda w: ex.Looks(planned=2000, arms=[w.name("sms")], control=w.name("holdout")).append(
        "2026-10-12", matured=w.mapping("matured", {"holdout": 120, "sms": 1080}),
        events=w.mapping("events", {"holdout": 14, "sms": 190}),
        readings=w.mapping("readings", {"sms": (0.0059, 0.0033)}),
    ),
}  # fmt: skip

REASONS: dict[str, str] = {
    "ex.SelfTest": "result of ex.selftest",
    "ex.Campaign": "result of ex.simulate",
    "ex.ReportDifference": "result of ex.diff_reports",
}
