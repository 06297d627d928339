"""Named universes: lists, sectors, chains of universes, and the settings that make no sense."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from alphafactory.config_universes import UniverseSpec, universe_chain
from alphafactory.domain.market import Membership
from alphafactory.errors import ConfigError, SourceError, UnknownNameError
from alphafactory.universes import TradingHistory, members_on, membership_mask, needs_history, resolve

SECTORS = {"XOM": "Energy", "AAPL": "Technology", "MSFT": "Technology", "JPM": "Financials", "SPY": None}


def spec(**given: Any) -> UniverseSpec:
    return UniverseSpec(**given)


def tickers(memberships: tuple[Membership, ...]) -> list[str]:
    return [membership.ticker for membership in memberships]


def test_a_list_holds_for_ever_and_keeps_what_nobody_knows() -> None:
    specs = {"mine": spec(symbols=["MSFT", "NEW", "AAPL", "MSFT"])}
    assert resolve("mine", specs, SECTORS) == (Membership("AAPL"), Membership("MSFT"), Membership("NEW"))
    assert not needs_history("mine", specs)


def test_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("XOM\nJPM\n")
    (tmp_path / "index.csv").write_text("ticker,from,to\nJPM,2020-01-02,2020-02-03\nAAPL,,\n")
    specs = {
        "file": spec(file=tmp_path / "list.txt"),
        "index": spec(members=tmp_path / "index.csv"),
        "lost": spec(members=tmp_path / "lost.csv"),
    }
    assert resolve("file", specs, SECTORS) == (Membership("JPM"), Membership("XOM"))
    assert resolve("index", specs, SECTORS) == (
        Membership("AAPL"),
        Membership("JPM", date(2020, 1, 2), date(2020, 2, 3)),
    )
    with pytest.raises(SourceError, match=r"Correct universes\.lost\.members"):
        resolve("lost", specs, SECTORS)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"sectors": ["Technology"]}, ["AAPL", "MSFT"]),
        ({"sectors": ["Energy", "Technology"]}, ["AAPL", "MSFT", "XOM"]),
        ({"exclude_sectors": ["Technology"]}, ["JPM", "SPY", "XOM"]),
        ({"sectors": ["Energy", "Technology"], "exclude_sectors": ["Energy"]}, ["AAPL", "MSFT"]),
        ({"symbols": ["XOM", "SPY", "MSFT"], "sectors": ["Technology"]}, ["MSFT"]),
        ({"symbols": ["XOM", "SPY", "MSFT", "NEW"], "exclude_sectors": ["Technology"]}, ["NEW", "SPY", "XOM"]),
    ],
)
def test_sectors_choose_and_narrow(given: dict[str, Any], expected: list[str]) -> None:
    assert tickers(resolve("x", {"x": spec(**given)}, SECTORS)) == expected


@pytest.mark.parametrize("setting", ["sectors", "exclude_sectors"])
def test_a_sector_that_nobody_has_is_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match=rf"universes\.x\.{setting}: .*'Tecnology'. Did you mean 'Technology'"):
        resolve("x", {"x": spec(**{setting: ["Tecnology"]})}, SECTORS)
    with pytest.raises(ConfigError, match="There are none"):
        resolve("x", {"x": spec(**{setting: ["Technology"]})}, {"AAPL": None})


def test_a_market_without_symbols_yet_is_empty_and_no_mistake() -> None:
    assert resolve("x", {"x": spec(sectors=["Technology"])}, {}) == ()


def test_a_universe_may_narrow_another(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("ticker,from,to\nMSFT,2020-01-02,2020-02-03\nMSFT,2021-01-04,\nXOM,,\n")
    specs = {
        "index": spec(members=tmp_path / "index.csv"),
        "technology": spec(of="index", sectors=["Technology"]),
        "same": spec(of="technology"),
    }
    spells = (Membership("MSFT", date(2020, 1, 2), date(2020, 2, 3)), Membership("MSFT", date(2021, 1, 4)))
    assert resolve("technology", specs, SECTORS) == spells
    assert resolve("same", specs, SECTORS) == spells
    assert universe_chain("same", specs) == ("same", "technology", "index")


def test_a_rule_chooses_among_a_list() -> None:
    sessions = np.arange("2020-01-06", "2020-01-11", dtype="datetime64[D]")
    turnover = np.tile([1.0, 3.0, 2.0, 4.0], (5, 1))
    history = TradingHistory(("AAPL", "XOM", "MSFT", "ELSE"), sessions, date(2020, 1, 13), turnover, turnover)
    specs = {"mine": spec(symbols=["AAPL", "XOM", "MSFT", "NEW"], sectors=["Technology"], top=1, window=1)}
    assert resolve("mine", specs, SECTORS, history) == (Membership("MSFT", date(2020, 1, 7)),)
    with pytest.raises(ValueError, match="mine is a rule"):
        resolve("mine", specs, SECTORS)


def test_a_member_of_an_index_may_be_chosen_from_its_first_day_on(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("ticker,from,to\nJOINS,2020-01-08,\nLEAVES,2020-01-01,2020-01-07\n")
    sessions = np.arange("2020-01-06", "2020-01-11", dtype="datetime64[D]")
    ones = np.ones((5, 2))
    history = TradingHistory(("JOINS", "LEAVES"), sessions, date(2020, 1, 13), ones, ones)
    specs = {"x": spec(members=tmp_path / "index.csv", minimum_history=1, rebalance="daily")}
    assert resolve("x", specs, dict.fromkeys(history.tickers), history) == (
        Membership("JOINS", date(2020, 1, 8)),
        Membership("LEAVES", date(2020, 1, 7), date(2020, 1, 7)),
    )


def test_circles_and_unknown_names_are_refused() -> None:
    specs = {
        "start": spec(of="a"),
        "a": spec(of="b"),
        "b": spec(of="a", top=3),
        "self": spec(of="self"),
        "lost": spec(of="strat"),
    }
    with pytest.raises(ConfigError, match=r"universes\.a\.of: .*a -> b -> a.*Take 'of' out"):
        resolve("start", specs, SECTORS)
    with pytest.raises(ConfigError, match="self -> self"):
        needs_history("self", specs)
    with pytest.raises(UnknownNameError, match=r"no universe 'strat'\. Did you mean 'start'"):
        resolve("lost", specs, SECTORS)


def test_members_on_a_day_are_sorted_and_single() -> None:
    spells = (Membership("B"), Membership("A", date(2020, 1, 2), date(2020, 1, 3)), Membership("A", date(2020, 1, 6)))
    days = [date(2020, 1, day) for day in range(1, 8)]
    assert [members_on(spells, day) for day in days] == [
        ("B",),
        ("A", "B"),
        ("A", "B"),
        ("B",),
        ("B",),
        ("A", "B"),
        ("A", "B"),
    ]
    sessions = np.array(days, dtype="datetime64[D]")
    mask = membership_mask(spells, ("A", "ELSE"), sessions)
    assert mask.T.tolist() == [[False, True, True, False, False, True, True], [False] * 7]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "say which symbols"),
        ({"symbols": []}, "at least 1 item"),
        ({"sectors": []}, "at least 1 item"),
        ({"symbols": ["A"], "file": Path("x")}, "only one of symbols, file"),
        ({"members": Path("x"), "of": "y"}, "members has no place beside it"),
        ({"symbols": ["A"], "window": 20}, "give top"),
        ({"minimum_price": 5, "window": 20}, "give top"),
        ({"symbols": ["A"], "rebalance": "daily"}, "rebalance is for rules"),
        ({"minimum_price": float("inf")}, "finite"),
        ({"top": 0}, "greater than or equal to 1"),
        ({"topp": 3}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        UniverseSpec.model_validate(given)
