"""EIP-2930 lists in recorded blocks against what was really touched (Heimbach et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence

from bench.experiments.model import Cell, Experiment, Findings, Published, Table
from bench.experiments.settings import Executed, Settings
from bench.explain.declared_lists import declared_lists
from bench.explain.model import DeclaredLists

BERLIN = 12_244_000
SOURCE = "Heimbach et al. 2023, arXiv 2312.06574"
ADOPTION = "transactions with a list"
IMPERFECT = "lists that are not exact"


def measure(settings: Settings) -> Findings:
    """Compare every list of the blocks from Berlin on, where lists begin."""
    blocks = [block for block in settings.blocks() if settings.quick or block.number >= BERLIN]
    lists = [(block, declared_lists(block.capsule.block, block.transactions)) for block in blocks]
    transactions = sum(len(block.transactions) for block in blocks)
    with_list = sum(one.transactions_with_list for _, one in lists)
    exact = sum(one.exact for _, one in lists)
    return Findings(
        {
            ADOPTION: 100 * with_list / transactions if transactions else None,
            IMPERFECT: 100 * (with_list - exact) / with_list if with_list else None,
        },
        (_table(lists),),
        _sentence(with_list, transactions, [one for _, one in lists]),
        inputs=_inputs(settings, len(blocks), transactions, with_list),
    )


def _inputs(settings: Settings, blocks: int, transactions: int, with_list: int) -> str:
    which = "recorded blocks" if settings.quick else "recorded blocks from Berlin on"
    return f"{blocks} {which}, {transactions:,} transactions, {with_list} lists"


def _table(lists: Sequence[tuple[Executed, DeclaredLists]]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            str(block.number),
            len(block.transactions),
            one.transactions_with_list,
            one.exact,
            one.precision,
            one.recall,
            one.missing,
            one.superfluous,
            one.over_serialisation,
            one.wasted_gas,
        )
        for block, one in lists
    ]
    headings = (
        "block",
        "txs",
        "lists",
        "exact",
        "precision",
        "recall",
        "missing",
        "superfluous",
        "over-serial.",
        "net gas",
    )
    return Table("every block", headings, tuple(rows))


def _sentence(with_list: int, transactions: int, lists: Sequence[DeclaredLists]) -> str:
    missing, superfluous = sum(one.missing for one in lists), sum(one.superfluous for one in lists)
    paid = sum(one.wasted_gas for one in lists)
    net = f"cost {paid:,} gas more than they saved" if paid > 0 else f"saved {-paid:,} gas more than they cost"
    if not with_list:
        return f"No transaction of {transactions:,} declares anything."
    return (
        f"{with_list} lists among {transactions:,} transactions are few: one list moves the imperfect share by"
        f" {100 / with_list:.1f} points; in all {missing} touched slots were missing,"
        f" {superfluous} declared ones not touched, and the lists {net}."
    )


EXPERIMENT = Experiment(
    name="lists",
    title="EIP-2930 lists against what was touched",
    question="How many transactions declare what they touch, and how many of them are right?",
    published=(
        Published(ADOPTION, "1.46 %", SOURCE, 1.46, 1.46, "%"),
        Published(IMPERFECT, "19.6 %", SOURCE, 19.6, 19.6, "%"),
    ),
    measure=measure,
)
