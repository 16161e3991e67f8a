"""The callbacks that come with a run, in the order that they need."""

from contextlib import ExitStack

from keisei.config_schema import AppConfig
from keisei.rl.ranks import Ranks
from keisei.training.callbacks import Callback, CheckpointCallback, MetricsWriterCallback
from keisei.training.evaluation_callback import EvaluationCallback
from keisei.training.model_manager import load_policy
from keisei.training.session_manager import SessionManager
from keisei.training.watch import CollapseWatch
from keisei.training.writers import Writer, build_writers


def build_callbacks(
    stack: ExitStack,
    config: AppConfig,
    session: SessionManager,
    watch: CollapseWatch,
    ranks: Ranks,
    global_timestep: int,
) -> list[Callback]:
    """What adds to a row of metrics, what judges it, what writes it, what saves behind it.

    Args:
        stack: Closes the writers.
        config: Settings of the run.
        session: Its folder and seeds.
        watch: The watch over it.
        ranks: Its processes; the first one alone writes.
        global_timestep: Where it begins; what was written past that is dropped.

    Raises:
        ConfigError: An opponent of the matches cannot be used.
        WriterError: A writer of metrics cannot start.
    """
    writers: list[Writer] = []

    def open_writers() -> None:
        settings = config.model_dump(mode="json")
        writers.extend(
            build_writers(config.session.writers, session.run_dir, settings, step=global_timestep)
        )

    ranks.on_first(open_writers)
    for writer in writers:
        stack.callback(writer.close)
    callbacks: list[Callback] = []
    if config.evaluation.every_updates:
        seed, opponents = session.seeds.evaluation, config.evaluation.opponents
        # The first one plays the matches; the machines of others need no engines.
        callbacks.append(ranks.on_first(lambda: EvaluationCallback(seed, opponents, load_policy)))
    callbacks += [watch, MetricsWriterCallback(writers)]
    callbacks.append(CheckpointCallback(config.session.checkpoint_every))
    return callbacks
