"""Strategies over many symbols on one account: pairs and cross-sections."""
