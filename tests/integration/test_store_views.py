"""The views say what the code computes: adjusted bars, daily returns and drawdowns."""

from __future__ import annotations

from datetime import date

import numpy as np
from nights import Nights, PriceFile

from alphafactory.metrics import drawdown_series, simple_returns
from alphafactory.pipeline.panel import choose_universe, read_panel

DAY = date(2024, 2, 15)


def test_v_bars_are_the_bars_that_backtests_read(nights: Nights) -> None:
    file = PriceFile(nights, last=DAY)
    file.row("S0", date(2023, 6, 1))[6] = -1
    file.write()
    splits = "symbol,ex_date,ratio\nS0,2023-05-15,3\nS0,2023-09-05,7:2\nS1,2023-09-05,2\n"
    (nights.folder / "splits.csv").write_text(splits)
    nights.settings["sources.csv.splits_path"] = nights.folder / "splits.csv"
    nights.run(DAY)
    with nights.workspace(DAY) as workspace, workspace.database.begin() as connection:
        universe = choose_universe(connection, workspace)
        panel = read_panel(connection, universe.symbols, workspace.cutoff)
    assert len(panel) == 2
    for _, ticker, bars in panel:
        query = (
            "SELECT session, open, high, low, close, volume, split_factor, raw_close FROM v_bars "
            "WHERE ticker = %s ORDER BY session"
        )
        rows = nights.ask(query, ticker)
        assert [row[0] for row in rows] == bars.sessions.tolist()
        columns = np.array([row[1:] for row in rows], dtype=np.float64).T
        for values, name in zip(columns, ("open", "high", "low", "close", "volume", "split_factor"), strict=False):
            np.testing.assert_allclose(values, getattr(bars, name), rtol=1e-12, err_msg=name)
        raw = [row[5] for row in file.rows if row[0] == ticker and row[6] > 0]
        assert columns[6].tolist() == raw
    assert panel.symbol(0).split_factor[0] == 10.5
    assert panel.symbol(0).split_factor[-1] == 1.0
    assert date(2023, 6, 1) not in panel.symbol(0).sessions.tolist()


def test_snapshots_are_the_metrics_own_series(finished: Nights) -> None:
    found = finished.ask(
        "SELECT id, start_equity, end_equity, max_drawdown FROM v_current_backtests WHERE strategy = 'sma_crossover'"
    )
    assert len(found) > 3
    for key, start, end, deepest in found:
        rows = finished.ask(
            "SELECT equity, daily_return, drawdown FROM performance_snapshots WHERE backtest_id = %s ORDER BY session",
            key,
        )
        equity, returns, drawdown = np.array(rows, dtype=np.float64).T
        np.testing.assert_allclose(returns, simple_returns(equity, start), rtol=0, atol=1e-12)
        np.testing.assert_allclose(drawdown, drawdown_series(equity, start), rtol=0, atol=1e-12)
        assert equity[-1] == end
        assert abs(drawdown.min() - deepest) < 1e-12


def test_current_results_leave_out_what_was_replaced_or_asked_ad_hoc(simulated: Nights) -> None:
    simulated.run(DAY)
    ((count,),) = simulated.ask("SELECT count(*) FROM v_current_backtests")
    assert count == simulated.ask("SELECT count(*) FROM backtests WHERE status = 'done'")[0][0] > 4
    keys = [key for (key,) in simulated.ask("SELECT id FROM backtests ORDER BY id LIMIT 3")]
    simulated.ask("UPDATE backtests SET superseded_by = %s WHERE id = %s", keys[1], keys[0])
    simulated.ask("UPDATE backtests SET origin = 'adhoc' WHERE id = %s", keys[1])
    simulated.ask("UPDATE backtests SET status = 'failed' WHERE id = %s", keys[2])
    left = [key for (key,) in simulated.ask("SELECT id FROM v_current_backtests")]
    assert len(left) == count - 3
    assert not set(left) & set(keys)
