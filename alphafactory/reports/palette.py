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

STACKED = ("#1f5f99", "#e0a030", "#12806a", "#c58bd6", "#a33a5c", "#9cc255", "#5b4fa3", "#d98f6a")
"""Layers that lie on each other: dark and light in turn, so that neighbours part without their hues."""

NO_CORRELATION = "#f2f4f6"
"""The middle between LOSS (moves together, adds risk) and GAIN (moves against)."""

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
    "#1f5f99": "#3f86c4",
    "#e0a030": "#f3c774",
    "#c58bd6": "#dcb4ea",
    "#9cc255": "#c3e08c",
    "#5b4fa3": "#8377c9",
    "#d98f6a": "#f2bd9f",
    NO_CORRELATION: "#20272e",
}
