"""One world per case and place: the same small campaign with one input of a call in a degenerate case.

A call takes its inputs from a `World`: `w["touches"]` is a table, `w.number("n", 60)` a number, `w.mapping(...)`,
`w.list(...)`, `w.text(...)`, `w.name("holdout")` a name as the tables spell it, and `w.made("at.attribute")` a result
of another public function. The plain world records which inputs a call has; each of them is then changed in turn. Names
are changed everywhere at once (place `ALL`), for they must agree.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from degenerate_cases import AbsentError, Changed, changed, renamed
from degenerate_tables import ROLES, table

ALL = "*"
NAME_CASES = ("chinese", "hostile")
# How cells are written, not what they say: a result of another function no longer shows it, its own row holds it.
FORM_CASES = (
    "nan", "inf", "none", "negative", "duplicates", "mixed_zones", "decimals", "tiny_int", "offset", "boolean", "text",
)  # fmt: skip
MADE: dict[str, Callable[[World], Any]] = {}


class RefusedError(Exception):
    """An input of the call is the result of another public function, which refuses the case."""


class World:
    """The inputs of a call in one case: see the module."""

    def __init__(self, case: str | None = None, place: str | None = None, *, twin: bool = False) -> None:
        self.case, self.place, self.twin = case, place, twin
        self.kinds: dict[str, str] = {}
        self.joint: set[str] = set()
        self.reached = False
        self._bent: set[str] = set()
        self._given: dict[str, tuple[object, object]] = {}
        self._made: dict[str, Any] = {}

    # --- inputs ---

    def _here(self, place: str) -> bool:
        return self.case is not None and (self.place == place or (self.place == ALL and self.case in NAME_CASES))

    def _input(self, place: str, kind: str, clean: Any, roles: Any = None) -> Any:
        self.kinds[place] = kind
        if not self._here(place):
            return clean
        try:
            found = changed(self.case, kind, clean, roles)
        except AbsentError:
            if self.place == place:
                raise
            return clean
        self.reached = True
        # Another call may have a number of the name of a table: what was handed out is kept by name and kind.
        key = place if kind == "table" else f"{place}, {kind}"
        self._bent.add(key)
        return self._keep(key, found)

    def _keep(self, key: str, found: Changed) -> Any:
        if self.twin and not found.has_twin:
            raise AbsentError("the same data plainly written")
        value = found.twin if self.twin else found.value
        self._given[key] = (value, copy.deepcopy(value))
        return value

    def __getitem__(self, name: str) -> pd.DataFrame:
        """A table; the same object every time, so that a call that changes it is found out."""
        if name in self._given:
            self.kinds[name] = "table"
            self.reached = self.reached or name in self._bent
            return self._given[name][0]
        value = self._input(name, "table", table(name), ROLES[name])
        if name not in self._given:
            self._given[name] = (value, value.copy())
        return value

    def number(self, place: str, clean: float, **cases: Any) -> Any:
        """A number; `cases` are its values where all numbers of a call change together (`all_converted=...`)."""
        self.joint |= set(cases)
        if self.place == ALL and self.case in cases:
            self.reached = True
            return cases[self.case]
        return self._input(place, "number", clean)

    def list(self, place: str, clean: list, **cases: Any) -> Any:
        """A list of numbers."""
        self.joint |= set(cases)
        if self.place == ALL and self.case in cases:
            self.reached = True
            return cases[self.case]
        return self._input(place, "list", clean)

    def mapping(self, place: str, clean: dict, **cases: Any) -> Any:
        """A mapping of names to numbers, or to tuples of numbers."""
        self.joint |= set(cases)
        if self.place == ALL and self.case in cases:
            self.reached = True
            return cases[self.case]
        return self._input(place, "mapping", clean)

    def text(self, place: str, clean: str) -> Any:
        """A text of the caller's choice, such as the name of a model."""
        return self._input(place, "text", clean)

    def name(self, text: Any) -> Any:
        """A name that stands in a table (or a sequence, or a mapping of names), spelled as in this world."""
        if self.place != ALL or self.case not in NAME_CASES or self.twin:
            return text
        if isinstance(text, dict):
            return {self.name(key): self.name(value) for key, value in text.items()}
        if isinstance(text, list | tuple):
            return type(text)(self.name(each) for each in text)
        return renamed(text, self.case)

    # --- results of other public functions ---

    def made(self, name: str) -> Any:
        """The result of another public function, from the plain world when the case does not reach it."""
        plain = world()
        if self is not plain:
            plain.made(name)
            needs = plain._made[name][1]
            self.kinds |= needs
            if self.place not in needs and not (self.place == ALL and self.case in NAME_CASES):
                return plain._made[name][0]
            if self.case in FORM_CASES:
                raise AbsentError(f"{name} reads it")
        if name not in self._made:
            self._made[name] = self._make(name)
        result, needs = self._made[name]
        self.kinds |= needs
        self.reached = self.reached or self.case is not None
        if isinstance(result, Exception):
            raise RefusedError(name) from result
        return result

    def _make(self, name: str) -> tuple[Any, dict[str, str]]:
        before, self.kinds = self.kinds, {}
        try:
            return MADE[name](self), self.kinds
        except AbsentError:
            raise
        except RefusedError as error:
            return error, self.kinds
        except Exception as error:  # what the other function says is held in its own row
            if self.case is None:
                raise
            return error, self.kinds
        finally:
            self.kinds = before

    def unchanged(self) -> bool:
        """Whether every input that was handed out is what it was."""
        return all(_same(value, before) for value, before in self._given.values())


def _same(value: object, before: object) -> bool:
    if isinstance(value, pd.DataFrame):
        return list(value.columns) == list(before.columns) and value.equals(before)
    if isinstance(value, np.ndarray):
        return value.dtype == before.dtype and repr(value.tolist()) == repr(before.tolist())
    return repr(value) == repr(before)


@cache
def world(case: str | None = None, place: str | None = None, *, twin: bool = False) -> World:
    """The world of a case; made once, so that results of other functions are shared."""
    return World(case, place, twin=twin)
