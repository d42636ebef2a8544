"""Workload 18, adversarial: what breaks or stalls a parallel executor, one kind at a time or all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from scheduler.access import Address
from workloads.accounts import KeyPair
from workloads.adversarial_checks import Books, Event, checks_of
from workloads.adversarial_lies import lying_sets, wrong_slots
from workloads.artefacts import load_contract
from workloads.common import BLOCKS, DECLARE, ZIPF_USERS, fill_blocks
from workloads.distributions import Zipf
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.stage import ETHER, Deployed, Stage
from workloads.workload import Workload

KINDS: dict[str, dict[str, float]] = {
    "mixed": {
        "visit": 20, "bump": 10, "link": 10, "pass": 10, "turn": 10, "work": 5, "waste": 5,
        "cycle": 10, "settle": 2, "poke": 4, "drain": 2, "taken": 2, "deploy": 2, "early": 2, "call": 6,
    },
    "counter": {"bump": 1},
    "chain": {"link": 1},
    "value-chain": {"pass": 1},
    "create-destroy": {"cycle": 50, "settle": 10, "poke": 20, "drain": 10, "taken": 10},
    "lying-lists": {"visit": 50, "link": 30, "bump": 20},
    "out-of-gas": {"waste": 50, "work": 40, "bump": 10},
    "revert-storm": {"turn": 80, "bump": 20},
    "deploy-and-call": {"deploy": 10, "early": 10, "call": 80},
}  # fmt: skip
"""Kind -> weights of its operations."""
LIARS = ("mixed", "lying-lists")
RING = 32
"""Accounts that pass the stake on; it comes round again."""
STAKE, FUEL = ETHER, ETHER // 2
"""The stake, and what each of the ring has for gas, in wei: less, so that nobody can pass the stake before it comes."""
PASS_GAS, WORK_GAS, WASTE_GAS, DEPLOY_GAS = 21_000, 150_000, 200_000, 3_000_000
MODULUS = 5
"""A turn succeeds where it makes the counter a multiple of this."""
HOT_SALTS = 4
SETTLED = 1_000
"""First salt of children that stay."""

PARAMETERS = {
    "kind": Parameter("mixed", "what is done to the executor", choices=tuple(KINDS)),
    "users": Parameter(100, "senders", minimum=1, maximum=100_000),
    "lies": Parameter(0.5, "share of access lists that lie (mixed and lying-lists)", minimum=0, maximum=1),
    "zipf_users": ZIPF_USERS,
    "blocks": BLOCKS,
    "declare": DECLARE,
}


@dataclass
class _Attack:
    """A generation in progress; `events` is what succeeded, for the books."""

    stage: Stage
    lies: float
    users: tuple[KeyPair, ...]
    ranks: Zipf
    ring: tuple[KeyPair, ...]
    arena: Deployed
    nursery: Deployed
    deployer: KeyPair
    deployed: list[Deployed] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)

    def someone(self) -> KeyPair:
        """Draw a user."""
        return self.users[self.ranks.draw(self.stage.random)]

    def act(
        self,
        operation: str,
        place: Deployed,
        function: str,
        *arguments: int,
        value: int = 0,
        gas: int = 500_000,
        notes: tuple[str, ...] = (),
    ) -> bool:
        """Call as some user, with a list that may lie, and note what a success counts."""
        user = self.someone()
        lying = self.stage.random.random() < self.lies
        listed = wrong_slots(self.stage.random, self.arena, self.users, place.address) if lying else None
        good = self.stage.send(operation, user, place, function, *arguments, value=value, gas=gas, listed=listed)
        for note in notes if good else ():
            self.note(note)
        return good

    def note(self, what: str, amount: int = 1) -> None:
        """Write down that something succeeded in this block."""
        self.done[what] += amount
        self.events.append((len(self.stage.blocks), what, amount))


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of attacks, `transactions` in all."""
    kind = parameters.text("kind")
    stage = Stage("adversarial", seed, declare=parameters.text("declare"))
    users = stage.accounts("user", parameters.integer("users"))
    ring = stage.accounts("ring", RING)
    for carrier in ring:
        stage.seed_ether(carrier.address, FUEL)
    stage.seed_ether(ring[0].address, FUEL + STAKE)
    (deployer,) = stage.accounts("deployer", 1)
    work = _Attack(
        stage,
        parameters.number("lies") if kind in LIARS else 0.0,
        users,
        Zipf(len(users), parameters.number("zipf_users")),
        ring,
        stage.deploy("Arena"),
        stage.deploy("Nursery"),
        deployer,
    )
    fill_blocks(stage, KINDS[kind], transactions, parameters.integer("blocks"), lambda name: _OPERATIONS[name](work))
    books = Books(work.arena, work.nursery, addresses(users), addresses(ring), tuple(work.deployed), tuple(work.events))
    workload = stage.finish(parameters.values, checks_of(books, len(stage.blocks), STAKE))
    return _with_lies(workload, work) if work.lies else workload


