"""`supernet search --algorithm single-path`: train superkernels against a device, for a lambda or for a latency.

The loss is cross entropy + lambda * log(latency). A warm-up without latency drops parts at random. To meet a latency,
lambda is halved in on, one short training each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from blockprofile.errors import CoverageError, InfeasibleError, OptionError, RunError
from blockprofile.files import write_text
from blockprofile.journalfile import append_line, open_journal
from blockprofile.modules import seeded, use_threads
from blockprofile.predict import AdditivePredictor, find_device, load_predictors
from blockprofile.run import describe_predictor, open_run, run_digest
from blockprofile.space import Space, decode, describe_space, encode
from blockprofile.supernet.batches import batches_of, draw_batch
from blockprofile.supernet.data import DataSet
from blockprofile.supernet.recipe import Recipe
from blockprofile.supernet.request import Training
from blockprofile.supernet.superkernel import SuperKernel
from blockprofile.yamlfile import Document

KIND = "single-path"
JOURNAL_NAME, ARCHS_NAME = "runs.jsonl", "archs.txt"
KEEP = 0.6
"""How likely a part is there in a step of the warm-up (the published code's figure)."""
LAMBDAS = (1e-3, 10.0)
"""Between which lambda is looked for."""


@dataclass(frozen=True, slots=True)
class PathRun:
    """One training: lambda, the arch as text, its figure on the device, and the accuracy of the superkernels then."""

    lambda_: float
    arch: str
    cost: float
    top1_percent: float


@dataclass(frozen=True, slots=True)
class SinglePathResult:
    """All trainings; ``chosen`` is the one that was asked for."""

    folder: Path
    metric: str
    unit: str
    runs: tuple[PathRun, ...]
    chosen: PathRun
    n_new: int


def _train(
    space: Space, data: DataSet, predictor: AdditivePredictor, lambda_: float, recipe: Recipe, warm: float
) -> PathRun:
    """Train the superkernels for one lambda."""
    import torch
    from torch.nn.functional import cross_entropy

    net = SuperKernel(space, predictor, seed=recipe.seed)
    module, n_steps = net.net.module, recipe.steps(len(data.train))
    groups = [
        {"params": [value for value in module.parameters() if value.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [*(v for v in module.parameters() if v.ndim <= 1), *net.thresholds.values()], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.SGD(groups, lr=1.0, momentum=recipe.momentum, nesterov=recipe.momentum > 0)
    n_warm, pad = round(warm * n_steps), recipe.pad_of(data.record.size)
    module.train()
    with use_threads(recipe.threads), seeded(recipe.seed):
        generator = torch.Generator().manual_seed(recipe.seed)
        for step in range(n_steps):
            pixels, labels = draw_batch(
                data.train, seed=recipe.seed, step=step, batch=recipe.batch, pad=pad, flip=recipe.flip
            )
            gates = net.gates(keep=KEEP, generator=generator) if step < n_warm else net.gates()
            logits = net.forward(data.normalise(pixels), gates)
            loss = cross_entropy(logits, torch.from_numpy(labels), label_smoothing=recipe.smoothing)
            if step >= n_warm:
                loss = loss + lambda_ * net.cost(gates).log()
            if not math.isfinite(float(loss.detach())):
                raise RunError(f"the loss is not finite at step {step + 1}: the training diverges; give a lower --lr")
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            if recipe.clip:
                torch.nn.utils.clip_grad_norm_([p for group in groups for p in group["params"]], recipe.clip)  # type: ignore
            for group in optimizer.param_groups:
                group["lr"] = recipe.lr_at(step, n_steps)
            optimizer.step()
        module.eval()
        right = 0
        with torch.no_grad():
            gates = net.gates()
            for pixels, labels in batches_of(data.held_out, 200):
                found = net.forward(data.normalise(pixels), gates).argmax(dim=1)
                right += int((found == torch.from_numpy(labels)).sum())
    arch = net.arch()
    cost = float(predictor.predict(arch[None])[0])
    return PathRun(lambda_, decode(space, arch), cost, 100.0 * right / len(data.held_out))


@dataclass(frozen=True, slots=True, kw_only=True)
class PathAim:
    """What Single-Path NAS is after.

    Parameters
    ----------
    lambda_, target
        Either the weight of the latency's logarithm, or the largest figure that is wanted, in the device's unit.
    n_runs
        With ``target``: how many trainings at most; each halves the range of log(lambda).
    warm
        The share of the updates without latency.

    Raises
    ------
    OptionError
        If both are given, or none, or a number is not allowed.
    """

    lambda_: float | None = None
    target: float | None = None
    n_runs: int = 6
    warm: float = 0.6

    def __post_init__(self) -> None:
        if (self.lambda_ is None) == (self.target is None):
            raise OptionError("give either --lambda or --target")
        for name, value in (("--lambda", self.lambda_), ("--target", self.target)):
            if value is not None and not (0 <= value < math.inf and (value > 0 or name == "--lambda")):
                raise OptionError(f"{name} is {value:g}; must be {'at least' if name == '--lambda' else 'above'} 0")
        if self.n_runs < 1 or not 0 <= self.warm < 1:
            raise OptionError(
                f"--runs is {self.n_runs} and --warm {self.warm:g}; must be at least 1, and from 0 to below 1"
            )


def search_single_path(
    space: str | Path | Space,
    training: Training,
    *,
    device: str,
    out: str | Path,
    aim: PathAim,
    tell: Callable[[PathRun], None] | None = None,
) -> SinglePathResult:
    """Search a space by Single-Path NAS, or go on after the last training that was done.

    Parameters
    ----------
    device
        A device or a predictor folder whose figures are a sum over layers.
    tell
        Called after every training.

    Raises
    ------
    UserError, DataError
        If an option is wrong, or the space, the device or the images cannot be used.
    InfeasibleError
        If no training met the target.
    """
    chosen, target = training.recipe, aim.target
    if chosen.accelerator != "cpu" or chosen.largest_epochs:
        raise OptionError("single-path trains on the CPU, and all of it at once: no --accelerator, no --largest-epochs")
    where = training.load_space(space)
    (predictor,) = load_predictors(where, devices=[device], metrics=())
    if not isinstance(predictor, AdditivePredictor):
        raise CoverageError(f"device {device!r} gives no sum over layers; single-path needs an additive one")
    SuperKernel(where, predictor)
    images = training.load_data(where)
    chosen.steps(len(images.train))
    config = {
        "space": describe_space(where, space), "data": images.describe(), "recipe": chosen.describe(), "warm": aim.warm,
        "device": describe_predictor(find_device(device, where), where), "lambda": aim.lambda_, "target": target,
        "runs": aim.n_runs,
    }  # fmt: skip
    with open_run(out, kind=KIND, config=config) as folder:
        known = _journal(folder, run_digest(config), where)
        n_before = len(known)

        def run(value: float) -> PathRun:
            if value not in known:
                known[value] = _train(where, images, predictor, value, chosen, aim.warm)
                append_line(folder / JOURNAL_NAME, asdict(known[value]))
                if tell is not None:
                    tell(known[value])
            return known[value]

        runs = [run(aim.lambda_)] if aim.lambda_ is not None else _bisect(run, float(target or 0), aim.n_runs)
        write_text(folder / ARCHS_NAME, "".join(f"{each.arch}\n" for each in {r.arch: r for r in runs}.values()))
    best = runs[0] if target is None else _choose(runs, target, predictor)
    return SinglePathResult(folder, predictor.metric, predictor.unit, tuple(runs), best, len(known) - n_before)


def _bisect(run: Callable[[float], PathRun], target: float, n_runs: int) -> list[PathRun]:
    """Halve the range of log(lambda) towards the least lambda that meets the target."""
    low, high = (math.log(end) for end in LAMBDAS)
    runs = []
    for _ in range(n_runs):
        middle = (low + high) / 2
        runs.append(run(math.exp(middle)))
        low, high = (low, middle) if runs[-1].cost <= target else (middle, high)
    return runs


def _choose(runs: list[PathRun], target: float, predictor: AdditivePredictor) -> PathRun:
    """Take the run that meets the target with the largest figure."""
    within = [each for each in runs if each.cost <= target]
    if not within:
        least = min(each.cost for each in runs)
        raise InfeasibleError(
            f"--target {target:g} {predictor.unit}: no training met it, the least figure was {least:.4g}; give a "
            "larger one, or more --runs"
        )
    return max(within, key=lambda each: each.cost)


def _journal(folder: Path, digest: str, space: Space) -> dict[float, PathRun]:
    found = {}
    for line in open_journal(folder / JOURNAL_NAME, {"runs": digest}, what="search"):
        each = Document(folder / JOURNAL_NAME, line, None).validate(PathRun)
        encode(space, each.arch)
        found[each.lambda_] = each
    return found
