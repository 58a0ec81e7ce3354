"""A space's table made four ways on this machine, each against whole networks, and their block ranks side by side.

    python -m benchmarks.study_four_ways OUT                        # moga_32, some ten minutes on one core
    python -m benchmarks.study_four_ways OUT --space moga --rounds 10 --seconds 120

1. `lut measure`: every operator alone and in chains. 2. ONNX Runtime's own profile of networks that hold every
operator, by `lut import`. 3. The times of 100 planned networks, by `lut solve`. 4. OpenVINO's counters of the networks
of 2, by `lut import` (needs the package openvino; left out where it is not there).

One thread; networks are run in rounds, one run of each by turns, so that a slow minute falls on all alike. Whole
networks are timed by the processor time that they took, the median over rounds: others may use the machine meanwhile.
How far the two halves of the rounds differ is told: a table's error cannot be below that. What is there already is not
made again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from blockprofile.cli.main import main as command
from blockprofile.device import ExportSettings, compare_devices, export_networks, read_manifest
from blockprofile.space import draw_archs, load_space

WAYS = ("measured", "profiled", "solved", "openvino")
N_JUDGES = 30
N_PLANNED = 100
COMPILED, COUNTED_RUNS = 12, 2
"""How often OpenVINO compiles each network, and the runs that its counters are then of."""


def run(*words: object) -> None:
    """Run a command of the project, which must work."""
    line = [str(word) for word in words]
    print("  blockprofile", *line, flush=True)
    assert command(line) == 0, line


def onnxruntime_runner(model: Path, profile: Path | None = None) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return what runs a model once in ONNX Runtime on one thread, and what ends its profile."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape
    features = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return (lambda: session.run(None, {"input": features})), session.end_profiling


def openvino_runner(model: Path) -> tuple[Callable[[], object], Callable[[], Any]]:
    """Return what runs a model once in OpenVINO on one thread, and what gives its counters: means over all runs."""
    import openvino

    settings = {"PERF_COUNT": True, "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
    shape = list(request.model_inputs[0].shape)
    features = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return (lambda: request.infer([features])), lambda: request.profiling_info


def time_models(runners: Mapping[str, Callable[[], object]], rounds: int) -> pd.DataFrame:
    """Time models by turns; one column a model, one row a round, the process's own time in ms."""
    rng, rows = np.random.default_rng(0), []
    for call in runners.values():
        call()
    for _ in range(rounds):
        row = {}
        for name in rng.permutation(list(runners)):
            start = time.process_time_ns()
            runners[name]()
            row[str(name)] = (time.process_time_ns() - start) / 1e6
        rows.append(row)
    return pd.DataFrame(rows, columns=list(runners))


def write_times(folder: Path, out: Path, space: str, runner: Callable[..., Any], rounds: int) -> None:
    """Time all networks of a folder and write archs, the median over rounds, and the medians of its two halves."""
    if out.exists():
        return
    manifest = read_manifest(folder, load_space(space))
    times = time_models({each.name: runner(folder / each.file)[0] for each in manifest.models}, rounds)
    halves = [times.iloc[start::2].median().to_numpy() for start in (0, 1)]
    archs = [each.arch for each in manifest.models]
    table = pd.DataFrame({"arch": archs, "mean_ms": times.median().to_numpy(), "even": halves[0], "odd": halves[1]})
    table.to_csv(out, index=False)


def profile_onnxruntime(folder: Path, out: Path, space: str, rounds: int) -> None:
    """Write ONNX Runtime's profile of every network of a folder."""
    out.mkdir()
    models = read_manifest(folder, load_space(space)).models
    sessions = {each.name: onnxruntime_runner(folder / each.file, out / each.name) for each in models}
    time_models({name: call for name, (call, _) in sessions.items()}, rounds)
    for _, end in sessions.values():
        end()


def _counters(model: Path) -> list[tuple[Any, float]]:
    """Return a model's layers and the mean of each over few runs, in ms, the first run left out."""
    call, info = openvino_runner(model)
    call()
    first = list(info())
    for _ in range(COUNTED_RUNS):
        call()
    runs = COUNTED_RUNS + 1
    return [
        (now, (runs * now.real_time.total_seconds() - before.real_time.total_seconds()) * 1000 / COUNTED_RUNS)
        for before, now in zip(first, info(), strict=True)
    ]


