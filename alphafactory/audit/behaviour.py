"""Whether a strategy keeps to the contract of its signals: repeatable, in range, numbers, gaps, living parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.audit.comparison import first_difference
from alphafactory.audit.look_ahead import changes_of
from alphafactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alphafactory.audit.market import AuditedMarket
    from alphafactory.audit.subject import Terms, Values
    from alphafactory.audit.witness import Answer, Witness
    from alphafactory.domain.arrays import BoolArray, FloatArray
    from alphafactory.domain.plugins import Parameter

_PRICES = ("entry_limit", "entry_stop", "stop", "take_profit")
Asked = tuple["AuditedMarket", "Answer"]


def check_repeatable(witness: Witness, market: AuditedMarket, before: Answer) -> bool:
    """Ask once more, compare to the bit, and return whether the answer is the same."""
    again = witness.ask(market)
    difference = None if again is None else first_difference(before, again, len(market))
    if difference is not None:
        witness.error(
            "determinism",
            f"Asked twice about the same bars, {difference.ticker}'s {difference.array} of "
            f"{market.sessions[difference.row]} is {difference.early:.6g} and {difference.late:.6g}. Give random draws "
            "a written seed inside `signals`, and keep nothing between calls.",
            market.name,
            market.session(difference.row),
        )
    return difference is None


def check_memory(witness: Witness, market: AuditedMarket, whole: Answer, terms: Terms) -> None:
    """Ask copies that have never been asked before about shorter histories, and compare with what the strategy said."""
    fresh = witness.subject.fresh
    if fresh is None:
        return
    changes, last = changes_of(whole), len(market) - 1
    chosen = changes[np.linspace(0, len(changes) - 1, min(terms.copies, len(changes))).astype(np.int64)]
    for row in [last, last // 2, *chosen.tolist()]:
        part = market.until(row)
        answer = witness.ask(part, by=fresh())
        tolerance = 0.0 if len(part.symbols) == len(market.symbols) else terms.tolerance
        difference = None if answer is None else first_difference(answer, whole, len(part), tolerance)
        if difference is not None:
            session = market.session(difference.row)
            message = (
                f"A copy that was never asked before says {difference.early:.6g} for {difference.ticker}'s "
                f"{difference.array} of {session}, known until {market.session(row)}; what was asked before says "
                f"{difference.late:.6g}. It remembers what it was shown."
            )
            witness.error("state", message, difference.ticker, session)
            return


def check_values(witness: Witness, market: AuditedMarket, answer: Answer, values: Values | None = None) -> None:
    """Note a target outside [-1, 1], a price that is none, a life that is no number of bars."""
    terms = "" if values is None else f" with {', '.join(f'{name}={value}' for name, value in values.items())}"
    for name, array in answer.arrays.items():
        wrong = _wrong(name, array)
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            ticker, session = market.tickers[column], market.session(row)
            note = witness.error if values is None else witness.warning
            message = f"{ticker}'s {name} of {session} is {array[row, column]:.6g}{terms}. {_allowed(name)}"
            note("range", message, ticker, session)


def _wrong(name: str, array: FloatArray) -> BoolArray:
    there = ~np.isnan(array)
    if name == "target":
        return np.asarray(there & (np.abs(array) > 1.0))
    if name in _PRICES:
        return np.asarray(there & ~((array > 0.0) & np.isfinite(array)))
    if name == "good_for":
        return np.asarray(there & ~((array >= 0.0) & (array == np.floor(array)) & np.isfinite(array)))
    return np.zeros(array.shape, dtype=np.bool_)


def _allowed(name: str) -> str:
    if name == "target":
        return "Targets lie between -1 and 1."
    return "A life is a whole number of bars, 0 without end." if name == "good_for" else "Prices lie above 0."


def check_missing(witness: Witness, market: AuditedMarket, answer: Answer) -> None:
    """Note a target without a number, after the declared warm-up, where the symbol has a bar."""
    begins = witness.subject.declared
    open_rows = np.isfinite(answer.close)
    missing = np.isnan(answer.target) & open_rows & (np.cumsum(open_rows, axis=0) > begins)
    if missing.any():
        row, column = np.argwhere(missing)[0]
        witness.warning(
            "missing",
            f"{market.tickers[column]}'s target of {market.sessions[row]} and {int(missing.sum()) - 1} others after "
            f"the declared {begins} bars are NaN, which counts as flat. Say 0 where nothing is wanted.",
            market.tickers[column],
            market.session(row),
        )


def check_gaps(witness: Witness, market: AuditedMarket, terms: Terms) -> None:
    """Ask about a market with holes, a late listing and a leaver; nothing is held, or known, before it is listed."""
    torn = market.torn()
    answer = witness.ask(torn)
    if answer is None:
        return
    check_values(witness, torn, answer)
    for place, symbol in enumerate(torn.symbols):
        first = int(np.searchsorted(torn.sessions, symbol.bars.sessions[0]))
        if np.nan_to_num(answer.target[:first, place]).any():
            witness.error(
                "gaps",
                f"{symbol.ticker} is held before its first bar of {symbol.bars.sessions[0]}. Want nothing where the "
                "close is NaN or `view.member` is false.",
                symbol.ticker,
                torn.session(first),
            )
        elif first > 0:
            _check_unknown_before(witness, torn, answer, first - 1, terms)


def _check_unknown_before(witness: Witness, torn: AuditedMarket, whole: Answer, row: int, terms: Terms) -> None:
    """Note where others are held otherwise because a symbol is going to be listed."""
    part = torn.until(row)
    answer = witness.ask(part)
    difference = None if answer is None else first_difference(answer, whole, len(part), terms.tolerance)
    if difference is not None:
        witness.error(
            "gaps",
            f"{difference.ticker}'s {difference.array} of {torn.sessions[difference.row]} is {difference.early:.6g} "
            f"while nobody knows of what is listed after {torn.sessions[row]}, else {difference.late:.6g}. Count the "
            "symbols that have a close, not the columns.",
            difference.ticker,
            torn.session(difference.row),
        )


def check_effects(witness: Witness, asked: Sequence[Asked], terms: Terms) -> None:
    """Note that a strategy never trades, or else which of its parameters change nothing."""
    if not any(np.nan_to_num(answer.target).any() for _, answer in asked):
        witness.warning(
            "never_trades", "It wants nothing on any of the audited symbols, so that this audit says little about it."
        )
        return
    for name, parameter in witness.subject.parameters.items():
        if not _has_effect(witness, name, asked, terms):
            witness.warning(
                "dead_parameter",
                f"No value of '{name}' between {parameter.low} and {parameter.high} changes any signal on the audited "
                "symbols. Use it, or leave it out: a search would try its values for nothing.",
            )


def _has_effect(witness: Witness, name: str, asked: Sequence[Asked], terms: Terms) -> bool:
    """Return whether any value of a parameter changes a signal, the others at their defaults or at drawn values."""
    sets = list(_sets(witness, name))
    # Both bounds are asked for, whatever comes of the first: a search will try them, and who fails there shall know.
    at_bounds = [_differs(witness, *asked[0], values) for values in sets[:2]]
    if any(at_bounds) or any(_differs(witness, *one, values) for values in sets for one in asked):
        return True
    return not sets or any(_matters(witness, name, asked[0][0], drawn) for drawn in _draws(witness, terms))


def _differs(witness: Witness, market: AuditedMarket, before: Answer, values: Values) -> bool:
    answer = witness.ask(market, values)
    if answer is None:
        return False
    check_values(witness, market, answer, values)
    return answer.distances != before.distances or first_difference(before, answer, len(market)) is not None


def _matters(witness: Witness, name: str, market: AuditedMarket, others: Values) -> bool:
    """Return whether the lowest and the highest value of a parameter differ, the others being what they are."""
    parameter = witness.subject.parameters[name]
    low, high = {**others, name: parameter.low}, {**others, name: parameter.high}
    if not (_fits(witness, low) and _fits(witness, high)):
        return False
    before = witness.ask(market, low)
    return before is not None and _differs(witness, market, before, high)


def _sets(witness: Witness, name: str) -> Iterator[Values]:
    """Yield the default values with other ones of one parameter: its bounds, and three between."""
    subject = witness.subject
    parameter = subject.parameters[name]
    between = np.linspace(parameter.low, parameter.high, 5)[1:-1].tolist()
    for value in dict.fromkeys(_typed(one, parameter) for one in (parameter.low, parameter.high, *between)):
        values = {**subject.defaults, name: value}
        if value != subject.defaults[name] and _fits(witness, values):
            yield values


def _draws(witness: Witness, terms: Terms) -> Iterator[Values]:
    """Yield values of all parameters drawn within their bounds: a switch among them may have kept one from acting."""
    random = np.random.default_rng(terms.seed + 2)
    parameters = witness.subject.parameters
    if len(parameters) < 2:  # noqa: PLR2004  it has no others
        return
    for _ in range(terms.draws):
        yield {other: _typed(random.uniform(one.low, one.high), one) for other, one in parameters.items()}


def _typed(value: float, parameter: Parameter) -> int | float:
    return round(value) if isinstance(parameter.default, int) else float(value)


def _fits(witness: Witness, values: Values) -> bool:
    try:
        witness.subject.check(values)
    except UsageError:
        return False
    return True
