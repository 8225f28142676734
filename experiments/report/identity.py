"""Names that tell the findings of a report apart and stay the same from run to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core.formats import format_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["finding_names"]

# What a finding is about, in this order; numbers change from run to run and are no name.
_ABOUT = (
    "table", "column", "metric", "outcome", "model", "step", "arm", "control", "segment", "stratum", "wave", "campaign",
    "channel", "kind", "guardrail", "name", "key",
)  # fmt: skip
_LONGEST = 200


def finding_names(findings: Iterable[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """One name for each (code, values): the code, what it is about in brackets, and a number where that repeats."""
    seen: dict[str, int] = {}
    made: list[str] = []
    for code, values in findings:
        about = [_shown(values[name]) for name in _ABOUT if isinstance(values.get(name), str) and values[name]]
        name = f"{code}[{','.join(about)}]" if about else code
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return made


def _shown(text: str) -> str:
    shown = format_value(text, "text")
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
