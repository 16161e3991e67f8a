"""Implementations of shogi behind one small face, each run in an environment of its own.

    PYTHON compare_peers.py NAME claims < CLAIMS     what it says of each position, as JSON
    PYTHON compare_peers.py NAME speed N             random game-steps a second, as JSON

``compare.py`` starts it. It imports one implementation alone and nothing else that has to be there.
"""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# (The peers need not be installed.)

import functools
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

SEED, WARM_UP, ROUNDS, SECONDS = 1, 300, 5, 2.0
MAX_PLIES = 512
WINS = ("black wins", "white wins")
UNASKED = "begins at the usual start alone"


class Game(Protocol):
    """One game as an implementation plays it."""

    def legal(self, usi: str, label: int) -> bool:
        """Whether a move may be played; ``label`` is its number among the 2187 of dlshogi."""
        ...

    def push(self, usi: str, label: int) -> None:
        """Play it."""
        ...

    def verdict(self, *, repetition: bool) -> str | None:
        """How the game has ended; None if it goes on.

        A board that leaves repetition to its caller is asked about it only if ``repetition``.
        """
        ...


class KeiseiGame:
    """Through the environment."""

    def __init__(self, sfen: str | None) -> None:
        from keisei.vec import ShogiVectorEnv  # noqa: PLC0415

        sfens = None if sfen is None else [sfen]
        self._env = ShogiVectorEnv(1, initial_sfens=sfens, autoreset_mode="Disabled")
        self._env.reset(seed=SEED)
        self._said: str | None = None

    def legal(self, usi: str, label: int) -> bool:  # noqa: ARG002
        return bool(self._env.action_masks()[0, label])

    def push(self, usi: str, label: int) -> None:  # noqa: ARG002
        _, _, ended, cut, infos = self._env.step(np.array([label]))
        if ended[0] or cut[0]:
            winner = int(infos["final_info"]["winner"][0])
            self._said = "cut off" if cut[0] else "draw" if winner < 0 else WINS[winner]

    def verdict(self, *, repetition: bool) -> str | None:  # noqa: ARG002
        return self._said


class CshogiGame:
    """A board; what it says of its end when it is asked by each of its own questions."""

    def __init__(self, sfen: str | None) -> None:
        import cshogi  # noqa: PLC0415

        names: Any = cshogi
        self._draws = {
            names.REPETITION_DRAW: "draw",
            names.REPETITION_WIN: "mover",
            names.REPETITION_LOSE: "other",
        }
        self._board: Any = cshogi.Board() if sfen is None else cshogi.Board(sfen)

    def legal(self, usi: str, label: int) -> bool:  # noqa: ARG002
        return usi in {_cshogi_usi(move) for move in self._board.legal_moves}

    def push(self, usi: str, label: int) -> None:  # noqa: ARG002
        self._board.push_usi(usi)

    def verdict(self, *, repetition: bool) -> str | None:
        turn = self._board.turn
        if not list(self._board.legal_moves):
            return WINS[1 - turn]
        if self._board.is_nyugyoku():
            return WINS[turn]
        repeated = self._draws.get(self._board.is_draw()) if repetition else None
        return {"mover": WINS[turn], "other": WINS[1 - turn]}.get(repeated or "", repeated)


def _cshogi_usi(move: int) -> str:
    import cshogi  # noqa: PLC0415

    return cshogi.move_to_usi(move)


class RsshogiGame:
    """A board; what it says of its end when it is asked by each of its own questions."""

    def __init__(self, sfen: str | None) -> None:
        import rsshogi.core as rs  # noqa: PLC0415

        self._board: Any = rs.Board()
        if sfen is not None:
            self._board.set_sfen(sfen)

    def legal(self, usi: str, label: int) -> bool:  # noqa: ARG002
        return usi in {move.to_usi() for move in self._board.legal_moves()}

    def push(self, usi: str, label: int) -> None:  # noqa: ARG002
        self._board.push_usi(usi)

    def verdict(self, *, repetition: bool) -> str | None:  # noqa: ARG002
        turn = int(self._board.turn)
        if not list(self._board.legal_moves()):
            return WINS[1 - turn]
        if self._board.can_declare_win():
            return WINS[turn]
        said = str(self._board.repetition_state())
        return {"rep_draw": "draw", "rep_win": WINS[turn], "rep_lose": WINS[1 - turn]}.get(said)


