"""Arrays on their way between host and device, without waiting where that is possible.

Copies from and to pinned memory are queued behind the work that the device has; torch uses a pinned
block again only when the copy that reads or writes it is done.
"""

# pyright: reportUnknownMemberType=false
# (torch leaves parts of its signatures open.)

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


def upload(array: NDArray[Any], device: torch.device) -> Tensor:
    """A contiguous copy of an array on the device; the array may change as soon as this returns."""
    host = torch.from_numpy(array)
    if device.type == "cpu":
        return host.clone(memory_format=torch.contiguous_format)
    # Not ``pin_memory()``, which keeps the gaps between the rows of a view: what has gaps goes to
    # the device by way of memory that is not pinned, and the host waits for it.
    pinned = torch.empty(host.shape, dtype=host.dtype, pin_memory=True)
    return pinned.copy_(host).to(device, non_blocking=True)


class Download:
    """A tensor on its way to the host."""

    def __init__(self, tensor: Tensor) -> None:
        """Queue the copy behind what the tensor is computed by."""
        self._host = tensor
        self._arrival: torch.cuda.Event | None = None
        if tensor.device.type != "cpu":
            self._host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            self._host.copy_(tensor, non_blocking=True)
            self._arrival = torch.cuda.Event()
            self._arrival.record()

    def wait(self) -> NDArray[Any]:
        """The array, once it is there; of a tensor on the CPU a view."""
        if self._arrival is not None:
            self._arrival.synchronize()
        return self._host.numpy()
