"""Bars and indicators in, signals out. One strategy a file; the user's own folder is read alike."""
