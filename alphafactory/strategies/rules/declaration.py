"""What a rule's file declares, key by key: texts, conditions, levels, parameters. The docs list every key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from alphafactory.domain.plugins import IndicatorRequest
from alphafactory.strategies.rules.compiling import WORDS, compile_condition, compile_number
from alphafactory.strategies.rules.names import MOST_BARS, Names
from alphafactory.strategies.rules.parameters import check_all_used, read_amount, read_parameters, read_period
from alphafactory.strategies.rules.positions import Level, Plan, Side

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alphafactory.domain.plugins import Parameter, Vocabulary
    from alphafactory.strategies.rules.fields import Field

TEXTS = ("name", "title", "idea", "source", "fails_when")
KEYS = (
    *TEXTS, "enter", "exit", "short", "cover", "stop", "take_profit",
    "time_stop", "strength", "settling", "params",
)  # fmt: skip
USUAL_SETTLING = 252
"""Bars within which an entry or an exit nearly always comes: a year of sessions."""
_UNITS = ("atr", "percent", "r")
_RANGE_PERIOD = 14


@dataclass(frozen=True, slots=True)
class Declaration:
    """A rule as read: its texts by key, its parameters, the indicators it requests, and the plan of its signals."""

    texts: Mapping[str, str]
    parameters: Mapping[str, Parameter]
    indicators: Mapping[str, IndicatorRequest]
    plan: Plan


def read_declaration(vocabulary: Vocabulary, file: Field) -> Declaration:
    """Return what the file declares; raise `PluginError` with the line of what does not fit."""
    given = file.fields(KEYS)
    if "name" not in given:
        raise file.refusal("the rule has no name. Write for example `name: dip_in_uptrend`.")
    parameters = read_parameters(given["params"], WORDS) if "params" in given else {}
    names = Names(vocabulary, parameters, WORDS)
    plan = _plan(given, file, names)
    if "params" in given:
        check_all_used(given["params"], names)
    return Declaration(_texts(given), parameters, names.requests, plan)


def _plan(given: Mapping[str, Field], file: Field, names: Names) -> Plan:
    if "enter" not in given and "short" not in given:
        raise file.refusal("the rule never opens a position. Write when it does: `enter: close > sma(200)`.")
    _check_partners(given)
    return Plan(
        sides=tuple(_sides(given, names)),
        stop=_level(given, "stop", names),
        take_profit=_level(given, "take_profit", names),
        time_stop=read_amount(given["time_stop"], names, whole=True) if "time_stop" in given else None,
        strength=compile_number(given["strength"], names) if "strength" in given else None,
        settling=_settling(given),
        arithmetic=names.arithmetic,  # the last one, for it is known once all expressions are compiled
    )


def _check_partners(given: Mapping[str, Field]) -> None:
    """Refuse an exit without an entry, and an entry that nothing ends."""
    ends = [key for key in ("stop", "take_profit", "time_stop") if key in given]
    for opening, closing in (("enter", "exit"), ("short", "cover")):
        other = "short" if opening == "enter" else "enter"
        if closing in given and opening not in given:
            raise given[closing].refusal(f"there is no `{opening}` whose position it could close. Add one.")
        if opening in given and closing not in given and other not in given and not ends:
            raise given[opening].refusal(
                f"nothing ends this position. Add `{closing}`, or a stop, take_profit or time_stop."
            )


def _sides(given: Mapping[str, Field], names: Names) -> Iterator[Side]:
    directions: tuple[tuple[Literal[1, -1], str, str], ...] = ((1, "enter", "exit"), (-1, "short", "cover"))
    for direction, opening, closing in directions:
        if opening in given:
            enter = compile_condition(given[opening], names)
            leave = compile_condition(given[closing], names) if closing in given else None
            yield Side(direction, enter, leave)


def _level(given: Mapping[str, Field], key: str, names: Names) -> Level | None:
    if key not in given:
        return None
    field = given[key]
    parts = field.fields((*_UNITS, "period"))
    units = [unit for unit in _UNITS if unit in parts]
    if len(units) != 1:
        raise field.refusal("exactly one of atr, percent and r says how far it lies, such as {atr: 3}.")
    if "period" in parts and units != ["atr"]:
        raise parts["period"].refusal("only {atr: 3} has a period.")
    if units == ["r"] and (key == "stop" or "stop" not in given):
        raise parts["r"].refusal("r is the distance of the rule's own `stop`: it needs one, and no stop is told by it.")
    amount = read_amount(parts[units[0]], names)
    if units == ["atr"]:
        return Level("atr", amount, _range_name(parts, field, names))
    return Level("percent" if units == ["percent"] else "r", amount)


def _range_name(parts: Mapping[str, Field], field: Field, names: Names) -> str:
    """Request the average true range and return the name under which the view will hold it."""
    signature = names.vocabulary.functions.get("atr")
    if signature is None:
        raise field.refusal("the indicator 'atr' is not known here. Use {percent: 5}.")
    period: str | int = _RANGE_PERIOD
    if "period" in parts:
        period = read_period(parts["period"], names, signature.parameters["period"])
    return names.request(IndicatorRequest("atr", {"period": period}, signature.outputs[0]))


def _settling(given: Mapping[str, Field]) -> int:
    if "settling" not in given:
        return USUAL_SETTLING
    bars = given["settling"].number()
    if not isinstance(bars, int) or not 0 <= bars <= MOST_BARS:
        raise given["settling"].refusal(f"{bars} is not a whole number of bars from 0 to {MOST_BARS}.")
    return bars


def _texts(given: Mapping[str, Field]) -> dict[str, str]:
    """Return the texts that describe the strategy; those left out are made of its conditions."""
    said = {key: " ".join(given[key].text().split()) for key in TEXTS if key in given}
    shown = [key for key in ("enter", "exit", "short", "cover") if key in given]
    conditions = "; ".join(f"{key}: {' '.join(given[key].text().split())}" for key in shown)
    made = {
        "title": said["name"].replace("_", " ").capitalize(),
        "idea": f"A rule of conditions, whose author gives no reason why it should earn money. {conditions}.",
        "source": "The rule's own file, which names no other source.",
        "fails_when": "The conditions held by chance in the past; the rule's author names no other case.",
    }
    return made | said
