"""Write a sample report and pictures of it: `python tests/browser/take_screenshots.py FOLDER`.

The README's picture and every look at the design come from here; nothing is random, so two runs compare.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

from browser.backtest_samples import sample_backtest
from browser.portfolio_samples import sample_portfolio, sample_portfolio_rows
from browser.report_samples import sample_night
from playwright.sync_api import Browser, sync_playwright

from alphafactory.reports.writing import write_report

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
SIZES = {"wide": (1440, 900), "phone": (390, 844)}
PRINTED_WIDTH = 1032
"""A4 across less its margins, in CSS pixels."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def take(browser: Browser, page_path: Path, name: str, folder: Path) -> None:
    """Picture one page in both schemes and both sizes, in full length; and as it prints."""
    for scheme in SCHEMES:
        for size, (width, height) in SIZES.items():
            page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": height})
            page.goto(page_path.as_uri())
            page.wait_for_selector("html[data-charts=drawn]")
            page.wait_for_timeout(300)
            page.screenshot(path=folder / f"{name}-{scheme}-{size}.png", full_page=True)
            if (scheme, size) == ("light", "wide"):
                page.pdf(path=folder / f"{name}.pdf", prefer_css_page_size=True)
                page.set_viewport_size({"width": PRINTED_WIDTH, "height": 700})
                page.emulate_media(media="print")
                page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
                page.screenshot(path=folder / f"{name}-print.png", full_page=True)
            page.close()


def main(folder: Path) -> None:
    """Write the sample report below `folder` and the pictures into it."""
    ids = [row.backtest_id for row in sample_night().ranking if not row.is_benchmark][:20]
    night = replace(sample_night(partial=True), portfolios=sample_portfolio_rows())
    index = write_report(folder / "report", night, (sample_backtest(n) for n in ids), portfolios=[sample_portfolio()])
    simulated = write_report(folder / "simulated", sample_night(30, simulated=True), ())
    chromium = os.environ.get("ALPHAFACTORY_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        take(browser, index, "index", folder)
        take(browser, simulated, "simulated", folder)
        take(browser, index.parent / "backtests" / f"{ids[1]}.html", "backtest", folder)
        take(browser, index.parent / "portfolios" / "core.html", "portfolio", folder)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
