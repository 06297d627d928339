"""Strategies that follow a move: what has risen goes on rising."""
