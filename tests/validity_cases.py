"""All cases of validity; `[case.expected() for case in CASES]` is what an engine is held against."""

from __future__ import annotations

from tests.validity import every_fork, fees, typed
from tests.validity.case import ACCEPTED, ValidityCase

__all__ = ["ACCEPTED", "CASES", "ValidityCase"]

CASES: list[ValidityCase] = [*every_fork.CASES, *fees.CASES, *typed.CASES]
