"""What every worker knows of the block: the writes that were recorded, in order, and how far each was told."""

from __future__ import annotations

_DRIVER = -1


class Updates:
    """Packed writes in the order in which they came; a worker is told once of what it did not write itself."""

    def __init__(self, workers: int) -> None:
        self._log: list[tuple[int, bytes]] = []
        self._origins = list(range(workers))
        self._known = [0] * workers
        self._next_origin = workers

    def add(self, packed: bytes, worker: int | None = None) -> None:
        """Take in what a worker wrote, or what stands before the first transaction."""
        self._log.append((_DRIVER if worker is None else self._origins[worker], packed))

    def lacking(self, worker: int) -> list[bytes]:
        """Return what a worker has neither written nor been told of; from here on it knows."""
        origin, known = self._origins[worker], self._known[worker]
        self._known[worker] = len(self._log)
        return [packed for source, packed in self._log[known:] if source != origin]

    def start_anew(self, worker: int) -> None:
        """Take it that a worker knows nothing of the block, not even what it has run itself."""
        self._known[worker] = 0
        self._origins[worker] = self._next_origin
        self._next_origin += 1
