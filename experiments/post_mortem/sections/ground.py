"""What every section is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attribution.core.records import Field
from experiments.post_mortem.words import listed, word
from experiments.report.document import Decision, Section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.core.recipe import Recipe
    from experiments.metrics import Metric
    from experiments.post_mortem.evidence import Evidence

__all__ = ["Ground", "bar_fields", "exploratory_of", "flag_of", "made_section", "metrics_of", "sentences_of"]

_WORDS_OF_VERDICTS = "VERDICT_WORDS"  # where a trial is not to be trusted, none is given


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Ground:
    """What every section is made from.

    Attributes:
        evidence: The results.
        decisions: Every decision, the leading threshold of each contrast first.
        trust_line: How far the report can be trusted, in one line.
        invalid: The codes of the checks that fail; empty when the figures may be used.
    """

    evidence: Evidence
    decisions: Sequence[Decision]
    trust_line: str
    invalid: str


def made_section(name: str, answer: str, **parts: Any) -> Section:
    """A section with its heading and its question."""
    return Section(name=name, title=word(f"{name}.title"), question=word(f"{name}.question"), answer=answer, **parts)


def flag_of(invalid: str) -> str:
    """Why the figures must not be used; empty when they may be."""
    return word("flag.invalid", codes=invalid) if invalid else ""


def exploratory_of(ground: Ground, section: str) -> str:
    """What says that a section is exploratory: keys on which it rests were changed after the lock; empty else."""
    locking = ground.evidence.locking
    keys = () if locking is None else locking.touching(section)
    return word("plan.exploratory", keys=listed(keys)) if keys else ""


def sentences_of(recipe: Recipe, invalid: str) -> list[str]:
    """The definitions of a result; of an invalid trial the verdicts are not even explained."""
    pairs = zip(recipe.definitions, recipe.sentences(), strict=True)
    return [sentence for code, sentence in pairs if not (invalid and code == _WORDS_OF_VERDICTS)]


def metrics_of(evidence: Evidence) -> Mapping[str, Metric]:
    """The declared metrics by name; none without an experiment."""
    return {} if evidence.readout is None else evidence.readout.experiment.metrics


def bar_fields(kind: str) -> tuple[Field, ...]:
    """The columns of a chart of bars: group, label, role, start, end."""
    texts = (Field("group", "text"), Field("label", "text"), Field("role", "text"))
    return (*texts, Field("start", kind), Field("end", kind))  # type: ignore[arg-type]
