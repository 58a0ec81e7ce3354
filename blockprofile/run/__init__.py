"""Runs: chunks and seeds, manifests, shards, workers, resuming."""

from blockprofile.run.chunks import CHUNK_SIZE, chunk_length, chunk_rng, draw_chunk, n_chunks
from blockprofile.run.folder import RunFolder, open_run
from blockprofile.run.labelled import keep_labelled, kept_labelled
from blockprofile.run.limits import Limit, limited_sampler, parse_limit, total_violation
from blockprofile.run.manifest import (
    MANIFEST_NAME,
    Manifest,
    describe_card,
    describe_predictor,
    kept_card,
    kept_predictors,
    run_digest,
)
from blockprofile.run.parallel import HERE, Execution, check_workers, run_tasks
from blockprofile.run.pool import Pool, PoolRequest, draw, draw_and_evaluate
from blockprofile.run.progress import Advance, show_progress, silent
from blockprofile.run.sample import SampleRun, sample
from blockprofile.run.shards import is_complete, read_run, read_shard, read_values, shard_path, shard_paths
from blockprofile.run.study import find_study, read_study, run_study

__all__ = [
    "CHUNK_SIZE",
    "HERE",
    "MANIFEST_NAME",
    "Advance",
    "Execution",
    "Limit",
    "Manifest",
    "Pool",
    "PoolRequest",
    "RunFolder",
    "SampleRun",
    "check_workers",
    "chunk_length",
    "chunk_rng",
    "describe_card",
    "describe_predictor",
    "draw",
    "draw_and_evaluate",
    "draw_chunk",
    "find_study",
    "is_complete",
    "keep_labelled",
    "kept_card",
    "kept_labelled",
    "kept_predictors",
    "limited_sampler",
    "n_chunks",
    "open_run",
    "parse_limit",
    "read_run",
    "read_shard",
    "read_study",
    "read_values",
    "run_digest",
    "run_study",
    "run_tasks",
    "sample",
    "shard_path",
    "shard_paths",
    "show_progress",
    "silent",
    "total_violation",
]
