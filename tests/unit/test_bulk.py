"""Columns in PostgreSQL's binary forms: what is encoded is what stands in the bytes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alphafactory.store import bulk
from alphafactory.store.indicators import _row_hashes

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBERS = st.floats(allow_nan=True, allow_infinity=True, width=64)
DAYS = st.integers(-50_000, 50_000)
CELL = st.one_of(st.none(), NUMBERS)


def fields(content: bytes, width: int) -> Iterator[list[bytes | None]]:
    """Read rows of the COPY format as the manual describes them: a count, then length and bytes a field."""
    place = 0
    while place < len(content):
        (count,) = struct.unpack_from(">h", content, place)
        assert count == width
        place += 2
        row: list[bytes | None] = []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", content, place)
            place += 4
            row.append(None if length == -1 else content[place : place + length])
            place += max(length, 0)
        yield row
    assert place == len(content)


@given(st.lists(st.tuples(st.integers(-(2**31), 2**31 - 1), CELL, DAYS, st.booleans()), min_size=1, max_size=20))
def test_every_row_reads_back(rows: list[tuple[int, float | None, int, bool]]) -> None:
    keys, cells, days, absent = zip(*rows, strict=True)
    null = np.array([cell is None for cell in cells])
    columns = [
        bulk.ColumnData("key", "int4", np.array(keys, dtype=np.int64)),
        bulk.ColumnData("value", "float8", np.array([0.0 if cell is None else cell for cell in cells]), null),
        bulk.ColumnData("day", "date", np.datetime64("2000-01-01") + np.array(days), np.array(absent)),
        bulk.text_column("word", "wörd", len(rows)),
    ]
    found = list(fields(bulk._encode(columns, slice(0, len(rows))), 4))
    assert [field and struct.unpack(">i", field)[0] for field, *_ in found] == list(keys)
    expected = [None if cell is None else struct.pack(">d", cell) for cell in cells]
    assert [row[1] for row in found] == expected
    assert [row[2] for row in found] == [
        None if gone else struct.pack(">i", day) for day, gone in zip(days, absent, strict=True)
    ]
    assert {row[3] for row in found} == {"wörd".encode()}


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=6), min_size=1, max_size=5), st.data())
def test_texts_of_several_lengths_read_back(words: list[str], data: st.DataObject) -> None:
    codes = data.draw(st.lists(st.integers(0, len(words) - 1), max_size=20))
    absent = data.draw(st.lists(st.booleans(), min_size=len(codes), max_size=len(codes)))
    columns = [
        bulk.words_column("all", words, np.array(codes, dtype=np.int64)),
        bulk.words_column("some", words, np.array(codes, dtype=np.int64), np.array(absent, dtype=np.bool_)),
    ]
    found = list(fields(bulk._encode(columns, slice(0, len(codes))), 2))
    expected = [words[code].encode() for code in codes]
    assert [row[0] for row in found] == expected
    assert [row[1] for row in found] == [None if gone else w for gone, w in zip(absent, expected, strict=True)]


@given(st.lists(NUMBERS, max_size=20))
def test_an_array_has_the_server_s_form(values: list[float]) -> None:
    content = bulk.array_field(np.array(values, dtype=np.float64), "float8")
    dimensions, has_null, oid, length, lower = struct.unpack_from(">iiiii", content)
    assert (dimensions, has_null, oid, length, lower) == (1, 0, 701, len(values), 1)
    elements = list(struct.iter_unpack(">id", content[20:]))
    assert [size for size, _ in elements] == [8] * len(values)
    assert [struct.pack(">d", value) for _, value in elements] == [struct.pack(">d", value) for value in values]


@given(st.lists(NUMBERS, min_size=2, max_size=8), st.data())
def test_a_row_s_hash_changes_with_any_value(values: list[float], data: st.DataObject) -> None:
    columns = {f"c{place}": np.array([value]) for place, value in enumerate(values)}
    place = data.draw(st.integers(0, len(values) - 1))
    other = data.draw(NUMBERS.filter(lambda value: not np.array_equal(value, values[place], equal_nan=True)))
    changed = columns | {f"c{place}": np.array([other])}
    assert _row_hashes(columns)[0] != _row_hashes(changed)[0]
    assert _row_hashes(columns)[0] == _row_hashes(dict(reversed(columns.items())))[0]


def test_a_row_s_hash_tells_columns_apart() -> None:
    one, two, nothing = np.array([1.5]), np.array([2.5]), np.array([np.nan])
    found = [
        int(_row_hashes({names[0]: first, names[1]: second})[0])
        for names in (("sma_20", "sma_50"), ("sma_20", "a_name_that_ends_as_sma_50"))
        for first, second in ((one, two), (two, one), (one, one), (one, nothing), (nothing, one), (nothing, nothing))
    ]
    assert len(set(found[:6])) == 6
    assert _row_hashes({"a": np.array([0.0])})[0] == _row_hashes({"a": np.array([-0.0])})[0]
    assert _row_hashes({"a": nothing})[0] == _row_hashes({"a": -nothing})[0]
