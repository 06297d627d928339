"""Actions, announcements, delistings and revisions as of a moment."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from nights import Nights, PriceFile, evening

from alphafactory.domain.bars import BarBatch
from alphafactory.domain.market import Dividend, EarningsDate, Listing, Split
from alphafactory.store import actions, bars, symbols

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

NIGHTS = [date(2024, 3, day) for day in (4, 5, 6, 7, 8)]
SPAN = (date(2023, 1, 1), date(2024, 3, 31))
EX_DATE = date(2023, 9, 5)


@pytest.fixture
def connection(nights: Nights) -> Iterator[Connection]:
    """A transaction on a database with one symbol, A, whose first night was the first of `NIGHTS`."""
    with nights.database() as database, database.begin() as opened:
        symbols.upsert_symbols(opened, [Listing("A")], "polygon", simulated=False, moment=evening(NIGHTS[0]))
        assert symbols.begin_night(opened, [the_symbol(opened).id], NIGHTS[0])
        load(opened, [10.0, 11.0, 12.0], evening(NIGHTS[0]), fresh=True)
        yield opened


def the_symbol(connection: Connection) -> symbols.SymbolRow:
    (row,) = symbols.read_symbols(connection, ["A"])
    return row


def load(
    connection: Connection, closes: Sequence[float], moment: datetime, *, source: str = "polygon", fresh: bool = False
) -> bars.BarChanges:
    """Write bars of the first sessions of 2024."""
    days = np.array(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"], dtype="datetime64[D]")[: len(closes)]
    prices = np.array(closes)
    rows = len(prices)
    codes, lines = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    batch = BarBatch(("A",), codes, days, prices, prices, prices, prices, np.full(rows, 100.0), lines=lines)
    key = the_symbol(connection).id
    known = days.astype("datetime64[us]") + np.timedelta64(21, "h")
    return bars.upsert_bars(
        connection, batch, np.array([key]), source, closes=known, moment=moment, fresh=[key] if fresh else ()
    )


def closes(connection: Connection, moment: datetime) -> list[float]:
    batch = bars.read_bars(connection, [the_symbol(connection).id], ["A"], moment, clean=False)
    return list(batch.close.tolist())


def deliver(
    connection: Connection,
    night: date,
    source: str,
    splits: Sequence[Split] = (),
    dividends: Sequence[Dividend] = (),
    *,
    fresh: bool = False,
) -> int:
    key = the_symbol(connection).id
    return actions.upsert_actions(
        connection, {"A": key}, [key] if fresh else [], splits, dividends, source=source, span=SPAN,
        moment=evening(night),
    )  # fmt: skip


def dividends(connection: Connection, moment: datetime) -> list[float]:
    return [amount for _, _, amount in actions.read_dividends(connection, [the_symbol(connection).id], moment)]


def splits(connection: Connection, moment: datetime) -> list[float]:
    return [ratio for _, _, ratio in actions.read_splits(connection, [the_symbol(connection).id], moment)]


def test_a_dividend_is_restated_and_withdrawn_and_each_moment_has_its_amount(connection: Connection) -> None:
    deliver(connection, NIGHTS[0], "polygon", dividends=[Dividend("A", EX_DATE, 0.5)], fresh=True)
    deliver(connection, NIGHTS[1], "polygon", dividends=[Dividend("A", EX_DATE, 0.6)])
    deliver(connection, NIGHTS[2], "polygon")
    deliver(connection, NIGHTS[3], "polygon", dividends=[Dividend("A", EX_DATE, 0.7)])
    assert [dividends(connection, evening(night)) for night in NIGHTS[:4]] == [[0.5], [0.6], [], [0.7]]
    assert dividends(connection, datetime(2023, 9, 4, tzinfo=UTC)) == []
    assert dividends(connection, datetime(2023, 9, 6, tzinfo=UTC)) == [0.5]  # deemed known at its ex-date


def test_a_split_learned_later_is_known_from_its_night_however_old(connection: Connection) -> None:
    deliver(connection, NIGHTS[0], "polygon", fresh=True)
    assert deliver(connection, NIGHTS[2], "polygon", [Split("A", EX_DATE, 4.0)]) == 1
    assert [splits(connection, evening(night)) for night in NIGHTS[:4]] == [[], [], [4.0], [4.0]]


def test_an_action_that_changes_vendors_within_a_night_stays(connection: Connection) -> None:
    """One vendor withdraws it, the next reports it in the same night: from then on it is the second one's."""
    deliver(connection, NIGHTS[0], "polygon", dividends=[Dividend("A", EX_DATE, 0.5)], fresh=True)
    deliver(connection, NIGHTS[1], "polygon")
    deliver(connection, NIGHTS[1], "yahoo", dividends=[Dividend("A", EX_DATE, 0.4)])
    assert dividends(connection, evening(NIGHTS[1])) == [0.4]
    assert deliver(connection, NIGHTS[2], "polygon") == 0
    assert deliver(connection, NIGHTS[2], "yahoo", dividends=[Dividend("A", EX_DATE, 0.4)]) == 0
    assert dividends(connection, evening(NIGHTS[2])) == [0.4]


