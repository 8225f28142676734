"""What came of the mutants, in numbers: score with an exact binomial interval, by module and by file."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mutation.mutants import Mutant

__all__ = ["KILLED", "binomial_interval", "read_results", "score_line", "survivors_table"]

KILLED = {"killed", "timeout", "crashed"}


def read_results(place: Path) -> dict[str, dict[str, Any]]:
    """The latest result of each mutant by its key, from a file of one JSON object a line."""
    if not place.is_file():
        return {}
    lines = place.read_text("utf-8").splitlines()
    return {one["key"]: one for one in (json.loads(line) for line in lines if line.strip())}


def binomial_interval(killed: int, tried: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of Clopper and Pearson for a share."""
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = float(betaincinv(killed, tried - killed + 1, tail)) if killed else 0.0
    high = float(betaincinv(killed + 1, tried - killed, 1 - tail)) if killed < tried else 1.0
    return low, high


def score_line(name: str, known: int, results: Iterable[dict[str, Any]], judged: set[str]) -> str:
    """One row of the table of scores.

    Args:
        name: What was mutated.
        known: All its mutants, tried or not.
        results: What came of those tried.
        judged: Keys of the survivors that compute the same as the source.
    """
    some = [one for one in results if one["status"] != "not counted"]
    counts = Counter(one["status"] for one in some)
    killed, tried = sum(counts[word] for word in KILLED), len(some)
    equal = sum(one["key"] in judged for one in some if one["status"] not in KILLED)
    if not tried:
        return f"| {name} | {known} | 0 | | | | | | | |"
    low, high = binomial_interval(killed, tried)
    interval = "all tried" if tried >= known else f"{100 * low:.1f}–{100 * high:.1f}"
    real = f"{100 * killed / (tried - equal):.1f}" if tried > equal else ""
    cells = [
        name, known, tried, killed, counts["timeout"], counts["survived"], counts["no tests"], equal,
        f"{100 * killed / tried:.1f}", interval, real,
    ]  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


HEAD = (
    "| module | mutants | tried | killed | of them by time | survived | no tests | judged equal | killed % |"
    " 95 % interval | without the equal % |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|---|--:|"
)


def survivors_table(mutants: Iterable[Mutant], results: dict[str, dict[str, Any]], judged: dict[str, str]) -> str:
    """Survivors with their judgements, as rows of a table."""
    rows = ["| place | as it is | mutant | judgement |", "|---|---|---|---|"]
    for one in sorted(mutants, key=lambda mutant: (mutant.path, mutant.line, mutant.number)):
        if results.get(one.key, {}).get("status") in {"survived", "no tests"}:
            place = f"`{one.path.partition('/')[2]}` {one.scope}"
            cells = [place, _code(one.before), _code(one.after), judged.get(one.key, f"not judged ({one.key})")]
            rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _code(text: str, width: int = 90) -> str:
    text = text if len(text) <= width else text[: width - 1] + "…"
    return "`" + text.replace("|", "\\|") + "`"
