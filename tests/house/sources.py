"""The repository as these tests see it: tracked files, parsed modules, imports."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"


@dataclass(frozen=True, slots=True)
class Module:
    """A Python file: its path from the root, its dotted name (below `src` without it), and its tree."""

    path: str
    name: str
    text: str
    tree: ast.Module

    @property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@cache
def files() -> tuple[str, ...]:
    """Every file that is tracked, or new and not ignored, as git names it; all files where git is missing."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    )  # fmt: skip
    return tuple(sorted(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()))


@cache
def modules(under: str = "src") -> tuple[Module, ...]:
    """Every Python module below a folder."""
    return tuple(map(_module, (name for name in files() if name.startswith(f"{under}/") and name.endswith(".py"))))


def imports(module: Module) -> set[str]:
    """Every dotted name that a module imports, at the top or inside a function: `a.b` for `from a import b`."""
    found: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _module(path: str) -> Module:
    text = (ROOT / path).read_text(encoding="utf-8")
    name = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return Module(path, name, text, ast.parse(text))
