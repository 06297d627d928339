"""Universes: which symbols belong to a named list, on which days.

Goes in: the specs of the config, the known symbols with their sectors, and for rules the history of what was traded.
Comes out: dated memberships. `files` reads lists, `rules` chooses from bars, `membership` joins them.
"""

from __future__ import annotations

from alphafactory.universes.files import read_memberships, read_tickers
from alphafactory.universes.membership import members_on, membership_mask, needs_history, resolve
from alphafactory.universes.rules import TradingHistory, choose_members, rebalance_positions

__all__ = [
    "TradingHistory",
    "choose_members",
    "members_on",
    "membership_mask",
    "needs_history",
    "read_memberships",
    "read_tickers",
    "rebalance_positions",
    "resolve",
]
