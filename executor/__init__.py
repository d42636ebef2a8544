"""Executes Ethereum blocks in parallel, exactly: the result is the sequential result, to the last byte.

from executor import BlockExecutor, load_capsule

capsule = load_capsule("block.json.gz")
with BlockExecutor(workers=2) as executor:
    result = executor.execute(capsule.block, capsule.pre_state)
"""

from executor.block_executor import BlockExecutor
from executor.capsule import Capsule, load_capsule
from executor.sequential import execute_sequential
from executor.state import MemoryState
from executor.types import Block, BlockResult, Header, RawTransaction, Receipt, StateDiff, Withdrawal
from executor.validation import check_header

__all__ = [
    "Block",
    "BlockExecutor",
    "BlockResult",
    "Capsule",
    "Header",
    "MemoryState",
    "RawTransaction",
    "Receipt",
    "StateDiff",
    "Withdrawal",
    "check_header",
    "execute_sequential",
    "load_capsule",
]
