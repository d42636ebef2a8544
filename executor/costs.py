"""What each transaction of a block will probably cost, so that batches are worth their message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from executor.state import PreState
from executor.types import Block, TransactionResult
from scheduler.access import CODE, EMPTY_CODE_HASH, TxIndex
from scheduler.cost import CostModel, Features

FIRST_LEGACY_BYTE = 0xC0
STRING, LONG_STRING, LONG_LIST = 0x80, 0xB7, 0xF7
"""Where RLP's short strings begin, and above which first bytes a length of so many bytes follows."""
_SHORT = STRING - 1
"""Taken from the first byte of a short string, it leaves the size of the whole item."""
GAS_AT = {1: 3, 2: 4, 3: 4, 4: 4}
"""Transaction type -> items before the gas limit; then come recipient, value and data in all types."""
UNKNOWN = Features(to=b"", selector=b"", gas_limit=21_000, data_size=0)
PLAIN = Features(to=b"nobody's code", selector=b"", gas_limit=21_000, data_size=0)
"""Of a transaction to an account without code: all of them cost the same, whatever their gas limits promise."""
_PRECOMPILES = bytes(18)
"""How the addresses of precompiles begin: no code is stored there, but they take time."""
_LITTLE = 0.05
"""Part of a block's work that may be guessed where its forecast is kept: the rest was measured in earlier blocks."""
_ENOUGH = 512
"""Transactions of a block on the workers that teach the model: more say little more, and each takes 4 us."""


class Forecast(NamedTuple):
    """Predicted seconds by transaction and in all, and the share of them that nothing measured stands behind."""

    seconds: list[float]
    work: float
    guessed: float


class BlockCosts(Sequence[float]):
    """Predicted seconds by transaction, from a model that outlives the block and learns while it runs.

    A transaction is looked at when it is first asked for: the first ones leave before all have been looked at.
    """

    def __init__(self, block: Block, model: CostModel, pre_state: PreState) -> None:
        self._model = model
        self._transactions, self._pre_state = block.transactions, pre_state
        self._features: list[Features | None] = [None] * len(block.transactions)
        self._teaching = 1 + len(block.transactions) // _ENOUGH
        self._expected: float | None = None
        self._forecast: Sequence[float] = self
        self._measured = 0
        self._seconds = 0.0

    def __len__(self) -> int:
        """Return the number of transactions."""
        return len(self._features)

    def __getitem__(self, index: TxIndex) -> float:  # type: ignore[override] # no slices
        """Return the predicted seconds of one execution."""
        return self._model.predict(self._features[index] or self._look(index))

    def _look(self, index: TxIndex) -> Features:
        features = features_of(self._transactions[index].raw)
        if self._is_plain(features.to):
            features = PLAIN
        self._features[index] = features
        return features

    def _is_plain(self, to: bytes) -> bool:
        if not to or to.startswith(_PRECOMPILES):
            return False
        return self._pre_state.read((to, CODE, 0)) == EMPTY_CODE_HASH

    def forecast(self) -> Forecast:
        """Return what is expected of every transaction now, in one pass."""
        seconds, guessed = [], 0.0
        for index, known in enumerate(self._features):
            features = known or self._look(index)
            expected = self._model.predict(features)
            seconds.append(expected)
            if not self._model.knows(features):
                guessed += expected
        work = self._expected = sum(seconds)
        if guessed <= _LITTLE * work:
            self._forecast = seconds
        return Forecast(seconds, work, guessed / work if work else 0.0)

    @property
    def predictions(self) -> Sequence[float]:
        """Seconds by transaction: the forecast's if little of it was guessed, else what the model says when asked."""
        return self._forecast

    def learn(self, index: TxIndex, seconds: float) -> None:
        """Take in that an execution of `index` took `seconds`; of a large block the model learns from a sample."""
        if not index % self._teaching:
            self.teach(index, seconds)
        self._measured += 1
        self._seconds += seconds

    def learn_all(self, results: Sequence[tuple[TxIndex, TransactionResult]]) -> None:
        """Take in what the executions of a batch took."""
        teaching = self._teaching
        for index, result in results:
            if not index % teaching:
                self.teach(index, result.seconds)
            self._seconds += result.seconds
        self._measured += len(results)

    def teach(self, index: TxIndex, seconds: float) -> None:
        """Let the model learn that an execution of `index` took `seconds`, whatever is left of the block."""
        self._model.learn(self._features[index] or self._look(index), seconds)

    def seconds_left(self, transactions: int) -> float:
        """Return the work in `transactions` that are still to run: by the mean of those measured, or the forecast's.

        Before there is either it is without end.
        """
        if not self._measured:
            return float("inf") if self._expected is None else transactions * self._expected / max(1, len(self))
        return transactions * self._seconds / self._measured


def features_of(raw: bytes) -> Features:
    """Return what is known of a transaction before it runs, without decoding the rest of it.

    A transaction that is not what it should be gets features of no meaning: the merge will say so, in block order.
    """
    try:
        return _features(raw)
    except IndexError:
        return UNKNOWN


def _features(raw: bytes) -> Features:
    """Walk over the RLP items up to the data: in one piece, as the driver does this for every transaction.

    All items before the data are short strings where the transaction is one.
    """
    first = raw[0]
    start, left = (1, GAS_AT.get(first, 2)) if first < FIRST_LEGACY_BYTE else (0, 2)
    head = raw[start]
    position = start + 1 if head <= LONG_LIST else start + 1 + head - LONG_LIST
    while left:
        head = raw[position]
        position += 1 if head < STRING else head - _SHORT
        left -= 1
    head = raw[position]
    end = position + 1 if head < STRING else position + head - _SHORT
    gas = head if head < STRING else int.from_bytes(raw[position + 1 : end], "big")
    to_end = end + raw[end] - _SHORT  # no bytes or twenty
    to = raw[end + 1 : to_end]
    head = raw[to_end]
    position = to_end + 1 if head < STRING else to_end + head - _SHORT  # behind the value
    head = raw[position]
    if head < STRING:
        return Features(to, raw[position : position + 1], gas, 1)
    if head <= LONG_STRING:
        size, begin = head - STRING, position + 1
    else:
        begin = position + 1 + head - LONG_STRING
        size = int.from_bytes(raw[position + 1 : begin], "big")
    return Features(to, raw[begin : begin + min(size, 4)], gas, size)
