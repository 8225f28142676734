"""What the library claims of itself, tried on this machine: what sums, sums; engines agree; the same bytes again."""

from __future__ import annotations

import hashlib
import json
import platform
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from attribution.core import messages
from attribution.core.language import LANGUAGES, language
from attribution.core.recipe import versions
from experiments.self_test.reading import Reading, compared, guarded, skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from experiments.self_test.reading import Value

__all__ = ["PERSONS", "SEED", "machine", "machine_readings"]

PERSONS = 2_000
SEED = 7
_TABLES = ("assignment", "touches", "conversions", "prices")
_EXACT = 1e-9
_ENGINES = ("polars", "duckdb")
_MODELS = ("first_touch", "last_touch", "linear", "time_decay", "position_based", "markov", "shapley")
_OPTIONAL = ("polars", "duckdb", "matplotlib", "statsmodels")


def machine() -> dict[str, str]:
    """Operating system, processor, Python and the versions of the libraries; no name of the machine or its user."""
    from importlib.metadata import PackageNotFoundError, version

    made = {"system": platform.system(), "processor": platform.machine(), "python": platform.python_version()}
    made |= dict(versions())
    for name in _OPTIONAL:
        try:
            made[name] = version(name)
        except PackageNotFoundError:
            made[name] = "not installed"
    return made


def machine_readings() -> Iterator[Reading]:
    """One reading per claim and number."""
    yield from guarded("machine", "conservation", _SHORT, _all)


def _all() -> Iterator[Reading]:
    tables = _tables()
    plain = _numbers(tables)
    claims: dict[str, Callable[[], Iterator[Reading]]] = {
        "conservation": lambda: _conserved(tables),
        **{f"engine_{engine}": partial(_engine, engine, tables, plain) for engine in _ENGINES},
        "same_bytes": lambda: _repeated(tables, plain),
        "languages": lambda: _languages(tables),
    }
    for name, readings in claims.items():
        yield from guarded("machine", name, _SHORT, readings)


def _reading(example: str, what: str, expected: Value, got: Value, tolerance: float = 0.0) -> Reading:
    return Reading(
        part="machine", example=example, what=what, short=_SHORT, source=_MANUAL, expected=expected, got=got,
        tolerance=tolerance, outcome=compared(expected, got, tolerance),
    )  # fmt: skip


_SHORT, _MANUAL = "own claim", "docs/verification.md"


def _tables() -> dict[str, Any]:
    from experiments.simulation import simulate

    campaign = simulate("default", persons=PERSONS, seed=SEED)
    return {name: getattr(campaign, name) for name in _TABLES} | {"as_of": campaign.as_of, "order": campaign.order}


def _numbers(tables: Mapping[str, Any]) -> dict[str, float | None]:
    """Credit, effect and net benefit of the tables, by name."""
    import attribution as at
    import experiments as ex

    credit = at.attribute(tables["touches"], tables["conversions"])
    outcomes = ex.build_outcomes(
        tables["assignment"], tables["conversions"], touches=tables["touches"], prices=tables["prices"], window="28d",
        as_of=tables["as_of"],
    )  # fmt: skip
    experiment = ex.Experiment({"woken": ex.Rate("woken"), "value": ex.Mean("value")}, shares="p_assign")
    readout = experiment.analyze(outcomes)
    pays = ex.cost_thresholds(outcomes, experiment=experiment, thresholds=[60, 85, 125], order=tables["order"])
    return {
        **_named("credit", credit.to_dicts(), ("model", "channel"), ("conversions", "value")),
        **_named("effect", readout.to_dicts(), ("metric", "arm"), ("value", "difference", "low", "high", "p_value")),
        **_named("net", pays.to_dicts(), ("arm", "threshold"), ("net_benefit_per_1000", "net_benefit_low")),
    }


def _named(
    family: str, rows: Sequence[Mapping[str, Any]], keys: Sequence[str], columns: Sequence[str]
) -> dict[str, float | None]:
    return {
        ".".join([family, *(str(row[key]) for key in keys), column]): row[column] for row in rows for column in columns
    }


# --- what sums, sums -------------------------------------------------------------------------------------------------


