"""What changed under the reader's feet: the past as tonight's night knows it beside the past as the night before did.

1. Bars that their own source restated, late splits and dividends, judgements, members come from the dated tables.
2. The symbols whose data that touched are the affected ones; a new session alone affects nobody.
3. Their backtests stand beside those that they replaced, with the ranks by Sharpe of then and now.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Any

from alphafactory.reports.data_contexts import ChangeRow, Moved, PastChanges, RestatedBar
from alphafactory.reports.summary import count
from alphafactory.store import changes, symbols, universes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from alphafactory.pipeline.running import Run
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.changes import Earlier, Window
    from alphafactory.store.database import Connection

_MOST_BARS = 50
_MOST_BACKTESTS = 50
_OTHER_PRICES = ("open", "high", "low")


def read_past_changes(
    connection: Connection, run: Run, rows: Sequence[dict[str, Any]], symbol_ids: Sequence[int]
) -> PastChanges:
    """Return what tonight changed in the past; `rows` are the night's finished backtests."""
    workspace = run.workspace
    window = changes.read_window(connection, workspace.as_of, workspace.moment)
    bars = changes.read_restated(connection, symbol_ids, window)
    actions = changes.read_late_actions(connection, symbol_ids, window, workspace.as_of)
    judged = changes.read_judged(connection, window)
    before = changes.read_before(connection, [row["id"] for row in rows], workspace.as_of)
    moved = list(_moved(rows, before, _causes(bars, actions, judged), workspace.config.backtest.benchmark))
    return PastChanges(
        since=window.night,
        restated=tuple(_restated(row) for row in bars[:_MOST_BARS]),
        restated_count=len(bars),
        actions=tuple(ChangeRow(row["ticker"], row["ex_date"], _action(row), row["source"]) for row in actions),
        judgements=tuple(_judgement(row) for row in judged),
        members=tuple(_members(connection, workspace, window)),
        moved=tuple(sorted(moved, key=_most_moved)[:_MOST_BACKTESTS]),
        moved_count=len(moved),
        ranked_before=len(_sharpes_before(rows, before)),
        ranked_now=len(_sharpes(row["sharpe"] for row in rows)),
    )


def _restated(row: Mapping[str, Any]) -> RestatedBar:
    others = [(name, row[f"old_{name}"], row[f"new_{name}"]) for name in _OTHER_PRICES]
    return RestatedBar(
        symbol=row["ticker"],
        session=row["session"],
        source=row["source"],
        old_close=row["old_close"],
        new_close=row["new_close"],
        old_volume=row["old_volume"],
        new_volume=row["new_volume"],
        others=tuple(other for other in others if other[1] != other[2]),
    )


def _action(row: Mapping[str, Any]) -> str:
    old, new = row["old_amount"], row["new_amount"]
    unit = "new shares for one" if row["kind"] == "split" else "a share"
    if new == 0:
        return f"{row['kind']} of {old:g} {unit} withdrawn"
    was = f", was {old:g}" if old else ""
    return f"{row['kind']} of {new:g} {unit}{was}"


def _judgement(row: Mapping[str, Any]) -> ChangeRow:
    note = f": {row['note']}" if row["note"] else ""
    use = "the bar is used" if row["verdict"] == "accepted" else "the bar is not used"
    words = f"{row['rule']} {row['verdict']}{f', {use}' if row['session'] else ''}{note}"
    return ChangeRow(row["subject"], row["session"], words, f"a person on {row['judged_at']:%Y-%m-%d}")


def _members(connection: Connection, workspace: Workspace, window: Window) -> Iterator[ChangeRow]:
    """Yield who is a member tonight and was none on the night before, as known then, and the reverse."""
    if window.night is None or window.since is None:
        return
    tickers = {row.id: row.ticker for row in symbols.read_symbols(connection)}
    for name in sorted(workspace.config.universes):
        then = _belonging(connection, name, window.night, window.since)
        now = _belonging(connection, name, workspace.as_of, workspace.cutoff)
        joined = sorted(tickers[key] for key in now - then) if then else []
        yield from (ChangeRow(ticker, None, "joined", name) for ticker in joined)
        yield from (ChangeRow(ticker, None, "left", name) for ticker in sorted(tickers[key] for key in then - now))


def _belonging(connection: Connection, name: str, day: date, cutoff: datetime) -> set[int]:
    spells = universes.read_spells(connection, name, cutoff)
    return {key for key, start, end in spells if (start is None or start <= day) and (end is None or day <= end)}


def _causes(
    bars: Iterable[Mapping[str, Any]], actions: Iterable[Mapping[str, Any]], judged: Iterable[Mapping[str, Any]]
) -> dict[int, str]:
    """Return, for each affected symbol, what changed in its past; a judgement counts where it turns a bar's use."""
    found: dict[int, Counter[str]] = {}
    for row in bars:
        found.setdefault(row["symbol_id"], Counter())["restated bar"] += 1
    for row in actions:
        found.setdefault(row["symbol_id"], Counter())["late action"] += 1
    for row in judged:
        if row["symbol_id"] is not None and row["quarantined"] == (row["verdict"] == "accepted"):
            found.setdefault(row["symbol_id"], Counter())["judgement"] += 1
    return {key: ", ".join(count(n, noun) for noun, n in counter.items()) for key, counter in found.items()}


def _moved(
    rows: Sequence[dict[str, Any]], before: Mapping[int, Earlier], causes: Mapping[int, str], benchmark: str
) -> Iterator[Moved]:
    """Yield the affected symbols' backtests that replaced an earlier result."""
    old, new = _sharpes_before(rows, before), _sharpes(row["sharpe"] for row in rows)
    for row in rows:
        earlier = before.get(row["id"])
        if row["symbol_id"] in causes and earlier is not None:
            yield Moved(
                backtest_id=row["id"],
                symbol=row["ticker"],
                strategy=row["strategy"],
                because=causes[row["symbol_id"]],
                old_sharpe=earlier.sharpe,
                new_sharpe=row["sharpe"],
                old_return=earlier.total_return,
                new_return=row["total_return"],
                old_rank=_rank(earlier.sharpe, old),
                new_rank=_rank(row["sharpe"], new),
                is_benchmark=row["strategy"] == benchmark,
            )


def _sharpes_before(rows: Sequence[dict[str, Any]], before: Mapping[int, Earlier]) -> list[float]:
    """Return the Sharpe ratios that the ranking held before: a result that was not replaced tonight had its place."""
    earlier = (before[row["id"]].sharpe if row["id"] in before else row["sharpe"] for row in rows)
    return _sharpes(earlier)


def _sharpes(values: Iterable[float | None]) -> list[float]:
    """Return the defined ratios with their signs turned, ascending, so that the best comes first."""
    return sorted(-value for value in values if value is not None)


def _rank(sharpe: float | None, ordered: Sequence[float]) -> int | None:
    """Return 1 for the best; equal ratios share the better rank."""
    return None if sharpe is None else 1 + bisect_left(ordered, -sharpe)


def _most_moved(row: Moved) -> tuple[int, float, str, str]:
    """Order by places won or lost, then by what the Sharpe ratio changed by."""
    shift = abs((row.new_sharpe or 0.0) - (row.old_sharpe or 0.0))
    return -abs(row.climbed or 0), -shift, row.symbol, row.strategy
