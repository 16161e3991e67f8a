"""Searches act as the rules say, whatever the evaluator thinks of positions."""

import numpy as np
import pytest
from numpy.typing import NDArray

from keisei.search.evaluators import EvaluatorError, Verdict
from keisei.search.search import Search
from keisei.search.settings import SearchSettings, SearchSettingsError
from keisei.search.tree import WON
from keisei.shogi import Move, Termination, action_from_move
from keisei.shogi.features import TO_MOVE
from keisei.vec import ShogiVectorEnv
from tests.search.positions import (
    MATE_IN_ONE,
    MATE_IN_THREE,
    PAWN_DROP_MATES,
    games,
    opinionated,
    play,
    settings,
    uniform,
)
from tests.vec.games import BARE_KINGS

METHODS = pytest.mark.parametrize("method", ["gumbel", "puct"])


@METHODS
def test_a_mate_is_seen_and_played(method: str) -> None:
    env = games(MATE_IN_ONE)
    found = Search(uniform, settings(method, 2000)).run(env.standing())
    env.step(found.actions)
    assert env.board(0).ply == 0  # it has begun anew
    assert found.values[0] == 1.0
    assert found.tree.proven[0] == WON


@METHODS
def test_a_mate_in_three_is_proven(method: str) -> None:
    found = Search(uniform, settings(method, 4000)).run(games(MATE_IN_THREE).standing())
    assert found.tree.proven[0] == WON


@METHODS
@pytest.mark.parametrize(("hand", "mates"), [("P", False), ("L", True)])
def test_a_pawn_drop_does_not_mate_and_a_lance_drop_does(
    method: str, hand: str, mates: bool
) -> None:
    env = games(f"7nk/9/7G1/9/9/9/9/9/4K4 b {hand} 1")
    found = Search(uniform, settings(method, 300)).run(env.standing())
    drop = action_from_move(env.board(0), Move.from_usi("L*1b")) if mates else -1
    edges = slice(found.tree.first_edges[0], found.tree.first_edges[0] + found.tree.num_edges[0])
    assert bool(found.tree.proven[0] == WON) is mates
    assert bool(found.actions[0] == drop) is mates
    assert set(found.tree.actions[edges].tolist()) == set(env.board(0).legal_actions().tolist())


@METHODS
@pytest.mark.parametrize(("hand", "mates"), [("p", False), ("l", True)])
def test_a_pawn_drop_is_no_threat_of_mate_and_a_lance_drop_is(
    method: str, hand: str, mates: bool
) -> None:
    # The same with colours changed, and Black to move first.
    env = games(f"4k4/9/9/9/9/9/1g6P/9/KN7 b {hand} 1")
    found = Search(uniform, settings(method, 1500)).run(env.standing())
    tree, idle = found.tree, action_from_move(env.board(0), Move.from_usi("1g1f"))
    edge = int(np.flatnonzero(tree.actions[: tree.num_edges[0]] == idle)[0])
    assert bool(tree.proven[tree.children[edge]] == WON) is mates


