"""The commands of the data layer on a real database: sources, findings, bars, symbols, universes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from vendor_fakes.polygon import KEY as POLYGON_KEY
from vendor_fakes.server import HTML, Reply
from vendor_fakes.street import Street, open_street
from vendor_fakes.truth import make_market

from alphafactory.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nights import Nights

NIGHT = date(2024, 3, 14)
SIMULATED_NIGHT = date(2024, 6, 28)
TICKERS = ["AAA", "BBB"]
FAULTS = {
    "sources.order": ["synthetic"],
    "sources.synthetic.symbols": 6,
    "sources.synthetic.years": 1,
    "sources.synthetic.faults": 12,
}


class Desk:
    """A user at the command line, on the evening of a night: words in, status and what was printed out."""

    def __init__(self, nights: Nights, night: date, capsys: pytest.CaptureFixture[str]) -> None:
        self.nights, self.night, self.capsys = nights, night, capsys

    def call(self, *words: str) -> tuple[int, str, str]:
        plain = {
            "database.url": self.nights.url,
            "paths.var": self.nights.cache,
            "reports.dir": self.nights.folder / "reports",
            "compute.backend": "sequential",
        }
        tree: dict[str, Any] = {}
        for key, value in (plain | self.nights.settings).items():
            branch = tree
            *above, leaf = key.split(".")
            for name in above:
                branch = branch.setdefault(name, {})
            branch[leaf] = str(value) if isinstance(value, Path) else value
        (self.nights.folder / "global_config.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
        self.capsys.readouterr()
        now = datetime.combine(self.night, time(23), tzinfo=UTC)
        status = main([*words, "--quiet"], now, root=self.nights.folder, environ={})
        printed = self.capsys.readouterr()
        return status, printed.out, printed.err

    def value(self, *words: str, status: int = 0) -> Any:
        found, out, err = self.call(*words, "--json")
        assert found == status, err
        return json.loads(out)


@pytest.fixture
def street() -> Iterator[Street]:
    with open_street(make_market(TICKERS, date(2024, 1, 2), NIGHT)) as opened:
        opened.open_until(NIGHT)
        yield opened


@pytest.fixture
def desk(nights: Nights, street: Street, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A desk on the street of vendors; the exchange of crypto currencies is closed."""
    street.lead(nights, "polygon", "yahoo", "alpha_vantage")
    nights.settings["sources.crypto.base_url"] = "http://127.0.0.1:1"
    return Desk(nights, NIGHT, capsys)


@pytest.fixture
def simulated_desk(nights: Nights, capsys: pytest.CaptureFixture[str]) -> Desk:
    nights.settings = dict(FAULTS)
    made = Desk(nights, SIMULATED_NIGHT, capsys)
    assert made.call("download")[0] == 0
    return made


def by_name(checked: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {status["name"]: status for status in checked["sources"]}


def test_a_check_tells_each_source_apart(desk: Desk, street: Street) -> None:
    street.servers["polygon"].fail(Reply("down", status=500), times=100)
    desk.nights.settings["sources.alpha_vantage.api_key"] = None
    checked = desk.value("sources", "check")
    found = by_name(checked)
    assert [status["name"] for status in checked["sources"]][:3] == ["polygon", "yahoo", "alpha_vantage"]
    assert checked["outcome"] == "fine"
    assert {name: status["state"] for name, status in found.items()} == {
        "polygon": "down", "yahoo": "reachable", "alpha_vantage": "not set up", "crypto": "down",
        "csv": "not set up", "synthetic": "ready",
    }  # fmt: skip
    yahoo = found["yahoo"]
    assert (yahoo["newest_session"], yahoo["closed_session"], yahoo["sessions_behind"]) == (*[str(NIGHT)] * 2, 0)
    assert found["polygon"]["requests_today"] == len(street.servers["polygon"].requests) == 1
    assert found["csv"]["place"] is None
    assert "ALPHA_VANTAGE_API_KEY" in found["alpha_vantage"]["message"]


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (Reply({"status": "ERROR", "error": "Unknown API Key"}, status=401), "key refused"),
        (Reply({"status": "NOT_AUTHORIZED", "message": "upgrade your plan"}, status=403), "not in the plan"),
        (Reply({"status": "ERROR", "error": "too many"}, status=429), "too many requests"),
        (HTML, "answers nonsense"),
    ],
)
def test_refusals_are_told_apart_and_a_chain_that_cannot_deliver_fails(
    desk: Desk, street: Street, reply: Reply, state: str
) -> None:
    desk.nights.settings["sources.order"] = ["polygon"]
    street.servers["polygon"].fail(reply, times=100)
    status, out, err = desk.call("sources", "check", "--json")
    assert status == 1
    assert by_name(json.loads(out))["polygon"]["state"] == state
    assert err.startswith("Error: no source of the chain (polygon) can deliver now.")
    assert err.count("\n") == 1


