"""Exported models, profiled by OpenVINO's own benchmark, where it is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from blockprofile.device.export import export_networks
from blockprofile.device.export_settings import ExportSettings
from blockprofile.device.foreign import ImportOptions, read_device_table
from blockprofile.device.plan import cover_archs
from blockprofile.device.probes import table_operators
from blockprofile.space import Space

BENCHMARK = Path(sys.executable).parent / "benchmark_app"
HOW = "-d CPU -niter 20 -nireq 1 -api sync -hint none -nthreads 1 -nstreams 1 -report_type average_counters -ip f32"


@pytest.mark.skipif(not BENCHMARK.exists(), reason="openvino is not installed")
def test_networks_are_told_by_its_counters(toy: Space, tmp_path: Path) -> None:
    manifest = export_networks(toy, tmp_path / "models", cover_archs(toy), settings=ExportSettings(batch=8))
    (tmp_path / "profiles").mkdir()
    for model in manifest.models:
        path, made = tmp_path / "models" / model.file, tmp_path / "reports" / model.name
        made.mkdir(parents=True)
        command = [str(BENCHMARK), "-m", str(path), *HOW.split(), "-report_folder", str(made)]
        subprocess.run(command, check=True, capture_output=True)
        (made / "benchmark_average_counters_report.csv").rename(tmp_path / "profiles" / f"{model.name}.csv")
    found = read_device_table([tmp_path / "profiles"], toy, ImportOptions(), manifest=manifest)
    assert found.form == "openvino"
    assert set(found.table.times) == set(table_operators(toy))
    assert found.left_share < 0.01
