"""The frame of a run: folders that are refused, records, seeds, log, signals."""

import json
import os
import signal
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from keisei.config_file import load_config
from keisei.config_schema import AppConfig, SessionConfig
from keisei.files import UnwritableError
from keisei.rl.ranks import Ranks
from keisei.training.session_manager import RunFolderError, Seeds, SessionManager
from tests.disks import largest_file


def config_in(run_dir: Path | None) -> AppConfig:
    return AppConfig(session=SessionConfig(run_dir=run_dir))


def test_nothing_is_written_before_open(tmp_path: Path) -> None:
    SessionManager(config_in(tmp_path / "a"))
    assert list(tmp_path.iterdir()) == []


def test_an_open_run_folder_holds_log_and_records(tmp_path: Path) -> None:
    config = config_in(tmp_path / "deep" / "a")
    session = SessionManager(config)
    session.open()
    session.logger.info("hello %d", 3)
    session.write_records()
    session.close()
    run_dir = tmp_path / "deep" / "a"
    assert sorted(path.name for path in run_dir.iterdir()) == [
        "checkpoints",
        "config.toml",
        "environment.json",
        "run.lock",
        "train.log",
    ]
    assert (run_dir / "train.log").read_text().endswith(" INFO hello 3\n")
    assert load_config(run_dir / "config.toml") == config
    record = json.loads((run_dir / "environment.json").read_text())
    assert record["cpus"] == os.cpu_count()
    assert record["torch"].startswith("2.")


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    session = SessionManager(config_in(tmp_path / "a" / "b"))
    with pytest.raises(RunFolderError, match=r"run folder '.*a/b' cannot be written: Not a dir"):
        session.open()


def test_a_name_that_no_folder_can_have_is_refused(tmp_path: Path) -> None:
    session = SessionManager(config_in(tmp_path / (300 * "a")))
    with pytest.raises(RunFolderError, match="cannot be written: File name too long"):
        session.open()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o500)
    with pytest.raises(RunFolderError, match="cannot be written: Permission denied"):
        SessionManager(config_in(tmp_path / "a")).open()


