"""The vault itself: rounding to the unit, yield over time, allowances, and no gain by inflating an empty vault."""

from __future__ import annotations

import pytest

from tests.workloads.calls import act
from workloads.stage import Stage

UNIT = 10**18
HOUR = 3_600
ALL = 2**256 - 1


class Store:
    """An empty vault; Ann, Bob and the strategist have a million of its asset each."""

    def __init__(self) -> None:
        self.stage = Stage("vault", 1, block_seconds=2 * HOUR)
        self.ann, self.bob = self.stage.accounts("person", 2)
        self.owner = self.stage.owner
        people = (self.ann, self.bob, self.owner)
        self.token = self.stage.token("V", {person.address: 10**6 * UNIT for person in people})
        self.vault = self.stage.deploy("Vault", self.token.address)
        self.stage.allow(self.token, people, self.vault.address)
        self.stage.begin_block()

    def act(self, sender: str, function: str, amount: int, *who: str) -> str:
        """Call the vault; return why it failed, or nothing."""
        accounts = [getattr(self, name).address for name in who]
        return act(self.stage, getattr(self, sender), self.vault, function, amount, *accounts)

    def send(self, sender: str, function: str, account: str, amount: int) -> str:
        """Transfer shares, or allow somebody to move them."""
        other = getattr(self, account).address
        return act(self.stage, getattr(self, sender), self.vault, function, other, amount)

    def ask(self, view: str, *arguments: int | bytes) -> int:
        """Return what a view answers."""
        return self.stage.ask(self.vault, view, *arguments) or 0

    def shares(self, who: str) -> int:
        """Return somebody's shares."""
        return self.stage.get(self.vault, "balanceOf", getattr(self, who).address)

    def assets(self, who: str) -> int:
        """Return what somebody has of the asset, outside."""
        return self.stage.get(self.token, "balanceOf", getattr(self, who).address)

    def next_block(self) -> None:
        """Begin another block, two hours later."""
        self.stage.end_block()
        self.stage.begin_block()


@pytest.fixture
def store() -> Store:
    return Store()


def test_yield_comes_free_over_six_hours_and_belongs_to_the_shares(store: Store) -> None:
    assert store.ask("decimals") == 21
    assert store.act("ann", "deposit", 300 * UNIT, "ann") == ""
    assert store.shares("ann") == 300 * UNIT * 1_000
    assert store.act("owner", "donate", 60 * UNIT) == ""
    assert store.ask("totalAssets") == 300 * UNIT, "nothing is free at once"
    for free in (20, 40, 60, 60):
        store.next_block()
        assert store.ask("totalAssets") == (300 + free) * UNIT
    assert store.act("ann", "redeem", store.shares("ann"), "ann", "ann") == ""
    # The virtual shares earned their part, 1000 of 3 * 10^23: less than a unit, but what is paid is rounded down.
    assert 10**6 * UNIT + 60 * UNIT - 1 <= store.assets("ann") < 10**6 * UNIT + 60 * UNIT


def test_who_comes_after_the_yield_and_leaves_at_once_gains_nothing(store: Store) -> None:
    assert store.act("ann", "deposit", 100 * UNIT, "ann") == ""
    assert store.act("owner", "donate", 50 * UNIT) == ""
    assert store.act("bob", "deposit", 10**5 * UNIT, "bob") == ""
    assert store.act("bob", "redeem", store.shares("bob"), "bob", "bob") == ""
    assert store.assets("bob") <= 10**6 * UNIT


