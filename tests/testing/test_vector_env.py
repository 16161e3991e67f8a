"""The checker of vector environments: it finds planted faults and passes sound ones."""

from typing import Any

import gymnasium
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from keisei.testing import VectorEnvError, check_vector_env
from keisei.vec import OpponentVectorEnv, ShogiVectorEnv
from tests.testing.walks import Walks

MODES = ["SameStep", "NextStep", "Disabled"]
FAULTS_IN_ALL_MODES = {
    "space of more games": "spaces",
    "no mode": "metadata",
    "mode as text": "metadata",
    "no infos": "reset",
    "a key missing": "obs",
    "obs of another shape": "obs",
    "obs as a list": "obs",
    "float64": "dtype",
    "NaN": "nan",
    "out of bounds": "bounds",
    "obs overwritten": "copies",
    "rewards overwritten": "copies",
    "four results": "step",
    "whole rewards": "rewards",
    "rewards of another shape": "rewards",
    "reward of all": "rewards",
    "NaN rewards": "rewards",
    "flags of numbers": "truncations",
    "one flag": "truncations",
    "infos as a list": "infos",
    "no mask in infos": "infos",
    "mask of numbers in infos": "infos",
    "short infos": "infos",
    "reset infos of all": "infos",
    "seed not looked at": "seeding",
    "noise": "seeding",
    "always the same seed": "seeding",
    "one seed for all": "seeds of games",
    "mask written to": "options",
    "resets none": "reset_mask",
    "nothing legal": "action_mask",
    "masks differ": "action_mask",
    "mask of all": "error",
    "a frame missing": "render",
    "closes once": "error",
}
FAULTS_IN_ONE_MODE = {
    ("Disabled", "resets all"): "reset_mask",
    ("Disabled", "begins at once"): "autoreset",
    ("Disabled", "other mode"): "autoreset",
    ("NextStep", "begins at once"): "autoreset",
    ("NextStep", "never begins"): "autoreset",
    ("NextStep", "rests not"): "autoreset",
    ("NextStep", "reward at rest"): "autoreset",
    ("SameStep", "no final_obs"): "final_obs",
    ("SameStep", "final of None"): "final_obs",
    ("SameStep", "final mask wrong"): "final_obs",
    ("SameStep", "final of another type"): "dtype",
    ("SameStep", "final_obs overwritten"): "copies",
    ("SameStep", "final of the next game"): "autoreset",
    ("SameStep", "other mode"): "autoreset",
}


def _first_fault(env: Any, **settings: Any) -> str:
    """The rule that a faulty environment breaks; what else is found follows from it."""
    with pytest.raises(VectorEnvError) as caught:
        check_vector_env(env, **settings)
    findings = caught.value.findings
    assert str(caught.value).splitlines()[1:] == [f"  {each[0]}: {each[1]}" for each in findings]
    return findings[0].rule


def _planted() -> list[Any]:
    """Faults and modes: each mode has its turn, and the other two of a fault are slow tests."""
    return [
        pytest.param(fault, mode, marks=[] if number % 3 == turn else pytest.mark.slow)
        for number, fault in enumerate(FAULTS_IN_ALL_MODES)
        for turn, mode in enumerate(MODES)
    ]


@pytest.mark.parametrize(("fault", "mode"), _planted())
def test_planted_faults_are_found(fault: str, mode: str) -> None:
    assert _first_fault(Walks(mode, fault), num_steps=24) == FAULTS_IN_ALL_MODES[fault]


@pytest.mark.parametrize(("mode", "fault"), list(FAULTS_IN_ONE_MODE))
def test_planted_faults_of_a_mode_are_found(fault: str, mode: str) -> None:
    assert _first_fault(Walks(mode, fault), num_steps=24) == FAULTS_IN_ONE_MODE[mode, fault]


def test_several_faults_are_listed_together() -> None:
    env: Any = Walks("Disabled", "one seed for all")
    env.render = lambda: ()
    with pytest.raises(VectorEnvError, match=r"^2 fault\(s\)") as caught:
        check_vector_env(env, num_steps=24)
    assert [finding.rule for finding in caught.value.findings] == ["seeds of games", "render"]


def test_an_error_of_the_environment_is_the_cause() -> None:
    with pytest.raises(VectorEnvError, match="error: ValueError: An action") as caught:
        check_vector_env(Walks("SameStep", "mask of all"))
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize(
    ("fault", "remark"),
    [
        ("mask taken out", "takes 'reset_mask' out"),
        ("resets all", "began all games"),
        ("", "no final_info"),
    ],
)
def test_remarks_on_what_is_allowed(fault: str, remark: str) -> None:
    remarks = check_vector_env(Walks("SameStep", fault), num_steps=24)
    assert sum(remark in text for text in remarks) == 1


def test_too_few_steps_are_remarked_on() -> None:
    remarks = check_vector_env(Walks("NextStep"), num_steps=5)
    assert [text for text in remarks if text.startswith("No game ended within 5 steps")]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("num_envs", [1, 2, 5])
def test_a_sound_environment_passes(num_envs: int, mode: str) -> None:
    env = Walks(mode, num_envs=num_envs)
    remarks = check_vector_env(env, num_steps=24)
    assert [text for text in remarks if "final_info" not in text] == []
    assert env.closed


def test_views_pass_if_they_are_announced() -> None:
    check_vector_env(Walks("SameStep", "obs overwritten"), num_steps=24, views=True)


def test_cart_poles_pass() -> None:
    check_vector_env(
        gymnasium.make_vec("CartPole-v1", num_envs=3, vectorization_mode="vector_entry_point")
    )


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_cart_poles_in_sync_pass(mode: AutoresetMode) -> None:
    check_vector_env(
        gymnasium.make_vec(
            "CartPole-v1",
            num_envs=3,
            vectorization_mode="sync",
            vector_kwargs={"autoreset_mode": mode},
        )
    )


SHOGI: dict[str, Any] = {"max_plies": 7, "render_mode": "ansi"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", ["dict", "box", "compact"])
@pytest.mark.parametrize("copy", [True, False])
def test_games_of_shogi_pass(form: str, mode: str, copy: bool) -> None:
    env = ShogiVectorEnv(3, obs=form, autoreset_mode=mode, copy=copy, **SHOGI)
    assert check_vector_env(env, num_steps=20, views=not copy) == []


def test_views_of_games_of_shogi_are_noticed() -> None:
    env = ShogiVectorEnv(2, copy=False, **SHOGI)
    assert _first_fault(env, num_steps=10) == "copies"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", ["dict", "box", "compact"])
@pytest.mark.parametrize("seats", ["random", "white"])
def test_games_against_an_opponent_pass(form: str, mode: str, seats: str) -> None:
    env = ShogiVectorEnv(3, obs=form, autoreset_mode=mode, **SHOGI)
    assert check_vector_env(OpponentVectorEnv(env, "random", seats), num_steps=20) == []


@pytest.mark.parametrize("mode", MODES)
def test_wrapped_games_pass(mode: str) -> None:
    env = RecordEpisodeStatistics(ShogiVectorEnv(3, autoreset_mode=mode, **SHOGI))
    check_vector_env(env, num_steps=20)
