"""Transactions that a block may or may not hold, as data; `tests.validity_cases.CASES` has them all."""
