"""How every kernel of this package is compiled and cached: the door to Numba.

Numba's own cache notices edits only in the file of the function that is called, not in the files
of the functions that it calls in turn. The cache used here is keyed by the text of the kernel's own
file and of all files of the package that it imports, directly or not: what a kernel calls, and what
is frozen into it, stands there. It touches no setting of Numba itself, so that it concerns the
functions of this package and nobody else's.
"""

import functools
import hashlib
import inspect
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numba  # noqa: TID251
import numpy as np
from numba.core import event  # noqa: TID251
from numba.core.caching import (  # noqa: TID251
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    _CacheLocator,  # pyright: ignore[reportPrivateUsage]
)
from numba.extending import register_jitable  # noqa: TID251
from numba.misc.appdirs import AppDirs  # noqa: TID251

Int = int | np.signedinteger[Any]
"""A whole number: Python's own, or the int64 that it is inside a kernel."""

Function = TypeVar("Function", bound=Callable[..., Any])

_logger = logging.getLogger(__name__)

_KERNEL_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "boundscheck": False,
    "error_model": "numpy",
}


_PACKAGE = Path(__file__).parents[1]
_IMPORT = re.compile(
    rf"^(?:from ({_PACKAGE.name}[\w.]*) import (\([^)]*\)|.*)|import ({_PACKAGE.name}[\w.]*))",
    re.MULTILINE,
)


@functools.cache
def _imported_by(path: Path) -> frozenset[Path]:
    """Files of this package whose names a file imports at its top."""
    found: set[Path] = set()
    for module, names, alone in _IMPORT.findall(path.read_text("utf-8")):
        place = _PACKAGE.parent.joinpath(*(module or alone).split("."))
        submodules = [place / f"{name}.py" for name in re.findall(r"\w+", names)]
        found |= {each for each in (place.with_suffix(".py"), *submodules) if each.is_file()}
    return frozenset(found)


