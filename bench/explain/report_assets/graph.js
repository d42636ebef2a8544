// The dependency graph: its state, its parts on the page, and how they follow each other.

const READABLE = 0.55; // the smallest scale at which shapes can still be told apart
const HIGHEST = 580;

class Graph {
  constructor() {
    this.nodes = data.nodes;
    this.links = readGraph(data.nodes, data.edges);
    markImplied(data.nodes, this.links);
    this.steps = data.path.map((step) => nodeAt.get(step.index)).filter((position) => position !== undefined);
    this.pathLinks = data.path
      .filter((step) => nodeAt.has(step.waits_for) && nodeAt.has(step.index))
      .map((step) => [nodeAt.get(step.waits_for), nodeAt.get(step.index)]);
    const several = new Set(data.nodes.map((node) => node.contract)).size > 1;
    this.chosen = { layout: "level", size: "gas", colour: several ? "contract" : "operation", lines: "needed" };
    this.only = null; // the mark whose transactions alone are shown
    this.hover = null;
    this.laid = null;
    this.view = new View();
    this.makeParts();
    this.relabel();
    attachPan(this.surface, this.view, { onHover: (x, y) => this.point(x, y), onPick: (x, y) => this.pick(x, y) });
    this.canvas.addEventListener("keydown", (event) => graphKey(event, this));
    attachOverview(this);
    selection.listeners.push((index) => this.follow(index));
  }

  makeParts() {
    const [transactions, edges] = [count(this.nodes.length, "transaction"), count(data.edges.length, "edge")];
    this.canvas = el("canvas", {
      class: "graph",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "dependency graph",
      "aria-label": `Dependency graph: ${transactions}, ${edges}, critical path of ${this.steps.length}`,
    });
    this.overview = el("canvas", { class: "overview", "aria-hidden": "true" });
    this.card = el("aside", { class: "card", "aria-live": "polite", "aria-label": "Transaction" });
    this.legend = el("div", { class: "legend", role: "group", "aria-label": "Marks; press one to see only its own" });
    this.surface = makeSurface(this.canvas, (context, width, height) => {
      paintGraph(this, context, width, height);
      this.small.redraw(); // it shows what part of all is in sight
    });
    this.small = makeSurface(this.overview, (context, width, height) => paintOverview(this, context, width, height));
    this.surface.onResize = () => this.resize();
  }

  /** The position of the transaction that is looked at; null where none is. */
  get selected() {
    return nodeAt.get(selection.index) ?? null;
  }

  redraw() {
    this.surface.redraw();
  }

  arrange() {
    const most = Math.max(...this.nodes.map((node) => node[this.chosen.size]), 1e-9);
    const radius = (node) => 3.2 + 7.3 * Math.sqrt(node[this.chosen.size] / most);
    const byLevel = (shelf) => layoutByLevel(this.nodes, this.links, radius, shelf);
    const byTime = (shelf) => layoutByTime(this.nodes, this.links, shelf);
    const layout = this.chosen.layout === "level" ? byLevel : byTime;
    this.laid = roomiest(
      [480, 640, 820, 1020, 1300, this.surface.width / READABLE - 40].map(layout),
      this.surface.width,
      HIGHEST,
    );
    this.view.world = this.laid.world;
  }

  /** At first all of it, unless that is too small to read: then its beginning. The canvas is as high as that needs. */
  open() {
    const { view, surface } = this;
    this.arrange();
    view.fit(surface.width, HIGHEST);
    this.overview.hidden = view.k >= READABLE;
    if (view.k < READABLE) view.fit(Infinity, Infinity, Math.max(READABLE, Math.min(1, HIGHEST / view.world.h)));
    surface.height = Math.max(170, Math.min(HIGHEST, view.world.h * view.k + 28));
    this.canvas.style.setProperty("--high", `${surface.height}px`);
    if (this.selected !== null) this.reveal(this.selected);
    this.redraw();
  }

  fit() {
    this.view.fit(this.surface.width, this.surface.height);
    this.redraw();
  }

  resize() {
    const width = this.canvas.getBoundingClientRect().width;
    const changed = Math.abs(width - this.surface.width) > 1;
    this.surface.width = width;
    if (changed || !this.laid) this.open();
  }

  relabel() {
    this.only = null;
    this.marks = marksBy(this.nodes, this.chosen.colour);
    this.legend.replaceChildren(...legendKeys(this));
    this.redraw();
  }

  look(position) {
    selection.set(position === null ? null : this.nodes[position].index);
    if (position !== null) this.reveal(position);
    this.redraw();
  }

  reveal(position) {
    const box = this.laid && this.laid.spots[position];
    if (box) this.view.reveal(box, this.surface.width, this.surface.height);
  }

  follow(index) {
    fillCard(this.card, this.links, index);
    if (nodeAt.has(index)) this.reveal(nodeAt.get(index));
    this.redraw();
  }

  /** The transaction at a place of the canvas, the nearest of several; null where there is none. */
  hit(sx, sy, reach) {
    const { view } = this;
    const [x, y] = [view.wx(sx), view.wy(sy)];
    const [wide, high] = [reach / view.k, reach / view.ky];
    let [best, least] = [null, Infinity];
    this.laid.spots.forEach((box, position) => {
      if (x < box.x - wide || x > box.x + box.w + wide || y < box.y - high || y > box.y + box.h + high) return;
      const away = Math.hypot((x - box.x - box.w / 2) * view.k, (y - box.y - box.h / 2) * view.ky);
      if (away < least) [best, least] = [position, away];
    });
    return best;
  }

  point(x, y) {
    const hit = x === null ? null : this.hit(x, y, 5);
    if (hit === this.hover) return;
    this.hover = hit;
    this.canvas.classList.toggle("pointing", hit !== null);
    fillCard(this.card, this.links, hit === null ? selection.index : this.nodes[hit].index);
    this.redraw();
  }

  pick(x, y) {
    this.look(this.hit(x, y, 7));
  }
}

/** Of several layouts the one that can be shown largest; what is too long is scrolled, so only its height counts. */
function roomiest(layouts, width, height) {
  const scale = ({ world }) => Math.min(width / Math.min(world.w, width / READABLE), height / world.h);
  return layouts.reduce((best, each) => (scale(each) > scale(best) * 1.02 ? each : best));
}

function drawGraph() {
  const graph = new Graph();
  const left = data.edges.length
    ? " Lines that longer ways imply are left out until a transaction is looked at."
    : "";
  byId("graph-note").textContent =
    "Each mark is a transaction, each line from left to right a wait for another's write. " +
    `The strong line is the critical path: ${count(graph.steps.length, "transaction")}.${left}`;
  byId("graph-body").append(
    graphControls(graph),
    graph.legend,
    el("div", { class: "graph-frame" }, el("div", { class: "graph-pane" }, graph.canvas, graph.overview), graph.card),
  );
  fillCard(graph.card, graph.links, selection.index);
}
