"""Whatever is learned later, a night repeated as of its date gives its numbers again and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from nights import WITHOUT_REPORT, Nights, PriceFile

from alphafactory.calendar import sessions_between
from alphafactory.domain.market import EarningsDate
from alphafactory.pipeline.backtest import run_adhoc
from alphafactory.pipeline.judgements import judge, open_findings, symbol_standing
from alphafactory.pipeline.running import JobResult, Run, StepReport, run_job
from alphafactory.pipeline.universes import members_on
from alphafactory.pipeline.workspace import Workspace, open_workspace
from alphafactory.store import actions, symbols

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

FIRST_NIGHT, LAST_NIGHT = date(2024, 3, 4), date(2024, 3, 15)
RESULTS = """
SELECT to_jsonb(b) - '{id,created_at,job_run_id,superseded_by,strategy_id,seconds,code_version}'::text[],
    (SELECT jsonb_agg(to_jsonb(t) - 'backtest_id' ORDER BY number) FROM trades t WHERE t.backtest_id = b.id),
    (SELECT jsonb_agg(to_jsonb(o) - 'backtest_id' ORDER BY number) FROM orders o WHERE o.backtest_id = b.id),
    (SELECT to_jsonb(e) - 'backtest_id' FROM equity e WHERE e.backtest_id = b.id)
FROM backtests b WHERE id = ANY(%s) ORDER BY subject_key
"""


def late(day: date) -> datetime:
    """Return the moment at which the night of a day runs: past midnight UTC, when its evening in New York is late."""
    return datetime.combine(day + timedelta(days=1), time(2), tzinfo=UTC)


@dataclass
class Market:
    """What the files of a vendor say; each night is fed what they say then."""

    nights: Nights
    prices: PriceFile
    held_back: list[list[Any]] = field(default_factory=list)
    listed_later: list[list[Any]] = field(default_factory=list)
    splits: dict[tuple[str, date], float] = field(default_factory=dict)
    dividends: dict[tuple[str, date], float] = field(default_factory=dict)
    delisted: dict[str, date] = field(default_factory=dict)
    members: dict[str, tuple[str, str]] = field(default_factory=dict)

    def write(self, until: date) -> None:
        folder = self.nights.folder
        self.prices.write(until)
        tickers = sorted({row[0] for row in self.prices.rows})
        for name, header, lines in (
            ("splits", "symbol,ex_date,ratio", [f"{t},{day},{r}" for (t, day), r in sorted(self.splits.items())]),
            ("dividends", "symbol,ex_date,amount", [f"{t},{d},{a}" for (t, d), a in sorted(self.dividends.items())]),
            ("symbols", "symbol,sector,delisted", [f"{t},Energy,{self.delisted.get(t, '')}" for t in tickers]),
            ("members", "ticker,from,to", [f"{t},{a},{b}" for t, (a, b) in sorted(self.members.items())]),
        ):
            (folder / f"{name}.csv").write_text("\n".join([header, *lines]) + "\n")

    @property
    def tickers(self) -> list[str]:
        return sorted({row[0] for row in self.prices.rows})


@pytest.fixture
def market(nights: Nights) -> Market:
    made = Market(nights, PriceFile(nights, symbols=5, last=LAST_NIGHT))
    made.listed_later = [row for row in made.prices.rows if row[0] == "S4"]
    made.prices.rows = [row for row in made.prices.rows if row[0] != "S4"]
    for ticker, session in (("S0", date(2024, 1, 10)), ("S1", date(2024, 2, 7)), ("S2", date(2024, 2, 8))):
        made.held_back.append(made.prices.row(ticker, session))
        made.prices.rows.remove(made.held_back[-1])
    made.members = dict.fromkeys(made.tickers, ("2023-01-01", ""))
    made.splits[("S3", date(2023, 9, 5))] = 2.0
    made.dividends[("S2", date(2023, 9, 5))] = 0.4
    folder = nights.folder
    nights.settings |= {
        "sources.csv.splits_path": folder / "splits.csv",
        "sources.csv.dividends_path": folder / "dividends.csv",
        "sources.csv.symbols_path": folder / "symbols.csv",
        "universe.name": "index",
        "universes.index.members": folder / "members.csv",
        "quality.minimum_score": 0.9,
    }
    return made


def opened(nights: Nights, as_of: date, now: datetime, *, replay: bool) -> AbstractContextManager[Workspace]:
    return open_workspace(nights.config(), as_of, now, replay=replay)


def run(nights: Nights, as_of: date, now: datetime, *, replay: bool = False) -> tuple[JobResult, list[tuple[Any, ...]]]:
    """Run a night; return how it went and its results with their trades and curves, computed now or before."""
    keys: list[int] = []

    def look(run: Run) -> StepReport:
        keys.extend(run.notes["backtests"])
        return StepReport(0, "", skipped=True)

    with opened(nights, as_of, now, replay=replay) as workspace:
        result = run_job(workspace, "nightly", (*WITHOUT_REPORT, ("look", look)))
    assert result is not None
    assert result.outcome == "fine", result.steps
    return result, nights.ask(RESULTS, keys)


def seen(nights: Nights, as_of: date, now: datetime, *, replay: bool) -> dict[str, Any]:
    """Return what a person can read as of a night: findings, scores, members, announcements, delistings."""
    with opened(nights, as_of, now, replay=replay) as workspace:
        with workspace.database.begin() as connection:
            rows = [row for row in symbols.read_symbols(connection) if row.first_night and row.first_night <= as_of]
            ids = [row.id for row in rows]
            earnings = actions.read_earnings(connection, ids, workspace.cutoff)
            delisted = {row.ticker: row.as_known(workspace.cutoff).listing.delisted for row in rows}
        return {
            "findings": open_findings(workspace),
            "standing": [symbol_standing(workspace, row.ticker) for row in rows],
            "members": members_on(workspace, "index", as_of),
            "earnings": earnings,
            "delisted": delisted,
        }


# What a night may learn. Each changes what the vendor says, or what a person has said, by the night of `day`.


def restate(market: Market, draw: np.random.Generator, day: date) -> None:
    row = _some_row(market, draw, day)
    row[5] = round(row[5] * float(draw.uniform(0.995, 1.005)), 2)
    row[6] += 7


def spoil(market: Market, draw: np.random.Generator, day: date) -> None:
    row = _some_row(market, draw, day)
    row[6] = -row[6]


def mend(market: Market, _draw: np.random.Generator, _day: date) -> None:
    for row in market.prices.rows:
        row[6] = abs(row[6])


def spike(market: Market, draw: np.random.Generator, day: date) -> None:
    """Tonight's price is off; whether it is a misprint is seen tomorrow."""
    row = market.prices.row(str(draw.choice(market.tickers)), day)
    row[2:6] = [round(price * 1.9, 2) for price in row[2:6]]


