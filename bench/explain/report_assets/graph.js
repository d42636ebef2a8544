// The dependency graph on a canvas: who waits for whom, the critical path strong, everything reachable by keyboard.

const READABLE = 0.55;  // the smallest scale at which shapes can still be told apart
const HIGHEST = 580;

function drawGraph() {
  const nodes = data.nodes;
  const graph = readGraph(nodes, data.edges);
  markImplied(nodes, graph);
  const first = new Set(nodes.map((node) => node.contract)).size > 1 ? "contract" : "operation";
  const pathSteps = data.path.map((step) => nodeAt.get(step.index)).filter((position) => position !== undefined);
  const pathLinks = data.path.filter((step) => step.waits_for !== null && nodeAt.has(step.waits_for))
    .map((step) => [nodeAt.get(step.waits_for), nodeAt.get(step.index)]);
  const state = { layout: "level", size: "gas", colour: first, all: "", only: null, hover: null, laid: null };
  let marks = marksBy(nodes, first);
  const view = new View();
  const canvas = el("canvas", { class: "graph", tabindex: "0", role: "application", "aria-roledescription": "dependency graph",
    "aria-label": "Dependency graph of " + count(nodes.length, "transaction") + ", " + count(data.edges.length, "edge") +
      ", critical path of " + count(data.path.length, "transaction") });
  const overview = el("canvas", { class: "overview", "aria-hidden": "true" });
  const card = el("aside", { class: "card", "aria-live": "polite", "aria-label": "Transaction" });
  const selected = () => (selection.index === null ? null : nodeAt.get(selection.index) ?? null);
  const painter = { nodes, graph, get marks() { return marks; }, pathSteps, pathLinks, state, view, selected };

  const surface = makeSurface(canvas, (context, width, height) => paintGraph(painter, context, width, height));
  const small = makeSurface(overview, (context, width, height) => paintOverview(painter, surface, context, width, height));
  const redraw = surface.redraw;
  surface.redraw = () => { redraw(); small.redraw(); };

  const arrange = () => {
    const most = Math.max(...nodes.map((node) => node[state.size]), 1e-9);
    const radius = (node) => 3.2 + 7.3 * Math.sqrt(node[state.size] / most);
    const layout = state.layout === "level" ? (shelf) => layoutByLevel(nodes, graph, radius, shelf)
      : (shelf) => layoutByTime(nodes, graph, shelf);
    state.laid = roomiest([480, 640, 820, 1020, 1300, 1700].map(layout), surface.width, HIGHEST);
    view.world = state.laid.world;
  };
  const fit = () => view.fit(surface.width, surface.height);
  /** At first all of it, unless that is too small to read: then its beginning. The canvas is as high as that needs. */
  const open = () => {
    arrange();
    view.fit(surface.width, HIGHEST);
    overview.hidden = view.k >= READABLE;
    if (view.k < READABLE) view.fit(Infinity, Infinity, Math.max(READABLE, Math.min(1, HIGHEST / view.world.h)));
    surface.height = Math.max(170, Math.min(HIGHEST, view.world.h * view.k + 28));
    canvas.style.setProperty("--high", surface.height + "px");
  };
  surface.onResize = () => {
    const width = canvas.getBoundingClientRect().width;
    const changed = Math.abs(width - surface.width) > 1;
    surface.width = width;
    if (changed || !state.laid) open();
  };

  const look = (position) => selection.set(position === null ? null : nodes[position].index, "graph");
  const reveal = (position) => {
    const box = state.laid.spots[position];
    if (box) view.reveal(box, surface.width, surface.height);
  };
  attachPan(surface, view, {
    onHover: (x, y) => {
      const hit = x === null ? null : hitNode(painter, view.wx(x), view.wy(y), 5 / view.k);
      if (hit === state.hover) return;
      state.hover = hit;
      canvas.classList.toggle("pointing", hit !== null);
      if (x !== null) fillCard(card, graph, hit === null ? selection.index : nodes[hit].index);
      surface.redraw();
    },
    onPick: (x, y) => { look(hitNode(painter, view.wx(x), view.wy(y), 7 / view.k)); surface.redraw(); },
  });
  canvas.addEventListener("keydown", (event) => graphKey(event, painter, { look, reveal, fit, surface }));
  attachOverview(overview, painter, surface);
  selection.listeners.push((index) => {
    fillCard(card, graph, index);
    if (index !== null && nodeAt.has(index)) reveal(nodeAt.get(index));
    surface.redraw();
  });

  const legend = el("div", { class: "legend", role: "group", "aria-label": "What the marks mean; press one to see its transactions only" });
  const relabel = () => {
    state.only = null;
    marks = marksBy(nodes, state.colour);
    legend.replaceChildren(...legendKeys(marks, state, surface));
    surface.redraw();
  };
  relabel();
  const again = () => { open(); if (selected() !== null) reveal(selected()); surface.redraw(); };
  byId("graph-note").textContent = "Each mark is a transaction, each line from left to right a wait for another's write. " +
    "The strong line is the critical path: " + count(pathSteps.length, "transaction") + ". " +
    (data.edges.length ? "Lines that longer ways imply are left out until a transaction is looked at." : "");
  byId("graph-body").append(
    graphControls(state, { again, arrange, relabel, surface }, zoomButtons(surface, view, fit)), legend,
    el("div", { class: "graph-frame" }, el("div", { class: "graph-pane" }, canvas, overview), card));
  fillCard(card, graph, selection.index);
}

/** Of several layouts the one that can be shown largest. */
function roomiest(layouts, width, height) {
  const scale = ({ world }) => Math.min(width / world.w, height / world.h);
  return layouts.reduce((best, each) => (scale(each) > scale(best) * 1.02 ? each : best));
}

