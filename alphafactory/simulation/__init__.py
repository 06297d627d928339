"""Signals and bars become orders, fills, trades and an equity curve.

Goes in: `Bars`, a target for each session (or `Signals`), `SimulationSettings`. Comes out: a `Simulation`, or, for a
search, a few numbers.

`engine` runs one simulation and proves its balance; `sweep` runs many of one symbol each, `variants` many of one
account; `inputs` judges, `rules` and `mandates` turn words into numbers, `kernel` walks through the sessions, of which
`sessions` is one. Importing this package does not import Numba: the first simulation does.
"""

from alphafactory.simulation.cache import configure_cache, source_hash
from alphafactory.simulation.engine import simulate, simulate_account, warm_up
from alphafactory.simulation.inputs import joint_sessions
from alphafactory.simulation.sweep import NUMBERS, Prepared, measure, prepare
from alphafactory.simulation.variants import PreparedAccount, measure_account, prepare_account

__all__ = [
    "NUMBERS",
    "Prepared",
    "PreparedAccount",
    "configure_cache",
    "joint_sessions",
    "measure",
    "measure_account",
    "prepare",
    "prepare_account",
    "simulate",
    "simulate_account",
    "source_hash",
    "warm_up",
]
