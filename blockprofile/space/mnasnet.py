"""MnasNet's strings, ``r2_k3_s22_e6_i16_o24_se0.25_noskip``: one for each run of equal blocks.

They say repeats, kernel, stride, expansion, channels in and out, squeeze-and-excite as a share of the block's input
channels, and whether there is no shortcut. Every unit of a space is one, and so is a fixed inverted bottleneck of its
stem or head, which may be left out.

References
----------
github.com/tensorflow/tpu, models/official/mnasnet/mnasnet_models.py (the decoder of the strings).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from blockprofile.errors import ArchError, one_of
from blockprofile.space.definition import Block, FixedLayer, Unit
from blockprofile.space.slots import Archs
from blockprofile.space.space import Space

_WORD = re.compile(r"(r|k|s|e|i|o|se)([0-9]{1,5}(?:\.[0-9]{1,8})?)")
_NEEDED = ("r", "k", "s", "e", "i", "o")
MAX_REPEATS = 250


@dataclass(frozen=True, slots=True)
class _Run:
    """One string: ``repeats`` equal blocks, ``se`` 0 where there is no squeeze-and-excite."""

    repeats: int
    kernel: int
    stride: int
    expansion: float
    in_channels: int
    out_channels: int
    se: float
    noskip: bool

    def write(self) -> str:
        said = f"r{self.repeats}_k{self.kernel}_s{self.stride}{self.stride}_e{self.expansion:g}_i{self.in_channels}"
        return f"{said}_o{self.out_channels}" + (f"_se{self.se:g}" if self.se else "") + "_noskip" * self.noskip

    def block(self) -> tuple[int, float, float]:
        return self.kernel, round(self.expansion, 6), round(self.se, 6)

    @property
    def keeps_shape(self) -> bool:
        """Whether any of its layers can have a shortcut."""
        return self.repeats > 1 or (self.stride == 1 and self.in_channels == self.out_channels)


def is_mnasnet(text: str) -> bool:
    """Tell whether a text is meant as MnasNet's strings.

    Examples
    --------
    >>> is_mnasnet("r2_k3_s22_e6_i16_o24 | r1_k3_s11_e1_i24_o24"), is_mnasnet("e3k3 | e6k5")
    (True, False)
    """
    return re.match(r"r[0-9]+_[a-z]", text) is not None


def _parse(text: str) -> _Run:
    values: dict[str, float] = {}
    *words, last = text.split("_")
    noskip = last == "noskip"
    for word in words if noskip else [*words, last]:
        match = _WORD.fullmatch(word)
        if match is None or match[1] in values:
            raise ArchError(
                f"{word!r} in {text!r} is not understood; the parts are r2, k3, s22, e6, i16, o24, se0.25 and noskip, "
                "each once"
            )
        values[match[1]] = float(match[2])
    missing = [name for name in _NEEDED if name not in values]
    if missing:
        raise ArchError(f"{text!r} lacks {', '.join(missing)}")
    stride = str(int(values["s"]))
    broken = [name for name in ("r", "k", "s", "i", "o") if values[name] != int(values[name]) or values[name] < 1]
    if broken or len(set(stride)) > 1 or len(stride) > 2 or values["r"] > MAX_REPEATS:
        raise ArchError(f"{text!r}: repeats, kernel, stride and channels must be whole numbers from 1, strides alike")
    return _Run(
        int(values["r"]), int(values["k"]), int(stride[0]), values["e"], int(values["i"]), int(values["o"]),
        values.get("se", 0.0), noskip,
    )  # fmt: skip


def _fixed_runs(layers: Sequence[FixedLayer], channels: int) -> tuple[list[_Run], int]:
    """List the fixed inverted bottlenecks of a stem or head, and what channels come out of it."""
    runs = []
    for layer in layers:
        out = layer.out if isinstance(layer.out, int) else channels
        if layer.op == "mbconv":
            runs.append(_Run(1, layer.kernel, layer.stride, layer.expansion, channels, out, 0.0, layer.skip is False))
        channels = out
    return runs, channels


def _block_run(space: Space, unit: Unit, block: Block) -> _Run | None:
    """Say what a block is, without channels; None where the strings have no word for it."""
    if block.op not in {"mbconv", "sepconv"} or block.groups > 1 or block.residual == "pool" or block.expand_always:
        return None
    expansion = 1.0 if block.op == "sepconv" else float(block.expansion or 1)
    rule = space.definition.squeeze_excite
    has_se = unit.se if block.se is None else block.se
    ratio = (expansion if rule.of == "hidden" else 1.0) / rule.divisor if has_se else 0.0
    return _Run(1, block.kernel or 3, unit.stride, expansion, 0, 0, ratio, block.residual == "none")


def _check(space: Space) -> None:
    if space.definition.options or space.definition.input.searched:
        what = "options of its stem" if space.definition.options else "a searched resolution"
        raise ArchError(f"space {space.name!r} has no form of MnasNet's strings, which do not say {what}")


def mnasnet_text(space: Space, given: str) -> str:
    """Write MnasNet's strings as a space's text.

    Raises
    ------
    ArchError
        Naming the string and what differs.

    Notes
    -----
    Widths of one number of channels make one network; the first of them is taken. A shortcut or its absence counts only
    where some layer could have one.
    """
    _check(space)
    runs = [_parse(word) for word in re.split(r"[|,\s]+", given.strip()) if word]
    fixed, channels = _fixed_runs(space.definition.stem, space.definition.input.channels)
    n_units = len(space.units)
    n_fixed = len(fixed) + sum(layer.op == "mbconv" for layer in space.definition.head)
    if len(runs) not in {n_units, n_units + n_fixed}:
        more = f", and with the fixed blocks of stem and head {n_units + n_fixed}" if n_fixed else ""
        raise ArchError(f"{len(runs)} strings; space {space.name!r} has {n_units} units{more}")
    with_fixed = len(runs) > n_units
    start = len(fixed) if with_fixed else 0
    parts = []
    for number, run in enumerate(runs[start : start + n_units], start=1):
        parts.append(_unit_text(space, number, run, channels))
        channels = run.out_channels
    if with_fixed:
        ends = [*fixed, *_fixed_runs(space.definition.head, channels)[0]]
        for run, known in zip([*runs[:start], *runs[start + n_units :]], ends, strict=True):
            plain = run if run.keeps_shape else replace(run, noskip=known.noskip)
            if plain.block() != known.block() or replace(plain, expansion=0, se=0) != replace(known, expansion=0, se=0):
                raise ArchError(f"{run.write()!r}: the space's fixed block is {known.write()!r}")
    return " | ".join(parts)


def _unit_text(space: Space, number: int, run: _Run, channels: int) -> str:
    unit, slots = space.definition.units[number - 1], space.units[number - 1]
    where = f"unit {number} of space {space.name!r}, {run.write()!r}"
    if run.stride != unit.stride or run.in_channels != channels:
        raise ArchError(f"{where}: the unit has stride {unit.stride}, and {channels} channels come in")
    widths = unit.out if isinstance(unit.out, tuple) else (unit.out,)
    if run.out_channels not in widths:
        raise ArchError(f"{where}: {run.out_channels} channels out; {one_of(run.out_channels, widths)}")
    found = [
        (block.name, known.noskip)
        for block in (space.blocks[code] for code in space.base.allowed[slots.layers[0]])
        if (known := _block_run(space, unit, block)) is not None and known.block() == run.block()
    ]
    fitting = [name for name, noskip in found if noskip == run.noskip]
    if not fitting and not run.keeps_shape:
        fitting = [name for name, _ in found]
    if len(fitting) != 1:
        told = f"blocks {', '.join(fitting)} are all such" if fitting else "it has no such block"
        raise ArchError(f"{where}: {told}")
    width = "" if slots.width is None else f"{space.slots[slots.width].choices[widths.index(run.out_channels)]}: "
    return width + " ".join(fitting * run.repeats)


def write_mnasnet(space: Space, arch: Archs) -> str:
    """Write an arch as MnasNet's strings, the fixed blocks of stem and head with it.

    Raises
    ------
    ArchError
        If a unit has no layer or layers of several blocks, or a block has no such form.
    """
    _check(space)
    runs, channels = _fixed_runs(space.definition.stem, space.definition.input.channels)
    for unit, slots, depth in zip(space.definition.units, space.units, space.depths(arch), strict=True):
        codes = {int(arch[index]) for index in slots.layers[: int(depth)]}
        if len(codes) != 1:
            told = f"has {len(codes)} kinds of block" if codes else "has no layer"
            raise ArchError(f"unit {slots.unit} {told}; MnasNet's strings have one block for all layers of a unit")
        block = space.blocks[codes.pop()]
        known = _block_run(space, unit, block)
        if known is None:
            raise ArchError(f"block {block.name!r} of unit {slots.unit} has no form in MnasNet's strings")
        out = unit.out[int(arch[slots.width])] if isinstance(unit.out, tuple) and slots.width is not None else unit.out
        assert isinstance(out, int)
        runs.append(replace(known, repeats=int(depth), in_channels=channels, out_channels=out))
        channels = out
    return " | ".join(run.write() for run in [*runs, *_fixed_runs(space.definition.head, channels)[0]])
