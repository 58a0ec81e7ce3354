"""Pages that are made from the code while the documentation is built: commands, files, modules, tutorials that ran.

`mkdocs.yml` names this file as a hook. The functions that make the pages are plain, and tested.
"""

from __future__ import annotations

import dataclasses
import inspect
import pkgutil
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ORDER = ("space", "predict", "run", "profile", "plot", "prune", "search", "compare", "report", "device", "supernet")
"""Packages in the order of the work; others follow by name."""


SECTIONS = {
    "Start": ("start", "install"),
    "Tutorials": (
        "tutorial-phone", "own-space", "tutorial-labels", "tutorial-supernet", "tutorial-profiler", "tutorial-prune",
        "tutorial-report",
    ),
    "How to": (
        "file-to-report", "devices", "profilers", "four_ways", "predictors", "supernet", "search", "compare", "cluster",
        "interchange",
    ),
    "Explanations": (
        "definitions", "spaces", "exact", "pruning", "calibration", "truth_macro", "truth_mnasnet", "truth_ofa",
    ),
    "Gallery": ("figures", "figure2", "figure4"),
    "Questions": ("faq",),
}  # fmt: skip
"""Where the written pages stand in the navigation; pages that are not named here follow under "More"."""


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every subcommand as its full name and its parser."""
    from blockprofile.cli.help import build_commands, leaves

    return leaves(build_commands(), "blockprofile")


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _parameter_row(parameter: Any) -> str:
    is_argument = parameter.param_type_name == "argument"
    name = parameter.metavar or parameter.name.upper() if is_argument else ", ".join(parameter.opts)
    default = parameter.default
    if parameter.required:
        shown = "required"
    elif default is None or default is False or callable(default) or default in ("", (), []):
        shown = ""
    else:
        shown = f"`{_cell(default)}`"
    return f"| `{_cell(name)}` | {_cell(parameter.help or '')} | {shown} |"


def commands_page() -> str:
    """Write the reference of all commands with their arguments and options."""
    lines = [
        "# Commands",
        "",
        "Results go to stdout, progress and remarks to stderr; `--json` prints for machines. Exit status 0: done;",
        "2: a mistake in what was asked; 3: bad data; 1: a bug.",
    ]
    lines += [
        "",
        "`--quiet`, before or after any command, leaves warnings and errors alone on stderr; `--verbose` tells every",
        "stage and file with its time. `blockprofile --install-completion` has your shell complete commands, options,",
        "choices, spaces and devices from then on (bash, zsh, fish, PowerShell).",
    ]
    for path, command in commands():
        lines += ["", f"## {path}", "", inspect.cleandoc(command.help or ""), ""]
        lines += [*(f"    {example}" for example in command.examples), ""]
        shown = [parameter for parameter in command.params if parameter.name != "help"]
        if shown:
            lines += ["| | | default |", "|---|---|---|", *map(_parameter_row, shown)]
    return "\n".join(lines) + "\n"


def _type_name(hint: Any) -> str:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in args)
    if origin in {typing.Union, types.UnionType}:
        return " or ".join(_type_name(arg) for arg in args if arg is not type(None))
    if origin is tuple:
        return f"list of {_type_name(args[0])}"
    if origin is not None:
        return "mapping"
    if dataclasses.is_dataclass(hint):
        return f"[{hint.__name__}](#{hint.__name__.lower()})"
    return {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}.get(
        hint.__name__, hint.__name__
    )


def _records_in(hint: Any) -> Iterator[type]:
    if dataclasses.is_dataclass(hint):
        yield typing.cast("type", hint)
    for arg in typing.get_args(hint):
        yield from _records_in(arg)


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return "required"
    value = field.default
    if value is dataclasses.MISSING or value is None or value in ((), "") or dataclasses.is_dataclass(value):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _record(record: type, known: list[type]) -> Iterator[str]:
    hints = typing.get_type_hints(record)
    yield from ["", f"### {record.__name__}", "", re.sub(r"``", "`", inspect.getdoc(record) or ""), ""]
    yield from ["| key | | default |", "|---|---|---|"]
    for field in dataclasses.fields(record):
        yield f"| `{field.name}` | {_type_name(hints[field.name])} | {_default(field)} |"
        known += [found for found in _records_in(hints[field.name]) if found not in known]


def files_page() -> str:
    """Write the reference of the YAML files, from the records that they are validated into."""
    from blockprofile.predict.card import Card
    from blockprofile.run.study import StudyFile
    from blockprofile.space.definition import SpaceDefinition
    from blockprofile.space.rules import PrunedDefinition

    lines = [
        "# Files",
        "",
        "An unknown key is an error, as is a value of another type; line, column and choices are told.",
    ]
    seen: list[type] = []
    roots = {
        "A space": SpaceDefinition, "A pruned space": PrunedDefinition,
        "A predictor's card": Card, "A study": StudyFile,
    }  # fmt: skip
    for title, root in roots.items():
        lines += ["", f"## {title}"]
        known = [root]
        for record in known:
            if record not in seen:
                lines += _record(record, known)
                seen.append(record)
    return "\n".join([*lines, "", *_stages()]) + "\n"


def _stages() -> Iterator[str]:
    from blockprofile.run.study import STAGES, stage_parameters

    yield "### Stages"
    yield ""
    yield "Every stage is a library function; its keys are the function's parameters and the fields of its records."
    for name, kind in STAGES.items():
        yield from ["", f"`{name}`: `{kind.function.replace(':', '.')}`", ""]
        for key, parameter in stage_parameters(name).items():
            yield f"- `{key}`" + (" (required)" if parameter.is_required else f" = `{parameter.default!r}`")


def packages() -> list[str]:
    """Name the packages of the library that have a page."""
    import blockprofile

    found = [info.name for info in pkgutil.iter_modules(blockprofile.__path__) if info.ispkg and info.name != "cli"]
    return sorted(found, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


def module_page(name: str) -> str:
    """Write the page of a package, which mkdocstrings fills with what the package exports."""
    return f"# blockprofile.{name}\n\n::: blockprofile.{name}\n    options:\n      show_root_heading: false\n"


def pages() -> dict[str, str]:
    """Make all generated pages: path below docs/ -> Markdown."""
    from blockprofile.papers.prices import prices_page

    made = {"reference/commands.md": commands_page(), "reference/files.md": files_page()}
    made["reference/published.md"] = prices_page()
    return made | {f"reference/{name}.md": module_page(name) for name in packages()}


def navigation() -> list[Any]:
    """Order all pages, written and generated."""
    written = {path.stem for path in Path(__file__).parent.glob("*.md")} - {"index"}
    named = {name for names in SECTIONS.values() for name in names}
    sections = {title: [name for name in names if name in written] for title, names in SECTIONS.items()}
    sections["More"] = sorted(written - named)
    nav: list[Any] = ["index.md"]
    nav += [{title: [f"{name}.md" for name in names]} for title, names in sections.items() if names]
    modules = [f"reference/{name}.md" for name in packages()]
    return [
        *nav,
        {"Reference": ["reference/commands.md", "reference/files.md", "reference/published.md", {"Modules": modules}]},
    ]


def on_config(config: Any) -> Any:
    """Set the navigation."""
    config["nav"] = navigation()
    return config


KERNEL = """---
jupyter:
  kernelspec: {name: python3, display_name: Python 3, language: python}
