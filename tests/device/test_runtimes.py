"""The real runtimes, in a tiny measurement; clocks, pinning and the lock."""

from __future__ import annotations

import os
import time
import types
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from blockprofile.device import machine
from blockprofile.device.machine import pinned, processor_name, system_name, timing_lock
from blockprofile.device.measure import measure_table
from blockprofile.device.rounds import Plan
from blockprofile.device.runtime import RUNTIMES, Settings, make_runtime, time_call
from blockprofile.errors import OptionError, UnknownNameError
from blockprofile.predict import load_predictors
from blockprofile.space import Operator, Space, draw_archs

OP = Operator(
    op="mbconv",
    in_size=28,
    out_size=28,
    in_channels=16,
    out_channels=16,
    hidden_channels=48,
    kernel=3,
    act="relu",
    skip=True,
)


@pytest.mark.parametrize("name", ["torch", "onnxruntime"])
def test_a_tiny_measurement_on_the_real_thing(name: str, toy: Space, tmp_path: Path) -> None:
    runtime = make_runtime(name, Settings(clock="cpu"))
    plan = Plan(min_rounds=6, max_rounds=6, visit_ms=0.3, precision=0.5)
    table = measure_table(toy, runtime, tmp_path / "me", name="me", hardware="this machine", plan=plan)
    assert len(table.times) == len(pd.read_parquet(tmp_path / "me" / "table.parquet"))
    assert sum(time.value > 0 for time in table.times.values()) > len(table.times) / 2
    predictor = load_predictors(toy, devices=[str(tmp_path / "me")], metrics=[])[0]
    latencies = predictor.predict(draw_archs(toy, 100, np.random.default_rng(0)))
    assert (latencies > 0).all()
    assert latencies.max() < 1000


@pytest.mark.parametrize("name", [name for name in RUNTIMES if name not in {"torch_graph", "torch_compile"}])
def test_more_work_takes_more_time(name: str) -> None:
    runtime = make_runtime(name, Settings(clock="cpu"))
    best = []
    for length in (1, 8):
        prepared = runtime.prepare([OP] * length, seed=0)
        best.append(min(prepared.read().ms for _ in range(12)))
    assert best[1] > 2 * best[0]


def test_torch_leaves_the_random_state_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    make_runtime("torch", Settings()).prepare([OP], seed=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_cpu_clock_stands_still_while_the_thread_waits() -> None:
    assert time_call(lambda: time.sleep(0.02), "wall").ms >= 20
    assert time_call(lambda: time.sleep(0.02), "cpu").ms < 15


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"threads": 0}, "threads is 0; must be at least 1"),
        ({"batch": -1}, "batch is -1"),
        ({"dtype": "int8"}, "dtype 'int8' is unknown; choices: float32, float16"),
        ({"clock": "cpus"}, "clock 'cpus' is unknown; did you mean 'cpu'"),
        ({"clock": "cpu", "threads": 2}, "not 'cpu' and 2"),
    ],
)
def test_settings_that_cannot_be(fields: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Settings(**fields)  # type: ignore[arg-type]


def test_runtimes_and_providers_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="runtime 'onnx_runtime' is unknown; did you mean 'onnxruntime'"):
        make_runtime("onnx_runtime", Settings())
    with pytest.raises(OptionError, match="no provider 'tpu'; choices: cpu, cuda"):
        make_runtime("torch", Settings(provider="tpu"))
    with pytest.raises(OptionError, match="has no provider 'NpuExecutionProvider' here; did you mean"):
        make_runtime("onnxruntime", Settings(provider="NpuExecutionProvider"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OptionError, match="torch finds no CUDA device here"):
        make_runtime("torch", Settings(provider="cuda"))


def test_a_provider_that_gives_way_to_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    runtime = make_runtime("onnxruntime", Settings(provider="cuda"))
    with (
        warnings.catch_warnings(action="ignore"),
        pytest.raises(OptionError, match="not start the provider"),
    ):
        runtime.prepare([OP], seed=0)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(OptionError, match=r"needs the package 'onnxruntime'; install blockprofile\[onnx\]"):
        make_runtime("onnxruntime", Settings())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_cuda_is_timed_by_events(dtype: str) -> None:
    prepared = make_runtime("torch", Settings(provider="cuda", dtype=dtype, batch=4)).prepare([OP], seed=0)
    readings = [prepared.read().ms for _ in range(5)]
    assert 0 < min(readings) < 100


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system cannot pin")
def test_pinning_is_undone() -> None:
    before = os.sched_getaffinity(0)
    one = min(before)
    with pinned((one,)) as used:
        assert os.sched_getaffinity(0) == {one}
        assert used == (one,)
    assert os.sched_getaffinity(0) == before
    with pinned(()) as used:
        assert used == ()


def test_machine_is_named() -> None:
    assert processor_name()
    assert "processors" in system_name()


def test_only_one_timing_at_a_time(tmp_path: Path) -> None:
    import threading

    said: list[str] = []
    order: list[str] = []

    def second() -> None:
        with timing_lock(said.append):
            order.append("second")

    with timing_lock(said.append):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
    assert said == [f"another timing runs on this machine; waiting for it to end ({tmp_path / machine.LOCK_NAME})"]


def test_a_gpu_is_named_by_its_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver's tool that answers as NVIDIA's does, one that fails, and none."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\ncase $1 in *name) echo NVIDIA H100 80GB HBM3;; *) echo 1980 MHz;; esac\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert machine.accelerator_name("cuda") == "NVIDIA H100 80GB HBM3"
    assert machine.accelerator_name("TensorrtExecutionProvider") == "NVIDIA H100 80GB HBM3"
    assert machine.accelerator_name("CPUExecutionProvider") == ""
    assert machine.accelerator_clock_mhz() == 1980
    tool.write_text("#!/bin/sh\necho $*\n")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    assert machine.accelerator_name("cuda") == "--query-gpu=name --format=csv,noheader --id=3"
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert machine.accelerator_clock_mhz() is None
    tool.unlink()
    assert machine.accelerator_name("cuda") == "GPU, whose driver does not tell its name"


def test_compiled_before_it_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []
    given: list[tuple[types.FunctionType, dict[str, object]]] = []

    def compiled(module: types.FunctionType, **how: object) -> object:
        given.append((module, how))

        def call(features: torch.Tensor) -> object:
            runs.append("run")
            return module(features)

        runs.append("compile")
        return call

    monkeypatch.setattr(torch, "compile", compiled)
    runtime = make_runtime("torch_compile", Settings())
    prepared = runtime.prepare([OP], seed=0)
    assert runs == ["compile", "run"]
    assert prepared.read().ms > 0
    assert runtime.describe()["runtime"].endswith("torch.compile")
    runtime.prepare([OP], seed=1)
    # Torch keeps what it compiles by code object, and compiles for the threads that are set when it does.
    assert given[0][0].__code__ is not given[1][0].__code__
    assert given[0][1] == {"fullgraph": True, "dynamic": False, "options": {"cpp.threads": 1}}
    with pytest.raises(OptionError, match="'torch_graph' records CUDA graphs; it has no provider 'cpu'"):
        make_runtime("torch_graph", Settings())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_recorded_graph_is_replayed() -> None:
    prepared = make_runtime("torch_graph", Settings(provider="cuda")).prepare([OP], seed=0)
    assert 0 < min(prepared.read().ms for _ in range(5)) < 100
