"""Turns a file's column of times into the opening instants of intraday bars, and these into sessions.

Goes in: an Arrow column of timestamps or texts, and the zone of times that name none. Comes out: instants in UTC beside
a mask of the cells that mean nothing. Whole columns of one ISO form are read at once, anything else once a text.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from alphafactory.domain.timeframes import SECONDS
from alphafactory.errors import SourceError
from alphafactory.sources.parsing import distinct_texts

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, DateArray
    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.timeframes import Timeframe

_HAS_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}"


def parse_instants(column: Any, date_format: str | None, zone: str) -> tuple[DateArray, BoolArray]:
    """Return the instants in UTC, datetime64[us], NaT where the cell is no date with a time, and those cells' mask.

    A time without a zone of its own is one of `zone`; of an hour that a change of clocks repeats, it is the first.
    """
    import pyarrow as pa  # noqa: PLC0415  0.2 s: only when a file is read
    import pyarrow.compute as pc  # noqa: PLC0415

    if pa.types.is_timestamp(column.type):
        found = _in_utc(column, zone)
    else:
        found = None if date_format is not None else _iso_instants(pc.cast(column, pa.string()), zone)
    if found is not None:
        instants = np.asarray(found.to_numpy(), dtype="datetime64[us]")
        return instants, np.isnat(instants)
    texts, codes = distinct_texts(column)
    parsed = [_parse_instant(text, date_format, ZoneInfo(zone)) for text in texts]
    distinct = np.array([np.datetime64("NaT") if one is None else one for one in parsed], dtype="datetime64[us]")
    instants = distinct[codes] if len(distinct) else np.full(len(codes), np.datetime64("NaT"), dtype="datetime64[us]")
    return instants, np.isnat(instants)


def _iso_instants(texts: Any, zone: str) -> Any:
    """Return the column as timestamps without a zone, in UTC; None where not every cell is written in one ISO form."""
    import pyarrow as pa  # noqa: PLC0415  as above
    import pyarrow.compute as pc  # noqa: PLC0415

    if not pc.all(pc.fill_null(pc.match_substring_regex(texts, _HAS_TIME), fill_value=False)).as_py():
        return None
    for kind in (pa.timestamp("us"), pa.timestamp("us", tz="UTC")):  # Arrow takes the one without zones, or with
        try:
            return _in_utc(pc.cast(texts, kind), zone)
        except pa.ArrowInvalid:
            continue
    return None


def _in_utc(column: Any, zone: str) -> Any:
    import pyarrow as pa  # noqa: PLC0415  as above
    import pyarrow.compute as pc  # noqa: PLC0415

    if column.type.tz is None:
        column = pc.assume_timezone(column, zone, ambiguous="earliest", nonexistent="latest")
    return pc.cast(pc.cast(column, pa.timestamp("us", tz="UTC"), safe=False), pa.timestamp("us"))


def _parse_instant(text: str, date_format: str | None, zone: ZoneInfo) -> datetime | None:
    try:
        if date_format is not None:
            moment = datetime.strptime(text, date_format)  # noqa: DTZ007  a zone is given below where there is none
        elif re.match(_HAS_TIME, text):
            moment = datetime.fromisoformat(text)
        else:
            return None
        moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
        return moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def local_dates(instants: DateArray, zone: str) -> DateArray:
    """Return, shape (n,), the date on which each instant of UTC falls in the zone; NaT stays NaT."""
    import pyarrow as pa  # noqa: PLC0415  as above
    import pyarrow.compute as pc  # noqa: PLC0415

    moments = pc.assume_timezone(pa.array(instants.astype("datetime64[us]")), "UTC")
    local = pc.local_timestamp(pc.cast(moments, pa.timestamp("us", tz=zone)))
    dates: DateArray = np.asarray(local.to_numpy(zero_copy_only=False), dtype="datetime64[us]").astype("datetime64[D]")
    return dates


def checked_zone(zone: str) -> str:
    """Return the zone.

    Raises:
        SourceError: There is no such time zone.
    """
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise SourceError(
            f"sources.csv.timezone: there is no time zone '{zone}'. Write one as America/New_York or UTC."
        ) from error
    return zone


def refuse_other_lengths(batch: BarBatch, timeframe: Timeframe, path: str) -> None:
    """Return if the bars can be of that length.

    Raises:
        SourceError: They mostly follow sooner than a bar lasts, or never as soon.
    """
    bars = batch.ordered()
    steps = np.diff(bars.times)[np.diff(bars.codes) == 0] / np.timedelta64(1, "s")
    steps = steps[steps > 0]
    if len(steps) and (np.median(steps) < SECONDS[timeframe] or steps.min() > SECONDS[timeframe]):
        raise SourceError(
            f"{path}: bars follow one another after {np.median(steps):.0f} seconds mostly, {steps.min():.0f} at least, "
            f"but sources.csv.timeframe says {timeframe}. Correct it, or the file."
        )
