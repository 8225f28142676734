"""A finding: the outcome of one check, language-free; its sentence comes from the message catalogues."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from attribution.core import messages
from attribution.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["STATUSES", "Finding", "Status", "worst"]

Status = Literal["pass", "note", "warn", "fail", "unknown"]
STATUSES: tuple[Status, ...] = ("pass", "note", "unknown", "warn", "fail")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Finding:
    """The outcome of one check.

    Attributes:
        code: Stable code, public API, for example ``SRM``.
        status: ``"pass"``, ``"note"`` (a fact worth a line), ``"warn"``, ``"fail"`` or ``"unknown"``.
        message: The sentence in the language that was set when it is read.
        values: The numbers behind the sentence.
    """

    code: str
    status: Status
    values: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise InputError(f"status must be one of {', '.join(STATUSES)}, got {self.status!r}.")
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    @property
    def message(self) -> str:
        """The sentence, in the current language."""
        return self.text()

    def text(self, lang: str | None = None) -> str:
        """The sentence in ``lang`` ("en" or "zh"); the current language by default."""
        # One code can read differently by status: the catalogue may hold SRM and SRM.fail.
        specific = f"{self.code}.{self.status}"
        key = specific if messages.has(specific) else self.code
        return messages.text(key, self.values, lang=lang)

    def __repr__(self) -> str:
        return f"[{self.status}] {self.code}: {self.text()}"


def worst(findings: tuple[Finding, ...]) -> Status:
    """The most serious status among the findings; "pass" when there is none."""
    return max((finding.status for finding in findings), key=STATUSES.index, default="pass")
