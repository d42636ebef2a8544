"""py-evm's precompiles, with the faults that cost correctness or seconds put right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import ckzg
from eth.exceptions import VMError
from eth.precompiles.point_evaluation import (
    TRUSTED_SETUP_PATH,
    kzg_to_versioned_hash,
    point_evaluation_precompile,
)
from eth.vm.forks.cancun.constants import (
    BLS_MODULUS,
    FIELD_ELEMENTS_PER_BLOB,
    POINT_EVALUATION_PRECOMPILE_GAS,
)

from scheduler.access import Address

Precompile: TypeAlias = Callable[[Any], Any]
POINT_INPUT_SIZE = 192


@lru_cache(maxsize=1)
def _trusted_setup() -> object:
    """Load the KZG ceremony's points once per process (about 1.7 s; py-evm loads them on every call)."""
    return ckzg.load_trusted_setup(TRUSTED_SETUP_PATH, 0)


def warm_up() -> None:
    """Load what the first use in a process waits for; processes forked later share it."""
    _trusted_setup()


def point_evaluation(computation: Any) -> Any:
    """Verify p(z) = y for a blob's commitment (EIP-4844)."""
    computation.consume_gas(POINT_EVALUATION_PRECOMPILE_GAS, "point evaluation")
    data = computation.msg.data_as_bytes
    if len(data) != POINT_INPUT_SIZE:
        msg = "point evaluation takes 192 bytes"
        raise VMError(msg)
    z, y, commitment, proof = data[32:64], data[64:96], data[96:144], data[144:192]
    if kzg_to_versioned_hash(commitment) != data[:32]:
        msg = "the commitment does not match the versioned hash"
        raise VMError(msg)
    try:
        valid = ckzg.verify_kzg_proof(commitment, z, y, proof, _trusted_setup())
    except RuntimeError as error:  # not a point or not a field element
        raise VMError(str(error)) from error
    if not valid:
        msg = "the proof does not hold"
        raise VMError(msg)
    computation.output = FIELD_ELEMENTS_PER_BLOB.to_bytes(32, "big") + BLS_MODULUS.to_bytes(32, "big")
    return computation


def corrected_precompiles(precompiles: Mapping[Address, Precompile]) -> dict[Address, Precompile]:
    """Return py-evm's precompiles of a fork with ours in place."""
    return {
        address: point_evaluation if function is point_evaluation_precompile else function
        for address, function in precompiles.items()
    }
