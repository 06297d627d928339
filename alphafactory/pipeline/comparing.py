"""Strategies compared with a baseline and with buying and holding: names and symbols in, a ranking with tests out.

1. Each strategy is backtested on each symbol as `backtest` would; what is stored already is not simulated again.
2. A strategy whose audit failed is left out. A symbol takes part if every other one has a result on it and its curve
   lasts a year. Who is left out is named.
3. Strategies are ranked by the median of their Sharpe ratios over the symbols.
4. For the tests, a strategy's daily returns are averaged over the symbols with equal weight, on the same sessions for
   all; a strategy that sees a whole universe has one account, and takes part by that account's own returns.
5. The same comparison again, on the same backtests, is answered from the tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from alphafactory.errors import SimulationError, UsageError
from alphafactory.metrics import compute_curve_metrics, simple_returns
from alphafactory.pipeline.audits import audit_asked
from alphafactory.pipeline.backtest import run_adhoc
from alphafactory.pipeline.comparing_rows import HOLD, ComparisonOrder, Played, average_returns, comparison_rows
from alphafactory.pipeline.comparing_words import sentences
from alphafactory.pipeline.fingerprints import digest_of
from alphafactory.pipeline.known_strategies import known_strategies
from alphafactory.pipeline.running import failure
from alphafactory.pipeline.workspace import code_version
from alphafactory.store import comparisons, results
from alphafactory.strategies.base import Filter
from alphafactory.strategies.combination import resolve_strategy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.pipeline.running import Failure
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.comparisons import StoredComparison

BASELINE = "sma_crossover"
DRAWS = 5000
SEED = 1
_AUDIT_FAILED = "Its audit failed, so that it is ranked nowhere."
_RECIPE = "comparison/1"
"""Names what is computed from backtests here and in `comparing_rows`; whoever changes that changes the name."""


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """A finished comparison: its stored columns, its rows in order of rank, and what they say in sentences.

    `known` says that it had been made before.
    """

    comparison_id: int
    known: bool
    comparison: dict[str, Any]
    rows: list[dict[str, Any]]
    sentences: list[str]
    failures: tuple[Failure, ...]

    @property
    def outcome(self) -> str:
        """How it ended."""
        return "partial" if self.failures else "fine"


def run_comparison(
    workspace: Workspace,
    strategies: Sequence[str],
    wanted: Sequence[str] | Literal["all"],
    *,
    baseline: str = BASELINE,
    start: date | None = None,
    end: date | None = None,
    words: Mapping[str, Any] | None = None,
    profile: str | None = None,
    draws: int = DRAWS,
    seed: int = SEED,
) -> ComparisonResult:
    """Compare strategies, or find the comparison that did.

    Args:
        workspace: with the config and the tables.
        strategies: names, or combinations of several.
        wanted: tickers, or all of the universe.
        baseline: the strategy to be better than.
        start: first session simulated, by default the config's.
        end: last session simulated, by default the config's.
        words: settings of the simulations, above the config's.
        profile: of the config.
        draws: samples of the bootstrap for each test.
        seed: of its random draws.

    Raises:
        UsageError: a name or value that does not exist, or less than a year of common sessions.
        SimulationError: a strategy gave no result at all.
    """
    config = workspace.config
    order = ComparisonOrder(
        _resolved(workspace, strategies),
        _resolved(workspace, [baseline])[0],
        (config.universe.name or "all") if wanted == "all" else None,
        start or config.backtest.start,
        end or config.backtest.end,
        config.backtest.risk_free_rate,
        draws,
        seed,
    )
    played: dict[str, Played] = {}
    failures: list[Failure] = list(audit_asked(workspace, order.everybody).failures)  # whoever has no verdict gets one
    for name in order.everybody:
        workspace.progress.step(f"backtests of {name}")
        found = run_adhoc(workspace, name, wanted, {}, start=start, end=end, words=words, profile=profile)
        failures += [one for one in found.failures if one not in failures]
        if found.results:
            played[name] = _read_rows(workspace, [row["backtest_id"] for row in found.results])
        if name in played and any(row["audit_passed"] is False for row in played[name].rows.values()):
            failures.append(failure("strategy", name, _AUDIT_FAILED, f"See `python run.py audit {name}`."))
            del played[name]
    _require_results(order, played, failures)
    print_ = _fingerprint(order, played)
    with workspace.database.begin() as connection:
        stored = comparisons.read_comparison(connection, print_)
    if stored is not None:
        return _result(stored, order, known=True)
    values, rows = _compared(workspace, order, played, failures)
    with workspace.database.begin() as connection:
        stored = comparisons.insert_comparison(connection, values | {"fingerprint": print_}, rows)
    return _result(stored, order, known=False)


def _resolved(workspace: Workspace, strategies: Sequence[str]) -> tuple[str, ...]:
    """Return the strategies' own names, each once; raise `UsageError` for one that cannot be traded."""
    registry = known_strategies(workspace.config.paths.strategies)
    found = [resolve_strategy(name, registry) for name in strategies]
    filters = [plugin.name for plugin in found if issubclass(plugin, Filter)]
    if filters:
        raise UsageError(
            f"{filters[0]} is a filter and trades nothing by itself. Compare for example {BASELINE} & {filters[0]}."
        )
    return tuple(dict.fromkeys(plugin.name for plugin in found))


def _read_rows(workspace: Workspace, keys: Sequence[Any]) -> Played:
    with workspace.database.begin() as connection:
        return Played({row["symbol_id"]: row for row in results.read_backtests(connection, keys)})


