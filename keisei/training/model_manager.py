"""The network of a run: built on its device, saved, found again and shared."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from keisei import ENV_ID
from keisei.config_schema import ConfigError, ModelConfig
from keisei.rl.growing import GrowthError, grow_into
from keisei.rl.network_base import PolicyValueNet
from keisei.rl.networks import build_network
from keisei.rl.ranks import Ranks
from keisei.shogi.moves import shown
from keisei.training.checkpoint import (
    CheckpointError,
    CheckpointFolder,
    read_checkpoint,
    require,
)
from keisei.training.checkpoint_form import NETWORK, POLICY
from keisei.training.form import Form
from keisei.training.policy_file import (
    TEMPERATURE,
    check_weights,
    read_policy,
    search_temperature,
    write_policy,
)

POLICY_FILE = "policy.safetensors"
_MOST_WEIGHTS = 1_000_000_000
_REASON_LENGTH = 300


def resolve_device(name: str, ranks: Ranks | None = None) -> torch.device:
    """The device that a setting asks for; "auto" takes CUDA when there is one.

    Each of several ranks takes a CUDA device of its own. From then on products of float32 numbers
    are what they say: TF32, which rounds the factors to 10 bits, is switched off in this process.

    Raises:
        ConfigError: CUDA is asked for and absent, or there are fewer devices than ranks.
    """
    available = torch.cuda.is_available()
    if name == "auto":
        name = "cuda" if available else "cpu"
    if name == "cuda" and not available:
        raise ConfigError(
            "session.device = 'cuda', but torch finds no CUDA device; use auto or cpu"
        )
    device = torch.device(name)
    if device.type == "cuda":
        _forbid_tf32()
    if device.type == "cuda" and ranks is not None and ranks.size > 1:
        if torch.cuda.device_count() < ranks.local_size:
            raise ConfigError(
                f"{ranks.local_size} processes need a CUDA device each, but this machine has "
                f"{torch.cuda.device_count()}; lower session.processes or use session.device = "
                "'cpu'"
            )
        device = torch.device("cuda", ranks.local_rank)
        torch.cuda.set_device(device)
    return device


def check_alike(device: torch.device, ranks: Ranks) -> None:
    """Refuse ranks on devices of different kinds, which could not add up what they have.

    Raises:
        ConfigError: This rank's device is of another kind than that of some other.
    """
    kinds = ranks.gather(device.type)
    if len(set(kinds)) > 1:
        other = next(rank for rank, kind in enumerate(kinds) if kind != kinds[0])
        raise ConfigError(
            f"process 0 has the device {kinds[0]!r} and process {other} has {kinds[other]!r}; set "
            "session.device to one that all machines have"
        )


def _forbid_tf32() -> None:
    torch.set_float32_matmul_precision("highest")
    # Torch allows it for convolutions, unless told otherwise.
    torch.backends.cudnn.allow_tf32 = False


class ModelManager:
    """Owns the network, its device, and the checkpoint files."""

    def __init__(
        self,
        config: ModelConfig,
        device: torch.device,
        seed: int,
        folder: CheckpointFolder,
    ) -> None:
        """Build the network; its first weights follow from ``seed`` alone.

        Raises:
            ConfigError: The network or one of its options is unknown or unusable.
        """
        self.device = device
        self._architecture = {"network": config.network, "options": dict(config.options)}
        self._seed = seed
        self.folder = folder
        self.network = _build(config.network, config.options, seed).to(device)

    def begin_from(self, source: Path, ranks: Ranks) -> None:
        """Take the weights of a policy, which only rank 0 reads, and what suits its search.

        Args:
            source: A checkpoint, a ``policy.safetensors`` or a run folder.
            ranks: The processes of the run.

        Raises:
            CheckpointError: It holds no policy, one of another kind of network, or one that does
                not fit exactly into this one.
        """
        path = ranks.on_first(lambda: find_policy(source))
        facts, weights = ranks.on_first(lambda: _read(path))
        if facts["network"] != self._architecture["network"]:
            raise CheckpointError(
                f"{str(path)!r} holds network {_named(facts)}, but the settings ask for "
                f"{_named(self._architecture)}; add --set model.network={facts['network']}"
            )
        learned = _network_of(path, facts, weights)
        self.network.search_temperature = learned.search_temperature
        try:
            grow_into(self.network, learned, self._seed)
        except GrowthError as error:
            raise CheckpointError(
                f"{str(path)!r} holds network {_named(facts)}, which does not fit exactly into "
                f"{_named(self._architecture)}: {error}"
            ) from None

    def save(self, global_timestep: int, contents: Mapping[str, Any]) -> Path:
        """Write a checkpoint of all but what is known here, and the policy for sharing beside it.

        Raises:
            UnwritableError: A file cannot be written.
        """
        own = {
            "environment": ENV_ID,
            "model": self._architecture,
            "global_timestep": global_timestep,
        }
        path = self.folder.save(global_timestep, {**own, **contents})
        self.save_policy(global_timestep)
        return path

    def save_policy(self, global_timestep: int) -> Path:
        """Write the policy alone, for sharing, and return the file's path.

        Raises:
            UnwritableError: It cannot be written.
        """
        facts: dict[str, Any] = {
            **self._architecture,
            "environment": ENV_ID,
            "state_size": self.network.state_size,
            "num_actions": self.network.num_actions,
            "global_timestep": global_timestep,
        }
        if self.network.search_temperature is not None:
            facts[TEMPERATURE] = self.network.search_temperature
        path = self.folder.folder / POLICY_FILE
        write_policy(path, facts, self.network.state_dict())
        return path

    def load(self, resume: Path | str, warn: Callable[[str], None]) -> tuple[Path, dict[str, Any]]:
        """Path and contents of the checkpoint to go on from.

        Args:
            resume: "latest" for the newest intact one of this run, or a path.
            warn: Hears of damaged checkpoints that are passed over.

        Raises:
            CheckpointError: No usable checkpoint, or one of another network.
        """
        if resume == "latest":
            path, contents = self.folder.latest(warn)
        else:
            path = Path(resume)
            contents = read_checkpoint(path)
        require(path, contents, POLICY)
        _check_environment(path, contents["environment"])
        if contents["model"] != self._architecture:
            raise CheckpointError(
                f"{str(path)!r} holds network {_named(contents['model'])}, but the settings ask "
                f"for {_named(self._architecture)}; resume with the settings of the run"
            )
        return path, contents

    def finite_before(
        self, timestep: int, agent: Form, warn: Callable[[str], None]
    ) -> tuple[Path, dict[str, Any]] | None:
        """Newest checkpoint of before a timestep whose weights are finite; None without one.

        Args:
            timestep: The checkpoint's is less.
            agent: What its agent has to be like.
            warn: Hears of those that are passed over because they are damaged.
        """
        for path, contents in self.folder.before(timestep, warn):
            try:
                require(path, contents, {"global_timestep": 0, "agent": agent})
            except CheckpointError as error:
                warn(str(error))
                continue
            weights: dict[str, torch.Tensor] = contents["agent"]["network"]
            if all(bool(tensor.isfinite().all()) for tensor in weights.values()):
                return path, contents
        return None


def load_policy(path: Path, device: torch.device | str = "cpu") -> PolicyValueNet:
    """The network of a checkpoint or of a ``policy.safetensors``, ready to play.

    Raises:
        CheckpointError: The file cannot be read or holds no Keisei policy.
    """
    if torch.device(device).type == "cuda":
        _forbid_tf32()
    return _network_of(path, *_read(path)).to(device).eval()


def find_policy(path: Path) -> Path:
    """The file itself, or the newest one of a run folder.

    Raises:
        CheckpointError: There is none.
    """
    if path.is_dir():
        folder = path / "checkpoints"
        found = [folder / POLICY_FILE, *sorted(folder.glob("checkpoint-*.pt"), reverse=True)]
        existing = [file for file in found if file.is_file()]
        if not existing:
            raise CheckpointError(f"run folder {str(path)!r} holds no checkpoint")
        return existing[0]
    if not path.exists():
        raise CheckpointError(
            f"{str(path)!r} does not exist; give a checkpoint (.pt), a policy.safetensors, "
            "or a run folder, or 'random', 'greedy', 'usi:...'"
        )
    return path


def architecture_of(source: Path) -> dict[str, Any]:
    """The kind of network of a policy, ``network``, and its ``options``.

    Raises:
        CheckpointError: There is no policy, or it cannot be read.
    """
    facts, _ = _read(find_policy(source))
    return {name: facts[name] for name in ("network", "options")}


def export_policy(source: Path, target: Path) -> None:
    """Write the policy of a checkpoint or of a ``policy.safetensors`` in half the space.

    Weights are rounded to float16; networks that load them compute in float32 as ever.

    Raises:
        CheckpointError: The source cannot be read or holds no Keisei policy.
        UnwritableError: The target cannot be written.
    """
    facts, weights = _read(source)
    network = _network_of(source, facts, weights)
    facts |= {"state_size": network.state_size, "num_actions": network.num_actions}
    write_policy(target, facts, {name: tensor.half() for name, tensor in weights.items()})


def _read(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """What a file says of its policy, and the weights."""
    if path.suffix == ".safetensors":
        facts, weights = read_policy(path)
        require(path, facts, NETWORK)
    else:
        contents = read_checkpoint(path)
        require(path, contents, POLICY)
        facts = {**contents["model"], "environment": contents["environment"]}
        facts["global_timestep"] = contents["global_timestep"]
        weights = contents["agent"]["network"]
    _check_environment(path, facts["environment"])
    return facts, weights


def _network_of(
    path: Path, facts: Mapping[str, Any], weights: Mapping[str, torch.Tensor]
) -> PolicyValueNet:
    try:
        sketch = _sketch(facts["network"], facts["options"])
    except ConfigError as error:
        raise CheckpointError(
            f"{str(path)!r} holds a network that this Keisei cannot build: {error}"
        ) from None
    check_weights(path, weights, sketch.state_dict())
    network = _build(facts["network"], facts["options"], seed=0)
    network.load_state_dict(weights)
    network.search_temperature = search_temperature(path, facts)
    return network


def _check_environment(path: Path, environment: str) -> None:
    if environment != ENV_ID:
        raise CheckpointError(
            f"{str(path)!r} was trained on {environment!r}, but this Keisei plays {ENV_ID!r}; "
            "use the version of Keisei that wrote it"
        )


def _build(name: str, options: Mapping[str, Any], seed: int) -> PolicyValueNet:
    _sketch(name, options)
    # Initialisation draws from torch's global stream, which belongs to whoever calls us.
    before = torch.get_rng_state()
    torch.set_rng_state(torch.Generator().manual_seed(seed).get_state())
    try:
        return build_network(name, **options)
    finally:
        torch.set_rng_state(before)


def _sketch(name: str, options: Mapping[str, Any]) -> PolicyValueNet:
    """A network without room for its weights, to see whether and how large it would be built."""
    try:
        with torch.device("meta"):
            network = build_network(name, **options)
    except (ValueError, TypeError, RuntimeError) as error:
        # What torch says of wrong arguments goes on over many lines.
        reason = str(error).partition("\n")[0][:_REASON_LENGTH]
        raise ConfigError(f"model.network = {shown(name)}: {reason}") from error
    size = sum(parameter.numel() for parameter in network.parameters())
    if size > _MOST_WEIGHTS:
        raise ConfigError(
            f"model.network = {name!r} would have {size} weights, more than {_MOST_WEIGHTS}; "
            "lower model.options"
        )
    return network


def _named(architecture: Mapping[str, Any]) -> str:
    options = architecture["options"]
    return f"{architecture['network']!r}" + (f" with {options}" if options else "")
