"""Programs for ExecuTorch, timed by its own runtime and told by its own Inspector, where it is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from blockprofile.device.export import export_networks
from blockprofile.device.export_manifest import ExportManifest
from blockprofile.device.export_settings import ExportSettings
from blockprofile.device.foreign import ImportOptions, read_device_table, read_traces
from blockprofile.device.plan import cover_archs
from blockprofile.device.probes import table_operators
from blockprofile.device.whole import write_network_times
from blockprofile.errors import OptionError
from blockprofile.space import Space

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("executorch") is None, reason="executorch is not installed"),
    pytest.mark.filterwarnings("ignore"),
]
RUNS = 5


def profile(manifest: ExportManifest, models: Path, folder: Path) -> None:
    """Run every program with event tracing, and write what the Inspector makes of the events."""
    import torch
    from executorch.devtools import Inspector
    from executorch.extension.pybindings import portable_lib

    folder.mkdir()
    for model in manifest.models:
        program = portable_lib._load_for_executorch(str(models / model.file), enable_etdump=True)
        for _ in range(RUNS):
            program.forward((torch.zeros(manifest.batch, 3, 32, 32),))
        program.write_etdump_result_to_file(str(folder / f"{model.name}.etdp"))
        record = models / f"{model.name}.etrecord"
        inspector = Inspector(
            etdump_path=str(folder / f"{model.name}.etdp"), etrecord=str(record) if record.exists() else None
        )
        inspector.to_dataframe().to_csv(folder / f"{model.name}.csv")


def test_operators_are_timed_where_they_stand(toy: Space, tmp_path: Path) -> None:
    settings = ExportSettings(kind="pte", batch=2, apart=True)
    manifest = export_networks(toy, tmp_path / "models", cover_archs(toy), settings=settings)
    profile(manifest, tmp_path / "models", tmp_path / "profiles")
    found = read_device_table([tmp_path / "profiles"], toy, ImportOptions(), manifest=manifest)
    assert found.form == "executorch"
    assert set(found.table.times) == set(table_operators(toy))
    assert min(time.value for time in found.table.times.values()) > 0
    for trace in read_traces([tmp_path / "profiles"], ImportOptions()):
        assert trace.n_runs == RUNS
        assert trace.whole_ms is not None
        assert 0.3 * trace.whole_ms < sum(node.ms for node in trace.nodes) < 1.5 * trace.whole_ms


def test_networks_are_timed_whole(toy: Space, tmp_path: Path) -> None:
    settings = ExportSettings(kind="pte", precision="int8")
    manifest = export_networks(toy, tmp_path / "models", cover_archs(toy)[:1], settings=settings)
    profile(manifest, tmp_path / "models", tmp_path / "profiles")
    traces = read_traces([tmp_path / "profiles"], ImportOptions())
    assert [trace.nodes for trace in traces] == [()]
    count, mean_ms = write_network_times(traces, manifest, tmp_path / "times.csv")
    assert count == 1
    assert mean_ms > 0
    with pytest.raises(OptionError, match="these are whole times of networks"):
        read_device_table([tmp_path / "profiles"], toy, ImportOptions(), manifest=manifest)
