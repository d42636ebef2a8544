"""Notes of contracts/NotePool.vy: their Merkle tree, and the points that stand in for proofs about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from executor.hashing import keccak256
from scheduler.access import Address
from workloads.artefacts import word

DEPTH = 16
FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583
ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Of BN254 (EIP-196): the field of its points, and how many multiples the generator of the first group has."""
GENERATOR = (1, 2)
SECRET = 7164449215715993114934582986284617934531323500619161995567175279669179330505
VERIFIER_KEY = (
    13426989664371228827963393657538778295937981258799021347428779429545635789457,
    16945482281483802642233468586806335564366074963671899608562822472615149762584,
    21032447660806093113111832150484194739019168013487477097146840682060542329104,
    16497957523762165551432960250774898824729863609768528535797789323746669817292,
)
"""The prover's key: SECRET times the generator of the second group, imaginary parts first (EIP-197)."""
Point = tuple[int, int]
NO_COMMITMENT = bytes(32)


@dataclass(frozen=True)
class Note:
    """What its owner knows; the tree shows the commitment, and spending it the nullifier, which nobody can link."""

    secret: bytes

    @property
    def commitment(self) -> bytes:
        """Return the leaf."""
        return keccak256(self.secret + b"commitment")

    @property
    def nullifier(self) -> bytes:
        """Return what can be spent once."""
        return keccak256(self.secret + b"nullifier")


@dataclass(frozen=True)
class Claim:
    """What a proof is about; loan 0 and no commitment for a withdrawal."""

    pool: Address
    root: bytes
    nullifier: bytes
    receiver: Address
    loan: int = 0
    commitment: bytes = NO_COMMITMENT

    def prove(self) -> Point:
        """Return the point that the contract's pairings accept, for this claim and no other."""
        words: tuple[int | bytes, ...] = (
            self.pool,
            self.root,
            self.nullifier,
            self.loan,
            self.receiver,
            self.commitment,
        )
        number = int.from_bytes(keccak256(b"".join(map(word, words))), "big")
        return multiple(number * SECRET % ORDER)


def multiple(factor: int) -> Point:
    """Return that many times the generator; `factor` is no multiple of ORDER."""
    assert factor % ORDER, factor  # noqa: S101 - the point at infinity has no coordinates
    total: Point | None = None
    doubled = GENERATOR
    for bit in bin(factor)[:1:-1]:
        if bit == "1":
            total = doubled if total is None else _line(total, doubled, _slope(total, doubled))
        doubled = _line(doubled, doubled, 3 * doubled[0] ** 2 * pow(2 * doubled[1], -1, FIELD))
    assert total is not None  # noqa: S101
    return total


def _slope(a: Point, b: Point) -> int:
    return (b[1] - a[1]) * pow(b[0] - a[0], -1, FIELD)


def _line(a: Point, b: Point, slope: int) -> Point:
    """Return the sum of two points on a line of this slope."""
    x = (slope * slope - a[0] - b[0]) % FIELD
    return x, (slope * (a[0] - x) - a[1]) % FIELD


# -- the tree ---------------------------------------------------------------------------------------------


def tree(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Return the nodes of every level, leaves first, the root alone last; what is right of them is zero leaves."""
    levels, zero = [list(leaves)], bytes(32)
    for _ in range(DEPTH):
        below = levels[-1]
        if len(below) % 2:
            below = [*below, zero]
        levels.append([keccak256(below[at] + below[at + 1]) for at in range(0, len(below), 2)])
        zero = keccak256(zero + zero)
    return levels


def frontier(levels: list[list[bytes]]) -> list[bytes]:
    """Return, per level, the last left node: what the contract remembers to append to. There is at least a leaf."""
    return [nodes[(len(nodes) - 1) & ~1] for nodes in levels[:DEPTH]]
