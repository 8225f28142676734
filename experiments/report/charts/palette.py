"""Colour roles: charts are drawn in stand-in colours that the SVG writer swaps for the page's variables."""

from __future__ import annotations

__all__ = ["ACCENT", "CONTRAST", "GRID", "INK", "MUTED", "PAPER", "ROLES", "SOFT", "TEXT"]

INK = "#010101"
MUTED = "#020202"
GRID = "#030303"
ACCENT = "#040404"
CONTRAST = "#050505"
PAPER = "#060606"
SOFT = "#070707"

# One size for every text of a chart, in CSS pixels: the smallest of the page's four.
TEXT = 14

ROLES = {
    INK: "var(--ink,#1d232b)",
    MUTED: "var(--muted,#5a6472)",
    GRID: "var(--grid,#d9dee5)",
    ACCENT: "var(--accent,#1f5fa8)",
    CONTRAST: "var(--contrast,#b4501a)",
    PAPER: "var(--paper,#ffffff)",
    SOFT: "var(--soft,#aeb8c4)",
}
