"""One transaction through py-evm over a view -> TransactionResult; the only place that imports `eth`."""

from executor.errors import InvalidTransaction
from executor.evm.precompiles import warm_up
from executor.evm.system import run_epilogue, run_prologue
from executor.evm.transaction import Engine
from executor.evm.validity import check_room, early_sender

__all__ = ["Engine", "check_room", "early_sender", "reason_class", "run_epilogue", "run_prologue", "warm_up"]


def reason_class(name: str) -> type[InvalidTransaction]:
    """Return the error class of a reason's name, as a worker reports it."""
    known = {cls.__name__: cls for cls in InvalidTransaction.__subclasses__()}
    return known.get(name, InvalidTransaction)
