"""A stand-in for a GPU that every machine has.

Within ``stand_in()``, tensors on "meta:0", "meta:1" ... are computed by the CPU, in memory of their
own, and behave towards the host as those of a GPU do: they do not mix with tensors of other
devices, and whatever makes the host wait for the device is noted. So it shows where a program
confuses devices, reads back, or uploads from memory that is not pinned. It shows nothing of what a
GPU computes in its own way (rounding, sums in another order, kernels), of time, or of races between
host and device.

The name is that of torch's device without memory, which torch takes in every build; one without
CUDA refuses to index a tensor that says it lies on "cuda".
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportUnknownLambdaType=false
# pyright: reportAttributeAccessIssue=false
# (torch leaves parts of its signatures open.)

import importlib
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.optim import adam
from torch.utils._python_dispatch import TorchDispatchMode
from typing_extensions import override

from keisei.rl.network_base import PolicyValueNet
from keisei.rl.networks import build_network
from keisei.training import model_manager

# The mode would load it at its first operation, when names of torch are replaced.
importlib.import_module("torch._dynamo")
_real_autocast = torch.autocast
_aten = cast(Any, torch.ops).aten
_WAITS = {
    _aten._local_scalar_dense.default: "item",
    _aten.nonzero.default: "nonzero",
    _aten.masked_select.default: "masked_select",
    _aten.equal.default: "equal",
}
"""Operations whose results the host has to know before it goes on."""
_KIND = "meta"
_TRANSFERS = (_aten._to_copy.default, _aten.copy_.default)


class _DeviceTensor(Tensor):
    """A tensor that says it lies on a device, and keeps its numbers in one on the CPU."""

    numbers: Tensor
    is_meta = False  # or torch would take it for one without memory

    @staticmethod
    def __new__(cls, inner: Tensor, device: torch.device) -> "_DeviceTensor":
        made = cast(Any, Tensor)._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=device,
        )
        made.numbers = inner
        return made

    __torch_function__ = cast(Any, torch)._C._disabled_torch_function_impl

    @override
    def tolist(self) -> Any:
        return self.cpu().tolist()

    @classmethod
    @override
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(f"{func} of a tensor on the stand-in device outside of stand_in()")


class StandIn(TorchDispatchMode):
    """Runs every operation, and notes what the host had to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        """In order: names of operations that read back, "download" for a copy to the host that it
        waits for, and "upload" for one from memory that is not pinned or has gaps."""
        self._pinned: list[Tensor] = []

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if kwargs.pop("pin_memory", False):
            self._pinned.append(func(*args, **kwargs))
            return self._pinned[-1]
        tensors = _tensors((args, kwargs))
        target = self._target(func, args, kwargs, tensors)
        if target is None:
            return func(*args, **kwargs)
        if func in _WAITS:
            self.waits.append(_WAITS[func])
        if func in _TRANSFERS:
            self._note_transfer(func, args, kwargs, target)
        elif func in {_aten.index.Tensor, _aten.index_put_.default} and any(
            each is not None and each.dtype == torch.bool for each in args[1]
        ):
            self.waits.append("boolean index")
        inner_kwargs = {name: value for name, value in kwargs.items() if name != "device"}
        result = func(*_mapped(_inner, args), **_mapped(_inner, inner_kwargs))
        return self._wrapped(func, args, result, target)

    @staticmethod
    def _target(
        func: Any, args: Any, kwargs: dict[str, Any], tensors: list[Tensor]
    ) -> torch.device | None:
        """Where the result lies, "cpu" for a download; None when no device has to do with it."""
        named = kwargs.get("device")
        named = None if named is None else torch.device(named)
        if named is not None and named.type == _KIND and str(named) == _KIND:
            named = torch.device(_KIND, 0)
        devices = {each.device for each in tensors if each.device.type == _KIND}
        if not devices:
            return named if named is not None and named.type == _KIND else None
        if func is _aten.copy_.default:
            return args[0].device
        # A single number may come from the host, as with a GPU.
        others = {each.device for each in tensors if each.device.type != _KIND and each.dim()}
        if len(devices | others) > 1:
            found = " and ".join(sorted(str(device) for device in devices | others))
            raise RuntimeError(f"{func} mixes tensors on {found}")
        return next(iter(devices)) if named is None else named

    def _note_transfer(
        self, func: Any, args: Any, kwargs: dict[str, Any], target: torch.device
    ) -> None:
        source = args[1] if func is _aten.copy_.default else args[0]
        is_asynchronous = kwargs.get("non_blocking", False) or (
            func is _aten.copy_.default and len(args) > 2 and args[2]
        )
        if source.device.type == "cpu" and target.type == _KIND and source.dim():
            if not (is_asynchronous and self._is_pinned(source) and source.is_contiguous()):
                self.waits.append("upload")
        elif source.device.type == _KIND and target.type == "cpu":
            onto = args[0] if func is _aten.copy_.default else None
            if not (is_asynchronous and onto is not None and self._is_pinned(onto)):
                self.waits.append("download")

    def _is_pinned(self, tensor: Tensor) -> bool:
        memory = tensor.untyped_storage().data_ptr()
        return any(each.untyped_storage().data_ptr() == memory for each in self._pinned)

    @staticmethod
    def _wrapped(func: Any, args: Any, result: Any, target: torch.device) -> Any:
        """The result on its device; what was changed in place is the very tensor."""
        gives_something, works_in_place = _nature(func)
        if not gives_something:
            return None
        if works_in_place:
            return args[0]
        if target.type != _KIND:
            return result.clone() if result is _inner(args[0]) else result

        def wrap(each: Any) -> Any:
            is_made = isinstance(each, Tensor) and not isinstance(each, _DeviceTensor)
            return _DeviceTensor(each, target) if is_made else each

        return _mapped(wrap, result)


