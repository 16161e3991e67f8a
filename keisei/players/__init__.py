"""Who chooses moves: random, greedy, functions, networks and USI engines, by one protocol."""
