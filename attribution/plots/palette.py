"""Colours and shapes of the plots: few, told apart by colour-blind readers and in grey print."""

from __future__ import annotations

__all__ = ["ACCENT", "CONTRAST", "GRID", "HAIR", "INK", "MUTED", "PAPER", "SHAPES", "SOFT", "TINTS", "shape", "tint"]

INK = "#1d232b"
MUTED = "#5a6472"
GRID = "#dfe4ea"
HAIR = "#eef1f4"
SOFT = "#c3ccd6"
PAPER = "#ffffff"
ACCENT = "#1f5fa8"
CONTRAST = "#b4501a"

# After Okabe and Ito (2008), darkened until each stands out on white; neighbours differ in lightness too.
TINTS = ("#1f5fa8", "#d9822b", "#14755c", "#c77cb0", "#6b4a94", "#53a7d8", "#8a3b12", "#b3a125")
SHAPES = ("o", "s", "D", "^", "v", "P", "X", "p")


def tint(place: int) -> str:
    """The colour of a series."""
    return TINTS[place % len(TINTS)]


def shape(place: int) -> str:
    """The marker of a series: past the eighth, colours repeat with other shapes."""
    return SHAPES[(place + place // len(TINTS)) % len(SHAPES)]
