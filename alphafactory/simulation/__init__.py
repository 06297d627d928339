"""Signals and bars become orders, fills, trades and an equity curve.

Goes in: one symbol's `Bars`, a target for each session, `SimulationSettings`. Comes out: a `Simulation`.

`engine` judges the input, runs the compiled kernel and proves the balance; `kernel` is what one session does; `cache`
decides where compiled code is kept. Importing this package does not import Numba: the first `simulate` does.
"""

from alphafactory.simulation.cache import configure_cache, source_hash
from alphafactory.simulation.engine import simulate, warm_up

__all__ = ["configure_cache", "simulate", "source_hash", "warm_up"]
