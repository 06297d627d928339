"""Compiles the simulator into the environment: `python -m alphafactory.simulation`."""

from __future__ import annotations

from alphafactory.simulation import configure_cache, warm_up
from alphafactory.simulation.cache import AHEAD

if __name__ == "__main__":
    configure_cache(AHEAD)
    warm_up()