def test_a_vendor_that_lags_says_so(desk: Desk, street: Street) -> None:
    street.yahoo.newest = date(2024, 3, 12)
    yahoo = by_name(desk.value("sources", "check"))["yahoo"]
    assert (yahoo["newest_session"], yahoo["sessions_behind"], yahoo["delivers"]) == ("2024-03-12", 2, True)


def test_a_vendor_whose_budget_is_spent_is_not_asked(desk: Desk, street: Street) -> None:
    desk.nights.settings["sources.alpha_vantage.limits"] |= {"per_day": 1}
    assert by_name(desk.value("sources", "check"))["alpha_vantage"]["state"] == "reachable"
    street.forget()
    found = by_name(desk.value("sources", "check"))["alpha_vantage"]
    assert (found["state"], found["requests_today"], found["per_day"]) == ("quota spent", 1, 1)
    assert found["message"].startswith("Not asked. ")
    assert street.asked("alpha_vantage") == []


def test_no_key_is_ever_printed_or_stored(desk: Desk, street: Street) -> None:
    echo = Reply({"Information": f"We have detected your API key as {street.alpha_vantage.key}: 25 requests per day"})
    street.servers["alpha_vantage"].fail(echo, times=1)
    printed = [desk.call(*words) for words in (["sources", "check"], ["config", "show"], ["config", "show", "--json"])]
    assert desk.call("download")[0] == 0
    said = "".join(out + err for _, out, err in printed)
    kept = str(desk.nights.ask("SELECT config FROM job_runs") + desk.nights.ask("SELECT message FROM job_steps"))
    assert "alpha_vantage" in said
    assert "alpha_vantage" in kept
    for key in (POLYGON_KEY, street.alpha_vantage.key):
        assert key not in said + kept


def test_the_gate_prints_what_it_found(simulated_desk: Desk) -> None:
    judged = simulated_desk.value("quality")
    assert judged["steps"][0]["name"] == "quality"
    found = judged["findings"]
    assert (
        judged["open_findings"]
        == len(found)
        == simulated_desk.nights.ask("SELECT count(*) FROM quality_findings")[0][0]
    )
    severities = [row["severity"] for row in found]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert all(row["payload"] and row["remedy"] for row in found)
    errors = simulated_desk.value("quality", "--severity", "error", "--limit", "2")
    assert [row["id"] for row in errors["findings"]] == [row["id"] for row in found[:2]]
    status, out, _ = simulated_desk.call("quality", "--limit", "3")
    assert status == 0
    assert found[0]["message"] in out
    assert f"{found[0]['rule']}: {found[0]['remedy']}" in out
    assert f"{len(found) - 3} more of {len(found)}" in out


def test_a_symbol_is_printed_with_its_score_and_nothing_is_judged(simulated_desk: Desk) -> None:
    unjudged = simulated_desk.value("quality", "--symbol", "SIMX")
    assert (unjudged["score"], unjudged["findings"]) == (None, [])
    worst = simulated_desk.value("quality")["findings"][0]["subject"]
    runs = simulated_desk.nights.ask("SELECT count(*) FROM job_runs")
    standing = simulated_desk.value("quality", "--symbol", worst)
    assert simulated_desk.nights.ask("SELECT count(*) FROM job_runs") == runs
    assert {row["subject"] for row in standing["findings"]} == {worst}
    product = 1.0
    for part in standing["parts"]:
        product *= part["kept"]
    assert standing["score"] == pytest.approx(product, abs=1e-5)
    assert standing["score"] < 1
    assert standing["trend"] == [{"night": str(SIMULATED_NIGHT), "score": standing["score"]}]
    assert f"{worst}: score" in simulated_desk.call("quality", "--symbol", worst)[1]


