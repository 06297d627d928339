"""A comparison in sentences: what each strategy shows against its benchmarks, and whether chance would show it too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alphafactory.metrics.significance import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_REASONS = {
    "zero_volatility": "one of the two never moves",
    "too_few_returns": "there are too few returns",
    "too_few_returns_vary": "one of the two moves on too few days",
}


def sentences(
    comparison: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], benchmarks: Mapping[str, str]
) -> list[str]:
    """Return a sentence for each strategy that was asked about and each benchmark.

    Args:
        comparison: the columns of the table `comparisons`.
        rows: those of `comparison_rows`, in order of rank.
        benchmarks: `baseline` and `hold`, each with its strategy's name.
    """
    said = [
        _sentence(row, key, other)
        for row in rows
        if row["strategy"] in comparison["strategies"]
        for key, other in benchmarks.items()
        if other != row["strategy"] and not (key == "hold" and benchmarks["baseline"] == other)
    ]
    return [*said, *_spread(rows), _how(comparison, rows)]


def is_more_than_chance(row: Mapping[str, Any], benchmark: str) -> bool | None:
    """Return whether the difference of Sharpe ratios survives the test; None where there is none."""
    adjusted = row[f"sharpe_over_{benchmark}_p_holm"]
    return None if adjusted is None else bool(adjusted <= 1.0 - CONFIDENCE)


def _sentence(row: Mapping[str, Any], benchmark: str, other: str) -> str:
    column = f"sharpe_over_{benchmark}"
    subject = f"{row['strategy']} against {other}"
    if row[column] is None:
        reason = row["undefined"].get(column, "")
        return f"{subject}: there is no difference of Sharpe ratios to test, for {_REASONS.get(reason, reason)}."
    value, p, adjusted = row[column], row[f"{column}_p"], row[f"{column}_p_holm"]
    direction = "higher" if value >= 0.0 else "lower"
    verdict = "more than chance explains" if is_more_than_chance(row, benchmark) else "not distinguishable from chance"
    interval = f"{CONFIDENCE * 100:.0f} % interval {row[f'{column}_low']:.2f} to {row[f'{column}_high']:.2f}"
    return (
        f"{subject}: the Sharpe ratio is {abs(value):.2f} {direction} ({interval}), p {_p(p)}, after Holm p "
        f"{_p(adjusted)}: {verdict}."
    )


def _spread(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what to mind where one account of all symbols stands beside accounts of one symbol each."""
    alone = [row["strategy"] for row in rows if row["scope"] == "universe"]
    if not alone:
        return []
    words = (
        f"{', '.join(alone)}: one account for all symbols, spread as no account of one symbol is; the ranking is "
        "therefore by the Sharpe ratios of averages, not by medians."
    )
    return [words]


def _how(comparison: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    lengths = [row[f"block_length_{key}"] for row in rows for key in ("baseline", "hold")]
    known = [length for length in lengths if length is not None]
    blocks = f", blocks of {min(known):.1f} to {max(known):.1f} sessions" if known else ""
    return (
        f"Tested on the average of {len(comparison['symbols'])} symbols over {comparison['n_sessions']:,} sessions "
        f"from {comparison['start_session']} to {comparison['end_session']}: {comparison['draws']:,} draws of the "
        f"stationary bootstrap{blocks}, seed {comparison['seed']}."
    )


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"  # noqa: PLR2004  three digits are shown
