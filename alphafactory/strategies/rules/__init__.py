"""Rules without code: a YAML file of conditions becomes a strategy like any other."""
