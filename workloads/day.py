"""Workload 17, day: every protocol at once, hour after hour, with background transfers.

Each protocol is generated on its own, with accounts, tokens and contracts of its own, and the same clock; a day
takes their genesis states together and shuffles their transactions, each protocol's in its own order. So every
access set and every invariant of the parts holds in the whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from random import Random

from executor.state import MemoryState
from executor.types import Block, RawTransaction
from scheduler.access import AccessSet
from workloads.block_builder import COINBASE, FORK, genesis, make_header
from workloads.checks import EtherCheck
from workloads.common import BLOCK_SECONDS, BLOCKS, DECLARE, parse_mix
from workloads.parameters import Parameter, Parameters, WorkloadSpec, parse_parameters
from workloads.stage import BLOCK_GAS
from workloads.workload import Check, Workload

MIX = (
    "transfers:30,lending:12,amm:18,perp:6,farm:4,vault:4,stablecoin:5,synthetics:3,rwa:2,nft:3,governance:2,"
    "oracle:4,insurance:2,neutral:2,flash:2,private:1,crash:4"
)
SMALL: Mapping[str, Mapping[str, str]] = {
    "amm": {"users": "60", "pairs": "12"},
    "flash": {"users": "40", "markets": "4", "quotes": "2"},
    "lending": {"shards": "2"},
    "transfers": {"accounts": "400"},
}
"""What a protocol is given where its defaults are made for a block of its own: setting up takes time too."""
PARAMETERS = {
    "mix": Parameter(MIX, "weights of the protocols"),
    "blocks": replace(BLOCKS, default=24),
    "block_seconds": replace(BLOCK_SECONDS, default=3_600),
    "declare": DECLARE,
}


def spec_of(protocols: Mapping[str, WorkloadSpec]) -> WorkloadSpec:
    """Return the workload that mixes these protocols."""
    return WorkloadSpec(
        name="day",
        description="every protocol mixed, over a day of hourly blocks, with background transfers",
        parameters=PARAMETERS,
        generate=partial(_generate, protocols),
        transactions=2_400,
    )


def _generate(protocols: Mapping[str, WorkloadSpec], parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks in which all protocols are at work, `transactions` in all."""
    random = Random(f"day/{seed}")
    parts = [
        _part(protocols[name], share, parameters, seed * len(protocols) + index)
        for index, (name, share) in enumerate(_shares(parse_mix(parameters.text("mix"), MIX), transactions).items())
    ]
    blocks, operations = [], []
    for index in range(parameters.integer("blocks")):
        block, names = _shuffled([(part.name, part.blocks[index], part.operations[index]) for part in parts], random)
        header = make_header(index, block.transactions, BLOCK_GAS, parameters.integer("block_seconds"))
        blocks.append(replace(block, header=header))
        operations.append(names)
    return Workload(
        name="day",
        seed=seed,
        parameters=parameters.values,
        pre_state=_together([part.pre_state for part in parts]),
        blocks=tuple(blocks),
        operations=tuple(operations),
        checks=tuple(_within(check) for part in parts for check in part.checks),
    )


def _shares(weights: Mapping[str, float], transactions: int) -> dict[str, int]:
    """Return how many transactions each protocol sends: by weight, the rest goes to the first."""
    total = sum(weights.values())
    shares = {name: int(transactions * weight / total) for name, weight in weights.items() if weight > 0}
    first = next(iter(shares))
    shares[first] += transactions - sum(shares.values())
    return shares


def _part(spec: WorkloadSpec, transactions: int, parameters: Parameters, seed: int) -> Workload:
    common = {key: str(parameters.values[key]) for key in ("blocks", "block_seconds", "declare")}
    known = {key: text for key, text in common.items() if key in spec.parameters}
    texts = {**known, **SMALL.get(spec.name, {})}
    return spec.generate(parse_parameters(spec, texts), transactions, seed)


def _shuffled(parts: Sequence[tuple[str, Block, tuple[str, ...]]], random: Random) -> tuple[Block, tuple[str, ...]]:
    """Return a block of all transactions, those of one part in their order, and what they do."""
    queues = [deque(zip(block.transactions, block.access_sets or (), names, strict=True)) for _, block, names in parts]
    order = [at for at, queue in enumerate(queues) for _ in queue]
    random.shuffle(order)
    transactions: list[RawTransaction] = []
    sets: list[AccessSet] = []
    operations: list[str] = []
    for at in order:
        transaction, access, operation = queues[at].popleft()
        transactions.append(transaction)
        sets.append(access)
        operations.append(f"{parts[at][0]}/{operation}")
    header = make_header(0, (), BLOCK_GAS)
    block = Block(header, tuple(transactions), FORK, withdrawals=(), access_sets=tuple(sets))
    return block, tuple(operations)


def _together(states: Sequence[MemoryState]) -> MemoryState:
    """Return one state of all accounts; only the fee recipient is in more than one."""
    whole = genesis()
    for state in states:
        for address, account in state.accounts.items():
            if address != COINBASE:
                assert address not in whole.accounts, f"0x{address.hex()} is in two protocols"  # noqa: S101
                whole.accounts[address] = account
        whole.codes.update(state.codes)
    return whole


def _within(check: Check) -> Check:
    """Return a part's check as it holds in the whole: the fee recipient earns from others too."""
    if isinstance(check, EtherCheck):
        return replace(check, holders=check.holders - {COINBASE})
    return check
