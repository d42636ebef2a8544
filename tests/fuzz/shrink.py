"""Makes a failing case small: drops and simplifies whatever it can while it still fails the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from tests.fuzz.children import const
from tests.fuzz.nodes import Node, Program
from tests.fuzz.places import COINBASE, SYSTEM
from tests.fuzz.plans import AccountPlan, Case, TxPlan

T = TypeVar("T")
MOST_CHECKS = 1500
_PLAIN: dict[str, object] = {"withdrawals": (), "uncles": (), "hashes": 0, "coinbase": COINBASE, "excess_blob_gas": 0}
_BLOCKS = {"if": 1, "loop": 0, "group": 0}
"""Statements that hold statements -> how many parts come before these."""


def shrink(case: Case, fails: Callable[[Case], bool], most_checks: int = MOST_CHECKS) -> Case:
    """Return a smaller case for which `fails` is still true; greedy, so not the smallest there is.

    What failed to make it smaller once is tried again only after all else has been tried.
    """
    checks = skipped = 0
    while True:
        for position, smaller in enumerate(_smaller(case)):
            if position < skipped:
                continue
            checks += 1
            if checks > most_checks:
                return case
            if fails(smaller):
                case, skipped = smaller, position
                break
        else:
            if not skipped:
                return case
            skipped = 0


def _smaller(case: Case) -> Iterator[Case]:
    """Yield cases with one thing less, the largest things first."""
    for transactions in _without(case.transactions):
        yield replace(case, transactions=transactions)
    for accounts in _without(case.accounts):
        if all(account in accounts for account in case.accounts if account.address in SYSTEM):
            yield replace(case, accounts=accounts)
    plain: dict[str, object] = {
        "withdrawals": (),
        "uncles": (),
        "hashes": 0,
        "coinbase": COINBASE,
        "excess_blob_gas": 0,
    }
    for name, value in plain.items():
        if getattr(case, name) != value:
            yield replace(case, **{name: value})  # type: ignore[arg-type]
    for accounts in _with_smaller_accounts(case.accounts):
        yield replace(case, accounts=accounts)
    for position, plan in enumerate(case.transactions):
        for plainer in _plainer(plan):
            yield replace(case, transactions=_put(case.transactions, position, plainer))


def _with_smaller_accounts(accounts: tuple[AccountPlan, ...]) -> Iterator[tuple[AccountPlan, ...]]:
    """Yield the accounts with one of them smaller; those that the block itself calls stay as they are."""
    for position, account in enumerate(accounts):
        if account.address not in SYSTEM:
            for smaller in _smaller_account(account):
                yield _put(accounts, position, smaller)


def _without(items: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    """Yield the items without one half, and without each one."""
    if len(items) > 3:
        yield items[: len(items) // 2]
        yield items[len(items) // 2 :]
    for position in reversed(range(len(items))):
        yield items[:position] + items[position + 1 :]


def _put(items: tuple[T, ...], position: int, item: T) -> tuple[T, ...]:
    return (*items[:position], item, *items[position + 1 :])


def _smaller_account(account: AccountPlan) -> Iterator[AccountPlan]:
    if account.code:
        yield replace(account, code=b"")
    if account.storage:
        yield replace(account, storage=())
        for storage in _without(account.storage):
            yield replace(account, storage=storage)
    for balance in (0, 1):
        if balance < account.balance:
            yield replace(account, balance=balance)
    if not account.code:
        for program in _smaller_program(account.program):
            yield replace(account, program=program)


def _plainer(plan: TxPlan) -> Iterator[TxPlan]:
    empty: dict[str, object] = {"access_list": (), "value": 0, "data": b"", "tip": 0, "shift": 0}
    for name, value in empty.items():
        if getattr(plan, name) != value:
            yield replace(plan, **{name: value})  # type: ignore[arg-type]
    for authorizations in _without(plan.authorizations):
        yield replace(plan, authorizations=authorizations)
    for entries in _without(plan.access_list):
        yield replace(plan, access_list=entries)


def _smaller_program(program: Program) -> Iterator[Program]:
    yield from _without(program)
    for position, node in enumerate(program):
        before, after = program[:position], program[position + 1 :]
        if node.kind in _BLOCKS:
            yield (*before, *node.parts[_BLOCKS[node.kind] :], *after)
        for smaller in _smaller_statement(node):
            yield (*before, smaller, *after)


def _smaller_statement(node: Node) -> Iterator[Node]:
    """Yield the statement with something simpler inside of it."""
    head = _BLOCKS.get(node.kind, len(node.parts))
    for body in _smaller_program(node.parts[head:]):
        yield replace(node, parts=(*node.parts[:head], *body))
    for position in range(head):
        for simpler in _simpler(node.parts[position]):
            yield replace(node, parts=_put(node.parts, position, simpler))


def _simpler(node: Node) -> Iterator[Node]:
    """Yield expressions simpler than this one."""
    if node.kind != "const":
        yield const(0)
        yield const(1)
    for part in node.parts:
        yield part
    for position, part in enumerate(node.parts):
        for simpler in _simpler(part):
            yield replace(node, parts=_put(node.parts, position, simpler))
