"""The examples of README and docs run: Python blocks, and tutorials with their commands, cell by cell."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import fields
from functools import lru_cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from blockprofile.cli import COMMANDS
from blockprofile.cli.main import main
from blockprofile.predict import Card
from blockprofile.space import count_archs, load_space
from blockprofile.space.definition import Block, FixedLayer, SpaceDefinition, Unit
from blockprofile.space.rules import PrunedDefinition

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@lru_cache
def hooks() -> ModuleType:
    spec = spec_from_file_location("docs_hooks", ROOT / "docs" / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TUTORIALS = [ROOT / "docs" / f"{name}.md" for name in hooks().tutorials()]
"""Notebooks as well: their commands and their Python are run in the order in which they stand."""


def run_commands(lines: str, capsys: pytest.CaptureFixture[str]) -> None:
    for line in lines.splitlines():
        words = shlex.split(line)
        assert words[0] == "blockprofile"
        assert main(words[1:]) == 0, f"{line}: {capsys.readouterr().err}"


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_tutorials_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cells = re.findall(
        r"^```(python|bash)\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    names: dict[str, object] = {"__name__": "example"}
    for language, cell in cells:
        if language == "bash":
            run_commands(cell, capsys)
            continue
        last = ast.parse(cell).body[-1]
        exec(compile(cell, str(page), "exec"), names)
        if isinstance(last, ast.Expr):
            shown = eval(ast.unparse(last), names)
            show = getattr(shown, "_repr_html_", None) or getattr(shown, "_repr_png_", None)
            assert show is None or show()


OPTIONAL = {"interchange": ("ConfigSpace", "optuna", "pymoo")}
"""Libraries that a page's examples need beside what blockprofile needs."""

EXAMPLES = [page for page in PAGES if page not in TUTORIALS and blocks(page, "python")]


@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.name)
def test_python_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in OPTIONAL.get(page.stem, ()):
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "example"}
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), names)


def own_space() -> str:
    """Return the space file that docs/own-space.md writes."""
    (text,) = re.findall(
        r'write_text\("""\\\n(.*?)"""\)', (ROOT / "docs" / "own-space.md").read_text(encoding="utf-8"), re.DOTALL
    )
    return str(text)


def test_the_index_names_every_page() -> None:
    named = set(re.findall(r"\]\(([\w-]+)\.md", (ROOT / "docs" / "index.md").read_text(encoding="utf-8")))
    assert named == {page.stem for page in (ROOT / "docs").glob("*.md")} - {"index"}


def test_a_tutorial_is_a_notebook_too() -> None:
    pytest.importorskip("jupytext")
    for tutorial in TUTORIALS:
        page = tutorial.read_text(encoding="utf-8")
        cells = [cell.source for cell in hooks().notebook_of(page).cells if cell.cell_type == "code"]
        assert len(cells) == len(re.findall(r"^```(?:bash|python)", page, flags=re.MULTILINE))
        assert not any(cell.startswith("blockprofile ") for cell in cells)  # a command, where Python is read


def kiosk() -> str:
    """Return the space file of docs/file-to-report.md."""
    (text,) = [block for block in blocks(ROOT / "docs" / "file-to-report.md", "yaml") if block.startswith("schema:")]
    return text


def test_the_space_files_of_the_docs_are_in_order(tmp_path: Path) -> None:
    counts = {}
    for text in (own_space(), kiosk()):
        (tmp_path / "space.yaml").write_text(text)
        space = load_space(tmp_path / "space.yaml")
        counts[space.name] = count_archs(space)
    assert counts == {"my_space": (3 + 9 + 27) * (6 + 18), "kiosk": 2 * 6 * 2 * (6 + 6 * 6)}


def test_links_between_pages_lead_somewhere() -> None:
    generated = {ROOT / "docs" / name for name in reference_pages()}
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            place = page.parent / target
            assert place.exists() or place in generated, f"{page.name} links to {target}"


# -- the generated reference -----------------------------------------------------------------------------------


@lru_cache
def reference_pages() -> dict[str, str]:
    return dict(hooks().pages())


def test_the_reference_has_every_command_and_option() -> None:
    page = reference_pages()["reference/commands.md"]
    headings = {line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")}
    names = {path for path, _ in hooks().commands()}
    assert headings == names
    assert {f"blockprofile {name}" for name in COMMANDS} <= {" ".join(name.split()[:2]) for name in names}
    for section in page.split("\n## ")[1:]:
        name = section.splitlines()[0]
        command = dict(hooks().commands())[name]
        for parameter in command.params:
            assert f"| `{', '.join(parameter.opts)}` |" in section or parameter.param_type_name == "argument"


def test_the_reference_has_every_key_of_a_space_file() -> None:
    page = reference_pages()["reference/files.md"]
    for record in (SpaceDefinition, Block, Unit, FixedLayer, PrunedDefinition, Card):
        section = page.split(f"### {record.__name__}\n")[1].split("\n##")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE) == [field.name for field in fields(record)]
    assert "| `kernel` | whole number | `1` |" in page
    assert "| `stride` | whole number | required |" in page


def leaves(nav: list[Any]) -> list[str]:
    return [nav_page for item in nav for nav_page in ([item] if isinstance(item, str) else leaves(*item.values()))]


def test_every_page_stands_once_in_the_navigation() -> None:
    pages = [page.name for page in (ROOT / "docs").glob("*.md")] + list(reference_pages())
    assert sorted(leaves(hooks().navigation())) == sorted(pages)


def command_lines() -> list[str]:
    """List every `blockprofile ...` line in code of README and docs."""
    lines = []
    for page in PAGES:
        text = re.sub(r"\\\n\s+", " ", page.read_text(encoding="utf-8"))
        lines += re.findall(r"^    (blockprofile [a-z].*?)(?:\s+#.*)?$", text, flags=re.MULTILINE)
    return sorted(set(lines))


@pytest.mark.parametrize("line", command_lines())
def test_command_lines_of_the_docs_name_commands_and_options_that_exist(line: str) -> None:
    words = shlex.split(line)
    known = dict(hooks().commands())
    name = " ".join(words[:3]) if " ".join(words[:3]) in known else " ".join(words[:2])
    assert name in known
    options = {option for parameter in known[name].params for option in parameter.opts} | {"--help"}
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert given <= options