def fill_hole(market: Market, draw: np.random.Generator, _day: date) -> None:
    if market.held_back:
        market.prices.rows.append(market.held_back.pop(int(draw.integers(len(market.held_back)))))
        market.prices.rows.sort(key=lambda row: (row[0], row[1]))


def follow_another(market: Market, _draw: np.random.Generator, day: date) -> None:
    """A symbol with a long history is followed from tonight on."""
    if market.listed_later:
        market.prices.rows += market.listed_later
        market.listed_later = []
        market.members["S4"] = (f"{day - timedelta(days=90)}", "")


def split(market: Market, draw: np.random.Generator, day: date) -> None:
    market.splits[(str(draw.choice(market.tickers)), _some_session(draw, day))] = float(draw.choice([2.0, 3.0]))


def forget_split(market: Market, _draw: np.random.Generator, _day: date) -> None:
    if market.splits:
        market.splits.popitem()


def dividend(market: Market, draw: np.random.Generator, day: date) -> None:
    amount = round(float(draw.uniform(0.1, 0.9)), 2)
    market.dividends[(str(draw.choice(market.tickers)), _some_session(draw, day))] = amount


def restate_dividend(market: Market, _draw: np.random.Generator, _day: date) -> None:
    for key in list(market.dividends)[:1]:
        market.dividends[key] = round(market.dividends[key] * 1.5, 2)


def withdraw_dividend(market: Market, _draw: np.random.Generator, _day: date) -> None:
    if market.dividends:
        market.dividends.popitem()


def delist(market: Market, draw: np.random.Generator, day: date) -> None:
    market.delisted[str(draw.choice(market.tickers))] = day - timedelta(days=int(draw.integers(0, 9)))


def list_again(market: Market, _draw: np.random.Generator, _day: date) -> None:
    market.delisted.clear()


def leave_index(market: Market, draw: np.random.Generator, _day: date) -> None:
    market.members.pop(str(draw.choice(market.tickers)), None)


def join_index(market: Market, draw: np.random.Generator, day: date) -> None:
    market.members[str(draw.choice(market.tickers))] = (f"{day - timedelta(days=30)}", "")


