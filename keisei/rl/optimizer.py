"""Adam with clipped gradients, for one process or divided among those of a machine."""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

import copy
import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from keisei.rl.ranks import Ranks

_EPSILON = 1e-5
_CLIP_EPSILON = 1e-6
_MOMENTS = ("exp_avg", "exp_avg_sq")
_ROWS = 4
"""Of memory besides the gradients: weights, two moments, lengths."""


class Optimizer:
    """What changes a network's weights; all ranks call the same methods.

    Where ranks on CPUs share memory, weights and moments are there once, and each rank adds up the
    gradients of its part of them and takes Adam's step for it (as ZeRO's first stage, Rajbhandari
    et al. 2020): sums over millions of numbers cost more than a minibatch of few plies otherwise.
    Each number is added up in the order of the ranks.
    """

    def __init__(
        self, network: nn.Module, learning_rate: float, max_grad_norm: float, ranks: Ranks
    ) -> None:
        """Take the network, which all ranks have with the same weights.

        Args:
            network: on its device.
            learning_rate: of the first steps.
            max_grad_norm: length to which a longer gradient is cut.
            ranks: whose gradients are summed.
        """
        self._network = network
        self._parameters = list(network.parameters())
        self._max_grad_norm = max_grad_norm
        self._ranks = ranks
        self._adam = torch.optim.Adam(self._parameters, lr=learning_rate, eps=_EPSILON, fused=True)
        self._has_asked_for_memory = False
        self._divided: _DividedAdam | None = None
        self._before: Any = None

    def begin_update(self, learning_rate: float) -> None:
        """Set the learning rate, and note what :meth:`take_back` goes back to."""
        if not self._has_asked_for_memory:
            self._divided = self._open_divided()
            self._has_asked_for_memory = True
        for group in self._adam.param_groups:
            group["lr"] = learning_rate
        if self._divided is not None:
            self._before = self._divided.saved()
        else:
            self._before = copy.deepcopy((self._network.state_dict(), self._adam.state_dict()))

    def take_back(self) -> None:
        """Let weights and moments be as they were when the update began."""
        if self._divided is not None:
            self._divided.restore(self._before)
        else:
            self.load(*self._before)

    def forget_gradients(self) -> None:
        """Begin a minibatch."""
        self._adam.zero_grad(set_to_none=True)

    def step(self) -> Tensor:
        """Follow the sum of all ranks' gradients; its length before clipping, float32[]."""
        if self._divided is not None:
            return self._divided.step(self._max_grad_norm)
        self._ranks.add_gradients(self._parameters)
        length = nn.utils.clip_grad_norm_(self._parameters, self._max_grad_norm)
        self._adam.step()
        return length.detach()

    def state_dict(self) -> dict[str, Any]:
        """That of torch's Adam over all parameters."""
        return self._adam.state_dict()

    def load(self, weights: Mapping[str, Tensor], state: dict[str, Any]) -> None:
        """Take the network's weights and a :meth:`state_dict`, the same on all ranks.

        Raises:
            RuntimeError: the weights are those of another network.
        """
        if self._divided is None:
            self._network.load_state_dict(weights)
            self._adam.load_state_dict(state)
            return
        self._ranks.wait()  # until nobody looks at what is there
        self._network.load_state_dict(weights)
        self._adam.load_state_dict(state)
        self._divided.move_in()
        self._ranks.wait()

    def _open_divided(self) -> "_DividedAdam | None":
        if self._ranks.size == 1 or any(
            each.dtype != torch.float32 or each.device.type != "cpu" for each in self._parameters
        ):
            return None
        return _DividedAdam(self._adam, self._ranks)


