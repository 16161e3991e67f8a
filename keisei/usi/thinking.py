"""How the engine thinks: one tree, in portions, with a look at the clock after each."""

import gc
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from keisei.games.board import Board, action_from_move
from keisei.games.endings import Rules
from keisei.players.descriptions import PlayerDescription, PlayerDescriptionError
from keisei.players.opened import PolicyLoader, require_present
from keisei.players.policy import NetworkEvaluator
from keisei.search.restricting import keep_actions
from keisei.search.search import Search, Trees
from keisei.search.settings import METHODS, SearchSettings
from keisei.shogi.constants import WHITE
from keisei.shogi.moves import IllegalMoveError, InvalidUsiError, Move, shown
from keisei.usi.going import Going
from keisei.usi.limits import Limits
from keisei.usi.mating import look_for_mate
from keisei.usi.options import Options
from keisei.usi.output import FAILURES, Say
from keisei.usi.placed import PlacedGame
from keisei.usi.thought import Thought

CLOCKED_METHOD, ENDLESS_METHOD = "gumbel", "puct"
"""Of searches with a limit, by nodes or by a clock, and of those that go on until they are stopped.
Sequential halving has to know how many simulations it will have, and looks at several at once."""
_PORTION_SECONDS = 0.01
_LEAST_PORTION_SECONDS = 0.001
_FIRST_PORTION, _MOST_A_PORTION = 16, 4096
_WARM_UP = ("sfen 4k4/9/4P4/9/9/9/9/9/4K4 b G 1", "startpos moves 7g7f")
"""Positions in which all is used that a game may need: one with a mate, one without."""
_WARM_UP_LIMITS = (Limits(nodes=1000), Limits(depth=1000))
"""Of either method, so far as the memory goes that they have there."""
_WARM_UP_MEGABYTES = 2
_LAG_FADES = 0.99
_MATE_SPEED, _MATE_SHARE = 20_000, 0.1
"""Positions a second of the mate solver, about, and the part of a move's time that it may take."""
_SPARE, _LEAST_SPARE = 1.5, 1000
"""Room for more simulations than the speed so far promises, where that is all it is for."""


