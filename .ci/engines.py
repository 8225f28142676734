"""Run the tests against Spark and PostgreSQL in an environment of their own; say why, where that cannot be.

Without Java 17 there is no Spark, without `initdb` no PostgreSQL, without a network no environment: none of these is a
failure. Everything else is: also a module that skips although what it needs is there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / "build" / "engines-venv"
PYTHON = VENV / ("Scripts" if os.name == "nt" else "bin") / "python"
TESTS = ROOT / "tests" / "attribution"
# PySpark 4.0 runs on Java 17 and 21; what the tests import stands in the extra `test`.
SPARK = ["pyspark>=4.0,<4.1"]
POSTGRES = ["ibis-framework[duckdb,postgres]", "psycopg[binary]"]
SHARED = ["polars", "duckdb", "pytest", "hypothesis"]
PATIENCE = 150  # seconds for the packages, of the 300 that .ci/run gives the whole
_NO_NETWORK = re.compile(
    r"NewConnectionError|Failed to establish a new connection|Temporary failure in name resolution"
    r"|Name or service not known|Network is unreachable|ConnectTimeout|ReadTimeout|ConnectionError|ProxyError"
    r"|Could not fetch URL"
)


def say(text: str) -> None:
    """Print one line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def no_spark() -> str | None:
    """Why Spark cannot run here."""
    java = shutil.which("java")
    if java is None:
        return "no Java is installed"
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', told.stderr + told.stdout)
    if found is None or int(found[1]) < 17:
        return f"Spark 4 needs Java 17 or newer, found {found[1] if found else 'one that does not tell its version'}"
    return None


def no_postgres() -> str | None:
    """Why PostgreSQL cannot run here."""
    if os.name == "nt":
        return "its tests use sockets of Unix"
    sys.path.insert(0, str(TESTS))
    from postgres_server import programs

    return "no initdb is installed" if programs() is None else None


def install(packages: list[str]) -> str | None:
    """Build the environment; why it could not be built, when there is no network."""
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--retries", "1"]
    command += ["--timeout", "10", "--editable", str(ROOT), *packages]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return f"its packages were not downloaded within {PATIENCE} s"
    if done.returncode == 0:
        return None
    if _NO_NETWORK.search(done.stderr + done.stdout):
        return "its packages cannot be downloaded"
    say(done.stdout + done.stderr)
    sys.exit("The packages of the engines could not be installed.")


def main(arguments: list[str]) -> int:
    """The exit code: 0 when everything that can run here passes."""
    asked, packages = [], list(SHARED)
    for name, module, why, needed in (
        ("PostgreSQL", "test_attribution_engines_postgres.py", no_postgres(), POSTGRES),
        ("Spark", "test_attribution_engines_spark.py", no_spark(), SPARK),
    ):
        if why is None:
            asked.append((name, TESTS / module))
            packages += needed
        else:
            say(f"{name} is not tested: {why}")
    why = install(packages) if asked else None
    if why is not None:
        say(f"{' and '.join(name for name, _ in asked)} not tested: {why}")
        return 0
    failed = []
    for name, path in asked:
        say(f"Testing {name}")
        command = [str(PYTHON), "-m", "pytest", "-rs", "-p", "no:cacheprovider", str(path), *arguments]
        code = subprocess.run(command, check=False, cwd=ROOT).returncode
        if code:  # 5: everything was skipped, although what it needs is here
            failed.append(f"{name} (pytest ended with {code})")
    if failed:
        say(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
