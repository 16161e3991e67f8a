"""The loop on small fakes: order, updates when due, hooks, stops, failures, resume, one ending."""

from typing import cast

import pytest
from typing_extensions import override

from keisei.training.callbacks import Callback, RunView
from tests.training.fakes import Rig


def test_a_short_run_from_start_to_end() -> None:
    rig = Rig(total_timesteps=16)
    rig.loop.run()
    assert rig.events == [
        "screen on",
        "hook start 0",
        "step", "show", "hook step 4",
        "step", "show", "hook step 8",
        "step", "update 12", "hook update(loss 12) 12", "show", "hook step 12",
        "step", "show", "hook step 16",
        "hook end 16",
        "finalise",
        "screen off",
    ]  # fmt: skip
    assert rig.loop.stop_reason is None
    assert rig.trainer.finalised == [(16, True)]


def test_updates_come_exactly_when_a_rollout_is_full() -> None:
    rig = Rig(total_timesteps=60)
    rig.loop.run()
    updates = [event for event in rig.events if event.startswith("update")]
    assert updates == [f"update {plies}" for plies in (12, 24, 36, 48, 60)]


def test_a_total_between_two_steps_is_reached_by_a_whole_step() -> None:
    rig = Rig(total_timesteps=17)
    rig.loop.run()
    assert rig.loop.global_timestep == 20
    assert rig.stepper.steps == 5


def test_progress_is_shown_after_each_step() -> None:
    rig = Rig(total_timesteps=8)
    rig.loop.run()
    assert [progress.global_timestep for progress in rig.screen.shown] == [4, 8]


def test_callbacks_run_in_their_order() -> None:
    rig = Rig(total_timesteps=12, callbacks=3)
    rig.loop.run()
    for hook in ("start", "update", "end"):
        called = [event.split()[0] for event in rig.events if f" {hook}" in event]
        assert called == ["hook", "other", "third"]
    assert rig.count("other step") == 3


def test_a_callback_can_save_between_steps() -> None:
    rig = Rig(total_timesteps=12)
    rig.callbacks[0].save_at = 8
    rig.loop.run()
    place = rig.events.index("save 8")
    assert rig.events[place - 1] == "hook step 8"
    assert rig.events[place + 1] == "step"


def test_a_callbacks_request_ends_the_run_after_the_iteration() -> None:
    rig = Rig(total_timesteps=1000, callbacks=2)
    rig.callbacks[0].stop_at = 12
    rig.loop.run()
    assert rig.events[-5:] == [
        "other step 12", "hook end 12", "other end 12", "finalise", "screen off",
    ]  # fmt: skip
    assert rig.loop.stop_reason == "enough"
    assert rig.trainer.finalised == [(12, True)]


def test_the_first_reason_to_stop_is_kept() -> None:
    rig = Rig(total_timesteps=8)
    rig.loop.request_stop("SIGTERM")
    rig.loop.request_stop("SIGINT")
    rig.loop.run()
    assert rig.loop.stop_reason == "SIGTERM"
    assert rig.stepper.steps == 0
    assert rig.trainer.finalised == [(0, True)]


def test_a_run_goes_on_from_the_timestep_of_its_trainer() -> None:
    # Resumed at 8 with two of three steps of a rollout in the buffer.
    rig = Rig(total_timesteps=20, begin=8)
    rig.trainer.experience_buffer.plies = 8
    rig.loop.run()
    updates = [event for event in rig.events if event.startswith("update")]
    assert updates == ["update 12"]
    assert rig.events[1] == "hook start 8"
    assert rig.stepper.steps == 3
    assert rig.trainer.finalised == [(20, True)]


def test_a_complete_run_resumed_plays_nothing_and_is_finalised() -> None:
    rig = Rig(total_timesteps=12, begin=12)
    rig.loop.run()
    assert rig.events == ["screen on", "hook start 12", "hook end 12", "finalise", "screen off"]


def test_keyboard_interrupt_ends_the_run_in_order() -> None:
    rig = Rig(total_timesteps=1000)
    rig.stepper.fails_at_step[3] = KeyboardInterrupt()
    rig.loop.run()
    assert rig.loop.stop_reason == "KeyboardInterrupt"
    assert rig.events[-3:] == ["hook end 8", "finalise", "screen off"]
    # It struck within a step, so what the trainer holds must not become a checkpoint.
    assert rig.trainer.finalised == [(8, False)]


