"""Events: what changes is told, and who is slow or gone holds nothing."""

import socket
import time
from pathlib import Path

import pytest

from keisei.web import events
from tests.web.folders import make_run, row, write_rows
from tests.web.server import events_of, serving


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_SECONDS", 0.05)


def test_a_run_that_grows_is_told_without_being_asked(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    with serving(tmp_path) as visitor, visitor.begin_stream("run=a") as stream:
        assert "text/event-stream" in events_of(stream, '"step": 500.0')
        write_rows(folder, row(600))
        told = events_of(stream, '"step": 600.0')
        assert "event: moments" in told


def test_a_new_run_is_told_to_the_list(tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    with serving(tmp_path) as visitor, visitor.begin_stream() as stream:
        events_of(stream, '"run": "a"')
        make_run(tmp_path / "b")
        events_of(stream, '"run": "b"')


def test_two_hundred_visitors_at_once_are_all_told(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    with serving(tmp_path) as visitor:
        streams = [visitor.begin_stream("run=a") for _ in range(200)]
        try:
            for stream in streams:
                events_of(stream, '"step": 500.0')
            write_rows(folder, row(600))
            for stream in streams:
                events_of(stream, '"step": 600.0')
            assert visitor.told("/api/runs")[0]["step"] == 600
        finally:
            for stream in streams:
                stream.close()


def test_more_streams_than_the_limit_are_refused_and_those_that_end_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path / "a")
    monkeypatch.setattr("keisei.web.run_answers._MOST_STREAMS", 2)
    with serving(tmp_path) as visitor:
        first, second = visitor.begin_stream(), visitor.begin_stream()
        events_of(first, "event")
        events_of(second, "event")
        refusal = visitor.ask("/api/events")
        assert refusal.status == 503
        assert "try again later" in refusal.json()["error"]
        first.close()
        end = time.monotonic() + 10
        while True:
            with visitor.begin_stream() as third:
                if b" 200 " in third.recv(1 << 12):
                    break
            assert time.monotonic() < end
        second.close()


def test_who_takes_nothing_is_dropped_and_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(200):
        make_run(tmp_path / f"{'long' * 50}{number}", 1)
    monkeypatch.setattr("keisei.web.run_answers._MOST_STREAMS", 1)
    monkeypatch.setattr(events, "_SEND_SECONDS", 0.5)
    with serving(tmp_path) as visitor, visitor.begin_stream(room=2048) as slow:
        assert b" 200 " in slow.recv(40)
        end = time.monotonic() + 20
        step = 100
        while visitor.ask("/api/events?run=none").status == 404:
            step += 100
            write_rows(tmp_path / f"{'long' * 50}0", row(step))
            assert visitor.told("/api/series", run=f"{'long' * 50}0")["lines"] == step // 100
            with visitor.begin_stream() as other:
                if b" 200 " in other.recv(40):
                    return
            assert time.monotonic() < end


def test_a_server_that_ends_ends_its_streams_without_complaints(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path) as visitor:
        stream = visitor.begin_stream()
        events_of(stream, "event: runs")
    with stream:
        rest = b""
        while piece := stream.recv(1 << 12):
            rest += piece
        assert rest.endswith(b"0\r\n\r\n")
    assert capfd.readouterr().err.count("Traceback") == 0


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n"])
def test_a_request_that_does_not_come_to_an_end_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr("keisei.web.serving._HEAD_SECONDS", 0.3)
    with serving(tmp_path) as visitor, visitor.begin_stream() as stream:
        with socket.create_connection(("127.0.0.1", visitor.port), timeout=20) as connection:
            whole = f"GET /api/runs HTTP/1.1\r\nHost: localhost:{visitor.port}\r\n\r\n"
            connection.sendall(whole.encode())
            told = connection.recv(1 << 12)
            connection.sendall(begun)
            while piece := connection.recv(1 << 12):
                told += piece
            assert told.startswith(b"HTTP/1.1 200 ")
            assert told.count(b"HTTP/1.1") == 1
        # Streams are requests that have come to their end, and stay.
        make_run(tmp_path / "a")
        events_of(stream, '"run": "a"')
