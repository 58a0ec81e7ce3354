"""Top-1 accuracy of moga's archs, calibrated: no supernet of MoGA is public.

What expansion and kernel are worth is carried over from labelled supernets of the same backbones
(`blockprofile.papers.supernet_top1`); what squeeze-and-excite is worth, the scale, and the level of every family of
networks are fitted to published networks. The result is one value per layer and block, an additive table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import InfeasibleError, OptionError
from blockprofile.papers.supernet_top1 import load_responses
from blockprofile.predict import published_network, published_operators
from blockprofile.space import load_space

Floats = NDArray[np.float64]
Unit = list[tuple[float, int]]

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "moga": ("MoGA-A", "MoGA-B", "MoGA-C"),
    "fairnas": (
        "FairNAS-A", "FairNAS-B", "FairNAS-C",
        "FairNAS-A-SE-1.0", "FairNAS-B-SE-1.0", "FairNAS-C-SE-1.0",
        "FairNAS-A-SE-0.5", "FairNAS-B-SE-0.5", "FairNAS-C-SE-0.5",
        "SCARLET-A", "SCARLET-B", "SCARLET-C",
    ),
    "mnasnet": ("MnasNet-A1", "MnasNet-B1"),
}  # fmt: skip
"""Networks of one backbone, trained by one group: each family has a level of its own."""

SWISH = frozenset({"swish", "hswish"})

REFERENCE = 77.0
"""Where the supernets' top-1 is centred, in percent, so that a level is that of a middling network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to read the published networks."""

    name: str
    families: tuple[str, ...]
    swish: bool


READINGS = (
    Reading(name="all networks", families=("moga", "fairnas", "mnasnet"), swish=True),
    Reading(name="without the MnasNet pair", families=("moga", "fairnas"), swish=True),
    Reading(name="swish taken to be worth nothing", families=("moga", "fairnas", "mnasnet"), swish=False),
)
"""The first is the one in use; the others give the range where the networks cannot tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What the fit sees of a network.

    ``response`` is the supernet's top-1 for its expansions and kernels; ``swish`` is the share of its MBConv layers
    with swish or h-swish instead of ReLU.
    """

    name: str
    family: str
    top1: float
    response: float
    n_se: int
    swish: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Top1Fit:
    """The fitted terms, in percent; ``scale`` is points per point of the supernet.

    ``levels`` is by family. ``standard_errors`` has the keys ``scale``, ``se_points`` and, where it is fitted,
    ``swish_points``.
    """

    scale: float
    se_points: float
    swish_points: float
    levels: Mapping[str, float]
    standard_errors: Mapping[str, float]
    rmse: float

    def predict(self, network: Network) -> float:
        """Predict a network of one of the fitted families."""
        level = self.levels[network.family]
        gates = self.se_points * network.n_se + self.swish_points * network.swish
        return level + self.scale * (network.response - REFERENCE) + gates


def _units(name: str) -> list[Unit]:
    """Read a network's units as (expansion, kernel) per layer; the fixed block after the stem is none of them."""
    units: list[Unit] = []
    blocks = [op for op in published_operators(name) if op.op == "mbconv"]
    for op in blocks[1:]:
        if op.stride > 1 or op.in_channels != op.out_channels:
            units.append([])
        units[-1].append((op.hidden_channels / op.in_channels, op.kernel))
    return units


@lru_cache(maxsize=64)
def describe_network(name: str, *, family: str, top1: float | None = None) -> Network:
    """Collect what the fit sees of a published network.

    Parameters
    ----------
    family
        The family whose level it takes.
    top1
        Percent; left out, the printed figure.

    Raises
    ------
    CoverageError
        If no supernet has networks of that structure.
    """
    units = _units(name)
    space = "ofa_mbv3" if len(units) == 5 else "ofa_proxyless"
    printed = published_network(name).top1_percent if top1 is None else top1
    if printed is None:
        raise OptionError(f"no top-1 of network {name!r} was printed")
    operators = published_operators(name)
    return Network(
        name=name,
        family=family,
        top1=printed,
        response=load_responses(space).value(units),
        n_se=sum(op.se_channels > 0 for op in operators),
        swish=float(np.mean([op.act in SWISH for op in operators if op.op == "mbconv"])),
    )


