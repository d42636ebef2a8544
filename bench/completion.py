"""Answers a shell that asks how a command line could go on, from a table: nothing of the program is loaded for it.

The shells ask as typer's scripts make them (`parallel-evm --install-completion`): what has been typed stands in the
environment. `bench.completion_table` writes the table from the commands themselves, which takes a second or two.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

TABLE = Path(__file__).with_name("completion.json")
ASKED = "_PARALLEL_EVM_COMPLETE"
WORKLOAD, FILE_OR_WORKLOAD, EXPERIMENT, PARAMETER = "workload", "file or workload", "experiment", "name="
"""What a word may be, where it is not one of a few values; of files alone the shell knows more."""

Table: TypeAlias = Mapping[str, Any]
Offer: TypeAlias = tuple[str, str]
"""A word and what it means."""


@dataclass(frozen=True, slots=True)
class Question:
    """The words before the one being typed, and that one as far as it goes.

    `kept` is how much of the word the shell keeps as it is: what it takes for words of their own.
    """

    words: Sequence[str]
    incomplete: str
    kept: int = 0


def answered(environment: Mapping[str, str]) -> bool:
    """Print the answer if a shell asks for completions; return whether it did and is one that we know."""
    action, _, shell = environment.get(ASKED, "").partition("_")
    if action != "complete" or shell not in _SHELLS or not TABLE.is_file():
        return False
    ask, tell = _SHELLS[shell]
    question = ask(environment)
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    offers = [(word[question.kept :], meaning) for word, meaning in offered(table, question)]
    if shell == "fish" and environment.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        raise SystemExit(0 if offers else 1)
    print(tell(offers))  # noqa: T201 - for the shell
    return True


# -- what could stand there


def offered(table: Table, question: Question) -> list[Offer]:
    """Return the words that begin as typed, each with its meaning; none where it is for the shell to offer files."""
    return [offer for offer in _possible(table, question) if offer[0].startswith(question.incomplete)]


def _possible(table: Table, question: Question) -> Iterator[Offer]:
    words, incomplete = list(question.words), question.incomplete
    command = next((word for word in words if not word.startswith("-")), None)
    if command is None or command not in table["commands"]:
        if incomplete.startswith("-"):
            yield from _options(table["options"])
        elif command is None:
            yield from ((name, entry["help"]) for name, entry in table["commands"].items())
        return
    entry = table["commands"][command]
    behind = words[words.index(command) + 1 :]
    positional, waiting = _walk(entry["options"], behind)
    name, equals, value = incomplete.partition("=")
    if waiting is not None:
        yield from _values(table, waiting, positional, incomplete)
    elif equals and name in entry["options"]:
        values = _values(table, entry["options"][name], positional, value)
        yield from ((f"{name}={word}", meaning) for word, meaning in values)
    elif incomplete.startswith("-"):
        yield from _options(entry["options"])
    elif entry["arguments"]:
        last = len(entry["arguments"]) - 1
        yield from _values(table, entry["arguments"][min(len(positional), last)], positional, incomplete)


def _walk(options: Table, words: Sequence[str]) -> tuple[list[str], Table | None]:
    """Return the arguments among the words of a command, and the option that still waits for its value."""
    positional: list[str] = []
    waiting: Table | None = None
    for word in words:
        if waiting is not None:
            waiting = None
        elif word in options:
            waiting = None if options[word].get("flag") else options[word]
        elif not word.startswith("-"):
            positional.append(word)
    return positional, waiting


def _options(options: Table) -> Iterator[Offer]:
    return ((name, option["help"]) for name, option in options.items())


def _values(table: Table, place: Table, positional: Sequence[str], incomplete: str) -> Iterator[Offer]:
    kind = place.get("kind", "")
    if "values" in place:
        yield from ((value, "") for value in place["values"])
    if kind in {WORKLOAD, FILE_OR_WORKLOAD}:
        yield from ((name, workload["help"]) for name, workload in table["workloads"].items())
    if kind == FILE_OR_WORKLOAD:
        yield from _files(incomplete)
    if kind == EXPERIMENT:
        yield from table["experiments"].items()
    if kind == PARAMETER and positional:
        yield from _parameters(table["workloads"].get(positional[0], {}).get("parameters", {}), incomplete)


def _parameters(parameters: Table, incomplete: str) -> Iterator[Offer]:
    """Return names first, and values once there is a name."""
    if "=" not in incomplete:
        yield from ((f"{name}=", parameter["help"]) for name, parameter in parameters.items())
        return
    name = incomplete.partition("=")[0]
    parameter = parameters.get(name, {"values": ()})
    yield from ((f"{name}={value}", parameter["help"]) for value in parameter["values"])


def _files(incomplete: str) -> Iterator[Offer]:
    folder = os.path.dirname(incomplete)  # noqa: PTH120 - as it was typed, which pathlib would tidy up
    try:
        found = sorted(os.scandir(folder or "."), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in found:
        if not entry.name.startswith("."):
            name = os.path.join(folder, entry.name)  # noqa: PTH118
            yield (f"{name}/", "a folder") if entry.is_dir() else (name, "a file")


# -- how shells ask and what they understand


def _ask_bash(environment: Mapping[str, str]) -> Question:
    """Put together again what bash takes for words of their own: `--strategy`, `=`, `graph`."""
    place = int(environment["COMP_CWORD"])
    words = _split(environment["COMP_WORDS"])
    words = [*words[: place + 1], ""] if len(words) <= place else words[: place + 1]
    whole: list[str] = []
    kept, joined = 0, False
    for word in words:
        if whole and (joined or (word == "=" and whole[-1])):
            kept = len(whole[-1]) + (word == "=")
            whole[-1] += word
        else:
            kept = 0
            whole.append(word)
        joined = word == "="
    return Question(whole[1:-1], whole[-1], kept)


def _ask_rest(environment: Mapping[str, str]) -> Question:
    """Read what zsh and fish say: the line up to the cursor."""
    line = environment.get("_TYPER_COMPLETE_ARGS", "")
    words = _split(line)[1:]
    if words and not line.endswith(" "):
        return Question(words[:-1], words[-1])
    return Question(words, "")


def _split(line: str) -> list[str]:
    """Return the words of a line; a quotation that is still open is a word as far as it goes."""
    parser = shlex.shlex(line, posix=True)
    parser.whitespace_split = True
    parser.commenters = ""
    words: list[str] = []
    try:
        words.extend(parser)
    except ValueError:
        words.append(parser.token)
    return words


def _tell_bash(offers: Sequence[Offer]) -> str:
    return "\n".join(word for word, _ in offers)


def _tell_zsh(offers: Sequence[Offer]) -> str:
    quoted = [":".join(f'"{_escaped(part)}"' for part in offer if part) for offer in offers]
    return "_arguments '*: :(({}))'".format("\n".join(quoted)) if quoted else "_files"


def _escaped(text: str) -> str:
    text = text.replace('"', '""').replace("'", "''")
    return text.replace("$", "\\$").replace("`", "\\`").replace(":", r"\\:")


def _tell_fish(offers: Sequence[Offer]) -> str:
    return "\n".join("\t".join(part for part in offer if part) for offer in offers)


_SHELLS = {
    "bash": (_ask_bash, _tell_bash),
    "zsh": (_ask_rest, _tell_zsh),
    "fish": (_ask_rest, _tell_fish),
}
