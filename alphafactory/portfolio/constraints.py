"""Settings of an allocation that no date can satisfy, found before anything runs.

Goes in: settings, the symbols of a portfolio and their sectors. Comes out: nothing, or an error that names the clash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alphafactory.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.allocation import AllocationSettings


def check_feasible(settings: AllocationSettings, sectors: Sequence[str], tickers: Sequence[str]) -> None:
    """Refuse bounds that contradict each other whatever the signals say.

    Bounds that clash on some dates alone (too many symbols with a signal for the least weight, too few for a sector's
    least) are no error: on these dates the fallback gives the weights, and a note names the clash.

    Args:
        settings: how weights come about.
        sectors: of each symbol.
        tickers: of each symbol.

    Raises:
        UnknownNameError: bounds of a sector that none of the symbols has.
        UsageError: bounds that clash, by name and number.
    """
    for name in settings.sector_bounds:
        if name not in sectors:
            raise UnknownNameError("sector among the portfolio's symbols", name, [one for one in sectors if one])
    problem = _weights(settings) or _each_sector(settings, sectors, tickers) or _together(settings)
    if problem:
        raise UsageError(f"The bounds of the allocation clash: {problem}. Lower the first or raise the second.")


def _weights(settings: AllocationSettings) -> str:
    if settings.min_weight > settings.max_weight:
        return (
            f"min_weight {settings.min_weight:.2%} lies above the most of a symbol, {settings.max_weight:.2%} "
            "(the smallest of max_weight, risk.max_position and leverage)"
        )
    share = settings.gross / 2.0 if settings.side == "market_neutral" else settings.gross
    if settings.min_weight > share:
        return f"min_weight {settings.min_weight:.2%} lies above what {_whole(settings)} may have, {share:.2%}"
    return ""


def _whole(settings: AllocationSettings) -> str:
    return "one side of a market-neutral portfolio" if settings.side == "market_neutral" else "all symbols together"


def _each_sector(settings: AllocationSettings, sectors: Sequence[str], tickers: Sequence[str]) -> str:
    for name, (low, high) in sorted(settings.sector_bounds.items()):
        members = [ticker for ticker, sector in zip(tickers, sectors, strict=True) if sector == name]
        most = len(members) * settings.max_weight
        if low > high:
            return f"sectors.{name}: the least, {low:.2%}, lies above the most, {high:.2%}"
        if low > most:
            listed = ", ".join(members[:5]) + (" …" if len(members) > 5 else "")  # noqa: PLR2004  a line's worth
            return (
                f"sectors.{name} wants {low:.2%}, but its {len(members)} symbol{'s'[: len(members) != 1]} ({listed}) "
                f"may have {settings.max_weight:.2%} each, {most:.2%} together"
            )
        if settings.min_weight > high:
            return f"min_weight {settings.min_weight:.2%} lies above sectors.{name}, {high:.2%}"
    return ""


def _together(settings: AllocationSettings) -> str:
    wants = {name: low for name, (low, _) in sorted(settings.sector_bounds.items()) if low > 0.0}
    if sum(wants.values()) > settings.gross:
        listed = " + ".join(f"sectors.{name} {low:.2%}" for name, low in wants.items())
        return f"{listed} = {sum(wants.values()):.2%} lies above the gross of {settings.gross:.2%}"
    return ""
