"""Price paths: what they do, that they are the same everywhere, and what a wrong file says."""

from __future__ import annotations

from itertools import pairwise
from math import log
from pathlib import Path
from statistics import stdev

import pytest

from executor.errors import InputOutputError, UsageError
from workloads.parameters import Parameters, WorkloadSpec, parse_parameters
from workloads.prices import WAD, Constant, Crash, Gbm, PricePath, Table, price_parameters, price_path, read_table
from workloads.workload import Workload

STARTS = (3_000 * WAD, WAD, 15 * WAD)
SYMBOLS = ("WETH", "USDC", "LINK")
STEADY = frozenset({1})


def _never(_parameters: Parameters, _transactions: int, _seed: int) -> Workload:
    raise AssertionError


def path_of(**texts: str) -> PricePath:
    spec = WorkloadSpec("prices", "", price_parameters(), _never)
    return price_path(parse_parameters(spec, texts), 5, SYMBOLS, STARTS, STEADY)


def test_a_constant_price_stays() -> None:
    assert [path_of() == Constant(STARTS), Constant(STARTS).price(2, 9)] == [True, 15 * WAD]


def test_a_crash_falls_at_its_step_and_comes_back_in_a_line() -> None:
    path = path_of(price_path="crash", depth="0.3", crash_at="2", recovery="3")
    assert path == Crash(STARTS, 2, 300_000, 3, STEADY)
    assert [path.price(0, step) // WAD for step in range(7)] == [3000, 3000, 2100, 2400, 2700, 3000, 3000]
    assert {path.price(1, step) for step in range(7)} == {WAD}


def test_a_crash_without_recovery_stays_down_and_never_reaches_zero() -> None:
    path = Crash((10,), at=1, depth=999_999)
    assert [path.price(0, step) for step in (0, 1, 100)] == [10, 1, 1]


def test_a_random_walk_has_the_volatility_asked_for_and_the_same_prices_in_any_order() -> None:
    path = Gbm(STARTS, 0.02, 5, STEADY)
    prices = [path.price(0, step) for step in range(2_000)]
    returns = [log(b / a) for a, b in pairwise(prices)]
    assert stdev(returns) == pytest.approx(0.02, rel=0.05)
    assert sum(returns) / len(returns) == pytest.approx(-0.0002, abs=0.0015)
    again = path_of(price_path="gbm")
    assert isinstance(again, Gbm)
    assert [again.price(0, step) for step in (1_999, 3, 0)] == [prices[1_999], prices[3], prices[0]]
    assert again.price(1, 50) == WAD
    assert prices != [Gbm(STARTS, 0.02, 6).price(0, step) for step in range(2_000)]


def test_a_random_walk_gives_these_prices_everywhere() -> None:
    path = Gbm((WAD,), 0.05, 1)
    assert [path.price(0, step) // 10**9 for step in range(4)] == [
        1_010_387_000,
        1_023_216_894,
        972_589_145,
        904_597_383,
    ]


def test_a_file_gives_prices_from_its_steps_on(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("step,asset,price\n4,LINK,12.5\n1,LINK,14\n1,WETH,.000000000000000001\n", encoding="utf-8")
    path = path_of(price_path="csv", price_file=str(file))
    assert isinstance(path, Table)
    assert [path.price(2, step) * 2 // WAD for step in (0, 1, 3, 4, 9)] == [30, 28, 28, 25, 25]
    assert [path.price(0, 1), path.price(1, 7)] == [1, WAD]


@pytest.mark.parametrize(
    "row", ["x,WETH,1", "1,DOGE,1", "1,WETH,0", "1,WETH,-1", "1,WETH,1e3", "1,WETH", "1,WETH,0.0000000000000000001"]
)
def test_a_wrong_row_is_named(tmp_path: Path, row: str) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(f"step,asset,price\n0,WETH,1\n{row}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="line 3: needs step,asset,price"):
        read_table(file, SYMBOLS, STARTS)


def test_a_path_from_a_file_needs_the_file() -> None:
    with pytest.raises(UsageError, match="price_path=csv: name the file with price_file"):
        path_of(price_path="csv")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputOutputError, match=r"nowhere\.csv"):
        read_table(tmp_path / "nowhere.csv", SYMBOLS, STARTS)
