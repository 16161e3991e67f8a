"""How a mistake ends: one sentence on standard error and exit code 2."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import NoReturn

import typer

MISTAKE_EXIT_CODE = 2


def fail(sentence: str) -> NoReturn:
    """Print one sentence on standard error and end with exit code 2."""
    typer.echo(f"Error: {sentence}", err=True)
    _drop_unwritable_output()
    raise typer.Exit(MISTAKE_EXIT_CODE)


def _drop_unwritable_output() -> None:
    """Forget what standard output does not take, for Python would fail on it once more at exit."""
    # Standard output that is closed from the beginning is None.
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def mistakes(*kinds: type[Exception], silent: bool = False) -> Generator[None]:
    """Within a ``with`` block, let exceptions of these kinds end the command as mistakes.

    The kinds name what a user can get wrong there; any other exception is a bug and keeps its
    traceback.

    Args:
        kinds: Exceptions that are mistakes.
        silent: Say nothing, because another process does.
    """
    try:
        yield
    except kinds as error:
        if silent:
            raise typer.Exit(MISTAKE_EXIT_CODE) from None
        fail(str(error))


@contextmanager
def training_extra() -> Generator[None]:
    """Within a ``with`` block of imports, a missing library names the extra that brings it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "keisei":
            raise
        fail(f"{error.name} is not installed; pip install 'keisei[train]' brings it")
