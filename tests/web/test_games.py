"""Games over the server: what a visitor may ask, and what is refused."""

import socket
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from keisei.evaluation.kif import HANDICAPS
from keisei.shogi import Board
from keisei.web import work
from keisei.web.guard import MOST_BODY
from tests.web.folders import START, make_run
from tests.web.server import Answer, Visitor, serving

BOX = {"name": "keisei"}
MATE = "k8/9/K8/9/9/9/9/9/9 b G 1"
CYCLE = ["5i5h", "5a5b", "5h5i", "5b5a"] * 3
CHECKS = ["5a4a", "5c4c", "4a5a", "4c5c"]
DECLARES = "4K4/9/9/9/9/9/+r+r+b+bgggg1/4k1ss1/9 w 3p 1"


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Generator[Visitor]:
    root = tmp_path_factory.mktemp("runs")
    checkpoint = make_run(root / "a") / "checkpoints" / "best.pt"
    checkpoint.write_bytes(b"no checkpoint")
    with serving(root) as found:
        yield found


def post(visitor: Visitor, name: str, **asked: Any) -> Answer:
    body: dict[str, Any] = {"start": START, "moves": [], "player": BOX, **asked}
    return visitor.ask(f"/api/{name}", method="POST", body=body)


def told(visitor: Visitor, name: str, **asked: Any) -> Any:
    answer = post(visitor, name, **asked)
    assert answer.status == 200, answer.text
    return answer.json()


def refused(visitor: Visitor, name: str, status: int, part: str, **asked: Any) -> None:
    answer = post(visitor, name, **asked)
    assert answer.status == status, answer.text
    assert part in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


def test_a_game_is_told_as_it_stands(visitor: Visitor) -> None:
    state = told(visitor, "game", moves=["7g7f", "3c3d"], positions=True)
    board = Board()
    board.push_usi("7g7f")
    board.push_usi("3c3d")
    assert state["sfen"] == board.sfen()
    assert state["legal"] == [move.usi() for move in board.legal_moves]
    assert (state["turn"], state["last"], state["check"], state["end"]) == (0, "3c3d", None, None)
    assert state["names"] == ["▲７六歩(77)", "△３四歩(33)"]
    assert len(state["positions"]) == 3


@pytest.mark.parametrize(
    ("asked", "winner", "words"),
    [
        ({"start": MATE, "moves": ["G*9b"]}, 0, "Checkmate (詰み): Black wins"),
        ({"moves": CYCLE}, None, "Fourth occurrence of a position (千日手): a draw"),
        ({"moves": ["7g7f"], "end": "resignation"}, 0, "Resignation (投了): Black wins"),
        ({"start": DECLARES, "end": "declaration"}, 1, "Declaration (入玉宣言): White wins"),
        ({"moves": ["7g7f", "3c3d"], "cap": 2}, None, "Cut off at the ply cap: nobody wins"),
        (
            {"start": "4k4/9/R8/9/9/9/9/9/4K4 b - 1", "moves": ["9c5c", *CHECKS * 3]},
            1,
            "Perpetual check (連続王手の千日手) loses: White wins",
        ),
    ],
)  # fmt: skip
def test_the_end_is_told_in_words(
    visitor: Visitor, asked: dict[str, Any], winner: int | None, words: str
) -> None:
    state = told(visitor, "game", **asked)
    assert (state["end"]["winner"], state["end"]["words"]) == (winner, words)
    assert state["legal"] == []


def test_check_is_told_by_the_square_of_the_king(visitor: Visitor) -> None:
    assert told(visitor, "game", start="4k4/9/4G4/9/9/9/9/4R4/4K4 w - 1")["check"] is None
    assert told(visitor, "game", start="4k4/4G4/9/9/9/9/9/4R4/4K4 w - 1")["check"] == 36


@pytest.mark.parametrize("player", [BOX, {"name": "keisei", "nodes": 30}, {"name": "greedy"},
                                    {"name": "random"}, {"name": "keisei", "sampled": True},
                                    {"name": "keisei", "seconds": 0.05}])  # fmt: skip
def test_each_player_answers_with_a_legal_move(visitor: Visitor, player: dict[str, Any]) -> None:
    answer = told(visitor, "move", moves=["7g7f"], player=player)
    assert not answer["declares"]
    told(visitor, "game", moves=["7g7f", answer["move"]])


