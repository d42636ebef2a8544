"""Capsules of hand-made blocks whose headers hold what execution really gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from executor.capsule_writer import format_capsule
from executor.header import header_hash, transactions_root, uncles_hash, withdrawals_root
from executor.json_header import format_value, parse_header
from executor.sequential import execute_sequential
from executor.types import Block
from tests.blocks import Builder
from tests.oracle import root_after


def sealed(builder: Builder) -> Block:
    """Return the builder's block with every field of its header as execution gives it."""
    block = builder.block()
    header = replace(
        block.header,
        transactions_root=transactions_root(block.transactions),
        uncles_hash=uncles_hash(block.uncles),
        withdrawals_root=None if block.withdrawals is None else withdrawals_root(block.withdrawals),
    )
    block = replace(block, header=header)
    result = execute_sequential(block, builder.state)
    header = replace(
        header,
        gas_used=result.gas_used,
        bloom=result.bloom,
        receipts_root=result.receipts_root,
        state_root=root_after(builder.state, result),
    )
    return replace(block, header=header)


def sealed_document(builder: Builder) -> dict[str, Any]:
    """Return the capsule of a sealed block as a JSON document."""
    return format_capsule(sealed(builder), builder.state, source="tests")


def resealed(document: dict[str, Any], **changes: str) -> dict[str, Any]:
    """Return the document with header fields changed and the block's hash made to fit."""
    header = {**document["header"], **changes}
    fitting = format_value(header_hash(parse_header(header, "header")))
    return {**document, "header": header, "hash": fitting}
