"""The logs of looks that a plan names, read and worked out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from attribution.core.errors import DesignError, InputError, PlanError, WakeLiftError
from experiments.plan.spelling import shown_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from experiments.design.looks import Looks
    from experiments.plan.schema import Plan
    from experiments.roi.monitor import NetBenefitMonitor

__all__ = ["looks_of", "missing_logs", "monitor_of"]

_Log = TypeVar("_Log")


def looks_of(plan: Plan) -> Looks | None:
    """The log of looks at the effect; None when the plan names none.

    Raises:
        PlanError: When the file is missing, cannot be read, or is no log of looks.
        DesignError: LOOKS_CHANGED, LOOK_ORDER and the like, when the log contradicts its own plan.
    """
    from experiments.design.looks import Looks

    return None if plan.looks is None else _log(plan, "looks", plan.looks.path, Looks.read)


def monitor_of(plan: Plan) -> NetBenefitMonitor | None:
    """The log of looks at the net benefit; None when the plan names none.

    Raises:
        PlanError: When the file is missing, cannot be read, or is no such log.
        DesignError: LOOKS_CHANGED, LOOK_ORDER and the like, when the log contradicts its own plan.
    """
    from experiments.roi.monitor import NetBenefitMonitor

    return None if plan.monitor is None else _log(plan, "monitor", plan.monitor.path, NetBenefitMonitor.read)


def missing_logs(plan: Plan) -> Iterator[tuple[str, str]]:
    """The logs that the plan names and that are not there, as (place, message)."""
    for section, log in (("looks", plan.looks), ("monitor", plan.monitor)):
        if log is not None:
            said = _missing(plan.folder / log.path)
            if said:
                yield f"{section}.path", said


def _missing(path: Path) -> str:
    """Why a path is no file; empty when it is one."""
    try:
        if path.is_file():
            return ""
        reason = "is a folder, not a file" if path.is_dir() else "does not exist. Paths are relative to the plan file"
    except (OSError, ValueError) as error:  # too long a name, a null character
        reason = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return f"{shown_path(path)} {reason}."


def _log(plan: Plan, section: str, name: str, read: Callable[[object], _Log]) -> _Log:
    path = plan.folder / name
    said = _missing(path)
    if not said:
        try:
            return read(_table(path))
        except DesignError:
            raise
        except (WakeLiftError, OSError, ValueError, RecursionError) as error:  # a JSONDecodeError is a ValueError
            said = f"{shown_path(path)} cannot be read as a log of looks: {' '.join(str(error).split())}"
    raise PlanError([(f"{section}.path", said)], source=plan.label)


def _table(path: Path) -> Any:
    if path.suffix.lower() != ".json":
        from experiments.plan.files import read_table

        return read_table(path)
    import json

    rows = json.loads(path.read_bytes())
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise InputError("a JSON log is a list of rows, each an object, as to_dicts gives them.")
    return rows
