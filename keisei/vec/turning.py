"""Observations seen from the other side of the board."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from keisei.games.observing import ENEMY_PLANES, HAND_PLANES
from keisei.shogi.constants import OTHER_SIDE
from keisei.shogi.features import BOARD, ENEMY_HAND, IN_CHECK, OWN_HAND, STATE_SIZE, TO_MOVE
from keisei.vec.observation import Observation

_HAND_TYPES = OWN_HAND.stop - OWN_HAND.start
_CHECK_PLANE = HAND_PLANES + IN_CHECK - OWN_HAND.start
_COLOUR_PLANE = HAND_PLANES + TO_MOVE - OWN_HAND.start


def colours_to_move(obs: Observation) -> NDArray[np.int8]:
    """The colour to move, 0 Black, 1 White, [...] of observations [...] in any form."""
    seen = _state_or_planes(obs)
    if _is_compact(seen):
        return seen[..., TO_MOVE].astype(np.int8)
    return seen[..., _COLOUR_PLANE, 0, 0].astype(np.int8)


def turn_observation(obs: Observation) -> Observation:
    """Copies of observations [...] as the player who is not to move sees them.

    Everything is as if that player were to move, save that it is not in check (it has just moved,
    which never leaves its king in check) and that no action is legal.
    """
    seen = _state_or_planes(obs)
    turned = _turn_state(seen) if _is_compact(seen) else _turn_planes(seen)
    if not isinstance(obs, dict):
        return turned
    name, mask_name = obs
    return {name: turned, mask_name: np.zeros_like(obs[mask_name])}


def rows_of(obs: Observation, games: NDArray[np.intp]) -> Observation:
    """Copies of some games' observations."""
    if isinstance(obs, dict):
        return {name: array[games] for name, array in obs.items()}
    return obs[games]


def turned_for(obs: Observation, games: NDArray[np.intp]) -> Observation:
    """A copy of observations [N] in which those of some games are as ``turn_observation`` has them.

    The environment that they come from may need its own.
    """
    turned = turn_observation(rows_of(obs, games))
    if isinstance(obs, dict):
        rows = cast(dict[str, NDArray[Any]], turned)
        return {name: _replaced(array, games, rows[name]) for name, array in obs.items()}
    return _replaced(obs, games, cast(NDArray[Any], turned))


def _replaced(array: NDArray[Any], games: NDArray[np.intp], rows: NDArray[Any]) -> NDArray[Any]:
    result = array.copy()
    result[games] = rows
    return result


def _state_or_planes(obs: Observation) -> NDArray[Any]:
    """State or planes, which stand before the mask where an observation has both."""
    return next(iter(obs.values())) if isinstance(obs, dict) else obs


def _is_compact(seen: NDArray[Any]) -> bool:
    return seen.shape[-1] == STATE_SIZE


def _turn_state(state: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Compact states, uint8 [..., STATE_SIZE]."""
    turned = state.copy()
    board = state[..., BOARD][..., ::-1]
    turned[..., BOARD] = np.where(board > 0, board ^ OTHER_SIDE, board)
    turned[..., OWN_HAND] = state[..., ENEMY_HAND]
    turned[..., ENEMY_HAND] = state[..., OWN_HAND]
    turned[..., IN_CHECK] = 0
    turned[..., TO_MOVE] = 1 - state[..., TO_MOVE]
    return turned


def _turn_planes(planes: NDArray[Any]) -> NDArray[Any]:
    """Planes, uint8 or float32 [..., NUM_PLANES, 9, 9]."""
    turned = planes.copy()
    around = planes[..., :HAND_PLANES, ::-1, ::-1]
    turned[..., :ENEMY_PLANES, :, :] = around[..., ENEMY_PLANES:, :, :]
    turned[..., ENEMY_PLANES:HAND_PLANES, :, :] = around[..., :ENEMY_PLANES, :, :]
    own = slice(HAND_PLANES, HAND_PLANES + _HAND_TYPES)
    enemy = slice(own.stop, own.stop + _HAND_TYPES)
    turned[..., own, :, :] = planes[..., enemy, :, :]
    turned[..., enemy, :, :] = planes[..., own, :, :]
    turned[..., _CHECK_PLANE, :, :] = 0
    turned[..., _COLOUR_PLANE, :, :] = 1 - planes[..., _COLOUR_PLANE, :, :]
    return turned
