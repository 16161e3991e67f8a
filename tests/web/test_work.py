"""The line of those who wait for a search."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from starlette.requests import Request

from keisei.web.guard import RefusedError
from keisei.web.work import Work


def of_a_visitor(leaves: asyncio.Event) -> Request:
    async def receive() -> dict[str, str]:
        await leaves.wait()
        return {"type": "http.disconnect"}

    return Request({"type": "http"}, receive)


def test_who_waits_in_line_and_leaves_makes_room() -> None:
    released, begun = threading.Event(), threading.Event()

    def search(_: Callable[[], bool]) -> str:
        begun.set()
        assert released.wait(60)
        return "7g7f"

    async def visit() -> None:
        work = Work(1, 1)
        stays, leaves = asyncio.Event(), asyncio.Event()
        first = asyncio.create_task(work.do(of_a_visitor(stays), search))
        assert await asyncio.to_thread(begun.wait, 60)
        second = asyncio.create_task(work.do(of_a_visitor(leaves), search))
        await asyncio.sleep(0)
        with pytest.raises(RefusedError, match="too many searches"):
            await work.do(of_a_visitor(stays), search)
        leaves.set()
        async with asyncio.timeout(10):
            with pytest.raises(RefusedError, match="the visitor left"):
                await second
        assert work.present == 1
        released.set()
        assert await first == "7g7f"
        assert work.present == 0

    try:
        asyncio.run(visit())
    finally:
        released.set()
