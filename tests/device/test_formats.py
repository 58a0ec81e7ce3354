"""Profilers' files into tables: every format gives back the times it was made of, and slips are told in a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from blockprofile.device.export import export_networks, export_operators
from blockprofile.device.export_manifest import ExportManifest
from blockprofile.device.export_settings import ExportSettings
from blockprofile.device.foreign import ImportOptions, read_device_table, read_traces
from blockprofile.device.formats import TRACE_FORMATS, read_trace
from blockprofile.device.node_names import find_steps
from blockprofile.device.plan import cover_archs
from blockprofile.device.profiled import SPREADS
from blockprofile.device.whole import find_model, write_network_times
from blockprofile.errors import DataError, OptionError, UnknownNameError, check_choice
from blockprofile.predict.lookup import lookup_key
from blockprofile.space import Space, encode, list_operators
from blockprofile.space.operators import primitives
from tests.device import samples
from tests.device.fake import true_ms
from tests.device.samples import Nodes
from tests.toy import shared_space

MAKERS: dict[str, tuple[str, Callable[[Nodes], str]]] = {
    "litert": (".txt", samples.litert_text),
    "litert csv": (".csv", samples.litert_csv),
    "onnxruntime": (".json", samples.onnxruntime),
    "tensorrt": (".json", samples.tensorrt),
    "openvino": (".csv", samples.openvino),
    "aihub": (".json", samples.aihub),
    "executorch": (".csv", samples.executorch),
    "vela": (".csv", samples.vela),
}


@pytest.fixture
def exported(toy: Space, tmp_path: Path) -> ExportManifest:
    """Export the networks that hold every operator of the toy space."""
    return export_networks(toy, tmp_path / "models", cover_archs(toy), settings=ExportSettings())


def fused_nodes(toy: Space, path: Path, arch: str) -> list[tuple[str, float]]:
    """List the nodes that compute with their operator's time in equal parts, and their activations with none."""
    ops = {}
    for op in list_operators(toy, encode(toy, arch)):
        ops[lookup_key(op)] = op
    nodes: list[tuple[str, float]] = []
    by_tag = {step.instance.tag: op for op in ops.values() for step in _first(op)}
    seen = set()
    for node in onnx.load(path).graph.node:
        (step,) = find_steps(node.name)
        op = by_tag[step.instance.tag]
        ms = 0.0 if step in seen else true_ms(op) / len(primitives(op))
        seen.add(step)
        nodes.append((node.name, ms))
    return nodes


def _first(op: object) -> tuple[object, ...]:
    from blockprofile.device.node_names import Instance, Step, operator_tag

    return (Step(Instance("u1l1", 1, operator_tag(op)), 0),)  # type: ignore[arg-type]


def write_profiles(toy: Space, exported: ExportManifest, folder: Path, kind: str, *, extra: Nodes = ()) -> list[Path]:
    ending, make = MAKERS[kind]
    folder.mkdir()
    for model in exported.models:
        nodes = [*fused_nodes(toy, folder.parent / "models" / model.file, model.arch), *extra]
        (folder / f"{model.name}{ending}").write_text(make(nodes), encoding="utf-8")
    return sorted(folder.iterdir())


