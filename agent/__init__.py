"""Decides. Owns state, people and the process; the only package that imports the other two."""
