"""Compares a block's result with its header, as far as the two can be compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from executor.errors import MissingWitness
from executor.forks import ForkRules, fork_rules
from executor.header import withdrawals_root
from executor.roots import state_root, witness_state_root
from executor.state import MemoryState, PreState
from executor.state_trie import StateTrie
from executor.types import Block, BlockResult, Header, StateDiff, Witness

CheckedValue: TypeAlias = "int | bytes | None"


@dataclass(frozen=True, slots=True)
class HeaderCheck:
    """Name of a header field -> whether the computed value equals it; None where they cannot be compared.

    `expected` and `computed` hold the values, `reasons` says why a check is None. `state_root` is the root
    after the block where it could be computed.
    """

    checks: dict[str, bool | None]
    expected: dict[str, CheckedValue]
    computed: dict[str, CheckedValue]
    reasons: dict[str, str] = field(default_factory=dict)
    state_root: bytes | None = None

    @property
    def ok(self) -> bool:
        """Whether every check that can be made holds."""
        return all(check is not False for check in self.checks.values())


def check_header(
    block: Block,
    result: BlockResult,
    pre_state: PreState,
    witness: Witness | None = None,
    trie: StateTrie | None = None,
) -> HeaderCheck:
    """Compare `result` with the header of `block`; fields that the block's fork lacks are left out.

    `trie` is that of the whole state before the block, kept from earlier blocks: it saves building one.
    """
    rules, header = fork_rules(block.fork), block.header
    root, no_root = _post_state_root(result.state_diff, pre_state, witness, trie)
    reasons = {"state_root": no_root} if root is None else {}
    if not rules.status_receipts and not _post_states_known(result):
        reasons["receipts_root"] = f"receipts of {rules.name} hold state roots, which are not known"
    computed = _computed(block, result, rules) | {"state_root": root}
    expected: dict[str, CheckedValue] = {name: _stated(header, name) for name in computed}
    checks = {name: None if name in reasons else expected[name] == computed[name] for name in computed}
    return HeaderCheck(checks, expected, computed, reasons, root)


def _computed(block: Block, result: BlockResult, rules: ForkRules) -> dict[str, CheckedValue]:
    values: dict[str, CheckedValue] = {
        "gas_used": result.gas_used,
        "logs_bloom": result.bloom,
        "receipts_root": result.receipts_root,
    }
    if rules.initcode_metered:
        values["withdrawals_root"] = withdrawals_root(block.withdrawals or ())
    if rules.blobs:
        values["blob_gas_used"] = result.blob_gas_used
    if rules.prague:
        values["requests_hash"] = result.requests_hash
    return values


def _stated(header: Header, name: str) -> CheckedValue:
    value: CheckedValue = header.bloom if name == "logs_bloom" else getattr(header, name)
    return value


def _post_states_known(result: BlockResult) -> bool:
    return all(receipt.post_state is not None for receipt in result.receipts)


def _post_state_root(
    diff: StateDiff, pre_state: PreState, witness: Witness | None, trie: StateTrie | None
) -> tuple[bytes | None, str]:
    """Return the state root after the block, or None and why there is none."""
    if trie is not None:
        return trie.updated(diff).root, ""
    if isinstance(pre_state, MemoryState) and pre_state.complete:
        after = pre_state.copy()
        after.apply(diff)
        return state_root(after), ""
    if witness is None:
        return None, "the pre-state is a part of the whole, and no witness came with it"
    try:
        return witness_state_root(witness, diff), ""
    except MissingWitness as error:  # a wrong diff leaves the recorded paths: the other checks say more then
        return None, str(error)


def describe_failure(check: HeaderCheck) -> str | None:
    """Return in one line which fields differ, with expected and computed values; None if none does."""
    wrong = [name for name, equal in check.checks.items() if equal is False]
    if not wrong:
        return None
    return "; ".join(
        f"{name}: the header says {_shown(check.expected[name])}, computed {_shown(check.computed[name])}"
        for name in wrong
    )


def _shown(value: CheckedValue) -> str:
    if isinstance(value, bytes):
        digits = value.hex()
        return f"0x{digits}" if len(digits) <= 64 else f"0x{digits[:16]}...{digits[-16:]}"
    return "nothing" if value is None else str(value)
