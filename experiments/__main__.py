"""`python -m experiments` is the same program as `wakelift`."""

from __future__ import annotations

from experiments.cli import main

if __name__ == "__main__":
    main(prog_name="wakelift")
