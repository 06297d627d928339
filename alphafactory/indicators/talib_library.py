"""TA-Lib's door: the one module that imports the library, at the first call, because the import takes half a second."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from alphafactory.domain.arrays import FloatArray


def talib(function: str, *inputs: FloatArray, **options: float) -> tuple[FloatArray, ...]:
    """Call TA-Lib's function of that name on arrays of shape (bars,); options are TA-Lib's own keywords.

    Returns one array for each of its outputs, as TA-Lib gives it: float64 with NaN in the warm-up, or int32 with 0
    there for the candlestick patterns. The inputs must be free of NaN, for one NaN spoils every later value.
    """
    result = _find(function)(*inputs, **options)
    return cast("tuple[FloatArray, ...]", result if isinstance(result, tuple) else (result,))


@functools.cache
def _find(function: str) -> Callable[..., object]:
    import talib as library  # noqa: PLC0415  half a second, spent only where values are computed

    found = getattr(library, function)
    # What TA-Lib wraps its functions in only makes arrays of the columns of pandas and polars, for a third of the time.
    return cast("Callable[..., object]", getattr(found, "__wrapped__", found))
