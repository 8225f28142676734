"""Presets by name."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from attribution.core.errors import InputError, closest
from attribution.presets.open_source import fractribution, posthog, snowplow
from attribution.presets.vendors import adobe, amplitude, google_ads_legacy, growingio, mixpanel

if TYPE_CHECKING:
    from collections.abc import Callable

    from attribution.presets.preset import VendorPreset
    from attribution.rules import Rules

__all__ = ["rules_preset", "vendor_preset"]

_VENDORS: dict[str, Callable[..., VendorPreset]] = {
    "adobe": adobe,
    "amplitude": amplitude,
    "fractribution": fractribution,
    "google_ads_legacy": google_ads_legacy,
    "growingio": growingio,
    "mixpanel": mixpanel,
    "posthog": posthog,
    "snowplow": snowplow,
}


def vendor_preset(name: str, **options: Any) -> VendorPreset:
    """The rules and models of another tool, as its documentation states them.

    Use them to reproduce what a dashboard showed: ``at.attribute(touches, conversions, rules=preset.rules,
    models=preset.models)``. Where the documentation leaves a rule open, or the tool does what no rule here does,
    ``preset.not_reproduced`` says so: read it before you look for a difference in the data.

    Args:
        name: "adobe", "amplitude", "fractribution", "google_ads_legacy", "growingio", "mixpanel", "posthog" or
            "snowplow".
        options: What the tool lets its users choose, under the names of docs/methods/vendor-presets.md, for example
            ``lookback="7d"``.

    Raises:
        InputError: For an unknown name or option, and for a choice that the tool does not offer.

    Verified against published examples of each tool (docs/methods/vendor-presets.md).

    Example:
        >>> import attribution as at
        >>> preset = at.vendor_preset("mixpanel", lookback="7d")
        >>> preset.rules.lookback_text(), [model.name for model in preset.models][-3:]
        ('7d', ['u_shaped', 'j_shaped', 'inverse_j'])
    """
    if name not in _VENDORS:
        raise InputError(f"there is no preset {name!r}. {closest(str(name), _VENDORS)}")
    known = signature(_VENDORS[name]).parameters
    for option in options:
        if option not in known:
            raise InputError(f"the preset {name!r} has no option {option!r}. {closest(option, known)}")
    return _VENDORS[name](**options)


def rules_preset(name: str, **options: Any) -> Rules:
    """The rules of a preset alone; `Rules.preset` is this function."""
    return vendor_preset(name, **options).rules
