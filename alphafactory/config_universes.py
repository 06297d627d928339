"""The settings of universes: which symbols a list holds, on which days, and which universe chooses from which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from alphafactory.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

Rebalance = Literal["daily", "weekly", "monthly", "quarterly", "yearly"]


class UniverseSpec(BaseModel):
    """One named universe: a list (`symbols`, `file` or `members`), another universe (`of`), or else all symbols.

    Sectors narrow it, and a rule (`top`, `minimum_…`) chooses from it. A rule is evaluated as of each of its rebalance
    dates, on what was known at that session's close.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbols: list[str] | None = Field(None, min_length=1, description="tickers")
    file: Path | None = Field(None, description="text file of tickers, one a line; # starts a comment")
    members: Path | None = Field(None, description="CSV of ticker, from, to (empty: still a member), as of an index")
    sectors: list[str] | None = Field(None, min_length=1, description="sectors to keep")
    exclude_sectors: list[str] = Field([], description="sectors to leave out")
    of: str | None = Field(None, description="the universe that this one chooses from; by default all symbols")
    top: int | None = Field(None, ge=1, description="keep so many of the highest median dollar volume")
    window: int = Field(60, ge=1, le=2520, description="sessions over which dollar volume is taken")
    minimum_price: float | None = Field(None, gt=0, allow_inf_nan=False, description="lowest close as traded")
    minimum_history: int | None = Field(None, ge=1, description="least sessions with a bar up to the date")
    rebalance: Rebalance = Field(
        "monthly", description="when a rule chooses anew: at the close of the first session of each period"
    )

    @property
    def is_rule(self) -> bool:
        """Whether membership follows from bars and so changes with time."""
        return self.top is not None or self.minimum_price is not None or self.minimum_history is not None

    @model_validator(mode="after")
    def _one_kind(self) -> UniverseSpec:
        lists = [name for name in ("symbols", "file", "members") if getattr(self, name) is not None]
        if len(lists) > 1:
            raise ValueError(f"give only one of {', '.join(lists)}")
        if lists and self.of is not None:
            raise ValueError(f"'of' names another universe, so {lists[0]} has no place beside it")
        if not lists and not self.is_rule and self.of is None and not self.sectors and not self.exclude_sectors:
            raise ValueError("say which symbols: symbols, file, members, sectors, or a rule such as top")
        return self

    @model_validator(mode="after")
    def _nothing_idle(self) -> UniverseSpec:
        """Refuse a setting that would change nothing: its author expects that it does."""
        if "window" in self.model_fields_set and self.top is None:
            raise ValueError("window is the time over which top is taken; give top, or leave window out")
        if "rebalance" in self.model_fields_set and not self.is_rule:
            raise ValueError("rebalance is for rules; give top, minimum_price or minimum_history, or leave it out")
        return self


def universe_chain(name: str, specs: Mapping[str, UniverseSpec]) -> tuple[str, ...]:
    """Return the universes that `name` rests on: itself, the one that it is `of`, and so on to the last.

    Raises:
        UnknownNameError: A universe of the chain does not exist.
        ConfigError: Universes choose from one another in a circle.
    """
    chain: list[str] = []
    current: str | None = name
    while current is not None:
        if current in chain:
            circle = " -> ".join([*chain[chain.index(current) :], current])
            raise ConfigError(
                f"universes.{current}.of: the universes choose from one another in a circle ({circle}). "
                "Take 'of' out of one of them, or let it name another universe."
            )
        if current not in specs:
            raise UnknownNameError("universe", current, specs)
        chain.append(current)
        current = specs[current].of
    return tuple(chain)
