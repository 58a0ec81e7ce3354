"""Once-for-All's published supernets: their checkpoints, read as tensors alone, as a supernet's folder.

Every tensor is checked by name and shape against the space. A subnet is what Once-for-All takes: first channels, the
centre of kernels through the matrices ``7to5`` and ``5to3``, first layers. Batch statistics have to be recalibrated.

References
----------
Cai et al., Once-for-All: Train One Network and Specialize it for Efficient Deployment, ICLR 2020;
github.com/mit-han-lab/once-for-all (MIT): ofa_mbv3 at widths 1.0 and 1.2, ofa_proxyless at 1.3, ofa_resnet50.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from blockprofile.errors import DataError, OptionError, RunError, one_of
from blockprofile.run import open_run
from blockprofile.space import Space, describe_space, load_space
from blockprofile.supernet.folder import KIND
from blockprofile.supernet.recipe import Recipe
from blockprofile.supernet.roles import BN_EPS
from blockprofile.supernet.shared import Supernet, build_supernet
from blockprofile.supernet.weights import WEIGHTS_NAME, fill_tensors, float_values, save_weights
from blockprofile.tensorfile import read_tensors

if TYPE_CHECKING:
    from torch import Tensor

IMPORTED_SPACES = ("ofa_mbv3_w10", "ofa_mbv3", "ofa_proxyless", "ofa_resnet50")
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "crop": 0.875}
"""How Once-for-All's images are normalised, and the share of their side that is cut from their middle."""
PROXYLESS_EPS = 1e-3
"""What batch normalisations of the published ofa_proxyless add to a variance; those of the others add torch's 1e-5."""
MAX_BYTES = 1 << 30
_MOBILE = {
    "expand": "inverted_bottleneck", "depthwise": "depth_conv", "squeeze": "depth_conv.se.fc.reduce",
    "excite": "depth_conv.se.fc.expand", "project": "point_linear",
}  # fmt: skip
_RESNET = {"expand": "conv1", "spatial": "conv2", "project": "conv3", "shortcut": "downsample"}

ImportedNet = tuple[Supernet, Space]


def _places(space: Space) -> dict[str, str]:
    """Name the module of every place outside the units."""
    if space.base.name == "ofa_resnet50":
        return {**{f"stem{n}": f"input_stem.{n - 1}" for n in (1, 2, 3)}, "head2": "classifier.linear"}
    places = {"stem1": "first_conv", "stem2": "blocks.0"}
    if space.base.name == "ofa_proxyless":
        return places | {"head1": "feature_mix_layer", "head3": "classifier.linear"}
    return places | {"head1": "final_expand_layer", "head3": "feature_mix_layer", "head4": "classifier.linear"}


def published_names(net: Supernet) -> dict[str, str]:
    """Name every tensor of a supernet as its published checkpoint does; see `_plain_name`.

    Returns
    -------
    Our name -> theirs.
    """
    places, roles = _places(net.space), _MOBILE
    number = 1
    if net.space.base.name == "ofa_resnet50":
        roles, number = _RESNET, 0
    for unit in net.space.units:
        for layer in range(1, unit.max_depth + 1):
            places[f"u{unit.unit}l{layer}"] = f"blocks.{number}"
            number += 1
    names = {}
    for name in float_values(net.module):
        place, _, role, part, *rest = name.split(".")
        prefix = places[place]
        if prefix.startswith("blocks."):
            prefix += f".{roles[role]}"
        last = f"{rest[-1]}_matrix" if part == "matrices" else ("bn." if part == "norm" else "") + rest[-1]
        names[name] = f"{prefix}.{last}"
    return names


def _plain_name(name: str) -> str:
    """Take the wrappers out of a tensor's name, which differ between versions of Once-for-All.

    Examples
    --------
    >>> _plain_name("blocks.1.mobile_inverted_conv.depth_conv.conv.conv.weight")
    'blocks.1.depth_conv.weight'
    >>> _plain_name("input_stem.1.conv.bn.bn.running_var"), _plain_name("classifier.linear.linear.bias")
    ('input_stem.1.bn.running_var', 'classifier.linear.bias')
    """
    name = name.removeprefix("module.").replace(".mobile_inverted_conv.", ".conv.")
    name = re.sub(r"^(blocks\.\d+|input_stem\.\d+)\.conv\.", r"\1.", name)
    name = name.replace(".bn.bn.", ".bn.").replace(".linear.linear.", ".linear.")
    name = re.sub(r"(\.conv)+\.weight$", ".weight", name)
    return re.sub(r"\.conv\.(\d+to\d+_matrix)$", r".\1", name)


def read_published(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint, plain names first; counters of batches are left out.

    Raises
    ------
    DataError
        As `read_tensors`, or if it names a tensor twice.
    """
    tensors: dict[str, Tensor] = {}
    for key, value in read_tensors(path, max_bytes=MAX_BYTES).items():
        name = _plain_name(key)
        if name in tensors:
            raise DataError(f"{path} holds {name!r} twice")
        tensors[name] = value
    return tensors


def _space_of(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Tell by the layers that are there, and by the first one's channels, which of the published nets it is."""
    if "input_stem.0.weight" in tensors:
        return "ofa_resnet50"
    first = tensors.get("first_conv.weight")
    if first is None:
        shown = ", ".join(list(tensors)[:4])
        raise DataError(f"{path} is none of {', '.join(IMPORTED_SPACES)}: it holds {shown}, ...")
    if "final_expand_layer.weight" not in tensors:
        return "ofa_proxyless"
    return "ofa_mbv3_w10" if len(first) == 16 else "ofa_mbv3"


def import_supernet(checkpoint: str | Path, *, out: str | Path, space: str | None = None) -> ImportedNet:
    """Make a supernet's folder of a published checkpoint.

    Parameters
    ----------
    space
        Which of `IMPORTED_SPACES` it is for; left out, that is told by its tensors.

    Returns
    -------
    The supernet and its space.

    Raises
    ------
    OptionError
        If the space is none of them.
    DataError
        As `read_published`; or naming the first tensor that is missing, too many, or of another shape.
    """
    path = Path(checkpoint)
    if space is not None and space not in IMPORTED_SPACES:
        raise OptionError(f"--space {space!r} has no published supernet; {one_of(space, IMPORTED_SPACES)}")
    tensors = read_published(path)
    where = load_space(space or _space_of(path, tensors))
    transform = where.base.name != "ofa_resnet50"
    bn_eps = PROXYLESS_EPS if where.base.name == "ofa_proxyless" else BN_EPS
    net = build_supernet(where, "nested", transform=transform, bn_eps=bn_eps)
    names = published_names(net)
    values = float_values(net.module)
    fill_tensors(path, {names[name]: value for name, value in values.items()}, tensors)
    digest = hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
    config = {
        "space": describe_space(where, where.base.name), "data": None, "recipe": Recipe().describe(),
        "sampler": "imported", "paths": 0, "sharing": "nested", "transform": transform, "checkpoint": digest,
        "images": IMAGENET, "bn_eps": bn_eps,
    }  # fmt: skip
    with open_run(out, kind=KIND, config=config) as folder:
        if (folder / WEIGHTS_NAME).is_file():
            raise RunError(f"{str(folder)!r} holds this supernet already")
        save_weights(folder / WEIGHTS_NAME, net.module, {"checkpoint": digest})
    return net, where
