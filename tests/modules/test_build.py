"""The torch module of an arch against the space's own counts: parameters, and torch's FLOP counter.

torch counts a multiply-add as two FLOPs and counts convolutions and matrix products alone; so do the spaces.
"""

from functools import cache
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from blockprofile.errors import ArchError
from blockprofile.modules import build_network, build_operator
from blockprofile.space import (
    INACTIVE,
    Archs,
    Operator,
    Space,
    count_macs,
    count_params,
    draw_archs,
    list_operators,
    load_space,
)

SPACES = ("moga", "ofa_mbv3", "ofa_proxyless", "ofa_resnet50", "proxylessnas")
FLOPS_PER_MAC = 2


def unchanged(norm: torch.nn.BatchNorm2d, features: torch.Tensor) -> torch.Tensor:
    """Stand for a normalization: it has no multiply-adds, and on the meta device takes longer than all the rest."""
    assert features.shape[1] == norm.num_features
    return features


def torch_counts(module: torch.nn.Module, shape: tuple[int, ...]) -> tuple[int, int]:
    """Return (parameters, multiply-adds) of a module on the meta device, as torch counts them."""
    quick = patch.object(torch.nn.BatchNorm2d, "forward", unchanged)
    with torch.no_grad(), quick, FlopCounterMode(display=False) as counter:
        module.eval()(torch.empty(shape, device="meta"))
    flops = counter.get_total_flops()
    assert flops % FLOPS_PER_MAC == 0
    return sum(parameter.numel() for parameter in module.parameters()), flops // FLOPS_PER_MAC


@cache
def counts_of_operator(op: Operator) -> tuple[int, int]:
    with torch.device("meta"):
        return torch_counts(build_operator(op), (1, op.in_channels, op.in_size, op.in_size))


def counts_of_network(space: Space, arch: Archs) -> tuple[int, int]:
    with torch.device("meta"):
        network = build_network(list_operators(space, arch))
    return torch_counts(network, (1, 3, space.resolution, space.resolution))


def extreme(space: Space, *, largest: bool) -> Archs:
    """Return the arch of most, or fewest, parameters at greatest, or least, depth: chosen slot by slot."""
    arch = np.full(space.n_slots, INACTIVE, np.uint8)
    for slot in space.slots:
        if slot.kind != "layer":
            arch[slot.index] = space.allowed[slot.index][-1 if largest else 0]
    depths = space.depths(arch[None])[0] if any(u.depth is not None for u in space.units) else None
    for unit in space.units:
        depth = unit.depths[0] if depths is None else int(depths[unit.unit - 1])
        for index in unit.layers[:depth]:
            options = []
            for code in space.allowed[index]:
                block = space.blocks[code]
                options.append(
                    ((block.expansion or 0) * 100 + (block.kernel or 0) + (block.ratio or 0), bool(block.se), code)
                )
            arch[index] = (max(options) if largest else min(options))[-1]
    return arch


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("largest", [False, True])
def test_smallest_and_largest_agree_with_torch(name: str, largest: bool) -> None:
    space = load_space(name)
    arch = extreme(space, largest=largest)
    assert space.contains(arch)[0]
    ops = list_operators(space, arch)
    assert counts_of_network(space, arch) == (count_params(ops), count_macs(ops))


@pytest.mark.parametrize("name", SPACES)
def test_whole_random_networks_agree_with_torch(name: str) -> None:
    space = load_space(name)
    for arch in draw_archs(space, 4, np.random.default_rng(1)):
        ops = list_operators(space, arch)
        assert counts_of_network(space, arch) == (count_params(ops), count_macs(ops))


@pytest.mark.parametrize("name", SPACES)
def test_a_hundred_random_archs_agree_with_torch_operator_by_operator(name: str) -> None:
    # A network is its operators' modules in a row, so its counts are theirs; each distinct one is counted once.
    space = load_space(name)
    for arch in draw_archs(space, 100, np.random.default_rng(2)):
        ops = list_operators(space, arch)
        counted = np.sum([counts_of_operator(op) for op in ops], axis=0)
        assert counted.tolist() == [count_params(ops), count_macs(ops)]


@pytest.mark.parametrize("name", SPACES)
def test_forward_gives_a_thousand_classes_and_every_parameter_a_gradient(name: str) -> None:
    space = load_space(name)
    resolution = min(space.definition.input.resolutions)
    space = space.at_resolution(resolution)
    network = build_network(list_operators(space, extreme(space, largest=False))).eval()
    output = network(torch.randn(1, 3, resolution, resolution, generator=torch.Generator().manual_seed(0)))
    assert output.shape == (1, 1000)
    assert torch.isfinite(output).all()
    output.square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_sizes_are_those_of_the_operator_list() -> None:
    space = load_space("ofa_resnet50")
    for arch in draw_archs(space, 3, np.random.default_rng(5)):
        with torch.device("meta"):
            features = torch.empty(1, 3, space.resolution, space.resolution)
            for op in list_operators(space, arch):
                features = build_operator(op)(features)
                assert features.shape[1:] in {(op.out_channels, op.out_size, op.out_size), (op.out_channels,)}


def plain(op: str, **fields: object) -> Operator:
    base = {"op": op, "in_size": 5, "out_size": 5, "in_channels": 4, "out_channels": 4}
    return Operator(**{**base, **fields})  # type: ignore[arg-type]


def test_residual_convolution_of_the_stem_adds_its_input_after_the_activation() -> None:
    module = build_operator(plain("conv", kernel=3, act="relu", skip=True)).eval()
    for parameter in module.parameters():
        torch.nn.init.zeros_(parameter)
    features = torch.randn(1, 4, 5, 5) - 1
    assert torch.equal(module(features), features)  # negative inputs pass: nothing is activated after the sum


def test_bottleneck_activates_after_the_sum_and_averages_its_shortcut_rounding_up() -> None:
    op = plain("bottleneck", out_size=3, out_channels=2, hidden_channels=2, kernel=3, stride=2, act="relu")
    module = build_operator(op).eval()
    with torch.no_grad():
        for parameter in module.main.parameters():
            parameter.zero_()
        projection = module.shortcut[1]
        projection.weight.fill_(0.25)
        features = torch.randn(1, 4, 5, 5)
        wanted = torch.nn.functional.avg_pool2d(features, 2, 2, ceil_mode=True, count_include_pad=False)
        wanted = (wanted.mean(1, keepdim=True) / (1 + 1e-5) ** 0.5).relu().expand(1, 2, 3, 3)
        torch.testing.assert_close(module(features), wanted)


def test_squeeze_excite_multiplies_by_its_gate() -> None:
    op = plain("mbconv", hidden_channels=4, kernel=3, se_channels=2, se_act="relu", act="none", out_channels=3)
    module = build_operator(op).eval()
    gate = module[2].gate
    with torch.no_grad():
        features = torch.randn(1, 4, 5, 5)
        depthwise = module[1](module[0](features))
        torch.testing.assert_close(module[2](depthwise), depthwise * gate(depthwise))
        for parameter in gate.parameters():
            parameter.zero_()
        torch.testing.assert_close(module[2](depthwise), depthwise / 2)  # hard sigmoid of 0


def test_operators_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ArchError, match="takes 8 channels at 5, but 'conv k3 s1 4->4 at 5' before it gives 4 at 5"):
        build_network([plain("conv", kernel=3), plain("conv", kernel=3, in_channels=8)])
    with pytest.raises(ArchError, match="empty list"):
        build_network([])