def test_a_player_mates_and_declares(visitor: Visitor) -> None:
    player = {"name": "keisei", "nodes": 30}
    move = told(visitor, "move", start=MATE, player=player)["move"]
    assert told(visitor, "game", start=MATE, moves=[move])["end"]["kind"] == "CHECKMATE"
    assert told(visitor, "move", start=DECLARES) == {"move": None, "declares": True}


def test_thoughts_are_told_with_names_and_lines(visitor: Visitor) -> None:
    plain = told(visitor, "thoughts", moves=["7g7f"])
    assert len(plain["candidates"]) == 5
    assert plain["candidates"][0]["name"].startswith("△")
    assert plain["candidates"][0]["visits"] is None
    deep = told(visitor, "thoughts", start=HANDICAPS["二枚落ち"], player={**BOX, "nodes": 50})
    assert deep["candidates"][0]["visits"] > 0
    assert deep["candidates"][0]["line"][0] == deep["candidates"][0]["name"]


def test_positions_of_a_game_are_judged_together(visitor: Visitor) -> None:
    moves = ["7g7f", "3c3d"]
    first, second, last = told(visitor, "judge", moves=moves, plies=[0, 1, 2])
    assert first["played"] == pytest.approx(
        next(each["probability"] for each in first["candidates"] if each["move"] == "7g7f")
    )
    assert "played" not in last
    alone = told(visitor, "thoughts", moves=moves[:1])
    assert second["value"] == pytest.approx(alone["value"], abs=1e-5)


def test_games_are_saved_and_opened(visitor: Visitor) -> None:
    moves = ["7g7f", "3c3d", "8h2b+"]
    texts = told(visitor, "record", moves=moves, end="resignation", black="a\nb", white="c" * 99)
    for text in texts.values():
        again = told(visitor, "open", text=text)
        assert (again["start"], again["moves"]) == (START, moves)
    assert told(visitor, "open", text=texts["kif"])["end"]["winner"] == 0
    assert "先手：a b\n" in texts["kif"]


def test_moves_out_of_turn_and_other_nonsense_are_refused(visitor: Visitor) -> None:
    for moves in (["3c3d"], ["7g7f", "2g2f"], ["7g7e"], ["P*5e"], ["8h2b+"]):
        refused(visitor, "game", 422, f"move {len(moves)}", moves=moves)
        refused(visitor, "move", 422, f"move {len(moves)}", moves=moves)
    refused(visitor, "game", 422, "fourth time", moves=[*CYCLE, "7g7f"])
    refused(visitor, "game", 422, "is not a square", moves=["zz7f"])
    refused(visitor, "game", 422, "USI move", moves=[7])
    refused(visitor, "game", 400, "2000 moves", moves=["5i5h"] * 2001)
    refused(visitor, "game", 400, "list", moves={})
    refused(visitor, "game", 422, "SFEN", start="nonsense")
    refused(visitor, "game", 400, "SFEN", start="9" * 1000)
    refused(visitor, "game", 400, "cap", cap=10**9)
    refused(visitor, "game", 400, "end", end="victory")
    refused(visitor, "game", 422, "declare", end="declaration")
    refused(visitor, "move", 422, "over", moves=CYCLE)
    refused(visitor, "thoughts", 422, "over", start=MATE, moves=["G*9b"])
    refused(visitor, "judge", 400, "plies", plies=[])
    refused(visitor, "judge", 400, "plies", plies=[1])
    refused(visitor, "judge", 400, "plies", plies=[0] * 65)
    refused(visitor, "open", 400, "text", text=7)


@pytest.mark.parametrize(
    ("player", "part"),
    [
        ("keisei", "player"),
        ({"name": "usi:rm?nodes=1"}, "no player"),
        ({"name": "../../policy.safetensors"}, "no player"),
        ({"name": "/etc/passwd"}, "no player"),
        ({"name": "keisei?nodes=9999999"}, "no player"),
        ({"name": 7}, "name"),
        ({"run": "a", "name": "../config.toml"}, "no checkpoint"),
        ({"run": "a", "name": "config.toml"}, "no checkpoint"),
        ({"run": "a", "name": "best.pt"}, "cannot be loaded"),
        ({"run": "..", "name": "best.pt"}, "no run"),
        ({"name": "keisei", "nodes": 10**9}, "nodes"),
        ({"name": "keisei", "nodes": -1}, "nodes"),
        ({"name": "keisei", "seconds": 10**6}, "seconds"),
        ({"name": "keisei", "seconds": -1}, "seconds"),
    ],
)
def test_players_that_are_none_are_refused(visitor: Visitor, player: Any, part: str) -> None:
    answer = post(visitor, "move", player=player)
    assert 400 <= answer.status < 500
    assert part in answer.json()["error"]


