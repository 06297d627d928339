"""The tables of a portfolio's page, each from the stored measures of one kind."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.pipeline.page_parts import UNITS
from alphafactory.reports.contexts import MetricRow
from alphafactory.reports.portfolio_contexts import (
    ComparedMetric,
    ContributionRow,
    CorrelationMatrix,
    EventRow,
    ExposureCurves,
    FillRow,
    PositionRow,
    StressRow,
    TurnoverRow,
    ValueAtRiskRow,
    VarBacktestRow,
    WeekDay,
    WorstWeek,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from alphafactory.config_portfolios import PortfolioConfig
    from alphafactory.domain.arrays import DateArray
    from alphafactory.reports.contexts import MetricUnit

Rows = list[dict[str, Any]]
_METHODS = ("history", "normal", "cornish_fisher", "monte_carlo")
_GROUPS = {
    "concentration": "Concentration", "capacity": "Capacity", "turnover": "Turnover and costs",
    "holding": "Holding periods",
}  # fmt: skip
_ACTIVITY: Mapping[tuple[str, str], tuple[str, MetricUnit, str]] = {
    ("concentration", "positions"): ("Positions", "count", "held at the last close"),
    ("concentration", "effective_names"): ("Effective names", "ratio", "1 / sum of squared shares of gross value"),
    ("concentration", "largest_weight"): ("Largest position", "fraction", "share of equity"),
    ("concentration", "top_five_weight"): ("Five largest positions", "fraction", "share of equity"),
    ("concentration", "effective_sectors"): ("Effective sectors", "ratio", "the same by sector"),
    ("concentration", "largest_sector_weight"): ("Largest sector", "fraction", "share of equity"),
    ("concentration", "average_correlation"): ("Average correlation", "ratio", "mean over pairs of positions"),
    ("capacity", "median"): ("Capacity, median symbol", "money", "capital at which 5 % of a bar's volume is traded"),
    ("capacity", "worst"): ("Capacity, tightest symbol", "money", "the same of the symbol with the least"),
    ("turnover", "turnover"): ("Turnover a year", "ratio", "traded value / mean equity"),
    ("turnover", "cost_drag"): ("Costs a year", "fraction", "all costs / mean equity"),
    ("turnover", "commission_drag"): ("Commission a year", "fraction", "commission / mean equity"),
    ("turnover", "slippage_drag"): ("Slippage a year", "fraction", "slippage / mean equity"),
    ("turnover", "fees_drag"): ("Fees a year", "fraction", "fees of sales / mean equity"),
    ("turnover", "borrow_drag"): ("Borrow a year", "fraction", "cost of borrowed shares / mean equity"),
    ("holding", "median"): ("Median holding", "bars", "of the trades that have ended"),
    ("holding", "mean"): ("Mean holding", "bars", "of the trades that have ended"),
    ("holding", "longest"): ("Longest holding", "bars", "of the trades that have ended"),
    ("holding", "winners_median"): ("Median holding of winners", "bars", "with a profit"),
    ("holding", "losers_median"): ("Median holding of losers", "bars", "with a loss"),
    ("holding", "open_mean"): ("Mean age of open trades", "bars", "their holding is not over"),
}
"""Kind and name of a measure -> label, unit and formula on the page, in the order shown."""


def _by_place(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: int(row["detail"]["place"]))


def compared(rows: Rows) -> tuple[ComparedMetric, ...]:
    """Return the portfolio's metrics beside those of equal weight and of the index."""
    return tuple(_compared(row, row["value"]) for row in _by_place(rows))


def relative(rows: Rows) -> tuple[ComparedMetric, ...]:
    """Return the metrics against equal weight and against the index."""
    return tuple(_compared(row, None) for row in _by_place(rows))


def _compared(row: Mapping[str, Any], own: float | None) -> ComparedMetric:
    detail = row["detail"]
    return ComparedMetric(
        label=detail["label"],
        unit=UNITS[detail["unit"]],
        formula=detail["formula"],
        portfolio=own,
        equal_weight=detail["equal_weight"],
        index=detail["index"],
        reason=detail.get("reason", ""),
        equal_weight_reason=detail["equal_weight_reason"],
        index_reason=detail["index_reason"],
    )


def value_at_risk_rows(rows: Rows) -> tuple[ValueAtRiskRow, ...]:
    """Return value at risk by method."""
    return tuple(
        ValueAtRiskRow(
            row["name"], row["detail"]["level"], row["value"], row["detail"]["conditional"], row["detail"]["reason"]
        )
        for row in sorted(rows, key=lambda row: _METHODS.index(row["name"]))
    )


def var_backtest_rows(rows: Rows) -> tuple[VarBacktestRow, ...]:
    """Return how the forecasts of each method did."""
    names = (
        "level", "window", "sessions", "expected", "kupiec_p", "christoffersen_p", "kupiec_reason",
        "christoffersen_reason",
    )  # fmt: skip
    return tuple(
        VarBacktestRow(method=row["name"], breaches=int(row["value"]), **{name: row["detail"][name] for name in names})
        for row in sorted(rows, key=lambda row: _METHODS.index(row["name"]))
    )


def stress_rows(rows: Rows) -> tuple[StressRow, ...]:
    """Return today's weights through bad times, those of the data first."""
    found = []
    for row in sorted(rows, key=lambda row: (row["detail"]["kind"], row["value"] is None, row["value"])):
        detail = row["detail"]
        start, end = (None if name not in detail else date.fromisoformat(detail[name]) for name in ("start", "end"))
        assumed = detail.get("assumed_betas", [])
        reason = detail.get("reason", "") or (f"beta 1 assumed for {', '.join(assumed)}" if assumed else "")
        missing = float(detail.get("missing", 0.0))
        found.append(StressRow(detail["kind"], row["name"], row["value"], start, end, missing, reason))
    return tuple(found)


