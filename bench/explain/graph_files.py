"""The dependency graph of an explanation as files for other tools: Graphviz (dot) and GraphML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias
from xml.etree import ElementTree as ET

from bench.explain.model import Edge, Explanation, Node
from executor.files import StrPath, write_whole

Value: TypeAlias = str | int | float | bool

GRAPHML = "http://graphml.graphdrawing.org/xmlns"
_ADDRESS_LENGTH = 42
_COLUMN, _ROW = 3, 1
"""Inches between nodes."""
_TYPES = {bool: "boolean", int: "long", float: "double", str: "string"}
_FIRST_CHARACTER = " "
"""Below it, XML 1.0 knows tab and the two line ends only."""


def write_dot(explanation: Explanation, path: StrPath) -> None:
    """Write the graph for Graphviz, whole or not at all; InputOutputError where it cannot be written."""
    write_whole(path, "".join(f"{line}\n" for line in _dot_lines(explanation)).encode())


def write_graphml(explanation: Explanation, path: StrPath) -> None:
    """Write the graph as GraphML, whole or not at all; InputOutputError where it cannot be written."""
    root = _graphml(explanation)
    ET.indent(root)
    write_whole(path, ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


# -- what both say


def node_facts(node: Node) -> dict[str, Value]:
    """Return the attributes of a transaction: gas in gas units, seconds of processor time, `level` from 0."""
    return {
        "index": node.index,
        "level": node.level,
        "gas": node.gas,
        "seconds": float(node.seconds),
        "hash": node.hash,
        "sender": node.sender,
        "to": node.to,
        "contract": node.contract,
        "operation": node.operation,
        "success": node.success,
        "on_path": node.on_path,
    }


def edge_facts(edge: Edge, on_path: frozenset[tuple[int, int]]) -> dict[str, Value]:
    """Return the attributes of an edge; `on_path` holds the pairs of the critical path."""
    return {
        "location": edge.location,
        "locations": edge.locations,
        "on_path": (edge.before, edge.after) in on_path,
    }


def path_pairs(explanation: Explanation) -> frozenset[tuple[int, int]]:
    """Return the (before, after) pairs of the critical path."""
    return frozenset((step.waits_for, step.index) for step in explanation.path if step.waits_for is not None)


# -- dot


def _dot_lines(explanation: Explanation) -> Iterator[str]:
    yield "// dot finds places itself, slowly where chains are long; neato keeps those given here"
    yield f"digraph {_quoted(explanation.label)} {{"
    yield f'  graph [rankdir="LR", label={_quoted(explanation.label)}];'
    yield '  node [shape="box"];'
    places = _places(explanation)
    for node in explanation.nodes:
        lines = (str(node.index), _shortened(node.contract), node.operation)
        look: dict[str, Value] = {"label": "\n".join(filter(None, lines)), "pos": places[node.index]}
        if node.on_path:
            look |= {"color": "red", "penwidth": 2}
        yield f"  {node.index} [{_attributes(look | node_facts(node))}];"
    pairs = path_pairs(explanation)
    for edge in explanation.edges:
        facts = edge_facts(edge, pairs)
        line: dict[str, Value] = {"color": "red", "penwidth": 2} if facts["on_path"] else {}
        yield f"  {edge.before} -> {edge.after} [{_attributes(line | {'tooltip': edge.location} | facts)}];"
    yield "}"


def _shortened(contract: str) -> str:
    """Return a name, of a bare address only the beginning; the attributes have it in full."""
    return f"{contract[:10]}…" if len(contract) == _ADDRESS_LENGTH and contract.startswith("0x") else contract


def _places(explanation: Explanation) -> dict[int, str]:
    """Return where a transaction stands, in inches: a column per level, in it the critical path first."""
    rows: Counter[int] = Counter()
    places = {}
    for node in sorted(explanation.nodes, key=lambda node: (not node.on_path, node.index)):
        places[node.index] = f"{_COLUMN * node.level},{-_ROW * rows[node.level]}!"
        rows[node.level] += 1
    return places


def _attributes(facts: Mapping[str, Value]) -> str:
    return ", ".join(f"{name}={_quoted(_text(value))}" for name, value in facts.items())


def _quoted(text: str) -> str:
    """Return a quoted identifier; a backslash is doubled, as Graphviz reads one as the start of an escape."""
    escaped = _legal(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# -- GraphML


def _graphml(explanation: Explanation) -> ET.Element:
    root = ET.Element("graphml", xmlns=GRAPHML)
    ET.SubElement(root, "desc").text = _legal(explanation.label)
    pairs = path_pairs(explanation)
    nodes = [(node, node_facts(node)) for node in explanation.nodes]
    edges = [(edge, edge_facts(edge, pairs)) for edge in explanation.edges]
    _keys(root, "node", nodes[0][1] if nodes else {})
    _keys(root, "edge", edges[0][1] if edges else {})
    graph = ET.SubElement(root, "graph", id=f"block{explanation.number}", edgedefault="directed")
    for node, facts in nodes:
        _data(ET.SubElement(graph, "node", id=f"n{node.index}"), "node", facts)
    for edge, facts in edges:
        ends = {"source": f"n{edge.before}", "target": f"n{edge.after}"}
        _data(ET.SubElement(graph, "edge", ends), "edge", facts)
    return root


def _keys(root: ET.Element, kind: str, facts: Mapping[str, Value]) -> None:
    """Declare the attributes of nodes or edges, which all have the same."""
    for name, value in facts.items():
        declared = {"id": f"{kind}_{name}", "for": kind, "attr.name": name, "attr.type": _TYPES[type(value)]}
        ET.SubElement(root, "key", declared)


def _data(element: ET.Element, kind: str, facts: Mapping[str, Value]) -> None:
    for name, value in facts.items():
        ET.SubElement(element, "data", key=f"{kind}_{name}").text = _legal(_text(value))


def _legal(text: str) -> str:
    """Return a text without what no XML document may hold, however it is escaped, and no UTF-8."""
    return "".join(mark if _is_legal(mark) else "\ufffd" for mark in text)


def _is_legal(mark: str) -> bool:
    if mark < _FIRST_CHARACTER:
        return mark in "\t\n\r"
    return not ("\ud800" <= mark <= "\udfff" or mark in "\ufffe\uffff")
