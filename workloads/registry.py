"""The list of workloads: names, parameters, and the one way to make blocks from them."""

from __future__ import annotations

from collections.abc import Mapping

from executor.errors import UsageError
from workloads import (
    adversarial,
    amm,
    crash,
    day,
    farm,
    flash,
    governance,
    insurance,
    neutral,
    nft,
    oracle,
    perp,
    private,
    replayed,
    rwa,
    stablecoin,
    synthetics,
    transfers,
    vault,
)
from workloads.lending import generator as lending
from workloads.parameters import WorkloadSpec, nearest, parse_parameters
from workloads.workload import Workload

_PROTOCOLS = (
    transfers,
    lending,
    crash,
    flash,
    amm,
    perp,
    farm,
    vault,
    stablecoin,
    synthetics,
    rwa,
    nft,
    governance,
    oracle,
    insurance,
    neutral,
    private,
)
_SPECS = tuple(generator.SPEC for generator in _PROTOCOLS)
_DAY = day.spec_of({spec.name: spec for spec in _SPECS})
WORKLOADS: dict[str, WorkloadSpec] = {spec.name: spec for spec in (*_SPECS, _DAY, adversarial.SPEC, replayed.SPEC)}
"""Name -> generator, in the order in which they are shown."""


def generate(
    name: str, transactions: int | None = None, seed: int = 1, params: Mapping[str, str] | None = None
) -> Workload:
    """Return the workload `name`: same transactions, seed and parameters, same bytes.

    Raises UsageError for names that do not exist and values out of range.
    """
    if name not in WORKLOADS:
        raise nearest("workload", name, WORKLOADS)
    spec = WORKLOADS[name]
    count = spec.transactions if transactions is None else transactions
    if count < 0:
        raise UsageError(f"transactions={count}: must be at least 0")
    return spec.generate(parse_parameters(spec, params or {}), count, seed)
