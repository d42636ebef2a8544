"""Workload 7, vault: ERC-4626 shares bought, sold and passed on, while a strategist adds yield."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from workloads.accounts import KeyPair
from workloads.checks import SupplyCheck
from workloads.common import BLOCKS, DECLARE, FAILING, ZIPF_USERS, fill_blocks, parse_mix
from workloads.distributions import Zipf, log_normal
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.stage import Stage
from workloads.vault_checks import VIRTUAL_SHARES, BooksCheck, Call, RoundingCheck, Store
from workloads.workload import Check, Workload

UNIT = 10**18
WALLET = 10**9 * UNIT
MEDIAN_DEPOSIT, MEDIAN_YIELD = 1_000.0, 200.0
GENESIS_YIELD = 500 * UNIT
"""What the strategist has added to each vault when the blocks begin; it comes free during them."""
ACCOUNTS = {"deposit": 1, "mint": 1, "withdraw": 2, "redeem": 2, "donate": 0}
"""How many accounts (receiver, owner) follow the amount."""
TRIES = 20
MIX = "deposit:30,mint:10,withdraw:18,redeem:22,transfer:14,donate:6"

PARAMETERS = {
    "users": Parameter(200, "savers; every other one has shares at genesis", minimum=2, maximum=100_000),
    "vaults": Parameter(4, "vaults; each has an asset of its own", minimum=1, maximum=1_000),
    "zipf_users": ZIPF_USERS,
    "zipf_vaults": Parameter(0.8, "exponent over vaults", minimum=0, maximum=3),
    "block_seconds": Parameter(3_600, "seconds between blocks, in which yield comes free", 1, 10**6),
    "mix": Parameter(MIX, "weights of the operations; each comes at least once"),
    "failing": FAILING,
    "blocks": BLOCKS,
    "declare": DECLARE,
}


@dataclass
class _Saving:
    """A generation in progress; `calls` are per vault and block those that succeeded."""

    stage: Stage
    parameters: Parameters
    users: tuple[KeyPair, ...]
    stores: list[Store]
    user_ranks: Zipf
    vault_ranks: Zipf
    calls: dict[tuple[int, int], list[Call]] = field(default_factory=dict)

    def someone(self) -> tuple[KeyPair, int]:
        """Draw a user and the number of a vault."""
        random = self.stage.random
        return self.users[self.user_ranks.draw(random)], self.vault_ranks.draw(random)

    def holder(self) -> tuple[KeyPair, int, int]:
        """Draw a user with shares of a vault, if such a one is found; return the shares, too."""
        for _ in range(TRIES):
            user, vault = self.someone()
            if held := self.stage.get(self.stores[vault].vault, "balanceOf", user.address):
                break
        return user, vault, held

    def send(self, operation: str, user: KeyPair, vault: int, amount: int, receiver: KeyPair | None = None) -> None:
        """Call the function of the operation's name, for the caller's own account; note it if it succeeds."""
        target = receiver.address if receiver else b""
        arguments: tuple[int | bytes, ...] = (target, amount) if receiver else (amount,)
        if not receiver:
            arguments += (user.address,) * ACCOUNTS[operation]
        if self.stage.send(operation, user, self.stores[vault].vault, operation, *arguments):
            made = self.calls.setdefault((vault, len(self.stage.blocks)), [])
            made.append(Call(operation, user.address, amount, target))


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of buying, selling and passing on shares, `transactions` in all."""
    seconds = parameters.integer("block_seconds")
    stage = Stage("vault", seed, declare=parameters.text("declare"), block_seconds=seconds)
    users = stage.accounts("user", parameters.integer("users"))
    stores = [_open_vault(stage, users, index) for index in range(parameters.integer("vaults"))]
    user_ranks = Zipf(len(users), parameters.number("zipf_users"))
    vault_ranks = Zipf(len(stores), parameters.number("zipf_vaults"))
    work = _Saving(stage, parameters, users, stores, user_ranks, vault_ranks)
    weights = parse_mix(parameters.text("mix"), MIX)
    fill_blocks(stage, weights, transactions, parameters.integer("blocks"), lambda name: _step(work, name))
    return stage.finish(parameters.values, _checks(work))


