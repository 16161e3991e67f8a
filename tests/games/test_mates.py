"""Mates by checks: the solver finds all there are and no others, and its lines are played out."""

from pathlib import Path

import numpy as np
import pytest

from keisei.games import proofs
from keisei.games.board import Board, move_from_action
from keisei.games.endings import Rules
from keisei.games.layout import LANES
from keisei.games.mates import MATE, REFUTED, UNKNOWN, Mates, MateSolver
from keisei.games.pool import Pool
from keisei.shogi.notation import parse_sfen
from keisei.vec import ShogiVectorEnv
from tests.games.exhaustive import Exhaustive

MATES = Path(__file__).parents[1] / "data" / "mates.txt"
NODES = 20_000
IN_FIVE = "4k4/9/9/9/9/9/9/9/4K4 b 2R2G 1"
# One first move alone mates in three, and the piece that makes it can go back.
IN_THREE = "7k1/9/6+R2/+R8/9/9/9/9/8K b - 1"
RULES = Rules(512, declaration=True)
CYCLE = ("2a1a", "2d9d", "1a2a", "9d2d")


def pool_of(*sfens: str) -> Pool:
    starts = [parse_sfen(sfen) for sfen in sfens]
    pool = Pool(len(sfens))
    turns = np.array([start.to_move for start in starts])
    assert not pool.set_up(0, np.stack([start.view() for start in starts]), turns).any()
    return pool


def solve(
    solver: MateSolver, *sfens: str, nodes: int = NODES, max_plies: int = 512, plies: int = 63
) -> Mates:
    rules = Rules(max_plies, declaration=True)
    return solver.solve_slots(pool_of(*sfens), np.arange(len(sfens)), rules, nodes, plies=plies)


def middle(seed: int, num_games: int = 96, plies: int = 160) -> ShogiVectorEnv:
    env = ShogiVectorEnv(num_games, obs="compact", declaration="off")
    env.reset(seed=seed)
    for _ in range(plies):
        env.step(env.sample_actions())
    return env


def line(mates: Mates, row: int) -> list[int]:
    return mates.lines[row, : mates.lengths[row]].tolist()


def assert_mates(solver: MateSolver, board: Board, actions: list[int]) -> None:
    """The line mates; whatever else the defender answers, the attacker mates, too."""
    for ply, action in enumerate(actions):
        if ply % 2 == 1:
            others = [board.copy() for _ in board.legal_actions()]
            for other, answer in zip(others, board.legal_actions().tolist(), strict=True):
                other.push_action(answer)
            found = solve(solver, *(other.sfen() for other in others))
            assert (found.verdicts == MATE).all()
        board.push_action(action)
        assert ply % 2 == 1 or board.is_check()
    assert board.is_checkmate()


@pytest.mark.parametrize(
    ("sfen", "verdict", "moves"),
    [
        ("4k4/9/4P4/9/9/9/9/9/4K4 b G 1", MATE, "G*5b"),
        ("4k4/9/9/9/9/9/4p4/9/4K4 w g 1", MATE, "G*5h"),
        # The bishop moves away, and the lance behind it mates.
        ("3lkl3/3p1p3/4B4/9/9/9/9/4L4/K8 b - 1", MATE, ""),
        (IN_THREE, MATE, ""),
        ("4k4/9/9/9/9/9/9/9/4K4 b G 1", REFUTED, ""),
        # A pawn dropped in front of the king would mate, which is forbidden; one that moves may.
        ("3lkl3/3p1p3/4K4/9/9/9/9/9/9 b P 1", REFUTED, ""),
        ("3lkl3/3p1p3/4P4/4L4/9/9/9/9/4K4 b - 1", MATE, ""),
        # Without a move the king has lost, but is not mated.
        ("k8/9/9/G8/9/9/9/9/1R2K4 b - 1", REFUTED, ""),
        # A rook alone gives check for ever.
        ("4k4/9/9/9/9/9/9/9/R3K4 b - 1", REFUTED, ""),
    ],
)
def test_positions(sfen: str, verdict: int, moves: str) -> None:
    solver = MateSolver()
    found = solve(solver, sfen)
    assert found.verdicts.tolist() == [verdict]
    assert (found.lengths[0] > 0) == (verdict == MATE)
    if verdict == MATE:
        assert_mates(solver, Board(sfen), line(found, 0))
    board = Board(sfen)
    for text, action in zip(moves.split(), line(found, 0), strict=False):
        assert move_from_action(board, action).usi() == text
        board.push_usi(text)


