"""Which tests a mutant gets: those that run its lines, the nearest and quickest first, up to some seconds."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from mutation.loop import Job, ordered

if TYPE_CHECKING:
    from pathlib import Path

    from mutation.mutants import Coverage, Mutant

__all__ = ["jobs_of"]

Lines = set[tuple[str, int]]


def jobs_of(some: list[Mutant], coverage: Coverage, seconds: float, root: Path) -> tuple[list[Job], list[Mutant]]:
    """A job for each mutant that some test runs, and the mutants that none runs."""
    by_line = coverage.by_line()
    took = {name: taken for name, taken, _ in coverage.tests()}
    paths = {one.path for one in some} | {path for path, _ in by_line}
    trees = {path: ast.parse((root / path).read_text(encoding="utf-8")) for path in paths}
    jobs, untested = [], []
    for mutant in some:
        lines = _lines(mutant, trees)
        names = set().union(*(by_line.get(line, set()) for line in lines))
        stem = mutant.path.rpartition("/")[2].removesuffix(".py")
        kept, spent = [], 0.0
        # Where not all of them fit, the nearest and then the quickest are taken: the most different ones.
        for name in sorted(names, key=lambda name: (stem not in name.split("::")[0], took[name], name)):
            if kept and spent + took[name] > seconds:
                continue
            kept.append(name)
            spent += took[name]
        if kept:
            order = ordered(iter(kept), took, stem)
            jobs.append(Job(mutant=mutant, tests=order, seconds=5 + 2 * spent, left_out=len(names) - len(kept)))
        else:
            untested.append(mutant)
    return jobs, untested


def _lines(mutant: Mutant, trees: dict[str, ast.Module]) -> Lines:
    """Lines that run when the changed place matters."""
    if mutant.kind not in {"constant", "field"}:
        return {(mutant.path, line) for line in range(mutant.first, mutant.last + 1)}
    name = mutant.scope.rpartition(".")[2]
    return {
        (path, line)
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
