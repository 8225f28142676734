"""Rules and models of other tools, as their documentation states them, with sources and with what stays open."""

from attribution.presets.lookup import rules_preset, vendor_preset
from attribution.presets.preset import Source, VendorPreset

__all__ = ["Source", "VendorPreset", "rules_preset", "vendor_preset"]
