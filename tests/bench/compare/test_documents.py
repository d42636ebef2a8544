"""The summary, the JSON document, the CSV rows and the page of comparisons made by hand."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest

from bench.compare.documents import comparison_csv, comparison_document
from bench.compare.page import comparison_page
from bench.compare.summary import standings
from executor.gate import DRIVER
from tests.bench.compare.made import block, row

BLOCKS = (
    block(row("graph", "exact", ms=50.0), row("optimistic", ms=80.0, executions=130, conflicts=30)),
    block(
        row("graph", "exact", ms=125.0, times=(0.1, 0.125, 0.3)),
        row("optimistic", ms=98.0, gate=DRIVER, gate_reason='its "chain" & more'),
        label="<second>",
        processor_share=0.5,
    ),
)


def test_summary() -> None:
    sequential, graph, optimistic = standings(BLOCKS)
    assert (sequential.won, sequential.slower, sequential.mean) == (1, 0, 1.0)
    assert (graph.won, graph.slower, graph.kept) == (1, 1, 0)
    assert (graph.mean, graph.median, graph.total) == pytest.approx((1.4, 1.4, 200 / 175))
    assert (optimistic.won, optimistic.slower, optimistic.kept) == (0, 0, 1)
    assert (optimistic.executions, optimistic.transactions) == (230, 200)
    assert standings(()) == ()


def test_document() -> None:
    document = json.loads(json.dumps(comparison_document(BLOCKS, 3, gate=True)))
    assert document["ok"]
    assert document["machine"]["cpus"] > 0
    first, second = document["blocks"]
    assert (first["winner"], second["winner"]) == ("graph with exact lists on process", "sequential")
    assert second["processor_share"] == 0.5
    fields = first["rows"][1]
    assert (fields["strategy"], fields["access_lists"], fields["backend"]) == ("graph", "exact", "process")
    assert (fields["seconds"], fields["speedup"], fields["share_of_bound"]) == (0.05, 2.0, 1.0)
    assert document["summary"][0]["combination"] == "sequential"


def test_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(comparison_csv(BLOCKS))))
    assert len(rows) == 6
    assert list(rows[0])[:5] == ["block_number", "block_label", "fork", "transaction_count", "gas_used"]
    graph = rows[4]
    assert (graph["strategy"], graph["access_lists"], graph["won"]) == ("graph", "exact", "false")
    latencies = graph["total_latency_us"], graph["min_latency_us"], graph["max_latency_us"], graph["repetitions"]
    assert latencies == ("125000", "100000", "300000", "3")
    assert (graph["gas_per_second"], graph["transactions_per_second"]) == ("16000000", "800.0")
    assert (graph["bound"], graph["share_of_bound"], graph["equal_to_sequential"]) == ("2.0", "0.4", "true")
    assert rows[3]["won"] == "true"
    assert rows[5]["gate_reason"] == 'its "chain" & more'


class Page(HTMLParser):
    """Counts rows, checks that tags close in order, and keeps what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows = 0
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.rows += tag == "tr"
        self.fetched += [value or "" for name, value in attributes if name in {"src", "href"}]
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page() -> None:
    text = comparison_page(BLOCKS, 3, gate=True)
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.rows == 4 + 4 + 4
    assert page.fetched == ["data:,"]
    assert not re.search(r"https?://|url\(|@import", text)
    assert "<second>" not in text
    assert "&lt;second&gt;" in text
    assert "Graph with exact lists on process won: 2.00x of 2.00x possible" in text
    assert "sequential execution got 50% of a processor" in text
