"""Tickers that symbols have had: from a person's file or word to dated aliases in the tables.

A symbol keeps the ticker by which it is known; its aliases, once there are any, are the whole story of its tickers. So
its own ticker is dated as well, over the time that the others leave before and after them. A merger ends the story.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from alphafactory.domain.market import Listing
from alphafactory.errors import SourceError, UnknownNameError, UsageError
from alphafactory.sources.alias_files import read_alias_rows
from alphafactory.store import symbols
from alphafactory.store.symbols import Alias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.sources.alias_files import AliasRow
    from alphafactory.store.database import Connection
    from alphafactory.store.symbols import SymbolRow


def the_symbol(connection: Connection, name: str) -> SymbolRow:
    """Return the one symbol of a ticker, its own or one that it has had.

    Raises:
        UnknownNameError: No symbol has it.
        UsageError: Several exchanges list it.
    """
    rows = symbols.read_symbols(connection, [name])
    if len(rows) > 1:
        listed = ", ".join(row.listing.exchange for row in rows)
        raise UsageError(f"'{name}' is listed on several exchanges ({listed}). Read it with `python run.py sql`.")
    return rows[0]


def load_aliases(connection: Connection, workspace: Workspace, vendor: str | None = None) -> int:
    """Write the aliases of `universe.aliases_path`; return the number of rows that are new or differ.

    A symbol that is not there yet gets a row if a vendor will be asked for its bars.

    Raises:
        SourceError: A row cannot be read, names an unknown symbol, or contradicts another; the message has its line.
    """
    path = workspace.config.universe.aliases_path
    if path is None:
        return 0
    rows = read_alias_rows(path)
    if vendor is not None:
        _add_missing(connection, rows, vendor)
    known = {row.ticker: row for row in symbols.read_symbols(connection)}
    stored = symbols.read_aliases(connection)
    told: dict[int, list[Alias]] = {}
    for row in rows:
        if row.symbol not in known:
            raise SourceError(f"{row.where}: {UnknownNameError('symbol', row.symbol, known)}")
        owner = known[row.symbol]
        before = told.get(owner.id) or [alias for alias in stored if alias.symbol_id == owner.id]
        try:
            told[owner.id] = _with(
                owner, before, Alias(owner.id, row.ticker, row.valid_from, row.valid_to, row.merged_into)
            )
        except UsageError as error:
            raise SourceError(f"{row.where}: {error}") from None
    complete = [alias for key, spells in told.items() for alias in _complete(_by_id(known)[key], spells)]
    return symbols.upsert_aliases(connection, complete, "file", workspace.moment)


def add_alias(  # noqa: PLR0917  the order is that of a row of the file
    workspace: Workspace,
    symbol: str,
    ticker: str,
    valid_from: date | None,
    valid_to: date | None,
    merged_into: str | None = None,
) -> list[dict[str, Any]]:
    """Write that a symbol traded as `ticker` for a time; return all tickers that it now has had.

    Raises:
        UnknownNameError: There is no such symbol.
        UsageError: The symbol has another ticker in that time, or the time has no bound.
    """
    if valid_from is None and valid_to is None:
        raise UsageError(f"When did {symbol} trade as {ticker}? Add --from DATE, --to DATE or both.")
    with workspace.database.begin() as connection:
        row = the_symbol(connection, symbol)
        stored = [one for one in symbols.read_aliases(connection) if one.symbol_id == row.id]
        spells = _complete(row, _with(row, stored, Alias(row.id, ticker, valid_from, valid_to, merged_into)))
        symbols.upsert_aliases(connection, spells, "user", workspace.moment)
    return [_in_words(row, one) for one in spells]


def remove_alias(workspace: Workspace, symbol: str, ticker: str) -> list[dict[str, Any]]:
    """Forget a ticker of a symbol and return those that are left; alone, its own ticker needs no dates.

    Raises:
        UnknownNameError: There is no such symbol, or it has no such alias.
    """
    with workspace.database.begin() as connection:
        row = the_symbol(connection, symbol)
        stored = [one for one in symbols.read_aliases(connection) if one.symbol_id == row.id]
        if ticker not in {one.ticker for one in stored}:
            raise UnknownNameError("alias", ticker, {one.ticker for one in stored})
        left = [one for one in stored if one.ticker != ticker]
        if all(one.ticker == row.ticker and one.merged_into is None for one in left):
            left = []
        gone = {one.ticker for one in stored} - {one.ticker for one in left}
        symbols.delete_aliases(connection, row.id, sorted(gone))
    return [_in_words(row, one) for one in left]


def _add_missing(connection: Connection, rows: Sequence[AliasRow], vendor: str) -> None:
    known = {row.ticker for row in symbols.read_symbols(connection)}
    missing = dict.fromkeys(row.symbol for row in rows if row.symbol not in known)
    symbols.add_symbols(connection, [Listing(ticker) for ticker in missing], vendor)


def _by_id(known: dict[str, SymbolRow]) -> dict[int, SymbolRow]:
    return {row.id: row for row in known.values()}


def _with(row: SymbolRow, stored: Sequence[Alias], new: Alias) -> list[Alias]:
    """Return the spells with a new one; a spell of the same ticker that shares a day with it is the same spell."""
    same = next((one for one in stored if one.ticker == new.ticker and _share_a_day(one, new)), None)
    if same is not None:
        new = replace(new, valid_from=same.valid_from)
    others = [one for one in stored if one is not same]
    for one in others:
        if _share_a_day(one, new):
            raise UsageError(
                f"{row.ticker} traded as {one.ticker} {_span(one)}, so not as {new.ticker} {_span(new)}. Correct the "
                f"dates, or forget the other by `python run.py symbols alias {row.ticker} {one.ticker} --remove`."
            )
    return sorted([*others, new], key=lambda one: one.valid_from or date.min)


def _complete(row: SymbolRow, spells: Sequence[Alias]) -> list[Alias]:
    """Date the symbol's own ticker before the first and after the last of the others, where it has no dates yet."""
    if any(one.ticker == row.ticker for one in spells):
        return list(spells)
    first, last = spells[0], spells[-1]
    day = timedelta(days=1)
    before = [Alias(row.id, row.ticker, None, first.valid_from - day)] if first.valid_from is not None else []
    goes_on = last.valid_to is not None and last.merged_into is None
    after = [Alias(row.id, row.ticker, last.valid_to + day, None)] if goes_on and last.valid_to is not None else []
    return [*before, *spells, *after]


def _share_a_day(one: Alias, other: Alias) -> bool:
    starts = max(one.valid_from or date.min, other.valid_from or date.min)
    return starts <= min(one.valid_to or date.max, other.valid_to or date.max)


def _span(alias: Alias) -> str:
    start = f"from {alias.valid_from}" if alias.valid_from is not None else "from the beginning"
    return f"{start} to {alias.valid_to or 'now'}"


def _in_words(row: SymbolRow, alias: Alias) -> dict[str, Any]:
    return {
        "symbol": row.ticker, "ticker": alias.ticker, "from": alias.valid_from, "to": alias.valid_to,
        "merged_into": alias.merged_into,
    }  # fmt: skip
