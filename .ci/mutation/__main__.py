"""`python -m mutation`: list, try and report mutants of the modules in groups.toml; `--help` says more."""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import sys
import tomllib
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mutation.mutants import Mutant

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGE = ROOT / "docs" / "internals" / "mutants.md"
BUILD = ROOT / "build" / "mutation"
# Forks must not inherit threads, and a mutant must not take more than its core.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["HYPOTHESIS_PROFILE"] = "ci"


def say(text: str) -> None:
    """Print one line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Group:
    """Some files of source and the tests that should notice their mutants."""

    def __init__(self, name: str, stated: dict[str, Any], seed: int) -> None:
        """Read a table of groups.toml."""
        from mutation.mutants import mutants_of, sampled

        self.name = name
        leave = stated.get("leave", [])
        found = sorted({path for pattern in stated["sources"] for path in ROOT.glob(pattern)})
        paths = [path.relative_to(ROOT).as_posix() for path in found]
        self.sources = [path for path in paths if not any(fnmatch.fnmatch(path, one) for one in leave)]
        self.tests = sorted({
            path.relative_to(ROOT).as_posix()
            for pattern in stated["tests"]
            for place in sorted(ROOT.glob(pattern))
            for path in ([place] if place.is_file() else sorted(place.glob("test_*.py")))
        })  # fmt: skip
        self.mutants = [mutant for path in self.sources for mutant in mutants_of(ROOT, path)]
        self.sample = sampled(self.mutants, stated.get("sample"), seed)
        self.place = BUILD / f"{name}.jsonl"


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """What was asked."""
    parser = argparse.ArgumentParser(prog="make mutants ARGS=...", description=__doc__)
    parser.add_argument("groups", nargs="*", help="kernels, core, inference, roi; all of them when none is named")
    parser.add_argument("--all", action="store_true", help="all mutants instead of the sample")
    parser.add_argument("--sample", type=int, help="so many mutants of each group")
    parser.add_argument("--again", action="store_true", help="try only those that no test noticed")
    parser.add_argument("--only", nargs="+", default=[], metavar="KEY", help="try these mutants")
    parser.add_argument("--path", help="only files that match, as */inference/score.py")
    parser.add_argument(
        "--kind", choices=["code", "default", "constant", "field"], help="only such mutants, all of them"
    )
    parser.add_argument("--report", action="store_true", help="try nothing, print the scores and the survivors")
    parser.add_argument("--write", action="store_true", help="put scores and survivors into docs/internals/mutants.md")
    parser.add_argument("--seconds", type=float, default=20.0, help="of tests that a mutant is given (default 20)")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at once (default 1)")
    return parser.parse_args(given)


def chosen(group: Group, asked: argparse.Namespace, results: dict[str, dict[str, Any]]) -> list[Mutant]:
    """The mutants of a group that are tried now."""
    from mutation.mutants import sampled
    from mutation.scores import KILLED

    if asked.only:
        return [one for one in group.mutants if one.key in asked.only]
    some = group.mutants if asked.all or asked.path or asked.kind else group.sample
    if asked.sample:
        some = sampled(group.mutants, asked.sample, stated()["seed"])
    if asked.path:
        some = [one for one in some if fnmatch.fnmatch(one.path, asked.path)]
    if asked.kind:
        some = [one for one in some if one.kind == asked.kind]
    if asked.again:
        keys = {one.key for one in group.mutants}
        lost = {key for key, one in results.items() if one["status"] not in KILLED and key in keys}
        return [one for one in group.mutants if one.key in lost - set(judged())]
    return [one for one in some if one.key not in results]


def stated() -> dict[str, Any]:
    """The groups as they are written."""
    return tomllib.loads((HERE / "groups.toml").read_text(encoding="utf-8"))


def judged() -> dict[str, str]:
    """Survivors that compute the same as the source, with the reason, by key."""
    place = HERE / "judged.toml"
    return tomllib.loads(place.read_text(encoding="utf-8")) if place.is_file() else {}


def pytest_run(tests: list[str], plugin: object) -> None:
    """Collect these tests and leave them to the plugin."""
    import pytest

    off = [part for name in ("randomly", "xdist", "cacheprovider", "benchmark") for part in ("-p", f"no:{name}")]
    code = pytest.main([*off, "-q", "-s", "--no-header", "--no-summary", "--strict-markers", *tests], plugins=[plugin])
    if code not in {0, pytest.ExitCode.NO_TESTS_COLLECTED}:
        sys.exit(f"pytest ended with {code}")


def in_a_fork(work: Any) -> None:
    """Run something that imports our packages and the tests, so that the next group begins without them."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        except SystemExit as left:
            say(str(left.code))
        finally:
            sys.stdout.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(1)


