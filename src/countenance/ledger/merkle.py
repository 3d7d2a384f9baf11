"""The Merkle tree of RFC 6962, section 2.1: hashing, inclusion and consistency proofs, made and verified.

Pure functions over SHA-256 hashes; it never reads a file and never keeps a tree. Whoever proves hands in
`node(level, index)`, the hash of the perfect subtree over the entries [index << level, (index + 1) <<
level), so that the same lines serve a list in memory and tiles on a disk. Names are the paper's: MTH is
the hash of a list of entries, PATH an inclusion proof, PROOF a consistency proof.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from countenance.domain.errors import BadInput, Unverified

Node = Callable[[int, int], bytes]

EMPTY = sha256(b"").digest()
"""MTH of the empty tree."""

HASH_SIZE = 32
"""Bytes of a SHA-256 hash."""


def leaf_hash(entry: bytes) -> bytes:
    """MTH({entry}): SHA-256 of 0x00 and the entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and the two children."""
    return sha256(b"\x01" + left + right).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """`leaf_hash` of each, in a third less time."""
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def node_hashes(lefts: Iterable[bytes], rights: Iterable[bytes]) -> list[bytes]:
    """`node_hash` of each two, while there are two."""
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(lefts, rights, strict=False)]


def mth(start: int, end: int, node: Node) -> bytes:
    """MTH(D[start:end]) for a range that the paper's own splitting produces; start 0, end n: the root."""
    width = end - start
    if width == 0:
        return EMPTY
    level = width.bit_length() - 1
    if width == 1 << level:
        return node(level, start >> level)
    middle = start + _split(width)
    return node_hash(mth(start, middle, node), mth(middle, end, node))


def inclusion_proof(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """PATH(index, D[size]): siblings from the leaf upwards. Raises BadInput unless 0 <= index < size."""
    if not 0 <= index < size:
        raise BadInput("no such leaf in a tree of this size")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(mth(middle, end, node))
            end = middle
        else:
            path.append(mth(start, middle, node))
            start = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, node: Node) -> tuple[bytes, ...]:
    """PROOF(old, D[new]). Empty for old == new. Raises BadInput unless 0 < old <= new, as in the paper."""
    if not 0 < old <= new:
        raise BadInput("no consistency proof is defined for these sizes")
    proof: list[bytes] = []
    start, end, whole = 0, new, True
    while old < end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(mth(middle, end, node))
            end = middle
        else:
            proof.append(mth(start, middle, node))
            start, whole = middle, False
    if not whole:
        proof.append(mth(start, end, node))
    return tuple(reversed(proof))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """That the leaf with this hash stands at `index` of the tree of this size and root. Raises Unverified."""
    if not 0 <= index < size:
        raise Unverified("the leaf's index lies outside the tree of the checkpoint")
    if len(proof) != _path_length(index, size):
        raise Unverified("the inclusion proof has the wrong number of hashes for this index and size")
    _check_hashes(leaf, *proof)
    inner = (index ^ (size - 1)).bit_length()
    found = leaf
    for level, sibling in enumerate(proof):
        right_child = level >= inner or index >> level & 1
        found = node_hash(sibling, found) if right_child else node_hash(found, sibling)
    if found != root:
        raise Unverified("the inclusion proof does not lead from the leaf to the root of the checkpoint")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """That the tree of `old` leaves is a prefix of the tree of `new` leaves. Raises Unverified."""
    if not 0 < old <= new:
        raise Unverified("a consistency proof leads from a tree with leaves to one at least as large")
    if old == new:
        if proof or old_root != new_root:
            raise Unverified("the two trees have the same size and do not agree")
        return
    _check_hashes(old_root, *proof)
    shift = (old & -old).bit_length() - 1
    first, *rest = (old_root, *proof) if old == 1 << shift else proof or (EMPTY,)
    index = (old - 1) >> shift
    if len(rest) != _path_length(index, ((new - 1) >> shift) + 1):
        raise Unverified("the consistency proof has the wrong number of hashes for these sizes")
    inner = (index ^ ((new - 1) >> shift)).bit_length()
    old_found = new_found = first
    for level, sibling in enumerate(rest):
        if level >= inner or index >> level & 1:
            old_found, new_found = node_hash(sibling, old_found), node_hash(sibling, new_found)
        else:
            new_found = node_hash(new_found, sibling)
    if (old_found, new_found) != (old_root, new_root):
        raise Unverified("the consistency proof does not connect the two roots")


def _check_hashes(*hashes: bytes) -> None:
    if any(len(h) != HASH_SIZE for h in hashes):
        raise Unverified("a hash of the proof is not 32 bytes long")


def _split(width: int) -> int:
    """The paper's k: the largest power of two smaller than `width` (which is at least 2)."""
    return 1 << ((width - 1).bit_length() - 1)


def _path_length(index: int, size: int) -> int:
    """How many hashes PATH(index, D[size]) has: up to where it meets the right edge, then the left turns."""
    inner = (index ^ (size - 1)).bit_length()
    return inner + (index >> inner).bit_count()
