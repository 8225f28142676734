"""What every test gets: fixed random search, a watched global random state, restored language, tables of every kind."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

ROOT = Path(__file__).resolve().parent.parent

# "ci" is the default: the same examples on every run and machine. HYPOTHESIS_PROFILE=explore searches anew.
settings.register_profile("ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("ci"), max_examples=20)
settings.register_profile("explore", deadline=None, derandomize=False, max_examples=1000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[object]:
    """Fail a test that moves NumPy's global random state: the library must use its own streams only.

    Around the call only: pytest-randomly resets the state around set-up and tear-down. A test that has to touch the
    global state says so with `global_random_state` among its fixtures.
    """
    import numpy as np

    before = np.random.get_state(legacy=False)
    outcome = yield
    after = np.random.get_state(legacy=False)
    same = before["state"]["pos"] == after["state"]["pos"] and (before["state"]["key"] == after["state"]["key"]).all()
    if not same and "global_random_state" not in pyfuncitem.fixturenames:
        pytest.fail("the test moved NumPy's global random state", pytrace=False)
    return outcome


@pytest.fixture
def global_random_state() -> None:
    """Permission to move NumPy's global random state (for tests of exactly that)."""


@pytest.fixture(autouse=True)
def _language_restored() -> Iterator[None]:
    """Let no test pass its language on to the next."""
    from attribution.core.language import current_language, set_language

    before = current_language()
    yield
    set_language(before)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes the texts under tests/golden anew; read the difference before keeping it."""
    parser.addoption("--update-golden", action="store_true", help="write tests/golden/* from the present output")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden(name, text)` holds a text against tests/golden/<name>, or writes it with `--update-golden`."""

    def hold(name: str, text: str) -> None:
        path = ROOT / "tests" / "golden" / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text.encode("utf-8"))
        assert path.is_file(), f"tests/golden/{name} is absent; write it with --update-golden"
        assert text == path.read_bytes().decode("utf-8")

    return hold


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets, from WAKELIFT_SHARED or ../shared; the test skips when it is absent."""
    places = [Path(os.environ["WAKELIFT_SHARED"])] if "WAKELIFT_SHARED" in os.environ else [ROOT.parent / "shared"]
    for place in places:
        if (place / "data").is_dir():
            return place / "data"
    pytest.skip(f"no public data sets at {places[0]}; set WAKELIFT_SHARED to the folder that holds data/")


# --- one table, every kind ------------------------------------------------------------------------


def _pandas(frame: pd.DataFrame) -> object:
    return frame.copy()


def _pandas_pyarrow(frame: pd.DataFrame) -> object:
    return frame.convert_dtypes(dtype_backend="pyarrow")


def _arrow(frame: pd.DataFrame) -> object:
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False)


def _polars(frame: pd.DataFrame) -> object:
    polars = pytest.importorskip("polars")
    return polars.from_arrow(_arrow(frame))


def _polars_lazy(frame: pd.DataFrame) -> object:
    polars = pytest.importorskip("polars")
    return polars.from_arrow(_arrow(frame)).lazy()


@dataclass(frozen=True)
class TableKind:
    """One kind of table; call it with a pandas frame to get the same rows in that kind."""

    name: str
    convert: Callable[[pd.DataFrame], object]

    def __call__(self, frame: pd.DataFrame) -> object:
        return self.convert(frame)


KINDS = ("pandas", "pandas_pyarrow", "polars", "polars_lazy", "pyarrow", "duckdb")


@pytest.fixture(scope="session")
def _duckdb_connection() -> Iterator[object]:
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    yield connection
    connection.close()


def _kind(name: str, request: pytest.FixtureRequest) -> TableKind:
    if name == "duckdb":
        connection = request.getfixturevalue("_duckdb_connection")
        return TableKind(name, lambda frame: connection.from_arrow(_arrow(frame)))
    converters = {
        "pandas": _pandas,
        "pandas_pyarrow": _pandas_pyarrow,
        "polars": _polars,
        "polars_lazy": _polars_lazy,
        "pyarrow": _arrow,
    }
    return TableKind(name, converters[name])


@pytest.fixture(params=KINDS)
def table_kind(request: pytest.FixtureRequest) -> TableKind:
    """One run of the test per kind: `table_kind(frame)` converts, `table_kind.name` names it."""
    return _kind(request.param, request)


@pytest.fixture
def table_kinds(request: pytest.FixtureRequest) -> Callable[[pd.DataFrame], dict[str, object]]:
    """`table_kinds(frame)` is a dict: name of the kind -> the same rows in that kind."""
    kinds = [_kind(name, request) for name in KINDS]
    return lambda frame: {kind.name: kind(frame) for kind in kinds}


@pytest.fixture(scope="session")
def clean_python(repo: Path) -> Callable[..., tuple[int, str, str]]:
    """Run code in a fresh interpreter that finds this checkout: `clean_python(code, *paths_before, cwd=...)`."""
    import subprocess

    def run(code: str, *before: Path, cwd: Path | None = None, timeout: float = 120) -> tuple[int, str, str]:
        path = os.pathsep.join(str(place) for place in (*before, repo))
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1"}
        for name in [name for name in environment if name.startswith(("COV_CORE", "COVERAGE"))]:
            del environment[name]
        done = subprocess.run(
            [sys.executable, "-P", "-c", code],
            capture_output=True,
            encoding="utf-8",
            env=environment,
            cwd=cwd,
            timeout=timeout,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run
