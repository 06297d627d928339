"""Small markets with sectors for whole nights of portfolios, and what the tables say of them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from nights import PriceFile

if TYPE_CHECKING:
    from nights import Nights

FIRST, LAST = date(2023, 1, 3), date(2023, 7, 31)
SECTORS = ("Energy", "Energy", "Financials", "Utilities")
CROSSOVER = {"strategy": "sma_crossover", "params": {"fast": 3, "slow": 8}}
HOLD = {"strategy": "buy_and_hold"}
NO_LIMITS = {
    "max_position": "none", "max_sector": "none", "max_correlated": 0, "cash_reserve": "none", "max_positions": 0,
    "trade_loss": "none", "day_loss": "none", "week_loss": "none", "drawdown": "none",
}  # fmt: skip
QUICK = {"backtest.strategies": ["buy_and_hold"], "backtest.benchmark": "buy_and_hold"}


def portfolio(*sleeves: dict[str, Any], risk: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """Return a portfolio of the config; equal weight of who is wanted, without limits but those given."""
    return {"sleeves": list(sleeves or (HOLD,)), "risk": NO_LIMITS | (risk or {}), **settings}


def small_market(nights: Nights, symbols: int = 4, *, until: date | None = None, delisted: str = "") -> PriceFile:
    """Write prices and sectors of a few symbols S0, S1 …; `delisted` names days by symbol, `S0:2023-03-01`."""
    file = PriceFile(nights, symbols=symbols, first=FIRST, last=LAST)
    ended = dict(word.split(":") for word in delisted.split())
    for ticker, day in ended.items():
        file.rows = [row for row in file.rows if row[0] != ticker or row[1] <= date.fromisoformat(day)]
    lines = [f"S{n},{SECTORS[n % len(SECTORS)]},{ended.get(f'S{n}', '')}" for n in range(symbols)]
    path = nights.folder / "sectors.csv"
    path.write_text("symbol,sector,delisted\n" + "\n".join(lines) + "\n", encoding="utf-8")
    nights.settings |= QUICK | {"sources.csv.symbols_path": path}
    file.write(until)
    return file


def runs(nights: Nights) -> dict[str, tuple[int, str, str | None]]:
    """Return key, status and error of the current run of each portfolio."""
    query = (
        "SELECT scope, id, status, error FROM backtests WHERE portfolio_id IS NOT NULL AND superseded_by IS NULL "
        "AND origin = 'nightly'"
    )
    return {scope: (key, status, error) for scope, key, status, error in nights.ask(query)}


def failures(nights: Nights) -> list[tuple[str, str, str]]:
    """Return kind, subject and message of what failed in the newest night's step of portfolios."""
    query = (
        "SELECT f->>'kind', f->>'subject', f->>'message' FROM job_steps, jsonb_array_elements(failures) f "
        "WHERE name = 'portfolios' AND job_run_id = (SELECT max(id) FROM job_runs)"
    )
    return nights.ask(query)
