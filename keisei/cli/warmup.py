"""``keisei-vec warmup``: compile all kernels before anybody waits for them."""

import logging
import os
import tempfile
import time
from pathlib import Path

import typer

from keisei.cli.errors import fail, training_extra


def warmup() -> None:
    """Compile all kernels and keep them, for images and clusters.

    Training, matches, the engine, the page and the environment find their code in the cache
    afterwards. Kernels lie in the folder that NUMBA_CACHE_DIR names, else in the package's own
    __pycache__ folders, else in the user's cache folder; they fit the processor they were compiled
    on, or the one that NUMBA_CPU_NAME and NUMBA_CPU_FEATURES name. A second call finds all there.
    """
    with training_extra():
        from keisei.cli.warming import PARTS  # noqa: PLC0415
    from keisei.shogi.jit import cache_folder, compiled  # noqa: PLC0415

    folder, chosen = cache_folder(), os.environ.get("NUMBA_CACHE_DIR")
    if chosen and (folder is None or not folder.is_relative_to(chosen)):
        fail(f"NUMBA_CACHE_DIR={chosen} cannot be written; name a folder that can")
    if folder is None:
        fail("no folder for compiled kernels can be written; name one with NUMBA_CACHE_DIR=FOLDER")
    typer.echo(f"Kernels are kept in {folder} and beside it")
    logging.getLogger("keisei").setLevel(logging.ERROR)  # it is said here that they are compiled
    begin = time.perf_counter()
    for name, use in PARTS.items():
        before, part_begin = compiled.kernels, time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="keisei-warmup-") as scratch:
            use(Path(scratch))
        seconds = time.perf_counter() - part_begin
        typer.echo(f"{name:<20}{compiled.kernels - before:>4} compiled{seconds:>8.1f} s")
        if compiled.unkept is not None:
            fail(f"kernels cannot be kept in {folder}: {compiled.unkept}")
    what = f"{compiled.kernels} kernels compiled" if compiled.kernels else "All kernels were there"
    typer.echo(f"{what}; {time.perf_counter() - begin:.0f} s")
