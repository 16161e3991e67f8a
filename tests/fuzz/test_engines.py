"""What strangers' USI engines say, and when: real processes that do not keep to the protocol."""

import json
import os
import shlex
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from keisei.evaluation.records import GameRecord
from keisei.players.clocks import Clock, TimeControl
from keisei.players.engine import EnginePlayer
from keisei.players.player import Forfeit
from keisei.players.positions import Positions
from keisei.players.usi_client import EngineError, EngineSettings
from keisei.shogi.constants import BLACK
from keisei.vec import ShogiVectorEnv
from tests.fuzz.harness import assert_sentence, fuzz, guarded, refused
from tests.fuzz.mutations import mutated_bytes

PROGRAM = Path(__file__).with_name("scripted_engine.py")
SAID = (
    *(
        "id name X\noption name Skill type spin default 1\nusiok\n",
        "usiok\n",
        "usiok\r\n",
        "readyok\n",
    ),
    *("bestmove 7g7f\n", "bestmove 3g3f ponder 3c3d\n", "info depth 1 pv 7g7f\nbestmove 2g2f\n"),
    *("bestmove resign\n", "bestmove win\n", "bestmove 5i5a\n", "bestmove\n", "bestmove 7g7f"),
    *(
        "bestmove 7g7f\nbestmove 2g2f\nbestmove 3g3f\n",
        "bestmove \u0667g7f\n",
        "copyprotection error\n",
    ),
    *(
        "option name " + 999 * "x" + "\n",
        "\n\n\n",
        "\x00\xff\xfe\n",
        "bestmove " + 9999 * "7g7f" + "\n",
    ),
)
Reactions = list[list[str]]
Script = dict[str, Reactions]
GOOD: Script = {
    "usi": [["say", "usiok\n"]],
    "isready": [["say", "readyok\n"]],
    "go": [["say", "bestmove 7g7f\n"]],
}


def latin(text: str) -> str:
    return text.encode("utf-8", "replace").decode("latin-1")


said = st.one_of(
    st.sampled_from(SAID).map(latin),
    mutated_bytes(st.sampled_from(SAID).map(str.encode)).map(lambda data: data.decode("latin-1")),
)
deeds: SearchStrategy[list[str]] = st.one_of(
    st.tuples(st.just("say"), said).map(list),
    st.tuples(st.just("say"), said).map(list),
    st.tuples(st.just("complain"), said).map(list),
    st.tuples(st.just("flood"), st.one_of(said, st.just(1000 * "x"))).map(list),
    st.sampled_from((["wait", "0.02"], ["wait", "60"], ["fork", ""], ["exit", "0"], ["exit", "3"])),
    st.sampled_from(("0", "1", "2")).map(lambda descriptor: ["close", descriptor]),
)


@st.composite
def scripts(draw: DrawFn) -> Script:
    """A good engine with up to three other reactions."""
    script = {word: [list(deed) for deed in deeds_] for word, deeds_ in GOOD.items()}
    for _ in range(draw(st.integers(0, 3))):
        word = draw(
            st.sampled_from(("start", "usi", "isready", "usinewgame", "position", "go", "go"))
        )
        reactions = script.setdefault(word, [])
        at = draw(st.integers(0, len(reactions)))
        reactions[at : at + draw(st.integers(0, 1))] = [draw(deeds)]
    return script


@cache
def start() -> Positions:
    """Three games at their start."""
    env = ShogiVectorEnv(3, num_threads=1, obs="compact")
    observation, _ = env.reset(seed=0)
    clock = TimeControl(main=100, byoyomi=10, margin=0)
    games = [GameRecord(number, BLACK, clock=Clock(clock)) for number in range(3)]
    return Positions(observation["state"], observation["action_mask_bits"], games)


def play(settings: EngineSettings, processes: int) -> None:
    """Every answer is a legal move or loses the game."""
    positions = start()
    with EnginePlayer(settings, processes=processes, max_restarts=1) as player:
        for _ in range(2):
            for row, answer in enumerate(player.choose(positions).tolist()):
                if answer < 0:
                    Forfeit(answer)
                else:
                    assert positions.mask_bits[row, answer // 8] >> (answer % 8) & 1
        for trouble in player.troubles:
            assert_sentence(trouble)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def children() -> list[Any]:
    task = f"/proc/self/task/{os.getpid()}/children"
    return Path(task).read_text().split()


limits = st.sampled_from(("nodes 1", ""))


@fuzz(st.tuples(scripts(), st.integers(1, 2), limits), examples=6, warm_up=(GOOD, 1, ""))
def test_an_engine_plays_loses_or_is_given_up(value: tuple[Script, int, str]) -> None:
    script, processes, limit = value
    start()
    before = descriptors(), children()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "script.json"
        file.write_text(json.dumps(script))
        command = shlex.join([sys.executable, "-I", "-S", str(PROGRAM), str(file)])
        settings = EngineSettings(
            command, limit, {"USI_Hash": "1"}, start_seconds=1.0, move_seconds=0.2
        )
        with guarded(seconds=40, megabytes=64, may_start=True):
            refused(lambda: play(settings, processes), EngineError)
    assert (descriptors(), children()) == before
