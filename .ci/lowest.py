"""Print the lower bounds of the dependencies in pyproject.toml as pip constraints (run-time ones and extras)."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
stated = [*project["dependencies"], *extras["polars"], *extras["duckdb"], *extras["excel"]]
for requirement in stated:
    found = re.match(r"([A-Za-z0-9._-]+)>=([0-9.]+)$", requirement.partition(";")[0].strip())
    if found is None:
        sys.exit(f"pyproject.toml: {requirement!r} states no lower bound")
    sys.stdout.write(f"{found[1]}=={found[2]}\n")
# What a dependency needs and does not bound: Matplotlib 3.10.0 calls names that pyparsing 3.3 deprecates.
sys.stdout.write("pyparsing<3.3\n")
