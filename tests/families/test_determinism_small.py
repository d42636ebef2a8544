"""Family 6: the same bytes for any number of workers, any order of completion and any lists, right or wrong.

The blocks are small and mean: in each, transactions of all families meet. 5 numbers of workers, 20 orders and 4
kinds of lists make 400 runs of a block; `make test` takes 80, every worker count, order and kind of list among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import pytest

from executor.block_executor import BlockExecutor
from executor.errors import InvalidTransaction
from executor.hashing import keccak256
from executor.pool import InlinePool
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.types import Block
from scheduler.access import BALANCE, CODE, EXISTENCE, NONCE, NOTHING_EXPECTED, STORAGE, AccessSet
from tests.asm import asm, call, deployer
from tests.blocks import ETHER, PLAIN_PRICE, Builder, user
from tests.executor.test_settling import COUNTER, VICTIM
from tests.families.against_eels import assert_right
from tests.families.contracts import SETTING, configured, create2_code, created_by, observer
from tests.families.rejected import verdict_of_eels
from tests.families.scenes import NEW, balance_reader, scene
from tests.oracle import damaged, recorded_sets
from tests.signing import Key, authorize

WORKERS = (1, 2, 3, 4, 8)
ORDERS = range(20)
POOR = Key(5000)


# -- blocks -----------------------------------------------------------------------------------------------


def modern() -> Builder:
    """Prague: fees read, code deployed and delegated, nonces moved, funds from before, one chain, one factory."""
    coinbase = Key(6000)
    builder = scene("Prague", users=8, coinbase=coinbase.address)
    counter, setting = builder.contract(1, COUNTER), builder.contract(2, SETTING, storage={0: 5})
    tips = builder.contract(3, balance_reader(coinbase.address))
    factory = builder.contract(4, create2_code(deployer(COUNTER)) + asm("CALLER SSTORE STOP"))
    purse = builder.contract(5, call(NEW, 10) + asm("1 ADD CALLER SSTORE STOP"), balance=15)
    made = created_by(user(1).address, 0)
    builder.send(user(0), setting, data=bytes(10))
    builder.send(user(1), b"", data=deployer(COUNTER))
    builder.send(user(2), counter)
    builder.send(user(3), POOR.address, value=10**7)
    builder.set_code(user(4), POOR.address, authorize(POOR, made), authorize(user(7), counter))
    builder.send(POOR, NEW, value=1, nonce=1)
    builder.send(user(5), tips)
    builder.send(user(6), factory, gas=2_000_000)
    builder.send(user(2), purse)
    builder.send(user(0), b"", data=configured(setting))
    builder.send(user(3), purse)
    builder.send(user(1), made)
    builder.send(user(5), factory, gas=2_000_000)
    builder.send(user(7), user(7).address, nonce=1)
    builder.send(coinbase, NEW, value=1, price=7)
    builder.send(user(6), builder.contract(6, asm("1 0 SSTORE INVALID")), gas=50_000)
    builder.send(user(2), created_by(user(0).address, 1))
    builder.send(user(4), observer(builder, 7, POOR.address))
    return builder


def ancient() -> Builder:
    """Shanghai: a contract with slots destroyed, created again and asked for its old slots; empty accounts touched."""
    builder = scene("Shanghai", users=8)
    init = deployer(VICTIM)
    factory = builder.contract(1, create2_code(init) + asm("0 SSTORE STOP"))
    address = create2_address(factory, init)
    builder.state.put(address, balance=5, nonce=1, code=VICTIM, storage={0: 42, 1: 7, 2: 9})
    toucher = builder.contract(2, call(NEW) + asm("POP STOP"))
    for number in range(2):
        builder.send(user(number), address)
        builder.send(user(2 + number), toucher)
        builder.send(user(4 + number), address, data=b"\x01")
        builder.send(user(6), observer(builder, 10 + number, address))
        builder.send(user(7), factory)
        builder.send(user(number), address)
    builder.send(user(2), NEW, value=1)
    builder.send(user(3), toucher)
    return builder


def create2_address(factory: bytes, init: bytes) -> bytes:
    return keccak256(b"\xff" + factory + bytes(32) + keccak256(init))[12:]


def one_chain() -> Builder:
    """Cancun: everybody pays the next one, calls one counter, and reads what the coinbase has."""
    builder = scene("Cancun", users=1)
    line = [user(0), *(user(100 + number) for number in range(11))]
    counter = builder.contract(1, COUNTER + asm("STOP"))
    tips = builder.contract(2, balance_reader(builder.coinbase))
    for number, key in enumerate(line):
        after = line[number + 1].address if number < 11 else NEW
        builder.send(key, after, value=(ETHER >> (number + 1)), gas=21_000)
        builder.send(key, counter if number % 3 else tips, gas=100_000)
    return builder


BLOCKS: list[Callable[[], Builder]] = [modern, ancient, one_chain]


def invalid_at_the_end() -> Builder:
    """The modern block, behind which a sender has not got what the pre-state says it has."""
    builder = modern()
    builder.send(user(0), NEW, value=ETHER - 10**7 * PLAIN_PRICE, gas=21_000)
    builder.send(user(5), NEW, nonce=builder.nonces[user(5).address] + 1)
    builder.send(user(0), NEW, value=ETHER // 2)
    return builder


# -- lists ------------------------------------------------------------------------------------------------


def lists_of(exact: tuple[AccessSet, ...], seed: int) -> dict[str, tuple[AccessSet, ...] | None]:
    """Return lists of every kind of truth, one access set per transaction."""
    count = len(exact)
    everything = huge(exact)
    return {
        "right": exact,
        "none": None,
        "empty": (NOTHING_EXPECTED,) * count,
        "damaged": damaged(exact, seed),
        "reversed": exact[::-1],
        "of the neighbour": (*exact[1:], exact[0]),
        "huge": (everything,) * count,
        "huge for some": tuple(everything if (at + seed) % 3 == 0 else one for at, one in enumerate(exact)),
    }


def huge(exact: tuple[AccessSet, ...]) -> AccessSet:
    """Return an access set of everything that anybody touches, and of a thousand locations that nobody does."""
    nobody = [bytes([0xAB]) * 18 + number.to_bytes(2, "big") for number in range(200)]
    made_up = {(address, kind, 0) for address in nobody for kind in (BALANCE, NONCE, CODE, STORAGE, EXISTENCE)}
    locations = frozenset().union(made_up, *(one.reads | one.writes for one in exact))
    accounts = frozenset(address for address, _, _ in locations)
    return AccessSet(reads=locations, writes=locations, deltas=accounts, clears=accounts)


KINDS = tuple(lists_of((NOTHING_EXPECTED,), 0))
IN_ALL_RUNS = ("right", "damaged", "reversed", "huge")


def combinations(*, thin: bool) -> Iterator[tuple[int, int, str]]:
    """Yield (workers, order, kind of lists): all of them, or four an order, each of the values among them."""
    if not thin:
        yield from product(WORKERS, ORDERS, IN_ALL_RUNS)
        return
    for order in ORDERS:
        for step in range(4):
            yield WORKERS[(order + step) % 5], order, KINDS[(2 * step + order) % 8]


def executor_of(workers: int, order: int, kind: str) -> BlockExecutor:
    strategy = ("graph", "waves", "optimistic")[order % 3] if kind != "none" else ("graph", "optimistic")[order % 2]
    pool = InlinePool(workers, order, batch_limit=1 + order % 5)
    return BlockExecutor(strategy=strategy, access_lists="none" if kind == "none" else "exact", pool=pool)


def assert_one_result(builder: Builder, *, thin: bool) -> None:
    block, state = builder.block(), builder.state
    expected, exact = result_bytes(execute_sequential(block, state)), recorded_sets(block, state)
    for workers, order, kind in combinations(thin=thin):
        sets = lists_of(exact, order)[kind]
        result = executor_of(workers, order, kind).execute_with(block, state, sets)
        label = f"{workers} workers, order {order}, lists: {kind}"
        assert result_bytes(result) == expected, label
        assert 1 <= result.stats.max_executions <= 3, label
        if kind == "right" and order % 3 != 2:  # not optimistic, which takes no lists
            assert result.stats.executions == len(block.transactions), label


def assert_one_rejection(builder: Builder, *, thin: bool) -> None:
    """The lists are those of the transactions before the first invalid one; the others have none."""
    block, state = builder.block(), builder.state
    name, index = verdict_of_eels(block, state)
    exact = (*recorded_sets(cut(block, index), state), *((NOTHING_EXPECTED,) * (len(block.transactions) - index)))
    said = set()
    for workers, order, kind in combinations(thin=thin):
        with pytest.raises(InvalidTransaction) as caught:
            executor_of(workers, order, kind).execute_with(block, state, lists_of(exact, order)[kind])
        said.add(str(caught.value))
    assert len(said) == 1, said
    assert said.pop().startswith(f"transaction {index}: {name}: ")


def cut(block: Block, count: int) -> Block:
    return replace(block, transactions=block.transactions[:count])


# -- tests ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", BLOCKS)
def test_the_block_is_what_eels_makes_of_it_and_full_of_conflicts(build: Callable[[], Builder]) -> None:
    """The blocks below say something only if they are right, and if their transactions are in each other's way."""
    builder = build()
    right = assert_right(builder.block(), builder.state)
    assert right.once_if_expected
    assert right.conflicts > len(builder.raws)


@pytest.mark.parametrize("build", BLOCKS)
def test_eighty_runs_end_in_the_same_bytes(build: Callable[[], Builder]) -> None:
    assert_one_result(build(), thin=True)


def test_eighty_runs_reject_the_block_in_the_same_words() -> None:
    assert_one_rejection(invalid_at_the_end(), thin=True)


@pytest.mark.slow
@pytest.mark.parametrize("build", BLOCKS)
def test_all_runs_end_in_the_same_bytes(build: Callable[[], Builder]) -> None:
    assert_one_result(build(), thin=False)


@pytest.mark.slow
def test_all_runs_reject_the_block_in_the_same_words() -> None:
    assert_one_rejection(invalid_at_the_end(), thin=False)


def test_the_thin_choice_leaves_nothing_out() -> None:
    chosen = list(combinations(thin=True))
    assert len(set(chosen)) == 80
    assert {workers for workers, _, _ in chosen} == set(WORKERS)
    assert {order for _, order, _ in chosen} == set(ORDERS)
    assert {kind for _, _, kind in chosen} == set(KINDS)
