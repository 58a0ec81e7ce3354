"""The house as CONTRIBUTING draws it: which package imports which, made from the code."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START, STOP = "```mermaid\n", "```\n"


def package_of(module: str) -> str | None:
    """Return the package of the engine that a module is in; None for what stands beside the packages."""
    parts = module.split(".")
    is_inside = len(parts) > 1 and parts[0] == "blockprofile" and (ROOT / "blockprofile" / parts[1]).is_dir()
    return parts[1] if is_inside else None


def imports_of(folder: Path) -> set[str]:
    """Find the other packages that a package imports, wherever in a file it does."""
    found: set[str | None] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                found.add(package_of(node.module))
            elif isinstance(node, ast.Import):
                found |= {package_of(name.name) for name in node.names}
    return {name for name in found if name is not None} - {folder.name}


def draw_imports() -> str:
    """Draw the packages as a Mermaid graph; what follows from other arrows is left out."""
    folders = [path.parent for path in sorted((ROOT / "blockprofile").glob("*/__init__.py"))]
    direct = {folder.name: imports_of(folder) for folder in folders}

    def reached(name: str) -> set[str]:
        return direct[name].union(*(reached(other) for other in direct[name]))

    lines = ["graph BT"]
    for name, others in direct.items():
        beyond: set[str] = set().union(*(reached(other) for other in others))
        lines += [f"    {name} --> {other}" for other in sorted(others - beyond)]
    return "\n".join(lines) + "\n"


def test_contributing_draws_the_imports_as_they_are() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    drawn = page.partition(START)[2].partition(STOP)[0]
    assert drawn == draw_imports(), "put the output of `python -m tests.test_imports` into CONTRIBUTING.md"


if __name__ == "__main__":
    print(draw_imports(), end="")
