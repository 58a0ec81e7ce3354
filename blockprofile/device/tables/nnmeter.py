"""nn-Meter's tables of blocks, JSON of ``{name: ms}``: ElasticViT's of phones, and those of quantised networks.

ElasticViT's names are ``firstconv_H_3_C_S_K``, ``conv_H_CIN_COUT_E_S_ACT_K_se|nose`` and ``mbpool_H_C_COUT_6_ACT``,
which is all behind the last block; its transformer layers are given to custom blocks named ``..._vV_rR`` (how much
wider values are, and the feed-forward part): ``transds`` where the shape changes, ``transattn`` and ``transffn``. The
others' are ``BLOCK_H_CIN_COUT_K_E_S_ACT``. nn-Meter's predictors themselves are pickles, which are not read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from blockprofile.device.formats import ProfileFile, known_value
from blockprofile.device.median import Median
from blockprofile.device.tables.entries import NOTHING, Entries, check_times_only
from blockprofile.space import Operator

NOTE = (
    "Blocks that change the number of channels (ResBlocks: or the size) were measured with a 1x1 convolution as their "
    "shortcut."
)
_NAME = re.compile(
    r"(?:firstconv|conv|mbpool|trans(?:ds|attn|ffn))_\d+_"
    r"|(?:FirstConv|FinalExpand|FeatureMix|Logits|MobileNetV\d\w*?|ResNet\w*?)Block_\d+_"
)
_LAYER = re.compile(r"(?:.*_)?v(\d+)_r(\d+)")
_ACTS = {"hswish": "hard_swish"}
RATIO = 6
"""Expansion of the last stage and of blocks that downsample before attention."""


def recognises(file: ProfileFile) -> bool:
    """Tell whether the file is one."""
    data = file.json
    return isinstance(data, dict) and bool(data) and all(_NAME.match(name) for name in data)


def read(file: ProfileFile, column: str, metric: str) -> dict[str, Median]:
    """Read the table's entries.

    Raises
    ------
    DataError
        If a value is no number of at least 0.
    OptionError
        As `check_times_only`.
    """
    check_times_only(file, column, metric, form="nnmeter")
    if not isinstance(file.json, dict) or not file.json:
        raise file.error("it is no 'nnmeter', which is a JSON object of names and times")
    nan = math.nan
    return {name: Median(known_value(file, name, ms), nan, nan, 1) for name, ms in file.json.items()}


def find(op: Operator, entries: Entries, around: Sequence[Operator]) -> Median | None:
    """Return an operator's time; `NOTHING` where it stands in another's, None where the table lacks it."""
    if op.op == "custom":
        return _layer(op, entries)
    if op.kind == "mbconv" and op.hidden_channels % op.in_channels == 0:
        return _block(op, entries)
    if op.kind == "conv" and op.kernel > 1:
        shape = f"{op.in_size}_{op.in_channels}_{op.out_channels}"
        names = [
            f"firstconv_{shape}_{op.stride}_{op.kernel}",
            f"FirstConvBlock_{shape}_{op.kernel}_None_{op.stride}_{op.act}",
        ]
        return entries.mean(names)
    return _head(op, entries, around)


def _block(op: Operator, entries: Entries) -> Median | None:
    shape, ratio = f"{op.in_size}_{op.in_channels}_{op.out_channels}", op.hidden_channels // op.in_channels
    act = _ACTS.get(op.act, op.act)
    tail = f"{op.kernel}_{ratio}_{op.stride}_{op.act}"
    kind = f"MobileNetV{3 if op.se_channels else 2}"
    names = [
        f"conv_{shape}_{ratio}_{op.stride}_{act}_{op.kernel}_{'se' if op.se_channels else 'nose'}",
        f"{kind}Block_{shape}_{tail}", f"{kind}ResBlock_{shape}_{tail}",
    ]  # fmt: skip
    return entries.mean(names)


def _layer(op: Operator, entries: Entries) -> Median | None:
    """Add up a transformer layer's parts, which are timed at its output's size."""
    match = _LAYER.fullmatch(op.block)
    if match is None:
        return None
    changes = op.stride > 1 or op.in_channels != op.out_channels
    down = [f"transds_{op.in_size}_{op.in_channels}_{op.out_channels}_{op.stride}_{RATIO}"] if changes else []
    at = f"{op.out_size}_{op.out_channels}"
    parts = [f"transattn_{at}_hard_swish_{match[1]}_ln", f"transffn_{at}_{match[2]}_hard_swish_ln"]
    return entries.sum([*down, *parts])


def _head(op: Operator, entries: Entries, around: Sequence[Operator]) -> Median | None:
    """Find the last convolutions, the pooling and the classifier: each alone, or under one entry of the table."""
    pools = [each for each in around if each.kind == "global_pool"]
    act = op.act
    if op.kind == "global_pool":
        stage, mix = (
            f"mbpool_{op.in_size}_{op.in_channels // RATIO}_",
            f"FeatureMixBlock_{op.in_size}_{op.in_channels}_",
        )
        return NOTHING if entries.begins(stage, mix) else None
    if op.kind == "conv" and op.in_size > 1:
        name = f"FinalExpandBlock_{op.in_size}_{op.in_channels}_{op.out_channels}_1_None_1_{act}"
        inside = op.out_channels == RATIO * op.in_channels and entries.begins(f"mbpool_{op.in_size}_{op.in_channels}_")
        return entries.mean([name]) or (NOTHING if inside else None)
    if op.kind == "conv":
        mixes = [f"FeatureMixBlock_{p.in_size}_{op.in_channels}_{op.out_channels}_1_None_1_{act}" for p in pools]
        inside = entries.begins(*(f"mbpool_{p.in_size}_{op.in_channels // RATIO}_{op.out_channels}_" for p in pools))
        return entries.mean(mixes) or (NOTHING if inside else None)
    if op.kind == "linear":
        stages = [f"mbpool_{p.in_size}_{p.in_channels // RATIO}_{op.in_channels}_{RATIO}_hard_swish" for p in pools]
        return entries.mean([f"LogitsBlock_1_{op.in_channels}_{op.out_channels}_0_None_0_relu", *stages])
    return None
