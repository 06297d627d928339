"""A seeded portfolio that looks like a real one, for the tests of its page and for its pictures."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from browser.backtest_samples import FIRST, INDEX, LAST, SECTORS, SETTINGS, START, sample_sessions
from browser.limit_samples import EFFECTS, sample_events, sample_overshoots, sample_week

from alphafactory.domain.allocation import AllocationSettings
from alphafactory.domain.mandate import RebalanceRules, RiskLimits
from alphafactory.metrics import compute_curve_metrics, drawdown_series, simple_returns
from alphafactory.reports.backtest_contexts import CostSplit, DrawdownRow, ExitRow, OrderCount
from alphafactory.reports.contexts import MetricRow, MonthlyRow
from alphafactory.reports.portfolio_contexts import (
    ComparedMetric,
    ContributionRow,
    CorrelationMatrix,
    ExposureCurves,
    NextOrderRow,
    NoteRow,
    PortfolioPage,
    PortfolioRow,
    PositionRow,
    StressRow,
    TurnoverRow,
    ValueAtRiskRow,
    VarBacktestRow,
)

if TYPE_CHECKING:
    from alphafactory.domain.arrays import DateArray, FloatArray

HELD = (
    ("AAPL", 6), ("MSFT", 6), ("NVDA", 6), ("GOOGL", 0), ("AMZN", 1), ("JPM", 3), ("BAC", 3), ("GS", 3),
    ("JNJ", 4), ("PFE", 4), ("UNH", 4), ("XOM", 2), ("CVX", 2), ("NEE", 7), ("HON", 5), ("BRK.B", 3),
)  # fmt: skip
"""Held symbols with their sectors' places, in order of their clusters."""

CLUSTERS = (1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 2)
NEXT_SESSION = date(2020, 1, 13)
LIMITS = RiskLimits(
    max_position=0.05, max_sector=0.25, max_correlated=5, cash_reserve=0.10, max_positions=20, trade_loss=0.02,
    day_loss=0.02, week_loss=0.05, drawdown=0.15,
)  # fmt: skip
ALLOCATION = AllocationSettings("risk_parity", gross=0.9, max_weight=0.05, sector_bounds={"Energy": (0.0, 0.1)})


def sample_portfolio(name: str = "core", *, sessions: int = 1258, seed: int = 7) -> PortfolioPage:
    """A monthly rebalanced portfolio of trend followers whose curves, months and drawdowns agree with each other."""
    rng = np.random.default_rng(seed)
    days = sample_sessions(sessions)
    market = rng.standard_t(4, sessions) * 0.006 + 0.0007
    market[-300:-280] -= 0.009
    index, equal = (START * np.cumprod(1 + market * beta + rng.normal(0, 0.002, sessions)) for beta in (1.0, 1.05))
    gross = np.clip(0.72 + 0.15 * np.sin(np.arange(sessions) / 70) + rng.normal(0, 0.015, sessions), 0.0, 0.9)
    gross[-290:-270] = 0.0
    equity = START * np.cumprod(1 + market * gross + rng.normal(0.0001, 0.0015, sessions))
    return PortfolioPage(
        name=name,
        title="Trend followers of large companies",
        backtest_id=901,
        start=FIRST,
        end=LAST,
        universe_symbols=400,
        initial_capital=START,
        comparison=_comparison(days, equity, equal, index),
        sessions=days,
        equity=equity,
        drawdown=drawdown_series(equity, START),
        run_id="184",
        code_version="0.1.0+3f9c2ab",
        data_stamp="csv, bars a91f03",
        fingerprint="5c0e4d8f91b27a3366f2",
        balance_error=2.2e-16,
        equal_weight=equal,
        equal_weight_drawdown=drawdown_series(equal, START),
        index_equity=index,
        index_symbol=INDEX,
        exposures=_exposures(rng, gross),
        positions=_positions(rng, float(equity[-1])),
        components_of="95% by history",
        monthly=_monthly(days, equity, equal, index),
        worst_week=sample_week(days, equity, gross),
        costs=CostSplit(START, float(equity[-1]), 3120.4, 88.1, 2210.9, 0.0, 940.2, 8120.5),
        events=sample_events(days),
        events_total=1204,
        overshoots=sample_overshoots(),
        effects=EFFECTS,
        **_words(),
        **_risk(),
        **_contributions(float(equity[-1] / START - 1)),
    )


