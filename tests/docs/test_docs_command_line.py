"""The reference of the command line is what the commands say, in both languages.

`pytest tests/docs/test_docs_command_line.py --update-golden` writes the pages anew.
"""

from __future__ import annotations

import click
import pytest
from command_line_pages import TEXTS, meaning, name, page

from experiments.cli import main
from experiments.cli.program import _COMMANDS

PAGES = {"en": "docs/reference/command-line.md", "zh": "docs/zh/reference/command-line.md"}


@pytest.mark.parametrize("lang", PAGES)
def test_the_page_says_what_the_commands_say(repo, request, lang):
    place = repo / PAGES[lang]
    if request.config.getoption("--update-golden"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(page(lang).encode("utf-8"))
    assert place.read_text(encoding="utf-8") == page(lang), "write it anew with --update-golden"


@pytest.mark.parametrize("lang", PAGES)
@pytest.mark.parametrize("command", list(_COMMANDS))
def test_every_option_of_a_command_stands_in_its_section(repo, command, lang):
    text = (repo / PAGES[lang]).read_text(encoding="utf-8")
    section = text.split(f"\n## `wakelift {command}`\n", 1)[1].split("\n## ", 1)[0]
    for item in main.get_command(click.Context(main), command).params:
        assert f"| `{item.opts[0] if isinstance(item, click.Option) else name(item)}" in section
        assert meaning(item, command, lang)


def test_no_text_is_left_of_an_option_that_is_gone():
    known = {
        command: {item.opts[0] for item in main.get_command(click.Context(main), command).params}
        for command in _COMMANDS
    }
    for command in _COMMANDS:
        assert set(TEXTS[command]) - {"purpose", "exit"} <= known[command], command
    assert set(TEXTS["shared"]) <= set().union(*known.values())


def test_the_guide_names_every_command(repo):
    guide = (repo / "docs" / "guides" / "command-line.md").read_text(encoding="utf-8")
    assert all(f"| `wakelift {command}` |" in guide for command in _COMMANDS)