def test_a_folder_that_holds_a_run_is_refused_unless_it_goes_on(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    checkpoint = tmp_path / "checkpoints" / "checkpoint-000000000000.pt"
    checkpoint.touch()
    with pytest.raises(RunFolderError, match="already holds a run; go on with --resume latest"):
        SessionManager(config_in(tmp_path)).open()
    for resume in ("latest", checkpoint, str(checkpoint)):
        session = SessionManager(config_in(tmp_path), resume=resume)
        session.open()
        session.close()


def test_a_run_cannot_branch_off_into_a_folder_that_holds_another(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n')
    with pytest.raises(RunFolderError, match="already holds a run"):
        SessionManager(config_in(tmp_path), resume="elsewhere/checkpoints/a.pt").open()


def test_a_folder_where_a_run_never_began_can_be_used(tmp_path: Path) -> None:
    for _ in range(2):
        session = SessionManager(config_in(tmp_path))
        session.open()
        session.write_records()
        session.close()


def test_resuming_where_there_is_no_run_is_refused_and_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="holds no checkpoint to resume"):
        SessionManager(config_in(tmp_path / "a"), resume="latest").open()
    assert not (tmp_path / "a").exists()


def test_latest_needs_a_run_folder() -> None:
    with pytest.raises(RunFolderError, match="--resume latest needs --run-dir"):
        SessionManager(config_in(None), resume="latest")


def test_a_checkpoint_names_its_run_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "checkpoints" / "checkpoint-000000000000.pt"
    assert SessionManager(config_in(None), resume=path).run_dir == tmp_path / "a"


def test_a_new_run_without_a_folder_gets_one_by_the_time() -> None:
    run_dir = SessionManager(config_in(None)).run_dir
    assert run_dir.parent == Path("runs")
    assert run_dir.name[:2] == "20"


def test_seeds_follow_from_the_seed_and_differ() -> None:
    seeds = Seeds.of(7)
    assert seeds == Seeds.of(7)
    numbers = [getattr(s, name) for s in (seeds, Seeds.of(8)) for name in vars(seeds)]
    assert len(set(numbers)) == 10


def test_log_lines_are_echoed_without_time_and_traceback(tmp_path: Path) -> None:
    session = SessionManager(config_in(tmp_path))
    session.open()
    shown: list[str] = []
    session.echo(shown.append)
    try:
        raise ValueError("bad")
    except ValueError:
        session.logger.exception("it broke")
    session.close()
    assert shown == ["it broke"]
    assert "ValueError: bad" in (tmp_path / "train.log").read_text()


def test_a_log_that_cannot_be_written_is_said_once_and_ends_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    session = SessionManager(config_in(tmp_path))
    session.open()
    shown: list[str] = []
    session.echo(shown.append)
    session.logger.info("before")
    with largest_file(60):
        for number in range(3):
            session.logger.info("line %d", number)
        session.close()
    assert shown == [
        "before",
        f"cannot write '{tmp_path / 'train.log'}': File too large",
        "line 0",
        "line 1",
        "line 2",
    ]
    assert "before" in (tmp_path / "train.log").read_text()
    assert capfd.readouterr().err == ""


def test_records_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    session = SessionManager(config_in(tmp_path))
    session.open()
    with (
        largest_file(60),
        pytest.raises(UnwritableError, match=r"config\.toml': File too large$"),
    ):
        session.write_records()
    session.close()
    assert not list(tmp_path.glob("*.t*ml*"))


def test_two_sessions_do_not_share_a_log(tmp_path: Path) -> None:
    with ExitStack() as stack:
        for name in ("a", "b"):
            session = SessionManager(config_in(tmp_path / name))
            session.open()
            stack.callback(session.close)
            session.logger.info("in %s", name)
    assert "in b" not in (tmp_path / "a" / "train.log").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_becomes_a_request_and_handlers_are_put_back(
    tmp_path: Path, number: signal.Signals
) -> None:
    session = SessionManager(config_in(tmp_path))
    before = signal.getsignal(number)
    reasons: list[str] = []
    with session.signals(reasons.append):
        signal.raise_signal(number)
        assert reasons == [number.name]
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_interrupts_at_once(tmp_path: Path) -> None:
    session = SessionManager(config_in(tmp_path))
    reasons: list[str] = []
    with session.signals(reasons.append):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert reasons == ["SIGINT"]


def test_a_ctrl_c_that_reaches_one_of_several_ranks_twice_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranks = Ranks()
    ranks.size = 2
    session = SessionManager(config_in(tmp_path), ranks=ranks)
    reasons: list[str] = []
    with session.signals(reasons.append):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert reasons == ["SIGINT", "SIGINT"]
        later = time.monotonic() + 2
        monkeypatch.setattr(time, "monotonic", lambda: later)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_ranks_draw_from_streams_of_their_own_and_have_the_others_in_common() -> None:
    first, second, third = (Seeds.of(7, rank) for rank in range(3))
    assert first == Seeds.of(7)
    assert len({each.agent for each in (first, second, third)}) == 3
    assert len({each.seating for each in (first, second, third)}) == 3
    assert replace(second, agent=first.agent, seating=first.seating) == first
    assert Seeds.of(7, 1, begin=64).agent != second.agent


def test_handlers_are_put_back_after_an_error(tmp_path: Path) -> None:
    session = SessionManager(config_in(tmp_path))
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError, match="bad"), session.signals(lambda _: None):
        raise ValueError("bad")
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.SIG_IGN])
def test_the_end_of_the_terminal_is_a_reason_to_stop_but_not_under_nohup(
    tmp_path: Path, before: signal.Handlers
) -> None:
    session = SessionManager(config_in(tmp_path))
    reasons: list[str] = []
    found = signal.signal(signal.SIGHUP, before)
    try:
        with session.signals(reasons.append):
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is before
    finally:
        signal.signal(signal.SIGHUP, found)
    assert reasons == (["SIGHUP"] if before is signal.SIG_DFL else [])