def profile_openvino(folder: Path, out: Path, space: str) -> None:
    """Write OpenVINO's counters of every network of a folder as benchmark_app does.

    They are means, which one interruption spoils: a network is compiled anew several times, and the least mean counts.
    """
    models = read_manifest(folder, load_space(space)).models
    found: dict[str, list[list[tuple[Any, float]]]] = {each.name: [] for each in models}
    for _ in range(COMPILED):
        for each in models:
            found[each.name].append(_counters(folder / each.file))
    out.mkdir()
    head = "layerName;execStatus;layerType;execType;realTime (ms);cpuTime (ms);"
    for name, samples in found.items():
        lines = [head]
        for layers in zip(*samples, strict=True):
            layer, ms = layers[0][0], max(0.0, min(each for _, each in layers))
            status = str(layer.status).rpartition(".")[2]
            lines.append(f"{layer.node_name};{status};{layer.node_type};{layer.exec_type};{ms:.6f};{ms:.6f};")
        (out / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_tables(out: Path, space: str, rounds: int, seconds: float) -> list[str]:
    """Make the tables that are not there yet; return their names."""
    about = ("--space", space, "--hardware", "this machine", "--json")
    if not (out / "judges").exists():
        loaded = load_space(space)
        archs = draw_archs(loaded, N_JUDGES, np.random.default_rng(2026))
        export_networks(loaded, out / "judges", archs, settings=ExportSettings())
    if not (out / "models").exists():
        run("lut", "export", "--space", space, "--form", "networks", "--out", out / "models", "--json")
    if not (out / "plan").exists():
        run("lut", "plan", "--space", space, "--n", N_PLANNED, "--out", out / "plan", "--json")
    write_times(out / "judges", out / "judges_onnxruntime.csv", space, onnxruntime_runner, rounds)
    run("lut", "measure", "--space", space, "--clock", "cpu", "--time-limit", seconds, "--name", "measured", "--out",
        out / "measured", "--json")  # fmt: skip
    if not (out / "profiles").exists():
        profile_onnxruntime(out / "models", out / "profiles", space, rounds)
    if not (out / "profiled").exists():
        run("lut", "import", out / "profiles", *about, "--manifest", out / "models", "--runtime", "ONNX Runtime",
            "--name", "profiled", "--spread", "macs", "--out", out / "profiled")  # fmt: skip
    write_times(out / "plan", out / "plan.csv", space, onnxruntime_runner, rounds)
    if not (out / "solved").exists():
        run("lut", "solve", out / "plan.csv", *about, "--column", "mean_ms", "--device", "solved", "--out",
            out / "solved")  # fmt: skip
    try:
        import openvino  # noqa: F401
    except ImportError:
        print("openvino is not installed: three ways only")
        return list(WAYS[:3])
    if not (out / "counters").exists():
        profile_openvino(out / "models", out / "counters", space)
    if not (out / "openvino").exists():
        run("lut", "import", out / "counters", *about, "--manifest", out / "models", "--runtime", "OpenVINO",
            "--name", "openvino", "--spread", "macs", "--out", out / "openvino")  # fmt: skip
    write_times(out / "judges", out / "judges_openvino.csv", space, openvino_runner, rounds)
    return list(WAYS)


def judge(out: Path, space: str, ways: list[str]) -> pd.DataFrame:
    """Set each table against the whole networks of its runtime: bare, and repaired with each network left out."""
    from blockprofile.device import audit_times, read_times
    from blockprofile.predict import find_device

    loaded, rows = load_space(space), []
    for way in ways:
        file = out / ("judges_openvino.csv" if way == "openvino" else "judges_onnxruntime.csv")
        table = pd.read_csv(file)
        found = audit_times(loaded, find_device(str(out / way), loaded), read_times(file, loaded, column="mean_ms"))
        best = min(found.repairs, key=lambda each: each.cv_rmse_ms)
        noise = float((table["even"] - table["odd"]).std() / 2 / table["mean_ms"].mean())
        rows.append({
            "way": way, "mean_ms": found.figures["mean_ms"], "rmse_percent": found.figures["rmse_percent"],
            "bias_percent": found.figures["bias_percent"], "kendall_tau": found.figures["kendall_tau"],
            "repair": best.model, "left_out_percent": 100 * best.cv_rmse_ms / found.figures["mean_ms"],
            "noise_percent": 100 * noise,
        })  # fmt: skip
    return pd.DataFrame(rows)


def agreement(out: Path, space: str, ways: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare the tables pairwise: Kendall's tau of archs, of single places, of blocks; and the blocks' ranks."""
    loaded, rows, ranks = load_space(space), [], pd.DataFrame(columns=ways)
    for one, other in itertools.combinations(ways, 2):
        found = compare_devices(loaded, (str(out / one), str(out / other)), n=20_000)
        rows.append(
            {"pair": f"{one}, {other}", "archs": found.tau, "places": found.cell_tau, "blocks": found.block_tau}
        )
        for block in found.blocks:
            for place, way in enumerate((one, other)):
                ranks.loc[block["block"], way] = block[f"rank_{'ab'[place]}"]
    return pd.DataFrame(rows), ranks.sort_values(ways[0])


def main() -> None:
    """Make, judge, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--space", default="moga_32")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=240.0)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    ways = make_tables(given.out, given.space, given.rounds, given.seconds)
    judged, (pairs, ranks) = judge(given.out, given.space, ways), agreement(given.out, given.space, ways)
    for title, table in (
        ("against whole networks", judged),
        ("Kendall's tau", pairs),
        ("ranks, cheapest first", ranks),
    ):
        print(f"\n{title}\n{table.round(3).to_string(index=table is ranks)}")
    (given.out / "result.json").write_text(json.dumps(judged.to_dict("records"), indent=1), encoding="utf-8")
    assert (judged["kendall_tau"] > 0).all(), judged


if __name__ == "__main__":
    main()
