"""What the checks found, as rows: errors first, then warnings, then notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.errors import TableError
from attribution.core.records import Field, Records, TabularResult
from attribution.core.render.display import Display, records_table

if TYPE_CHECKING:
    from attribution.core.errors import TableIssue
    from attribution.core.findings import Finding
    from attribution.core.formats import ValueKind
    from attribution.core.recipe import Recipe

__all__ = ["Checks"]

_FIELDS: dict[str, ValueKind] = {
    "severity": "text",
    "code": "text",
    "table": "text",
    "column": "text",
    "count": "count",
    "examples": "text",
    "meaning": "text",
    "what_to_do": "text",
    "detail": "text",
}
_SHOWN = ("severity", "code", "table", "column", "count", "examples", "what_to_do")
_SEVERITY = {"fail": "error", "warn": "warn", "note": "note", "unknown": "note"}
_ORDER = ("error", "warn", "note")
# The table and the column that a finding speaks of, where it is one table.
_PLACES = {
    "AFTER_CONVERSION": ("touches", "time"),
    "BUSY_PERSON": ("touches", "person_id"),
    "CHANNEL_ALIASES": ("touches", "channel"),
    "CHANNEL_TIME_SLIP": ("touches", "time"),
    "IDENTITY": ("links", None),
    "LATER_CONVERSIONS": ("conversions", None),
    "LINKS_LATE": ("links", "time"),
    "LINKS_SHARED": ("links", None),
    "LINKS_UNDATED": ("links", "time"),
    "NEAR_DUPLICATE": ("conversions", "conversion_id"),
    "NO_CONVERSIONS": ("conversions", None),
    "NO_TOUCH": ("conversions", None),
    "PERSON_SPELLING": ("conversions", "person_id"),
    "PRICE_ALIASES": ("prices", "channel"),
    "REFUNDS": ("conversions", "refund_of"),
    "REPEATED_TOUCH": ("touches", None),
    "TEST_ACCOUNTS": ("customers", "is_test"),
    "TIME_ZONE_SLIP": ("touches", "time"),
    "UNKNOWN_PERSONS": ("customers", "person_id"),
}
# The value that counts what a finding speaks of: the first of these that it has.
_COUNTS = ("n", "persons", "refunds", "untouched", "links")
_EXAMPLES = ("examples", "groups", "keys", "channel")


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Checks(TabularResult):
    """What is wrong, suspicious or worth knowing in the tables.

    The table has severity ("error", "warn", "note"), code, table, column, count, examples; meaning and what_to_do in
    the current language; and detail, the error's own words in English.

    Attributes:
        issues: What would make a call raise, as the errors list it.
        findings: What is suspicious or worth knowing.
        recipe: Rules and numbers of rows.
    """

    issues: tuple[TableIssue, ...]
    findings: tuple[Finding, ...]
    recipe: Recipe

    @property
    def ok(self) -> bool:
        """Whether nothing is an error; warnings may be left."""
        return not self.issues and all(finding.status != "fail" for finding in self.findings)

    def assert_ok(self) -> None:
        """Raise when anything is an error.

        Raises:
            TableError: With every issue.
        """
        if self.issues:
            raise TableError(self.issues)

    def _rows(self) -> list[dict[str, object]]:
        rows = [_of_issue(issue) for issue in self.issues]
        rows += [_of_finding(finding) for finding in self.findings if finding.status != "pass"]
        return sorted(rows, key=lambda row: _ORDER.index(str(row["severity"])))

    def _records(self) -> Records:
        return Records.from_rows([Field(name, kind) for name, kind in _FIELDS.items()], self._rows())

    def _display(self) -> Display:
        rows = self._rows()
        counts = {
            name: sum(row["severity"] == severity for row in rows)
            for name, severity in (("errors", "error"), ("warnings", "warn"), ("notes", "note"))
        }
        said = messages.text("CHECKS.SUMMARY", counts)
        title = messages.text("CHECKS.TITLE")
        if not rows:
            return Display(title, (said,))
        meanings = [f"[{row['code']}] {row['meaning']}" for row in rows]
        return Display(title, (said, records_table(self._records(), _SHOWN), *dict.fromkeys(meanings)))


def _of_issue(issue: TableIssue) -> dict[str, object]:
    return {
        "severity": "error",
        "code": issue.code,
        "table": issue.table,
        "column": issue.column,
        "count": issue.count,
        "examples": ", ".join(issue.examples) or None,
        "meaning": messages.text(f"ISSUE.{issue.code}"),
        "what_to_do": messages.text(f"REMEDY.{issue.code}"),
        "detail": issue.message,
    }


def _of_finding(finding: Finding) -> dict[str, object]:
    values = finding.values
    table, column = _PLACES.get(finding.code, (values.get("table"), None))
    if finding.code == "DAY_PRECISION":
        column = "time"
    remedy = f"REMEDY.{finding.code}"
    if finding.code == "DAY_PRECISION" and table == "touches":  # a touch has no end of its day to count at
        remedy = "REMEDY.DAY_PRECISION_OF_TOUCHES"
    elif finding.code == "NO_TOUCH" and finding.status == "warn":
        remedy = "REMEDY.HARDLY_ANY_TOUCH"
    return {
        "severity": _SEVERITY[finding.status],
        "code": finding.code,
        "table": table,
        "column": column,
        "count": next((values[name] for name in _COUNTS if name in values), None),
        "examples": next((str(values[name]) for name in _EXAMPLES if name in values), None) or None,
        "meaning": finding.text(),
        "what_to_do": messages.text(remedy) if messages.has(remedy) else None,
    }
