"""The appendix: words with their formulas, methods, settings, fingerprints, seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attribution.core import messages
from attribution.core.formats import format_value
from attribution.core.language import current_language
from attribution.core.render.display import DisplayColumn, DisplayTable
from experiments.post_mortem.sections.ground import Ground, made_section, sentences_of
from experiments.post_mortem.words import head, word

if TYPE_CHECKING:
    from attribution.core.recipe import Recipe
    from experiments.plan import Plan
    from experiments.post_mortem.evidence import Evidence
    from experiments.report.document import Section

__all__ = ["build", "fingerprints_table", "glossary_table", "recipes_table", "result_words", "settings_table"]

_CREDIT = ("credit", "model", "lookback", "placebo", "reconciliation")
_EFFECT = ("arm", "control", "woken", "incremental", "interval", "p_adjusted", "srm", "maturity")
_COST = ("cost", "threshold", "net_benefit", "price", "natural", "verdict", "guardrail", "people")
_SEGMENTS = ("segment", "interaction")
_POPULATION = ("dormant", "dormancy_curve", "acquisition_ratio", "retention", "hazard")


def build(ground: Ground) -> Section:
    """Words, methods, settings and fingerprints of every result."""
    evidence, invalid = ground.evidence, ground.invalid
    recipes = list(evidence.recipes().items())
    told: dict[str, str] = {}  # of whose results a sentence speaks: out of its section nothing else tells
    for name, recipe in recipes:
        for sentence in sentences_of(recipe, invalid):
            told.setdefault(sentence, result_words(name))
    sentences = [f"{result}{word('colon')}{sentence}" for sentence, result in told.items()]
    return made_section(
        "appendix",
        word("appendix.answer"),
        tables=(recipes_table(recipes), fingerprints_table(evidence.plan, recipes)),
        folded=(glossary_table(evidence, invalid), settings_table(recipes)),
        definitions=sentences,
    )


def result_words(name: str) -> str:
    """What a result is called; one that the catalogues do not know keeps its own name."""
    return word(f"result.{name}") if messages.has(f"REPORT.result.{name}") else name


def recipes_table(recipes: Sequence[tuple[str, Recipe]]) -> DisplayTable:
    """Method, seed and what every result rests on."""
    columns = tuple(DisplayColumn(head(name)) for name in ("result", "method"))
    columns += (DisplayColumn(word("appendix.counts")), DisplayColumn(word("appendix.seed")))
    body = tuple((result_words(name), recipe.method, _counts(recipe), _seed(recipe)) for name, recipe in recipes)
    return DisplayTable(columns, body, title=word("appendix.methods"))


def _counts(recipe: Recipe) -> str:
    return word("and_separator").join(f"{_named(name)} {format_value(n, 'count')}" for name, n in recipe.n.items())


def _seed(recipe: Recipe) -> str:
    seed = recipe.settings.get("seed")
    return word("appendix.no_seed") if seed is None else str(seed)


def fingerprints_table(plan: Plan, recipes: Sequence[tuple[str, Recipe]]) -> DisplayTable:
    """Fingerprints of the plan, its lock, and the data of every result."""
    from experiments.plan.lock import canonical, fingerprint, read_lock

    lock = None if plan.source is None else read_lock(plan.source)
    rows = [(word("appendix.plan"), fingerprint(canonical(plan)))]
    if lock is not None:
        rows.append((word("appendix.lock", day=lock.locked_on), lock.sha256))
    else:
        rows.append((word("appendix.no_lock"), "–"))
    rows += [
        (word("appendix.data", result=result_words(name)), recipe.fingerprint)
        for name, recipe in recipes
        if recipe.fingerprint
    ]
    columns = (DisplayColumn(word("appendix.of")), DisplayColumn(head("fingerprint")))
    return DisplayTable(columns, tuple(rows), title=word("appendix.fingerprints"))


def glossary_table(evidence: Evidence, invalid: str) -> DisplayTable:
    """The words of this report, in English and Chinese, with their formulas."""
    columns = tuple(DisplayColumn(word(f"appendix.{name}")) for name in ("term", "other_language", "formula"))
    other = "en" if current_language() == "zh" else "zh"
    body = tuple(
        (word(f"term.{name}"), messages.text(f"REPORT.term.{name}", lang=other), word(f"term.{name}.formula"))
        for name in _terms(evidence)
        if not (invalid and name == "verdict")
    )
    return DisplayTable(columns, body, title=word("appendix.glossary"))


def _terms(evidence: Evidence) -> list[str]:
    """The words that this report uses: those of a part that is not there are left out."""
    groups = (
        (_EFFECT, evidence.readout is not None),
        (_CREDIT, evidence.credit is not None),
        (_COST, evidence.thresholds is not None),
        (_SEGMENTS, "segments" in evidence.further or "leave_alone" in evidence.further),
        (_POPULATION, any(name in evidence.further for name in ("dormancy", "flows", "retention", "purchases"))),
    )
    return [name for names, there in groups if there for name in names]


def settings_table(recipes: Sequence[tuple[str, Recipe]]) -> DisplayTable:
    """One row a setting, grouped by result; the name of the result stands in the first row of its group."""
    columns = (
        DisplayColumn(head("result")),
        DisplayColumn(word("appendix.setting")),
        DisplayColumn(word("appendix.value")),
    )
    body = []
    for name, recipe in recipes:
        rows = [(key, text) for key, value in sorted(recipe.settings.items()) if (text := _setting(value))]
        body += [
            (result_words(name) if place == 0 else "", _named(key), text) for place, (key, text) in enumerate(rows)
        ]
    return DisplayTable(columns, tuple(body), title=word("appendix.settings"))


def _named(key: str) -> str:
    """A setting as words; one that the catalogues do not know keeps its own name."""
    return word(f"setting.{key}") if messages.has(f"REPORT.setting.{key}") else key.replace("_", " ")


def _setting(value: object) -> str:
    """A setting as text; empty for what is not set."""
    if isinstance(value, Mapping):
        return word("list_separator").join(f"{key}: {_setting(item) or '–'}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return word("and_separator").join(_setting(item) or "–" for item in value)
    if isinstance(value, bool):
        return word("setting.yes" if value else "setting.no")
    if isinstance(value, float):
        return f"{value:.12g}"
    return "" if value is None else str(value)
