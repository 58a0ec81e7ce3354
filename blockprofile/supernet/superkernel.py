"""Single-Path NAS's superkernel: one kernel for each layer, of which learnt thresholds keep a part.

A part (the next larger kernel's shell, the next larger expansion's channels, squeeze-and-excite, the layer itself) is
kept where the mean square of its weights exceeds its threshold. Forward that is 0 or 1, backward a sigmoid, so weights
and thresholds learn from loss and latency alike. Training and the choice of lambda are not here.

References
----------
Stamoulis et al., Single-Path NAS, ECML-PKDD 2019; Single-Path Mobile AutoML, 2019 (squeeze-and-excite as a part).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from blockprofile.errors import CoverageError, OptionError
from blockprofile.predict import AdditivePredictor
from blockprofile.space import Archs, Space, build_sites
from blockprofile.supernet.gatedlayer import SKIP, GatedLayer, read_layer
from blockprofile.supernet.roles import sizeless
from blockprofile.supernet.shared import build_supernet

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def _step(value: Tensor) -> Tensor:
    """Return 1 where a value is above 0 and else 0, with the gradient of a sigmoid."""
    soft = value.sigmoid()
    return (value > 0).to(value.dtype) + soft - soft.detach()


class SuperKernel:
    """The superkernels of a space, their thresholds, and what a device says of their parts.

    Parameters
    ----------
    space
        A space of fixed depths and widths.
    predictor
        An additive latency (or other cost) to weigh against the loss.

    Raises
    ------
    OptionError
        If depths, widths or the resolution are choices, or a layer's blocks are no product.
    CoverageError
        If the device's figures are no sum over layers.
    """

    def __init__(self, space: Space, predictor: AdditivePredictor, *, seed: int = 0) -> None:
        import torch

        for slot in space.slots:
            if slot.kind != "layer" and len(space.allowed[slot.index]) > 1:
                raise OptionError(f"single-path takes no space in which {slot.name!r} is a choice")
        self.space, self.net = space, build_supernet(space, "nested", seed=seed)
        sites = {site.name: site for site in build_sites(space)}
        self.layers = {
            slot.name: read_layer(space, sites[slot.name], slot) for slot in space.layer_slots if slot.name in sites
        }
        if len(self.layers) != len(space.layer_slots):
            raise OptionError("single-path takes no space whose units share one block")
        # Weights of both kinds have mean squares about 1 / fan-in; thresholds are learnt in units of the first ones.
        self.thresholds = torch.nn.ParameterDict(
            {
                f"{name}-{gate}": torch.nn.Parameter(torch.zeros(()))
                for name, each in self.layers.items()
                for gate in each.gates
            }
        )
        self._norms = {key: value.detach() for key, value in self._mean_squares().items()}
        self._constant, self._tables = self._read_costs(predictor)

    def _read_costs(self, predictor: AdditivePredictor) -> tuple[float, dict[str, np.ndarray[Any, Any]]]:
        constant, tables = 0.0, {name: np.zeros(len(self.space.blocks) + 1) for name in self.layers}
        for factor in predictor.factors:
            free = [index for index in factor.scope if len(self.space.allowed[index]) > 1]
            if len(free) > 1:
                raise CoverageError(
                    f"the figures of {predictor.metric!r} are no sum over layers: one is of several at once"
                )
            place = tuple(slice(None) if index in free else self.space.allowed[index][0] for index in factor.scope)
            if free:
                tables[self.space.slots[free[0]].name] += factor.table[place]
            else:
                constant += float(factor.table[place])
        return constant, tables

    def _mean_squares(self) -> dict[str, Tensor]:
        """Return the mean square of every part's weights."""
        found: dict[str, Tensor] = {}
        for name, layer in self.layers.items():
            held: Any = self.net.module[name]["mbconv"]  # type: ignore[index]
            weight = held["depthwise"]["layer"].weight
            whole = layer.kernels[-1]
            for small, large in zip(layer.kernels, layer.kernels[1:], strict=False):
                shell = _window(weight, whole, large).square().sum() - _window(weight, whole, small).square().sum()
                found[f"{name}-kernel{large}"] = shell / (weight.shape[0] * (large**2 - small**2))
            for number in range(1, len(layer.expansions)):
                part = weight[layer.hidden[number - 1] : layer.hidden[number]]
                found[f"{name}-expansion{layer.expansions[number]:g}"] = part.square().mean()
            if "se" in layer.gates:
                found[f"{name}-se"] = held["squeeze"]["layer"].weight.square().mean()
            if "skip" in layer.gates:
                found[f"{name}-skip"] = weight[: layer.hidden[0]].square().mean()
        return found

    def gates(self, *, keep: float | None = None, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Return every gate, 0 or 1.

        Parameters
        ----------
        keep
            Draw them, 1 with this probability, instead of comparing weights with thresholds: the warm-up.
        """
        import torch

        if keep is not None:
            return {key: (torch.rand((), generator=generator) < keep).float() for key in self.thresholds}
        norms = self._mean_squares()
        return {
            key: _step(norms[key] / self._norms[key] - 0.5 - threshold) for key, threshold in self.thresholds.items()
        }

    def forward(self, images: Tensor, gates: dict[str, Tensor]) -> Tensor:
        """Run the network on images of shape (n, channels, size, size), with these gates."""
        features = images
        for site in build_sites(self.space):
            if site.name in self.layers:
                features = self._gated(self.layers[site.name], features, gates)
                continue
            op = site.operator(self._fixed)
            if op is not None:
                features = self.net.run(site.name, sizeless(op), features)
        return features

    @property
    def _fixed(self) -> Archs:
        return np.array([codes[0] for codes in self.space.allowed], np.uint8)

    def _gated(self, layer: GatedLayer, features: Tensor, gates: dict[str, Tensor]) -> Tensor:
        import torch
        from torch.nn import functional

        acts: dict[str, Callable[[Tensor], Tensor]] = {
            "relu": functional.relu, "relu6": functional.relu6, "hswish": functional.hardswish,
            "swish": functional.silu, "none": lambda values: values,
        }  # fmt: skip
        name, op, act = layer.site.name, layer.op, acts[layer.op.act]
        held: Any = self.net.module[name]["mbconv"]  # type: ignore[index]
        values: torch.Tensor = act(held["expand"]["norm"](held["expand"]["layer"](features)))
        weight, whole = held["depthwise"]["layer"].weight, layer.kernels[-1]
        kept = torch.zeros_like(weight)
        open_ = torch.ones(())
        for number, kernel in enumerate(layer.kernels):
            open_ = open_ * gates[f"{name}-kernel{kernel}"] if number else open_
            inner = _ring(whole, kernel, layer.kernels[number - 1] if number else 0)
            kept = kept + open_ * inner * weight
        values = functional.conv2d(values, kept, stride=op.stride, padding=whole // 2, groups=len(weight))
        mask, open_, parts, start = None, torch.ones(()), [], 0
        for number, end in enumerate(layer.hidden):
            open_ = open_ * gates[f"{name}-expansion{layer.expansions[number]:g}"] if number else open_
            parts.append(open_.expand(end - start))
            start = end
        mask = torch.cat(parts).view(1, -1, 1, 1)
        values = act(held["depthwise"]["norm"](values)) * mask
        if op.se_channels:
            pooled = held["squeeze"]["layer"](values.mean((2, 3), keepdim=True))
            inner_act = acts[op.se_act]
            last = functional.hardsigmoid if op.se_gate == "hsigmoid" else torch.sigmoid
            scale = last(held["excite"]["layer"](inner_act(pooled)))
            gate = gates.get(f"{name}-se", torch.ones(()))
            values = values * (gate * scale + (1 - gate))
        values = held["project"]["norm"](held["project"]["layer"](values))
        if "skip" in layer.gates:
            values = values * gates[f"{name}-skip"]
        return values + features if op.skip else values

    def cost(self, gates: dict[str, Tensor]) -> Tensor:
        """Return the device's figure for the gates, a sum over layers of products of gates with the table."""
        import torch

        total = torch.tensor(self._constant)
        for name, layer in self.layers.items():
            table, expected = self._tables[name], torch.zeros(())
            kernels = _chain([gates[f"{name}-kernel{kernel}"] for kernel in layer.kernels[1:]])
            widths = _chain([gates[f"{name}-expansion{each:g}"] for each in layer.expansions[1:]])
            se = gates.get(f"{name}-se")
            gated = {True: se, False: 1 - se} if se is not None else {layer.op.se_channels > 0: torch.ones(())}
            for (kernel, expansion, has_se), code in layer.codes.items():
                if kernel:
                    share = kernels[layer.kernels.index(kernel)] * widths[layer.expansions.index(expansion)]
                    expected = expected + share * gated[has_se] * float(table[code])
            if "skip" in layer.gates:
                there = gates[f"{name}-skip"]
                expected = there * expected + (1 - there) * float(table[layer.codes[SKIP]])
            total = total + expected
        return total

    def arch(self) -> Archs:
        """Return the arch that weights and thresholds stand for: uint8, shape (n_slots,)."""
        gates = {key: bool(value > 0.5) for key, value in self.gates().items()}
        arch = self._fixed
        for name, layer in self.layers.items():
            if not gates.get(f"{name}-skip", True):
                arch[layer.slot.index] = layer.codes[SKIP]
                continue
            kernel, expansion = layer.kernels[0], layer.expansions[0]
            for larger in layer.kernels[1:]:
                if not gates[f"{name}-kernel{larger}"]:
                    break
                kernel = larger
            for wider in layer.expansions[1:]:
                if not gates[f"{name}-expansion{wider:g}"]:
                    break
                expansion = wider
            has_se = gates.get(f"{name}-se", layer.op.se_channels > 0)
            arch[layer.slot.index] = layer.codes[kernel, expansion, has_se]
        return arch


def _window(weight: Tensor, whole: int, kernel: int) -> Tensor:
    start = (whole - kernel) // 2
    return weight[..., start : start + kernel, start : start + kernel]


def _ring(whole: int, outer: int, inner: int) -> Tensor:
    """Make a mask of a kernel: 1 within the outer one and outside of the inner one."""
    import torch

    mask = torch.zeros(whole, whole)
    _window(mask, whole, outer).fill_(1)
    if inner:
        _window(mask, whole, inner).fill_(0)
    return mask


def _chain(gates: list[Tensor]) -> list[Tensor]:
    """Return the shares of the choices of a chain: each needs all gates before it, and not the next one."""
    import torch

    open_, shares = torch.ones(()), []
    for gate in gates:
        shares.append(open_ * (1 - gate))
        open_ = open_ * gate
    return [*shares, open_]
