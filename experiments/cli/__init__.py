"""The command line: `wakelift`, the same program as `python -m experiments`."""

from __future__ import annotations

from experiments.cli.program import main

__all__ = ["main"]
