"""Workload 6, farm: stakes that earn rewards over time, and leverage looped in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from workloads.accounts import KeyPair
from workloads.common import BLOCKS, DECLARE, FAILING, ZIPF_USERS, fill_blocks, parse_mix
from workloads.distributions import Zipf, log_normal
from workloads.farm_checks import Yard, checks_of_farms, checks_of_loops
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.stage import Deployed, Stage
from workloads.workload import Workload

UNIT = 10**18
WALLET = 10**9 * UNIT
MEDIAN_STAKE, MEDIAN_LOOP, MEDIAN_FUND = 1_000.0, 500.0, 10_000.0
REWARDS, PERIOD = 1_000_000 * UNIT, 30 * 86_400
"""What each farm emits from genesis on, and over how many seconds."""
CASH = 10_000_000 * UNIT
"""What the owner supplies to each market at genesis."""
LTV = 8_000
RISK, CURVE, LAZY = (LTV, 8_250, 500, 1_500), (0, 400, 8_000, 8_000), 0
MOST_ROUNDS, MOST_PART, TOO_MUCH = 8, LTV - 100, LTV + 1_500
LOOP_GAS = 5_000_000
TRIES = 20
MIX = "stake:28,unstake:14,claim:28,leave:4,fund:2,loop:14,unwind:10"

PARAMETERS = {
    "users": Parameter(200, "stakers; every other one has a stake at genesis", minimum=2, maximum=100_000),
    "farms": Parameter(4, "farms; each has a token of its own to stake", minimum=1, maximum=1_000),
    "loopers": Parameter(24, "users with a contract that loops deposits and loans", minimum=1, maximum=10_000),
    "markets": Parameter(2, "assets that are lent for loops", minimum=1, maximum=8),
    "zipf_users": ZIPF_USERS,
    "zipf_farms": Parameter(0.8, "exponent over farms", minimum=0, maximum=3),
    "block_seconds": Parameter(3_600, "seconds between blocks, in which rewards are earned", 1, 10**6),
    "mix": Parameter(MIX, "weights of the operations; each comes at least once"),
    "failing": FAILING,
    "blocks": BLOCKS,
    "declare": DECLARE,
}


@dataclass(frozen=True)
class Loop:
    """A user's contract that holds a looped position."""

    user: KeyPair
    contract: Deployed
    token: Deployed


@dataclass
class _Farming:
    """A generation in progress."""

    stage: Stage
    parameters: Parameters
    users: tuple[KeyPair, ...]
    yards: list[Yard]
    pool: Deployed
    loops: list[Loop]
    user_ranks: Zipf
    farm_ranks: Zipf

    def someone(self, view: str = "") -> tuple[KeyPair, Yard, int]:
        """Draw a user and a farm; for whom `view` answers more than nothing, if such a one is found, and the answer."""
        stage = self.stage
        for _ in range(TRIES):
            user = self.users[self.user_ranks.draw(stage.random)]
            yard = self.yards[self.farm_ranks.draw(stage.random)]
            found = stage.ask(yard.farm, view, user.address) or 0 if view else 0
            if found or not view:
                break
        return user, yard, found

    def loop(self, *, held: bool = False) -> Loop:
        """Draw a looper; one who has a position, if such a one is found."""
        for _ in range(TRIES):
            loop = self.loops[self.user_ranks.draw(self.stage.random) % len(self.loops)]
            if not held or self.supplied(loop):
                break
        return loop

    def supplied(self, loop: Loop) -> int:
        """Return what a looper has in the pool now."""
        return self.stage.ask(self.pool, "supplied", loop.contract.address, loop.token.address) or 0


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of staking, claiming and looping, `transactions` in all."""
    seconds = parameters.integer("block_seconds")
    stage = Stage("farm", seed, declare=parameters.text("declare"), block_seconds=seconds)
    users = stage.accounts("user", parameters.integer("users"))
    reward = stage.token("REWARD", {stage.owner.address: WALLET})
    yards = [_open_farm(stage, users, reward, index) for index in range(parameters.integer("farms"))]
    pool, tokens = _open_pool(stage, users, parameters.integer("markets"))
    loops = [
        _deploy_looper(stage, users, index, pool, tokens[index % len(tokens)])
        for index in range(min(parameters.integer("loopers"), len(users)))
    ]
    user_ranks = Zipf(len(users), parameters.number("zipf_users"))
    farm_ranks = Zipf(len(yards), parameters.number("zipf_farms"))
    work = _Farming(stage, parameters, users, yards, pool, loops, user_ranks, farm_ranks)
    weights = parse_mix(parameters.text("mix"), MIX)
    fill_blocks(stage, weights, transactions, parameters.integer("blocks"), lambda name: _step(work, name))
    people = (stage.owner.address, *(user.address for user in users))
    loopers = [loop.contract for loop in loops]
    checks = (checks_of_farms(yards, reward, people), checks_of_loops(pool, tokens, people, loopers, LTV))
    return stage.finish(parameters.values, chain(*checks))


# -- genesis ----------------------------------------------------------------------------------------------


def _open_farm(stage: Stage, users: tuple[KeyPair, ...], reward: Deployed, index: int) -> Yard:
    """Deploy a farm, with a stake for every other user, and rewards for a while."""
    token = stage.token(f"LP{index}", {user.address: WALLET for user in users})
    yard = Yard(stage.deploy("Farm", token.address, reward.address), token, reward)
    stage.allow(token, users, yard.farm.address)
    stage.allow(reward, [stage.owner], yard.farm.address)
    total = 0
    for user in users[index % 2 :: 2]:
        amount = _amount(stage, MEDIAN_STAKE)
        stage.seed_slot(yard.farm.at("stakes", user.address), amount)
        total += amount
    stage.seed_slot(yard.farm.at("total"), total)
    stage.mint(token, yard.farm.address, total)
    stage.setup(stage.owner, yard.farm, "fund", REWARDS, PERIOD)
    return yard


def _open_pool(stage: Stage, users: tuple[KeyPair, ...], markets: int) -> tuple[Deployed, list[Deployed]]:
    """Deploy a lending pool, and list assets that the owner supplies."""
    oracle = stage.deploy("Oracle")
    pool = stage.deploy("LendingPool", oracle.address)
    tokens = []
    for index in range(markets):
        token = stage.token(f"M{index}", {one.address: WALLET for one in (*users, stage.owner)})
        stage.allow(token, [stage.owner], pool.address)
        stage.setup(stage.owner, oracle, "set_price", token.address, (1 + index) * UNIT)
        stage.setup(stage.owner, pool, "list_asset", token.address, *RISK, *CURVE, LAZY)
        stage.setup(stage.owner, pool, "deposit", token.address, CASH)
        tokens.append(token)
    return pool, tokens


def _deploy_looper(stage: Stage, users: tuple[KeyPair, ...], index: int, pool: Deployed, token: Deployed) -> Loop:
    """Deploy a user's looper; half of them have a position."""
    user = users[index]
    contract = stage.deploy("Looper", user.address, pool.address, token.address)
    stage.allow(token, [user], contract.address)
    if index % 4 < 2:
        stage.setup(user, contract, "loop", *_loop_terms(stage))
    return Loop(user, contract, token)


