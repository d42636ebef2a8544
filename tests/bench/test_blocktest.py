"""`blocktest` on fixtures made here: verdicts, reasons, selection, archives, JSON, exit codes, one line per error."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.conformance.reasons import Judgement, judge
from executor import invalid_block as reasons
from executor.errors import InvalidBlock, InvalidRlp
from executor.evm.validity import InsufficientBalanceError
from tests.bench.fixtures import HASH, Change, a_test, alloc, drop, entry, hexed, results, set_in
from tests.bench.test_cli import run
from tests.executor.test_chain import ALICE, COUNTER, call, funded
from tests.mining import genesis, mine
from tests.signing import LEGACY, Tx, sign


def test_a_test_that_holds_passes(capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path]) -> None:
    fixture = a_test()
    root = fixture["blocks"][0]["blockHeader"]["stateRoot"]
    assert results(capfd, write_tests(good=fixture)) == [
        {"name": "good", "pass": True, "fork": "Cancun", "stateRoot": root, "error": ""}
    ]


@pytest.mark.parametrize("network", ["Frontier", "SpuriousDragon", "London", "Prague"])
def test_every_kind_of_fork_passes(
    capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path], network: str
) -> None:
    [result] = results(capfd, write_tests(good=a_test(network)))
    assert (result["pass"], result["error"]) == (True, "")


COUNTER_KEY = hexed(COUNTER)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_in("blocks", 1, "expectException", to="BlockException.INVALID_GASLIMIT"), "for another reason than"),
        (set_in("blocks", 0, "expectException", to="BlockException.INVALID_GASLIMIT"), "block 0 was accepted"),
        (drop("blocks", 0, "blockHeader"), "block 0 was accepted"),
        (set_in("blocks", 0, "blockHeader", "hash", to=HASH), "the hash of its RLP"),
        (set_in("blocks", 1, to={"rlp": "0xc0", "blockHeader": {}}), "block 1 was rejected: InvalidRlp"),
        (set_in("lastblockhash", to=HASH), "the head is block 1"),
        (set_in("postState", COUNTER_KEY, "storage", to={"0x0": "0x7"}), "slot 0x0 is 0x2, expected 0x7"),
        (set_in("postState", COUNTER_KEY, "nonce", to="0x2"), "nonce 1, expected 2"),
        (set_in("postState", COUNTER_KEY, "balance", to="0x2"), "balance 0, expected 2"),
        (set_in("postState", COUNTER_KEY, "code", to="0x00"), "code hash"),
        (drop("postState", COUNTER_KEY), "there, but should not be"),
        (set_in("postState", "0x" + "77" * 20, to={"balance": "0x1"}), "is absent"),
        (set_in("pre", COUNTER_KEY, "balance", to="0x1"), "genesis: state root"),
        (set_in("genesisBlockHeader", "hash", to=HASH), "genesis: its hash is"),
        (set_in("pre", COUNTER_KEY, "balance", to="much"), "pre.0x"),
        (set_in("blocks", to={}), "blocks: expected a list"),
        (drop("lastblockhash"), "lastblockhash: the field is missing"),
        (drop("network"), "network"),
    ],
)
def test_a_test_that_does_not_hold_fails_and_says_why(
    capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path], change: Change, words: str
) -> None:
    fixture = a_test()
    change(fixture)
    [result] = results(capfd, write_tests(bad=fixture))
    assert result["pass"] is False
    assert words in result["error"]
    assert "\n" not in result["error"]


@pytest.mark.parametrize(
    "change",
    [
        drop("genesisRLP"),
        drop("genesisBlockHeader"),
        drop("postState"),
        lambda fixture: fixture.update(postStateHash=fixture["blocks"][0]["blockHeader"]["stateRoot"]),
        lambda fixture: fixture.update(config={"network": fixture.pop("network"), "chainid": "0x01"}),
        set_in("blocks", 1, "expectException", to="BlockException.INVALID_GASLIMIT|BlockException.INVALID_STATE_ROOT"),
        set_in("blocks", 1, "expectException", to="BlockException.NEVER_HEARD_OF"),
        drop("blocks", 1, "expectException"),
    ],
)
def test_what_may_be_said_otherwise(
    capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path], change: Change
) -> None:
    fixture = a_test()
    change(fixture)
    [result] = results(capfd, write_tests(good=fixture))
    assert (result["pass"], result["error"]) == (True, "")


def test_a_wrong_post_state_hash_fails(capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path]) -> None:
    fixture = a_test() | {"postState": None, "postStateHash": HASH}
    [result] = results(capfd, write_tests(bad=fixture))
    assert "post-state: root" in result["error"]


def test_the_chain_id_of_the_configuration_counts(
    capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path]
) -> None:
    first = genesis("Cancun", funded("Cancun"))
    protected = sign(ALICE, Tx(LEGACY, chain_id=1, gas_price=2 * 10**9, to=COUNTER, gas=100_000))
    block = mine("Cancun", first, (protected,))
    fixture = a_test() | {"blocks": [entry(block)], "lastblockhash": hexed(block.hash), "postState": alloc(block.state)}
    one, two = results(capfd, write_tests(one=fixture, two=fixture | {"config": {"chainid": "0x2"}}))
    assert one["pass"] is True
    assert "signed for chain 1, not 2" in two["error"]


def test_forks_and_formats_that_cannot_run_are_reported(
    capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path]
) -> None:
    engine = {"network": "Cancun", "engineNewPayloads": [], "_info": {"fixture-format": "blockchain_test_engine"}}
    path = write_tests(
        late=a_test() | {"network": "Amsterdam"}, later=a_test() | {"network": "PragueToOsakaAtTime15k"}, e=engine
    )
    late, later, other = results(capfd, path)
    assert (late["pass"], late["fork"]) == (False, "Amsterdam")
    assert late["error"].startswith("fork Amsterdam is not executable")
    assert later["error"].startswith("fork Osaka is not executable")
    assert "blockchain_test_engine" in other["error"]
    _, out, _ = run(capfd, "blocktest", path)
    assert "not executable 1 tests: fork Amsterdam" in out


def test_people_see_a_table_and_the_failures(
    capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path]
) -> None:
    failing = a_test() | {"lastblockhash": HASH}
    unknown = a_test()
    set_in("blocks", 1, "expectException", to="BlockException.NEVER_HEARD_OF")(unknown)
    path = write_tests(good=a_test(), unknown=unknown, **{f"bad{number}": failing for number in range(22)})
    code, out, _ = run(capfd, "blocktest", path.parent.parent, "--workers", 3, "--shuffle", 1)
    assert code == 0
    row = next(line for line in out.splitlines() if "suite/eip1_things" in line)
    cells = [cell.strip() for cell in row.split("│")[2:-1]]
    assert cells == ["24", "2", "22", "0", "48", "48", "24", "24"]
    assert out.count("failed bad") == 20
    assert "failed and 2 more" in out
    assert "NEVER_HEARD_OF is not in the table" in out


def test_strict_exit_tells_by_the_code(capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path]) -> None:
    good, bad = (
        write_tests(file="a.json", good=a_test()),
        write_tests(file="b.json", bad=a_test() | {"lastblockhash": HASH}),
    )
    late = write_tests(file="c.json", late=a_test() | {"network": "Amsterdam"})
    assert [run(capfd, "blocktest", path, "--strict-exit")[0] for path in (good, bad, late)] == [0, 1, 1]
    assert run(capfd, "blocktest", bad)[0] == 0


def test_tests_are_selected_by_name_and_by_size(
    capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path]
) -> None:
    first = genesis("Cancun", funded("Cancun"))
    single = mine("Cancun", first, (call(ALICE, 0),))
    small = a_test() | {
        "blocks": [entry(single)],
        "lastblockhash": hexed(single.hash),
        "postState": alloc(single.state),
    }
    path = write_tests(alpha_small=small, alpha_large=a_test(), beta=a_test())
    assert [result["name"] for result in results(capfd, path, "--run", "^alpha")] == ["alpha_small", "alpha_large"]
    assert [result["name"] for result in results(capfd, path, "--multi-only")] == ["alpha_large", "beta"]
    assert all(result["pass"] for result in results(capfd, path))


@pytest.mark.parametrize("ending", ["tar.xz", "tar.gz", "tar"])
def test_archives_are_read_in_place(
    capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path], tmp_path: Path, ending: str
) -> None:
    path = write_tests(good=a_test())
    archive = tmp_path / f"suite.{ending}"
    mode: Any = "w:" + ending.partition(".")[2]
    with tarfile.open(archive, mode) as tar:
        tar.add(path, "tests/eip1_things/some.json")
        tar.addfile(tarfile.TarInfo("tests/README.md"), io.BytesIO())
    path.unlink()
    assert [result["pass"] for result in results(capfd, archive)] == [True]
    assert [result["pass"] for result in results(capfd, tmp_path)] == [True]


def test_indexes_and_hidden_folders_are_no_tests(
    capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path]
) -> None:
    path = write_tests(good=a_test())
    write_tests(folder=".meta", hidden=a_test())
    path.with_name("index.json").write_text('{"test_cases": [], "root_hash": "0x00"}', encoding="utf-8")
    path.with_name("list.json").write_text("[]", encoding="utf-8")
    assert [result["name"] for result in results(capfd, path.parent.parent)] == ["good"]


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"{broken", 10, "is not JSON"),
        (b"", 10, "the file is empty"),
        (b"[" * 5_000, 10, "nested deeper"),
        (b"{}", 2, "no tests are there"),
        (b"[]", 2, "no tests are there"),
    ],
)
def test_a_file_that_is_no_tests_ends_in_one_line(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, code: int, words: str
) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    got, out, err = run(capfd, "blocktest", path, "--json")
    assert (got, out) == (code, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1


def test_wrong_arguments_end_in_one_line(
    capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_tests(good=a_test())
    damaged = tmp_path / "x.tar.xz"
    damaged.write_bytes(b"\xfd7zXZ\x00garbage")
    truncated = tmp_path / "y.tar.gz"
    with tarfile.open(truncated, "w:gz") as tar:
        tar.add(path, "some.json")
    truncated.write_bytes(truncated.read_bytes()[:-60])
    for arguments, code, words in (
        ((tmp_path / "absent.json",), 11, "absent.json"),
        ((tmp_path / "absent.tar.xz",), 11, "absent.tar.xz"),
        ((damaged,), 10, "damaged"),
        ((truncated,), 10, "damaged"),
        ((path, "--run", "nothing like it"), 2, "none of 1 tests is selected"),
        ((path, "--run", "("), 2, "regular expression"),
        ((), 2, "paths"),
    ):
        got, out, err = run(capfd, "blocktest", *arguments, "--json")
        assert (got, out) == (code, "")
        assert words in err
        assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("expected", "error", "judgement"),
    [
        ("BlockException.INVALID_STATE_ROOT", reasons.InvalidStateRootError(), Judgement.RIGHT),
        ("BlockException.INVALID_STATE_ROOT", reasons.InvalidReceiptsRootError(), Judgement.WRONG),
        ("BlockException.INVALID_DIFFICULTY", reasons.MergeNotReachedError(), Judgement.RIGHT),
        ("BlockException.IMPORT_IMPOSSIBLE_PARIS_WRONG_POS", reasons.InvalidDifficultyError(), Judgement.WRONG),
        ("TransactionException.RLP_LEADING_ZEROS_S", InvalidRlp(""), Judgement.RIGHT),
        ("TransactionException.RLP_LEADING_ZEROS_S", reasons.InvalidStateRootError(), Judgement.WRONG),
        ("INSUFFICIENT_ACCOUNT_FUNDS", InsufficientBalanceError("poor"), Judgement.RIGHT),
        ("BlockException.INSUFFICIENT_ACCOUNT_FUNDS", InsufficientBalanceError("poor"), Judgement.UNKNOWN),
        ("BlockException.NEW | BlockException.INVALID_STATE_ROOT", reasons.InvalidStateRootError(), Judgement.RIGHT),
        ("BlockException.NEW|BlockException.INVALID_STATE_ROOT", reasons.InvalidGasUsedError(), Judgement.UNKNOWN),
    ],
)
def test_reasons_are_judged_by_their_names(
    expected: str, error: InvalidBlock | InvalidRlp, judgement: Judgement
) -> None:
    assert judge(expected, error) is judgement