---

"""
"""Without it the language that most cells have would be the notebook's."""


def notebook_of(page: str) -> Any:
    """Make a notebook of a tutorial: Markdown in which blocks of python and bash are cells."""
    import jupytext

    return jupytext.reads(KERNEL + page, fmt="md")


def run_notebook(notebook: Any, name: str) -> tuple[str, dict[str, bytes]]:
    """Run a notebook in a new folder; return it as Markdown with what came of each cell, and its pictures.

    The commands of bash cells are those of the interpreter that builds the documentation.
    """
    import os
    import sys
    import tempfile

    from nbclient import NotebookClient
    from nbconvert import MarkdownExporter

    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["COLUMNS"] = "110"  # kernels pass for terminals of 80 letters, in colour
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        quiet = ["--IPKernelApp.log_level=40"]  # it warns that it listens on this machine
        NotebookClient(notebook, timeout=600, resources=where, coalesce_streams=True, extra_arguments=quiet).execute()
    for output in (output for cell in notebook.cells for output in cell.get("outputs", ())):
        if output.output_type == "stream":
            output.text = re.sub(r"\x1b\[[0-9;]*m", "", output.text)
    body, resources = MarkdownExporter().from_notebook_node(notebook, {"output_files_dir": f"{name}_files"})
    body = body.replace("%%bash\n", "").replace('<table border="1" class="dataframe">', "<table>")  # scrolls on a phone
    return body, dict(resources.get("outputs") or {})


def tutorials() -> list[str]:
    """Name the pages that are run."""
    return list(SECTIONS["Tutorials"])


def _add_tutorial(files: Any, config: Any, name: str) -> None:
    """Put what came of a tutorial in the place of its source, and the notebook beside it."""
    import nbformat
    from mkdocs.structure.files import File

    source = (Path(__file__).parent / f"{name}.md").read_text(encoding="utf-8")
    notebook = notebook_of(source)
    body, pictures = run_notebook(notebook, name)

    title, _, rest = body.partition("\n")
    told = f"{title}\n\nThis page is a notebook: [{name}.ipynb]({name}.ipynb).\n{rest}"
    files.remove(files.get_file_from_path(f"{name}.md"))
    made = {f"{name}.md": told, f"{name}.ipynb": nbformat.writes(notebook), **pictures}
    for path, content in made.items():
        files.append(File.generated(config, path, content=content))


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages to the documentation, and what came of the tutorials."""
    from mkdocs.structure.files import File

    for path, content in pages().items():
        files.append(File.generated(config, path, content=content))
    for name in tutorials():
        _add_tutorial(files, config, name)
    return files
