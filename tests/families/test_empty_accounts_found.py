"""Family 2, continued: accounts that the block finds empty, that inherit, that are asked for their code's hash.

A complete pre-state may hold empty accounts before Paris (EIP-7523 rules them out from then on). EIP-161 calls them
dead, as if they were not there, and removes those that a transaction touches.
"""

from __future__ import annotations

import pytest

from scheduler.access import EMPTY_CODE_HASH
from tests.asm import asm
from tests.blocks import COINBASE, Builder, user
from tests.families.against_eels import assert_right
from tests.families.scenes import NEW, NEW_ACCOUNT_GAS, judge, key, payer, place, scene

STAYING = ["Homestead", "TangerineWhistle"]
SWEEPING = ["SpuriousDragon", "Petersburg", "London"]
NO_CODE = int.from_bytes(EMPTY_CODE_HASH, "big")
RIPEMD160, SHA256 = bytes(19) + b"\x03", bytes(19) + b"\x02"

TOUCHES = {
    "called": payer(NEW, 0),
    "heir of nothing": place(NEW) + asm("SELFDESTRUCT"),
}
LOOKS = {
    "size asked": place(NEW) + asm("EXTCODESIZE POP STOP"),
    "balance asked": place(NEW) + asm("BALANCE POP STOP"),
    "code run by another": asm("0 0 0 0") + place(NEW) + asm("30000 DELEGATECALL POP STOP"),
    "called in a frame that fails": payer(NEW, 0)[:-1] + asm("INVALID"),
}


def empty_scene(fork: str, *codes: bytes) -> tuple[Builder, list[bytes]]:
    """Return a block on a state that holds NEW empty, and contracts with these codes."""
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    builder.state.put(NEW)
    return builder, [builder.contract(number, code, balance=0) for number, code in enumerate(codes)]


@pytest.mark.parametrize("fork", [*STAYING, *SWEEPING])
@pytest.mark.parametrize("touch", TOUCHES)
def test_a_touch_removes_the_empty_and_disturbs_nobody(fork: str, touch: str) -> None:
    """Dead before and gone after is the same to whoever asks."""
    builder, touchers = empty_scene(fork, TOUCHES[touch], TOUCHES[touch])
    builder.send(user(0), touchers[0])
    builder.send(user(1), NEW, value=0)
    builder.send(user(2), touchers[1])
    right = assert_right(builder.block(), builder.state)
    assert (right.account(NEW) is None) == (fork in SWEEPING)
    assert right.gas(0) == right.gas(2)
    assert right.conflicts == 0
    assert {result.stats.executions for result in right.parallel.values()} == {3}


@pytest.mark.parametrize("fork", [*STAYING, *SWEEPING])
@pytest.mark.parametrize("look", LOOKS)
def test_a_look_leaves_the_empty_where_it_is(fork: str, look: str) -> None:
    builder, (looker, other) = empty_scene(fork, LOOKS[look], LOOKS[look])
    builder.send(user(0), looker, gas=90_000)
    builder.send(user(1), other, gas=90_000)
    right = assert_right(builder.block(), builder.state)
    assert right.account(NEW) is not None
    assert right.conflicts == 0


@pytest.mark.parametrize("fork", [*STAYING, *SWEEPING])
def test_the_empty_counts_as_new_from_eip_161_on(fork: str) -> None:
    """Touched, then paid: removed and back again, with what it was paid."""
    builder, (toucher, caller, other) = empty_scene(fork, payer(NEW, 0), payer(NEW), payer(NEW))
    for contract in (caller, other):
        builder.state.accounts[contract].balance = 5
    builder.send(user(0), toucher)
    builder.send(user(1), caller)
    builder.send(user(2), other)
    builder.send(user(3), toucher)
    right = assert_right(builder.block(), builder.state)
    assert right.gas(1) - right.gas(2) == (NEW_ACCOUNT_GAS if fork in SWEEPING else 0)
    assert right.balance(NEW) == 2
    assert right.again == ([2, 3] if fork in SWEEPING else [])
    assert right.once_if_expected