@pytest.mark.parametrize("kind", MAKERS)
def test_every_format_gives_its_times_back(toy: Space, exported: ExportManifest, tmp_path: Path, kind: str) -> None:
    write_profiles(toy, exported, tmp_path / "profiles", kind)
    options = ImportOptions(clock_mhz=500.0 if kind == "vela" else None)
    found = read_device_table([tmp_path / "profiles"], toy, options)
    assert found.form == kind.split(maxsplit=1)[0]
    assert found.left_share == 0
    for op, time in found.table.times.items():
        assert time.value == pytest.approx(true_ms(op), rel=1e-3)
    scaled = read_device_table([tmp_path / "profiles"], toy, replace(options, unit="us"))
    assert next(iter(scaled.table.times.values())).value == pytest.approx(
        next(iter(found.table.times.values())).value / 1000
    )


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_onnx_runtime_profiles_of_its_own_making(toy: Space, tmp_path: Path, precision: str) -> None:
    settings = ExportSettings(precision="int8" if precision == "int8" else "fp32", batch=4)
    manifest = export_networks(toy, tmp_path / "models", cover_archs(toy), settings=settings)
    (tmp_path / "profiles").mkdir()
    for model in manifest.models:
        options = onnxruntime.SessionOptions()
        options.enable_profiling, options.intra_op_num_threads = True, 1
        options.profile_file_prefix = str(tmp_path / "profiles" / model.name)
        session = onnxruntime.InferenceSession(tmp_path / "models" / model.file, options)
        features = np.random.default_rng(0).standard_normal((4, 3, 32, 32)).astype(np.float32)
        for _ in range(4):
            session.run(None, {"input": features})
        session.end_profiling()
    found = read_device_table([tmp_path / "profiles"], toy, ImportOptions(spread="macs"), manifest=manifest)
    assert found.form == "onnxruntime"
    assert len(found.table.times) == len({lookup_key(op) for op in found.table.times})
    assert min(time.value for time in found.table.times.values()) > 0
    assert found.left_share < 0.5
    trace = read_trace(next((tmp_path / "profiles").iterdir()), form="onnxruntime")
    assert trace.n_runs == 3
    assert trace.whole_ms is not None
    assert trace.whole_ms > 0


def test_whole_times_of_operators_lose_what_a_call_costs(toy: Space, tmp_path: Path) -> None:
    manifest = export_operators(toy, tmp_path / "models", settings=ExportSettings())
    from blockprofile.device.node_names import operator_tag
    from blockprofile.device.probes import table_operators

    by_tag = {operator_tag(op): op for op in table_operators(toy)}
    (tmp_path / "p").mkdir()
    for model in manifest.models:
        ms = 0.25 + sum(true_ms(by_tag[part.split("/")[1]]) for part in model.parts)
        (tmp_path / "p" / f"{model.name}.json").write_text(samples.tensorrt_times(ms), encoding="utf-8")
    found = read_device_table([tmp_path / "p"], toy, ImportOptions(), manifest=manifest)
    assert found.form == "tensorrt_times"
    assert found.table.call_ms == pytest.approx(0.25)
    for op, time in found.table.times.items():
        assert time.value == pytest.approx(true_ms(op))
    with pytest.raises(OptionError, match="say by --manifest"):
        read_device_table([tmp_path / "p"], toy, ImportOptions())
    next((tmp_path / "p").iterdir()).unlink()
    with pytest.raises(DataError, match=r"1 of .* models have no profile"):
        read_device_table([tmp_path / "p"], toy, ImportOptions(), manifest=manifest)