def kept_out(desk: Desk, finding: dict[str, Any], *words: str) -> bool:
    day = str(finding["session"])
    bars = desk.value("bars", finding["subject"], "--from", day, "--to", day, *words)
    found: bool = bars[0]["kept_out"]
    return found


def test_a_judgement_brings_a_bar_back_and_takes_it_out_again(simulated_desk: Desk) -> None:
    held = simulated_desk.nights.ask("SELECT ticker, session FROM bars b JOIN symbols s ON s.id = b.symbol_id")
    alone: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in simulated_desk.value("quality")["findings"]:
        alone.setdefault((row["subject"], row["session"]), []).append(row)
    errors = [
        rows[0]
        for (subject, day), rows in alone.items()
        if len(rows) == 1 and rows[0]["quarantined"] and (subject, date.fromisoformat(day)) in held
    ]
    finding = errors[0]
    key = str(finding["id"])
    assert kept_out(simulated_desk, finding)
    accepted = simulated_desk.value("quality", "accept", key, "--note", "seen on the tape")
    assert accepted["effect"].startswith(f"The bar of {finding['session']} is used from the next night on")
    assert not kept_out(simulated_desk, finding)
    status, out, _ = simulated_desk.call("quality", "reject", key)
    assert status == 0
    assert f"The bar of {finding['session']} is not used" in out
    assert kept_out(simulated_desk, finding)
    rows = simulated_desk.nights.ask("SELECT verdict, note FROM quality_judgements ORDER BY id")
    assert rows == [("accepted", "seen on the tape"), ("rejected", "")]


def test_a_bar_with_two_faults_stays_out_until_both_are_accepted(simulated_desk: Desk) -> None:
    finding = next(row for row in simulated_desk.value("quality")["findings"] if row["rule"] == "negative_volume")
    second = simulated_desk.nights.ask(
        "INSERT INTO quality_findings "
        "(rule, severity, subject, symbol_id, timeframe, session, message, payload, quarantined, known_at, found_at) "
        "SELECT 'unit_jump', severity, subject, symbol_id, timeframe, session, message, payload, true, known_at, "
        "found_at FROM quality_findings WHERE id = %s RETURNING id",
        finding["id"],
    )[0][0]
    effect = simulated_desk.value("quality", "accept", str(finding["id"]))["effect"]
    assert effect == f"The bar of {finding['session']} stays out all the same, because of other findings: {second}."
    assert kept_out(simulated_desk, finding)
    assert "is used" in simulated_desk.value("quality", "accept", str(second))["effect"]
    assert not kept_out(simulated_desk, finding)


def test_a_judgement_of_no_bar_says_that_it_keeps_none_in_or_out(simulated_desk: Desk) -> None:
    simulated_desk.call("quality")
    (key,) = simulated_desk.nights.ask(
        "INSERT INTO quality_findings "
        "(rule, severity, subject, timeframe, message, payload, quarantined, known_at, found_at) VALUES "
        "('late_listing', 'note', 'SIMX', '1d', 'It is late.', '{}', false, now(), now()) RETURNING id"
    )[0]
    assert "keeps no bar in or out" in simulated_desk.call("quality", "accept", str(key))[1]


def test_wrong_words_are_one_line(simulated_desk: Desk) -> None:
    simulated_desk.nights.settings["universes"] = {"leaders": {"symbols": ["SIMX"]}}
    for words, said in (
        (["quality", "accept", "999999"], "There is no open finding '999999'."),
        (["quality", "--symbol", "SIMXX"], "There is no symbol 'SIMXX'. Did you mean 'SIMX'?"),
        (["quality", "--severity", "bad"], "there is no severity 'bad'"),
        (["bars", "SIMX", "--timeframe", "2h"], "there is no timeframe '2h'"),
        (["bars", "SIMX", "--timeframe", "1h", "--adjusted"], "--adjusted is for daily bars"),
        (["symbols", "alias", "SIMX", "OLD"], "Add --from DATE, --to DATE or both."),
        (["symbols", "alias", "SIMX", "OLD", "--remove"], "There is no alias 'OLD'"),
        (["universe", "show", "leader"], "There is no universe 'leader'. Did you mean 'leaders'?"),
        (["universe", "show", "leaders"], "`python run.py run universes`"),
    ):
        status, out, err = simulated_desk.call(*words)
        assert (status, out) == (2, ""), words
        assert said in err
        assert err.count("\n") == 1


