"""The switches of a simulation as options: one for each setting of the config's section `simulation`.

Goes in: the config's own fields with their descriptions, so that config and command line cannot drift apart. Comes out:
a command class for whatever simulates, and from a call of it the settings that a person gave. Every command of that
class has the same options, which are made when its words are read: the config's models take 0.2 s to load.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from alphafactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alphafactory.cli.session import Session

PANEL = "Simulation (what is left out is as configured)"
FLAGS: Mapping[str, Sequence[str]] = {
    "take_profit": ("--target", "--take-profit"),
    "sizing": ("--size", "--sizing"),
    "sell_fees": ("--sell-fee",),
}
"""The flags of settings that are not simply called by their name."""
METAVARS: Mapping[str, str] = {
    "profile": "NAME", "capital": "MONEY", "good_for": "BARS", "time_stop": "BARS", "max_entries": "N",
    "leverage": "TIMES", "participation": "SHARE", "maintenance": "SHARE", "borrow": "RATE", "interest": "RATE",
    "margin_interest": "RATE", "delisting_return": "SHARE", "stop": "DISTANCE", "take_profit": "DISTANCE",
    "break_even": "DISTANCE", "sell_fees": "FEE",
}  # fmt: skip
_GIVEN = "alphafactory.simulation"


@dataclass(frozen=True, slots=True)
class SimulationChoice:
    """What a person chose of a simulation: settings by name, and a profile of the config to put them over."""

    words: Mapping[str, Any]
    profile: str | None


class SimulationCommand(TyperCommand):
    """A command that simulates. Its function gets the choice from `chosen_simulation`, not as parameters."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the command's own options and those of a simulation."""
        return [*super().get_params(ctx), *_options()]

    def invoke(self, ctx: Any) -> Any:
        """Put the simulation's options aside and call the function with its own."""
        given = {option.name: ctx.params.pop(option.name) for option in _options()}
        ctx.meta[_GIVEN] = {name: value for name, value in given.items() if value not in (None, [], ())}
        return super().invoke(ctx)


def chosen_simulation(context: typer.Context, session: Session) -> SimulationChoice:
    """Return what the words of the command chose, judged against the config.

    `--capital` goes into the session's config, where starting cash stands.

    Raises:
        UsageError: a profile or a model that does not exist, or a value out of range.
    """
    words = dict(context.meta[_GIVEN])
    profile, capital = words.pop("profile", None), words.pop("capital", None)
    if capital is not None:
        if not 0.0 < capital < float("inf"):
            raise UsageError(f"--capital: {capital} is not a positive amount of money. Write for example 100000.")
        session.override({"backtest.initial_capital": capital})
    if "sell_fees" in words:
        fees = list(words["sell_fees"])
        words["sell_fees"] = [] if fees == ["none"] else fees
    session.config.simulation_settings(words, profile)
    return SimulationChoice(words, profile)


def flags_of(setting: str) -> Sequence[str]:
    """Return the flags of a setting, such as `--good-for` for `good_for`."""
    return FLAGS.get(setting, (f"--{setting.replace('_', '-')}",))


@cache
def _options() -> tuple[Any, ...]:
    """Let Typer make the options, as it would from a function whose parameters are the settings."""
    from alphafactory.config import SimulationConfig  # noqa: PLC0415  pydantic takes 0.2 s; other commands' help needs none

    settings = {
        name: (list[str] | None if name == "sell_fees" else str | None, flags_of(name), field.description)
        for name, field in SimulationConfig.model_fields.items()
        if name not in {"profile", "profiles"}
    }
    own = {
        "profile": (
            str | None,
            ("--profile",),
            "a profile of the config (simulation.profiles), under what is given here",
        ),
        "capital": (float | None, ("--capital",), "starting cash of each account"),
    }

    def command() -> None:
        """Stand for a command; it is never called."""

    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[
                    kind, typer.Option(*flags, metavar=_metavar(name), help=description, rich_help_panel=PANEL)
                ],
            )
            for name, (kind, flags, description) in (own | settings).items()
        ]
    )
    app = typer.Typer(add_completion=False)
    app.command()(command)
    made: Any = typer.main.get_command(app)
    return tuple(made.params)


def _metavar(name: str) -> str:
    return METAVARS.get(name, "MODEL")
