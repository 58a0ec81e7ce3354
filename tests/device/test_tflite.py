"""Models for LiteRT, timed by its own benchmark and told by Arm's Vela, where those are installed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from blockprofile.device.export import export_networks
from blockprofile.device.export_manifest import ExportManifest
from blockprofile.device.export_settings import ExportSettings
from blockprofile.device.foreign import ImportOptions, read_device_table, read_traces
from blockprofile.device.plan import cover_archs
from blockprofile.device.probes import table_operators
from blockprofile.device.whole import write_network_times
from blockprofile.space import Space
from tests.toy import toy_space

BENCHMARK, VELA = (Path(sys.executable).parent / name for name in ("litert-benchmark", "vela"))
CLOCK_MHZ = 500.0
pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("litert_torch") is None, reason="litert-torch is not installed"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def quantized(tmp_path_factory: pytest.TempPathFactory) -> tuple[ExportManifest, Path]:
    folder = tmp_path_factory.mktemp("tflite") / "models"
    toy, settings = toy_space(), ExportSettings(kind="tflite", precision="int8")
    return export_networks(toy, folder, cover_archs(toy), settings=settings), folder


@pytest.mark.skipif(not BENCHMARK.exists(), reason="litert-benchmark is not installed")
def test_networks_are_timed_whole(toy: Space, tmp_path: Path) -> None:
    settings = ExportSettings(kind="tflite", batch=64)
    manifest = export_networks(toy, tmp_path / "models", cover_archs(toy)[:1], settings=settings)
    (model,) = manifest.models
    told = tmp_path / f"{model.name}.json"
    command = [str(BENCHMARK), f"--model={tmp_path / 'models' / model.file}", f"--result_json={told}", "--num_runs=7"]
    subprocess.run(command, check=True, capture_output=True)
    (trace,) = read_traces([told], ImportOptions(form="litert_times"))
    assert trace.n_runs == 7
    count, mean_ms = write_network_times([trace], manifest, tmp_path / "times.csv")
    assert count == 1
    assert mean_ms == json.loads(told.read_text(encoding="utf-8"))["latency"]["median_ms"]


@pytest.mark.skipif(not VELA.exists(), reason="ethos-u-vela is not installed")
def test_layers_are_told_by_vela(toy: Space, quantized: tuple[ExportManifest, Path], tmp_path: Path) -> None:
    manifest, folder = quantized
    for model in manifest.models:
        command = [str(VELA), str(folder / model.file), "--output-dir", str(tmp_path / "vela"), "--verbose-performance"]
        subprocess.run(command, check=True, capture_output=True)
    files = sorted((tmp_path / "vela").glob("*_per-layer.csv"))
    found = read_device_table(files, toy, ImportOptions(clock_mhz=CLOCK_MHZ), manifest=manifest)
    assert found.form == "vela"
    assert found.is_estimated
    assert set(found.table.times) == set(table_operators(toy))
    (summary,) = (tmp_path / "vela").glob(f"{manifest.models[0].name}_summary*.csv")
    header, values = (line.split(",") for line in summary.read_text(encoding="utf-8").splitlines()[:2])
    told = dict(zip(header, values, strict=True))
    (trace,) = read_traces(files[:1], ImportOptions(clock_mhz=float(told["core_clock"]) / 1e6))
    assert sum(node.ms for node in trace.nodes) == pytest.approx(1000 * float(told["inference_time"]))
    assert found.left_share < 0.05
