"""``keisei-vec perft``: count the leaves of the tree of legal moves."""

import time
from typing import Annotated

import typer

from keisei.cli.positions import POSITION_HELP, read_position


def perft(
    position: Annotated[list[str], typer.Argument(metavar="SFEN", help=POSITION_HELP)],
    depth: Annotated[
        int, typer.Argument(metavar="DEPTH", min=1, max=30, help="Plies to look ahead.")
    ],
    *,
    divide: Annotated[
        bool, typer.Option("--divide", help="Also print the leaves below each first move.")
    ] = False,
) -> None:
    """Count the positions DEPTH plies ahead.

    This checks the rules against published counts, and their speed.
    """
    from keisei.shogi import perft as count_leaves  # noqa: PLC0415
    from keisei.shogi import perft_divide  # noqa: PLC0415

    board = read_position(position)
    count_leaves(board, 2)  # compiles, or loads what is compiled, before the clock starts
    begin = time.perf_counter()
    if divide:
        leaves = perft_divide(board, depth)
        nodes = sum(leaves.values())
    else:
        leaves = {}
        nodes = count_leaves(board, depth)
    seconds = time.perf_counter() - begin
    for name, count in sorted((move.usi(), count) for move, count in leaves.items()):
        typer.echo(f"{name}: {count}")
    typer.echo(f"{nodes} nodes at depth {depth}")
    typer.echo(f"{seconds:.3f} s, {nodes / max(seconds, 1e-9):,.0f} nodes a second", err=True)
