"""Proximal policy optimisation on rollouts of self-play.

Letters: B positions or plies, K bytes of a state, A actions. One *update* is one call of
:meth:`PPOAgent.learn`: ``update_epochs`` passes over a rollout, each in minibatches, with one
*optimiser step* a minibatch. Of several ranks each holds a share of the rollout and of every
minibatch; what is learned is what one process would learn from all shares together.
"""

# pyright: reportUnknownMemberType=false
# (torch and tensordict leave parts of their signatures open.)

import math
from collections.abc import Callable, Iterable
from itertools import chain, repeat
from typing import Any, cast

import torch
from tensordict import TensorDict
from torch import Tensor, nn

from keisei.config_schema import TrainingConfig
from keisei.rl.drawing import priorities_of
from keisei.rl.experience_buffer import ExperienceBuffer
from keisei.rl.losses import explained_variance, terms_of_plies
from keisei.rl.minibatches import divide_plies
from keisei.rl.network_base import PolicyValueNet
from keisei.rl.optimizer import Optimizer
from keisei.rl.ranks import Ranks
from keisei.rl.schedules import scheduled_learning_rate

_DEVIATION_EPSILON = 1e-8
_STEP_METRICS = (
    "loss",
    "policy_loss",
    "mate_loss",
    "value_loss",
    "entropy",
    "entropy_normalised",
    "approx_kl",
    "clip_fraction",
    "grad_norm",
)
_APPROX_KL = _STEP_METRICS.index("approx_kl")
_COMPILER_OPTIONS: dict[str, str | int | bool | Callable[..., Any]] = {
    "triton.cudagraphs": True,
    "triton.cudagraph_skip_dynamic_graphs": True,
}
"""On a GPU whatever has fixed shapes is launched as one CUDA graph; the compiler itself lays out
convolutions in channels_last there. Nothing of it matters on a CPU."""


