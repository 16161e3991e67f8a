"""Matches between players that are described in text."""

from contextlib import ExitStack
from dataclasses import dataclass, replace

from keisei.evaluation.match import MatchRules, Progress, play_match
from keisei.evaluation.mate_watch import MateWatch
from keisei.evaluation.results import MatchResult
from keisei.players.descriptions import PlayerDescription
from keisei.players.engine import EnginePlayer
from keisei.players.opened import PolicyLoader, open_player

_BOARDS = 64


@dataclass(frozen=True)
class Arena:
    """How matches are played, whoever plays them."""

    load_policy: PolicyLoader
    rules: MatchRules
    seed: int = 0
    """Of openings and players."""
    argmax: bool = False
    """Whether a policy that does not say plays its most probable move."""
    num_envs: int | None = None
    """Boards side by side; None for as many as engines have processes, 64 without engines."""

    def play(
        self,
        first: PlayerDescription,
        second: PlayerDescription,
        games: int,
        progress: Progress | None = None,
    ) -> MatchResult:
        """One match, for which the players are opened and closed.

        Args:
            first: The player whose score is reported.
            second: Its opponent.
            games: Games to play, at least 1.
            progress: Told how far the match is.

        Raises:
            EngineError: An engine cannot be started, or failed for good in the first game.
            ValueError: The numbers do not fit, or nobody plays by the clock of the rules.
        """
        processes = [each.processes for each in (first, second) if each.is_engine]
        num_envs = self.num_envs or min(processes, default=_BOARDS)
        if self.rules.clock is not None:
            self._check_clock(num_envs, first, second)
        with ExitStack() as stack:
            players = [
                stack.enter_context(
                    open_player(each, self.load_policy, seed=self.seed + place, argmax=self.argmax)
                )
                for place, each in enumerate((first, second))
            ]
            result = play_match(
                MateWatch(players[0]),
                MateWatch(players[1]),
                games,
                rules=self.rules,
                num_envs=num_envs,
                seed=self.seed,
                progress=progress,
            )
            engines = [player for player in players if isinstance(player, EnginePlayer)]
            troubles = [trouble for engine in engines for trouble in engine.troubles]
        return replace(result, troubles=tuple(troubles))

    def _check_clock(self, num_envs: int, *players: PlayerDescription) -> None:
        """Refuse a clock that is nobody's, and games that would wait for each other's process."""
        clocked = [each for each in players if each.has_clock]
        if not clocked:
            raise ValueError(
                "no player of this match plays by a clock; leave nodes, depth and byoyomi out of "
                "an engine's description, or the clock out of the match"
            )
        most = min(each.processes for each in clocked)
        if num_envs > most:
            raise ValueError(
                f"an engine of {most} process(es) cannot play {num_envs} games at once against the "
                "clock; give it processes=K, or lower the number of games at once"
            )
