"""Files that other tools wrote, of the small space: profiles of models with all its operators, and published tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from blockprofile.device.export_manifest import SCHEMA, ExportedModel, ExportManifest
from blockprofile.device.node_names import instance_names
from blockprofile.jsonfile import write_json
from blockprofile.space import Operator, Space, build_sites, decode, draw_archs, primitives
from tests.device import samples
from tests.device.fake import true_ms

__all__ = ["PROFILES", "TABLES", "write_foreign"]

PROFILES = {
    "litert.txt": samples.litert_text, "litert.csv": samples.litert_csv, "tensorrt.json": samples.tensorrt,
    "openvino.csv": samples.openvino, "aihub.json": samples.aihub, "executorch.csv": samples.executorch,
    "vela.csv": samples.vela, "onnxruntime.json": samples.onnxruntime,
}  # fmt: skip
TABLES = ("ofa.yaml", "nnmeter.json", "hwnasbench.json", "layers.csv")


def write_foreign(space: Space) -> None:
    """Write a file of each format; and ``exported``, the manifest of a network with its whole time, ``whole.json``."""
    places = {op: site.name for site in build_sites(space) for op in site.table.values() if op is not None}
    nodes = _nodes(list(places.items()))
    for name, make in PROFILES.items():
        Path(name).write_text(make(nodes), encoding="utf-8")
    for name, text in zip(TABLES, (_ofa(places), _nnmeter(places), _hwnasbench(places), _layers(space)), strict=True):
        Path(name).write_text(text, encoding="utf-8")
    Path("whole.json").write_text(samples.tensorrt_times(0.5), encoding="utf-8")
    Path("exported").mkdir()
    write_json(Path("exported/manifest.json"), asdict(_manifest(space)))


def _nodes(parts: Sequence[tuple[Operator, str]]) -> list[tuple[str, float]]:
    names = instance_names([(place, op) for op, place in parts])
    return [
        (f"{name}/{step}_step", true_ms(op) / len(primitives(op)))
        for (op, _), name in zip(parts, names, strict=True)
        for step in range(len(primitives(op)))
    ]


def _manifest(space: Space) -> ExportManifest:
    arch = draw_archs(space, 1, np.random.default_rng(0))[0]
    parts = [(site.name, op) for site in build_sites(space) if (op := site.operator(arch)) is not None]
    model = ExportedModel(name="whole", parts=instance_names(parts), arch=decode(space, arch))
    return ExportManifest(
        schema=SCHEMA, space=space.name, space_hash=space.hash, resolutions=(space.resolution,), batch=1,
        precision="fp32", layout="nchw", seed=0, models=(model,),
    )  # fmt: skip


def _ofa(operators: dict[Operator, str]) -> str:
    rows = []
    for op in operators:
        shapes = (
            f"input:{op.in_size}x{op.in_size}x{op.in_channels}-output:{op.out_size}x{op.out_size}x{op.out_channels}"
        )
        name = {"conv": f"Conv-{shapes}", "global_pool": f"AvgPool2D-{shapes}"}.get(op.kind, "")
        if op.kind == "linear":
            name = f"Logits-input:1x1x{op.in_channels}-output:{op.out_channels}"
        elif op.kind == "mbconv":
            same = f"kernel:{op.kernel}-stride:{op.stride}-idskip:{op.skip:d}-se:0-hs:0"
            name = f"expanded_conv-{shapes}-expand:{op.hidden_channels}-{same}"
        rows.append(f"{name}: {{count: 10, mean: {true_ms(op):.4f}, std: 0.001}}")
    return "\n".join(rows) + "\n"


def _nnmeter(operators: dict[Operator, str]) -> str:
    found = {}
    for op in operators:
        shape = f"{op.in_size}_{op.in_channels}_{op.out_channels}"
        name = {
            "conv": f"firstconv_{shape}_{op.stride}_{op.kernel}", "global_pool": f"FeatureMixBlock_{shape}_1",
            "linear": f"LogitsBlock_1_{op.in_channels}_{op.out_channels}_0_None_0_relu",
            "mbconv": f"MobileNetV2Block_{shape}_{op.kernel}_3_{op.stride}_relu6",
        }[op.kind]  # fmt: skip
        found[name] = true_ms(op)
    return json.dumps(found)


def _hwnasbench(operators: dict[Operator, str]) -> str:
    found = {}
    for op in operators:
        shape = f"_H{op.in_size}_W{op.in_size}_Cin{op.in_channels}_Cout{op.out_channels}"
        tail = f"kernel{op.kernel}_stride{op.stride}_group1"
        name = {
            "conv": f"ConvNorm{shape}_{tail}", "global_pool": f"AvgP{shape}_kernel{op.in_size}_stride1",
            "linear": f"FC_Cin{op.in_channels}_Cout{op.out_channels}", "mbconv": f"ConvBlock{shape}_exp3_{tail}",
        }[op.kind]  # fmt: skip
        found[name] = true_ms(op)
    return json.dumps({"board_latency": found, "board_energy": found})


def _layers(space: Space) -> str:
    rows = [
        f"board,{slot.unit},{slot.layer},{choice},{0.01 * (place + number + 1):.2f}"
        for place, slot in enumerate(space.layer_slots)
        for number, choice in enumerate(slot.choices)
        if str(choice) != "skip"
    ]
    return "\n".join(["device,unit,layer,block,ms", "board,0,0,base,0.5", *rows]) + "\n"