class PPOAgent:
    """One network that plays both sides, its optimiser and its random stream."""

    def __init__(
        self,
        network: PolicyValueNet,
        config: TrainingConfig,
        *,
        device: torch.device | str,
        seed: int,
        ranks: Ranks | None = None,
    ) -> None:
        """Move the network to the device and give it an optimiser.

        Args:
            network: initialised weights; trained in place.
            config: the PPO settings.
            device: where positions are judged and learned from.
            seed: of the stream that samples actions and orders minibatches.
            ranks: the processes that learn together, all from the same weights; None for one alone.
        """
        self._ranks = Ranks() if ranks is None else ranks
        self.network = network.to(device)
        self.config = config
        self.device = torch.device(device)
        self.update_count = 0
        self._lr_scale = 1.0
        self._evaluate: Callable[..., tuple[Tensor, Tensor, Tensor]] = network
        self._act = network.act
        if config.compile:
            self._evaluate = cast(Any, torch.compile(self._evaluate, options=_COMPILER_OPTIONS))
            self._act = cast(Any, torch.compile(network.act, options=_COMPILER_OPTIONS))
        self._generator = torch.Generator(device=self.device).manual_seed(seed)
        self._optimizer = Optimizer(
            self.network, config.learning_rate, config.max_grad_norm, self._ranks
        )

    @torch.no_grad()
    def act(
        self, state: Tensor, mask_bits: Tensor, *, deterministic: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Choose a move in each position.

        Args:
            state: uint8[B, K] on the agent's device, compact states in the movers' views.
            mask_bits: uint8[B, ceil(A / 8)] there, packed legal actions.
            deterministic: take the most probable move; no random number is drawn.

        Returns:
            Actions int64[B], their log-probabilities float32[B], values to the movers float32[B].

        Raises:
            ValueError: a position has no legal action; the network looks, on a CPU only.
        """
        if deterministic:
            uniforms = torch.zeros(len(state), device=self.device)
        else:
            uniforms = torch.rand(len(state), generator=self._generator, device=self.device)
        with self.autocast():
            actions, log_probs, values = self._act(
                state, mask_bits, uniforms, deterministic=deterministic
            )
        if self.config.compile:
            # The next call of a CUDA graph writes its results into the same memory.
            return actions.clone(), log_probs.clone(), values.clone()
        return actions, log_probs, values

    @torch.no_grad()
    def value(self, state: Tensor) -> Tensor:
        """Values float32[B] in [-1, 1] of states uint8[B, K] to the players to move there."""
        with self.autocast():
            return self.network.value(state)

    def learn(self, buffer: ExperienceBuffer, progress: float) -> dict[str, float]:
        """One update from the learned plies of a finished rollout.

        All ranks take part; each gives its own share of the rollout and gets the same numbers.

        Args:
            buffer: full and finished.
            progress: share of the run that is over, in [0, 1], for the learning rate.

        Returns:
            Means over the optimiser steps (``grad_norm`` before clipping), explained variance of
            the values that the rollout was played with, the learning rate, and the counts.

        Raises:
            ValueError: no ply of the rollout is to be learned from.
            FloatingPointError: a loss, gradient or weight is not finite; network and optimiser
                are as they were before the update.
        """
        config = self.config
        learning_rate = self._lr_scale * scheduled_learning_rate(config, progress)
        self._optimizer.begin_update(learning_rate)
        counts = self._ranks.gather(buffer.learned_plies)
        if not any(counts):
            raise ValueError("the rollout holds no plies that are to be learned from")
        own = [buffer.learned_from(each).flatten() for each in ("advantages", "values", "returns")]
        advantages, values, returns = (self._ranks.join(each, counts) for each in own)
        center, scale = advantages.new_zeros(()), advantages.new_ones(())
        if config.normalize_advantages:
            # Without Bessel's correction, which leaves nothing of a single ply.
            center = advantages.mean()
            scale = advantages.std(correction=0) + _DEVIATION_EPSILON
        priorities = priorities_of((own[0] - center) / scale) if config.ply_share < 1.0 else None
        epochs = self._epochs(buffer, counts, center, scale, priorities)
        variance = explained_variance(values, returns)
        steps = torch.cat(epochs)
        length = nn.utils.get_total_norm(list(self.network.parameters()))
        all_finite = steps.isfinite().all() & length.isfinite()
        # Without a target KL nothing is read back between the steps of an update.
        *means, explained, finite = cast(
            list[float],
            torch.cat((steps.mean(0), torch.stack((variance, all_finite)))).tolist(),
        )
        if not finite:
            self._optimizer.take_back()
            raise FloatingPointError(
                f"a loss, gradient or weight of update {self.update_count + 1} is not finite; all "
                "weights are as before it; a lower learning_rate or max_grad_norm may help"
            )
        self.update_count += 1
        return dict(zip(_STEP_METRICS, means, strict=True)) | {
            "explained_variance": explained,
            "learning_rate": learning_rate,
            "epochs": float(len(epochs)),
            "optimizer_steps": float(len(steps)),
            "updates": float(self.update_count),
        }

    def fall_back(self, state: dict[str, Any], lr_scale: float) -> None:
        """Take weights and optimiser of an earlier :meth:`state_dict`, and learn more slowly.

        Random stream and update count stay, so that the run does not repeat itself.

        Args:
            state: of this run.
            lr_scale: multiplies the learning rate from here on, besides earlier ones.
        """
        self._optimizer.load(state["network"], state["optimizer"])
        self._lr_scale *= lr_scale

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimiser, random stream, counts, learning-rate scale; tensors on the CPU."""
        optimizer = self._optimizer.state_dict()
        optimizer["state"] = {
            place: {name: tensor.cpu() for name, tensor in moments.items()}
            for place, moments in optimizer["state"].items()
        }
        return {
            "network": {name: each.cpu() for name, each in self.network.state_dict().items()},
            "optimizer": optimizer,
            "generator": self._generator.get_state(),
            "update_count": self.update_count,
            "slowdown": self._lr_scale,
        }

    def knows_stream(self, state: Tensor) -> bool:
        """Whether the state of a random stream is of this agent's kind of device.

        A CPU and a GPU have generators of their own, whose states differ in size.
        """
        return state.shape == self._generator.get_state().shape

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave, bit for bit.

        Raises:
            RuntimeError: the weights are those of another network.
        """
        self._optimizer.load(state["network"], state["optimizer"])
        self._generator.set_state(state["generator"].cpu())
        self.update_count = int(state["update_count"])
        self._lr_scale = float(state["slowdown"])

    def _epochs(
        self,
        buffer: ExperienceBuffer,
        counts: list[int],
        center: Tensor,
        scale: Tensor,
        priorities: Tensor | None,
    ) -> list[Tensor]:
        """The passes over a rollout: for each the numbers of its steps, float32[steps, ...].

        Args:
            buffer: finished.
            counts: plies of each rank that are learned from.
            center: is taken from the advantages.
            scale: divides them.
            priorities: of this rank's plies, by which an epoch draws its share; None for all.
        """
        config, rank = self.config, self._ranks.rank
        drawn = [math.ceil(config.ply_share * count) for count in counts]
        parts = divide_plies(drawn, math.ceil(config.ply_share * buffer.plies), config)
        # Minibatches of one size are compiled once, and run as one CUDA graph.
        room = parts.room if config.compile else None
        epochs: list[Tensor] = []
        for _ in range(config.update_epochs):
            own: Iterable[TensorDict] = ()
            if buffer.learned_plies:
                size = parts.sizes[rank]
                own = buffer.minibatches(size, self._generator, room, priorities, drawn[rank])
            # A rank whose plies are used up goes on with the others, without any.
            rows = [
                self._optimizer_step(minibatch, 1.0 / plies, center, scale)
                for plies, minibatch in zip(parts.totals, chain(own, repeat(None)), strict=False)
            ]
            epochs.append(self._joined(torch.stack(rows)))
            # One read-back an epoch: the next one must not start when this one went too far.
            if (
                config.target_kl is not None
                and float(epochs[-1][:, _APPROX_KL].mean()) > config.target_kl
            ):
                break
        return epochs

    def _optimizer_step(
        self, minibatch: TensorDict | None, weight: float, center: Tensor, scale: Tensor
    ) -> Tensor:
        """One step of Adam from a minibatch that the ranks have in common.

        Args:
            minibatch: this rank's plies of it, or None when it has none.
            weight: of a ply in the means over the minibatch.
            center: is taken from the advantages.
            scale: divides them.

        Returns:
            float32[...] on the device, the numbers of _STEP_METRICS: this rank's parts of the means
            over the minibatch, and the length of the gradient, which all ranks have in common.
        """
        self._optimizer.forget_gradients()
        parts = center.new_zeros(len(_STEP_METRICS) - 1)
        if minibatch is not None:
            advantages = (cast(Tensor, minibatch["advantages"]) - center) / scale
            loss, *others = self._losses(minibatch, advantages, weight)
            loss.backward()
            parts = torch.stack((loss, *others)).detach()
        return torch.cat((parts, self._optimizer.step().unsqueeze(0)))

    def _losses(self, minibatch: TensorDict, advantages: Tensor, weight: float) -> list[Tensor]:
        """This rank's parts of the means over a minibatch, float32[]: _STEP_METRICS but the last.

        Args:
            minibatch: [B], its plies; rows that only fill it up have no weight.
            advantages: float32[B], normalised.
            weight: of a ply in the means.
        """
        config = self.config
        column = cast(dict[str, Tensor], minibatch)
        with self.autocast():
            evaluated = self._evaluate(column["state"], column["mask_bits"], column["actions"])
        terms = terms_of_plies(column, evaluated, advantages, config.clip_coef)
        weights = column["weights"] * weight
        sums = {name: (weights * term).sum() for name, term in terms.items()}
        loss = sums["policy_loss"] + config.mate_coef * sums["mate_loss"]
        loss = loss + config.vf_coef * sums["value_loss"] - config.ent_coef * sums["entropy"]
        return [loss, *(sums[name] for name in _STEP_METRICS[1:-1])]

    def _joined(self, rows: Tensor) -> Tensor:
        """Numbers of the steps of an epoch from all ranks' parts of them, float32[steps, ...]."""
        parts, grad_norms = rows[:, :-1].contiguous(), rows[:, -1:]
        return torch.cat((self._ranks.sum(parts), grad_norms), dim=1)

    def autocast(self) -> torch.autocast:
        """The number format of the network's products, as a context, from ``precision``."""
        return torch.autocast(
            self.device.type,
            dtype=torch.bfloat16,
            enabled=self.config.precision == "bfloat16",
        )
