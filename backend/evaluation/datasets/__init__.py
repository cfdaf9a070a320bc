"""Readers of public datasets, as their authors publish them. Who has one can measure Limber on it."""
