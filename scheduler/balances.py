"""The balance changes of one account, by who made them."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

from scheduler.access import TxIndex


class BalanceChanges:
    """Changes in wei, ascending by index; their sums are kept as far as they were asked for.

    `debits` is the sum of all debits, wherever they stand in the block.
    """

    __slots__ = ("amounts", "debits", "indices", "sums")

    def __init__(self, index: TxIndex, amount: int) -> None:
        self.debits = min(amount, 0)
        self.indices: list[TxIndex] = [index]
        self.amounts: list[int] = [amount]
        self.sums: list[int] = []

    def put(self, index: TxIndex, amount: int) -> None:
        """Set the change made by `index`."""
        self.debits += min(amount, 0)
        position = bisect_left(self.indices, index)
        del self.sums[position:]
        if position < len(self.indices) and self.indices[position] == index:
            self.debits -= min(self.amounts[position], 0)
            self.amounts[position] = amount
        else:
            self.indices.insert(position, index)
            self.amounts.insert(position, amount)

    def drop(self, index: TxIndex) -> None:
        """Forget the change made by `index`."""
        position = bisect_left(self.indices, index)
        self.debits -= min(self.amounts[position], 0)
        del self.sums[position:], self.indices[position], self.amounts[position]

    def least(self, below: TxIndex) -> int:
        """Return what the sum of the changes made before `below` is at least, without summing up.

        That is the first of them, if it is a credit, and all debits of the block.
        """
        return self.debits + (max(self.amounts[0], 0) if self.indices[0] < below else 0)

    def total(self, below: TxIndex) -> int:
        """Return the sum of the changes made before `below`.

        Blocks settle in order, so changes mostly arrive behind the sums already known: each is added once.
        """
        position = bisect_left(self.indices, below)
        known = len(self.sums)
        if position > known:
            if known:
                self.sums.extend(accumulate(self.amounts[known:position], initial=self.sums.pop()))
            else:
                self.sums.extend(accumulate(self.amounts[:position]))
        return self.sums[position - 1] if position else 0
