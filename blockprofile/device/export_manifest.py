"""What an export holds: ``manifest.json``, which says what is in each file and how the files were written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blockprofile.device.export_settings import FileKind, Layout, PrecisionName
from blockprofile.errors import DataError, OptionError
from blockprofile.files import check_name
from blockprofile.jsonfile import read_json
from blockprofile.space import Space

SCHEMA = "blockprofile.export/1"
MANIFEST_NAME = "manifest.json"
MADE_BY = "blockprofile lut export or lut plan"


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
class ExportManifest:
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


def read_manifest(path: Path, space: Space) -> ExportManifest:
    """Read the manifest of an export, by its folder or its own path.

    Raises
    ------
    UnknownNameError, DataError
        As `blockprofile.jsonfile.read_json`; or if it is of another space.
    """
    file = path / MANIFEST_NAME if path.is_dir() else path
    manifest = read_json(file, ExportManifest, schema=SCHEMA, made_by=MADE_BY)
    if manifest.space_hash != space.base.hash:
        raise DataError(f"{file} is of space {manifest.space!r} as it stood then, not of {space.base.name!r} as it is")
    return manifest
