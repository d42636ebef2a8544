"""Uncles: which may be included, how long, and why others may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from executor import invalid_block as reasons
from executor.chain import Chain
from executor.errors import InvalidBlock
from executor.types import Header
from tests.executor.test_chain import chain_on, funded
from tests.mining import Mined, genesis, mine

NETWORK = "Berlin"
LENGTH = 8
UNCLE_MINER = b"\x07" * 20
ETHER = 10**18


@pytest.fixture
def blocks() -> list[Mined]:
    """Genesis and eight blocks."""
    made = [genesis(NETWORK, funded(NETWORK))]
    for _ in range(LENGTH):
        made.append(mine(NETWORK, made[-1]))
    return made


def chain_of(blocks: list[Mined]) -> Chain:
    chain = chain_on(NETWORK, blocks[0])
    for block in blocks[1:]:
        chain.import_block(block.rlp)
    return chain


def uncle_of(blocks: list[Mined], number: int) -> Header:
    """Return another block of this number on the same parent."""
    return mine(NETWORK, blocks[number - 1], coinbase=UNCLE_MINER).header


@pytest.mark.parametrize("depth", range(1, 7))
def test_an_uncle_is_paid_by_its_depth(blocks: list[Mined], depth: int) -> None:
    chain = chain_of(blocks)
    uncle = uncle_of(blocks, LENGTH + 1 - depth)
    head = chain.import_block(mine(NETWORK, blocks[-1], uncles=(uncle,)).rlp).block
    assert chain.state(head.hash).accounts[UNCLE_MINER].balance == 2 * ETHER * (8 - depth) // 8


def test_an_uncle_may_be_a_block_that_was_imported(blocks: list[Mined]) -> None:
    chain = chain_of(blocks)
    sibling = mine(NETWORK, blocks[LENGTH - 1], coinbase=UNCLE_MINER)
    chain.import_block(sibling.rlp)
    nephew = mine(NETWORK, blocks[-1], uncles=(sibling.header,))
    assert chain.import_block(nephew.rlp).block.hash == chain.head.hash


def two_in_one(blocks: list[Mined]) -> tuple[Header, ...]:
    return (uncle_of(blocks, LENGTH), uncle_of(blocks, LENGTH))


def three(blocks: list[Mined]) -> tuple[Header, ...]:
    return tuple(uncle_of(blocks, LENGTH - back) for back in range(3))


def with_difficulty(blocks: list[Mined]) -> tuple[Header, ...]:
    return (replace(uncle_of(blocks, LENGTH), difficulty=5),)


def with_gas_limit(blocks: list[Mined]) -> tuple[Header, ...]:
    return (uncle_of(blocks, LENGTH), replace(uncle_of(blocks, LENGTH - 1), gas_limit=1))


@pytest.mark.parametrize(
    ("uncles", "reason", "words"),
    [
        (three, reasons.TooManyUnclesError, "3 uncles"),
        (two_in_one, reasons.UncleIsBrotherError, "uncle 1"),
        (lambda b: (b[LENGTH].header,), reasons.UncleIsAncestorError, "uncle 0"),
        (lambda b: (b[LENGTH - 5].header,), reasons.UncleIsAncestorError, "uncle 0"),
        (lambda b: (mine(NETWORK, b[-1], coinbase=UNCLE_MINER).header,), reasons.UncleIsBrotherError, "own parent"),
        (lambda b: (uncle_of(b, LENGTH - 6),), reasons.UncleParentIncorrectError, "7 generations"),
        (lambda b: (replace(uncle_of(b, LENGTH), parent_hash=b"\x01" * 32),), reasons.UncleParentIncorrectError, "no"),
        (with_difficulty, reasons.InvalidDifficultyError, "uncle 0: difficulty 5"),
        (with_gas_limit, reasons.InvalidGasLimitError, "uncle 1: gas limit 1"),
    ],
)
def test_what_may_not_be_an_uncle_says_why(
    blocks: list[Mined],
    uncles: Callable[[list[Mined]], tuple[Header, ...]],
    reason: type[InvalidBlock],
    words: str,
) -> None:
    chain = chain_of(blocks)
    block = mine(NETWORK, blocks[-1], uncles=uncles(blocks))
    with pytest.raises(reason, match=words):
        chain.import_block(block.rlp)
    assert chain.head.hash == blocks[-1].hash


@pytest.mark.parametrize("later", [0, 2, 4])
def test_an_uncle_is_included_once(blocks: list[Mined], later: int) -> None:
    chain = chain_of(blocks)
    uncle = uncle_of(blocks, LENGTH)
    block = mine(NETWORK, blocks[-1], uncles=(uncle,))
    chain.import_block(block.rlp)
    for _ in range(later):
        block = mine(NETWORK, block)
        chain.import_block(block.rlp)
    with pytest.raises(reasons.UncleInChainError):
        chain.import_block(mine(NETWORK, block, uncles=(uncle,)).rlp)


def test_an_uncle_obeys_the_fork_that_it_is_of() -> None:
    network = "BerlinToLondonAt3"
    made = [genesis(network, funded(network))]
    for _ in range(4):
        made.append(mine(network, made[-1]))
    chain = chain_on(network, made[0])
    for block in made[1:]:
        chain.import_block(block.rlp)
    old = mine(network, made[1], coinbase=UNCLE_MINER).header
    new = mine(network, made[2], coinbase=UNCLE_MINER).header
    assert (old.base_fee, new.base_fee) == (None, 10**9)
    chain.import_block(mine(network, made[-1], uncles=(old, new)).rlp)
    wrong = replace(old, base_fee=10**9)
    with pytest.raises(reasons.BlockFormatError, match="uncle 0"):
        chain.import_block(mine(network, made[-1], uncles=(wrong,)).rlp)
