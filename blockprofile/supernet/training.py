"""Training a supernet, step by step: every step follows from seed and number, so a killed training goes on exactly.

A step runs its archs on one batch, adds up their gradients, and updates once. What an arch does not use has no
gradient (None), so neither momentum nor weight decay moves it. A weight that several archs of the step used takes the
mean of their gradients.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from blockprofile.accelerator import require_accelerator
from blockprofile.additive import max_arch
from blockprofile.errors import RunError
from blockprofile.modules import seeded, use_threads
from blockprofile.run import show_progress
from blockprofile.space import Archs, factorize
from blockprofile.supernet.batches import draw_batch
from blockprofile.supernet.data import DataSet
from blockprofile.supernet.recipe import Recipe
from blockprofile.supernet.samplers import Sampler
from blockprofile.supernet.shared import Supernet

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Report:
    """How far a training is, for whoever watches."""

    step: int
    n_steps: int
    loss: float
    images_per_s: float
    seconds_left: float


@contextmanager
def watch_updates(n_steps: int) -> Iterator[Callable[[Report], None]]:
    """Show a bar of the updates while the block runs; yields what takes the reports."""
    seen = 0

    def tell(report: Report) -> None:
        nonlocal seen
        advance(report.step - seen)
        seen = report.step

    with show_progress("training", n_steps, unit="updates") as advance:
        yield tell


@dataclass(slots=True)
class Position:
    """Where a training stands: how many updates were made, and the mean loss of every pass so far.

    ``loss`` is the sum of the losses of the pass that is not over.
    """

    step: int = 0
    loss: float = 0.0
    curve: list[float] = field(default_factory=list)


class Trainer:
    """Train a supernet on a data set.

    Parameters
    ----------
    net
        What is trained, in place.
    """

    def __init__(self, net: Supernet, data: DataSet, sampler: Sampler, recipe: Recipe) -> None:
        import torch

        require_accelerator(recipe.accelerator)
        self.net, self.data, self.sampler, self.recipe = net, data, sampler, recipe
        self.n_steps = recipe.steps(len(data.train))
        self.n_batches = len(data.train) // recipe.batch
        self.position = Position()
        self._n_largest = recipe.largest_steps(len(data.train))
        self._pad = recipe.pad_of(data.record.size)
        net.module.to(recipe.accelerator, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = _optimizer(net.module, recipe)

    def run(self, *, save: Callable[[], None], every_s: float, tell: Callable[[Report], None]) -> None:
        """Make all updates that are left.

        Parameters
        ----------
        save
            Called about every ``every_s`` seconds, and at the end.
        tell
            Called after every update.

        Raises
        ------
        RunError
            If the loss is no longer finite.
        """
        started = saved = time.monotonic()
        first = self.position.step
        self.net.module.train()
        with use_threads(self.recipe.threads):
            while self.position.step < self.n_steps:
                loss = self.step()
                done = self.position.step - first
                seconds = max(time.monotonic() - started, 1e-9)
                left = (self.n_steps - self.position.step) * seconds / done
                tell(Report(self.position.step, self.n_steps, loss, done * self.recipe.batch / seconds, left))
                if time.monotonic() - saved > every_s:
                    save()
                    saved = time.monotonic()
        save()

    @cached_property
    def _largest(self) -> Archs:
        return max_arch(self.net.space, factorize(self.net.space, lambda op: op.params))[None]

    def archs_of(self, step: int) -> Archs:
        """Return the archs of a step."""
        if step < self._n_largest:
            return self._largest
        return self.sampler.draw(np.random.default_rng([self.recipe.seed, 3, step]))

    def step(self) -> float:
        """Make one update; return the mean loss of its archs."""
        import torch

        number, recipe = self.position.step, self.recipe
        if number == self._n_largest > 0 and self.net.sharing == "nested":
            self.net.sort_channels()
            self.optimizer.state.clear()
        pixels, labels = draw_batch(
            self.data.train, seed=recipe.seed, step=number, batch=recipe.batch, pad=self._pad, flip=recipe.flip
        )
        images = self.data.normalise(pixels).to(recipe.accelerator).contiguous(memory_format=torch.channels_last)
        devices = [torch.cuda.current_device()] if recipe.accelerator == "cuda" else []
        own = int(np.random.SeedSequence([recipe.seed, 5, number]).generate_state(1)[0])
        with seeded(own, devices=devices):
            loss = self._gradients(images, torch.from_numpy(labels).to(recipe.accelerator), self.archs_of(number))
        if not np.isfinite(loss):
            raise RunError(
                f"the loss is {loss} at step {number + 1}: the training does not converge; give a lower --lr"
            )
        if recipe.clip:
            torch.nn.utils.clip_grad_norm_(self.net.module.parameters(), recipe.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.lr_at(number, self.n_steps)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._advance(loss)
        return loss

    def _gradients(self, images: Tensor, labels: Tensor, archs: Archs) -> float:
        """Add up the gradients of the archs; each weight's are divided by how many of them used it."""
        import torch

        uses: Counter[nn.Parameter] = Counter()
        total = torch.zeros((), device=images.device)
        teacher: Tensor | None = None
        for arch in archs:
            with torch.autocast(images.device.type, torch.bfloat16, enabled=images.device.type == "cuda"):
                logits = self.net.forward(images, arch)
                loss = _loss(logits.float(), labels, teacher, self.recipe.smoothing)
            torch.autograd.backward(loss)
            total += loss.detach()
            uses.update(self.net.parameters_of(arch))
            if self.sampler.distils and teacher is None:
                teacher = logits.detach().float().softmax(dim=1)
        for parameter, n in uses.items():
            if n > 1 and parameter.grad is not None:
                parameter.grad.div_(n)
        return float(total) / len(archs)

    def _advance(self, loss: float) -> None:
        position = self.position
        position.step += 1
        position.loss += loss
        place = position.step % self.n_batches
        if place == 0 or position.step == self.n_steps:
            position.curve.append(position.loss / (place or self.n_batches))
            position.loss = 0.0


def _loss(logits: Tensor, labels: Tensor, teacher: Tensor | None, smoothing: float) -> Tensor:
    from torch.nn.functional import cross_entropy

    target = labels if teacher is None else teacher
    return cross_entropy(logits, target, label_smoothing=smoothing if teacher is None else 0.0)


def _optimizer(module: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """Make SGD with Nesterov's momentum; vectors (batch normalisations, biases) do not decay."""
    import torch

    weights = [value for value in module.parameters() if value.ndim > 1]
    vectors = [value for value in module.parameters() if value.ndim <= 1]
    groups = [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=1.0, momentum=recipe.momentum, nesterov=recipe.momentum > 0)