def _open_vault(stage: Stage, users: tuple[KeyPair, ...], index: int) -> Store:
    """Deploy a vault and its asset, seed shares for every other user, and let the strategist add some yield."""
    token = stage.token(f"V{index}", {account.address: WALLET for account in (*users, stage.owner)})
    vault = stage.deploy("Vault", token.address)
    stage.allow(token, (*users, stage.owner), vault.address)
    supply = 0
    for user in users[index % 2 :: 2]:
        shares = _amount(stage, MEDIAN_DEPOSIT) * VIRTUAL_SHARES
        stage.seed_slot(vault.at("balanceOf", user.address), shares)
        supply += shares
    managed = supply * (104 + index % 9) // (100 * VIRTUAL_SHARES)
    stage.seed_slot(vault.at("totalSupply"), supply)
    stage.seed_slot(vault.at("managed"), managed)
    stage.mint(token, vault.address, managed)
    stage.setup(stage.owner, vault, "donate", GENESIS_YIELD)
    return Store(vault, token)


def _amount(stage: Stage, median: float) -> int:
    return int(log_normal(stage.random, median) * UNIT)


# -- transactions -----------------------------------------------------------------------------------------


def _step(work: _Saving, operation: str) -> None:
    if work.stage.random.random() < work.parameters.number("failing"):
        user, vault, held = work.holder()
        work.send("redeem", user, vault, 2 * held + VIRTUAL_SHARES)
    else:
        {"donate": _donate, "deposit": _enter, "mint": _enter}.get(operation, _use)(work, operation)


def _enter(work: _Saving, operation: str) -> None:
    """Buy shares: `deposit` names the assets, `mint` the shares."""
    user, vault = work.someone()
    amount = _amount(work.stage, MEDIAN_DEPOSIT) + work.stage.random.randrange(VIRTUAL_SHARES)
    if operation == "mint":
        amount = work.stage.ask(work.stores[vault].vault, "convertToShares", amount) or VIRTUAL_SHARES
    work.send(operation, user, vault, amount)


def _use(work: _Saving, operation: str) -> None:
    """Sell or pass on a part of somebody's shares: all of them now and then; without any, buy."""
    random = work.stage.random
    user, vault, held = work.holder()
    part = held if random.random() < 0.1 else held * random.randint(1, 60) // 100
    assets = work.stage.ask(work.stores[vault].vault, "convertToAssets", part) or 0
    if not assets:
        _enter(work, "deposit")
    elif operation == "transfer":
        other, _ = work.someone()
        work.send("transfer", user, vault, part, other)
    else:
        work.send(operation, user, vault, part if operation == "redeem" else assets)


def _donate(work: _Saving, _operation: str) -> None:
    """Let the strategist add yield."""
    _, vault = work.someone()
    work.send("donate", work.stage.owner, vault, _amount(work.stage, MEDIAN_YIELD))


def _checks(work: _Saving) -> Iterator[Check]:
    """Yield what must hold of each vault."""
    people = (work.stage.owner.address, *(user.address for user in work.users))
    for index, store in enumerate(work.stores):
        balances = tuple(store.token.at("balanceOf", one) for one in (*people, store.vault.address))
        yield SupplyCheck(f"0x{store.token.address.hex()[:8]}", store.token.at("totalSupply"), balances)
        yield BooksCheck(store, people)
        calls = tuple(work.calls.get((index, block), []) for block in range(len(work.stage.blocks)))
        yield RoundingCheck(store, people, calls)


SPEC = WorkloadSpec(
    name="vault",
    description="shares of ERC-4626 vaults: assets and supply of each vault are hot",
    parameters=PARAMETERS,
    generate=generate,
)
