"""py-evm as shipped on recorded blocks: the yardstick that every engine figure is compared with.

Nothing of py-evm is replaced: its virtual machine of the block's fork, its account database over tries, its
`apply_all_transactions`. Timed are the block's system writes and all transactions with their signatures; not
timed are decoding, seeding and roots. coincurve and pysha3 are there, or signatures alone would cost 5 ms
each. Before Byzantium py-evm makes a state root per transaction, for its receipts hold one: that is timed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

from eth import constants
from eth.consensus import ConsensusContext
from eth.db.account import AccountDB
from eth.db.atomic import AtomicDB
from eth.db.chain import ChainDB
from eth.db.trie import make_trie_root_and_nodes
from eth.rlp.headers import BlockHeader
from eth.vm import forks
from eth.vm.base import VM
from eth.vm.chain_context import ChainContext
from eth.vm.forks.cancun.blocks import CancunBlockHeader
from eth.vm.forks.london.blocks import LondonBlockHeader
from eth.vm.forks.paris.blocks import ParisBlockHeader
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth.vm.forks.shanghai.blocks import ShanghaiBlockHeader
from rich.console import Console

from executor.capsule import load_capsule
from executor.errors import ExecutionFailed, UnknownFork
from executor.forks import fork_rules
from executor.state import MemoryState
from executor.types import Block, Header, StateDiff

VIRTUAL_MACHINES: dict[str, tuple[type[VM], type[Any]]] = {
    "Frontier": (forks.FrontierVM, BlockHeader),
    "Homestead": (forks.HomesteadVM, BlockHeader),
    "DAOFork": (forks.HomesteadVM, BlockHeader),
    "TangerineWhistle": (forks.TangerineWhistleVM, BlockHeader),
    "SpuriousDragon": (forks.SpuriousDragonVM, BlockHeader),
    "Byzantium": (forks.ByzantiumVM, BlockHeader),
    "Constantinople": (forks.ConstantinopleVM, BlockHeader),
    "Petersburg": (forks.PetersburgVM, BlockHeader),
    "Istanbul": (forks.IstanbulVM, BlockHeader),
    "MuirGlacier": (forks.MuirGlacierVM, BlockHeader),
    "Berlin": (forks.BerlinVM, BlockHeader),
    "London": (forks.LondonVM, LondonBlockHeader),
    "ArrowGlacier": (forks.ArrowGlacierVM, LondonBlockHeader),
    "GrayGlacier": (forks.GrayGlacierVM, LondonBlockHeader),
    "Paris": (forks.ParisVM, ParisBlockHeader),
    "Shanghai": (forks.ShanghaiVM, ShanghaiBlockHeader),
    "Cancun": (forks.CancunVM, CancunBlockHeader),
    "Prague": (forks.PragueVM, PragueBlockHeader),
}
"""Fork -> py-evm's virtual machine and the header it takes."""

UNKNOWN_HASH = bytes(32)


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """One block on py-evm as shipped: seconds on one core, gas per transaction in block order.

    `receipts` are encoded as in the block; `receipts_root` means nothing before Byzantium, where receipts
    hold state roots that a partial pre-state cannot give.
    """

    seconds: float
    decode_seconds: float
    seed_seconds: float
    gas_by_tx: tuple[int, ...]
    gas_used: int
    receipts: tuple[bytes, ...]
    receipts_root: bytes
    bloom: int

    def deviations(self, block: Block) -> tuple[str, ...]:
        """Return what differs from the block's header: any of `gas used`, `bloom`, `receipts root`."""
        header, comparable = block.header, fork_rules(block.fork).status_receipts
        equal = {
            "gas used": self.gas_used == header.gas_used,
            "bloom": self.bloom == int.from_bytes(header.bloom, "big"),
            "receipts root": not comparable or self.receipts_root == header.receipts_root,
        }
        return tuple(name for name, same in equal.items() if not same)


def run_as_shipped(block: Block, pre: MemoryState) -> BaselineResult:
    """Execute the transactions of `block` on `pre` with py-evm as shipped; ExecutionFailed where it refuses.

    Withdrawals, rewards and requests are not part of `apply_all_transactions` and are left out.
    """
    if find_spec("coincurve") is None:
        raise ExecutionFailed(0, "coincurve is not installed: a comparison without it would be an illusion")
    started = perf_counter()
    vm = _seeded_vm(block, pre)
    seeded = perf_counter()
    builder = vm.get_transaction_builder()
    transactions = [builder.decode(transaction.raw) for transaction in block.transactions]
    decoded = perf_counter()
    filled = vm.get_block_class()(vm.get_header(), transactions, uncles=[])
    begun = perf_counter()
    vm.block_preprocessing(filled)
    header, receipts, _ = vm.apply_all_transactions(transactions, vm.get_header())
    finished = perf_counter()
    return BaselineResult(
        seconds=finished - begun,
        decode_seconds=decoded - seeded,
        seed_seconds=seeded - started,
        gas_by_tx=_gas_by_transaction(receipts),
        gas_used=header.gas_used,
        receipts=tuple(receipt.encode() for receipt in receipts),
        receipts_root=make_trie_root_and_nodes(receipts)[0],
        bloom=header.bloom,
    )


def _gas_by_transaction(receipts: Sequence[Any]) -> tuple[int, ...]:
    totals = [0, *(receipt.gas_used for receipt in receipts)]
    return tuple(after - before for before, after in pairwise(totals))


