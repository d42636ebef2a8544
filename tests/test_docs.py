"""The documentation is what the program does: every block of Python runs, every link and every option exists."""

from __future__ import annotations

import io
import re
import runpy
import shlex
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from bench.cli import app
from bench.explain.model import ConflictMetrics, DeclaredLists, HotLocation, WhatIf
from bench.export import export
from tests.data import ROOT
from workloads.registry import WORKLOADS

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Shown:
    """A block of Python at a line of its page; `output` is what the page says that it prints, if it says so."""

    line: int
    code: str
    output: str | None


def fences(page: Path) -> list[tuple[int, str, str]]:
    """Return (line, language, text) of every fenced block."""
    text = page.read_text(encoding="utf-8")
    return [(text[: found.start()].count("\n") + 2, found[1], found[2]) for found in FENCE.finditer(text)]


def shown(page: Path) -> list[Shown]:
    """Return the blocks of Python of a page, each with the ```text behind it."""
    blocks = [*fences(page), (0, "", "")]
    return [
        Shown(line, code, after if next_language == "text" else None)
        for (line, language, code), (_, next_language, after) in pairwise(blocks)
        if language == "python"
    ]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the pages tell the reader to export: `blocks` and `chain`."""
    folder = tmp_path_factory.mktemp("docs")
    export("lending", 60, 1, [], folder / "blocks", lambda _: None)
    export("lending", 60, 1, ["blocks=3"], folder / "chain", lambda _: None)
    return folder


@pytest.mark.parametrize("page", [page for page in PAGES if shown(page)], ids=lambda page: page.stem)
def test_python_of_a_page_runs_and_prints_what_it_says(
    page: Path, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(exported)
    module = ModuleType(f"page_{page.stem.replace('-', '_')}")  # a real one: what goes to workers is found by its name
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for block in shown(page):
        printed = io.StringIO()
        code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
        with redirect_stdout(printed):
            exec(code, vars(module))  # noqa: S102 - our own pages
        if block.output is not None:
            assert printed.getvalue() == block.output, f"{page.name}, line {block.line}"


def test_the_example_runs_from_top_to_bottom(capsys: pytest.CaptureFixture[str]) -> None:
    values = runpy.run_path(str(DOCS / "example.py"))
    printed = capsys.readouterr().out
    assert values["real"].cap.gas == values["explanation"].what_if[0].cap_before_gas
    assert values["explanation"].what_if[-1].cap_after_gas > 2 * values["real"].cap.gas
    assert printed.count("│ yes ") == len(values["WAYS"])
    assert "WETH.balanceOf[pool]" in printed


LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
WRITTEN = [ROOT / "README.md", ROOT / "DESIGN.md", *PAGES]


def headings(page: Path) -> set[str]:
    """Return the anchors that a code host makes of a page's headings."""
    found = re.findall(r"^#+ (.*)$", re.sub(FENCE, "", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def broken_links(page: Path) -> list[str]:
    """Return the links of a page, within the repository, that lead nowhere."""
    broken = []
    for link in LINK.findall(re.sub(FENCE, "", page.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in headings(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_every_page_is_on_the_map() -> None:
    on_the_map = set(LINK.findall((DOCS / "README.md").read_text(encoding="utf-8")))
    assert {page.name for page in PAGES} - {"README.md"} <= on_the_map


FIELDS = (ConflictMetrics, HotLocation, WhatIf, DeclaredLists)


@pytest.mark.parametrize("noun", FIELDS, ids=lambda noun: noun.__name__)
def test_the_page_on_reports_names_every_field(noun: type) -> None:
    page = (DOCS / "reading-a-report.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", page))
    assert {field.name for field in fields(noun)} - named - {"key_set", "location", "change"} == set()


SHELL = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`(parallel-evm [^`\n]*)`")


def command_lines(page: Path) -> list[str]:
    """Return every command line of ours that a page shows, as a block of shell or in its text."""
    text = page.read_text(encoding="utf-8")
    lines = [line for block in SHELL.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    found = [*INLINE.findall(re.sub(FENCE, "", text)), *(line.partition(" #")[0].strip() for line in lines)]
    return [line.removeprefix(".venv/bin/") for line in found if line.removeprefix(".venv/bin/").startswith("parallel")]


def unknown_words(line: str, program: TyperGroup) -> list[str]:
    """Return the command or options of a line that do not exist, and the parameters of a workload that it lacks."""
    words = shlex.split(line)[1:]
    if not words or words[0].startswith("-"):
        return [word for word in words if word not in names_of(program)]
    if words[0] not in program.commands:
        return words[:1]
    unknown = [
        word
        for word in words[1:]
        if word.startswith("--") and word.partition("=")[0] not in {*names_of(program.commands[words[0]]), "--help"}
    ]
    parameters = [after.partition("=")[0] for before, after in pairwise(words) if before == "--param"]
    spec = next((WORKLOADS[word] for word in words[1:] if word in WORKLOADS), None)
    return unknown + [name for name in parameters if spec is None or name not in {*spec.parameters, "name"}]


def names_of(command: Any) -> set[str]:
    """Return the options of a command."""
    return {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_commands_and_options_exist(page: Path) -> None:
    program = get_command(app)
    assert isinstance(program, TyperGroup)
    wrong = {line: unknown for line in command_lines(page) if (unknown := unknown_words(line, program))}
    assert wrong == {}


def test_a_command_or_option_that_does_not_exist_is_found() -> None:
    program = get_command(app)
    assert isinstance(program, TyperGroup)
    for line, wrong in (
        ("parallel-evm nonsense", ["nonsense"]),
        ("parallel-evm run lending --workers 2 --wrong 1", ["--wrong"]),
        ("parallel-evm run lending --param absent=1", ["absent"]),
        ("parallel-evm run lending --param shards=1 --workers=2", []),
        ("parallel-evm --absent", ["--absent"]),
    ):
        assert unknown_words(line, program) == wrong


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in WRITTEN:
        named = re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(named) <= targets, page


@pytest.mark.parametrize("picture", sorted(DOCS.glob("images/*.svg")), ids=lambda picture: picture.stem)
def test_a_picture_is_whole_dark_and_light_and_says_what_it_shows(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8")
    root = ET.fromstring(text)  # noqa: S314 - our own file
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"""(href|src)=["'](?!#)|url\((?!#)""", text), "a picture asks for nothing outside"
    named = {child.tag.rpartition("}")[2] for child in root}
    assert {"title", "desc"} <= named
