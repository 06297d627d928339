"""Vendors on loopback: each speaks its own wire, all tell of the same made-up market."""