def bare_portfolio() -> PortfolioPage:
    """The least that a page is made of: everything that has a default left at it, nothing held, nothing ordered."""
    whole = sample_portfolio(sessions=400)
    kept = {name: getattr(whole, name) for name in _REQUIRED}
    return PortfolioPage(**kept)


_REQUIRED = (
    "name", "title", "backtest_id", "start", "end", "universe_symbols", "initial_capital", "comparison", "sessions",
    "equity", "drawdown", "run_id", "code_version", "data_stamp", "fingerprint",
)  # fmt: skip


def sample_portfolio_rows() -> tuple[PortfolioRow, ...]:
    """Rows for the night's index: one that is well, one without orders, one whose numbers are undefined."""
    well = PortfolioRow(
        "core", "Trend followers of large companies", FIRST, LAST, 0.494, 0.892, -0.184, 0.395, 0.548, 1204, 5,
        NEXT_SESSION, changed=True,
    )  # fmt: skip
    quiet = replace(well, name="calm", title="Least variance", total_return=0.286, orders=0, changed=False)
    young = replace(
        quiet, name="young", total_return=None, sharpe=None, max_drawdown=None, equal_weight_return=None,
        equal_weight_sharpe=None, acts=0, orders_session=None,
    )  # fmt: skip
    return well, quiet, young


def _comparison(
    days: DateArray, equity: FloatArray, equal: FloatArray, index: FloatArray
) -> tuple[ComparedMetric, ...]:
    found = [
        compute_curve_metrics(simple_returns(curve, START), days, 252, 0.0).values for curve in (equity, equal, index)
    ]
    named = (
        ("total_return", "Total return", "fraction", "end / start - 1"),
        ("cagr", "CAGR", "fraction", "(end / start)^(P / n) - 1"),
        ("sharpe", "Sharpe", "ratio", "mean(r - rf) / std(r, ddof 1) · √P"),
        ("max_drawdown", "Max drawdown", "fraction", "the lowest equity / running peak - 1"),
        ("annual_volatility", "Annual volatility", "fraction", "std(r, ddof 1) · √P"),
        ("calmar", "Calmar", "ratio", "CAGR / |max drawdown|"),
    )
    return tuple(
        ComparedMetric(
            label, "fraction" if unit == "fraction" else "ratio", formula, *(values.get(name) for values in found)
        )
        for name, label, unit, formula in named
    )


