"""Who is followed and who belongs: the config's universes as tickers to download, and as the symbols of a night."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alphafactory.config_universes import universe_chain
from alphafactory.errors import SourceError
from alphafactory.store import symbols
from alphafactory.universes import read_memberships, read_tickers

if TYPE_CHECKING:
    from alphafactory.config_universes import UniverseSpec
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.sources import Source
    from alphafactory.store.database import Connection


def followed_tickers(connection: Connection, workspace: Workspace) -> list[str] | None:
    """Return the tickers whose bars are wanted, past members included; None for every symbol there is.

    Symbols of the files of `universe.aliases_path` are wanted as well, under their own tickers, and so is the index.
    """
    wanted = _universe_tickers(connection, workspace)
    index = workspace.config.backtest.index
    return wanted if wanted is None or index is None else list(dict.fromkeys([*wanted, index]))


def _universe_tickers(connection: Connection, workspace: Workspace) -> list[str] | None:
    config = workspace.config
    if config.universe.name is None:
        return None if config.universe.symbols == "all" else list(dict.fromkeys(config.universe.symbols))
    name = universe_chain(config.universe.name, config.universes)[-1]
    tickers = _listed(name, config.universes[name])
    if tickers is None:  # a rule over all that is followed
        return None if config.universe.symbols == "all" else list(dict.fromkeys(config.universe.symbols))
    # A ticker of the past stands for the symbol that has it among its aliases.
    aliases = {alias.ticker: alias.symbol_id for alias in symbols.read_aliases(connection)}
    known = {row.id: row.ticker for row in symbols.read_symbols(connection)}
    own = set(known.values())
    return list(dict.fromkeys(known[aliases[t]] if t in aliases and t not in own else t for t in tickers))


def _listed(name: str, spec: UniverseSpec) -> list[str] | None:
    if spec.members is not None:
        return sorted({member.ticker for member in read_memberships(spec.members, f"universes.{name}.members")})
    if spec.file is not None:
        return list(read_tickers(spec.file, f"universes.{name}.file"))
    return None if spec.symbols is None else list(spec.symbols)


def require_symbols(wanted: list[str] | None, source: Source, *, known: int) -> None:
    """Refuse to ask a vendor for nothing: it cannot know which symbols are meant."""
    if wanted is None and known == 0:
        raise SourceError(
            f"{source.name}: which symbols? Name them in the config, as universe.symbols: [AAPL, MSFT], or a list in "
            "universes. `python run.py demo` shows a night on simulated prices."
        )
