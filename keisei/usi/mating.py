"""``go mate``: a mate by checks, looked for in portions with a look at the clock after each."""

import math
import time

from keisei.games.board import move_from_action
from keisei.games.mates import MATE, UNKNOWN, MateSolver
from keisei.usi.going import Going
from keisei.usi.options import Options
from keisei.usi.output import FAILURES, Say
from keisei.usi.placed import PlacedGame

_BYTES_A_POSITION = 46
_MOST_POSITIONS = 1 << 24
_PORTION_SECONDS = 0.01
_FIRST_PORTION, _MOST_A_PORTION = 256, 1 << 16


def look_for_mate(game: PlacedGame, options: Options, going: Going, say: Say) -> str:
    """Look for a mate until it is found or excluded, the time is over, or ``stop`` comes.

    A search that fails is told, and counts as one whose time is over.

    Args:
        game: Where it stands.
        options: As they are set; ``USI_Hash`` bounds the memory.
        going: What is asked for.
        say: Gets the report of a mate that is found.

    Returns:
        What follows ``checkmate``: the moves of a mate, ``nomate`` or ``timeout``.
    """
    if not game.board.legal_moves:
        return "nomate"
    try:
        return _look_for_mate(game, options, going, say)
    except FAILURES as error:
        say(f"info string Error: {error}")
        return "timeout"


def _look_for_mate(game: PlacedGame, options: Options, going: Going, say: Say) -> str:
    board, limits = game.board, going.limits
    room = min(max(options.hash_mb * 1_000_000 // _BYTES_A_POSITION, 1), _MOST_POSITIONS)
    solver = MateSolver(1 << (room.bit_length() - 1))
    standing = board.standing(game.rules(options.max_ply, declaration=options.declaration))
    most = limits.nodes or math.inf
    patience = math.inf if limits.mate is None else limits.mate / 1000
    portion, nodes, goes_on = _FIRST_PORTION, 0, False
    while True:
        began = time.monotonic()
        found = solver.solve(standing, portion, go_on=goes_on)
        took = time.monotonic() - began
        nodes, goes_on = int(found.nodes[0]), True
        if found.verdicts[0] != UNKNOWN:
            break
        lately = options.network_delay / 1000 + took
        if going.is_stopped or going.clock_seconds + lately >= patience or nodes >= most:
            return "timeout"
        portion = min(int(portion * _PORTION_SECONDS / took) + 1, 2 * portion, _MOST_A_PORTION)
    if found.verdicts[0] != MATE:
        return "nomate"
    after, moves = board.copy(), list[str]()
    for action in found.lines[0, : found.lengths[0]].tolist():
        moves.append(move_from_action(after, action).usi())
        after.push_action(action)
    seconds, line = max(going.seconds, 1e-3), " ".join(moves)
    say(
        f"info depth {len(moves)} seldepth {len(moves)} score mate {len(moves)} nodes {nodes} "
        f"nps {round(nodes / seconds)} time {round(1000 * seconds)} hashfull 0 pv {line}"
    )
    return line
