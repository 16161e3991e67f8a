"""Nodes of trees: moves, checks, repetitions and ends are those of the games they stand for."""

import numpy as np
import pytest

from keisei.games.endings import NO_WINNER, Rules
from keisei.games.history import new_history
from keisei.games.pool import Pool
from keisei.shogi import Board, Move, Termination, action_from_move
from keisei.shogi.bitboard import bitboard_squares
from keisei.vec import ShogiVectorEnv
from tests.vec.games import BARE_KINGS

MAX_PLIES = 200
RULES = Rules(MAX_PLIES, declaration=True)
NEARLY_DECLARED = "9/9/9/9/8K/9/g1p+pg1+l2/1+p1p+bp3/3+n3k1 w 2RB2G3S3NL6Ps2l7p 1"
STARTS = (BARE_KINGS, "4k4/R8/9/9/9/9/9/9/4K4 b - 1", NEARLY_DECLARED)
CYCLES = (
    (STARTS[0], "5i5h 5a5b 5h5i 5b5a"),
    (STARTS[1], "9b9a 5a5b 9a9b 5b5a"),
)


def verdict(pool: Pool, slot: int) -> tuple[Termination, int]:
    return Termination(pool.nodes.ends[slot]), int(pool.nodes.winners[slot])


def outcome(board: Board) -> tuple[Termination, int]:
    found = board.outcome(max_plies=MAX_PLIES, declaration=True)
    if found is None:
        return Termination.NONE, NO_WINNER
    return found.termination, NO_WINNER if found.winner is None else found.winner


def play(env: ShogiVectorEnv, plies: int) -> None:
    env.reset(seed=3)
    for _ in range(plies):
        env.step(env.sample_actions())


@pytest.mark.parametrize("plies", [0, 7, 40])
def test_children_of_games_are_the_boards_after_each_move(plies: int) -> None:
    env = ShogiVectorEnv(6, obs="compact", max_plies=MAX_PLIES, initial_sfens=STARTS)
    play(env, plies)
    pool = Pool.of_games(env.standing(), 6 * 600)
    assert pool.expand(0, 6, 6, 6 * 601)[0] == 6
    past = 6 + pool.count(0, 6)
    pool.generate(6, past)
    pool.judge(6, past, RULES)
    states = pool.observe(np.arange(6, past), MAX_PLIES)
    child = 6
    for game in range(6):
        for action in env.board(game).legal_actions().tolist():
            board = env.board(game)
            board.push_action(action)
            assert pool.nodes.parents[child] == game
            assert pool.nodes.actions[child] == action
            assert verdict(pool, child) == outcome(board)
            assert pool.nodes.slots.repeats[child] == board.repetition_count() - 1
            assert (states[child - 6, 95] != 0) == board.is_check()
            assert states[child - 6, 97] == board.turn
            assert pool.count(child, child + 1) == len(board.legal_actions())
            child += 1
    assert child == past


@pytest.mark.parametrize(("sfen", "cycle"), CYCLES)
@pytest.mark.parametrize("copied", range(0, 12, 3))
def test_repetition_is_found_through_ancestors_and_the_game_before(
    sfen: str, cycle: str, copied: int
) -> None:
    """The first plies are a game's history, the others a line of a tree."""
    moves = cycle.split() * 3
    env = ShogiVectorEnv(1, obs="compact", max_plies=MAX_PLIES, initial_sfens=[sfen])
    env.reset(seed=1)
    actions: list[int] = []
    whole = Board(sfen)
    for text in moves:
        before = whole.copy()
        whole.push_usi(text)
        actions += [
            action
            for action in before.legal_actions().tolist()
            if pushed(before, action).sfen() == whole.sfen()
        ]
    for action in actions[:copied]:
        env.step([action])
    pool = Pool.of_games(env.standing(), 20)
    board = env.board(0)
    for slot, action in enumerate(actions[copied:]):
        pool.advance(np.array([slot]), np.array([action]), slot + 1)
        pool.generate(slot + 1, slot + 2)
        pool.judge(slot + 1, slot + 2, RULES)
        board.push_action(action)
        assert pool.nodes.slots.repeats[slot + 1] == (copied + slot + 1) // 4
        assert verdict(pool, slot + 1) == outcome(board)
    # Three whole cycles: the fourth occurrence of the first position.
    end = Termination.SENNICHITE if sfen == BARE_KINGS else Termination.PERPETUAL_CHECK
    assert board.repetition_count() == 4
    assert outcome(board)[0] == end


