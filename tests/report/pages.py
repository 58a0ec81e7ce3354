"""One small run of each kind, and a parser that collects what a page consists of."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

from blockprofile.compare import Trials, compare
from blockprofile.profile.profile import profile_run
from blockprofile.run import PoolRequest
from blockprofile.run.sample import sample
from blockprofile.search import Aims, search

__all__ = ["Page", "make_comparison", "make_profile", "make_search"]

PRUNED = """
schema: blockprofile.pruned/1
name: small
base: {name: moga}
title: Without the largest blocks
rules:
  - where: {unit: 1}
    drop: [e6k7, e6k7se]
    why: "they cost <much> & bring little"
    policy: by hand
    evidence:
      - {metric: top1_percent, effect: -0.1, unit: points, ci: [-0.2, -0.05], n: 1000, p_adjusted: 0.01, floor: 0.05,
         provenance: calibrated, what: e6k7, against: e6k5}
certificate:
  "latency_ms:mace_gpu":
    verdict: better than random
    limits: [8.0, 9.0]
    best_before: [75.1, 75.2]
    best_after: [75.3, 75.4]
    best_random: [75.0, 75.1]
"""
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Count elements, collect texts, links and identifiers; raise on elements that are not closed in order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._see(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._see(tag, attrs)

    def _see(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] += 1
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "src", "xlink:href", "srcset", "data", "action"}:
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in {"style", "script"}:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All text that a reader sees."""
        return " ".join(" ".join(self.texts).split())


def make_profile(folder: Path) -> Path:
    """Sample and profile MoGA's space."""
    sample(PoolRequest("moga", devices=["mace_gpu"], n=20_000), out=folder)
    profile_run(folder)
    return folder


def make_search(folder: Path) -> Path:
    """Search MoGA's space."""
    search("moga", Aims(devices=["mace_gpu"]), budget=300, out=folder)
    return folder


def make_comparison(folder: Path) -> Path:
    """Compare MoGA's space with a pruned one."""
    insight = folder.parent / "small.yaml"
    insight.write_text(PRUNED)
    compare("moga", insights=[insight], out=folder, trials=Trials(budget=300, seeds=3), aims=Aims(devices=["mace_gpu"]))
    return folder
