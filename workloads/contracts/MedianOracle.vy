# pragma version 0.4.3
# pragma evm-version cancun
"""
@title MedianOracle
@license MIT
@notice Price per asset as the median of what its reporters say, as long as enough of them said it lately.
@dev Prices have 18 decimals. The median is made when a report comes in, over the reports that are fresh then; readers
     read one answer. With an even number it is the mean of the two in the middle, rounded down. With fewer fresh
     reports than the quorum the answer stays as it is, until it is too old to be read.
"""

MAX_REPORTERS: constant(uint256) = 15

struct Report:
    price: uint256
    at: uint256

struct Answer:
    price: uint256
    at: uint256
    round: uint256

event Reported:
    asset: indexed(address)
    reporter: indexed(address)
    price: uint256

event Answered:
    asset: indexed(address)
    price: uint256
    round: uint256
    reports: uint256

event ReporterAdded:
    asset: indexed(address)
    reporter: indexed(address)

event ReporterRemoved:
    asset: indexed(address)
    reporter: indexed(address)

event OwnerSet:
    owner: indexed(address)

max_age: public(immutable(uint256))  # seconds after which a report, or an answer, counts no longer
quorum: public(immutable(uint256))
owner: public(address)
reporter_count: public(HashMap[address, uint256])
# Numbers start at 1: an address without one may not report.
reporter_number: public(HashMap[address, HashMap[address, uint256]])
reporters: public(HashMap[address, HashMap[uint256, address]])
reports: public(HashMap[address, HashMap[uint256, Report]])
answers: public(HashMap[address, Answer])


@deploy
def __init__(max_age_: uint256, quorum_: uint256):
    assert max_age_ != 0, "no age"
    assert quorum_ != 0 and quorum_ <= MAX_REPORTERS, "quorum out of range"
    max_age = max_age_
    quorum = quorum_
    self.owner = msg.sender


@external
def post(asset: address, price: uint256):
    """
    @notice Report the price of `asset`; the caller's report before it is replaced.
    """
    number: uint256 = self.reporter_number[asset][msg.sender]
    assert number != 0, "not a reporter"
    assert price != 0 and price < 2**128, "price out of range"
    self.reports[asset][number] = Report(price=price, at=block.timestamp)
    log Reported(asset=asset, reporter=msg.sender, price=price)
    self._answer(asset)


@external
@view
def price(asset: address) -> uint256:
    """
    @notice Return the price of `asset`; reverts if it is too old.
    """
    answer: Answer = self.answers[asset]
    assert answer.round != 0, "no price"
    assert answer.at + max_age >= block.timestamp, "stale price"
    return answer.price


@external
def add_reporter(asset: address, reporter: address):
    """
    @notice Let `reporter` report the price of `asset`.
    """
    assert msg.sender == self.owner, "only the owner"
    assert reporter != empty(address), "zero reporter"
    assert self.reporter_number[asset][reporter] == 0, "a reporter already"
    number: uint256 = self.reporter_count[asset] + 1
    assert number <= MAX_REPORTERS, "too many reporters"
    self.reporter_count[asset] = number
    self.reporter_number[asset][reporter] = number
    self.reporters[asset][number] = reporter
    log ReporterAdded(asset=asset, reporter=reporter)


@external
def remove_reporter(asset: address, reporter: address):
    """
    @notice Take the right to report from `reporter`; what it reported counts no longer.
    """
    assert msg.sender == self.owner, "only the owner"
    number: uint256 = self.reporter_number[asset][reporter]
    assert number != 0, "not a reporter"
    last: uint256 = self.reporter_count[asset]
    moved: address = self.reporters[asset][last]
    self.reporters[asset][number] = moved
    self.reports[asset][number] = self.reports[asset][last]
    self.reporter_number[asset][moved] = number
    self.reporter_number[asset][reporter] = 0
    self.reporters[asset][last] = empty(address)
    self.reports[asset][last] = empty(Report)
    self.reporter_count[asset] = last - 1
    log ReporterRemoved(asset=asset, reporter=reporter)
    self._answer(asset)


@external
def set_owner(owner: address):
    """
    @notice Hand the choice of reporters to `owner`.
    """
    assert msg.sender == self.owner, "only the owner"
    assert owner != empty(address), "zero owner"
    self.owner = owner
    log OwnerSet(owner=owner)


@internal
def _answer(asset: address):
    """
    @dev Store the median of the fresh reports as the answer, if there are enough.
    """
    fresh: DynArray[uint256, MAX_REPORTERS] = []
    for number: uint256 in range(1, self.reporter_count[asset] + 1, bound=MAX_REPORTERS):
        report: Report = self.reports[asset][number]
        if report.at + max_age < block.timestamp:
            continue
        # Kept sorted: whatever is above the new one moves up by one.
        place: uint256 = len(fresh)
        fresh.append(report.price)
        for _: uint256 in range(MAX_REPORTERS):
            if place == 0 or fresh[place - 1] <= report.price:
                break
            fresh[place] = fresh[place - 1]
            place -= 1
        fresh[place] = report.price
    count: uint256 = len(fresh)
    if count < quorum:
        return
    median: uint256 = (fresh[(count - 1) // 2] + fresh[count // 2]) // 2
    round: uint256 = self.answers[asset].round + 1
    self.answers[asset] = Answer(price=median, at=block.timestamp, round=round)
    log Answered(asset=asset, price=median, round=round, reports=count)
