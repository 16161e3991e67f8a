"""Records that strangers bring: each is refused in a sentence, or a legal game that can be saved.

They are read as the page and ``keisei-vec analyse`` read them, in KIF, CSA and USI.
"""

import json
from typing import Any

import cshogi
from hypothesis import strategies as st

from keisei.evaluation.kif import HANDICAPS, move_names, to_kif
from keisei.evaluation.reading import MOST_MOVES
from keisei.evaluation.records import GameRecord, to_csa
from keisei.players.player import Forfeit
from keisei.shogi import Move
from keisei.shogi.constants import BLACK, START_SFEN, Termination
from keisei.web.games import describe, open_text, player_names, read_situation, texts_of
from keisei.web.guard import RefusedError
from tests.fuzz.harness import fuzz, guarded, refused
from tests.fuzz.mutations import mutated_text
from tests.fuzz.test_moves import games

_KIF_TOKENS = (
    *("同　", "同", "成", "不成", "打", "(77)", "(00)", "(99)", "▲", "△", "投了", "中断", "千日手"),
    *(
        "反則負け",
        "手合割：",
        "手合割：その他\n",
        "後手の持駒：",
        "飛二",
        "歩十八",
        "なし",
        "\n|",
        "+",
    ),
    *(
        "手数",
        "変化：1手\n",
        "*",
        "#",
        "先手：",
        "終了日時：",
        "まで",
        "後手番\n",
        "上手番\n",
        "  9 9",
    ),
)
_CSA_TOKENS = (
    *("\n+7776FU", "-3334FU", "+0055KI", "0099", "%TORYO", "%KACHI", "%+ILLEGAL_ACTION", "%CHUDAN"),
    *(
        "PI",
        "PI82HI22KA",
        "P1-KY-KE",
        "P+00AL",
        "P-00AL",
        "P+00FU",
        "P-11OU",
        "\n/\n",
        ",",
        "T1",
        "'",
    ),
    *(
        "N+",
        "N-",
        "$EVENT:",
        "V2.2",
        "V3.0",
        "+\n",
        "-\n",
        "TO",
        "NY",
        "NK",
        "NG",
        "UM",
        "RY",
        "* * * ",
    ),
)
_USI_TOKENS = (
    *("position ", "startpos", " moves ", "sfen ", "7g7f", "P*5e", "8h2b+", "b - 1", "w 2P 1", "+"),
)


def _record(game: int, plies: int, start: str) -> GameRecord:
    if start != START_SFEN:
        return GameRecord(0, BLACK, Forfeit.RESIGNATION, BLACK, start=start, moves=[])
    moves = [Move.from_usi(text) for text in games()[game][:plies]]
    return GameRecord(0, BLACK, Forfeit.RESIGNATION, 1 - len(moves) % 2, moves=moves)


_records = st.builds(
    _record,
    st.integers(0, 19),
    st.integers(0, 40),
    st.sampled_from([START_SFEN, START_SFEN, *HANDICAPS.values()]),
)
texts = st.one_of(
    mutated_text(_records.map(lambda game: to_kif(game, "a", "b")), _KIF_TOKENS),
    mutated_text(_records.map(lambda game: to_csa(game, "a", "b")), _CSA_TOKENS),
    mutated_text(_records.map(lambda game: game.usi_position()), _USI_TOKENS),
).filter(lambda text: text.isascii() or "\ud800" not in text)
"""What JSON cannot bring as text is refused before it is read."""


@fuzz(texts, examples=60, warm_up=f"{START_SFEN} moves 7g7f 3c3d")
def test_a_record_is_refused_or_a_legal_game(text: str) -> None:
    found: list[dict[str, Any]] = []
    with guarded():
        sentence = refused(lambda: found.append(open_text({"text": text})), RefusedError)
    if sentence is not None:
        return
    (game,) = found
    json.dumps(game, ensure_ascii=False).encode()
    board = cshogi.Board(game["start"])
    assert len(game["moves"]) <= MOST_MOVES
    for usi in game["moves"]:
        move = board.move_from_usi(usi)
        assert board.is_legal(move), usi
        board.push(move)
    asked = {**game, "end": None, "cap": MOST_MOVES}
    with guarded():
        situation = read_situation(asked)
        told = describe(situation)
        saved = texts_of(situation, player_names(asked))
        again = [open_text({"text": each}) for each in saved.values()]
    assert told["names"] == move_names(situation.record.start, situation.record.moves)
    assert all((each["start"], each["moves"]) == (game["start"], game["moves"]) for each in again)
    assert game["end"] is None or game["end"]["kind"] in {
        *Termination.__members__,
        *Forfeit.__members__,
    }
