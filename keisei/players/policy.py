"""A network as a player, and what it says of positions."""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from keisei.players.player import Evaluation
from keisei.players.positions import Positions
from keisei.rl.embedding.inference import EmbeddingJudge
from keisei.rl.embedding.network import EmbeddingNet
from keisei.rl.networks import PolicyValueNet
from keisei.rl.transfer import upload
from keisei.search.evaluators import Evaluate, TwoSteps, Verdict
from keisei.search.settings import SearchSettings

Draw = Callable[[int], NDArray[np.float32]]
"""Gives so many random numbers float32 [n] in [0, 1)."""


class PolicyPlayer:
    """Plays the moves of a network: sampled from its policy, or the most probable one.

    Sampling draws on the player's own random stream, so a match in the middle of a run leaves the
    random state of the learning agent untouched.
    """

    def __init__(
        self,
        network: PolicyValueNet,
        *,
        deterministic: bool = False,
        device: torch.device | str = "cpu",
        seed: int = 0,
        draw: Draw | None = None,
        autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Take the network, which may go on changing.

        Args:
            network: On the device.
            deterministic: Whether to play the most probable move.
            device: Where the network is.
            seed: Of the player's own random stream.
            draw: Replaces that stream.
            autocast: Gives the context that sets the number format of the network's products.
        """
        self.network = network
        self._deterministic = deterministic
        self._device = torch.device(device)
        self._draw = draw or _stream(seed)
        self._autocast = autocast

    @torch.no_grad()
    def act(self, state: Tensor, mask_bits: Tensor) -> Tensor:
        """An action of the policy for each of B positions on the device, int64[B] there.

        Args:
            state: uint8[B, 100], compact states in the movers' views.
            mask_bits: uint8[B, 274], packed legal actions, at least one each.
        """
        uniforms = upload(self._draw(len(state)), state.device)
        with self._autocast():
            return self.network.act(state, mask_bits, uniforms, deterministic=self._deterministic)[
                0
            ]

    def choose(self, positions: Positions) -> NDArray[np.int64]:
        """Pick an action of the policy for each of n positions.

        Returns:
            int64 [n], legal action labels.
        """
        state, mask_bits = _uploaded(positions, self._device)
        return self.act(state, mask_bits).cpu().numpy()


class NetworkEvaluator:
    """What a network says of positions."""

    def __init__(self, network: PolicyValueNet, device: torch.device | str = "cpu") -> None:
        """Take a network that is on the device; it may go on changing."""
        self._network = network
        self._device = torch.device(device)

    @torch.no_grad()
    def evaluate(self, positions: Positions) -> Evaluation:
        """See ``Evaluator.evaluate``."""
        offsets, actions = positions.legal_actions()
        log_probs, values = self._network.legal_log_probs(*_uploaded(positions, self._device))
        return Evaluation(offsets, actions, log_probs.cpu().numpy(), values.cpu().numpy())

    @torch.no_grad()
    def values(self, positions: Positions) -> NDArray[np.float32]:
        """See ``Evaluator.values``."""
        return self._network.value(upload(positions.state, self._device)).cpu().numpy()

    def settled(self, settings: SearchSettings) -> SearchSettings:
        """Settings of a search, with the network's own temperature where they have none."""
        temperature = settings.temperature or self._network.search_temperature
        return replace(settings, temperature=temperature)

    def for_search(self) -> Evaluate | TwoSteps:
        """What a search may ask, of the network as it is now."""
        network = self._network
        if isinstance(network, EmbeddingNet) and network.fused and self._device.type == "cpu":
            return EmbeddingJudge(network)
        return self._judge

    def _judge(self, states: NDArray[np.uint8], mask_bits: NDArray[np.uint8]) -> Verdict:
        found = self.evaluate(Positions(states, mask_bits))
        return found.offsets, found.actions, found.log_probs, found.values


def _stream(seed: int) -> Draw:
    rng = np.random.default_rng(seed)
    return lambda count: rng.random(count, dtype=np.float32)


def _uploaded(positions: Positions, device: torch.device) -> tuple[Tensor, Tensor]:
    """States uint8[n, 100] and packed masks uint8[n, 274] on the device."""
    return upload(positions.state, device), upload(positions.mask_bits, device)
