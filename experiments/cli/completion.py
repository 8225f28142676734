"""`wakelift completion`: the script that lets a shell complete commands and options."""

from __future__ import annotations

import click

from experiments.cli.streams import echo

__all__ = ["command"]


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(*, shell: str) -> None:
    """Print the script that completes commands, options and their choices in SHELL.

    Nothing is installed: put the script where the shell reads it.

    \b
    Examples:
      eval "$(wakelift completion bash)"   # in ~/.bashrc; bash 4.4 or newer
      eval "$(wakelift completion zsh)"    # in ~/.zshrc
      wakelift completion fish > ~/.config/fish/completions/wakelift.fish

    Exit codes: 0 done; 2 another shell was named.
    """
    from click.shell_completion import get_completion_class

    from attribution.core.errors import InputError
    from experiments.cli.program import main

    made = get_completion_class(shell)
    if made is None:
        raise InputError(f"there is no completion for {shell}.")
    script = made(main, {}, "wakelift", "_WAKELIFT_COMPLETE")
    # Not .source(): for bash that starts a bash to ask its version.
    echo(script.source_template % script.source_vars())