@cache
def _nature(func: Any) -> tuple[bool, bool]:
    """Whether an operation returns anything, and whether that is its changed first argument."""
    schema = func._schema
    is_alias = bool(schema.arguments) and schema.arguments[0].alias_info is not None
    return bool(schema.returns), is_alias and not func.is_view


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """A function of all that stands in lists, tuples and dicts; torch's own takes far longer."""
    if type(value) in (list, tuple):
        return type(value)([_mapped(function, each) for each in value])
    if type(value) is dict:
        return {name: _mapped(function, each) for name, each in value.items()}
    return function(value)


def _tensors(value: Any) -> list[Tensor]:
    """Those that stand in it."""
    found: list[Tensor] = []

    def note(each: Any) -> None:
        if isinstance(each, Tensor):
            found.append(each)

    _mapped(note, value)
    return found


def _inner(value: Any) -> Any:
    return value.numbers if isinstance(value, _DeviceTensor) else value


def _pin_memory(tensor: Tensor) -> Tensor:
    """As torch does it: with the same gaps between rows."""
    pinned = torch.empty_strided(
        tensor.size(), tensor.stride(), dtype=tensor.dtype, pin_memory=True
    )
    return pinned.copy_(tensor)


class _Event:
    """The event behind the work that was given to the device: it has always happened already."""

    def record(self) -> None: ...

    def synchronize(self) -> None: ...


class _Generator(torch.Generator):
    """What the device draws, the CPU draws for it."""

    kind: str
    """Type of the device that it is for."""

    def __new__(cls, device: Any = None) -> "_Generator":
        made = super().__new__(cls)
        made.kind = torch.device(device or "cpu").type
        return made


def _drawing(draw: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that draws; a generator serves its own kind of device only."""

    def checked(*args: Any, **kwargs: Any) -> Tensor:
        generator, kind = kwargs.get("generator"), torch.device(kwargs.get("device") or "cpu").type
        if isinstance(generator, _Generator) and generator.kind != kind:
            raise RuntimeError(f"a generator for {generator.kind} cannot draw on {kind}")
        return draw(*args, **kwargs)

    return checked


def _autocast(device_type: str, **settings: Any) -> AbstractContextManager[Any]:
    """Autocast, of which this device knows nothing."""
    return nullcontext() if device_type == _KIND else _real_autocast(device_type, **settings)


def _sketch(name: str, options: Mapping[str, Any]) -> PolicyValueNet:
    """A network whose weights nobody looks at; the device that has no room for any is taken."""
    with torch.random.fork_rng(devices=[]):
        return build_network(name, **options)


@contextmanager
def stand_in() -> Generator[StandIn]:
    """Within a ``with`` block there are CUDA devices, as many as are asked for."""
    with pytest.MonkeyPatch.context() as patch, StandIn() as mode:
        patch.setattr(torch, "Generator", _Generator)
        for name in ("rand", "randint", "randperm"):
            patch.setattr(torch, name, _drawing(getattr(torch, name)))
        patch.setattr(model_manager, "_sketch", _sketch)
        patch.setattr(torch.cuda, "Event", _Event)
        patch.setattr(Tensor, "pin_memory", _pin_memory)
        patch.setattr(torch, "autocast", _autocast)
        patch.setattr(adam, "_device_dtype_check_for_fused", lambda _: None)
        # Of parameters that move, a new tensor takes the place; their numbers cannot be exchanged.
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        try:
            yield mode
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(False)
