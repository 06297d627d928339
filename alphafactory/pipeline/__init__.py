"""The rim of the wheel: each step reads tables, calls stages and writes tables; steps meet only in tables."""
