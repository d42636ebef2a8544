"""Generates blocks by executing them: every call runs, in order, on the state that the calls before it left.

So a generator needs no model of its contracts: it asks the state, and the exact access sets are those of the
run, also where the path depends on the state (a liquidation race, a swap that fails). Genesis is deployed and
seeded directly; set-up calls run there too and stand in no block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random

from executor.access_lists import observed_sets
from executor.context import block_context
from executor.evm import Engine
from executor.hashing import keccak256
from executor.rlp_codec import EMPTY_LIST, encode_bytes, encode_int, encode_list
from executor.settled import SettledState
from executor.types import Block, Header, RawTransaction, TransactionResult
from scheduler.access import BALANCE, STORAGE, Address, Location, Value
from workloads.accounts import KeyPair, make_accounts, make_address
from workloads.artefacts import Contract, load_contract, string_slots, word
from workloads.block_builder import BLOCK_TIME, FORK, genesis, make_header
from workloads.declared import DECLARE_MODES, declared_slots, extra_gas
from workloads.signing import Fees, Unsigned, encode_access_list, sign_fee_market
from workloads.streaming import remembered
from workloads.workload import Check, ParameterValue, StateReader, Workload, read_int

ETHER = 10**18
USUAL_GAS = 500_000
SETUP_GAS = 20_000_000
WALLET = 1_000 * ETHER
"""What accounts own at genesis: more than they can spend, so that no balance ties transactions together."""
BLOCK_GAS = 10**9
"""Gas limit of generated blocks: what is in them is for the generator to say."""
NOBODY: Address = bytes(19) + b"\x01"


@dataclass(frozen=True)
class Deployed:
    """A contract at its address, and where its variables lie."""

    address: Address
    contract: Contract

    def at(self, variable: str, *keys: int | bytes, member: str = "", struct: str = "") -> Location:
        """Return the location of a variable, a mapping's entry, or a struct's member."""
        return self.address, STORAGE, self.contract.slot(variable, *keys, member=member, struct=struct)

    def read(self, state: StateReader, variable: str, *keys: int | bytes, member: str = "", struct: str = "") -> int:
        """Return the slot in `state`: for checks, before or after a block."""
        return read_int(state, self.at(variable, *keys, member=member, struct=struct))


class Stage:
    """A workload in the making; `random` is seeded by name and seed, `block_seconds` pass between blocks.

    `declare` says what the transactions' EIP-2930 lists hold, see `workloads.declared`.
    """

    def __init__(self, name: str, seed: int, *, declare: str = "none", block_seconds: int = BLOCK_TIME) -> None:
        assert declare in DECLARE_MODES, declare  # noqa: S101 - parameters are checked before
        self.name, self.seed = name, seed
        self.random = Random(f"{name}/{seed}")
        self.state = genesis()
        self.blocks: list[Block] = []
        self.operations: list[tuple[str, ...]] = []
        self._declare, self._block_seconds = declare, block_seconds
        self._nonces: dict[Address, int] = {}
        self._fees = Fees()
        self._genesis = self.state
        (self.owner,) = self.accounts("owner", 1)
        self._start(self._header(-1, ()))

    # -- genesis ------------------------------------------------------------------------------------------

    def accounts(self, label: str, count: int) -> tuple[KeyPair, ...]:
        """Return new key pairs with a full wallet."""
        made = make_accounts(self.seed, f"{self.name}/{label}", count)
        for account in made:
            self.state.put(account.address, balance=WALLET)
        return made

    def deploy(self, name: str, *arguments: int | bytes) -> Deployed:
        """Run the contract's constructor at genesis, called by `owner`; arguments are static words."""
        contract = load_contract(name)
        address = self.next_created(self.owner)
        self.setup(self.owner, b"", data=contract.creation + b"".join(map(word, arguments)))
        return Deployed(address, contract)

    def token(
        self, symbol: str, holders: Mapping[Address, int], decimals: int = 18, contract_name: str = "Token"
    ) -> Deployed:
        """Return a token of `owner`, seeded with these balances and a supply of their sum."""
        contract = load_contract(contract_name)
        token = Deployed(make_address(self.seed, f"{self.name}/{symbol}"), contract)
        layout = contract.layout
        slots = string_slots(layout["name"], symbol) | string_slots(layout["symbol"], symbol)
        slots |= {layout["decimals"]: decimals, layout["owner"]: int.from_bytes(self.owner.address, "big")}
        self.state.put(token.address, nonce=1, code=contract.runtime, storage=slots)
        for holder, amount in holders.items():
            self.mint(token, holder, amount)
        return token

    def mint(self, token: Deployed, holder: Address, amount: int) -> None:
        """Give `holder` new tokens at genesis."""
        for at in (token.at("balanceOf", holder), token.at("totalSupply")):
            self.seed_slot(at, read_int(self.state, at) + amount)

    def allow(self, token: Deployed, owners: Iterable[KeyPair | Deployed], spender: Address) -> None:
        """Let `spender` move all tokens of `owners`, from genesis on."""
        for owner in owners:
            self.seed_slot(token.at("allowance", owner.address, spender), 2**256 - 1)

    def seed_slot(self, location: Location, value: int) -> None:
        """Set a slot at genesis."""
        self._at_genesis()
        address, _, slot = location
        self.state.accounts[address].storage[slot] = value

    def seed_ether(self, address: Address, wei: int) -> None:
        """Set a balance at genesis."""
        self._at_genesis()
        self.state.accounts[address].balance = wei

    def setup(
        self,
        sender: KeyPair,
        to: Deployed | Address,
        function: str = "",
        *arguments: int | bytes,
        value: int = 0,
        data: bytes = b"",
    ) -> None:
        """Run a call at genesis that must succeed."""
        self._at_genesis()
        place, data = _target(to, function, arguments, data)
        result = self._execute(self._sign(sender, place, data, value, SETUP_GAS, EMPTY_LIST))
        assert result.success, f"set-up {function or 'call'} fails: {self.why(sender, place, data, value)}"  # noqa: S101
        self._settled.apply(result)
        self._nonces[sender.address] = self._nonces.get(sender.address, 0) + 1
        self.state.apply(self._settled.diff())
        self._start(self._header(-1, ()))

    # -- blocks -------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """Return the timestamp of the block in the making."""
        return self._engine.context.timestamp

    def begin_block(self) -> None:
        """Start a block; `now` moves on."""
        if not self.blocks:
            self._genesis = self.state.copy()
        self._start(self._header(len(self.blocks), ()))

    def send(
        self,
        operation: str,
        sender: KeyPair,
        to: Deployed | Address,
        function: str = "",
        *arguments: int | bytes,
        value: int = 0,
        gas: int = USUAL_GAS,
        data: bytes = b"",
        listed: frozenset[Location] | None = None,
    ) -> bool:
        """Append a transaction and return whether it succeeds; one that does not is named `<operation>-reverts`.

        `function` of a deployed contract is called with static arguments; otherwise `data` is sent as it is, to
        nobody for a creation. `listed` are slots of an EIP-2930 list in the place of what the stage declares.
        """
        place, data = _target(to, function, arguments, data)
        if listed is None:
            access_list, gas = self._declared(sender, place, data, value, gas)
        else:
            access_list, gas = encode_access_list(listed), gas + extra_gas(listed)
        raw = self._sign(sender, place, data, value, gas, access_list)
        result = self._execute(raw)
        assert result.error is None and result.failure is None, (operation, result.error, result.failure)  # noqa: S101, PT018
        self._nonces[sender.address] = self._nonces.get(sender.address, 0) + 1
        self._settled.apply(result)
        self._raws.append(raw)
        self._results.append(result)
        self._names.append(operation if result.success else f"{operation}-reverts")
        return result.success

    def end_block(self) -> None:
        """Close the block: its access sets are what its transactions touched."""
        header = self._header(len(self.blocks), tuple(self._raws))
        sets = observed_sets(self._results, self.state)
        block = Block(header, tuple(self._raws), FORK, withdrawals=(), access_sets=sets)
        self.blocks.append(remembered(block, self.state))
        self.operations.append(tuple(self._names))
        self.state.apply(self._settled.diff())
        self._start(self._header(len(self.blocks), ()))

    def finish(self, parameters: Mapping[str, ParameterValue], checks: Iterable[Check]) -> Workload:
        """Return the workload."""
        return Workload(
            name=self.name,
            seed=self.seed,
            parameters=parameters,
            pre_state=self._genesis,
            blocks=tuple(self.blocks),
            operations=tuple(self.operations),
            checks=tuple(checks),
        )

    # -- asking, without a trace --------------------------------------------------------------------------

    def read(self, location: Location) -> Value:
        """Return a slot, as a state reader: whatever reads storage by layout can read the stage."""
        address, _, slot = location
        return self._settled.storage(address, slot)

    def get(self, place: Deployed, variable: str, *keys: int | bytes, member: str = "", struct: str = "") -> int:
        """Return a slot as the calls so far left it."""
        address, _, slot = place.at(variable, *keys, member=member, struct=struct)
        return self._settled.storage(address, slot)

    def next_created(self, sender: KeyPair) -> Address:
        """Return the address of the contract that the next transaction of `sender` would create."""
        nonce = self._nonces.get(sender.address, 0)
        return keccak256(encode_list(encode_bytes(sender.address) + encode_int(nonce)))[12:]

    def balance(self, address: Address) -> int:
        """Return wei as the calls so far left them."""
        return self._settled.balance(address)

    def ask(self, place: Deployed, function: str, *arguments: int | bytes, sender: Address = NOBODY) -> int | None:
        """Return the first word that a function answers now, None if it reverts; nothing is changed."""
        state = self._engine.view(self._settled, len(self._raws))
        output = self._engine.call(state, sender, place.address, place.contract.call(function, *arguments), SETUP_GAS)
        return None if output is None else int.from_bytes(output[:32], "big")

    def succeeds(
        self,
        sender: KeyPair,
        to: Deployed | Address,
        function: str = "",
        *arguments: int | bytes,
        value: int = 0,
        gas: int = USUAL_GAS,
    ) -> bool:
        """Return whether a transaction would succeed now; nothing is changed."""
        place, data = _target(to, function, arguments, b"")
        return self._execute(self._sign(sender, place, data, value, gas, EMPTY_LIST)).success

    def why(self, sender: KeyPair, to: Address, data: bytes, value: int = 0) -> str:
        """Return why a call reverts, as the contract says it: for assertions and tests."""
        state = self._engine.view(self._settled, len(self._raws))
        computation = self._engine.message(state, sender.address, to, data, SETUP_GAS, value)
        return bytes(computation.output)[68:].rstrip(b"\0").decode(errors="replace") or str(computation.is_error)

    def _at_genesis(self) -> None:
        assert not self.blocks, "the genesis is made before the first block"  # noqa: S101
        assert not self._raws, "the genesis is made before the first block"  # noqa: S101

    # -- inside -------------------------------------------------------------------------------------------

    def _start(self, header: Header) -> None:
        block = Block(header, (), FORK, withdrawals=())
        self._settled = SettledState(self.state, empty_removed=True)
        self._engine = Engine(block_context(block), self._settled)
        self._raws: list[RawTransaction] = []
        self._results: list[TransactionResult] = []
        self._names: list[str] = []

    def _header(self, index: int, transactions: tuple[RawTransaction, ...]) -> Header:
        return make_header(index, transactions, BLOCK_GAS, self._block_seconds)

    def _sign(
        self, sender: KeyPair, to: Address, data: bytes, value: int, gas: int, access_list: bytes
    ) -> RawTransaction:
        nonce = self._nonces.get(sender.address, 0)
        return sign_fee_market(Unsigned(nonce, gas, to, value, data, self._fees, access_list), sender)

    def _execute(self, raw: RawTransaction) -> TransactionResult:
        return self._engine.execute(raw.raw, self._settled, len(self._raws), assume_nonce=False)

    def _declared(self, sender: KeyPair, to: Address, data: bytes, value: int, gas: int) -> tuple[bytes, int]:
        """Return the transaction's access list in RLP, and its gas limit with what the list costs."""
        if self._declare == "none":
            return EMPTY_LIST, gas
        raw = self._sign(sender, to, data, value, gas, EMPTY_LIST)
        if self._declare == "stale":  # what it would touch on the state before the block
            earlier = SettledState(self.state, empty_removed=True)
            engine = Engine(self._engine.context, earlier)
            touched = engine.execute(raw.raw, earlier, 0, assume_nonce=True)
        else:
            touched = self._execute(raw)
        slots = declared_slots(self._declare, touched, self.random)
        return encode_access_list(slots), gas + extra_gas(slots)


def _target(
    to: Deployed | Address, function: str, arguments: tuple[int | bytes, ...], data: bytes
) -> tuple[Address, bytes]:
    if isinstance(to, Deployed):
        return to.address, to.contract.call(function, *arguments) if function else data
    return to, data


def ether_of(state: StateReader, address: Address) -> int:
    """Return a balance in wei: for checks."""
    return read_int(state, (address, BALANCE, 0))
