"""Builds the site in both languages: `python docs/_ext/build_site.py build/site`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from site_sources import DOCS, stage  # noqa: E402 -- the path above comes first


def command(source: Path, out: Path, doctrees: Path, *options: str) -> list[str]:
    """The call of Sphinx for one language: warnings are errors, and all of them are shown."""
    flags = ["-q", "-E", "-W", "--keep-going", "-b", "html", "-c", str(DOCS), "-d", str(doctrees)]
    return [sys.executable, "-m", "sphinx", *flags, *options, str(source), str(out)]


def build(out: Path, work: Path) -> int:
    """Build both languages at once, English into ``out`` and Chinese into ``out/zh``; the exit code."""
    source = work / "source"
    stage(source)
    shutil.rmtree(out, ignore_errors=True)
    runs = [
        subprocess.Popen(command(source, out, work / "doctrees")),
        subprocess.Popen(command(source / "zh", out / "zh", work / "doctrees-zh", "-t", "zh")),
    ]
    codes = [run.wait() for run in runs]
    for leftover in (".buildinfo", "zh/.buildinfo"):
        (out / leftover).unlink(missing_ok=True)
    return max(codes)


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else "build/site").resolve()
    code = build(place, place.with_name(f"{place.name}-work"))
    sys.stdout.write(f"{place / 'index.html'}\n" if code == 0 else "The site has faults; they are listed above.\n")
    raise SystemExit(code)