def test_an_announcement_is_read_as_it_was_expected_then(connection: Connection) -> None:
    key = the_symbol(connection).id
    for night, announced in ((NIGHTS[0], date(2024, 4, 20)), (NIGHTS[2], date(2024, 4, 25))):
        dates = [EarningsDate("A", "2024Q1", announced, 1.0), EarningsDate("A", "2023Q4", date(2024, 2, 1), 1.0, 1.1)]
        actions.upsert_earnings(connection, {"A": key}, dates, source="yahoo", moment=evening(night))

    def seen(moment: datetime) -> list[tuple[date, bool]]:
        return [(row["announced"], row["hindsight"]) for row in actions.read_earnings(connection, [key], moment)]

    past = (date(2024, 2, 1), True)
    assert seen(evening(NIGHTS[1])) == [past, (date(2024, 4, 20), False)]
    assert seen(evening(NIGHTS[2])) == [past, (date(2024, 4, 25), False)]
    assert seen(datetime(2024, 1, 31, tzinfo=UTC)) == []
    assert seen(datetime(2024, 2, 2, tzinfo=UTC)) == [past]


def test_a_delisting_is_learned_corrected_and_withdrawn(connection: Connection) -> None:
    key, first, second = the_symbol(connection).id, date(2024, 3, 1), date(2024, 3, 4)
    told = [None, first, second, None]
    assert symbols.write_delisting(connection, key, first, evening(NIGHTS[1]))
    for night, day in ((NIGHTS[2], second), (NIGHTS[3], None)):
        symbols.upsert_symbols(
            connection, [Listing("A", delisted=day)], "polygon", simulated=False, moment=evening(night)
        )
    row = the_symbol(connection)
    assert [row.as_known(evening(night)).listing.delisted for night in NIGHTS[:4]] == told
    assert row.listing.delisted is None
    assert row.delisted_known_at == evening(NIGHTS[3])


def test_a_night_without_bars_is_no_first_night(connection: Connection) -> None:
    symbols.upsert_symbols(connection, [Listing("B")], "polygon", simulated=False, moment=evening(NIGHTS[0]))
    (row,) = symbols.read_symbols(connection, ["B"])
    assert symbols.begin_night(connection, [row.id], NIGHTS[0]) == {row.id}
    assert symbols.begin_night(connection, [row.id], NIGHTS[1]) == {row.id}
    assert symbols.begin_night(connection, [the_symbol(connection).id], NIGHTS[1]) == set()


def test_first_bars_are_assumed_known_at_their_session_and_later_ones_when_they_came(connection: Connection) -> None:
    load(connection, [10.0, 11.0, 12.0, 13.0], evening(NIGHTS[1]))
    assert closes(connection, datetime(2024, 1, 3, 22, tzinfo=UTC)) == [10.0, 11.0]
    assert closes(connection, evening(NIGHTS[0])) == [10.0, 11.0, 12.0]
    assert closes(connection, evening(NIGHTS[1])) == [10.0, 11.0, 12.0, 13.0]
    flagged = connection.exec_driver_sql("SELECT known_at_assumed FROM bars ORDER BY session").scalars().all()
    assert flagged == [True, True, True, False]


def test_only_its_own_source_revises_a_bar_and_only_beyond_half_a_tick(connection: Connection) -> None:
    assert load(connection, [10.3, 11.3, 12.3], evening(NIGHTS[1]), source="yahoo") == bars.BarChanges(0, 0)
    assert load(connection, [10.004, 11.004, 12.004], evening(NIGHTS[1])) == bars.BarChanges(0, 0)
    assert load(connection, [10.0, 11.01, 12.0], evening(NIGHTS[2])) == bars.BarChanges(0, 1)
    assert closes(connection, evening(NIGHTS[1])) == [10.0, 11.0, 12.0]
    assert closes(connection, evening(NIGHTS[2])) == [10.0, 11.01, 12.0]


def test_of_two_revisions_at_one_moment_nobody_could_see_the_first(connection: Connection) -> None:
    """A value that held for no time is not kept: before the moment stands the old one, from it on the last."""
    load(connection, [10.0, 11.5, 12.0], evening(NIGHTS[1]))
    load(connection, [10.0, 11.7, 12.0], evening(NIGHTS[1]))
    assert closes(connection, evening(NIGHTS[0])) == [10.0, 11.0, 12.0]
    assert closes(connection, evening(NIGHTS[1])) == [10.0, 11.7, 12.0]
    assert connection.exec_driver_sql("SELECT close FROM bar_revisions").scalars().all() == [11.0]


@pytest.mark.parametrize(
    ("column", "change", "runs"), [(6, 1.0, 1), (5, 0.004, 0), (5, 0.02, 1), (4, -0.004, 0), (4, -0.02, 1)]
)
def test_what_counts_as_a_restatement_runs_its_symbol_again(
    nights: Nights, column: int, change: float, runs: int
) -> None:
    file = PriceFile(nights, symbols=3, last=NIGHTS[0])
    file.write()
    nights.run(NIGHTS[0])
    row = file.row("S1", date(2024, 2, 6))
    row[column] = round(row[column] + change, 4)
    file.write()
    again = nights.run(NIGHTS[0], datetime.combine(NIGHTS[0], time(23, 30), tzinfo=UTC))
    assert nights.ask("SELECT ticker, session FROM v_revisions") == [("S1", date(2024, 2, 6))] * runs
    messages = {step.name: step.message for step in again.steps}
    assert messages["backtests"].startswith(f"{2 * runs} of 6 backtests computed")
    assert messages["indicators"].startswith("1 series" if runs else "No series")
