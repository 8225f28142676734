"""How the functions of `experiments` are called that read logs of acts, contacts, offers, invitations and sales."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from degenerate_tables import AS_OF
from degenerate_world import MADE, World

import experiments as ex


def _log(w: World) -> Any:
    """The log with its acts under the name that functions of events expect."""
    return w["events"].rename(columns={"kind": "event"})


def _curve(w: World) -> Any:
    return ex.dormancy_curve(w["events"], horizon="60d", as_of=AS_OF, days=w.list("days", [0, 30, 60]))


MADE |= {
    "ex.dormancy_curve": lambda w: ex.dormancy_curve(w["events"], horizon="60d", as_of=AS_OF, days=[0, 30, 60]),
    "ex.time_to_next": lambda w: ex.time_to_next(w["events"], as_of=AS_OF),
    "ex.nth_purchase": lambda w: ex.nth_purchase(w["events"], as_of=AS_OF, replicates=100),
    "ex.retention": lambda w: ex.retention(w["events"], as_of=AS_OF, periods=3),
    "ex.contact_pressure": lambda w: ex.contact_pressure(w["touches"], as_of=AS_OF),
}


def _flows(w: World) -> Any:
    return ex.customer_flows(w["events"], start="2025-06-30", end="2026-03-31", by="source")


def _funnel(w: World) -> Any:
    return ex.funnel(_log(w), stages=["register", "certify", "invest"], window="200d", by="source", as_of=AS_OF)


def _durable(w: World) -> Any:
    return ex.durability(w["assignment"], w["conversions"], days=(7, 28), as_of=AS_OF, control=w.name("holdout"))


def _quality(w: World) -> Any:
    return ex.channel_quality(
        w["customers"], w["events"].drop(columns=["source"]), as_of=AS_OF, effective="effective", margin=0.05
    )


def _scenes(w: World) -> Any:
    named = {"new": ex.AtNth("invest", 0, after="register"), "once": ex.AtNth("invest", 1)}
    return ex.scenes(w["customers"], _log(w), at="2025-09-01", scenes=named)


def _matched(w: World) -> Any:
    pool = w["customers"].assign(person_id="A" + w["customers"]["person_id"].astype(str))
    return ex.match_lookalikes(w["customers"], pool, attributes=["source", "region", "age"], at_least=2)


def _sold(w: World) -> Any:
    return ex.sales_campaign(w["sales"], w["targets"], amount="amount", leads=w["leads"])


def _one_scene(scene: Callable[[World], Any]) -> Callable[[World], Any]:
    """A scene by itself: its words, and who is in it."""

    def call(w: World) -> Any:
        return ex.scenes(w["customers"], _log(w), at="2025-09-01", scenes={w.text("name", "mine"): scene(w)})

    return call


def _aha(w: World) -> Any:
    return ex.aha_threshold(
        w["events"], w["customers"], as_of=AS_OF,
        retention=("30d", "300d"), retained="effective", within="30d", largest=w.number("largest", 3),
        replicates=w.number("replicates", 99),
    )  # fmt: skip


def _referral(w: World) -> Any:
    return ex.referral(
        w["participants"], w["invitations"], effective="effective", cost=w.number("cost", 100.0), reward="reward",
        by="region",
    )  # fmt: skip


def _growth(w: World) -> Any:
    return ex.growth_period(
        w["customers"], w["events"], start="2025-06-30", end="2026-03-31", reached="new", base="new"
    )


MADE |= {
    "ex.customer_flows": _flows,
    "ex.funnel": _funnel,
    "ex.durability": _durable,
    "ex.channel_quality": _quality,
    "ex.scenes": _scenes,
    "ex.match_lookalikes": _matched,
    "ex.sales_campaign": _sold,
}

CALLS: dict[str, Callable[[World], Any]] = {
    # --- who sleeps ---
    "ex.dormancy_curve": _curve,
    "ex.DormancyCurve.cut": lambda w: w.made("ex.dormancy_curve").cut(
        w.number("eps", 0.3), w.number("min_spells", 20), replicates=w.number("replicates", 100)
    ),
    "ex.time_to_first": lambda w: ex.time_to_first(
        w["customers"][["person_id", "registered_at"]].rename(columns={"registered_at": "time"}), w["events"],
        as_of=AS_OF,
    ),
    "ex.time_to_next": lambda w: ex.time_to_next(w["events"], as_of=AS_OF, n=w.number("n", 1), by="source"),
    "ex.TimeTo.quantile": lambda w: w.made("ex.time_to_next").quantile(w.number("share", 0.5)),
    "ex.TimeTo.acted_by": lambda w: w.made("ex.time_to_next").acted_by(w.number("days", 30.0)),
    "ex.nth_purchase": lambda w: ex.nth_purchase(
        w["events"], as_of=AS_OF, value="value", up_to=w.number("up_to", 5), replicates=w.number("replicates", 100)
    ),
    "ex.customer_states": lambda w: ex.customer_states(w["events"], as_of="2025-12-31", by="source"),
    "ex.customer_flows": _flows,
    "ex.CustomerFlows.transitions": lambda w: w.made("ex.customer_flows").transitions(w.name("search")),
    "ex.retention": lambda w: ex.retention(w["events"], as_of=AS_OF, periods=w.number("periods", 3)),
    "ex.Retention.triangle": lambda w: w.made("ex.retention").triangle(),
    "ex.Retention.trends": lambda w: w.made("ex.retention").trends(),
    # --- who is where ---
    "ex.scenes": _scenes,
    "ex.Audiences.overlaps": lambda w: w.made("ex.scenes").overlaps(),
    "ex.Audiences.audience": lambda w: w.made("ex.scenes").audience(w.text("name", "new")),
    "ex.AtNth": _one_scene(lambda w: ex.AtNth("invest", w.number("times", 1))),
    "ex.Lapsed": _one_scene(lambda w: ex.Lapsed("invest", w.text("silent", "60d"))),
    "ex.DropOut": _one_scene(lambda w: ex.DropOut("register", "certify", w.text("within", "2h"), since="400d")),
    "ex.standard_scenes": lambda w: list(ex.standard_scenes(nth=w.number("nth", 4))),
    "ex.growth_period": _growth,
    "ex.funnel": _funnel,
    "ex.slots": lambda w: ex.slots(w["slot_log"]),
    "ex.contact_pressure": lambda w: ex.contact_pressure(
        w["touches"], conversions=w["conversions"], assignment=w["assignment"], as_of=AS_OF,
        caps=w.mapping("caps", {"7d": 2, "30d": 8}), control=w.name("holdout"),
    ),
    "ex.reach_matrix": lambda w: ex.reach_matrix(
        w["customers"], by="source",
        channels={"sms": {"address": "phone", "opt_out": "opt_out"}, "mail": {"address": "device"}},
    ),
    "ex.hand_overs": lambda w: ex.hand_overs(w["touches"], within="5d", top=w.number("top", 5)),
    "ex.durability": _durable,
    # --- who is worth it ---
    "ex.channel_quality": _quality,
    "ex.ChannelQuality.purchases": lambda w: w.made("ex.channel_quality").purchases(),
    "ex.effective_customers": lambda w: ex.effective_customers(
        w["customers"], effective="effective", by="source", cost="cost", value="amount"
    ),
    "ex.aha_threshold": _aha,
    "ex.match_lookalikes": _matched,
    "ex.Lookalikes.balance": lambda w: w.made("ex.match_lookalikes").balance(),
    "ex.off_segment_offers": lambda w: ex.off_segment_offers(w["offers"], w["eligible"], cost="cost"),
    "ex.referral": _referral,
    "ex.sales_campaign": _sold,
    "ex.SalesCampaign.handover": lambda w: w.made("ex.sales_campaign").handover(),
    # --- pictures ---
    "ex.plot_dormancy": lambda w: ex.plot_dormancy(w.made("ex.dormancy_curve")),
    "ex.plot_nth_purchase": lambda w: ex.plot_nth_purchase(w.made("ex.nth_purchase")),
    "ex.plot_funnel": lambda w: ex.plot_funnel(w.made("ex.funnel")),
    "ex.plot_pressure": lambda w: ex.plot_pressure(w.made("ex.contact_pressure")),
    "ex.plot_durability": lambda w: ex.plot_durability(w.made("ex.durability")),
}  # fmt: skip

REASONS: dict[str, str] = {
    "ex.DormancyCurve": "result of ex.dormancy_curve; its method has a row",
    "ex.DormancyCut": "result of ex.DormancyCurve.cut",
    "ex.TimeTo": "result of ex.time_to_first and ex.time_to_next; its methods have rows",
    "ex.NthPurchase": "result of ex.nth_purchase",
    "ex.CustomerStates": "result of ex.customer_states",
    "ex.CustomerFlows": "result of ex.customer_flows; its method has a row",
    "ex.FlowSeries": "part of the result of ex.customer_flows",
    "ex.Retention": "result of ex.retention; its methods have rows",
    "ex.Audiences": "result of ex.scenes; its methods have rows",
    "ex.Scene": "protocol without a body",
    "ex.GrowthPeriod": "result of ex.growth_period",
    "ex.Funnel": "result of ex.funnel",
    "ex.Slots": "result of ex.slots",
    "ex.ContactPressure": "result of ex.contact_pressure",
    "ex.ReachMatrix": "result of ex.reach_matrix",
    "ex.Chains": "result of ex.hand_overs",
    "ex.Durability": "result of ex.durability",
    "ex.ChannelQuality": "result of ex.channel_quality; its method has a row",
    "ex.EffectiveCustomers": "result of ex.effective_customers",
    "ex.AhaThreshold": "result of ex.aha_threshold",
    "ex.Lookalikes": "result of ex.match_lookalikes; its method has a row",
    "ex.OffSegmentOffers": "result of ex.off_segment_offers",
    "ex.Referral": "result of ex.referral",
    "ex.SalesCampaign": "result of ex.sales_campaign; its method has a row",
}
