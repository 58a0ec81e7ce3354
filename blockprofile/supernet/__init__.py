"""Torch modules of archs, and supernets: built from the operator list that costs and tables are made from."""

from blockprofile.supernet.shared import SHARINGS, Supernet, build_supernet

__all__ = ["SHARINGS", "Supernet", "build_network", "build_operator", "build_supernet"]
