"""The tables of comparisons and correlations: strategies ranked beside a baseline, features that say the same."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Identity, Integer, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped

from alphafactory.store.schema.base import JSON, MOMENT, NOW, NUMBER, Model, column

_DIFFERENCES = {"sharpe": "annualised Sharpe ratio", "return": "annualised mean return"}
_BENCHMARKS = {"baseline": "the baseline's", "hold": "buy and hold's"}


def _test_columns() -> dict[str, str]:
    """Return the columns of one test after the other, with their comments."""
    columns: dict[str, str] = {}
    for benchmark, whose in _BENCHMARKS.items():
        for kind, words in _DIFFERENCES.items():
            name = f"{kind}_over_{benchmark}"
            columns |= {
                name: f"The strategy's {words} less {whose}, of the averages over symbols.",
                f"{name}_low": "Lower end of its 95 % interval.",
                f"{name}_high": "Upper end of its 95 % interval.",
                f"{name}_p": "Two-sided p-value: how often chance alone shows a difference as large.",
                f"{name}_p_holm": "The p-value after Holm, for all strategies that were asked about.",
            }
        columns[f"block_length_{benchmark}"] = "Mean length of the bootstrap's blocks, in sessions."
    return columns


TEST_COLUMNS = _test_columns()
"""The columns of `comparison_rows` that hold the tests; NULL against itself, or where `undefined` gives a reason."""


class Comparison(Model):
    """One comparison of strategies."""

    __tablename__ = "comparisons"
    __table_args__ = (
        UniqueConstraint("fingerprint"),
        {
            "comment": "One comparison of strategies with a baseline and with buying and holding, on the same "
            "sessions. The same comparison twice is the same row."
        },
    )
    id: Mapped[int] = column("Surrogate key.", BigInteger, Identity(always=True), primary_key=True)
    strategies: Mapped[list[str]] = column("The strategies that were asked about.", ARRAY(Text))
    baseline: Mapped[str] = column("The strategy that they are compared with.", Text)
    universe: Mapped[str | None] = column("Universe compared on; NULL where symbols were named.", Text)
    symbols: Mapped[list[str]] = column("Tickers of the symbols compared on.", ARRAY(Text))
    failures: Mapped[list[dict[str, Any]]] = column("What was left out, each with its reason.", JSON)
    settings: Mapped[dict[str, Any]] = column("Settings of the simulations.", JSON)
    period_start: Mapped[date | None] = column("First session asked for; NULL for all.", Date)
    period_end: Mapped[date | None] = column("Last session asked for; NULL for all.", Date)
    start_session: Mapped[date] = column("First session compared.", Date)
    end_session: Mapped[date] = column("Last session compared.", Date)
    n_sessions: Mapped[int] = column("Sessions compared.", Integer)
    as_of: Mapped[date] = column("The date as of which it saw the world.", Date)
    periods_per_year: Mapped[int] = column("Sessions by which ratios are annualised.", Integer)
    risk_free_rate: Mapped[float] = column("Annual risk-free rate of its ratios.", NUMBER)
    simulated_prices: Mapped[bool] = column("True where the prices are made by a simulation.", Boolean)
    draws: Mapped[int] = column("Samples that the bootstrap draws for each test.", Integer)
    seed: Mapped[int] = column("Seed of its random draws.", BigInteger)
    fingerprint: Mapped[str] = column("Hash of everything its numbers depend on.", Text)
    code_version: Mapped[str] = column("Version of AlphaFactory that computed it.", Text)
    created_at: Mapped[datetime] = column("When it was stored.", MOMENT, server_default=NOW)


class ComparisonRow(Model):
    """One strategy of a comparison."""

    __tablename__ = "comparison_rows"
    __table_args__ = ({"comment": "One strategy of a comparison, the baseline and buying and holding among them."},)
    comparison_id: Mapped[int] = column(
        "The comparison.", BigInteger, ForeignKey("comparisons.id", ondelete="CASCADE"), primary_key=True
    )
    strategy: Mapped[str] = column("Name of the strategy.", Text, primary_key=True)
    rank: Mapped[int] = column(
        "Its place, from 1: by median_sharpe, or by average_sharpe where one account has all symbols.",
        Integer,
    )
    scope: Mapped[str] = column("symbol: an account for each symbol; universe: one account for all of them.", Text)
    accounts: Mapped[int] = column("Accounts that its medians are taken over.", Integer)
    median_sharpe: Mapped[float | None] = column(
        "Median Sharpe ratio of its accounts; NULL where none has one.", NUMBER
    )
    mean_return: Mapped[float] = column("Mean total return of its accounts.", NUMBER)
    median_max_drawdown: Mapped[float] = column(
        "Median of its accounts' deepest drawdowns, a negative fraction.", NUMBER
    )
    beats_hold: Mapped[float | None] = column(
        "Share of its accounts with a higher Sharpe ratio than buy and hold's on the same symbol.",
        NUMBER,
    )
    beats_baseline: Mapped[float | None] = column("The same against the baseline.", NUMBER)
    n_trades: Mapped[int] = column("Trades of all its accounts.", Integer)
    average_sharpe: Mapped[float | None] = column(
        "Sharpe ratio of the average of its accounts' daily returns, which the tests are about.", NUMBER
    )
    undefined: Mapped[dict[str, Any]] = column("Tests that are NULL, each with its reason.", JSON)
    backtest_ids: Mapped[list[int]] = column("The simulations that it rests on (backtests.id).", ARRAY(BigInteger))


for _name, _comment in TEST_COLUMNS.items():
    setattr(ComparisonRow, _name, Column(_name, NUMBER, nullable=True, comment=_comment))


class FeatureCorrelationRun(Model):
    """One measurement of how features move together."""

    __tablename__ = "feature_correlation_runs"
    __table_args__ = (
        UniqueConstraint("fingerprint"),
        {
            "comment": "One measurement of the rank correlations of all features over the bars of a universe. "
            "The same measurement twice is the same row."
        },
    )
    id: Mapped[int] = column("Surrogate key.", BigInteger, Identity(always=True), primary_key=True)
    universe: Mapped[str] = column("Universe whose bars it is about.", Text)
    symbols: Mapped[list[str]] = column("Tickers of the symbols that took part.", ARRAY(Text))
    threshold: Mapped[float] = column("Absolute correlation from which features count as saying the same.", NUMBER)
    fewest: Mapped[int] = column("Common values that a symbol needs to take part in a pair.", Integer)
    start_session: Mapped[date] = column("First session of the bars.", Date)
    end_session: Mapped[date] = column("Last session of the bars.", Date)
    n_bars: Mapped[int] = column("Bars of all symbols.", BigInteger)
    n_features: Mapped[int] = column("Features measured.", Integer)
    n_clusters: Mapped[int] = column("Clusters with more than one feature.", Integer)
    left_out: Mapped[list[dict[str, Any]]] = column("What could not be computed, each with its reason.", JSON)
    as_of: Mapped[date] = column("The date as of which it saw the world.", Date)
    simulated_prices: Mapped[bool] = column("True where the prices are made by a simulation.", Boolean)
    seconds: Mapped[float] = column("Seconds it took.", NUMBER)
    fingerprint: Mapped[str] = column("Hash of everything its numbers depend on.", Text)
    code_version: Mapped[str] = column("Version of AlphaFactory that computed it.", Text)
    measured_at: Mapped[datetime] = column(
        "When it was measured last; the report shows the newest.", MOMENT, server_default=NOW
    )


class FeatureClusterRow(Model):
    """A feature of one measurement, and where it belongs."""

    __tablename__ = "feature_clusters"
    __table_args__ = ({"comment": "A feature of one measurement, with its cluster and whether it is the one to keep."},)
    run_id: Mapped[int] = column(
        "The measurement.",
        BigInteger,
        ForeignKey("feature_correlation_runs.id", ondelete="CASCADE"),
        primary_key=True,
    )
    position: Mapped[int] = column(
        "Its place in the matrix, from 0: clusters stand together.", Integer, primary_key=True
    )
    feature: Mapped[str] = column("Name of the feature.", Text)
    feature_group: Mapped[str] = column("Group of the catalogue.", Text)
    cluster: Mapped[int] = column("Number of its cluster, from 1, the largest first.", Integer)
    cluster_size: Mapped[int] = column("Features of that cluster; 1 for a feature that nothing resembles.", Integer)
    keep: Mapped[bool] = column("True for the one feature of a cluster that best stands for all of it.", Boolean)
    mean_correlation: Mapped[float | None] = column(
        "Mean absolute correlation with the others of its cluster; NULL for one alone.", NUMBER
    )
    warm_up: Mapped[int] = column("Bars before its first value.", Integer)
    n_rows: Mapped[int] = column("Bars with a value, of all symbols on which it varies.", BigInteger)


# No foreign key: it would look every row up in the middle of a bulk load.
class FeatureCorrelation(Model):
    """The correlation of two features."""

    __tablename__ = "feature_correlations"
    __table_args__ = ({"comment": "The rank correlation of two features, one row a pair."},)
    run_id: Mapped[int] = column(
        "The measurement (feature_correlation_runs.id).", BigInteger, primary_key=True, autoincrement=False
    )
    first_position: Mapped[int] = column(
        "Place of the one feature (feature_clusters.position).", Integer, primary_key=True, autoincrement=False
    )
    second_position: Mapped[int] = column(
        "Place of the other, the larger number.", Integer, primary_key=True, autoincrement=False
    )
    correlation: Mapped[float | None] = column(
        "Spearman's correlation within symbols, averaged over them by common bars; NULL where unknown.",
        NUMBER,
    )
    n_rows: Mapped[int] = column("Common bars of all symbols that it rests on.", BigInteger)
    n_symbols: Mapped[int] = column("Symbols that it rests on.", Integer)
