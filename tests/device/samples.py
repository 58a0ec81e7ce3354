"""Profiles of our own making, in the shape that each tool gives them, of nodes with given names and times in ms."""

from __future__ import annotations

import json
from collections.abc import Sequence

Nodes = Sequence[tuple[str, float]]


def litert_text(nodes: Nodes) -> str:
    head = "\t".join(f"{word:>22}" for word in (
        "[node type]", "[first]", "[avg ms]", "[%]", "[cdf%]", "[mem KB]", "[times called]", "[Name]"
    ))  # fmt: skip
    rows = [
        "\t".join(
            [f"{'CONV_2D':>22}", f"{ms * 1.1:9.3f}", f"{ms:9.6f}", "  1.000%", "  1.000%", "0.000", "1", f"{n}:{i}"]
        )
        for i, (n, ms) in enumerate(nodes)
    ]
    total = 1000 * sum(ms for _, ms in nodes)
    return "\n".join([
        "INFO: STARTING!", "INFO: Graph: [model.tflite]",
        f"INFO: Inference timings in us: Init: 5685, First inference: 18535, Warmup (avg): 14462.3, "
        f"Inference (avg): {total + 100}",
        "INFO: Profiling Info for Benchmark Initialization:",
        "============================== Run Order ==============================", head,
        "\t".join([f"{'AllocateTensors':>22}", "0.100", "0.100", "100%", "100%", "0.000", "1", "AllocateTensors/0"]),
        "",
        "INFO: Operator-wise Profiling Info for Regular Benchmark Runs:",
        "============================== Run Order ==============================", head, *rows, "",
        "============================== Top by Computation Time ==============================", head, *rows[:1], "",
        f"Number of nodes executed: {len(nodes)}",
        f"Timings (microseconds): count=50 first=9 curr=9 min=8 max=20 avg={total} std=10",
    ])  # fmt: skip


def litert_csv(nodes: Nodes) -> str:
    rows = [f"CONV_2D, 0, {ms * 1.1}, {ms}, 1.5%, 1.5%, 0, 1, {name}:{i}" for i, (name, ms) in enumerate(nodes)]
    return "\n".join([
        "Operator-wise Profiling Info for Regular Benchmark Runs:",
        "============================== Run Order ==============================",
        "node type, start, first, avg_ms, %, cdf%, mem KB, times called, name", *rows, "",
        "============================== Summary by node type ==============================",
        "node type, count, avg_ms, avg %, cdf %, mem KB, times called", "CONV_2D, 3, 1.0, 100%, 100%, 0, 3", "",
        f"Timings (microseconds): count=20 first=9 curr=9 min=8 max=20 avg={1000 * sum(ms for _, ms in nodes)} std=1",
    ])  # fmt: skip


def tensorrt(nodes: Nodes) -> str:
    return json.dumps([{"count": 100}] + [
        {"name": name, "timeMs": 100 * ms, "averageMs": ms, "medianMs": ms, "percentage": 1.0} for name, ms in nodes
    ])  # fmt: skip


def tensorrt_times(ms: float) -> str:
    return json.dumps([
        {"startH2dMs": 0.1, "endH2dMs": 0.2, "startComputeMs": 0.2, "endComputeMs": 0.2 + each, "startD2hMs": 1.0,
         "endD2hMs": 1.1, "h2dMs": 0.1, "computeMs": each, "d2hMs": 0.1, "latencyMs": each + 0.2}
        for each in (ms, 0.9 * ms, 1.5 * ms)
    ])  # fmt: skip


def onnxruntime(nodes: Nodes) -> str:
    """Three runs, of which the first takes twice as long."""
    events = [{"cat": "Session", "name": "session_initialization", "ts": 1.0, "dur": 2.0, "args": {}}]
    now = 10.0
    for slow in (2.0, 1.0, 1.0):
        start = now
        for name, ms in nodes:
            took = slow * 1000 * ms
            events.append({"cat": "Node", "name": f"{name}_kernel_time", "ts": now, "dur": took, "args": {}})
            now += took + 1
        events.append({"cat": "Session", "name": "model_run", "ts": start, "dur": now - start, "args": {}})
        now += 5
    return json.dumps(events)


