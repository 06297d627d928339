"""The same portfolios through our simulator, bt and vectorbt, read into one form.

Goes in: the `Bars` of symbols with equal sessions, weights with shape (sessions, symbols) and the closes at which they
are traded back to. Comes out: a `PortfolioRun`. All fill at the close just seen, which bt always does and which we
call `same_close`: that is for comparing alone. bt finds its dates and its weights itself, by its own algorithms.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from peer_markets import bars_of

from alphafactory.domain.mandate import Mandate
from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.simulation import simulate_account

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray
    from alphafactory.domain.bars import Bars

CAPITAL = 100_000.0
TOLERANCE = 1e-9
LOOKBACK = 60
PERIODS = {"weekly": "RunWeekly", "monthly": "RunMonthly", "quarterly": "RunQuarterly"}
"""A period of ours, and bt's algorithm for it."""


@dataclass(frozen=True, slots=True)
class PortfolioRun:
    """Equity at each close, shape (sessions,), and the shares held then, shape (sessions, symbols)."""

    equity: FloatArray
    positions: FloatArray


def small_markets(*closes: Sequence[float]) -> list[Bars]:
    """Return a symbol for each row of closes; all of its bar is that price."""
    return [bars_of(*[(float(price),) * 4 for price in prices]) for prices in closes]


def from_second(*weights: float) -> FloatArray:
    """Return equal weights for four sessions, of which the first has none yet."""
    return np.array([[0.0] * len(weights), weights, weights, weights])


def closes_of(markets: Sequence[Bars]) -> FloatArray:
    """Return the closes, shape (sessions, symbols)."""
    return np.column_stack([bars.close for bars in markets])