def _gather(reading: Reading) -> tuple[Network, ...]:
    return tuple(describe_network(name, family=family) for family in reading.families for name in FAMILIES[family])


def _design(networks: Sequence[Network], families: Sequence[str], *, swish: bool) -> Floats:
    columns = [[float(network.family == family) for network in networks] for family in families]
    columns.append([network.response - REFERENCE for network in networks])
    columns.append([float(network.n_se) for network in networks])
    if swish:
        columns.append([network.swish for network in networks])
    return np.array(columns).T


def fit_top1(reading: Reading = READINGS[0], *, without: str = "") -> Top1Fit:
    """Fit scale, squeeze-and-excite, swish and levels by least squares.

    Parameters
    ----------
    reading
        Which networks, and whether swish has a term.
    without
        An architecture to leave out, together with its variants (``FairNAS-A`` leaves out ``FairNAS-A-SE-1.0`` too).

    Raises
    ------
    InfeasibleError
        If what remains does not determine every term.

    Examples
    --------
    >>> found = fit_top1()
    >>> 0.05 < found.se_points < 0.13 and 0.5 < found.scale < 1.0
    True
    """
    from statsmodels.regression.linear_model import OLS

    networks = [network for network in _gather(reading) if _architecture(network.name) != without]
    families = [family for family in reading.families if any(network.family == family for network in networks)]
    design = _design(networks, families, swish=reading.swish)
    target = np.array([network.top1 for network in networks])
    if np.linalg.matrix_rank(design) < design.shape[1] or len(target) <= design.shape[1]:
        raise InfeasibleError(f"{len(target)} networks do not determine {design.shape[1]} terms without {without!r}")
    fitted = OLS(target, design).fit()
    terms, errors = fitted.params, fitted.resid
    names = ["scale", "se_points", "swish_points"][: 2 + reading.swish]
    shared = dict(zip(names, terms[len(families) :].tolist(), strict=True))
    spread = fitted.bse[len(families) :]
    return Top1Fit(
        scale=shared["scale"],
        se_points=shared["se_points"],
        swish_points=shared.get("swish_points", 0.0),
        levels=dict(zip(families, terms.tolist(), strict=False)),
        standard_errors=dict(zip(names, spread.tolist(), strict=True)),
        rmse=float(np.sqrt(np.mean(errors**2))),
    )


def _architecture(name: str) -> str:
    return name.split("-SE-", maxsplit=1)[0]


def leave_one_out_top1(reading: Reading = READINGS[0]) -> dict[str, tuple[float, float, float]]:
    """Predict every network with and without itself in the fit.

    Variants of one architecture (with and without squeeze-and-excite) are left out together.

    Returns
    -------
    Network -> (published, fitted, left out), in percent.
    """
    whole = fit_top1(reading)
    return {
        network.name: (
            network.top1,
            whole.predict(network),
            fit_top1(reading, without=_architecture(network.name)).predict(network),
        )
        for network in _gather(reading)
    }


def moga_table(fit: Top1Fit) -> dict[tuple[str, str], float]:
    """Write a fit as an additive table over moga's slots.

    Returns
    -------
    (slot, choice) -> percent, and the constant under ("", "").

    Examples
    --------
    >>> table = moga_table(fit_top1())
    >>> table["u1l1", "e6k3se"] - table["u1l1", "e6k3"] == fit_top1().se_points
    True
    """
    moga, responses = load_space("moga"), load_responses("ofa_mbv3")
    depths = [unit.depths[0] for unit in moga.units]
    # All archs of the space have h-swish in the same layers.
    swish = fit.swish_points * describe_network(FAMILIES["moga"][0], family="moga").swish
    table = {("", ""): fit.levels["moga"] + swish + fit.scale * (responses.base - REFERENCE)}
    for slot in moga.layer_slots:
        key = (slot.unit, depths[slot.unit - 1], slot.layer)
        for code, choice in enumerate(slot.choices):
            block = moga.blocks[code]
            assert block.expansion is not None
            assert block.kernel is not None
            worth = responses.at(key, expansion=block.expansion, kernel=block.kernel)
            table[slot.name, str(choice)] = fit.scale * worth + fit.se_points * bool(block.se)
    return table
