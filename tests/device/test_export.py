"""Exported models: what they hold, how their nodes are named, and which networks are chosen to be timed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
import pytest

from blockprofile.device.export import export_networks, export_operators
from blockprofile.device.export_manifest import MANIFEST_NAME, read_manifest
from blockprofile.device.export_settings import ExportSettings
from blockprofile.device.node_names import Instance, find_steps, instance_names, operator_tag, required_steps
from blockprofile.device.plan import cover_archs, plan_archs
from blockprofile.device.probes import table_operators
from blockprofile.device.quantize import read_images
from blockprofile.device.solve import count_operators
from blockprofile.errors import ArchError, DataError, OptionError
from blockprofile.predict.lookup import lookup_key
from blockprofile.space import Space, draw_archs, encode, list_operators, load_space
from blockprofile.space.operators import Operator, primitives
from tests.toy import mixed_space, shared_space


def nodes_of(path: Path) -> list[str]:
    return [node.name for node in onnx.load(path).graph.node]


def test_every_operator_is_a_file_and_every_node_says_its_place(toy: Space, tmp_path: Path) -> None:
    manifest = export_operators(toy, tmp_path / "out", settings=ExportSettings(batch=2))
    assert read_manifest(tmp_path / "out", toy) == manifest
    tags = {operator_tag(op): op for op in table_operators(toy)}
    alone = [model for model in manifest.models if len(model.parts) == 1]
    assert sorted(model.parts[0].split("/")[1] for model in alone) == sorted(tags)
    for model in manifest.models:
        loaded = onnx.load(tmp_path / "out" / model.file)
        onnx.checker.check_model(loaded, full_check=True)
        assert loaded.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 2
        steps = {step for node in loaded.graph.node for step in find_steps(node.name)}
        assert all(find_steps(node.name) for node in loaded.graph.node)
        assert sorted({str(step.instance) for step in steps}) == sorted(model.parts)
        for part in model.parts:
            named = {step.index for step in steps if str(step.instance) == part}
            assert named >= set(required_steps(tags[part.split("/")[1]]))


def test_networks_carry_their_archs(toy: Space, tmp_path: Path) -> None:
    archs = draw_archs(toy, 3, np.random.default_rng(0))
    manifest = export_networks(toy, tmp_path / "out", archs, settings=ExportSettings(layout="nhwc"))
    for model, arch in zip(manifest.models, archs, strict=True):
        assert encode(toy, model.arch).tobytes() == arch.tobytes()
        session = onnxruntime.InferenceSession(tmp_path / "out" / model.file)
        assert session.get_inputs()[0].shape == [1, 32, 32, 3]
        assert session.get_outputs()[0].shape == [1, 10]
    assert manifest.suffix == "fp32_b1_nhwc"


def test_eight_bits_keep_the_names(toy: Space, tmp_path: Path) -> None:
    arch = draw_archs(toy, 1, np.random.default_rng(0))
    images = np.random.default_rng(0).random((3, 3, 32, 32), np.float32)
    np.save(tmp_path / "images.npy", images)
    settings = ExportSettings(precision="int8", calibration=read_images(tmp_path / "images.npy"), batch=2)
    manifest = export_networks(toy, tmp_path / "out", arch, settings=settings)
    path = tmp_path / "out" / manifest.models[0].file
    found = {str(step.instance) for name in nodes_of(path) for step in find_steps(name)}
    assert found == set(manifest.models[0].parts)
    assert {node.op_type for node in onnx.load(path).graph.node} >= {"QuantizeLinear", "DequantizeLinear"}
    wrong = ExportSettings(precision="int8", calibration=images[:, :, :16], batch=2)
    with pytest.raises(OptionError, match=r"\(3, 3, 16, 32\) do not fit an input of shape \(2, 3, 32, 32\)"):
        export_networks(toy, tmp_path / "no", arch, settings=wrong)
    assert not (tmp_path / "no").exists()


def test_what_cannot_be_exported(toy: Space, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OptionError, match=r"'.*full' is there already and not empty"):
        export_operators(toy, tmp_path / "full", settings=ExportSettings())
    with pytest.raises(OptionError, match="no effect at precision 'fp32'"):
        ExportSettings(calibration=np.zeros((1, 3, 8, 8), np.float32))
    settings = ExportSettings(precision="int8", calibration=np.zeros((1, 3, 8, 8), np.float32))
    with pytest.raises(OptionError, match="operators have none"):
        export_operators(toy, tmp_path / "x", settings=settings)
    with pytest.raises(OptionError, match="batch 0"):
        ExportSettings(batch=0)
    with pytest.raises(OptionError, match="'bf16' is unknown; did you mean 'fp16'"):
        ExportSettings(precision=cast("Any", "bf16"))
    with pytest.raises(OptionError, match="did you mean 'nhwc'"):
        ExportSettings(layout=cast("Any", "nhcw"))
    np.save(tmp_path / "bytes.npy", np.zeros((1, 3, 8, 8), np.uint8))
    with pytest.raises(DataError, match="uint8 of shape"):
        read_images(tmp_path / "bytes.npy")
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match="cannot be read"):
        read_images(tmp_path / "bad.npy")


def test_a_manifest_of_another_space_is_refused(toy: Space, tmp_path: Path) -> None:
    export_operators(toy, tmp_path / "out", settings=ExportSettings())
    with pytest.raises(DataError, match=r"of space 'toy' as it stood then, not of 'shared'"):
        read_manifest(tmp_path / "out" / MANIFEST_NAME, shared_space())


def test_tags_tell_all_operators_of_the_shipped_spaces_apart(shipped: Space) -> None:
    try:
        operators = table_operators(shipped)
    except ArchError:  # pragma: no cover
        return
    assert len({operator_tag(op) for op in operators}) == len({lookup_key(op) for op in operators})


def test_names_survive_what_tools_do_to_them() -> None:
    op = Operator(op="mbconv", in_size=8, out_size=8, in_channels=8, out_channels=8, hidden_channels=16, kernel=3)
    (name,) = instance_names([("u1l2", op)])
    tag = operator_tag(op)
    for told in (
        f"{name}/1_depthwise/conv4",
        f"InsertedPrecisionFreeCast_{name}/1_depthwise/conv4_nchwc_kernel_time",
        f"[{name.replace('/', '_')}_1_depthwise_conv4;x]:12",
        f"fused {name.replace('/', '.')}.1_depthwise.conv4 + PWN({name}/1_depthwise/relu5)",
    ):
        assert [(step.instance, step.index) for step in find_steps(told)] == [(Instance("u1l2", 1, tag), 1)]
    assert find_steps("Reformatting CopyNode for Input Tensor 0") == ()
    assert list(required_steps(op)) == [index for index, step in enumerate(primitives(op)) if step.macs]


@pytest.mark.parametrize("make", [shared_space, mixed_space, lambda: load_space("ofa_resnet50")])
def test_a_cover_holds_every_operator(make: object) -> None:
    space: Space = make()  # type: ignore[operator]
    archs = cover_archs(space)
    assert space.contains(archs).all()
    wanted = {lookup_key(op) for op in table_operators(space)}
    assert {lookup_key(op) for arch in archs for op in list_operators(space, arch)} == wanted


def test_counts_are_those_of_the_operator_lists(toy: Space) -> None:
    archs = draw_archs(toy, 20, np.random.default_rng(1))
    design = count_operators(toy, archs, metric="")
    keys = list(design.operators)
    for arch, row in zip(archs, design.counts, strict=True):
        listed = [lookup_key(op) for op in list_operators(toy, arch)]
        assert dict(zip(keys, row, strict=True)) == {key: listed.count(key) for key in keys}


def test_a_plan_tells_more_than_random_networks() -> None:
    space = load_space("nas_bench_macro")
    planned = plan_archs(space, 30)
    assert len(np.unique(planned.archs, axis=0)) == 30
    assert space.contains(planned.archs).all()
    assert planned.n_held == planned.n_operators == len(table_operators(space))
    assert planned.variance_ratio < 0.9
    assert (plan_archs(space, 30).archs == planned.archs).all()


def test_how_many_networks_can_be_planned() -> None:
    with pytest.raises(OptionError, match="4 networks are too few"):
        plan_archs(shared_space(), 4)
    with pytest.raises(OptionError, match="more than the 54 that there are"):
        plan_archs(shared_space(), 55)
