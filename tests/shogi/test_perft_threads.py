"""Counting in several Python threads at once: kernels release the GIL."""

from concurrent.futures import ThreadPoolExecutor

from keisei.shogi import Board, perft

SFENS = (
    "lnsgkgsnl/1r5b1/ppppppppp/9/9/9/PPPPPPPPP/1B5R1/LNSGKGSNL b - 1",
    "8l/1l+R2P3/p2pBG1pp/kps1p4/Nn1P2G2/P1P1P2PP/1PS6/1KSG3+r1/LN2+p3L w Sbgn3p 124",
    "ln1g5/1r2S1k2/p2pppn2/2ps2p2/1p7/2P6/PPSPPPPLP/2G2K1pr/LN4G1b w BGSLPnp 62",
)
DEPTH = 3


def test_two_threads_count_what_one_counts() -> None:
    boards = [Board(sfen) for sfen in SFENS] * 4
    expected = [perft(board, DEPTH) for board in boards]
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(perft, boards, [DEPTH] * len(boards))) == expected
