"""Lookup tables of devices: measured here, published, or read from a file; and how additive they are."""
