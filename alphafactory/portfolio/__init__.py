"""Many symbols become weights, and weights become risk.

Goes in: signals and prices of many symbols. Comes out: targets for the account, and what they risk. `schedule` says
when, `sleeves` and `ranking` who, `plan` how much over time, `allocate` how much at one close. The only door to
skfolio. Measures of risk stand in modules of their own.
"""

from alphafactory.portfolio.allocate import allocate
from alphafactory.portfolio.constraints import check_feasible
from alphafactory.portfolio.estimates import Estimates, Market, estimate
from alphafactory.portfolio.fits import Fit
from alphafactory.portfolio.plan import Note, Plan, needed_fits, weights_over_time
from alphafactory.portfolio.problems import Close
from alphafactory.portfolio.ranking import first_in_line, priorities
from alphafactory.portfolio.schedule import rebalance_rows
from alphafactory.portfolio.sleeves import net_signals

__all__ = [
    "Close",
    "Estimates",
    "Fit",
    "Market",
    "Note",
    "Plan",
    "allocate",
    "check_feasible",
    "estimate",
    "first_in_line",
    "needed_fits",
    "net_signals",
    "priorities",
    "rebalance_rows",
    "weights_over_time",
]
