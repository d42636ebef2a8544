"""Graphs in files are what Graphviz and GraphML readers expect, whatever the names in them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.explain.graph_files import GRAPHML, write_dot, write_graphml
from executor.errors import InputOutputError
from tests.bench.explain.planned import AWKWARD, LOCATION, planned_explanation

TOKEN = re.compile(r'\s+|"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z_0-9]*|[0-9]+|->|[\[\]{};,=]')
"""The tokens of the dot language that a graph of ours may hold."""


def tokens(text: str) -> list[str]:
    """Return the tokens of a dot file; every character must belong to one."""
    found, place = [], 0
    while place < len(text):
        match = TOKEN.match(text, place)
        assert match is not None, text[place : place + 40]
        place = match.end()
        if not match.group().isspace():
            found.append(match.group())
    return found


def unquoted(token: str) -> str:
    """Return what a quoted string stands for, the escapes of labels resolved."""
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], token[1:-1], flags=re.DOTALL)


def test_dot_has_every_node_and_edge_whatever_their_names(tmp_path: Path) -> None:
    write_dot(planned_explanation(), tmp_path / "graph.dot")
    comment, _, text = (tmp_path / "graph.dot").read_text(encoding="utf-8").partition("\n")
    assert comment.startswith("// ")
    found = tokens(text)
    assert found[0] == "digraph"
    assert found[-1] == "}"
    assert found.count("{") == found.count("}")
    edges = [(found[place - 1], found[place + 1]) for place, word in enumerate(found) if word == "->"]
    assert edges == [("0", "2"), ("2", "3"), ("0", "3")]
    places = [unquoted(found[place + 2]) for place, word in enumerate(found) if word == "pos"]
    assert places == ["0,0!", "0,-1!", "3,0!", "6,0!"]
    contracts = [unquoted(found[place + 2]) for place, word in enumerate(found) if word == "contract"]
    assert contracts == [AWKWARD.replace("\x00", "\ufffd")] * 4
    on_path = [unquoted(found[place + 2]) for place, word in enumerate(found) if word == "on_path"]
    assert on_path == ["true", "false", "true", "true", "true", "true", "false"]


def test_graphml_is_read_back(tmp_path: Path) -> None:
    write_graphml(planned_explanation(), tmp_path / "graph.graphml")
    root = ET.parse(tmp_path / "graph.graphml").getroot()  # noqa: S314 - ours
    space = {"g": GRAPHML}
    keys = {key.get("id"): key for key in root.findall("g:key", space)}
    nodes, edges = root.findall("g:graph/g:node", space), root.findall("g:graph/g:edge", space)
    assert [node.get("id") for node in nodes] == ["n0", "n1", "n2", "n3"]
    assert [(edge.get("source"), edge.get("target")) for edge in edges] == [("n0", "n2"), ("n2", "n3"), ("n0", "n3")]
    facts = [
        {keys[data.get("key")].get("attr.name"): data.text for data in element.findall("g:data", space)}
        for element in (*nodes, *edges)
    ]
    assert facts[1]["contract"] == AWKWARD.replace("\x00", "\ufffd")
    assert (facts[2]["level"], facts[2]["gas"], facts[2]["seconds"]) == ("1", "100", "0.0025")
    assert [fact["on_path"] for fact in facts] == ["true", "false", "true", "true", "true", "true", "false"]
    assert facts[4]["location"] == LOCATION.name.replace("\x00", "\ufffd")
    assert {key.get("attr.type") for key in keys.values()} == {"boolean", "long", "double", "string"}


@pytest.mark.parametrize("write", [write_dot, write_graphml])
def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, write: object) -> None:
    assert callable(write)
    with pytest.raises(InputOutputError, match="cannot be written"):
        write(planned_explanation(), tmp_path / "missing" / "graph")
    write(planned_explanation(), tmp_path / "graph")
    assert [path.name for path in tmp_path.iterdir()] == ["graph"]