def _words() -> dict[str, Any]:
    """Everything that needs no curve: orders, activity, definition, notes."""
    return {
        "relative": (
            ComparedMetric("Alpha", "fraction", "(1 + mean(r - rf - beta · (b - rf)))^P - 1", None, 0.011, 0.024),
            ComparedMetric("Beta", "ratio", "covariance(r, b) / variance(b)", None, 0.683, 0.712),
            ComparedMetric("Tracking error", "fraction", "std(r - b, ddof 1) · √P", None, 0.049, 0.052),
            ComparedMetric(
                "Information ratio", "ratio", "mean(r - b) / std(r - b, ddof 1) · √P", None, -0.31, None,
                index_reason="zero tracking error",
            ),
        ),
        "orders": (
            NextOrderRow("JPM", "sell", 37.0, "market", None, None, "signal ends", 0.0482, 0.0, None, 137.2),
            NextOrderRow("XOM", "sell", 12.0, "market", None, None, "rebalance", 0.0551, 0.0468, 0.0037, 69.14),
            NextOrderRow("UNH", "buy", 16.0, "limit", 291.5, 268.18, "rebalance", 0.0, 0.0466, 0.0037, 292.82,
                         "good for 3 sessions"),
            NextOrderRow("TSLA", "sell_short", 9.0, "stop_limit", 468.0, 515.5, "signal", 0.0, -0.0421, 0.0032, 478.15),
            NextOrderRow("BRK.B", "buy_to_cover", 21.5, "market", None, None, "loss_limit", -0.0489, 0.0, None, 226.32),
        ),
        "orders_session": NEXT_SESSION,
        "orders_note": "Sizes assume fills at the last close.",
        "turnover": tuple(
            TurnoverRow(year, turnover, turnover * 104, turnover * 0.00098)
            for year, turnover in zip(range(2015, 2021), (5.1, 4.82, 3.96, 6.31, 4.4, 0.21), strict=True)
        ),
        "activity": (
            MetricRow("Positions", 15.2, "ratio", "mean of open positions", group="Concentration"),
            MetricRow("Largest weight", 0.0587, "fraction", "largest |weight| at any close", group="Concentration"),
            MetricRow("Effective positions", 14.1, "ratio", "1 / Σ w²", group="Concentration"),
            MetricRow("Capacity", 84_200_000.0, "money", "equity at which 10% of volume binds", group="Capacity"),
            MetricRow("Capacity of the thinnest", None, "money", "the same", "no volume known", "Capacity"),
            MetricRow("Yearly turnover", 4.9, "ratio", "traded value / mean equity a year", group="Turnover and costs"),
            MetricRow("Mean holding", 41.3, "bars", "mean bars of closed trades", group="Holding periods"),
            MetricRow("Median holding", 33.0, "bars", "median bars of closed trades", group="Holding periods"),
        ),
        "exits": (
            ExitRow("signal", 402, 171, 30_112.4, None),
            ExitRow("stop", 188, 0, -21_940.1, -1.04),
            ExitRow("loss_limit", 4, 0, -9_120.2, -2.31),
            ExitRow("risk_limit", 17, 6, -2_110.0, -0.22),
        ),
        "order_counts": (
            OrderCount("sector", 212, 141), OrderCount("max_positions", 97, 0), OrderCount("frozen", 61, 0),
            OrderCount("cash_reserve", 33, 12),
        ),
        "drawdowns": (
            DrawdownRow(-0.148, date(2018, 9, 20), date(2018, 12, 24), date(2019, 4, 12), 66, 75),
            DrawdownRow(-0.081, date(2015, 7, 20), date(2015, 9, 29), date(2016, 6, 8), 50, 174),
            DrawdownRow(-0.021, date(2019, 12, 27), date(2020, 1, 8), None, 8, None),
        ),
        "metrics": (
            MetricRow("Trades", 611, "count", "closed round trips", group="Trades"),
            MetricRow("Win rate", 0.29, "fraction", "trades with net profit > 0 / closed trades", group="Trades"),
            MetricRow("Profit factor", None, "ratio", "Σ wins / |Σ losses|", "no losing trade", group="Trades"),
        ),
        "definition": (
            ("Universe", "sp400, members as of each session"),
            ("Sleeves", "60% sma_crossover (fast=20, slow=50), 40% rsi_reversion (period=14)"),
            ("Calendar", "Rebalanced at the close of the last session of each month; in between, signals that end."),
            ("Ranking", "Where cash is short, the strongest signal first."),
        ),
        "allocation": ALLOCATION,
        "rules": RebalanceRules(band=0.005, turnover=0.5),
        "limits": LIMITS,
        "simulation": SETTINGS,
        "notes": (
            NoteRow(None, "3 symbols have no sector; together they count as the sector Unknown."),
            NoteRow(date(2016, 2, 29), "risk_parity had no answer (the covariance of 9 symbols is singular); weights "
                    "in proportion to 1 / volatility were taken."),
            NoteRow(date(2018, 12, 31), "max_weight 5% of 14 symbols clashes with gross 90%: 70% were invested."),
        ),
        "notes_total": 3,
    }  # fmt: skip


def _risk() -> dict[str, Any]:
    methods = ("history", "normal", "cornish_fisher", "monte_carlo")
    levels = ((0.95, (0.0111, 0.0108, 0.0115, 0.0109)), (0.99, (0.0204, 0.0154, 0.0231, 0.0156)))
    return {
        "value_at_risk": tuple(
            ValueAtRiskRow(method, level, value, value * 1.32)
            for level, values in levels
            for method, value in zip(methods, values, strict=True)
        ),
        "var_sessions": 756,
        "var_backtests": (
            VarBacktestRow("history", 0.95, 252, 1006, 54, 50.3, 0.598, 0.0004),
            VarBacktestRow("normal", 0.99, 252, 1006, 24, 10.06, 0.0003, 0.21),
            VarBacktestRow("history", 0.99, 252, 1006, 0, 10.06, 0.00001, None, "", "no breach"),
        ),
        "stress": (
            StressRow("history", "worst 5 sessions", -0.071, date(2018, 12, 18), date(2018, 12, 24)),
            StressRow("history", "worst 21 sessions", -0.118, date(2018, 11, 26), date(2018, 12, 24), 0.031),
            StressRow("history", "worst 63 sessions", -0.142, date(2018, 9, 25), date(2018, 12, 24), 0.031),
            StressRow("shock", "Energy falls by 20%", -0.0192),
            StressRow("shock", "The market falls by 10%, by beta", None, reason="no index to measure beta"),
        ),
        "correlation": _correlation(),
    }


