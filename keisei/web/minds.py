"""The players that visitors meet: the one in the box, and the checkpoints of the runs."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from keisei.games.board import move_from_action
from keisei.players.descriptions import SHIPPED, SHIPPED_POLICY, parse_player
from keisei.players.opened import open_player
from keisei.players.opinion import Adviser, Opinion, positions_along
from keisei.players.policy import NetworkEvaluator
from keisei.rl.networks import PolicyValueNet
from keisei.search.settings import SearchSettings
from keisei.training.checkpoint import CheckpointError
from keisei.training.model_manager import load_policy
from keisei.web.games import Situation
from keisei.web.guard import RefusedError
from keisei.web.library import Library
from keisei.web.work import MOST_NODES, MOST_SECONDS

_SIMPLE = ("random", "greedy")
_IN_MEMORY = 3
_SEEDS = 1 << 31

GoesOn = Callable[[], bool]


@dataclass(frozen=True)
class Wanted:
    """A player as a request names it."""

    name: str
    """``random``, ``greedy``, ``keisei`` or the checkpoint's name."""
    path: Path | None
    """Of a network."""
    nodes: int
    """0 for none."""
    seconds: float | None
    sampled: bool

    @property
    def search(self) -> SearchSettings | None:
        """How it looks ahead; None for not at all."""
        if self.seconds is not None:
            return SearchSettings(nodes=MOST_NODES)
        return SearchSettings(nodes=self.nodes) if self.nodes else None


class Minds:
    """Loads networks and asks them; the last few stay in memory. Serves several threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._networks: OrderedDict[tuple[Path, int], PolicyValueNet] = OrderedDict()

    def wanted(self, asked: dict[str, Any]) -> Wanted:
        """The player that a request names in ``player``.

        Raises:
            RefusedError: There is no such player.
            UnknownRunError: There is no such run.
        """
        given = asked.get("player")
        if not isinstance(given, dict):
            raise RefusedError("player names a player, such as {'name': 'keisei', 'nodes': 400}")
        player = cast(dict[str, Any], given)
        nodes, seconds = player.get("nodes") or 0, player.get("seconds")
        if not isinstance(nodes, int) or not 0 <= nodes <= MOST_NODES:
            raise RefusedError(f"nodes is a number up to {MOST_NODES}")
        if seconds is not None and not (
            isinstance(seconds, (int, float)) and 0 < seconds <= MOST_SECONDS
        ):
            raise RefusedError(f"seconds is a number up to {MOST_SECONDS:g}")
        name, path = self._place(player)
        return Wanted(name, path, nodes, seconds, player.get("sampled") is True)

    def _place(self, player: dict[str, Any]) -> tuple[str, Path | None]:
        run, name = player.get("run"), player.get("name")
        if not isinstance(name, str):
            raise RefusedError("a player has a name")
        if isinstance(run, str):
            path = self._library.run(run).checkpoint(name)
            if path is None:
                raise RefusedError(f"run {run[:100]!r} has no checkpoint {name[:100]!r}", 404)
            return f"{run} {name}", path
        if name in _SIMPLE:
            return name, None
        if name == SHIPPED:
            return name, SHIPPED_POLICY
        raise RefusedError(f"there is no player {name[:100]!r}", 404)

    def answer(self, wanted: Wanted, situation: Situation, goes_on: GoesOn) -> str | None:
        """The move that a player makes, in USI; None when it declares its win.

        Raises:
            RefusedError: The game is over, or the player cannot be loaded.
        """
        if situation.is_over:
            raise RefusedError("the game is over", 422)
        if situation.board.can_declare_win():
            return None
        if wanted.path is None or (wanted.sampled and wanted.search is None):
            return self._sampled(wanted, situation)
        (opinion,) = self.opinions(wanted, situation, [len(situation.record.moves)], 1, goes_on)
        return opinion.candidates[0].move.usi()

    def opinions(
        self, wanted: Wanted, situation: Situation, plies: list[int], count: int, goes_on: GoesOn
    ) -> list[Opinion]:
        """What a player thinks of positions of a game, in none of which it is over.

        Raises:
            RefusedError: It is none that thinks, or cannot be loaded.
        """
        if wanted.path is None:
            raise RefusedError(f"the player {wanted.name} has no opinion; choose another", 422)
        adviser = Adviser(NetworkEvaluator(self._network(wanted.path)), wanted.search)
        record = situation.record
        positions = positions_along(record.start, record.moves, plies, situation.cap)
        return adviser.judge(positions, count=count, seconds=wanted.seconds, goes_on=goes_on)

    def _sampled(self, wanted: Wanted, situation: Situation) -> str:
        record, path = situation.record, wanted.path
        description = parse_player(wanted.name if path is None else SHIPPED)
        positions = positions_along(record.start, record.moves, [len(record.moves)], situation.cap)

        def load(place: Path, _: str) -> PolicyValueNet:
            return self._network(place if path is None else path)

        with open_player(description, load, seed=secrets.randbelow(_SEEDS)) as player:
            action = int(player.choose(positions)[0])
        return move_from_action(situation.board, action).usi()

    def _network(self, path: Path) -> PolicyValueNet:
        """The network of a file, as it is now.

        Raises:
            RefusedError: It cannot be loaded.
        """
        with self._lock:
            try:
                key = (path, path.stat().st_mtime_ns)
                network = self._networks.get(key)
                if network is None:
                    network = self._networks[key] = load_policy(path)
            except (OSError, CheckpointError) as error:
                raise RefusedError(f"the player cannot be loaded: {error}", 422) from None
            self._networks.move_to_end(key)
            while len(self._networks) > _IN_MEMORY:
                self._networks.popitem(last=False)
            return network
