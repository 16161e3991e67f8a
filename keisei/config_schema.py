"""The settings of a run: one frozen section a topic.

Sections refuse unknown keys and wrong types, and are never changed after they are built.
"""

from pathlib import Path
from typing import Annotated, Literal, Self, cast

import tomli_w
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

_LARGEST_INT = 2**63 - 1  # what TOML promises, and NumPy takes
PositiveInt = Annotated[int, Field(ge=1, le=_LARGEST_INT)]
Size = Annotated[int, Field(ge=1, le=999_999)]
"""Of what takes memory, or is counted as plies: SFEN numbers moves up to 999,999."""
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
PositiveFloat = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class ConfigError(ValueError):
    """A setting that cannot be used; the message is one sentence naming key, value and way out."""


class Section(BaseModel):
    """One topic of the settings: frozen, strictly typed, without unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        validate_default=True,
        use_attribute_docstrings=True,
    )


def _path_in_utf8(path: Path | None) -> Path | None:
    text = str(path)
    if "\0" in text or text != text.encode("utf-8", "replace").decode():
        raise ValueError(f"{text!r} is no path in UTF-8, as the settings are; choose another")
    return path


class EnvConfig(Section):
    """The games that are played at once."""

    num_envs: Size = 256
    """N, the games played side by side."""
    max_plies: Size = 512
    """A game that reaches this many plies is truncated."""
    declaration: Literal["auto", "off"] = "auto"
    """Whether a player who fulfils the 27-point rule wins at once."""
    num_threads: PositiveInt | None = None
    """Threads that step the games; one without a value. The games do not depend on it."""
    initial_sfens: tuple[str, ...] = Field(default=(), strict=False)
    """Positions to start games from; empty means the start position."""
    random_opening_share: Fraction = 0.9
    """Share of the games that begin with random plies, which are not learned from."""
    random_opening_plies: Size = 16
    """At most so many random plies; each number from 1 on is as likely."""


class TrainingConfig(Section):
    """Proximal policy optimisation: sizes, rates and numerics."""

    total_timesteps: PositiveInt = 30_000_000
    """Plies to play in the whole run, all games together."""
    num_steps: Size = 64
    """T, the vector steps of one rollout."""
    gamma: Fraction = 0.997
    """Discount a ply."""
    gae_lambda: Fraction = 0.9
    """Decay of the advantage estimate a ply."""
    learning_rate: PositiveFloat = 5e-4
    """Step size of Adam at the start."""
    lr_schedule: Literal["constant", "linear", "cosine"] = "cosine"
    """How the learning rate falls over the run."""
    lr_final_fraction: Fraction = 0.05
    """Where a falling learning rate ends, as a share of ``learning_rate``."""
    clip_coef: PositiveFloat = 0.2
    """How far a probability ratio may leave 1 before it is clipped."""
    vf_coef: NonNegativeFloat = 0.5
    """Weight of the value loss."""
    ent_coef: NonNegativeFloat = 0.01
    """Weight of the entropy bonus."""
    mate_coef: NonNegativeFloat = 1.0
    """Weight of the cross-entropy of mates in one: above 0 the learner plays each that there is,
    and learns it by that in the place of PPO."""
    max_grad_norm: PositiveFloat = 0.5
    """Gradients longer than this are scaled down to it."""
    update_epochs: PositiveInt = 2
    """Passes over each rollout."""
    ply_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """Share of the learned plies that each pass visits; below 1 they are drawn by their advantage,
    with weights that keep the means."""
    num_minibatches: PositiveInt = 4
    """Minibatches of one pass, when ``minibatch_size`` is not given."""
    minibatch_size: PositiveInt | None = None
    """Plies of one minibatch; overrides ``num_minibatches``."""
    target_kl: PositiveFloat | None = None
    """An update ends early when the approximate KL divergence passes this."""
    normalize_advantages: bool = True
    """Whether advantages get mean 0 and deviation 1 over the whole rollout."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Number format of the network's products and convolutions; "float32" is never TF32, and the
    last steps of both heads are float32 in any case."""
    compile: bool = False
    """Whether act and learn go through ``torch.compile``."""
    overlap: Literal["auto", "on", "off"] = "auto"
    """Whether one half of the games is stepped while the device thinks about the other; "auto" does
    so on a GPU with 1024 games or more, fewer do not keep it busy in halves."""


class OpponentsConfig(Section):
    """Games against earlier versions of the learner, from which only its own moves are learned."""

    share: Fraction = 0.0
    """Share of the games played against a snapshot; 0 keeps none."""
    active: PositiveInt = 2
    """Snapshots that play at a time; each costs a forward pass a step over its own games."""
    pool_size: PositiveInt = 12
    """Snapshots that are kept; when one too many enters, the easiest leaves."""
    hardness: NonNegativeFloat = 2.0
    """p in the weight (1 - score) ** p by which snapshots are drawn; 0 draws all alike."""
    games_per_draw: PositiveInt = 100
    """Games that an active snapshot begins before another one is drawn in its place."""
    enter_score: Fraction = 0.6
    """A snapshot of the learner enters when it scores so much against the pool ..."""
    enter_games: PositiveInt = 200
    """... over at least so many games since the last entry ..."""
    enter_updates: PositiveInt = 50
    """... and after so many updates at the latest."""

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        if self.pool_size <= self.active:
            raise ValueError(
                f"pool_size = {self.pool_size} must be larger than active = {self.active}, for "
                "active snapshots cannot leave the pool"
            )
        return self


class ModelConfig(Section):
    """Which network learns."""

    network: str = "embedding"
    """Name in the network registry: "embedding" (fast on CPUs) or "resnet"."""
    options: dict[str, bool | int | float | str] = Field(default_factory=dict)
    """Arguments of that network, for example its width."""
    init: Path | None = Field(default=None, strict=False)
    """Policy whose weights a new run begins with: a checkpoint, a policy.safetensors or a run
    folder, of the same kind of network; a larger one takes them where that is exact."""

    _check_init = field_validator("init", mode="after")(_path_in_utf8)


class SessionConfig(Section):
    """Where a run lives and what it runs on."""

    run_dir: Path | None = Field(default=None, strict=False)
    """Folder of the run; without one, ``runs/`` and the time of the start."""
    seed: Annotated[int, Field(ge=0, le=_LARGEST_INT)] = 0
    """Every random stream of the run follows from it."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network runs; "auto" takes CUDA when there is one."""
    torch_threads: Annotated[int, Field(ge=1, le=1024)] | None = 1
    """Threads of torch on the CPU, "none" lets torch choose; more than one pay on idle cores only,
    for on busy ones they wait for each other."""
    processes: PositiveInt = 1
    """K, processes that train together, each with its share of the games and a GPU of its own if
    there are GPUs; under ``torchrun`` its number of processes."""
    checkpoint_every: PositiveInt = 25
    """Updates between two checkpoints."""
    keep_checkpoints: PositiveInt = 3
    """How many of the newest checkpoints stay on disk; with ``watch.action = "restore"`` one more
    does where these are all too new to be restored."""
    mirror: Annotated[str, Field(min_length=1)] | None = None
    """Where copies of what the run can go on from are kept, as a URL that fsspec knows (for example
    ``s3://bucket/runs/a``) or a path; none without a value."""
    writers: tuple[Literal["jsonl", "tensorboard", "wandb"], ...] = Field(
        default=("jsonl",), strict=False
    )
    """Who gets each update's metrics; "jsonl" gets them in any case."""

    _check_run_dir = field_validator("run_dir", "mirror", mode="after")(_path_in_utf8)


