"""What a kind of block is, and which there are: `register_kind` adds one, wherever it is written.

The kinds that are shipped stand in `blockprofile.space.kinds`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields

from blockprofile.errors import OptionError, one_of
from blockprofile.space.definition import Act, Block, SqueezeExcite, default_of
from blockprofile.space.operators import EXPANSIONS, Operator
from blockprofile.space.primitives import WEIGHTS, Primitive

Mistake = tuple[str, str]
"""What is wrong, and the block's key that it is about, or nothing."""

COMMON = frozenset({"name", "op", "factors"})
"""The keys that every block has."""

MAX_KERNEL = 64
_NAME = re.compile(r"[a-z]+(_[a-z]+)?")
"""Names of kinds are read in the names of an exported graph's nodes."""


def halve(size: int, stride: int) -> int:
    """Divide a size by a stride, rounding up."""
    return -(-size // stride)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block stands: the unit and layer, what comes in and goes out, the stride.

    ``act`` and ``se`` are the unit's, for blocks that say nothing of them, ``squeeze_excite`` how gates are sized.
    """

    unit: int
    layer: int
    in_channels: int
    out_channels: int
    in_size: int
    stride: int
    act: Act
    se: bool
    squeeze_excite: SqueezeExcite

    @property
    def is_same_width(self) -> bool:
        """Whether as many channels go out as come in."""
        return self.in_channels == self.out_channels

    @property
    def keeps_shape(self) -> bool:
        """Whether width and size stay."""
        return self.stride == 1 and self.is_same_width


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of block: what a space file says of one, and what it is at a place.

    Parameters
    ----------
    name
        The block's ``op``: small letters, at most one underscore among them.
    takes
        The keys that have an effect, beside `COMMON`.
    operator
        Its operator at a place, None where it leaves the place empty. Raises `blockprofile.errors.ArchError` where it
        cannot be there.
    needs
        The keys without which it is none.
    steps
        The steps of an operator of this name, a shortcut included (`blockprofile.space.steps.join`); left out where
        its operator is one of another kind.
    weights
        Steps of its own that have weights -> how many. What a step is in torch and in ONNX is told to
        `blockprofile.modules.register_step`.
    mistakes
        What is wrong with a block beyond its keys and their ranges.
    is_skip
        Whether it stands for leaving the layer out, at least where the shape is kept.
    any_shape
        Whether it can stand where stride or width change the shape.
    """

    name: str
    takes: frozenset[str]
    operator: Callable[[Block, Place], Operator | None]
    needs: tuple[str, ...] = ()
    steps: Callable[[Operator], list[Primitive]] | None = None
    weights: Mapping[str, Callable[[Primitive], int]] = field(default_factory=dict)
    mistakes: Callable[[Block], Iterable[Mistake]] | None = None
    is_skip: bool = False
    any_shape: bool = True


_KINDS: dict[str, Kind] = {}


def register_kind(kind: Kind) -> None:
    """Add a kind of block; from then on space files may have it.

    Raises
    ------
    OptionError
        If its name cannot be one or is taken, a key is none of a block's, or a step of its own is there already.
    """
    if not _NAME.fullmatch(kind.name) or kind.name in _KINDS or kind.name in EXPANSIONS:
        raise OptionError(
            f"kind {kind.name!r} needs a name of small letters with at most one underscore among them, "
            f"and none of {', '.join(sorted(_KINDS | EXPANSIONS))}"
        )
    keys = [item.name for item in fields(Block)]
    for key in (*sorted(kind.takes), *kind.needs):
        if key not in keys:
            raise OptionError(f"kind {kind.name!r}: key {key!r} is none of a block; {one_of(key, keys)}")
    twice = sorted(WEIGHTS.keys() & kind.weights.keys())
    if twice:
        raise OptionError(f"kind {kind.name!r}: step {twice[0]!r} is there already, with weights of its own")
    _KINDS[kind.name] = kind
    WEIGHTS.update(kind.weights)
    if kind.steps is not None:
        EXPANSIONS[kind.name] = kind.steps


def kind_of(block: Block) -> Kind:
    """Return the kind of a block whose ``op`` is known."""
    return _KINDS[block.op]


# -- what is wrong with a block ----------------------------------------------------------------------------------


def mistakes_of(block: Block) -> Iterator[Mistake]:
    """Yield what is wrong with a block.

    Examples
    --------
    >>> list(mistakes_of(Block(name="c", op="conv", kernel=3, expansion=6)))
    [("block 'c' is a conv, on which expansion has no effect", 'expansion')]
    """
    if block.op not in _KINDS:
        yield f"{block.op!r} is not allowed; {one_of(block.op, _KINDS)}", "op"
        return
    kind, a = _KINDS[block.op], "an" if block.op[0] in "aeio" or block.op == "mbconv" else "a"
    if any(getattr(block, key) in (None, ()) for key in kind.needs):
        yield f"block {block.name!r} is {a} {block.op} and needs {' and '.join(kind.needs)}", ""
    for item in fields(block):
        held = getattr(block, item.name)
        if item.name not in kind.takes | COMMON and held is not False and held != default_of(item):
            yield f"block {block.name!r} is {a} {block.op}, on which {item.name} has no effect", item.name
    yield from _range_mistakes(block)
    yield from _idle_mistakes(block)
    yield from kind.mistakes(block) if kind.mistakes else ()


def _range_mistakes(block: Block) -> Iterator[Mistake]:
    for key, low, high in (("kernel", 1, MAX_KERNEL), ("expansion", 1, 1000), ("groups", 1, 1000)):
        value = getattr(block, key)
        if value is not None and not low <= value <= high:
            yield f"{key} {value} must be from {low} to {high}", key
    if block.ratio is not None and not 0 < block.ratio <= 1000:
        yield f"ratio {block.ratio} must be above 0 and at most 1000", "ratio"


def _idle_mistakes(block: Block) -> Iterator[Mistake]:
    """Yield keys that say nothing beside the block's others."""
    told = f"block {block.name!r}"
    if block.shuffle and block.groups == 1:
        yield f"{told} shuffles the channels of one group, which has no effect", "shuffle"
    if block.expand_always and block.expansion != 1:
        yield f"{told} has expansion {block.expansion}; expand_always has an effect at 1 alone", "expand_always"
