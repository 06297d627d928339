"""The report as a reader meets it: opened from disk in headless Chromium, offline, in every scheme and size."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from browser.backtest_samples import sample_backtest
from browser.portfolio_samples import sample_portfolio, sample_portfolio_rows
from browser.report_samples import sample_night

from alphafactory.reports.contexts import FindingRow
from alphafactory.reports.writing import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
EVIL = "<script>window.evil=1</script>"
DRAWN = "html[data-charts=drawn]"
NO_OVERFLOW = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@dataclass
class Opened:
    """A page, and everything it should not have done."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = os.environ.get("ALPHAFACTORY_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium: install Debian's package chromium, or set ALPHAFACTORY_CHROMIUM to its path")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - nothing to drive where there is no Chromium

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    night = replace(sample_night(400, partial=True), portfolios=sample_portfolio_rows())
    backtests = [sample_backtest(0), sample_backtest(2)]
    return write_report(tmp_path_factory.mktemp("report"), night, backtests, portfolios=[sample_portfolio()])


@contextmanager
def opened(browser: Browser, path: Path, **options: Any) -> Iterator[Opened]:
    page = browser.new_page(**{"viewport": {"width": 1440, "height": 900}, **options})
    found = Opened(page)
    page.on("console", lambda message: found.complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: found.complaints.append(f"error: {error}"))
    page.on("request", lambda request: found.requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector(DRAWN, timeout=20_000)
    yield found
    page.close()


def column_values(page: Page, heading: str) -> list[str]:
    script = """(heading) => {
      const table = document.getElementById("ranking-table");
      const at = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent.trim() === heading);
      return [...table.tBodies[0].rows].map((row) => row.cells[at].dataset.v ?? row.cells[at].textContent.trim());
    }"""
    return [str(value) for value in page.evaluate(script, heading)]


def heading_of(page: Page, words: str) -> Any:
    return page.locator("#ranking-table thead th").filter(has_text=words)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index.html", "backtests/0.html", "portfolios/core.html"])
def test_opens_from_disk_in_silence_and_draws_every_chart(
    chromium: Browser, report: Path, name: str, scheme: str
) -> None:
    with opened(chromium, report.parent / name, color_scheme=scheme) as found:
        charts = found.page.locator(".chart").count()
        assert charts == (2 if name == "index.html" else 3)
        assert found.page.locator(".chart .main-svg").count() >= charts
        assert found.page.locator(".chart .trace, .chart .boxlayer path").count() >= 3
        assert found.complaints == []
        assert len(found.requests) == 4
        assert all(url.startswith("file://") for url in found.requests)
        ground = found.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(17, 21, 26)") is (scheme == "dark")


@pytest.mark.parametrize("width", [320, 360, 768])
@pytest.mark.parametrize("name", ["index.html", "backtests/0.html", "portfolios/core.html"])
def test_narrow_pages_never_scroll_sideways(chromium: Browser, report: Path, name: str, width: int) -> None:
    with opened(chromium, report.parent / name, viewport={"width": width, "height": 760}) as found:
        assert found.page.evaluate(NO_OVERFLOW)
        if name == "index.html":
            scroller = found.page.locator("#ranking .scroll")
            assert scroller.evaluate("(element) => element.scrollWidth > element.clientWidth")
            scroller.evaluate("(element) => { element.scrollLeft = 400; }")
            symbol = found.page.locator("#ranking-table tbody th").first
            assert symbol.evaluate("(cell) => cell.getBoundingClientRect().left >= 0")


def test_a_portfolio_zooms_as_one_and_its_orders_are_cards_on_a_phone(chromium: Browser, report: Path) -> None:
    path = report.parent / "portfolios" / "core.html"
    with opened(chromium, path) as found:
        page = found.page
        assert page.locator("#orders thead").is_visible()
        page.evaluate("Plotly.relayout('chart-equity', {'xaxis.range': ['2017-01-02', '2018-01-02']}).then(() => null)")
        zoomed = "document.getElementById('chart-exposures').layout.xaxis.range[0].startsWith('2017-01-02')"
        page.wait_for_function(zoomed, timeout=5_000)
        page.get_by_role("button", name="Log scale").click()
        assert page.evaluate("document.getElementById('chart-equity')._fullLayout.yaxis.type") == "log"
        assert found.complaints == []
    with opened(chromium, path, viewport={"width": 360, "height": 760}) as found:
        row = found.page.locator("#orders tbody tr").nth(2)
        assert not found.page.locator("#orders thead").is_visible()
        label = "(cell) => getComputedStyle(cell, '::before').content"
        cells = [(cell.evaluate(label).strip('"'), cell.inner_text()) for cell in row.locator("td").all()]
        assert {("Quantity", "16"), ("Limit", "291.50"), ("Stop", "268.18"), ("Type", "limit")} <= set(cells)
        for cell in row.locator("td").all():
            box = cell.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= 360


def test_what_changed_and_the_trends_need_no_script(chromium: Browser, report: Path) -> None:
    page = chromium.new_page(viewport={"width": 320, "height": 760}, java_script_enabled=False)
    page.goto(report.as_uri())
    for section in ("past", "sources", "quality"):
        box = page.locator(f"#{section}").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
    trends = page.get_by_role("img", name="tonight")
    assert trends.count() == 10
    assert all(trend.bounding_box() for trend in trends.all())
    assert page.get_by_role("region", name="Restated bars").is_visible()
    page.close()


def test_numbers_sort_as_numbers_and_undefined_come_last_both_ways(chromium: Browser, report: Path) -> None:
    with opened(chromium, report) as found:
        for words in ("Sharpe", "Return", "Win rate"):
            orders = {}
            for _ in range(2):
                heading_of(found.page, words).get_by_role("button").click()
                order = heading_of(found.page, words).get_attribute("aria-sort")
                values = column_values(found.page, words)
                numbers = [float(value) for value in values if value]
                assert len(values) == 800
                assert values[len(numbers) :] == [""] * (800 - len(numbers))
                assert numbers == sorted(numbers, reverse=order == "descending")
                orders[order] = len(numbers)
            assert set(orders) == {"ascending", "descending"}
        assert orders["ascending"] < 800, "the sample has undefined win rates, or nothing was shown of their place"


def test_words_sort_by_keyboard(chromium: Browser, report: Path) -> None:
    with opened(chromium, report) as found:
        heading_of(found.page, "Symbol").get_by_role("button").focus()
        found.page.keyboard.press("Enter")
        symbols = column_values(found.page, "Symbol")
        assert symbols == sorted(symbols)
        found.page.keyboard.press("Enter")
        assert column_values(found.page, "Symbol") == sorted(symbols, reverse=True)
        assert found.page.locator("#ranking-table th[aria-sort]").count() == 1


def test_filters_narrow_the_ranking_and_survive_a_sort(chromium: Browser, report: Path) -> None:
    with opened(chromium, report) as found:
        page = found.page
        page.locator("input[name=text]").fill("energy sma")
        energy = column_values(page, "Sector")
        assert 0 < len(energy) < 100
        assert set(energy) == {"Energy"}
        heading_of(page, "CAGR").get_by_role("button").click()
        assert len(column_values(page, "CAGR")) == len(energy)
        assert page.locator(".filters output").inner_text() == f"{len(energy)} of 800 backtests"
        page.locator("input[name=text]").fill("")
        page.locator("input[name=benchmark]").uncheck()
        assert len(column_values(page, "Symbol")) == 400
        page.locator("input[name=changed]").check()
        assert len(column_values(page, "Symbol")) == 80
        page.locator("select[name=sector]").select_option("Utilities")
        assert set(column_values(page, "Sector")) == {"Utilities"}


def test_theme_button_turns_page_and_charts_dark_and_back(chromium: Browser, report: Path) -> None:
    ink = "getComputedStyle(document.querySelector('#chart-sharpe .xtitle')).fill"
    with opened(chromium, report, color_scheme="light") as found:
        light = found.page.evaluate(ink)
        found.page.locator("#theme").click()
        assert found.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 21, 26)"
        assert found.page.evaluate(ink) == "rgb(155, 166, 176)"
        found.page.locator("#theme").click()
        assert found.page.evaluate(ink) == light == "rgb(90, 100, 110)"


