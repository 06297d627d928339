"""The vendors' night: bars by the chain of fallbacks, then actions, names, delistings, announcements, a cross-check.

Each vendor is asked for what those before it left open. What nobody could fill is named as a failure, symbol by symbol;
a vendor that failed while others filled its place is told, but costs nobody a result.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from alphafactory.domain.market import Listing
from alphafactory.domain.timeframes import is_intraday
from alphafactory.pipeline.asking import Asking, Tally, subject
from alphafactory.pipeline.members import followed_tickers, require_symbols
from alphafactory.pipeline.needs import read_needs
from alphafactory.pipeline.running import StepReport, failure
from alphafactory.pipeline.storing import applied_rules
from alphafactory.pipeline.vendor_access import requests_today
from alphafactory.pipeline.vendor_extras import (
    ask_actions,
    ask_delistings,
    ask_earnings,
    ask_profiles,
    ask_renames,
    cross_check,
)
from alphafactory.store import symbols, vendors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.pipeline.needs import Need
    from alphafactory.pipeline.running import Failure, Run
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.sources import VendorSource
    from alphafactory.store.symbols import SymbolRow

_LONGEST_REASON = 160
_OBJECT = re.compile(r"<[^<>]* object at 0x[0-9a-f]+>:?\s*|\w+\([^()]* at 0x[0-9a-f]+\):?\s*", re.IGNORECASE)
"""How Python prints an object that has no words of its own, with what leads over to the words behind it."""


def ask_vendors(run: Run, sources: Sequence[VendorSource]) -> StepReport:
    """Ask the vendors in order for what the tables lack."""
    workspace = run.workspace
    before = {source.name: requests_today(workspace, source.name) for source in sources}
    rows = _followed(workspace, sources)
    with workspace.database.begin() as connection:
        needs = read_needs(connection, workspace, rows)
    askings = [_asking(workspace, source) for source in sources]
    _fill(askings, needs)
    ask_renames(workspace, askings, _stopped(needs))
    _fill(askings, [need for need in needs if need.newest_is_missing and need.aliases])
    ended = ask_delistings(workspace, askings, _stopped(needs))
    failures = [*ask_actions(workspace, askings, needs), *_unfilled(needs, ended)]
    failures += _ask_intraday(workspace, askings, rows)
    announced = ask_earnings(workspace, askings, needs)
    ask_profiles(workspace, askings, needs)
    notes = [announced, cross_check(workspace, askings, needs)]
    words = [_settle(workspace, asking, before[asking.tally.vendor]) for asking in askings]
    _note(run, [asking.tally for asking in askings])
    rows_written = sum(a.tally.bars_new + a.tally.bars_changed + a.tally.actions for a in askings)
    message = " ".join([*words, *ended.values(), *(note for note in notes if note)])
    nothing = rows_written == 0 and not failures and not any(a.tally.stopped for a in askings)
    return StepReport(rows_written, message or "Nothing is missing.", tuple(failures), skipped=nothing and not words)


def _ask_intraday(workspace: Workspace, askings: Sequence[Asking], rows: Sequence[SymbolRow]) -> list[Failure]:
    """Ask for the bars of the configured intraday timeframes, of the symbols for which any vendor offers them."""
    failures: list[Failure] = []
    for timeframe in workspace.config.sources.timeframes:
        offering = [asking for asking in askings if timeframe in asking.source.timeframes]
        classes = {name for asking in offering for name in asking.source.asset_classes}
        wanted = [row for row in rows if row.listing.asset_class in classes]
        if not is_intraday(timeframe) or not wanted:
            continue
        with workspace.database.begin() as connection:
            needs = read_needs(connection, workspace, wanted, timeframe)
            rechecked = {
                asking.source.name: vendors.read_answered(
                    connection, asking.source.name, subject("recheck", timeframe), workspace.as_of
                )
                for asking in offering
            }
        _fill([replace(a, timeframe=timeframe, rechecked=set(rechecked[a.source.name])) for a in offering], needs)
        failures += [{**one, "subject": f"{one['subject']} {timeframe}"} for one in _unfilled(needs, {})]
    return failures


def _followed(workspace: Workspace, sources: Sequence[VendorSource]) -> list[SymbolRow]:
    """Return the symbols to follow; those that are named for the first time get a row."""
    with workspace.database.begin() as connection:
        wanted = followed_tickers(connection, workspace)
        known = symbols.read_symbols(connection)
        names = {row.ticker for row in known} | {alias.ticker for alias in symbols.read_aliases(connection)}
        pairs = workspace.config.sources.crypto.symbols if any(s.name == "crypto" for s in sources) else []
        require_symbols(wanted, sources[0], known=len(known) + len(pairs))
        new = [ticker for ticker in (*(wanted or ()), *pairs) if ticker not in names]
        symbols.add_symbols(connection, [_listing(ticker) for ticker in new], sources[0].name)
        chosen = None if wanted is None else list(dict.fromkeys((*wanted, *pairs)))
        rows = symbols.read_symbols(connection, chosen)
    return [row for row in rows if not row.simulated]


def _listing(ticker: str) -> Listing:
    """Return what a ticker alone tells: a pair such as BTC/USDT is a currency pair that trades every day."""
    if "/" in ticker:
        return Listing(ticker, asset_class="crypto", calendar="24/7", currency=ticker.split("/")[1], exchange="CRYPTO")
    if ticker.startswith("^"):
        return Listing(ticker, asset_class="index")
    return Listing(ticker)


def _asking(workspace: Workspace, source: VendorSource) -> Asking:
    with workspace.database.begin() as connection:
        rechecked = set(vendors.read_answered(connection, source.name, "recheck", workspace.as_of))
        sessions = vendors.read_answered(connection, source.name, "session", workspace.as_of)
    whole_sessions = np.array(list(sessions), dtype="datetime64[D]")
    limits = getattr(workspace.config.sources, source.name).limits
    rules = applied_rules(workspace)
    return Asking(workspace, source, rules, Tally(source.name), rechecked, whole_sessions, limits.threads)


def _fill(askings: Sequence[Asking], needs: Sequence[Need]) -> None:
    for asking in askings:
        if not asking.tally.stopped:
            asking.ask(needs)


def _stopped(needs: Sequence[Need]) -> list[Need]:
    """Return the symbols that seem to trade no more; where most lack the session, the vendors are late instead."""
    missing = [need for need in needs if need.newest_is_missing]
    late = len(missing) > len(needs) / 2
    return [need for need in missing if need.unknown_to or not late]


def _unfilled(needs: Sequence[Need], ended: dict[str, str]) -> list[Failure]:
    """Name the symbols whose newest session nobody delivered, where the gate does not say so already."""
    failures = []
    for need in needs:
        if not need.newest_is_missing or need.stopped_long_ago or need.ticker in ended:
            continue
        said = "; ".join(dict.fromkeys(map(_reason, need.troubles.values()))) or "every vendor left it out"
        newest = need.sessions[-1].item()
        lacks = f"No source has its bar of {newest}" if len(need.held) else "No source has any bar of it"
        remedy = "See `python run.py sources check`; give its delisting or new ticker if it has stopped trading."
        failures.append(failure("symbol", need.ticker, f"{lacks}: {said}.", remedy))
    return failures


def _reason(words: str) -> str:
    """Return a vendor's trouble as a part of a sentence: short, without addresses in memory and the last stop."""
    return textwrap.shorten(_OBJECT.sub("", words), _LONGEST_REASON, placeholder=" …").rstrip(" .")


def _settle(workspace: Workspace, asking: Asking, before: int) -> str:
    """Note how a vendor did; return it in words, empty where it was not asked at all."""
    tally = asking.tally
    requests = requests_today(workspace, tally.vendor) - before
    outcome: Literal["stopped", "delivered", "not needed"] = (
        "stopped" if tally.stopped else "delivered" if requests else "not needed"
    )
    words = tally.in_words(requests) if requests or tally.stopped else ""
    state = vendors.VendorState(
        tally.vendor, None, workspace.as_of, outcome, words, requests, tally.bars_new + tally.bars_changed
    )
    with workspace.database.begin() as connection:
        vendors.write_vendor_state(connection, state)
    return words


def _note(run: Run, tallies: Sequence[Tally]) -> None:
    run.notes["bars_new"] = run.notes.get("bars_new", 0) + sum(tally.bars_new for tally in tallies)
    run.notes["bars_changed"] = run.notes.get("bars_changed", 0) + sum(tally.bars_changed for tally in tallies)
