"""Models to be timed elsewhere: files of operators, of chains and of whole networks, with a manifest.

Every node is named by place, operator and step (`blockprofile.device.node_names`), so that a profiler's file is read
back by its names; the manifest says what each file holds, for tools that give a whole model's time alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from blockprofile.device.node_names import instance_names, operator_tag
from blockprofile.device.onnx_graph import onnx_model
from blockprofile.device.probes import check_resolutions, plan_probes, table_operators
from blockprofile.errors import DataError, OptionError, one_of
from blockprofile.files import check_name, replacing_folder, write_bytes
from blockprofile.jsonfile import read_json, write_json
from blockprofile.predict import lookup_key
from blockprofile.space import Archs, Operator, Space, build_sites, decode

__all__ = [
    "FILE_KINDS", "LAYOUTS", "MANIFEST_NAME", "PRECISIONS", "ExportSettings", "ExportedModel", "FileKind", "Layout",
    "Manifest", "PrecisionName", "check_file_kind", "check_layout", "check_precision", "export_networks",
    "export_operators", "read_manifest",
]  # fmt: skip

PrecisionName = Literal["fp32", "fp16", "int8"]
PRECISIONS: tuple[PrecisionName, ...] = get_args(PrecisionName)
Layout = Literal["nchw", "nhwc"]
FileKind = Literal["onnx", "pt2", "tflite"]
FILE_KINDS: tuple[FileKind, ...] = get_args(FileKind)
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
SCHEMA = "blockprofile.export/1"
MANIFEST_NAME = "manifest.json"
MADE_BY = "blockprofile lut export or lut plan"
_DTYPES = {"fp32": "float32", "fp16": "float16", "int8": "float32"}


def check_precision(name: str) -> PrecisionName:
    """Return ``name`` if it is one of `PRECISIONS`.

    Raises
    ------
    OptionError
        If it is not.
    """
    for known in PRECISIONS:
        if name == known:
            return known
    raise OptionError(f"precision {name!r} is unknown; {one_of(name, PRECISIONS)}")


def check_layout(name: str) -> Layout:
    """Return ``name`` if it is one of `LAYOUTS`.

    Raises
    ------
    OptionError
        If it is not.
    """
    for known in LAYOUTS:
        if name == known:
            return known
    raise OptionError(f"layout {name!r} is unknown; {one_of(name, LAYOUTS)}")


def check_file_kind(name: str) -> FileKind:
    """Return ``name`` if it is one of `FILE_KINDS`.

    Raises
    ------
    OptionError
        If it is not.
    """
    for known in FILE_KINDS:
        if name == known:
            return known
    raise OptionError(f"kind of files {name!r} is unknown; {one_of(name, FILE_KINDS)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """How models are written.

    ``kind`` is what is written: ONNX, torch.export's ``.pt2``, or ``.tflite`` by litert_torch where that is installed.
    ``calibration`` are images for ``int8``, float32 of shape (n, channels, height, width); None draws them at random.

    Raises
    ------
    OptionError
        If a value is not allowed.
    """

    batch: int = 1
    precision: PrecisionName = "fp32"
    layout: Layout = "nchw"
    seed: int = 0
    calibration: NDArray[np.float32] | None = None
    kind: FileKind = "onnx"

    def __post_init__(self) -> None:
        if self.batch < 1 or self.seed < 0:
            raise OptionError(f"batch {self.batch} with seed {self.seed}; at least 1 and 0 are needed")
        check_precision(self.precision)
        check_layout(self.layout)
        allowed: dict[str, tuple[str, ...]] = {"onnx": PRECISIONS, "pt2": ("fp32", "fp16"), "tflite": ("fp32",)}
        if self.precision not in allowed[check_file_kind(self.kind)]:
            raise OptionError(
                f"precision {self.precision!r} is not written as {self.kind!r}; {one_of('', allowed[self.kind])}"
            )
        if self.calibration is not None and self.precision != "int8":
            raise OptionError(f"calibration data have no effect at precision {self.precision!r}; they are for 'int8'")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedModel:
    """A file of an export: its operators one after another, as ``PLACE/TAG``; the arch of a whole network as text."""

    name: str
    parts: tuple[str, ...]
    arch: str = ""
    kind: FileKind = "onnx"

    def __post_init__(self) -> None:
        check_name(self.name, what="model")

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.name}.{self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an export holds, and how its models were written."""

    schema: str
    space: str
    space_hash: str
    resolutions: tuple[int, ...]
    batch: int
    precision: PrecisionName
    layout: Layout
    seed: int
    models: tuple[ExportedModel, ...]

    def __post_init__(self) -> None:
        names = {model.name for model in self.models}
        if not names or len(names) < len(self.models):
            raise OptionError(f"{len(self.models)} models have {len(names)} names; each has its own, and there is one")
        if self.batch < 1:
            raise OptionError(f"batch {self.batch}; at least 1 is needed")

    @property
    def suffix(self) -> str:
        """What a device's name says of how it was timed, as ``fp16_b8``."""
        return f"{self.precision}_b{self.batch}" + ("" if self.layout == "nchw" else f"_{self.layout}")

    def model(self, name: str) -> ExportedModel | None:
        """Return the model of a name, None where there is none."""
        return next((model for model in self.models if model.name == name), None)


def read_manifest(path: Path, space: Space) -> Manifest:
    """Read the manifest of an export, by its folder or its own path.

    Raises
    ------
    UnknownNameError, DataError
        As `blockprofile.jsonfile.read_json`; or if it is of another space.
    """
    file = path / MANIFEST_NAME if path.is_dir() else path
    manifest = read_json(file, Manifest, schema=SCHEMA, made_by=MADE_BY)
    if manifest.space_hash != space.base.hash:
        raise DataError(f"{file} is of space {manifest.space!r} as it stood then, not of {space.base.name!r} as it is")
    return manifest


def export_operators(
    space: Space,
    folder: Path,
    *,
    resolutions: Sequence[int] = (),
    settings: ExportSettings,
    progress: Callable[[str], None] = lambda _: None,
) -> Manifest:
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
) -> Manifest:
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
) -> Manifest:
    _check_tags(op for _, parts, _ in models for _, op in parts)
    manifest = Manifest(
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
            write_bytes(fresh / model.file, _model_bytes([op for _, op in parts], model.parts, settings), sync=False)
            if number % max(1, len(models) // 5) == 0:
                progress(f"{number} of {len(models)} models")
        write_json(fresh / MANIFEST_NAME, asdict(manifest))
    return manifest


def _check_tags(operators: Iterable[Operator]) -> None:
    keys: dict[str, tuple[object, ...]] = {}
    for op in operators:
        if keys.setdefault(operator_tag(op), lookup_key(op)) != lookup_key(op):  # pragma: no cover
            raise AssertionError(f"two operators have the tag {operator_tag(op)}")


def _model_bytes(operators: Sequence[Operator], names: Sequence[str], settings: ExportSettings) -> bytes:
    if settings.kind == "onnx":
        return _onnx_bytes(operators, names, settings)
    from blockprofile.device.torch_export import pt2_bytes, tflite_bytes

    batch, layout, seed = settings.batch, settings.layout, settings.seed
    if settings.kind == "tflite":
        return tflite_bytes(operators, names, batch=batch, layout=layout, seed=seed)
    precision = _DTYPES[settings.precision]
    return pt2_bytes(operators, names, batch=batch, layout=layout, seed=seed, precision=precision)


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
