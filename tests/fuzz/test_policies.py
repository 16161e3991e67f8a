"""Files of weights from strangers: ``policy.safetensors`` with another header, or other bytes."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from safetensors.torch import save

from keisei import ENV_ID
from keisei.players.policy import PolicyPlayer
from keisei.players.positions import Positions
from keisei.rl.networks import build_network
from keisei.training.checkpoint import CheckpointError
from keisei.training.model_manager import load_policy
from keisei.vec import ShogiVectorEnv
from tests.fuzz.harness import Contents, fuzz, guarded, refused
from tests.fuzz.mutations import mutated_bytes, mutated_tree, odd_values

FORMAT = "keisei-policy-1"
OPTIONS: dict[str, dict[str, int]] = {
    "embedding": {"width": 64},
    "resnet": {"blocks": 1, "channels": 8},
}


@cache
def policy(network: str) -> bytes:
    """A small policy as it is written."""
    facts = {"network": network, "options": OPTIONS[network], "environment": ENV_ID}
    facts |= {"state_size": 100, "num_actions": 2187, "global_timestep": 7}
    weights = build_network(network, **OPTIONS[network]).state_dict()
    return save(
        {name: tensor.half() for name, tensor in weights.items()}, {FORMAT: json.dumps(facts)}
    )


def taken_apart(data: bytes) -> tuple[dict[str, Any], bytes]:
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def put_together(header: Any, body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def names() -> st.SearchStrategy[str]:
    # The small one more often.
    return st.sampled_from(("resnet", "resnet", "resnet", "embedding"))


@st.composite
def other_headers(draw: DrawFn) -> bytes:
    """Other names, types, shapes and places of tensors."""
    header, body = taken_apart(policy(draw(names())))
    values = st.one_of(
        odd_values().filter(lambda value: not isinstance(value, bytes)),
        st.sampled_from(("F64", "F32", "F16", "BF16", "F8_E4M3", "I64", "BOOL", "U8", "C64")),
        st.sampled_from(([0, 1 << 62], [1 << 40, 1 << 40], [-1, 2], [0, 0], [64], [])),
    )
    return put_together(draw(mutated_tree(st.just(header), values)), body)


@st.composite
def other_facts(draw: DrawFn) -> bytes:
    """Other claims about the network and its options."""
    network = draw(names())
    header, body = taken_apart(policy(network))
    facts = json.loads(header["__metadata__"][FORMAT])
    values = st.one_of(
        odd_values().filter(lambda value: not isinstance(value, bytes)),
        st.sampled_from((64 * 10**8, 1 << 12, 8 * 10**7, "embedding", "resnet", "\n")),
    )
    text = json.dumps(draw(mutated_tree(st.just(facts), values)))
    text = draw(st.sampled_from((text, text, text, text[:-1], "[" * 5000, "9" * 5000, "", "[1]")))
    header["__metadata__"][FORMAT] = text
    return put_together(header, body)


@st.composite
def other_weights(draw: DrawFn) -> bytes:
    """Numbers that are none, or too large for the way to the logits."""
    header, body = taken_apart(policy(draw(names())))
    numbers = np.frombuffer(body, np.float16).copy()
    at = draw(st.integers(0, len(numbers) - 1))
    numbers[at : at + draw(st.integers(1, len(numbers)))] = draw(
        st.sampled_from((np.nan, np.inf, -np.inf, 65504.0, -65504.0, 6e-8))
    )
    return put_together(header, numbers.tobytes())


@st.composite
def files(draw: DrawFn) -> Contents:
    """Any of these, or other bytes."""
    bytes_ = mutated_bytes(names().map(policy))
    return Contents(draw(st.one_of(other_headers(), other_facts(), other_weights(), bytes_)))


@cache
def start() -> Positions:
    env = ShogiVectorEnv(2, num_threads=1, obs="compact")
    observation, _ = env.reset(seed=0)
    return Positions(observation["state"], observation["action_mask_bits"])


def plays(path: Path) -> None:
    """A policy that is taken plays legal moves."""
    network = load_policy(path)
    positions = start()
    for deterministic in (False, True):
        actions = PolicyPlayer(network, deterministic=deterministic).choose(positions)
        legal = positions.mask_bits[[0, 1], actions // 8] >> (actions % 8).astype(np.uint8) & 1
        assert legal.all()


@fuzz(files(), examples=15, warm_up=Contents(policy("embedding")))
def test_a_policy_plays_or_is_refused(contents: Contents) -> None:
    start()
    with TemporaryDirectory() as folder:
        file = Path(folder) / "policy.safetensors"
        file.write_bytes(contents.data)
        with guarded(megabytes=400):
            refused(lambda: plays(file), CheckpointError)
