"""A pool: what a user asks for, what its names stood for then, and its archs and metrics, chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from blockprofile.numbers import parse_count
from blockprofile.options import Options, refuse_text
from blockprofile.predict import Entry, Evaluator, build_predictor, select_entries
from blockprofile.run.chunks import CHUNK_SIZE, chunk_length, chunk_rng, draw_chunk
from blockprofile.run.limits import find_limited, limited_sampler, parse_limit
from blockprofile.run.manifest import describe_predictor, refuse_changed, run_digest
from blockprofile.run.shards import shard_path, write_shard
from blockprofile.space import Archs, Law, Space, check_law, describe_space, load_space

if TYPE_CHECKING:
    from blockprofile.additive import LimitedSampler


@dataclass(frozen=True, slots=True)
class PoolRequest(Options):
    """What a user asks for: names and paths, which may stand for something else tomorrow; see `Pool`.

    Parameters
    ----------
    space
        A shipped name or a file.
    n
        How many archs; ``"1e6"`` is understood.
    devices, metrics
        What to evaluate; see `blockprofile.predict.load_predictors`.
    seed, law, resolution
        See `blockprofile.space.draw_archs` and `load_space`.
    limit
        Only archs within a limit, such as ``latency_ms:note10<=30``, drawn without rejection.

    Raises
    ------
    OptionError
        If the number, the seed, the law or the limit is not allowed.
    """

    space: str
    _: KW_ONLY
    n: int | str = 1_000_000
    devices: Sequence[str] = ()
    metrics: Sequence[str] | None = None
    seed: int = 0
    law: Law = "papers"
    resolution: int | None = None
    limit: str | None = None

    def __post_init__(self) -> None:
        refuse_text(devices=self.devices, metrics=self.metrics)
        chunk_rng(self.seed, 0)
        check_law(self.law)
        if self.limit is not None:
            parse_limit(self.limit)
        metrics = None if self.metrics is None else tuple(self.metrics)
        plain = {"space": str(self.space), "n": parse_count(self.n), "devices": tuple(self.devices), "metrics": metrics}
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    def load(self) -> Space:
        """Load the space at the wanted resolution."""
        return load_space(self.space, resolution=self.resolution)

    def entries(self, space: Space) -> tuple[Entry, ...]:
        """Find the cards and folders of the predictors."""
        return select_entries(space, devices=self.devices, metrics=self.metrics)

    def limiting(self, space: Space) -> Entry | None:
        """Find the predictor that the limit is about."""
        return None if self.limit is None else find_limited(parse_limit(self.limit), space, entries=self.entries(space))

    def resolve(self) -> Pool:
        """Read space and predictors, and write down what they are now."""
        space = self.load()
        entries, limiting = self.entries(space), self.limiting(space)
        within = None
        if self.limit is not None:
            within = limited_sampler(space, parse_limit(self.limit), law=self.law, entries=entries)
        config: dict[str, Any] = {
            "space": describe_space(space, self.space),
            "devices": list(self.devices),
            "metrics": None if self.metrics is None else list(self.metrics),
            "predictors": {
                entry[0].metric: describe_predictor(entry, space, law=self.law, within=within) for entry in entries
            },
            "seed": self.seed,
            "law": self.law,
            "limit": None,
            "chunk_size": CHUNK_SIZE,
            "n": parse_count(self.n),
        }
        if limiting is not None and self.limit is not None:
            config["limit"] = replace(parse_limit(self.limit), metric=limiting[0].metric).text
            config["limited_by"] = describe_predictor(limiting, space, law=self.law, within=within)
        return Pool(request=self, space=space, config=config)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A request with what its names stood for when it was made; small, and fit to travel to workers.

    ``config`` decides the data. Workers find the predictors again by name, and refuse those that have changed.
    ``accelerator`` is torch's device that evaluates them; None is the processor.
    """

    request: PoolRequest
    space: Space
    config: dict[str, Any]
    accelerator: str | None = None

    @property
    def n(self) -> int:
        """How many archs."""
        return parse_count(self.request.n)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(self.config["predictors"])

    @property
    def run(self) -> str:
        """The digest of all that decides the data but their number."""
        return run_digest(self.config)

    def tools(self) -> Tools:
        """Make what draws and evaluates, or take it from the last time that it was made from the same content."""
        hashes = [about["hash"] for about in self.config["predictors"].values()]
        limited = self.config.get("limited_by")
        limited_by = limited["hash"] if limited else ""
        return _tools(replace(self.request, n=1), self.space, tuple(hashes), limited_by, self.accelerator)

    def on(self, accelerator: str) -> Pool:
        """Return the pool with its predictors on an accelerator, and make them."""
        pool = self if accelerator == "cpu" else replace(self, accelerator=accelerator)
        pool.tools()
        return pool


class Tools(NamedTuple):
    """What draws and evaluates a pool; ``limited`` draws within a limit, None without one."""

    evaluate: Evaluator
    limited: LimitedSampler | None


@lru_cache(maxsize=4)
def _tools(
    request: PoolRequest, space: Space, hashes: tuple[str, ...], limited_by: str, accelerator: str | None
) -> Tools:
    """Build the predictors whose content has these hashes; calls are kept by content, never by name alone."""
    entries, limiting = request.entries(space), request.limiting(space)
    evaluator = Evaluator(space, [build_predictor(entry, space) for entry in entries], accelerator=accelerator)
    limited = None
    if request.limit is not None:
        limited = limited_sampler(space, parse_limit(request.limit), law=request.law, entries=entries)
    # Hashed after they were read: what changed in between is seen.
    expected = [*zip(entries, hashes, strict=True), *([(limiting, limited_by)] if limiting is not None else [])]
    for entry, then in expected:
        refuse_changed(entry, then)
    return Tools(evaluator, limited)


def draw_and_evaluate(pool: Pool, index: int) -> tuple[Archs, dict[str, NDArray[np.float32]]]:
    """Draw and evaluate chunk number ``index`` of a pool.

    Returns
    -------
    Archs, uint8 (n, n_slots), and metric -> float32 (n,).

    Raises
    ------
    RunError
        If a predictor is not, or not here, what it was when the pool was resolved.
    """
    archs = draw(pool, index)
    return archs, pool.tools().evaluate(archs)


def draw(pool: Pool, index: int) -> Archs:
    """Draw chunk number ``index`` of a pool: uint8 (n, n_slots)."""
    request, limited = pool.request, pool.tools().limited
    if limited is None:
        return draw_chunk(pool.space, seed=request.seed, index=index, n=pool.n, law=request.law)
    return limited.draw(CHUNK_SIZE, chunk_rng(request.seed, index))[: chunk_length(pool.n, index)]


def make_shard(pool: Pool, folder: Path, index: int) -> int:
    """Draw and evaluate a chunk, keep it in a run folder, and count its archs."""
    archs, metrics = draw_and_evaluate(pool, index)
    write_shard(shard_path(folder, index), pool.space, archs, metrics, run=pool.run)
    return len(archs)
