"""The HTML report: one file that fetches nothing, holds all that is known, and is written whole or not at all."""

from __future__ import annotations

import json
import re
import types
from dataclasses import fields, is_dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from bench.explain.html import SCRIPTS, render_html, write_html
from bench.explain.model import Explanation
from executor.errors import InputOutputError
from tests.bench.explain.example import example

SECTIONS = ("headline", "key-sets", "graph", "schedule", "hot", "path", "what-if", "lists", "measured")
_DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)


def embedded(page: str) -> Any:
    found = _DATA.search(page)
    assert found is not None
    return json.loads(found[1])


def restored(kind: Any, value: Any) -> Any:
    """The value that the embedded JSON stands for, read by the types of the model."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{each.name: restored(hints[each.name], value[each.name]) for each in fields(kind)})  # type: ignore[operator]
    if get_origin(kind) in {types.UnionType, Union}:
        return (
            None if value is None else restored(next(each for each in get_args(kind) if each is not type(None)), value)
        )
    if get_origin(kind) is not tuple:
        return value
    if isinstance(value, dict):
        value = [dict(zip(value["columns"], row, strict=True)) for row in value["rows"]]
    kinds = get_args(kind)
    kinds = kinds[:1] * len(value) if kinds[-1] is Ellipsis else kinds
    return tuple(restored(each, item) for each, item in zip(kinds, value, strict=True))


def test_the_embedded_json_is_the_explanation() -> None:
    explanation = example(60, 12)
    assert restored(Explanation, embedded(render_html(explanation))) == explanation


def test_the_page_asks_for_nothing_outside_itself() -> None:
    page = _DATA.sub("", render_html(example(20, 5)))
    for word in ("http:", "https:", "src=", "@import", "url(", "fetch(", "XMLHttpRequest", "import("):
        assert word not in page
    assert set(re.findall(r'href="([^"]*)"', page)) == {"data:,", "#graph"}
    assert "default-src 'none'" in page


def test_every_asset_is_found_beside_the_package_and_used() -> None:
    """Wheels carry the folder as it is: what stands in it is what the report is made of."""
    assets = resources.files("bench.explain").joinpath("report_assets")
    assert {each.name for each in assets.iterdir()} == {*SCRIPTS, "report.css", "report.html"}


def test_every_section_is_there_in_order() -> None:
    page = render_html(example(20, 5))
    assert tuple(re.findall(r'<section id="([^"]+)"', page)) == SECTIONS


def test_every_element_that_the_scripts_ask_for_by_name_is_there() -> None:
    page = render_html(example(20, 5))
    asked = set(re.findall(r'byId\("([^"]+)"\)', page))
    assert asked
    assert asked <= set(re.findall(r'id="([^"]+)"', page))


def test_names_cannot_break_out_of_where_they_stand() -> None:
    evil = "</script><script>alert(1)</script><!-- \" ' & @@data@@ \u2028"
    plain = example(5, 2)
    explanation = replace(
        plain,
        label=evil,
        verdict=evil,
        nodes=tuple(replace(node, contract=evil, operation=evil) for node in plain.nodes),
    )
    page = render_html(explanation)
    assert "<script>alert" not in page
    assert len(re.findall("</script", page)) == len(re.findall("</script", render_html(plain)))
    assert restored(Explanation, embedded(page)) == explanation


def test_a_large_block_stays_below_three_megabytes() -> None:
    explanation = example(1400, 200)
    assert len(render_html(explanation).encode()) < 3_000_000


@pytest.mark.parametrize("transactions", [0, 1, 2])
def test_the_smallest_blocks_have_a_report(transactions: int) -> None:
    explanation = example(transactions, transactions)
    page = render_html(explanation)
    assert restored(Explanation, embedded(page)) == explanation
    assert tuple(re.findall(r'<section id="([^"]+)"', page)) == SECTIONS


def test_a_report_without_a_measured_run_has_all_sections() -> None:
    page = render_html(replace(example(9, 3), schedule=None))
    assert embedded(page)["schedule"] is None


def test_what_json_has_no_word_for_is_left_empty() -> None:
    plain = example(3, 1)
    page = render_html(replace(plain, work=replace(plain.work, seconds=float("nan"))))
    assert embedded(page)["work"]["seconds"] is None


def test_a_report_is_written_whole(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("before", encoding="utf-8")
    write_html(example(9, 3), target)
    assert target.read_text(encoding="utf-8") == render_html(example(9, 3))
    assert list(tmp_path.iterdir()) == [target]


def test_a_report_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputOutputError, match="cannot be written"):
        write_html(example(3, 1), tmp_path / "no such folder" / "report.html")
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(InputOutputError, match="cannot be written"):
        write_html(example(3, 1), folder)
    assert list(tmp_path.iterdir()) == [folder]