def addresses(accounts: tuple[KeyPair, ...]) -> tuple[Address, ...]:
    """Return the addresses of accounts."""
    return tuple(account.address for account in accounts)


def _with_lies(workload: Workload, work: _Attack) -> Workload:
    """Return the workload with expected access sets that lie; a streamed block has none left."""
    blocks = tuple(
        replace(block, access_sets=lying_sets(work.stage.random, block.access_sets, work.lies))
        if block.access_sets is not None
        else block
        for block in workload.blocks
    )
    return replace(workload, blocks=blocks)


# -- one counter, one chain -------------------------------------------------------------------------------


def _bump(work: _Attack) -> None:
    work.act("bump", work.arena, "bump", notes=("bump",))


def _visit(work: _Attack) -> None:
    work.act("visit", work.arena, "visit", notes=("visit",))


def _link(work: _Attack) -> None:
    work.act("link", work.arena, "link", work.done["link"], notes=("link",))


def _pass(work: _Attack) -> None:
    """Send the stake on to the next of the ring; only who has it can."""
    turn = work.done["pass"]
    sender, to = work.ring[turn % RING], work.ring[(turn + 1) % RING]
    work.stage.send("pass", sender, to.address, value=STAKE, gas=PASS_GAS)
    work.note("pass")


# -- failures after the hot slot was read -----------------------------------------------------------------


def _turn(work: _Attack) -> None:
    work.act("turn", work.arena, "turn", MODULUS, notes=("bump",))


def _work(work: _Attack) -> None:
    steps = work.stage.get(work.arena, "count") % 8
    if work.act("work", work.arena, "work", gas=WORK_GAS, notes=("work",)):
        work.note("rubbish", steps)


def _waste(work: _Attack) -> None:
    work.act("waste", work.arena, "waste", gas=WASTE_GAS)


# -- births and deaths ------------------------------------------------------------------------------------


def _cycle(work: _Attack, salt: int | None = None) -> None:
    salt = work.stage.random.randrange(HOT_SALTS) if salt is None else salt
    work.act("cycle", work.nursery, "cycle", salt, value=1, notes=("wei", f"life {salt}"))


def _settle(work: _Attack) -> None:
    salt = SETTLED + work.done["settle"]
    work.act("settle", work.nursery, "settle", salt, value=1, notes=("wei", "settle", f"home {salt}"))


def _at_home(work: _Attack, act: Callable[[int], object]) -> None:
    """Do something to a child that stays; settle the first if there is none."""
    settled = work.done["settle"]
    if settled:
        act(SETTLED + work.stage.random.randrange(settled))
    else:
        _settle(work)


def _poke(work: _Attack) -> None:
    _at_home(work, lambda salt: work.act("poke", work.nursery, "poke", salt, notes=(f"poke {salt}",)))


def _drain(work: _Attack) -> None:
    _at_home(work, lambda salt: work.act("drain", work.nursery, "drain", salt))


def _taken(work: _Attack) -> None:
    """Try to be born where somebody lives."""
    _at_home(work, lambda salt: work.act("taken", work.nursery, "cycle", salt, value=1))


# -- code created and used in the same block --------------------------------------------------------------


def _deploy(work: _Attack) -> None:
    contract = load_contract("Arena")
    work.deployed.append(Deployed(work.stage.next_created(work.deployer), contract))
    work.stage.send("deploy", work.deployer, b"", data=contract.creation, gas=DEPLOY_GAS)


def _early(work: _Attack) -> None:
    """Call an address before its code is there: that succeeds and does nothing."""
    future = Deployed(work.stage.next_created(work.deployer), load_contract("Arena"))
    work.act("early", future, "bump")


def _call(work: _Attack) -> None:
    """Bump the counter of the newest contract; deploy the first if there is none."""
    if work.deployed:
        newest = work.deployed[-1]
        work.act("call", newest, "bump", notes=(f"bump {newest.address.hex()}",))
    else:
        _deploy(work)


_OPERATIONS: dict[str, Callable[[_Attack], None]] = {
    "bump": _bump, "visit": _visit, "link": _link, "pass": _pass, "turn": _turn, "work": _work, "waste": _waste,
    "cycle": _cycle, "settle": _settle, "poke": _poke, "drain": _drain, "taken": _taken,
    "deploy": _deploy, "early": _early, "call": _call,
}  # fmt: skip

SPEC = WorkloadSpec(
    name="adversarial",
    description="worst cases: hot counters, chains, births and deaths, lying lists, failures after hot reads",
    parameters=PARAMETERS,
    generate=generate,
)
