"""The examples of README and docs: every Python block runs, the space file of docs/own-space.md is in order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from blockprofile.space import count_archs, load_space

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_python_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "example"}
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), names)


def test_the_space_file_of_the_docs_is_in_order(tmp_path: Path) -> None:
    (text,) = blocks(ROOT / "docs" / "own-space.md", "yaml")
    (tmp_path / "my_space.yaml").write_text(text)
    assert count_archs(load_space(tmp_path / "my_space.yaml")) == (3 + 9 + 27) * (6 + 18)


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
