"""A peer that runs in JAX: pgx's shogi, stepped, masked, described and restarted by its own code.

Its work is lighter in one way: pgx knows neither repetition nor perpetual check nor declarations.
"""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportUnknownLambdaType=false
# (The peer need not be installed.)

from typing import Any

import jax
import jax.numpy as jnp
import pgx
from pgx.experimental.wrappers import auto_reset


class PgxGames:
    """N games in lock step, random legal moves, ended games replaced."""

    def __init__(self, num_envs: int, seed: int) -> None:
        env: Any = pgx.make("shogi")
        self._keys = jax.random.split(jax.random.PRNGKey(seed), num_envs)
        self._state: Any = jax.jit(jax.vmap(env.init))(self._keys)
        step = jax.vmap(auto_reset(env.step, env.init))

        def play(state: Any, keys: Any) -> tuple[Any, Any]:
            keys, chosen, following = jax.vmap(lambda key: jax.random.split(key, 3), out_axes=1)(
                keys
            )
            weights = jnp.where(state.legal_action_mask, 0.0, -jnp.inf)
            actions = jax.vmap(jax.random.categorical)(chosen, weights)
            return step(state, actions, following), keys

        self._play = jax.jit(play)

    def play(self) -> None:
        """Play one random move in each game; returns when its mask and planes are there."""
        self._state, self._keys = self._play(self._state, self._keys)
        jax.block_until_ready(self._state.observation)
