"""Removal effects by the packages whose meanings of "removed" are offered. Run: python generate_peers.py > peers.json.

Needs do-attribution, mta-audit and mta (none is a dependency of ours). Every effect is written as a loss, 1 - p'/p:
do-attribution's "detour" has the other sign. mta-audit's effects are cut at 0. mta works on order 1 and is told to keep
repeats.
"""

import contextlib
import io
import json
import random
import sys
import warnings
from importlib.metadata import version

import pandas as pd
from do_attribution import MarkovAttribution
from mta import MTA
from mta_audit.attribution.markov import MarkovAttribution as Audited
from mta_audit.journeys import Journey, Touchpoint

warnings.filterwarnings("ignore")
TEXTBOOK = [["C1", "C2", "C3"], ["C1"], ["C2", "C3"]], [1, 0, 0], [0, 1, 1]


def world(seed, channels, size):
    """Distinct random paths with small counts, repeats included."""
    chance = random.Random(seed)
    names = [f"c{place}" for place in range(channels)]
    paths = sorted({tuple(chance.choices(names, k=chance.randint(1, 5))) for _ in range(size)})
    counts = [(chance.choice([0, 0, 1, 2, 5]), chance.choice([0, 1, 3, 8])) for _ in paths]
    return [list(path) for path in paths], [won for won, _ in counts], [lost for _, lost in counts]


def by_do_attribution(paths, conversions, nulls, order, removal):
    rows = [(path, 1, won) for path, won in zip(paths, conversions, strict=True) if won]
    rows += [(path, 0, lost) for path, lost in zip(paths, nulls, strict=True) if lost]
    found = MarkovAttribution(order=order, removal_strategy=removal).fit(
        [" > ".join(path) for path, _, _ in rows], [flag for _, flag, _ in rows], [count for _, _, count in rows]
    )
    effects = found["removal_effects"]
    return {name: float(-effect if removal == "detour" else effect) for name, effect in effects.items()}


def by_mta_audit(paths, conversions, nulls, removal):
    when = pd.Timestamp("2026-01-01", tz="UTC")
    hours = pd.Timedelta(hours=1)
    journeys = [
        Journey(
            user_id=f"{place}-{flag}-{copy}",
            touchpoints=tuple(
                Touchpoint(channel=name, timestamp=when + step * hours) for step, name in enumerate(path)
            ),
            converted=flag,
            conversion_time=when + 9 * hours if flag else None,
        )
        for place, (path, won, lost) in enumerate(zip(paths, conversions, nulls, strict=True))
        for flag, count in ((True, won), (False, lost))
        for copy in range(count)
    ]
    model = Audited(removal_strategy=removal).fit(journeys)
    return {name: float(effect) for name, effect in model.removal_effects.items()}


def by_mta(paths, conversions, nulls):
    table = pd.DataFrame(
        {"path": [" > ".join(path) for path in paths], "total_conversions": conversions, "total_null": nulls}
    )
    model = MTA(data=table, allow_loops=True, sep=" > ", normalize_by_default=False).markov(normalize=False)
    return {name: float(effect) for name, effect in model.attribution["markov"].items()}


def main():
    worlds = [TEXTBOOK, *(world(seed, channels, size) for seed, channels, size in ((1, 3, 12), (2, 4, 25), (3, 6, 40)))]
    inputs, expected = [], []
    for place, columns in enumerate(worlds):
        kept = [row for row in zip(*columns, strict=True) if row[1] + row[2]]
        paths, conversions, nulls = ([row[column] for row in kept] for column in range(3))
        inputs.append({"paths": paths, "conversions": conversions, "nulls": nulls})
        data = (paths, conversions, nulls)
        for order in (1, 2, 3):
            for removal in ("redirect_to_null", "fail", "detour"):
                effects = by_do_attribution(*data, order, removal)
                expected.append(
                    {"world": place, "by": "do-attribution", "order": order, "removal": removal, "effects": effects}
                )
        for removal in ("redirect_to_null", "reconnect"):
            effects = by_mta_audit(*data, removal)
            expected.append({"world": place, "by": "mta-audit", "order": 1, "removal": removal, "effects": effects})
        effects = by_mta(*data)
        expected.append({"world": place, "by": "mta", "order": 1, "removal": "drop_paths", "effects": effects})
    versions = ", ".join(f"{name} {version(name)}" for name in ("do-attribution", "mta-audit", "mta"))
    return {
        "inputs": inputs,
        "expected": expected,
        "rtol": 1e-9,
        "atol": 1e-9,
        "source": f"{versions}: removal effects as losses, 2026-11-22",
    }


with contextlib.redirect_stdout(io.StringIO()):
    made = main()
json.dump(made, sys.stdout, indent=1)
