"""Who may ask the server, and for what."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.web.folders import make_run
from tests.web.server import Visitor, serving

PATHS = ("/", "/run?run=a", "/api/runs", "/api/run?run=a", "/static/main.js", "/static/figures.svg")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with another run beside it."""
    place = tmp_path_factory.mktemp("guarded")
    make_run(place / "outside")
    make_run(place / "runs" / "a")
    return place / "runs"


@pytest.fixture(scope="module")
def visitor(root: Path) -> Generator[Visitor]:
    """Of a server of these runs."""
    with serving(root) as found:
        yield found


@pytest.mark.parametrize("path", PATHS)
def test_the_page_itself_may_ask(visitor: Visitor, path: str) -> None:
    for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"):
        headers = {"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"}
        answer = visitor.ask(path, headers=headers)
        assert answer.status == 200, host
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "localhost.evil.example:8000"},
        {"host": "127.0.0.1.evil.example"},
        {"host": ""},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "https://localhost:8000"},
        {"origin": "http://localhost:8001"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
    ],
)
def test_others_may_not(visitor: Visitor, path: str, headers: dict[str, str]) -> None:
    answer = visitor.ask(path, headers=headers)
    assert answer.status == 403
    assert answer.json().keys() == {"error"}


def test_a_link_on_another_page_may_lead_here(visitor: Visitor) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert visitor.ask("/", headers=headers).status == 200


def test_a_server_for_all_networks_is_asked_by_number_not_by_strangers_names(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, "0.0.0.0") as visitor:
        for host, status in (("192.168.1.7:8000", 200), ("[fe80::1]", 200), ("evil.example", 403)):
            assert visitor.ask("/api/runs", headers={"host": host}).status == status


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "../outside",
        "a/../../outside",
        "/etc",
        "a/",
        "./a",
        "a\x00",
        "a/checkpoints",
        "..%2foutside",
        "%2e%2e/outside",
        "x" * 5000,
        "",
    ],
)
@pytest.mark.parametrize("path", ["/api/run", "/api/series", "/api/events"])
def test_names_lead_out_of_the_folder_nowhere(visitor: Visitor, path: str, name: str) -> None:
    answer = visitor.ask(path, {"run": name})
    assert answer.status in (400, 404)
    assert answer.json().keys() == {"error"}


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/%2e%2e/cli/main.py",
        "/static//etc/passwd",
        "/static/",
        "/static/page.html/../../guard.py",
        "/../../etc/passwd",
        "//etc/passwd",
    ],
)
def test_paths_lead_to_the_files_of_the_page_alone(visitor: Visitor, path: str) -> None:
    assert visitor.ask(path).status == 404


def test_nothing_can_be_changed_by_other_methods(root: Path, visitor: Visitor) -> None:
    before = sorted(path.stat().st_mtime_ns for path in root.rglob("*"))
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        for path in PATHS:
            assert visitor.ask(path, method=method, body={}).status == 405
    assert sorted(path.stat().st_mtime_ns for path in root.rglob("*")) == before


def test_no_file_of_the_page_names_a_place_elsewhere() -> None:
    folder = Path(__file__).parents[2] / "keisei" / "web" / "static"
    files = [path for path in folder.iterdir() if path.is_file()]
    assert len(files) > 5
    for path in files:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//cdn" not in text
        assert "http:" not in text, path.name
        assert "https:" not in text, path.name
