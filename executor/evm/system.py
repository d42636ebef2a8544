"""What a block does beside its transactions: system calls, withdrawals, rewards, the DAO's move.

Index -1 runs before the first transaction, index n after the last; both on the driver, on settled state.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth.vm.forks.homestead.headers import dao_drain_list, dao_refund_contract

from executor.earlier_state import EarlierState
from executor.evm.state import EvmState
from executor.evm.transaction import Engine
from executor.invalid_block import InvalidDepositLayoutError, SystemContractCallFailedError, SystemContractEmptyError
from executor.receipts import decode_logs
from executor.types import Block, TransactionResult
from scheduler.access import Address

SYSTEM_ADDRESS = bytes.fromhex("fffffffffffffffffffffffffffffffffffffffe")
SYSTEM_GAS = 30_000_000
BEACON_ROOTS = bytes.fromhex("000f3df6d732807ef1319fb7b8bb8522d0beac02")
HISTORY_STORAGE = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")
WITHDRAWAL_REQUESTS = bytes.fromhex("00000961ef480eb55e80d19ad83579a64c007002")
CONSOLIDATION_REQUESTS = bytes.fromhex("0000bbddc7ce488642fb579f8b00f3a590007251")
DEPOSIT_CONTRACT = bytes.fromhex("00000000219ab540356cbb839cbe05303d7705fa")
DEPOSIT_TOPIC = bytes.fromhex("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5")
GWEI = 10**9
UNCLE_DEPTH = 8
NEPHEW_SHARE = 32


def run_prologue(engine: Engine, block: Block, earlier: EarlierState) -> TransactionResult:
    """Return the effects before the first transaction: EIP-4788, EIP-2935, the DAO fork's move."""
    state, rules = engine.view(earlier, -1), engine.context.rules
    if rules.name == "DAOFork" and block.header.number == block.dao_fork_block:
        _move_the_dao(state)
    if rules.blobs and block.system_calls and block.header.parent_beacon_root is not None:
        _system_call(engine, state, BEACON_ROOTS, block.header.parent_beacon_root)
    if rules.prague and block.system_calls:
        _system_call(engine, state, HISTORY_STORAGE, block.header.parent_hash)
    return _effects(state)


def run_epilogue(
    engine: Engine, block: Block, earlier: EarlierState, logs: Sequence[bytes]
) -> tuple[TransactionResult, tuple[bytes, ...]]:
    """Return the effects after the last transaction, and the requests (EIP-7685) in order of their type.

    `logs` are the RLP log lists of the block's receipts, where deposits are found.
    """
    state, rules = engine.view(earlier, len(block.transactions)), engine.context.rules
    if rules.block_reward:
        _pay_rewards(block, rules.block_reward, state)
    for withdrawal in block.withdrawals or ():
        state.delta_balance(withdrawal.address, withdrawal.amount * GWEI)
    if not (rules.prague and block.system_calls):
        return _effects(state), ()
    requests = [
        (b"\x00", _deposits(logs)),
        (b"\x01", _checked_system_call(engine, state, WITHDRAWAL_REQUESTS)),
        (b"\x02", _checked_system_call(engine, state, CONSOLIDATION_REQUESTS)),
    ]
    return _effects(state), tuple(kind + data for kind, data in requests if data)


def _effects(state: EvmState) -> TransactionResult:
    return TransactionResult(
        reads=state.reads,
        bounds=state.final_bounds(),
        writes=state.write_set(),
        codes=state.new_codes,
        success=True,
        sweeps=frozenset(state.swept),
    )


def _system_call(engine: Engine, state: EvmState, target: Address, data: bytes) -> bytes | None:
    """Call a system contract as EIP-4788 says; None if it fails. Without code nothing happens."""
    output = engine.call(state, SYSTEM_ADDRESS, target, data, SYSTEM_GAS)
    state.forget_access()
    return output


def _checked_system_call(engine: Engine, state: EvmState, target: Address) -> bytes:
    """Call a request contract, which must exist and succeed (EIP-7002, 7251)."""
    if not state.get_code(target):
        msg = f"the system contract 0x{target.hex()} has no code"
        raise SystemContractEmptyError(msg)
    output = _system_call(engine, state, target, b"")
    if output is None:
        msg = f"the system call to 0x{target.hex()} failed"
        raise SystemContractCallFailedError(msg)
    return output


def _deposits(logs: Sequence[bytes]) -> bytes:
    """Return the deposit requests found in the block's logs (EIP-6110)."""
    return b"".join(
        _deposit(log.data)
        for entry in logs
        if DEPOSIT_CONTRACT in entry
        for log in decode_logs(entry)
        if log.address == DEPOSIT_CONTRACT and log.topics[:1] == (DEPOSIT_TOPIC,)
    )


def _deposit(data: bytes) -> bytes:
    """Return the 192 bytes of a deposit from its event, whose layout must be the contract's own."""
    heads = [(160, 48), (256, 32), (320, 8), (384, 96), (512, 8)]
    fields = [int.from_bytes(data[i * 32 : i * 32 + 32], "big") for i in range(5)]
    sizes = [int.from_bytes(data[at : at + 32], "big") for at, _ in heads]
    if len(data) != 576 or fields != [at for at, _ in heads] or sizes != [size for _, size in heads]:
        msg = "a deposit event does not have the deposit contract's layout"
        raise InvalidDepositLayoutError(msg)
    return b"".join(data[at + 32 : at + 32 + size] for at, size in heads)


def _pay_rewards(block: Block, reward: int, state: EvmState) -> None:
    """Pay the miner and the miners of uncles (yellow paper, 11.3)."""
    number, count = block.header.number, len(block.uncles) or len(block.uncle_hashes)
    state.delta_balance(block.header.coinbase, reward + count * (reward // NEPHEW_SHARE))
    for uncle in block.uncles:  # a recording may hold only their hashes: their miners are outside it then
        share = (UNCLE_DEPTH + uncle.number - number) * reward // UNCLE_DEPTH
        state.delta_balance(uncle.coinbase, share)


def _move_the_dao(state: EvmState) -> None:
    """Move the balances of the DAO's accounts to the refund contract (EIP-779)."""
    for account in dao_drain_list:
        address = bytes.fromhex(account.removeprefix("0x"))
        balance = state.exact_balance(address)
        state.delta_balance(address, -balance)
        state.delta_balance(bytes(dao_refund_contract), balance)
