"""Everything that runs kernels, once and in small, so that they are all compiled.

Which code a kernel needs depends on the types and the layout of its arguments, so that what calls
it in earnest is used here as well.
"""

from collections.abc import Callable
from pathlib import Path

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode

from keisei.cli.players import load_network
from keisei.config_file import load_config
from keisei.evaluation.analysis import analyse
from keisei.evaluation.arena import Arena
from keisei.evaluation.match import MatchRules
from keisei.evaluation.records import GameRecord
from keisei.imitation.distilling import Distillation, DistillationPlan
from keisei.imitation.imitating import Imitation, ImitationPlan
from keisei.imitation.packed import PSV
from keisei.imitation.searched import Teacher
from keisei.players.descriptions import SHIPPED_POLICY, parse_player
from keisei.players.opinion import Adviser, positions_along
from keisei.players.policy import NetworkEvaluator
from keisei.players.simple import CallablePlayer
from keisei.search.search import Search
from keisei.search.settings import SearchSettings
from keisei.shogi import Board, Move, perft
from keisei.shogi.constants import BLACK
from keisei.training.trainer import Trainer
from keisei.usi.options import Options
from keisei.usi.thinking import Thinker
from keisei.vec import OpponentVectorEnv, ShogiVectorEnv

_GAMES = 8
_SHORT = 30
"""Plies, after which games are cut off, so that some end."""
_MATCHES = (
    ("keisei?nodes=24&leaf_mates=1&leaves=2", "keisei?nodes=24&method=puct&leaves=2"),
    ("keisei?nodes=24&method=puct&leaf_mates=1", "greedy"),
    ("keisei", "random"),
)


def use_rules(_: Path) -> None:
    """A board, its ends, and a count of legal moves."""
    board = Board()
    for move in ("7g7f", "3c3d", "8h2b+"):
        board.push_usi(move)
    board.checkers()
    board.pop()
    board.outcome(max_plies=_SHORT, declaration=True)
    perft(board, 3)


def use_environment(_: Path) -> None:
    """The environment in all its forms, one game, and an opponent inside the step."""
    for obs in ("dict", "box", "compact"):
        for dtype in ("uint8", "float32"):
            _play(ShogiVectorEnv(_GAMES, obs=obs, dtype=dtype, max_plies=_SHORT))
    for mode in (AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED):
        _play(ShogiVectorEnv(_GAMES, autoreset_mode=mode, max_plies=_SHORT, copy=False))
    single = gymnasium.make("keisei/Shogi-v0", max_plies=_SHORT)
    single.reset(seed=1)
    opposed = OpponentVectorEnv(ShogiVectorEnv(_GAMES, max_plies=_SHORT), "random")
    opposed.reset(seed=1)
    for _step in range(_SHORT):
        opposed.step(opposed.sample_actions())
    opposed.set_state(opposed.get_state())


def _play(env: ShogiVectorEnv) -> None:
    """Games to their ends and past them, with what an environment offers besides."""
    env.reset(seed=1)
    half = np.arange(_GAMES) % 2 == 0
    for ply in range(_SHORT + 5):
        if ply == _SHORT:
            env.reset(options={"reset_mask": np.ones(_GAMES, np.bool_)})
        env.step(env.sample_actions())
    env.step(env.sample_actions(half), half, observe=False)
    env.observe()
    env.set_state(env.get_state())
    env.board(0).copy()
    env.close()


def train(folder: Path) -> None:
    """A run that plays against itself and its snapshots, is rated, stopped, and gone on with."""
    settings = {
        "env.num_envs": 2 * _GAMES,
        "env.max_plies": _SHORT,
        "env.random_opening_plies": 4,
        "training.num_steps": 20,
        "training.num_minibatches": 2,
        "opponents.share": 0.5,
        "opponents.enter_updates": 1,
        "session.run_dir": folder / "run",
        "session.device": "cpu",
        "session.checkpoint_every": 1,
        "evaluation.every_updates": 2,
        "evaluation.num_games": 2,
        "display.mode": "quiet",
    }
    plies = 2 * _GAMES * 20
    for updates, resume in ((2, None), (3, "latest")):
        Trainer(
            load_config(overrides={**settings, "training.total_timesteps": updates * plies}),
            resume=resume,
        ).run()


def play_matches(_: Path) -> None:
    """Games between all kinds of players, with both searches and their mates."""
    arena = Arena(load_network, MatchRules(opening_plies=4, max_plies=_SHORT))
    for first, second in _MATCHES:
        arena.play(parse_player(first), parse_player(second), 2)


def think(_: Path) -> None:
    """The engine for shogi programs, which searches and looks for mates to know its speed."""
    Thinker(Options.for_player("keisei"), load_network)


def judge(_: Path) -> None:
    """The analysis of a game, as on the page; a search as it is learned from."""
    moves = [Move.from_usi(text) for text in ("7g7f", "3c3d", "2g2f")]
    game = GameRecord(0, BLACK, moves=moves)
    evaluator = NetworkEvaluator(load_network(SHIPPED_POLICY), "cpu")
    positions = positions_along(game.start, moves, [0, 1])
    CallablePlayer(lambda _, masks: masks.argmax(axis=1)).choose(positions)
    assert positions.standing is not None
    trees = Search(evaluator.for_search(), SearchSettings(nodes=16)).begin(positions.standing)
    trees.simulate(16)
    trees.improved_policy()
    for search in (None, SearchSettings(nodes=16)):
        analyse(game, Adviser(evaluator, search))


def imitate(folder: Path) -> None:
    """Games of others as text and packed, and a step of learning from them and from searches."""
    (folder / "games.usi").write_text("startpos moves 7g7f 3c3d\n", "utf-8")
    (folder / "games.psv").write_bytes(bytes(PSV.itemsize))
    overrides = {"session.run_dir": folder / "run", "session.device": "cpu"}
    files = [folder / "games.usi", folder / "games.psv"]
    Imitation(load_config(overrides=overrides), ImitationPlan(1, 2, 0.0), files).run()
    overrides |= {"session.run_dir": folder / "distilled", "env.num_envs": _GAMES}
    settings = load_config(overrides={**overrides, "env.max_plies": _SHORT})
    Distillation(settings, DistillationPlan(1, _GAMES, 1, 2, 0.0), Teacher(2, 0.45, 0.5)).run()


PARTS: dict[str, Callable[[Path], None]] = {
    "rules": use_rules,
    "environment": use_environment,
    "training": train,
    "matches and search": play_matches,
    "engine": think,
    "analysis": judge,
    "games of others": imitate,
}
"""Called with an empty folder to write to, by what they are for."""