def openvino(nodes: Nodes) -> str:
    rows = [
        f"{name};{'EXECUTED' if ms else 'NOT_RUN'};Convolution;jit_avx512_FP32;{ms:.6f};{ms:.6f};" for name, ms in nodes
    ]
    total = sum(ms for _, ms in nodes)
    return "\n".join(["layerName;execStatus;layerType;execType;realTime (ms);cpuTime (ms);", *rows,
                      f"Total;;;;{total};{total};"])  # fmt: skip


def aihub(nodes: Nodes) -> str:
    total = 1000 * sum(ms for _, ms in nodes)
    return json.dumps({
        "execution_summary": {
            "estimated_inference_time": total, "all_inference_times": [total, total + 5, total + 10],
            "estimated_inference_peak_memory": 1 << 20, "inference_memory_peak_range": [1 << 20, 1 << 21],
        },
        "execution_detail": [
            {"name": name, "type": "Conv", "compute_unit": "NPU", "execution_time": 1000 * ms, "execution_cycles": 7}
            for name, ms in nodes
        ],
    })  # fmt: skip


def executorch(nodes: Nodes) -> str:
    """Kernels within calls of operators, and delegates that run kernels without places, in turns."""
    head = ",event_block_name,event_name,raw,p10 (ms),p50 (ms),p90 (ms),avg (ms),min (ms),max (ms),op_types," + (
        "delegate_debug_identifier,stack_traces,module_hierarchy,is_delegated_op,delegate_backend_name,debug_data,"
        "start_time"
    )
    rows: list[str] = []

    def row(event: str, ms: float, *, path: str = "", inside: bool = False, block: str = "Execute") -> None:
        name = path.replace("/", "_")
        where = (
            f"\"{{'aten_convolution_default_': {{'L__self__': ('', 'net.Network'), 'L__self__{name}': ('{name}', "
            f"'torch.nn.Sequential'), 'L__self__{name}.0': ('{name}.0', 'torch.nn.modules.conv.Conv2d')}}}}\""
        )
        times = f'"[{ms}, {ms}]",{ms},{ms},{ms},{ms},{ms},{ms},[]'
        told = f"{event if inside else ''},{{}},{where if path else '{}'},{inside},{'Xnn' if inside else ''},[],[1]"
        rows.append(f"{len(rows)},{block},{event},{times},{told}")

    row("Method::init", 1.0, block="Default")
    for number, (name, ms) in enumerate(nodes):
        if number % 2:
            row("Convolution (NHWC, F32) GEMM #1".replace(", ", " "), 0.9 * ms, inside=True)
            row("DELEGATE_CALL", ms, path=name)
        else:
            row("native_call_convolution.out", 0.4 * ms, path=name)
            row("OPERATOR_CALL", 0.5 * ms, path=name)
            row("native_call_relu.out", 0.6 * ms, path=name)
            row("OPERATOR_CALL", 0.7 * ms, path=name)
    row("Method::execute", sum(ms for _, ms in nodes) + 0.1)
    return "\n".join([head, *rows])


def vela(nodes: Nodes) -> str:
    """Cycles of a clock of 500 MHz; an operator and its activation stand in two rows."""
    head = "Original Operator,NNG Operator,Target,Staging Usage,Peak% (Staging),Op Cycles,Network% (cycles),NPU," + (
        "SRAM AC,DRAM AC,OnFlash AC,OffFlash AC,MAC Count,Network% (MAC),Util% (MAC),Name"
    )
    rows = [head]
    for name, ms in nodes:
        cycles = f"{400_000 * ms:.0f},1.0,{400_000 * ms:.0f}"
        rows.append(f"Conv2D,Conv2D,NPU,1024,10.0,{cycles},1,0,0,1,100,1.0,50.0,{name}")
        rows.append(f"HardSwish,LUT,NPU,0,0.0,{100_000 * ms:.0f},0.0,0,0,0,0,0,0,0.0,100,{name}")
    return "\n".join(rows)


def litert_times(ms: float) -> str:
    return json.dumps({
        "model": "m.tflite", "model_size_mb": 9.95, "accelerators": ["CPU"], "signature": "serving_default",
        "fully_accelerated": False, "num_threads": 1,
        "latency": {"init_ms": 9.1, "avg_ms": ms + 0.02, "min_ms": ms - 0.01, "median_ms": ms, "num_runs": 50},
        "throughput_mb_s": 1.5,
    })  # fmt: skip
