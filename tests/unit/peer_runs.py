"""The same bars and signals through our simulator, vectorbt and backtesting.py, read into one form.

Goes in: any symbol's `Bars`, a target of 1, 0 or -1 a session, and the settings that a program knows. Comes out: a
`PeerRun`. The programs are asked as their pages say: they get changes of the target as signals, and vectorbt gets them
a session later than they are known.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.simulation import simulate

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import Bars

CAPITAL = 100_000.0
TOLERANCE = 1e-9
ALMOST_ALL = 1 - 1e-12
"""backtesting.py takes a size of 1 for one share, and anything below for a part of equity."""
UNIT = 1e-10
"""The part of a share of which its fractional form trades whole ones."""


@dataclass(frozen=True, slots=True)
class PeerRun:
    """Equity at each close, and a row a trade: entry row and price, exit row (-1: open) and price, signed quantity."""

    equity: FloatArray
    trades: FloatArray

    @property
    def legs(self) -> list[tuple[float, ...]]:
        """The trades without their quantities, to the nearest 1e-6; -1 for the exit of an open one."""
        return [tuple(row) for row in np.nan_to_num(self.trades[:, :4], nan=-1.0).round(6).tolist()]


def ours(bars: Bars, signals: FloatArray | Signals, **words: Any) -> PeerRun:
    """Run our simulator; `words` are those of `parse_settings`."""
    done = simulate(bars, signals, parse_settings(**({"initial_capital": CAPITAL} | words)))
    trades = done.trades
    columns = (trades.entry_row, trades.entry_price, trades.exit_row, trades.exit_price, trades.quantity)
    return PeerRun(done.equity, np.column_stack(columns).astype(np.float64))


def with_vectorbt(
    bars: Bars,
    target: FloatArray,
    *,
    capital: float = CAPITAL,
    fill: str = "next_open",
    again: bool = False,
    **words: Any,
) -> PeerRun:
    """Run vectorbt on the changes of `target`, or with `again` on the target itself; `words` go to `from_signals`.

    Stops are measured from the fill and fill as market orders, as ours do, unless `words` say otherwise.
    """
    import vectorbt  # noqa: PLC0415  takes seconds, and not every test needs it

    side = np.sign(target) if fill == "same_close" else np.append(0.0, np.sign(target)[:-1])
    before = np.append(0.0, side[:-1])
    said = {
        "price": bars.open if fill == "next_open" else bars.close,
        "size": np.inf,
        "stop_entry_price": "FillPrice",
        "stop_exit_price": "StopMarket",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own: pandas calls that go away
        portfolio = vectorbt.Portfolio.from_signals(
            bars.close,
            entries=(side > 0) & (again | (before <= 0)),
            exits=(side == 0) & (before > 0),
            short_entries=(side < 0) & (again | (before >= 0)),
            short_exits=(side == 0) & (before < 0),
            open=bars.open,
            high=bars.high,
            low=bars.low,
            init_cash=capital,
            **(said | words),
        )
        equity, found = portfolio.value().to_numpy(), portfolio.trades.records_arr
    closed, signs = found["status"] == 1, np.where(found["direction"] == 0, 1.0, -1.0)
    rows, prices = np.where(closed, found["exit_idx"], -1), np.where(closed, found["exit_price"], np.nan)
    trades = np.column_stack((found["entry_idx"], found["entry_price"], rows, prices, signs * found["size"]))
    return PeerRun(equity, trades)


def with_backtesting(
    bars: Bars,
    signals: FloatArray | Signals,
    *,
    capital: float = CAPITAL,
    size: float = ALMOST_ALL,
    whole: bool = True,
    **words: Any,
) -> PeerRun:
    """Run backtesting.py on the changes of the target, with the prices of `signals` for its orders.

    It asks its strategy from the second session on, so the first target has to be 0. `size` is a part of equity below
    1, else shares; `words` go to its `Backtest`.
    """
    from backtesting import Backtest, Strategy  # noqa: PLC0415  takes a second, and not every test needs it
    from backtesting.lib import FractionalBacktest  # noqa: PLC0415  as above

    wanted = signals if isinstance(signals, Signals) else Signals(signals)
    unit = 1.0 if whole else UNIT

    class Follow(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            """Prepare nothing: the targets are given."""

        def next(self) -> None:
            row = len(self.data) - 1
            if wanted.target[row] == wanted.target[row - 1]:
                return
            for order in self.orders:
                if not order.is_contingent:
                    order.cancel()
            self.position.close()
            if wanted.target[row] != 0.0:
                send = self.buy if wanted.target[row] > 0.0 else self.sell
                send(size=size, **_prices(wanted, row, unit))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own: trades left open, and orders that it cancels
        program = Backtest(price_frame(bars), Follow, cash=capital, finalize_trades=False, **words)
        if not whole:
            program = FractionalBacktest(
                price_frame(bars), Follow, fractional_unit=UNIT, cash=capital, finalize_trades=False, **words
            )
        answer = program.run()
    closed = answer["_trades"][["EntryBar", "EntryPrice", "ExitBar", "ExitPrice", "Size"]].to_numpy(np.float64)
    still = [(t.entry_bar, t.entry_price / unit, -1.0, np.nan, t.size * unit) for t in answer["_strategy"].trades]
    trades = np.vstack((closed, np.array(still).reshape(-1, 5)))
    return PeerRun(answer["_equity_curve"]["Equity"].to_numpy(), trades[np.argsort(trades[:, 0], kind="stable")])


def _prices(signals: Signals, row: int, unit: float) -> dict[str, float]:
    """Return the prices of the order that arises at `row`, in the words and the unit of backtesting.py."""
    columns = {"limit": signals.entry_limit, "stop": signals.entry_stop, "sl": signals.stop, "tp": signals.take_profit}
    return {name: float(prices[row]) * unit for name, prices in columns.items() if prices is not None}


def price_frame(bars: Bars) -> Any:
    """Return the bars as the frame that backtesting.py takes."""
    import pandas as pd  # noqa: PLC0415  the peer's own input

    columns = {name.title(): getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(bars.sessions.astype("datetime64[ns]")))


def demand_same(mine: PeerRun, theirs: PeerRun, tolerance: float = TOLERANCE) -> None:
    """Assert the same trades (rows, prices, quantities) and the same equity at every close."""
    assert mine.trades.shape == theirs.trades.shape, f"{len(mine.trades)} trades against {len(theirs.trades)}"
    np.testing.assert_array_equal(mine.trades[:, [0, 2]], theirs.trades[:, [0, 2]])
    np.testing.assert_allclose(mine.trades, theirs.trades, rtol=tolerance)
    np.testing.assert_allclose(mine.equity, theirs.equity, rtol=tolerance)