class Thinker:
    """A policy and its search, ready to think about one game."""

    def __init__(self, options: Options, load_policy: PolicyLoader) -> None:
        """Load the policy and search once, so that everything is compiled and the speed is known.

        Raises:
            PlayerDescriptionError: The player is none that looks ahead, or its device is missing.
            CheckpointError: The policy cannot be loaded.
        """
        description = _described(options)
        require_present(description)
        torch.set_num_threads(options.threads)
        network = load_policy(Path(description.place), description.device)
        self._evaluator = NetworkEvaluator(network, description.device)
        self._given = description.search
        self._speeds = dict.fromkeys(METHODS, 1.0)
        self._lag = 0.0
        for _ in range(2):  # the first time compiles, the second one tells the speed
            for position in _WARM_UP:
                for limits in _WARM_UP_LIMITS:
                    self._warm_up(options, position, limits)
            self._lag = 0.0
        # What is loaded stays: the collector need not look at it in the middle of a game.
        gc.collect()
        gc.freeze()

    def _warm_up(self, options: Options, position: str, limits: Limits) -> None:
        game, going = PlacedGame(), Going(limits)
        game.place(position.split())
        quick = replace(
            options, nodes_limit=0, hash_mb=_WARM_UP_MEGABYTES, multi_pv=2, pv_interval=20
        )
        self.think(game, quick, going, lambda _: None)
        look_for_mate(game, quick, Going(Limits(mate=0)), lambda _: None)

    def think(self, game: PlacedGame, options: Options, going: Going, say: Say) -> str:
        """Search until it is enough, and wait until an answer is wanted.

        If the search fails, what it has found before is played, or else the first legal move.

        Args:
            game: Where it stands.
            options: As they are set.
            going: What is asked for.
            say: Gets reports.

        Returns:
            What follows ``bestmove``: a move, perhaps with the reply to ponder on, ``resign`` or
            ``win``.
        """
        board = game.board
        rules = game.rules(options.max_ply, declaration=options.declaration)
        legal = board.legal_moves
        if not legal or (rules.declaration and board.can_declare_win()):
            going.wait_until_wanted()
            return "win" if legal else "resign"
        is_white, is_forced = board.turn == WHITE, len(legal) == 1
        thought = Thought(options, going, board.ply, is_white, is_forced)
        try:
            self._search(board, rules, thought, say)
        except FAILURES as error:
            say(f"info string Error: {error}")
        going.wait_until_wanted()
        return thought.answer() if thought.lines else legal[0].usi()

    def _search(self, board: Board, rules: Rules, thought: Thought, say: Say) -> None:
        settings = self._settings(thought)
        thought.may_decide_early = settings.method == "puct"
        thought.speed, thought.lag = self._speeds[settings.method], self._lag
        search = Search(self._evaluator.for_search(), self._evaluator.settled(settings))
        trees = search.begin(board.standing(rules))
        allowed = _actions_of(board, thought.going.limits.searchmoves, say)
        if allowed:
            keep_actions(trees.found().tree, 0, allowed)
        try:
            _grow(trees, thought, say)
        finally:
            # What had been found before a failure stands.
            thought.take(trees.found(), 0)
            thought.report(say, last=True)
        self._speeds[settings.method], self._lag = thought.speed, thought.lag

    def _settings(self, thought: Thought) -> SearchSettings:
        """The settings of a search that has room for what it may come to."""
        nodes, allotment = thought.most_nodes, thought.allotment
        is_endless = allotment is None or thought.going.limits.ponder
        given = self._given
        if given is None:
            endless = is_endless and not thought.counts_nodes
            given = SearchSettings(method=ENDLESS_METHOD if endless else CLOCKED_METHOD)
        if allotment is not None and not is_endless:
            promised = int(self._speeds[given.method] * allotment.wanted)
            if given.method == "puct":
                promised = int(_SPARE * self._speeds["puct"] * allotment.most) + _LEAST_SPARE
            nodes = max(min(nodes, promised), 1)
            most = int(_MATE_SHARE * _MATE_SPEED * allotment.wanted)
            given = replace(given, mate_nodes=min(given.mate_nodes, most))
        if thought.going.limits.searchmoves:
            given = replace(given, mate_nodes=0)  # the mate might begin with another move
        temperature = thought.options.softmax_temperature / 100 or None
        return replace(given, nodes=nodes, temperature=temperature)


def _grow(trees: Trees, thought: Thought, say: Say) -> None:
    """Simulate until it is enough."""
    portion = _FIRST_PORTION
    while True:
        began = time.monotonic()
        made = trees.simulate(portion)
        took = time.monotonic() - began
        thought.lag = max(took, _LAG_FADES * thought.lag)
        if not thought.take(trees.found(), made) or thought.is_over():
            break
        thought.report(say)
        seconds = max(min(_PORTION_SECONDS, thought.seconds_left), _LEAST_PORTION_SECONDS)
        portion = max(1, min(int(portion * seconds / took), 2 * portion, _MOST_A_PORTION))


def _actions_of(board: Board, texts: Sequence[str], say: Say) -> list[int]:
    """The actions of ``searchmoves``; what is no legal move is complained of and left out."""
    actions: list[int] = []
    for text in texts:
        try:
            actions.append(action_from_move(board, Move.from_usi(text)))
        except (InvalidUsiError, IllegalMoveError) as error:
            say(f"info string Error: searchmoves: {error}")
    return actions


def _described(options: Options) -> PlayerDescription:
    """The player of the options, on their device.

    Raises:
        PlayerDescriptionError: It is none that looks ahead.
    """
    description = options.description
    if not description.is_policy:
        raise PlayerDescriptionError(
            f"player {shown(options.player)} does not look ahead; "
            "give keisei, a checkpoint or a run folder"
        )
    device = options.device
    if device == "cuda" and description.device.startswith("cuda"):
        device = description.device
    return replace(description, options={**description.options, "device": device})
