"""Gates of a plan as pytest tests, and the report as fixtures; switched on by ``--wakelift-plan``.

Without that option this module does nothing and imports nothing but pytest: no pandas, no pydantic, no SciPy.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attribution.core.findings import Finding
    from experiments.report.difference_result import Change
    from experiments.report.document import Gate
    from experiments.report.report import Report

_PLANS = pytest.StashKey[list[Path]]()
_REPORTS = pytest.StashKey[dict[Path, Any]]()
_LONGEST_NAME = 200
_FROZEN = ("verdict", "figure")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, in a group of their own."""
    group = parser.getgroup("wakelift", "gates of WakeLift plans")
    group.addoption(
        "--wakelift-plan",
        action="append",
        default=[],
        metavar="PLAN",
        help="A plan whose gates are collected as tests; may be given several times.",
    )
    group.addoption(
        "--wakelift-strict",
        action="store_true",
        help="An undecided gate fails instead of being skipped with its reason.",
    )
    group.addoption(
        "--wakelift-lang", default=None, choices=("en", "zh"), help="Language of the messages; the plan's when absent."
    )
    group.addoption(
        "--wakelift-frozen",
        default=None,
        metavar="FILE",
        help="Frozen figures (wakelift diff --freeze FILE): each is a test that fails when it moved. One plan only.",
    )
    group.addoption(
        "--wakelift-rtol",
        default=1e-9,
        type=float,
        metavar="SHARE",
        help="A frozen figure may move by this share of the larger number (default: 1e-9).",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Let the plans be collected beside what is collected anyway."""
    plans = list(dict.fromkeys(_absolute(config, name) for name in config.getoption("--wakelift-plan")))
    if config.getoption("--wakelift-frozen") is not None and len(plans) != 1:
        raise pytest.UsageError(
            f"--wakelift-frozen holds the figures of one plan, and --wakelift-plan names {len(plans)}. Name one."
        )
    config.stash[_PLANS] = plans
    config.stash[_REPORTS] = {}
    # A worker of pytest-xdist is handed the arguments of its controller, plans included.
    named = {_absolute(config, argument.partition("::")[0]) for argument in config.args}
    config.args += [str(plan) for plan in plans if plan not in named]


def _absolute(config: pytest.Config, name: str) -> Path:
    return (config.invocation_params.dir / name).resolve()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> PlanFile | None:
    """A plan that the option names."""
    if file_path.resolve() not in parent.config.stash[_PLANS]:
        return None
    return PlanFile.from_parent(parent, path=file_path)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for a report runs once for each plan."""
    plans = metafunc.config.stash[_PLANS]
    if plans and "wakelift_plan" in metafunc.fixturenames:
        metafunc.parametrize("wakelift_plan", plans, indirect=True, scope="session", ids=[plan.stem for plan in plans])


# --- collected -------------------------------------------------------------------------------------------------------


class PlanFile(pytest.File):
    """A plan file; its gates are its tests. A plan or tables that are unusable fail the collection (exit code 2)."""

    def collect(self) -> Iterator[pytest.Item]:
        """The gates in the order of the report, then the frozen figures and verdicts."""
        from attribution.core.errors import WakeLiftError
        from experiments.plan.spelling import in_words_of_plans

        try:
            report = _report(self.config, self.path.resolve())
            moved = _moved(self.config, report)
        except (WakeLiftError, OSError) as error:
            raise self.CollectError(in_words_of_plans(str(error))) from None
        for gate in report.gates:
            name = gate.name.removeprefix("decision:")
            yield GateItem.from_parent(self, name=_item_name("gate", name), gate=gate)
        for (area, name), change in moved.items():
            yield FrozenItem.from_parent(self, name=_item_name(area, name), change=change)


class GateItem(pytest.Item):
    """One gate of a plan as a test."""

    def __init__(self, *, gate: Gate, **settings: Any) -> None:
        super().__init__(**settings)
        self._gate = gate
        self.user_properties += [("expected", gate.expected), ("observed", gate.observed)]

    def runtest(self) -> None:
        """Fail, skip or pass as the gate does."""
        gate = self._gate
        if gate.status == "undecided" and not self.config.getoption("--wakelift-strict"):
            pytest.skip(gate.message)
        if gate.status != "hold":
            raise GateFailure(f"{gate.message}\n  expected: {gate.expected}\n  observed: {gate.observed}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The gate's own sentence; a traceback only for what is no failed gate."""
        return _sentence(excinfo) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """The plan and the gate; there is no line."""
        return self.path, None, self.name


class FrozenItem(pytest.Item):
    """One frozen figure or verdict as a test."""

    def __init__(self, *, change: Change | None, **settings: Any) -> None:
        super().__init__(**settings)
        self._change = change

    def runtest(self) -> None:
        """Fail when it moved."""
        change = self._change
        if change is not None:
            by = "" if change.difference is None else f" (by {change.difference:.6g})"
            raise GateFailure(f"{change.name} {change.change}: {change.old} -> {change.new}{by}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What moved; a traceback only for what is no moved figure."""
        return _sentence(excinfo) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """The plan and the figure; there is no line."""
        return self.path, None, self.name


class GateFailure(Exception):  # noqa: N818 -- a gate that does not hold is a failure, no error
    """A gate does not hold; its text is the gate's sentence."""


def _sentence(excinfo: pytest.ExceptionInfo[BaseException]) -> str:
    return str(excinfo.value) if isinstance(excinfo.value, GateFailure) else ""


def _item_name(kind: str, name: str) -> str:
    from attribution.core.formats import format_value

    shown = format_value(name, "text")
    return f"{kind}[{shown if len(shown) <= _LONGEST_NAME else shown[: _LONGEST_NAME - 1] + '…'}]"


def _report(config: pytest.Config, plan: Path) -> Report:
    """The report of a plan, made once in a run."""
    made = config.stash[_REPORTS]
    if plan not in made:
        from experiments.plan import Plan
        from experiments.post_mortem.compose import postmortem

        declared = Plan.read(plan)
        made[plan] = postmortem(declared, lang=config.getoption("--wakelift-lang") or declared.report.language)
    report: Report = made[plan]
    return report


def _moved(config: pytest.Config, report: Report) -> dict[tuple[str, str], Change | None]:
    """Every frozen figure and verdict with what changed of it; empty when nothing is frozen."""
    frozen = config.getoption("--wakelift-frozen")
    if frozen is None:
        return {}
    from experiments.report.difference import diff_reports
    from experiments.report.difference_inputs import facts_of

    place = _absolute(config, frozen)
    facts = facts_of(place)
    changes = {
        (change.area, change.name): change
        for change in diff_reports(place, report, rtol=config.getoption("--wakelift-rtol")).changes
        if change.area in _FROZEN  # a whole report may stand in for frozen figures; its versions never decide
    }
    names = [*(("verdict", name) for name in facts.verdicts), *(("figure", name) for name in facts.figures)]
    return {name: changes.get(name) for name in [*names, *(key for key in changes if key not in names)]}


# --- fixtures --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def wakelift_plan(request: pytest.FixtureRequest) -> Path:
    """The plan that ``--wakelift-plan`` names; the test runs once for each when there are several."""
    plan: Path | None = getattr(request, "param", None)
    if plan is None:
        pytest.skip("no plan: name one with --wakelift-plan PLAN")
    return plan


@pytest.fixture(scope="session")
def wakelift_report(wakelift_plan: Path, request: pytest.FixtureRequest) -> Report:
    """The post-mortem of the plan, made once in a run."""
    return _report(request.config, wakelift_plan)


@pytest.fixture(scope="session")
def wakelift_findings(wakelift_report: Report) -> tuple[Finding, ...]:
    """The findings of the post-mortem, the most serious first."""
    return wakelift_report.findings
