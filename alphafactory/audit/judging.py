"""The audit of one strategy with its default parameters.

1. Its source is read: files, networks, clocks, unseeded chance, variables that outlive a call.
2. On each market it is asked about a third of the history first, so that whoever remembers the first answer has a wrong
   one; then about all of it, twice.
3. The history is cut at many rows, and bars after some rows are replaced: no row up to there may change.
4. Histories begin later: from which bar on do the targets agree with the whole?
5. Values, missing numbers, gaps and late listings, parameters that change nothing.
6. Copies of it that were never asked before say the same, and what its modules hold now is what they held before.

A strategy that fails somewhere is a finding; the audit goes on with the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alphafactory.audit.behaviour import (
    check_effects,
    check_gaps,
    check_memory,
    check_missing,
    check_repeatable,
    check_values,
)
from alphafactory.audit.look_ahead import check_cuts, check_disturbances
from alphafactory.audit.memory import changed, kept_in
from alphafactory.audit.source_code import faults_in
from alphafactory.audit.subject import Terms
from alphafactory.audit.verdict import Verdict
from alphafactory.audit.warming import judge_warm_up, short_histories
from alphafactory.audit.witness import Witness
from alphafactory.errors import SimulationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.audit.behaviour import Asked
    from alphafactory.audit.market import AuditedMarket
    from alphafactory.audit.subject import Subject
    from alphafactory.audit.warming import ShortHistory


def audit(subject: Subject, markets: Sequence[AuditedMarket], terms: Terms | None = None) -> Verdict:
    """Return the verdict on a strategy; the same subject, markets and terms give the same.

    Raises:
        SimulationError: there is no market.
    """
    if not markets:
        raise SimulationError(f"The strategy '{subject.name}' cannot be audited without a symbol that has bars.")
    chosen, witness = terms or Terms(), Witness(subject)
    _check_code(witness)
    before = kept_in(subject.namespaces)
    asked, cuts, disturbances, measured = _check_markets(witness, markets, chosen)
    if asked:
        check_effects(witness, asked, chosen)
    _check_variables(witness, before)
    return Verdict(
        strategy=subject.name,
        warm_up=judge_warm_up(witness, measured),
        findings=witness.findings,
        symbols=tuple(ticker for market in markets for ticker in market.tickers),
        cuts=cuts,
        disturbances=disturbances,
        asked=witness.asked,
    )


def _check_markets(
    witness: Witness, markets: Sequence[AuditedMarket], terms: Terms
) -> tuple[list[Asked], int, int, list[ShortHistory]]:
    """Return the markets with the answers to them, the cuts, the disturbances, and what short histories showed."""
    asked: list[Asked] = []
    cuts = disturbances = 0
    measured: list[ShortHistory] = []
    for market in markets:
        witness.ask(market.until(len(market) // 3))
        whole = witness.ask(market)
        if whole is None:
            continue
        asked.append((market, whole))
        check_values(witness, market, whole)
        check_missing(witness, market, whole)
        if not check_repeatable(witness, market, whole):
            continue  # whatever else is compared would differ for the same reason
        cuts += check_cuts(witness, market, whole, terms)
        disturbances += check_disturbances(witness, market, whole, terms)
        measured += short_histories(witness, market, whole, terms)
        if not witness.has_found("look_ahead"):
            check_memory(witness, market, whole, terms)
        check_gaps(witness, market, terms)
    return asked, cuts, disturbances, measured


def _check_code(witness: Witness) -> None:
    for file in witness.subject.code:
        refused, unknown = faults_in(file)
        for line, fault in refused:
            witness.error("code", f"{file.label}:{line}: {fault}.")
        for line, fault in unknown:
            witness.warning("code", f"{file.label}:{line}: {fault}.")


def _check_variables(witness: Witness, before: dict[str, str]) -> None:
    names = changed(before, kept_in(witness.subject.namespaces))
    if names:
        witness.error(
            "state",
            f"It keeps something between calls: {', '.join(names)} changed during the audit. An answer may depend on "
            "the arguments alone; what is costly and depends on plain numbers may be kept by functools.cache.",
        )
