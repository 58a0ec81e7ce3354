"""`blockprofile lut export | plan`: models to be timed elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blockprofile.cli.options import space_option
from blockprofile.cli.output import JSON_OPTION, note, note_base, print_json, tell
from blockprofile.cli.records import takes_record
from blockprofile.cli.strict import refuse_idle

if TYPE_CHECKING:
    from blockprofile.device import ExportManifest, ExportSettings

SPACE = space_option()
OUT = typer.Option(..., "--out", help="The folder to write: models and manifest.json.")
RESOLUTION = typer.Option(None, "--resolution", help="Input resolution in pixels; left out, the space's own.")
_SETTINGS: dict[str, tuple[Any, Any]] = {
    "files": (str, typer.Option(
        "onnx", "--files",
        help="onnx or pt2 (torch.export); pte, where executorch is installed, or tflite, where litert-torch is.")),
    "batch": (int, typer.Option(1, "--batch", help="Images in a batch; it is fixed in the models.")),
    "precision": (str, typer.Option(
        "fp32", "--precision", help="fp32, fp16 (onnx, pt2, pte), or int8 by static quantisation (onnx, tflite).")),
    "layout": (str, typer.Option("nchw", "--layout", help="nchw, or nhwc: the input has its channels last.")),
    "calibration": (Path | None, typer.Option(
        None, "--calibration",
        help="Images for int8, .npy of float32 (n, channels, height, width); left out, drawn.")),
    "seed": (int, typer.Option(0, "--seed", help="Seed of weights and of what is drawn.")),
}  # fmt: skip
FORMS = ("operators", "networks")


def _settings(given: dict[str, Any]) -> ExportSettings:
    from blockprofile.device import FILE_KINDS, LAYOUTS, PRECISIONS, ExportSettings, read_images
    from blockprofile.errors import check_choice

    images = None if given["calibration"] is None else read_images(given["calibration"])
    return ExportSettings(
        batch=given["batch"], seed=given["seed"], calibration=images,
        precision=check_choice("precision", given["precision"], PRECISIONS),
        layout=check_choice("layout", given["layout"], LAYOUTS),
        kind=check_choice("kind of files", given["files"], FILE_KINDS),
    )  # fmt: skip


@takes_record("settings", _SETTINGS, _settings)
def export(
    context: typer.Context,
    space: str = SPACE,
    out: Path = OUT,
    form: str = typer.Option(
        "operators", "--form", help="operators (alone and in chains), or networks: few that hold every operator."
    ),
    resolution: int | None = RESOLUTION,
    *,
    settings: ExportSettings,
    json: bool = JSON_OPTION,
) -> None:
    """Write the operators that a space needs as models, every node named by place and operator, with a manifest.

    Examples
    --------
    blockprofile lut export --space moga --form networks --precision fp16 --out moga_onnx
    """
    from blockprofile.device import cover_archs, export_networks, export_operators
    from blockprofile.errors import check_choice
    from blockprofile.space import load_space

    check_choice("form", form, FORMS)
    if form == "operators":
        refuse_idle(context, ("calibration",), "operators are not given images")
    loaded = load_space(space).at_resolution(resolution)
    if form == "networks" and settings.kind == "pte":
        settings = replace(settings, apart=True)
    if form == "networks":
        manifest = export_networks(
            loaded, out, cover_archs(loaded, seed=settings.seed), settings=settings, progress=note
        )
    else:
        note_base(loaded, "the models are of the operators of the whole of")
        sizes = [] if resolution is None else [resolution]
        manifest = export_operators(loaded, out, resolutions=sizes, settings=settings, progress=note)
    _report(manifest, out, {}, json=json)


@takes_record("settings", _SETTINGS, _settings)
def plan(
    space: str = SPACE,
    out: Path = OUT,
    n: int = typer.Option(100, "--n", help="How many whole networks."),
    resolution: int | None = RESOLUTION,
    *,
    settings: ExportSettings,
    json: bool = JSON_OPTION,
) -> None:
    """Write few whole networks as models, chosen so that a table can be solved from their times (lut solve).

    Examples
    --------
    blockprofile lut plan --space moga --n 100 --out moga_plan
    """
    from blockprofile.device import export_networks, plan_archs
    from blockprofile.space import load_space

    loaded = load_space(space).at_resolution(resolution)
    planned = plan_archs(loaded, n, seed=settings.seed)
    manifest = export_networks(loaded, out, planned.archs, settings=settings, progress=note)
    facts = {
        "operators": planned.n_operators, "held": planned.n_held, "variance_ratio": planned.variance_ratio
    }  # fmt: skip
    _report(manifest, out, facts, json=json)


def _report(manifest: ExportManifest, out: Path, facts: dict[str, Any], *, json: bool) -> None:
    size = sum((out / model.file).stat().st_size for model in manifest.models)
    if json:
        print_json({"folder": str(out), "models": len(manifest.models), "bytes": size, **facts})
        return
    what = f"{manifest.precision}, batch {manifest.batch}, {manifest.layout}"
    tell(f"{out}: {len(manifest.models)} models of {manifest.space}, {what}; {size / 1e6:.1f} MB")
    if facts:
        tell(
            f"they hold {facts['held']} of {facts['operators']} operators; another network's solved time has "
            f"{facts['variance_ratio']:.2f} of the variance that as many random networks leave; counted"
        )
    note("time each by your tool, its output named as the model is; every node has its place in its name")