class DisplayConfig(Section):
    """What a run shows while it goes on."""

    mode: Literal["auto", "live", "log", "quiet"] = "auto"
    """"auto" is live on a terminal and plain log lines elsewhere."""
    refresh_per_second: PositiveFloat = 4.0
    """Redraws of the live screen."""
    log_every_seconds: PositiveFloat = 5.0
    """Least time between two plain log lines."""


class EvaluationConfig(Section):
    """Matches against fixed opponents during training."""

    every_updates: Annotated[int, Field(ge=0, le=_LARGEST_INT)] = 25
    """Updates between two evaluations; 0 plays none."""
    opponents: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] = ("random", "greedy")
    """Whom to meet, described as for ``keisei-vec match``."""
    num_games: Annotated[int, Field(ge=2, le=_LARGEST_INT, multiple_of=2)] = 64
    """Games against each opponent, half of them with each colour."""
    deterministic: bool = False
    """Whether the learner plays its most likely move instead of sampling."""
    keep_best: bool = True
    """Whether the checkpoint of the best score so far is kept, as ``checkpoints/best.pt``."""


class WatchConfig(Section):
    """When a run counts as collapsed, and what is done then."""

    action: Literal["say", "stop", "restore"] = "say"
    """"say" logs it, "stop" also ends the run, "restore" goes on from an earlier checkpoint."""
    patience: PositiveInt = 10
    """Updates in a row in which a limit must be passed."""
    max_kl: NonNegativeFloat = 0.3
    """Limit of ``learn/approx_kl``."""
    min_entropy: Fraction = 0.02
    """Limit of ``learn/entropy_normalised``."""
    min_explained_variance: float = -1.0
    """Limit of ``learn/explained_variance``."""
    min_value_spread: Fraction = 0.0005
    """Limit of ``learn/value_spread``; fresh networks have 0.003."""
    max_truncations: Fraction = 0.95
    """Limit of ``games/share_max_plies``."""
    max_sennichite: Fraction = 0.95
    """Limit of ``games/share_sennichite``."""
    max_restores: Annotated[int, Field(ge=0, le=_LARGEST_INT)] = 3
    """A run that collapses again after so many restores is stopped."""
    slowdown: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """What a restore multiplies the learning rate by."""


