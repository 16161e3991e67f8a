"""Looking at a board changes nothing, so that several threads may: kernels release the GIL."""

import pickle
from concurrent.futures import ThreadPoolExecutor

from keisei.shogi import Board, Outcome, Termination


def test_looking_changes_nothing() -> None:
    board = Board()
    for _ in range(40):
        board.push(board.legal_moves[0])
    for _ in range(20):
        board.pop()
    before = pickle.dumps(board)
    for look in (board.checkers, board.legal_actions, board.is_checkmate, board.sfen):
        look()
    board.outcome(max_plies=20, declaration=True)
    assert pickle.dumps(board) == before


def test_threads_that_ask_by_other_rules_do_not_disturb_each_other() -> None:
    board = Board()
    for text in ("7g7f", "3c3d", "8h2b+", "3a2b"):
        board.push_usi(text)

    def answers(cap: int) -> set[Outcome | None]:
        return {board.outcome(max_plies=cap) for _ in range(20_000)}

    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(answers, (4, 5)))
    assert found == [{Outcome(Termination.MAX_PLIES, None)}, {None}]
