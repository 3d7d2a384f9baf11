"""Short functions, short files, plain names, and a paragraph at the head of each module."""

from __future__ import annotations

import ast
import re
from statistics import median

import pytest

from tests.house.sources import ROOT, Module, files, modules

MEDIAN, NINE_IN_TEN, LONGEST = 10, 35, 60  # lines of a function
FILE = 400  # lines
VAGUE = {"util", "utils", "helper", "helpers", "manager", "process", "data", "info", "misc"}
NOT_OURS = {"process_bind_param", "process_result_value", "data_received", "DataSet"}
"""Names that others gave: methods of SQLAlchemy's TypeDecorator and asyncio's Protocol, and statistics' data set."""
EVERYWHERE = ("src", "tests", "benchmarks")


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_functions_are_short() -> None:
    lengths = sorted(_length(function) for module in modules() for function in module.functions)
    assert median(lengths) <= MEDIAN
    assert lengths[int(len(lengths) * 0.9)] <= NINE_IN_TEN


@pytest.mark.parametrize("under", EVERYWHERE)
def test_no_function_is_long(under: str) -> None:
    long = [(m.path, f.name, _length(f)) for m in modules(under) for f in m.functions if _length(f) > LONGEST]
    assert not long


@pytest.mark.parametrize("under", EVERYWHERE)
def test_files_are_short(under: str) -> None:
    lengths = {module.path: len(module.text.splitlines()) for module in modules(under)}
    assert not {path: lines for path, lines in lengths.items() if lines > FILE}


@pytest.mark.parametrize("under", EVERYWHERE)
def test_every_module_opens_with_what_it_is(under: str) -> None:
    spoken = {module.path: ast.get_docstring(module.tree) or "" for module in modules(under) if module.text.strip()}
    silent = [path for path, says in spoken.items() if not says.strip()]
    assert not silent


def _defined(module: Module) -> set[str]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    names = {node.name for node in ast.walk(module.tree) if isinstance(node, kinds)}
    return names | {module.name.rsplit(".", 1)[-1]}


def test_names_say_something() -> None:
    """No word of VAGUE names a module, class or function of ours, nor is a part of such a name."""
    found = set()
    for module in modules():
        for name in _defined(module) - NOT_OURS:
            words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_")
            found |= {(module.name, name) for word in words if word in VAGUE}
    assert not found


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    assert not [m.path for under in EVERYWHERE for m in modules(under) if marks.search(m.text)]


def test_no_file_names_a_machine_or_a_registry() -> None:
    """A lock pins what is installed, never where from; nobody's home is in the repository."""
    hosts = ["pypi" + ".org", "python" + "hosted", "deb.debian" + ".org", "npm" + "js.org", "index" + "-url"]
    places = ["/" + "root/", "/" + "work/", "/" + "home/", "/" + "Users/"]
    found = {}
    for name in files():
        text = (ROOT / name).read_bytes().decode("utf-8", "replace")
        found[name] = [word for word in (*hosts, *places) if word in text]
    assert not {name: words for name, words in found.items() if words}


def test_the_repository_holds_only_what_we_wrote() -> None:
    """No photograph, model, archive or key; SVG and the like are text."""
    foreign = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".onnx", ".npy", ".gz", ".zip", ".whl", ".key", ".db", ".pkl")
    assert not [name for name in files() if name.lower().endswith(foreign)]
