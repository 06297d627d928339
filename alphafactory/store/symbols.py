"""The tables of symbols and of the tickers they have had: listings in; out, what is known of each symbol.

A symbol's row keeps the ticker by which it was first known: that is its identity. Other tickers, before and after, are
dated aliases.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from alphafactory.domain.market import Listing
from alphafactory.errors import UnknownNameError
from alphafactory.store.schema.market import Symbol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import Connection

_DESCRIPTION = ("name", "sector", "asset_class", "calendar", "currency", "listed", "delisted", "source", "simulated")
_FACTS = ("delisted_known_at", "first_night", "earlier_delistings")
_WRITE_ALIAS = """
INSERT INTO symbol_aliases (symbol_id, ticker, valid_from, valid_to, merged_into, source, known_at)
VALUES (:symbol_id, :ticker, :valid_from, :valid_to, :merged_into, :source, :known_at)
ON CONFLICT (symbol_id, ticker, valid_from) DO UPDATE SET
    valid_to = excluded.valid_to, merged_into = excluded.merged_into, source = excluded.source
WHERE (symbol_aliases.valid_to, symbol_aliases.merged_into) IS DISTINCT FROM (excluded.valid_to, excluded.merged_into)
"""


@dataclass(frozen=True, slots=True)
class Alias:
    """A symbol traded as `ticker` from `valid_from` to `valid_to`, both inclusive, None without bound."""

    symbol_id: int
    ticker: str
    valid_from: date | None
    valid_to: date | None
    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class SymbolRow:
    """A symbol as stored: its key, its listing, whether its prices are simulated, and since when we know of it."""

    id: int
    listing: Listing
    source: str
    simulated: bool
    delisted_known_at: datetime | None = None
    first_night: date | None = None
    earlier_delistings: tuple[tuple[date | None, datetime], ...] = ()

    @property
    def ticker(self) -> str:
        """The ticker."""
        return self.listing.ticker

    def as_known(self, cutoff: datetime) -> SymbolRow:
        """Return the symbol as it was known at `cutoff`: a delisting learned of later has not happened."""
        for delisted, known_to in self.earlier_delistings:
            if known_to > cutoff:
                return replace(self, listing=replace(self.listing, delisted=delisted))
        return self


def upsert_symbols(
    connection: Connection, listings: Sequence[Listing], source: str, *, simulated: bool, moment: datetime
) -> int:
    """Write the listings; return the number of rows that are new or differ. News of a delisting is dated `moment`."""
    if not listings:
        return 0
    rows: list[dict[str, Any]] = [{**asdict(listing), "source": source, "simulated": simulated} for listing in listings]
    statement = insert(Symbol)
    changed = {name: getattr(statement.excluded, name) for name in _DESCRIPTION}
    ended = Symbol.delisted.is_distinct_from(statement.excluded.delisted) & Symbol.first_night.is_not(None)
    statement = statement.on_conflict_do_update(
        index_elements=["ticker", "exchange"],
        set_={
            **changed,
            "delisted_known_at": case((ended, literal(moment)), else_=Symbol.delisted_known_at),
            "earlier_delistings": case((ended, _with_earlier(moment)), else_=Symbol.earlier_delistings),
            "updated_at": func.clock_timestamp(),
        },
        where=or_(*(getattr(Symbol, name).is_distinct_from(value) for name, value in changed.items())),
    )
    return len(connection.execute(statement.returning(Symbol.id), rows).all())


def _with_earlier(moment: datetime) -> Any:
    """Return the SQL of a symbol's earlier delistings with what stands now, which held until `moment`."""
    now = func.jsonb_build_array(func.jsonb_build_array(Symbol.delisted, literal(moment)))
    return Symbol.earlier_delistings.op("||")(now)


def add_symbols(connection: Connection, listings: Sequence[Listing], source: str) -> int:
    """Add the listings that are not there yet, as they stand; return their number."""
    if not listings:
        return 0
    rows = [{**asdict(listing), "source": source, "simulated": False} for listing in listings]
    statement = insert(Symbol).on_conflict_do_nothing(index_elements=["ticker", "exchange"])
    return len(connection.execute(statement.returning(Symbol.id), rows).all())


def describe_symbol(connection: Connection, key: int, found: Listing) -> None:
    """Fill in what is not known yet of a symbol: name, sector, first day of trading. What is known stays."""
    statement = text(
        "UPDATE symbols SET name = coalesce(name, :name), sector = coalesce(sector, :sector), "
        "listed = coalesce(listed, :listed), "
        "asset_class = CASE WHEN asset_class = 'equity' THEN :asset_class ELSE asset_class END, "
        "updated_at = clock_timestamp() WHERE id = :id AND "
        "(name, sector, listed, asset_class) IS DISTINCT FROM (coalesce(name, :name), coalesce(sector, :sector), "
        "coalesce(listed, :listed), CASE WHEN asset_class = 'equity' THEN :asset_class ELSE asset_class END)"
    )
    values = {"name": found.name, "sector": found.sector, "listed": found.listed, "asset_class": found.asset_class}
    connection.execute(statement, {**values, "id": key})


