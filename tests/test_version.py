"""One version, in the package, the citation and the changelog; what the citation, the Makefile and the Dockerfile
name is there.
"""

from __future__ import annotations

import re
from pathlib import Path

from ruamel.yaml import YAML

from blockprofile import __version__

ROOT = Path(__file__).resolve().parents[1]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_version_is_one() -> None:
    assert YAML(typ="safe").load(read("CITATION.cff"))["version"] == __version__
    assert re.findall(r"^## (\S+)", read("CHANGELOG.md"), flags=re.MULTILINE)[0] == __version__


def test_every_paper_of_the_citation_has_authors_place_and_year() -> None:
    papers = YAML(typ="safe").load(read("CITATION.cff"))["references"]
    assert len({paper["title"] for paper in papers}) == len(papers) >= 10
    for paper in papers:
        assert all(author.keys() & {"family-names", "name"} for author in paper["authors"])
        assert paper.keys() >= {"type", "year", "notes"}
        assert paper.keys() & {"collection-title", "journal"}


def test_the_makefile_names_tests_that_are_there() -> None:
    named = set(re.findall(r"tests/[\w/]+\.py", read("Makefile")))
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []
    assert len(named) > 20


def test_the_image_is_built_from_what_is_here() -> None:
    lines = re.findall(r"^COPY (?!--from)(.*)$", read("Dockerfile"), flags=re.MULTILINE)
    copied = {name for line in lines for name in line.split()[:-1]}
    assert all((ROOT / name).exists() for name in copied)
    assert copied == {line[1:] for line in read(".dockerignore").splitlines() if line.startswith("!")}
    content = re.findall(r'^"([^"]+)" = "blockprofile/content/', read("pyproject.toml"), flags=re.MULTILINE)
    assert {name.split("/")[0] for name in content} <= copied
    assert "\ntorch==" in read("constraints.txt")
