"""Learning on tensors: networks, rollouts and proximal policy optimisation for self-play."""
