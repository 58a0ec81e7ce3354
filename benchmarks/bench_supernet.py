"""A strictly fair update against the sum of its single paths, and against one network trained alone, in one run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.figures import keep
from blockprofile.space import Archs, load_space
from blockprofile.supernet import build_supernet
from blockprofile.supernet.alone import space_of_one
from blockprofile.supernet.data import DataSet, load_data
from blockprofile.supernet.recipe import Recipe
from blockprofile.supernet.samplers import make_sampler
from blockprofile.supernet.training import Trainer

SPACE, BATCH, N_STEPS, ROUNDS = "fashion_28", 64, 3, 5
RECIPE = Recipe(epochs=100.0, batch=BATCH, lr=1e-6, flip=False, pad=0)


def random_images(folder: Path) -> DataSet:
    """Write and read images of noise."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20 * BATCH, 28, 28, 3), dtype=np.uint8)
    np.savez(folder / "d.npz", images=pixels, labels=np.arange(len(pixels)) % 10)
    return load_data(folder / "d.npz", size=28)


def seconds(step: Callable[[], float]) -> float:
    """Time an update, the mean of a few after a first one."""
    step()
    started = time.perf_counter()
    for _ in range(N_STEPS):
        step()
    return (time.perf_counter() - started) / N_STEPS


def fixed(trainer: Trainer, archs: Archs) -> Trainer:
    """Let every step of a trainer run these archs."""
    trainer.archs_of = lambda step: archs  # type: ignore[method-assign]  # noqa: ARG005
    return trainer


def main() -> None:
    """Check the loss of a fair update, time it and its parts, and print the ratios."""
    torch.set_num_threads(1)
    space = load_space(SPACE)
    with tempfile.TemporaryDirectory() as folder:
        data = random_images(Path(folder))
    archs = make_sampler("fair", space).draw(np.random.default_rng(0))

    def trainer(rows: Archs) -> Trainer:
        net = build_supernet(space)
        for module in net.module.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0  # what is dropped differs between the paths of an update
        return fixed(Trainer(net, data, make_sampler("uniform", space), RECIPE), rows)

    together = trainer(archs).step()
    apart = np.mean([trainer(arch[None]).step() for arch in archs])
    assert abs(together - apart) < 1e-4 * apart, "a fair update's loss is not the mean of its paths'"
    one = space_of_one(space, archs[0])
    steps = {
        "fair": [trainer(archs).step],
        "paths": [trainer(arch[None]).step for arch in archs],
        "alone": [Trainer(build_supernet(one), data, make_sampler("uniform", one), RECIPE).step],
        "shared": [trainer(archs[:1]).step],
    }
    took = [{name: sum(map(seconds, each)) for name, each in steps.items()} for _ in range(ROUNDS)]
    print(f"{SPACE}, batch {BATCH}, one thread; {len(archs)} paths a fair update")
    fair, shared = ([round_[a] / round_[b] for round_ in took] for a, b in (("paths", "fair"), ("alone", "shared")))
    keep("images/s of a fair update", fair, against="its single paths")
    keep("images/s of one path of the supernet", shared, against="the same network alone")


if __name__ == "__main__":
    main()