def test_bars_are_those_known_then(nights: Nights, street: Street, capsys: pytest.CaptureFixture[str]) -> None:
    yesterday = date(2024, 3, 13)
    street.lead(nights, "polygon")
    street.open_until(yesterday)
    nights.run(yesterday)
    nights.ask("UPDATE bars SET close = close + 1 WHERE session = %s", date(2024, 3, 12))  # the vendor restates it
    street.open_until(NIGHT)
    nights.run(NIGHT)
    desk = Desk(nights, NIGHT, capsys)
    truth = street.market["AAA"].bars
    words = ("bars", "AAA", "--from", "2024-03-12")
    now, then = desk.value(*words), desk.value(*words, "--as-of", str(yesterday))
    assert [bar["session"] for bar in now] == ["2024-03-12", "2024-03-13", "2024-03-14"]
    assert [bar["session"] for bar in then] == ["2024-03-12", "2024-03-13"]
    assert {bar["source"] for bar in now} == {"polygon"}
    assert now[0]["close"] == truth[date(2024, 3, 12)].close
    assert then[0]["close"] == truth[date(2024, 3, 12)].close + 1
    assert (then[0]["replaced"], now[0]["replaced"]) == (True, False)
    assert now[0]["known_at"].startswith(str(NIGHT))
    table = desk.call("bars", "AAA", "--from", "2024-03-14")[1]
    assert "polygon" in table
    assert "2024-03-14" in table


def test_adjusted_bars_are_on_the_newest_shares(simulated_desk: Desk) -> None:
    (key,) = simulated_desk.nights.ask("SELECT id FROM symbols WHERE ticker = 'SIMX'")[0]
    simulated_desk.nights.ask(
        "INSERT INTO splits (symbol_id, ex_date, known_at, ratio, source) "
        "VALUES (%s, '2024-06-17', '2024-06-17', 4, 'synthetic')",
        key,
    )
    words = ("bars", "SIMX", "--from", "2024-06-14", "--to", "2024-06-17")
    raw, adjusted = simulated_desk.value(*words), simulated_desk.value(*words, "--adjusted")
    assert [bar["split_factor"] for bar in adjusted] == [4.0, 1.0]
    assert [bar["close"] * factor for bar, factor in zip(adjusted, (4, 1), strict=True)] == [b["close"] for b in raw]
    assert [bar["split_factor"] for bar in simulated_desk.value(*words[:4], "--as-of", "2024-06-14", "--adjusted")] == [
        1.0
    ]


def test_a_symbol_by_any_ticker(simulated_desk: Desk) -> None:
    tickers = simulated_desk.value("symbols", "alias", "SIMX", "OLDX", "--to", "2024-01-31")
    assert [(one["ticker"], one["from"], one["to"]) for one in tickers] == [
        ("OLDX", None, "2024-01-31"),
        ("SIMX", "2024-02-01", None),
    ]
    facts = simulated_desk.value("symbols", "show", "OLDX")
    assert facts["ticker"] == "SIMX"
    assert facts["tickers"] == [{k: v for k, v in one.items() if k != "symbol"} for one in tickers]
    assert facts["bars"][0]["source"] == "synthetic"
    counted = simulated_desk.nights.ask("SELECT count(*) FROM v_bars WHERE ticker = 'SIMX'")[0][0]
    assert facts["bars"][0]["bars"] == counted
    assert facts["first_night"] == str(SIMULATED_NIGHT)
    assert simulated_desk.value("bars", "OLDX") == simulated_desk.value("bars", "SIMX")
    status, _, err = simulated_desk.call("symbols", "alias", "SIMX", "OTHER", "--from", "2024-01-15")
    assert status == 2
    assert "SIMX traded as OLDX from the beginning to 2024-01-31" in err
    assert simulated_desk.call("symbols", "alias", "SIMX", "OLDX", "--remove")[0] == 0
    assert simulated_desk.nights.ask("SELECT * FROM symbol_aliases") == []
    assert "next earnings" in simulated_desk.call("symbols", "show", "SIMX")[1]


