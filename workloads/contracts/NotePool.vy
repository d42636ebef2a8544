# pragma version 0.4.3
# pragma evm-version cancun
"""
@title NotePool
@license MIT
@notice Loans between peers who stay apart: a lender pays ether in for a note, a commitment in a Merkle tree, and later
        spends it, by its nullifier, for a borrower who has put tokens up. What is paid back is a new note.
@dev This is not a zero-knowledge system and must not hold money. In place of a zero-knowledge proof stands one point
     that a prover with a secret key makes, and that two pairings check (precompiles 0x07 and 0x08, EIP-196, EIP-197):
     e(proof, G2) = e(x G1, key), x being the hash of all that is claimed. Whoever has seen one such point can make
     others. Costs and accesses are what a pool with proofs has; the secrecy and the soundness are not.
     Ether is counted by nobody: blind credits and debits let spends run side by side.
"""

from ethereum.ercs import IERC20

DEPTH: constant(uint256) = 16
NOTE: constant(uint256) = 10**18  # what every note is worth, in wei
MAX_INTEREST: constant(uint256) = NOTE
MAX_DURATION: constant(uint256) = 365 * 86_400
PAYEE_GAS: constant(uint256) = 30_000

# BN254: field, order of the groups, and the usual generator of the second one, imaginary parts first.
FIELD: constant(uint256) = 21888242871839275222246405745257275088696311157297823662689037894645226208583
ORDER: constant(uint256) = 21888242871839275222246405745257275088548364400416034343698204186575808495617
G2: constant(uint256[4]) = [
    11559732032986387107991004021392285783925812861821192530917403151452391805634,
    10857046999023057135944570762232829481370756359578518086990519993285655852781,
    4082367875863433681332203403145435568316851327593401208105741076214120093531,
    8495653923123431417604973247489272438418190587263600148770280649306958101930,
]
PAIRING: constant(address) = 0x0000000000000000000000000000000000000008
PAIRING_GAS: constant(uint256) = 113_000  # EIP-1108: 45 000, and 34 000 for each of two pairs

REQUESTED: constant(uint256) = 1
OPEN: constant(uint256) = 2
REPAID: constant(uint256) = 3
SEIZED: constant(uint256) = 4
CANCELLED: constant(uint256) = 5

struct Loan:
    status: uint256
    borrower: address
    collateral: uint256
    interest: uint256
    duration: uint256
    due: uint256
    payee: address
    commitment: bytes32

event Appended:
    commitment: indexed(bytes32)
    leaf: uint256
    root: bytes32

event Spent:
    nullifier: indexed(bytes32)

event Requested:
    id: indexed(uint256)
    borrower: indexed(address)
    collateral: uint256
    interest: uint256
    duration: uint256

event Funded:
    id: indexed(uint256)
    due: uint256

event Repaid:
    id: indexed(uint256)

event Seized:
    id: indexed(uint256)

event Cancelled:
    id: indexed(uint256)

token: public(immutable(address))
key: immutable(uint256[4])
zeros: immutable(bytes32[DEPTH])
next_leaf: public(uint256)
root: public(bytes32)
filled: bytes32[DEPTH]
known_roots: public(HashMap[bytes32, bool])
spent: public(HashMap[bytes32, bool])
next_id: public(uint256)
loans: public(HashMap[uint256, Loan])


@deploy
def __init__(collateral: address, verifier: uint256[4]):
    assert collateral != empty(address), "zero token"
    token = collateral
    key = verifier
    nodes: bytes32[DEPTH] = empty(bytes32[DEPTH])
    for level: uint256 in range(1, DEPTH):
        nodes[level] = self._node(nodes[level - 1], nodes[level - 1])
    zeros = nodes
    self.next_id = 1


# -- notes ------------------------------------------------------------------------------------------------


@external
@payable
def deposit(commitment: bytes32):
    """
    @notice Pay for a note.
    """
    assert msg.value == NOTE, "not the price of a note"
    self._append(commitment)


@external
@nonreentrant
def withdraw(at_root: bytes32, nullifier: bytes32, receiver: address, proof: uint256[2]):
    """
    @notice Spend a note for `receiver`; whoever sends this learns only where the ether goes.
    """
    assert receiver != empty(address), "zero receiver"
    self._spend(at_root, nullifier, 0, receiver, empty(bytes32), proof)
    self._send(receiver, NOTE)


# -- loans ------------------------------------------------------------------------------------------------


@external
@nonreentrant
def request(collateral: uint256, interest: uint256, duration: uint256) -> uint256:
    """
    @notice Put tokens up for a loan of one note's worth; return the loan's id.
    """
    assert collateral != 0, "no collateral"
    assert interest <= MAX_INTEREST, "interest too high"
    assert duration != 0 and duration <= MAX_DURATION, "duration out of range"
    id: uint256 = self.next_id
    self.next_id = id + 1
    self.loans[id] = Loan(
        status=REQUESTED,
        borrower=msg.sender,
        collateral=collateral,
        interest=interest,
        duration=duration,
        due=0,
        payee=empty(address),
        commitment=empty(bytes32),
    )
    log Requested(id=id, borrower=msg.sender, collateral=collateral, interest=interest, duration=duration)
    assert extcall IERC20(token).transferFrom(
        msg.sender, self, collateral, default_return_value=True
    ), "transfer failed"
    return id


