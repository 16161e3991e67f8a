"""A checker for Gymnasium's vector environments, which Gymnasium itself does not have."""

from typing import Any

import numpy as np
from gymnasium.spaces.utils import is_space_dtype_shape_equiv
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from keisei.testing.batches import rows_alike, rows_differ
from keisei.testing.driver import Driver, Moment
from keisei.testing.report import Report, VectorEnvError, is_a

_SEEDS = 6
_EQUAL_STEPS = 4
"""Steps with the same actions in all games, after which games of different seeds should differ."""


def check_vector_env(
    env: VectorEnv[Any, Any, Any], *, num_steps: int = 300, seed: int = 0, views: bool = False
) -> list[str]:
    """Check that a vector environment keeps to Gymnasium's contract; it is closed afterwards.

    Looked at are the declared spaces and the autoreset mode; shapes, types and bounds of all that
    reset and step return, NaN included; infos with their masks; seeds; what happens where games
    end, by the declared mode; partial resets; arrays that later calls overwrite; action masks,
    from ``action_masks()`` of the unwrapped environment or the entry "action_mask" of the
    observations, by which actions are sampled; frames; and closing.

    Args:
        env: The environment. It may have been used before.
        num_steps: Steps of random play; games should end within them.
        seed: Of the games and the actions.
        views: The environment says that later calls overwrite the arrays that it has returned.

    Returns:
        Remarks on what is no fault and yet worth knowing.

    Raises:
        VectorEnvError: When there are faults; it lists all of them. An error that the environment
            raises ends the check and is listed as well.

    Examples:
        >>> import gymnasium
        >>> env = gymnasium.make_vec("CartPole-v1", 3, vectorization_mode="vector_entry_point")
        >>> check_vector_env(env)
        ["reset(options={'reset_mask': ...}) began all games; only the mode Disabled needs it.", \
'closed is False after close().']
    """
    report = Report()
    try:
        _check(env, report, num_steps, seed, views=views)
    except VectorEnvError:
        raise
    except Exception as error:
        report.wants(False, "error", f"{type(error).__name__}: {error}")  # noqa: FBT003
        raise VectorEnvError(report.findings) from error
    if report.findings:
        raise VectorEnvError(report.findings)
    return report.remarks


def _check(env: Any, report: Report, num_steps: int, seed: int, *, views: bool) -> None:
    driver = Driver(env, report, _declared_mode(env, report), views=views)
    moments = _rollout(driver, seed, [None] * num_steps)
    if not any((each.terminations | each.truncations).any() for each in moments):
        report.remark(
            f"No game ended within {num_steps} steps, so nothing is known of the autoreset mode; "
            "give a larger num_steps or shorter games."
        )
    report.wants(
        not driver.begun_anew or any(driver.begun_anew),
        "autoreset",
        f"The mode is {driver.mode.value}, but the observations where the next games should begin "
        "were always those of the games that had ended.",
    )
    _check_determinism(driver, moments, seed)
    if driver.mode == AutoresetMode.NEXT_STEP:
        _check_ignored_actions(driver, moments, seed)
    _check_seeds(driver, seed)
    _check_partial_reset(driver, seed)
    _check_frames(env, report)
    env.close()
    env.close()
    if not env.unwrapped.closed:
        report.remark("closed is False after close().")


def _declared_mode(env: Any, report: Report) -> AutoresetMode:
    """The autoreset mode that the environment names; look at its spaces on the way."""
    report.needs(
        is_a(env.num_envs, int) and env.num_envs > 0,
        "num_envs",
        f"It is {env.num_envs!r}, not a number from 1.",
    )
    for name in ("observation", "action"):
        single, batched = getattr(env, f"single_{name}_space"), getattr(env, f"{name}_space")
        report.needs(
            is_space_dtype_shape_equiv(batch_space(single, env.num_envs), batched),
            "spaces",
            f"{name}_space is {batched}, which is not {env.num_envs} times {single}.",
        )
    named = env.metadata.get("autoreset_mode")
    report.wants(
        is_a(named, AutoresetMode),
        "metadata",
        f"metadata['autoreset_mode'] is {named!r}, no member of gymnasium.vector.AutoresetMode.",
    )
    if named is None:
        return AutoresetMode.NEXT_STEP  # which is what Gymnasium's own wrappers then take it for
    mode = AutoresetMode(named)
    attribute = getattr(env.unwrapped, "autoreset_mode", mode)
    report.wants(
        AutoresetMode(attribute) == mode,
        "metadata",
        f"metadata name the autoreset mode {mode.value}, the attribute autoreset_mode {attribute}.",
    )
    return mode


def _rollout(driver: Driver, seed: int, played: list[Any]) -> list[Moment]:
    """Play from a seed the actions given, random ones in place of None."""
    driver.begin(seed)
    moments: list[Moment] = []
    for actions in played:
        if driver.mode == AutoresetMode.DISABLED and driver.over.any():
            _reset_some(driver, driver.over)
        moments.append(driver.step(driver.sample() if actions is None else actions))
    return moments


