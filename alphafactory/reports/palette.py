"""The colours of the charts: each drawn in its light form, with the dark form that the page swaps in.

Blue and vermilion stay apart for every common colour blindness; markers, dashes and signs say the same without colour.
The style sheet holds the same hues for text.
"""

from __future__ import annotations

INK = "#1c2126"
MUTED = "#5a646e"
GRID = "#e3e6e9"
PAPER = "#ffffff"
GAIN = "#0a5ea8"
LOSS = "#b3440e"
LOSS_FILL = "rgba(179, 68, 14, 0.16)"
BENCHMARK = "#77818b"
INDEX = "#8a4fa3"

SERIES = (GAIN, "#c77700", "#12806a", "#8a4fa3", "#a33a5c", "#4d6b1f")
"""Strategies, in turn."""

SHAPES = ("circle", "square", "diamond", "triangle-up", "cross", "x")
"""Their markers, in the same turn."""

DARK_OF = {
    INK: "#e4e7ea",
    MUTED: "#9ba6b0",
    GRID: "#2c343b",
    PAPER: "#181d22",
    GAIN: "#6cb6f5",
    LOSS: "#f59563",
    LOSS_FILL: "rgba(245, 149, 99, 0.22)",
    BENCHMARK: "#8f99a3",
    "#c77700": "#f0b04a",
    "#12806a": "#4cc9ae",
    "#8a4fa3": "#c79ae0",
    "#a33a5c": "#ef8fae",
    "#4d6b1f": "#a9cf6d",
}