@METHODS
@pytest.mark.parametrize(("hope", "repeats"), [(0.6, True), (-0.6, False)])
def test_a_fourth_occurrence_is_a_draw_for_who_wants_one(
    method: str, hope: float, repeats: bool
) -> None:
    def hopeful(state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> Verdict:
        """Black hopes for so much, whatever happens."""
        offsets, actions, log_probs, _ = uniform(state, mask_bits)
        values = hope * (1 - 2.0 * state[:, TO_MOVE])
        return offsets, actions, log_probs, values.astype(np.float32)

    env = games("4k4/9/9/9/9/9/9/9/R3K4 b - 1")
    play(env, *(["9i9h", "5a5b", "9h9i", "5b5a"] * 2), "9i9h", "5a5b")
    # 9h9i and 5b5a bring the first position about for the fourth time: Black begins it here, White
    # has to finish it.
    play(env, "9h9i")
    found = Search(hopeful, settings(method, 60)).run(env.standing())
    back = action_from_move(env.board(0), Move.from_usi("5b5a"))
    # White is to move, whose hope is the opposite.
    assert bool(found.actions[0] == back) is repeats


@METHODS
def test_a_move_that_loses_by_the_next_one_is_not_played(method: str) -> None:
    # White mates by G*5h unless Black moves the king or takes the pawn.
    env = games("4k4/9/9/9/9/9/4p3P/9/4K4 w g 1")
    play(env, "5a4a")
    found = Search(uniform, settings(method, 1500)).run(env.standing())
    env.step(found.actions)
    board = env.board(0)
    for move in board.legal_moves:
        board.push(move)
        assert not board.is_checkmate()
        board.pop()


@METHODS
def test_perpetual_check_loses_in_the_tree(method: str) -> None:
    env = games("4k4/R8/9/9/9/9/9/9/4K4 b - 1")
    play(env, *(["9b9a", "5a5b", "9a9b", "5b5a"] * 2), "9b9a", "5a5b", "9a9b")
    # Going back to 5a would be the fourth occurrence, after checks only: White wins by it.
    found = Search(uniform, settings(method, 50)).run(env.standing())
    env.step(found.actions)
    assert env.board(0).ply == 0
    assert found.values[0] == 1.0


@METHODS
def test_the_giver_of_perpetual_check_turns_away(method: str) -> None:
    env = games("4k4/R8/9/9/9/9/9/9/4K4 b - 1")
    play(env, *(["9b9a", "5a5b", "9a9b", "5b5a"] * 2), "9b9a", "5a5b")
    losing = action_from_move(env.board(0), Move.from_usi("9a9b"))
    found = Search(uniform, settings(method, 1500)).run(env.standing())
    assert found.actions[0] != losing


@METHODS
def test_the_opponents_declaration_is_prevented(method: str) -> None:
    # White wins by declaring in the next turn, unless it is in check then.
    env = games("9/9/9/9/8K/9/g1p+pg1+l2/1+p1p+bp3/3+n3k1 b RB2G3S3NL6Prs2l7p 1")
    found = Search(uniform, settings(method, 3000)).run(env.standing())
    ends = found.pool.nodes.ends[found.tree.children[: found.tree.num_children[0]]]
    assert Termination.DECLARATION in ends
    env.step(found.actions)
    assert env.board(0).is_check()


@METHODS
def test_the_ply_cap_ends_games_in_the_tree(method: str) -> None:
    env = games(BARE_KINGS, max_plies=2)
    found = Search(uniform, settings(method, 300)).run(env.standing())
    # Two plies and nobody has won: all is a draw.
    assert found.values[0] == 0.0


@METHODS
def test_games_do_not_depend_on_their_neighbours(method: str) -> None:
    sfens = (MATE_IN_ONE, MATE_IN_THREE, PAWN_DROP_MATES, BARE_KINGS)
    search = Search(opinionated, settings(method, 60))
    together = search.run(games(*sfens).standing())
    for number, sfen in enumerate(sfens):
        alone = search.run(games(sfen).standing())
        assert alone.actions[0] == together.actions[number]
        assert alone.values[0] == together.values[number]


def test_visits_add_up() -> None:
    env = ShogiVectorEnv(3, obs="compact")
    env.reset(seed=2)
    tree = Search(opinionated, SearchSettings(nodes=100)).run(env.standing()).tree
    assert tree.visits[:3].tolist() == [101] * 3
    for node in range(3 * 101):
        first, made = tree.first_edges[node], tree.num_children[node]
        children = tree.children[first : first + made]
        assert (tree.parents[children] == node).all()
        if tree.num_edges[node]:
            assert tree.visits[children].sum() == tree.visits[node] - 1
            edges = slice(first, first + tree.num_edges[node])
            assert tree.priors[edges].sum() == pytest.approx(1.0, abs=1e-5)
            # Those with a child and the next one stand in order, before all others.
            in_order = tree.priors[first : first + made + 1]
            assert (np.diff(in_order) <= 0).all()
            assert (tree.priors[edges][made:] <= in_order[-1]).all()


def test_noise_is_drawn_from_the_seed() -> None:
    env = ShogiVectorEnv(8, obs="compact")
    env.reset(seed=2)
    found = [
        Search(uniform, SearchSettings(nodes=8), seed=seed).run(env.standing()).actions.tolist()
        for seed in (1, 1, 2)
    ]
    assert found[0] == found[1] != found[2]


def test_a_node_costs_less_than_two_kilobytes() -> None:
    env = ShogiVectorEnv(4, obs="compact")
    env.reset(seed=2)
    found = Search(uniform, SearchSettings(nodes=200)).run(env.standing())
    nodes = found.pool.nodes
    arrays = [*nodes.slots, nodes.legal, nodes.actions, *found.tree]
    assert sum(array.nbytes for array in arrays) / (4 * 201) < 2048


def test_trees_that_no_machine_holds_are_refused() -> None:
    standing = games(*[BARE_KINGS] * 512).standing()
    with pytest.raises(SearchSettingsError, match="nodes=1000000 in 512 games"):
        Search(uniform, SearchSettings(nodes=1_000_000)).run(standing)


def test_what_is_no_judgement_is_refused() -> None:
    def not_a_number(state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> Verdict:
        offsets, actions, log_probs, values = uniform(state, mask_bits)
        return offsets, actions, log_probs, values + np.nan

    def too_short(state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> Verdict:
        offsets, actions, log_probs, values = uniform(state, mask_bits)
        return offsets - 1, actions[:-1], log_probs[:-1], values

    standing = games(BARE_KINGS).standing()
    for evaluate in (not_a_number, too_short):
        with pytest.raises(EvaluatorError):
            Search(evaluate, SearchSettings(nodes=4)).run(standing)


@pytest.mark.parametrize(
    "texts",
    [
        {"nodes": "0"},
        {"nodes": "ten"},
        {"nodes": "-3"},
        {"method": "magic"},
        {"temperature": "0"},
        {"c_scale": "1e3"},
    ],
)
def test_settings_that_make_no_sense_are_refused(texts: dict[str, str]) -> None:
    with pytest.raises(SearchSettingsError):
        SearchSettings.from_texts(texts)


def test_a_lost_candidate_makes_room_for_other_moves() -> None:
    # White mates by G*5h unless Black moves the king: the policy thinks of the pawn alone.
    env = games("4k4/9/9/9/9/9/4p3P/9/4K4 w g 1")
    play(env, "5a4a")
    idle = action_from_move(env.board(0), Move.from_usi("1g1f"))

    def idly(state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> Verdict:
        offsets, actions, log_probs, values = uniform(state, mask_bits)
        return offsets, actions, log_probs + np.float32(9) * (actions == idle), values

    chosen = SearchSettings(nodes=40, candidates=1, leaf_mates=1, mate_nodes=0)
    found = Search(idly, chosen).run(env.standing())
    tree = found.tree
    assert tree.actions[0] == idle
    assert tree.proven[tree.children[0]] == WON
    assert tree.num_children[0] == tree.num_edges[0]
    assert found.actions[0] != idle
