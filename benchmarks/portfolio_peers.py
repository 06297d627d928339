"""One portfolio, equal weight at the last close of each month, on one account: ours against bt and vectorbt.

All fill at the close just seen, which bt always does and we call `same_close`, fractional and without costs: there the
programs agree, and must to 1e-9, or the benchmark fails. Each is timed twice: from prices to its equity curve and its
positions, and, as in a search, for nothing but where it ends, ours on bars that were judged before.
"""

from __future__ import annotations

import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import measuring
import numpy as np
from backtest import CAPITAL, TOLERANCE, peer_module, tradable
from measuring import Row, demand_equal

from alphafactory.domain.mandate import Mandate
from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.portfolio.schedule import rebalance_rows
from alphafactory.simulation import NUMBERS, measure_account, prepare_account, simulate_account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from alphafactory.domain.arrays import BoolArray, FloatArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.results import Simulation
    from alphafactory.domain.settings import SimulationSettings

COUNTS = (100, 400)
"""At most: symbols with halts or without all sessions are left out, for peers know neither."""
AGAINST_BT, AGAINST_VECTORBT = 50.0, 3.0


def terms_of(rebalance: BoolArray, symbols: int) -> tuple[SimulationSettings, Mandate]:
    """Return settings and mandate in which the peers agree with us."""
    settings = parse_settings(initial_capital=CAPITAL, fill="same_close")
    return settings, Mandate(rebalance=rebalance, sectors=np.zeros(symbols, np.int64))


def by_bt(bt: Any, frame: Any, dates: Sequence[Any]) -> tuple[FloatArray, FloatArray]:
    """Return equity and positions by bt, which starts a day before the first price."""
    run = bt_backtest(bt, frame, dates)
    held = run.strategy.positions.reindex(columns=frame.columns).to_numpy(dtype=np.float64, na_value=0.0)
    return run.strategy.values.to_numpy()[1:], held[1:]


def bt_backtest(bt: Any, frame: Any, dates: Sequence[Any]) -> Any:
    """Run bt on equal weights."""
    algorithms = [
        bt.algos.RunOnDate(*dates), bt.algos.SelectAll(), bt.algos.WeighEqually(), bt.algos.Rebalance(),
    ]  # fmt: skip
    run = bt.Backtest(
        bt.Strategy("equal", algorithms), frame, integer_positions=False, initial_capital=CAPITAL, progress_bar=False
    )
    run.run()
    return run


def vectorbt_portfolio(vectorbt: Any, closes: FloatArray, sizes: FloatArray) -> Any:
    """Run vectorbt with shared cash, sales before purchases."""
    return vectorbt.Portfolio.from_orders(
        closes, size=sizes, size_type="targetpercent", price=closes, init_cash=CAPITAL, cash_sharing=True,
        group_by=np.zeros(closes.shape[1], dtype=int), call_seq="auto",
    )  # fmt: skip


def by_vectorbt(vectorbt: Any, closes: FloatArray, sizes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return equity and positions by vectorbt."""
    portfolio = vectorbt_portfolio(vectorbt, closes, sizes)
    return portfolio.value().to_numpy(), portfolio.assets().to_numpy()


def compare(markets: Sequence[Bars]) -> Iterator[Row]:
    """Time all three on the same symbols: with every result, and for the end alone on a market judged before."""
    import pandas as pd  # noqa: PLC0415  the peers' own input

    bt, vectorbt = peer_module("bt"), peer_module("vectorbt")
    sessions, count = markets[0].sessions, len(markets)
    rebalance = rebalance_rows(sessions.astype("datetime64[D]"), "XNYS", "monthly", "last")
    weights = np.zeros((len(sessions), count))
    weights[np.flatnonzero(rebalance)[0] :] = 1.0 / count
    closes = np.column_stack([bars.close for bars in markets])
    sizes = np.where(rebalance[:, None], weights, np.nan)
    frame = pd.DataFrame(closes, index=pd.DatetimeIndex(sessions), columns=[f"S{k}" for k in range(count)])
    dates = list(frame.index[rebalance])
    settings, mandate = terms_of(rebalance, count)
    prepared = prepare_account(markets)

    def every_result() -> Simulation:
        return simulate_account(markets, Signals(weights), settings, mandate=mandate)

    def end_alone() -> float:
        return float(measure_account(prepared, weights, settings, mandate=mandate)[NUMBERS.index("end_equity")])

    programs: dict[str, tuple[float, int, Callable[[], Any], Callable[[], Any]]] = {
        f"bt {version('bt')}": (
            AGAINST_BT, 2, lambda: by_bt(bt, frame, dates), lambda: bt_backtest(bt, frame, dates)
        ),
        f"vectorbt {version('vectorbt')}": (
            AGAINST_VECTORBT, 5, lambda: by_vectorbt(vectorbt, closes, sizes),
            lambda: vectorbt_portfolio(vectorbt, closes, sizes).value(),
        ),
    }  # fmt: skip
    done = every_result()
    demand_equal("the end alone", end_alone(), done.equity[-1], TOLERANCE)
    whole, alone = (measuring.seconds(work, repeats=10) for work in (every_result, end_alone))
    what = f"{count} symbols on one account, equal weight monthly"
    for name, (times, repeats, all_of_it, least) in programs.items():
        equity, positions = all_of_it()
        demand_equal(f"equity of {name}", done.equity / equity, np.ones_like(equity), TOLERANCE)
        held = [found * closes / equity[:, None] for found in (done.positions, positions)]
        demand_equal(f"positions of {name}", held[0], held[1], TOLERANCE)
        peer = measuring.seconds(all_of_it, repeats=repeats) * 1e3
        yield Row(f"{what}, every result", whole * 1e3, "ms", peer=name, peer_measured=peer)
        peer = measuring.seconds(least, repeats=repeats) * 1e3
        yield Row(
            f"{what}, the end alone, bars judged before", alone * 1e3, "ms", target=peer / times, peer=name,
            peer_measured=peer,
        )  # fmt: skip


def run() -> Iterator[Row]:
    """Compare on some symbols, and on all."""
    warnings.simplefilter("ignore")  # the peers' own: deprecated pandas
    markets = list(tradable(measuring.bars_by_symbol(measuring.read_prices())).values())
    for count in COUNTS:
        yield from compare(markets[:count])


if __name__ == "__main__":
    measuring.finish(run)
