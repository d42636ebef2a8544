// What moves the dependency graph: the choices above it, its legend, its keys, its overview.

const GRAPH_CHOICES = [
  { name: "layout", label: "Across:", options: { level: "level", time: "earliest start" }, act: "open" },
  { name: "size", label: "Size:", options: { gas: "gas", seconds: "time" }, act: "arrange" },
  { name: "colour", label: "Colour:", options: { contract: "contract", operation: "operation" }, act: "relabel" },
  { name: "lines", label: "Lines:", options: { needed: "needed", all: "all" }, act: "redraw" },
];

function graphControls(graph) {
  const choice = ({ name, label, options, act }) => {
    const entries = Object.entries(options).map(([value, text]) =>
      el("option", { value, selected: graph.chosen[name] === value ? "" : null }, text),
    );
    const onchange = (event) => {
      graph.chosen[name] = event.target.value;
      graph[act]();
      graph.redraw();
    };
    return el("label", { class: "choice" }, `${label} `, el("select", { id: `graph-${name}`, onchange }, entries));
  };
  const onchange = (event) => {
    const index = parseInt(event.target.value, 10);
    event.target.setCustomValidity(
      nodeAt.has(index) ? "" : `The block has ${count(data.nodes.length, "transaction")}, from 0`,
    );
    if (event.target.reportValidity()) selection.set(index);
  };
  const go = el("input", { type: "number", min: "0", id: "graph-go", placeholder: "index", onchange });
  const zoom = zoomButtons(graph.surface, graph.view, () => graph.fit());
  zoom.append(saveButton(graph.surface, "dependency-graph.png"));
  return el(
    "div",
    { class: "controls" },
    GRAPH_CHOICES.map(choice),
    el("label", { class: "choice" }, "Transaction ", go),
    zoom,
  );
}

/** A key of a legend that is not a button. */
const plainKey = (sample, text) =>
  el("span", { class: "key plain" }, sample && el("span", { class: sample, "aria-hidden": "true" }), text);

function legendKeys(graph) {
  const marks = graph.marks.list;
  const buttons = marks.map((mark) => {
    const name = mark.name === null ? count(mark.others, "other", "others") : brief(mark.name) || "contract creation";
    const onclick = () => {
      graph.only = graph.only === mark ? null : mark;
      buttons.forEach((each, at) => each.setAttribute("aria-pressed", String(marks[at] === graph.only)));
      graph.redraw();
    };
    const props = { type: "button", class: "key", "aria-pressed": "false", title: mark.name || name, onclick };
    return el("button", props, markSample(mark), name, el("small", {}, whole(mark.size)));
  });
  const reverted = data.nodes.some((node) => !node.success) ? [plainKey(null, "struck through: reverted")] : [];
  return [...buttons, plainKey("path-sample", "critical path"), ...reverted];
}

/** Where a key leads from position `at`; undefined for keys that lead nowhere. */
function graphMove(key, graph, at) {
  const { nodes, links, steps } = graph;
  const last = nodes.length - 1;
  // The next one along the path where there is one, else the nearest in levels.
  const cost = ({ to }) =>
    Math.abs(nodes[to].level - nodes[at].level) + (nodes[at].on_path && nodes[to].on_path ? 0 : nodes.length);
  const along = (some) =>
    some.reduce((best, each) => (best && cost(best) <= cost(each) ? best : each), null)?.to ?? at;
  const moves = {
    ArrowLeft: () => along(links.before[at]),
    ArrowRight: () => along(links.after[at]),
    ArrowUp: () => nearby(graph.laid.spots, at, -1),
    ArrowDown: () => nearby(graph.laid.spots, at, 1),
    PageUp: () => Math.max(0, at - 1),
    PageDown: () => Math.min(last, at + 1),
    Home: () => steps[0] ?? 0,
    End: () => steps[steps.length - 1] ?? last,
  };
  return moves[key] && (at === null ? (steps[0] ?? 0) : moves[key]());
}

function graphKey(event, graph) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { view, surface } = graph;
  const zoom = (factor) => {
    view.zoom(factor, surface.width / 2, surface.height / 2);
    if (graph.selected !== null) graph.reveal(graph.selected);
    graph.redraw();
  };
  const acts = {
    "+": () => zoom(1.5),
    "=": () => zoom(1.5),
    "-": () => zoom(1 / 1.5),
    0: () => graph.fit(),
    Escape: () => graph.look(null),
  };
  const next = graphMove(event.key, graph, graph.selected);
  if (next !== undefined) graph.look(next);
  else if (acts[event.key]) acts[event.key]();
  else return;
  event.preventDefault();
}

/** The nearest node above (-1) or below (+1), preferring the same column. */
function nearby(spots, at, direction) {
  const here = spots[at];
  let [best, least] = [at, Infinity];
  spots.forEach((box, position) => {
    const down = (box.y + box.h / 2 - here.y - here.h / 2) * direction;
    if (down < 2) return;
    const cost = down + 3 * Math.abs(box.x + box.w / 2 - here.x - here.w / 2);
    if (cost < least) [best, least] = [position, cost];
  });
  return best;
}

/** Where the world lies on the overview: screen = world × k + offset; a long chain is stretched to be seen. */
function overviewScale(world, width, height) {
  const high = height / world.h;
  const kx = Math.min(width / world.w, 3 * high);
  const ky = Math.min(high, Math.max(kx, 0.3));
  return { kx, ky, x: -world.x * kx, y: (height - world.h * ky) / 2 - world.y * ky };
}

/** Dragging on the overview moves the view. */
function attachOverview(graph) {
  const { overview, view, surface } = graph;
  const move = (event) => {
    if (event.type === "pointerdown") overview.setPointerCapture(event.pointerId);
    else if (!event.buttons) return;
    const box = overview.getBoundingClientRect();
    const scale = overviewScale(view.world, box.width, box.height);
    view.x = surface.width / 2 - ((event.clientX - box.left - scale.x) / scale.kx) * view.k;
    view.y = surface.height / 2 - ((event.clientY - box.top - scale.y) / scale.ky) * view.ky;
    view.clamp(surface.width, surface.height);
    graph.redraw();
  };
  overview.addEventListener("pointerdown", move);
  overview.addEventListener("pointermove", move);
}
