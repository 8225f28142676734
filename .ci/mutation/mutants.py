"""Mutants of files: their list, their keys, a seeded sample of them, and which tests run the changed lines."""

from __future__ import annotations

import ast
import hashlib
import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from mutation.operators import sites

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mutation.operators import Site

__all__ = ["Coverage", "Mutant", "in_drawn_order", "mutants_of", "sampled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change of one file.

    Attributes:
        key: The same as long as the function (class, constant) is the same, wherever it stands in its file.
        path: The file, from the root of the checkout.
        number: Which of the file's sites.
        kind: As in `Site`, like all that follows.
    """

    key: str
    path: str
    number: int
    kind: str
    scope: str
    name: str
    first: int
    last: int
    line: int
    operator: str
    before: str
    after: str

    @property
    def module(self) -> str:
        """The module's name."""
        return self.path.removesuffix(".py").replace("/", ".")

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def mutants_of(root: Path, path: str) -> list[Mutant]:
    """All mutants of one file."""
    found: list[Mutant] = []
    texts: dict[int, str] = {}
    seen: dict[str, int] = defaultdict(int)
    for number, site in enumerate(sites(ast.parse((root / path).read_text(encoding="utf-8")))):
        text = texts.setdefault(id(site.root), ast.unparse(site.root))
        name = f"{path}|{site.scope}|{site.name}|{site.operator}|{site.before}|{site.after}|{text}"
        seen[name] += 1
        key = hashlib.sha256(f"{name}|{seen[name]}".encode()).hexdigest()[:12]
        found.append(_mutant(site, key=key, path=path, number=number))
    return found


def _mutant(site: Site, *, key: str, path: str, number: int) -> Mutant:
    return Mutant(
        key=key, path=path, number=number, kind=site.kind, scope=site.scope, name=site.name, first=site.first,
        last=site.last, line=site.line, operator=site.operator, before=site.before, after=site.after,
    )  # fmt: skip


def in_drawn_order(mutants: list[Mutant], seed: int) -> list[Mutant]:
    """All mutants so that any first part of them is a sample stratified by file, in proportion to its mutants.

    Each file's mutants are put in an order that the seed decides; a mutant comes the earlier the smaller its place in
    its file's order is beside their number.
    """
    by_file: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        by_file[mutant.path].append(mutant)
    places = []
    for path, some in by_file.items():
        drawn = sorted(some, key=lambda one: hashlib.sha256(f"{seed}|{one.key}".encode()).hexdigest())
        places += [((at + 0.5) / len(drawn), path, at, one) for at, one in enumerate(drawn)]
    return [one for *_, one in sorted(places, key=lambda place: place[:3])]


def sampled(mutants: list[Mutant], size: int | None, seed: int) -> list[Mutant]:
    """So many of the mutants, all of them when None; a larger sample holds every smaller one of that seed."""
    return mutants if size is None or size >= len(mutants) else in_drawn_order(mutants, seed)[:size]


class Coverage:
    """Which tests run which lines, and how long each takes; kept in one JSON file, renewed file of tests by file.

    An entry holds as long as the file of tests and the files of the sources that it runs are the same.
    """

    def __init__(self, place: Path, root: Path) -> None:
        """Read what is known; nothing when the file is absent."""
        self.place, self.root = place, root
        self.entries: dict[str, dict[str, object]] = json.loads(place.read_text("utf-8")) if place.is_file() else {}

    def digest(self, path: str) -> str:
        """A short hash of a file, empty when it is gone."""
        file = self.root / path
        return hashlib.sha256(file.read_bytes()).hexdigest()[:12] if file.is_file() else ""

    def stale(self, test_files: Iterable[str], sources: list[str]) -> list[str]:
        """The files of tests that must run again."""
        now = {path: self.digest(path) for path in sources}
        old = []
        for path in test_files:
            entry = self.entries.get(path)
            same = entry is not None and entry["digest"] == self.digest(path)
            if not same or any(entry["sources"].get(source) != now[source] for source in sources):  # type: ignore[union-attr,index]
                old.append(path)
        return old

    def save(self, path: str, tests: dict[str, dict[str, object]], sources: list[str]) -> None:
        """Keep what one file of tests ran."""
        digests = {source: self.digest(source) for source in sources}
        self.entries[path] = {"digest": self.digest(path), "sources": digests, "tests": tests}
        self.place.parent.mkdir(parents=True, exist_ok=True)
        self.place.write_text(json.dumps(self.entries), encoding="utf-8")

    def tests(self) -> Iterator[tuple[str, float, dict[str, list[int]]]]:
        """Every test: its name, its seconds, and its lines by file."""
        for entry in self.entries.values():
            for name, known in entry["tests"].items():  # type: ignore[union-attr,attr-defined]
                yield name, known["seconds"], known["lines"]

    def by_line(self) -> dict[tuple[str, int], set[str]]:
        """The tests that run each line."""
        found: dict[tuple[str, int], set[str]] = defaultdict(set)
        for name, _, lines in self.tests():
            for path, numbers in lines.items():
                for number in numbers:
                    found[path, number].add(name)
        return found
