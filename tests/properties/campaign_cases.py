"""Small random campaigns full of ties and edges, under every rule and for every model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import hypothesis.strategies as st
import numpy as np
import pandas as pd
from hypothesis import Phase, settings

import attribution as at

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = 1_790_000_000_000_000  # in September 2026, no midnight
CHANNELS = ("push", "短信", "电话", "banner <b>")
KINDS = ("sent", "delivered", "click")
PRODUCTS = ("fund", "gold")
ZONE = "Asia/Shanghai"
NONE = "(none)"


def examples(number: int) -> settings:
    """So many examples in a run of 100, and in proportion where HYPOTHESIS_PROFILE asks for more or fewer.

    The fixed run does not look for the smallest counterexample, which takes minutes here; the profile "explore" does.
    """
    profile = settings.default
    phases = (Phase.explicit, Phase.generate) if profile.derandomize else profile.phases
    return settings(max_examples=max(1, profile.max_examples * number // 100), phases=phases)


@dataclass(frozen=True)
class Case:
    """The tables of a campaign as lists of rows, times in microseconds, and the rules as keywords of `at.Rules`."""

    touches: list[dict]
    conversions: list[dict]
    customers: list[dict]
    key_events: list[dict]
    rules: dict

    def tables(self) -> dict[str, pd.DataFrame]:
        return {
            "touches": frame(self.touches, {"person": "person_id"}),
            "conversions": frame(self.conversions, {"person": "person_id", "id": "conversion_id"}),
            "customers": frame(self.customers, {"person": "person_id"}),
            "key_events": frame(self.key_events, {"person": "person_id"}),
        }

    def credit(self, models=None, **tables) -> at.Credit:
        given = {**self.tables(), **tables}
        return at.attribute(
            given["touches"],
            given["conversions"],
            models=MODELS if models is None else models,
            rules=at.Rules(**settled(self.rules)),
            customers=given["customers"],
            key_events=given["key_events"],
        )

    def with_rows(self, change) -> Case:
        """The same case with `change(row)` for every row of every table."""
        parts = {name: [change(row) for row in getattr(self, name)] for name in TABLES}
        return replace(self, **parts)


TABLES = ("touches", "conversions", "customers", "key_events")
MOMENTS = ("time", "registered_at", "last_active_at")


def frame(rows: list[dict], names: dict[str, str]) -> pd.DataFrame:
    made = pd.DataFrame(rows).rename(columns=names)
    for column in MOMENTS:
        if column in made:
            made[column] = pd.to_datetime(made[column].astype("Int64"), unit="us", utc=True)
    if "refund_of" in made and made["refund_of"].isna().all():
        made = made.drop(columns="refund_of")
    return made


def settled(rules: dict) -> dict:
    """The rules with hours and microseconds as durations and instants."""
    made = dict(rules)
    made["lookback"] = {key: f"{hours}h" for key, hours in rules["lookback"].items()}
    if "not_before" in rules:
        made["not_before"] = pd.Timestamp(rules["not_before"], unit="us", tz="UTC").to_pydatetime()
    if "dormancy" in rules:
        made["dormancy"] = f"{rules['dormancy']}h"
    return made


# --- models ----------------------------------------------------------------------------------------------------------


def _rising(j):
    """Weights that rise with the place in the journey."""
    raw = j.position + 1.0
    return raw / np.repeat(np.add.reduceat(raw, j.offsets[:-1]), j.lengths)


def _present(paths):
    """Shares by the number of converting paths that hold a channel."""
    path = np.repeat(np.arange(len(paths)), paths.lengths)
    pairs = np.unique(np.stack([path, paths.channel]), axis=1)
    counts = np.bincount(pairs[1], weights=paths.conversions[pairs[0]], minlength=len(paths.channel_names))
    return counts / counts.sum()


DIRECT = ("push",)
TOUCH_MODELS = (
    at.FirstTouch(),
    at.LastTouch(),
    at.LastNonDirect(direct=DIRECT),
    at.Linear(),
    at.TimeDecay(),
    at.TimeDecay(half_life="9h", unit="whole_days", name="time_decay_days"),
    *(
        at.PositionBased(first=0.5, last=0.2, two=two, name=f"position_{two}")
        for two in ("proportional", "half_middle", "even")
    ),
    at.UShaped(),
    *(at.JShaped(two=two, name=f"j_{two}") for two in ("proportional", "half_middle", "even")),
    at.InverseJ(),
    at.WShaped(milestone="registered_at"),
    at.Shapley(),
    at.CustomModel("rising", _rising),
)
PATH_MODELS = (
    at.Markov(),
    at.Markov(order=2, name="markov_2"),
    at.Shapley(value="rate", name="shapley_rate"),
    at.CustomModel("present", _present, needs="paths"),
)
MODELS = (*TOUCH_MODELS, *PATH_MODELS)
TOUCH_NAMES = tuple(model.name for model in TOUCH_MODELS)
PATH_NAMES = tuple(model.name for model in PATH_MODELS)


def renamed_models(names: dict[str, str]) -> tuple:
    """The models, with the direct channels under other names."""
    direct = tuple(names[channel] for channel in DIRECT)
    return tuple(at.LastNonDirect(direct=direct) if model.name == "last_non_direct" else model for model in MODELS)


# --- rules -----------------------------------------------------------------------------------------------------------

LOOKBACKS = (
    {"*": 48},
    {"*": 24},
    {"*": 96},
    {"*": 0},
    {"短信": 6, "*": 48},
    {("短信", "click"): 24, "短信": 12, ("push", "sent"): 1, ("*", "click"): 48, "*": 36},
)
# Every rule beyond the lookback in every form; a form of its own for what works differently.
FORMS = (
    {"reuse": "reset"},
    {"reuse": "first"},
    {"origin": "outbound"},
    {"match": ("product",)},
    {"same_instant": "exclude"},
    {"window": "open"},
    {"window": "whole_days"},
    {"window": "calendar_days", "timezone": ZONE},
    {"not_before": 0},
    {"tie_order": ("电话", "push")},
    {"tie_order": (("短信", "click"), ("*", "sent"), "banner <b>")},
    {"levels": ("sent", "delivered", "click"), "level": "highest"},
    {"levels": ("sent", "delivered", "click"), "level": "delivered"},
    {"levels": ("sent", "click"), "level": "sent"},
    {"levels": ("click",), "level": "click"},
    {"key_event": "page"},
    {"key_event": "page", "key_event_match": ("product",)},
    {"dormancy": 0},
    {"dormancy": 6},
    {"transforms": ("exposure",)},
    {"transforms": ("first",)},
    {"transforms": ("last",)},
    {"transforms": (("trim_long_path", 2),)},
    {"transforms": (("remove_if_not_all", "push"),)},
    {"transforms": (("remove_if_last_and_not_all", "push"),)},
    {"transforms": (("remove_if_last_and_not_all", "短信"), "exposure", ("trim_long_path", 1))},
)
_DAYS = ({"*": 24}, {"*": 48}, {"*": 0}, {"短信": 24, "*": 48})


@st.composite
def _rules(draw, pool, form, without):
    """Keywords of `at.Rules`: a lookback, the form asked for, and up to three more."""
    possible = [other for other in FORMS if not set(other) & set(without)]
    chosen = [form] if form else []
    chosen += draw(st.lists(st.sampled_from(possible), max_size=1 if form else 3))
    made = {}
    for further in chosen:
        made = {**further, **made}
    if "window" not in made or made["window"] != "calendar_days":
        made.pop("timezone", None)
    if "not_before" in made:
        made["not_before"] = draw(pool)
    by_day = made.get("window") in ("whole_days", "calendar_days")
    return {"lookback": draw(st.sampled_from(_DAYS if by_day else LOOKBACKS)), **made}


# --- tables ----------------------------------------------------------------------------------------------------------

PEOPLE = ("张三", "李四", "p 3")


@st.composite
def _moments(draw):
    """Few moments, so that rows at one instant and at the very edge of a window are common."""
    hours = draw(st.lists(st.sampled_from([0, 6, 12, 18, 24, 30, 48]), min_size=2, max_size=4, unique=True))
    exact = [START + hour * HOUR for hour in hours]
    return st.sampled_from([*exact, *exact, *exact, exact[0] - 1, exact[-1] + 1])


def _touch(people, channels, pool):
    return st.fixed_dictionaries(
        {
            "person": st.sampled_from([*people, *people, *people, "stranger"]),
            "time": pool,
            "channel": st.sampled_from(channels),
            "kind": st.sampled_from(KINDS),
            "origin": st.sampled_from(["outbound", "outbound", "inbound"]),
            "product": st.sampled_from([*PRODUCTS, *PRODUCTS, None]),
            "message_id": st.sampled_from(["m1", "m2", "m3", None]),
        }
    )


def _conversion(people, pool):
    return st.fixed_dictionaries(
        {
            "person": st.sampled_from(people),
            "time": st.builds(lambda time, hours: time + hours * HOUR, pool, st.sampled_from([0, 24, 24, 48])),
            "value": st.integers(0, 1000).map(lambda quarter: quarter / 4),
            "product": st.sampled_from(PRODUCTS),
            "registered_at": st.one_of(st.none(), pool, pool),
        }
    )


@st.composite
def cases(draw, *, touch_ids=None, refunds=True, form=None, without=()):
    """A campaign of few persons with its rules: `form` among them, none whose name is in `without`."""
    with_ids = draw(st.booleans()) if touch_ids is None else touch_ids
    people = PEOPLE[: draw(st.integers(1, len(PEOPLE)))]
    channels = CHANNELS[: draw(st.integers(1, len(CHANNELS)))]
    pool = draw(_moments())
    touches = draw(st.lists(_touch(people, channels, pool), min_size=draw(st.sampled_from([5, 1])), max_size=12))
    if with_ids:
        order = draw(st.permutations(range(len(touches))))
        touches = [{**touch, "touch_id": f"t{number:03d}"} for touch, number in zip(touches, order, strict=True)]
    conversions = draw(st.lists(_conversion(people, pool), min_size=1, max_size=5))
    names = draw(st.permutations(range(len(conversions))))
    conversions = [
        {**conversion, "id": f"单{number}", "refund_of": None}
        for conversion, number in zip(conversions, names, strict=True)
    ]
    if refunds:
        conversions += _refunds(draw, conversions)
    return Case(
        touches=touches,
        conversions=conversions,
        customers=_customers(draw, pool),
        key_events=_key_events(draw, people, pool),
        rules=draw(_rules(pool, form, without)),
    )


def _refunds(draw, conversions):
    shares = draw(
        st.lists(st.sampled_from([0, 0, 0, 0, 0.25, 0.5, 1.0]), min_size=len(conversions), max_size=len(conversions))
    )
    return [
        {
            **conversion,
            "id": f"r-{conversion['id']}",
            "refund_of": conversion["id"],
            "value": share * conversion["value"],
            "time": conversion["time"] + HOUR,
        }
        for conversion, share in zip(conversions, shares, strict=True)
        if share and conversion["value"]
    ]


def _customers(draw, pool):
    known = draw(st.lists(st.sampled_from(PEOPLE), unique=True, min_size=draw(st.sampled_from([2, 0]))))
    earlier = st.builds(lambda time, hours: time - hours * HOUR, pool, st.sampled_from([6, 6, 0, 48]))
    activity = st.one_of(earlier, earlier, st.none())
    return [
        *({"person": person, "last_active_at": draw(activity)} for person in known),
        {"person": "stranger", "last_active_at": START - 400 * DAY},
    ]


def _key_events(draw, people, pool):
    event = st.fixed_dictionaries(
        {
            "person": st.sampled_from(people),
            "time": pool,
            "event": st.sampled_from(["page", "page", "login"]),
            "product": st.sampled_from([*PRODUCTS, *PRODUCTS, None]),
        }
    )
    # The wanted event happens somewhere: a name that no row has is an error.
    somewhere = {"person": "nobody", "time": START, "event": "page", "product": "fund"}
    return [*draw(st.lists(event, min_size=1, max_size=6)), somewhere]


# --- readings of a result --------------------------------------------------------------------------------------------


def totals(credit: at.Credit) -> dict:
    """(model, channel) -> (conversions, value)."""
    return {(row["model"], row["channel"]): (row["conversions"], row["value"]) for row in credit.to_dicts()}


def assert_close(found: dict, expected: dict) -> None:
    """Two totals agree to 1e-9; a channel without touches may lack a row."""
    for key in found.keys() | expected.keys():
        left, right = found.get(key, (0.0, 0.0)), expected.get(key, (0.0, 0.0))
        for one, other in zip(left, right, strict=True):
            assert abs(one - other) <= 1e-9 * max(1.0, abs(one), abs(other)), (key, left, right)
