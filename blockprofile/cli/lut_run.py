"""`blockprofile lut run`: exported models timed on another machine, over ssh or adb."""

from __future__ import annotations

import shlex
from pathlib import Path

import typer

from blockprofile.cli.options import space_option
from blockprofile.cli.output import JSON_OPTION, note, print_json, tell


def run(
    models: Path = typer.Argument(..., help="The folder that lut export or lut plan wrote.", metavar="MODELS"),
    space: str = space_option(),
    on: str = typer.Option(..., "--on", help="ssh or adb."),
    to: str = typer.Option("", "--to", help="ssh's host, or adb's serial number where there are several devices."),
    command: str = typer.Option(
        ..., "--command", help="The tool there, with {model} and {output}; without {output}, what it prints is kept."
    ),
    out: Path = typer.Option(..., "--out", help="The folder for what it wrote, one file a model."),
    folder: str = typer.Option("/data/local/tmp/blockprofile", "--folder", help="A folder there, for the models."),
    ending: str = typer.Option(".json", "--ending", help="How the files end: .json, .csv or .txt."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the commands and run none."),
    json: bool = JSON_OPTION,
) -> None:
    """Time exported models on another machine: push, run its tool, pull what it wrote. Commands are printed first.

    Examples
    --------
    blockprofile lut run models --space moga --on adb --ending .txt --out profiles --command
      "./benchmark_model --graph={model} --enable_op_profiling=true"
    """
    from blockprofile.device import TRANSPORTS, RemoteTool, plan_commands, read_manifest, run_commands
    from blockprofile.errors import OptionError, check_choice
    from blockprofile.space import load_space

    try:
        words = tuple(shlex.split(command))
    except ValueError as failure:
        raise OptionError(f"--command {command!r} cannot be read: {failure}") from None
    tool = RemoteTool(on=check_choice("--on", on, TRANSPORTS), target=to, folder=folder, words=words, ending=ending)
    manifest = read_manifest(models, load_space(space))
    commands = plan_commands(models, manifest, out, tool)
    lines = [shlex.join(each.words) + (f" > {shlex.quote(str(each.keep))}" if each.keep else "") for each in commands]
    if not json:
        for line in lines:
            (tell if dry_run else note)(line)
    if not dry_run:
        run_commands(commands, out)
    if json:
        print_json({"commands": lines, "ran": not dry_run, "folder": str(out)})
    elif not dry_run:
        tell(f"{out}: {len(manifest.models)} profiles")
