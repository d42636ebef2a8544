"""What a shell is offered: by the protocol of typer's scripts, from a table that must be that of the commands."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from bench.cli import app
from bench.completion import ASKED, TABLE, answered
from bench.completion_table import make_table, text_of
from bench.entry import main
from bench.options import Strategy
from tests.data import ROOT
from workloads.registry import WORKLOADS


def test_the_table_is_that_of_the_commands() -> None:
    assert TABLE.read_text() == text_of(make_table()), "write it anew: python -m bench.completion_table"


def bash(*words: str) -> list[str]:
    """Return what bash is offered for the last word."""
    return asked({ASKED: "complete_bash", "COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)})


def rest(shell: str, line: str) -> list[str]:
    """Return what zsh or fish is told for a line up to the cursor."""
    return asked({ASKED: f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line})


def asked(environment: dict[str, str]) -> list[str]:
    printed = io.StringIO()
    with redirect_stdout(printed):
        assert answered(environment)
    return printed.getvalue().splitlines()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("re",), ["replay"]),
        (("--v",), ["--version"]),
        (("--debug", "worklo"), ["workloads"]),
        (("run", "lend"), ["lending"]),
        (("run", "lending", "--strat"), ["--strategy"]),
        (("run", "lending", "--strategy", ""), list(Strategy)),
        (("run", "lending", "--strategy", "w"), ["waves"]),
        (("run", "lending", "--strategy=w"), ["--strategy=waves"]),
        (("run", "lending", "--strategy", "=", "w"), ["waves"]),
        (("run", "--strategy", "waves", "lend"), ["lending"]),
        (("run", "lending", "--param", "shar"), ["shards="]),
        (("run", "lending", "--param", "rate", "="), ["lazy", "eager"]),
        (("run", "lending", "--param", "rate", "=", "e"), ["eager"]),
        (("run", "transfers", "--param", "kind=erc"), ["kind=erc20"]),
        (("experiment", "worst"), ["worst-case"]),
        (("nonsense", "--p"), []),
        (("run", "lending", "--seed", ""), []),
        (("replay", "some"), []),
    ],
    ids=" ".join,
)
def test_bash_is_offered(words: tuple[str, ...], offered: list[str]) -> None:
    assert [line for line in bash("parallel-evm", *words) if line] == offered


def test_all_commands_and_all_workloads_are_offered() -> None:
    assert bash("parallel-evm", "") == list(json.loads(TABLE.read_text())["commands"])
    assert bash("parallel-evm", "run", "") == list(WORKLOADS)


def test_a_word_that_may_be_a_file_offers_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lend.json.gz").touch()
    (tmp_path / "lent").mkdir()
    monkeypatch.chdir(tmp_path)
    assert bash("parallel-evm", "simulate", "len") == ["lending", "lend.json.gz", "lent/"]
    assert bash("parallel-evm", "simulate", "./len") == ["./lend.json.gz", "./lent/"]
    assert bash("parallel-evm", "simulate", "absent/") == [""]


def test_zsh_is_told_meanings_and_left_its_files() -> None:
    (line,) = rest("zsh", "parallel-evm repl")
    assert re.fullmatch(r"""_arguments '\*: :\(\("replay":"Replay recorded blocks [^"]*"\)\)'""", line)
    assert rest("zsh", "parallel-evm run lending --strategy=wa") == ["_arguments '*: :((\"--strategy=waves\"))'"]
    assert rest("zsh", "parallel-evm replay bl") == ["_files"]


def test_fish_is_told_meanings_and_whether_there_are_any() -> None:
    assert rest("fish", "parallel-evm run lending --param sha")[0].split("\t")[0] == "shards="
    for line, code in (("parallel-evm run len", 0), ("parallel-evm replay bl", 1)):
        with pytest.raises(SystemExit) as left:
            asked(
                {
                    ASKED: "complete_fish",
                    "_TYPER_COMPLETE_ARGS": line,
                    "_TYPER_COMPLETE_FISH_ACTION": "is-args",
                }
            )
        assert left.value.code == code


@pytest.mark.parametrize("instruction", ["", "source_bash", "complete_powershell"])
def test_what_is_no_question_of_these_shells_is_left_to_the_command(instruction: str) -> None:
    assert not answered({ASKED: instruction})


def run(command: list[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


ENTRY = "from bench.entry import main\nmain()\n"
BASH = """
{shown}
COMP_WORDS=(parallel-evm run lending --backend = pro) COMP_CWORD=5
_parallel_evm_completion {program}
echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_a_real_bash_completes_by_the_script_that_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "parallel-evm"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.path[:0] = [{str(ROOT)!r}]\n{ENTRY}")
    program.chmod(0o755)
    monkeypatch.setenv(ASKED, "source_bash")
    with pytest.raises(SystemExit):
        app([], prog_name="parallel-evm", standalone_mode=False)
    script = BASH.format(shown=capsys.readouterr().out, program=program)
    monkeypatch.delenv(ASKED)
    done = run(["bash", "-c", script])
    assert done.stdout.splitlines()[-1:] == ["process"], done.stderr


LOADED = """
import os, sys
from bench.entry import main
main()
heavy = {"typer", "rich", "eth", "ray", "executor", "scheduler", "workloads"} & set(sys.modules)
sys.exit(f"loaded: {heavy}" if heavy else 0)
"""


def test_an_answer_loads_nothing_of_the_program() -> None:
    environment = {
        ASKED: "complete_bash",
        "COMP_WORDS": "parallel-evm run l",
        "COMP_CWORD": "2",
        "PYTHONPATH": str(ROOT),
    }
    done = run([sys.executable, "-c", LOADED], environment)
    assert (done.returncode, done.stdout) == (0, "lending\n"), done.stderr


def test_what_is_no_question_goes_to_the_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(ASKED, raising=False)
    monkeypatch.setattr(sys, "argv", ["parallel-evm", "--version"])
    with pytest.raises(SystemExit) as left:
        main()
    assert (left.value.code, capsys.readouterr().out.split()[0]) == (0, "parallel-evm")