def _amount(stage: Stage, median: float) -> int:
    return int(log_normal(stage.random, median) * UNIT)


def _loop_terms(stage: Stage) -> tuple[int, int, int]:
    """Draw amount, rounds, and which part of each deposit is borrowed."""
    amount = _amount(stage, MEDIAN_LOOP)
    return amount, stage.random.randint(1, MOST_ROUNDS), stage.random.randint(MOST_PART // 2, MOST_PART)


# -- transactions -----------------------------------------------------------------------------------------


def _step(work: _Farming, operation: str) -> None:
    if work.stage.random.random() >= work.parameters.number("failing"):
        _STEPS[operation](work)
    elif work.stage.random.random() < 0.5:
        user, yard, held = work.someone("stakes")
        work.stage.send("unstake", user, yard.farm, "unstake", held + 1)
    else:
        _loop(work, greedy=True)


def _stake(work: _Farming) -> None:
    user, yard, _ = work.someone()
    work.stage.send("stake", user, yard.farm, "stake", _amount(work.stage, MEDIAN_STAKE))


def _unstake(work: _Farming) -> None:
    """Take back a part of a stake; who has none stakes."""
    user, yard, held = work.someone("stakes")
    if held > 1:
        work.stage.send("unstake", user, yard.farm, "unstake", held * work.stage.random.randint(10, 90) // 100)
    else:
        _stake(work)


def _claim(work: _Farming) -> None:
    """Claim rewards; where nobody is found who has earned any, somebody stakes."""
    user, yard, earned = work.someone("earned")
    if earned:
        work.stage.send("claim", user, yard.farm, "claim")
    else:
        _stake(work)


def _leave(work: _Farming) -> None:
    user, yard, held = work.someone("stakes")
    if held:
        work.stage.send("leave", user, yard.farm, "leave")
    else:
        _stake(work)


def _fund(work: _Farming) -> None:
    """Let the owner add rewards, which prolongs the period."""
    _, yard, _ = work.someone()
    work.stage.send("fund", work.stage.owner, yard.farm, "fund", _amount(work.stage, MEDIAN_FUND), PERIOD)


def _loop(work: _Farming, *, greedy: bool = False) -> None:
    """Loop a deposit, up to near the limit; greedily, and the first loan reverts."""
    loop = work.loop()
    terms = _loop_terms(work.stage)
    if greedy:  # ten times an old deposit, so that the loan cannot lean on it
        terms = max(terms[0], 10 * work.supplied(loop)), MOST_ROUNDS, TOO_MUCH
    work.stage.send("loop", loop.user, loop.contract, "loop", *terms, gas=LOOP_GAS)


def _unwind(work: _Farming) -> None:
    loop = work.loop(held=True)
    if work.supplied(loop):
        work.stage.send("unwind", loop.user, loop.contract, "unwind", gas=LOOP_GAS)
    else:
        _loop(work)


_STEPS = {"stake": _stake, "unstake": _unstake, "claim": _claim, "leave": _leave, "fund": _fund}
_STEPS |= {"loop": _loop, "unwind": _unwind}


SPEC = WorkloadSpec(
    name="farm",
    description="stakes that earn rewards, and leverage looped in one transaction: reward accumulators are hot",
    parameters=PARAMETERS,
    generate=generate,
)
