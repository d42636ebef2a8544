"""The rules of each fork that lie outside the opcodes, as one frozen row per fork."""

from __future__ import annotations

from dataclasses import dataclass, replace

from executor.errors import UnknownFork

ETHER = 10**18
GAS_PER_BLOB = 2**17


@dataclass(frozen=True, slots=True)
class ForkRules:
    """What the executor must know of a fork; gas in gas units, rewards in wei (source: the EIP named).

    `engine` names the py-evm fork whose opcodes and precompiles apply.
    """

    name: str
    engine: str
    create_gas: int = 0
    nonzero_byte_gas: int = 68
    refund_quotient: int = 2
    destroy_refund: int = 24_000
    block_reward: int = 5 * ETHER
    bomb_delay: int = 0  # blocks by which the difficulty bomb is late (EIP-649 and its successors)
    tx_types: frozenset[int] = frozenset({0})
    homestead: bool = False  # EIP-2
    empty_accounts_removed: bool = False  # EIP-161, with EIP-155 and EIP-170
    status_receipts: bool = False  # EIP-658
    access_lists: bool = False  # EIP-2929, 2930
    base_fee: bool = False  # EIP-1559
    merged: bool = False  # EIP-3675
    initcode_metered: bool = False  # EIP-3860, with EIP-3651 and 4895
    blobs: bool = False  # EIP-4844, with EIP-4788 and 6780
    target_blob_gas: int = 0
    max_blob_gas: int = 0
    blob_fraction: int = 1
    prague: bool = False  # EIP-7702, 7623, 7685, 2935


_FRONTIER = ForkRules("Frontier", "frontier")
_HOMESTEAD = replace(_FRONTIER, name="Homestead", engine="homestead", create_gas=32_000, homestead=True)
_DAO = replace(_HOMESTEAD, name="DAOFork")
_TANGERINE = replace(_HOMESTEAD, name="TangerineWhistle", engine="tangerine_whistle")
_SPURIOUS = replace(_TANGERINE, name="SpuriousDragon", engine="spurious_dragon", empty_accounts_removed=True)
_BYZANTIUM = replace(
    _SPURIOUS,
    name="Byzantium",
    engine="byzantium",
    block_reward=3 * ETHER,
    bomb_delay=3_000_000,
    status_receipts=True,
)
_CONSTANTINOPLE = replace(
    _BYZANTIUM, name="Constantinople", engine="constantinople", block_reward=2 * ETHER, bomb_delay=5_000_000
)
_PETERSBURG = replace(_CONSTANTINOPLE, name="Petersburg", engine="petersburg")
_ISTANBUL = replace(_PETERSBURG, name="Istanbul", engine="istanbul", nonzero_byte_gas=16)
_MUIR = replace(_ISTANBUL, name="MuirGlacier", engine="muir_glacier", bomb_delay=9_000_000)
_BERLIN = replace(_MUIR, name="Berlin", engine="berlin", access_lists=True, tx_types=frozenset({0, 1}))
_LONDON = replace(
    _BERLIN,
    name="London",
    engine="london",
    bomb_delay=9_700_000,
    base_fee=True,
    refund_quotient=5,
    destroy_refund=0,
    tx_types=frozenset({0, 1, 2}),
)
_ARROW = replace(_LONDON, name="ArrowGlacier", engine="arrow_glacier", bomb_delay=10_700_000)
_GRAY = replace(_ARROW, name="GrayGlacier", engine="gray_glacier", bomb_delay=11_400_000)
_PARIS = replace(_GRAY, name="Paris", engine="paris", block_reward=0, merged=True)
_SHANGHAI = replace(_PARIS, name="Shanghai", engine="shanghai", initcode_metered=True)
_CANCUN = replace(
    _SHANGHAI,
    name="Cancun",
    engine="cancun",
    blobs=True,
    target_blob_gas=3 * GAS_PER_BLOB,
    max_blob_gas=6 * GAS_PER_BLOB,
    blob_fraction=3_338_477,
    tx_types=frozenset({0, 1, 2, 3}),
)
_PRAGUE = replace(
    _CANCUN,
    name="Prague",
    engine="prague",
    prague=True,
    target_blob_gas=6 * GAS_PER_BLOB,
    max_blob_gas=9 * GAS_PER_BLOB,
    blob_fraction=5_007_716,
    tx_types=frozenset({0, 1, 2, 3, 4}),
)

FORKS: tuple[ForkRules, ...] = (
    _FRONTIER,
    _HOMESTEAD,
    _DAO,
    _TANGERINE,
    _SPURIOUS,
    _BYZANTIUM,
    _CONSTANTINOPLE,
    _PETERSBURG,
    _ISTANBUL,
    _MUIR,
    _BERLIN,
    _LONDON,
    _ARROW,
    _GRAY,
    _PARIS,
    _SHANGHAI,
    _CANCUN,
    _PRAGUE,
)
FORK_ALIASES = {
    "Dao": "DAOFork",
    "EIP150": "TangerineWhistle",
    "EIP158": "SpuriousDragon",
    "ConstantinopleFix": "Petersburg",
    "Merge": "Paris",
}
_BY_NAME = {rules.name: rules for rules in FORKS} | {
    alias: rules for alias, name in FORK_ALIASES.items() for rules in FORKS if rules.name == name
}


def fork_rules(name: str) -> ForkRules:
    """Return the rules of the fork called `name` (aliases of the test suites included)."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise UnknownFork(name) from None


def blob_base_fee(excess_blob_gas: int, rules: ForkRules) -> int:
    """Return the wei per blob gas after `excess_blob_gas` (EIP-4844, `fake_exponential`)."""
    numerator, denominator = excess_blob_gas, rules.blob_fraction
    step, total, term = 1, 0, denominator
    while term > 0:
        total += term
        term = term * numerator // (denominator * step)
        step += 1
    return total // denominator