class OpenSpielGame:
    """A state of OpenSpiel's game."""

    def __init__(self, sfen: str | None) -> None:
        import pyspiel  # noqa: PLC0415

        game = pyspiel.load_game("shogi")
        self._state: Any = (
            game.new_initial_state() if sfen is None else game.new_initial_state(sfen)
        )

    def _moves(self) -> dict[str, int]:
        state = self._state
        return {state.action_to_string(action): action for action in state.legal_actions()}

    def legal(self, usi: str, label: int) -> bool:  # noqa: ARG002
        return usi in self._moves()

    def push(self, usi: str, label: int) -> None:  # noqa: ARG002
        self._state.apply_action(self._moves()[usi])

    def verdict(self, *, repetition: bool) -> str | None:  # noqa: ARG002
        if not self._state.is_terminal():
            return None
        black = self._state.returns()[0]  # player 0 moves first
        return "draw" if black == 0 else WINS[int(black < 0)]


class PgxGame:
    """A state of pgx, which begins at the usual start alone."""

    def __init__(self, sfen: str | None) -> None:
        import jax  # noqa: PLC0415
        import pgx  # noqa: PLC0415

        if sfen is not None:
            raise NotImplementedError
        env: Any = pgx.make("shogi")
        self._step = _once("pgx step", functools.partial(jax.jit, env.step))
        self._state: Any = env.init(jax.random.PRNGKey(SEED))
        self._black = int(self._state.current_player)

    def legal(self, usi: str, label: int) -> bool:  # noqa: ARG002
        return bool(self._state.legal_action_mask[label])

    def push(self, usi: str, label: int) -> None:  # noqa: ARG002
        self._state = self._step(self._state, label)

    def verdict(self, *, repetition: bool) -> str | None:  # noqa: ARG002
        if self._state.truncated:
            return "cut off"
        if not self._state.terminated:
            return None
        reward = float(self._state.rewards[self._black])
        return "draw" if reward == 0 else WINS[int(reward < 0)]


class EnvPoolGame:
    """An environment of EnvPool, which begins at the usual start alone."""

    def __init__(self, sfen: str | None) -> None:
        import envpool  # noqa: PLC0415

        if sfen is not None:
            raise NotImplementedError
        self._env: Any = envpool.make("Shogi-v1", env_type="gymnasium", num_envs=1, seed=SEED)
        _, infos = self._env.reset()
        self._mask = infos["legal_action_mask"][0]
        self._black = int(infos["current_player"][0])
        self._said: str | None = None

    def legal(self, usi: str, label: int) -> bool:  # noqa: ARG002
        return bool(self._mask[label])

    def push(self, usi: str, label: int) -> None:  # noqa: ARG002
        _, rewards, ended, cut, infos = self._env.step(np.array([label]), np.array([0]))
        self._mask = infos["legal_action_mask"][0]
        if ended[0] or cut[0]:
            reward = float(rewards[self._black])
            decided = "draw" if reward == 0 else WINS[int(reward < 0)]
            self._said = "cut off" if cut[0] else decided

    def verdict(self, *, repetition: bool) -> str | None:  # noqa: ARG002
        return self._said


_kept: dict[str, Any] = {}


def _once(name: str, make: Callable[[], Any]) -> Any:
    """What ``make`` gives, made once: a compiled function is dear."""
    if name not in _kept:
        _kept[name] = make()
    return _kept[name]


GAMES: dict[str, Callable[[str | None], Game]] = {
    "keisei": KeiseiGame,
    "cshogi": CshogiGame,
    "rsshogi": RsshogiGame,
    "envpool": EnvPoolGame,
    "open_spiel": OpenSpielGame,
    "pgx": PgxGame,
}


