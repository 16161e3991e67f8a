"""What a ``go`` asks for, and how its time is allotted."""

import math

import pytest

from keisei.usi.limits import DEFAULT_SECONDS, Allotment, Limits, allot, parse_go


def limits_of(text: str) -> Limits:
    limits, complaints = parse_go(text.split())
    assert complaints == []
    return limits


def allotted(text: str, *, is_white: bool = False, ply: int = 40, delay: int = 100) -> Allotment:
    allotment = allot(limits_of(text), is_white=is_white, ply=ply, delay=delay)
    assert allotment is not None
    return allotment


def test_every_form_of_go_is_read() -> None:
    assert limits_of("ponder btime 1 wtime 2 byoyomi 3") == Limits(
        ponder=True, btime=1, wtime=2, byoyomi=3
    )
    assert limits_of("btime 1 wtime 2 binc 3 winc 4") == Limits(btime=1, wtime=2, binc=3, winc=4)
    assert limits_of("infinite") == Limits(infinite=True)
    assert limits_of("mate") == limits_of("mate infinite") == Limits(mate=math.inf)
    assert limits_of("mate 5000 nodes 3") == Limits(mate=5000, nodes=3)
    assert limits_of("searchmoves 7g7f P*5e depth 3") == Limits(
        searchmoves=("7g7f", "P*5e"), depth=3
    )


@pytest.mark.parametrize(
    "text", ["nodes", "nodes x", "nodes 1.5", "nodes -+5", f"nodes {'9' * 5000}"]
)
def test_what_is_no_number_is_left_out(text: str) -> None:
    limits, complaints = parse_go(text.split())
    assert limits == Limits()
    assert complaints


@pytest.mark.parametrize("text", ["infinite", "nodes 5", "depth 3", "infinite byoyomi 1000"])
def test_other_limits_leave_the_clock_alone(text: str) -> None:
    assert allot(limits_of(text), is_white=False, ply=0, delay=100) is None


def test_without_any_limit_there_is_a_default() -> None:
    assert allotted("") == (DEFAULT_SECONDS, DEFAULT_SECONDS, False)


def test_byoyomi_and_time_for_the_move_are_used_up_to_the_delay() -> None:
    assert allotted("byoyomi 1000") == (0.9, 0.9, False)
    assert allotted("movetime 1000") == (0.9, 0.9, False)


def test_a_time_shorter_than_the_delay_is_used_in_part() -> None:
    assert allotted("byoyomi 100") == (0.025, 0.025, False)
    assert allotted("btime 60 wtime 60").most <= 0.015


def test_each_player_looks_at_his_own_clock() -> None:
    both = "btime 100000 wtime 10000 binc 500 winc 100"
    assert allotted(both).wanted > 5 * allotted(both, is_white=True).wanted


@pytest.mark.parametrize("start", [10_000, 1_000, 300])
@pytest.mark.parametrize("delay", [0, 100])
def test_a_clock_never_runs_out(start: int, delay: int) -> None:
    left = float(start)
    for ply in range(0, 512, 2):
        most = allotted(f"btime {left:.0f} wtime 1", ply=ply, delay=delay).most
        assert 1000 * most < left
        left -= 1000 * most
    if delay and start > 10 * delay:
        # What is left pays for what nobody has counted.
        assert left > 900


def test_byoyomi_is_added_to_what_is_left() -> None:
    with_time, without = allotted("btime 60000 wtime 1 byoyomi 1000"), allotted("byoyomi 1000")
    assert with_time.wanted > without.wanted + 3
    assert with_time.most > with_time.wanted


def test_an_increment_is_not_counted_on_before_the_move() -> None:
    assert allotted("btime 1000 wtime 1 binc 5000").most <= 0.9
    assert allotted("btime 0 wtime 0 binc 5000").most == 4.9


def test_ponderhit_may_bring_new_times() -> None:
    limits = limits_of("ponder btime 5 wtime 6 byoyomi 7")
    assert limits.hit(Limits()) == Limits(btime=5, wtime=6, byoyomi=7)
    assert limits.hit(Limits(btime=1, wtime=2)) == Limits(btime=1, wtime=2, byoyomi=7)
    assert not limits.is_bounded
    assert limits.hit(Limits()).is_bounded
