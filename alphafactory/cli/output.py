"""How results are shown. In: rows, values, texts. Out: a table, CSV or one JSON value on stdout; secrets hidden."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

_URL_PASSWORD = re.compile(r"(\w+://[^:/@\s]*):[^\s]*@")
_WORD_PASSWORD = re.compile(r"(password\s*=\s*)('[^']*'|[^\s&'\"]+)", re.IGNORECASE)
_WIDTH_OF_A_FILE = 400
_EMPTY = "-"


def mask_secrets(text: str) -> str:
    """Hide the passwords of URLs and of libpq's words in a text."""
    return _WORD_PASSWORD.sub(r"\1***", _URL_PASSWORD.sub(r"\1:***@", text))


def one_line(message: str) -> str:
    """Put a message into one line."""
    return " ".join(message.split())


def print_json(value: object) -> None:
    """Print one JSON value; a number that JSON does not have (NaN, infinity) is null."""
    sys.stdout.write(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_line(text: str = "") -> None:
    """Print one line on stdout."""
    sys.stdout.write(mask_secrets(text) + "\n")


def print_note(text: str) -> None:
    """Print one line on stderr, where it does not mix with results."""
    sys.stderr.write(mask_secrets(text) + "\n")
    sys.stderr.flush()


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a header and rows as CSV."""
    import csv  # noqa: PLC0415  one command in thirty needs it

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([["" if value is None else plain(value) for value in row] for row in rows])


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print a table; numbers stand to the right. In a file nothing is cut to a terminal's width."""
    from rich import box  # noqa: PLC0415  0.1 s that the other commands need not wait
    from rich.console import Console  # noqa: PLC0415  as above
    from rich.table import Table  # noqa: PLC0415  as above
    from rich.text import Text  # noqa: PLC0415  as above

    rows = [list(row) for row in rows]
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        numeric = any(isinstance(row[index], int | float | Decimal) for row in rows)
        table.add_column(Text(column), justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(Text(mask_secrets(shown(value))) for value in row))
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_FILE
    with console.capture() as captured:  # Rich itself would answer a broken pipe by ending the process
        console.print(table)
    sys.stdout.write(captured.get())


def shown(value: object) -> str:
    """Write a value for a person: four digits behind the point, thousands apart, a dash for what is undefined."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return _EMPTY
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float | Decimal):
        digits = f"{value:,.4f}".rstrip("0").rstrip(".") if math.isfinite(value) else str(value)
        return "0" if digits == "-0" else digits
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M %Z").strip()
    return json.dumps(plain(value)) if isinstance(value, Mapping | list | tuple) else str(value)


def plain(value: object) -> Any:
    """Turn a value into what JSON has: numbers, texts, lists, objects, null."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, bytes | memoryview | Path):
        return [plain(member) for member in value]
    item = getattr(value, "item", None)  # a NumPy scalar
    return plain(item()) if callable(item) else str(value)