def judge_one(market: Market, draw: np.random.Generator, day: date) -> None:
    """A person judges in the morning after the last night, and may think better of it."""
    morning = datetime.combine(day, time(12), tzinfo=UTC)
    with opened(market.nights, day - timedelta(days=1), morning, replay=False) as workspace:
        about_bars = [one for one in open_findings(workspace) if one["session"] is not None]
        if about_bars:
            found = about_bars[int(draw.integers(len(about_bars)))]
            # No strategy can do anything with a negative volume: accepting it would be an error of the night.
            useful = found["quarantined"] and found["rule"] != "negative_volume"
            judge(workspace, found["id"], "accepted" if useful else "rejected", "")
            if draw.random() < 0.3:
                judge(workspace, found["id"], "rejected" if useful else "accepted", "on second thoughts")
                judge(workspace, found["id"], "accepted" if useful else "rejected", "and on third ones")


def announce(market: Market, draw: np.random.Generator, day: date) -> None:
    dates = [EarningsDate("S0", "2024Q1", day + timedelta(days=int(draw.integers(3, 30))), 1.0, None)]
    with opened(market.nights, day, late(day), replay=False) as workspace, workspace.database.begin() as connection:
        keys = {row.ticker: row.id for row in symbols.read_symbols(connection)}
        actions.upsert_earnings(connection, keys, dates, source="csv", moment=workspace.moment)


EVENTS = (
    restate, spoil, mend, spike, fill_hole, split, forget_split, dividend, restate_dividend, withdraw_dividend, delist,
    list_again, leave_index, join_index, follow_another, judge_one, judge_one, announce,
)  # fmt: skip


def _some_session(draw: np.random.Generator, day: date) -> date:
    sessions = sessions_between("XNYS", day - timedelta(days=120), day)
    session: date = draw.choice(sessions).astype("datetime64[D]").item()
    return session


def _some_row(market: Market, draw: np.random.Generator, day: date) -> list[Any]:
    rows = [row for row in market.prices.rows if day - timedelta(days=60) <= row[1] <= day and row[6] > 0]
    return rows[int(draw.integers(len(rows)))]


def nights_of(first: date, last: date) -> list[date]:
    sessions: list[date] = sessions_between("XNYS", first, last).tolist()
    return sessions


@pytest.mark.parametrize(("seed", "universe"), [(1, "index"), (2, "index"), (3, None)])
def test_nights_repeat_to_the_bit_whatever_is_learned_later(market: Market, seed: int, universe: str | None) -> None:
    nights, draw = market.nights, np.random.default_rng(seed)
    nights.settings["universe.name"] = universe
    nights.settings["backtest.index"] = "S1" if universe is None else None  # an index is restated like any symbol
    then: dict[date, dict[str, Any]] = {}
    for day in nights_of(FIRST_NIGHT, LAST_NIGHT):
        if then:
            for event in draw.choice(np.array(EVENTS, dtype=object), size=4, replace=False):
                event(market, draw, day)
        market.write(until=day)
        results = run(nights, day, late(day))[1]
        then[day] = {"results": results, **seen(nights, day, late(day), replay=False)}
    assert len({str(one["results"]) for one in then.values()}) == len(then)  # every night learned something
    aside = ("backtests", "trades", "orders", "equity", "series_fingerprints")
    tables = nights.tables(*aside)
    for day, told in then.items():
        nights.ask("DELETE FROM backtests")
        now = late(LAST_NIGHT) + timedelta(days=1)
        again, results = run(nights, day, now, replay=True)
        assert {step.name: step.rows for step in again.steps if step.outcome != "skipped"} == {
            "audits": 0,
            "backtests": len(results),
        }
        repeated = {"results": results, **seen(nights, day, now, replay=True)}
        for what, expected in told.items():
            assert repeated[what] == expected, f"{what} as of {day}"
        assert nights.tables(*aside) == tables
    day = sorted(then)[3]
    tickers = sorted({row["scope"] for row, *_ in then[day]["results"]})
    assert adhoc(nights, day, late(LAST_NIGHT) + timedelta(days=1), tickers) == without_origin(then[day]["results"])


def without_origin(results: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [({name: value for name, value in row.items() if name != "origin"}, *rest) for row, *rest in results]


def adhoc(nights: Nights, as_of: date, now: datetime, tickers: list[str]) -> list[tuple[Any, ...]]:
    """Return what a person gets who asks for the backtests of a past night one by one, computed anew."""
    nights.ask("DELETE FROM backtests")
    with opened(nights, as_of, now, replay=True) as workspace:
        for (strategy,) in nights.ask("SELECT name FROM strategies"):
            assert run_adhoc(workspace, strategy, tickers, {}).outcome == "fine"
    keys = [key for (key,) in nights.ask("SELECT id FROM backtests")]
    return without_origin(nights.ask(RESULTS, keys))
