"""Strategies of several ideas at once, or of one idea for each state of the market."""
