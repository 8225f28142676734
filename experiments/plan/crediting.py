"""How credit is shared, as a plan says it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from attribution.core.errors import InputError
from attribution.models.decay import TimeDecay
from attribution.models.last_non_direct import LastNonDirect
from attribution.models.markov import Markov
from attribution.presets import vendor_preset
from attribution.rules import Rules
from experiments.plan import spelling
from experiments.plan.sections import Duration, Level, Names, Section, Text, key, listed

if TYPE_CHECKING:
    from attribution.models.protocol import Model
    from attribution.presets.preset import VendorPreset

__all__ = ["AttributionPlan"]

ModelName = Literal[
    "first_touch", "last_touch", "last_non_direct", "linear", "time_decay", "position_based", "u_shaped", "j_shaped",
    "inverse_j", "markov", "shapley", "shapley_rate",
]  # fmt: skip


PresetName = Literal[
    "adobe", "amplitude", "fractribution", "google_ads_legacy", "growingio", "mixpanel", "posthog", "snowplow"
]
# What goes beside a preset: not a rule of the tool, or handed to it.
_BESIDE_PRESET = frozenset({"preset", "models", "lookback", "interval_level", "inbound", "dormancy"})


class AttributionPlan(Section):
    """How credit is shared."""

    preset: PresetName | None = key(
        "The rules and models of another tool as its documentation states them: adobe, amplitude, fractribution, "
        "google_ads_legacy, growingio, mixpanel, posthog, snowplow. Of the other keys only models, lookback and "
        "dormancy may stand beside it; left at their defaults they are the tool's.",
        kind="text",
        default=None,
    )
    models: Annotated[tuple[ModelName, ...], BeforeValidator(listed), Field(min_length=1)] = key(
        "The models of credit, side by side: first_touch, last_touch, last_non_direct, linear, time_decay, "
        "position_based, u_shaped, j_shaped, inverse_j, markov, shapley, shapley_rate.",
        kind="list of texts",
        default=("first_touch", "last_touch", "linear", "time_decay", "position_based"),
    )
    lookback: Annotated[str | dict[str, Any], PlainValidator(spelling.lookback)] = key(
        "How long before a conversion a touch is eligible: one duration, or a table by channel (and kind): "
        '{ banner = "1d", sms = { click = "14d" }, "*" = "30d" }.',
        kind="duration or table of durations",
        default="30d",
    )
    reuse: Literal["shared", "reset", "first"] = key(
        "Several conversions of one person: shared = touches may serve again; reset = a touch serves once; first = "
        "only the first conversion counts.",
        kind='"shared", "reset" or "first"',
        default="shared",
    )
    origin: Literal["all", "outbound"] = key(
        "Whether inbound touches take credit.", kind='"all" or "outbound"', default="all"
    )
    match: Names = key(
        "Columns in which touch and conversion must agree.", kind="list of texts", default=(), shown="[]"
    )
    same_instant: Literal["include", "exclude"] = key(
        "Whether a touch at the very time of the conversion is eligible.",
        kind='"include" or "exclude"',
        default="include",
    )
    window: Literal["exact", "open", "whole_days", "calendar_days"] = key(
        "How the age of a touch is compared with the lookback: exact = both ends included; open = the far end "
        "excluded; whole_days = whole days of the age; calendar_days = dates in `timezone`.",
        kind='"exact", "open", "whole_days" or "calendar_days"',
        default="exact",
    )
    timezone: Annotated[str, PlainValidator(spelling.time_zone)] | None = key(
        'Zone of the dates of window = "calendar_days".', kind="text", default=None
    )
    not_before: Text | None = key(
        'Touches before this instant take no credit: text with an offset, "2026-10-01T00:00:00+08:00".',
        kind="text",
        default=None,
    )
    tie_order: Annotated[tuple[str | tuple[str, str], ...], PlainValidator(spelling.names_or_pairs)] = key(
        "Order of one person's touches at one instant: channels, or pairs [channel, kind], the earliest first.",
        kind="list of texts or pairs",
        default=(),
        shown="[]",
    )
    levels: Names = key(
        "Delivery levels of one message, lowest first: its rows count once, as the highest.",
        kind="list of texts",
        default=(),
        shown="[]",
    )
    level: Text = key(
        'Which level stands for a message: "highest", or the name of one; then only messages that reached it count.',
        kind="text",
        default="highest",
    )
    key_event: Text | None = key(
        "What the person must have done between touch and conversion; needs [tables.key_events].",
        kind="text",
        default=None,
    )
    key_event_match: Names = key(
        "Columns in which touch and key event must agree.", kind="list of texts", default=(), shown="[]"
    )
    dormancy: Duration | None = key(
        "No credit before the dormant spell began, so long after the last activity; needs [tables.customers].",
        kind="duration",
        default=None,
    )
    transforms: Annotated[tuple[str | tuple[str, Any], ...], PlainValidator(spelling.transforms)] = key(
        'Path transforms in order: "exposure", "first", "last", ["trim_long_path", 20], '
        '["remove_if_not_all", "direct"], '
        '["remove_if_last_and_not_all", "direct"].',
        kind="list of texts or pairs",
        default=(),
        shown="[]",
    )
    half_life: Duration = key("Half-life of time_decay.", kind="duration", default="7d")
    direct: Names = key("Channels that last_non_direct passes over.", kind="list of texts", default=("direct",))
    markov_order: Annotated[int, Field(ge=1, le=100)] = key(
        "How many channels a state of markov remembers.", kind="whole number", default=1
    )
    markov_removal: Text = key("What removing a channel means in markov.", kind="text", default="redirect_to_null")

    interval_level: Level | None = key(
        "Confidence level of intervals of the credit; absent: the credit has none.",
        kind="number between 0 and 1",
        default=None,
    )
    inbound: bool = key(
        "Whether credit is also shown without the touches that the customer began, where touches tell their origin.",
        kind="true or false",
        default=True,
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        """Rules and models say themselves what they cannot be."""
        self.rules()
        self.declared_models()
        return self

    def rules(self) -> Rules:
        """The rules as `attribution.attribute` takes them."""
        if self.preset is not None:
            return replace(self._vendor().rules, dormancy=self.dormancy)
        return Rules(
            lookback=self.lookbacks(),
            reuse=self.reuse,
            origin=self.origin,
            match=tuple(self.match),
            same_instant=self.same_instant,
            window=self.window,
            timezone=self.timezone,
            not_before=self.not_before,
            tie_order=self.tie_order,
            levels=tuple(self.levels),
            level=self.level,
            key_event=self.key_event,
            key_event_match=tuple(self.key_event_match),
            dormancy=self.dormancy,
            transforms=self.transforms,
        )

    def declared_models(self) -> tuple[Model | str, ...]:
        """The models as `attribution.attribute` takes them."""
        if self.preset is not None and not self._declares("models"):
            return tuple(self._vendor().models)
        with_settings: dict[str, Model] = {
            "time_decay": TimeDecay(half_life=self.half_life),
            "last_non_direct": LastNonDirect(direct=tuple(self.direct)),
            "markov": Markov(order=self.markov_order, removal=self.markov_removal),  # type: ignore[arg-type]
        }
        return tuple(with_settings.get(name, name) for name in self.models)

    def _vendor(self) -> VendorPreset:
        """The preset with the declared lookback.

        Raises:
            InputError: For a rule beside it, or a lookback that the tool does not offer.
        """
        odd = [name for name in type(self).model_fields if name not in _BESIDE_PRESET and self._declares(name)]
        if odd:
            raise InputError(f"preset = {self.preset!r} brings its own rules. Delete {', '.join(odd)}, or the preset.")
        options = {"lookback": self.lookbacks()} if self._declares("lookback") else {}
        return vendor_preset(str(self.preset), **options)

    def _declares(self, name: str) -> bool:
        """Whether a key says something else than its default."""
        field = type(self).model_fields[name]
        return bool(getattr(self, name) != field.get_default(call_default_factory=True))

    def lookbacks(self) -> str | dict[str | tuple[str, str], str]:
        """The lookback as `attribution.Rules` takes it: the pair (channel, kind) for the inner tables."""
        if isinstance(self.lookback, str):
            return self.lookback
        flat: dict[str | tuple[str, str], str] = {}
        for channel, item in self.lookback.items():
            if isinstance(item, str):
                flat[channel] = item
            else:
                flat.update({channel if kind == "*" else (channel, kind): value for kind, value in item.items()})
        return flat
