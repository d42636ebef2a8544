# ruff: noqa: D100, INP001, S101, T201
# (a notebook is not in a package; it prints, and asserts what it says)

# %% [markdown]
# # Why is this block not faster?
#
# A lending block is generated, executed one transaction after another and in parallel, compared byte by byte, and then
# explained: what holds it back, and what a change of the contract would bring. No data is needed and no cluster; it
# runs top to bottom in some seconds (`python docs/example.py`, or as a notebook in an editor that knows `# %%`).

# %%
from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bench.explain.analyse import explain_block
from executor import BlockExecutor, BlockResult, execute_sequential
from executor.serialise import result_bytes
from executor.state import state_after
from workloads.registry import generate

TRANSACTIONS = 80
console = Console(width=100, markup=False)

# %% [markdown]
# ## A block
#
# Real contracts, signed transactions, exact access sets, and invariants to check; the same seed gives the same bytes.

# %%
workload = generate("lending", TRANSACTIONS, seed=1)
block, pre_state = workload.blocks[0], workload.pre_state
operations = workload.operations[0]
print(len(block.transactions), "transactions:", ", ".join(sorted(set(operations))))

# %% [markdown]
# ## One after another, and in parallel
#
# `observed` knows nothing beforehand: conflicts are found and run again. `exact` knows all. `inline` draws a completion
# order from a seed: that changes the executions, never the result.

# %%
expected = execute_sequential(block, pre_state)
WAYS = (("optimistic", "none", "inline"), ("graph", "observed", "process"), ("graph", "exact", "process"))


def in_parallel(strategy: str, access_lists: str, backend: str) -> BlockResult:
    """Execute the block on two workers, wherever they are slower, too."""
    with BlockExecutor(
        strategy=strategy, access_lists=access_lists, backend=backend, workers=2, seed=7, gate=False
    ) as executor:
        return executor.execute(block, pre_state)


results = {way: in_parallel(*way) for way in WAYS}

# %%
table = Table(title="the same bytes, whatever the way", title_justify="left")
for heading in ("strategy", "lists", "backend", "= sequential", "executions", "conflicts"):
    table.add_column(heading)
for way, result in results.items():
    same = result_bytes(result) == result_bytes(expected)
    assert same, way
    table.add_row(*way, "yes", str(result.stats.executions), str(result.stats.conflicts))
console.print(table)

# %% [markdown]
# The invariants of the protocol hold on the state that came out: a check that knows nothing of the sequential run.

# %%
broken = workload.check(state_after(pre_state, results[WAYS[0]].state_diff))
assert broken == []
print("broken invariants:", broken)

# %% [markdown]
# ## Why it is not faster
#
# No schedule is faster than the longest chain of real dependencies. The cap is all work over that chain, in seconds and
# in gas, however many workers there are.

# %%
QUESTIONS = (
    "commutative=pool.total_*",
    "commutative=pool.cash*+pool.total_*",
    "commutative=pool.cash*+pool.total_*+*.balanceOf[pool]",
)
explanation = explain_block(block, pre_state, label="lending", operations=operations, what_if=QUESTIONS)
console.print(explanation.verdict, highlight=False)
(real,) = (metrics for metrics in explanation.key_sets if metrics.key_set == "D")
assert real.cap.gas >= 1

# %%
table = Table(title="the longest chain waits through", title_justify="left")
for heading in ("location", "steps", "ms", "cap without it and those above"):
    table.add_column(heading)
for hot in explanation.hot[:5]:
    table.add_row(hot.location.name, str(hot.path_steps), f"{1e3 * hot.path_seconds:.0f}", f"{hot.cap_with_these:.2f}x")
console.print(table)

# %% [markdown]
# ## What if
#
# If the pool's totals were counters that only add, nobody would wait through them. One hot location hides behind
# another: only when the cash, the totals and the pool's own token balance all go does the cap move.

# %%
table = Table(title="what if", title_justify="left")
for heading in ("change", "cap by gas", "then"):
    table.add_column(heading)
for answer in explanation.what_if:
    assert answer.cap_after_gas >= answer.cap_before_gas - 1e-9
    table.add_row(answer.change, f"{answer.cap_before_gas:.2f}x", f"{answer.cap_after_gas:.2f}x")
console.print(table)
