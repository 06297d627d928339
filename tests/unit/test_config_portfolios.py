"""Portfolios and limits of the config: what contradicts itself is refused with both values, before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from alphafactory.config_loading import load_config
from alphafactory.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

SLEEVES = [{"strategy": "buy_and_hold"}]
FREE = {"max_position": "none", "max_sector": "none", "cash_reserve": "none"}


def with_portfolio(folder: Path, **settings: Any) -> Any:
    overrides = {"portfolios": {"mine": {"sleeves": SLEEVES, **settings}}}
    return load_config(folder, {}, overrides=overrides).config


def test_limits_are_those_of_all_with_its_own_over_them(tmp_path: Path) -> None:
    config = with_portfolio(tmp_path, risk={"max_position": "12%", "drawdown": "none"})
    limits = config.portfolios["mine"].limits(config.risk)
    assert (limits.max_position, limits.max_sector, limits.drawdown) == (0.12, 0.25, float("inf"))
    allocation = config.portfolios["mine"].allocation_settings(limits, 1.0, 0.0)
    assert (allocation.gross, allocation.max_weight) == (0.9, 0.12)


def test_settings_of_the_simulation_are_its_own_over_its_profile(tmp_path: Path) -> None:
    overrides = {
        "simulation.profiles": {"dear": {"slippage": "bps:20", "commission": "ibkr_fixed"}},
        "portfolios": {"mine": {"sleeves": SLEEVES, "profile": "dear", "simulation": {"slippage": "none"}}},
    }
    settings = load_config(tmp_path, {}, overrides=overrides).config.portfolio_settings("mine")
    assert (settings.slippage.name, settings.commission.name) == ("none", "ibkr_fixed")


def test_an_entry_that_is_null_takes_a_portfolio_away(tmp_path: Path) -> None:
    file = tmp_path / "global_config.yaml"
    file.write_text("portfolios:\n  one: {sleeves: [{strategy: buy_and_hold}]}\n", encoding="utf-8")
    assert set(load_config(tmp_path, {}).config.portfolios) == {"one"}
    assert load_config(tmp_path, {}, overrides={"portfolios.one": None}).config.portfolios == {}


def test_no_weight_lies_beyond_what_a_target_can_say(tmp_path: Path) -> None:
    config = with_portfolio(tmp_path, risk=FREE, simulation={"leverage": 2.0})
    limits = config.portfolios["mine"].limits(config.risk)
    assert config.portfolios["mine"].allocation_settings(limits, 2.0, 0.0).max_weight == 1.0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"universe": "sp"}, "There is no universe 'sp'"),
        ({"symbols": ["A"], "universe": "sp"}, "symbols and universe contradict each other"),
        ({"profile": "cheap"}, "There is no profile of simulation.profiles 'cheap'"),
        ({"simulation": {"slipage": "none"}}, "Did you mean 'slippage'?"),
        ({"simulation": {"slippage": "bps:x"}}, "slippage"),
        ({"simulation": {"sizing": "risk:1%", "stop": "3%"}}, "sizing: risk:0.01 contradicts allocation: equal"),
        ({"simulation": {"leverage": 2.0}}, "cash_reserve of 0.1 contradicts simulation.leverage of 2"),
        ({"risk": {"leverage_schedule": ["2020-03-02 1.5"]}}, "leverage_schedule from 2020-03-02 on of 1.5"),
        ({"risk": {"leverage_schedule": ["soon 1.5"]}}, "'soon 1.5' has no date"),
        ({"min_weight": "3%", "max_weight": "2%"}, "min_weight of 0.03 lies above max_weight of 0.02"),
        ({"min_weight": "8%"}, "min_weight of 0.08 lies above risk.max_position of 0.05"),
        (
            {"min_weight": "40%", "symbols": ["A", "B", "C"], "risk": FREE},
            "for each of 3 symbols needs 1.2 of equity, and leverage and risk.cash_reserve leave 1",
        ),
        ({"sectors": {"Energy": ["30%", "40%"]}}, "sectors.Energy of at least 0.3 contradicts risk.max_sector of 0.25"),
        ({"sectors": {"Energy": ["20%", "10%"]}}, "lies above the most"),
        ({"sectors": {n: ["24%", "25%"] for n in "ABCD"}}, "(A 0.24, B 0.24, C 0.24, D 0.24) sum to 0.96"),
        ({"allocation": "none"}, "Write rebalance: never"),
        ({"allocation": "none", "rebalance": "never", "max_weight": "3%"}, "allocation is none"),
        ({"allocation": "equal", "rebalance": "never"}, "sets weights at rebalances"),
        ({"sleeves": [{"strategy": "a", "capital": 0.7}, {"strategy": "b", "capital": 0.4}]}, "share 1.1"),
        ({"risk": {"max_positon": "3%"}}, "Did you mean 'max_position'?"),
        ({"risk": {"max_position": "-3%"}}, "max_position: -3% must lie between"),
        ({"risk": {"confidence": "30%"}}, "confidence: 30% must lie between"),
        ({"risk": {"shocks": {"market": "-150%"}}}, "shocks.market: -150% must lie between"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_contradiction_is_refused_with_what_it_is_between(
    tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        with_portfolio(tmp_path, **settings)
    assert said in str(refused.value)
    assert "portfolios.mine" in str(refused.value)


@pytest.mark.parametrize("name", ["a b", "../up", "", "-x", "a" * 64])
def test_a_name_that_cannot_be_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a portfolio"):
        load_config(tmp_path, {}, overrides={"portfolios": {name: {"sleeves": SLEEVES}}})


def test_a_limit_of_all_portfolios_that_is_none_is_refused_where_it_stands(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"risk\.day_loss: 300% must lie between"):
        load_config(tmp_path, {}, overrides={"risk.day_loss": "300%"})
    with pytest.raises(ConfigError, match=r"command line: risk\.max_position"):
        load_config(tmp_path, {}, overrides={"risk.max_position": None})


def test_a_shock_is_taken_away_by_null_and_others_are_added(tmp_path: Path) -> None:
    (tmp_path / "global_config.yaml").write_text("risk: {shocks: {market: -10%}}\n", encoding="utf-8")
    config = load_config(tmp_path, {}, overrides={"risk.shocks.market": None, "risk.shocks.Energy": "-20%"}).config
    assert config.risk.measuring().shocks == {"Energy": -0.2}
