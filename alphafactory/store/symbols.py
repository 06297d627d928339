"""The table of symbols: in, listings; out, what is known of each symbol."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from alphafactory.domain.market import Listing
from alphafactory.errors import UnknownNameError
from alphafactory.store.schema.market import Symbol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

_DESCRIPTION = ("name", "sector", "asset_class", "calendar", "currency", "listed", "delisted", "source", "simulated")


@dataclass(frozen=True, slots=True)
class SymbolRow:
    """A symbol as stored: its key, its listing, and whether its prices are simulated."""

    id: int
    listing: Listing
    source: str
    simulated: bool

    @property
    def ticker(self) -> str:
        """The ticker."""
        return self.listing.ticker


def upsert_symbols(connection: Connection, listings: Sequence[Listing], source: str, *, simulated: bool) -> int:
    """Write the listings; return the number of rows that are new or differ."""
    if not listings:
        return 0
    rows: list[dict[str, Any]] = [{**asdict(listing), "source": source, "simulated": simulated} for listing in listings]
    statement = insert(Symbol)
    changed = {name: getattr(statement.excluded, name) for name in _DESCRIPTION}
    statement = statement.on_conflict_do_update(
        index_elements=["ticker", "exchange"],
        set_={**changed, "updated_at": func.clock_timestamp()},
        where=or_(*(getattr(Symbol, name).is_distinct_from(value) for name, value in changed.items())),
    )
    return len(connection.execute(statement.returning(Symbol.id), rows).all())


def read_symbols(connection: Connection, tickers: Sequence[str] | None = None) -> list[SymbolRow]:
    """Return the symbols in order of ticker, all or those named; raise `UnknownNameError` for one that is not there."""
    columns = [Symbol.id, Symbol.ticker, Symbol.exchange, *(getattr(Symbol, name) for name in _DESCRIPTION)]
    query = select(*columns).order_by(Symbol.ticker, Symbol.exchange)
    if tickers is not None:
        query = query.where(and_(Symbol.ticker.in_(tickers)))
    found = [_row(dict(row._mapping)) for row in connection.execute(query)]  # noqa: SLF001  SQLAlchemy's public name for it
    missing = set(tickers or ()) - {row.ticker for row in found}
    if missing:
        known = connection.execute(select(Symbol.ticker)).scalars().all()
        raise UnknownNameError("symbol", min(missing), known)
    return found


def _row(values: dict[str, Any]) -> SymbolRow:
    key, source, simulated = values.pop("id"), values.pop("source"), values.pop("simulated")
    return SymbolRow(key, Listing(**values), source, simulated)
