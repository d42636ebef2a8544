"""Runs a state test: each entry of `post` is one transaction in a block of its own, on the test's pre-state.

The block has no withdrawals and makes no system calls; the reward that it has before the merge is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.conformance.fixtures import Fixture
from bench.conformance.outcome import MismatchError, Outcome, Verdict, Work, explained
from bench.conformance.reasons import Judgement, judge
from executor.block_executor import BlockExecutor
from executor.capsule_state import parse_pre_state
from executor.context import HASH_WINDOW
from executor.difficulty import NO_UNCLES
from executor.errors import InvalidBlock, InvalidRlp, ParallelEvmError, UnknownFork
from executor.forks import ForkRules, fork_rules
from executor.hashing import keccak256
from executor.json_fields import JsonObject, as_bytes, as_int, as_list, as_object, required
from executor.rlp_codec import EMPTY_LIST
from executor.state import Account, MemoryState, state_after
from executor.state_trie import StateTrie
from executor.trie import EMPTY_ROOT
from executor.types import Block, Header, RawTransaction

DEFAULT_BASE_FEE = 10
"""Wei per gas where a test from London on names none."""


def run_state_test(fixture: Fixture, executor: BlockExecutor) -> Iterator[Outcome]:
    """Yield an outcome per fork and index, named `test/fork/index`."""
    try:
        forks = as_object(fixture.fields["post"], "post")
        cases = [
            (fork, index, case) for fork, cases in forks.items() for index, case in enumerate(as_list(cases, fork))
        ]
    except ParallelEvmError as error:
        yield Outcome(fixture.name, fixture.category, "", Verdict.FAILED, explained(error))
        return
    for fork, index, case in cases:
        yield _run_case(fixture, fork, f"{fixture.name}/{fork}/{index}", case, executor)


def _run_case(fixture: Fixture, fork: str, name: str, case: object, executor: BlockExecutor) -> Outcome:
    work = Work(blocks=1)
    root: bytes | None = None
    verdict, error = Verdict.PASSED, ""
    try:
        reason = _not_executable(fork, as_object(case, "post"))
        if reason:
            return Outcome(name, fixture.category, fork, Verdict.NOT_EXECUTABLE, reason)
        after = _execute(fixture.fields, as_object(case, "post"), fork_rules(fork), executor, work)
        root = after.root
        _check(as_object(case, "post"), after)
    except MismatchError as mismatch:
        verdict, error = Verdict.FAILED, str(mismatch)
    except ParallelEvmError as refused:
        verdict, error = Verdict.FAILED, explained(refused)
    return Outcome(name, fixture.category, fork, verdict, error, root, work)


def _not_executable(fork: str, case: JsonObject) -> str:
    try:
        fork_rules(fork)
    except UnknownFork as unknown:
        return f"fork {unknown.name} is not executable: the engine knows Frontier to Prague"
    return "" if case.get("txbytes") else "a state test without txbytes is not executable: it would have to be signed"


@dataclass(frozen=True, slots=True)
class _After:
    root: bytes
    logs_hash: bytes
    rejection: InvalidBlock | InvalidRlp | None


def _execute(fields: JsonObject, case: JsonObject, rules: ForkRules, executor: BlockExecutor, work: Work) -> _After:
    pre_state = parse_pre_state(required(fields, "pre", ""), complete=True)
    block = _block(fields, as_bytes(case["txbytes"], "txbytes"), rules)
    trie = StateTrie.of(pre_state)
    rejection: InvalidBlock | InvalidRlp | None = None
    logs = EMPTY_LIST
    try:
        result = executor.execute(block, pre_state, trie)
    except (InvalidBlock, InvalidRlp) as error:
        rejection, after = error, pre_state
    else:
        work.note(result)
        logs = result.receipts[0].logs_rlp
        after = state_after(pre_state, result.state_diff)
    _take_back_reward(after, block, rules, paid=rejection is None)
    return _After(StateTrie.of(after).root, keccak256(logs), rejection)


def _take_back_reward(state: MemoryState, block: Block, rules: ForkRules, *, paid: bool) -> None:
    """Leave the coinbase as a reward of nothing leaves it: touched, which removes it from EIP-161 on if empty."""
    coinbase = block.header.coinbase
    if rules.merged:
        return
    account = state.accounts.get(coinbase, Account()).copy()
    account.balance -= rules.block_reward if paid else 0
    state.accounts[coinbase] = account
    if rules.empty_accounts_removed and account.is_empty():
        del state.accounts[coinbase]


def _block(fields: JsonObject, raw: bytes, rules: ForkRules) -> Block:
    env = as_object(required(fields, "env", ""), "env")
    config = as_object(fields.get("config") or {}, "config")
    header = _header(env, rules)
    numbers = range(max(header.number - HASH_WINDOW, 0), header.number)
    return Block(
        header=header,
        transactions=(RawTransaction(raw),),
        fork=rules.name,
        chain_id=as_int(config.get("chainid", 1), "config.chainid", 64),
        block_hashes={number: keccak256(str(number).encode()) for number in numbers},  # as all clients agreed
        dao_fork_block=-1,
        system_calls=False,
    )


def _header(env: JsonObject, rules: ForkRules) -> Header:
    def number(name: str, default: int = 0) -> int:
        return as_int(env.get(name, default), f"env.{name}")

    random = env.get("currentRandom")
    return Header(
        parent_hash=bytes(32),
        uncles_hash=NO_UNCLES,
        coinbase=as_bytes(required(env, "currentCoinbase", "env"), "env.currentCoinbase", 20),
        state_root=bytes(32),
        transactions_root=EMPTY_ROOT,
        receipts_root=EMPTY_ROOT,
        bloom=bytes(256),
        difficulty=0 if rules.merged else number("currentDifficulty"),
        number=number("currentNumber"),
        gas_limit=number("currentGasLimit"),
        gas_used=0,
        timestamp=number("currentTimestamp"),
        extra_data=b"",
        mix_hash=bytes(32) if random is None else as_int(random, "env.currentRandom").to_bytes(32, "big"),
        nonce=bytes(8),
        base_fee=number("currentBaseFee", DEFAULT_BASE_FEE) if rules.base_fee else None,
        excess_blob_gas=number("currentExcessBlobGas") if rules.blobs else None,
    )


def _check(case: JsonObject, after: _After) -> None:
    expected = case.get("expectException")
    if after.rejection is None and expected:
        raise MismatchError(f"the transaction was accepted; it should be rejected for {expected}")
    if after.rejection is not None:
        if not expected:
            raise MismatchError(f"the transaction was rejected: {explained(after.rejection)}")
        if judge(str(expected), after.rejection) is Judgement.WRONG:
            raise MismatchError(f"rejected for another reason than {expected}: {explained(after.rejection)}")
    for name, computed in (("hash", after.root), ("logs", after.logs_hash)):
        stated = as_bytes(required(case, name, "post"), f"post.{name}", 32)
        if stated != computed:
            what = "state root" if name == "hash" else "hash of the logs"
            raise MismatchError(f"{what} 0x{computed.hex()}, expected 0x{stated.hex()}")