def test_networks_times_by_file(toy: Space, exported: ExportManifest, tmp_path: Path) -> None:
    files = write_profiles(toy, exported, tmp_path / "p", "tensorrt")
    traces = read_traces(files, ImportOptions())
    count, mean = write_network_times(traces, exported, tmp_path / "times.csv")
    assert count == len(exported.models)
    lines = (tmp_path / "times.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "arch,mean_ms"
    wanted = [sum(map(true_ms, list_operators(toy, encode(toy, model.arch)))) for model in exported.models]
    assert mean == pytest.approx(float(np.mean(wanted)))
    with pytest.raises(DataError, match="are both of model"):
        write_network_times([*traces, traces[0]], exported, tmp_path / "again.csv")
    with pytest.raises(DataError, match="named after none of the"):
        find_model(Path("other.json"), exported)


# -- slips -----------------------------------------------------------------------------------------------------


def one_profile(toy: Space, exported: ExportManifest, tmp_path: Path) -> list[tuple[str, float]]:
    model = exported.models[0]
    return fused_nodes(toy, tmp_path / "models" / model.file, model.arch)


def refused(toy: Space, tmp_path: Path, text: str, **options: object) -> str:
    path = tmp_path / "network0.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises((DataError, OptionError)) as caught:
        read_device_table([path], toy, ImportOptions(**options))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_profile_of_another_space(toy: Space, exported: ExportManifest, tmp_path: Path) -> None:
    nodes = one_profile(toy, exported, tmp_path)
    wider = [(name.replace(find_steps(name)[0].instance.tag, "mbconv_00000000"), ms) for name, ms in nodes]
    assert "none of space 'toy' at this resolution; it is a profile of another space" in refused(
        toy, tmp_path, samples.tensorrt(wider)
    )
    assert "none of its 2 nodes is named by place and operator, such as 'Conv_1'" in refused(
        toy, tmp_path, samples.tensorrt([("Conv_1", 1.0), ("Conv_2", 1.0)])
    )
    assert len(shared_space().units) == 2


def test_half_the_nodes_are_missing(toy: Space, exported: ExportManifest, tmp_path: Path) -> None:
    nodes = one_profile(toy, exported, tmp_path)
    told = refused(toy, tmp_path, samples.tensorrt(nodes[::2]))
    assert "computing steps of its operators have no node, such as step" in told
    assert "the profile is not whole" in told


def test_a_whole_profile_of_too_few_operators(toy: Space, exported: ExportManifest, tmp_path: Path) -> None:
    told = refused(toy, tmp_path, samples.tensorrt(one_profile(toy, exported, tmp_path)))
    assert "operators that space 'toy' needs" in told


@pytest.mark.parametrize("kind", ["tensorrt", "litert"])
def test_operators_without_any_node_are_missed(toy: Space, exported: ExportManifest, tmp_path: Path, kind: str) -> None:
    files = write_profiles(toy, exported, tmp_path / "p", kind)
    nodes = one_profile(toy, exported, tmp_path)
    # a copy of the first profile, in which the last layers' operators are not there at all
    places = list(dict.fromkeys(find_steps(name)[0].instance.place for name, _ in nodes))
    kept = [node for node in nodes if find_steps(node[0])[0].instance.place in places[:-3]]
    partial = files[0].with_name(f"partial{files[0].suffix}")
    partial.write_text(MAKERS[kind][1](kept), encoding="utf-8")
    with pytest.raises(DataError, match=r"partial.*operators of every network of space 'toy' have no node: "):
        read_device_table([*files, partial], toy, ImportOptions())
    with pytest.raises(DataError, match=rf"3 of the {len(places)} operators of model 'network0' have no node: "):
        read_device_table([*files, partial], toy, ImportOptions(), manifest=exported)


def test_one_profile_in_another_unit(toy: Space, exported: ExportManifest, tmp_path: Path) -> None:
    files = write_profiles(toy, exported, tmp_path / "p", "tensorrt")
    slow = [(name, 1000 * ms) for name, ms in one_profile(toy, exported, tmp_path)]
    files[0].write_text(samples.tensorrt(slow), encoding="utf-8")
    again = [path.with_name(f"{path.stem}_again.json") for path in files]
    for path, copy in zip(files, again, strict=True):
        runs = [(each["name"], 1.01 * each["averageMs"]) for each in json.loads(path.read_text("utf-8"))[1:]]
        copy.write_text(samples.tensorrt(runs), encoding="utf-8")
    again[0].write_text(samples.tensorrt(one_profile(toy, exported, tmp_path)), encoding="utf-8")
    with pytest.raises(DataError, match=r"network0\.json: its operators take 1e\+03 times what they take in others"):
        read_device_table([*files, *again], toy, ImportOptions())


def test_nodes_and_whole_in_different_units(toy: Space, exported: ExportManifest, tmp_path: Path) -> None:
    text = samples.aihub([("a", 1.0)]).replace('"execution_time": 1000.0', '"execution_time": 1000000.0')
    assert "its nodes take 1000 ms, and the whole 1.005 ms; one of them is in another unit" in refused(
        toy, tmp_path, text
    )


def test_two_runs_in_one_file(toy: Space, exported: ExportManifest, tmp_path: Path) -> None:
    nodes = one_profile(toy, exported, tmp_path)
    assert "2 runs of benchmark_model" in refused(
        toy, tmp_path, samples.litert_csv(nodes) + "\n\n" + samples.litert_csv(nodes)
    )
    assert "2 tables of counters" in refused(toy, tmp_path, samples.openvino(nodes) + "\n" + samples.openvino(nodes))
    twice = samples.tensorrt(nodes)[:-1] + ", " + samples.tensorrt(nodes)[1:]
    assert "2 profiles" in refused(toy, tmp_path, twice)
    assert "stands there twice; are there two runs" in refused(toy, tmp_path, samples.tensorrt([*nodes, *nodes]))
    assert "two runs, one after another" in refused(toy, tmp_path, f"{samples.aihub(nodes)}\n{samples.aihub(nodes)}")
    assert "it holds two tables" in refused(
        toy, tmp_path, f"{samples.vela(nodes)}\n{samples.vela(nodes)}", clock_mhz=5.0
    )
    session = '{"cat": "Session", "name": "session_initialization", "ts": 1, "dur": 2}'
    assert "2 sessions" in refused(toy, tmp_path, f"[{session}, {session}]")


def test_files_that_are_cut_off(toy: Space, exported: ExportManifest, tmp_path: Path) -> None:
    nodes = one_profile(toy, exported, tmp_path)
    litert = samples.litert_text(nodes)
    assert "ends within the table 'Run Order'" in refused(
        toy, tmp_path, litert[: litert.rindex("\n", 0, litert.index(nodes[-1][0]))]
    )
    executorch = samples.executorch(nodes)
    assert "it has no event 'Method::execute', which comes last" in refused(
        toy, tmp_path, executorch[: executorch.rindex("\n")]
    )
    assert "fields, the header 18; was it cut off" in refused(toy, tmp_path, executorch[:-20])
    assert "line 2 has 20 fields, the header 16" in refused(
        toy, tmp_path, samples.vela(nodes).replace(".0,", ",0,"), clock_mhz=5.0
    )
    assert refused(toy, tmp_path, "\n").endswith("network0.json is empty")


def test_times_with_two_decimals(toy: Space, tmp_path: Path) -> None:
    path = tmp_path / "network0.json"
    path.write_text(samples.litert_times(6.21), encoding="utf-8")
    trace = read_trace(path)
    assert (trace.nodes, trace.whole_ms, trace.n_runs) == ((), 6.21, 50)
    assert "its median is 0.2 ms, rounded to 0.01 ms" in refused(toy, tmp_path, samples.litert_times(0.2))


def test_what_computes_takes_time(toy: Space, exported: ExportManifest, tmp_path: Path) -> None:
    idle = [(name, 0.0) for name, _ in one_profile(toy, exported, tmp_path)]
    assert "more take no time, with 100.0% of the multiply-adds" in refused(toy, tmp_path, samples.tensorrt(idle))


def test_another_batch_than_the_manifest(toy: Space, exported: ExportManifest, tmp_path: Path) -> None:
    path = tmp_path / "network0.json"
    text = samples.onnxruntime(one_profile(toy, exported, tmp_path))
    shapes = '"args": {"input_type_shape": [{"float": [8, 3, 32, 32]}, {"float": [16, 3, 3, 3]}]}'
    path.write_text(text.replace('"args": {}', shapes), encoding="utf-8")
    assert read_trace(path).batch == 8
    with pytest.raises(DataError, match="is of batch 8, the manifest's models of batch 1"):
        read_traces([path], ImportOptions(), manifest=exported)
    with pytest.raises(DataError, match="is of precision fp32, the manifest's models of precision fp16"):
        read_traces([path], ImportOptions(), manifest=replace(exported, batch=8, precision="fp16"))
    read_traces([path], ImportOptions(), manifest=replace(exported, batch=8))


def test_a_fused_node_over_two_units(toy: Space, exported: ExportManifest, tmp_path: Path) -> None:
    nodes = one_profile(toy, exported, tmp_path)
    units = [find_steps(name)[0].instance.place for name, _ in nodes]
    first = next(place for place in range(len(nodes) - 1) if units[place][:2] == "u1" and units[place + 1][:2] == "u2")
    joined = [*nodes[:first], (" + ".join(name for name, _ in nodes[first : first + 2]), 5.0), *nodes[first + 2 :]]
    told = refused(toy, tmp_path, samples.tensorrt(joined))
    assert f"fused over {units[first]} and {units[first + 1]}); say --spread drop, even or macs" in told


def test_a_node_over_copies_of_an_operator_is_shared(toy: Space, tmp_path: Path) -> None:
    from blockprofile.device.node_names import operator_tag
    from blockprofile.device.probes import table_operators
    from blockprofile.device.profiled import assign_nodes

    op = next(op for op in table_operators(toy) if op.op == "mbconv")
    path, tag = tmp_path / "chain.json", operator_tag(op)
    steps = [f"{place}/{tag}/{index}_conv" for place in ("u1l1", "u1l1x2") for index in range(len(primitives(op)))]
    path.write_text(samples.tensorrt([(" + ".join(steps), 3.0)]), encoding="utf-8")
    assigned = assign_nodes(read_trace(path), {tag: op}, space="toy")
    assert list(assigned.times.values()) == [1.5, 1.5]
    assert assigned.left == ()


def test_time_of_no_operator_is_shown_refused_and_spread(toy: Space, exported: ExportManifest, tmp_path: Path) -> None:
    copies = [("Reformatting CopyNode for Input Tensor 0 to Conv", 2.0)]
    files = write_profiles(toy, exported, tmp_path / "p", "tensorrt", extra=copies)
    with pytest.raises(
        OptionError, match=r"% of the time belongs to no one operator \(most of it 2 ms of 'Reformatting"
    ):
        read_device_table(files, toy, ImportOptions())
    dropped = read_device_table(files, toy, ImportOptions(spread="drop"))
    assert 0.05 < dropped.left_share < 1
    for spread in ("even", "macs"):
        spent = read_device_table(files, toy, ImportOptions(spread=check_choice("spread", spread, SPREADS)))
        assert spent.left_share == dropped.left_share
        gained = [spent.table.times[op].value - time.value for op, time in dropped.table.times.items()]
        assert min(gained) > 0
    with pytest.raises(OptionError, match="did you mean 'even'"):
        check_choice("spread", "evn", SPREADS)


def test_a_copy_within_an_operator_is_its_own(toy: Space, exported: ExportManifest, tmp_path: Path) -> None:
    model = exported.models[0]
    nodes = one_profile(toy, exported, tmp_path)
    instance = find_steps(nodes[3][0])[0].instance
    inside = [i for i, (name, _) in enumerate(nodes) if find_steps(name)[0].instance == instance]
    nodes.insert(inside[-1], ("ReorderInput_token_3", 1.0))
    from blockprofile.device.node_names import operator_tag
    from blockprofile.device.probes import table_operators
    from blockprofile.device.profiled import assign_nodes

    path = tmp_path / f"{model.name}.json"
    path.write_text(samples.tensorrt(nodes), encoding="utf-8")
    tags = {operator_tag(op): op for op in table_operators(toy)}
    assigned = assign_nodes(read_trace(path), tags, space="toy")
    assert assigned.left == ()
    assert assigned.times[instance] == pytest.approx(true_ms(tags[instance.tag]) + 1.0)


def test_formats_that_are_not_what_was_said(toy: Space, tmp_path: Path) -> None:
    assert "looks like 'tensorrt', not 'aihub'" in refused(toy, tmp_path, samples.tensorrt([("a", 1)]), form="aihub")
    assert "is of no format that is known" in refused(toy, tmp_path, '{"a": 1}')
    for form in TRACE_FORMATS:
        assert f"it is no '{form}', which is " in refused(toy, tmp_path, '{"a": 1}', form=form)
    large = f"Name,Op Cycles\n{'a' * 5_000_000},3\n"
    assert "no CSV: field larger than" in refused(toy, tmp_path, large, form="vela", clock_mhz=500.0)
    assert "say the NPU's clock by --clock-mhz" in refused(toy, tmp_path, samples.vela([("a", 1)]))
    assert "--clock-mhz has no effect" in refused(toy, tmp_path, samples.tensorrt([("a", 1)]), clock_mhz=3.0)
    assert "averageMs of layer 'a' is -1" in refused(toy, tmp_path, samples.tensorrt([("a", -1)]))
    assert "is not valid JSON" in refused(toy, tmp_path, "[1, 2")
    with pytest.raises(OptionError, match="format 'trt' is unknown"):
        ImportOptions(form="trt")
    with pytest.raises(OptionError, match="must be above 0"):
        ImportOptions(clock_mhz=0.0)
    with pytest.raises(UnknownNameError, match="there is no file"):
        read_trace(tmp_path / "none.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnknownNameError, match="holds no file that ends in"):
        read_device_table([tmp_path / "empty"], toy, ImportOptions())
