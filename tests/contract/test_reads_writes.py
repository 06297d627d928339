"""Each step of the night touches the tables that it declares and no other: PostgreSQL's own statistics say so."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import psycopg
from nights import Nights, PriceFile, evening
from vendor_fakes.street import open_street
from vendor_fakes.truth import make_market

from alphafactory.pipeline import audits, backtest, enrich, gate, ingest, portfolios, report, universes
from alphafactory.pipeline.running import run_job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from alphafactory.pipeline.running import Step

EARLIER, LATER = date(2024, 1, 16), date(2024, 2, 15)
STEPS = [
    ("download", ingest.download, ingest),
    ("quality", gate.check_quality, gate),
    ("universes", universes.update_universes, universes),
    ("indicators", enrich.compute_indicators, enrich),
    ("backtests", backtest.run_backtests, backtest),
    ("portfolios", portfolios.run_portfolios, portfolios),
    ("audits", audits.run_audits, audits),
    ("report", report.write_reports, report),
]
# Kept by the runner around every step, by triggers, by whoever asks first, by the migrations.
RECORDS = {"job_runs", "job_steps", "series_versions", "series_fingerprints", "alembic_version"}
# A CSV brings no announcements, nobody judges or asks for correlations here, and vendors are not asked: they are below.
VENDORS = {"vendor_budgets", "vendor_answers", "bar_gaps", "bar_observations", "symbol_aliases"}
NOT_HERE = {"earnings_calendar", "quality_judgements", "feature_clusters", "feature_correlations", *VENDORS}
# Limits that act, an optimiser that fits, an order list with something in it, a strategy that no backtest registers.
PORTFOLIO = {
    "sleeves": [
        {
            "strategy": "0.9*sma_crossover+0.1*buy_and_hold",
            "params": {"sma_crossover.fast": 2, "sma_crossover.slow": 5},
        }
    ],
    "allocation": "min_variance",
    "sessions": 20,
    "rebalance": "daily",
    "risk": {"max_position": "20%", "max_sector": "none"},
}
TOUCHED = """
SELECT coalesce(parent.relname, c.relname) AS name, coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0) AS reads,
    s.n_tup_ins + s.n_tup_upd + s.n_tup_del AS writes
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class parent ON parent.oid = i.inhparent
WHERE s.schemaname = 'public'
"""


def counts(nights: Nights) -> dict[str, tuple[int, int]]:
    """Return how often each table was read and how many of its rows were written; partitions count for their table."""
    found: dict[str, tuple[int, int]] = {}
    with psycopg.connect(nights.url, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_clear_snapshot()")
        for name, reads, writes in connection.execute(TOUCHED):
            before = found.get(name, (0, 0))
            found[name] = (before[0] + int(reads), before[1] + int(writes))
    return found


def touched(nights: Nights, day: date, name: str, step: Step) -> tuple[set[str], set[str]]:
    """Run one step and return the tables that it read and those that it wrote."""
    with nights.workspace(day, evening(day)) as workspace:
        before = counts(nights)
        result = run_job(workspace, name, [(name, step)])
        assert result is not None
        assert result.outcome == "fine", result.steps
        with workspace.database.begin() as connection:
            connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
    after = counts(nights)
    read = {table for table, (reads, _) in after.items() if reads > before[table][0]}
    written = {table for table, (_, writes) in after.items() if writes > before[table][1]}
    return read - RECORDS, written - RECORDS


def two_nights(nights: Nights) -> Iterator[date]:
    """Yield the day of a first night, then that of one with new bars, a restated one, a split and a dividend."""
    file = PriceFile(nights, last=LATER)
    file.row("S0", date(2023, 6, 2))[5] = "nan"
    file.write(until=EARLIER)
    nights.settings |= {"universes": {"dear": {"minimum_price": 30}}, "universe.name": "dear"}
    nights.settings["portfolios"] = {"both": PORTFOLIO}
    yield EARLIER
    file.row("S0", date(2023, 6, 1))[5] += 0.1
    file.row("S1", date(2023, 6, 1))[3] = 1.0
    file.write()
    (nights.folder / "splits.csv").write_text("symbol,ex_date,ratio\nS0,2023-09-05,2\n")
    (nights.folder / "dividends.csv").write_text("symbol,ex_date,amount\nS1,2023-07-03,0.5\n")
    nights.settings |= {
        "sources.csv.splits_path": nights.folder / "splits.csv",
        "sources.csv.dividends_path": nights.folder / "dividends.csv",
    }
    yield LATER


def pointed_to(nights: Nights, module: ModuleType) -> set[str]:
    """Return the tables on the other end of a written table's foreign keys; the server looks rows up there itself."""
    query = "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
    pairs = [pair for pair in nights.ask(query) if set(pair) & set(module.WRITES)]
    return {table for pair in pairs for table in pair}


def test_each_step_touches_what_it_declares(nights: Nights) -> None:
    reads: dict[ModuleType, set[str]] = {}
    writes: dict[ModuleType, set[str]] = {}
    for day in two_nights(nights):
        for name, step, module in STEPS:
            if name == "audits":  # whoever comes first registers a strategy: here is one that no other step has seen
                nights.settings["backtest.strategies"] = ["sma_crossover", "buy_and_hold", "rsi_2"]
            read, written = touched(nights, day, name, step)
            reads.setdefault(module, set()).update(read)
            writes.setdefault(module, set()).update(written)
    for module, written in writes.items():
        undeclared = reads[module] - set(module.READS) - set(module.WRITES) - pointed_to(nights, module)
        assert undeclared == set(), f"{module.__name__} reads more than READS says"
        assert written == set(module.WRITES) - NOT_HERE - RECORDS, f"{module.__name__} writes other than WRITES says"
        unread = set(module.READS) - reads[module] - RECORDS - NOT_HERE
        assert unread == set(), f"{module.__name__} does not read what READS says"


def test_asking_vendors_touches_what_downloading_declares(nights: Nights) -> None:
    tickers = ["T0", "T1", "T2", "T3"]
    with open_street(make_market(tickers, EARLIER, LATER)) as street:
        street.lead(nights, "polygon", "yahoo", "alpha_vantage")
        nights.settings["quality.cross_check_symbols"] = 2
        street.polygon.history_start = date(2024, 1, 23)
        street.open_until(LATER)
        read, written = touched(nights, LATER, "download", ingest.download)
    undeclared = read - set(ingest.READS) - set(ingest.WRITES) - pointed_to(nights, ingest)
    assert undeclared == set()
    assert written <= set(ingest.WRITES)
    assert written >= {"bars", "symbols", "source_states", *VENDORS} - {"bar_gaps", "symbol_aliases"}