@pytest.mark.parametrize("fork", SWEEPING)
@pytest.mark.parametrize("flag", [0, 1])
def test_a_touch_of_a_stale_run_does_not_count(fork: str, flag: int) -> None:
    """The second one touches unless its slot is set, which the first one changes to what it is not."""
    builder, (switch,) = empty_scene(fork, judge(payer(NEW, 0)))
    builder.state.accounts[switch].storage.update({0: 1} if flag else {})
    builder.send(user(0), switch, data=b"\x01")
    builder.send(user(1), switch)
    right = assert_right(builder.block(), builder.state)
    assert (right.account(NEW) is None) == bool(flag)
    assert right.again == [1]
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["Petersburg", "Istanbul", "London", "Shanghai", "Prague"])
def test_the_hash_of_code_tells_nobody_from_somebody_without_code(fork: str) -> None:
    """EXTCODEHASH is 0 for the dead (EIP-1052), also after a call without value; money changes that."""
    builder = scene(fork)
    asker = builder.contract(1, place(NEW) + asm("EXTCODEHASH CALLER SSTORE STOP"))
    builder.send(user(0), asker)
    builder.send(user(6), NEW, value=0)
    builder.send(user(1), asker)
    builder.send(user(7), NEW, value=1)
    builder.send(user(2), asker)
    builder.send(user(3), asker)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(asker) == {key(2): NO_CODE, key(3): NO_CODE}
    assert right.again == [4, 5]
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["Petersburg", "Istanbul", "London"])
def test_the_hash_of_code_of_the_empty_is_zero(fork: str) -> None:
    builder, (asker,) = empty_scene(fork, place(NEW) + asm("EXTCODEHASH 1 ADD CALLER SSTORE STOP"))
    builder.send(user(0), asker)
    builder.send(user(1), NEW, value=0)
    builder.send(user(2), asker)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(asker) == {key(0): 1, key(2): 1}
    assert right.conflicts == 0


INHERITANCE = {"Homestead": (0, 0), "TangerineWhistle": (NEW_ACCOUNT_GAS, NEW_ACCOUNT_GAS)}
"""Fork -> what SELFDESTRUCT pays for an heir that is not there (of nothing, of something); later (0, 25000)."""


@pytest.mark.parametrize("fork", ["Homestead", "TangerineWhistle", "SpuriousDragon", "Istanbul", "London", "Prague"])
@pytest.mark.parametrize("left", [0, 7])
def test_an_heir_that_is_not_there(fork: str, left: int) -> None:
    """The first victim makes its heir, or does not; the second one finds it."""
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    victims = [builder.contract(n, place(NEW) + asm("SELFDESTRUCT"), balance=left) for n in range(3)]
    for number, victim in enumerate(victims):
        builder.send(user(number), victim)
    right = assert_right(builder.block(), builder.state)
    makes = bool(left) or fork in STAYING
    assert (right.account(NEW) is not None) == makes
    assert right.balance(NEW) == 3 * left
    assert (right.gas(0) > right.gas(1)) == (INHERITANCE.get(fork, (0, NEW_ACCOUNT_GAS))[left > 0] > 0 and makes)
    assert right.gas(1) == right.gas(2)
    assert right.again == ([1, 2] if makes else [])
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["TangerineWhistle", "SpuriousDragon", "Istanbul", "London", "Prague"])
def test_money_for_the_victim_makes_its_heir_dearer(fork: str) -> None:
    """From EIP-161 on a new heir is paid for only if it inherits something: here the wei of the transaction before."""
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    dying = asm("CALLDATASIZE 5 JUMPI STOP JUMPDEST") + place(NEW) + asm("SELFDESTRUCT")
    rich, poor = builder.contract(1, dying), builder.contract(2, dying)
    builder.send(user(0), rich, value=1)
    builder.send(user(1), rich, data=b"\x01")
    builder.send(user(2), poor, data=b"\x01")
    right = assert_right(builder.block(), builder.state)
    assert right.gas(1) > right.gas(2)
    assert right.balance(NEW) == 1
    assert right.again == [1, 2]
    assert right.once_if_expected


def precompile_scene(fork: str, precompile: bytes, frame: str) -> Builder:
    """Return a block that calls a precompile, whose account is there and empty, and takes that back with `frame`."""
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    builder.state.put(precompile)
    end = "10 CALL POP STOP" if frame == "out of gas" else "5000 CALL POP INVALID"
    caller = builder.contract(1, asm("0 0 0 0 0") + place(precompile) + asm(end))
    outer = builder.contract(2, payer(caller, 0))
    builder.send(user(0), outer if frame == "in a frame that fails" else caller, gas=90_000)
    builder.send(user(1), user(7).address, value=1)
    return builder


@pytest.mark.parametrize("fork", SWEEPING)
@pytest.mark.parametrize("frame", ["out of gas", "in a frame that fails"])
def test_the_touch_of_ripemd160_outlives_its_frame(fork: str, frame: str) -> None:
    """What happened to account 3 in mainnet's block 2675119 became a rule (note to EIP-161)."""
    builder = precompile_scene(fork, RIPEMD160, frame)
    right = assert_right(builder.block(), builder.state)
    assert right.account(RIPEMD160) is None
    assert right.conflicts == 0


@pytest.mark.parametrize(
    ("fork", "precompile", "frame"),
    [
        *((fork, RIPEMD160, "in a transaction that fails") for fork in SWEEPING),
        *((fork, SHA256, frame) for fork in SWEEPING for frame in ("out of gas", "in a frame that fails")),
        *((fork, RIPEMD160, frame) for fork in STAYING for frame in ("out of gas", "in a frame that fails")),
    ],
)
def test_no_other_touch_does(fork: str, precompile: bytes, frame: str) -> None:
    builder = precompile_scene(fork, precompile, frame)
    right = assert_right(builder.block(), builder.state)
    assert right.account(precompile) is not None
    assert right.conflicts == 0
