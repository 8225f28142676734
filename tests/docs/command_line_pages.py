"""The reference pages of the command line, made from the commands themselves; the Chinese words from a table."""

from __future__ import annotations

import inspect
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from experiments.cli import main
from experiments.cli.program import _COMMANDS

TEXTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("command_line.toml").read_text(encoding="utf-8"))
TITLES = {
    "en": "# Commands and options\n\n"
    "Which commands are there, and what does each option do? Made from the commands themselves; "
    "`wakelift COMMAND --help` says the same. How tables are given, what is written and what exit codes mean: "
    "[the command line](../guides/command-line.md).",
    "zh": "# 命令与选项\n\n"
    "有哪些命令，每个选项做什么？本页由命令本身生成；`wakelift COMMAND --help` 给出同样的内容（英文）。"
    "数据表怎么给、写出什么、退出码的含义：[命令行](../../guides/command-line.md)（英文）。",
}
HEADS = {"en": "| option | default | meaning |", "zh": "| 选项 | 默认 | 含义 |"}
WORDS = {
    "en": {"required": "required", "none": "none", "off": "off", "optional": "none", "terminal": "on a terminal"},
    "zh": {"required": "必填", "none": "无", "off": "关", "optional": "无", "terminal": "在终端上"},
}


@dataclass
class Help:
    """The parts of a command's help."""

    prose: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)


def parts(command: click.Command) -> Help:
    """Paragraphs of prose, and the command lines of the examples."""
    found = Help()
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        prose, going_on = [], False
        listed = paragraph.startswith("\b\n")
        for line in paragraph.splitlines():
            text = line.strip()
            if going_on or text.startswith(("wakelift ", "cat ", "eval ")):
                found.code.append(("  " if going_on else "") + text)
                going_on = text.endswith("\\")
            elif text not in ("\\b", "\b", "Examples:", ""):
                prose.append(text)
        if prose:
            found.prose.append("\n".join(f"- {line}" for line in prose) if listed else " ".join(prose))
    return found


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<").replace("*", "\\*")


def default(item: click.Parameter, lang: str) -> str:
    words = WORDS[lang]
    if isinstance(item, click.Argument):
        return words["required" if item.required or name(item) == "OLD NEW" else "optional"]
    if item.required:
        return words["required"]
    value = item.get_default(click.Context(click.Command("x")), call=False)
    if isinstance(item, click.Option) and item.secondary_opts:
        return words["terminal"]
    if isinstance(item, click.Option) and item.is_flag:
        return words["off"] if value in (False, None) else "on"
    shown = str(value)
    return words["none"] if value in (None, (), []) or "UNSET" in shown.upper() else f"`{cell(shown)}`"


def name(item: click.Parameter) -> str:
    if isinstance(item, click.Argument):
        return item.metavar or (item.name or "").upper()
    if isinstance(item, click.Option) and item.is_flag:
        return "/".join([item.opts[0], *item.secondary_opts])
    if isinstance(item.type, click.Choice):
        return f"{item.opts[0]} {'|'.join(map(str, item.type.choices))}"
    return f"{item.opts[0]} {item.metavar or item.type.name.upper()}"


def meaning(item: click.Parameter, command: str, lang: str) -> str:
    """What a parameter does, in a language.

    Raises:
        KeyError: For one whose Chinese is missing.
    """
    if isinstance(item, click.Argument):
        return TEXTS["arguments" if lang == "en" else "arguments_zh"][name(item)]
    if lang == "en":
        return item.help or ""
    own = TEXTS[command]
    return own[item.opts[0]] if item.opts[0] in own else TEXTS["shared"][item.opts[0]]


def section(command: str, lang: str) -> list[str]:
    found: click.Command = main.get_command(click.Context(main), command)
    told = parts(found)
    lines = [f"## `wakelift {command}`", ""]
    if lang == "en":
        lines += [part for paragraph in told.prose for part in (paragraph.replace("<", "\\<"), "")]
    else:
        own = TEXTS[command]
        lines += [own["purpose"].replace("<", "\\<"), ""]
        lines += [f"退出码：{own['exit']}。", ""] if "exit" in own else []
    if told.code:
        lines += ["```bash", *told.code, "```", ""]
    rows = [
        f"| `{name(item).replace('|', chr(92) + '|')}` | {default(item, lang)} | {cell(meaning(item, command, lang))} |"
        for item in found.params
    ]
    return [*lines, HEADS[lang], "|---|---|---|", *rows, ""]


def page(lang: str) -> str:
    """The whole page."""
    lines = [TITLES[lang], ""]
    for command in _COMMANDS:
        lines += section(command, lang)
    return "\n".join(lines).rstrip("\n") + "\n"
