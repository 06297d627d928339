"""Pages become files: a folder that opens from disk, whole at every moment.

Goes in: a folder and contexts. Comes out: `index.html`, `backtests/<id>.html` for the pages of the night,
`portfolios/<name>.html` for portfolios, `asked/<id>.html` and `asked/portfolio-<name>.html` for pages asked for one by
one, `correlations.html` for features that say the same, and `assets/` with one Plotly file, one style sheet and one
script that all share.

1. Every file is written to a hidden sibling, flushed to the disk and renamed, so that a reader sees the old file or the
   new one, and a full disk leaves the old report as it was.
2. Assets come first, then pages, then the index, so that nothing links to what is not there.
3. Pages of earlier nights that the new index does not list are removed last. Pages asked for stay, and so do assets,
   whose names carry a version or a hash, for the asked pages need the ones that they were made with.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from alphafactory.errors import ReportError
from alphafactory.reports.rendering import (
    Assets,
    render_backtest,
    render_correlations,
    render_index,
    render_portfolio,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from alphafactory.reports.contexts import BacktestContext, NightContext
    from alphafactory.reports.correlation_contexts import CorrelationPage
    from alphafactory.reports.portfolio_contexts import PortfolioPage

_ASSETS = Path(__file__).parent / "assets"
_CORRELATIONS = "correlations.html"
_PAGE_NAME = re.compile(r"\d+\.html")
_PORTFOLIO_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_PORTFOLIO_PAGE_NAME = re.compile(rf"{_PORTFOLIO_NAME.pattern}\.html")
_TEMPORARY_NAME = re.compile(r"\..+\.(\d+)\.tmp")

_REMEDIES = {
    errno.ENOSPC: "The disk is full: free some space, or point reports.dir to another disk, and run `report` again.",
    errno.EDQUOT: "The disk quota is used up: free some space, or point reports.dir elsewhere, and run `report` again.",
    errno.EFBIG: "The file would exceed the size limit of this process: raise it, and run `report` again.",
    errno.EACCES: "Writing is not permitted there: change the folder's permissions, or set reports.dir.",
    errno.EPERM: "Writing is not permitted there: change the folder's permissions, or set reports.dir.",
    errno.EROFS: "The disk is read-only: point reports.dir to a writable folder.",
    errno.ENOTDIR: "A file stands where a folder should be: move it away, or set reports.dir.",
    errno.EEXIST: "A file stands where a folder should be: move it away, or set reports.dir.",
}


def write_report(
    folder: Path,
    night: NightContext,
    backtests: Iterable[BacktestContext],
    standing: Collection[int] = (),
    portfolios: Iterable[PortfolioPage] = (),
) -> Path:
    """Write the night's whole report and return the path of its index.

    `backtests` and `portfolios` are rendered and written one at a time, so a generator keeps memory small; `standing`
    are backtests whose pages of an earlier night stay as they are. The index links to exactly these pages.

    Raises:
        ReportError: a file could not be written; the index that was there before is untouched.
    """
    assets = write_assets(folder)
    pages = {key: f"backtests/{key}.html" for key in standing}
    for context in backtests:
        name = f"backtests/{context.backtest_id}.html"
        _write_text(folder / name, render_backtest(context, assets, "../index.html") + _seal(context.stamp))
        pages[context.backtest_id] = name
    portfolio_pages = {}
    for page in portfolios:
        name = f"portfolios/{_file_name(page)}"
        _write_text(folder / name, render_portfolio(page, assets, "../index.html"))
        portfolio_pages[page.name] = name
    if night.correlations is not None:
        _write_text(folder / _CORRELATIONS, render_correlations(night.correlations, assets, "index.html"))
    index = folder / "index.html"
    _write_text(index, render_index(night, pages, assets, portfolio_pages))
    _remove_others(folder / "backtests", {Path(name).name for name in pages.values()}, _PAGE_NAME)
    _remove_others(folder / "portfolios", {Path(name).name for name in portfolio_pages.values()}, _PORTFOLIO_PAGE_NAME)
    return index


def standing_pages(folder: Path, stamps: Mapping[int, str]) -> set[int]:
    """Return the backtests whose page is there and was made from just this stamp, so that it need not be made again."""
    return {key for key, stamp in stamps.items() if _ends_with(folder / "backtests" / f"{key}.html", _seal(stamp))}


def _seal(stamp: str) -> str:
    return f"<!-- {stamp} -->\n"


def _ends_with(path: Path, ending: str) -> bool:
    wanted = ending.encode()
    try:
        with path.open("rb") as file:
            file.seek(-len(wanted), os.SEEK_END)
            return file.read() == wanted
    except OSError:
        return False


def write_backtest_page(folder: Path, context: BacktestContext) -> Path:
    """Write one backtest's page to `asked/<id>.html`, where no later night removes it, and return its path.

    Raises:
        ReportError: the page could not be written.
    """
    index = "../index.html" if (folder / "index.html").exists() else None
    path = folder / "asked" / f"{context.backtest_id}.html"
    _write_text(path, render_backtest(context, write_assets(folder), index))
    return path


def write_portfolio_page(folder: Path, page: PortfolioPage) -> Path:
    """Write one portfolio's page to `asked/portfolio-<name>.html`, where no later night removes it; return its path.

    Raises:
        ReportError: the page could not be written, or no file can have the portfolio's name.
    """
    index = "../index.html" if (folder / "index.html").exists() else None
    path = folder / "asked" / f"portfolio-{_file_name(page)}"
    _write_text(path, render_portfolio(page, write_assets(folder), index))
    return path


def write_correlation_page(folder: Path, page: CorrelationPage) -> Path:
    """Write the page of feature correlations to `correlations.html` and return its path.

    Raises:
        ReportError: the page could not be written.
    """
    index = "index.html" if (folder / "index.html").exists() else None
    path = folder / _CORRELATIONS
    _write_text(path, render_correlations(page, write_assets(folder), index))
    return path


def _file_name(page: PortfolioPage) -> str:
    if _PORTFOLIO_NAME.fullmatch(page.name) is None:
        raise ReportError(f"No file can be named after the portfolio '{page.name}': use letters, digits, - and _.")
    return f"{page.name}.html"


def write_assets(folder: Path) -> Assets:
    """Write the files that all pages share, unless they stand there already, and return their names."""
    import plotly  # noqa: PLC0415 - 0.05 s that only a written report should pay
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - the same

    style = (_ASSETS / "report.css").read_bytes()
    script = (_ASSETS / "report.js").read_bytes()
    assets = Assets(
        style=f"report-{_digest(style)}.css",
        script=f"report-{_digest(script)}.js",
        plotly=f"plotly-{plotly.__version__}.min.js",
    )
    contents = {assets.style: style, assets.script: script, assets.plotly: get_plotlyjs().encode()}
    for name, content in contents.items():
        _write_once(folder / "assets" / name, content)
    return assets


def _write_once(path: Path, content: bytes) -> None:
    """Leave a file of the right size alone; its name already says what it holds."""
    try:
        there = path.stat().st_size == len(content)
    except OSError:
        there = False
    if not there:
        _write_bytes(path, content)


def _write_text(path: Path, text: str) -> None:
    _write_bytes(path, text.encode())


def _write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _explain(path, error) from error


def _explain(path: Path, error: OSError) -> ReportError:
    reason = error.strerror or type(error).__name__
    remedy = _REMEDIES.get(error.errno or 0, "Check the folder, or set reports.dir, and run `report` again.")
    return ReportError(f"The report file {path} could not be written ({reason}); the earlier one is kept. {remedy}")


def _remove_others(folder: Path, kept: set[str], pattern: re.Pattern[str]) -> None:
    """Remove the pages of earlier nights, and what a killed process left half-written."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        stale = pattern.fullmatch(path.name) is not None and path.name not in kept
        if stale or _is_abandoned(path.name):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise ReportError(f"The old page {path} could not be removed ({error}). Remove it by hand.") from error


def _is_abandoned(name: str) -> bool:
    import psutil  # noqa: PLC0415 - asked only where such a file may stand

    match = _TEMPORARY_NAME.fullmatch(name)
    return match is not None and not psutil.pid_exists(int(match[1]))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:10]
