"""PSV and HCPE, written by cshogi and read by us."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from keisei.imitation.examples import Examples, Tally
from keisei.imitation.packed import HCPE, PSV, PackedReader
from keisei.shogi.constants import BLACK, WHITE
from keisei.shogi.features import PLIES_LEFT, PROGRESS
from keisei.vec.consistency import check_observations
from tests.imitation.games import expected, hcpe_records, psv_records, random_game

GAMES = [random_game(seed, 160) for seed in (1, 2)]


def read(records: NDArray[Any], form: "np.dtype[np.void]") -> tuple[Examples, Tally]:
    tally = Tally()
    reader = PackedReader(Path("games"), 512, 0)
    return reader.take(np.frombuffer(records.tobytes(), form), tally), tally


@pytest.mark.parametrize("moves", GAMES)
def test_psv_gives_what_a_game_gives(moves: list[str]) -> None:
    examples, tally = read(psv_records(moves, WHITE), PSV)
    states, bits, actions = expected(moves)
    np.testing.assert_array_equal(examples.states, states)
    np.testing.assert_array_equal(examples.mask_bits, bits)
    np.testing.assert_array_equal(examples.actions, actions)
    np.testing.assert_array_equal(examples.results, [-1.0, 1.0] * (len(moves) // 2))
    assert (tally.games, tally.positions, tally.lines()) == (1, len(moves), [])


@pytest.mark.parametrize(("result", "to_black"), [(0, 0.0), (1, 1.0), (2, -1.0)])
def test_hcpe_gives_what_a_game_gives_but_its_plies(result: int, to_black: float) -> None:
    moves = GAMES[0]
    examples, _ = read(hcpe_records(moves, result), HCPE)
    states, bits, actions = expected(moves)
    states[:, PROGRESS], states[:, PLIES_LEFT] = 0, 255
    np.testing.assert_array_equal(examples.states, states)
    np.testing.assert_array_equal(examples.mask_bits, bits)
    np.testing.assert_array_equal(examples.actions, actions)
    signs = np.where(np.arange(len(moves)) % 2 == BLACK, 1.0, -1.0)
    np.testing.assert_array_equal(examples.results, to_black * signs)


def test_neighbours_are_of_one_game_in_either_direction_and_across_portions() -> None:
    packed = [psv_records(moves, BLACK) for moves in GAMES]
    forward = np.concatenate(packed)
    for records in (forward, np.concatenate([each[::-1] for each in packed]), forward[::2]):
        whole, tally = read(records, PSV)
        assert tally.games == len(set(whole.keys.tolist())) == 2
        assert len(set(whole.keys[: len(records) // 2].tolist())) == 1
        reader = PackedReader(Path("games"), 512, 0)
        parts = [
            reader.take(np.frombuffer(part.tobytes(), PSV), Tally())
            for part in np.array_split(records, 7)
        ]
        keys = np.concatenate([part.keys for part in parts])
        np.testing.assert_array_equal(keys, whole.keys)


def test_what_is_not_sound_is_left_out_and_counted() -> None:
    records = psv_records(GAMES[0], BLACK)[:10]
    records["move"][1] = 40 | 40 << 7  # from a square to itself
    records["move"][2] = 0xFFFF
    records["game_result"][3] = 7
    records["sfen"][4] = 0  # two kings on one square
    records["sfen"][5][20:] = 0xFF  # many rooks
    examples, tally = read(records, PSV)
    counts = {reason: each.count for reason, each in tally.skipped.items()}
    assert counts == {
        "the move is not legal": 2,
        "the result is none": 1,
        "the packed position is damaged": 2,
    }
    assert tally.skipped["the result is none"].first == "first record 4 of 'games'"
    assert len(examples) == tally.positions == 5


def test_a_side_that_has_left_its_king_in_check_is_refused() -> None:
    records = psv_records(GAMES[0], BLACK)
    mated = records[: _first_check(records) + 1][-1:].copy()
    mated["sfen"][0, 0] ^= 1  # the other side is to move
    _, tally = read(mated, PSV)
    assert list(tally.skipped) == ["a king can be captured"]


def _first_check(records: NDArray[Any]) -> int:
    states = read(records, PSV)[0].states
    return int(np.argmax(states[:, 95] == 1))


@pytest.mark.parametrize("form", [PSV, HCPE])
def test_any_bytes_give_positions_of_shogi_or_nothing(form: "np.dtype[np.void]") -> None:
    rng = np.random.default_rng(3)
    records = psv_records(GAMES[0], BLACK) if form == PSV else hcpe_records(GAMES[0], 1)
    data = np.frombuffer(records.tobytes(), np.uint8).reshape(len(records), -1)
    damaged = np.repeat(data, 8, axis=0)
    rows = np.arange(len(damaged))
    damaged[rows, rng.integers(0, damaged.shape[1], len(rows))] ^= rng.integers(
        1, 256, len(rows), np.uint8
    )
    noise = rng.integers(0, 256, damaged.shape, np.uint8)
    examples, tally = read(np.concatenate([damaged, noise]), form)
    assert 0 < len(examples) < len(damaged)
    assert sum(each.count for each in tally.skipped.values()) == 2 * len(damaged) - len(examples)
    check_observations(examples.states, examples.mask_bits)
    legal = np.unpackbits(examples.mask_bits, axis=1, bitorder="little")
    assert legal[np.arange(len(examples)), examples.actions].all()
