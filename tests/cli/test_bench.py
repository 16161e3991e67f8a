import json

import pytest

from tests.cli.command_line import SMALL_RUN, assert_mistake, run

SIZES = ("--num-envs", "4", "--seconds", "0.01", *SMALL_RUN[2:])


@pytest.mark.slow
def test_rates_are_printed_as_json() -> None:
    result = run("bench", *SIZES, "--json")
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    rates = data["plies_per_second"]
    assert set(rates) == {"env_compact", "env_dict", "act", "update", "training"}
    assert all(rate > 0 for rate in rates.values())
    slowest = min(rates["env_compact"], rates["act"], rates["update"])
    assert slowest / 3 <= rates["training"] < slowest
    assert data["num_envs"] == 4


def test_rates_are_printed_as_a_table() -> None:
    lines = run("bench", *SIZES).stdout.splitlines()
    assert lines[0].startswith("4 games, device cpu")
    assert lines[1].split() == ["plies", "a", "second"]
    assert [line.split(",")[0].split()[0] for line in lines[2:]] == [
        "env",
        "env",
        "act",
        "update",
        "training",
    ]
    assert len({len(line) for line in lines[1:]}) == 1


def test_the_loop_is_measured_by_phases() -> None:
    data = json.loads(run("bench", "--train", *SIZES, "--json").stdout)
    seconds = data["seconds"]
    assert set(seconds) == {"env", "act", "store", "learn", "other"}
    total = sum(seconds.values())
    assert total >= 0.01
    assert data["plies"] % 16 == 0
    assert data["plies"] > 0
    assert data["plies_per_second"] == pytest.approx(data["plies"] / total)
    assert data["efficiency"] == pytest.approx((seconds["act"] + seconds["learn"]) / total)
    assert data["flops_per_ply"] > 0
    assert data["flop_utilisation"] is data["gpu_utilisation"] is None


def test_the_loop_is_shown_as_a_table() -> None:
    lines = run("bench", "--train", *SIZES).stdout.splitlines()
    assert lines[0].startswith("4 games, device cpu")
    assert [line.split()[0] for line in lines[1:]] == [
        "env",
        "act",
        "store",
        "learn",
        "other",
        "efficiency",
        "operations",
    ]
    shares = [float(line.split()[-1].rstrip("%")) for line in lines[1:6]]
    assert sum(shares) == pytest.approx(100, abs=0.3)


def test_an_unknown_network_is_refused_in_one_sentence() -> None:
    assert_mistake(run("bench", "--set", "model.network=tower"), "'tower'")
