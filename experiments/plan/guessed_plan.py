"""A first plan out of guessed tables: every guess is marked, what is ambiguous stands behind a # beside it.

Nothing that decides a verdict is guessed: randomisation, order, thresholds, margins and declared segments stay for the
user to declare; what the tables suggest for them is written as a comment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.columns import Columns
from attribution.core.errors import InputError
from experiments.plan.files import TABLE_NAMES
from experiments.plan.guessing import find_column, squeezed
from experiments.plan.spelling import shown
from experiments.plan.synonyms import CONTROLS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.plan.guessing import Guess

__all__ = ["GuessedPlan", "guess_plan"]

messages.register("experiments")

_FEW = 8  # a column with so few values may be a segment
_ZONE = "Asia/Shanghai"


class GuessedPlan:
    """The keys of a first plan with what is said of them.

    Attributes:
        keys: Section -> key -> value.
        comments: Place ("experiment.control") -> comment behind its value.
        lines: Section -> lines to stand in it as comments: what could be declared and was not.
    """

    def __init__(self, lang: str = "en") -> None:
        self.lang = lang
        self.keys: dict[str, Any] = {}
        self.comments: dict[str, str] = {}
        self.lines: dict[str, list[str]] = {}

    def suggest(self, section: str, line: str, code: str = "", **values: object) -> None:
        """Add a line that the user may make a key by deleting its #, with a remark behind it."""
        said = "  # ".join(part for part in (line, self.said(code, **values) if code else "") if part)
        self.lines.setdefault(section, []).append(said)

    def said(self, code: str, **values: object) -> str:
        """A remark in the language of the plan."""
        return messages.text(f"INIT.{code}", values, lang=self.lang)

    def comment(self, place: str, code: str, **values: object) -> None:
        """Put a remark behind a value."""
        self.comments[place] = self.said(code, **values)


def guess_plan(guesses: Sequence[Guess], *, campaign: str, lang: str = "en") -> GuessedPlan:
    """The keys of a first plan, and a comment for each that was guessed.

    Args:
        guesses: The tables.
        campaign: Name of the campaign.
        lang: Language of the report.

    Raises:
        InputError: When two files seem to be the same table.
    """
    plan = GuessedPlan(lang)
    tables: dict[str, Any] = {}
    by_name = {guess.name: guess for guess in guesses}
    linked = _linked(by_name)
    for guess in sorted(guesses, key=lambda item: TABLE_NAMES.index(item.name)):
        if guess.name in tables:
            other = tables[guess.name]["path"]
            raise InputError(
                f"{shown(other)} and {shown(guess.path)} both seem to be {guess.name!r}. Give one of them."
            )
        tables[guess.name] = _table_keys(guess, plan, linked=linked)
    plan.keys["campaign"] = _campaign_keys(campaign, by_name, plan)
    plan.keys["tables"] = tables
    plan.keys["experiment"] = _experiment_keys(by_name.get("assignment") or by_name.get("outcomes"), plan)
    plan.keys["metrics"] = {"woken": {"kind": "rate", "column": "woken", "role": "primary"}}
    plan.keys["attribution"] = {
        "models": ["first_touch", "last_touch", "linear", "time_decay", "position_based"],
        "lookback": "30d",
    }
    plan.keys["costs"] = _cost_keys(by_name, plan)
    _identity(by_name, plan, linked=linked)
    _population(by_name, plan)
    _segments(by_name.get("history") or by_name.get("outcomes"), plan)
    _guardrails(by_name, plan)
    plan.keys["report"] = {"language": lang, "min_cell": 10}
    return plan


def _linked(by_name: Mapping[str, Guess]) -> str | None:
    """The column of the customer number that the links share with the assignment; None when nothing is to be resolved.

    Persons are resolved only where the assignment names customers too: else its persons would be other ones.
    """
    links, assignment = by_name.get("links"), by_name.get("assignment")
    if links is None or assignment is None:
        return None
    customer = links.columns.get("customer", Columns().customer)
    held = customer in links.table.column_names and customer in assignment.table.column_names
    return customer if held else None


def _table_keys(guess: Guess, plan: GuessedPlan, *, linked: str | None) -> dict[str, Any]:
    place = f"tables.{guess.name}"
    said = [plan.said("from_name" if guess.by_name else "from_columns")]
    keys: dict[str, Any] = {"path": guess.path}
    if guess.missing:
        said.append(plan.said("missing", roles=", ".join(guess.missing)))
    columns = dict(guess.columns)
    if linked is not None and columns.get("person") == linked:
        columns = {"customer" if role == "person" else role: column for role, column in columns.items()}
    if columns:
        keys["columns"] = columns
        plan.comment(f"{place}.columns", "names")
    for role, others in guess.others.items():
        named = ", ".join(map(shown, others))
        plan.suggest(place, plan.said("others", role=role, columns=named))
    if guess.zone is False:
        said.append(plan.said("naive"))
        if any(not name.isascii() for name in guess.table.column_names):
            keys["timezone"] = _ZONE
            plan.comment(f"{place}.timezone", "zone")
        else:
            plan.suggest(place, f'timezone = "{_ZONE}"', "declare_zone")
    if guess.days and guess.name in ("touches", "conversions"):
        keys["precision"] = "day"
        plan.comment(f"{place}.precision", "days")
    if guess.encoding != "utf-8":
        keys["encoding"] = guess.encoding
    plan.comments[f"{place}.path"] = plan.said("separator").join(said)
    return keys


