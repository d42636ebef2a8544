// The card beside the graph: everything known of the transaction that is looked at.

const hashOf = new Map(data.path.map((step) => [step.index, step.hash]));

function waitsFor(links, name, empty) {
  if (!links.length) return [el("h4", {}, name), el("p", { class: "note" }, empty)];
  const items = links.map(({ to, edge }) =>
    el(
      "li",
      {},
      txButton(data.nodes[to].index),
      " ",
      el("span", { class: "location", title: edge.location }, brief(edge.location)),
      edge.locations > 1 ? el("span", { class: "note" }, " and " + whole(edge.locations - 1) + " more") : null,
    ),
  );
  return [el("h4", {}, name), el("ul", { class: "links" }, foldable(items, 6))];
}

const GRAPH_HELP =
  "Point at a transaction, or move to the graph with the Tab key: arrow keys go along what waits for what, Page Up " +
  "and Page Down in block order, Home and End to the ends of the critical path, + and − zoom, 0 fits. Drag to " +
  "move; zoom with ctrl and the wheel.";

/** Show transaction `index`, or how to use the graph where it is null. */
function fillCard(card, graph, index) {
  if (index === null || !nodeAt.has(index)) {
    card.replaceChildren(el("p", { class: "note" }, GRAPH_HELP));
    return;
  }
  const position = nodeAt.get(index);
  const node = data.nodes[position];
  const hash = node.hash || hashOf.get(index) || "";
  const pairs = [
    ["Operation", node.operation],
    ["Contract", node.contract],
    ["To", node.to],
    ["From", node.sender],
    ["Hash", hash],
    ["Gas", whole(node.gas)],
    ["Time", duration(node.seconds)],
    ["Level", whole(node.level)],
    ["Outcome", node.success ? "succeeded" : "reverted"],
  ];
  card.replaceChildren(
    el("h3", {}, "Transaction " + index, node.on_path ? el("span", { class: "badge" }, "critical path") : null),
    el(
      "dl",
      { class: "pairs" },
      pairs
        .filter(([, value]) => value)
        .map(([name, value]) => [el("dt", {}, name), el("dd", { title: value }, brief(value))]),
    ),
    ...waitsFor(graph.before[position], "Waits for", "Nothing."),
    ...waitsFor(graph.after[position], "Makes wait", "None."),
  );
}
