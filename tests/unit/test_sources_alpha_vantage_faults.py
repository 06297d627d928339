"""Alpha Vantage over real HTTP on loopback: every refusal is told apart, and no message holds the key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from vendor_fakes.alpha_vantage import BAD_KEY, BURST, THROTTLED, bad_call, premium_only, quota_spent
from vendor_fakes.alpha_vantage_desk import (
    END,
    KEY,
    LATE,
    QUESTIONS,
    ROW,
    START,
    World,
    assert_truth,
    open_world,
    refused,
    series,
)
from vendor_fakes.server import HTML, Reply

from alphafactory.sources.vendor import (
    BadKeyError,
    GarbageError,
    NotEntitledError,
    QuotaSpentError,
    RateLimitedError,
    UnknownSymbolError,
    VendorDownError,
    VendorError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def world() -> Iterator[World]:
    with open_world() as opened:
        yield opened


REFUSALS = [
    pytest.param(Reply("", status=401), BadKeyError, 1, id="401"),
    pytest.param(Reply("", status=403), NotEntitledError, 1, id="403"),
    pytest.param(Reply("", status=404), UnknownSymbolError, 1, id="404"),
    pytest.param(Reply("", status=429), RateLimitedError, 2, id="429"),
    pytest.param(Reply("", status=429, headers={"Retry-After": "3"}), RateLimitedError, 2, id="429 wait"),
    pytest.param(Reply("", status=429, headers={"Retry-After": "900"}), RateLimitedError, 1, id="429 wait too long"),
    pytest.param(Reply(b"\xff\xfe", status=500), VendorDownError, 2, id="500"),
    pytest.param(Reply("{}", hang=0.6), VendorDownError, 2, id="hang"),
    pytest.param(replace(series({"2024-06-28": ROW}), cut=0.5), VendorDownError, 2, id="cut"),
    pytest.param(HTML, GarbageError, 2, id="html"),
    pytest.param(Reply('{"Meta Data": {"1.'), GarbageError, 2, id="truncated"),
    pytest.param(Reply(b"\xff\xfe\x00"), GarbageError, 2, id="no text"),
    pytest.param(Reply("x", headers={"Content-Encoding": "gzip"}), GarbageError, 2, id="no gzip"),
    pytest.param(Reply(""), GarbageError, 2, id="nothing"),
    pytest.param(Reply("[" * 100_000), GarbageError, 2, id="nested"),
    pytest.param(Reply("null"), GarbageError, 2, id="null"),
    pytest.param(Reply([1, 2]), GarbageError, 2, id="list"),
    pytest.param(Reply({"Information": None}), GarbageError, 2, id="null message"),
    pytest.param(Reply({"Note": ["a"]}), GarbageError, 2, id="list for a message"),
    pytest.param(Reply(quota_spent(KEY)), QuotaSpentError, 1, id="quota"),
    pytest.param(Reply(BURST), RateLimitedError, 2, id="burst"),
    pytest.param(Reply(THROTTLED), RateLimitedError, 2, id="throttled"),
    pytest.param(Reply(premium_only("outputsize=full parameter value")), NotEntitledError, 1, id="premium"),
    pytest.param(Reply(bad_call("TIME_SERIES_DAILY")), UnknownSymbolError, 1, id="unknown"),
    pytest.param(Reply(BAD_KEY), BadKeyError, 1, id="bad key"),
    pytest.param(Reply({"Information": f"Our key {KEY} is new"}), VendorError, 1, id="new words"),
]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(("reply", "kind", "requests"), REFUSALS)
def test_refusals_are_told_apart(
    world: World, question: str, reply: Reply, kind: type[VendorError], requests: int
) -> None:
    error = refused(world, question, reply, timeout=0.3)
    assert type(error) is kind
    assert str(error).startswith("alpha_vantage, ")
    assert len(world.server.requests) == requests
    told = f"{error!r} {error.__cause__!r} {error.__context__!r}"
    assert "SECRET" not in told
    assert len(str(error)) < 400


def test_a_wait_that_the_vendor_asks_for_is_kept(world: World) -> None:
    world.server.fail(Reply("", status=429, headers={"Retry-After": "3"}))
    assert_truth(world.bars(), world.app.market["AAPL"], LATE, END)
    assert len(world.slept) == 1
    assert 3.0 <= world.slept[0] < 3.1
    assert len(world.server.requests) == 2


@pytest.mark.parametrize(
    "reply", [HTML, Reply("", status=503), Reply(BURST), Reply("{", cut=0.5), Reply("{}", hang=0.6)]
)
def test_a_passing_trouble_passes(world: World, reply: Reply) -> None:
    world.server.fail(reply)
    assert_truth(world.bars(timeout=0.3), world.app.market["AAPL"], LATE, END)
    assert len(world.server.requests) == 2


def test_a_spent_quota_ends_the_night(world: World) -> None:
    world.app.per_day = 1
    source = world.source()
    source.fetch_bars(world.request("AAPL"))
    with pytest.raises(QuotaSpentError, match=r"detected your API key as \*\*\*"):
        source.fetch_bars(world.request("MSFT"))
    with pytest.raises(QuotaSpentError):
        source.fetch_earnings(["MSFT"], START, END)
    assert len(world.server.requests) == 2


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:1", "ftp://127.0.0.1", "nonsense"])
def test_an_address_where_nobody_listens(world: World, base_url: str) -> None:
    source = world.source()
    source.settings = source.settings.model_copy(update={"base_url": base_url})
    with pytest.raises(VendorError) as caught:
        source.fetch_profile("AAPL")
    assert isinstance(caught.value, VendorDownError) == base_url.endswith(":1")
    assert "SECRET" not in f"{caught.value!r}"


def test_the_key_is_hidden_wherever_a_long_text_is_cut(world: World) -> None:
    source = world.source()
    for place in range(150, 260):
        cut = source._shorten("x" * (place - len(KEY)) + KEY + "y" * 200)
        assert "Q7" not in cut
        assert len(cut) <= 200
    assert source._shorten("a\n b&apikey=Q7SECRETKEY9%2B%2F%26x") == "a b&apikey=***"


def test_an_unknown_symbol(world: World) -> None:
    world.app.unknown = {"AAPL"}
    for question in ("bars", "actions", "profile"):
        with pytest.raises(UnknownSymbolError, match="AAPL"):
            QUESTIONS[question](world.source())
    assert len(world.server.requests) == 3
