"""Driving a vector environment while looking at all that it gives."""

import copy
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from keisei.testing.batches import arrays_of, check_contained, game_of, rows_differ
from keisei.testing.report import Report, is_a
from keisei.testing.results import check_finals, check_infos, check_results


@runtime_checkable
class _HasActionMasks(Protocol):
    def action_masks(self) -> NDArray[np.bool_]:
        """Legal actions, bool [N, A]."""
        ...


class Moment(NamedTuple):
    """One step, in copies.

    Attributes:
        actions: What was played.
        waiting: bool [N], games that had ended before and had not begun anew.
        before: The observations before the step.
        obs: Those after it.
        rewards: [N].
        terminations: [N].
        truncations: [N].
    """

    actions: Any
    waiting: NDArray[np.bool_]
    before: Any
    obs: Any
    rewards: NDArray[Any]
    terminations: NDArray[Any]
    truncations: NDArray[Any]


class Driver:
    """Resets and steps an environment, and notes what is wrong with what comes back.

    Attributes:
        env: The environment.
        report: Where findings go.
        mode: Its autoreset mode.
        num_envs: N.
        obs: The present observations, a copy.
        over: bool [N], games that ended and have not begun anew.
        begun_anew: For each end of a game, whether the observations of the next game were seen
            where the mode wants them: other ones than the final ones.
    """

    def __init__(self, env: Any, report: Report, mode: AutoresetMode, *, views: bool) -> None:
        self.env = env
        self.report = report
        self.mode = mode
        self.num_envs: int = env.num_envs
        self.obs: Any = None
        self.over = np.zeros(self.num_envs, np.bool_)
        self.begun_anew: list[bool] = []
        self._views = views
        self._held: list[tuple[str, Any, Any]] = []
        self._random = np.random.default_rng(0)

    def begin(self, seed: int) -> None:
        """Begin all games from a seed, and the sampling of actions with them."""
        self._random = np.random.default_rng(seed)
        self.env.action_space.seed(seed)
        self.reset(seed=seed)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Begin games; the infos."""
        result = self.env.reset(seed=seed, options=options)
        self.report.needs(
            is_a(result, tuple) and len(result) == 2,
            "reset",
            f"It gave a {type(result).__name__} instead of (observations, infos).",
        )
        obs, infos = result
        self._take(obs, {})
        check_infos(self.report, self.num_envs, infos)
        marked = None if options is None else options.get("reset_mask")
        self.over = self.over & ~marked if marked is not None else np.zeros_like(self.over)
        return infos

    def step(self, actions: Any) -> Moment:
        """Play one step."""
        before, waiting = self.obs, self.over
        result = self.env.step(actions)
        self.report.needs(
            is_a(result, tuple) and len(result) == 5,
            "step",
            f"It gave a {type(result).__name__}, not (observations, rewards, terminations, "
            "truncations, infos).",
        )
        obs, rewards, terminations, truncations, infos = result
        check_results(
            self.report,
            self.num_envs,
            rewards=rewards,
            terminations=terminations,
            truncations=truncations,
        )
        check_infos(self.report, self.num_envs, infos)
        results = {"rewards": rewards, "terminations": terminations, "truncations": truncations}
        self._take(obs, results)
        ended = (terminations != 0) | (truncations != 0)
        self._look_at_ends(infos, ended, waiting, before, rewards)
        return Moment(
            copy.deepcopy(actions),
            waiting,
            before,
            self.obs,
            rewards.copy(),
            terminations.copy(),
            truncations.copy(),
        )

    def sample(self) -> Any:
        """Random actions, legal where the environment has masks."""
        masks = self.masks()
        if masks is None:
            return self.env.action_space.sample()
        drawn = (self._random.random(masks.shape) * masks).argmax(axis=1)
        return drawn + self.env.single_action_space.start

    def masks(self) -> NDArray[np.bool_] | None:
        """Legal actions, bool [N, A], of an environment that has masks."""
        space, single = self.env.single_observation_space, self.env.single_action_space
        if not is_a(single, spaces.Discrete):
            return None
        shown = masks = None
        if is_a(space, spaces.Dict) and "action_mask" in space.spaces:
            shown = masks = self.obs["action_mask"]
        if is_a(self.env.unwrapped, _HasActionMasks):
            masks = self.env.unwrapped.action_masks()
        if masks is None:
            return None
        shape = (self.num_envs, int(single.n))
        self.report.needs(
            np.shape(masks) == shape,
            "action_mask",
            f"The masks have shape {np.shape(masks)}, not {shape}.",
        )
        self.report.wants(
            shown is None or np.array_equal(masks, shown),
            "action_mask",
            "action_masks() and the action_mask of the observations differ.",
        )
        bare = ~masks.any(axis=1) & ~self.over
        self.report.wants(
            not bare.any(),
            "action_mask",
            f"Game {int(bare.argmax())} goes on without a legal action.",
        )
        return masks.astype(np.bool_)

    def _take(self, obs: Any, results: dict[str, Any]) -> None:
        """Look at new observations, and at whether the arrays given before are still the same."""
        for name, array, kept in self._held:
            self.report.wants(
                self._views or np.array_equal(array, kept, equal_nan=array.dtype.kind == "f"),
                "copies",
                f"{name} was overwritten by the next call: give copies, or document the views and "
                "check with views=True.",
            )
        check_contained(self.report, self.env.observation_space, obs)
        self._held = [(name, array, array.copy()) for name, array in results.items()]
        self._hold(self.env.observation_space, obs, "obs")
        self.obs = copy.deepcopy(obs)

    def _hold(self, space: Any, obs: Any, name: str) -> None:
        """Remember arrays that the next call must leave alone."""
        self._held += [
            (part, array, array.copy()) for part, _, array in arrays_of(space, obs, name)
        ]

    def _look_at_ends(
        self,
        infos: dict[str, Any],
        ended: NDArray[np.bool_],
        waiting: NDArray[np.bool_],
        before: Any,
        rewards: NDArray[Any],
    ) -> None:
        """Look at games that ended in this step or before it, as the mode wants them."""
        self.over = ended
        if self.mode == AutoresetMode.SAME_STEP:
            self.over = np.zeros_like(ended)
            single, batched = self.env.single_observation_space, self.env.observation_space
            for game, final in check_finals(self.report, single, infos, ended).items():
                self._hold(single, final, "final_obs")
                parts = [array for _, _, array in arrays_of(single, final)]
                new = game_of(batched, self.obs, game)
                pairs = zip(parts, new, strict=True)
                self.begun_anew.append(not all(np.array_equal(*pair) for pair in pairs))
            return
        self.report.wants(
            "final_obs" not in infos,
            "autoreset",
            f"infos hold final_obs, as in the mode SameStep; the mode is {self.mode.value}.",
        )
        if self.mode == AutoresetMode.NEXT_STEP:
            idle = not rewards[waiting].any() and not ended[waiting].any()
            self.report.wants(
                idle,
                "autoreset",
                "The step after a game's end rewarded or ended it; in the mode NextStep that step "
                "only begins the next game.",
            )
            changed = rows_differ(self.env.observation_space, before, self.obs, self.num_envs)
            self.begun_anew += changed[waiting].tolist()