def _campaign_keys(campaign: str, by_name: Mapping[str, Guess], plan: GuessedPlan) -> dict[str, Any]:
    from datetime import date

    last = max((day for guess in by_name.values() if (day := _last_day(guess)) is not None), default=None)
    plan.comment("campaign.as_of", "no_times" if last is None else "last_day")
    plan.comment("campaign.population", "population")
    return {"name": campaign, "population": "all assigned persons", "as_of": last or date(2026, 1, 1)}


def _last_day(guess: Guess) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = guess.columns.get("time", Columns().time)
    if guess.name not in ("touches", "conversions") or column not in guess.table.column_names:
        return None
    values = guess.table.column(column)
    if not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        return None
    last = pc.max(values).as_py()
    return last.date() if hasattr(last, "date") else last


def _experiment_keys(guess: Guess | None, plan: GuessedPlan) -> dict[str, Any]:
    keys: dict[str, Any] = {"randomised": False, "control": "holdout", "window": "28d"}
    plan.comment("experiment.randomised", "randomised")
    if guess is None:
        return keys
    arms = _values(guess, guess.columns.get("arm", Columns().arm))
    control = next((arm for arm in arms if squeezed(arm) in {squeezed(name) for name in CONTROLS}), None)
    others = [arm for arm in arms if arm != control]
    if control is not None and others:
        keys["control"] = control
        # Steps decide verdicts, so their order is never guessed.
        named = ", ".join(map(repr, others))
        plan.comment("experiment.control", "control", arms=named)
        if len(others) > 1:
            plan.suggest("experiment", f"order = [{', '.join(map(_quoted, [control, *others]))}]", "order")
    else:
        plan.comment("experiment.control", "no_control" if arms else "no_arms", arms=", ".join(arms[:10]))
    _assignment_columns(guess, keys, plan)
    return keys


def _assignment_columns(guess: Guess, keys: dict[str, Any], plan: GuessedPlan) -> None:
    """Shares, wave and strata out of the columns of the assignment."""
    held = guess.table.column_names
    column = guess.columns.get("p_assign", Columns().p_assign)
    if column in held:
        keys["shares"] = column
        plan.comment("experiment.shares", "names")
    else:
        plan.suggest("experiment", "shares = { ... }", "shares")
    stratum = guess.columns.get("stratum", Columns().stratum)
    if stratum in held:
        plan.suggest("experiment", f"strata = {_quoted(stratum)}", "strata")
    wave = find_column("wave", held)
    if wave is not None:
        keys["wave"] = wave
        plan.comment("experiment.wave", "names")
        plan.suggest("", "[waves]")
        plan.suggest("", f"planned = {max(1, len(_values(guess, wave)))}", "waves")
        plan.suggest("", "")


def _values(guess: Guess, column: str) -> list[str]:
    import pyarrow.compute as pc

    if column not in guess.table.column_names:
        return []
    found = [value for value in pc.unique(guess.table.column(column)).to_pylist() if value is not None]
    return sorted(map(str, found))[:50]


def _quoted(text: str) -> str:
    import tomlkit

    return tomlkit.string(text).as_string()


def _cost_keys(by_name: Mapping[str, Guess], plan: GuessedPlan) -> dict[str, Any]:
    plan.comment("costs.thresholds", "thresholds")
    touches = by_name.get("touches")
    own = touches is not None and touches.columns.get("cost", Columns().cost) in touches.table.column_names
    if touches is not None and "prices" not in by_name and not own:
        plan.suggest("costs", plan.said("unpriced"))
    return {"thresholds": [60, 85, 125]}


def _identity(by_name: Mapping[str, Guess], plan: GuessedPlan, *, linked: str | None) -> None:
    links = by_name.get("links")
    if links is None:
        return
    customer = links.columns.get("customer", Columns().customer)
    times = {links.columns.get("time", Columns().time)}
    shared = [name for name in links.table.column_names if name != customer and name not in times]
    if not shared:
        return
    ids = [customer, *shared]
    if linked is not None:
        plan.keys["identity"] = {"ids": ids}
        plan.comment("identity.ids", "links")
        return
    plan.suggest("", "[identity]", "no_numbers")
    plan.suggest("", f"ids = [{', '.join(map(_quoted, ids))}]")
    plan.suggest("", "")


def _population(by_name: Mapping[str, Guess], plan: GuessedPlan) -> None:
    if "events" in by_name:
        plan.keys["population"] = {"dormant_after": "180d", "churned_after": "720d"}
        plan.comment("population.dormant_after", "dormant")


def _segments(guess: Guess | None, plan: GuessedPlan) -> None:
    """Columns with few values as what could be declared as segments."""
    if guess is None:
        return
    import pyarrow as pa
    import pyarrow.compute as pc

    roles = {*guess.columns.values(), *(Columns().name_of(role) for role in ("person", "closed", "arm", "p_assign"))}
    few = []
    for name in guess.table.column_names:
        column = guess.table.column(name)
        countable = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        countable = countable or pa.types.is_integer(column.type) or pa.types.is_dictionary(column.type)
        if name not in roles and countable and 1 < pc.count_distinct(column).as_py() <= _FEW:
            few.append(name)
    if few:
        listed = ", ".join(map(_quoted, few))
        plan.suggest("experiment", f"segments = [{listed}]", "segments")
        plan.suggest("costs", f"by = {_quoted(few[0])}", "by")


def _guardrails(by_name: Mapping[str, Guess], plan: GuessedPlan) -> None:
    """Closed accounts and what customers complained of, as what could be declared as guardrails."""
    history = by_name.get("history")
    closed = None if history is None else history.columns.get("closed", Columns().closed)
    if history is not None and closed in history.table.column_names:
        plan.suggest("", "[guardrails.closed]", "closed")
        plan.suggest("", "margin = 0.001", "margin")
        plan.suggest("", "")
