"""Strategies that fade a move: what has gone too far comes back."""
