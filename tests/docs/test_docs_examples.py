"""Every Python block of the README and of docs/ runs: the blocks of one page in order, in one namespace.

The tutorials run in `test_docs_tutorials.py`, with their shell commands and what they print.
A block marked ``python no-run`` is compiled only. A block with ``>>>`` prompts is a doctest: its output must match.
"""

from __future__ import annotations

import doctest
import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(
    r"^(?P<indent>[ \t]*)```python(?P<mark>[^\n]*)\n(?P<code>.*?)^(?P=indent)```[ \t]*$", re.MULTILINE | re.DOTALL
)
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@dataclass(frozen=True)
class Block:
    """One fenced block: the line of its first statement, its marks, its code."""

    line: int
    marks: tuple[str, ...]
    code: str


def blocks(text: str) -> list[Block]:
    return [
        Block(text.count("\n", 0, found.start("code")) + 1, tuple(found["mark"].split()), dedent(found["code"]))
        for found in FENCE.finditer(text)
    ]


def pages() -> list[Path]:
    candidates = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        page
        for page in candidates
        if page.is_file() and page.parent.name != "tutorials" and blocks(page.read_text(encoding="utf-8"))
    ]


def run(block: Block, namespace: dict[str, object], name: str) -> None:
    if ">>>" in block.code and "no-run" not in block.marks:
        _run_doctest(block, namespace, name)
        return
    # The padding makes a traceback name the line of the page.
    code = compile("\n" * (block.line - 1) + block.code, name, "exec", dont_inherit=True)
    if "no-run" not in block.marks:
        exec(code, namespace)


def _run_doctest(block: Block, namespace: dict[str, object], name: str) -> None:
    test = doctest.DocTestParser().get_doctest(block.code, namespace, name, name, block.line - 1)
    said: list[str] = []
    results = doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=said.append, clear_globs=False)
    namespace.update(test.globs)
    if results.failed:
        pytest.fail("".join(said), pytrace=False)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "docs_example"}
    for block in blocks(page.read_text(encoding="utf-8")):
        run(block, namespace, page.relative_to(ROOT).as_posix())


PAGE = """
Text.

```python
x = 20
```

- a list

  ```python
  x += 1
  ```

```python
>>> x
21
>>> y = x
```

```python no-run
raise SystemExit
```

```console
$ not python
```
"""


def test_blocks_share_one_namespace_and_marked_ones_only_compile():
    found = blocks(PAGE)
    assert [(block.line, block.marks) for block in found] == [(5, ()), (11, ()), (15, ()), (21, ("no-run",))]
    namespace: dict[str, object] = {}
    for block in found:
        run(block, namespace, "page.md")
    assert (namespace["x"], namespace["y"]) == (21, 21)


def test_wrong_output_fails_and_so_does_code_that_does_not_compile():
    (wrong,) = blocks("```python\n>>> 1 + 1\n3\n```\n")
    with pytest.raises(pytest.fail.Exception, match="Got:\n    2"):
        run(wrong, {}, "page.md")
    (broken,) = blocks("\n\n```python no-run\nx = \n```\n")
    with pytest.raises(SyntaxError, match="invalid syntax") as caught:
        run(broken, {}, "page.md")
    assert caught.value.lineno == 4