class ShippedState:
    """A state in py-evm's own account database, committed: all of it stands in trie nodes."""

    def __init__(self, state: MemoryState) -> None:
        self._database = AtomicDB()
        self.root = _seed(AccountDB(self._database), state)

    def slots_written(self, diff: StateDiff) -> tuple[bytes, float]:
        """Write the slots of `diff` over the state; return the new root and the processor seconds of `make_state_root`.

        Nothing is committed: the next call starts from the same state. Each slot is read before it is written,
        as a block does, so that the reads' way through the tries is not timed.
        """
        accounts = AccountDB(self._database, self.root)
        for address, change in diff.accounts.items():
            for slot, value in change.storage.items():
                accounts.get_storage(address, slot)
                accounts.set_storage(address, slot, value)
        started = thread_time()
        root = bytes(accounts.make_state_root())
        return root, thread_time() - started


def _seeded_vm(block: Block, pre: MemoryState) -> VM:
    """Return the virtual machine of the block's fork on a database that holds `pre` under its root."""
    if block.fork not in VIRTUAL_MACHINES:
        raise UnknownFork(block.fork)
    shipped, header_class = VIRTUAL_MACHINES[block.fork]
    # As shipped, previous hashes come from headers in the database; a recording holds only those asked for.
    vm_class = shipped.configure(previous_hashes=_previous_hashes(block))
    database, chain = AtomicDB(), ChainContext(block.chain_id)
    chain_db = ChainDB(database)
    blank = _header(block.header, header_class, constants.BLANK_ROOT_HASH)
    root = _seed(vm_class.build_state(database, blank, chain), pre)
    header = _header(block.header, header_class, root)
    return vm_class(header, chain_db, chain, ConsensusContext(database))


def _previous_hashes(block: Block) -> tuple[bytes, ...]:
    """Return the hashes of up to 256 ancestors, the parent first, zeros where the recording has none."""
    number = block.header.number
    known = {number - 1: block.header.parent_hash} | block.block_hashes
    depth = min(constants.MAX_PREV_HEADER_DEPTH, number)
    return tuple(known.get(number - 1 - back, UNKNOWN_HASH) for back in range(depth))


def _seed(state: Any, pre: MemoryState) -> bytes:
    """Write `pre` into py-evm's account database, commit it and return its root."""
    for address, account in pre.accounts.items():
        state.touch_account(address)
        state.set_balance(address, account.balance)
        state.set_nonce(address, account.nonce)
        code = pre.code(account.code_hash)
        if code:
            state.set_code(address, code)
        for slot, value in account.storage.items():
            state.set_storage(address, slot, value)
    state.persist()
    return bytes(state.state_root)


def _header(header: Header, header_class: type[Any], state_root: bytes) -> Any:
    """Return py-evm's header for `header`, with nothing used yet, on the given state root."""
    facts: dict[str, Any] = {
        "parent_hash": header.parent_hash,
        "coinbase": header.coinbase,
        "state_root": state_root,
        "difficulty": header.difficulty,
        "block_number": header.number,
        "gas_limit": header.gas_limit,
        "timestamp": header.timestamp,
        "extra_data": header.extra_data,
        "mix_hash": header.mix_hash,
        "nonce": header.nonce,
        "base_fee_per_gas": header.base_fee,
        "excess_blob_gas": header.excess_blob_gas,
        "parent_beacon_block_root": header.parent_beacon_root,
    }
    names = set(header_class._meta.field_names)  # noqa: SLF001 - rlp's own way to list a header's fields
    return header_class(**{name: value for name, value in facts.items() if name in names})


def data_folder() -> Path:
    """Return the folder of recorded blocks: PARALLEL_EVM_DATA, or shared/data beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("PARALLEL_EVM_DATA", beside))


def recorded_blocks(folder: Path) -> list[Path]:
    """Return the capsules in `folder`, by block number."""
    return sorted(folder.glob("*.json.gz"), key=lambda path: int(path.name.partition(".")[0]))


def main(arguments: Sequence[str] = ()) -> int:
    """Print a row per capsule (those named, or all recorded ones); return 1 if any deviates."""
    paths = [Path(name) for name in arguments] or recorded_blocks(data_folder() / "blocks")
    console, total, deviating = Console(soft_wrap=True, highlight=False), 0.0, 0
    for place, path in enumerate(paths):
        capsule = load_capsule(path)
        if not place:  # the first recovery loads libraries, which is not the first block's fault
            run_as_shipped(capsule.block, capsule.pre_state)
        result = run_as_shipped(capsule.block, capsule.pre_state)
        deviations = result.deviations(capsule.block)
        total, deviating = total + result.seconds, deviating + bool(deviations)
        console.print(_row(capsule.block, result, deviations))
    console.print(f"{len(paths)} blocks in {total:.2f} s, {deviating} deviating")
    return 1 if deviating else 0


def _row(block: Block, result: BaselineResult, deviations: tuple[str, ...]) -> str:
    speed = result.gas_used / result.seconds / 1e6 if result.seconds else 0.0
    verdict = f"deviates: {', '.join(deviations)}" if deviations else "exact"
    return (
        f"{block.header.number:>9} {block.fork:<17}{len(block.transactions):>5} tx"
        f"{result.seconds:>9.4f} s{speed:>8.2f} Mgas/s  {verdict}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
