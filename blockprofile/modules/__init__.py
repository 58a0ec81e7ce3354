"""Operators and archs as torch modules, made from the one operator list."""

from blockprofile.modules.build import build_network, build_operator

__all__ = [
    "build_network",
    "build_operator",
]
