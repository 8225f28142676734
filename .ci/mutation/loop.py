"""A plugin of pytest that collects once and then runs the tests of each mutant in a fork of that process.

Everything is imported and nothing has run when the first fork is made, so a mutant costs what its tests cost, and no
cache holds a number of the unchanged code.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mutation.patching import NotPatchedError, functions_by_code, patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mutation.mutants import Coverage, Mutant

__all__ = ["CoverageLoop", "Job", "MutantLoop"]

_KILLED, _SURVIVED, _NOT_PATCHED = 81, 0, 83
_MEMORY = 6 << 30  # bytes a fork may ask for


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One mutant with its tests, in the order in which they run, and the seconds of processor time it may take."""

    mutant: Mutant
    tests: list[str]
    seconds: float
    left_out: int


def _quick_failures() -> None:
    """Let Hypothesis stop at the first counterexample; what makes it smaller takes minutes."""
    from hypothesis import Phase, settings

    phases = [Phase.explicit, Phase.generate]
    settings.register_profile(
        "mutants", settings.get_profile("ci"), phases=phases, report_multiple_bugs=False, database=None
    )
    settings.load_profile("mutants")


class _Loop:
    """What both loops share: the collected tests by name, and a quiet fork."""

    def pytest_collection(self) -> None:
        """Before the first module of tests is imported."""
        _quick_failures()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of running what was collected."""
        if session.testsfailed:
            raise session.Failed(f"{session.testsfailed} files of tests cannot be collected")
        self.run({item.nodeid: item for item in session.items})
        return True

    def run(self, items: dict[str, pytest.Item]) -> None:
        """Do the work."""
        raise NotImplementedError

    @staticmethod
    def fork(work: Callable[[], int], folder: str) -> int:
        """A new process that does the work in silence, writes in that folder, and ends with the code of the work."""
        sys.stdout.flush()
        child = os.fork()
        if child:
            return child
        code = 99
        try:
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nowhere, stream)
            os.environ["PYTEST_DEBUG_TEMPROOT"] = os.environ["TMPDIR"] = tempfile.tempdir = folder
            code = work()
        except BaseException:  # noqa: BLE001 - a fork has nobody else to tell
            Path(folder, "problem.txt").write_text(traceback.format_exc(), encoding="utf-8")
        finally:
            os._exit(code)


def run_items(items: list[pytest.Item]) -> None:
    """Run tests as pytest would: with its filters of warnings, fixtures set up and torn down."""
    for item, after in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)


class CoverageLoop(_Loop):
    """Runs files of tests, each in a fork, and keeps which lines each test ran and how long it took."""

    def __init__(self, coverage: Coverage, sources: list[str], say: Callable[[str], None]) -> None:
        """Take where to keep it and which files of source are watched."""
        self.coverage, self.sources, self.say = coverage, sources, say
        self.failed: list[str] = []
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember seconds and failures."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failed.append(report.nodeid)

    def run(self, items: dict[str, pytest.Item]) -> None:
        """One fork per file of tests."""
        files: dict[str, list[pytest.Item]] = {}
        for name, item in items.items():
            files.setdefault(name.split("::")[0], []).append(item)
        for path, some in files.items():
            started = time.monotonic()
            with tempfile.TemporaryDirectory() as folder:
                result = Path(folder) / "lines.json"
                child = self.fork(lambda some=some, result=result: self._watch(some, result), folder)
                _, status = os.waitpid(child, 0)
                if status or not result.is_file():
                    why = Path(folder, "problem.txt")
                    told = why.read_text("utf-8") if why.is_file() else ""
                    raise pytest.UsageError(f"{path}: the run that watches its lines ended with {status}\n{told}")
                told = json.loads(result.read_text("utf-8"))
            if told["failed"]:
                raise pytest.UsageError(f"these tests fail without any mutant: {told['failed']}")
            self.coverage.save(path, told["tests"], self.sources)
            self.say(f"  {path}: {len(some)} tests, {time.monotonic() - started:.0f} s")

    def _watch(self, items: list[pytest.Item], result: Path) -> int:
        import coverage

        root = self.coverage.root
        watched = [str(root / path) for path in self.sources]
        watch = coverage.Coverage(data_file=None, include=watched, config_file=False)
        watch.set_option("run:disable_warnings", ["no-data-collected", "module-not-measured", "module-not-imported"])
        watch.start()
        for item, after in zip(items, [*items[1:], None], strict=True):
            watch.switch_context(item.nodeid)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        watch.stop()
        tests: dict[str, dict[str, Any]] = {
            item.nodeid: {"seconds": round(self.seconds.get(item.nodeid, 0.0), 4), "lines": {}} for item in items
        }
        data = watch.get_data()
        for path in data.measured_files():
            short = Path(path).relative_to(root).as_posix()
            for line, names in data.contexts_by_lineno(path).items():
                for name in names:
                    if name in tests:
                        tests[name]["lines"].setdefault(short, []).append(line)
        result.write_text(json.dumps({"failed": self.failed, "tests": tests}), encoding="utf-8")
        return 0


class MutantLoop(_Loop):
    """Runs the tests of each mutant in a fork and tells what came of it."""

    def __init__(
        self, jobs: list[Job], root: Path, processes: int, told: Callable[[Mutant, dict[str, Any]], None]
    ) -> None:
        """Take the mutants, how many run at once, and whom to tell."""
        self.jobs, self.root, self.processes, self.told = deque(jobs), root, processes, told
        self.pipe: int | None = None  # in a fork: where the name of the failing test is written

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """In a fork: the first failure kills the mutant."""
        if report.failed and self.pipe is not None:
            os.write(self.pipe, report.nodeid.encode()[:4000])
            os._exit(_KILLED)

    def run(self, items: dict[str, pytest.Item]) -> None:
        """So many forks at once, each mutant told of when it ends."""
        functions = functions_by_code(self.root)
        gc.freeze()  # a collection in a fork would copy every page
        running: dict[int, tuple[Job, int, float, str]] = {}
        while self.jobs or running:
            while self.jobs and len(running) < self.processes:
                job = self.jobs.popleft()
                reader, writer = os.pipe()
                folder = tempfile.mkdtemp(prefix="mutant-")
                child = self.fork(lambda job=job, writer=writer: self._try(job, items, functions, writer), folder)
                os.close(writer)
                running[child] = job, reader, time.monotonic(), folder
            child, status = os.wait()
            job, reader, started, folder = running.pop(child)
            shutil.rmtree(folder, ignore_errors=True)
            self.told(job.mutant, {**_outcome(status, reader, job), "seconds": round(time.monotonic() - started, 2)})

    def _try(self, job: Job, items: dict[str, pytest.Item], functions: Any, writer: int) -> int:
        processor = int(job.seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (processor, processor + 5))
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        signal.alarm(6 * processor)
        try:
            patch(job.mutant, self.root, functions)
        except NotPatchedError as problem:
            os.write(writer, str(problem).encode())
            return _NOT_PATCHED
        except Exception:  # noqa: BLE001 - a constant that cannot be computed kills the import of its module
            os.write(writer, b"import")
            return _KILLED
        self.pipe = writer
        run_items([items[name] for name in job.tests if name in items])
        return _SURVIVED


def _outcome(status: int, reader: int, job: Job) -> dict[str, Any]:
    with os.fdopen(reader, "rb") as stream:
        text = stream.read().decode("utf-8", "replace")
    ended = os.waitstatus_to_exitcode(status)
    words = {_KILLED: "killed", _SURVIVED: "survived", _NOT_PATCHED: "not counted"}
    late = ended in {-signal.SIGXCPU, -signal.SIGALRM, -signal.SIGKILL}
    word = "timeout" if late else words.get(ended, "crashed")
    return {"status": word, "by": text, "tests": len(job.tests), "left_out": job.left_out}


def ordered(names: Iterator[str], seconds: dict[str, float], stem: str) -> list[str]:
    """Tests file by file: first those of the file named after the module, then the files that take the least time."""
    files: dict[str, list[str]] = {}
    for name in names:
        files.setdefault(name.split("::")[0], []).append(name)
    totals = {path: sum(seconds[name] for name in some) for path, some in files.items()}
    order = sorted(files, key=lambda path: (stem not in path, totals[path], path))
    return [name for path in order for name in sorted(files[path], key=lambda name: (seconds[name], name))]
