"""Writes a generated workload as block capsules that `replay` reads: whole states, sealed and chained headers.

Headers hold what sequential execution gives. Base fee and gas limit stay as they were generated, so the blocks are
right one by one and chained by their hashes, but no chain that the rules between headers would accept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TextIO

from bench.console import progress
from bench.generated import parse_params
from executor.capsule_writer import dump_capsule
from executor.context import HASH_WINDOW
from executor.errors import InputOutputError
from executor.header import header_hash
from executor.sequential import execute_sequential
from executor.state import MemoryState, state_after
from executor.state_trie import StateTrie
from executor.types import Block, BlockResult, Header
from workloads.parameters import parse_parameters
from workloads.registry import WORKLOADS, generate
from workloads.streaming import blocks_to

UNKNOWN = bytes(32)


@dataclass(frozen=True, slots=True)
class Exported:
    """One capsule that was written; roots and hashes in hex, `size` in bytes."""

    file: str
    number: int
    hash: str
    parent_hash: str
    transactions: int
    gas_used: int
    state_root: str
    size: int


Told = Callable[[Exported], None]


class Exporter:
    """Seals one block after another and writes each before it takes the next.

    A partial state has no root: there the header's is zero, and `replay` does not compare it. What is kept is the
    state's trie and the last 256 hashes, and no block.
    """

    def __init__(self, folder: Path, source: str, told: Told) -> None:
        self._folder, self._source, self._told = folder, source, told
        self.taken = False
        self._trie: StateTrie | None = None
        self._hashes: dict[int, bytes] = {}

    def write(self, block: Block, before: MemoryState) -> BlockResult:
        """Execute `block` on `before` and write `<number>.json.gz`; return the block's result."""
        if self._trie is None and before.complete:
            self._trie = StateTrie.of(before)
        linked = self._linked(block)
        result = execute_sequential(linked, before, self._trie)
        if self._trie is not None:
            self._trie = self._trie.updated(result.state_diff)
        header = sealed_header(linked, result, UNKNOWN if self._trie is None else self._trie.root)
        path = self._folder / f"{header.number}.json.gz"
        dump_capsule(replace(linked, header=header), before, path, source=self._source)
        self._hashes[header.number] = header_hash(header)
        self._hashes.pop(header.number - HASH_WINDOW, None)
        self._told(_exported(path, header, len(block.transactions)))
        return result

    def take(self, block: Block, before: MemoryState) -> None:
        """Write a block on the state that a stage lends, and remember that blocks came this way."""
        self.taken = True
        self.write(block, before)

    def _linked(self, block: Block) -> Block:
        """Return the block on its parent, with the ancestors' hashes that BLOCKHASH may ask for."""
        parent = self._hashes.get(block.header.number - 1, block.header.parent_hash)
        return replace(
            block, header=replace(block.header, parent_hash=parent), block_hashes=block.block_hashes | self._hashes
        )


def sealed_header(block: Block, result: BlockResult, state_root: bytes) -> Header:
    """Return the header with everything that only execution can tell."""
    return replace(
        block.header,
        gas_used=result.gas_used,
        bloom=result.bloom,
        receipts_root=result.receipts_root,
        state_root=state_root,
        blob_gas_used=None if block.header.blob_gas_used is None else result.blob_gas_used,
        requests_hash=result.requests_hash,
    )


def _exported(path: Path, header: Header, transactions: int) -> Exported:
    return Exported(
        file=str(path),
        number=header.number,
        hash=f"0x{header_hash(header).hex()}",
        parent_hash=f"0x{header.parent_hash.hex()}",
        transactions=transactions,
        gas_used=header.gas_used,
        state_root=f"0x{header.state_root.hex()}",
        size=path.stat().st_size,
    )


def export(
    name: str,
    transactions: int | None,
    seed: int,
    params: Sequence[str],
    folder: Path,
    told: Told,
    *,
    stream: bool = False,
) -> None:
    """Write every block of a workload to `folder`, which is made if need be; `told` hears of each file.

    With `stream` a block is written as soon as it is generated, and forgotten: what is held is the state, its trie
    and the generator's genesis. Generators without a stage (transfers, lending) make all their blocks first. A
    capsule is put together in memory, its pre-state whole. UsageError names what does not exist, InputOutputError
    what cannot be written.
    """
    values = parse_params(params)
    if name in WORKLOADS:  # what was mistyped leaves no folder behind
        parse_parameters(WORKLOADS[name], values)
        _make(folder)
    exporter = Exporter(folder, f"parallel-evm {name} seed {seed}", told)
    with blocks_to(exporter.take) if stream else nullcontext():
        workload = generate(name, transactions, seed, values)
    if exporter.taken:
        return
    state = workload.pre_state
    for block in workload.blocks:
        state = state_after(state, exporter.write(block, state).state_diff)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # a ValueError: a name that no folder can have
        reason = error.strerror if isinstance(error, OSError) else error
        msg = f"{folder}: cannot be made ({reason}); check the path and its rights"
        raise InputOutputError(msg) from None


def export_and_show(
    name: str,
    transactions: int | None,
    seed: int,
    params: Sequence[str],
    folder: Path,
    lines: TextIO,
    *,
    stream: bool,
    as_json: bool,
) -> None:
    """Export, with one line per file as soon as it stands there, and a bar of files on stderr."""
    with progress() as bar:
        task = bar.add_task("files", total=None)

        def told(file: Exported) -> None:
            text = json.dumps(asdict(file)) if as_json else _line(file)
            print(text, file=lines, flush=True)
            bar.advance(task)

        export(name, transactions, seed, params, folder, told, stream=stream)


def _line(file: Exported) -> str:
    return f"{file.file}: {file.transactions} transactions, {file.gas_used} gas, state root {file.state_root}"
