"""What every network offers to the agent, and the registry that finds networks by name.

Letters: B positions, K bytes of a state, A actions.
"""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from keisei.rl.masking import MaskedCategorical, require_legal_actions, unpack_mask
from keisei.shogi.constants import NUM_ACTIONS
from keisei.shogi.features import STATE_SIZE


class PolicyValueNet(nn.Module):
    """A policy over legal actions and a value, both seen by the player to move.

    A subclass gives :meth:`logits_and_value`; it may also replace the methods below it by
    faster ones with the same results.
    """

    def __init__(self, state_size: int, num_actions: int) -> None:
        """Remember the sizes: K bytes of a state, A actions."""
        super().__init__()
        self.state_size = state_size
        self.num_actions = num_actions
        self.search_temperature: float | None = None
        """What its logits are best divided by in a search, where that is known."""

    def logits_and_value(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """Unmasked logits float[B, A] and value float[B] in [-1, 1] of states uint8[B, K]."""
        raise NotImplementedError

    def forward(
        self, state: Tensor, mask_bits: Tensor, actions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What the update needs of actions int64[B] taken in states uint8[B, K].

        Args:
            state: uint8[B, K], compact states in the mover's view.
            mask_bits: uint8[B, ceil(A / 8)], packed legal actions.
            actions: int64[B], legal actions.

        Returns:
            Log-probability of the action, entropy in nats, value to the mover: float32[B] each.
        """
        logits, values = self.logits_and_value(state)
        policy = self._policy(logits, mask_bits)
        return policy.log_prob(actions), policy.entropy(), values.float()

    def act(
        self, state: Tensor, mask_bits: Tensor, uniforms: Tensor, *, deterministic: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Choose an action in each state uint8[B, K].

        Args:
            state: uint8[B, K], compact states in the mover's view.
            mask_bits: uint8[B, ceil(A / 8)], packed legal actions.
            uniforms: float32[B] in [0, 1), from which the actions are sampled by inverse CDF.
            deterministic: take the most probable action instead.

        Returns:
            Actions int64[B], their log-probabilities float32[B], values to the mover float32[B].
        """
        logits, values = self.logits_and_value(state)
        policy = self._policy(logits, mask_bits)
        actions = policy.mode() if deterministic else policy.sample(uniforms)
        return actions, policy.log_prob(actions), values.float()

    def legal_log_probs(self, state: Tensor, mask_bits: Tensor) -> tuple[Tensor, Tensor]:
        """What the policy says of all M legal actions in states uint8[B, K].

        Args:
            state: uint8[B, K], compact states in the mover's view.
            mask_bits: uint8[B, ceil(A / 8)], packed legal actions.

        Returns:
            Their log-probabilities float32[M], state after state in the order of the actions, and
            the values to the mover float32[B].
        """
        logits, values = self.logits_and_value(state)
        return self._policy(logits, mask_bits).legal_log_probs, values.float()

    def value(self, state: Tensor) -> Tensor:
        """Value float32[B] in [-1, 1] of states uint8[B, K] to the player to move."""
        return self.logits_and_value(state)[1].float()

    def remember(self, positions: int) -> None:
        """Keep in mind what was found in the last positions that moves were chosen in.

        They are then learned from in less time, with the same results. A network that has nothing
        to remember, as this one, does nothing.

        Args:
            positions: how many; 0 forgets all.
        """

    def _policy(self, logits: Tensor, mask_bits: Tensor) -> MaskedCategorical:
        mask = unpack_mask(mask_bits, self.num_actions)
        # Reading a flag back is free on a CPU; elsewhere the host would wait for the device.
        if mask.device.type == "cpu" and not torch.compiler.is_compiling():
            require_legal_actions(mask)
        return MaskedCategorical(logits, mask)


def bounded_value(last: nn.Linear, hidden: Tensor) -> Tensor:
    """Values float32[B] in [-1, 1]: tanh of a last layer to one number, both taken in float32.

    In bfloat16 tanh is 1 from 3.5 on, and its gradient 0.

    Args:
        last: to one number.
        hidden: float[B, H], of any precision.
    """
    # A sum of products, for autocast would take the product of matrices in bfloat16.
    return torch.tanh((hidden.float() * last.weight).sum(-1) + last.bias)


def require_shogi_sizes(name: str, state_size: int, num_actions: int) -> None:
    """Check that a network that reads shogi states is asked for shogi.

    Raises:
        ValueError: the sizes are not those of a compact shogi state and its actions.
    """
    if (state_size, num_actions) != (STATE_SIZE, NUM_ACTIONS):
        raise ValueError(
            f"network {name!r} reads shogi states of {STATE_SIZE} bytes with {NUM_ACTIONS} "
            f"actions, not {state_size} bytes with {num_actions} actions"
        )


_NETWORKS: dict[str, Callable[..., PolicyValueNet]] = {}

Network = TypeVar("Network", bound=type[PolicyValueNet])


def register_network(name: str) -> Callable[[Network], Network]:
    """Class decorator that makes a network known under a name.

    The class is called as ``cls(state_size, num_actions, **options)``; its keyword-only
    parameters are the options.

    Raises:
        ValueError: another class has the name.
    """

    def register(network: Network) -> Network:
        if name in _NETWORKS and _NETWORKS[name] is not network:
            raise ValueError(f"network name {name!r} is taken; choose another")
        _NETWORKS[name] = network
        return network

    return register


def build_network(
    name: str,
    *,
    state_size: int = STATE_SIZE,
    num_actions: int = NUM_ACTIONS,
    **options: Any,
) -> PolicyValueNet:
    """A freshly initialised network by its registered name.

    Args:
        name: as registered, for example "embedding" or "resnet".
        state_size: bytes of a compact state.
        num_actions: number of action labels.
        **options: the network's own options.

    Raises:
        ValueError: unknown name or option, or an option with a value that the network refuses.
    """
    if name not in _NETWORKS:
        raise ValueError(f"unknown network {name!r}; known are {', '.join(sorted(_NETWORKS))}")
    constructor = _NETWORKS[name]
    parameters = inspect.signature(constructor).parameters.values()
    known = [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(
            f"network {name!r} has no option {unknown[0]!r}; "
            f"its options are {', '.join(known) or 'none'}"
        )
    return constructor(state_size, num_actions, **options)