def _contributions(total: float) -> dict[str, Any]:
    """Split the total return and all of the risk by symbol, sector and strategy; netted sleeves have no risk."""
    names = [HELD[place][0] for place in range(16)] + [f"{HELD[place % 16][0]}{place}" for place in range(16, 60)]
    raw = {
        "by_symbol": (names, [0.12 * 0.82**place - 0.003 * (place > 40) for place in range(60)]),
        "by_sector": (SECTORS, [0.17 - 0.03 * place for place in range(len(SECTORS))]),
        "by_strategy": (("sma_crossover", "rsi_reversion"), [0.3, 0.1]),
    }
    made = {}
    for kind, (titles, parts) in raw.items():
        risks = [abs(part) + 0.01 for part in parts]
        known = kind != "by_strategy"
        made[kind] = tuple(
            ContributionRow(
                title, part / sum(parts) * total, risk / sum(risks) if known else None, "" if known else "netted"
            )
            for title, part, risk in zip(titles, parts, risks, strict=True)
        )
    return made


def _correlation() -> CorrelationMatrix:
    order = sorted(range(len(HELD)), key=lambda place: CLUSTERS[place])
    rng = np.random.default_rng(11)
    size = len(order)
    noise = rng.uniform(-0.25, 0.2, (size, size))
    noise = (noise + noise.T) / 2
    values: list[tuple[float | None, ...]] = []
    for a in range(size):
        row: list[float | None] = []
        for b in range(size):
            same = CLUSTERS[order[a]] == CLUSTERS[order[b]]
            row.append(1.0 if a == b else float((0.78 if same else 0.15) + noise[a, b] * (0.4 if same else 1.4)))
        values.append(tuple(row))
    values[-1] = (*(None for _ in range(size - 1)), 1.0)
    return CorrelationMatrix(
        tuple(HELD[place][0] for place in order), tuple(CLUSTERS[place] for place in order), tuple(values), size, 252
    )


def _exposures(rng: np.random.Generator, gross: FloatArray) -> ExposureCurves:
    walk = np.exp(np.cumsum(rng.normal(0, 0.02, (len(gross), 10)), axis=0)) * np.linspace(1.6, 0.5, 10)
    shares = walk / walk.sum(axis=1, keepdims=True) * gross[:, None]
    names = (*SECTORS, "Materials", "Unknown")
    return ExposureCurves(
        gross=gross,
        net=gross - 0.06 * (gross > 0),
        cash=1.0 - gross,
        sectors=tuple((name, shares[:, place]) for place, name in enumerate(names)),
    )


def _positions(rng: np.random.Generator, equity: float) -> tuple[PositionRow, ...]:
    rows = []
    for place, (symbol, sector) in enumerate(HELD):
        weight = 0.05 - 0.0013 * place if symbol != "BRK.B" else -0.0489
        price = float(rng.uniform(30, 320))
        quantity = round(weight * equity / price)
        rows.append(
            PositionRow(
                symbol=symbol,
                name=f"{symbol} Holdings & Co.",
                sector=SECTORS[sector],
                since=date(2019, 3 + place // 2, 4 + place % 2 * 7),
                quantity=float(quantity),
                price=price,
                value=quantity * price,
                weight=quantity * price / equity,
                profit=float(rng.normal(300, 700)),
                var_component=weight * 0.017,
                cvar_component=weight * 0.023,
                marginal_var=0.017,
                cluster=CLUSTERS[place],
            )
        )
    return tuple(rows)


def _monthly(days: DateArray, *curves: FloatArray) -> tuple[MonthlyRow, ...]:
    months = days.astype("datetime64[M]")
    rows = []
    for year in np.unique(days.astype("datetime64[Y]")):
        values: list[float | None] = []
        for month in range(12):
            inside = np.flatnonzero(months == year.astype("datetime64[M]") + month)
            values.append(_return(curves[0], inside) if len(inside) else None)
        inside = np.flatnonzero(days.astype("datetime64[Y]") == year)
        rows.append(MonthlyRow(int(str(year)), tuple(values), *(_return(curve, inside) for curve in curves)))
    return tuple(rows)


def _return(curve: FloatArray, inside: np.ndarray[Any, Any]) -> float:
    before = START if inside[0] == 0 else curve[inside[0] - 1]
    return float(curve[inside[-1]] / before - 1)