def pushed(board: Board, action: int) -> Board:
    after = board.copy()
    after.push_action(action)
    return after


def test_nodes_may_be_judged_again_and_in_part() -> None:
    env = ShogiVectorEnv(40, obs="compact", max_plies=MAX_PLIES, initial_sfens=STARTS)
    play(env, 30)
    pool = Pool.of_games(env.standing(), 6000)
    _, past = pool.expand(0, 40, 40, 6040)
    pool.generate(40, past)
    pool.judge(40, past, RULES)
    before = [array.copy() for array in (*pool.nodes.slots, pool.nodes.legal, pool.nodes.ends)]
    for first, last in ((45, 50), (40, 41), (past - 3, past)):
        pool.generate(first, last)
        pool.judge(first, last, RULES)
    after = (*pool.nodes.slots, pool.nodes.legal, pool.nodes.ends)
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))


def test_children_that_have_no_room_wait() -> None:
    pool = Pool(100)
    view = Board().placement().view()
    assert not pool.set_up(0, np.stack([view, view]), np.array([0, 0])).any()
    assert pool.expand(0, 2, 10, 100) == (2, 70)
    assert pool.expand(0, 2, 10, 69) == (1, 40)
    assert pool.expand(0, 2, 10, 39) == (0, 10)
    assert pool.nodes.parents[10:70].tolist() == [0] * 30 + [1] * 30


def test_a_node_costs_less_than_a_kilobyte() -> None:
    size = 3200
    nodes = Pool(size).nodes
    arrays = [*nodes.slots, nodes.parents, nodes.actions, nodes.legal, nodes.ends, nodes.winners]
    assert sum(array.nbytes for array in arrays) / size < 800


def test_checkers_are_in_the_movers_view() -> None:
    pool = Pool(1)
    board = Board("4k4/9/9/9/4r4/9/9/9/4K4 b - 1")
    pool.set_up(0, board.placement().view()[None], np.array([0]))
    assert bitboard_squares(pool.checkers(0)) == [40]


def test_a_copied_game_keeps_its_past_and_cannot_go_back_behind_it() -> None:
    env = ShogiVectorEnv(3, obs="compact", max_plies=MAX_PLIES)
    play(env, 9)
    board = env.board(1)
    assert (board.ply, board.sfen()) == (9, board.copy().sfen())
    with pytest.raises(IndexError):
        board.pop()
    assert new_history(1, MAX_PLIES).hashes.shape[2] == 101


def test_games_keep_their_own_pasts_whichever_are_chosen() -> None:
    env = ShogiVectorEnv(2, obs="compact", max_plies=MAX_PLIES, initial_sfens=[CYCLES[0][0]])
    env.reset(seed=1)
    boards = [Board(CYCLES[0][0]) for _ in range(2)]
    for game, texts in enumerate((CYCLES[0][1].split() * 2, ["5i4i", "5a4a"])):
        for text in texts:
            action = action_from_move(boards[game], Move.from_usi(text))
            env.step([action, action], active=[game == 0, game == 1])
            boards[game].push_usi(text)
    for chosen, repeats in (([0, 1], [2, 0]), ([1, 0], [0, 2]), ([1], [0]), ([0], [2])):
        pool = Pool.of_games(env.standing(chosen), 1)
        pool.judge(0, len(chosen), RULES)
        assert pool.nodes.slots.repeats[: len(chosen)].tolist() == repeats


def test_a_pool_has_room_for_all_games() -> None:
    env = ShogiVectorEnv(2, obs="compact", max_plies=MAX_PLIES)
    play(env, 1)
    with pytest.raises(ValueError, match="room=-1 has to be a whole number from 0"):
        Pool.of_games(env.standing(), -1)