@functools.cache
def _source_digest(path: Path) -> str:
    """Hash of the text of a file and of all files of this package that it rests on."""
    waiting, sources = {path}, set[Path]()
    while waiting:
        sources |= waiting
        waiting = {below for each in waiting for below in _imported_by(each)} - sources
    digest = hashlib.sha256()
    for source in sorted(sources):
        digest.update(source.name.encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()


class _KernelCacheLocator(_CacheLocator):
    """Where a kernel's compiled code lies, and the stamp that says whether it is still right.

    The first writable folder is taken: ``NUMBA_CACHE_DIR``, the ``__pycache__`` beside the file,
    the user's cache folder. What those before it hold that can only be read is used as well. With
    none writable, or no room there, the kernel is compiled anew in each process.
    """

    def __init__(self, py_file: str, folder: str, before: tuple[str, ...] = ()) -> None:
        self._py_file = py_file
        self._folder = folder
        self.before = before

    def get_cache_path(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._folder

    def get_source_stamp(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _source_digest(Path(self._py_file))

    def get_disambiguator(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        # A module-level name is enough; the line number would leave a file behind at each edit.
        return "0"

    @classmethod
    def from_function(
        cls, py_func: Callable[..., Any], py_file: str
    ) -> "_KernelCacheLocator | None":
        del py_func  # asked for by Numba; the file is enough
        if not Path(py_file).is_file():
            return None  # typed in, so that nobody can tell whether it has changed
        before: list[str] = []
        for folder in _cache_folders(py_file):
            locator = cls(py_file, folder, tuple(before))
            try:
                locator.ensure_cache_path()
            except OSError:
                if os.access(folder, os.R_OK | os.X_OK):
                    before.append(folder)
                continue
            return locator
        return cls(py_file, before[0], tuple(before[1:])) if before else None


def _cache_folders(py_file: str) -> list[str]:
    """Where compiled code of a file may lie, the best place first."""
    subpath = str(cast(Any, _CacheLocator).get_suitable_cache_subpath(py_file))
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    folders = [Path(chosen, subpath)] if chosen else []
    folders.append(Path(py_file).parent / "__pycache__")
    users: Any = AppDirs("numba", appauthor=False)
    folders.append(Path(users.user_cache_dir, subpath))
    return [str(folder) for folder in folders]


def cache_folder() -> Path | None:
    """Where this process keeps what it compiles, for this file; None if it can write nowhere."""
    for folder in _cache_folders(__file__):
        try:
            _KernelCacheLocator(__file__, folder).ensure_cache_path()
        except OSError:
            continue
        return Path(folder)
    return None


class _KernelCacheImpl(CompileResultCacheImpl):
    _locator_classes = (_KernelCacheLocator,)


class _KernelCacheFile(IndexDataCacheFile):
    """The list of what is compiled; one that names types that are gone is as good as none."""

    def __init__(
        self, folder: str, filename_base: str, stamp: str, before: tuple[str, ...] = ()
    ) -> None:
        super().__init__(folder, filename_base, stamp)
        self._before = [_KernelCacheFile(other, filename_base, stamp) for other in before]

    def load(self, key: Any) -> Any:
        found = cast(Any, super()).load(key)
        for place in self._before:
            found = place.load(key) if found is None else found
        return found

    def _load_index(self) -> dict[Any, str]:
        try:
            return cast(Any, super())._load_index()  # noqa: SLF001
        except (AttributeError, ImportError, PermissionError):
            return {}


@dataclass
class Compiled:
    """What this process had to compile, because it was in no cache."""

    kernels: int = 0
    unkept: OSError | None = None
    """Why the code of one of them could not be kept; None while all is."""


compiled = Compiled()


class _KernelCache(FunctionCache):
    _impl_class = _KernelCacheImpl

    def __init__(self, py_func: Callable[..., Any]) -> None:
        super().__init__(py_func)
        cache: Any = self
        impl = cache._impl  # noqa: SLF001
        place: _KernelCacheLocator = impl.locator
        cache._cache_file = _KernelCacheFile(  # noqa: SLF001
            place.get_cache_path(), impl.filename_base, place.get_source_stamp(), place.before
        )

    def save_overload(self, sig: Any, data: Any) -> None:
        # What this process has compiled it can use; a full disk is no reason to end it.
        compiled.kernels += 1
        try:
            cast(Any, super()).save_overload(sig, data)
        except OSError as error:
            compiled.unkept = error


def kernel(function: Function) -> Function:
    """Compile a function on its first call and keep the machine code for later processes.

    Array arguments must fit the kernel: neither bounds nor signs of indices are checked. Kernels
    release the GIL.
    """
    dispatcher: Any = numba.njit(**_KERNEL_OPTIONS)(function)
    if _KernelCacheLocator.from_function(function, inspect.getfile(function)) is not None:
        dispatcher._cache = _KernelCache(function)  # noqa: SLF001 (what cache=True does)
    return dispatcher


def inline_kernel(function: Function) -> Function:
    """Compile a function that other kernels call, merged into its callers by LLVM."""
    return cast(Function, numba.njit(forceinline=True, **_KERNEL_OPTIONS)(function))


def kernel_part(function: Function) -> Function:
    """Merge a function into the kernels that call it before they are compiled.

    For long functions with a caller or two: as an ``inline_kernel`` each would be compiled for
    itself first, and again with every function between it and the kernel.
    """
    return cast(Function, numba.njit(inline="always", **_KERNEL_OPTIONS)(function))


def shared_part(function: Function) -> Function:
    """Merge a function into the kernels that call it, and leave it a plain one for everybody else.

    For arithmetic on whole numbers that tensors and arrays can go through as well.
    """
    return cast(Function, cast(Any, register_jitable)(inline="always")(function))


class _Announcement(event.Listener):
    """Says once that kernels are being compiled: a new user waits long enough to wonder."""

    _is_said = False

    def on_start(self, event: Any) -> None:
        """Called before Numba compiles a function, anybody's, that is in no cache."""
        module = str(event.data["dispatcher"].py_func.__module__)
        if not self._is_said and module.startswith("keisei."):
            self._is_said = True
            _logger.warning("Compiling kernels: a minute or two, this once; then they are cached")

    def on_end(self, event: Any) -> None:
        """Called when the function is compiled."""


cast(Any, event).register("numba:compile", _Announcement())
