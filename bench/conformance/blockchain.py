"""Runs a blockchain test: genesis, every block through the chain, the head and the state in the end."""

from __future__ import annotations

from bench.conformance.fixtures import Fixture
from bench.conformance.genesis import parse_genesis
from bench.conformance.outcome import MismatchError, Outcome, Verdict, Work, explained
from bench.conformance.reasons import Judgement, judge
from executor.block_executor import BlockExecutor
from executor.block_rlp import decode_block
from executor.capsule_state import parse_pre_state
from executor.chain import Chain
from executor.errors import InvalidBlock, InvalidRlp, ParallelEvmError, UnknownFork
from executor.fork_schedule import ForkSchedule
from executor.json_fields import JsonObject, as_bytes, as_int, as_list, as_object, as_text, required
from executor.state import Account, MemoryState

UNNAMED = ""
"""The reason of a block that must be rejected, where the test names none."""


def run_blockchain_test(fixture: Fixture, executor: BlockExecutor) -> Outcome:
    """Return what the test came to; no error of the test, the block or the executor leaves this function."""
    work = Work()
    network, chain, error = "", None, ""
    try:
        network = _network(fixture.fields)
        chain = _new_chain(fixture.fields, network, executor)
        for index, entry in enumerate(as_list(fixture.fields["blocks"], "blocks")):
            work.blocks += 1
            _import(chain, as_object(entry, f"blocks[{index}]"), f"block {index}", work)
        _check_end(chain, fixture.fields)
    except UnknownFork as unknown:
        return Outcome(fixture.name, fixture.category, network, Verdict.NOT_EXECUTABLE, not_executable(unknown))
    except MismatchError as mismatch:
        error = str(mismatch)
    except ParallelEvmError as refused:
        error = explained(refused)
    verdict = Verdict.FAILED if error else Verdict.PASSED
    root = None if chain is None else chain.head.header.state_root
    return Outcome(fixture.name, fixture.category, network, verdict, error, root, work)


def not_executable(unknown: UnknownFork) -> str:
    """Return the line that says why a test is not run."""
    return f"fork {unknown.name} is not executable: the engine knows Frontier to Prague"


def has_multi_transaction_block(fields: JsonObject) -> bool:
    """Return whether a block of a blockchain test holds two transactions or more."""
    blocks = fields.get("blocks")
    return isinstance(blocks, list) and any(_transaction_count(entry) > 1 for entry in blocks)


def _transaction_count(entry: object) -> int:
    rlp = entry.get("rlp") if isinstance(entry, dict) else None
    try:
        return len(decode_block(as_bytes(rlp, "rlp")).transactions)
    except ParallelEvmError:  # not a block: the test is about that, and has no transactions to run side by side
        return 0


def _network(fields: JsonObject) -> str:
    config = fields.get("config")
    network = fields.get("network") or (config.get("network") if isinstance(config, dict) else None)
    return as_text(network, "network")


def _new_chain(fields: JsonObject, network: str, executor: BlockExecutor) -> Chain:
    schedule = ForkSchedule.of(network)
    config = as_object(fields.get("config") or {}, "config")
    chain_id = as_int(config.get("chainid", 1), "config.chainid", 64)
    state = parse_pre_state(required(fields, "pre", ""), complete=True)
    return Chain(parse_genesis(fields), state, schedule, executor, chain_id=chain_id)


def _import(chain: Chain, entry: JsonObject, where: str, work: Work) -> None:
    """Import a block, and demand what the test says of it."""
    expected = _expected_rejection(entry)
    rlp = as_bytes(required(entry, "rlp", where), f"{where}.rlp")
    try:
        imported = chain.import_block(rlp)
    except (InvalidBlock, InvalidRlp) as error:
        _check_rejection(expected, error, where, work)
        return
    if imported.result is not None:
        work.note(imported.result)
    if expected is not None:
        raise MismatchError(f"{where} was accepted; it should be rejected{f' for {expected}' if expected else ''}")
    stated = as_object(entry.get("blockHeader") or {}, f"{where}.blockHeader").get("hash")
    if stated is not None and as_bytes(stated, f"{where}.blockHeader.hash", 32) != imported.block.hash:
        raise MismatchError(f"{where}: blockHeader.hash is {stated}, the hash of its RLP 0x{imported.block.hash.hex()}")


def _expected_rejection(entry: JsonObject) -> str | None:
    """Return for what a block must be rejected, None if it must be accepted.

    Older fixtures have no `expectException`, or one per fork; there only valid blocks have a `blockHeader`.
    """
    named = [value for key, value in entry.items() if key.startswith("expectException") and value is not None]
    if named:
        return as_text(named[0], "expectException")
    return None if "blockHeader" in entry else UNNAMED


def _check_rejection(expected: str | None, error: InvalidBlock | InvalidRlp, where: str, work: Work) -> None:
    reason = explained(error)
    if expected is None:
        raise MismatchError(f"{where} was rejected: {reason}")
    judgement = judge(expected, error) if expected != UNNAMED else Judgement.UNKNOWN
    if judgement is Judgement.WRONG:
        raise MismatchError(f"{where} was rejected for another reason than {expected}: {reason}")
    if judgement is Judgement.UNKNOWN:
        work.unknown_reasons[expected or "(none named)"] += 1


def _check_end(chain: Chain, fields: JsonObject) -> None:
    head = chain.head
    last = as_bytes(required(fields, "lastblockhash", ""), "lastblockhash", 32)
    if head.hash != last:
        raise MismatchError(f"the head is block {head.header.number} 0x{head.hash.hex()}, not 0x{last.hex()}")
    if fields.get("postState") is not None:
        expected = parse_pre_state(fields["postState"], complete=True)
        difference = first_difference(expected, chain.state(head.hash))
        if difference is not None:
            raise MismatchError(f"post-state: {difference}")
    elif fields.get("postStateHash") is not None:
        root = as_bytes(fields["postStateHash"], "postStateHash", 32)
        if root != head.header.state_root:
            raise MismatchError(f"post-state: root 0x{head.header.state_root.hex()}, expected 0x{root.hex()}")


def first_difference(expected: MemoryState, state: MemoryState) -> str | None:
    """Return in words the first account or value in which two complete states differ, None if they are equal."""
    for address in sorted(expected.accounts.keys() | state.accounts.keys()):
        stated, computed = expected.accounts.get(address), state.accounts.get(address)
        if stated is None or computed is None:
            return f"account 0x{address.hex()} is {'absent' if computed is None else 'there, but should not be'}"
        difference = _account_difference(stated, computed)
        if difference is not None:
            return f"account 0x{address.hex()}: {difference}"
    return None


def _account_difference(stated: Account, computed: Account) -> str | None:
    for what in ("balance", "nonce"):
        if getattr(stated, what) != getattr(computed, what):
            return f"{what} {getattr(computed, what)}, expected {getattr(stated, what)}"
    if stated.code_hash != computed.code_hash:
        return f"code hash 0x{computed.code_hash.hex()}, expected 0x{stated.code_hash.hex()}"
    for slot in sorted(stated.storage.keys() | computed.storage.keys()):
        before, after = stated.storage.get(slot, 0), computed.storage.get(slot, 0)
        if before != after:
            return f"slot {slot:#x} is {after:#x}, expected {before:#x}"
    return None
