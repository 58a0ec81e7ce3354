"""Subnets of shared weights against the networks built alone, and nested weights against slices written by hand."""

import numpy as np
import pytest
import torch
from torch.nn.functional import batch_norm, conv2d

from blockprofile.errors import OptionError
from blockprofile.space import Space, count_macs, count_params, draw_archs, list_operators
from blockprofile.space.definition import Block, FixedLayer, Input, SpaceDefinition, SqueezeExcite, Unit
from blockprofile.supernet import build_supernet
from tests.modules.test_build import torch_counts
from tests.toy import mixed_space, toy_space

KINDS = SpaceDefinition(
    schema="blockprofile.space/1",
    name="kinds",
    title="Every kind of block, in small",
    sources=("made up",),
    input=Input(default=16, resolutions=(16,)),
    squeeze_excite=SqueezeExcite(divisor=4, round_to=1, act="relu"),
    blocks=(
        Block(name="m3", expansion=2.0, kernel=3),
        Block(name="m5se", expansion=3.0, kernel=5, se=True),
        Block(name="m4", expansion=2.0, kernel=4),
        Block(name="m1", expansion=1.0, kernel=7),
        Block(name="g2", expansion=2.0, kernel=3, groups=2, shuffle=True),
        Block(name="f3", op="fused_mbconv", expansion=2.0, kernel=3, se=True),
        Block(name="f1", op="fused_mbconv", expansion=1.0, kernel=5),
        Block(name="c5", op="conv", kernel=5, residual="pool"),
        Block(name="s3", op="sepconv", kernel=3),
        Block(name="b5", op="bottleneck", ratio=0.5, kernel=3),
        Block(name="b9", op="bottleneck", ratio=1.0, kernel=3),
        Block(name="p", op="project"),
    ),
    stem=(FixedLayer(op="conv", out=8, kernel=3, stride=2, act="relu"), FixedLayer(op="max_pool", kernel=3, stride=1)),
    units=(
        Unit(out=(8, 16), widths=("half", "whole"), stride=2, depths=(0, 1, 2), act="relu", shared=True),
        Unit(out=(16, 24), widths=("half", "whole"), stride=1, depths=(2,), act="hswish"),
    ),
    head=(FixedLayer(op="global_pool"), FixedLayer(op="linear", out=5, bias=True, dropout=0.2)),
)
SPACES = {"toy": toy_space, "mixed": mixed_space, "kinds": lambda: Space(KINDS)}


def images_of(space: Space, n: int = 3) -> torch.Tensor:
    size = max(space.definition.input.resolutions)
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("transform", [False, True])
@pytest.mark.parametrize("sharing", ["separate", "nested"])
@pytest.mark.parametrize("name", SPACES)
def test_a_subnet_is_the_network_built_alone(name: str, sharing: str, transform: bool) -> None:
    if transform and sharing == "separate":
        with pytest.raises(OptionError, match="no use for matrices"):
            build_supernet(SPACES[name](), sharing, transform=True)
        return
    space = SPACES[name]()
    net = build_supernet(space, sharing, transform=transform, seed=3)
    with torch.no_grad():
        for value in (*net.module.parameters(), *net.module.buffers()):
            if value.is_floating_point():
                value.add_(0.1 * torch.rand(value.shape, generator=torch.Generator().manual_seed(2)))
    images = images_of(space)
    for arch in draw_archs(space, 6, np.random.default_rng(0)):
        alone = net.network_of(arch)
        resized = torch.nn.functional.interpolate(
            images, size=(space.resolution_of(arch),) * 2, mode="bilinear", antialias=True
        )
        for is_training in (False, True):
            net.module.train(is_training)
            alone.train(is_training)
            with torch.no_grad():
                torch.manual_seed(0)
                ours = net.forward(images, arch)
                torch.manual_seed(0)
                theirs = alone(resized)
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
        ops = list_operators(space, arch)
        size = space.resolution_of(arch)
        assert torch_counts(alone.to("meta"), (1, 3, size, size)) == (count_params(ops), count_macs(ops))


def test_a_pass_updates_the_statistics_of_the_shared_weights() -> None:
    space = toy_space()
    for sharing in ("separate", "nested"):
        net = build_supernet(space, sharing)
        arch = draw_archs(space, 1, np.random.default_rng(0))[0]
        before = net.state_of(arch)
        net.module.train()
        with torch.no_grad():
            net.forward(images_of(space), arch)
        after = net.state_of(arch)
        moved = {name for name in before if not torch.equal(before[name], after[name])}
        assert moved == {name for name in before if "running" in name or "tracked" in name}