def test_the_file_of_aliases_is_read_before_vendors_are_asked(desk: Desk, street: Street) -> None:
    file = desk.nights.folder / "aliases.csv"
    file.write_text(
        "symbol,ticker,from,to,merged_into\nAAA,OLD,,2024-01-31,\nBBB,BBB,,2024-03-01,AAA\n", encoding="utf-8"
    )
    desk.nights.settings["universe.aliases_path"] = file
    desk.nights.settings["sources.order"] = ["polygon"]
    desk.call("download")
    assert desk.nights.ask(
        "SELECT s.ticker, a.ticker, valid_from, valid_to, merged_into FROM symbol_aliases a "
        "JOIN symbols s ON s.id = a.symbol_id ORDER BY s.ticker, valid_to"
    ) == [
        ("AAA", "OLD", None, date(2024, 1, 31), None),
        ("AAA", "AAA", date(2024, 2, 1), None, None),
        ("BBB", "BBB", None, date(2024, 3, 1), "AAA"),
    ]
    asked = {request.path for request in street.asked("polygon", "/aggs/ticker/")}
    assert any("/ticker/OLD/" in path and "2024-01-31" in path for path in asked)
    assert all("2024-03-14" not in path for path in asked if "/ticker/BBB/" in path)
    known_at = desk.nights.ask("SELECT known_at FROM symbol_aliases ORDER BY id")
    desk.call("download")
    assert desk.nights.ask("SELECT known_at FROM symbol_aliases ORDER BY id") == known_at


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("SIMX,OLD,,", "aliases.csv:2: SIMX as OLD has neither 'from' nor 'to'"),
        ("SIMX,OLD,2024-02-01,2024-01-01", "aliases.csv:2: OLD ends on 2024-01-01, before it starts"),
        ("SIMY9,OLD,,2024-01-01", "aliases.csv:2: There is no symbol 'SIMY9'"),
        ("SIMX,OLD,,2024-31-01", "aliases.csv:2: '2024-31-01' in 'to' is no date"),
        ("SIMX,OLD,,2024-01-01\nSIMX,NEW,2023-12-01,", "aliases.csv:3: SIMX traded as OLD"),
    ],
)
def test_a_wrong_row_of_the_file_is_named_by_its_line(simulated_desk: Desk, row: str, said: str) -> None:
    file = simulated_desk.nights.folder / "aliases.csv"
    file.write_text(f"symbol,ticker,from,to\n{row}\n", encoding="utf-8")
    simulated_desk.nights.settings["universe.aliases_path"] = file
    status, _, err = simulated_desk.call("download")
    assert status == 1
    assert said in err
    assert simulated_desk.nights.ask("SELECT * FROM symbol_aliases") == []


def test_universes_are_listed_and_shown_by_day(simulated_desk: Desk) -> None:
    members = simulated_desk.nights.folder / "members.csv"
    members.write_text("ticker,from,to\nSIMX,2024-01-02,2024-03-28\nSIMX,2024-05-01,\n", encoding="utf-8")
    simulated_desk.nights.settings["universes"] = {"index": {"members": str(members)}}
    assert simulated_desk.value("universe", "list")[0]["ever"] == 0
    assert simulated_desk.call("run", "universes")[0] == 0
    (listed,) = simulated_desk.value("universe", "list")
    assert (listed["name"], listed["members"], listed["ever"], listed["in_use"]) == ("index", 1, 1, False)
    for day, expected in (("2024-03-28", ["SIMX"]), ("2024-03-29", []), ("2024-05-01", ["SIMX"])):
        shown = simulated_desk.value("universe", "show", "index", "--on", day)
        assert [member["ticker"] for member in shown["members"]] == expected
    assert "index: 0 members on 2024-04-02" in simulated_desk.call("universe", "show", "index", "--on", "2024-04-02")[1]
