"""EIP-7702: an account's signed wish to run another account's code."""

from __future__ import annotations

from executor.evm.state import EvmState
from executor.evm.validity import DELEGATION_MARK, is_delegation
from executor.transactions import SECP256K1_N, UINT64_MAX, Authorization, recover_address
from scheduler.access import Address

EXISTING_ACCOUNT_REFUND = 25_000 - 12_500
NO_ADDRESS = bytes(20)


def set_delegations(authorizations: tuple[Authorization, ...], state: EvmState) -> int:
    """Apply the valid ones in order and return the gas refunded; the others are skipped without effect."""
    return sum(_set_delegation(authorization, state) for authorization in authorizations)


def _set_delegation(authorization: Authorization, state: EvmState) -> int:
    authority = _authority(authorization, state.execution_context.chain_id)
    if authority is None:
        return 0
    state.mark_address_warm(authority)
    code = state.get_code(authority)
    if (code and not is_delegation(code)) or state.get_nonce(authority) != authorization.nonce:
        return 0
    refund = EXISTING_ACCOUNT_REFUND if state.account_exists(authority) else 0
    if authorization.address == NO_ADDRESS:
        state.delete_code(authority)
    else:
        state.set_code(authority, DELEGATION_MARK + authorization.address)
    state.increment_nonce(authority)
    return refund


def _authority(authorization: Authorization, chain_id: int) -> Address | None:
    """Return who signed the authorization, if it is for this chain and well-formed."""
    if authorization.chain_id not in {0, chain_id} or authorization.nonce >= UINT64_MAX:
        return None
    if authorization.y_parity not in {0, 1}:
        return None
    if not (0 < authorization.r < SECP256K1_N and 0 < authorization.s <= SECP256K1_N // 2):
        return None
    return recover_address(authorization.signing_hash, authorization.y_parity, authorization.r, authorization.s)
