"""`blockprofile run`."""

from __future__ import annotations

from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import typer

from blockprofile.cli.output import JSON_OPTION, note, print_json, tell


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def _written(result: Any, out: Path | None) -> list[Path]:
    """List what a stage wrote: what its result names, else where it was told to write."""
    found = _named(result)
    return found if found or out is None else [out]


def _named(result: Any) -> list[Path]:
    if isinstance(result, list):
        return [Path(item) for item in result]
    if is_dataclass(result):
        return [Path(value) for name in ("path", "folder") if (value := getattr(result, name, None)) is not None]
    return [Path(result)] if isinstance(result, str | Path) else []


def run(
    study: str = typer.Argument(..., help="A study file, or the name of a shipped one."),
    out: Path | None = typer.Option(None, "--out", help="The output folder; left out: the one the study names."),
    scheduler: str | None = typer.Option(
        None, "--scheduler", help="A Dask scheduler that you trust, for the stages that can work on a cluster."
    ),
    json: bool = JSON_OPTION,
) -> None:
    """Run a study: all its stages, one after the other.

    Examples
    --------
    blockprofile run analysis/quickstart.yaml
    blockprofile run truth_macro --out runs/truth
    """
    from blockprofile.run import find_study, read_study, run_study

    checked = read_study(find_study(study))
    folder = Path(checked.file.out) if out is None else out
    note(f"{checked.file.title} ({len(checked.stages)} stages, into {folder})")
    done: list[dict[str, Any]] = []
    stages = run_study(checked, out=out, scheduler=scheduler)
    for place, (name, _) in enumerate(checked.stages, start=1):
        note(f"[{place}/{len(checked.stages)}] {name} ...")
        stage = next(stages)
        files = _written(stage.result, stage.out)
        done.append({"stage": stage.stage, "seconds": round(stage.seconds, 2), "files": files})
        if not json:
            shown = str(files[0]) + (f" and {len(files) - 1} more" if len(files) > 1 else "") if files else ""
            tell(f"[{place}/{len(checked.stages)}] {stage.stage:9} {stage.seconds:6.1f} s  {shown}")
            if told := getattr(stage.result, "report", ""):
                tell(f"\n{told}\n")
    if json:
        print_json(done)
        return
    pictures = sorted({file.parent for entry in done for file in entry["files"] if file.suffix in {".png", ".html"}})
    if pictures:
        tell("look at:")
        for place_ in pictures:
            tell(f"  {place_}")
