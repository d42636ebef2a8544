"""Family 4, EIP-7702: whose delegations are set in the block, by which nonce, and what that does to its own sending.

An authority's nonce and code are written by somebody else's transaction: whoever assumes the one and has read
the other must be found out.
"""

from __future__ import annotations

import pytest

from scheduler.access import EMPTY_CODE_HASH
from tests.asm import asm
from tests.blocks import COINBASE, Builder, user
from tests.executor.test_settling import COUNTER
from tests.families.against_eels import Right, assert_right
from tests.families.contracts import created_by
from tests.families.scenes import NEW, scene
from tests.signing import Key, authorize

NO_CODE = int.from_bytes(EMPTY_CODE_HASH, "big")
NOBODY = bytes(20)
IDENTITY = (4).to_bytes(20, "big")
AUTHORITY = user(20)
TENS = asm("0 SLOAD 10 ADD 0 SSTORE STOP")
FUNDED_REFUND = 12_500
"""Gas given back per authorization of an account that exists (EIP-7702)."""


def prague(users: int = 10) -> Builder:
    """Return a block of Prague in which user 0 and the next ones have funds, and AUTHORITY has not."""
    return scene("Prague", users=users)


def nonce_after(right: Right, key: Key) -> int:
    account = right.account(key.address)
    return 0 if account is None else account.nonce


def test_several_authorities_in_one_transaction() -> None:
    builder = prague()
    counter, tens = builder.contract(1, COUNTER), builder.contract(2, TENS)
    authorities = [user(30 + number) for number in range(4)]
    chosen = [authorize(one, counter if n % 2 else tens, chain_id=n % 2) for n, one in enumerate(authorities)]
    for number, authority in enumerate(authorities):
        builder.send(user(1 + number), authority.address)
    builder.set_code(user(0), authorities[0].address, *chosen)
    for number, authority in enumerate(authorities):
        builder.send(user(1 + number), authority.address)
    right = assert_right(builder.block(), builder.state)
    counts = [right.slots(authority.address) for authority in authorities]
    assert counts == [{0: 20}, {0: 1}, {0: 10}, {0: 1}]
    assert right.once_if_expected
    assert right.conflicts > 0


@pytest.mark.parametrize(
    ("nonces", "last", "delegate"), [((0, 1), 2, 1), ((0, 0), 1, 0), ((1, 0), 1, 1), ((1, 1), 0, None)]
)
def test_the_same_authority_twice_in_one_transaction(nonces: tuple[int, int], last: int, delegate: int | None) -> None:
    """They apply in order, each on what the one before has left; the last that holds is in force."""
    builder = prague()
    delegates = builder.contract(1, COUNTER), builder.contract(2, TENS)
    authorizations = [authorize(AUTHORITY, to, nonce) for to, nonce in zip(delegates, nonces, strict=True)]
    builder.set_code(user(0), NEW, *authorizations)
    builder.send(user(1), AUTHORITY.address)
    right = assert_right(builder.block(), builder.state)
    assert nonce_after(right, AUTHORITY) == last
    assert right.slots(AUTHORITY.address) == ({} if delegate is None else {0: (1, 10)[delegate]})
    assert right.once_if_expected
    assert right.again == ([1] if last else [])