def positions(rows: Rows) -> tuple[PositionRow, ...]:
    """Return what is held, the largest first."""
    names = (
        "name", "sector", "quantity", "price", "value", "profit", "var_component", "cvar_component", "marginal_var",
        "cluster",
    )  # fmt: skip
    return tuple(
        PositionRow(
            symbol=row["name"],
            since=date.fromisoformat(row["detail"]["since"]),
            weight=row["value"],
            **{name: row["detail"][name] for name in names},
        )
        for row in sorted(rows, key=lambda row: (-abs(row["value"]), row["name"]))
    )


def contributions(told: Mapping[str, Rows], kind: str) -> tuple[ContributionRow, ...]:
    """Return what symbols, sectors or strategies added, the most first; interest on cash stands last."""
    rows = sorted(told.get(f"contribution_{kind}", []), key=lambda row: (-row["value"], row["name"]))
    rest = told.get("contribution_rest", []) if rows else []
    return tuple(
        ContributionRow(row["name"], row["value"], row["detail"].get("risk_share"), row["detail"].get("reason", ""))
        for row in [*rows, *rest]
    )


def correlation(rows: Rows) -> CorrelationMatrix | None:
    """Return the matrix of the held symbols, None where fewer than two are held."""
    if not rows or rows[0]["detail"]["held"] < 2:  # noqa: PLR2004  one symbol has no correlation
        return None
    detail = rows[0]["detail"]
    values = tuple(tuple(line) for line in detail["values"])
    return CorrelationMatrix(
        tuple(detail["symbols"]), tuple(detail["clusters"]), values, detail["held"], detail["sessions"]
    )


def activity(told: Mapping[str, Rows]) -> tuple[MetricRow, ...]:
    """Return concentration, capacity, turnover and holding periods."""
    found = {(kind, row["name"]): row for kind in _GROUPS for row in told.get(kind, [])}
    rows = []
    for key, (label, unit, formula) in _ACTIVITY.items():
        if key in found:
            detail = found[key]["detail"]
            words = f"{label} ({detail['symbol']})" if detail.get("symbol") else label
            rows.append(MetricRow(words, found[key]["value"], unit, formula, detail["reason"] or None, _GROUPS[key[0]]))
    return tuple(rows)


def turnover_rows(rows: Rows) -> tuple[TurnoverRow, ...]:
    """Return each year's trading."""
    return tuple(
        TurnoverRow(int(row["name"]), row["value"], row["detail"]["costs"], row["detail"]["drag"])
        for row in sorted(rows, key=lambda row: int(row["name"]))
        if row["value"] is not None
    )


def exposure_curves(
    stored: Mapping[tuple[str, str], tuple[Sequence[date], Sequence[float]]], sessions: DateArray
) -> ExposureCurves | None:
    """Return the exposures on all sessions: sectors that hold nothing have no rows, which is 0."""
    if ("gross", "") not in stored:
        return None

    def laid_out(key: tuple[str, str], missing: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        days, values = stored.get(key, ([], []))
        found = np.full(len(sessions), missing)
        found[np.searchsorted(sessions, np.array(days, dtype="datetime64[D]"))] = values
        return found

    names = [name for kind, name in stored if kind == "sector"]
    sectors = sorted(((name, laid_out(("sector", name), 0.0)) for name in names), key=lambda one: -float(one[1].mean()))
    gross, net, cash = (laid_out((kind, ""), np.nan) for kind in ("gross", "net", "cash"))
    return ExposureCurves(gross, net, cash, tuple(sectors))


def worst_week(rows: Rows) -> WorstWeek | None:
    """Return the week with the lowest return, day by day."""
    if not rows:
        return None
    days = tuple(_day(day) for day in rows[0]["detail"]["days"])
    return WorstWeek(rows[0]["value"], rows[0]["detail"]["index_return"], days)


def _day(day: Mapping[str, Any]) -> WeekDay:
    session = date.fromisoformat(day["session"])
    return WeekDay(
        session=session,
        equity=day["equity"],
        day_return=day["day_return"],
        gross=day["gross"] or 0.0,
        events=tuple(EventRow(session=session, **event) for event in day["events"]),
        fills=tuple(FillRow(**fill) for fill in day["fills"]),
    )


def definition_in_words(portfolio: PortfolioConfig) -> tuple[tuple[str, str], ...]:
    """Return what the config says of a portfolio, in words."""
    sleeves = ", ".join(_sleeve(sleeve) for sleeve in portfolio.sleeves)
    listed: Iterable[tuple[str, str]] = (
        ("Sleeves", sleeves),
        ("Universe", portfolio.universe or (", ".join(portfolio.symbols) if portfolio.symbols else "the night's own")),
        ("Ranking", f"{portfolio.ranking}, seed {portfolio.seed}"),
        ("Between rebalances", portfolio.between),
        ("Rebalance", f"{portfolio.rebalance}, {portfolio.rebalance_on} session"),
        ("Profile", portfolio.profile or ""),
    )
    return tuple((name, words) for name, words in listed if words)


def _sleeve(sleeve: Any) -> str:
    params = ", ".join(f"{name}={value}" for name, value in sleeve.params.items())
    return f"{sleeve.capital:.4g} {sleeve.strategy}{f' ({params})' if params else ''}"
