// The dependency graph on a canvas: who waits for whom, the critical path strong, everything reachable by keyboard.

function drawGraph() {
  const nodes = data.nodes;
  const graph = readGraph(nodes, data.edges);
  const marks = contractMarks(nodes);
  const pathSteps = data.path.map((step) => nodeAt.get(step.index)).filter((position) => position !== undefined);
  const pathLinks = data.path.filter((step) => step.waits_for !== null && nodeAt.has(step.waits_for))
    .map((step) => [nodeAt.get(step.waits_for), nodeAt.get(step.index)]);
  const state = { layout: "level", size: "gas", only: null, hover: null, laid: null };
  const view = new View();
  const canvas = el("canvas", { class: "graph", tabindex: "0", role: "application", "aria-roledescription": "dependency graph",
    "aria-label": "Dependency graph of " + count(nodes.length, "transaction") + ", " + count(data.edges.length, "edge") +
      ", critical path of " + count(data.path.length, "transaction") });
  const overview = el("canvas", { class: "overview", "aria-hidden": "true" });
  const card = el("aside", { class: "card", "aria-live": "polite", "aria-label": "Transaction" });
  const selected = () => (selection.index === null ? null : nodeAt.get(selection.index) ?? null);
  const painter = { nodes, graph, marks, pathSteps, pathLinks, state, view, selected };

  const surface = makeSurface(canvas, (context, width, height) => paintGraph(painter, context, width, height));
  const small = makeSurface(overview, (context, width, height) => paintOverview(painter, surface, context, width, height));
  const redraw = surface.redraw;
  surface.redraw = () => { redraw(); small.redraw(); };

  const arrange = () => {
    const most = Math.max(...nodes.map((node) => node[state.size]), 1e-9);
    const radius = (node) => 3.2 + 7.3 * Math.sqrt(node[state.size] / most);
    const shelf = Math.max(640, Math.min(1200, surface.width || 900));
    state.laid = state.layout === "level" ? layoutByLevel(nodes, graph, radius, shelf) : layoutByTime(nodes, graph, shelf);
    view.world = state.laid.world;
  };
  const fit = () => view.fit(surface.width, surface.height);
  /** At first all of it, unless that is too small to read: then its beginning. */
  const open = () => {
    arrange();
    fit();
    const readable = 0.5;
    if (view.k >= readable) return;
    view.k = readable;
    view.x = 18 - view.world.x * readable;
    view.y = Math.max(18, (surface.height - view.world.h * readable) / 2) - view.world.y * readable;
  };
  surface.onResize = () => {
    const box = canvas.getBoundingClientRect();
    const first = !surface.width;
    [surface.width, surface.height] = [box.width, box.height];
    if (first) open();
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

  const again = () => { open(); if (selected() !== null) reveal(selected()); surface.redraw(); };
  byId("graph-note").textContent = "Each mark is a transaction, each line from left to right a wait for another's write. " +
    "The strong line is the critical path.";
  byId("graph-body").append(
    graphControls(state, again, arrange, surface, zoomButtons(surface, view, fit)),
    graphLegend(marks, state, surface),
    el("div", { class: "graph-frame" }, el("div", { class: "graph-pane" }, canvas, overview), card));
  fillCard(card, graph, selection.index);
}

function graphControls(state, again, arrange, surface, zoom) {
  const choice = (name, label, options, act) => el("label", { class: "choice" }, label + " ",
    el("select", { id: "graph-" + name, onchange: (event) => { state[name] = event.target.value; act(); } },
      options.map(([value, text]) => el("option", { value }, text))));
  const go = el("input", { type: "number", min: "0", id: "graph-go", inputmode: "numeric", placeholder: "index",
    onchange: () => { const index = parseInt(go.value, 10); if (nodeAt.has(index)) selection.set(index, "go"); } });
  return el("div", { class: "controls" },
    choice("layout", "Across:", [["level", "level"], ["time", "earliest start"]], again),
    choice("size", "Size:", [["gas", "gas"], ["seconds", "time"]], () => { arrange(); surface.redraw(); }),
    el("label", { class: "choice" }, "Transaction ", go), zoom);
}

function graphLegend(marks, state, surface) {
  const buttons = marks.list.map((mark) => {
    const name = mark.contract === null ? count(mark.others, "other contract") : brief(mark.contract) || "contract creation";
    const button = el("button", { type: "button", class: "key", "aria-pressed": "false", title: mark.contract || name,
      onclick: () => {
        state.only = state.only === mark ? null : mark;
        buttons.forEach((each, at) => each.setAttribute("aria-pressed", String(marks.list[at] === state.only)));
        surface.redraw();
      } }, markSample(mark), name, el("small", {}, whole(mark.size)));
    return button;
  });
  return el("div", { class: "legend", role: "group", "aria-label": "Contracts; press one to see its transactions only" },
    buttons, el("span", { class: "key plain" }, el("span", { class: "path-sample", "aria-hidden": "true" }), "critical path"));
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
  const step = (links) => {
    const onPath = links.find(({ to }) => nodes[to].on_path);
    return links.length ? (nodes[at].on_path && onPath ? onPath.to : links[links.length - 1].to) : at;
  };
  const zoom = (factor) => { view.zoom(factor, surface.width / 2, surface.height / 2); surface.redraw(); };
  const moves = {
    ArrowLeft: () => step(graph.before[at]),
    ArrowRight: () => step([...graph.after[at]].reverse()),
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
