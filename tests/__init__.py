"""Tests; they mirror the package. `tests.toy` holds the spaces whose answers are known in closed form."""
