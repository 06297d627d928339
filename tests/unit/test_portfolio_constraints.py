"""Bounds that no date can keep are refused by name and number; those that some date can keep are not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from portfolio_samples import WIDE

from alphafactory.errors import UnknownNameError, UsageError
from alphafactory.portfolio import check_feasible

SECTORS = ["Energy", "Energy", "Tech", ""]
TICKERS = ["XOM", "CVX", "AAPL", "SPY"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"min_weight": 0.06, "max_weight": 0.05}, "min_weight 6.00% lies above the most of a symbol, 5.00%"),
        ({"min_weight": 0.6, "gross": 0.5}, "min_weight 60.00% lies above what all symbols together may have, 50.00%"),
        (
            {"min_weight": 0.6, "side": "market_neutral"},
            "min_weight 60.00% lies above what one side of a market-neutral portfolio may have, 50.00%",
        ),
        (
            {"sector_bounds": {"Energy": (0.2, 0.4)}, "max_weight": 0.05},
            r"sectors.Energy wants 20.00%, but its 2 symbols \(XOM, CVX\) may have 5.00% each, 10.00% together",
        ),
        (
            {"sector_bounds": {"Tech": (0.2, 0.4)}, "max_weight": 0.05},
            r"sectors.Tech wants 20.00%, but its 1 symbol \(AAPL\) may have 5.00% each",
        ),
        ({"sector_bounds": {"Tech": (0.4, 0.2)}}, "sectors.Tech: the least, 40.00%, lies above the most, 20.00%"),
        (
            {"sector_bounds": {"Tech": (0.0, 0.1)}, "min_weight": 0.2},
            "min_weight 20.00% lies above sectors.Tech, 10.00%",
        ),
        (
            {"sector_bounds": {"Tech": (0.5, 1.0), "Energy": (0.6, 1.0)}},
            "sectors.Energy 60.00% [+] sectors.Tech 50.00% = 110.00% lies above the gross of 100.00%",
        ),
    ],
)
def test_a_clash_is_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=f"^The bounds of the allocation clash: {words}.*Lower the first or raise"):
        check_feasible(replace(WIDE, **changes), SECTORS, TICKERS)


def test_a_sector_that_nobody_has_is_unknown() -> None:
    settings = replace(WIDE, sector_bounds={"Enegry": (0.0, 0.1)})
    with pytest.raises(UnknownNameError, match=r"no sector among the portfolio's symbols 'Enegry'.*'Energy'"):
        check_feasible(settings, SECTORS, TICKERS)


def test_what_some_date_can_keep_is_no_clash() -> None:
    # Four symbols of at least 30 % are too many, but three are not.
    check_feasible(replace(WIDE, min_weight=0.3), SECTORS, TICKERS)
    check_feasible(replace(WIDE, max_weight=0.05), SECTORS, TICKERS)
    check_feasible(replace(WIDE, sector_bounds={"Energy": (0.1, 0.2), "Tech": (0.0, 0.0)}), SECTORS, TICKERS)