def test_the_first_of_two_transactions_with_one_nonce_wins() -> None:
    """Whichever completes first: the second authorization is void and its gas is not given back."""
    builder = prague()
    builder.fund(AUTHORITY)
    first, second = builder.contract(1, COUNTER), builder.contract(2, TENS)
    builder.set_code(user(0), NEW, authorize(AUTHORITY, first))
    builder.set_code(user(1), NEW, authorize(AUTHORITY, second))
    builder.send(user(2), AUTHORITY.address)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(AUTHORITY.address) == {0: 1}
    gas = [receipt.gas_used for receipt in right.sequential.receipts[:2]]
    assert gas == [46_000 - 46_000 // 5, 46_000]
    assert right.once_if_expected
    assert right.again == [1, 2]


def test_an_authority_that_comes_to_exist_gives_gas_back() -> None:
    """The refund hangs on the authority's existence, which an earlier transaction brings about."""
    builder = prague()
    counter = builder.contract(1, COUNTER)
    others = [user(30), user(31)]
    builder.set_code(user(0), NEW, *(authorize(one, counter) for one in others))
    builder.send(user(1), AUTHORITY.address, value=1)
    builder.set_code(user(2), NEW, authorize(AUTHORITY, counter))
    right = assert_right(builder.block(), builder.state)
    assert right.sequential.receipts[0].gas_used == 21_000 + 2 * 25_000
    assert right.sequential.receipts[2].gas_used == 46_000 - min(FUNDED_REFUND, 46_000 // 5)
    assert right.again == [2]


def test_an_authority_that_sends_before_and_after() -> None:
    """AUTHORITY sends with nonce 0, delegates at 1, sends with 2 and 3, delegates again at 4, sends with 5."""
    builder = prague()
    builder.fund(AUTHORITY)
    counter, tens = builder.contract(1, COUNTER), builder.contract(2, TENS)
    builder.send(AUTHORITY, NEW, value=1)
    builder.set_code(user(0), AUTHORITY.address, authorize(AUTHORITY, counter, nonce=1))
    builder.send(AUTHORITY, NEW, value=1, nonce=2)
    builder.send(AUTHORITY, AUTHORITY.address)
    builder.set_code(user(1), AUTHORITY.address, authorize(AUTHORITY, tens, nonce=4))
    builder.send(AUTHORITY, AUTHORITY.address, nonce=5)
    right = assert_right(builder.block(), builder.state)
    assert nonce_after(right, AUTHORITY) == 6
    assert right.slots(AUTHORITY.address) == {0: 22}
    assert right.once_if_expected
    assert right.again == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("nonce", [0, 1, 2])
def test_a_sender_that_is_its_own_authority(nonce: int) -> None:
    """Its transaction has taken nonce 0 already: the authorization holds with nonce 1 only."""
    builder = prague()
    counter = builder.contract(1, COUNTER)
    builder.set_code(user(0), user(0).address, authorize(user(0), counter, nonce=nonce))
    builder.send(user(1), user(0).address)
    builder.send(user(0), user(0).address, nonce=2 if nonce == 1 else 1)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(user(0).address) == ({0: 3} if nonce == 1 else {})
    assert nonce_after(right, user(0)) == (3 if nonce == 1 else 2)
    assert right.once_if_expected
    assert right.again == ([1, 2] if nonce == 1 else [])


@pytest.mark.parametrize(("nonce", "holds"), [(0, False), (1, True)])
def test_an_authorization_holds_by_the_nonce_of_its_place(nonce: int, *, holds: bool) -> None:
    """AUTHORITY's own transaction comes first: on the pre-state nonce 0 would hold, in the block 1 does."""
    builder = prague()
    builder.fund(AUTHORITY)
    counter = builder.contract(1, COUNTER)
    builder.send(AUTHORITY, NEW, value=1)
    builder.set_code(user(0), AUTHORITY.address, authorize(AUTHORITY, counter, nonce=nonce))
    builder.send(user(1), AUTHORITY.address)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(AUTHORITY.address) == ({0: 2} if holds else {})
    assert nonce_after(right, AUTHORITY) == 1 + holds
    assert right.once_if_expected
    assert right.again == ([1, 2] if holds else [1])


def test_a_delegate_that_creates_moves_the_nonce_of_the_account() -> None:
    """CREATE in the delegate's code counts on the authority: its next transaction is two further."""
    builder = prague()
    builder.fund(AUTHORITY)
    creator = builder.contract(1, asm("0 0 0 CREATE CALLER SSTORE STOP"))
    builder.set_code(user(0), NEW, authorize(AUTHORITY, creator))
    for number in range(3):
        builder.send(user(1 + number), AUTHORITY.address)
    builder.send(AUTHORITY, NEW, value=1, nonce=4)
    right = assert_right(builder.block(), builder.state)
    assert nonce_after(right, AUTHORITY) == 5
    noted = right.slots(AUTHORITY.address)
    for number in range(3):
        created = created_by(AUTHORITY.address, 1 + number)
        assert noted[int.from_bytes(user(1 + number).address, "big")] == int.from_bytes(created, "big")
    assert right.once_if_expected
    assert right.again == [1, 2, 3, 4]


def test_the_coinbase_is_an_authority() -> None:
    """Fees are credits to an account whose code changes: neither disturbs the other."""
    key = user(40)
    builder = prague()
    builder.coinbase = key.address
    counter = builder.contract(1, COUNTER)
    builder.send(user(1), key.address, price=20)
    builder.set_code(user(0), key.address, authorize(key, counter))
    builder.send(user(2), key.address, price=20)
    builder.send(key, key.address, nonce=1, gas=60_000, price=7)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(key.address) == {0: 3}
    assert nonce_after(right, key) == 2
    assert COINBASE not in right.sequential.state_diff.accounts
    assert right.once_if_expected
    assert right.again == [1, 2, 3]
