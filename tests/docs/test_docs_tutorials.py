"""The tutorials run from the first line to the last, in an empty folder, and print what they show.

Blocks of one page run in order: ``python`` as a script (or a doctest), ``console`` as the commands of a shell. A
``text`` block after one of them holds what it prints; a line ``...`` stands for any lines, ``...`` in a line for any
text. A number in the prose must stand in such a block. `--update-golden` writes the text blocks anew.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import attribution as at

ROOT = Path(__file__).resolve().parents[2]
ENGLISH, CHINESE = (
    sorted(page for page in (ROOT / "docs" / place).glob("*.md") if page.name != "index.md")
    for place in ("tutorials", "zh/tutorials")
)
FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<body>.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
NUMBER = re.compile(r"(?<![\d.,])\d{1,3}(?:[,_]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
FREE = re.compile(r"\d+\s*(?:minutes|seconds|分钟|秒)|Python 3\.\d+|\]\([^)]*\)|`[^`]*`|^ *\d+\. |^#.*$", re.MULTILINE)


def shown(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


class Shell:
    """Commands of a page: `wakelift` in this process, everything else by bash."""

    def __init__(self, tools: Path) -> None:
        self.tools = tools
        self.code = 0

    def run(self, block: str) -> str:
        lines, said = iter(block.splitlines()), []
        for line in lines:
            command = line
            while command.endswith("\\"):
                command = command[:-1] + next(lines).strip()
            if end := re.search(r"<<'(\w+)'", command):
                for more in lines:
                    command += f"\n{more}"
                    if more == end[1]:
                        break
            said.append(self._one(command))
        return "".join(said)

    def _one(self, command: str) -> str:
        if command == "echo $?":
            code, self.code = self.code, 0
            return f"{code}\n"
        assert self.code == 0, f"exit code {self.code} before: {command}"
        if command.startswith("wakelift "):
            return self._wakelift(shlex.split(command, comments=True)[1:])
        done = subprocess.run(
            ["bash", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
            env={**os.environ, "PATH": f"{self.tools}{os.pathsep}{os.environ['PATH']}"},
        )
        self.code = done.returncode
        return done.stdout

    def _wakelift(self, arguments: list[str]) -> str:
        from experiments.cli import main

        done = CliRunner().invoke(main, arguments)
        self.code = done.exit_code
        return done.output


def run_python(code: str, namespace: dict[str, object], name: str, line: int) -> str:
    if ">>>" in code:
        test = doctest.DocTestParser().get_doctest(code, namespace, name, name, line)
        told: list[str] = []
        results = doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=told.append, clear_globs=False)
        namespace.update(test.globs)
        if results.failed:
            pytest.fail("".join(told), pytrace=False)
        return ""
    with contextlib.redirect_stdout(io.StringIO()) as caught:
        exec(compile("\n" * line + code, name, "exec", dont_inherit=True), namespace)
    return caught.getvalue()


def plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines()) + "\n"


def fits(expected: str, printed: str) -> bool:
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else ".*".join(map(re.escape, line.split("..."))) + r"\n"
        for line in plain(expected).splitlines()
    )
    return re.fullmatch(pattern, plain(printed)) is not None


def play(page: Path, shell: Shell, update: bool = False) -> str:
    """Run a page; the text with its text blocks as they should be."""
    text, name = page.read_text(encoding="utf-8"), shown(page)
    namespace: dict[str, object] = {"__name__": "tutorial"}
    printed, pieces, at_character = None, [], 0
    for found in FENCE.finditer(text):
        kind, body, line = found["kind"], found["body"], text.count("\n", 0, found.start("body"))
        if kind == "python":
            printed = run_python(body, namespace, name, line)
        elif kind == "console" and not body.startswith("python -m pip"):
            printed = shell.run(body)
        elif kind == "text" and printed is not None:
            if not fits(body, printed):
                if not update:
                    pytest.fail(f"{name}, line {line}: shown\n{body}\nprinted\n{plain(printed)}", pytrace=False)
                pieces += [text[at_character : found.start("body")], plain(printed)]
                at_character = found.end("body")
            printed = None
    assert shell.code == 0, "the exit code of the last command is not shown"
    return "".join(pieces) + text[at_character:]


def numbers(text: str) -> set[float]:
    return {float(number.replace(",", "").replace("_", "")) for number in NUMBER.findall(text)}


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """What a shell finds on its path: `python` of this environment, with this checkout."""
    if os.name == "nt":
        pytest.skip("the tutorials are written for a POSIX shell")
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "python"
    script.write_text(
        f'#!/bin/sh\nexport PYTHONPATH="{ROOT}" PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 '
        f'PYTEST_PLUGINS=experiments.pytest_plugin\nunset PYTEST_ADDOPTS\nexec "{sys.executable}" "$@"\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    return folder


@pytest.mark.parametrize("page", [*ENGLISH, *CHINESE], ids=shown)
def test_a_tutorial_prints_what_it_shows(page: Path, tools, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    update = request.config.getoption("--update-golden")
    with at.language("en"):
        text = play(page, Shell(tools), update)
    if update:
        page.write_bytes(text.encode("utf-8"))


@pytest.mark.parametrize("page", [*ENGLISH, *CHINESE], ids=shown)
def test_the_numbers_of_the_prose_stand_in_a_block_that_is_run(page: Path):
    text = page.read_text(encoding="utf-8")
    held = numbers("\n".join(found["body"] for found in FENCE.finditer(text)))
    free = sorted(numbers(FREE.sub(" ", FENCE.sub("", text))) - held - set(range(13)))
    assert free == []


@pytest.mark.parametrize("page", [*ENGLISH, *CHINESE], ids=shown)
def test_a_tutorial_has_its_parts(page: Path):
    text = page.read_text(encoding="utf-8")
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    chinese = "zh" in page.relative_to(ROOT).parts
    first, *_, learnt, last = titles
    assert (first, learnt, last) == (
        ("需要准备什么", "学到了什么", "下一步") if chinese else ("What you need", "What you have learnt", "Next")
    )
    opening = text.split("\n\n")[1]
    assert ("？" in opening and "分钟" in opening) if chinese else ("?" in opening and "minutes" in opening)


def test_both_languages_have_the_same_tutorials():
    assert len(ENGLISH) >= 7
    assert [page.name for page in CHINESE] == [page.name for page in ENGLISH]


def test_what_is_shown_must_be_printed(tmp_path, tools):
    assert fits("a\n...\nd\n", "a\nb\nc\nd\n")
    assert fits("Done in ... s.\n", "Done in 11 s.\n")
    assert not fits("a\n", "a\nb\n")
    shell = Shell(tools)
    assert shell.run("wakelift --version\nfalse\necho $?\n").endswith("\n1\n")
    with pytest.raises(AssertionError, match="exit code 1 before: true"):
        shell.run("false\ntrue\n")