def test_log_scale_candles_and_linked_zoom(chromium: Browser, report: Path) -> None:
    with opened(chromium, report.parent / "backtests" / "0.html") as found:
        page = found.page
        page.get_by_role("button", name="Log scale").click()
        assert page.evaluate("document.getElementById('chart-equity')._fullLayout.yaxis.type") == "log"
        page.get_by_role("button", name="Candles").click()
        assert page.locator("#chart-price .boxlayer path").count() > 1000
        zoom = "Plotly.relayout('chart-equity', {'xaxis.range': ['2017-01-02', '2018-01-02']}).then(() => null)"
        page.evaluate(zoom)
        for other in ("price", "rolling"):
            page.wait_for_function(
                f"document.getElementById('chart-{other}').layout.xaxis.range[0].startsWith('2017-01-02')",
                timeout=5_000,
            )
        assert found.complaints == []


def test_a_dot_opens_the_page_of_its_backtest(chromium: Browser, report: Path) -> None:
    with opened(chromium, report) as found:
        found.page.evaluate(
            "document.getElementById('chart-holding').emit('plotly_click', {points: [{customdata: 2}]})"
        )
        found.page.wait_for_url("**/backtests/2.html")


def test_prints_light_with_charts_that_fit(chromium: Browser, report: Path) -> None:
    with opened(chromium, report.parent / "backtests" / "0.html", color_scheme="dark") as found:
        seen = """() => { window.printed = []; window.addEventListener("beforeprint", () => window.printed.push(
          [...document.querySelectorAll(".chart .main-svg")].map((svg) => svg.getBoundingClientRect().width))); }"""
        found.page.evaluate(seen)
        pdf = found.page.pdf(prefer_css_page_size=True)
        assert pdf.startswith(b"%PDF")
        assert len(pdf) > 50_000
        widths = found.page.evaluate("window.printed.flat()")
        assert widths
        assert max(widths) <= 1032, "A4 across, less its margins"
        assert found.complaints == []


def test_foreign_names_stay_words(chromium: Browser, tmp_path: Path) -> None:
    night = sample_night(20)
    rows = tuple(replace(row, symbol=EVIL, name=EVIL, sector=EVIL, params=EVIL) for row in night.ranking)
    finding = FindingRow("error", EVIL, EVIL, None, EVIL, EVIL, quarantined=True)
    night = replace(night, title=EVIL, ranking=rows, findings=(finding,))
    index = write_report(tmp_path, night, [replace(sample_backtest(0, symbol=EVIL), strategy=EVIL, idea=EVIL)])
    for path in (index, tmp_path / "backtests" / "0.html"):
        with opened(chromium, path) as found:
            assert found.page.evaluate("window.evil === undefined")
            assert EVIL in found.page.inner_text("body")
            assert found.complaints == []


def test_an_empty_night_is_a_whole_page(chromium: Browser, tmp_path: Path) -> None:
    night = replace(sample_night(0, simulated=True), steps=(), findings=(), finding_counts=(), by_strategy=())
    with opened(chromium, write_report(tmp_path, night, ())) as found:
        assert found.page.get_by_text("SIMULATED").is_visible()
        assert found.page.locator(".chart").count() == 0
        assert found.complaints == []
