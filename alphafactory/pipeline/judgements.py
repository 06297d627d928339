"""What the gate has found, for a person to read and to judge. In: the tables. Out: findings, a symbol's standing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.errors import UsageError
from alphafactory.pipeline.aliases import the_symbol
from alphafactory.quality.gate import discover_rules
from alphafactory.store import bars, findings, scores, symbols

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.database import Connection
    from alphafactory.store.findings import Verdict

_NIGHTS = 10


def open_findings(workspace: Workspace, symbol: str | None = None, severity: str | None = None) -> list[dict[str, Any]]:
    """Return the findings open as of the night, the worst first, each with its rule's reason and remedy.

    Raises:
        UnknownNameError: There is no such symbol.
    """
    rules = discover_rules()
    with workspace.database.begin() as connection:
        ticker = the_symbol(connection, symbol).ticker if symbol is not None else None
        found = findings.read_findings(connection, ticker, workspace.cutoff)
    known = set(rules.names())
    return [
        {
            **row,
            "reason": rules.get(row["rule"]).reason if row["rule"] in known else None,
            "remedy": rules.get(row["rule"]).remedy if row["rule"] in known else None,
        }
        for row in found
        if severity is None or row["severity"] == severity
    ]


def symbol_standing(workspace: Workspace, symbol: str) -> dict[str, Any]:
    """Return a symbol's score with its parts, and its scores over the last nights, the oldest first.

    `score` and `parts` are None where no night has judged it yet.
    """
    with workspace.database.begin() as connection:
        row = the_symbol(connection, symbol)
        nights = scores.read_nights(connection, row.id, workspace.as_of, _NIGHTS)
    newest = nights[-1] if nights else {"score": None, "parts": None}
    return {
        "symbol": row.ticker,
        "score": newest["score"],
        "minimum": workspace.config.quality.minimum_score,
        "parts": newest["parts"],
        "trend": [{"night": night["night"], "score": night["score"]} for night in nights],
    }


def judge(workspace: Workspace, key: int, verdict: Verdict, note: str) -> dict[str, Any]:
    """Write a person's judgement of an open finding; return the finding with `effect`, what follows, in a sentence.

    Raises:
        UnknownNameError: No finding with this number is open.
        UsageError: A bar of the future was to be accepted.
    """
    with workspace.database.begin() as connection:
        found = findings.judge_finding(connection, key, verdict, note, workspace.now)
        if verdict == "accepted" and found["rule"] == "future_session":
            raise UsageError(
                f"{found['subject']} {found['session']} lies in the future: no judgement makes its bar usable before "
                "it has traded. Correct the date in the source."
            )
        held = _has_bar(connection, workspace, found["subject"], found["session"])
        others = [
            row["id"]
            for row in findings.read_findings(connection, found["subject"])
            if row["quarantined"] and row["session"] == found["session"] and row["id"] != key
        ]
    effect = _effect(verdict, found["session"], others, held=held)
    return {**found, "judgement": verdict, "note": note, "effect": effect}


def _has_bar(connection: Connection, workspace: Workspace, subject: str, session: date | None) -> bool:
    rows = [row for row in symbols.read_symbols(connection) if row.ticker == subject]
    if session is None or not rows:
        return False
    held = bars.read_held(connection, [row.id for row in rows], workspace.cutoff)
    return any(np.isin(np.datetime64(session, "D"), days) for of in held.values() for days in of.values())


def _effect(verdict: Verdict, session: date | None, others: Sequence[int], *, held: bool) -> str:
    if session is None:
        return "It is about no single bar: the judgement is kept with it, but keeps no bar in or out."
    if not held:
        return f"The tables hold no bar of {session}: the judgement is kept, but there is nothing to use or leave out."
    if verdict == "accepted" and others:
        listed = ", ".join(map(str, others))
        return f"The bar of {session} stays out all the same, because of other findings: {listed}."
    use = "used" if verdict == "accepted" else "not used"
    return f"The bar of {session} is {use} from the next night on, as long as its values stay the same."