def _check_determinism(driver: Driver, moments: list[Moment], seed: int) -> None:
    """Look at whether the same seed and actions give the same again."""
    space = driver.env.observation_space
    again = _rollout(driver, seed, [each.actions for each in moments])
    for number, (first, second) in enumerate(zip(moments, again, strict=True)):
        same = not rows_differ(space, first.before, second.before, driver.num_envs).any()
        same &= not rows_differ(space, first.obs, second.obs, driver.num_envs).any()
        for one, other in zip(first[4:], second[4:], strict=True):
            same &= np.array_equal(one, other, equal_nan=True)
        if not driver.report.wants(
            same,
            "seeding",
            f"reset(seed={seed}) and the same actions gave something else from step {number} on.",
        ):
            return


def _check_ignored_actions(driver: Driver, moments: list[Moment], seed: int) -> None:
    """Look at whether the step that begins a game ignores its action (NextStep)."""
    found = [number for number, each in enumerate(moments) if each.waiting.any()][:3]
    for number in found:
        moment = moments[number]
        other = driver.env.action_space.sample()
        if not is_a(moment.actions, np.ndarray) or driver.report.has("seeding"):
            return
        changed = moment.actions.copy()
        changed[moment.waiting] = other[moment.waiting]
        earlier = [each.actions for each in moments[:number]]
        last = _rollout(driver, seed, [*earlier, changed])[-1]
        differ = rows_differ(driver.env.observation_space, moment.obs, last.obs, driver.num_envs)
        driver.report.wants(
            not differ[moment.waiting].any(),
            "autoreset",
            "The step after a game's end depends on its action; in the mode NextStep that step "
            "only begins the next game.",
        )


def _after_equal_steps(driver: Driver, seed: int | None) -> Any:
    """Observations a few steps after a reset, with the same actions in all games."""
    driver.reset(seed=seed)
    single = driver.env.single_action_space
    single.seed(0)
    for _ in range(_EQUAL_STEPS):
        masks = driver.masks()
        action = np.asarray(single.sample())
        if masks is not None:
            common = masks.all(axis=0)
            if not common.any():
                break
            action = common.argmax() + single.start
        if driver.over.any() or not is_a(driver.env.action_space.sample(), np.ndarray):
            break
        driver.step(np.stack([action] * driver.num_envs).astype(driver.env.action_space.dtype))
    return driver.obs


def _check_seeds(driver: Driver, seed: int) -> None:
    """Look at whether seeds make games differ: from seed to seed, game to game, reset to reset."""
    space, num_envs = driver.env.observation_space, driver.num_envs

    def differ(batches: list[Any]) -> bool:
        return any(rows_differ(space, batches[0], each, num_envs).any() for each in batches[1:])

    seeded = [_after_equal_steps(driver, seed + number) for number in range(_SEEDS)]
    if not differ(seeded):
        return  # nothing random to be seeded, or not within these few steps
    driver.report.wants(
        num_envs == 1 or not all(rows_alike(space, each) for each in seeded),
        "seeds of games",
        "With one seed all games are alike, though they differ from seed to seed.",
    )
    later = [_after_equal_steps(driver, seed)]
    later += [_after_equal_steps(driver, None) for _ in range(_SEEDS)]
    driver.report.wants(
        differ(later),
        "seeding",
        "reset() without a seed begins the games of the last seed again, each time.",
    )


def _reset_some(driver: Driver, mask: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    """Begin some games, and look at whether those and no others begin."""
    report, before = driver.report, driver.obs
    wanted = mask.copy()
    options = {"reset_mask": mask}
    infos = driver.reset(options=options)
    if "reset_mask" not in options:
        report.remark(
            "reset takes 'reset_mask' out of the options; wrappers around it, such as "
            "RecordEpisodeStatistics, then take the reset for one of all games."
        )
    report.wants(
        np.array_equal(mask, wanted) and options.get("reset_mask", mask) is mask,
        "options",
        "reset changed the mask in the options that it was given.",
    )
    changed = rows_differ(driver.env.observation_space, before, driver.obs, driver.num_envs)
    if driver.mode == AutoresetMode.DISABLED:
        report.wants(
            not changed[~wanted].any(),
            "reset_mask",
            f"Games {np.flatnonzero(changed & ~wanted).tolist()} began though only "
            f"{np.flatnonzero(wanted).tolist()} were marked.",
        )
    elif changed[~wanted].any():
        report.remark(
            "reset(options={'reset_mask': ...}) began all games; only the mode Disabled needs it."
        )
        return
    report.wants(
        changed[wanted].any() or not wanted.any(),
        "reset_mask",
        f"The games {np.flatnonzero(wanted).tolist()}, which were marked, stayed as they were.",
    )
    for name, part in infos.items():
        report.wants(
            not name.startswith("_") or not part[~wanted].any(),
            "infos",
            f"After a partial reset {name!r} marks games that did not begin.",
        )


def _check_partial_reset(driver: Driver, seed: int) -> None:
    """Look at a reset of every second game, and at a step after it."""
    driver.begin(seed)
    for _ in range(3):
        if not driver.over.any():
            driver.step(driver.sample())
    mask = np.arange(driver.num_envs) % 2 == 0
    _reset_some(driver, mask | driver.over)
    driver.step(driver.sample())


def _check_frames(env: Any, report: Report) -> None:
    """Look at whether each game is drawn."""
    if env.render_mode in (None, "human"):
        return
    frames = env.render()
    report.wants(
        is_a(frames, tuple, list) and len(frames) == env.num_envs,
        "render",
        f"It gave {type(frames).__name__}, not one frame for each of {env.num_envs} games.",
    )
