"""The config: which place wins, what is refused, and what the message says."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from alphafactory.config import Config
from alphafactory.config_loading import LoadedConfig, load_config
from alphafactory.errors import ConfigError

ROOT = Path(__file__).parents[2]
LAYERS = ("global", "dotenv", "dotenv ours", "DATABASE_URL", "ours", "overlay", "command line")


def load(folder: Path, text: str = "", environ: dict[str, str] | None = None, **more: Any) -> LoadedConfig:
    (folder / "global_config.yaml").write_text(text, encoding="utf-8")
    return load_config(folder, environ or {}, **more)


def refusal(folder: Path, text: str = "", environ: dict[str, str] | None = None, **more: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, environ, **more)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_file_of_the_project_holds_every_setting_at_its_default() -> None:
    loaded = load_config(ROOT, {})
    untouched = load_config(ROOT / "tests", {})

    def relative(config: Config, base: Path) -> str:
        return config.model_dump_json().replace(str(base) + "/", "")

    assert relative(loaded.config, ROOT) == relative(untouched.config, ROOT / "tests")
    sections = [key for key in loaded.origins if any(other.startswith(f"{key}.") for other in loaded.origins)]
    entries = {"schedule.jobs.nightly", "risk.shocks.market"}  # of mappings whose keys are a user's own
    mappings = {entry.rpartition(".")[0] for entry in entries}
    assert set(loaded.origins) - set(sections) - entries == leaves(Config) - mappings


def leaves(model: Any, above: str = "") -> set[str]:
    found: set[str] = set()
    for name, info in model.model_fields.items():
        nested = hasattr(info.annotation, "model_fields")
        found |= leaves(info.annotation, f"{above}{name}.") if nested else {f"{above}{name}"}
    return found


@pytest.mark.parametrize("strongest", range(len(LAYERS)))
def test_the_stronger_place_wins(tmp_path: Path, strongest: int) -> None:
    """Each layer is given together with all the weaker ones, and has to win against them."""
    given = LAYERS[: strongest + 1]
    url = {layer: f"postgresql://h/{number}" for number, layer in enumerate(LAYERS)}
    dotenv, environ = [], {}
    if "dotenv" in given:
        dotenv.append(f"DATABASE_URL={url['dotenv']}")
    if "dotenv ours" in given:
        dotenv.append(f"ALPHAFACTORY__DATABASE__URL={url['dotenv ours']}")
    if "DATABASE_URL" in given:
        environ["DATABASE_URL"] = url["DATABASE_URL"]
    if "ours" in given:
        environ["ALPHAFACTORY__DATABASE__URL"] = url["ours"]
    (tmp_path / ".env").write_text("\n".join(dotenv), encoding="utf-8")
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(f"database: {{url: '{url['overlay']}'}}", encoding="utf-8")
    loaded = load(
        tmp_path,
        f"database: {{url: '{url['global']}'}}",
        environ,
        overlay=overlay if "overlay" in given else None,
        overrides={"database.url": url["command line"]} if "command line" in given else None,
    )
    assert loaded.config.database.url == url[LAYERS[strongest]]


def test_an_overlay_changes_only_its_own_keys(tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("simulation: {shares: whole}", encoding="utf-8")
    config = load(tmp_path, "simulation: {fill: next_close, shares: fractional}", overlay=overlay).config
    assert (config.simulation.fill, config.simulation.shares) == ("next_close", "whole")


def test_the_environment_reaches_every_type(tmp_path: Path) -> None:
    environ = {
        "ALPHAFACTORY__COMPUTE__WORKERS": "3",
        "ALPHAFACTORY__BACKTEST__INITIAL_CAPITAL": "2.5e4",
        "ALPHAFACTORY__BACKTEST__START": "2020-01-02",
        "ALPHAFACTORY__UNIVERSE__SYMBOLS": '["AAPL", "MSFT"]',
        "ALPHAFACTORY__SCHEDULE__JOBS": '{"report": "0 7 * * *"}',
        "ALPHAFACTORY__SOURCES__CSV__PATH": "prices.csv",
        "ALPHAFACTORY__BACKTEST__END": "null",
    }
    config = load(tmp_path, "backtest: {end: 2021-01-01}", environ).config
    assert config.compute.workers == 3
    assert config.backtest.initial_capital == 25_000.0
    assert (config.backtest.start, config.backtest.end) == (date(2020, 1, 2), None)
    assert config.universe.symbols == ["AAPL", "MSFT"]
    assert config.schedule.jobs == {"report": "0 7 * * *"}
    assert config.sources.csv.path == tmp_path / "prices.csv"


def test_an_empty_variable_is_an_unset_one(tmp_path: Path) -> None:
    environ = {"DATABASE_URL": "", "ALPHAFACTORY__SOURCES__CSV__PATH": ""}
    config = load(tmp_path, environ=environ).config
    assert (config.database.url, config.sources.csv.path) == ("embedded", None)


def test_a_path_is_relative_to_the_file_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere, here = tmp_path / "elsewhere", tmp_path / "here"
    elsewhere.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    overlay = elsewhere / "mine.yaml"
    overlay.write_text("sources: {csv: {path: prices.csv}}", encoding="utf-8")
    config = load(
        tmp_path,
        "paths: {var: data}",
        {"ALPHAFACTORY__SOURCES__CSV__SYMBOLS_PATH": "symbols.csv"},
        overlay=overlay,
        overrides={"reports.dir": "out"},
    ).config
    assert config.paths.var == tmp_path / "data"
    assert config.paths.strategies == tmp_path / "strategies"
    assert config.sources.csv.symbols_path == tmp_path / "symbols.csv"
    assert config.sources.csv.path == elsewhere / "prices.csv"
    assert config.reports.dir == here / "out"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sources: {csv: {pth: x}}", ["global_config.yaml", "sources.csv.pth", "no such setting", "'path'"]),
        ("databse: {url: x}", ["databse", "'database'"]),
        ("compute: {workers: many}", ["compute.workers", "integer", "'many'"]),
        ("compute: {workers: -1}", ["compute.workers", "greater than or equal to 0"]),
        ("compute: {backend: dask}", ["compute.backend", "'loky'", "'dask'"]),
        ("database: nowhere", ["database", "section", "indented"]),
        ("universe: {symbols: [ON]}", ["universe.symbols", "True", "quotes"]),
        ("universe: {symbols: AAPL}", ["universe.symbols", "[AAA, BBB]"]),
        ("simulation: {fill: tomorrow}", ["fill", "tomorrow", "next_open"]),
        ("backtest: {start: 2021-01-01, end: 2020-01-01}", ["2021-01-01", "after", "2020-01-01"]),
        ("backtest: {start: 2021-02-30}", ["global_config.yaml", "day"]),
        ("schedule: {timezone: America/Atlantis}", ["schedule.timezone", "America/Atlantis", "no time zone"]),
        ("schedule: {jobs: {nightly: at noon}}", ["schedule.jobs.nightly", "five fields"]),
        ("backtest:\n  start: [\n", ["global_config.yaml:", "not valid YAML"]),
        ("backtest: {end: 2020-01-01}\npaths: {}\nbacktest: {start: 2019-01-01}", [":3:", "'backtest'", "line 1"]),
        ("- a\n- b\n", ["global_config.yaml", "sections", "list"]),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, words: list[str]) -> None:
    message = refusal(tmp_path, text)
    assert [word for word in words if word not in message] == []


def test_a_wrong_variable_is_named_as_such(tmp_path: Path) -> None:
    message = refusal(tmp_path, environ={"ALPHAFACTORY__BACKTEST__INITIAL_CAPITL": "5"})
    assert message.startswith("environment: backtest.initial_capitl:")
    assert "'initial_capital'" in message
    message = refusal(tmp_path, environ={"ALPHAFACTORY__UNIVERSE__SYMBOLS": '["AAPL"'})
    assert "ALPHAFACTORY__UNIVERSE__SYMBOLS" in message
    assert "JSON" in message


def test_a_wrong_overlay_is_named_as_such(tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    assert "mine.yaml does not exist" in refusal(tmp_path, overlay=overlay)
    overlay.write_text("reports: {pages: lots}", encoding="utf-8")
    assert refusal(tmp_path, overlay=overlay).startswith("--config mine.yaml: reports.pages:")
    overlay.write_bytes(b"reports: {dir: \xff\xfe}")
    assert "UTF-8" in refusal(tmp_path, overlay=overlay)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    message = refusal(tmp_path, "compute: {workers: x}\nreports: {pages: y}")
    assert "compute.workers" in message
    assert "reports.pages" in message


def test_a_section_without_lines_is_no_section(tmp_path: Path) -> None:
    config = load(tmp_path, "database:\nsources:\n  csv:\n  # path: x\n").config
    assert (config.database.url, config.sources.csv.path) == ("embedded", None)


def test_an_overlay_switches_a_scheduled_job_off(tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("schedule: {jobs: {nightly: null, report: '0 7 * * *'}}", encoding="utf-8")
    config = load(tmp_path, "schedule: {jobs: {nightly: '0 1 * * *'}}", overlay=overlay).config
    assert config.schedule.jobs == {"report": "0 7 * * *"}


def test_each_setting_remembers_where_it_was_set(tmp_path: Path) -> None:
    loaded = load(tmp_path, "compute: {workers: 1}", {"ALPHAFACTORY__REPORTS__PAGES": "3"})
    assert loaded.origins["compute.workers"] == "global_config.yaml"
    assert loaded.origins["reports.pages"] == "environment"
    assert "backtest.start" not in loaded.origins
