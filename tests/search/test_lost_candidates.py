"""What candidates of sequential halving leave unused when they are proven to lose."""

import numpy as np
from numpy.typing import NDArray

from keisei.search.evaluators import Verdict
from keisei.search.search import Search
from keisei.search.settings import SearchSettings
from keisei.search.tree import DRAWN, WON, action_value
from keisei.shogi import Move, action_from_move
from keisei.shogi.constants import KING, OTHER_SIDE
from keisei.shogi.features import BOARD, TO_MOVE
from tests.search.positions import games, play, uniform


def test_a_candidate_that_was_dropped_does_not_inherit_their_visits() -> None:
    # White mates by G*5h if Black moves the pawn. The policy likes one king move best, which is
    # bad, and another one next, which is good, and then the pawn.
    env = games("4k4/9/9/9/9/9/4p3P/9/4K4 w g 1")
    play(env, "5a4a")
    bad, good, idle = (
        action_from_move(env.board(0), Move.from_usi(text)) for text in ("5i4i", "5i6i", "1g1f")
    )

    def westward(state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> Verdict:
        """Black hopes for much on the files from 6 on, and for little on the others."""
        offsets, actions, log_probs, values = uniform(state, mask_bits)
        for order, action in enumerate((bad, good, idle)):
            log_probs += np.float32(40 - 4 * order) * (actions == action)
        for row in range(len(state)):
            is_white = bool(state[row, TO_MOVE])
            king = KING + OTHER_SIDE if is_white else KING
            file = int(np.flatnonzero(state[row, BOARD] == king)[0]) // 9
            hope = 0.5 if (8 - file if is_white else file) >= 5 else -0.5
            values[row] = -hope if is_white else hope
        return offsets, actions, log_probs, values

    chosen = SearchSettings(nodes=60, candidates=3, leaf_mates=1, mate_nodes=0, c_scale=0.1)
    found = Search(westward, chosen).run(env.standing())
    tree = found.tree
    assert tree.actions[:3].tolist() == [bad, good, idle]
    assert tree.proven[tree.children[2]] == WON
    assert tree.visits[tree.children[1]] > tree.visits[tree.children[0]]
    assert found.actions[0] == good


def test_a_proven_draw_is_worth_a_draw_whatever_was_hoped_before() -> None:
    # After a check and the reply the game is over by its cap; before it Black looks as good as won.
    env = games("4k4/9/9/9/9/9/9/9/R3K4 b - 1", max_plies=2)

    def hopeful(state: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> Verdict:
        offsets, actions, log_probs, _ = uniform(state, mask_bits)
        return (
            offsets,
            actions,
            log_probs,
            np.where(state[:, TO_MOVE], -0.9, 0.9).astype(np.float32),
        )

    found = Search(hopeful, SearchSettings(nodes=300, mate_nodes=0)).run(env.standing())
    children = found.tree.children[: found.tree.num_children[0]]
    drawn = children[found.tree.proven[children] == DRAWN]
    assert len(drawn) > 0
    assert found.tree.totals[drawn].all()
    assert [action_value(found.tree, int(child), 0.0) for child in drawn] == [0.5] * len(drawn)
