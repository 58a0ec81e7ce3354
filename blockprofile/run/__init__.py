"""Runs: chunks and seeds, manifests, shards, workers, resuming."""

from blockprofile.run.chunks import CHUNK_SIZE, draw_chunk, n_chunks
from blockprofile.run.manifest import Manifest, read_manifest
from blockprofile.run.sample import SampleRun, sample
from blockprofile.run.shards import read_run, shard_paths

__all__ = [
    "CHUNK_SIZE",
    "Manifest",
    "SampleRun",
    "draw_chunk",
    "n_chunks",
    "read_manifest",
    "read_run",
    "sample",
    "shard_paths",
]