def test_an_exception_is_logged_with_its_traceback_and_raised_again() -> None:
    rig = Rig(total_timesteps=1000)
    rig.stepper.fails_at_step[2] = ArithmeticError("seven")
    with pytest.raises(ArithmeticError, match="seven"):
        rig.loop.run()
    errors = [record for record in rig.log if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert errors[0].exc_info is not None
    assert errors[0].exc_info[0] is ArithmeticError
    assert rig.events[-3:] == ["hook end 4", "finalise", "screen off"]
    assert rig.trainer.finalised == [(4, False)]


def test_an_update_that_fails_leaves_no_whole_state() -> None:
    rig = Rig(total_timesteps=1000)
    rig.trainer.fails_in_update = RuntimeError("loss is not finite")
    with pytest.raises(RuntimeError, match="not finite"):
        rig.loop.run()
    assert rig.trainer.finalised == [(12, False)]


@pytest.mark.parametrize("hook", ["start", "step", "update(loss 12)"])
def test_a_hook_that_fails_ends_a_run_whose_state_is_whole(hook: str) -> None:
    rig = Rig(total_timesteps=1000, callbacks=2)
    rig.callbacks[0].fail_in = hook
    with pytest.raises(RuntimeError, match="hook fails"):
        rig.loop.run()
    assert rig.count("finalise") == 1
    assert rig.trainer.finalised[0][1] is True


def test_a_hook_that_fails_at_the_end_stops_neither_the_others_nor_the_finale() -> None:
    rig = Rig(total_timesteps=4, callbacks=3)
    rig.callbacks[0].fail_in = "end"
    with pytest.raises(RuntimeError, match="hook fails in end"):
        rig.loop.run()
    assert rig.events[-5:] == [
        "hook end 4", "other end 4", "third end 4", "finalise", "screen off",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "failure", [None, KeyboardInterrupt(), ValueError("bad"), SystemExit(3), MemoryError()]
)
def test_every_ending_finalises_exactly_once(failure: BaseException | None) -> None:
    rig = Rig(total_timesteps=24)
    if failure is not None:
        rig.stepper.fails_at_step[4] = failure
    if failure is None or isinstance(failure, KeyboardInterrupt):
        rig.loop.run()
    else:
        with pytest.raises(type(failure)):
            rig.loop.run()
    assert rig.count("finalise") == 1
    assert rig.count("hook end") == 1
    assert rig.count("screen off") == 1


@pytest.mark.parametrize("failure", [ArithmeticError("no screen"), KeyboardInterrupt()])
def test_a_screen_that_cannot_be_taken_leaves_a_finalised_run(failure: BaseException) -> None:
    rig = Rig(total_timesteps=24, callbacks=2)
    rig.screen.fails_on_entering = failure
    if isinstance(failure, KeyboardInterrupt):
        rig.loop.run()
    else:
        with pytest.raises(ArithmeticError, match="no screen"):
            rig.loop.run()
    assert rig.events == ["hook end 0", "other end 0", "finalise"]
    assert rig.trainer.finalised == [(0, True)]


@pytest.mark.parametrize("line", ["Training from", "Training failed", "Training ends"])
def test_a_log_that_fails_leaves_a_finalised_run(line: str) -> None:
    rig = Rig(total_timesteps=24)
    rig.fail_to_log = line
    rig.callbacks[0].fail_in = "step"
    with pytest.raises((RuntimeError, OSError)) as raised:
        rig.loop.run()
    assert rig.events[-3:-1] == [f"hook end {rig.loop.global_timestep}", "finalise"]
    assert rig.count("finalise") == rig.count("hook end") == 1
    failures = [raised.value, raised.value.__context__]
    assert any("the log is full" in str(each) for each in failures)


def test_an_exit_in_a_hook_or_at_the_end_finalises_once() -> None:
    for hook in ("start", "update(loss 12)", "end"):
        rig = Rig(total_timesteps=24)
        rig.callbacks[0].fail_in, rig.callbacks[0].failure = hook, SystemExit(3)
        with pytest.raises(SystemExit):
            rig.loop.run()
        assert rig.count("finalise") == 1
        assert rig.count("hook end") == 1


class Curing(Callback):
    """Says that a failed update is cured."""

    @override
    def on_update_failed(self, run: RunView, error: FloatingPointError) -> bool:
        assert run.go_back(run.global_timestep, 0.5) is None
        return "not finite" in str(error)


def test_a_failed_update_that_a_callback_cures_does_not_end_the_run() -> None:
    rig = Rig(total_timesteps=16)
    rig.trainer.fails_in_update = FloatingPointError("loss is not finite")
    cast(list[Callback], rig.callbacks).append(Curing())
    rig.loop.run()
    assert rig.trainer.went_back == [(12, 0.5)]
    assert rig.trainer.finalised == [(16, True)]
    assert rig.count("hook update") == 0
    assert rig.count("hook step") == 4


def test_a_failed_update_that_nobody_cures_ends_the_run() -> None:
    rig = Rig(total_timesteps=16)
    rig.trainer.fails_in_update = FloatingPointError("loss is not finite")
    with pytest.raises(FloatingPointError):
        rig.loop.run()
    assert rig.trainer.finalised == [(12, False)]
