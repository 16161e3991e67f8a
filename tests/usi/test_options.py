"""The options: what is declared is what may be set, and what the page says."""

import re
from pathlib import Path

import pytest

from keisei.players.descriptions import PlayerDescriptionError
from keisei.usi.options import OptionError, Options

PAGE = Path(__file__).parents[2] / "docs" / "usi.md"
ROW = re.compile(r"\| `(\w+)` \| (\w+) \| `?([\w,]+)`? \| (.*?) \|")


def test_the_page_names_every_option_with_its_type_default_and_range() -> None:
    rows = [match.groups() for match in map(ROW.match, PAGE.read_text().splitlines()) if match]
    said: list[str] = []
    for name, kind, default, values in rows:
        line = f"option name {name} type {kind} default {default.replace(',', '')}"
        if kind == "spin":
            least, most = values.replace(",", "").split(" to ")
            line += f" min {least} max {most}"
        if kind == "combo":
            line += "".join(f" var {value}" for value in re.findall(r"`(\w+)`", values))
        said.append(line)
    assert said == Options().declarations()


def test_names_hold_no_blanks_and_are_found_whatever_their_case() -> None:
    for line in Options().declarations():
        name = line.removeprefix("option name ").partition(" type ")[0]
        assert " " not in name
    assert Options().changed("multipv", "7").multi_pv == 7
    assert Options().changed("MULTIPV", "7") == Options().changed("MultiPV", "7")


def test_an_unknown_option_changes_nothing() -> None:
    assert Options().changed("EvalDir", "eval") == Options()


@pytest.mark.parametrize("text", ["", "-1", "1.5", "10001", "9" * 5000, "\u0661", "0x10", "--5"])
def test_what_is_no_number_in_the_range_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="Network_Delay is a whole number from 0 to 10000"):
        Options().changed("Network_Delay", text)


def test_a_player_brings_its_own_defaults() -> None:
    options = Options.for_player("keisei?nodes=400&temperature=2.5&device=cuda:1")
    assert options.nodes_limit == 400
    assert options.softmax_temperature == 250
    assert options.device == "cuda"
    assert Options.for_player("keisei") == Options()
    assert Options().changed("Player", "keisei?nodes=400&temperature=2.5&device=cuda:1") == options


@pytest.mark.parametrize("temperature", ["0.001", "100.1"])
def test_a_temperature_that_the_option_does_not_have_is_refused(temperature: str) -> None:
    player = f"keisei?temperature={temperature}"
    with pytest.raises(PlayerDescriptionError, match=r"a temperature from 0\.01 to 100"):
        Options.for_player(player)
    with pytest.raises(OptionError, match=r"a temperature from 0\.01 to 100"):
        Options().changed("Player", player)