def test_separate_weights_touch_nothing_of_other_choices() -> None:
    space = toy_space()
    net = build_supernet(space)
    first, other = (draw_archs(space, 40, np.random.default_rng(0))[place] for place in (0, 1))
    net.forward(images_of(space), first).sum().backward()
    for parameter in net.module.parameters():
        assert (parameter.grad is not None) == (parameter in net.parameters_of(first))
    assert net.parameters_of(first) != net.parameters_of(other)


def test_nested_weights_are_first_channels_centres_and_matrices() -> None:
    # Once-for-All's rules, written out: kernel 5 is the centre of 7 times a matrix, kernel 3 the centre of that 5.
    blocks = [Block(name=f"e{e}k{k}", expansion=float(e), kernel=k) for e in (2, 4) for k in (3, 5, 7)]
    definition = SpaceDefinition(
        schema="blockprofile.space/1", name="plain", title="One layer", sources=("made up",),
        input=Input(default=9, resolutions=(9,), channels=4), blocks=tuple(blocks),
        units=(Unit(out=6, stride=1, depths=(1,), act="relu"),),
    )  # fmt: skip
    net = build_supernet(Space(definition), "nested", transform=True)
    layers = net.module["u1l1"]["mbconv"]
    expand, depthwise, project = (layers[name] for name in ("expand", "depthwise", "project"))
    matrices = depthwise["matrices"]
    with torch.no_grad():
        for value in net.module.parameters():
            value.copy_(torch.randn(value.shape, generator=torch.Generator().manual_seed(value.numel())))
        kernel = depthwise["layer"].weight[:8, :, 1:6, 1:6].flatten(2) @ matrices["7to5"].T
        kernel = kernel.reshape(8, 1, 5, 5)[..., 1:4, 1:4].flatten(2) @ matrices["5to3"].T
        kernel = kernel.reshape(8, 1, 3, 3)
        images = torch.randn(2, 4, 9, 9)

        def norm(values: torch.Tensor, parts: torch.nn.Module, n: int) -> torch.Tensor:
            held = parts["norm"]
            return batch_norm(values, held.running_mean[:n], held.running_var[:n], held.weight[:n], held.bias[:n])

        values = norm(conv2d(images, expand["layer"].weight[:8]), expand, 8).relu()
        values = norm(conv2d(values, kernel, padding=1, groups=8), depthwise, 8).relu()
        values = norm(conv2d(values, project["layer"].weight[:, :8]), project, 6)
        net.module.eval()
        torch.testing.assert_close(net.forward(images, np.array([0], np.uint8)), values)


@pytest.mark.parametrize("name", SPACES)
def test_sorting_channels_leaves_the_largest_networks_as_they_were(name: str) -> None:
    space = SPACES[name]()
    net = build_supernet(space, "nested", seed=1)
    net.module.eval()
    # Archs whose blocks are the largest of their family: inner channels are all used, so their order means nothing.
    largest = {"toy": ["e4k5se"], "mixed": ["k5"], "kinds": ["m5se", "f3", "b9"]}[name]
    codes = [space.block_names.index(block) for block in largest]
    archs = [
        arch
        for arch in draw_archs(space, 20_000, np.random.default_rng(0))
        if all(arch[slot.index] in (*codes, 255) for slot in space.layer_slots)
        and all(arch[slot.index] == slot.n_choices - 1 for slot in space.slots if slot.kind in {"width", "depth"})
    ][:5]
    assert archs
    with torch.no_grad():
        before = [net.forward(images_of(space), arch) for arch in archs]
        kept = net.state_of(archs[0])
        net.sort_channels()
        after = [net.forward(images_of(space), arch) for arch in archs]
    assert any(not torch.equal(kept[key], value) for key, value in net.state_of(archs[0]).items())
    for old, new in zip(before, after, strict=True):
        torch.testing.assert_close(old, new, rtol=1e-4, atol=1e-5)
    for families in net.module.children():
        for layers in families.children():
            if "project" in layers and layers["project"]["layer"].groups == 1:
                importance = layers["project"]["layer"].weight.abs().sum(dim=(0, 2, 3))
                assert torch.equal(importance, importance.sort(descending=True).values)


def test_what_cannot_be_shared_is_refused() -> None:
    with pytest.raises(OptionError, match="sharing 'some' is unknown; choices: separate, nested"):
        build_supernet(toy_space(), "some")
    with pytest.raises(OptionError, match="separate ones have no order"):
        build_supernet(toy_space()).sort_channels()
