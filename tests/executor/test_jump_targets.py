"""Jump targets are found in any order of asking as a pass over the whole code finds them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from executor.evm.computation import JUMPDEST, PUSH1, PUSH32, JumpTargets

codes = st.lists(st.sampled_from([0x5B, 0x60, 0x61, 0x7F, 0x01, 0x56]), max_size=80).map(bytes)


def instructions(code: bytes) -> set[int]:
    """Return where instructions start."""
    starts, position = set(), 0
    while position < len(code):
        starts.add(position)
        position += 1 + (code[position] - PUSH1 + 1 if PUSH1 <= code[position] <= PUSH32 else 0)
    return starts


@given(codes, st.lists(st.integers(0, 120), max_size=20))
@settings(deadline=None)
def test_targets_are_jumpdests_that_are_instructions(code: bytes, asked: list[int]) -> None:
    targets, starts = JumpTargets(code), instructions(code)
    for target in asked:
        valid = target in starts and code[target] == JUMPDEST
        assert (target in targets.found or targets.reach(target)) == valid
