"""The table of verdicts: what was found out about a version of a strategy."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, ForeignKey, Identity, Integer, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped

from alphafactory.store.schema.base import JSON, MOMENT, NOW, NUMBER, Model, column


class VerdictRow(Model):
    """What one audit of a version of a strategy said."""

    __tablename__ = "verdicts"
    __table_args__ = (
        UniqueConstraint("strategy_id", "kind", "evidence_hash"),
        {"comment": "What was found out about a version of a strategy. The same evidence is never gathered twice."},
    )
    id: Mapped[int] = column("Surrogate key.", BigInteger, Identity(always=True), primary_key=True)
    strategy_id: Mapped[int] = column("The version of the strategy.", ForeignKey("strategies.id"))
    kind: Mapped[str] = column("What was looked into: audit.", Text)
    evidence_hash: Mapped[str] = column(
        "Hash of the code that was audited, of the code that audits and of its terms.", Text
    )
    passed: Mapped[bool] = column("False where an error was found.", Boolean)
    errors: Mapped[int] = column("Findings that fail the strategy.", Integer)
    warnings: Mapped[int] = column("Findings that do not.", Integer)
    findings: Mapped[list[dict[str, Any]]] = column("Each finding: check, severity, message, symbol, session.", JSON)
    params: Mapped[dict[str, Any]] = column("The parameters that were audited.", JSON)
    symbols: Mapped[list[str]] = column("Tickers of the symbols that were looked at.", ARRAY(Text))
    cuts: Mapped[int] = column("Shorter histories on which signals were compared with the whole.", Integer)
    disturbances: Mapped[int] = column("Histories with other bars after some row on which they were.", Integer)
    warm_up_declared: Mapped[int | None] = column(
        "Bars after which the strategy says that the start of history is forgotten.", Integer
    )
    warm_up_median: Mapped[float | None] = column(
        "Median over symbols and starts of the bars after which it was; NULL where it was not measured.", NUMBER
    )
    warm_up_high: Mapped[float | None] = column("Their 95th percentile.", NUMBER)
    warm_up_worst: Mapped[int | None] = column("The most of them.", Integer)
    warm_up_never: Mapped[float | None] = column("Share of histories whose start was never forgotten.", NUMBER)
    seconds: Mapped[float] = column("Seconds it took.", NUMBER)
    job_run_id: Mapped[int | None] = column(
        "The run that asked for it; NULL if a person did.", BigInteger, ForeignKey("job_runs.id")
    )
    code_version: Mapped[str] = column("Version of AlphaFactory that audited.", Text)
    audited_at: Mapped[datetime] = column("When it was found, or found to stand again.", MOMENT, server_default=NOW)
