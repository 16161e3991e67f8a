"""What the server answers: the page, its files, and what is known of the runs."""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from importlib import resources

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from keisei.web.guard import Guard, RefusedError, known_hosts
from keisei.web.library import Library, UnknownRunError
from keisei.web.metric_words import metric_groups
from keisei.web.prepared import ASKED, PreparedGames
from keisei.web.run_answers import RunAnswers
from keisei.web.sprite import board_figures

_PAGES = ("runs", "run", "compare", "ladder", "play", "analysis")
_IMPORT = re.compile(rb'from "\./([a-z]+\.js)"')
_KINDS = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "json": "application/json",
    "svg": "image/svg+xml",
}


def build_app(library: Library, games: PreparedGames, host: str = "localhost") -> ASGIApp:
    """The server's application.

    Args:
        library: The runs that it shows.
        games: What answers on games.
        host: Address that it listens on, of which the names follow that it is asked for under.
    """
    files = _static_files()
    page = files.pop("page.html")
    fixed = {f"/static/{name}": (text, name.rpartition(".")[2]) for name, text in files.items()}
    for name in _PAGES:
        fixed["/" if name == "runs" else f"/{name}"] = (_page(page, name, files), "html")
    fixed["/static/figures.svg"] = (board_figures().encode(), "svg")
    fixed["/api/words"] = (json.dumps(metric_groups()).encode(), "json")
    runs = RunAnswers(library)
    routes = [
        *(Route(path, _fixed(body, kind)) for path, (body, kind) in fixed.items()),
        Route("/api/runs", runs.runs),
        Route("/api/run", runs.run),
        Route("/api/series", runs.series),
        Route("/api/ladders", runs.ladders),
        Route("/api/events", runs.events),
        Route("/api/players", runs.players),
        *(Route(f"/api/{name}", games.answer(name), methods=["POST"]) for name in ASKED),
    ]
    handlers = {RefusedError: _refused, UnknownRunError: _unknown}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), known_hosts(host))


async def _refused(_: Request, error: Exception) -> Response:
    return error.response() if isinstance(error, RefusedError) else JSONResponse({}, 500)


async def _unknown(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 404)


def _static_files() -> dict[str, bytes]:
    """The files of the page by their names; nothing else of the disk is ever served."""
    folder = resources.files("keisei.web") / "static"
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}


def _page(page: bytes, name: str, files: dict[str, bytes]) -> bytes:
    """The frame of a page that asks for all of its modules at once, not for one after the other."""
    modules = ["main.js", f"{name}.js"]
    for module in modules:
        found = [each.decode() for each in _IMPORT.findall(files[module])]
        modules += [each for each in found if each not in modules]
    links = "".join(f'<link rel="modulepreload" href="/static/{each}">\n' for each in modules)
    return page.replace(b"{modules}\n", links.encode()).replace(b"{page}", name.encode())


def _fixed(body: bytes, kind: str) -> Callable[[Request], Awaitable[Response]]:
    """Answers with what never changes while the server runs."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {"etag": tag, "cache-control": "no-cache"}

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=_KINDS[kind], headers=headers)

    return answer
