"""One network that learns to play and to judge as in games of others.

The policy learns by cross-entropy which of the legal moves were played, the value by squared error
how the games ended. Every network gives both through the method that PPO learns by.
"""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from typing import cast

import torch
from torch import Tensor, nn

from keisei.config_schema import TrainingConfig
from keisei.imitation.examples import Examples
from keisei.rl.losses import value_loss
from keisei.rl.network_base import PolicyValueNet
from keisei.rl.schedules import scheduled_learning_rate
from keisei.rl.transfer import upload

_ADAM_EPSILON = 1e-5
_JUDGED_AT_ONCE = 2048
_NAMES = ("loss", "policy_loss", "value_loss", "entropy", "grad_norm")


class Imitator:
    """Owns the optimiser of a network, and what its steps have come to since the last row."""

    def __init__(
        self, network: PolicyValueNet, config: TrainingConfig, device: torch.device
    ) -> None:
        """Begin with the weights of a network on the device, which is trained in place."""
        self.network = network
        self.config = config
        self.device = device
        self.updates = 0
        self._optimizer = torch.optim.Adam(
            network.parameters(), lr=config.learning_rate, eps=_ADAM_EPSILON, fused=True
        )
        self._steps: list[Tensor] = []

    def learn(self, examples: Examples, progress: float) -> None:
        """One step of Adam from B positions.

        Args:
            examples: One or more.
            progress: Share of the run that is over, in [0, 1], for the learning rate.
        """
        config = self.config
        for group in self._optimizer.param_groups:
            group["lr"] = scheduled_learning_rate(config, progress)
        self._optimizer.zero_grad(set_to_none=True)
        policy_loss, squared_error, entropy = self._losses(examples)
        loss = policy_loss + config.vf_coef * squared_error
        loss.backward()
        grad_norm = nn.utils.clip_grad_norm_(self.network.parameters(), config.max_grad_norm)
        self._optimizer.step()
        parts = (loss, policy_loss, squared_error, entropy, grad_norm)
        self._steps.append(torch.stack([part.detach() for part in parts]))
        self.updates += 1

    @property
    def has_steps(self) -> bool:
        """Whether there was a step since the last row."""
        return bool(self._steps)

    def row(self) -> dict[str, float]:
        """Means over the steps since the last row, of which there is one or more.

        Raises:
            FloatingPointError: They are not finite.
        """
        means = cast(list[float], torch.stack(self._steps).mean(0).tolist())
        self._steps.clear()
        row = {f"learn/{name}": value for name, value in zip(_NAMES, means, strict=True)}
        if not all(torch.tensor(means).isfinite()):
            raise FloatingPointError(
                f"a loss or gradient before update {self.updates} is not finite; a lower "
                "training.learning_rate may help"
            )
        rate = cast(float, self._optimizer.param_groups[0]["lr"])
        return row | {"learn/learning_rate": rate}

    @torch.no_grad()
    def judge(self, examples: Examples) -> dict[str, float]:
        """How well the network foretells N positions, one or more, that it need not have seen.

        Returns:
            ``accuracy``, the share in which the played move is the most probable one;
            ``policy_loss`` and ``value_loss``.
        """
        sums = torch.zeros(3, dtype=torch.float64)
        for begin in range(0, len(examples), _JUDGED_AT_ONCE):
            part = examples.chosen(slice(begin, begin + _JUDGED_AT_ONCE))
            states, bits, actions = self._on_device(part)
            with self._autocast():
                chosen, _, _ = self.network.act(
                    states, bits, torch.zeros(len(part), device=self.device), deterministic=True
                )
            hits = (chosen == actions).double().mean()
            policy_loss, squared_error, _ = self._losses(part)
            means = torch.stack((hits, policy_loss.double(), squared_error.double()))
            sums += len(part) * means.cpu()
        means = cast(list[float], (sums / len(examples)).tolist())
        return dict(zip(("accuracy", "policy_loss", "value_loss"), means, strict=True))

    def _losses(self, examples: Examples) -> tuple[Tensor, Tensor, Tensor]:
        """Means over B positions, float32[]: cross-entropy, squared error, entropy.

        Positions whose result nobody knows count as foretold.
        """
        states, bits, actions = self._on_device(examples)
        with self._autocast():
            log_probs, entropies, values = self.network(states, bits, actions)
        results = upload(examples.results, self.device)
        targets = torch.where(results.isnan(), values.detach(), results)
        return -log_probs.mean(), value_loss(values, targets).mean(), entropies.mean()

    def _on_device(self, examples: Examples) -> tuple[Tensor, Tensor, Tensor]:
        return (
            upload(examples.states, self.device),
            upload(examples.mask_bits, self.device),
            upload(examples.actions, self.device),
        )

    def _autocast(self) -> torch.autocast:
        is_rounded = self.config.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=is_rounded)