def _conserved(tables: Mapping[str, Any]) -> Iterator[Reading]:
    import attribution as at

    touches, conversions = tables["touches"], tables["conversions"]
    credit = at.attribute(touches, conversions, models=_MODELS)
    n, value = float(len(conversions)), float(conversions["value"].sum())
    for name, rows in credit.table().groupby("model"):
        yield _reading("conservation", f"{name}: conversions", n, float(rows["conversions"].sum()), _EXACT * n)
        if not rows["value"].isna().any():
            yield _reading("conservation", f"{name}: value", value, float(rows["value"].sum()), _EXACT * value)
    priced = at.price_touches(touches, tables["prices"])
    spent = float(priced["cost"].sum())
    linear = at.attribute(touches, conversions, models="linear").with_costs(priced).table()
    yield _reading("conservation", "spend", spent, float(linear["cost"].sum()), _EXACT * max(spent, 1.0))


# --- the engines that are installed ----------------------------------------------------------------------------------


def _engine(name: str, tables: Mapping[str, Any], plain: Mapping[str, float | None]) -> Iterator[Reading]:
    if find_spec(name) is None:
        yield skipped("machine", f"engine_{name}", what=name, short=_SHORT, why="not installed")
        return
    convert = {"polars": _to_polars, "duckdb": _to_duckdb}[name]()
    found = _numbers({key: convert(table) if key in _TABLES else table for key, table in tables.items()})
    for key, expected in plain.items():
        tolerance = _EXACT * max(abs(expected or 0.0), 1.0)
        yield _reading(f"engine_{name}", key, expected, found.get(key), tolerance)


def _to_polars() -> Callable[[Any], Any]:
    import polars as pl

    return pl.from_pandas


def _to_duckdb() -> Callable[[Any], Any]:
    import duckdb
    import pyarrow as pa

    connection = duckdb.connect()
    return lambda frame: connection.from_arrow(pa.Table.from_pandas(frame, preserve_index=False))


# --- the same bytes --------------------------------------------------------------------------------------------------


def _repeated(tables: Mapping[str, Any], plain: Mapping[str, float | None]) -> Iterator[Reading]:
    digest = _digest(plain)
    again = _tables()
    drawn, other = (_digest_of_tables(these) for these in (tables, again))
    yield _reading("same_bytes", "the simulated tables again", drawn, other)
    yield _reading("same_bytes", "the numbers again", digest, _digest(_numbers(again)))
    # From the last row to the first.
    turned = {name: table.iloc[::-1] if name in _TABLES else table for name, table in tables.items()}
    yield _reading("same_bytes", "the numbers with all rows reversed", digest, _digest(_numbers(turned)))


def _digest(numbers: Mapping[str, float | None]) -> str:
    return hashlib.sha256(json.dumps(dict(numbers), sort_keys=True).encode("utf-8")).hexdigest()[:16]


def _digest_of_tables(tables: Mapping[str, Any]) -> str:
    whole = "\n".join(tables[name].to_csv(index=False) for name in _TABLES)
    return hashlib.sha256(whole.encode("utf-8")).hexdigest()[:16]


# --- both languages --------------------------------------------------------------------------------------------------


def _languages(tables: Mapping[str, Any]) -> Iterator[Reading]:
    import attribution as at

    english, chinese = (messages.catalogue(lang) for lang in LANGUAGES)
    yield _reading("languages", "sentences without a translation", 0.0, float(len(english.keys() ^ chinese.keys())))
    differ = sum(
        messages.placeholders(english[code]) != messages.placeholders(chinese[code])
        for code in english.keys() & chinese.keys()
    )
    yield _reading("languages", "sentences whose numbers differ", 0.0, float(differ))
    credit = at.attribute(tables["touches"], tables["conversions"])
    for lang, speaks in zip(LANGUAGES, ("no", "yes"), strict=True):
        with language(lang):
            shown = repr(credit)
        found = "yes" if any("\u4e00" <= letter <= "\u9fff" for letter in shown) else "no"
        yield _reading("languages", f"Chinese letters in a result shown in {lang}", speaks, found)
