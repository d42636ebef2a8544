"""The genesis of workload governance: a lending market that a DAO owns, and proposals in every stage of their life."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

from scheduler.access import STORAGE, Address
from workloads.accounts import KeyPair, make_address
from workloads.artefacts import load_contract
from workloads.block_builder import GENESIS_TIME
from workloads.distributions import Zipf, log_normal
from workloads.governance_checks import Change, Dao
from workloads.lending.checks import StateStorage
from workloads.lending.market import (
    MEDIAN_SUPPLY,
    WALLET,
    Market,
    balance_books,
    dollars,
    genesis_accounts,
    list_asset,
    seed_debt,
    seed_supply,
)
from workloads.lending.pool_model import Pool
from workloads.lending.pool_slots import Listing
from workloads.lending.terms import ASSETS, Curve, Risk, amount_of, pack_config, pack_curve
from workloads.parameters import Parameters
from workloads.stage import Deployed, Stage
from workloads.storage_model import ModelStorage
from workloads.token_model import Token

WAD = 10**18
MEDIAN_LOCK, VOTES_WALLET = 1_000.0, 10**6 * WAD
PERIOD, DELAY = 3 * 86_400, 2 * 86_400
QUORUM_SHARE = 10
"""The quorum is one in so many of the tokens locked at genesis."""
PAST = 10 * 86_400
"""How long before the genesis its voters locked, in seconds."""


@dataclass
class Work:
    """A generation in progress; `model` answers questions about the pool as the stage has it now."""

    stage: Stage
    parameters: Parameters
    dao: Dao
    model: Pool
    users: tuple[KeyPair, ...]
    others: Address
    ranks: dict[str, Zipf]
    changes: dict[int, Change] = field(default_factory=dict)
    voted: dict[int, list[KeyPair]] = field(default_factory=lambda: defaultdict(list))
    risked: dict[int, set[Address]] = field(default_factory=lambda: defaultdict(set))

    def user(self) -> KeyPair:
        """Draw a user."""
        return self.users[self.ranks["users"].draw(self.stage.random)]

    def listing(self) -> Listing:
        """Draw a market."""
        return self.model.listings[self.ranks["assets"].draw(self.stage.random)]

    def change(self) -> Change:
        """Draw new limits and a new curve for a market, near those that it was listed with."""
        random, listing = self.stage.random, self.listing()
        old, curve = listing.asset.risk, listing.asset.curve
        move = random.randrange(-30, 20) * 10
        risk = Risk(old.ltv + move, old.threshold + move, old.bonus, random.randrange(500, 3_000))
        new = Curve(curve.base, curve.slope1 + random.randrange(200), curve.slope2, curve.kink - random.randrange(500))
        words = (risk.ltv, risk.threshold, risk.bonus, risk.reserve_factor, new.base, new.slope1, new.slope2, new.kink)
        config = pack_config(listing.index, replace(listing.asset, risk=risk), eager=False)
        return Change(listing, (listing.token.address, *words, 0), config, pack_curve(new))


def open_market(stage: Stage, parameters: Parameters) -> Work:
    """Put the market and its DAO into the genesis of the stage."""
    market = _lending_market(stage, parameters)
    (model,) = market.pools
    pool = Deployed(model.address, model.contract)
    votes = stage.token("VOTE", {user.address: VOTES_WALLET for user in market.users})
    locks = [int(log_normal(stage.random, MEDIAN_LOCK)) * WAD + WAD for _ in market.users]
    quorum = sum(locks) // QUORUM_SHARE
    places = votes.address, pool.address
    governance = stage.deploy("Governance", *places, quorum, int(MEDIAN_LOCK) * WAD // 10, PERIOD, DELAY)
    stage.allow(votes, market.users, governance.address)
    stage.setup(stage.owner, pool, "set_owner", governance.address)
    counts = {"users": len(market.users), "assets": len(model.listings)}
    work = Work(
        stage,
        parameters,
        Dao(governance, votes, pool, quorum, PERIOD, DELAY),
        model.on(StateStorage(stage), stage.now),
        market.users,
        _others(stage),
        {name: Zipf(count, parameters.number(f"zipf_{name}")) for name, count in counts.items()},
    )
    for user, amount in zip(market.users, locks, strict=True):
        _seed_lock(work, user, amount)
    for age in (0, PERIOD + 60, PERIOD + DELAY + 60):
        for _ in range(parameters.integer("proposals")):
            _seed_proposal(work, age)
    return work


def _others(stage: Stage) -> Address:
    return make_address(stage.seed, "governance/others")


def _lending_market(stage: Stage, parameters: Parameters) -> Market:
    """Put pool, oracle and tokens into the state, with what users supply and owe."""
    assets, oracle = ASSETS[: parameters.integer("assets")], make_address(stage.seed, "governance/oracle")
    storage = ModelStorage()
    market = Market(
        storage=storage,
        oracle=oracle,
        owner=stage.owner.address,
        tokens=[Token(storage, make_address(stage.seed, "governance/token", at)) for at in range(len(assets))],
        pools=[Pool(storage, make_address(stage.seed, "governance/pool"), oracle)],
        users=stage.accounts("user", parameters.integer("users")),
        liquidators=(),
    )
    (pool,) = market.pools
    owner_at = load_contract("Oracle").layout["owner"]
    storage.values[oracle, STORAGE, owner_at] = int.from_bytes(market.owner, "big")
    for asset, token in zip(assets, market.tokens, strict=True):
        token.deploy(asset.symbol, asset.symbol, asset.decimals, market.owner)
        list_asset(market, pool, asset, token, stage.random, eager=False)
        for user in market.users:
            token.seed(user.address, amount_of(WALLET, asset))
            token.seed_allowance(user.address, pool.address)
    for user in market.users:
        _open_position(stage, market, user.address)
    for listing in pool.listings:
        balance_books(market, pool, listing, _others(stage))
    genesis_accounts(market, stage.state)
    return market


def _open_position(stage: Stage, market: Market, user: Address) -> None:
    """Let a user supply one asset, and owe another up to half of what that allows."""
    (pool,), random = market.pools, stage.random
    collateral, debt = random.sample(pool.listings, 2)
    seed_supply(market, pool, collateral, user, amount_of(log_normal(random, MEDIAN_SUPPLY), collateral.asset))
    if random.random() < 0.5:
        limit = dollars(pool.standing(user).limit) * random.uniform(0.1, 0.5)
        seed_debt(market, pool, debt, user, amount_of(limit, debt.asset))


def _seed_lock(work: Work, user: KeyPair, amount: int) -> None:
    """Let a user have locked tokens long ago."""
    stage, dao = work.stage, work.dao
    governance = dao.governance
    stage.mint(dao.token, governance.address, amount)
    stage.seed_slot(governance.at("checkpoint_count", user.address), 1)
    for member, value in (("at", GENESIS_TIME - PAST), ("power", amount)):
        stage.seed_slot(governance.at("checkpoints", user.address, 1, member=member, struct="Checkpoint"), value)


def _seed_proposal(work: Work, age: int) -> None:
    """Let a proposal be `age` seconds old; older than the voting period it has passed, and later been queued."""
    stage, dao = work.stage, work.dao
    number, change = len(work.changes) + 1, work.change()
    work.changes[number] = change
    snapshot, cast = GENESIS_TIME - age, 0
    if age > PERIOD:
        for user in work.users:
            if cast >= dao.quorum:
                break
            weight = dao.power(stage, user.address)
            cast += weight
            for member, value in (("weight", weight), ("supports", 1)):
                place = dao.governance.at("ballots", number, user.address, member=member, struct="Ballot")
                stage.seed_slot(place, value)
            work.voted[number].append(user)
    words = {
        "proposer": int.from_bytes(work.users[0].address, "big"),
        "action": change.action,
        "snapshot": snapshot,
        "ends": snapshot + PERIOD,
        "supporting": cast,
        "eta": GENESIS_TIME if age > PERIOD + DELAY else 0,
    }
    for member, value in words.items():
        if value:
            stage.seed_slot(dao.governance.at("proposals", number, member=member, struct="Proposal"), value)
    stage.seed_slot(dao.governance.at("next_id"), number + 1)
