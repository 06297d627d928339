"""A seeded context that looks like a real night, for the tests of the report and for its pictures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
from browser.backtest_samples import BENCHMARK, FIRST, LAST, SECTORS, STRATEGY, sample_sessions, sample_ticker

from alphafactory.reports.contexts import (
    AuditFindingRow,
    AuditRow,
    CountRow,
    DataChanges,
    FailureRow,
    FindingCount,
    FindingRow,
    GlossaryRow,
    NightContext,
    RankRow,
    SectorRow,
    StepRow,
    StrategyRow,
)
from alphafactory.reports.data_contexts import (
    ChangeRow,
    DataQuality,
    Moved,
    PastChanges,
    RestatedBar,
    ScorePartRow,
    ScoreRow,
    SourceRow,
    VendorRow,
)

GLOSSARY = (
    GlossaryRow("Sharpe", "mean(r - rf) / std(r, ddof 1) · √P"),
    GlossaryRow("Return", "end / start - 1"),
    GlossaryRow("Excess", "total return less that of buying and holding the same symbol over the same sessions"),
    GlossaryRow("CAGR", "(end / start)^(P / n) - 1"),
    GlossaryRow("Max drawdown", "the lowest equity / running peak - 1; starting cash is the first peak"),
    GlossaryRow("Sortino", "mean(r - rf) / √(mean of min(r - rf, 0)²) · √P"),
    GlossaryRow("Calmar", "CAGR / |max drawdown|"),
    GlossaryRow("Win rate", "trades with net profit > 0 / closed trades"),
    GlossaryRow("Profit factor", "Σ wins / |Σ losses|, closed trades, net of costs"),
    GlossaryRow("Exposure", "bars with a position / all bars"),
)


def sample_rank(number: int, symbol: str, sector: str | None, rng: np.random.Generator, *, holding: bool) -> RankRow:
    """Metrics that hang together loosely: calmer, thinner returns for the strategy than for holding."""
    sharpe = float(rng.normal(0.62 if holding else 0.41, 0.33))
    drawdown = -float(rng.uniform(0.2, 0.6) if holding else rng.uniform(0.12, 0.45))
    cagr = 0.21 * sharpe * (1.3 if holding else 1.0)
    total = (1 + cagr) ** 5 - 1
    never = not holding and number % 97 == 0
    return RankRow(
        backtest_id=number,
        symbol=symbol,
        name=f"{symbol} Holdings & Co.",
        sector=sector,
        strategy=BENCHMARK if holding else STRATEGY,
        params="" if holding else "20/50",
        start=FIRST,
        end=LAST,
        total_return=0.0 if never else total,
        cagr=0.0 if never else cagr,
        sharpe=None if never else sharpe,
        sortino=None if never else sharpe * 1.4,
        max_drawdown=0.0 if never else drawdown,
        calmar=None if never else cagr / -drawdown,
        trades=1 if holding else 0 if never else int(rng.integers(6, 16)),
        win_rate=None if holding or never else float(rng.uniform(0.2, 0.6)),
        profit_factor=None if holding or never else float(rng.uniform(0.5, 3.5)),
        exposure=1.0 if holding else 0.0 if never else float(rng.uniform(0.4, 0.75)),
        excess_return=None,
        is_benchmark=holding,
        changed=number % 5 == 0,
        ruined=number == 14,
    )


def sample_ranking(symbols: int, seed: int = 7) -> tuple[RankRow, ...]:
    """Two backtests a symbol: the strategy's and the benchmark's."""
    rng = np.random.default_rng(seed)
    rows: list[RankRow] = []
    for position in range(symbols):
        symbol = sample_ticker(position)
        sector = None if position % 41 == 40 else SECTORS[position % len(SECTORS)]
        own, held = (sample_rank(2 * position + side, symbol, sector, rng, holding=side == 1) for side in (0, 1))
        rows += [replace(own, excess_return=(own.total_return or 0.0) - (held.total_return or 0.0)), held]
    return tuple(rows)


def sample_night(symbols: int = 400, *, simulated: bool = False, partial: bool = False) -> NightContext:
    """A night over `symbols` symbols; a partial one has two failures."""
    ranking = sample_ranking(symbols)
    failures = (
        FailureRow(
            "Backtest", "sma_crossover on ZTS", "holds no bar in the chosen period.", "Choose an earlier start."
        ),
        FailureRow(
            "Strategy file",
            "strategies/mean_reversion.py",
            "line 14: SyntaxError: '(' was never closed.",
            "Mend the line; the file is loaded again at the next run.",
        ),
    )
    return NightContext(
        title="AlphaFactory nightly",
        run_id="184",
        as_of=LAST,
        outcome="partial" if partial else "fine",
        started_at=datetime(2020, 1, 10, 22, 30, tzinfo=UTC),
        finished_at=None,
        code_version="0.1.0+3f9c2ab",
        config_digest="9b1d44e07c",
        simulated=simulated,
        database=(CountRow("symbols", symbols), CountRow("bars", 499_471), CountRow("trades", 5_120)),
        steps=_steps(partial=partial),
        failures=failures if partial else (),
        changes=DataChanges(symbols, 499_468, 12, 3, FIRST, LAST),
        past=sample_past(ranking),
        vendors=_vendors(),
        bars_by_source=(
            SourceRow("polygon", 471_204, FIRST, LAST),
            SourceRow("yahoo", 28_255, FIRST, LAST),
            SourceRow("alpha_vantage", 12, date(2020, 1, 9), LAST),
        ),
        quality=sample_quality(),
        ranking=ranking,
        by_sector=_by_sector(ranking),
        by_strategy=_by_strategy(ranking),
        audits=_audits(),
        findings=_findings(),
        finding_counts=(
            FindingCount("high_below_body", "error", 2, 2),
            FindingCount("price_not_positive", "error", 1, 1),
            FindingCount("missing_sessions", "warning", 31, 0),
        ),
        glossary=GLOSSARY,
    )


def sample_past(ranking: tuple[RankRow, ...]) -> PastChanges:
    """Restated bars of two symbols, a late dividend, a judgement, two members; the symbols' backtests moved."""
    high = (("high", 38.41, 38.11),)
    bars = [RestatedBar("AAQ", date(2019, 12, 30), "yahoo", 38.07, 38.07, 1_204_000, 1_180_553, high)]
    days = sample_sessions(49).tolist()
    bars += [RestatedBar("BAX", day, "polygon", 41.0 + n, 41.37 + n, 2e6, 2.1e6) for n, day in enumerate(days)]
    moved = [
        Moved(
            backtest_id=row.backtest_id,
            symbol=row.symbol,
            strategy=row.strategy,
            because="1 restated bar" if row.symbol == "AAQ" else "61 restated bars",
            old_sharpe=None if row.sharpe is None else row.sharpe + 0.01 * place,
            new_sharpe=row.sharpe,
            old_return=(row.total_return or 0.0) - 0.021,
            new_return=row.total_return,
            old_rank=None if row.sharpe is None else 12 + 9 * place,
            new_rank=None if row.sharpe is None else 40 + 3 * place,
            is_benchmark=row.is_benchmark,
        )
        for place, row in enumerate(ranking[:4])
    ]
    return PastChanges(
        since=date(2020, 1, 9),
        restated=tuple(bars),
        restated_count=62,
        actions=(ChangeRow("BBX", date(2019, 8, 8), "cash dividend of 0.77 a share", "alpha_vantage"),),
        judgements=(
            ChangeRow("CCQ", date(2018, 3, 1), "spike accepted, the bar is used: a takeover", "a person on 2020-01-10"),
        ),
        members=(ChangeRow("EEQ", None, "joined", "large"), ChangeRow("FFX", None, "left", "large")),
        moved=tuple(moved),
        moved_count=len(moved),
        ranked_before=798,
        ranked_now=799,
    )


