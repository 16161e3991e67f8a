"""The rollout of N games over T plies, kept on the training device.

Letters: T steps, N games, K bytes of a state, A actions, B plies of a minibatch. Row t of game n
belongs to the player who moved there.
"""

# pyright: reportUnknownMemberType=false
# (torch and tensordict leave parts of their signatures open.)

from collections.abc import Iterable, Iterator
from typing import Any, cast

import torch
from tensordict import TensorDict
from torch import Tensor

from keisei.rl.drawing import draw_plies
from keisei.rl.gae import negamax_gae, values_of_next_positions
from keisei.rl.transfer import upload

_LEARNED_FROM = (
    "state",
    "mask_bits",
    "actions",
    "log_probs",
    "values",
    "advantages",
    "returns",
    "mates",
)
_SAVED_NAMES = {"loss_mask": "learned"}
"""Of columns that are called otherwise in checkpoints."""


class ExperienceBuffer:
    """A TensorDict [T, N] of compact observations, moves and results, filled a vector step a time.

    The order of use is ``add`` T times, ``finish``, ``minibatches`` as often as wanted, ``clear``.
    """

    def __init__(
        self,
        num_steps: int,
        num_envs: int,
        state_size: int,
        mask_bytes: int,
        device: torch.device | str,
    ) -> None:
        """Allocate the rollout.

        Args:
            num_steps: T.
            num_envs: N.
            state_size: K, bytes of a compact state.
            mask_bytes: bytes of a packed mask, ceil(A / 8).
            device: where the network learns.
        """
        self.num_steps = num_steps
        self.num_envs = num_envs
        self.device = torch.device(device)
        shape = (num_steps, num_envs)
        columns = {
            "state": ((state_size,), torch.uint8),
            "mask_bits": ((mask_bytes,), torch.uint8),
            "actions": ((), torch.int64),
            "log_probs": ((), torch.float32),
            "values": ((), torch.float32),
            "rewards": ((), torch.float32),
            "terminated": ((), torch.bool),
            "truncated": ((), torch.bool),
            "final_values": ((), torch.float32),
            "advantages": ((), torch.float32),
            "returns": ((), torch.float32),
            "loss_mask": ((), torch.bool),
            "mates": ((), torch.bool),
        }
        self._data = TensorDict(
            {
                name: torch.zeros((*shape, *item), dtype=dtype, device=self.device)
                for name, (item, dtype) in columns.items()
            },
            batch_size=shape,
            device=self.device,
        )
        self._ptr = 0
        self._masked = 0
        self._finished = False

    @property
    def ptr(self) -> int:
        """Number of vector steps stored."""
        return self._ptr

    @property
    def plies(self) -> int:
        """Number of plies stored, all games together."""
        return self._ptr * self.num_envs

    @property
    def learned_plies(self) -> int:
        """Number of plies stored that are to be learned from."""
        return self.plies - self._masked

    @property
    def full(self) -> bool:
        """Whether T steps are stored."""
        return self._ptr == self.num_steps

    def column(self, name: str) -> Tensor:
        """One stored array [T, N, ...] by its name; a view, not a copy.

        The names are those of the parameters of :meth:`add`, and after :meth:`finish`
        "advantages" (float32, to the player who moved) and "returns" (the value targets).
        """
        return cast(Tensor, self._data[name])

    def learned_from(self, name: str) -> Tensor:
        """One stored array by its name, for the plies that are to be learned from.

        [T, N, ...], a view, when these are all, else a copy [plies, ...] in the order of steps.
        """
        column = self.column(name)
        return column[self.column("loss_mask")] if self._masked else column

    def add(  # noqa: PLR0913, PLR0917 - one column each
        self,
        state: Tensor,
        mask_bits: Tensor,
        actions: Tensor,
        log_probs: Tensor,
        values: Tensor,
        rewards: Tensor,
        terminated: Tensor,
        truncated: Tensor,
        final_values: Tensor,
        loss_mask: Tensor | None = None,
        mates: Tensor | None = None,
    ) -> None:
        """Store one vector step; the tensors are copied, from any device.

        Args:
            state: uint8[N, K], positions before the moves, in the movers' views.
            mask_bits: uint8[N, ceil(A / 8)], their packed legal actions.
            actions: int64[N], the moves made.
            log_probs: float32[N], their log-probabilities when they were chosen.
            values: float32[N], values of the positions to the movers.
            rewards: float32[N], rewards of the moves to those who made them.
            terminated: bool[N], a rule ended the game with this move.
            truncated: bool[N], the game was cut off after this move.
            final_values: float32[N], where truncated the value of the position that the game was
                cut off in, to the player to move there; 0 elsewhere.
            loss_mask: bool[N] on the CPU, True = learned from, for the learner chose this move;
                None when it chose all. Values and log-probabilities are its own in any case.
            mates: bool[N], the move is a mate that was found and not chosen; None for none.

        Raises:
            RuntimeError: the buffer is full.
        """
        if self.full:
            raise RuntimeError(
                f"the buffer already holds its {self.num_steps} steps; call clear() to add more"
            )
        row = {
            "state": state,
            "mask_bits": mask_bits,
            "actions": actions,
            "log_probs": log_probs,
            "values": values,
            "rewards": rewards,
            "terminated": terminated,
            "truncated": truncated,
            "final_values": final_values,
        }
        for name, item in row.items():
            self.column(name)[self._ptr].copy_(item, non_blocking=True)
        if loss_mask is None:
            self.column("loss_mask")[self._ptr] = True
        else:
            self._masked += int((~loss_mask).sum())
            self.column("loss_mask")[self._ptr].copy_(upload(loss_mask.numpy(), self.device))
        if mates is None:
            self.column("mates")[self._ptr] = False
        else:
            self.column("mates")[self._ptr].copy_(mates)
        self._ptr += 1

    def finish(self, last_values: Tensor, gamma: float, gae_lambda: float) -> None:
        """Compute advantages and value targets of the full rollout by negamax GAE.

        Args:
            last_values: float32[N], values of the positions after the last step, to the players
                to move there; not read for games that ended with it.
            gamma: discount of one ply.
            gae_lambda: decay of the estimate a ply.

        Raises:
            RuntimeError: the buffer is not full, or was finished before.
        """
        if not self.full:
            raise RuntimeError(
                f"the buffer holds {self._ptr} of {self.num_steps} steps; finish() needs all"
            )
        if self._finished:
            raise RuntimeError("the buffer is finished already; call clear() before reusing it")
        values = self.column("values")
        truncated = self.column("truncated")
        next_values = values_of_next_positions(
            values, last_values.to(self.device), truncated, self.column("final_values")
        )
        advantages = negamax_gae(
            self.column("rewards"),
            values,
            next_values,
            self.column("terminated"),
            truncated,
            gamma,
            gae_lambda,
        )
        self.column("advantages").copy_(advantages)
        self.column("returns").copy_(advantages + values)
        self._finished = True

    def minibatches(
        self,
        minibatch_size: int,
        generator: torch.Generator,
        room: int | None = None,
        priorities: Tensor | None = None,
        drawn: int | None = None,
    ) -> Iterator[TensorDict]:
        """Visit learned plies in a random order, in minibatches drawn on the device.

        Args:
            minibatch_size: B; the last minibatch is smaller when B does not divide the plies.
            generator: on the buffer's device; it decides plies and order.
            room: B of all minibatches, filled up with copies of a ply; None to fill up nothing.
            priorities: int64[learned plies], by which ``drawn`` of them are drawn; None to visit
                each once.
            drawn: plies that are visited, with priorities.

        Yields:
            TensorDict [B] with state, mask_bits, actions, log_probs, values, advantages, returns,
            mates, and weights, float32: 1 on average, 0 for what only fills it up; a mean with
            them is on average one over all learned plies.

        Raises:
            RuntimeError: the buffer is not finished.
            ValueError: the size is not between 1 and the number of plies, or there is less room.
        """
        if not self._finished:
            raise RuntimeError("the buffer has no advantages yet; call finish() first")
        count = self.learned_plies if drawn is None else drawn
        if not 1 <= minibatch_size <= count:
            raise ValueError(
                f"minibatch_size must lie between 1 and the {count} plies of a rollout, "
                f"not {minibatch_size}"
            )
        if room is not None and room < minibatch_size:
            raise ValueError(f"room for {room} plies does not hold minibatches of {minibatch_size}")
        rollout = cast(TensorDict, self._data.select(*_LEARNED_FROM).flatten())
        if priorities is None:
            order = torch.randperm(count, generator=generator, device=self.device)
            weights = torch.ones(count, device=self.device)
        else:
            order, weights = draw_plies(priorities, count, generator)
        if self._masked:
            order = self.column("loss_mask").flatten().nonzero().squeeze(1)[order]
        for first in range(0, count, minibatch_size):
            index = order[first : first + minibatch_size]
            counted = weights[first : first + minibatch_size]
            missing = 0 if room is None else room - len(index)
            if missing:
                index = torch.cat((index, index[:1].expand(missing)))
                counted = torch.cat((counted, counted.new_zeros(missing)))
            minibatch = cast(TensorDict, rollout[index])
            minibatch["weights"] = counted
            yield minibatch

    def clear(self) -> None:
        """Forget the rollout; the memory is used again."""
        self._ptr = 0
        self._masked = 0
        self._finished = False

    def state_dict(self) -> dict[str, Any]:
        """The steps stored so far, for :meth:`load_state_dict`: numbers, and tensors on the CPU."""
        stored = cast(Iterable[tuple[str, Tensor]], self._data.items())
        columns = {
            _SAVED_NAMES.get(name, name): column[: self._ptr].to("cpu", copy=True)
            for name, column in stored
        }
        return {"ptr": self._ptr, "finished": self._finished, "columns": columns}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the steps that :meth:`state_dict` of a buffer of the same shape gave."""
        self._ptr = int(state["ptr"])
        self._finished = bool(state["finished"])
        saved = cast(dict[str, Tensor], state["columns"])
        self.column("mates").zero_()  # of which earlier versions know nothing
        for name in cast(Iterable[str], self._data.keys()):
            if _SAVED_NAMES.get(name, name) in saved:
                self.column(name)[: self._ptr].copy_(saved[_SAVED_NAMES.get(name, name)])
        self._masked = int((~self.column("loss_mask")[: self._ptr]).sum())