class AppConfig(Section):
    """All settings of a run."""

    env: EnvConfig = EnvConfig()
    training: TrainingConfig = TrainingConfig()
    opponents: OpponentsConfig = OpponentsConfig()
    model: ModelConfig = ModelConfig()
    session: SessionConfig = SessionConfig()
    display: DisplayConfig = DisplayConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    watch: WatchConfig = WatchConfig()

    @property
    def steps_per_epoch(self) -> int:
        """Plies of one rollout: ``training.num_steps * env.num_envs``."""
        return self.training.num_steps * self.env.num_envs

    @field_validator("training", mode="after")
    @classmethod
    def _check_minibatches(cls, training: TrainingConfig, info: ValidationInfo) -> TrainingConfig:
        env = cast(EnvConfig | None, info.data.get("env"))
        if env is None:  # a bad env section is reported by itself
            return training
        steps, size = training.num_steps, training.minibatch_size
        plies = steps * env.num_envs
        rollout = f"a rollout of {plies} plies (num_steps {steps} x num_envs {env.num_envs})"
        if size is None and plies % training.num_minibatches:
            raise ValueError(
                f"{rollout} does not split into num_minibatches = {training.num_minibatches} equal "
                "minibatches; choose a divisor"
            )
        if size is not None and size > plies:
            raise ValueError(f"minibatch_size = {size} is larger than {rollout}; lower it")
        if size is not None and plies % size:
            raise ValueError(f"{rollout} is not a multiple of minibatch_size = {size}")
        return training

    @model_validator(mode="after")
    def _check_rollout_fits_run(self) -> Self:
        if self.training.total_timesteps < self.env.num_envs:
            raise ValueError(
                f"training.total_timesteps = {self.training.total_timesteps} is less than one "
                f"vector step of env.num_envs = {self.env.num_envs} games; raise it"
            )
        plies = self.env.random_opening_plies
        if self.env.random_opening_share and plies >= self.training.num_steps:
            raise ValueError(
                f"env.random_opening_plies = {plies} leaves nothing to learn from in the first "
                f"rollout of training.num_steps = {self.training.num_steps}; lower it"
            )
        return self

    @model_validator(mode="after")
    def _check_processes(self) -> Self:
        count, num_envs, training = self.session.processes, self.env.num_envs, self.training
        size = training.minibatch_size or self.steps_per_epoch // training.num_minibatches
        for what, number in (
            (f"env.num_envs = {num_envs}", num_envs),
            (f"minibatches of {size} plies", size),
        ):
            if number % count:
                raise ValueError(
                    f"session.processes = {count} does not divide {what}; choose a divisor"
                )
        return self

    def to_toml(self) -> str:
        """The settings, those without a value left out, as TOML text that can be read back."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))
