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


class Optimizer:
    """What changes a network's weights; all ranks call the same methods.

    Where the ranks share memory, weights and moments are there once, and each rank adds up the
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
        if any(each.dtype != torch.float32 or each.is_cuda for each in self._parameters):
            return None
        size = self._ranks.size
        length = max(sum(each.numel() for each in self._parameters), size)
        memory = self._ranks.shared_rows(size + _DividedAdam.ROWS, length)
        return None if memory is None else _DividedAdam(self._adam, memory, self._ranks)


class _DividedAdam:
    """Adam over weights that K processes have in common, each of which changes a part of them."""

    ROWS = 4
    """Rows of memory besides one gradient for each process: weights, two moments, lengths."""

    def __init__(self, adam: torch.optim.Adam, memory: NDArray[np.float32], ranks: Ranks) -> None:
        """Move what an optimiser works on into memory.

        Args:
            adam: over all parameters, whose state stays what it says; its steps are not used.
            memory: float32 [K + ROWS, L], of all processes.
            ranks: these processes.
        """
        size, length = ranks.size, memory.shape[1]
        self._adam, self._ranks = adam, ranks
        self._part = slice(ranks.rank * length // size, (ranks.rank + 1) * length // size)
        self._gradients = memory[:size]
        self._own_gradient = torch.from_numpy(memory[ranks.rank])
        self._shared = memory[size : size + 3]
        self._lengths = memory[size + 3, :size]
        self._steps = torch.tensor(0.0)
        self._total = torch.zeros(self._part.stop - self._part.start)
        self._own = nn.Parameter(torch.from_numpy(self._shared[0, self._part]))
        self._own.grad = self._total
        group = adam.param_groups[0]
        self._own_adam = torch.optim.Adam([self._own], lr=group["lr"], eps=_EPSILON, fused=True)
        moments = (torch.from_numpy(row[self._part]) for row in self._shared[1:])
        self._own_adam.state[self._own] = {
            "step": self._steps,
            **dict(zip(_MOMENTS, moments, strict=True)),
        }
        self.move_in()

    def move_in(self) -> None:
        """Let parameters and moments lie in the shared memory with the numbers that they have."""
        begin = 0
        for parameter in self._parameters():
            end = begin + parameter.numel()
            # A view with a storage of its own, which alone is written where a tensor is saved.
            places = [torch.from_numpy(row[begin:end]).view_as(parameter) for row in self._shared]
            state = self._adam.state[parameter]
            values = (parameter.detach(), *(state.get(name, 0.0) for name in _MOMENTS))
            for place, value in zip(places, values, strict=True):
                place.copy_(torch.as_tensor(value))
            parameter.data = places[0]
            self._steps.copy_(torch.as_tensor(state.get("step", 0.0)))
            state.update(zip(("step", *_MOMENTS), (self._steps, *places[1:]), strict=True))
            begin = end

    def step(self, max_grad_norm: float) -> Tensor:
        """As the optimiser's."""
        gradients = [
            (torch.zeros_like(each) if each.grad is None else each.grad).flatten()
            for each in self._parameters()
        ]
        used = sum(each.numel() for each in gradients)
        torch.cat(gradients, out=self._own_gradient[:used])
        self._ranks.wait()
        total = self._total.numpy()
        np.copyto(total, self._gradients[0, self._part])
        for row in self._gradients[1:]:
            np.add(total, row[self._part], out=total)
        self._lengths[self._ranks.rank] = float(self._total.square().sum().sqrt())
        self._ranks.wait()
        length = math.sqrt(np.square(self._lengths, dtype=np.float64).sum())
        cut = max_grad_norm / (length + _CLIP_EPSILON)
        if not cut >= 1.0:  # so written, what is not a number goes into the weights, and is noticed
            self._total.mul_(cut)
        for group in self._own_adam.param_groups:
            group["lr"] = self._adam.param_groups[0]["lr"]
        self._own_adam.step()
        self._ranks.wait()
        return torch.tensor(length, dtype=torch.float32)

    def saved(self) -> tuple[NDArray[np.float32], Tensor]:
        """This process's part of weights and moments."""
        return self._shared[:, self._part].copy(), self._steps.clone()

    def restore(self, saved: tuple[NDArray[np.float32], Tensor]) -> None:
        """Go back to what all processes have saved at one time."""
        self._ranks.wait()  # until nobody looks at what is there
        self._shared[:, self._part] = saved[0]
        self._steps.copy_(saved[1])
        self._ranks.wait()

    def _parameters(self) -> list[nn.Parameter]:
        return cast(list[nn.Parameter], self._adam.param_groups[0]["params"])
