"""Whether tables are fit: what the checks of both packages say about them, as one list."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.errors import DesignError, InputError, TableError
from attribution.core.records import Field, Records, TabularResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attribution.core.errors import TableIssue
    from attribution.core.findings import Finding
    from attribution.core.render.display import Display

__all__ = ["Fitness", "fitness"]

_NAMES = (
    "touches", "conversions", "assignment", "outcomes", "prices", "history", "customers", "links", "key_events",
)  # fmt: skip
_CHECKED = ("customers", "prices", "links", "key_events")
_FIELDS = {
    "severity": "text", "code": "text", "table": "text", "column": "text", "count": "count", "examples": "text",
    "meaning": "text", "what_to_do": "text", "detail": "text",
}  # fmt: skip
_SHOWN = ("severity", "code", "table", "column", "count")
# How `open_table` says that a column is missing (attribution/core/tables.py).
_MISSING = re.compile(
    r"column .+? is missing\. (?:Did you mean (?P<near>'[^']+'|\"[^\"]+\")\?|There are: (?P<there>.*)\.|.*) "
    r"Name it with columns=Columns\((?:(?P<role>\w+)=\"|)\.\.\.\"?\)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Fitness(TabularResult):
    """Every problem of the tables, the gravest first.

    Columns: severity ("error": unusable until mended; "fail": a check of the experiment fails; "warn"; "note"), code,
    table, column, count, examples, meaning, what_to_do, detail.

    Attributes:
        issues: What makes the tables unusable.
        findings: What a check says that did not pass.
        refusal: Why the design itself cannot answer, if so.
    """

    issues: tuple[TableIssue, ...]
    findings: tuple[Finding, ...]
    refusal: DesignError | None = None

    @property
    def errors(self) -> int:
        """How many problems make the tables unusable."""
        return len(self.issues) + (self.refusal is not None)

    @property
    def failing(self) -> int:
        """How many checks fail."""
        return sum(finding.status == "fail" for finding in self.findings)

    def _rows(self) -> list[dict[str, Any]]:
        from attribution.checks import Checks
        from attribution.core.recipe import Recipe

        recipe = Recipe(method="check_data")
        wrong = Checks(issues=self.issues, findings=(), recipe=recipe).to_dicts()
        said = Checks(issues=(), findings=self.findings, recipe=recipe).to_dicts()
        if self.refusal is not None:
            meaning = str(self.refusal).partition(": ")[2]
            wrong.append(dict.fromkeys(_FIELDS) | {"severity": "error", "code": self.refusal.code, "meaning": meaning})
        return wrong + [row | ({"severity": "fail"} if row["severity"] == "error" else {}) for row in said]

    def _records(self) -> Records:
        kinds: Any = _FIELDS
        return Records.from_rows([Field(name, kind) for name, kind in kinds.items()], self._rows())

    def _display(self) -> Display:
        from attribution.core.render.display import Display, records_table

        rows = self._rows()
        counts = {name: sum(row["severity"] == name for row in rows) for name in ("error", "fail", "warn", "note")}
        said = messages.text("CLI.DATA_SUMMARY", counts)
        title = messages.text("CLI.DATA_TITLE")
        if not rows:
            return Display(title, (said,))
        return Display(title, (said, records_table(self._records(), _SHOWN), *dict.fromkeys(map(_told, rows))))


def _told(row: Mapping[str, Any]) -> str:
    """What a problem means, where it was seen, and what to do."""
    seen = [f"({row['examples']})"] if row["examples"] else []
    advice = _named(row) or (row["what_to_do"],)
    return " ".join(str(part) for part in (f"[{row['code']}]", row["meaning"], *seen, *advice) if part)


def _named(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Of a missing column: which it is, the nearest name that the table has, and how a command line names it."""
    found = _MISSING.fullmatch(str(row["detail"])) if row["code"] == "MISSING_COLUMN" else None
    if found is None:
        return ()
    near, there, role = found["near"], found["there"], found["role"]
    meant = [messages.text("CLI.DATA_NEAR", {"name": ast.literal_eval(near)})] if near else []
    meant += [messages.text("CLI.DATA_THERE", {"names": there})] if there else []
    place = {"table": row["table"], "column": row["column"], "role": role or row["column"]}
    return messages.text("CLI.DATA_MISSING", place), *meant, messages.text("CLI.DATA_NAME_IT", place)


def fitness(options: Mapping[str, Any]) -> Fitness:
    """Check the tables that the options name, by a plan or one by one.

    Raises:
        InputError: When no table is named, or one cannot be read at all.
    """
    if options["plan"] is not None:
        return _of_plan(options)
    from experiments.cli.inputs import Inputs
    from experiments.cli.trial import read_all

    inputs = Inputs.of({name: options[name] for name in _NAMES}, options)
    if not inputs.given:
        raise InputError("there is nothing to check: give a PLAN, or tables by name, such as --touches touches.csv.")
    tables = read_all(inputs, _NAMES)
    return _checked(tables, tables["columns"], lambda: _experiment_findings(tables, options))


def _of_plan(options: Mapping[str, Any]) -> Fitness:
    given = [name for name in _NAMES if options[name] is not None]
    if given:
        raise InputError(f"a PLAN is given, and so is --{given[0].replace('_', '-')}. Give a plan or tables.")
    from experiments.plan import Plan, load_tables
    from experiments.post_mortem.evidence import gather

    plan = Plan.read(options["plan"])
    tables = load_tables(plan)
    return _checked(tables, plan.columns(), lambda: gather(plan, tables).findings())


def _checked(
    tables: Mapping[str, Any], columns: Mapping[str, Any], experiment: Callable[[], Sequence[Finding]]
) -> Fitness:
    """The checks of the tables, then those of the experiment; what both say is told once."""
    from attribution import check_tables

    issues: list[TableIssue] = []
    findings: list[Finding] = []
    refusal: DesignError | None = None
    parts = {name: tables.get(name) for name in ("touches", "conversions", *_CHECKED)}
    if any(table is not None for table in parts.values()):
        checks = check_tables(parts.pop("touches"), parts.pop("conversions"), columns=columns, **parts)
        issues += checks.issues
        findings += checks.findings
    try:
        findings += experiment()
    except TableError as error:
        known = {(issue.code, issue.table, issue.column) for issue in issues}
        issues += [issue for issue in error.issues if (issue.code, issue.table, issue.column) not in known]
    except DesignError as error:
        refusal = error
    once = {(finding.code, finding.text("en")): finding for finding in findings if finding.status != "pass"}
    return Fitness(issues=tuple(issues), findings=tuple(once.values()), refusal=refusal)


def _experiment_findings(tables: Mapping[str, Any], options: Mapping[str, Any]) -> Sequence[Finding]:
    """What the trust checks say of the assignment or the outcomes; nothing when there is neither."""
    if tables["outcomes"] is None and tables["assignment"] is None:
        return ()
    if tables["outcomes"] is None and tables["conversions"] is None:
        raise InputError("an assignment can only be checked with --conversions. Give both, or neither.")
    from experiments import Rate
    from experiments.cli.trial import declared, read_outcomes

    outcomes = read_outcomes(tables, options)
    columns = {"touches": tables["columns"]["touches"]}
    experiment = declared({options["woken"]: Rate(options["woken"])}, options)
    return (
        *getattr(outcomes, "findings", ()),
        *experiment.analyze(outcomes, touches=tables["touches"], columns=columns).findings,
    )
