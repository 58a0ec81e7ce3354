"""What a space file says, as records: blocks, stem, units, head.

These are plain frozen dataclasses; `blockprofile.space.load` validates YAML into them. Nothing is computed
here: slots, counts and operators are derived in their own modules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Act", "Block", "FixedLayer", "Input", "LayerOverride", "Option", "SpaceDefinition", "SqueezeExcite", "Unit"]

Act = Literal["none", "relu", "relu6", "hswish", "swish"]
Value = int | float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """The input image: its resolution and, where several are allowed, all of them.

    With ``searched`` the resolution is a slot of the arch; otherwise it is a setting of the space.
    """

    default: int
    resolutions: tuple[int, ...]
    channels: int = 3
    searched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One candidate for a layer.

    ``mbconv`` takes ``expansion`` and ``kernel`` (and ``se`` where the block, not the unit, decides on
    squeeze-and-excite); ``bottleneck`` takes ``ratio``; ``skip`` leaves the layer out (identity).
    """

    name: str
    op: Literal["mbconv", "bottleneck", "skip"] = "mbconv"
    expansion: float | None = None
    kernel: int | None = None
    se: bool | None = None
    ratio: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SqueezeExcite:
    """How squeeze-and-excite is sized: ``hidden / divisor``, rounded to a multiple of ``round_to``.

    ``act`` is the activation between its two convolutions; ``block`` means the block's own.
    """

    divisor: int = 4
    round_to: int = 1
    act: Literal["relu", "block"] = "relu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A decision about the stem, a slot of its own."""

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedLayer:
    """A layer of the stem or head.

    ``out`` is a width, or one width per value of the option named by ``out_by``; left out, the width stays.
    ``when`` makes the layer conditional on an option's value. ``skip`` overrides the rule that a layer has a
    skip connection when its stride is 1 and its widths are equal (plain convolutions: only when ``true``).
    """

    op: Literal["conv", "mbconv", "max_pool", "global_pool", "linear"]
    out: int | tuple[int, ...] | None = None
    out_by: str | None = None
    kernel: int = 1
    stride: int = 1
    act: Act = "none"
    expansion: float = 1
    bn: bool = True
    bias: bool = False
    skip: bool | None = None
    dropout: float = 0.0
    when: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerOverride:
    """Another set of blocks for one layer of a unit."""

    layer: int
    blocks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A run of layers at one resolution and width; the stride belongs to its first layer.

    ``out`` with several values makes the width a slot; ``widths`` names its choices.
    """

    out: int | tuple[int, ...]
    stride: int
    depths: tuple[int, ...]
    act: Act
    se: bool = False
    widths: tuple[Value, ...] | None = None
    blocks: tuple[str, ...] | None = None
    layers: tuple[LayerOverride, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceDefinition:
    """A whole space file."""

    schema: Literal["blockprofile.space/1"]
    name: str
    title: str
    sources: tuple[str, ...]
    input: Input
    blocks: tuple[Block, ...]
    units: tuple[Unit, ...]
    stem: tuple[FixedLayer, ...] = ()
    head: tuple[FixedLayer, ...] = ()
    options: tuple[Option, ...] = ()
    squeeze_excite: SqueezeExcite = SqueezeExcite()
    notes: str = ""
