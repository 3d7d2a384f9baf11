"""The tree against the paper: golden vectors of others, and every small tree against a recursive reference."""

# ruff: noqa: S311  (seeded, so that a failure comes again)
from __future__ import annotations

import base64
import json
import random
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from countenance.domain.errors import BadInput, Unverified
from countenance.ledger import merkle
from tests.ledger.world import LONG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

LARGEST = 1025
LEAVES = [merkle.leaf_hash(bytes([i % 256, i // 256])) for i in range(LARGEST)]
SOME = 40
"""Up to this size every pair is tried each time; COUNTENANCE_LONG=1 tries every pair up to LARGEST."""
MUTANTS = 100_000 if LONG else 3_000
SEED = 2026


@cache
def reference(start: int, end: int) -> bytes:
    """MTH(D[start:end]) as RFC 6962 writes it down."""
    if end - start < 2:
        return LEAVES[start] if start < end else sha256(b"").digest()
    k = start + split(end - start)
    return sha256(b"\x01" + reference(start, k) + reference(k, end)).digest()


def reference_path(m: int, start: int, end: int) -> list[bytes]:
    """PATH as RFC 6962 writes it down."""
    if end - start == 1:
        return []
    k = start + split(end - start)
    if m < k:
        return [*reference_path(m, start, k), reference(k, end)]
    return [*reference_path(m, k, end), reference(start, k)]


def reference_subproof(m: int, start: int, end: int, whole: bool) -> list[bytes]:  # noqa: FBT001
    """SUBPROOF as RFC 6962 writes it down."""
    if m == end:
        return [] if whole else [reference(start, end)]
    k = start + split(end - start)
    if m <= k:
        return [*reference_subproof(m, start, k, whole), reference(k, end)]
    return [*reference_subproof(m, k, end, whole=False), reference(start, k)]


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def node_of(size: int) -> merkle.Node:
    """What a tree of this size has; asked for more, it fails."""

    def node(level: int, index: int) -> bytes:
        assert (index + 1) << level <= size
        return reference(index << level, (index + 1) << level)

    return node


def pairs() -> list[tuple[int, int]]:
    """(smaller, larger) with 1 <= smaller <= larger: all, or those of small trees and a seeded share of the others."""
    if LONG:
        return [(old, new) for new in range(1, LARGEST + 1) for old in range(1, new + 1)]
    rng = random.Random(SEED)
    others = [sorted((rng.randint(1, LARGEST), rng.randint(1, LARGEST))) for _ in range(3_000)]
    few = [(old, new) for new in range(1, SOME + 1) for old in range(1, new + 1)]
    return [*few, *((old, new) for old, new in others)]


@pytest.mark.timeout(3600 if LONG else 120)
def test_every_inclusion_proof_up_to_1025_leaves_is_the_papers_and_verifies() -> None:
    for index, size in ((old - 1, new) for old, new in pairs()):
        root = reference(0, size)
        assert merkle.mth(0, size, node_of(size)) == root
        proof = merkle.inclusion_proof(index, size, node_of(size))
        assert list(proof) == reference_path(index, 0, size)
        merkle.verify_inclusion(LEAVES[index], index, size, proof, root)


@pytest.mark.timeout(3600 if LONG else 120)
def test_every_consistency_proof_up_to_1025_leaves_is_the_papers_and_verifies() -> None:
    for old, new in pairs():
        proof = merkle.consistency_proof(old, new, node_of(new))
        assert list(proof) == reference_subproof(old, 0, new, whole=True)
        merkle.verify_consistency(old, new, proof, reference(0, old), reference(0, new))


def mutant(rng: random.Random, proof: Sequence[bytes]) -> list[bytes]:
    """Other hashes: a bit turned, one left out, one more, two changed about, one of another place, one cut."""
    found, at = list(proof), rng.randrange(len(proof))
    match rng.randrange(6):
        case 0:
            turned = int.from_bytes(found[at], "big") ^ 1 << rng.randrange(256)
            found[at] = turned.to_bytes(32, "big")
        case 1:
            del found[at]
        case 2:
            found.insert(at, rng.choice(found))
        case 3:
            other = rng.randrange(len(found))
            found[at], found[other] = found[other], found[at]
        case 4:
            start = rng.randrange(LARGEST)
            found[at] = reference(start, rng.randrange(start, LARGEST) + 1)
        case 5:
            found[at] = found[at][: rng.randrange(32)]
    return found if found != list(proof) else mutant(rng, proof)


@pytest.mark.timeout(3600 if LONG else 120)
def test_no_mutated_proof_is_accepted() -> None:
    """Half of inclusion, each also for another leaf and index; half of consistency, each also for other roots."""
    rng = random.Random(SEED)
    for number in range(MUTANTS):
        old, new = sorted(rng.sample(range(1, LARGEST + 1), 2))
        before, root = reference(0, old), reference(0, new)
        if number % 2:
            proof = merkle.consistency_proof(old, new, node_of(new))
            refuses(merkle.verify_consistency, old, new, mutant(rng, proof), before, root)
            refuses(merkle.verify_consistency, old, new, proof, reference(0, old + 1), root)
            refuses(merkle.verify_consistency, old, new, proof, before, reference(0, new - 1))
        else:
            proof = merkle.inclusion_proof(old, new, node_of(new))
            refuses(merkle.verify_inclusion, LEAVES[old], old, new, mutant(rng, proof), root)
            refuses(merkle.verify_inclusion, LEAVES[old - 1], old, new, proof, root)
            refuses(merkle.verify_inclusion, LEAVES[old], old - 1, new, proof, root)


def test_the_hash_of_the_empty_tree() -> None:
    assert merkle.mth(0, 0, node_of(0)) == merkle.EMPTY == sha256(b"").digest()


def test_no_inclusion_proof_holds_for_another_index_size_leaf_or_root() -> None:
    """All (index, size) pairs up to 20 leaves against all others: only the true one verifies."""
    for size in range(1, 20):
        root = reference(0, size)
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, node_of(size))
            for other in range(-1, size + 1):
                if other != index:
                    refuses(merkle.verify_inclusion, LEAVES[index], other, size, proof, root)
            refuses(merkle.verify_inclusion, LEAVES[index + 1], index, size, proof, root)
            refuses(merkle.verify_inclusion, LEAVES[index], index, size, proof, reference(0, size + 1))
            refuses(merkle.verify_inclusion, LEAVES[index], index, size, (*proof, root), root)
            refuses(merkle.verify_inclusion, LEAVES[index], index, size, (*proof[:-1], b"\0" * 32), root)


def test_no_consistency_proof_holds_for_other_roots_or_another_length() -> None:
    for new in range(2, 20):
        for old in range(1, new):
            proof = merkle.consistency_proof(old, new, node_of(new))
            old_root, new_root = reference(0, old), reference(0, new)
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
        merkle.inclusion_proof(index, size, node_of(LARGEST))


@pytest.mark.parametrize(("old", "new"), [(0, 5), (-1, 5), (6, 5)])
def test_there_is_no_consistency_proof_from_nothing_or_backwards(old: int, new: int) -> None:
    with pytest.raises(BadInput):
        merkle.consistency_proof(old, new, node_of(LARGEST))


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