@external
@nonreentrant
def cancel(id: uint256):
    """
    @notice Take the collateral of a request of the caller's back that nobody has funded.
    """
    assert self.loans[id].status == REQUESTED, "not requested"
    assert msg.sender == self.loans[id].borrower, "only the borrower"
    self.loans[id].status = CANCELLED
    log Cancelled(id=id)
    self._release(msg.sender, self.loans[id].collateral)


@external
@nonreentrant
def fund(
    id: uint256, at_root: bytes32, nullifier: bytes32, payee: address, commitment: bytes32, proof: uint256[2]
):
    """
    @notice Spend a note for a borrower. The principal comes back as a new note, `commitment`; `payee`, a fresh
            address of the lender's, gets the interest, or the collateral if nothing comes back.
    """
    loan: Loan = self.loans[id]
    assert loan.status == REQUESTED, "not requested"
    assert payee != empty(address) and commitment != empty(bytes32), "zero payee or commitment"
    self._spend(at_root, nullifier, id, payee, commitment, proof)
    due: uint256 = block.timestamp + loan.duration
    self.loans[id].status = OPEN
    self.loans[id].due = due
    self.loans[id].payee = payee
    self.loans[id].commitment = commitment
    log Funded(id=id, due=due)
    self._send(loan.borrower, NOTE)


@external
@payable
@nonreentrant
def repay(id: uint256):
    """
    @notice Pay a loan back with its interest, until it is due; anyone may, the collateral goes to the borrower.
    """
    loan: Loan = self.loans[id]
    assert loan.status == OPEN, "not open"
    assert block.timestamp <= loan.due, "too late"
    assert msg.value == NOTE + loan.interest, "not what is owed"
    self.loans[id].status = REPAID
    log Repaid(id=id)
    self._append(loan.commitment)
    self._release(loan.borrower, loan.collateral)
    # A payee that refuses its interest gives it up: no lender may keep a loan from being paid back.
    if not raw_call(loan.payee, b"", value=loan.interest, gas=PAYEE_GAS, revert_on_failure=False):
        self._send(msg.sender, loan.interest)


@external
@nonreentrant
def seize(id: uint256):
    """
    @notice Give the collateral of a loan that was not paid back to its lender; anyone may.
    """
    loan: Loan = self.loans[id]
    assert loan.status == OPEN, "not open"
    assert block.timestamp > loan.due, "not yet due"
    self.loans[id].status = SEIZED
    log Seized(id=id)
    self._release(loan.payee, loan.collateral)


# -- inside -----------------------------------------------------------------------------------------------


@internal
def _append(commitment: bytes32):
    """
    @dev Put a leaf into the tree: `filled` are the left nodes, on the way up, that still wait for a right one.
    """
    assert commitment != empty(bytes32), "zero commitment"
    leaf: uint256 = self.next_leaf
    assert leaf < 2**DEPTH, "the tree is full"
    self.next_leaf = leaf + 1
    place: uint256 = leaf
    node: bytes32 = commitment
    for level: uint256 in range(DEPTH):
        if place % 2 == 0:
            self.filled[level] = node
            node = self._node(node, zeros[level])
        else:
            node = self._node(self.filled[level], node)
        place //= 2
    self.root = node
    # Every root stays good: a proof does not fail because others pay in.
    self.known_roots[node] = True
    log Appended(commitment=commitment, leaf=leaf, root=node)


@internal
def _spend(
    at_root: bytes32, nullifier: bytes32, id: uint256, receiver: address, commitment: bytes32, proof: uint256[2]
):
    assert self.known_roots[at_root], "no such root"
    assert not self.spent[nullifier], "spent already"
    claim: bytes32 = keccak256(abi_encode(self, at_root, nullifier, id, receiver, commitment))
    assert self._holds(convert(claim, uint256) % ORDER, proof), "wrong proof"
    self.spent[nullifier] = True
    log Spent(nullifier=nullifier)


@internal
@view
def _holds(claim: uint256, proof: uint256[2]) -> bool:
    """
    @dev Return whether e(proof, G2) e(-claim G1, key) = 1. The precompile fails on what is no point; it may then
         have what it costs, and no more.
    """
    base: uint256[2] = [1, 2]
    point: uint256[2] = ecmul(base, claim)
    point[1] = (FIELD - point[1]) % FIELD
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        PAIRING,
        abi_encode(proof, G2, point, key),
        max_outsize=32,
        gas=PAIRING_GAS,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success and convert(answer, uint256) == 1


@internal
@pure
def _node(left: bytes32, right: bytes32) -> bytes32:
    return keccak256(concat(left, right))


@internal
def _release(receiver: address, amount: uint256):
    assert extcall IERC20(token).transfer(receiver, amount, default_return_value=True), "transfer failed"


@internal
def _send(receiver: address, amount: uint256):
    raw_call(receiver, b"", value=amount)