def ask(begin: Callable[[str | None], Game], claim: dict[str, Any]) -> str:
    """What an implementation says of a game: of its tried move, or when and how it ends."""
    try:
        game = begin(claim.get("start"))
    except NotImplementedError:
        return UNASKED
    repetition = claim.get("repetition", False)
    verdict = game.verdict(repetition=repetition)
    ply = 0
    for usi, label in zip(claim["moves"], claim["labels"], strict=True):
        if verdict is not None:
            break
        ply += 1
        if not game.legal(usi, label):
            return f"ply {ply}: refuses {usi}"
        game.push(usi, label)
        verdict = game.verdict(repetition=repetition)
    if verdict is None and "tried" in claim:
        return "legal" if game.legal(claim["tried"], claim["tried_label"]) else "not legal"
    return f"ply {ply}: {verdict or 'goes on'}"


def keisei_games(num_envs: int) -> Callable[[], None]:
    """Mask and planes."""
    from keisei.vec import ShogiVectorEnv  # noqa: PLC0415

    env = ShogiVectorEnv(num_envs, max_plies=MAX_PLIES)
    env.reset(seed=SEED)
    return lambda: env.step(env.sample_actions()) and None


def cshogi_games(num_envs: int) -> Callable[[], None]:
    """Mask and planes, by an environment written in Python."""
    from cshogi_games import CshogiEnvironment  # noqa: PLC0415

    return CshogiEnvironment(num_envs, MAX_PLIES, SEED).play


def rsshogi_games(num_envs: int) -> Callable[[], None]:
    """Mask, by a loop in Python."""
    from rsshogi_games import RsshogiGames  # noqa: PLC0415

    return RsshogiGames(num_envs, MAX_PLIES, SEED).play


def pgx_games(num_envs: int) -> Callable[[], None]:
    """Mask and planes."""
    from pgx_games import PgxGames  # noqa: PLC0415

    return PgxGames(num_envs, SEED).play


def envpool_games(num_envs: int) -> Callable[[], None]:
    """Mask, and planes of both players."""
    import envpool  # noqa: PLC0415

    env: Any = envpool.make(
        "Shogi-v1", env_type="gymnasium", num_envs=num_envs, seed=SEED, num_threads=1
    )
    _, infos = env.reset()
    mask = infos["legal_action_mask"]
    games = np.arange(num_envs)
    drawn = np.random.default_rng(SEED)

    def play() -> None:
        nonlocal mask
        # An ended game has no legal action left; any action begins it anew.
        actions = (mask * drawn.random(mask.shape, np.float32)).argmax(axis=1)
        mask = env.step(actions, games)[-1]["legal_action_mask"]

    return play


def open_spiel_games(num_envs: int) -> Callable[[], None]:
    """List of moves and planes, state by state from Python."""
    import pyspiel  # noqa: PLC0415

    game = pyspiel.load_game("shogi")
    states = [game.new_initial_state() for _ in range(num_envs)]
    legal = [state.legal_actions() for state in states]
    drawn = random.Random(SEED)

    def play() -> None:
        for index, state in enumerate(states):
            state.apply_action(drawn.choice(legal[index]))
            if state.is_terminal() or state.move_number() >= MAX_PLIES:
                state = states[index] = game.new_initial_state()  # noqa: PLW2901
            legal[index] = state.legal_actions()
            state.observation_tensor(state.current_player())

    return play


SPEEDS: dict[str, Callable[[int], Callable[[], None]]] = {
    "keisei": keisei_games,
    "cshogi": cshogi_games,
    "rsshogi": rsshogi_games,
    "envpool": envpool_games,
    "open_spiel": open_spiel_games,
    "pgx": pgx_games,
}


def speed(make: Callable[[int], Callable[[], None]], num_envs: int) -> dict[str, float]:
    """Game-steps a second in the middle of play: by the clock, and by processor time."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    play = make(num_envs)
    for _ in range(WARM_UP):
        play()
    by_clock: list[float] = []
    by_processor: list[float] = []
    for _ in range(ROUNDS):
        steps, clock, processor = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - clock < SECONDS:
            play()
            steps += num_envs
        by_clock.append(steps / (time.perf_counter() - clock))
        by_processor.append(steps / (time.process_time() - processor))
    return {"clock": statistics.median(by_clock), "processor": statistics.median(by_processor)}


if __name__ == "__main__":
    name, what = sys.argv[1:3]
    if what == "claims":
        said = {c["id"]: ask(GAMES[name], c) for c in json.load(sys.stdin)}
        print(json.dumps(said))
    else:
        print(json.dumps(speed(SPEEDS[name], int(sys.argv[3]))))
