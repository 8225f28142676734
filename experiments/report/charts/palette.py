"""Colour roles: charts are drawn in stand-in colours that the SVG writer swaps for the page's variables."""

from __future__ import annotations

__all__ = ["ACCENT", "COLORS", "CONTRAST", "GRID", "INK", "MUTED", "PAPER", "ROLES", "SOFT", "TEXT"]

INK = "#010101"
MUTED = "#020202"
GRID = "#030303"
ACCENT = "#040404"
CONTRAST = "#050505"
PAPER = "#060606"
SOFT = "#070707"

# One size for every text of a chart, in CSS pixels: the smallest of the page's four.
TEXT = 14

# The page's colours on light paper; where a chart leaves the page they stand by themselves.
COLORS = {
    INK: "#1a2028",
    MUTED: "#56606e",
    GRID: "#dbe0e6",
    ACCENT: "#1f5fa8",
    CONTRAST: "#a8480f",
    PAPER: "#ffffff",
    SOFT: "#8793a1",
}
_NAMES = {
    INK: "ink", MUTED: "muted", GRID: "grid", ACCENT: "accent", CONTRAST: "contrast", PAPER: "paper", SOFT: "soft",
}  # fmt: skip
ROLES = {stand_in: f"var(--{name},{COLORS[stand_in]})" for stand_in, name in _NAMES.items()}
