"""Random blocks, executed by EELS, by us in order and by us in parallel: all three must agree.

`Source` (bytes as choices) -> `Case` (accounts and transactions as plain data) -> block and pre-state -> `check`.
`python -m tests.fuzz` runs as many blocks as wanted and shrinks what fails into a file of `regressions/`;
`python -m tests.fuzz.planted` shows how soon planted faults are found.
"""
