"""The standard features of 400 symbols, which the night computes: what the catalogue adds to TA-Lib itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import measuring
from measuring import Row, demand_equal

from alphafactory.indicators.catalogue import chosen_definitions, compute_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import Bars

TARGET = 0.6
SYMBOLS = 400


def talib_alone(bars: Bars) -> dict[str, FloatArray]:
    """Return the columns that are TA-Lib's own, by the shortest way; the derived ones are left out."""
    import talib  # noqa: PLC0415  the peer

    o, h, low, c, v = bars.open, bars.high, bars.low, bars.close, bars.volume
    line, signal, histogram = talib.MACD(c, 12, 26, 9)
    k, d = talib.STOCH(h, low, c, 14, 3, 0, 3, 0)
    upper, middle, lower = talib.BBANDS(c, 20, 2.0, 2.0, 0)
    return {
        **{f"sma_{n}": talib.SMA(c, n) for n in (20, 50, 200)},
        **{f"ema_{n}": talib.EMA(c, n) for n in (12, 26)},
        **{f"rsi_{n}": talib.RSI(c, n) for n in (14, 7)},
        "macd_line": line,
        "macd_signal": signal,
        "macd_histogram": histogram,
        "stochastic_k": k,
        "stochastic_d": d,
        "williams_r_14": talib.WILLR(h, low, c, 14),
        "roc_10": talib.ROC(c, 10),
        "adx_14": talib.ADX(h, low, c, 14),
        "bollinger_upper": upper,
        "bollinger_middle": middle,
        "bollinger_lower": lower,
        "atr_14": talib.ATR(h, low, c, 14),
        "standard_deviation_20": talib.STDDEV(c, 20, 1.0),
        "obv": talib.OBV(c, v),
        "ad_line": talib.AD(h, low, c, v),
        "adosc": talib.ADOSC(h, low, c, v, 3, 10),
        "parabolic_sar": talib.SAR(h, low, 0.02, 0.2),
        "doji": talib.CDLDOJI(o, h, low, c),
        "hammer": talib.CDLHAMMER(o, h, low, c),
        "engulfing": talib.CDLENGULFING(o, h, low, c),
        "morning_star": talib.CDLMORNINGSTAR(o, h, low, c, 0.3),
        "evening_star": talib.CDLEVENINGSTAR(o, h, low, c, 0.3),
    }


def run() -> Iterator[Row]:
    """Compute every column for every symbol, and TA-Lib's own columns alone."""
    symbols = dict(list(measuring.bars_by_symbol(measuring.read_prices()).items())[:SYMBOLS])
    warm_up = {definition.name: definition.warm_up for definition in chosen_definitions("standard")}
    names = list(warm_up)
    for ticker, bars in list(symbols.items())[:20]:
        ours, theirs = compute_columns(bars, names), talib_alone(bars)
        for name, values in theirs.items():
            # In the warm-up of a pattern TA-Lib answers 0, "no pattern", where we answer "not known".
            rows = slice(warm_up[name], None)
            demand_equal(f"{ticker} {name}", ours[name][rows], values[rows], 1e-9)
    own = measuring.seconds(lambda: [compute_columns(bars, names) for bars in symbols.values()], repeats=3)
    floor = measuring.seconds(lambda: [talib_alone(bars) for bars in symbols.values()], repeats=3)
    bars_in_all = sum(len(bars) for bars in symbols.values())
    claim = f"{len(warm_up)} features computed, {len(symbols)} symbols, {bars_in_all} bars"
    yield Row(claim, own, target=TARGET, peer=f"TA-Lib alone, {len(theirs)} of them (floor)", peer_measured=floor)


if __name__ == "__main__":
    measuring.finish(run)
