"""The primary metric in words: what the interval says, no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.core import messages
from experiments.metrics import Count, Mean, Rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.core.findings import Finding
    from experiments.readout.rows import Contrast

__all__ = ["readout_sentence"]


def readout_sentence(
    contrasts: Sequence[Contrast], findings: Sequence[Finding], *, correction: str | None, lang: str | None
) -> str:
    """One sentence per arm, in front of them what forbids to read them as effects, after them what was adjusted.

    Args:
        contrasts: The contrasts of the primary metric.
        findings: The findings of the readout.
        correction: Name of the adjustment of the p-values.
        lang: "en", "zh", or None for the language that is set.
    """
    parts = []
    failed = sorted({finding.code for finding in findings if finding.status == "fail"})
    if failed:
        parts.append(messages.text("SENTENCE.untrusted", {"codes": ", ".join(failed)}, lang=lang))
    parts += [_arm(contrast, lang) for contrast in contrasts]
    if len(contrasts) > 1 and correction is not None:
        values = {"n": len(contrasts), "correction": correction}
        parts.append(messages.text("SENTENCE.adjusted", values, lang=lang))
    return ("" if _chinese(lang) else " ").join(parts)


def _chinese(lang: str | None) -> bool:
    from attribution.core.language import current_language

    return (lang or current_language()) == "zh"


def _arm(contrast: Contrast, lang: str | None) -> str:
    difference = contrast.comparison.difference
    metric = contrast.fit.metric
    kind = "rate" if isinstance(metric, Rate) else "mean" if isinstance(metric, (Mean, Count)) else "figure"
    values = {
        "arm": contrast.arm, "control": contrast.control, "metric": contrast.fit.name, "difference": difference.value,
        "low": difference.low, "high": difference.high, "level": difference.level, "note": difference.note or "–",
        "value": contrast.comparison.treatment, "value_control": contrast.comparison.control,
        "n": contrast.fit.persons(contrast.arm), "n_control": contrast.fit.persons(contrast.control),
    }  # fmt: skip
    if difference.low is None or difference.value is None:
        return messages.text("SENTENCE.undefined", values, lang=lang)
    settled = contrast.p_adjusted is not None and contrast.p_adjusted < 1.0 - difference.level
    if not settled:
        return messages.text(f"SENTENCE.{kind}.undecided", values, lang=lang)
    word = "higher" if difference.value > 0 else "lower"
    told = messages.text(f"SENTENCE.{kind}.{word}", values, lang=lang)
    wished = "lower" if contrast.fit.metric.direction == "down" else "higher"
    if word == wished:
        return told
    return told + ("" if _chinese(lang) else " ") + messages.text("SENTENCE.unwanted", values, lang=lang)