def period_ends(sessions: DateArray, period: str) -> BoolArray:
    """Return which sessions are the last of their week, month or quarter, shape (sessions,); the newest is none.

    The first `LOOKBACK` are left out, because volatility is not known before.
    """
    days, months = sessions.astype("datetime64[D]"), sessions.astype("datetime64[M]").astype(np.int64)
    # 1970 began on a Thursday, so that weeks from Monday on begin three days before.
    number = {"weekly": (days.astype(np.int64) + 3) // 7, "monthly": months, "quarterly": months // 3}[period]
    ends = np.append(number[1:] != number[:-1], False)
    ends[:LOOKBACK] = False
    return ends


def equal_weights(closes: FloatArray, _row: int) -> FloatArray:
    """Return one share of the symbols for each."""
    return np.full(closes.shape[1], 1.0 / closes.shape[1])


def inverse_volatility(closes: FloatArray, row: int) -> FloatArray:
    """Return weights by inverse volatility of the newest `LOOKBACK` returns, that of `row` included."""
    window = closes[row - LOOKBACK : row + 1]
    inverse = 1.0 / (window[1:] / window[:-1] - 1.0).std(axis=0, ddof=1)
    return np.asarray(inverse / inverse.sum())


def held_weights(
    closes: FloatArray, rebalance: BoolArray, weigh: Callable[[FloatArray, int], FloatArray]
) -> FloatArray:
    """Return the weights of each rebalance, kept until the next; 0 before the first."""
    weights = np.zeros_like(closes)
    for row in np.flatnonzero(rebalance):
        weights[row:] = weigh(closes, int(row))
    return weights


def ours(
    markets: Sequence[Bars], weights: FloatArray, rebalance: BoolArray, *, delisted: Sequence[bool] = (), **words: Any
) -> PortfolioRun:
    """Run our simulator on an account without limits; `words` are those of `parse_settings`."""
    mandate = Mandate(rebalance=rebalance, sectors=np.zeros(len(markets), np.int64))
    settings = parse_settings(**({"initial_capital": CAPITAL, "fill": "same_close"} | words))
    done = simulate_account(markets, Signals(weights), settings, delisted=delisted, mandate=mandate)
    return PortfolioRun(done.equity, done.positions)


def with_bt(markets: Sequence[Bars], algorithms: Sequence[Any], **words: Any) -> PortfolioRun:
    """Run bt on its own algorithms, fractional and without costs unless `words`, those of its `Backtest`, say so."""
    bt = bt_module()
    frame = price_frame(markets)
    said = {"initial_capital": CAPITAL, "integer_positions": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own: pandas calls that go away
        run = bt.Backtest(bt.Strategy("peer", list(algorithms)), frame, **(said | words))
        run.run()
        held = run.strategy.positions.reindex(columns=frame.columns).fillna(0.0)
    # Its first row is a day that it puts before the first session.
    return PortfolioRun(run.strategy.values.to_numpy()[1:], held.to_numpy()[1:])


def bt_calendar(markets: Sequence[Bars], period: str) -> list[Any]:
    """Return bt's algorithms that trade at the last close of each period, once volatility is known."""
    bt = bt_module()
    schedule = getattr(bt.algos, PERIODS[period])(run_on_first_date=False, run_on_end_of_period=True)
    started = bt.algos.RunAfterDate(price_frame(markets[:1]).index[LOOKBACK - 1])
    return [schedule, started, bt.algos.SelectAll()]


def bt_inverse_volatility(markets: Sequence[Bars]) -> Any:
    """Return bt's algorithm of weights by inverse volatility of `LOOKBACK` returns.

    It measures its window in days of a calendar, so it gets one on which the sessions are the only working days.
    """
    import pandas as pd  # noqa: PLC0415  the peer's own input

    index = price_frame(markets[:1]).index
    closed = pd.date_range(index[0], index[-1]).difference(index)
    window = pd.offsets.CustomBusinessDay(LOOKBACK, weekmask="1111111", holidays=list(closed))
    return bt_module().algos.WeighInvVol(lookback=window, lag=pd.DateOffset(days=0))


def bt_targets(markets: Sequence[Bars], weights: FloatArray, rebalance: BoolArray) -> list[Any]:
    """Return bt's algorithms that trade to given weights at given closes."""
    import pandas as pd  # noqa: PLC0415  the peer's own input

    bt, frame = bt_module(), price_frame(markets)
    rows = pd.DataFrame(weights, index=frame.index, columns=frame.columns)[rebalance]
    return [bt.algos.WeighTarget(rows), bt.algos.Rebalance()]


def with_vectorbt(
    markets: Sequence[Bars], weights: FloatArray, rebalance: BoolArray, *, capital: float = CAPITAL, **words: Any
) -> PortfolioRun:
    """Run vectorbt on one account, sales first; `words` are those of `from_orders`."""
    import vectorbt  # noqa: PLC0415  takes seconds, and not every test needs it

    said = {"price": closes_of(markets), "call_seq": "auto"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own: pandas calls that go away
        portfolio = vectorbt.Portfolio.from_orders(
            closes_of(markets),
            size=np.where(rebalance[:, None], weights, np.nan),
            size_type="targetpercent",
            init_cash=capital,
            cash_sharing=True,
            group_by=np.zeros(len(markets), dtype=int),
            **(said | words),
        )
        return PortfolioRun(portfolio.value().to_numpy(), portfolio.assets().to_numpy())


def bt_module() -> Any:
    """Import bt, whose imports warn of one another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import bt  # noqa: PLC0415  takes seconds, and not every test needs it
    return bt


def price_frame(markets: Sequence[Bars]) -> Any:
    """Return the closes as the frame that bt takes."""
    import pandas as pd  # noqa: PLC0415  the peer's own input

    names = [f"S{column:03d}" for column in range(len(markets))]
    index = pd.DatetimeIndex(markets[0].sessions.astype("datetime64[ns]"))
    return pd.DataFrame(closes_of(markets), index=index, columns=names)


def difference(mine: PortfolioRun, theirs: PortfolioRun, closes: FloatArray) -> float:
    """Return the largest difference of equity, and of the value of a position, as a share of the equity."""
    equity = theirs.equity
    apart = np.abs(mine.positions - theirs.positions) * closes / equity[:, None]
    return float(max(np.abs(mine.equity / equity - 1.0).max(), apart.max()))


def demand_same_portfolio(mine: PortfolioRun, theirs: PortfolioRun, markets: Sequence[Bars]) -> float:
    """Assert the same equity and positions at every close, and that something was held; return the difference."""
    assert mine.positions.any(axis=0).all(), "a symbol was never held"
    found = difference(mine, theirs, closes_of(markets))
    assert found <= TOLERANCE, f"they differ by {found:.1e} of equity"
    return found


def _bt_calendar(period: str, model: str, markets: Sequence[Bars]) -> float:
    weigh, algorithm = {
        "equal": (equal_weights, lambda _: bt_module().algos.WeighEqually()),
        "inverse volatility": (inverse_volatility, bt_inverse_volatility),
    }[model]
    closes, rebalance = closes_of(markets), period_ends(markets[0].sessions, period)
    mine = ours(markets, held_weights(closes, rebalance, weigh), rebalance)
    algorithms = [*bt_calendar(markets, period), algorithm(markets), bt_module().algos.Rebalance()]
    return demand_same_portfolio(mine, with_bt(markets, algorithms), markets)


def _changing_weights(markets: Sequence[Bars]) -> tuple[FloatArray, BoolArray]:
    """Draw other weights for each session, a third of them 0, and trade to them in half of the sessions."""
    draw = np.random.default_rng(len(markets))
    shape = (len(markets[0]), len(markets))
    wishes = draw.random(shape) * (draw.random(shape) > 1 / 3)
    rebalance = draw.random(shape[0]) > 1 / 2
    kept = np.maximum.accumulate(np.where(rebalance, np.arange(shape[0]), -1))
    weights = wishes / (wishes.sum(axis=1) + draw.random(shape[0]))[:, None]
    return np.where(kept[:, None] >= 0, weights[kept], 0.0), rebalance


def _bt_changing(markets: Sequence[Bars]) -> float:
    weights, rebalance = _changing_weights(markets)
    theirs = with_bt(markets, bt_targets(markets, weights, rebalance))
    return demand_same_portfolio(ours(markets, weights, rebalance), theirs, markets)


def _vectorbt_same_close(markets: Sequence[Bars], weights: FloatArray, rebalance: BoolArray) -> float:
    return demand_same_portfolio(ours(markets, weights, rebalance), with_vectorbt(markets, weights, rebalance), markets)


def _vectorbt_next_open(markets: Sequence[Bars], weights: FloatArray, rebalance: BoolArray) -> float:
    """Compare fills at the next open; vectorbt gets the weights of the close before."""
    opens = np.column_stack([bars.open for bars in markets])
    later, at = (np.concatenate((np.zeros_like(array[:1]), array[:-1])) for array in (weights, rebalance))
    mine = ours(markets, weights, rebalance, fill="next_open")
    return demand_same_portfolio(mine, with_vectorbt(markets, later, at, price=opens), markets)


def _vectorbt_calendar(
    compare: Callable[[Sequence[Bars], FloatArray, BoolArray], float], markets: Sequence[Bars]
) -> float:
    closes, rebalance = closes_of(markets), period_ends(markets[0].sessions, "monthly")
    return compare(markets, held_weights(closes, rebalance, inverse_volatility), rebalance)


def _vectorbt_changing(
    compare: Callable[[Sequence[Bars], FloatArray, BoolArray], float], markets: Sequence[Bars]
) -> float:
    return compare(markets, *_changing_weights(markets))


PORTFOLIO_AGREEMENTS: dict[str, Callable[[Sequence[Bars]], float]] = {
    **{
        f"bt, {period}, {model}": partial(_bt_calendar, period, model)
        for period in PERIODS
        for model in ("equal", "inverse volatility")
    },
    "bt, changing weights": _bt_changing,
    "vectorbt, monthly": partial(_vectorbt_calendar, _vectorbt_same_close),
    "vectorbt, monthly, next open": partial(_vectorbt_calendar, _vectorbt_next_open),
    "vectorbt, changing weights": partial(_vectorbt_changing, _vectorbt_same_close),
    "vectorbt, changing weights, next open": partial(_vectorbt_changing, _vectorbt_next_open),
}
"""Each portfolio in which the programs must agree, by name; each returns the largest difference, a share of equity.

The symbols have equal sessions without halts (`peer_markets.without_halts`), no dividends and no splits.
"""
