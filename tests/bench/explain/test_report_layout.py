"""The report's layout of the dependency graph, run by Node where there is one: nothing hidden, nothing left out."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import asdict
from functools import cache
from importlib import resources
from typing import Any

import pytest

from bench.explain.html import SCRIPTS
from bench.explain.model import Explanation
from tests.bench.explain.example import example

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node, which nothing else of the project does")
BLOCKS = {"large": example(1400, 200), "lonely": example(40, 1), "chained": example(60, 60), "one": example(1, 1)}
_LAYOUTS = """
const count = (value, noun) => `${value} ${noun}`;
const { nodes, edges } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const links = readGraph(nodes, edges);
markImplied(nodes, links);
const needed = links.before.flatMap((some, at) => some.filter((link) => !link.implied).map((link) => [link.to, at]));
const radius = () => 9;
console.log(JSON.stringify({ needed, level: layoutByLevel(nodes, links, radius, 820),
  time: layoutByTime(nodes, links, 820) }));
"""


def asset(name: str) -> str:
    return resources.files("bench.explain").joinpath("report_assets", name).read_text(encoding="utf-8")


def node(script: str, *options: str, given: str = "") -> str:
    assert NODE is not None
    command = [NODE, *options] if options else [NODE, "-e", script]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    return done.stdout


def middle(spot: Any) -> float:
    return round(float(spot["y"]) + float(spot["h"]) / 2, 6)


@cache
def drawn(block: str) -> Any:
    explanation = BLOCKS[block]
    given = {"nodes": list(map(asdict, explanation.nodes)), "edges": list(map(asdict, explanation.edges))}
    return json.loads(node(asset("layout.js") + _LAYOUTS, given=json.dumps(given)))


def needed_edges(explanation: Explanation) -> set[tuple[int, int]]:
    """The edges that no longer way between the same two implies, found by walking."""
    before: dict[int, set[int]] = {each.index: set() for each in explanation.nodes}
    for edge in explanation.edges:
        before[edge.after].add(edge.before)
    ancestors: dict[int, set[int]] = {}
    for index in sorted(before):
        ancestors[index] = before[index].union(*(ancestors[each] for each in before[index]))
    return {
        (first, index)
        for index in before
        for first in before[index]
        if not any(first in ancestors[other] for other in before[index])
    }


def test_the_joined_script_is_sound() -> None:
    joined = "\n".join(["(() => {", '"use strict";', *map(asset, SCRIPTS), "})();"])
    node("", "--check", "-", given=joined)


@pytest.mark.parametrize("block", BLOCKS)
def test_only_edges_that_others_imply_are_left_out(block: str) -> None:
    shown = [tuple(pair) for pair in drawn(block)["needed"]]
    assert len(shown) == len(set(shown))
    assert set(shown) == needed_edges(BLOCKS[block])


@pytest.mark.parametrize("layout", ["level", "time"])
@pytest.mark.parametrize("block", BLOCKS)
def test_every_transaction_has_a_place_of_its_own_within_the_picture(block: str, layout: str) -> None:
    laid = drawn(block)[layout]
    spots, world = laid["spots"], laid["world"]
    assert len(spots) == BLOCKS[block].transactions
    assert len({(spot["x"] + spot["w"] / 2, spot["y"] + spot["h"] / 2) for spot in spots}) == len(spots)
    for spot in spots:
        assert world["x"] <= spot["x"]
        assert spot["x"] + spot["w"] <= world["x"] + world["w"]
        assert world["y"] <= spot["y"]
        assert spot["y"] + spot["h"] <= world["y"] + world["h"]


@pytest.mark.parametrize("layout", ["level", "time"])
@pytest.mark.parametrize("block", BLOCKS)
def test_what_waits_stands_to_the_right_of_what_it_waits_for(block: str, layout: str) -> None:
    spots = drawn(block)[layout]["spots"]
    for edge in BLOCKS[block].edges:
        assert spots[edge.before]["x"] < spots[edge.after]["x"]


@pytest.mark.parametrize("block", BLOCKS)
def test_the_critical_path_is_one_straight_line(block: str) -> None:
    for layout in ("level", "time"):
        spots = drawn(block)[layout]["spots"]
        assert len({middle(spots[step.index]) for step in BLOCKS[block].path}) == 1


@pytest.mark.parametrize("block", BLOCKS)
def test_nothing_else_stands_in_the_line_of_the_critical_path(block: str) -> None:
    spots = drawn(block)["level"]["spots"]
    path = {step.index for step in BLOCKS[block].path}
    line = {middle(spots[index]) for index in path}
    assert not line & {middle(spot) for index, spot in enumerate(spots) if index not in path}


def test_the_large_example_has_edges_that_others_imply() -> None:
    assert len(needed_edges(BLOCKS["large"])) < len(BLOCKS["large"].edges)
