"""Which column of a file is which: the names of Yahoo, Stooq and plain OHLCV files, and the config's own.

Goes in: a file's header. Comes out: the position of each field. Case, spaces and Stooq's angle brackets do not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alphafactory.errors import SourceError, suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KNOWN_NAMES: Mapping[str, tuple[str, ...]] = {
    "symbol": ("symbol", "ticker"),
    "date": ("date", "session", "timestamp", "datetime"),
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close",),
    "adj_close": ("adj_close", "adjclose", "adjusted_close"),
    "volume": ("volume", "vol"),
    "period": ("per",),
}
REQUIRED = ("date", "open", "high", "low", "close", "volume")
NUMBERS = ("open", "high", "low", "close", "adj_close", "volume")


def plain_name(name: str) -> str:
    """Return a column's name without case, brackets, and with spaces as underscores: `<ADJ CLOSE>` is `adj_close`."""
    return name.strip().strip("<>").strip().lower().replace(" ", "_")


def match_columns(
    header: Sequence[str], named: Mapping[str, str | None], where: str, *, symbol: bool
) -> dict[str, int]:
    """Return the position in `header` of every field that the file has.

    `named` is what the config calls a field; `symbol` says whether the file must name the ticker in each row.

    Raises:
        SourceError: A required column is missing or stands twice; the message lists what was found.
    """
    plain = [plain_name(name) for name in header]
    positions: dict[str, int] = {}
    for field, known in KNOWN_NAMES.items():
        chosen = named.get(field)
        names = known if chosen is None else (plain_name(chosen),)
        found = next((name for name in names if name in plain), None)
        if found is None and chosen is not None:
            raise _missing(where, field, header, f"sources.csv.columns.{field} says '{chosen}'. ", chosen)
        if found is None:
            continue
        if plain.count(found) > 1:
            raise SourceError(f"{where}: two columns are called '{found}'. Rename one of them.")
        positions[field] = plain.index(found)
    for field in (*REQUIRED, *(("symbol",) if symbol else ())):
        if field not in positions:
            raise _missing(where, field, header, "", field)
    return positions


def _missing(where: str, field: str, header: Sequence[str], said: str, nearest_to: str) -> SourceError:
    listed = ", ".join(name.strip() for name in header[:20])
    return SourceError(
        f"{where}: there is no column for {field}. {said}Found: {listed}. {suggestion(nearest_to, header)} "
        f"Name the column in the config: sources.csv.columns.{field}."
    )
