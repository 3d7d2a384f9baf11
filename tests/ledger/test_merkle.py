"""The tree against the paper: golden vectors of others, and every small tree against a recursive reference."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from countenance.domain.errors import BadInput, Unverified
from countenance.ledger import merkle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

LARGEST = 130
LEAVES = [merkle.leaf_hash(bytes([i % 256, i // 256])) for i in range(LARGEST)]


def reference(leaves: Sequence[bytes]) -> bytes:
    """MTH as RFC 6962 writes it down."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    k = split(len(leaves))
    return sha256(b"\x01" + reference(leaves[:k]) + reference(leaves[k:])).digest()


def reference_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH as RFC 6962 writes it down."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*reference_path(m, leaves[:k]), reference(leaves[k:])]
    return [*reference_path(m - k, leaves[k:]), reference(leaves[:k])]


def reference_subproof(m: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:  # noqa: FBT001
    """SUBPROOF as RFC 6962 writes it down."""
    if m == len(leaves):
        return [] if whole else [reference(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*reference_subproof(m, leaves[:k], whole), reference(leaves[k:])]
    return [*reference_subproof(m - k, leaves[k:], whole=False), reference(leaves[:k])]


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def node_of(leaves: Sequence[bytes]) -> merkle.Node:
    return lambda level, index: reference(leaves[index << level : (index + 1) << level])


def test_every_inclusion_proof_up_to_130_leaves_is_the_papers_and_verifies() -> None:
    for size in range(1, LARGEST + 1):
        node, root = node_of(LEAVES[:size]), reference(LEAVES[:size])
        assert merkle.mth(0, size, node) == root
        for index in range(0, size, 1 if size < 34 else 13):
            proof = merkle.inclusion_proof(index, size, node)
            assert list(proof) == reference_path(index, LEAVES[:size])
            merkle.verify_inclusion(LEAVES[index], index, size, proof, root)


def test_every_consistency_proof_up_to_130_leaves_is_the_papers_and_verifies() -> None:
    roots = [reference(LEAVES[:size]) for size in range(LARGEST + 1)]
    for new in range(1, LARGEST + 1):
        for old in range(1, new + 1, 1 if new < 34 else 13):
            proof = merkle.consistency_proof(old, new, node_of(LEAVES))
            assert list(proof) == reference_subproof(old, LEAVES[:new], whole=True)
            merkle.verify_consistency(old, new, proof, roots[old], roots[new])


def test_the_hash_of_the_empty_tree() -> None:
    assert merkle.mth(0, 0, node_of([])) == merkle.EMPTY == sha256(b"").digest()


def test_no_inclusion_proof_holds_for_another_index_size_leaf_or_root() -> None:
    """All (index, size) pairs up to 20 leaves against all others: only the true one verifies."""
    for size in range(1, 20):
        root = reference(LEAVES[:size])
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, node_of(LEAVES[:size]))
            for other in range(-1, size + 1):
                if other != index:
                    refuses(merkle.verify_inclusion, LEAVES[index], other, size, proof, root)
            refuses(merkle.verify_inclusion, LEAVES[index + 1], index, size, proof, root)
            refuses(merkle.verify_inclusion, LEAVES[index], index, size, proof, reference(LEAVES[: size + 1]))
            refuses(merkle.verify_inclusion, LEAVES[index], index, size, (*proof, root), root)
            refuses(merkle.verify_inclusion, LEAVES[index], index, size, (*proof[:-1], b"\0" * 32), root)


def test_no_consistency_proof_holds_for_other_roots_or_another_length() -> None:
    for new in range(2, 20):
        for old in range(1, new):
            proof = merkle.consistency_proof(old, new, node_of(LEAVES))
            old_root, new_root = reference(LEAVES[:old]), reference(LEAVES[:new])
            refuses(merkle.verify_consistency, old, new, proof, new_root, new_root)
            refuses(merkle.verify_consistency, old, new, proof, old_root, old_root)
            refuses(merkle.verify_consistency, old, new, proof[:-1], old_root, new_root)
            refuses(merkle.verify_consistency, old, new, (*proof, old_root), old_root, new_root)
            refuses(merkle.verify_consistency, old, new, [h[:-1] for h in proof], old_root, new_root)
            refuses(merkle.verify_consistency, new, old, proof, new_root, old_root)


def refuses(verify: Callable[..., None], *given: Any) -> None:
    with pytest.raises(Unverified):
        verify(*given)


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (1, 1), (0, 0)])
def test_there_is_no_proof_of_a_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(BadInput):
        merkle.inclusion_proof(index, size, node_of(LEAVES))


@pytest.mark.parametrize(("old", "new"), [(0, 5), (-1, 5), (6, 5)])
def test_there_is_no_consistency_proof_from_nothing_or_backwards(old: int, new: int) -> None:
    with pytest.raises(BadInput):
        merkle.consistency_proof(old, new, node_of(LEAVES))


def test_the_golden_vectors(shared: Path) -> None:
    """Inclusion and consistency verdicts that other implementations agree on."""
    golden = json.loads((shared / "vectors/merkle.json").read_text())
    cases = [(case, verdict_of_inclusion(case)) for case in golden["inclusion"]]
    cases += [(case, verdict_of_consistency(case)) for case in golden["consistency"]]
    assert len(cases) == 196
    assert [case["name"] for case, verified in cases if verified == case["wantErr"]] == []


def verdict_of_inclusion(case: dict[str, Any]) -> bool:
    proof = [base64.b64decode(h) for h in case["proof"] or []]
    leaf, root = base64.b64decode(case["leafHash"]), base64.b64decode(case["root"])
    return holds(merkle.verify_inclusion, leaf, case["leafIdx"], case["treeSize"], proof, root)


def verdict_of_consistency(case: dict[str, Any]) -> bool:
    proof = [base64.b64decode(h) for h in case["proof"] or []]
    roots = base64.b64decode(case["root1"]), base64.b64decode(case["root2"])
    return holds(merkle.verify_consistency, case["size1"], case["size2"], proof, *roots)


def holds(verify: Callable[..., None], *given: Any) -> bool:
    try:
        verify(*given)
    except Unverified:
        return False
    return True
