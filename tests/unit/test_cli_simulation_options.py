"""The switches of a simulation on the command line: the config's own, in every command that simulates."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

from alphafactory.cli import backtests, comparing, main, sweeps
from alphafactory.cli.application import app
from alphafactory.cli.session import Session, session_of
from alphafactory.cli.simulation_options import PANEL, SimulationCommand, chosen_simulation, flags_of
from alphafactory.config import SimulationConfig
from alphafactory.domain.settings import SimulationSettings

if TYPE_CHECKING:
    from pathlib import Path

    from alphafactory.cli.simulation_options import SimulationChoice

NOW = datetime(2024, 6, 5, 23, 30, tzinfo=UTC)
SETTINGS = {name: field for name, field in SimulationConfig.model_fields.items() if name not in {"profile", "profiles"}}
VALUES = {
    "fill": "next_close", "entry": "limit:1%", "resting": "auction", "good_for": "5", "stop": "3%",
    "take_profit": "2R", "trail": "2atr", "break_even": "1R", "time_stop": "10", "reentry": "immediate",
    "max_entries": "2", "participation": "10%", "commission": "ibkr_fixed", "sell_fees": "2018-05-22 bps:0.13",
    "slippage": "sqrt_impact:1", "sizing": "risk:1%", "size_at": "decision", "shares": "lots:100", "leverage": "2",
    "maintenance": "25%", "borrow": "2%", "interest": "3%", "margin_interest": "6%", "delisting_return": "-30%",
}  # fmt: skip
CONFIG = """
simulation:
  profiles:
    careful: {slippage: 'bps:10', fill: next_close}
"""


def options_of(command: str) -> dict[str, Any]:
    """Return the options of a command that stand in the panel of the simulation."""
    found: Any = typer.main.get_command(app)
    context = found.make_context("run.py", [], resilient_parsing=True)
    parameters = found.commands[command].get_params(context)
    return {p.name: p for p in parameters if getattr(p, "rich_help_panel", None) == PANEL}


@pytest.mark.parametrize("command", ["backtest", "sweep"])
def test_there_is_one_option_for_every_setting_with_its_own_description(command: str) -> None:
    options = options_of(command)
    assert set(options) == {*SETTINGS, "profile", "capital"}
    assert {name: options[name].help for name in SETTINGS} == {n: field.description for n, field in SETTINGS.items()}
    assert {name: list(options[name].opts) for name in SETTINGS} == {name: list(flags_of(name)) for name in SETTINGS}


def test_every_setting_of_a_simulation_can_be_configured() -> None:
    assert {field.name for field in fields(SimulationSettings)} == {*SETTINGS, "initial_capital"}
    assert set(VALUES) == set(SETTINGS)


def choice_of(folder: Path, *words: str) -> tuple[SimulationChoice, Session]:
    """Return what a command that simulates understands of these words."""
    found: list[SimulationChoice] = []
    small = typer.Typer()

    @small.command(cls=SimulationCommand)
    def simulate(context: typer.Context) -> None:
        found.append(chosen_simulation(context, session_of(context)))

    session = Session(folder, NOW, {})
    command: Any = typer.main.get_command(small)
    with command.make_context("simulate", list(words), obj=session) as context:
        command.invoke(context)
    return found[0], session


def test_every_switch_reaches_the_simulation_under_its_name(tmp_path: Path) -> None:
    words = [word for name, value in VALUES.items() for word in (flags_of(name)[0], value)]
    choice, session = choice_of(tmp_path, *words, "--capital", "5000")
    assert choice.words == {**VALUES, "sell_fees": [VALUES["sell_fees"]]}
    settings = session.config.simulation_settings(choice.words, choice.profile)
    plain = session.config.simulation_settings()
    changed = {name for name, value in settings.canonical.items() if value != plain.canonical[name]}
    assert changed == set(SETTINGS)
    assert settings.initial_capital == 5000.0


def test_what_is_left_out_is_left_to_the_config(tmp_path: Path) -> None:
    assert choice_of(tmp_path)[0].words == {}
    (tmp_path / "global_config.yaml").write_text(CONFIG, encoding="utf-8")
    choice, session = choice_of(tmp_path, "--profile", "careful", "--stop", "3%")
    assert (choice.words, choice.profile) == ({"stop": "3%"}, "careful")
    settings = session.config.simulation_settings(choice.words, choice.profile)
    assert (str(settings.slippage), str(settings.fill), str(settings.stop)) == ("bps:10", "next_close", "3%")


def test_fees_may_be_given_several_times_or_none(tmp_path: Path) -> None:
    days = ("2018-05-22 bps:0.13", "2020-01-01 bps:0.2")
    assert choice_of(tmp_path, "--sell-fee", days[0], "--sell-fee", days[1])[0].words == {"sell_fees": list(days)}
    assert choice_of(tmp_path, "--sell-fee", "none")[0].words == {"sell_fees": []}


@pytest.mark.parametrize("command", ["backtest", "sweep"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--stop", "3"], "stop: '3' is no distance of a known unit"),
        (["--stop", "-3%"], "stop: -3% is not above 0"),
        (["--fill", "next_opn"], "Did you mean 'next_open'?"),
        (["--size", "percent:150%"], "sizing: percent:1.5"),
        (["--commission", "bps:-1"], "commission: bps:-1 is negative"),
        (["--good-for", "soon"], "good_for: 'soon' is wrong"),
        (["--good-for", "-1"], "good_for: '-1' is wrong"),
        (["--leverage", "many"], "leverage: 'many' is wrong"),
        (["--sell-fee", "bps:1"], "sell_fees: 'bps:1' does not begin with a date"),
        (["--resting", "auction", "--fill", "next_mid"], "next_mid has no auction"),
        (["--profile", "carefull"], "There is no profile of simulation.profiles 'carefull'"),
        (["--capital", "-5"], "--capital: -5.0 is not a positive amount"),
        (["--capital", "nan"], "--capital: nan is not a positive amount"),
        (["--capital", "much"], "'--capital'"),
        (["--halt", "1"], "--halt"),
    ],
)
def test_a_wrong_switch_is_one_line_before_anything_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, words: list[str], said: str
) -> None:
    assert main([command, "sma_crossover", "--symbol", "A", *words], NOW, root=tmp_path, environ={}) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--universe", "liquid", "--symbol", "A"], "--universe and --symbol or --symbols exclude each other"),
        (["--universe", "liquid"], "There is no universe 'liquid'"),
        (["--top", "0"], "--top"),
        (["--symbols", ","], "No symbol is named"),
        (["--set", "fast"], "--set 'fast' is no NAME=VALUE"),
        (["--from", "2024-02-01", "--to", "2024-01-01"], "lies after --to"),
    ],
)
def test_a_wrong_word_of_a_sweep_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["sweep", "sma_crossover", "--grid", "fast=5,10", *words], NOW, root=tmp_path, environ={}) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1


def test_help_shows_the_switches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "--help"], NOW, root=tmp_path, environ={}) == 0
    shown = capsys.readouterr().out
    assert [flag for name in SETTINGS for flag in flags_of(name) if flag not in shown] == []
    assert "--grid" in shown


def test_commands_that_simulate_are_of_the_one_class() -> None:
    commands: Any = typer.main.get_command(app)
    simulating = {name for name, c in commands.commands.items() if isinstance(c, SimulationCommand)}
    assert simulating == {backtests.backtest.__name__, comparing.compare.__name__, sweeps.sweep.__name__}
