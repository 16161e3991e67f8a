"""Checks for environments, also for those of others."""

from keisei.testing.report import Finding, VectorEnvError
from keisei.testing.vector_env import check_vector_env

__all__ = ["Finding", "VectorEnvError", "check_vector_env"]
