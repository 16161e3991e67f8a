"""Records of games with strangers' names: every line of CSA stays what it is.

Keisei writes CSA and USI lines and reads neither, so another program reads them here.
"""

import cshogi
from cshogi import CSA
from hypothesis import strategies as st

from keisei.evaluation.records import GameRecord, to_csa, to_usi_lines
from keisei.players.descriptions import PlayerDescriptionError, parse_player
from keisei.players.player import Forfeit
from keisei.shogi import Move
from keisei.shogi.constants import BLACK, WHITE, Termination
from tests.fuzz.harness import fuzz, guarded, refused
from tests.fuzz.mutations import mutated_text
from tests.fuzz.test_moves import games

names = mutated_text(
    st.sampled_from(("greedy", "runs/a/policy.safetensors", "usi:engine -x?nodes=1&option.A=b")),
    ("\n%TORYO\n", "\n/\n", "\n+7776FU", "'", ","),
).filter(lambda name: refused(lambda: parse_player(name), PlayerDescriptionError) is None)
ends = st.sampled_from([*(end for end in Termination if end), *Forfeit])


def record(
    game: int, plies: int, colour: int, end: Termination | Forfeit, winner: int | None
) -> GameRecord:
    moves = [Move.from_usi(text) for text in games()[game][:plies]]
    return GameRecord(0, colour, end, winner, moves=moves)


records = st.builds(
    record,
    st.integers(0, 19),
    st.integers(0, 120),
    st.sampled_from((BLACK, WHITE)),
    ends,
    st.sampled_from((BLACK, WHITE, None)),
)


@fuzz(st.tuples(st.lists(records, min_size=1, max_size=3), names, names), examples=25)
def test_records_are_read_as_they_were_played(value: tuple[list[GameRecord], str, str]) -> None:
    played, name_a, name_b = value
    with guarded():
        text = "/\n".join(to_csa(game, name_a, name_b) for game in played)
        lines = to_usi_lines(played)
    text.encode()
    read = CSA.Parser.parse_str(text)
    assert len(read) == len(played) == lines.count("\n")
    for game, again in zip(played, read, strict=True):
        assert [cshogi.move_to_usi(move) for move in again.moves] == [m.usi() for m in game.moves]
        names_read = [name.strip() for name in (name_a, name_b)]
        assert [name.strip() for name in again.names] == (
            names_read if game.colour_of_a == BLACK else names_read[::-1]
        )
