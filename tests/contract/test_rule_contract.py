"""What every quality rule must do, asked of each that the registry finds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from alphafactory.config_sources import SyntheticSettings
from alphafactory.domain.bars import BAR_FIELDS, BarBatch
from alphafactory.domain.findings import Severity
from alphafactory.domain.market import Delivery, Dividend, Listing, Observation, RejectedRow, Split
from alphafactory.quality import DeliveryRule, QualityContext, Rule, SeriesRule, discover_rules, judge, screen
from alphafactory.sources.synthetic import SyntheticSource

AS_OF = date(2024, 6, 28)
REGISTRY = discover_rules()
ROW = 1000
MIDDLE = 804
"""A row amid the bars of the second symbol, SYN001."""

OF_WHOLE_SERIES = {"missed_split", "shifted_sessions"}
"""Errors that no single bar is to blame for: the series is refused by its score, its bars stay."""


@pytest.fixture(scope="module")
def clean() -> Delivery:
    """Return a market without faults, in which every symbol trades from the first session to the last."""
    delivery = SyntheticSource(SyntheticSettings(symbols=1, years=2)).fetch(AS_OF)
    assert len(delivery.bars) > ROW
    return delivery


def context_of(delivery: Delivery) -> QualityContext:
    assert delivery.newest_session is not None
    return QualityContext(AS_OF, delivery.newest_session, {listing.ticker: listing for listing in delivery.listings})


def changed(batch: BarBatch, name: str, value: object) -> BarBatch:
    column = getattr(batch, name).copy()
    column[ROW] = value
    return replace(batch, **{name: column}).ordered() if name == "sessions" else replace(batch, **{name: column})


def repeated(batch: BarBatch, step: float) -> BarBatch:
    columns = {
        n: np.insert(getattr(batch, n), ROW, getattr(batch, n)[ROW])
        for n in ("codes", "sessions", *BAR_FIELDS, "lines")
    }
    columns["close"][ROW] += step
    return replace(batch, **columns)


def swapped(batch: BarBatch) -> BarBatch:
    rows = np.arange(len(batch))
    rows[[ROW, ROW + 3]] = rows[[ROW + 3, ROW]]
    return batch.take(rows)


def scaled(batch: BarBatch, rows: slice, price: float, volume: float = 1.0) -> BarBatch:
    """Return the batch with the prices and volumes of some rows multiplied."""
    columns = {name: getattr(batch, name).copy() for name in BAR_FIELDS}
    for name in BAR_FIELDS:
        columns[name][rows] *= volume if name == "volume" else price
    return replace(batch, **columns)


def standing(batch: BarBatch) -> BarBatch:
    columns = {name: getattr(batch, name).copy() for name in BAR_FIELDS}
    for column in columns.values():
        column[MIDDLE : MIDDLE + 6] = column[MIDDLE]
    return replace(batch, **columns)


def moved_a_day(batch: BarBatch) -> BarBatch:
    """Return the batch with each bar of the second symbol a day before its session."""
    return replace(batch, sessions=np.where(batch.codes == 1, batch.sessions - np.timedelta64(1, "D"), batch.sessions))


def known_of(rule: str, batch: BarBatch, context: QualityContext) -> QualityContext:
    """Return the context with what the rule needs to see its fault."""
    ticker, day = "SYN001", batch.sessions[MIDDLE].item()
    close, volume = float(batch.close[MIDDLE]), float(batch.volume[MIDDLE])
    listings = {**context.listings, ticker: Listing(ticker, listed=date(2010, 1, 4))}
    known = {
        "dividend_larger_than_price": {"dividends": (Dividend(ticker, day, 2 * close),)},
        "dividend_without_drop": {"dividends": (Dividend(ticker, day, 0.3 * close),)},
        "split_without_jump": {"splits": (Split(ticker, day, 4.0),)},
        "truncated_history": {"first_wanted": date(2015, 1, 2), "listings": listings},
        "vendor_disagreement": {"observations": (Observation(ticker, day, "other", close * 1.01, volume),)},
    }
    return replace(context, **known.get(rule, {}))


def plant(rule: str, batch: BarBatch) -> BarBatch:
    """Return the batch with the fault that the rule is for."""
    one = slice(MIDDLE, MIDDLE + 1)
    half_day = int(np.flatnonzero((batch.codes == 1) & (batch.sessions == np.datetime64("2023-11-24")))[0])
    planted = {
        "bad_tick": lambda: changed(batch, "high", 2 * batch.high[ROW]),
        "conflicting_bars": lambda: repeated(batch, 0.01),
        "dividend_larger_than_price": lambda: batch,
        "dividend_without_drop": lambda: batch,
        "duplicate_bar": lambda: repeated(batch, 0.0),
        "early_stop": lambda: batch.take(np.arange(len(batch)) < ROW - 5),
        "future_session": lambda: changed(batch, "sessions", np.datetime64("2024-07-01")),
        "half_day_volume": lambda: scaled(batch, slice(half_day, half_day + 1), 1.0, 5.0),
        "high_below_open_or_close": lambda: changed(batch, "high", batch.low[ROW] - 0.01),
        "late_listing": lambda: batch.take(np.arange(len(batch)) >= 5),
        "low_above_open_or_close": lambda: changed(batch, "low", batch.high[ROW] + 0.01),
        "missed_split": lambda: scaled(batch, slice(MIDDLE, None), 0.25, 4.0),
        "missing_sessions": lambda: batch.take(np.arange(len(batch)) != ROW),
        "negative_volume": lambda: changed(batch, "volume", -1.0),
        "non_positive_price": lambda: changed(batch, "low", 0.0),
        "non_session_day": lambda: changed(batch, "sessions", np.datetime64("2024-06-19")),
        "not_a_number": lambda: changed(batch, "close", np.nan),
        "partial_volume": lambda: scaled(batch, one, 1.0, 0.01),
        "reversal_spike": lambda: scaled(batch, one, 1.6),
        "shifted_sessions": lambda: moved_a_day(batch),
        "spike": lambda: scaled(batch, slice(MIDDLE, None), 1.3),
        "split_without_jump": lambda: batch,
        "stale_prices": lambda: standing(batch),
        "truncated_history": lambda: batch,
        "unexplained_jump": lambda: scaled(batch, slice(MIDDLE, None), 0.5),
        "unit_jump": lambda: scaled(batch, one, 100.0),
        "unordered_rows": lambda: swapped(batch),
        "unparsable_row": lambda: batch,
        "vendor_disagreement": lambda: batch,
        "volume_outlier": lambda: scaled(batch, one, 1.0, 100.0),
        "weekend_bar": lambda: changed(batch, "sessions", np.datetime64("2024-06-15")),
        "zero_volume": lambda: changed(batch, "volume", 0.0),
    }
    assert rule in planted, f"plant a fault for the rule '{rule}' here, so that it is tested"
    return planted[rule]()


@pytest.fixture(params=REGISTRY.names())
def rule(request: pytest.FixtureRequest) -> type[Rule]:
    return REGISTRY.get(request.param)


def test_the_registry_finds_the_rules_and_none_is_broken() -> None:
    assert len(REGISTRY) >= 24
    assert REGISTRY.broken == []


def test_it_says_what_it_is_why_and_what_to_do(rule: type[Rule]) -> None:
    assert rule.name == rule.__module__.rpartition(".")[2]
    assert isinstance(rule.severity, Severity)
    assert rule.quarantines == (rule.severity is Severity.ERROR and rule.name not in OF_WHOLE_SERIES)
    for text in (rule.reason, rule.remedy):
        assert text.endswith(".")
        assert 20 < len(text) < 140
    assert issubclass(rule, SeriesRule) != issubclass(rule, DeliveryRule)


def test_it_is_silent_on_a_clean_market(rule: type[Rule], clean: Delivery) -> None:
    kept, findings = screen(clean.bars, (), [rule])
    assert findings + judge(kept, context_of(clean), [rule]) == []
    assert len(kept) == len(clean.bars)


def test_it_finds_its_own_fault_and_words_it(rule: type[Rule], clean: Delivery) -> None:
    rejected = [RejectedRow("SYN001", "p.csv:3", "close 'x' is no number", {"close": "x"})]
    kept, findings = screen(plant(rule.name, clean.bars), rejected, [rule])
    findings += judge(kept, known_of(rule.name, clean.bars, context_of(clean)), [rule])
    assert len(findings) == 1
    [finding] = findings
    assert (finding.rule, finding.severity, finding.quarantined) == (rule.name, rule.severity, rule.quarantines)
    assert finding.subject in {"SYN001", "SIMX", "SYN002"}
    assert finding.message
    assert json.loads(json.dumps(finding.payload, allow_nan=False)) == finding.payload


def test_a_users_own_rule_is_found_in_its_folder(tmp_path: Path, clean: Delivery) -> None:
    (tmp_path / "round_close.py").write_text(
        "from alphafactory.domain.findings import Severity\n"
        "from alphafactory.quality import SeriesRule\n"
        "class RoundClose(SeriesRule):\n"
        "    name, severity, quarantines = 'round_close', Severity.NOTE, False\n"
        "    reason, remedy = 'Round numbers attract.', 'None.'\n"
        "    def find(self, series, context):\n"
        "        return self.findings_of_bars(series, series.close % 10 == 0, 'the close is {close}')\n"
    )
    (tmp_path / "broken.py").write_text("import nothing_of_that_name\n")
    found = discover_rules(tmp_path)
    assert [Path(broken.path).name for broken in found.broken] == ["broken.py"]
    batch = changed(clean.bars, "close", 70.0)
    findings = judge(batch, context_of(clean), [found.get("round_close")])
    assert "the close is 70" in {finding.message for finding in findings}