def try_mutants(group: Group, some: list[Mutant], asked: argparse.Namespace) -> None:
    """Bring coverage up to date, then try the mutants, each result appended to the group's file."""
    from mutation.jobs import jobs_of
    from mutation.loop import CoverageLoop, MutantLoop
    from mutation.mutants import Coverage

    coverage = Coverage(BUILD / f"{group.name}.lines.json", ROOT)
    coverage.entries = {path: entry for path, entry in coverage.entries.items() if path in group.tests}
    stale = coverage.stale(group.tests, group.sources)
    if stale:
        say(f"{group.name}: watching the lines of {len(stale)} files of tests")
        in_a_fork(lambda: pytest_run(stale, CoverageLoop(coverage, group.sources, say)))
        coverage = Coverage(coverage.place, ROOT)
    jobs, untested = jobs_of(some, coverage, asked.seconds, ROOT)
    done = 0

    def told(mutant: Mutant, outcome: dict[str, Any]) -> None:
        nonlocal done
        done += 1
        with group.place.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({**mutant.as_dict(), **outcome}) + "\n")
        if outcome["status"] not in {"killed", "timeout"} or not done % 25:
            change = f"{mutant.path}:{mutant.line} {mutant.before}  ->  {mutant.after}"
            say(f"{done}/{len(some)} {outcome['status']} {mutant.key} {change}")

    for mutant in untested:
        told(mutant, {"status": "no tests", "by": "", "tests": 0, "left_out": 0, "seconds": 0.0})
    files = sorted({name.split("::")[0] for job in jobs for name in job.tests})
    if jobs:
        in_a_fork(lambda: pytest_run(files, MutantLoop(jobs, ROOT, asked.jobs, told)))


def report(group: Group, results: dict[str, dict[str, Any]], seed: int) -> tuple[list[str], str]:
    """The score over the mutants that were drawn, those tried beside them, and the survivors of both."""
    from mutation.mutants import in_drawn_order
    from mutation.scores import score_line, survivors_table

    known = {one.key: results[one.key] for one in group.mutants if one.key in results}
    drawn = [one.key for one in takewhile(lambda one: one.key in known, in_drawn_order(group.mutants, seed))]
    rows = [score_line(group.name, len(group.mutants), [known[key] for key in drawn], set(judged()))]
    beside = [known[key] for key in known.keys() - set(drawn)]
    if beside:
        rows.append(score_line(f"{group.name}, beside the sample", len(beside), beside, set(judged())))
    return rows, f"\n### {group.name}\n\n{survivors_table(group.mutants, known, judged())}"


def write(page: Path, parts: dict[str, str]) -> None:
    """Put texts between the marks of their names in a page."""
    text = page.read_text(encoding="utf-8")
    for name, part in parts.items():
        mark = f"<!-- mutants: {name} -->"
        before, _, rest = text.partition(mark)
        _, end, after = rest.partition("<!-- mutants: end -->")
        if not end:
            sys.exit(f"{page} has no {mark} with an end behind it")
        text = f"{before}{mark}\n{part.strip()}\n\n{end}{after}"
    page.write_text(text, encoding="utf-8")


def main(given: list[str] | None = None) -> int:
    """Try what is asked and print the scores."""
    from mutation.scores import HEAD, read_results

    asked = arguments(given)
    tables = stated()
    names = asked.groups or [name for name in tables if name != "seed"]
    if unknown := [name for name in names if not isinstance(tables.get(name), dict)]:
        there = ", ".join(name for name in tables if name != "seed")
        sys.exit(f"no such group: {', '.join(unknown)}; there are {there}")
    BUILD.mkdir(parents=True, exist_ok=True)
    rows, survivors = [HEAD], []
    for name in names:
        group = Group(name, tables[name], tables["seed"])
        results = read_results(group.place)
        some = [] if asked.report else chosen(group, asked, results)
        if some:
            say(f"{name}: {len(some)} of {len(group.mutants)} mutants")
            try_mutants(group, some, asked)
            results = read_results(group.place)
        some_rows, table = report(group, results, tables["seed"])
        rows += some_rows
        survivors.append(table)
    say("\n".join(rows + survivors))
    if asked.write:
        write(PAGE, {"scores": "\n".join(rows), "survivors": "\n".join(survivors)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