function graphControls(state, { again, arrange, relabel, surface }, zoom) {
  const choice = (name, label, options, act) => el("label", { class: "choice" }, label + " ",
    el("select", { id: "graph-" + name, onchange: (event) => { state[name] = event.target.value; act(); } },
      options.map(([value, text]) => el("option", { value, selected: String(state[name]) === value ? "" : null }, text))));
  const go = el("input", { type: "number", min: "0", id: "graph-go", inputmode: "numeric", placeholder: "index",
    onchange: () => { const index = parseInt(go.value, 10); if (nodeAt.has(index)) selection.set(index, "go"); } });
  return el("div", { class: "controls" },
    choice("layout", "Across:", [["level", "level"], ["time", "earliest start"]], again),
    choice("size", "Size:", [["gas", "gas"], ["seconds", "time"]], () => { arrange(); surface.redraw(); }),
    choice("colour", "Colour:", [["contract", "contract"], ["operation", "operation"]], relabel),
    choice("all", "Lines:", [["", "needed"], ["all", "all"]], surface.redraw),
    el("label", { class: "choice" }, "Transaction ", go), zoom);
}

function legendKeys(marks, state, surface) {
  const buttons = marks.list.map((mark) => {
    const name = mark.name === null ? count(mark.others, "other", "others") : brief(mark.name) || "contract creation";
    const button = el("button", { type: "button", class: "key", "aria-pressed": "false", title: mark.name || name,
      onclick: () => {
        state.only = state.only === mark ? null : mark;
        buttons.forEach((each, at) => each.setAttribute("aria-pressed", String(marks.list[at] === state.only)));
        surface.redraw();
      } }, markSample(mark), name, el("small", {}, whole(mark.size)));
    return button;
  });
  return [...buttons, el("span", { class: "key plain" }, el("span", { class: "path-sample", "aria-hidden": "true" }), "critical path"),
    ...(data.nodes.every((node) => node.success) ? [] : [el("span", { class: "key plain" }, "struck through: reverted")])];
}

/** The node under a place of the world, the nearest of several; null where there is none. */
function hitNode({ state }, x, y, slack) {
  let best = null;
  let least = Infinity;
  state.laid.spots.forEach((box, position) => {
    if (!box || x < box.x - slack || x > box.x + box.w + slack || y < box.y - slack || y > box.y + box.h + slack) return;
    const away = Math.hypot(x - box.x - box.w / 2, y - box.y - box.h / 2);
    if (away < least) [best, least] = [position, away];
  });
  return best;
}

/** Arrow keys go along edges and to neighbours on the picture; the others are listed on the card. */
function graphKey(event, painter, { look, reveal, fit, surface }) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { nodes, graph, pathSteps, view, state } = painter;
  const at = painter.selected();
  // The next one along the path where there is one, else the nearest in levels.
  const cost = ({ to }) => Math.abs(nodes[to].level - nodes[at].level) + (nodes[at].on_path && nodes[to].on_path ? 0 : nodes.length);
  const step = (links) => links.reduce((best, each) => (best && cost(best) <= cost(each) ? best : each), null)?.to ?? at;
  const zoom = (factor) => { view.zoom(factor, surface.width / 2, surface.height / 2); surface.redraw(); };
  const moves = {
    ArrowLeft: () => step(graph.before[at]),
    ArrowRight: () => step(graph.after[at]),
    ArrowUp: () => nearby(state.laid.spots, at, -1),
    ArrowDown: () => nearby(state.laid.spots, at, 1),
    PageUp: () => Math.max(0, at - 1),
    PageDown: () => Math.min(nodes.length - 1, at + 1),
    Home: () => pathSteps[0] ?? 0,
    End: () => pathSteps[pathSteps.length - 1] ?? nodes.length - 1,
  };
  const acts = { "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5),
    0: () => { fit(); surface.redraw(); }, Escape: () => look(null) };
  if (moves[event.key]) {
    const next = at === null ? pathSteps[0] ?? 0 : moves[event.key]();
    look(next);
    reveal(next);
  } else if (acts[event.key]) acts[event.key]();
  else return;
  event.preventDefault();
}

/** The nearest node above (-1) or below (+1), preferring the same column. */
function nearby(spots, at, direction) {
  const here = spots[at];
  let best = at;
  let least = Infinity;
  spots.forEach((box, position) => {
    if (!box || position === at) return;
    const down = (box.y + box.h / 2 - here.y - here.h / 2) * direction;
    if (down < 2) return;
    const cost = down + 3 * Math.abs(box.x + box.w / 2 - here.x - here.w / 2);
    if (cost < least) [best, least] = [position, cost];
  });
  return best;
}

/** Dragging on the overview moves the view. */
function attachOverview(overview, { view }, surface) {
  const move = (event) => {
    if (event.type === "pointerdown") overview.setPointerCapture(event.pointerId);
    else if (!event.buttons) return;
    const box = overview.getBoundingClientRect();
    const { world } = view;
    const k = Math.min(box.width / world.w, box.height / world.h);
    const x = world.x + (event.clientX - box.left - (box.width - world.w * k) / 2) / k;
    const y = world.y + (event.clientY - box.top - (box.height - world.h * k) / 2) / k;
    view.x = surface.width / 2 - x * view.k;
    view.y = surface.height / 2 - y * view.k;
    view.clamp(surface.width, surface.height);
    surface.redraw();
  };
  overview.addEventListener("pointerdown", move);
  overview.addEventListener("pointermove", move);
}
