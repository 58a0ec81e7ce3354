"""Models to be timed elsewhere: files of operators, of chains and of whole networks, with a manifest.

Every node is named by place, operator and step (`blockprofile.device.node_names`), so that a profiler's file is read
back by its names; the manifest says what each file holds, for tools that give a whole model's time alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from blockprofile.device.export_manifest import MANIFEST_NAME, SCHEMA, ExportedModel, ExportManifest
from blockprofile.device.export_settings import ExportSettings
from blockprofile.device.node_names import instance_names, operator_tag
from blockprofile.device.onnx_graph import onnx_model
from blockprofile.device.probes import check_resolutions, plan_probes, table_operators
from blockprofile.errors import OptionError
from blockprofile.files import replacing_folder, write_bytes
from blockprofile.jsonfile import write_json
from blockprofile.predict import lookup_key
from blockprofile.space import Archs, Operator, Space, build_sites, decode

_DTYPES = {"fp32": "float32", "fp16": "float16", "int8": "float32"}


def export_operators(
    space: Space,
    folder: Path,
    *,
    resolutions: Sequence[int] = (),
    settings: ExportSettings,
    progress: Callable[[str], None] = lambda _: None,
) -> ExportManifest:
    """Write one file for every operator that a space needs, and a chain of copies of those that keep their shape.

    Raises
    ------
    OptionError
        If a resolution is not the space's, or a package is missing.
    ArchError
        If the space has custom blocks.
    """
    if settings.calibration is not None:
        raise OptionError("calibration images are the input of whole networks; operators have none: leave them out")
    sizes = check_resolutions(space, resolutions)
    places = _first_places(space, sizes)
    models = []
    for probe in plan_probes(table_operators(space, sizes)):
        place = places[operator_tag(probe.operator)]
        name = f"{place}-{operator_tag(probe.operator)}-x{probe.length}"
        models.append((name, [(place, probe.operator)] * probe.length, ""))
    return _write(space, folder, models, sizes, settings, progress)


def _first_places(space: Space, resolutions: Sequence[int]) -> dict[str, str]:
    spaces = [space] if space.definition.input.searched else map(space.at_resolution, resolutions)
    found: dict[str, str] = {}
    for each in spaces:
        for site in build_sites(each):
            for op in filter(None, site.table.values()):
                found.setdefault(operator_tag(op), site.name)
    return found


def export_networks(
    space: Space,
    folder: Path,
    archs: Archs,
    *,
    settings: ExportSettings,
    progress: Callable[[str], None] = lambda _: None,
) -> ExportManifest:
    """Write whole networks, one file each.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots); at the space's own resolution, or each at its own where that is searched.

    Raises
    ------
    ArchError
        If one is not of the space, or holds a custom block.
    """
    width = len(str(max(0, len(archs) - 1)))
    models = []
    for number, arch in enumerate(archs):
        found = [(site.name, site.operator(arch)) for site in build_sites(space)]
        parts = [(place, op) for place, op in found if op is not None]
        models.append((f"network{number:0{width}d}", parts, decode(space, arch)))
    return _write(space, folder, models, check_resolutions(space, [space.resolution][: not _searched(space)]),
                  settings, progress)  # fmt: skip


def _searched(space: Space) -> bool:
    return space.definition.input.searched


def _write(
    space: Space,
    folder: Path,
    models: Sequence[tuple[str, Sequence[tuple[str, Operator]], str]],
    resolutions: Sequence[int],
    settings: ExportSettings,
    progress: Callable[[str], None],
) -> ExportManifest:
    _check_tags(op for _, parts, _ in models for _, op in parts)
    manifest = ExportManifest(
        schema=SCHEMA, space=space.base.name, space_hash=space.base.hash, resolutions=tuple(resolutions),
        batch=settings.batch, precision=settings.precision, layout=settings.layout, seed=settings.seed,
        models=tuple(
            ExportedModel(name=name, parts=instance_names(parts), arch=arch, kind=settings.kind)
            for name, parts, arch in models
        ),
    )  # fmt: skip
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise OptionError(f"{str(folder)!r} is there already and not empty; name another folder")
    with replacing_folder(folder) as fresh:
        for number, (model, (_, parts, _)) in enumerate(zip(manifest.models, models, strict=True), start=1):
            _write_model(fresh / model.file, [op for _, op in parts], model.parts, settings)
            if number % max(1, len(models) // 5) == 0:
                progress(f"{number} of {len(models)} models")
        write_json(fresh / MANIFEST_NAME, asdict(manifest))
    return manifest


def _check_tags(operators: Iterable[Operator]) -> None:
    keys: dict[str, tuple[object, ...]] = {}
    for op in operators:
        if keys.setdefault(operator_tag(op), lookup_key(op)) != lookup_key(op):  # pragma: no cover
            raise AssertionError(f"two operators have the tag {operator_tag(op)}")


def _write_model(path: Path, operators: Sequence[Operator], names: Sequence[str], settings: ExportSettings) -> None:
    if settings.kind == "onnx":
        write_bytes(path, _onnx_bytes(operators, names, settings), sync=False)
    elif settings.kind == "pt2":
        from blockprofile.device.torch_export import pt2_bytes

        write_bytes(path, pt2_bytes(operators, names, settings), sync=False)
    elif settings.kind == "tflite":
        from blockprofile.device.tflite_export import tflite_bytes

        write_bytes(path, tflite_bytes(operators, names, settings), sync=False)
    else:
        from blockprofile.device.executorch_export import pte_bytes

        program, record = pte_bytes(operators, names, settings)
        write_bytes(path, program, sync=False)
        if record:
            write_bytes(path.with_suffix(".etrecord"), record, sync=False)


def _onnx_bytes(operators: Sequence[Operator], names: Sequence[str], settings: ExportSettings) -> bytes:
    try:
        import onnx  # noqa: F401
    except ImportError as failure:
        raise OptionError(f"an export needs the package {failure.name!r}; install blockprofile[onnx]") from None
    model = onnx_model(
        operators, batch=settings.batch, precision=_DTYPES[settings.precision], seed=settings.seed, names=names,
        layout=settings.layout,
    )  # fmt: skip
    if settings.precision == "int8":
        from blockprofile.device.quantize import quantize_model

        model = quantize_model(model, seed=settings.seed, images=settings.calibration)
    data: bytes = model.SerializeToString()
    return data
