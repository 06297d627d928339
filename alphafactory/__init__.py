"""AlphaFactory: prices in, honest reports out, every night."""

__version__ = "0.1.0"
