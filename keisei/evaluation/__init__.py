"""Matches between players, ratings and records of games."""
