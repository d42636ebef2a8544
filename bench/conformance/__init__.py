"""Conformance suites: reads BlockchainTests and state tests, runs them on the executor, judges and reports."""
