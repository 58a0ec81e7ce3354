"""The peak of the activations and the weights' bytes, against the liveness of an ONNX graph, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import shape_inference

from blockprofile.device.onnx_graph import onnx_model
from blockprofile.errors import DataError
from blockprofile.metric import parse_metric
from blockprofile.predict import AdditivePredictor, load_predictors
from blockprofile.predict.counted import PeakPredictor, build_counted, peak_elements
from blockprofile.profile.rows import is_sampled
from blockprofile.space import Operator, Space, count_params, draw_archs, list_operators, load_space
from tests.toy import all_archs

IN_PLACE = {"Relu", "Clip", "HardSwish", "HardSigmoid", "Sigmoid", "Flatten"}
"""What is part of the node before it, or moves nothing."""


def graph_peak(ops: tuple[Operator, ...]) -> int:
    """Return the most elements that are alive at once in the graph of operators."""
    graph = shape_inference.infer_shapes(onnx_model(ops)).graph
    weights = {tensor.name for tensor in graph.initializer}
    values = [*graph.input, *graph.value_info, *graph.output]
    sizes = {v.name: int(np.prod([d.dim_value for d in v.type.tensor_type.shape.dim])) for v in values}
    alias: dict[str, str] = {}
    steps = []
    for node in graph.node:
        inputs = [alias.get(name, name) for name in node.input if name not in weights]
        if node.op_type in IN_PLACE:
            alias[node.output[0]] = inputs[0]
        else:
            steps.append((inputs, node.output[0]))
    made = {"input": -1} | {output: place for place, (_, output) in enumerate(steps)}
    last = {name: place for place, (inputs, _) in enumerate(steps) for name in inputs}
    return max(
        sum(sizes[name] for name, since in made.items() if since <= place <= last.get(name, since))
        for place in range(len(steps))
    )


@pytest.mark.parametrize("name", ["moga", "ofa_resnet50", "fbnet_32", "scarlet"])
def test_the_peak_is_that_of_the_graph(name: str) -> None:
    space = load_space(name)
    archs = draw_archs(space, 3, np.random.default_rng(3))
    (predictor,) = load_predictors(space, metrics=["activation_mb:fp16"])
    assert isinstance(predictor, PeakPredictor)
    peaks = predictor.predict(archs)
    for arch, peak in zip(archs, peaks, strict=True):
        assert peak == pytest.approx(2 * graph_peak(list_operators(space, arch)) / 1e6, rel=1e-6)


def test_the_peak_is_the_largest_operators(toy: Space, mixed: Space) -> None:
    for space in (toy, mixed):
        archs = all_archs(space)[::7]
        (predictor,) = load_predictors(space, metrics=["activation_mb:fp32"])
        wanted = [4 * max(map(peak_elements, list_operators(space, arch))) / 1e6 for arch in archs]
        assert predictor.predict(archs) == pytest.approx(wanted, rel=1e-6)


def test_weights_are_parameters_at_a_precision(toy: Space) -> None:
    archs = all_archs(toy)[::41]
    loaded = load_predictors(toy, metrics=[f"weights_mb:{name}" for name in ("fp32", "fp16", "int8")])
    for predictor, size in zip(loaded, (4, 2, 1), strict=True):
        assert isinstance(predictor, AdditivePredictor)
        wanted = [size * count_params(list_operators(toy, arch)) / 1e6 for arch in archs]
        assert predictor.predict(archs) == pytest.approx(wanted, rel=1e-6)


def test_a_gate_keeps_what_it_scales() -> None:
    op = Operator(
        op="mbconv", in_size=2, out_size=2, in_channels=4, out_channels=4, hidden_channels=40, kernel=3, se_channels=10
    )
    # The scaling: 40 channels in, 40 out and the gate's 40 values.
    assert peak_elements(op) == 4 * 80 + 40


def test_names_titles_and_what_cannot_be_counted(toy: Space) -> None:
    about = parse_metric("activation_mb:int8")
    assert (about.title, about.unit, about.direction, about.is_on_device) == (
        "peak activations in int8", "MB", "min", False
    )  # fmt: skip
    (predictor,) = load_predictors(toy, metrics=["weights_mb:int8"])
    assert isinstance(predictor, AdditivePredictor)
    from dataclasses import replace
    from pathlib import Path

    with pytest.raises(DataError, match="'weights_mb:int4' cannot be counted; did you mean 'weights_mb:int8'"):
        build_counted(replace(predictor.card, metric="weights_mb:int4"), Path("here"), toy)
    assert is_sampled({"card": {"kind": "counted", "metric": "activation_mb:fp32"}})
    assert not is_sampled({"card": {"kind": "counted", "metric": "weights_mb:fp32"}})