@pytest.mark.parametrize("seed", [1, 2])
def test_it_finds_what_trying_everything_finds(seed: int) -> None:
    env, solver, exhaustive = middle(seed), MateSolver(), Exhaustive()
    shortest = [exhaustive.shortest(env.board(game).sfen(), 3) for game in range(env.num_envs)]
    assert {1, 3} <= set(shortest)
    for most in (1, 3):
        found = solver.solve(env.standing(), NODES, plies=most)
        expected = [MATE if 0 < plies <= most else REFUTED for plies in shortest]
        assert found.verdicts.tolist() == expected
    whole = solver.solve(env.standing(), NODES // 10)
    for game in range(env.num_envs):
        if shortest[game] > 0:
            assert whole.verdicts[game] == MATE
        if whole.verdicts[game] == MATE:
            assert_mates(solver, env.board(game), line(whole, game))


def test_the_ply_cap_ends_lines() -> None:
    solver = MateSolver()
    for sfen, plies in ((IN_THREE, 3), (IN_FIVE, 5)):
        for cap, verdict in ((plies, MATE), (plies - 1, REFUTED)):
            found = solve(solver, sfen, max_plies=cap)
            assert found.verdicts.tolist() == [verdict]
        limited = solve(solver, sfen, plies=plies - 2)
        assert limited.verdicts.tolist() == [REFUTED]
    assert solve(solver, IN_THREE, plies=3).lengths.tolist() == [3]


@pytest.mark.parametrize(("cycles", "verdict"), [(2, MATE), (3, REFUTED)])
def test_a_check_that_repeats_the_game_for_the_fourth_time_is_no_mate(
    cycles: int, verdict: int
) -> None:
    """The position after the one mating check has occurred once a cycle."""
    start = Board(IN_THREE)
    start.push_usi("9d2d")
    moves = (CYCLE * cycles)[:-1]
    board = Board(start.sfen())
    for text in moves:
        board.push_usi(text)
    assert board.sfen().split(maxsplit=1)[0] == IN_THREE.split(maxsplit=1)[0]
    assert MateSolver().solve(board.standing(RULES), NODES, plies=3).verdicts.tolist() == [verdict]
    # The same as a line of a tree.
    pool = pool_of(start.sfen())
    pool.grow(64)
    line_board = Board(start.sfen())
    for slot, text in enumerate(moves):
        actions = line_board.legal_actions()
        action = [a for a in actions if move_from_action(line_board, int(a)).usi() == text]
        pool.advance(np.array([slot]), np.array(action), slot + 1)
        line_board.push_usi(text)
    last = np.array([len(moves)])
    found = MateSolver().solve_slots(pool, last, RULES, NODES, plies=3)
    assert found.verdicts.tolist() == [verdict]


def test_slots_of_a_pool_are_solved_as_games_are() -> None:
    env = middle(3)
    pool = Pool.of_games(env.standing(), 0)
    games = np.arange(env.num_envs)
    one = MateSolver().solve(env.standing(), 200)
    other = MateSolver().solve_slots(pool, games, env.standing().rules, 200)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert {MATE, REFUTED, UNKNOWN} == set(one.verdicts.tolist())


def test_a_search_goes_on_where_it_was_left() -> None:
    env = middle(4)
    solver = MateSolver()
    found = solver.solve(env.standing(), 100)
    unknown = found.verdicts == UNKNOWN
    assert unknown.any()
    for _ in range(60):
        before, found = found, solver.solve(env.standing(), 100, go_on=True)
        known = before.verdicts != UNKNOWN
        assert (found.verdicts[known] == before.verdicts[known]).all()
        assert (found.nodes >= before.nodes).all()
    whole = MateSolver().solve(env.standing(), 6_000)
    both = (found.verdicts != UNKNOWN) & (whole.verdicts != UNKNOWN)
    assert (found.verdicts[both] == whole.verdicts[both]).all()
    assert (both & unknown).any()


def test_a_refutation_by_repetition_holds_below_the_same_positions_alone() -> None:
    prover, task = proofs.new_prover(1 << 10), proofs.Task(np.uint64(9), 63, is_exact=False)
    depth, slot = 6, 40
    prover.line[:depth] = range(100, 100 + depth)
    prover.keys[slot] = 7
    prover.numbers[slot] = proofs.INFINITE, 0
    prover.rests[slot] = 0b10100
    proofs.record(prover, task, slot, depth, 1)
    assert proofs.recall(prover, task, slot, depth)
    assert proofs.recall(prover, task, slot, depth - 1)
    # The line has not come to the second of the positions yet.
    assert not proofs.recall(prover, task, slot, 4)
    prover.line[3] = 1
    assert proofs.recall(prover, task, slot, depth)
    for place in (2, 4):
        before = prover.line[place]
        prover.line[place] = 1
        assert not proofs.recall(prover, task, slot, depth)
        prover.line[place] = before
    assert proofs.recall(prover, task, slot, depth)
    assert prover.rests[slot] == 0b10100


def test_a_full_table_costs_time_and_nothing_else() -> None:
    env = middle(5)
    small, large = (MateSolver(size).solve(env.standing(), 3_000) for size in (1, 1 << 18))
    both = (small.verdicts != UNKNOWN) & (large.verdicts != UNKNOWN)
    assert (small.verdicts[both] == large.verdicts[both]).all()
    solver = MateSolver()
    for game in np.flatnonzero(small.verdicts == MATE).tolist():
        actions = line(small, game)
        board = env.board(game)
        for action in actions:
            board.push_action(action)
        if board.is_checkmate():
            assert_mates(solver, env.board(game), actions)
        else:
            first = env.board(game)
            first.push_action(actions[0])
            assert first.is_check()


def test_lines_without_room_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for the children of three positions: most lines end there, and nobody knows how."""
    known = MateSolver().solve(middle(6).standing(), 3_000)
    monkeypatch.setattr(proofs, "_ROOM", 4 * LANES)
    found = MateSolver().solve(middle(6).standing(), 3_000)
    both = (found.verdicts != UNKNOWN) & (known.verdicts != UNKNOWN)
    assert (found.verdicts[both] == known.verdicts[both]).all()
    lost = (known.verdicts != UNKNOWN) & (found.verdicts == UNKNOWN)
    assert (known.verdicts[lost] == MATE).any()
    assert (known.verdicts[lost] == REFUTED).any()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"nodes": 0}, "nodes=0"),
        ({"plies": 0}, "plies=0"),
        ({"plies": 64}, "plies=64"),
        ({"go_on": True}, "to go on with"),
    ],
)
def test_mistakes_are_refused(words: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MateSolver().solve(Board().standing(RULES), **{"nodes": 1, **words})  # pyright: ignore[reportArgumentType]


def test_slots_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="Slots 0 to 7"):
        MateSolver().solve_slots(Pool(7), np.array([0, 7]), RULES, 1)
    with pytest.raises(ValueError, match="positions=0"):
        MateSolver(0)


def test_a_tenth_of_the_set_of_mates() -> None:
    assert_set_is_solved(every=10)


@pytest.mark.slow
def test_the_whole_set_of_mates() -> None:
    assert_set_is_solved(every=1)


def assert_set_is_solved(every: int) -> None:
    """Positions of benchmarks/mates.py, the shortest mate of each found by trying everything."""
    rows = [row.split(maxsplit=1) for row in MATES.read_text("utf-8").splitlines()[::every]]
    solver = MateSolver()
    for length, least in ((1, 1.0), (3, 1.0), (5, 0.95)):
        sfens = [sfen for plies, sfen in rows if int(plies) == length]
        found = solve(solver, *sfens, nodes=10_000)
        assert (found.verdicts == MATE).mean() >= least
        shorter = solve(solver, *sfens, plies=length)
        assert (shorter.verdicts == MATE).all()
        if length > 1:
            assert (solve(solver, *sfens, plies=length - 2).verdicts == REFUTED).all()
        for row, sfen in enumerate(sfens):
            if found.verdicts[row] == MATE:
                assert_mates(solver, Board(sfen), line(found, row))