def write_delisting(connection: Connection, key: int, last_day: date, moment: datetime) -> bool:
    """Note that a symbol has ceased to trade, as of `moment`; return whether that is news."""
    statement = text(
        "UPDATE symbols SET delisted = :day, delisted_known_at = :moment, updated_at = clock_timestamp(), "
        "earlier_delistings = earlier_delistings || "
        "jsonb_build_array(jsonb_build_array(delisted, CAST(:moment AS timestamptz))) "
        "WHERE id = :id AND delisted IS DISTINCT FROM :day"
    )
    return connection.execute(statement, {"id": key, "day": last_day, "moment": moment}).rowcount > 0


def begin_night(connection: Connection, symbol_ids: Collection[int], night: date) -> set[int]:
    """Note the night of symbols that had none yet; return those whose first night this is.

    Whatever is loaded in a symbol's first night, in one go or in several after a crash, is its first load. A night that
    brought no bar was none yet.
    """
    ids = list(symbol_ids)
    update = text(
        "UPDATE symbols s SET first_night = :night WHERE id = ANY(:ids) AND (first_night IS NULL "
        "OR first_night < :night AND NOT EXISTS (SELECT 1 FROM bars b WHERE b.symbol_id = s.id))"
    )
    connection.execute(update, {"night": night, "ids": ids})
    query = text("SELECT id FROM symbols WHERE id = ANY(:ids) AND first_night = :night")
    return {int(key) for key in connection.execute(query, {"night": night, "ids": ids}).scalars()}


def read_symbols(connection: Connection, tickers: Sequence[str] | None = None) -> list[SymbolRow]:
    """Return the symbols in order of ticker, all or those named; raise `UnknownNameError` for one that is not there.

    A ticker that no symbol has as its own is looked up among the aliases in use.
    """
    rows = [_row(dict(row._mapping)) for row in connection.execute(_query())]  # noqa: SLF001  SQLAlchemy's public name
    if tickers is None:
        return rows
    known: dict[str, list[SymbolRow]] = {}
    for row in rows:
        known.setdefault(row.ticker, []).append(row)
    by_id = {row.id: row for row in rows}
    for alias in sorted(read_aliases(connection), key=lambda alias: str(alias.valid_to or "9999")):
        if alias.ticker not in known or known[alias.ticker][0].ticker != alias.ticker:
            known[alias.ticker] = [by_id[alias.symbol_id]]
    missing = set(tickers) - known.keys()
    if missing:
        raise UnknownNameError("symbol", min(missing), known)
    chosen = {row.id: row for ticker in tickers for row in known[ticker]}
    return sorted(chosen.values(), key=lambda row: (row.ticker, row.listing.exchange))


def _query() -> Any:
    columns = (Symbol.id, Symbol.ticker, Symbol.exchange, *(getattr(Symbol, n) for n in (*_DESCRIPTION, *_FACTS)))
    return select(*columns).order_by(Symbol.ticker, Symbol.exchange)


def _row(values: dict[str, Any]) -> SymbolRow:
    key, source, simulated = values.pop("id"), values.pop("source"), values.pop("simulated")
    facts = {name: values.pop(name) for name in _FACTS}
    facts["earlier_delistings"] = tuple(
        (None if day is None else date.fromisoformat(day), datetime.fromisoformat(known_to))
        for day, known_to in facts["earlier_delistings"]
    )
    return SymbolRow(key, Listing(**values), source, simulated, **facts)


def read_aliases(connection: Connection, cutoff: datetime | None = None) -> list[Alias]:
    """Return the tickers that symbols have had, as known at `cutoff` or now."""
    query = text(
        "SELECT symbol_id, ticker, valid_from, valid_to, merged_into FROM symbol_aliases "
        "WHERE CAST(:cutoff AS timestamptz) IS NULL OR known_at <= :cutoff ORDER BY symbol_id, valid_from NULLS FIRST"
    )
    return [Alias(*row) for row in connection.execute(query, {"cutoff": cutoff})]


def upsert_aliases(connection: Connection, aliases: Iterable[Alias], source: str, moment: datetime) -> int:
    """Write the aliases; return the number of rows that are new or differ."""
    rows = [{**asdict(alias), "source": source, "known_at": moment} for alias in aliases]
    return sum(connection.execute(text(_WRITE_ALIAS), row).rowcount for row in rows)


def delete_aliases(connection: Connection, key: int, tickers: Sequence[str]) -> int:
    """Forget tickers that were given to a symbol by mistake; return the number of rows."""
    statement = text("DELETE FROM symbol_aliases WHERE symbol_id = :key AND ticker = ANY(:tickers)")
    return connection.execute(statement, {"key": key, "tickers": list(tickers)}).rowcount
