"""The sentence about a block, for each kind of winner, on rows made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.compare.model import Chain
from bench.compare.verdict import verdict
from executor.gate import DRIVER, WORKERS
from tests.bench.compare.made import LONG_CHAIN, ONE_CHAIN, block, row


def test_graph_won_as_optimistic_ran_again() -> None:
    made = block(
        row("graph", "exact", ms=58.5),
        row("graph", "exact", "ray", ms=73.0),
        row("optimistic", ms=80.0, executions=138, conflicts=38),
        row("waves", "exact", ms=70.0),
    )
    assert made.winner is made.rows[1]
    assert verdict(made) == (
        "Graph with exact lists on process won: 1.71x of 2.00x possible; no transaction ran twice; "
        "waves with exact lists waited at the end of 3 waves (1.43x); "
        "optimistic ran 38% of the transactions again (1.25x); ray took 25% longer for the same; "
        "2 workers are the limit, not its longest chain (10% of the time)."
    )


def test_graph_won_up_to_what_the_chain_allows() -> None:
    made = block(row("graph", "exact", ms=84.0, bound=1.25), chain=LONG_CHAIN)
    assert verdict(made) == (
        "Graph with exact lists on process won: 1.19x of 1.25x possible; no transaction ran twice; a chain of 40 "
        "transactions through pool.total[USDC] is 80% of the time and allows no more than 1.25x."
    )


def test_optimistic_won_where_hardly_anything_ran_again() -> None:
    made = block(
        row("optimistic", ms=55.0, executions=101, conflicts=1, overhead_share=0.2), row("graph", "observed", ms=56.0)
    )
    assert verdict(made) == (
        "Optimistic on process won: 1.82x of 2.00x possible; 1.0% of the transactions ran again; "
        "graph with observed lists was as fast (1.79x); 2 workers are the limit, not its longest chain (10% of the "
        "time); messages, state and the driver's work took 20% of the processors' time."
    )


def test_waves_won() -> None:
    made = block(row("waves", "exact", "ray", ms=60.0), row("graph", "exact", "ray", ms=90.0))
    assert verdict(made) == (
        "Waves with exact lists on ray won: 1.67x of 2.00x possible; no transaction ran twice; "
        "graph with exact lists took 50% longer; 2 workers are the limit, not its longest chain (10% of the time)."
    )


def test_a_winner_within_the_spread_of_its_repetitions_is_called_so() -> None:
    made = block(row("graph", "exact", ms=95.0, times=(0.09, 0.095, 0.11)), times=(0.098, 0.1, 0.1))
    assert "a lead on sequential no larger than what its own repetitions differ by; no" in verdict(made)
    sure = block(row("graph", "exact", ms=95.0, times=(0.09, 0.095, 0.097)), times=(0.098, 0.1, 0.1))
    assert "repetitions" not in verdict(sure)


def test_sequential_won_as_the_gate_kept_it_on_the_driver() -> None:
    kept = {"gate": DRIVER, "gate_reason": "too small"}
    made = block(row("graph", "exact", ms=98.0, **kept), row("optimistic", ms=99.0, **kept), chain=ONE_CHAIN)
    assert made.winner is made.sequential
    assert verdict(made) == (
        "Sequential won: a chain of 96 transactions through pool.total[USDC] is 96% of the time; "
        "the gate kept it on the driver every time (too small)."
    )


def test_sequential_won_against_what_ran_on_the_workers() -> None:
    made = block(
        row("graph", "exact", ms=97.0, gate=DRIVER, gate_reason="too small"),
        row("graph", "declared", ms=130.0, gate=WORKERS, overhead_share=0.4),
        row("optimistic", ms=125.0, gate=WORKERS, executions=160, conflicts=60),
    )
    assert verdict(made) == (
        "Sequential won: the gate kept it on the driver for 1 of 3 combinations (too small); on the workers, "
        "optimistic on process was best with 0.80x, as 60% of the transactions ran again."
    )


def test_more_than_is_possible_is_called_impossible() -> None:
    made = block(row("graph", "exact", ms=50.0, bound=1.25), chain=LONG_CHAIN)
    assert verdict(made).startswith(
        "Graph with exact lists on process won: 2.00x, which cannot be, as 1.25x is possible: the machine changed its "
        "speed in between; no transaction ran twice; "
    )


def test_sequential_won_with_all_that_speaks_against_workers() -> None:
    slow = row("graph", "exact", ms=125.0, overhead_share=0.4)
    head = "Sequential won: on the workers, graph with exact lists on process was best with 0.80x"
    beside = "messages, state and the driver's work took 40% of the processors' time"
    assert verdict(block(slow)) == f"{head}, as {beside}."
    assert verdict(block(replace(slow, overhead_share=0.0))) == f"{head}."
    assert verdict(block(replace(slow, executions=120), chain=LONG_CHAIN)) == (
        f"{head}, as 20% of the transactions ran again and {beside} and a chain of 40 transactions through "
        "pool.total[USDC] is 80% of the time, so 1.25x was the most."
    )


@pytest.mark.parametrize(("count", "words"), [(0, "no transactions"), (1, "1 transaction")])
def test_sequential_won_where_there_is_nothing_to_share(count: int, words: str) -> None:
    nothing = row("graph", "exact", ms=100.0, gate=DRIVER, executions=count)
    chain = Chain(transactions=count, share=float(count), longest_transaction_share=1.0, levels=count)
    made = block(nothing, transactions=count, chain=chain)
    assert verdict(made) == f"Sequential won: {words} to execute; the gate kept it on the driver every time."


def test_one_long_transaction_is_not_called_a_chain() -> None:
    chain = Chain(transactions=1, share=0.7, longest_transaction_share=0.7, levels=2)
    assert "one transaction is 70% of the time and allows no more than 1.43x" in verdict(
        block(row("graph", "exact", ms=75.0, bound=1.43), chain=chain)
    )


def test_inline_alone_has_no_winner() -> None:
    made = block(row("graph", "exact", "inline", ms=90.0), row("optimistic", "", "inline", ms=80.0, executions=138))
    assert made.winner is None
    assert verdict(made) == (
        "No winner: inline has one thread and only counts; graph with exact lists took the fewest executions "
        "(1.00 a transaction), optimistic the most (1.38 a transaction)."
    )


def test_inline_does_not_win_against_others() -> None:
    made = block(row("graph", "exact", "inline", ms=50.0), row("graph", "exact", ms=90.0))
    assert made.winner is made.rows[2]


def test_a_wrong_result_leaves_no_winner() -> None:
    made = block(row("graph", "exact", ms=50.0), row("optimistic", "", "ray", ms=40.0, equal=False))
    assert made.winner is None
    assert not made.ok
    assert verdict(made) == "No winner: optimistic on ray gave another result than sequential execution."
