"""Answers to what is asked of games and of players."""

from collections.abc import Callable
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from keisei.search.settings import SearchSettingsError
from keisei.shogi.constants import START_SFEN
from keisei.web.games import (
    Situation,
    describe,
    describe_opinion,
    open_text,
    player_names,
    read_situation,
    texts_of,
)
from keisei.web.guard import RefusedError, read_json
from keisei.web.library import Library
from keisei.web.minds import GoesOn, Minds
from keisei.web.work import MOST_PLIES, Work

_CANDIDATES = 5
_FIRST: tuple[dict[str, Any], ...] = tuple(
    {"moves": ["7g7f"], "player": {"name": name, **more}}
    for name, more in (
        ("keisei", {"nodes": 200}),
        ("keisei", {}),
        ("greedy", {}),
        ("random", {}),
        ("keisei", {"sampled": True}),
        ("keisei", {"seconds": 0.01}),
    )
)
"""What a first visitor may want, the most probable first."""


class GameAnswers:
    """Answers what is asked of games, each of which comes whole with its request."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._minds = Minds(library)
        # Of short and of long work, so that a move is answered while others search.
        self._quick, self._work = Work(4, 400), Work()
        self._is_ready = False

    def warm_up(self) -> None:
        """Compile what moves and opinions need, by making and having some."""
        for each in _FIRST:
            situation, wanted = (
                read_situation({"start": START_SFEN, **each}),
                self._minds.wanted(each),
            )
            describe(situation)
            self._minds.answer(wanted, situation, _always)
            if wanted.path is not None:
                self._opinions(each, situation, [len(situation.record.moves)], _always)
        self._is_ready = True

    async def game(self, request: Request) -> Response:
        """A game as it stands."""
        asked = await read_json(request)

        def work(_: GoesOn) -> dict[str, Any]:
            with_positions = asked.get("positions") is True
            told = describe(read_situation(asked), with_positions=with_positions)
            return {**told, "ready": self._is_ready}

        return JSONResponse(await self._quick.do(request, work))

    async def move(self, request: Request) -> Response:
        """A player's move, or that it declares its win."""
        asked = await read_json(request)

        def work(goes_on: GoesOn) -> dict[str, Any]:
            wanted, situation = self._minds.wanted(asked), read_situation(asked)
            move = self._minds.answer(wanted, situation, goes_on)
            return {"move": move, "declares": move is None}

        return JSONResponse(await self._searched(request, work))

    async def thoughts(self, request: Request) -> Response:
        """What a player thinks of where a game stands."""
        asked = await read_json(request)

        def work(goes_on: GoesOn) -> dict[str, Any]:
            situation = read_situation(asked)
            if situation.is_over:
                raise RefusedError("the game is over", 422)
            return self._opinions(asked, situation, [len(situation.record.moves)], goes_on)[0]

        return JSONResponse(await self._searched(request, work))

    async def judge(self, request: Request) -> Response:
        """What a player thinks of positions of a game, named by their plies in ``plies``."""
        asked = await read_json(request)

        def work(goes_on: GoesOn) -> list[dict[str, Any]]:
            situation = read_situation(asked)
            return self._opinions(asked, situation, _plies(asked, situation), goes_on)

        return JSONResponse(await self._searched(request, work))

    async def record(self, request: Request) -> Response:
        """A game in KIF, CSA and as a line of USI."""
        asked = await read_json(request)

        def work(_: GoesOn) -> dict[str, str]:
            return texts_of(read_situation(asked), player_names(asked))

        return JSONResponse(await self._quick.do(request, work))

    async def open(self, request: Request) -> Response:
        """The game of a text."""
        asked = await read_json(request)
        return JSONResponse(await self._quick.do(request, lambda _: open_text(asked)))

    def _opinions(
        self, asked: dict[str, Any], situation: Situation, plies: list[int], goes_on: GoesOn
    ) -> list[dict[str, Any]]:
        wanted, record = self._minds.wanted(asked), situation.record
        opinions = self._minds.opinions(wanted, situation, plies, _CANDIDATES, goes_on)
        told: list[dict[str, Any]] = []
        for ply, opinion in zip(plies, opinions, strict=True):
            described = describe_opinion(opinion, record.start, record.moves[:ply])
            if ply < len(record.moves):
                described["played"] = opinion.probabilities.get(record.moves[ply])
            told.append(described)
        return told

    async def _searched(self, request: Request, work: Callable[[GoesOn], Any]) -> Any:
        try:
            return await self._work.do(request, work)
        except SearchSettingsError as error:
            raise RefusedError(str(error), 422) from None


def _always() -> bool:
    return True


def _plies(asked: dict[str, Any], situation: Situation) -> list[int]:
    """The positions that are asked about.

    Raises:
        RefusedError: They are none of the game, or it is over there.
    """
    given = asked.get("plies")
    last = len(situation.record.moves) - situation.is_over
    if not isinstance(given, list) or not 0 < len(cast(list[Any], given)) <= MOST_PLIES:
        raise RefusedError(f"plies is a list of up to {MOST_PLIES} numbers of moves")
    plies = cast(list[Any], given)
    if not all(isinstance(ply, int) and 0 <= ply <= last for ply in plies):
        raise RefusedError(f"plies are numbers from 0 to {last} in this game")
    return plies
