"""What each transaction of a block will probably cost, so that batches are worth their message."""

from __future__ import annotations

from collections.abc import Sequence

from executor.errors import InvalidRlp, TransactionTypeError
from executor.transactions import decode_transaction
from executor.types import Block
from scheduler.access import TxIndex
from scheduler.cost import CostModel, Features

UNKNOWN = Features(to=b"", selector=b"", gas_limit=21_000, data_size=0)


class BlockCosts(Sequence[float]):
    """Predicted seconds by transaction, from a model that outlives the block and learns while it runs."""

    def __init__(self, block: Block, model: CostModel) -> None:
        self._model = model
        self._features = [features_of(transaction.raw) for transaction in block.transactions]
        self._left = len(self._features)
        self._measured = 0
        self._seconds = 0.0

    def __len__(self) -> int:
        """Return the number of transactions."""
        return len(self._features)

    def __getitem__(self, index: TxIndex) -> float:  # type: ignore[override] # no slices
        """Return the predicted seconds of one execution."""
        return self._model.predict(self._features[index])

    def learn(self, index: TxIndex, seconds: float) -> None:
        """Take in that an execution of `index` took `seconds`."""
        self._model.learn(self._features[index], seconds)
        self._measured += 1
        self._seconds += seconds

    def seconds_left(self, transactions: int) -> float:
        """Return the work in `transactions` that are still to run, by the mean of those measured."""
        if not self._measured:
            return float("inf")
        return transactions * self._seconds / self._measured


def features_of(raw: bytes) -> Features:
    """Return what is known of a transaction before it runs."""
    try:
        tx = decode_transaction(raw)
    except (InvalidRlp, TransactionTypeError):  # the merge will say so, in block order
        return UNKNOWN
    return Features(tx.to, tx.data[:4], tx.gas, len(tx.data))
