"""``keisei-vec imitate``."""

from pathlib import Path

from tests.cli.command_line import SMALL_RUN, assert_mistake, run
from tests.imitation.games import random_game, write_usi

SMALL = ("--batch-size", "64", "--device", "cpu", "--set", "model.options.width=64")


def test_games_become_a_policy_that_a_run_begins_with(tmp_path: Path) -> None:
    write_usi(tmp_path / "games.usi", [random_game(seed, 9) for seed in range(20)])
    with (tmp_path / "games.usi").open("a") as file:
        file.write("startpos moves 1a1b\n")
    words = ("--held-out", "0.3", "--passes", "1", "--run-dir", str(tmp_path / "a"))
    result = run("imitate", str(tmp_path), *words, *SMALL)
    assert result.exit_code == 0
    assert "Skipped 1: a move is not legal (game 21 of " in result.stdout
    assert "20 games with 180 positions" in result.stdout
    assert "held-out moves" in result.stdout
    begun = ("--init", str(tmp_path / "a"), "--run-dir", str(tmp_path / "b"), "--quiet")
    trained = run("train", *SMALL_RUN, "--total-timesteps", "16", *begun)
    assert trained.exit_code == 0
    again = run("imitate", str(tmp_path / "games.usi"), *words, *SMALL)
    assert_mistake(again, "already holds a run")


def test_mistakes_are_one_sentence(tmp_path: Path) -> None:
    folder = ("--run-dir", str(tmp_path / "a"))
    assert_mistake(run("imitate", str(tmp_path / "none.usi"), *folder), "does not exist")
    assert_mistake(run("imitate", str(tmp_path), *folder), "no file of games")
    (tmp_path / "games.doc").touch()
    assert_mistake(run("imitate", str(tmp_path / "games.doc"), *folder), "has to end in .csa")
    assert not (tmp_path / "a").exists()
