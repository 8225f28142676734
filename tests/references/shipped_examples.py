"""Writes experiments/self_test/data/published.json: the published examples that `wakelift selftest` computes anew.

Write it: `PYTHONPATH=.:tests python tests/references/shipped_examples.py`. A test holds the file against this script,
so a number is changed in the reference file only.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

FOLDER = Path(__file__).parent
SHIPPED = FOLDER.parents[1] / "experiments" / "self_test" / "data" / "published.json"
SHORT = {
    "tea_tasting": "Fisher 1935; R manual",
    "aspirin": "Agresti 2007",
    "exact_tables": "SciPy manual",
    "sleep": "Student 1908; R manual",
    "r_power": "R manual",
    "false_discovery": "Benjamini, Hochberg 1995",
    "peas": "Mendel 1866; textbooks",
    "sample_ratio": "Kohavi et al. 2020",
    "remission": "Freireich et al. 1963",
    "spending": "Lan, DeMets 1983; ldbounds",
    "markov_removal": "Bryl 2016",
}


def load(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def source_of(source):
    parts = [source] if isinstance(source, str) else [str(part) for part in source.values()]
    return "; ".join(parts)


def call(name, args, take, expected, *, atol=0.0, rtol=0.0):
    return {"call": name, "args": args, "take": take, "expected": expected, "atol": atol, "rtol": rtol}


def example(name, short, file, calls, *, source=None, data=None):
    """An example; `file` is the reference file that its numbers come from."""
    made = {"name": name, "short": short, "source": source or source_of(load(file)["source"]), "file": f"{file}.json"}
    return made | ({"data": data} if data else {}) | {"calls": calls}


def table_args(row):
    return dict(zip(("hits", "n", "control_hits", "control_n"), row["table"], strict=True))


def rates():
    newcombe, book = load("rates/published"), load("rates/contingency_tables")
    calls = [
        call(
            "compare_rates",
            table_args(row) | {"method": method},
            ["difference.low", "difference.high"],
            row[method],
            atol=newcombe["atol"],
        )
        for row in newcombe["expected"]
        for method in ("score", "newcombe")
    ]
    yield example("newcombe", "Newcombe 1998, table II", "rates/published", calls)
    calls = []
    for row in book["expected"]:
        take, expected = [], []
        for key, stem in (("difference", "difference"), ("ratio", "relative")):
            if key in row:
                take += [f"{stem}.low", f"{stem}.high"]
                # A ratio is printed; the lift is the ratio less 1.
                expected += [round(end - (key == "ratio"), 4) for end in row[key]]
        if "p" in row:
            take, expected = [*take, "difference.p_value"], [*expected, row["p"]]
        calls.append(
            call("compare_rates", table_args(row) | {"method": row["method"]}, take, expected, atol=book["atol"])
        )
    yield example("contingency_tables", "Fagerland et al. 2017", "rates/contingency_tables", calls)


def sequential():
    held = load("sequential/published")
    expected, atol = held["expected"], held["atol"]
    calls = []
    for kind in ("pocock", "obrien_fleming"):
        for level, constants in expected[kind].items():
            for looks, constant in constants.items():
                if looks not in ("15", "20"):  # the longest take the longest
                    args = {"looks": int(looks), "level": float(level), "kind": kind}
                    calls.append(call("group_bounds", args, [str(int(looks) - 1)], [constant], atol=atol))
    yield example("group_constants", "Jennison, Turnbull 2000", "sequential/published", calls)
    calls = [
        call("crossing_error", {"looks": int(looks), "root": False}, [""], [error], atol=atol)
        for looks, error in expected["naive_error"].items()
    ]
    yield example("repeated_looks", "Armitage et al. 1969", "sequential/published", calls)


def others():
    held = load("bayes/published")
    given, wanted = held["inputs"], held["expected"]
    args = {"arms": {"a": [given["hits"], given["n"]], "b": [1, 2]}, "level": given["level"]}
    paths = ["rows.0.value", "rows.0.value_low", "rows.0.value_high"]
    numbers = [wanted[key] for key in ("mean", "low", "high")]
    yield example(
        "placenta_previa",
        "Gelman et al. 2013",
        "bayes/published",
        [call("bayes_best", args, paths, numbers, atol=held["atol"])],
    )

    held = load("compliance/published")
    wanted, atol, args = held["expected"], held["atol"], {"counts": held["inputs"]["vitamin_a_counts"]}
    calls = [
        call("complier_counts", args, [path], [wanted[key]], atol=atol[key])
        for key, path in (("itt", "assignment.value"), ("cace", "effect.value"), ("first_stage", "first_stage.value"))
    ]
    risk = call(
        "complier_counts",
        args,
        ["compliance.relative.value"],
        [round(wanted["relative_risk_among_compliers"] - 1, 2)],
        atol=0.005,
    )
    yield example("vitamin_a", "Sommer, Zeger 1991", "compliance/published", [*calls, risk])

    held = load("power/published")
    calls = [
        call(one["call"], one["args"], [one["take"] or ""], [number], rtol=held["rtol"])
        for one, number in zip(held["inputs"], held["expected"], strict=True)
    ]
    yield example("sample_sizes", "Chow 2008; Cohen 1988; Fleiss 1980; Dunnett 1964", "power/published", calls)

    held, data = load("ranks/published"), load("ranks/r_wilcox")["inputs"]["pain"]
    wanted = held["expected"]
    args = {"values": data[0], "control_values": data[1]}
    yield example(
        "pain",
        "Brunner, Munzel 2000",
        "ranks/published",
        [
            call(
                "mann_whitney",
                args,
                ["value", "low", "high", "p_value"],
                [wanted[key] for key in ("value", "low", "high", "p")],
                rtol=held["rtol"],
            )
        ],
    )


def games():
    held = load("shapley/published")
    inputs, wanted, source = held["inputs"], held["expected"], held["source"]
    paths = inputs["three_channels"]
    args = {
        "paths": [" > ".join(path) for path in paths["paths"]],
        "conversions": paths["conversions"],
        "model": "shapley",
    }
    names = list(wanted["three_channels"])
    numbers = [wanted["three_channels"][name] for name in names]
    yield example(
        "three_channels",
        "Hegewald 2019",
        "shapley/published",
        [call("path_credit", args, names, numbers, atol=1e-9)],
        source=source["three_channels"],
    )
    gloves = call(
        "game",
        {"worth_by_bits": inputs["gloves"]["worth_by_bits"], "players": 3},
        ["0", "1", "2"],
        [float(Fraction(text)) for text in wanted["gloves"]],
        atol=1e-12,
    )
    yield example("gloves", "textbooks of games", "shapley/published", [gloves], source=source["gloves"])
    council = call(
        "voting_power",
        inputs["security_council"],
        ["permanent", "other"],
        [float(Fraction(wanted["security_council"][name])) for name in ("permanent", "other")],
        atol=1e-12,
    )
    yield example(
        "security_council", "Shapley, Shubik 1954", "shapley/published", [council], source=source["security_council"]
    )


def vendors():
    for path in sorted((FOLDER / "vendors").glob("*.json")):
        held = load(f"vendors/{path.stem}")
        inputs = held["inputs"]
        calls = []
        for case, options in inputs["cases"].items():
            measure = options.get("measure", held["measure"])
            wanted = {channel: number for channel, number in held["expected"][case].items() if number is not None}
            args = {"case": options | {"measure": measure}}
            calls.append(call("vendor_credit", args, list(wanted), list(wanted.values()), atol=held["atol"] + 1e-12))
        data = {key: inputs[key] for key in ("preset", "touches", "conversions")}
        yield example(path.stem, held["source"]["tool"], f"vendors/{path.stem}", calls, data=data)


def by_hand():
    for name in sorted({path.stem for path in (FOLDER / "published").glob("*.json")} - {"r_confirmed"}):
        held = load(f"published/{name}")
        calls = [
            call(one["call"], one["args"], one["take"], numbers, atol=held["atol"], rtol=held["rtol"])
            for one, numbers in zip(held["inputs"]["calls"], held["expected"], strict=True)
        ]
        yield example(name, SHORT[name], f"published/{name}", calls)


def content():
    """Everything that is shipped."""
    made = [*by_hand(), *rates(), *others(), *sequential(), *games(), *vendors()]
    return (
        json.dumps({"examples": made}, ensure_ascii=False, indent=None, separators=(",", ":")).replace(
            '{"name":', '\n{"name":'
        )
        + "\n"
    )


if __name__ == "__main__":
    SHIPPED.write_text(content(), encoding="utf-8")
