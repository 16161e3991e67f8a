"""``keisei-vec distil``."""

from pathlib import Path

from tests.cli.command_line import SMALL_RUN, assert_mistake, run

SMALL = (
    *("--rounds", "1", "--positions", "100", "--nodes", "4", "--passes", "1"),
    *("--batch-size", "64", "--held-out", "0.2", "--device", "cpu"),
    *("--set", "model.options.width=64", "--set", "env.num_envs=4", "--set", "env.max_plies=20"),
)


def test_a_run_is_distilled_into_a_policy_that_plays(tmp_path: Path) -> None:
    first, second = str(tmp_path / "a"), str(tmp_path / "b")
    words = (*SMALL_RUN, "--total-timesteps", "16", "--run-dir", first, "--quiet")
    assert run("train", *words).exit_code == 0
    result = run("distil", first, "--run-dir", second, *SMALL)
    assert result.exit_code == 0
    assert "Round 1 of 1: " in result.stdout
    assert "held-out moves" in result.stdout
    played = run("match", f"{second}?nodes=2", f"{first}?nodes=2", "--games", "2")
    assert played.exit_code == 0
    assert_mistake(run("distil", first, "--run-dir", second, *SMALL), "already holds a run")


def test_mistakes_are_one_sentence(tmp_path: Path) -> None:
    folder = ("--run-dir", str(tmp_path / "a"), *SMALL)
    assert_mistake(run("distil", str(tmp_path / "none"), *folder), "none")
    (tmp_path / "text").write_text("no policy")
    assert_mistake(run("distil", str(tmp_path / "text"), *folder), "text")
    assert_mistake(run("distil", "keisei", *folder, "--c-scale", "0"), "c_scale")
    assert not (tmp_path / "a").exists()