class _DividedAdam:
    """Adam over L weights in one piece, which is cut into a part for each of K processes.

    The memory is float32 [4 + G, L]: weights, two moments, lengths, and G gradients. Where the
    processes share it (G = K) each steps its own part, elsewhere (G = 1) all of them. With two
    processes the numbers are the same to the last bit; more of them are added by the process group
    in an order of its own.
    """

    def __init__(self, adam: torch.optim.Adam, ranks: Ranks) -> None:
        """Move what an optimiser works on into one piece of memory.

        Args:
            adam: over all parameters, whose state stays what it says; its steps are not used.
            ranks: the processes.
        """
        self._adam, self._ranks = adam, ranks
        size = ranks.size
        length = max(sum(each.numel() for each in self._parameters()), size)
        memory = ranks.shared_rows(_ROWS + size, length)
        self._is_shared = memory is not None
        if memory is None:
            memory = np.zeros((_ROWS + 1, length), np.float32)
        self._state, self._lengths = memory[:3], memory[3, :size]
        self._gradients = memory[_ROWS:]
        self._own_gradient = torch.from_numpy(self._gradients[ranks.rank if self._is_shared else 0])
        self._numbers = [ranks.rank] if self._is_shared else list(range(size))
        ends = [number * length // size for number in range(size + 1)]
        self._parts = [slice(ends[number], ends[number + 1]) for number in self._numbers]
        self._pieces = [
            nn.Parameter(torch.from_numpy(self._state[0, part])) for part in self._parts
        ]
        self._steps = [torch.tensor(0.0) for _ in self._parts]
        group = adam.param_groups[0]
        self._stepping = torch.optim.Adam(self._pieces, lr=group["lr"], eps=_EPSILON, fused=True)
        for piece, part, steps in zip(self._pieces, self._parts, self._steps, strict=True):
            moments = (torch.from_numpy(row[part]) for row in self._state[1:])
            self._stepping.state[piece] = {
                "step": steps,
                **dict(zip(_MOMENTS, moments, strict=True)),
            }
            piece.grad = torch.zeros_like(piece) if self._is_shared else self._own_gradient[part]
        self.move_in()

    def move_in(self) -> None:
        """Let parameters and moments lie in that memory with the numbers that they have."""
        begin = 0
        for parameter in self._parameters():
            end = begin + parameter.numel()
            # A view with a storage of its own, which alone is written where a tensor is saved.
            places = [torch.from_numpy(row[begin:end]).view_as(parameter) for row in self._state]
            state = self._adam.state[parameter]
            values = (parameter.detach(), *(state.get(name, 0.0) for name in _MOMENTS))
            for place, value in zip(places, values, strict=True):
                place.copy_(torch.as_tensor(value))
            parameter.data = places[0]
            for steps in self._steps:
                steps.copy_(torch.as_tensor(state.get("step", 0.0)))
            state.update(zip(("step", *_MOMENTS), (self._steps[0], *places[1:]), strict=True))
            begin = end

    def step(self, max_grad_norm: float) -> Tensor:
        """As the optimiser's."""
        gradients = [
            (torch.zeros_like(each) if each.grad is None else each.grad).flatten()
            for each in self._parameters()
        ]
        used = sum(each.numel() for each in gradients)
        torch.cat(gradients, out=self._own_gradient[:used])
        totals = self._add_up()
        for number, total in zip(self._numbers, totals, strict=True):
            self._lengths[number] = float(total.square().sum().sqrt())
        self._meet()
        length = math.sqrt(np.square(self._lengths, dtype=np.float64).sum())
        cut = max_grad_norm / (length + _CLIP_EPSILON)
        if not cut >= 1.0:  # so written, what is not a number goes into the weights, and is noticed
            for total in totals:
                total.mul_(cut)
        for group in self._stepping.param_groups:
            group["lr"] = self._adam.param_groups[0]["lr"]
        self._stepping.step()
        self._meet()
        return torch.tensor(length, dtype=torch.float32)

    def _add_up(self) -> list[Tensor]:
        """The sums of all processes' gradients for the parts that this one steps."""
        totals = [cast(Tensor, piece.grad) for piece in self._pieces]
        if not self._is_shared:
            self._ranks.sum(self._own_gradient)
            return totals
        self._ranks.wait()
        total, part = totals[0].numpy(), self._parts[0]
        np.copyto(total, self._gradients[0, part])
        for row in self._gradients[1:]:
            np.add(total, row[part], out=total)
        return totals

    def _meet(self) -> None:
        if self._is_shared:
            self._ranks.wait()

    def saved(self) -> tuple[list[NDArray[np.float32]], list[Tensor]]:
        """Weights and moments of the parts that this process steps."""
        numbers = [self._state[:, part].copy() for part in self._parts]
        return numbers, [steps.clone() for steps in self._steps]

    def restore(self, saved: tuple[list[NDArray[np.float32]], list[Tensor]]) -> None:
        """Go back to what all processes have saved at one time."""
        self._meet()  # until nobody looks at what is there
        for part, numbers in zip(self._parts, saved[0], strict=True):
            self._state[:, part] = numbers
        for steps, before in zip(self._steps, saved[1], strict=True):
            steps.copy_(before)
        self._meet()

    def _parameters(self) -> list[nn.Parameter]:
        return cast(list[nn.Parameter], self._adam.param_groups[0]["params"])
