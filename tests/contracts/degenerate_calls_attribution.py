"""How every public function of `attribution` is called, and the methods of its results that take arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from degenerate_tables import table
from degenerate_world import MADE, World

import attribution as at

MADE |= {
    "at.build_journeys": lambda w: at.build_journeys(w["touches"], w["conversions"]),
    "at.attribute": lambda w: at.attribute(w["touches"], w["conversions"]),
    "at.attribute, paths": lambda w: at.attribute(w["touches"], w["conversions"], models=["linear", "markov"]),
    "at.PathCounts.of": lambda w: at.PathCounts.of([["a", "b"], ["b"]], conversions=[4, 2], nulls=[10, 12]),
}


def _options(model: Callable[..., Any]) -> Callable[[World], Any]:
    """Credit by a model: its options are inputs; the tables are, in the row of at.RULE_MODELS."""
    return lambda w: at.attribute(table("touches"), table("conversions"), models=model(w))


def _tables(model: Callable[..., Any]) -> Callable[[World], Any]:
    """Credit by a model: its options are inputs, and so are the two tables."""
    return lambda w: at.attribute(w["touches"], w["conversions"], models=model(w))


def _counts(w: World) -> at.PathCounts:
    paths = [["a", "b"], ["b"], ["c", "a"]]
    conversions, nulls = w.list("conversions", [4.0, 2.0, 1.0]), w.list("nulls", [10.0, 12.0, 3.0])
    return at.PathCounts.of(paths, conversions=conversions, nulls=nulls)


def _own(w: World) -> at.Credit:
    model = at.CustomModel(w.text("name", "own"), lambda j: np.repeat(1.0 / j.lengths, j.lengths))
    return at.attribute(table("touches"), table("conversions"), models=model)


def _arrays(w: World) -> object:
    arrays = at.JourneyArrays.of([["a", "b"], ["b"]], ages_seconds=[w.list("ages", [9.0, 5.0]), [1.0]])
    return at.TimeDecay().weights(arrays)


def _rules(w: World) -> at.Credit:
    rules = at.Rules(lookback={w.name("sms"): "14d", "*": "30d"}, reuse="reset")
    return at.attribute(w["touches"], w["conversions"], rules=rules)


def _columns(w: World) -> at.Credit:
    column = w.text("channel", "channel")
    touches = w["touches"].rename(columns={"channel": column})
    return at.attribute(touches, w["conversions"], columns=at.Columns(channel=column))


def _intervals(w: World) -> object:
    return w.made("at.attribute").intervals(level=w.number("level", 0.95), population=w.number("population", 120))


def _beats(w: World) -> object:
    credit = w.made("at.attribute")
    return credit.beats(w.name("phone"), w.name("sms"), model="linear", level=w.number("level", 0.9))


def _fit(w: World) -> object:
    return w.made("at.attribute, paths").fit("markov").removal_effects()


def _difference(w: World) -> object:
    short = at.attribute(w["touches"], w["conversions"], rules=at.Rules(lookback="3d"))
    return at.explain_difference(w.made("at.attribute"), short, model_a="linear", model_b="linear")


def _dumbbell(w: World) -> object:
    return at.plot_dumbbell(w.made("at.attribute"), "first_touch", "linear", top=w.number("top", 5))


CALLS: dict[str, Callable[[World], Any]] = {
    # --- tables and rules ---
    "at.Columns": _columns,
    "at.Rules": _rules,
    "at.vendor_preset": lambda w: at.vendor_preset(w.text("name", "mixpanel")),
    "at.price_touches": lambda w: at.price_touches(w["touches"], w["unit_prices"]),
    "at.sms_segments": lambda w: at.sms_segments([w.text("text", "hello"), "x" * 71]),
    "at.channel_spend": lambda w: at.channel_spend(w["touches"], w["prices"]),
    "at.resolve_identity": lambda w: at.resolve_identity(w["customers"], max_share=w.number("max_share", 10)),
    "at.Identity.apply": lambda w: at.resolve_identity(w["customers"]).apply(w["customers"].drop(columns="person_id")),
    "at.check_tables": lambda w: at.check_tables(w["touches"], w["conversions"], prices=w["prices"]),
    # --- journeys and credit ---
    "at.build_journeys": lambda w: at.build_journeys(w["touches"], w["conversions"]).summary(),
    "at.Journeys.paths": lambda w: w.made("at.build_journeys").paths(w.number("top", 5), nulls=True),
    "at.Journeys.lengths": lambda w: w.made("at.build_journeys").lengths(),
    "at.Journeys.time_to_conversion": lambda w: w.made("at.build_journeys").time_to_conversion(bin="6h"),
    "at.Journeys.hand_overs": lambda w: w.made("at.build_journeys").hand_overs("5d", of="journeys", ends=True),
    "at.Journeys.reach": lambda w: w.made("at.build_journeys").reach(),
    "at.Journeys.with_rules": lambda w: w.made("at.build_journeys").with_rules(at.Rules(lookback="2d")).attribute(),
    "at.attribute": lambda w: at.attribute(w["touches"], w["conversions"]),
    "at.Credit.by": lambda w: w.made("at.attribute").by("campaign"),
    "at.Credit.with_costs": lambda w: w.made("at.attribute").with_costs(w["spend"]),
    "at.Credit.intervals": _intervals,
    "at.Credit.ranks": lambda w: w.made("at.attribute").ranks(level=w.number("level", 0.95)),
    "at.Credit.beats": _beats,
    "at.Credit.over_time": lambda w: w.made("at.attribute").over_time("week"),
    "at.Credit.touches": lambda w: w.made("at.attribute").touches(),
    "at.Credit.explain": lambda w: w.made("at.attribute").explain(w.text("conversion_id", "V00000")),
    "at.Credit.readings": lambda w: w.made("at.attribute, paths").readings(),
    "at.Credit.fit": _fit,
    "at.attribute_paths": lambda w: at.attribute_paths(
        w["paths"], value="value", nulls="nulls", models=["first_touch", "linear", "markov", "shapley"]
    ),
    "at.PathCredit.with_costs": lambda w: at.attribute_paths(w["paths"], models="linear").with_costs(w["spend"]),
    "at.participation": lambda w: at.participation(w.made("at.build_journeys")),
    "at.explain_difference": _difference,
    "at.compare_models": lambda w: at.compare_models(w.made("at.attribute")),
    "at.compare_models(...).pairs": lambda w: at.compare_models(w.made("at.attribute")).pairs(),
    "at.compare_models(...).stability": lambda w: at.compare_models(w.made("at.attribute")).stability(replicates=200),
    "at.compare_origins": lambda w: at.compare_origins(w.made("at.build_journeys"), models="linear"),
    # --- models ---
    "at.RULE_MODELS": lambda w: at.attribute(w["touches"], w["conversions"], models=at.RULE_MODELS),
    "at.FirstTouch": _options(lambda w: at.FirstTouch(name=w.text("name", "first"))),
    "at.LastTouch": _options(lambda w: at.LastTouch(name=w.text("name", "last"))),
    "at.LastNonDirect": _tables(lambda w: at.LastNonDirect(direct=(w.name("phone"),))),
    "at.Linear": _options(lambda w: at.Linear(name=w.text("name", "even"))),
    "at.TimeDecay": _options(lambda w: at.TimeDecay(half_life=w.text("half_life", "7d"))),
    "at.PositionBased": _options(lambda w: at.PositionBased(first=w.number("first", 0.3), last=w.number("last", 0.5))),
    "at.UShaped": _options(lambda w: at.UShaped(name=w.text("name", "u"))),
    "at.JShaped": _options(lambda w: at.JShaped(name=w.text("name", "j"))),
    "at.InverseJ": _options(lambda w: at.InverseJ(name=w.text("name", "i"))),
    "at.WShaped": lambda w: at.attribute(
        w["touches"], w["signed_conversions"], models=at.WShaped(milestone="registered_at")
    ),
    "at.Markov": _tables(lambda w: at.Markov(order=w.number("order", 2))),
    "at.Shapley": _tables(
        lambda w: at.Shapley(value="rate", samples=w.number("samples", 50), seed=w.number("seed", 0))
    ),
    "at.CustomModel": _own,
    "at.choose_markov_order": lambda w: at.choose_markov_order(
        w.made("at.build_journeys"), orders=(1, 2), folds=w.number("folds", 2)
    ),
    "at.JourneyArrays": _arrays,
    "at.PathCounts": lambda w: at.Markov().fit(_counts(w)),
    "at.Markov.fit": lambda w: at.Markov(order=1).fit(_counts(w)).transitions(),
    "at.Shapley.fit": lambda w: at.Shapley(value="rate").fit(_counts(w)),
    # --- plots, language, values ---
    "at.plot_credit": lambda w: at.plot_credit(w.made("at.attribute"), level=0.9, top=w.number("top", 5)),
    "at.plot_dumbbell": _dumbbell,
    "at.plot_path_lengths": lambda w: at.plot_path_lengths(w.made("at.build_journeys"), longest=w.number("longest", 5)),
    "at.plot_time_to_conversion": lambda w: at.plot_time_to_conversion(w.made("at.build_journeys")),
    "at.plot_flow": lambda w: at.plot_flow(w.made("at.build_journeys"), steps=w.number("steps", 2), nulls=True),
    "at.language": lambda w: at.language(w.text("lang", "en")).__enter__() or "",
    "at.set_language": lambda w: at.set_language(w.text("lang", "en")) or "",
    "at.Estimate.contains": lambda w: at.Estimate(value=1.0, low=0.0, high=2.0).contains(w.number("x", 1.0)),
    "at.Finding": lambda w: at.Finding(code="SRM", status=w.text("status", "pass"), values={}).status,
}

# Names without a row of their own, and where their behaviour is held.
REASONS: dict[str, str] = {
    "at.VendorPreset": "result of at.vendor_preset",
    "at.ChannelSpend": "result of at.channel_spend",
    "at.Identity": "result of at.resolve_identity; its method has a row",
    "at.Checks": "result of at.check_tables",
    "at.Journeys": "result of at.build_journeys; its methods have rows",
    "at.Credit": "result of at.attribute; its methods have rows",
    "at.PathCredit": "result of at.attribute_paths; its method has a row",
    "at.OriginComparison": "result of at.compare_origins",
    "at.ShapleyFit": "result of at.Shapley.fit",
    "at.MarkovFit": "result of at.Markov.fit; its methods are called in the rows of at.Markov.fit and at.Credit.fit",
    "at.MarkovOrders": "result of at.choose_markov_order",
    "at.Model": "protocol without a body",
    "at.Plot": "result of the functions at.plot_*",
    "at.Estimate": "value that results hold; its method has a row",
    "at.Comparison": "value that results hold, without methods",
    "at.TableIssue": "part of at.TableError, without computation",
    "at.WakeLiftError": "error",
    "at.InputError": "error",
    "at.TableError": "error",
    "at.DesignError": "error",
    "at.ConservationError": "error",
    "at.WakeLiftWarning": "warning",
}
