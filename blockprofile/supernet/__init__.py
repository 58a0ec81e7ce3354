"""Torch modules of architectures: built from the operator list that costs and tables are made from."""

from blockprofile.supernet.build import build_network, build_operator

__all__ = ["build_network", "build_operator"]
