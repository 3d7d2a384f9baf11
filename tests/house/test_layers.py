"""What import-linter does not say: one importer each, the domain's own imports, and a lazy package."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.house.sources import imports, modules

ONE_IMPORTER = {
    "cedarpy": {"countenance.policy.cedar"},
    "onnxruntime": {"countenance.vision.models"},
    "PIL": {"countenance.vision.decode"},
}
ONE_CALLER = {"countenance.ledger.durable", "countenance.storage.files"}
AUDITOR = ("countenance", "countenance.ledger.proof", "countenance.ledger.fsck", "countenance.ledger.keychain")
HEAVY = ("numpy", "sqlalchemy", "onnx", "onnxruntime", "cv2", "PIL", "cedarpy", "alembic", "click")


@pytest.mark.parametrize("package", sorted(ONE_IMPORTER))
def test_a_dangerous_package_has_one_importer(package: str) -> None:
    found = {m.name for m in modules() if any(name.split(".")[0] == package for name in imports(m))}
    assert found == ONE_IMPORTER[package]


def test_only_vision_touches_opencv_and_never_lets_it_read_a_file() -> None:
    importers = [m for m in modules() if any(name.split(".")[0] == "cv2" for name in imports(m))]
    assert importers
    assert all(m.name.startswith("countenance.vision.") for m in importers)
    assert not [m.name for m in importers if "imread" in m.text or "imdecode" in m.text or "VideoCapture" in m.text]


def test_only_two_modules_make_things_durable() -> None:
    found = {m.name for m in modules() for node in ast.walk(m.tree) if _is_durable_call(node)}
    assert found == ONE_CALLER


def _is_durable_call(node: ast.AST) -> bool:
    named = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
    return named and getattr(node, "attr", "") in ("replace", "rename", "fsync", "fdatasync", "link")


def test_the_domain_imports_the_standard_library_and_numpy_only() -> None:
    allowed = sys.stdlib_module_names | {"numpy", "countenance"}
    found = {(m.name, name) for m in modules() for name in imports(m) if m.name.startswith("countenance.domain")}
    assert found
    assert not {(m, name) for m, name in found if name.split(".")[0] not in allowed}


MAY_REACH = ("countenance.client", "countenance.http.post", "countenance.http.fetch")
"""httpx, and no other way: a client, asking witnesses, and reading a published log."""
READS_A_DOMAIN = {("countenance.http.wellknown", name) for name in ("socket", "http.client")}
"""The standard library's own, since the connection goes to the very address that was looked at."""


def test_nothing_pickles_and_only_these_rooms_reach_the_network() -> None:
    banned = {"pickle", "shelve", "marshal", "socket", "urllib.request", "http.client", "requests", "httpx"}
    found = {(m.name, name) for m in modules() for name in imports(m) if name in banned}
    assert {(m, name) for m, name in found if not (m.startswith(MAY_REACH) and name == "httpx")} == READS_A_DOMAIN


def test_only_the_demo_starts_a_process() -> None:
    found = {m.name for m in modules() if "subprocess" in imports(m)}
    assert found <= {"countenance.demo.fetch"}


def test_an_assert_never_checks_what_came_from_outside() -> None:
    """Python -O removes asserts; ours only state types, so each is one expression without a message."""
    found = {m.name for m in modules() for node in ast.walk(m.tree) if _asserts_with_message(node)}
    assert not found


def _asserts_with_message(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert) and node.msg is not None


@pytest.mark.parametrize("name", AUDITOR)
def test_an_auditor_loads_no_model_database_or_numpy(name: str) -> None:
    seen = _loaded_by(name)
    assert not seen & set(HEAVY)


def test_the_package_alone_loads_nothing_of_ours() -> None:
    assert {name for name in _loaded_by("countenance") if name.startswith("countenance")} == {"countenance"}


def _loaded_by(name: str) -> set[str]:
    code = f"import sys, {name}; print('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=60)
    return set(run.stdout.split())
