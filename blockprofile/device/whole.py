"""Times of whole exported models, told apart by the names of their files: tables of operators, and networks' times."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from blockprofile.device.export_manifest import ExportedModel, ExportManifest
from blockprofile.device.formats import Trace
from blockprofile.device.median import Median
from blockprofile.device.node_names import operator_tag
from blockprofile.device.operator_table import OperatorTable
from blockprofile.device.overhead import fit_overhead, operator_times
from blockprofile.device.probes import plan_probes, table_operators
from blockprofile.errors import DataError, OptionError
from blockprofile.files import make_folder, write_text
from blockprofile.space import Space

MAX_NAMED = 3


def find_model(path: Path, manifest: ExportManifest) -> ExportedModel:
    """Find the model that a profile is of: its file's name is the model's, or begins with it.

    Raises
    ------
    DataError
        If there is none.
    """
    fitting = [
        model
        for model in manifest.models
        if path.name.startswith(model.name) and not path.name[len(model.name) : len(model.name) + 1].isalnum()
    ]
    if not fitting:
        raise DataError(
            f"{path} is named after none of the {len(manifest.models)} exported models, such as "
            f"{manifest.models[0].name!r}; name a profile as its model is"
        )
    return max(fitting, key=lambda model: len(model.name))


def is_whole(traces: Sequence[Trace]) -> bool:
    """Tell whether profiles have the whole's time alone.

    Raises
    ------
    DataError
        If some have nodes, and some have not.
    """
    without = [trace for trace in traces if not trace.nodes]
    if without and len(without) < len(traces):
        raise DataError(f"{without[0].path} has no nodes, unlike {len(traces) - len(without)} others; give one kind")
    return bool(without)


def _by_model(traces: Sequence[Trace], manifest: ExportManifest) -> dict[str, Trace]:
    found: dict[str, Trace] = {}
    for trace in traces:
        name = find_model(trace.path, manifest).name
        if name in found:
            raise DataError(f"{found[name].path} and {trace.path} are both of model {name!r}; give one of them")
        found[name] = trace
    return found


def _whole_ms(trace: Trace) -> float:
    ms = sum(node.ms for node in trace.nodes) if trace.whole_ms is None else trace.whole_ms
    if ms <= 0:
        raise DataError(f"{trace.path}: the model takes {ms:g} ms; a time must be above 0")
    return ms


def whole_table(
    traces: Sequence[Trace], space: Space, manifest: ExportManifest, *, factor: float = 1.0
) -> OperatorTable:
    """Make a table from whole times of exported operators, alone and in chains: the call's cost is taken out.

    Parameters
    ----------
    factor
        By which times are multiplied to be milliseconds.

    Raises
    ------
    DataError
        If a model has no profile, or one is of none.
    OptionError
        If the models are networks: a table is solved from those.
    """
    if any(model.arch for model in manifest.models):
        raise OptionError(
            "these are whole times of networks, which are no table; write them by blockprofile lut times, for lut solve"
        )
    found = _by_model(traces, manifest)
    lacking = [model.name for model in manifest.models if model.name not in found]
    if lacking:
        raise DataError(f"{len(lacking)} of {len(manifest.models)} models have no profile: "
                        f"{', '.join(lacking[:MAX_NAMED])}")  # fmt: skip
    probes = plan_probes(table_operators(space, () if space.definition.input.searched else manifest.resolutions))
    names = {tuple(name.split("-", 1)[1].rsplit("-x", 1)): name for name in found}
    medians = {}
    for probe in probes:
        trace = found[names[operator_tag(probe.operator), str(probe.length)]]
        nan = float("nan")
        medians[probe.name] = Median(factor * _whole_ms(trace), nan, nan, max(1, trace.n_runs))
    overhead = fit_overhead(probes, medians, batch=manifest.batch)
    return OperatorTable(operator_times(probes, medians, overhead, batch=manifest.batch), 0, overhead.call_ms)


def write_network_times(
    traces: Sequence[Trace], manifest: ExportManifest, path: Path, *, factor: float = 1.0
) -> tuple[int, float]:
    """Write the times of exported networks as CSV of archs and ``mean_ms``, for ``lut solve`` and ``lut audit``.

    Returns
    -------
    How many there are, and their mean in ms.

    Raises
    ------
    DataError
        If a profile is of no model, or two are of one.
    OptionError
        If the models are no networks.
    """
    if not all(model.arch for model in manifest.models):
        raise OptionError("the manifest is of operators, which are no networks; import them by blockprofile lut import")
    found = _by_model(traces, manifest)
    rows = [
        (model.arch, factor * _whole_ms(found[model.name])) for model in manifest.models if model.name in found
    ]  # fmt: skip
    make_folder(path.parent)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arch", "mean_ms"])
    writer.writerows([arch, f"{ms:.6g}"] for arch, ms in rows)
    write_text(path, text.getvalue())
    return len(rows), sum(ms for _, ms in rows) / len(rows)
