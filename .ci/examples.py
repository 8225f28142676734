"""Run the commands of the CI examples in docs/examples, as their runners would, in a folder of their own.

    python .ci/examples.py            builds the wheel, installs it in a clean environment, runs both examples there

What only the services can do is not run: actions (checkout, set-up, upload), images, caches, artefacts.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = {"github": "github-wakelift.yml", "gitlab": "gitlab-wakelift.yml"}


def steps(service: str) -> list[str]:
    """The shell commands of an example, in order, one text a step."""
    import yaml

    content = yaml.safe_load((ROOT / "docs" / "examples" / EXAMPLES[service]).read_text(encoding="utf-8"))
    if service == "github":
        (job,) = content["jobs"].values()
        return [step["run"] for step in job["steps"] if "run" in step]
    (job,) = content.values()
    # GitLab runs all lines of before_script and script in one shell that stops at the first that fails.
    return ["\n".join([*job["before_script"], *job["script"]])]


def run(service: str, folder: Path, *, path: str, wheel: Path | None = None) -> list[tuple[str, int, str]]:
    """Run an example in a folder that holds plan.toml; gives command, exit code and output of each step.

    Without a wheel the lines that install are left out: the environment on ``path`` is taken as it is.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    environment |= {"PATH": f"{path}{os.pathsep}{environment['PATH']}", "CI_PROJECT_DIR": str(folder)}
    environment["GITHUB_STEP_SUMMARY"] = str(folder / "summary.md")
    told: list[tuple[str, int, str]] = []
    for step in steps(service):
        command = _installing(step, wheel)
        # The shell that GitHub starts for a step; GitLab's stops at the first failing line too.
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
            cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=600, check=False,
        )  # fmt: skip
        told.append((command, done.returncode, done.stdout + done.stderr))
        if done.returncode and "figures.json" not in command:
            break
    return told


def _installing(step: str, wheel: Path | None) -> str:
    if wheel is None:
        return "\n".join(line for line in step.splitlines() if "pip install" not in line) or "true"
    return re.sub(r'"wakelift\[excel\]"', f'"wakelift[excel] @ {wheel.as_uri()}"', step)


def main() -> int:
    """Build, install, run; the exit code is 0 when every step of both examples gave 0."""
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        build = [sys.executable, "-m", "build", "--wheel", "--outdir", place, str(ROOT)]
        subprocess.run(build, check=True)
        (wheel,) = work.glob("*.whl")
        failed = 0
        for service in EXAMPLES:
            venv.create(work / service, with_pip=True)
            scripts = work / service / ("Scripts" if os.name == "nt" else "bin")
            folder = work / f"{service}-repository"
            wanted = f"wakelift[excel] @ {wheel.as_uri()}"
            for command in (
                [str(scripts / "python"), "-m", "pip", "install", "--quiet", wanted],
                [str(scripts / "wakelift"), "demo", "--out", str(folder), "--persons", "6000"],
                [str(scripts / "wakelift"), "diff", "--freeze", str(folder / "figures.json"), str(folder)],
            ):
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            for command, code, said in run(service, folder, path=str(scripts), wheel=wheel):
                sys.stdout.write(f"--- {service}: exit code {code}: {command}\n{said[-1500:]}\n")
                failed += bool(code)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