def _require_results(order: ComparisonOrder, played: Mapping[str, Played], failures: Sequence[Failure]) -> None:
    """Raise `SimulationError` where nothing is left to compare, or nothing to compare it with."""
    lacking = [name for name in (order.baseline, HOLD) if name not in played]
    if not lacking and not any(name in played for name in order.named):
        lacking = list(order.named)
    if lacking:
        why = [one["message"] for one in failures if one["subject"].split(" on ")[0] == lacking[0]] or [""]
        raise SimulationError(f"{lacking[0]} has no result to compare. {why[0]}".rstrip())


def _fingerprint(order: ComparisonOrder, played: Mapping[str, Played]) -> str:
    backtests = sorted(row["fingerprint"] for one in played.values() for row in one.rows.values())
    period = [str(order.start), str(order.end)]
    names = [sorted(order.named), order.baseline, order.universe]
    return digest_of([_RECIPE, names, period, order.draws, order.seed, backtests])


def _compared(
    workspace: Workspace, order: ComparisonOrder, played: Mapping[str, Played], failures: list[Failure]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the columns of the comparison and of its rows."""
    told = [row for one in played.values() for row in one.rows.values()]
    periods = min(row["periods_per_year"] for row in told)
    chosen = _take_part(played, failures)
    curves = _read_curves(workspace, played, chosen, failures)
    sessions, averages = average_returns(curves, {name for name, one in played.items() if one.scope == "universe"})
    _require_a_year(sessions, periods)
    sharpes = {
        name: compute_curve_metrics(returns, sessions, periods, order.risk_free_rate).values.get("sharpe")
        for name, returns in averages.items()
    }
    workspace.progress.step("tests")
    rows = comparison_rows(order, played, chosen, averages, sharpes=sharpes, periods=periods)
    values = {
        "strategies": list(order.named),
        "baseline": order.baseline,
        "universe": order.universe,
        "symbols": sorted(played[HOLD].rows[key]["ticker"] for key in chosen),
        "failures": failures,
        "settings": told[0]["settings"],
        "period_start": order.start,
        "period_end": order.end,
        "start_session": sessions[0].item(),
        "end_session": sessions[-1].item(),
        "n_sessions": len(sessions),
        "as_of": workspace.as_of,
        "periods_per_year": periods,
        "risk_free_rate": order.risk_free_rate,
        "simulated_prices": any(row["simulated_prices"] for row in told),
        "draws": order.draws,
        "seed": order.seed,
        "code_version": code_version(),
    }
    return values, rows


def _take_part(played: Mapping[str, Played], failures: list[Failure]) -> list[int]:
    """Return the keys of the symbols with a year of results of every strategy; the others become failures."""
    by_symbol = {name: one for name, one in played.items() if one.scope == "symbol"}
    known = {key: row for one in by_symbol.values() for key, row in one.rows.items() if key is not None}
    chosen: list[int] = []
    for key, row in sorted(known.items(), key=lambda pair: (pair[1]["ticker"], pair[0])):
        without = [name for name, one in by_symbol.items() if key not in one.rows]
        if without:
            failures.append(failure("symbol", row["ticker"], f"Left out, for {', '.join(without)} gave no result."))
        elif row["n_sessions"] < row["periods_per_year"]:
            words = f"Left out: it has {row['n_sessions']:.0f} sessions in the period, less than a year."
            failures.append(failure("symbol", row["ticker"], words))
        else:
            chosen.append(key)
    if not chosen:
        longest = max((row["n_sessions"] for row in known.values()), default=0)
        raise UsageError(
            f"No symbol has a year of results of every strategy; the longest has {longest:.0f} sessions. Choose an "
            "earlier --from, a later --to, or symbols with more history."
        )
    return chosen


def _read_curves(
    workspace: Workspace, played: Mapping[str, Played], chosen: list[int], failures: list[Failure]
) -> dict[str, list[tuple[DateArray, FloatArray]]]:
    """Return sessions and returns of each account; `chosen` loses the symbols of which a curve is no longer kept."""
    found: dict[str, dict[int | None, tuple[DateArray, FloatArray]]] = {}
    for name, one in played.items():
        keys = {row["id"]: key for key, row in one.rows.items() if key is None or key in chosen}
        with workspace.database.begin() as connection:
            stored = results.read_curves(connection, list(keys))
        found[name] = {keys[key]: _returns(curve, one.rows[keys[key]]) for key, curve in stored.items()}
        gone = [key for key in keys.values() if key not in found[name]]
        if None in gone or len(gone) == len(keys):
            raise SimulationError(f"The curves of {name} are no longer kept. Raise retention.detail_nights.")
        for key in gone:
            failures.append(failure("symbol", one.rows[key]["ticker"], f"Left out: {name}'s curve is no longer kept."))
            chosen.remove(key)  # type: ignore[arg-type]
    return {
        name: [found[name][key] for key in ([None] if played[name].scope == "universe" else chosen)] for name in played
    }


def _returns(curve: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[DateArray, FloatArray]:
    equity = np.array(curve["equity"], dtype=np.float64)
    return np.array(curve["sessions"], dtype="datetime64[D]"), simple_returns(equity, float(row["start_equity"]))


def _require_a_year(sessions: DateArray, periods: int) -> None:
    if len(sessions) < periods:
        span = f" from {sessions[0]} to {sessions[-1]}" if len(sessions) else ""
        raise UsageError(
            f"The strategies have {len(sessions)} common sessions{span}; a comparison needs a year, {periods}. "
            "Choose an earlier --from, a later --to, or symbols with more history."
        )


def _result(stored: StoredComparison, order: ComparisonOrder, *, known: bool) -> ComparisonResult:
    said = sentences(stored.values, stored.rows, {"baseline": order.baseline, "hold": HOLD})
    return ComparisonResult(
        stored.id, known, stored.values, stored.rows, said, tuple(dict(one) for one in stored.values["failures"])
    )