def sample_quality() -> DataQuality:
    """Ten low scores, one of them refused; trends of one night to thirty."""
    rng = np.random.default_rng(11)
    rows = []
    for place in range(10):
        nights = sample_sessions(1 + 29 * min(place, 2) // 2)
        values = np.clip(np.linspace(0.97, 0.42 + 0.05 * place, len(nights)) + rng.normal(0, 0.02, len(nights)), 0, 1)
        trend = tuple((day.item(), float(value)) for day, value in zip(nights, values, strict=True))
        score = trend[-1][1]
        parts = (ScorePartRow("lost bars", 40, 1 - score / 0.96), ScorePartRow("spike", 4, 0.04))
        rows.append(ScoreRow(sample_ticker(place * 7), score, parts if score < 0.96 else parts[1:], trend, score < 0.5))
    ordered = tuple(sorted(rows, key=lambda row: row.score))
    return DataQuality(0.5, 400, 371, ordered, tuple((row.symbol, row.score) for row in ordered if row.refused))


def _vendors() -> tuple[VendorRow, ...]:
    quota = "The day's quota of 25 requests is spent; the next night goes on."
    return (
        VendorRow("alpha_vantage", "stopped", 25, 12, f"25 requests, 12 bars. {quota}"),
        VendorRow("polygon", "delivered", 3, 398, "3 requests, 398 new bars."),
        VendorRow("yahoo", "not needed", 0, 0, ""),
        VendorRow("crypto", "skipped", None, None, "The package ccxt is not installed."),
    )


def _steps(*, partial: bool) -> tuple[StepRow, ...]:
    return (
        StepRow("download", "fine", 2.13, 499_471, "csv: 400 symbols"),
        StepRow("quality", "fine", 0.61, 499_468),
        StepRow("indicators", "fine", 5.44, 499_468),
        StepRow("backtests", "partial" if partial else "fine", 4.87, 798),
        StepRow("report", "running", None, None),
    )


def _by_sector(ranking: tuple[RankRow, ...]) -> tuple[SectorRow, ...]:
    rows = []
    for sector in sorted({row.sector for row in ranking if row.sector}):
        inside = [r for r in ranking if r.sector == sector and not r.is_benchmark and r.sharpe is not None]
        best = max(inside, key=lambda row: row.sharpe or 0.0, default=None)
        rows.append(
            SectorRow(
                sector,
                len(inside),
                best.symbol if best else None,
                best.strategy if best else None,
                best.sharpe if best else None,
                float(np.median([row.sharpe or 0.0 for row in inside])) if inside else None,
            )
        )
    return tuple(rows)


def _by_strategy(ranking: tuple[RankRow, ...]) -> tuple[StrategyRow, ...]:
    rows = []
    for strategy in (STRATEGY, BENCHMARK):
        inside = [row for row in ranking if row.strategy == strategy]
        sharpes = [row.sharpe for row in inside if row.sharpe is not None]
        excesses = [row.excess_return for row in inside if row.excess_return is not None]
        rows.append(
            StrategyRow(
                strategy,
                1,
                len(inside),
                float(np.median(sharpes)) if sharpes else None,
                _mean(sharpes),
                _mean([float(excess > 0) for excess in excesses]),
                _mean([row.total_return for row in inside if row.total_return is not None]),
                is_benchmark=strategy == BENCHMARK,
                passed=strategy != STRATEGY or None,
            )
        )
    return tuple(rows)


def _audits() -> tuple[AuditRow, ...]:
    peeks = AuditFindingRow(
        "look ahead",
        "error",
        "The target of 2019-12-30 was 0 when the history ended there, and is 1 with the bars that follow.",
        "AAPL",
        "2019-12-30",
    )
    late = AuditFindingRow("warm up", "warning", "It needed 412 bars at worst and declares 120 <at most>.", "AAPL")
    return (
        AuditRow("peeking", 3, False, 480, 56, ("AAPL", "KO"), 20, 20.0, 20.0, 20, 0.0, (peeks,)),
        AuditRow("slow", 1, True, 480, 56, ("AAPL", "KO"), 120, 96.0, 310.0, 412, 0.0, (late,)),
        AuditRow(BENCHMARK, 1, True, 480, 56, ("AAPL", "KO"), None, None, None, None, None, ()),
    )


def _findings() -> tuple[FindingRow, ...]:
    broken = "The high 38.07 lies below the close 38.41."
    return (
        FindingRow(
            "error", "high_below_body", "DHR", date(2016, 7, 5), broken, "high=38.07 close=38.41", quarantined=True
        ),
        FindingRow(
            "error", "high_below_body", "ES", date(2017, 7, 28), broken, "high=60.0 open=60.2", quarantined=True
        ),
        FindingRow(
            "error", "price_not_positive", "FTV", date(2016, 7, 1), "The open is 0.", "open=0", quarantined=True
        ),
        FindingRow("warning", "missing_sessions", "ORCL", None, "4 sessions are missing.", "", quarantined=False),
    )


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
