"""What a space file says, as records: blocks, stem, units, head.

These are plain frozen dataclasses; `blockprofile.space.load` validates YAML into them. Nothing is computed
here: slots, counts and operators are derived in their own modules.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, field
from typing import Any, Literal

Act = Literal["none", "relu", "relu6", "hswish", "swish"]
Gate = Literal["hsigmoid", "sigmoid"]
Residual = Literal["identity", "none", "pool"]
Value = int | float | str

LATER: dict[str, Any] = {"later": True}
"""Marks keys that older space files do not know: at their defaults they leave a space's hash as it was."""


def default_of(item: Field[Any]) -> Any:
    """Return what a record's field holds where a file leaves it out; MISSING where it must be given."""
    return item.default if item.default_factory is MISSING else item.default_factory()


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
class Cost:
    """What a custom block costs, everywhere or at one place: the more is said of the place, the more it counts.

    Parameters
    ----------
    metrics
        Metric -> value, in the metric's unit: ``macs_m`` and ``params_m``, and what else is known of it, such as
        ``latency_ms:my_phone``.
    unit, layer
        The place, counted from 1; left out, any.
    """

    metrics: dict[str, float]
    unit: int | None = None
    layer: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One candidate for a layer.

    Which keys its ``op`` takes and what it then is, `blockprofile.space.kinds` says.

    Parameters
    ----------
    se
        Squeeze-and-excite, where the block, not the unit, decides on it.
    act
        The block's activation; left out, the unit's.
    residual
        The shortcut: ``identity`` where stride is 1 and widths are equal (the rule if left out), ``none``, or
        ``pool``, a 3x3 average pool of the layer's stride where widths are equal.
    groups
        Of the 1x1 convolutions of an ``mbconv``, of the kernel x kernel convolution of others; ``shuffle`` mixes
        the channels of the groups after the expansion.
    expand_always
        Whether an ``mbconv`` of expansion 1 keeps its first 1x1 convolution.
    factors
        The levels of a product's factors that the block stands for, in their order.
    """

    name: str
    op: str = "mbconv"
    expansion: float | None = None
    kernel: int | None = None
    se: bool | None = None
    ratio: float | None = None
    act: Act | None = field(default=None, metadata=LATER)
    residual: Residual | None = field(default=None, metadata=LATER)
    groups: int = field(default=1, metadata=LATER)
    shuffle: bool = field(default=False, metadata=LATER)
    expand_always: bool = field(default=False, metadata=LATER)
    costs: tuple[Cost, ...] = field(default=(), metadata=LATER)
    factors: dict[str, Value] = field(default_factory=dict, metadata=LATER)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqueezeExcite:
    """How squeeze-and-excite is sized: the channels of ``of``, over ``divisor``, to a multiple of ``round_to``.

    ``of`` is what the gate scales (``hidden``) or what comes into the block (``input``). ``act`` is the activation
    between its two convolutions, ``block`` meaning the block's own; ``gate`` the activation of the second.
    """

    divisor: int = 4
    round_to: int = 1
    act: Literal["relu", "block"] = "relu"
    of: Literal["hidden", "input"] = field(default="hidden", metadata=LATER)
    gate: Gate = field(default="hsigmoid", metadata=LATER)


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

    ``out`` with several values makes the width a slot; ``widths`` names its choices. With ``shared`` all layers have
    the same block, one slot. A depth of 0 leaves the whole unit out, its stride and width too.
    """

    out: int | tuple[int, ...]
    stride: int
    depths: tuple[int, ...]
    act: Act
    se: bool = False
    widths: tuple[Value, ...] | None = None
    blocks: tuple[str, ...] | None = None
    layers: tuple[LayerOverride, ...] = ()
    shared: bool = field(default=False, metadata=LATER)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceDefinition:
    """A whole space file; ``networks`` are archs that have a name, as text."""

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
    networks: dict[str, str] = field(default_factory=dict, metadata=LATER)
