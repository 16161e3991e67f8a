"""Who plays in the soak: random moves, a policy, and players that seek repetitions and checks."""

import random

import numpy as np
from numpy.typing import NDArray
from soak_referee import LABELS, Game, Referee

from keisei.players.descriptions import SHIPPED_POLICY
from keisei.players.policy import PolicyPlayer
from keisei.players.positions import Positions
from keisei.training.model_manager import load_policy
from keisei.vec import ShogiVectorEnv

_AGAIN_SHARE = 0.97
"""How often a seeker plays again what it played when the position stood last."""
_BACK_SHARE = 0.9
"""How often it takes back its last move."""
_CHECK_SHARE = 0.9
"""How often an attacker gives check."""
_NUM_SQUARES = 81


class Players:
    """Chooses an action in each game; game i has the same kind of player throughout.

    The policy has its share of the games. A quarter of the rest belongs to seekers of repetitions,
    a quarter to a seeker of checks against a seeker of repetitions, half to random players.
    """

    def __init__(self, num_games: int, policy_share: float, rng: random.Random) -> None:
        count = round(num_games * policy_share)
        games = rng.sample(range(num_games), num_games)
        self._rng = rng
        self._by_policy = np.sort(np.array(games[:count], np.int64))
        self._seekers = games[count::4]
        self._chasers = games[count + 1 :: 4]
        network = load_policy(SHIPPED_POLICY, "cpu") if count else None
        seed = rng.getrandbits(31)
        self._policy = None if network is None else PolicyPlayer(network, seed=seed)

    def choose(
        self, env: ShogiVectorEnv, obs: dict[str, NDArray[np.uint8]], referee: Referee
    ) -> NDArray[np.int64]:
        """A legal action for each game, int64 [N].

        Args:
            env: Draws the random moves.
            obs: Compact observations.
            referee: Knows the past of the games.
        """
        actions = env.sample_actions()
        if self._policy is not None:
            rows = self._by_policy
            positions = Positions(obs["state"][rows], obs["action_mask_bits"][rows])
            actions[rows] = self._policy.choose(positions)
        repeats, turns = referee.repeats.tolist(), referee.turns.tolist()
        for index in self._seekers:
            self._seek(actions, referee, index, again=repeats[index] > 0)
        for index in self._chasers:
            again = repeats[index] > 0
            attacks = turns[index] == index & 1
            if again and attacks:
                # What gave check here is played again, what did not is not: such a round of moves
                # is as long as a perpetual check's, and none.
                game = referee.games[index]
                again = game.checks[game.stood_at[-2] + 1]
            if again or not attacks or not self._check(actions, referee, index):
                self._seek(actions, referee, index, again=again)
        return actions

    def _seek(
        self, actions: NDArray[np.int64], referee: Referee, index: int, *, again: bool
    ) -> None:
        """Play what was played here before, or else take the last move back."""
        game = referee.games[index]
        if again and self._rng.random() < _AGAIN_SHARE:
            actions[index] = _label(game, game.moves[game.stood_at[-2]])
        elif self._rng.random() < _BACK_SHARE:
            back = _back(game)
            if back >= 0 and referee.legal[index, back]:
                actions[index] = back

    def _check(self, actions: NDArray[np.int64], referee: Referee, index: int) -> bool:
        """Give check where that can be done, rather by the move back; whether it is done."""
        if self._rng.random() > _CHECK_SHARE:
            return False
        game = referee.games[index]
        checks = [_label(game, move) for move in game.board.check_moves]
        checks = [label for label in checks if referee.legal[index, label]]
        if not checks:
            return False
        back = _back(game)
        actions[index] = back if back in checks else self._rng.choice(checks)
        return True


def _label(game: Game, move: int) -> int:
    """The action of a move of the player to move."""
    return int(LABELS[game.board.turn, move & 0xFFFF])


def _back(game: Game) -> int:
    """The action that takes back the player's last move, which may not be legal; -1 for none."""
    if len(game.moves) < 2:
        return -1
    move = game.moves[-2]
    origin, to = move >> 7 & 0x7F, move & 0x7F
    return -1 if origin >= _NUM_SQUARES else int(LABELS[game.board.turn, to << 7 | origin])
