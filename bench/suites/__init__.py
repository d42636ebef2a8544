"""Benchmarks for pytest-benchmark (`make bench`), and `bench.suites.compare`, which holds two runs side by side.

They run from a checkout: EELS is reached through the bridge in `tests`. Every round is timed beside a fixed load of
pure Python and keccak, so that a slow minute of the machine is told from slow code.
"""
