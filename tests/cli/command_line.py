"""The command line as the tests call it."""

from typer.testing import CliRunner, Result

from keisei.cli.main import app
from tests.training.runs import SMALL


def run(*words: str) -> Result:
    """Run ``keisei-vec`` in this process; exceptions that are no mistakes come through."""
    return CliRunner().invoke(app, words, prog_name="keisei-vec", catch_exceptions=False)


def assert_mistake(result: Result, *parts: str) -> None:
    """Check for exit code 2 and one sentence on standard error that holds all parts."""
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Error: ")
    for part in parts:
        assert part in lines[0]


_SIZES = (
    "--num-envs", "4",
    "--device", "cpu",
    "--set", "training.num_steps=4",
    "--set", "training.num_minibatches=2",
    "--set", "env.max_plies=20",
    "--set", "env.random_opening_share=0",
    "--set", "session.checkpoint_every=2",
    "--set", "evaluation.every_updates=2",
    "--set", "evaluation.num_games=2",
)  # fmt: skip
SMALL_RUN = (*_SIZES, "--set", "model.options.width=64")
"""Options of a run whose updates take a moment: 16 plies a rollout."""
LIGHT_RUN = (*_SIZES, "--set", f"model.network={SMALL}")
"""The same with a network that costs nothing, and that only the process of the tests knows."""