@pytest.mark.parametrize("amount", [1, 7, 999, 10**9 + 7])
def test_every_way_in_and_out_rounds_against_the_caller(store: Store, amount: int) -> None:
    assert store.act("ann", "deposit", 3 * UNIT, "ann") == ""
    assert store.act("owner", "donate", UNIT + 1) == ""
    store.next_block()
    free, supply = store.ask("totalAssets") + 1, store.stage.get(store.vault, "totalSupply") + 1_000
    assert store.ask("previewDeposit", amount) == amount * supply // free
    assert store.ask("previewWithdraw", amount) == -(-amount * supply // free)
    assert store.ask("previewRedeem", amount) == amount * free // supply
    assert store.ask("previewMint", amount) == -(-amount * free // supply)
    before = store.assets("bob")
    assert store.act("bob", "mint", amount, "bob") == ""
    assert before - store.assets("bob") == -(-amount * free // supply)
    assert store.act("ann", "withdraw", amount, "ann", "ann") == ""
    assert store.ask("convertToAssets", 10**21) >= 10**21 * free // supply


def test_an_empty_vault_cannot_be_inflated_with_a_gain(store: Store) -> None:
    """The strategist herself attacks: one unit in, a great gift, then Bob comes and is rounded down."""
    assert store.act("owner", "deposit", 1, "owner") == ""
    assert store.act("owner", "donate", 1_000 * UNIT) == ""
    for _ in range(4):
        store.next_block()
    assert store.act("bob", "deposit", 1_999 * UNIT, "bob") == ""
    assert store.act("owner", "redeem", store.shares("owner"), "owner", "owner") == ""
    lost = 10**6 * UNIT - store.assets("owner")
    assert lost > 400 * UNIT, "half of the gift went to the virtual shares"
    bobs = store.ask("convertToAssets", store.shares("bob"))
    assert 1_999 * UNIT - bobs < UNIT, "less than a thousandth is rounded away"


def test_tokens_sent_without_a_call_change_nothing(store: Store) -> None:
    assert store.act("ann", "deposit", UNIT, "ann") == ""
    assert act(store.stage, store.bob, store.token, "transfer", store.vault.address, 500 * UNIT) == ""
    assert store.ask("totalAssets") == UNIT


def test_an_operator_needs_an_allowance_and_uses_it_up(store: Store) -> None:
    assert store.act("ann", "deposit", 5, "ann") == ""
    assert store.act("bob", "redeem", 3_000, "bob", "ann") == "insufficient allowance"
    assert store.send("ann", "approve", "bob", 4_000) == ""
    assert store.act("bob", "redeem", 3_000, "bob", "ann") == ""
    assert store.assets("bob") == 10**6 * UNIT + 3
    assert store.act("bob", "withdraw", 2, "bob", "ann") == "insufficient allowance"
    move = (store.ann.address, store.bob.address)
    assert act(store.stage, store.bob, store.vault, "transferFrom", *move, 1_000) == ""
    assert act(store.stage, store.bob, store.vault, "transferFrom", *move, 1) == "insufficient allowance"
    assert (store.shares("ann"), store.shares("bob")) == (1_000, 1_000)
    assert store.send("ann", "approve", "bob", ALL) == ""
    assert act(store.stage, store.bob, store.vault, "transferFrom", *move, 1_000) == ""
    assert store.stage.get(store.vault, "allowance", *move) == ALL


@pytest.mark.parametrize(
    ("sender", "function", "amount", "who", "reason"),
    [
        ("ann", "deposit", 0, ("ann",), "too little for a share"),
        ("ann", "mint", 0, ("ann",), "too little for a share"),
        ("ann", "deposit", 10**7 * UNIT, ("ann",), "insufficient balance"),
        ("ann", "withdraw", 0, ("ann", "ann"), "nothing to pay"),
        ("ann", "redeem", 999, ("ann", "ann"), "nothing to pay"),
        ("ann", "redeem", 10**6, ("ann", "ann"), "insufficient shares"),
        ("ann", "donate", 5, (), "only the strategist"),
        ("owner", "donate", 0, (), "nothing to donate"),
    ],
)
def test_what_must_not_be_is_refused(
    store: Store, sender: str, function: str, amount: int, who: tuple[str, ...], reason: str
) -> None:
    assert store.act(sender, function, amount, *who) == reason


def test_shares_move_only_as_far_as_they_go_and_the_strategist_hands_over(store: Store) -> None:
    assert store.send("ann", "transfer", "bob", 1) == "insufficient shares"
    zero = bytes(20)
    assert act(store.stage, store.ann, store.vault, "transfer", zero, 0) == "zero receiver"
    assert act(store.stage, store.ann, store.vault, "deposit", 5, zero) == "zero receiver"
    assert act(store.stage, store.ann, store.vault, "set_strategist", store.ann.address) == "only the strategist"
    assert act(store.stage, store.owner, store.vault, "set_strategist", zero) == "zero strategist"
    assert act(store.stage, store.owner, store.vault, "set_strategist", store.ann.address) == ""
    assert store.act("ann", "donate", 5) == ""
