"""The supernet: one set of weights for all archs of a space.

Two ways of sharing. ``separate``: every operator that can stand at a place has its own weights (FairNAS, MoGA, SPOS);
``nested``: the operators of a place take parts of one set (Once-for-All, Single-Path NAS).
A subnet is read off the places of `build_sites`, so its parameters and multiply-adds are the space's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from blockprofile.errors import OptionError, check_choice
from blockprofile.modules import build_network, build_operator, seeded
from blockprofile.space import Archs, Operator, Space, build_sites, list_operators
from blockprofile.supernet.nested import nested_layers, nested_state, sort_channels
from blockprofile.supernet.roles import BN_EPS, family_of, roles_of, set_bn_eps, sizeless, template_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

Sharing = Literal["separate", "nested"]
SHARINGS: tuple[Sharing, ...] = get_args(Sharing)
_SEPARATE = "own"


class Supernet:
    """The shared weights of a space, and the subnets that they make.

    Parameters
    ----------
    space
        The space; a pruned one holds weights for what it allows alone.
    module
        The weights: place -> family -> ... as `build_supernet` makes them.
    transform
        Whether smaller kernels are made by matrices (``nested``).
    bn_eps
        What batch normalisations add to a variance.
    """

    def __init__(
        self, space: Space, sharing: Sharing, module: nn.Module, *, transform: bool, bn_eps: float = BN_EPS
    ) -> None:
        self.space, self.sharing, self.module, self.transform = space, sharing, module, transform
        self.bn_eps = bn_eps
        set_bn_eps(module, bn_eps)
        self._places = {site.name: _operators(space, site.table) for site in build_sites(space)}

    def forward(self, images: Tensor, arch: Archs) -> Tensor:
        """Run one arch on images of shape (n, channels, size, size); they are resized to the arch's resolution."""
        features = resize_images(images, self.space.resolution_of(arch))
        for place, op in self.path(arch):
            features = self.run(place, op, features)
        return features

    def path(self, arch: Archs) -> Iterator[tuple[str, Operator]]:
        """List the places of an arch that are not empty, and what stands there."""
        for site in build_sites(self.space):
            op = site.operator(arch)
            if op is not None:
                yield site.name, sizeless(op)

    def run(self, place: str, op: Operator, features: Tensor) -> Tensor:
        """Run what stands at a place, an operator without sizes, on features."""
        from torch.func import functional_call

        if self.sharing == "separate":
            cell: Tensor = self._cell(place, op)(features)
            return cell
        template = template_of(op, self.bn_eps).train(self.module.training)
        output: Tensor = functional_call(template, nested_state(self._layers(place, op), op), (features,), strict=True)
        return output

    def _cell(self, place: str, op: Operator) -> nn.Module:
        found: nn.Module = self.module[place][_SEPARATE][str(self._places[place].index(op))]  # type: ignore[index]
        return found

    def _layers(self, place: str, op: Operator) -> nn.ModuleDict:
        found: nn.ModuleDict = self.module[place][family_of(op)]  # type: ignore[index]
        return found

    def parameters_of(self, arch: Archs) -> set[nn.Parameter]:
        """Return the parameters that an arch uses, wholly or in part."""
        found: set[nn.Parameter] = set()
        for place, op in self.path(arch):
            if self.sharing == "separate":
                found.update(self._cell(place, op).parameters())
                continue
            layers = self._layers(place, op)
            for role in roles_of(op):
                found.update(layers[role.name].parameters())
        return found

    def state_of(self, arch: Archs) -> dict[str, Tensor]:
        """Copy the weights of an arch, under the names of the network that `build_network` makes."""
        state: dict[str, Tensor] = {}
        for number, (place, op) in enumerate(self.path(arch)):
            own = (
                self._cell(place, op).state_dict()
                if self.sharing == "separate"
                else nested_state(self._layers(place, op), op)
            )
            state |= {f"{number}.{name}": value.detach().clone() for name, value in own.items()}
        return state

    def network_of(self, arch: Archs) -> nn.Module:
        """Build the network of an arch alone, with a copy of its weights."""
        network = build_network(list_operators(self.space, arch))
        network.load_state_dict(self.state_of(arch))
        set_bn_eps(network, self.bn_eps)
        return network.to(next(self.module.parameters()).device)

    def sort_channels(self) -> None:
        """Put inner channels in the order of their importance, at every place (``nested`` alone)."""
        if self.sharing != "nested":
            raise OptionError("channels are sorted where weights are nested; separate ones have no order")
        for families in self.module.children():
            for layers in families.children():
                sort_channels(layers)  # type: ignore[arg-type]


