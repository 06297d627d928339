"""The night's page tells what changed in the past, and nothing that only went on: two nights, one restated bar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from nights import PriceFile, evening

from alphafactory.store.findings import judge_finding

if TYPE_CHECKING:
    from nights import Nights

FIRST, SECOND = date(2024, 2, 14), date(2024, 2, 15)
RESTATED = date(2023, 6, 1)
NOTHING = "Nothing: no stored bar"


class Section(HTMLParser):
    """The text of one section, and the cells of its tables by the table's label."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.depth, self.label = name, 0, ""
        self.words: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "section":
            self.depth = 1 if values.get("id") == self.name else 0
        if not self.depth:
            return
        self.label = values.get("aria-label") or self.label if values.get("role") == "region" else self.label
        if tag == "tr":
            self.tables.setdefault(self.label, []).append([])
        self._in_cell = tag in ("td", "th") or (self._in_cell and tag not in ("tr", "table"))
        if tag in ("td", "th"):
            self.tables[self.label][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.depth = 0 if tag == "section" else self.depth
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.depth:
            self.words.append(data)
            if self._in_cell:
                self.tables[self.label][-1][-1] += data.strip()

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@dataclass
class Market:
    """Three symbols after their first night."""

    nights: Nights
    file: PriceFile

    def second_night(self) -> Section:
        self.file.write()
        result = self.nights.run(SECOND, report=True)
        assert result.outcome == "fine", result.steps
        return self.page("past")

    def page(self, section: str) -> Section:
        found = Section(section)
        found.feed((self.nights.folder / "reports" / "index.html").read_text(encoding="utf-8"))
        assert found.words, f"the page has no section {section}"
        return found

    def ranking(self) -> list[tuple[str, str, float, float]]:
        """Return (symbol, strategy, Sharpe, total return) of the current results, the best first."""
        query = "SELECT ticker, strategy, sharpe, total_return FROM v_current_backtests ORDER BY sharpe DESC"
        return [tuple(row) for row in self.nights.ask(query)]


@pytest.fixture
def market(nights: Nights) -> Market:
    file = PriceFile(nights, symbols=3, first=date(2022, 9, 1), last=SECOND)
    file.write(until=FIRST)
    result = nights.run(FIRST, report=True)
    assert result.outcome == "fine", result.steps
    return Market(nights, file)


def test_the_first_night_has_changed_nothing(market: Market) -> None:
    assert NOTHING in market.page("past").text


def test_a_new_session_alone_is_no_change(market: Market) -> None:
    section = market.second_night()
    assert NOTHING in section.text
    assert section.tables == {}
    replaced = "SELECT count(*) FROM backtests WHERE superseded_by IS NOT NULL"
    assert market.nights.ask(replaced) == [(6,)], "every backtest ran again for its new session, and none is listed"


def test_exactly_the_restated_bar_and_what_depends_on_it_is_listed(market: Market) -> None:
    before = market.ranking()
    row = market.file.row("S1", RESTATED)
    close, volume = row[5], row[6]
    row[3], row[5], row[6] = round(close * 1.3, 2), round(close * 1.2, 2), volume + 1000
    section = market.second_night()
    after = market.ranking()
    heads, *bars = section.tables["Restated bars"]
    assert heads[:2] == ["Symbol", "Session"]
    assert [bar[:4] for bar in bars] == [["S1", str(RESTATED), f"{close:,.2f}", f"{row[5]:,.2f}"]]
    assert bars[0][4] == f"+{100 * (row[5] / close - 1):.2f}%"
    assert bars[0][5:7] == [f"{volume:,.0f}", f"{volume + 1000:,.0f}"]
    assert bars[0][8:] == [f"high {round(close * 1.01, 2):,.2f} → {row[3]:,.2f}", "csv"]
    _, *moved = section.tables["Backtests that ran again"]
    assert {(cells[0], cells[1].removesuffix("benchmark")) for cells in moved} == {
        ("S1", "buy_and_hold"),
        ("S1", "sma_crossover"),
    }
    for cells in moved:
        name = ("S1", cells[1].removesuffix("benchmark"))
        (old_place, old), (new_place, new) = (
            next((place, found) for place, found in enumerate(ranking, 1) if found[:2] == name)
            for ranking in (before, after)
        )
        assert [cells[2], cells[3]] == [str(old_place), str(new_place)]
        assert [cells[5], cells[6]] == [_number(old[2], 3), _number(new[2], 3)]
        assert [cells[7], cells[8]] == [_percent(old[3]), _percent(new[3])]
        assert cells[9] == "1 restated bar"
    assert set(section.tables) == {"Restated bars", "Backtests that ran again"}


def test_a_third_night_forgets_it_and_the_second_repeated_does_not(market: Market) -> None:
    market.file.row("S1", RESTATED)[6] += 1000
    told = market.second_night().tables["Restated bars"]
    assert len(told) == 2
    result = market.nights.run(SECOND, evening(SECOND, 1), report=True)
    assert result.outcome == "fine", result.steps
    assert market.page("past").tables["Restated bars"] == told
    third = market.nights.run(date(2024, 2, 16), report=True)
    assert third.outcome == "fine", third.steps
    assert NOTHING in market.page("past").text


def test_a_late_dividend_is_told_and_one_on_time_is_not(market: Market) -> None:
    (market.nights.folder / "dividends.csv").write_text("symbol,ex_date,amount\nS2,2023-07-03,0.5\nS0,2024-02-15,0.1\n")
    market.nights.settings["sources.csv.dividends_path"] = market.nights.folder / "dividends.csv"
    section = market.second_night()
    assert "S2 2023-07-03 cash dividend of 0.5 a share csv" in section.text
    assert "2024-02-15 cash" not in section.text, "a dividend of the new session is on time"
    assert {cells[0] for cells in section.tables["Backtests that ran again"][1:]} == {"S2"}


def test_a_judgement_is_told_with_the_backtests_that_it_turned(nights: Nights) -> None:
    file = PriceFile(nights, symbols=3, first=date(2022, 9, 1), last=SECOND)
    row = file.row("S1", RESTATED)
    row[2:6] = [round(price * 4, 2) for price in row[2:6]]
    file.write(until=FIRST)
    assert nights.run(FIRST, report=True).outcome == "fine"
    market = Market(nights, file)
    query = "SELECT id, rule FROM quality_findings WHERE subject = 'S1' AND session = %s AND quarantined"
    found = nights.ask(query, RESTATED)
    assert found, "a price that quadruples for a day is quarantined"
    with nights.database() as database, database.begin() as connection:
        for key, _ in found:
            judge_finding(connection, key, "accepted", "seen on the tape", datetime(2024, 2, 15, 8, tzinfo=UTC))
    section = market.second_night()
    for _, rule in found:
        words = f"S1 {RESTATED} {rule} accepted, the bar is used: seen on the tape a person on 2024-02-15"
        assert words in section.text
    assert {cells[0] for cells in section.tables["Backtests that ran again"][1:]} == {"S1"}
    assert "Restated bars" not in section.tables


def test_who_joined_and_left_a_universe_is_told(nights: Nights) -> None:
    file = PriceFile(nights, symbols=3, first=date(2022, 9, 1), last=SECOND)
    file.write(until=FIRST)
    nights.settings["universes"] = {"pair": {"symbols": ["S0", "S1"]}}
    assert nights.run(FIRST, report=True).outcome == "fine"
    market = Market(nights, file)
    assert NOTHING in market.page("past").text
    nights.settings["universes"] = {"pair": {"symbols": ["S0", "S2"]}, "new": {"symbols": ["S1"]}}
    section = market.second_night()
    assert section.text.endswith("Members of universes S2 joined pair S1 left pair")
    assert section.tables == {}


def test_a_symbol_below_the_threshold_is_named_with_the_reason(nights: Nights) -> None:
    file = PriceFile(nights, symbols=2, first=date(2022, 9, 1), last=FIRST)
    file.rows = [row for row in file.rows if row[0] == "S0" or row[1].month % 3]
    file.write()
    assert nights.run(FIRST, report=True).outcome == "fine"
    section = Market(nights, file).page("quality")
    ((score,),) = nights.ask(
        "SELECT score FROM quality_scores q JOIN symbols s ON s.id = q.symbol_id WHERE ticker = 'S1'"
    )
    assert score < 0.5
    assert f"1 symbol below 0.50 is refused by every strategy: S1 {score:.2f}." in section.text
    _, lowest, *_ = section.tables["Lowest quality scores"]
    assert lowest[:2] == ["S1refused", f"{score:.3f}"]
    assert lowest[3].startswith("lost bars")


def test_whose_bars_and_what_score_they_have(market: Market) -> None:
    bars = market.nights.ask("SELECT count(*) FROM bars")[0][0]
    assert [row[:3] for row in market.page("sources").tables["Bars by source"][1:]] == [["csv", f"{bars:,}", "100.0%"]]
    assert "3 symbols" in market.page("quality").text


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "\u2212")


def _percent(value: float) -> str:
    return f"{100 * value:+,.2f}%".replace("-", "\u2212")
