"""What two reports are compared by, out of a report, its JSON, or a file of frozen figures; checked before use."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError
from experiments.plan.spelling import shown, shown_path
from experiments.report.identity import finding_names

if TYPE_CHECKING:
    from experiments.report.report import Report

__all__ = ["FROZEN_VERSION", "Facts", "facts_of", "verdict_name"]

FROZEN_VERSION = "1.0"
_LARGEST = 1 << 28
_WRITE_ANEW = "Write the report anew with: wakelift report PLAN --out DIR --format json"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Facts:
    """What is compared of one report.

    Attributes:
        label: Where it came from, for messages.
        frozen: Whether it is a file of frozen figures: what it does not hold is not compared.
        figures: Figures by name; None where a figure has no number.
        verdicts: Word (and reason) by contrast, segment and threshold.
        findings: Status and numbers by name.
        gates: Status by name.
        plan: The plan as dotted keys.
        data: Fingerprints of the data by result.
        versions: Versions of the libraries.
    """

    label: str
    frozen: bool
    figures: Mapping[str, float | None]
    verdicts: Mapping[str, str]
    findings: Mapping[str, tuple[str, Mapping[str, float | None]]] = field(default_factory=dict)
    gates: Mapping[str, str] = field(default_factory=dict)
    plan: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def facts_of(source: Report | Mapping[str, Any] | str | Path) -> Facts:
    """The facts of a report, a mapping of its JSON, or a file of either kind.

    Raises:
        InputError: When the source is no report, cannot be read, or is of another generation.
    """
    if isinstance(source, (str, Path)):
        return _checked(_read(Path(source)), shown_path(Path(source).as_posix()))
    if isinstance(source, Mapping):
        return _checked(source, "the mapping")
    write: Callable[[], str] | None = getattr(source, "to_json", None)
    if write is None:
        raise InputError(
            f"a report was expected, got {type(source).__name__}. Give an ex.Report, the path of a report.json or of "
            "frozen figures, or the mapping that a report.json holds."
        )
    return _checked(json.loads(write()), "the report")


def _read(path: Path) -> Any:
    place = path / "report.json" if path.is_dir() else path
    try:
        with place.open("rb") as file:
            held = file.read(_LARGEST + 1)  # a device has no size and no end; what a shell pipes in has no size
        if len(held) > _LARGEST:
            raise InputError(f"{shown_path(place.as_posix())} is larger than 256 MiB; that is no report. {_WRITE_ANEW}")
        text = held.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else None
        reason = reason or getattr(error, "strerror", None) or str(error)
        raise InputError(f"{shown_path(place.as_posix())} cannot be read: {reason}. {_WRITE_ANEW}") from error
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError(
            f"{shown_path(place.as_posix())} is not the JSON of a report: {said}. {_WRITE_ANEW}"
        ) from error


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _checked(content: object, label: str) -> Facts:
    if not isinstance(content, Mapping):
        raise _unusable(label, f"a mapping was expected, got {type(content).__name__}")
    reading = _Reading(content, label)
    if "frozen_version" in content:
        reading.generation("frozen_version", FROZEN_VERSION)
        words = reading.mapping("verdicts")
        return Facts(
            label=label,
            frozen=True,
            figures=reading.figures(),
            verdicts={name: reading.text(word, f"verdicts.{name}") for name, word in words.items()},
        )
    if "schema_version" not in content:
        raise _unusable(label, 'it has neither "schema_version" (a report) nor "frozen_version" (frozen figures)')
    reading.generation("schema_version", "1.0")
    return reading.report()


class _Reading:
    """Takes one report apart; everything that is missing or of the wrong type is one clear error."""

    def __init__(self, content: Mapping[str, Any], label: str) -> None:
        self._content = content
        self._label = label

    def generation(self, key: str, ours: str) -> None:
        """Refuse another first part of the version: names have changed their meaning."""
        version, (first, _) = self._content[key], ours.split(".")
        if not isinstance(version, str) or version.partition(".")[0] != first:
            raise _unusable(self._label, f"{key} is {shown(version)}, and this version reads {first}.x only")

    def report(self) -> Facts:
        """The facts of a whole report."""
        return Facts(
            label=self._label,
            frozen=False,
            figures=self.figures(),
            verdicts=dict(self._verdict(row) for row in self._rows("verdicts")),
            findings=self._findings(),
            gates={
                self.text(row.get("name"), "gates.name"): self.text(row.get("status"), "gates.status")
                for row in self._rows("gates")
            },
            plan=_flat(self.mapping("plan", absent=True)),
            data=self._fingerprints(),
            versions={key: str(value) for key, value in self.mapping("versions", absent=True).items()},
        )

    def figures(self) -> dict[str, float | None]:
        """The figures, each a number or None."""
        return {name: self._number(value, f"figures.{name}") for name, value in self.mapping("figures").items()}

    def mapping(self, key: str, *, absent: bool = False) -> Mapping[str, Any]:
        """One key that holds a mapping; ``absent``: reports of an earlier version may lack it."""
        value = self._content.get(key, {} if absent else None)
        if not isinstance(value, Mapping):
            raise _unusable(self._label, f'"{key}" must be a mapping, got {shown(value)}')
        return value

    def text(self, value: object, place: str) -> str:
        """A text."""
        if not isinstance(value, str):
            raise _unusable(self._label, f"{place[:100]} must be text, got {shown(value)}")
        return value

    def _rows(self, key: str) -> list[Mapping[str, Any]]:
        value = self._content.get(key)
        if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
            raise _unusable(self._label, f'"{key}" must be a list of mappings')
        return value

    def _number(self, value: object, place: str) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _unusable(self._label, f"{place[:100]} must be a number or null, got {shown(value)}")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise _unusable(self._label, f"{place[:100]} is no finite number")
        return number

    def _verdict(self, row: Mapping[str, Any]) -> tuple[str, str]:
        threshold = self._number(row.get("threshold"), "verdicts.threshold")
        if threshold is None:
            raise _unusable(self._label, "verdicts.threshold is missing")
        names = [row.get(name) for name in ("arm", "control", "segment")]
        arm, control, segment = (None if name is None else self.text(name, "verdicts") for name in names)
        word, reason = (self.text(row.get(name), f"verdicts.{name}") for name in ("verdict", "reason"))
        return verdict_name(str(arm), str(control), segment, threshold), f"{word} ({reason})" if reason else word

    def _findings(self) -> dict[str, tuple[str, Mapping[str, float | None]]]:
        rows = self._rows("findings")
        values: list[Any] = [row.get("values") if isinstance(row.get("values"), Mapping) else {} for row in rows]
        pairs = [
            (self.text(row.get("code"), "findings.code"), held or {}) for row, held in zip(rows, values, strict=True)
        ]
        made: dict[str, tuple[str, Mapping[str, float | None]]] = {}
        for name, row, (_, held) in zip(finding_names(pairs), rows, pairs, strict=True):
            numbers = {
                str(key): self._number(value, f"findings.{key}")
                for key, value in held.items()
                if isinstance(value, (int, float)) and not isinstance(value, bool)
            }
            made[name] = (self.text(row.get("status"), "findings.status"), numbers)
        return made

    def _fingerprints(self) -> dict[str, str]:
        recipes = self.mapping("recipe", absent=True)
        return {
            name: str(recipe["fingerprint"])
            for name, recipe in recipes.items()
            if isinstance(recipe, Mapping) and recipe.get("fingerprint")
        }


def verdict_name(arm: str, control: str, segment: str | None, threshold: float) -> str:
    """The name of a decision, the same in every language: ``sms vs digital [segment] @85``."""
    return f"{arm} vs {control}{'' if segment is None else f' [{segment}]'} @{threshold:.12g}"


def _flat(value: object, prefix: str = "") -> dict[str, str]:
    """A nested plan as dotted keys with their values as JSON."""
    if isinstance(value, Mapping):
        items = [(f"{prefix}.{key}" if prefix else str(key), item) for key, item in value.items()]
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        items = [(f"{prefix}[{number}]", item) for number, item in enumerate(value, start=1)]
    else:
        return {prefix: json.dumps(value, ensure_ascii=False, sort_keys=True)} if value not in (None, [], {}) else {}
    return {key: text for place, inner in items for key, text in _flat(inner, place).items()}


def _unusable(label: str, reason: str) -> InputError:
    return InputError(f"{label} cannot be compared: {reason}. {_WRITE_ANEW}")