def _operators(space: Space, table: dict[tuple[int, ...], Operator | None]) -> list[Operator]:
    ops = list(dict.fromkeys(sizeless(op) for op in table.values() if op is not None))
    custom = next((op.block for op in ops if op.op == "custom"), None)
    if custom is not None:
        raise OptionError(f"block {custom!r} of space {space.name!r} is custom: it has costs alone, nothing to train")
    return ops


def build_supernet(
    space: Space, sharing: str = "separate", *, transform: bool = False, seed: int = 0, bn_eps: float = BN_EPS
) -> Supernet:
    """Make the weights of all archs of a space, with torch's own initial values.

    Parameters
    ----------
    sharing
        ``separate`` or ``nested``.
    transform
        ``nested``: a smaller kernel is made from the next larger one's centre by a matrix that is learnt.
    seed
        Of the initial values.
    bn_eps
        What batch normalisations add to a variance.

    Raises
    ------
    OptionError
        If the sharing is unknown, the space has a custom block, or matrices are asked of separate weights.

    Examples
    --------
    >>> import numpy as np
    >>> from blockprofile.space import count_params, list_operators, load_space
    >>> space = load_space("nas_bench_macro")
    >>> net = build_supernet(space)
    >>> arch = np.array([1, 2, 0, 1, 2, 0, 1, 2], np.uint8)
    >>> sum(p.numel() for p in net.network_of(arch).parameters()) == count_params(list_operators(space, arch))
    True
    """
    from torch import nn

    kind = check_choice("sharing", sharing, SHARINGS)
    if transform and kind != "nested":
        raise OptionError("kernels are transformed where weights are nested; separate ones have no use for matrices")
    places: dict[str, nn.Module] = {}
    with seeded(seed):
        for site in build_sites(space):
            if site.layer > (space.max_depth(site.unit) if site.unit else 0):
                continue
            ops = _operators(space, _used(space, site.scope, site.table))
            if kind == "separate":
                whole = _operators(space, site.table)
                cells = {str(whole.index(op)): build_operator(op) for op in ops}
                places[site.name] = nn.ModuleDict({_SEPARATE: nn.ModuleDict(cells)})
                continue
            families = dict.fromkeys(family_of(op) for op in ops)
            places[site.name] = nn.ModuleDict(
                {name: nested_layers([op for op in ops if family_of(op) == name], transform=transform)
                 for name in families}
            )  # fmt: skip
    return Supernet(space, kind, nn.ModuleDict(places), transform=transform, bn_eps=bn_eps)


def _used(
    space: Space, scope: tuple[int, ...], table: dict[tuple[int, ...], Operator | None]
) -> dict[tuple[int, ...], Operator | None]:
    """Keep the entries of a place that the space allows."""
    allowed = [set(space.allowed[index]) for index in scope]
    return {
        codes: op for codes, op in table.items() if all(code in some for code, some in zip(codes, allowed, strict=True))
    }


def resize_images(images: Tensor, size: int) -> Tensor:
    """Resize images of shape (n, channels, s, s) to another size, bilinearly and without aliasing."""
    from torch.nn.functional import interpolate

    if images.shape[-1] == size:
        return images
    return interpolate(images, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