@pytest.mark.parametrize("name", ["random", "greedy"])
def test_players_without_an_opinion_say_so(visitor: Visitor, name: str) -> None:
    refused(visitor, "thoughts", 422, "no opinion", player={"name": name})


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"start": "\\ud800"}', "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b"{}", "", 415),
    ],
)
def test_what_is_no_json_object_is_refused(
    visitor: Visitor, body: bytes, kind: str, status: int
) -> None:
    headers = {"content-type": kind}
    answer = visitor.ask("/api/game", method="POST", body=body, headers=headers)
    assert answer.status == status
    assert answer.json().keys() == {"error"}


def test_ten_megabytes_are_refused_before_they_have_come(visitor: Visitor) -> None:
    with closing(HTTPConnection("127.0.0.1", visitor.port, timeout=20)) as connection:
        connection.putrequest("POST", "/api/game", skip_host=True)
        connection.putheader("host", f"localhost:{visitor.port}")
        connection.putheader("content-type", "application/json")
        connection.putheader("content-length", str(10_000_000))
        connection.endheaders()
        # Half of it never comes.
        for _ in range(80):
            connection.send(b" " * 65_536)
        with connection.getresponse() as response:
            assert response.status == 413
            assert "bytes" in response.read().decode()
    assert told(visitor, "game")["turn"] == 0
    exactly = b'{"text": "' + b"x" * (MOST_BODY + 1) + b'"}'
    assert visitor.ask("/api/open", method="POST", body=exactly).status == 413


def test_foreign_pages_cannot_post(visitor: Visitor) -> None:
    for headers in ({"origin": "http://evil.example"}, {"host": "evil.example"}):
        answer = visitor.ask("/api/game", method="POST", body={}, headers=headers)
        assert answer.status == 403


def test_two_hundred_visitors_ask_at_once(visitor: Visitor) -> None:
    with ThreadPoolExecutor(200) as pool:
        asked = [pool.submit(post, visitor, "game", moves=["7g7f"]) for _ in range(200)]
        answers = [each.result() for each in asked]
    assert {answer.status for answer in answers} == {200}
    assert told(visitor, "game")["turn"] == 0


def test_searches_wait_in_line_and_more_than_the_line_takes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[int] = []
    most: list[int] = []
    released = threading.Event()
    lock = threading.Lock()

    def slow(*_: Any) -> str:
        with lock:
            running.append(1)
            most.append(len(running))
        assert released.wait(20)
        with lock:
            running.pop()
        return "7g7f"

    monkeypatch.setattr("keisei.web.minds.Minds.answer", slow)
    monkeypatch.setattr(work, "_WAITING", 3)
    with serving(tmp_path) as visitor, ThreadPoolExecutor(12) as pool:
        answers = [pool.submit(post, visitor, "move") for _ in range(12)]
        while sum(answer.done() for answer in answers) < 7:
            time.sleep(0.01)
        assert visitor.told("/api/runs") == []
        released.set()
        statuses = sorted(answer.result().status for answer in answers)
    assert statuses == [200] * 5 + [503] * 7
    assert max(most) == 2


def test_a_search_ends_when_its_visitor_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = threading.Event()
    begun = threading.Event()

    def endless(_: Any, __: Any, ___: Any, goes_on: Any) -> str:
        begun.set()
        end = time.monotonic() + 20
        while goes_on() and time.monotonic() < end:
            time.sleep(0.01)
        left.set()
        return "7g7f"

    monkeypatch.setattr("keisei.web.minds.Minds.answer", endless)
    with serving(tmp_path) as visitor:
        body = b'{"start": "%s", "moves": [], "player": {"name": "keisei"}}' % START.encode()
        with socket.create_connection(("127.0.0.1", visitor.port)) as connection:
            head = (
                f"POST /api/move HTTP/1.1\r\nHost: localhost:{visitor.port}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode() + body)
            assert begun.wait(20)
        assert left.wait(10)
