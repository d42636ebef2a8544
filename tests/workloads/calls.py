"""One call after the other on a stage, each with the reason why it failed."""

from __future__ import annotations

from workloads.accounts import KeyPair
from workloads.stage import Deployed, Stage


def act(
    stage: Stage, sender: KeyPair, place: Deployed, function: str, *arguments: int | bytes, gas: int = 5 * 10**6
) -> str:
    """Send a transaction; return why it failed, or nothing."""
    reason = stage.why(sender, place.address, place.contract.call(function, *arguments))
    done = stage.send(function, sender, place, function, *arguments, gas=gas)
    assert done or reason, "reverted without a reason"
    return "" if done else reason
