"""Proves, as far as samples can, that a strategy does not peek: bars and a strategy in, a verdict out."""

from alphafactory.audit.judging import audit
from alphafactory.audit.market import AuditedMarket, market_of
from alphafactory.audit.subject import CodeFile, Subject, Terms
from alphafactory.audit.verdict import AuditFinding, Check, Verdict, WarmUp

__all__ = [
    "AuditFinding",
    "AuditedMarket",
    "Check",
    "CodeFile",
    "Subject",
    "Terms",
    "Verdict",
    "WarmUp",
    "audit",
    "market_of",
]
