"""The networks that ship with the package, behind one registry.

>>> build_network("embedding", width=128).num_actions
2187
"""

from keisei.rl.embedding.network import EmbeddingNet
from keisei.rl.network_base import (
    PolicyValueNet,
    build_network,
    register_network,
)
from keisei.rl.resnet import ResNet

__all__ = [
    "EmbeddingNet",
    "PolicyValueNet",
    "ResNet",
    "build_network",
    "register_network",
]
