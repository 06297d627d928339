"""The settings of universes: which symbols a list holds, on which days. Types only."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class UniverseSpec(BaseModel):
    """One named universe: exactly one of `symbols`, `file`, `sectors`, `members`, or a rule (`top`, `minimum_…`).

    A rule is evaluated as of each of its rebalance dates, on what was known at that session's close. Sectors may also
    narrow a list, a file or a membership, and a rule may choose `of` another universe.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbols: list[str] | None = Field(None, description="tickers")
    file: Path | None = Field(None, description="text file of tickers, one a line; # starts a comment")
    members: Path | None = Field(None, description="CSV of ticker, from, to (empty: still a member), as of an index")
    sectors: list[str] | None = Field(None, description="sectors to keep")
    exclude_sectors: list[str] = Field([], description="sectors to leave out")
    of: str | None = Field(None, description="the universe that a rule chooses from; by default all symbols")
    top: int | None = Field(None, ge=1, description="keep so many of the highest median dollar volume")
    window: int = Field(60, ge=1, le=2520, description="sessions over which dollar volume is taken")
    minimum_price: float | None = Field(None, gt=0, description="lowest close as traded")
    minimum_history: int | None = Field(None, ge=1, description="sessions with a bar before the date")
    rebalance: Literal["daily", "weekly", "monthly", "quarterly", "yearly"] = Field(
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
